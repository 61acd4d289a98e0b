#include "apply/destinations.h"

#include <stdlib.h>

#include "apply/delivery_code.h"
#include "apply/workspace_internal.h"

#define KEY_PREFIX "destination/"
enum { KEY_BYTES = 256 };

const struct kn_destination *kn_settings_destination(const struct kn_settings *s, struct kn_str id)
{
    for (size_t i = 0; i < s->destination_count; i++) {
        if (kn_str_eq(s->destinations[i].id, id)) {
            return &s->destinations[i];
        }
    }
    return NULL;
}

void kn_destination_key(struct kn_str id, struct kn_str segment, struct kn_buf *out)
{
    kn_buf_c(out, KEY_PREFIX);
    kn_buf_str(out, id);
    kn_buf_char(out, '/');
    kn_buf_str(out, segment);
}

bool kn_key_is_destination(struct kn_str key)
{
    return kn_str_starts(key, KN_STR(KEY_PREFIX));
}

/* What serves the definition of one of its segments, or NULL. The caller holds the lock. */
static const struct kn_instance *serving(struct kn_workspace *ws, struct kn_str id,
                                         struct kn_str segment)
{
    struct kn_buf key;
    kn_buf_init(&key, KEY_BYTES);
    kn_destination_key(id, segment, &key);
    const struct kn_instance *found =
        key.rc == KN_OK ? kn_live_serving(ws->fold.live, kn_buf_view(&key)) : NULL;
    kn_buf_deinit(&key);
    return found;
}

static uint64_t cursor_of(const struct kn_delivery_cursor *cursors, size_t count, uint32_t series)
{
    for (size_t i = 0; i < count; i++) {
        if (cursors[i].series == series) {
            return cursors[i].next;
        }
    }
    return 0;
}

/* ---- the state ---- */

static uint64_t backlog(struct kn_workspace *ws, const struct kn_destination *d,
                        const struct kn_delivery *state)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < d->segment_count; i++) {
        const struct kn_instance *at = serving(ws, d->id, d->segments[i]);
        if (at) {
            uint64_t next = cursor_of(state->cursors, state->cursor_count, at->record.series);
            sum += at->record.changes - (next < at->record.changes ? next : at->record.changes);
        }
    }
    return sum;
}

/* The caller holds the lock. */
static enum kn_rc read_value(struct kn_workspace *ws, struct kn_str id, struct kn_arena *arena,
                             const struct kn_destination **ret, struct kn_str *ret_value)
{
    bool full = false;
    *ret = kn_settings_destination(ws->fold.settings, id);
    if (!*ret) {
        return KN_E_NOT_FOUND;
    }
    struct kn_state_reader r = kn_state_reader_begin(ws->state);
    *ret_value = kn_state_read(&r, KN_T_DELIVERY, kn_key_bytes(id), arena, &full);
    kn_state_reader_end(&r);
    return full ? KN_E_NOMEM : KN_OK;
}

enum kn_rc kn_delivery_revision(struct kn_workspace *ws, struct kn_str id, struct kn_arena *arena,
                                uint64_t *ret)
{
    const struct kn_destination *d;
    struct kn_str value = KN_STR_EMPTY;
    kn_rwlock_read(&ws->lock);
    enum kn_rc rc = read_value(ws, id, arena, &d, &value);
    kn_rwlock_unlock(&ws->lock);
    *ret = rc == KN_OK ? kn_delivery_decode_revision(value) : 0;
    return rc;
}

enum kn_rc kn_delivery_read(struct kn_workspace *ws, struct kn_str id, struct kn_arena *arena,
                            struct kn_delivery *ret)
{
    const struct kn_destination *d;
    struct kn_str value = KN_STR_EMPTY;
    kn_rwlock_read(&ws->lock);
    enum kn_rc rc = read_value(ws, id, arena, &d, &value);
    if (rc == KN_OK) {
        struct kn_cursor c = kn_cursor(value);
        rc = kn_delivery_decode(&c, arena, ret);
        ret->backlog = rc == KN_OK ? backlog(ws, d, ret) : 0;
    }
    kn_rwlock_unlock(&ws->lock);
    return rc;
}

enum kn_rc kn_destination_audience(struct kn_workspace *ws, struct kn_str id, struct kn_str segment,
                                   struct kn_destination_audience *ret)
{
    kn_rwlock_read(&ws->lock);
    const struct kn_instance *at = serving(ws, id, segment);
    bool found = kn_settings_destination(ws->fold.settings, id) != NULL;
    *ret = (struct kn_destination_audience){at != NULL, at ? at->record.size : 0};
    kn_rwlock_unlock(&ws->lock);
    return found ? KN_OK : KN_E_NOT_FOUND;
}

enum kn_rc kn_delivery_profile_id(struct kn_workspace *ws, uint32_t ordinal, struct kn_h128 *ret,
                                  bool *ret_live)
{
    struct kn_hot hot = {0};
    struct kn_arena arena;
    bool full = false;
    kn_arena_init(&arena, 1 << 16);
    kn_rwlock_read(&ws->lock);
    struct kn_state_reader r = kn_state_reader_begin(ws->state);
    bool found =
        kn_hot_decode(kn_state_read(&r, KN_T_HOT, kn_key_u32(ordinal), &arena, &full), &hot);
    kn_state_reader_end(&r);
    kn_rwlock_unlock(&ws->lock);
    kn_arena_deinit(&arena);
    *ret = hot.id;
    *ret_live = found && hot.canonical == 0;
    return full ? KN_E_NOMEM : found ? KN_OK : KN_E_NOT_FOUND;
}

/* ---- taking up changes ---- */

struct taking {
    struct kn_workspace *ws;
    struct kn_arena *arena;
    size_t limit;
    struct kn_delivery_entry *all;
    size_t count;
    uint64_t missed;
};

static enum kn_rc take_series(struct taking *t, struct kn_str segment,
                              const struct kn_segment_record *record,
                              struct kn_delivery_cursor *cursor)
{
    struct kn_change *changes;
    size_t count;
    if (cursor->next < record->oldest_change) {
        t->missed += record->oldest_change - cursor->next;
        cursor->next = record->oldest_change;
    }
    KN_TRY(kn_workspace__changes_on(t->ws, record, cursor->next, t->limit, t->arena, &changes,
                                    &count));
    struct kn_str key = kn_arena_str(t->arena, segment);
    for (size_t i = 0; i < count; i++) {
        const struct kn_change *change = &changes[i];
        t->all[t->count++] = (struct kn_delivery_entry){
            .id = {record->series, change->number},
            .segment = key,
            .kind = change->kind,
            .cause = change->cause,
            .at_us = change->at_us,
            .ordinal = change->ordinal,
            .position = change->position,
            .index = change->index,
            .message_id = change->message_id,
        };
    }
    return key.p ? KN_OK : KN_E_NOMEM;
}

int kn_delivery_order(const struct kn_delivery_entry *a, const struct kn_delivery_entry *b)
{
    const uint64_t left[] = {a->position, a->index, a->id.series, a->id.number};
    const uint64_t right[] = {b->position, b->index, b->id.series, b->id.number};
    for (size_t i = 0; i < 4; i++) {
        if (left[i] != right[i]) {
            return left[i] < right[i] ? -1 : 1;
        }
    }
    return 0;
}

static int in_order(const void *a, const void *b)
{
    return kn_delivery_order(a, b);
}

static enum kn_rc take_all(struct taking *t, const struct kn_destination *d,
                           struct kn_delivery_cursor *cursors, size_t *cursor_count)
{
    struct kn_delivery_cursor fresh[KN_DESTINATION_SEGMENTS_MAX];
    size_t count = 0;
    t->all = kn_arena_zero(t->arena, t->limit * d->segment_count + 1, sizeof *t->all);
    if (!t->all) {
        return KN_E_NOMEM;
    }
    for (size_t i = 0; i < d->segment_count; i++) {
        const struct kn_instance *at = serving(t->ws, d->id, d->segments[i]);
        if (at) {
            uint32_t series = at->record.series;
            fresh[count] =
                (struct kn_delivery_cursor){series, cursor_of(cursors, *cursor_count, series)};
            KN_TRY(take_series(t, d->segments[i], &at->record, &fresh[count]));
            count++;
        }
    }
    qsort(t->all, t->count, sizeof *t->all, in_order);
    t->count = t->count < t->limit ? t->count : t->limit;
    for (size_t i = 0; i < t->count; i++) {
        for (size_t k = 0; k < count; k++) {
            if (fresh[k].series == t->all[i].id.series) {
                fresh[k].next = t->all[i].id.number + 1;
            }
        }
    }
    memcpy(cursors, fresh, count * sizeof *fresh);
    *cursor_count = count;
    return KN_OK;
}

enum kn_rc kn_delivery_take(struct kn_workspace *ws, struct kn_str id,
                            struct kn_delivery_cursor *cursors, size_t *cursor_count, size_t limit,
                            struct kn_arena *arena, struct kn_delivery_entry **ret,
                            size_t *ret_count, uint64_t *ret_missed)
{
    struct taking t = {.ws = ws, .arena = arena, .limit = limit};
    kn_rwlock_read(&ws->lock);
    const struct kn_destination *d = kn_settings_destination(ws->fold.settings, id);
    enum kn_rc rc = d ? take_all(&t, d, cursors, cursor_count) : KN_E_NOT_FOUND;
    kn_rwlock_unlock(&ws->lock);
    *ret = t.all;
    *ret_count = t.count;
    *ret_missed = t.missed;
    return rc;
}
