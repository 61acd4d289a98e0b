#include "apply/activity.h"

#include "apply/workspace_internal.h"
#include "profile/hot.h"

enum { TURN = 4096, TURN_ARENA_MAX = 64 << 20 };

/* A heap of the best so far, the worst of them on top. */
struct best {
    struct kn_activity_mark *all;
    size_t count, room;
};

static bool is_before(struct kn_activity_mark a, struct kn_activity_mark b)
{
    return a.last_seen_us != b.last_seen_us ? a.last_seen_us > b.last_seen_us
                                            : a.ordinal < b.ordinal;
}

static void swap(struct kn_activity_mark *a, struct kn_activity_mark *b)
{
    struct kn_activity_mark kept = *a;
    *a = *b;
    *b = kept;
}

static void sink(struct best *b)
{
    size_t at = 0;
    for (;;) {
        size_t worst = at;
        for (size_t kid = 2 * at + 1; kid <= 2 * at + 2 && kid < b->count; kid++) {
            worst = is_before(b->all[worst], b->all[kid]) ? kid : worst;
        }
        if (worst == at) {
            return;
        }
        swap(&b->all[at], &b->all[worst]);
        at = worst;
    }
}

static void offer(struct best *b, struct kn_activity_mark mark)
{
    if (b->count == b->room) {
        if (is_before(mark, b->all[0])) {
            b->all[0] = mark;
            sink(b);
        }
        return;
    }
    size_t at = b->count++;
    b->all[at] = mark;
    for (; at > 0 && is_before(b->all[(at - 1) / 2], b->all[at]); at = (at - 1) / 2) {
        swap(&b->all[(at - 1) / 2], &b->all[at]);
    }
}

static enum kn_rc offer_turn(struct kn_workspace *ws, const struct kn_activity_mark *after,
                             uint32_t *ordinal, uint32_t *end, struct kn_arena *scratch,
                             struct best *b)
{
    bool full = false;
    kn_arena_clear(scratch);
    kn_rwlock_read(&ws->lock);
    struct kn_state_reader r = kn_state_reader_begin(ws->state);
    *end = ws->fold.counters.next_ordinal;
    for (int i = 0; i < TURN && *ordinal < *end && !full; i++, (*ordinal)++) {
        struct kn_hot hot;
        struct kn_str bytes = kn_state_read(&r, KN_T_HOT, kn_key_u32(*ordinal), scratch, &full);
        if (!full && kn_hot_decode(bytes, &hot) && hot.canonical == 0) {
            struct kn_activity_mark mark = {hot.last_seen_us, *ordinal};
            if (!after || is_before(*after, mark)) {
                offer(b, mark);
            }
        }
    }
    kn_state_reader_end(&r);
    kn_rwlock_unlock(&ws->lock);
    return full ? KN_E_NOMEM : KN_OK;
}

/* Best first: the worst goes to the end of what is left, again and again. */
static void sort(struct best *b)
{
    size_t count = b->count;
    while (b->count > 1) {
        swap(&b->all[0], &b->all[--b->count]);
        sink(b);
    }
    b->count = count;
}

/* A profile that became part of another one meanwhile is left out. */
static enum kn_rc load_all(struct kn_workspace *ws, const struct best *b, size_t limit,
                           struct kn_arena *arena, struct kn_profile **list, size_t *ret_count)
{
    size_t count = 0;
    for (size_t i = 0; i < b->count && i < limit; i++) {
        struct kn_profile **one;
        size_t found;
        uint32_t next;
        uint32_t ordinal = b->all[i].ordinal;
        KN_TRY(kn_read_profiles(ws, ordinal - 1, KN_STR_EMPTY, 1, arena, &one, &found, &next));
        if (found == 1 && one[0]->ordinal == ordinal) {
            list[count++] = one[0];
        }
    }
    *ret_count = count;
    return KN_OK;
}

enum kn_rc kn_read_profiles_by_activity(struct kn_workspace *ws,
                                        const struct kn_activity_mark *after, size_t limit,
                                        struct kn_arena *arena, struct kn_profile ***ret,
                                        size_t *ret_count, struct kn_activity_mark *ret_mark,
                                        bool *ret_more)
{
    struct kn_arena scratch;
    struct best b = {.all = kn_arena_zero(arena, limit + 1, sizeof *b.all), .room = limit + 1};
    struct kn_profile **list = kn_arena_zero(arena, limit + 1, sizeof *list);
    enum kn_rc rc = b.all && list ? KN_OK : KN_E_NOMEM;
    uint32_t ordinal = 1;
    uint32_t end = 2;
    kn_arena_init(&scratch, TURN_ARENA_MAX);
    while (rc == KN_OK && ordinal < end) {
        rc = offer_turn(ws, after, &ordinal, &end, &scratch, &b);
    }
    kn_arena_deinit(&scratch);
    if (rc != KN_OK) {
        return rc;
    }
    sort(&b);
    *ret = list;
    *ret_more = b.count > limit;
    *ret_mark =
        b.count > 0 ? b.all[(b.count < limit ? b.count : limit) - 1] : (struct kn_activity_mark){0};
    return load_all(ws, &b, limit, arena, list, ret_count);
}
