#include "apply/segments.h"

#include <stdlib.h>

#include "apply/destinations.h"
#include "apply/workspace_internal.h"
#include "base/mem.h"

enum { LOOKS_MAX = 65536 }; /* ordinals looked at under one hold of the lock */

static struct kn_str read_value(struct kn_workspace *ws, enum kn_table table, struct kn_key key,
                                struct kn_arena *arena, bool *full)
{
    struct kn_state_reader r = kn_state_reader_begin(ws->state);
    struct kn_str value = kn_state_read(&r, table, key, arena, full);
    kn_state_reader_end(&r);
    return value;
}

static struct kn_instance *serving(struct kn_workspace *ws, struct kn_str key)
{
    return kn_live_serving(ws->fold.live, key);
}

/* ---- definitions ---- */

static uint32_t progress_of(const struct kn_workspace *ws, const struct kn_instance *making)
{
    const struct kn_segment_record *r = &making->record;
    uint64_t end = r->ordinal_end > 1 ? r->ordinal_end - 1 : 1;
    uint64_t built = 0;
    if (r->status == KN_SEGMENT_INSTALLING) {
        built = end + (r->installed > 0 ? r->installed - 1 : 0);
    } else if (ws->build.number == r->number) {
        built = ws->build.next > 0 ? ws->build.next - 1 : 0;
    }
    uint64_t permille = built * 1000 / (2 * end);
    return permille > 999 ? 999 : (uint32_t)permille;
}

static enum kn_rc fill_info(struct kn_workspace *ws, const struct kn_defined *d,
                            struct kn_arena *arena, struct kn_segment_info *ret)
{
    const struct kn_live_name *name = kn_live_name(ws->fold.live, d->key);
    const struct kn_instance *serves = name ? name->serves : NULL;
    const struct kn_instance *making = name ? name->making : NULL;
    *ret = (struct kn_segment_info){
        .key = kn_arena_str(arena, d->key),
        .name = kn_arena_str(arena, d->name),
        .description = kn_arena_str(arena, d->description),
        .query = kn_arena_str(arena, d->text),
        .computed = d->computed,
        .list = d->list,
        .snapshot_of = kn_arena_str(arena, d->snapshot_of),
        .version = d->version,
        .created_us = d->created_us,
        .updated_us = d->updated_us,
        .ready = !making,
        .serves = serves != NULL,
        .progress = making ? progress_of(ws, making) : 1000,
        .ready_us = serves ? serves->record.ready_us : 0,
        .size = serves ? serves->record.size : 0,
    };
    return ret->key.p && ret->name.p && ret->description.p && ret->query.p ? KN_OK : KN_E_NOMEM;
}

enum kn_rc kn_segment_info(struct kn_workspace *ws, struct kn_str key, struct kn_arena *arena,
                           struct kn_segment_info *ret)
{
    kn_rwlock_read(&ws->lock);
    const struct kn_defined *d =
        kn_key_is_destination(key) ? NULL : kn_settings_defined(ws->fold.settings, key);
    enum kn_rc rc = d ? fill_info(ws, d, arena, ret) : KN_E_NOT_FOUND;
    kn_rwlock_unlock(&ws->lock);
    return rc;
}

enum kn_rc kn_segments_list(struct kn_workspace *ws, bool computed, size_t from, size_t limit,
                            struct kn_arena *arena, struct kn_segment_info **ret, size_t *ret_count,
                            bool *ret_more)
{
    kn_rwlock_read(&ws->lock);
    const struct kn_settings *s = ws->fold.settings;
    size_t room = s->defined_count < limit ? s->defined_count : limit;
    struct kn_segment_info *all = kn_arena_zero(arena, room + 1, sizeof *all);
    enum kn_rc rc = all ? KN_OK : KN_E_NOMEM;
    size_t seen = 0;
    size_t count = 0;
    for (size_t i = 0; rc == KN_OK && i < s->defined_count && seen <= from + limit; i++) {
        if (s->defined[i]->computed != computed || kn_key_is_destination(s->defined[i]->key)) {
            continue;
        }
        if (seen >= from && count < room) {
            rc = fill_info(ws, s->defined[i], arena, &all[count++]);
        }
        seen++;
    }
    kn_rwlock_unlock(&ws->lock);
    *ret = all;
    *ret_count = count;
    *ret_more = seen > from + count;
    return rc;
}

/* ---- members ---- */

static struct kn_h128 public_id(struct kn_workspace *ws, uint32_t ordinal, struct kn_arena *arena,
                                bool *full)
{
    struct kn_hot hot = {0};
    (void)kn_hot_decode(read_value(ws, KN_T_HOT, kn_key_u32(ordinal), arena, full), &hot);
    return hot.id;
}

static int64_t since_of(struct kn_workspace *ws, const struct kn_segment_record *r,
                        uint32_t ordinal, struct kn_arena *arena, bool *full)
{
    struct kn_member *list;
    size_t count;
    struct kn_str bytes = read_value(ws, KN_T_MEMBER, kn_key_u32(ordinal), arena, full);
    if (kn_members_decode(bytes, arena, &list, &count) != KN_OK) {
        *full = true;
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (list[i].number == r->number && list[i].since_us > 0) {
            return list[i].since_us;
        }
    }
    return r->ready_us;
}

static struct kn_str chunk_of(struct kn_workspace *ws, uint32_t number, uint32_t chunk,
                              struct kn_arena *arena, bool *full)
{
    char key[8];
    kn_members_key(number, chunk, key);
    return read_value(ws, KN_T_MEMBERS, kn_key_bytes(kn_str(key, sizeof key)), arena, full);
}

static bool bit_of(struct kn_str bits, uint32_t ordinal)
{
    uint32_t at = ordinal % KN_MEMBERS_CHUNK;
    return bits.p && at / 8 < bits.len && ((unsigned char)bits.p[at / 8] >> (at % 8) & 1) != 0;
}

struct listing {
    struct kn_workspace *ws;
    const struct kn_segment_record *record;
    struct kn_arena *arena;
    struct kn_segment_member *all;
    size_t count, limit;
    uint32_t next; /* ordinal to look at next */
    bool full;
};

static void list_some(struct listing *l)
{
    uint32_t end = l->ws->fold.counters.next_ordinal;
    struct kn_str bits = KN_STR_EMPTY;
    uint32_t chunk = UINT32_MAX;
    for (uint32_t looks = 0; looks < LOOKS_MAX && l->next < end && l->count < l->limit && !l->full;
         looks++, l->next++) {
        if (l->next / KN_MEMBERS_CHUNK != chunk) {
            chunk = l->next / KN_MEMBERS_CHUNK;
            bits = chunk_of(l->ws, l->record->number, chunk, l->arena, &l->full);
        }
        if (bit_of(bits, l->next)) {
            l->all[l->count++] = (struct kn_segment_member){
                .ordinal = l->next,
                .id = public_id(l->ws, l->next, l->arena, &l->full),
                .since_us = since_of(l->ws, l->record, l->next, l->arena, &l->full),
            };
        }
    }
}

enum kn_rc kn_segment_members(struct kn_workspace *ws, struct kn_str key, uint32_t after_ordinal,
                              size_t limit, struct kn_arena *arena, struct kn_segment_member **ret,
                              size_t *ret_count, uint32_t *ret_next)
{
    struct listing l = {.ws = ws, .arena = arena, .limit = limit, .next = after_ordinal + 1};
    bool found = true;
    bool more = true;
    l.all = kn_arena_zero(arena, limit + 1, sizeof *l.all);
    l.full = l.all == NULL;
    while (found && more && l.count < limit && !l.full) {
        kn_rwlock_read(&ws->lock);
        const struct kn_instance *instance = serving(ws, key);
        found = kn_settings_defined(ws->fold.settings, key) != NULL;
        l.record = instance && !instance->record.computed ? &instance->record : NULL;
        if (l.record) {
            list_some(&l);
        }
        more = l.record && l.next < ws->fold.counters.next_ordinal;
        kn_rwlock_unlock(&ws->lock);
    }
    if (!found || l.full) {
        return found ? KN_E_NOMEM : KN_E_NOT_FOUND;
    }
    *ret = l.all;
    *ret_count = l.count;
    *ret_next = more ? l.next - 1 : 0;
    return KN_OK;
}

bool kn_workspace__segment_bits(struct kn_workspace *ws, const struct kn_instance *instance,
                                uint64_t *bits, size_t words)
{
    struct kn_arena arena;
    bool full = false;
    kn_arena_init(&arena, 1 << 20);
    for (uint32_t i = 0; !full && (size_t)i * (KN_MEMBERS_CHUNK / 64) < words; i++) {
        kn_arena_clear(&arena);
        struct kn_str chunk = chunk_of(ws, instance->record.number, i, &arena, &full);
        for (size_t k = 0; k < chunk.len; k++) {
            size_t word = (size_t)i * (KN_MEMBERS_CHUNK / 64) + k / 8;
            if (word < words) {
                bits[word] |= (uint64_t)(unsigned char)chunk.p[k] << (k % 8 * 8);
            }
        }
    }
    kn_arena_deinit(&arena);
    return !full;
}

enum kn_rc kn_segment_bits(struct kn_workspace *ws, struct kn_str key, uint64_t **ret_words,
                           uint32_t *ret_end)
{
    kn_rwlock_read(&ws->lock);
    uint32_t end = ws->fold.counters.next_ordinal;
    size_t count = end / 64 + 1;
    const struct kn_instance *instance = serving(ws, key);
    bool found = kn_settings_defined(ws->fold.settings, key) != NULL;
    uint64_t *words = kn_calloc(count, sizeof *words);
    bool full = !words || (instance && !kn_workspace__segment_bits(ws, instance, words, count));
    kn_rwlock_unlock(&ws->lock);
    if (full || !found) {
        kn_free(words);
        return found ? KN_E_NOMEM : KN_E_NOT_FOUND;
    }
    *ret_words = words;
    *ret_end = end;
    return KN_OK;
}

/* ---- changes and sizes ---- */

struct changing {
    struct kn_workspace *ws;
    const struct kn_segment_record *record;
    struct kn_arena *arena;
    int64_t from_us, to_us;
    struct kn_segment_change *all;
    size_t count, limit;
    bool full;
};

static bool read_block(struct changing *c, uint64_t block, struct kn_change **ret, size_t *count)
{
    char key[12];
    kn_change_key(c->record->series, block, key);
    struct kn_str bytes =
        read_value(c->ws, KN_T_CHANGE, kn_key_bytes(kn_str(key, sizeof key)), c->arena, &c->full);
    if (!c->full &&
        kn_changes_decode(bytes, block * KN_CHANGES_BLOCK, c->arena, ret, count) != KN_OK) {
        c->full = true;
    }
    return !c->full;
}

static void take_change(struct changing *c, const struct kn_change *change)
{
    if (c->count < c->limit && change->at_us >= c->from_us && change->at_us < c->to_us) {
        struct kn_segment_change *to = &c->all[c->count++];
        *to = (struct kn_segment_change){*change,
                                         public_id(c->ws, change->ordinal, c->arena, &c->full)};
        if (kn_h128_is_zero(to->id)) { /* it was erased, and the list may not know yet */
            to->change.message_id = to->change.value = KN_STR_EMPTY;
        }
    }
}

static void changes_back(struct changing *c, uint64_t before)
{
    uint64_t at = before < c->record->changes ? before : c->record->changes;
    while (at > c->record->oldest_change && c->count < c->limit) {
        struct kn_change *block;
        size_t count;
        uint64_t number = (at - 1) / KN_CHANGES_BLOCK;
        if (!read_block(c, number, &block, &count)) {
            return;
        }
        for (size_t i = count; i > 0; i--) {
            if (block[i - 1].number < at) {
                take_change(c, &block[i - 1]);
            }
        }
        if (count > 0 && block[0].at_us < c->from_us) {
            return; /* times only rise */
        }
        at = number * KN_CHANGES_BLOCK;
    }
}

enum kn_rc kn_workspace__changes_on(struct kn_workspace *ws, const struct kn_segment_record *record,
                                    uint64_t first, size_t limit, struct kn_arena *arena,
                                    struct kn_change **ret, size_t *ret_count)
{
    struct changing c = {.ws = ws, .record = record, .arena = arena};
    uint64_t at = first > record->oldest_change ? first : record->oldest_change;
    size_t taken = 0;
    struct kn_change *all = kn_arena_zero(arena, limit + 1, sizeof *all);
    while (all && at < record->changes && taken < limit) {
        struct kn_change *block;
        size_t count;
        if (!read_block(&c, at / KN_CHANGES_BLOCK, &block, &count)) {
            return KN_E_NOMEM;
        }
        for (size_t i = 0; i < count && taken < limit; i++) {
            if (block[i].number >= at) {
                all[taken++] = block[i];
            }
        }
        at = (at / KN_CHANGES_BLOCK + 1) * KN_CHANGES_BLOCK;
    }
    *ret = all;
    *ret_count = taken;
    return all ? KN_OK : KN_E_NOMEM;
}

enum kn_rc kn_segment_changes(struct kn_workspace *ws, struct kn_str key, int64_t from_us,
                              int64_t to_us, uint64_t before, size_t limit, struct kn_arena *arena,
                              struct kn_segment_change **ret, size_t *ret_count)
{
    struct changing c = {
        .ws = ws, .arena = arena, .from_us = from_us, .to_us = to_us, .limit = limit};
    c.all = kn_arena_zero(arena, limit + 1, sizeof *c.all);
    c.full = c.all == NULL;
    kn_rwlock_read(&ws->lock);
    const struct kn_instance *instance = serving(ws, key);
    bool found = kn_settings_defined(ws->fold.settings, key) != NULL;
    if (instance && !c.full) {
        c.record = &instance->record;
        changes_back(&c, before);
    }
    kn_rwlock_unlock(&ws->lock);
    *ret = c.all;
    *ret_count = c.count;
    return !found ? KN_E_NOT_FOUND : c.full ? KN_E_NOMEM : KN_OK;
}

/* The known sizes of a span, and what was known last before it, applied to the days asked for. */
static void apply_span(struct kn_workspace *ws, uint32_t series, uint32_t span,
                       struct kn_day_size *days, int32_t first, int32_t last,
                       struct kn_arena *arena, bool *full)
{
    char key[8];
    struct kn_day_size *known;
    size_t count;
    kn_sizes_key(series, span, key);
    struct kn_str bytes =
        read_value(ws, KN_T_SIZES, kn_key_bytes(kn_str(key, sizeof key)), arena, full);
    if (*full || kn_sizes_decode(bytes, arena, &known, &count) != KN_OK) {
        *full = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        int32_t from = known[i].day < first ? first : known[i].day;
        for (int32_t day = from; day <= last; day++) {
            days[day - first].size = known[i].size;
        }
    }
}

enum kn_rc kn_segment_sizes(struct kn_workspace *ws, struct kn_str key, int32_t first_day,
                            int32_t last_day, struct kn_arena *arena, struct kn_day_size **ret)
{
    size_t count = last_day >= first_day ? (size_t)(last_day - first_day) + 1 : 0;
    struct kn_day_size *days = kn_arena_zero(arena, count + 1, sizeof *days);
    bool full = days == NULL;
    for (size_t i = 0; !full && i < count; i++) {
        days[i].day = first_day + (int32_t)i;
    }
    kn_rwlock_read(&ws->lock);
    const struct kn_instance *instance = serving(ws, key);
    bool found = kn_settings_defined(ws->fold.settings, key) != NULL;
    uint32_t end = count > 0 && last_day >= 0 ? (uint32_t)last_day / KN_SIZES_SPAN + 1 : 0;
    for (uint32_t span = 0; instance && !full && span < end; span++) {
        apply_span(ws, instance->record.series, span, days, first_day, last_day, arena, &full);
    }
    kn_rwlock_unlock(&ws->lock);
    *ret = days;
    return !found ? KN_E_NOT_FOUND : full ? KN_E_NOMEM : KN_OK;
}

/* ---- of one profile ---- */

bool kn_workspace__memberships(struct kn_workspace *ws, struct kn_state_reader *r, uint32_t ordinal,
                               struct kn_arena *arena, struct kn_profile_segment **ret,
                               size_t *ret_count)
{
    struct kn_member *list = NULL;
    size_t count = 0;
    size_t kept = 0;
    bool full = false;
    struct kn_str bytes = kn_state_read(r, KN_T_MEMBER, kn_key_u32(ordinal), arena, &full);
    if (full || kn_members_decode(bytes, arena, &list, &count) != KN_OK) {
        return false;
    }
    struct kn_profile_segment *all = kn_arena_zero(arena, count + 1, sizeof *all);
    for (size_t i = 0; all && i < count; i++) {
        const struct kn_instance *at = kn_live_by_number(ws->fold.live, list[i].number);
        if (at && at->serves && !at->record.computed && list[i].since_us != KN_NOT_MEMBER &&
            !kn_key_is_destination(at->record.key)) {
            int64_t since = list[i].since_us > 0 ? list[i].since_us : at->record.ready_us;
            all[kept] = (struct kn_profile_segment){kn_arena_str(arena, at->record.key), since};
            full = full || !all[kept++].key.p;
        }
    }
    *ret = all;
    *ret_count = kept;
    return all && !full;
}

static int compare_computed(const void *a, const void *b)
{
    return kn_str_cmp(((const struct kn_profile_computed *)a)->key,
                      ((const struct kn_profile_computed *)b)->key);
}

bool kn_workspace__computed(struct kn_workspace *ws, struct kn_state_reader *r, uint32_t ordinal,
                            struct kn_arena *arena, struct kn_profile_computed **ret,
                            size_t *ret_count)
{
    bool full = false;
    size_t most = 0;
    size_t kept = 0;
    struct kn_computed value;
    struct kn_str bytes = kn_state_read(r, KN_T_COMPUTED, kn_key_u32(ordinal), arena, &full);
    for (struct kn_cursor c = kn_cursor(bytes); kn_computed_next(&c, &value);) {
        most++;
    }
    struct kn_profile_computed *all = kn_arena_zero(arena, most + 1, sizeof *all);
    for (struct kn_cursor c = kn_cursor(bytes); all && kn_computed_next(&c, &value);) {
        const struct kn_instance *at = kn_live_by_number(ws->fold.live, value.number);
        if (at && at->serves && at->record.computed) {
            struct kn_str key = kn_arena_str(arena, at->record.key);
            all[kept++] = (struct kn_profile_computed){key, value.value};
            full = full || !key.p;
        }
    }
    if (kept > 0) {
        qsort(all, kept, sizeof *all, compare_computed);
    }
    *ret = all;
    *ret_count = kept;
    return all && !full;
}

enum kn_rc kn_profile_segments(struct kn_workspace *ws, uint32_t ordinal, struct kn_arena *arena,
                               struct kn_profile_segment **ret, size_t *ret_count)
{
    kn_rwlock_read(&ws->lock);
    struct kn_state_reader r = kn_state_reader_begin(ws->state);
    bool good = kn_workspace__memberships(ws, &r, ordinal, arena, ret, ret_count);
    kn_state_reader_end(&r);
    kn_rwlock_unlock(&ws->lock);
    return good ? KN_OK : KN_E_NOMEM;
}

enum kn_rc kn_profile_computed(struct kn_workspace *ws, uint32_t ordinal, struct kn_arena *arena,
                               struct kn_profile_computed **ret, size_t *ret_count)
{
    kn_rwlock_read(&ws->lock);
    struct kn_state_reader r = kn_state_reader_begin(ws->state);
    bool good = kn_workspace__computed(ws, &r, ordinal, arena, ret, ret_count);
    kn_state_reader_end(&r);
    kn_rwlock_unlock(&ws->lock);
    return good ? KN_OK : KN_E_NOMEM;
}
