/* Distinct days and values per profile: pairs of (place, id), sorted, counted. */
#include "base/mem.h"
#include "segment/bulk_internal.h"

enum { SMALL = 32 };

struct pairs {
    uint64_t *list; /* place << 32 | id */
    size_t count, room;
    bool sorted; /* by place so far */
    bool full;
};

static void add_pair(struct pairs *pairs, uint64_t place, uint32_t id)
{
    if (pairs->count == pairs->room) {
        size_t room = pairs->room ? 2 * pairs->room : 4096;
        uint64_t *wider = kn_realloc(pairs->list, room * sizeof *wider);
        if (!wider) {
            pairs->full = true;
            return;
        }
        pairs->list = wider;
        pairs->room = room;
    }
    pairs->sorted &= pairs->count == 0 || pairs->list[pairs->count - 1] >> 32 <= place;
    pairs->list[pairs->count++] = place << 32 | id;
}

static uint32_t row_id(const struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b,
                       uint64_t row)
{
    const struct kn_bulk_days *days = b->cond->days;
    if (days) {
        int64_t day = kn_bulk_day(days, chunk->plan->definition->zone, kn_part_time(b->part, row));
        return (uint32_t)(day - days->first + 2); /* local days may begin one before UTC's */
    }
    return b->how->ids[kn_column_code(b->how->column, row)];
}

static void add_rows(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b, void *arg)
{
    struct pairs *pairs = arg;
    uint64_t start = 0, end;
    bool by_day = b->cond->days != NULL;
    for (uint32_t i = 0; (by_day || b->how->column) && i < b->groups; i++, start = end) {
        end = start + kn_part_group_rows(b->part, b->group + i);
        int64_t at = kn_bulk_place(chunk, b, i);
        uint64_t row = b->mask ? kn_bulk_next_bit(b->mask, start, end) : start;
        uint32_t last = 0;
        while (at >= 0 && row < end) {
            uint32_t id = row_id(chunk, b, b->row + row);
            if (id != 0 && !(by_day && id == last)) {
                add_pair(pairs, (uint64_t)at, id);
            }
            last = id;
            row = b->mask ? kn_bulk_next_bit(b->mask, row + 1, end) : row + 1;
        }
    }
}

/* Stable, by eight bits at `shift`. */
static void radix_pass(const uint64_t *from, uint64_t *to, size_t count, unsigned shift)
{
    size_t ends[256] = {0}, sum = 0;
    for (size_t i = 0; i < count; i++) {
        ends[from[i] >> shift & 255]++;
    }
    for (unsigned k = 0; k < 256; k++) {
        size_t n = ends[k];
        ends[k] = sum;
        sum += n;
    }
    for (size_t i = 0; i < count; i++) {
        to[ends[from[i] >> shift & 255]++] = from[i];
    }
}

/* Sorts by the bits [low, high), using `other` of the same size; both sizes of passes are even. */
static void radix_sort(uint64_t *list, uint64_t *other, size_t count, unsigned low, unsigned high)
{
    for (unsigned shift = low; shift < high; shift += 16) {
        radix_pass(list, other, count, shift);
        radix_pass(other, list, count, shift + 8);
    }
}

static void sort_few(uint64_t *list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t x = list[i];
        size_t k = i;
        for (; k > 0 && list[k - 1] > x; k--) {
            list[k] = list[k - 1];
        }
        list[k] = x;
    }
}

/* Of one place, sorted: how many distinct ones, or how often the commonest occurs. */
static uint32_t count_runs(const uint64_t *list, size_t count, bool most)
{
    uint32_t distinct = 0, best = 0, run = 0;
    for (size_t i = 0; i < count; i++) {
        bool same = i > 0 && list[i] == list[i - 1];
        distinct += !same;
        run = same ? run + 1 : 1;
        best = run > best ? run : best;
    }
    return most ? best : distinct;
}

static void count_pairs(const struct pairs *pairs, uint64_t *other, bool most, uint32_t *numbers,
                        uint64_t *touched)
{
    if (!pairs->sorted) {
        radix_sort(pairs->list, other, pairs->count, 32, 64);
    }
    for (size_t at = 0, end; at < pairs->count; at = end) {
        uint64_t place = pairs->list[at] >> 32;
        for (end = at + 1; end < pairs->count && pairs->list[end] >> 32 == place;) {
            end++;
        }
        if (end - at <= SMALL) {
            sort_few(pairs->list + at, end - at);
        } else {
            radix_sort(pairs->list + at, other, end - at, 0, 32);
        }
        numbers[place] = count_runs(pairs->list + at, end - at, most);
        kn_bits_set(touched, place);
    }
}

void kn_bulk_sets(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                  const uint64_t *candidates, uint32_t *numbers, uint64_t *touched)
{
    struct pairs pairs = {.sorted = true};
    kn_bulk_each_block(chunk, cond, candidates, add_rows, &pairs);
    uint64_t *other = pairs.full ? NULL : kn_alloc((pairs.count + 1) * sizeof *other);
    if (other) {
        count_pairs(&pairs, other, cond->fold == KN_FOLD_MOST, numbers, touched);
    } else {
        chunk->rc = KN_E_NOMEM;
    }
    kn_free(other);
    kn_free(pairs.list);
}
