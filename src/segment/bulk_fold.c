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
    struct kn_bulk_block b = {
        .cond = cond, .part = part, .how = &cond->parts[p], .candidates = candidates, .stray = -1};
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
                                  .candidates = candidates,
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

/* Who has matching rows at all: everybody else has the answer for nothing. */
struct touched {
    uint64_t bits[KN_BULK_WORDS];
};

typedef bool (*answer_fn)(const struct kn_bulk_cond *cond, const void *kept, uint32_t at);

static inline void answer_all(const struct kn_bulk_cond *cond, const struct touched *touched,
                              const uint64_t *candidates, bool nothing, answer_fn answer,
                              const void *kept, uint64_t *out)
{
    for (uint32_t w = 0; w < KN_BULK_WORDS; w++) {
        uint64_t left = touched->bits[w] & candidates[w], word = 0;
        for (; left != 0; left &= left - 1) {
            uint32_t bit = (uint32_t)__builtin_ctzll(left);
            word |= (uint64_t)answer(cond, kept, w * 64 + bit) << bit;
        }
        out[w] = word | (nothing ? ~touched->bits[w] : 0);
    }
}

/* ---- counts ---- */

struct counts {
    struct touched touched;
    uint32_t *sums;
};

static void add_count(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b, void *arg)
{
    struct counts *c = arg;
    uint32_t counts[KN_BULK_BLOCK];
    group_counts(chunk, b, b->mask, counts);
    for (uint32_t i = 0; i < b->groups; i++) {
        int64_t at = counts[i] > 0 ? kn_bulk_place(chunk, b, i) : -1;
        if (at >= 0) {
            c->sums[at] += counts[i];
            kn_bits_set(c->touched.bits, (uint64_t)at);
        }
    }
}

static bool count_answer(const struct kn_bulk_cond *cond, const void *kept, uint32_t at)
{
    const struct counts *c = kept;
    return kn_bulk_number(cond, c->sums[at]);
}

static void fold_numbers(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                         const uint64_t *candidates, uint64_t *out)
{
    struct counts c = {.sums = kn_calloc(KN_BULK_CHUNK, sizeof *c.sums)};
    if (!c.sums) {
        chunk->rc = KN_E_NOMEM;
        return;
    }
    if (cond->fold == KN_FOLD_COUNT) {
        kn_bulk_each_block(chunk, cond, candidates, add_count, &c);
    } else {
        kn_bulk_sets(chunk, cond, candidates, c.sums, c.touched.bits);
    }
    answer_all(cond, &c.touched, candidates, kn_bulk_number(cond, 0), count_answer, &c, out);
    kn_free(c.sums);
}

/* ---- sums ---- */

struct sums {
    struct touched touched;
    int64_t *amounts;
    uint32_t *counts; /* NULL: not asked for */
};

static void add_group(struct sums *sums, const struct kn_bulk_block *b, uint64_t start,
                      uint64_t end, uint64_t at)
{
    const struct kn_column *column = b->how->column;
    const int64_t *amounts = b->how->amounts;
    const uint8_t *is_number = b->how->is_number;
    int64_t sum = 0;
    uint32_t count = 0;
    for (uint64_t row = start; !b->mask && row < end; row++) {
        uint32_t code = kn_column_code(column, b->row + row);
        sum += amounts[code];
        count += is_number[code];
    }
    uint64_t row = b->mask ? kn_bulk_next_bit(b->mask, start, end) : end;
    for (; row < end; row = kn_bulk_next_bit(b->mask, row + 1, end)) {
        uint32_t code = kn_column_code(column, b->row + row);
        sum += amounts[code];
        count += is_number[code];
    }
    if (count > 0) {
        sums->amounts[at] += sum;
        kn_bits_set(sums->touched.bits, at);
        if (sums->counts) {
            sums->counts[at] += count;
        }
    }
}

static void add_amounts(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b, void *arg)
{
    uint64_t start = 0, end;
    for (uint32_t i = 0; b->how->column && i < b->groups; i++, start = end) {
        end = start + kn_part_group_rows(b->part, b->group + i);
        int64_t at = kn_bulk_place(chunk, b, i);
        if (at >= 0) {
            add_group(arg, b, start, end, (uint64_t)at);
        }
    }
}

static bool sum_answer(const struct kn_bulk_cond *cond, const void *kept, uint32_t at)
{
    const struct sums *sums = kept;
    struct kn_wide sum = {{0, 0, 0}};
    if (cond->has_bound && !sums->counts) {
        return (sums->amounts[at] >= cond->bound) != cond->bound_below;
    }
    kn_wide_add(&sum, (kn_dec)sums->amounts[at] * cond->unit);
    return sums->counts ? kn_test_mean(cond->test, &sum, sums->counts[at])
                        : kn_test_sum(cond->test, &sum);
}

static void fold_sums(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                      const uint64_t *candidates, uint64_t *out)
{
    bool mean = cond->fold == KN_FOLD_MEAN;
    struct kn_wide zero = {{0, 0, 0}};
    struct sums sums = {.amounts = kn_calloc(KN_BULK_CHUNK, sizeof *sums.amounts),
                        .counts = mean ? kn_calloc(KN_BULK_CHUNK, sizeof *sums.counts) : NULL};
    if (sums.amounts && (sums.counts || !mean)) {
        kn_bulk_each_block(chunk, cond, candidates, add_amounts, &sums);
        bool nothing = mean ? cond->nothing : kn_test_sum(cond->test, &zero);
        answer_all(cond, &sums.touched, candidates, nothing, sum_answer, &sums, out);
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
};
struct ends {
    struct touched touched;
    uint64_t yes[KN_BULK_WORDS];
    struct end *ends; /* of those touched; NULL: nobody has rows in two places */
};

/* The row of [start, stop) that is first or last of those that match, or stop. */
static uint64_t end_row(const struct kn_bulk_block *b, uint64_t start, uint64_t stop)
{
    if (b->cond->fold == KN_FOLD_FIRST) {
        return b->mask ? kn_bulk_next_bit(b->mask, start, stop) : start;
    }
    for (uint64_t row = stop; row > start; row--) {
        if (!b->mask || kn_bit(b->mask, row - 1)) {
            return row - 1;
        }
    }
    return stop;
}

static bool is_nearer(const struct kn_bulk_block *b, struct ends *e, uint64_t row, uint64_t at)
{
    if (!e->ends) {
        return true;
    }
    struct end *known = &e->ends[at];
    struct end now = {kn_part_time(b->part, row), kn_part_arrival(b->part, row)};
    bool later = now.us > known->us || (now.us == known->us && now.arrival > known->arrival);
    bool nearer = !kn_bit(e->touched.bits, at) || later == (b->cond->fold == KN_FOLD_LAST);
    if (nearer) {
        *known = now;
    }
    return nearer;
}

static void add_end(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b, void *arg)
{
    struct ends *e = arg;
    uint64_t *yes = kn_bulk_bits(&chunk->lane, b->rows), start = 0, stop;
    if (!yes || !kn_bulk_mask(&chunk->lane, b->part, b->how->sides[0], b->row, b->rows, yes)) {
        return;
    }
    for (uint32_t i = 0; i < b->groups; i++, start = stop) {
        stop = start + kn_part_group_rows(b->part, b->group + i);
        uint64_t row = end_row(b, start, stop);
        int64_t place = row < stop ? kn_bulk_place(chunk, b, i) : -1;
        uint64_t at = (uint64_t)place;
        if (place >= 0 && is_nearer(b, e, b->row + row, at)) {
            kn_bits_set(e->touched.bits, at);
            e->yes[at >> 6] &= ~(UINT64_C(1) << (at & 63));
            e->yes[at >> 6] |= (uint64_t)kn_bit(yes, row) << (at & 63);
        }
    }
}

static void fold_ends(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                      const uint64_t *candidates, uint64_t *out)
{
    struct ends e = {.ends = NULL};
    if (cond->table->part_count > 1 || cond->table->stray_ends) {
        e.ends = kn_alloc(KN_BULK_CHUNK * sizeof *e.ends);
        if (!e.ends) {
            chunk->rc = KN_E_NOMEM;
            return;
        }
    }
    kn_bulk_each_block(chunk, cond, candidates, add_end, &e);
    for (uint32_t w = 0; w < KN_BULK_WORDS; w++) {
        out[w] = e.yes[w] | (cond->nothing ? ~e.touched.bits[w] : 0);
    }
    kn_free(e.ends);
}

/* ---- min and max ---- */

struct extremes {
    struct touched touched;
    uint8_t *sides;
};

static void add_sides(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b, void *arg)
{
    struct extremes *e = arg;
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
                e->sides[at] |= (uint8_t)(1U << side);
                kn_bits_set(e->touched.bits, (uint64_t)at);
            }
        }
    }
}

static bool extreme_answer(const struct kn_bulk_cond *cond, const void *kept, uint32_t at)
{
    const struct extremes *e = kept;
    return cond->by_side[e->sides[at]];
}

static void fold_extreme(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                         const uint64_t *candidates, uint64_t *out)
{
    struct extremes e = {.sides = kn_calloc(KN_BULK_CHUNK, 1)};
    if (!e.sides) {
        chunk->rc = KN_E_NOMEM;
        return;
    }
    kn_bulk_each_block(chunk, cond, candidates, add_sides, &e);
    answer_all(cond, &e.touched, candidates, cond->by_side[0], extreme_answer, &e, out);
    kn_free(e.sides);
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
