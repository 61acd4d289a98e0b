/* One condition over one chunk: what each reducer keeps per profile. */
#include "base/mem.h"
#include "segment/bulk_internal.h"

/* ---- rows per group ---- */

/* How many of the bits belong to each group. */
static void group_counts(const struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b,
                         const uint64_t *bits, uint32_t counts[KN_BULK_BLOCK])
{
    const struct kn_lanes *lanes = chunk->lane.lanes;
    const uint8_t *sizes = b->part->counts + b->group;
    uint64_t at = 0;
    memset(counts, 0, b->groups * sizeof *counts);
    for (uint32_t i = 0; i < b->groups; i++) {
        const uint8_t *large = memchr(sizes + i, 255, b->groups - i);
        uint32_t stop = large ? (uint32_t)(large - sizes) : b->groups;
        if (bits) {
            at = lanes->group_counts(bits, at, sizes + i, stop - i, counts + i);
        } else {
            for (; i < stop; i++) {
                counts[i] = sizes[i];
            }
        }
        i = stop;
        if (large) {
            uint32_t rows = kn_part_large_rows(b->part, b->group + i);
            counts[i] = bits ? (uint32_t)lanes->count(bits, at, rows) : rows;
            at += rows;
        }
    }
}

/* ---- folds ---- */

static inline void set_bit_if(uint64_t *bits, int64_t at, bool set)
{
    bits[at >> 6] |= (uint64_t)set << (at & 63);
}

static void add_exists(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b, void *arg)
{
    uint64_t *found = arg;
    uint32_t counts[KN_BULK_BLOCK];
    if (b->mask) {
        group_counts(chunk, b, b->mask, counts);
    }
    for (uint32_t i = 0; i < b->groups; i++) {
        int64_t at = kn_bulk_owner(chunk, b, i);
        if (at >= 0) {
            set_bit_if(found, at, !b->mask || counts[i] > 0);
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
        int64_t at = kn_bulk_owner(chunk, b, i);
        if (at >= 0) {
            c->sums[at] += counts[i];
            set_bit_if(c->touched.bits, at, counts[i] > 0);
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

/* Running sums of the block's rows: what a group adds is a difference, and groups of one or two
 * rows cost no branches. Always inline: what does not change is known to each copy. */
static inline __attribute__((always_inline)) void
run_sums(const struct kn_bulk_block *b, unsigned width, bool is_short, int64_t *amounts)
{
    const struct kn_column column = {.width = (uint8_t)width, .codes = b->how->column->codes};
    const int32_t *narrow = b->how->short_amounts;
    const int64_t *wide = b->how->amounts;
    int64_t sum = 0;
    for (uint64_t row = 0; row < b->rows; row++) {
        uint32_t code = kn_column_code(&column, b->row + row);
        amounts[row + 1] = is_short ? narrow[code] : wide[code];
    }
    for (uint64_t row = 0; b->mask && row < b->rows; row++) {
        amounts[row + 1] &= -(int64_t)(b->mask[row >> 6] >> (row & 63) & 1);
    }
    for (uint64_t row = 1; row <= b->rows; row++) {
        sum += amounts[row];
        amounts[row] = sum;
    }
}

static void running_sums(const struct kn_bulk_block *b, int64_t *amounts)
{
    unsigned width = b->how->column->width;
    if (!b->how->short_amounts) {
        run_sums(b, width, false, amounts);
    } else if (width == 1) {
        run_sums(b, 1, true, amounts);
    } else if (width == 2) {
        run_sums(b, 2, true, amounts);
    } else {
        run_sums(b, 4, true, amounts);
    }
}

static void running_counts(const struct kn_bulk_block *b, uint32_t *counts)
{
    for (uint64_t row = 0; row < b->rows; row++) {
        uint32_t code = kn_column_code(b->how->column, b->row + row);
        bool counts_too = b->how->is_number[code] && (!b->mask || kn_bit(b->mask, row));
        counts[row + 1] = counts[row] + counts_too;
    }
}

static void add_amounts(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *b, void *arg)
{
    struct sums *sums = arg;
    uint64_t start = 0, end;
    if (!b->how->column) {
        return;
    }
    size_t room = b->rows + 1;
    int64_t *amounts = kn_arena_zero(&chunk->lane.scratch, room, sizeof *amounts);
    uint32_t *counts =
        sums->counts ? kn_arena_zero(&chunk->lane.scratch, room, sizeof *counts) : NULL;
    if (!amounts || (sums->counts && !counts)) {
        chunk->lane.full = true;
        return;
    }
    running_sums(b, amounts);
    if (counts) {
        running_counts(b, counts);
    }
    for (uint32_t i = 0; i < b->groups; i++, start = end) {
        end = start + kn_part_group_rows(b->part, b->group + i);
        int64_t at = kn_bulk_owner(chunk, b, i);
        if (at < 0) {
            continue;
        }
        uint32_t count = counts ? counts[end] - counts[start] : 1;
        sums->amounts[at] += amounts[end] - amounts[start];
        set_bit_if(sums->touched.bits, at, count > 0);
        if (counts) {
            sums->counts[at] += count;
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
            chunk->plan->bits->both(bits, b->mask, kn_bits_words(b->rows));
        }
        group_counts(chunk, b, bits, counts);
        for (uint32_t i = 0; i < b->groups; i++) {
            int64_t at = counts[i] > 0 ? kn_bulk_owner(chunk, b, i) : -1;
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
