/* The audit log: entries in, entries out. */
#include "api/audit.h"

#include "api/audit_internal.h"
#include "base/mem.h"
#include "format/json.h"

enum {
    SEGMENT_BYTES = 1 << 20,
    ENTRY_MAX = 16384,
    STEP = 1000,       /* entries that are read forward at once */
    LOOKED_AT = 20000, /* entries that one call looks at: 80 MB, as each has a block of its own */
};

static const char *const kind_names[KN_AUDIT_KINDS] = {"access", "change", "view", "export"};

const char *kn_audit_kind_name(enum kn_audit_kind kind)
{
    return kind_names[kind];
}

/* ---- life ---- */

enum kn_rc kn_audit_open(struct kn_disk disk, const char *dir, struct kn_clock clock,
                         struct kn_audit **ret, struct kn_err *err)
{
    struct kn_log_options options = {
        .dir = dir, .segment_bytes = SEGMENT_BYTES, .group_bytes_max = SEGMENT_BYTES};
    struct kn_log_recovery found;
    struct kn_audit *a = kn_must_calloc(1, sizeof *a);
    kn_mutex_init(&a->log_mutex);
    kn_mutex_init(&a->count_mutex);
    a->clock = clock;
    a->key = kn_hash_key_from(KN_STR("audit"));
    uint64_t settled = 0;
    enum kn_rc rc = kn_log_settled_seq(disk, dir, &settled, err);
    if (rc == KN_OK) {
        rc = kn_log_open(disk, &options, settled, 1, &a->log, &found, err);
    }
    if (rc != KN_OK) {
        kn_audit_close(a);
        return rc;
    }
    *ret = a;
    return KN_OK;
}

void kn_audit_close(struct kn_audit *a)
{
    if (a) {
        kn_log_close(a->log);
        kn_mutex_deinit(&a->log_mutex);
        kn_mutex_deinit(&a->count_mutex);
        kn_free(a);
    }
}

/* ---- in ---- */

static void put_some(struct kn_buf *out, const char *key, struct kn_str value)
{
    if (value.len > 0) {
        kn_json_out_kv(out, key, value);
    }
}

static void put_entry(struct kn_buf *out, const struct kn_audit_entry *e)
{
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "kind", kn_str_c(kind_names[e->kind]));
    kn_json_out_kv(out, "action", e->action);
    put_some(out, "actor", e->actor);
    put_some(out, "name", e->name);
    put_some(out, "workspace", e->workspace);
    put_some(out, "subject", e->subject);
    put_some(out, "address", e->address);
    if (e->refused) {
        kn_json_out_kbool(out, "refused", true);
    }
    if (e->count > 1 || e->ids.len > 0) {
        kn_json_out_ki64(out, "count", (int64_t)e->count);
    }
    if (e->ids.len > 0) {
        kn_json_out_kraw(out, "ids", e->ids);
    }
    kn_buf_char(out, '}');
}

static enum kn_rc write_entry(struct kn_audit *a, struct kn_str json, struct kn_err *err)
{
    uint64_t seq;
    int64_t record_us;
    struct kn_log_group *group;
    enum kn_rc rc =
        kn_log_stage(a->log, json, 1, 0, kn_clock_wall_us(a->clock), &seq, &record_us, err);
    if (rc == KN_E_FULL) { /* there may be room again */
        KN_TRY(kn_log_prepare(a->log, err));
        rc = kn_log_stage(a->log, json, 1, 0, kn_clock_wall_us(a->clock), &seq, &record_us, err);
    }
    KN_TRY(rc);
    KN_TRY(kn_log_commit(a->log, &group, err));
    kn_log_group_free(group);
    return KN_OK;
}

enum kn_rc kn_audit_append(struct kn_audit *a, const struct kn_audit_entry *entry,
                           struct kn_err *err)
{
    struct kn_buf json;
    kn_buf_init(&json, ENTRY_MAX);
    put_entry(&json, entry);
    enum kn_rc rc = json.rc;
    if (rc == KN_OK) {
        kn_mutex_lock(&a->log_mutex);
        rc = write_entry(a, kn_buf_view(&json), err);
        kn_mutex_unlock(&a->log_mutex);
    }
    kn_buf_deinit(&json);
    return rc;
}

/* ---- out ---- */

static struct kn_str text_of(struct kn_str raw, struct kn_arena *arena)
{
    return raw.len >= 2 && raw.p[0] == '"'
               ? kn_json_unescape(kn_str_sub(raw, 1, raw.len - 1), arena)
               : raw;
}

static enum kn_audit_kind kind_of(struct kn_str name)
{
    for (unsigned i = 0; i < KN_AUDIT_KINDS; i++) {
        if (kn_str_eq(name, kn_str_c(kind_names[i]))) {
            return (enum kn_audit_kind)i;
        }
    }
    return KN_AUDIT_CHANGE;
}

/* The members borrow from the frame, or stand in the arena. */
static void parse_entry(const struct kn_frame *frame, struct kn_arena *arena,
                        struct kn_audit_entry *e)
{
    size_t offset = 0;
    struct kn_str key;
    struct kn_str raw;
    *e = (struct kn_audit_entry){.seq = frame->seq, .at_us = frame->record_us, .count = 1};
    while (kn_json_walk(frame->body, &offset, &key, &raw)) {
        const struct {
            const char *name;
            struct kn_str *to;
        } texts[] = {{"action", &e->action},       {"actor", &e->actor},
                     {"name", &e->name},           {"subject", &e->subject},
                     {"workspace", &e->workspace}, {"address", &e->address}};
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            if (kn_str_eq(key, kn_str_c(texts[i].name))) {
                *texts[i].to = text_of(raw, arena);
            }
        }
        if (kn_str_eq(key, KN_STR("kind"))) {
            e->kind = kind_of(text_of(raw, arena));
        } else if (kn_str_eq(key, KN_STR("count"))) {
            (void)kn_str_u64(raw, &e->count);
        } else if (kn_str_eq(key, KN_STR("refused"))) {
            e->refused = true;
        } else if (kn_str_eq(key, KN_STR("ids"))) {
            e->ids = raw;
        }
    }
}

static bool is_subject(const struct kn_audit_entry *e, struct kn_str subject)
{
    return kn_str_eq(e->subject, subject) || kn_str_find(e->ids, subject) != SIZE_MAX;
}

static bool matches(const struct kn_audit_entry *e, const struct kn_audit_filter *f)
{
    bool here = e->workspace.len > 0 ? kn_str_eq(e->workspace, f->workspace) : f->installation;
    return here && (f->kinds == 0 || f->kinds & 1U << e->kind) && e->at_us >= f->from_us &&
           e->at_us < f->to_us && (f->actor.len == 0 || kn_str_eq(e->actor, f->actor)) &&
           (f->action.len == 0 || kn_str_eq(e->action, f->action)) &&
           (f->subject.len == 0 || is_subject(e, f->subject));
}

static bool keep_entry(struct kn_audit_entry *e, struct kn_arena *arena)
{
    struct kn_str *texts[] = {&e->action,    &e->actor,   &e->name, &e->subject,
                              &e->workspace, &e->address, &e->ids};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t len = texts[i]->len;
        *texts[i] = kn_arena_str(arena, *texts[i]);
        if (texts[i]->len != len) {
            return false;
        }
    }
    return true;
}

/* The matching ones of [first, last], in order, into list[]; the newest `room` of them. */
struct window {
    struct kn_audit_entry *list;
    size_t count;
    bool reached_start; /* older than what is looked for */
};

static enum kn_rc read_window(struct kn_audit *a, const struct kn_audit_filter *f, uint64_t first,
                              uint64_t last, struct kn_arena *arena, struct window *w,
                              struct kn_err *err)
{
    struct kn_log_reader *reader;
    struct kn_frame frame;
    struct kn_arena scratch;
    enum kn_rc rc = KN_OK;
    w->count = 0;
    KN_TRY(kn_log_reader_open(a->log, first, &reader, err));
    kn_arena_init(&scratch, 1 << 20);
    for (uint64_t seq = first; seq <= last && rc == KN_OK; seq++) {
        struct kn_audit_entry e;
        rc = kn_log_read(reader, &frame, err);
        if (rc != KN_OK || frame.seq > last) {
            break;
        }
        seq = frame.seq; /* a full disk leaves gaps */
        parse_entry(&frame, &scratch, &e);
        w->reached_start = w->reached_start || e.at_us < f->from_us;
        if (matches(&e, f)) {
            w->list[w->count++] = e;
            rc = keep_entry(&w->list[w->count - 1], arena) ? KN_OK : KN_E_NOMEM;
        }
        kn_arena_clear(&scratch);
    }
    kn_arena_deinit(&scratch);
    kn_log_reader_close(reader);
    return rc == KN_E_NOT_FOUND ? KN_OK : rc;
}

enum kn_rc kn_audit_read(struct kn_audit *a, const struct kn_audit_filter *filter, uint64_t before,
                         size_t limit, struct kn_arena *arena, struct kn_audit_entry **ret,
                         size_t *ret_count, uint64_t *ret_next, struct kn_err *err)
{
    struct kn_audit_entry *list = kn_arena_zero(arena, limit + 1, sizeof *list);
    struct window w = {.list = kn_arena_zero(arena, STEP, sizeof *w.list)};
    uint64_t end = kn_log_durable_seq(a->log);
    uint64_t last = before > 0 && before - 1 < end ? before - 1 : end;
    size_t count = 0;
    if (!list || !w.list) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    for (size_t looked = 0; last > 0 && count < limit && looked < LOOKED_AT && !w.reached_start;
         looked += STEP) {
        uint64_t first = last > STEP ? last - STEP + 1 : 1;
        KN_TRY(read_window(a, filter, first, last, arena, &w, err));
        last = first - 1;
        while (w.count > 0 && count < limit) {
            list[count++] = w.list[--w.count];
            last = w.count > 0 && count == limit ? list[count - 1].seq - 1 : last;
        }
    }
    *ret = list;
    *ret_count = count;
    *ret_next = w.reached_start && w.count == 0 ? 0 : last > 0 ? last + 1 : 0;
    return KN_OK;
}
