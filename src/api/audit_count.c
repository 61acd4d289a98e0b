/* Counts of what is read often, and what was seen a moment ago. */
#include "api/audit_internal.h"
#include "base/buf.h"
#include "format/json.h"

#define MINUTE_US (INT64_C(60) * 1000000)
#define REPEAT_US (INT64_C(300) * 1000000)

static uint64_t key_of(struct kn_audit *a, const struct kn_audit_entry *e, struct kn_str more)
{
    uint64_t key = kn_hash(&a->key, e->actor).lo;
    key = key * UINT64_C(0x9e3779b97f4a7c15) ^ kn_hash(&a->key, e->action).lo;
    key = key * UINT64_C(0x9e3779b97f4a7c15) ^ kn_hash(&a->key, e->workspace).lo;
    key = key * UINT64_C(0x9e3779b97f4a7c15) ^ kn_hash(&a->key, more).lo;
    return key != 0 ? key : 1;
}

bool kn_audit_is_repeated(struct kn_audit *a, const struct kn_audit_entry *e)
{
    uint64_t key = key_of(a, e, e->subject);
    int64_t now = kn_clock_wall_us(a->clock);
    kn_mutex_lock(&a->count_mutex);
    size_t place = key % KN_AUDIT_RECENT;
    bool repeated = a->recent[place].key == key && now - a->recent[place].at_us < REPEAT_US;
    if (!repeated) {
        a->recent[place].key = key;
        a->recent[place].at_us = now;
    }
    kn_mutex_unlock(&a->count_mutex);
    return repeated;
}

static bool keep(struct kn_str text, char *to, size_t room)
{
    size_t len = text.len < room ? text.len : room - 1;
    if (len > 0) {
        memcpy(to, text.p, len);
    }
    to[len] = '\0';
    return len == text.len;
}

/* The counter of that key, perhaps a new one; NULL: all are in use, or a text is too long. */
static struct kn_audit_count *find_count(struct kn_audit *a, const struct kn_audit_entry *e)
{
    uint64_t key = key_of(a, e, KN_STR_EMPTY);
    struct kn_audit_count *place = NULL;
    for (size_t i = 0; i < KN_AUDIT_COUNTS; i++) {
        if (a->counts[i].key == key) {
            return &a->counts[i];
        }
        place = a->counts[i].key == 0 ? &a->counts[i] : place;
    }
    if (!place) {
        return NULL;
    }
    *place = (struct kn_audit_count){.kind = e->kind, .since_us = kn_clock_wall_us(a->clock)};
    bool whole = keep(e->action, place->action, sizeof place->action);
    whole = keep(e->actor, place->actor, sizeof place->actor) && whole;
    whole = keep(e->workspace, place->workspace, sizeof place->workspace) && whole;
    (void)keep(e->address, place->address, sizeof place->address);
    (void)keep(e->name, place->name, sizeof place->name); /* to read: a part will do */
    place->key = whole ? key : 0;
    return whole ? place : NULL;
}

static void add_id(struct kn_audit *a, struct kn_audit_count *c, const char *profile)
{
    size_t slot = kn_hash(&a->key, kn_str(profile, KN_AUDIT_ID_TEXT)).lo % KN_AUDIT_ID_SLOTS;
    for (; c->slots[slot] != 0; slot = (slot + 1) % KN_AUDIT_ID_SLOTS) {
        if (memcmp(c->ids[c->slots[slot] - 1], profile, KN_AUDIT_ID_TEXT) == 0) {
            return;
        }
    }
    if (c->id_count < KN_AUDIT_IDS) {
        memcpy(c->ids[c->id_count++], profile, KN_AUDIT_ID_TEXT);
        c->slots[slot] = (unsigned char)c->id_count;
    }
}

bool kn_audit_count(struct kn_audit *a, const struct kn_audit_entry *e, const char *profile)
{
    kn_mutex_lock(&a->count_mutex);
    struct kn_audit_count *c = find_count(a, e);
    if (c) {
        c->count++;
        if (profile) {
            add_id(a, c, profile);
        }
    }
    kn_mutex_unlock(&a->count_mutex);
    return c != NULL;
}

static enum kn_rc append_count(struct kn_audit *a, const struct kn_audit_count *c,
                               struct kn_err *err)
{
    struct kn_buf ids;
    kn_buf_init(&ids, KN_AUDIT_IDS * (KN_AUDIT_ID_TEXT + 3) + 2);
    kn_buf_char(&ids, '[');
    for (size_t i = 0; i < c->id_count; i++) {
        kn_json_out_comma(&ids);
        kn_json_out_string(&ids, kn_str(c->ids[i], KN_AUDIT_ID_TEXT));
    }
    kn_buf_char(&ids, ']');
    struct kn_audit_entry e = {.kind = c->kind,
                               .action = kn_str_c(c->action),
                               .actor = kn_str_c(c->actor),
                               .name = kn_str_c(c->name),
                               .workspace = kn_str_c(c->workspace),
                               .address = kn_str_c(c->address),
                               .count = c->count,
                               .ids = c->id_count > 0 ? kn_buf_view(&ids) : KN_STR_EMPTY};
    enum kn_rc rc = ids.rc == KN_OK ? kn_audit_append(a, &e, err) : ids.rc;
    kn_buf_deinit(&ids);
    return rc;
}

enum kn_rc kn_audit_flush(struct kn_audit *a, bool everything, struct kn_err *err)
{
    enum kn_rc rc = KN_OK;
    for (size_t i = 0; i < KN_AUDIT_COUNTS && rc == KN_OK; i++) {
        int64_t now = kn_clock_wall_us(a->clock);
        struct kn_audit_count taken = {0};
        kn_mutex_lock(&a->count_mutex);
        if (a->counts[i].key != 0 && (everything || now - a->counts[i].since_us >= MINUTE_US)) {
            taken = a->counts[i];
            a->counts[i].key = 0;
        }
        kn_mutex_unlock(&a->count_mutex);
        rc = taken.key != 0 ? append_count(a, &taken, err) : KN_OK;
    }
    return rc;
}
