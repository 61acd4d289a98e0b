#include "apply/read.h"

#include "apply/workspace_internal.h"
#include "base/assert.h"
#include "base/mem.h"
#include "format/fold.h"
#include "format/json.h"

enum { ROW_ARENA_MAX = 64 << 20 };

static struct kn_state_reader begin_read(struct kn_workspace *ws)
{
    kn_rwlock_read(&ws->lock);
    return kn_state_reader_begin(ws->state);
}

static void end_read(struct kn_workspace *ws, struct kn_state_reader *r)
{
    kn_state_reader_end(r);
    kn_rwlock_unlock(&ws->lock);
}

/* The live profile that `ordinal` is, or became part of. */
static enum kn_rc load(struct kn_workspace *ws, struct kn_state_reader *r, uint32_t ordinal,
                       struct kn_arena *arena, struct kn_profile **ret)
{
    struct kn_profile *p = kn_arena_zero(arena, 1, sizeof *p);
    bool full = p == NULL;
    struct kn_hot hot;
    struct kn_str hot_bytes;
    for (;;) {
        hot_bytes = kn_state_read(r, KN_T_HOT, kn_key_u32(ordinal), arena, &full);
        if (full) {
            return KN_E_NOMEM;
        }
        if (!kn_hot_decode(hot_bytes, &hot)) {
            return KN_E_NOT_FOUND;
        }
        if (hot.canonical == 0) {
            break;
        }
        ordinal = hot.canonical;
    }
    struct kn_key key = kn_key_u32(ordinal);
    struct kn_str cold = kn_state_read(r, KN_T_COLD, key, arena, &full);
    struct kn_str sessions = kn_state_read(r, KN_T_SESSIONS, key, arena, &full);
    struct kn_str orders = kn_state_read(r, KN_T_ORDERS, key, arena, &full);
    if (full) {
        return KN_E_NOMEM;
    }
    KN_TRY(kn_profile_decode(ordinal, hot_bytes, cold, &ws->fold.key, arena, p));
    KN_TRY(kn_profile_decode_sessions(sessions, &hot, arena, p));
    KN_TRY(kn_profile_decode_orders(orders, arena, p));
    *ret = p;
    return kn_workspace__memberships(ws, r, ordinal, arena, &p->segments, &p->segment_count) &&
                   kn_workspace__computed(ws, r, ordinal, arena, &p->computed, &p->computed_count)
               ? KN_OK
               : KN_E_NOMEM;
}

enum kn_rc kn_workspace__identifier(struct kn_workspace *ws, struct kn_str type,
                                    struct kn_str value, struct kn_arena *arena,
                                    struct kn_item_id *ret)
{
    uint16_t number = kn_id_type_number(type);
    value = kn_str_trim(value);
    if (number == KN_ID_EMAIL && value.len > 0) {
        value = kn_fold_email(value, arena);
        if (!value.p) {
            return KN_E_NOMEM;
        }
    }
    if (number == 0) {
        if (type.len == 0) {
            return KN_E_NOT_FOUND;
        }
        char *joined = kn_arena_alloc(arena, type.len + 1 + value.len);
        if (!joined) {
            return KN_E_NOMEM;
        }
        memcpy(joined, type.p, type.len);
        joined[type.len] = ':';
        if (value.len > 0) {
            memcpy(joined + type.len + 1, value.p, value.len);
        }
        number = KN_ID_CUSTOM;
        value = kn_str(joined, type.len + 1 + value.len);
    }
    *ret = (struct kn_item_id){number, value, kn_hash_tagged(&ws->fold.key, number, value)};
    return KN_OK;
}

enum kn_rc kn_read_profile_by_identifier(struct kn_workspace *ws, struct kn_str type,
                                         struct kn_str value, struct kn_arena *arena,
                                         struct kn_profile **ret)
{
    struct kn_item_id id;
    uint32_t ordinal;
    uint32_t slot;
    bool guarded;
    bool full = false;
    struct kn_state_reader r = begin_read(ws);
    enum kn_rc rc = kn_workspace__identifier(ws, type, value, arena, &id);
    if (rc == KN_OK) {
        struct kn_str found =
            kn_state_read(&r, KN_T_IDENTIFIER, kn_key_h128(id.hash), arena, &full);
        rc = full ? KN_E_NOMEM : KN_E_NOT_FOUND;
        if (!full && kn_identifier_decode(found, &ordinal, &slot, &guarded)) {
            rc = load(ws, &r, ordinal, arena, ret);
        }
    }
    end_read(ws, &r);
    return rc;
}

enum kn_rc kn_read_profile_by_id(struct kn_workspace *ws, struct kn_str id, struct kn_arena *arena,
                                 struct kn_profile **ret)
{
    struct kn_h128 key;
    bool full = false;
    if (!kn_profile_id_parse(id, &key)) {
        return KN_E_NOT_FOUND;
    }
    struct kn_state_reader r = begin_read(ws);
    struct kn_str found = kn_state_read(&r, KN_T_PROFILE_ID, kn_key_h128(key), arena, &full);
    enum kn_rc rc = full ? KN_E_NOMEM : KN_E_NOT_FOUND;
    if (found.p) {
        rc = load(ws, &r, kn_u32_value(found), arena, ret);
    }
    end_read(ws, &r);
    return rc;
}

/* ---- lists ---- */

static bool is_name_trait(struct kn_str key)
{
    static const char *const names[] = {"name", "firstName", "lastName", "first_name", "last_name"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (kn_str_eq(key, kn_str_c(names[i]))) {
            return true;
        }
    }
    return false;
}

/* *full: there was no memory to tell. */
static bool folded_contains(struct kn_str text, struct kn_str match, struct kn_arena *arena,
                            bool *full)
{
    struct kn_str folded = text.len > 0 ? kn_fold_text(text, arena) : KN_STR("");
    *full = *full || !folded.p;
    return kn_str_find(folded, match) != SIZE_MAX;
}

static bool matches(const struct kn_profile *p, struct kn_str match, struct kn_arena *arena,
                    bool *full)
{
    for (size_t i = 0; i < p->id_count; i++) {
        struct kn_str value = kn_id_plain_value(p->ids[i].type, p->ids[i].value);
        if (folded_contains(value, match, arena, full)) {
            return true;
        }
    }
    for (size_t i = 0; i < p->trait_count; i++) {
        const struct kn_profile_trait *t = &p->traits[i];
        if (t->json.len <= 2 || t->json.p[0] != '"' || !is_name_trait(t->key)) {
            continue;
        }
        struct kn_str text = kn_json_unescape(kn_str_sub(t->json, 1, t->json.len - 1), arena);
        *full = *full || !text.p;
        if (folded_contains(text, match, arena, full)) {
            return true;
        }
    }
    return false;
}

enum { SCAN_ARENA_BYTES = 16 << 20, SCAN_TURN = 256 };

/* Whether the profile at `ordinal` is live and matches; scratch is cleared. */
static enum kn_rc wanted(struct kn_workspace *ws, struct kn_state_reader *r, uint32_t ordinal,
                         struct kn_str match, struct kn_arena *scratch, bool *ret)
{
    struct kn_hot hot;
    struct kn_profile p;
    bool full = false;
    kn_arena_clear(scratch);
    struct kn_str hot_bytes = kn_state_read(r, KN_T_HOT, kn_key_u32(ordinal), scratch, &full);
    *ret = !full && kn_hot_decode(hot_bytes, &hot) && hot.canonical == 0;
    if (full || !*ret || match.len == 0) {
        return full ? KN_E_NOMEM : KN_OK;
    }
    struct kn_str cold = kn_state_read(r, KN_T_COLD, kn_key_u32(ordinal), scratch, &full);
    enum kn_rc rc =
        full ? KN_E_NOMEM : kn_profile_decode(ordinal, hot_bytes, cold, &ws->fold.key, scratch, &p);
    *ret = rc == KN_OK && matches(&p, match, scratch, &full);
    return full ? KN_E_NOMEM : rc;
}

enum kn_rc kn_read_profiles(struct kn_workspace *ws, uint32_t after_ordinal, struct kn_str match,
                            size_t limit, struct kn_arena *arena, struct kn_profile ***ret,
                            size_t *ret_count, uint32_t *ret_next)
{
    struct kn_profile **list = kn_arena_zero(arena, limit + 1, sizeof *list);
    struct kn_arena scratch;
    size_t count = 0;
    enum kn_rc rc = list ? KN_OK : KN_E_NOMEM;
    uint32_t ordinal = after_ordinal + 1;
    bool more = true;
    kn_arena_init(&scratch, SCAN_ARENA_BYTES);
    while (rc == KN_OK && more && count < limit) {
        struct kn_state_reader r = begin_read(ws);
        uint32_t end = ws->fold.counters.next_ordinal;
        for (int i = 0; i < SCAN_TURN && ordinal < end && count < limit && rc == KN_OK; i++) {
            bool takes_part;
            rc = wanted(ws, &r, ordinal, match, &scratch, &takes_part);
            if (rc == KN_OK && takes_part) {
                rc = load(ws, &r, ordinal, arena, &list[count]);
                count += rc == KN_OK ? 1 : 0;
            }
            ordinal++;
        }
        more = ordinal < end;
        end_read(ws, &r);
    }
    kn_arena_deinit(&scratch);
    if (rc == KN_OK) {
        *ret = list;
        *ret_count = count;
        *ret_next = more ? ordinal - 1 : 0;
    }
    return rc;
}

enum kn_rc kn_read_columns(struct kn_workspace *ws, struct kn_columns_pin **ret, int64_t *ret_now,
                           struct kn_err *err)
{
    kn_rwlock_read(&ws->lock);
    enum kn_rc rc = kn_columns_pin(ws->columns, ret, err);
    kn_mutex_lock(&ws->queue_mutex);
    *ret_now = ws->applied_record_us;
    kn_mutex_unlock(&ws->queue_mutex);
    kn_rwlock_unlock(&ws->lock);
    return rc;
}

enum kn_rc kn_read_profile_id(struct kn_workspace *ws, uint32_t ordinal, struct kn_h128 *ret)
{
    enum { SMALL = 1 << 20 };
    struct kn_arena arena;
    struct kn_hot hot = {.canonical = ordinal};
    bool found = true;
    bool full = false;
    kn_arena_init(&arena, SMALL);
    struct kn_state_reader r = begin_read(ws);
    while (found && hot.canonical != 0) {
        struct kn_key key = kn_key_u32(hot.canonical);
        found = kn_hot_decode(kn_state_read(&r, KN_T_HOT, key, &arena, &full), &hot);
    }
    end_read(ws, &r);
    kn_arena_deinit(&arena);
    if (!found) {
        return full ? KN_E_NOMEM : KN_E_NOT_FOUND;
    }
    *ret = hot.id;
    return KN_OK;
}

enum kn_rc kn_read_links(struct kn_workspace *ws, uint32_t ordinal, struct kn_arena *arena,
                         struct kn_profile_link **ret, size_t *ret_count)
{
    bool full = false;
    struct kn_state_reader r = begin_read(ws);
    struct kn_str bytes = kn_state_read(&r, KN_T_LINKS, kn_key_u32(ordinal), arena, &full);
    end_read(ws, &r);
    if (full) {
        return KN_E_NOMEM;
    }
    return kn_profile_decode_links(bytes, &ws->fold.key, arena, ret, ret_count);
}

/* ---- events ---- */

struct event_reader {
    struct kn_workspace *ws;
    struct kn_settings *settings; /* may be NULL when only events of profiles are read */
    struct kn_arena *arena;
    kn_read_event_fn fn;
    void *context;
    enum kn_rc rc;
};

static bool each_row(void *context, const struct kn_archive_row *row)
{
    struct event_reader *r = context;
    struct kn_cursor c = kn_cursor(row->item);
    struct kn_item item;
    r->rc = kn_item_decode(&c, &r->ws->fold.key, r->arena, &item, NULL);
    if (r->rc == KN_OK && row->ordinal == 0 && r->settings &&
        kn_workspace__is_erased(r->ws, r->settings, &item, row->arrival >> 16, r->arena)) {
        return true;
    }
    bool more = r->rc == KN_OK && r->fn(r->context, row, &item);
    kn_arena_clear(r->arena);
    return more;
}

enum kn_rc kn_read_events(struct kn_workspace *ws, const struct kn_profile *profile,
                          const struct kn_archive_query *query, struct kn_arena *arena,
                          kn_read_event_fn fn, void *context, struct kn_err *err)
{
    uint32_t *ordinals = kn_arena_alloc(arena, (profile->merged_count + 1) * sizeof *ordinals);
    if (!ordinals) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    ordinals[0] = profile->ordinal;
    for (size_t i = 0; i < profile->merged_count; i++) {
        ordinals[i + 1] = profile->merged[i].ordinal;
    }
    kn_rwlock_read(&ws->lock);
    struct kn_archive_pin *pin = kn_archive_pin(ws->archive, ordinals, profile->merged_count + 1);
    kn_rwlock_unlock(&ws->lock);
    if (!pin) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    struct kn_arena row;
    kn_arena_init(&row, ROW_ARENA_MAX);
    struct event_reader r = {.ws = ws, .arena = &row, .fn = fn, .context = context};
    enum kn_rc rc = kn_archive_read(pin, query, each_row, &r, err);
    kn_archive_unpin(pin);
    kn_arena_deinit(&row);
    return rc != KN_OK ? rc : r.rc;
}

enum kn_rc kn_read_archive(struct kn_workspace *ws, uint32_t first, uint32_t count,
                           kn_read_event_fn fn, void *context, uint32_t *ret_next,
                           struct kn_err *err)
{
    const struct kn_archive_query query = {
        .order = KN_ARCHIVE_BY_ARRIVAL, .from_us = INT64_MIN, .to_us = INT64_MAX};
    struct kn_arena arena;
    uint32_t *ordinals = kn_alloc((count + 1) * sizeof *ordinals);
    uint32_t n = 0;
    if (!ordinals) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    kn_rwlock_read(&ws->lock);
    uint32_t end = ws->fold.counters.next_ordinal;
    for (; n < count && first + n < end; n++) {
        ordinals[n] = first + n;
    }
    struct kn_archive_pin *pin = kn_archive_pin(ws->archive, ordinals, n);
    kn_rwlock_unlock(&ws->lock);
    kn_free(ordinals);
    if (!pin) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    kn_arena_init(&arena, ROW_ARENA_MAX);
    struct event_reader r = {.ws = ws, .arena = &arena, .fn = fn, .context = context};
    r.settings = kn_workspace_settings(ws);
    enum kn_rc rc = kn_archive_read(pin, &query, each_row, &r, err);
    kn_settings_unref(r.settings);
    kn_archive_unpin(pin);
    kn_arena_deinit(&arena);
    *ret_next = first + n < end ? first + n : 0;
    return rc != KN_OK ? rc : r.rc;
}

/* ---- rejects and sources ---- */

enum kn_rc kn_read_source_stats(struct kn_workspace *ws, uint32_t source,
                                struct kn_source_stats *ret)
{
    struct kn_arena arena;
    struct kn_source_counters s;
    bool full = false;
    kn_arena_init(&arena, 4096);
    struct kn_state_reader r = begin_read(ws);
    kn_source_counters_decode(kn_state_read(&r, KN_T_SOURCE, kn_key_u32(source), &arena, &full),
                              &s);
    end_read(ws, &r);
    kn_arena_deinit(&arena);
    if (full) {
        return KN_E_NOMEM;
    }
    *ret = (struct kn_source_stats){
        .events = s.events,
        .duplicates = s.duplicates,
        .rejects = s.rejects,
        .first_event_us = s.first_us,
        .last_event_us = s.last_us,
    };
    return KN_OK;
}

static bool read_reject(struct kn_state_reader *r, uint32_t source, uint64_t number,
                        struct kn_arena *arena, bool *full, struct kn_reject *ret)
{
    char key[12];
    kn_reject_key(source, number, key);
    struct kn_str value =
        kn_state_read(r, KN_T_REJECT, kn_key_bytes(kn_str(key, sizeof key)), arena, full);
    if (!value.p) {
        return false;
    }
    struct kn_cursor c = kn_cursor(value);
    ret->number = number;
    ret->at_us = (int64_t)kn_take_le64(&c);
    ret->reason = kn_take_lstr(&c);
    ret->body = kn_take_lstr(&c);
    return !c.bad;
}

enum kn_rc kn_read_rejects(struct kn_workspace *ws, uint32_t source, uint64_t before_number,
                           size_t limit, struct kn_arena *arena, struct kn_reject **ret,
                           size_t *ret_count)
{
    struct kn_reject *list = kn_arena_zero(arena, limit + 1, sizeof *list);
    struct kn_source_counters s;
    bool full = list == NULL;
    size_t count = 0;
    struct kn_state_reader r = begin_read(ws);
    kn_source_counters_decode(kn_state_read(&r, KN_T_SOURCE, kn_key_u32(source), arena, &full), &s);
    uint64_t number =
        before_number > 0 && before_number <= s.rejects ? before_number - 1 : s.rejects;
    while (list && !full && number >= s.oldest_reject && number > 0 && count < limit) {
        if (read_reject(&r, source, number, arena, &full, &list[count])) {
            count++;
        }
        number--;
    }
    end_read(ws, &r);
    if (!list || full) {
        return KN_E_NOMEM;
    }
    *ret = list;
    *ret_count = count;
    return KN_OK;
}

/* ---- dry runs ---- */

static enum kn_rc check(struct kn_workspace *ws, const struct kn_item *item, struct kn_err *err)
{
    kn_assert(item->kind == KN_ITEM_MERGE || item->kind == KN_ITEM_UNMERGE);
    enum kn_rc rc = item->kind == KN_ITEM_MERGE ? kn_fold_check_merge(&ws->fold, item, err)
                                                : kn_fold_check_unmerge(&ws->fold, item, err);
    kn_arena_clear(&ws->fold.arena);
    return rc;
}

enum kn_rc kn_read_check_change(struct kn_workspace *ws, const struct kn_item *item,
                                struct kn_err *err)
{
    kn_rwlock_write(&ws->lock);
    enum kn_rc rc = check(ws, item, err);
    kn_rwlock_unlock(&ws->lock);
    return rc;
}

enum kn_rc kn_read_dry_run(struct kn_workspace *ws, const struct kn_item *item,
                           struct kn_arena *arena, struct kn_profile **ret_a,
                           struct kn_profile **ret_b, struct kn_err *err)
{
    struct kn_journal journal;
    uint32_t kept = 0;
    uint32_t split = 0;
    *ret_b = NULL;
    kn_rwlock_write(&ws->lock);
    enum kn_rc rc = check(ws, item, err);
    if (rc == KN_OK) {
        /* An arrival no record can have, so that a new profile gets an id of its own. */
        uint64_t arrival = UINT64_MAX - (ws->applied_seq & 0xffff);
        kn_fold_journal_begin(&ws->fold, &journal);
        if (item->kind == KN_ITEM_MERGE) {
            kept = kn_fold_person_item(&ws->fold, item, arrival);
        } else {
            rc = kn_fold_unmerge(&ws->fold, item, arrival, KN_STR_EMPTY, &kept, &split);
        }
        struct kn_state_reader r = kn_state_reader_begin(ws->state);
        if (rc == KN_OK) {
            rc = kept ? load(ws, &r, kept, arena, ret_a) : KN_E_NOT_FOUND;
        }
        if (rc == KN_OK && split) {
            rc = load(ws, &r, split, arena, ret_b);
        }
        kn_state_reader_end(&r);
        kn_fold_journal_rollback(&ws->fold);
        kn_arena_clear(&ws->fold.arena);
    }
    kn_rwlock_unlock(&ws->lock);
    return rc;
}
