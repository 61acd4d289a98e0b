/* When time next changes what a condition counts: rows that come into the window or leave it. */
#include "base/mem.h"
#include "segment/bulk_internal.h"

struct moments {
    int64_t now;
    int64_t *next;  /* the first change of any row */
    int64_t *until; /* the last moment at which a row of now leaves; INT64_MIN: there is none now */
};

static int64_t later(int64_t us, int64_t by)
{
    int64_t sum;
    return by == INT64_MAX || __builtin_add_overflow(us, by, &sum) ? INT64_MAX : sum;
}

static void add_row(struct moments *m, const struct kn_bulk_cond *cond, int64_t us, uint64_t at)
{
    int64_t enter = later(us, cond->enter), leave = later(us, cond->leave);
    bool inside = enter <= m->now;
    int64_t change = inside ? leave : enter;
    if (change <= m->now) {
        return;
    }
    m->next[at] = kn_sooner(m->next[at], change);
    if (inside && leave > m->until[at]) {
        m->until[at] = leave;
    }
}

static void add_rows(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b, void *arg)
{
    struct moments *m = arg;
    uint64_t start = 0, end;
    for (uint32_t i = 0; i < b->groups; i++, start = end) {
        end = start + kn_part_group_rows(b->part, b->group + i);
        uint64_t row = b->mask ? kn_bulk_next_bit(b->mask, start, end) : start;
        int64_t at = row < end ? kn_bulk_place(chunk, b, i) : -1;
        while (at >= 0 && row < end) {
            add_row(m, b->cond, kn_part_time(b->part, b->row + row), (uint64_t)at);
            row = b->mask ? kn_bulk_next_bit(b->mask, row + 1, end) : row + 1;
        }
    }
}

/* Whether there is a row changes when the last one leaves, or the first one comes. */
static int64_t existence_next(const struct kn_bulk_cond *cond, const struct moments *m, uint32_t at,
                              bool answer)
{
    bool exists = answer != cond->inverted;
    if (!exists) {
        return m->next[at];
    }
    return cond->leave == INT64_MAX ? INT64_MAX : m->until[at];
}

void kn_bulk_moments(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                     const uint64_t *candidates, const uint64_t *found)
{
    struct moments m = {chunk->plan->options->now_us, kn_alloc(KN_BULK_CHUNK * sizeof *m.next),
                        kn_alloc(KN_BULK_CHUNK * sizeof *m.until)};
    if (!m.next || !m.until) {
        chunk->rc = KN_E_NOMEM;
        kn_free(m.next);
        kn_free(m.until);
        return;
    }
    for (uint32_t i = 0; i < KN_BULK_CHUNK; i++) {
        m.next[i] = INT64_MAX;
        m.until[i] = INT64_MIN;
    }
    kn_bulk_each_block(chunk, cond, candidates, add_rows, &m);
    for (uint32_t i = 0; i < chunk->end - chunk->first; i++) {
        int64_t next = cond->fold == KN_FOLD_EXISTS ? existence_next(cond, &m, i, kn_bit(found, i))
                                                    : m.next[i];
        if (kn_bit(candidates, i)) {
            chunk->next[i] = kn_sooner(chunk->next[i], next);
        }
    }
    kn_free(m.next);
    kn_free(m.until);
}
