/* Checking a stopped workspace: every checksum, and that the parts agree with each other. */
#include <stdio.h>

#include "apply/workspace_internal.h"

struct check {
    struct kn_workspace *ws;
    kn_say_fn say;
    void *context;
    uint64_t live, identifiers, rows, erasures;
    uint32_t owner; /* of the row before; 0 = not known */
    struct kn_arena arena;
    struct kn_state_reader reader;
};

static void say(struct check *c, const char *part, uint64_t count)
{
    char line[128];
    (void)snprintf(line, sizeof line, "%s: %llu sound", part, (unsigned long long)count);
    if (c->say) {
        c->say(c->context, line);
    }
}

static enum kn_rc check_profile(void *context, struct kn_key key, struct kn_str hot_bytes,
                                struct kn_err *err)
{
    struct check *c = context;
    struct kn_hot hot;
    struct kn_profile p;
    kn_arena_clear(&c->arena);
    if (!kn_hot_decode(hot_bytes, &hot)) {
        return kn_fail(err, KN_E_CORRUPT, "profile %u: hot record does not decode", key.number);
    }
    if (hot.canonical != 0) {
        return KN_OK;
    }
    struct kn_str cold = kn_state_read(&c->reader, KN_T_COLD, key, &c->arena, NULL);
    struct kn_str sessions = kn_state_read(&c->reader, KN_T_SESSIONS, key, &c->arena, NULL);
    struct kn_str orders = kn_state_read(&c->reader, KN_T_ORDERS, key, &c->arena, NULL);
    if (kn_profile_decode(key.number, hot_bytes, cold, &c->ws->fold.key, &c->arena, &p) != KN_OK ||
        kn_profile_decode_sessions(sessions, &hot, &c->arena, &p) != KN_OK ||
        kn_profile_decode_orders(orders, &c->arena, &p) != KN_OK ||
        p.session_count != hot.session_count) {
        return kn_fail(err, KN_E_CORRUPT, "profile %u does not decode", key.number);
    }
    for (size_t i = 0; i < p.id_count; i++) {
        uint32_t ordinal = 0;
        uint32_t slot = 0;
        bool guarded;
        struct kn_str owner =
            kn_state_read(&c->reader, KN_T_IDENTIFIER, kn_key_h128(p.ids[i].hash), &c->arena, NULL);
        if (!kn_identifier_decode(owner, &ordinal, &slot, &guarded) || ordinal != key.number ||
            slot != i) {
            return kn_fail(err, KN_E_CORRUPT, "profile %u: identifier %zu is not indexed to it",
                           key.number, i + 1);
        }
    }
    c->live++;
    c->identifiers += p.id_count;
    return KN_OK;
}

static enum kn_rc count_entry(void *context, struct kn_key key, struct kn_str value,
                              struct kn_err *err)
{
    (void)key;
    (void)value;
    (void)err;
    (*(uint64_t *)context)++;
    return KN_OK;
}

/* A row is somebody's, or of an ordinal that never was a profile's: what an erasure leaves behind
 * would be neither. */
static bool has_owner(struct check *c, uint32_t ordinal)
{
    if (ordinal != 0 && ordinal != c->owner) {
        struct kn_str hot =
            kn_state_read(&c->reader, KN_T_HOT, kn_key_u32(ordinal), &c->arena, NULL);
        c->owner = hot.p ? ordinal : 0;
    }
    return ordinal == c->owner || ordinal == 0;
}

static enum kn_rc check_listed(void *context, struct kn_key key, struct kn_str value,
                               struct kn_err *err)
{
    (void)key;
    (*(uint64_t *)context)++;
    return value.len > 0 && value.len % 8 == 0
               ? KN_OK
               : kn_fail(err, KN_E_CORRUPT, "the lists of an identifier do not decode");
}

static bool check_row(void *context, const struct kn_archive_row *row)
{
    struct check *c = context;
    struct kn_cursor in = kn_cursor(row->item);
    struct kn_item item;
    kn_arena_clear(&c->arena);
    c->rows++;
    return has_owner(c, row->ordinal) &&
           kn_item_decode(&in, &c->ws->fold.key, &c->arena, &item, NULL) == KN_OK;
}

static enum kn_rc check_erasure(void *context, struct kn_key key, struct kn_str value,
                                struct kn_err *err)
{
    struct check *c = context;
    struct kn_erasure e;
    kn_arena_clear(&c->arena);
    if (kn_h128_is_zero(key.hash)) {
        return KN_OK; /* how far the change lists are */
    }
    if (kn_erasure_decode(key.hash, value, &c->arena, &e) != KN_OK) {
        return kn_fail(err, KN_E_CORRUPT, "an erasure does not decode");
    }
    for (size_t i = 0; i < e.ordinal_count; i++) {
        struct kn_key ordinal = kn_key_u32(e.ordinals[i]);
        if (kn_state_read(&c->reader, KN_T_HOT, ordinal, &c->arena, NULL).p ||
            kn_state_read(&c->reader, KN_T_COLD, ordinal, &c->arena, NULL).p) {
            return kn_fail(err, KN_E_CORRUPT, "profile %u was erased and is there", e.ordinals[i]);
        }
    }
    c->erasures++;
    return KN_OK;
}

static enum kn_rc check_counts(struct check *c, struct kn_err *err)
{
    uint64_t indexed = 0;
    const struct kn_fold_counters *n = &c->ws->fold.counters;
    KN_TRY(kn_state_scan(c->ws->state, KN_T_IDENTIFIER, count_entry, &indexed, err));
    if (c->live != n->profiles) {
        return kn_fail(err, KN_E_CORRUPT, "%llu live profiles, but %llu were counted",
                       (unsigned long long)c->live, (unsigned long long)n->profiles);
    }
    if (c->identifiers != indexed || indexed != n->identifiers) {
        return kn_fail(err, KN_E_CORRUPT,
                       "%llu identifiers on profiles, %llu in the index, %llu counted",
                       (unsigned long long)c->identifiers, (unsigned long long)indexed,
                       (unsigned long long)n->identifiers);
    }
    return KN_OK;
}

enum kn_rc kn_workspace_verify(struct kn_workspace *ws, kn_say_fn say_fn, void *context,
                               struct kn_err *err)
{
    struct check c = {
        .ws = ws, .say = say_fn, .context = context, .reader = kn_state_reader_begin(ws->state)};
    struct kn_log_recovery found;
    kn_arena_init(&c.arena, 1U << 30);
    enum kn_rc rc =
        kn_log_verify(ws->options.disk, ws->log_dir, ws->checkpoint_seq, NULL, NULL, &found, err);
    if (rc == KN_OK) {
        say(&c, "log records", found.last_seq > 0 ? found.last_seq - found.first_seq + 1 : 0);
        rc = kn_state_scan(ws->state, KN_T_HOT, check_profile, &c, err);
    }
    if (rc == KN_OK) {
        rc = check_counts(&c, err);
    }
    uint64_t listed = 0;
    if (rc == KN_OK) {
        rc = kn_state_scan(ws->state, KN_T_LISTED, check_listed, &listed, err);
    }
    if (rc == KN_OK) {
        say(&c, "profiles", c.live);
        say(&c, "identifiers", c.identifiers);
        rc = kn_state_scan(ws->state, KN_T_ERASURE, check_erasure, &c, err);
    }
    if (rc == KN_OK) {
        say(&c, "erasures", c.erasures);
        say(&c, "listed identifiers", listed);
        rc = kn_archive_verify(ws->archive, check_row, &c, err);
    }
    if (rc == KN_OK) {
        say(&c, "archived events", c.rows);
        rc = kn_columns_verify(ws->columns, err);
    }
    if (rc == KN_OK) {
        struct kn_columns_usage usage;
        kn_columns_usage(ws->columns, &usage);
        say(&c, "column rows", usage.rows);
        rc = kn_dedupe_verify(ws->dedupe, err);
    }
    if (rc == KN_OK) {
        struct kn_dedupe_usage usage;
        kn_dedupe_usage(ws->dedupe, &usage);
        say(&c, "dedupe entries", usage.entries);
    }
    kn_state_reader_end(&c.reader);
    kn_arena_deinit(&c.arena);
    return rc;
}
