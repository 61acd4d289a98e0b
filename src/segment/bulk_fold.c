/* One condition over one chunk: blocks of rows, and what each reducer keeps per profile. */
#include "base/assert.h"
#include "base/mem.h"
#include "segment/bulk_internal.h"

/* ---- blocks ---- */

static void and_words(uint64_t *to, const uint64_t *other, size_t words, bool without)
{
    for (size_t i = 0; i < words; i++) {
        to[i] &= without ? ~other[i] : other[i];
    }
}

/* Rows inside the window. */
static uint64_t *window_mask(struct kn_bulk_lane *lane, const struct kn_bulk_block *b)
{
    const struct kn_table_part *part = b->part;
    uint64_t *mask = kn_bulk_bits(lane, b->rows), *edge = kn_bulk_bits(lane, b->rows);
    if (!mask || !edge ||
        !lane->lanes->span(part->hi + b->row, b->rows, &b->how->span, mask, edge)) {
        return lane->full ? NULL : mask;
    }
    for (uint64_t at = kn_bulk_next_bit(edge, 0, b->rows); at < b->rows;
         at = kn_bulk_next_bit(edge, at + 1, b->rows)) {
        int64_t us = kn_part_time(part, b->row + at);
        if (us >= b->cond->from_us && us < b->cond->to_us) {
            kn_bits_set(mask, at);
        } else {
            mask[at >> 6] &= ~(UINT64_C(1) << (at & 63));
        }
    }
    return mask;
}

/* Sets block->mask. False: no row matches, or no memory. */
static bool match_rows(struct kn_bulk_lane *lane, struct kn_bulk_block *b)
{
    const struct kn_bulk_where *wheres[2] = {b->how->where, b->how->excluded};
    size_t words = kn_bits_words(b->rows);
    b->mask = b->how->whole ? NULL : window_mask(lane, b);
    for (int i = 0; i < 2 && !lane->full; i++) {
        if (!wheres[i] || (b->mask && kn_bits_none(b->mask, words))) {
            continue;
        }
        uint64_t *bits = kn_bulk_bits(lane, b->rows);
        if (!bits || !kn_bulk_mask(lane, b->part, wheres[i], b->row, b->rows, bits)) {
            return false;
        }
        if (b->mask) {
            and_words(b->mask, bits, words, i == 1);
        } else if (i == 0) {
            b->mask = bits;
        } else {
            b->mask = kn_bulk_bits(lane, b->rows);
            for (uint64_t at = 0; b->mask && at < b->rows; at += 64) {
                b->mask[at / 64] = ~bits[at / 64] & kn_bits_low(b->rows - at);
            }
        }
    }
    return !lane->full && (!b->mask || !kn_bits_none(b->mask, words));
}

/* Is any of the ordinals [first, last] of the chunk a candidate? */
static bool any_candidate(const struct kn_bulk_chunk *chunk, const uint64_t *candidates,
                          uint32_t first, uint32_t last)
{
    uint64_t end = (uint64_t)last - chunk->first + 1;
    return kn_bulk_next_bit(candidates, first - chunk->first, end) < end;
}

typedef void (*block_fn)(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *block, void *arg);

static void do_block(struct kn_bulk_chunk *chunk, struct kn_bulk_block *b, block_fn each, void *arg)
{
    kn_arena_clear(&chunk->lane.scratch);
    if (match_rows(&chunk->lane, b)) {
        each(chunk, b, arg);
    }
    if (chunk->lane.full) {
        chunk->rc = KN_E_NOMEM;
    }
}

static void each_part_block(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                            uint32_t p, const uint64_t *candidates, block_fn each, void *arg)
{
    const struct kn_table_part *part = cond->table->parts[p];
    struct kn_bulk_block b = {.cond = cond, .part = part, .how = &cond->parts[p], .stray = -1};
    uint32_t end = kn_part_find(part, chunk->end);
    uint32_t g = kn_part_find(part, chunk->first);
    uint64_t row = kn_part_group_row(part, g);
    while (g < end && chunk->rc == KN_OK) {
        uint32_t stop = (g / KN_BULK_BLOCK + 1) * KN_BULK_BLOCK;
        stop = stop < end ? stop : end;
        b.group = g;
        b.groups = stop - g;
        b.row = row;
        row = kn_part_group_row(part, stop);
        b.rows = row - b.row;
        if (any_candidate(chunk, candidates, part->ordinals[g], part->ordinals[stop - 1])) {
            do_block(chunk, &b, each, arg);
        }
        g = stop;
    }
}

static void each_stray(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                       const uint64_t *candidates, block_fn each, void *arg)
{
    const struct kn_bulk_table *table = cond->table;
    uint32_t at = chunk->index > 0 ? table->stray_ends[chunk->index - 1] : 0;
    for (; at < table->stray_ends[chunk->index] && chunk->rc == KN_OK; at++) {
        const struct kn_bulk_stray *s = &table->strays[at];
        const struct kn_table_part *part = table->parts[s->part];
        struct kn_bulk_block b = {.cond = cond,
                                  .part = part,
                                  .how = &cond->parts[s->part],
                                  .group = s->group,
                                  .groups = 1,
                                  .stray = s->canonical};
        if (!b.how->never && kn_bit(candidates, s->canonical - chunk->first)) {
            b.row = kn_part_group_row(part, s->group);
            b.rows = kn_part_group_rows(part, s->group);
            do_block(chunk, &b, each, arg);
        }
    }
}

void kn_bulk_each_block(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                        const uint64_t *candidates, block_fn each, void *arg)
{
    for (uint32_t p = 0; p < cond->table->part_count; p++) {
        if (!cond->parts[p].never) {
            each_part_block(chunk, cond, p, candidates, each, arg);
        }
    }
    if (cond->table->stray_ends) {
        each_stray(chunk, cond, candidates, each, arg);
    }
}

/* ---- rows per group ---- */

/* How many of the bits belong to each group. */
static void group_counts(const struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b,
                         const uint64_t *bits, uint32_t counts[KN_BULK_BLOCK])
{
    const struct kn_table_part *part = b->part;
    const uint8_t *sizes = part->counts + b->group;
    uint64_t at = 0;
    memset(counts, 0, b->groups * sizeof *counts);
    if (bits && !memchr(sizes, 255, b->groups)) {
        chunk->lane.lanes->group_counts(bits, sizes, b->groups, counts);
        return;
    }
    for (uint32_t i = 0; i < b->groups; i++) {
        uint32_t rows = kn_part_group_rows(part, b->group + i);
        counts[i] = bits ? (uint32_t)kn_lane_count(bits, at, rows) : rows;
        at += rows;
    }
}

/* ---- folds ---- */

static void add_exists(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b, void *arg)
{
    uint64_t *found = arg;
    uint32_t counts[KN_BULK_BLOCK];
    if (b->mask) {
        group_counts(chunk, b, b->mask, counts);
    }
    for (uint32_t i = 0; i < b->groups; i++) {
        if (!b->mask || counts[i] > 0) {
            int64_t at = kn_bulk_place(chunk, b, i);
            if (at >= 0) {
                kn_bits_set(found, (uint64_t)at);
            }
        }
    }
}

static void fold_exists(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                        const uint64_t *candidates, uint64_t *out)
{
    kn_bulk_each_block(chunk, cond, candidates, add_exists, out);
    for (size_t i = 0; cond->inverted && i < KN_BULK_WORDS; i++) {
        out[i] = ~out[i];
    }
}

static void add_count(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b, void *arg)
{
    uint32_t *sums = arg, counts[KN_BULK_BLOCK];
    group_counts(chunk, b, b->mask, counts);
    for (uint32_t i = 0; i < b->groups; i++) {
        int64_t at = counts[i] > 0 ? kn_bulk_place(chunk, b, i) : -1;
        if (at >= 0) {
            sums[at] += counts[i];
        }
    }
}

static void fold_numbers(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                         const uint64_t *candidates, uint64_t *out)
{
    uint32_t *sums = kn_calloc(KN_BULK_CHUNK, sizeof *sums);
    if (!sums) {
        chunk->rc = KN_E_NOMEM;
        return;
    }
    if (cond->fold == KN_FOLD_COUNT) {
        kn_bulk_each_block(chunk, cond, candidates, add_count, sums);
    } else {
        kn_bulk_sets(chunk, cond, candidates, sums);
    }
    for (uint32_t i = 0; i < KN_BULK_CHUNK; i++) {
        out[i / 64] |= (uint64_t)kn_bulk_number(cond, sums[i]) << (i & 63);
    }
    kn_free(sums);
}

/* ---- sums ---- */

struct sums {
    int64_t *amounts;
    uint32_t *counts; /* NULL: not asked for */
};

static void add_amounts(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b, void *arg)
{
    struct sums *sums = arg;
    const struct kn_column *column = b->how->column;
    const int64_t *amounts = b->how->amounts;
    uint64_t start = 0, end;
    for (uint32_t i = 0; column && i < b->groups; i++, start = end) {
        end = start + kn_part_group_rows(b->part, b->group + i);
        int64_t at = kn_bulk_place(chunk, b, i), sum = 0;
        uint64_t row = b->mask ? kn_bulk_next_bit(b->mask, start, end) : start;
        uint32_t count = 0;
        while (at >= 0 && row < end) {
            uint32_t code = kn_column_code(column, b->row + row);
            sum += amounts[code];
            count += b->how->is_number[code];
            row = b->mask ? kn_bulk_next_bit(b->mask, row + 1, end) : row + 1;
        }
        if (at >= 0) {
            sums->amounts[at] += sum;
        }
        if (at >= 0 && sums->counts) {
            sums->counts[at] += count;
        }
    }
}

static bool sum_answer(const struct kn_bulk_cond *cond, int64_t amount, const uint32_t *count)
{
    struct kn_wide sum = {{0, 0, 0}};
    if (cond->has_bound && !count) {
        return (amount >= cond->bound) != cond->bound_below;
    }
    if (count && *count == 0) {
        return cond->nothing;
    }
    kn_wide_add(&sum, (kn_dec)amount * cond->unit);
    return count ? kn_test_mean(cond->test, &sum, *count) : kn_test_sum(cond->test, &sum);
}

static void fold_sums(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                      const uint64_t *candidates, uint64_t *out)
{
    bool mean = cond->fold == KN_FOLD_MEAN;
    struct sums sums = {kn_calloc(KN_BULK_CHUNK, sizeof *sums.amounts),
                        mean ? kn_calloc(KN_BULK_CHUNK, sizeof *sums.counts) : NULL};
    if (sums.amounts && (sums.counts || !mean)) {
        kn_bulk_each_block(chunk, cond, candidates, add_amounts, &sums);
        for (uint32_t i = 0; i < KN_BULK_CHUNK; i++) {
            bool yes = sum_answer(cond, sums.amounts[i], mean ? &sums.counts[i] : NULL);
            out[i / 64] |= (uint64_t)yes << (i & 63);
        }
    } else {
        chunk->rc = KN_E_NOMEM;
    }
    kn_free(sums.amounts);
    kn_free(sums.counts);
}

/* ---- first and last ---- */

struct end {
    int64_t us;
    uint64_t arrival;
    bool is_there, yes;
};

static void add_end(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b, void *arg)
{
    struct end *ends = arg;
    bool first = b->cond->fold == KN_FOLD_FIRST;
    uint64_t *yes = kn_bulk_bits(&chunk->lane, b->rows), start = 0, stop;
    if (!yes || !kn_bulk_mask(&chunk->lane, b->part, b->how->sides[0], b->row, b->rows, yes)) {
        return;
    }
    for (uint32_t i = 0; i < b->groups; i++, start = stop) {
        stop = start + kn_part_group_rows(b->part, b->group + i);
        int64_t at = kn_bulk_place(chunk, b, i);
        uint64_t row = !first ? stop - 1 : b->mask ? kn_bulk_next_bit(b->mask, start, stop) : start;
        while (!first && b->mask && row > start && !kn_bit(b->mask, row)) {
            row--;
        }
        if (at < 0 || row >= stop || (b->mask && !kn_bit(b->mask, row))) {
            continue;
        }
        struct end *e = &ends[at];
        int64_t us = kn_part_time(b->part, b->row + row);
        uint64_t arrival = kn_part_arrival(b->part, b->row + row);
        bool later = us > e->us || (us == e->us && arrival > e->arrival);
        if (!e->is_there || later != first) {
            *e = (struct end){us, arrival, true, kn_bit(yes, row)};
        }
    }
}

static void fold_ends(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                      const uint64_t *candidates, uint64_t *out)
{
    struct end *ends = kn_calloc(KN_BULK_CHUNK, sizeof *ends);
    if (!ends) {
        chunk->rc = KN_E_NOMEM;
        return;
    }
    kn_bulk_each_block(chunk, cond, candidates, add_end, ends);
    for (uint32_t i = 0; i < KN_BULK_CHUNK; i++) {
        bool yes = ends[i].is_there ? ends[i].yes : cond->nothing;
        out[i / 64] |= (uint64_t)yes << (i & 63);
    }
    kn_free(ends);
}

/* ---- min and max ---- */

static void add_sides(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b, void *arg)
{
    uint8_t *sides = arg;
    uint32_t counts[KN_BULK_BLOCK];
    for (unsigned side = 0; side < 3; side++) {
        uint64_t *bits = kn_bulk_bits(&chunk->lane, b->rows);
        if (!bits ||
            !kn_bulk_mask(&chunk->lane, b->part, b->how->sides[side], b->row, b->rows, bits)) {
            return;
        }
        if (b->mask) {
            and_words(bits, b->mask, kn_bits_words(b->rows), false);
        }
        group_counts(chunk, b, bits, counts);
        for (uint32_t i = 0; i < b->groups; i++) {
            int64_t at = counts[i] > 0 ? kn_bulk_place(chunk, b, i) : -1;
            if (at >= 0) {
                sides[at] |= (uint8_t)(1U << side);
            }
        }
    }
}

static void fold_extreme(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                         const uint64_t *candidates, uint64_t *out)
{
    uint8_t *sides = kn_calloc(KN_BULK_CHUNK, 1);
    if (!sides) {
        chunk->rc = KN_E_NOMEM;
        return;
    }
    kn_bulk_each_block(chunk, cond, candidates, add_sides, sides);
    for (uint32_t i = 0; i < KN_BULK_CHUNK; i++) {
        out[i / 64] |= (uint64_t)cond->by_side[sides[i]] << (i & 63);
    }
    kn_free(sides);
}

void kn_bulk_fold(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                  const uint64_t *candidates, uint64_t *out)
{
    memset(out, 0, KN_BULK_WORDS * sizeof *out);
    switch (cond->fold) {
    case KN_FOLD_EXISTS: fold_exists(chunk, cond, candidates, out); break;
    case KN_FOLD_SUM:
    case KN_FOLD_MEAN: fold_sums(chunk, cond, candidates, out); break;
    case KN_FOLD_FIRST:
    case KN_FOLD_LAST: fold_ends(chunk, cond, candidates, out); break;
    case KN_FOLD_EXTREME: fold_extreme(chunk, cond, candidates, out); break;
    case KN_FOLD_WALK: kn_bulk_walk(chunk, cond, candidates, out); break;
    default: fold_numbers(chunk, cond, candidates, out); break;
    }
    for (size_t i = 0; i < KN_BULK_WORDS; i++) {
        out[i] &= candidates[i];
    }
    if (chunk->next && cond->moments) {
        kn_bulk_moments(chunk, cond->moments, candidates, out);
    }
}
