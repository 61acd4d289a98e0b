/* A bit per profile and unit of time.
 *
 * The point of a row is looked up by the high part of its time; only rows on an edge are looked at
 * closer. Rows of profiles that do not count go to a spare place behind the block's, so that no row
 * needs a branch.
 */
#include "report/unit_bits.h"

#include "base/assert.h"
#include "base/mem.h"

enum {
    SPARE = KN_BLOCK, /* the place of rows that do not count */
    ROWS = 4096,      /* rows in hand */
    BUCKETS_MAX = 1 << 14,
    LANES = 8,   /* written at once */
    LARGE = 255, /* as kn_table_part has it: the group is in its list of large ones */
};

/* What a bucket of high parts knows. */
struct bucket {
    uint32_t edge;          /* high part of the first edge that is not before it */
    uint16_t before, after; /* edges before it; the same, and those with that high part */
};

/* The edges as one part's times are kept. */
struct clock {
    uint32_t *hi; /* [edges + 1]; the last one is never reached */
    uint64_t *lo;
    struct bucket *buckets;
    uint32_t cap; /* high parts beyond it count as it */
    unsigned shift;
    uint32_t edges;
    bool crowded; /* a bucket has edges with different high parts: they are searched */
};

/* Where a part has the rows of the ordinals from one on. */
struct cursor {
    uint32_t ordinal, group;
    uint64_t row;
};

struct kn_unit_bits {
    const struct kn_lane *lane;
    const struct kn_population *population;
    struct clock *clocks; /* per part of the lane */
    uint32_t clock_count;
    struct cursor *cursors; /* per part of the lane */
    uint32_t words;         /* per profile */
    bool twice;
    uint64_t *bits; /* [(KN_BLOCK + 1) x words] */
    /* Rows in hand, of one part, and their profiles. */
    uint64_t row; /* the first */
    uint32_t rows;
    uint16_t places[ROWS + LARGE + LANES];
};

/* ---- the clock of a part ---- */

static void place_edge(const struct kn_table_part *t, int64_t us, uint32_t *hi, uint64_t *lo)
{
    if (us <= t->base_us) {
        *hi = 0;
        *lo = 0;
        return;
    }
    uint64_t since = (uint64_t)us - (uint64_t)t->base_us;
    uint64_t high = t->shift < 64 ? since >> t->shift : 0;
    *hi = high > UINT32_MAX ? UINT32_MAX : (uint32_t)high;
    *lo = high > UINT32_MAX ? UINT64_MAX : since - (high << t->shift);
}

static uint32_t edges_before(const struct clock *c, uint32_t hi, uint64_t lo)
{
    uint32_t n = 0;
    while (n < c->edges && (c->hi[n] < hi || (c->hi[n] == hi && c->lo[n] <= lo))) {
        n++;
    }
    return n;
}

/* Do two edges with different high parts share a bucket? */
static bool is_crowded(const struct clock *c, unsigned shift)
{
    for (uint32_t i = 1; i < c->edges; i++) {
        if (c->hi[i] != c->hi[i - 1] && c->hi[i] >> shift == c->hi[i - 1] >> shift) {
            return true;
        }
    }
    return false;
}

/* Buckets of 2^shift high parts, so few that they stay in the nearest cache, unless edges are close
 * to each other: as when `now` is soon after midnight. */
static void choose_shift(struct clock *c)
{
    uint32_t last = c->hi[c->edges - 1];
    uint32_t most = 4 * c->edges + 64;
    c->cap = last == UINT32_MAX ? last : last + 1;
    c->shift = 0;
    while (c->cap >> c->shift > most) {
        c->shift++;
    }
    while (c->shift > 0 && c->cap >> (c->shift - 1) <= BUCKETS_MAX && is_crowded(c, c->shift)) {
        c->shift--;
    }
    c->crowded = is_crowded(c, c->shift);
}

static enum kn_rc fill_buckets(struct clock *c, struct kn_err *err)
{
    choose_shift(c);
    uint32_t n = (c->cap >> c->shift) + 1;
    c->buckets = kn_alloc(n * sizeof *c->buckets);
    if (!c->buckets) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a report");
    }
    uint32_t at = 0;
    for (uint32_t b = 0; b < n; b++) {
        uint32_t start = b << c->shift;
        while (at < c->edges && (c->hi[at] < start || (c->hi[at] == start && c->lo[at] == 0))) {
            at++;
        }
        uint32_t after = at;
        while (after < c->edges && c->hi[after] == c->hi[at]) {
            after++;
        }
        c->buckets[b] = (struct bucket){c->hi[at], (uint16_t)at, (uint16_t)after};
    }
    return KN_OK;
}

static enum kn_rc make_clock(const struct kn_table_part *t, const int64_t *at, uint32_t edges,
                             struct clock *c, struct kn_err *err)
{
    c->edges = edges;
    c->hi = kn_alloc((edges + 1) * sizeof *c->hi);
    c->lo = kn_alloc((edges + 1) * sizeof *c->lo);
    if (!c->hi || !c->lo) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a report");
    }
    for (uint32_t i = 0; i < edges; i++) {
        place_edge(t, at[i], &c->hi[i], &c->lo[i]);
    }
    c->hi[edges] = UINT32_MAX;
    c->lo[edges] = UINT64_MAX;
    return fill_buckets(c, err);
}

static uint64_t low_part(const struct kn_table_part *t, uint64_t row)
{
    return t->low_width == 2 ? ((const uint16_t *)t->lo)[row] : ((const uint32_t *)t->lo)[row];
}

static uint32_t look_closer(const struct clock *c, const struct kn_table_part *t, uint64_t row)
{
    return edges_before(c, t->hi[row], low_part(t, row));
}

static inline uint32_t point_of(const struct clock *c, const struct kn_table_part *t, uint64_t row)
{
    uint32_t hi = t->hi[row];
    struct bucket b = c->buckets[(hi < c->cap ? hi : c->cap) >> c->shift];
    bool near = c->crowded || hi == b.edge;
    return __builtin_expect(near, 0) ? look_closer(c, t, row) : hi > b.edge ? b.after : b.before;
}

/* ---- rows in hand ---- */

/* The row of a place in hand. Always inline, as what calls it. */
static inline __attribute__((always_inline)) void set_bit(struct kn_unit_bits *b,
                                                          const struct kn_table_part *t,
                                                          const struct clock *c, uint32_t i,
                                                          uint32_t words, const uint64_t *truth)
{
    uint64_t row = b->row + i;
    uint32_t point = point_of(c, t, row);
    uint64_t bit = (uint64_t)(!truth || kn_bit(truth, row)) << (point % 64);
    uint64_t *to = b->bits + (size_t)b->places[i] * words;
    to[words == 1 ? 0 : point / 64] |= bit;
}

/* Rows of the two halves by turns: the next row of a profile reads the word that this one writes,
 * and would wait for it. The clock is a copy: the bits that are written might lie anywhere, for all
 * the compiler knows. Always inline: each of the ways is a copy of its own. */
static inline __attribute__((always_inline)) void set_bits(struct kn_unit_bits *b,
                                                           const struct kn_table_part *t,
                                                           struct clock clock, uint32_t words,
                                                           const uint64_t *truth)
{
    uint32_t n = b->rows;
    uint32_t half = n / 2;
    for (uint32_t i = 0; i < half; i++) {
        set_bit(b, t, &clock, i, words, truth);
        set_bit(b, t, &clock, half + i, words, truth);
    }
    if (n % 2 == 1) {
        set_bit(b, t, &clock, n - 1, words, truth);
    }
}

/* The rows in hand are done. */
static void flush(struct kn_unit_bits *b, uint32_t part)
{
    const struct kn_lane_part *p = &b->lane->parts[part];
    struct clock c = b->clocks[part];
    if (p->truth || b->words > 2) {
        set_bits(b, p->part, c, b->words, p->truth);
    } else if (b->words == 2) {
        set_bits(b, p->part, c, 2, NULL);
    } else {
        set_bits(b, p->part, c, 1, NULL);
    }
    b->row += b->rows;
    b->rows = 0;
}

/* Once and twice: all rows of a profile in the part, in hand until they are done. Two words per row
 * that each read what the row before wrote would cost more than the loop's end does. Always inline:
 * each of the ways is a copy of its own. */
static inline __attribute__((always_inline)) void
set_twice(struct kn_unit_bits *b, const struct kn_table_part *t, const struct clock *c,
          const uint64_t *truth, uint64_t row, uint32_t rows, uint32_t place)
{
    uint64_t *to = b->bits + (size_t)place * 2;
    uint64_t once = 0;
    uint64_t twice = 0;
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t is_true = !truth || kn_bit(truth, row + i);
        uint64_t bit = is_true << (point_of(c, t, row + i) % 64);
        twice |= once & bit;
        once |= bit;
    }
    to[1] |= twice | (to[0] & once);
    to[0] |= once;
}

/* The next rows, all of one profile. LANES places are written at a time, over the end of what is
 * there: the sizes of most groups then need no branch. */
static inline void take_rows(uint16_t *to, uint32_t rows, uint32_t place)
{
    for (uint32_t i = 0; i < LANES; i++) {
        to[i] = (uint16_t)place;
    }
    for (uint32_t at = LANES; at < rows; at += LANES) {
        for (uint32_t i = 0; i < LANES; i++) {
            to[at + i] = (uint16_t)place;
        }
    }
}

/* A group of any size. */
static void take_large(struct kn_unit_bits *b, uint32_t part, uint32_t rows, uint32_t place)
{
    while (rows > ROWS - b->rows) {
        uint32_t some = ROWS - b->rows;
        take_rows(b->places + b->rows, some, place);
        b->rows = ROWS;
        rows -= some;
        flush(b, part);
    }
    take_rows(b->places + b->rows, rows, place);
    b->rows += rows;
}

/* ---- parts ---- */

static inline uint32_t place_of(const struct kn_table_part *t, uint32_t ordinal, uint32_t first,
                                const uint64_t *want)
{
    uint32_t local = ordinal - first;
    bool counts = kn_bit(want, local) && !kn_part_is_void(t, ordinal);
    return counts ? local : SPARE;
}

/* Everybody in the block counts (it lies below the end of ordinals, then), and no row of it is
 * void. */
static bool is_plain(const struct kn_table_part *t, uint32_t first, const uint64_t *want)
{
    uint64_t none = 0;
    for (uint32_t w = 0; w < KN_BLOCK_WORDS; w++) {
        if (want[w] != UINT64_MAX) {
            return false;
        }
    }
    for (uint32_t w = 0; t->voided && w < KN_BLOCK_WORDS; w++) {
        none |= t->voided[first / 64 + w];
    }
    return none == 0;
}

/* Groups up to the end of the block, of which every profile counts, or some. Always inline: twice.
 */
static inline __attribute__((always_inline)) uint32_t take_groups(struct kn_unit_bits *b,
                                                                  uint32_t part, uint32_t g,
                                                                  uint32_t first,
                                                                  const uint64_t *want, bool plain)
{
    const struct kn_table_part *t = b->lane->parts[part].part;
    const uint32_t *ordinals = t->ordinals;
    const uint8_t *counts = t->counts;
    uint32_t groups = t->groups;
    uint32_t n = 0;
    for (; g < groups && ordinals[g] - first < KN_BLOCK; g++) {
        uint32_t rows = counts[g];
        uint32_t place = plain ? ordinals[g] - first : place_of(t, ordinals[g], first, want);
        if (__builtin_expect(rows < LARGE, 1)) {
            take_rows(b->places + n, rows, place);
            n += rows;
        }
        if (__builtin_expect(n > ROWS || rows == LARGE, 0)) {
            b->rows = n;
            flush(b, part);
            take_large(b, part, rows == LARGE ? kn_part_group_rows(t, g) : 0, place);
            n = b->rows;
        }
    }
    b->rows = n;
    flush(b, part);
    return g;
}

static inline __attribute__((always_inline)) uint32_t
take_twice(struct kn_unit_bits *b, const struct kn_lane_part *p, struct clock clock, uint32_t g,
           uint32_t first, const uint64_t *want, const uint64_t *truth)
{
    const struct kn_table_part *t = p->part;
    bool plain = is_plain(t, first, want);
    uint64_t row = b->row;
    for (; g < t->groups && t->ordinals[g] - first < KN_BLOCK; g++) {
        uint32_t rows = kn_part_group_rows(t, g);
        uint32_t place = plain ? t->ordinals[g] - first : place_of(t, t->ordinals[g], first, want);
        set_twice(b, t, &clock, truth, row, rows, place);
        row += rows;
    }
    b->row = row;
    return g;
}

/* The groups of the block from g on. */
static uint32_t take_block(struct kn_unit_bits *b, uint32_t part, uint32_t g, uint32_t first,
                           const uint64_t *want)
{
    const struct kn_lane_part *p = &b->lane->parts[part];
    if (b->twice) {
        return p->truth ? take_twice(b, p, b->clocks[part], g, first, want, p->truth)
                        : take_twice(b, p, b->clocks[part], g, first, want, NULL);
    }
    return is_plain(p->part, first, want) ? take_groups(b, part, g, first, want, true)
                                          : take_groups(b, part, g, first, want, false);
}

static void take_part(struct kn_unit_bits *b, uint32_t part, uint32_t first, const uint64_t *want)
{
    const struct kn_table_part *t = b->lane->parts[part].part;
    struct cursor *at = &b->cursors[part];
    if (at->ordinal != first) {
        at->group = kn_part_find(t, first);
        at->row = kn_part_group_row(t, at->group);
    }
    b->row = at->row;
    if (at->group < t->groups && t->ordinals[at->group] - first < KN_BLOCK) {
        at->group = take_block(b, part, at->group, first, want);
    }
    at->ordinal = first + KN_BLOCK;
    at->row = b->row;
}

/* One group, of the profile at that place. */
static void take_one(struct kn_unit_bits *b, uint32_t part, uint32_t g, uint32_t place)
{
    const struct kn_lane_part *p = &b->lane->parts[part];
    uint32_t rows = kn_part_group_rows(p->part, g);
    b->row = kn_part_group_row(p->part, g);
    if (b->twice) {
        set_twice(b, p->part, &b->clocks[part], p->truth, b->row, rows, place);
    } else {
        take_large(b, part, rows, place);
        flush(b, part);
    }
}

static void take_moved(struct kn_unit_bits *b, uint32_t part, uint32_t first, const uint64_t *want)
{
    const struct kn_table_part *t = b->lane->parts[part].part;
    uint32_t n;
    const struct kn_moved *moved = kn_population_moved(b->population, first, &n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t o = moved[i].ordinal;
        uint32_t g = kn_part_find(t, o);
        if (kn_bit(want, moved[i].canonical - first) && !kn_part_is_void(t, o) && g < t->groups &&
            t->ordinals[g] == o) {
            take_one(b, part, g, moved[i].canonical - first);
        }
    }
}

const uint64_t *kn_unit_bits_block(struct kn_unit_bits *b, uint32_t first)
{
    const uint64_t *want = b->population->counted + first / 64;
    memset(b->bits, 0, (size_t)(KN_BLOCK + 1) * b->words * sizeof *b->bits);
    for (uint32_t i = 0; i < b->lane->count; i++) {
        take_part(b, i, first, want);
        take_moved(b, i, first, want);
    }
    return b->bits;
}

/* ---- life ---- */

static enum kn_rc make_clocks(struct kn_unit_bits *b, const int64_t *edges, uint32_t edge_count,
                              struct kn_err *err)
{
    const struct kn_lane *lane = b->lane;
    b->clocks = kn_calloc(lane->count + 1, sizeof *b->clocks);
    b->cursors = kn_calloc(lane->count + 1, sizeof *b->cursors);
    if (!b->clocks || !b->cursors) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a report");
    }
    b->clock_count = lane->count;
    for (uint32_t i = 0; i < lane->count; i++) {
        KN_TRY(make_clock(lane->parts[i].part, edges, edge_count, &b->clocks[i], err));
    }
    return KN_OK;
}

enum kn_rc kn_unit_bits_new(const struct kn_lane *lane, const struct kn_population *population,
                            const int64_t *edges, uint32_t edge_count, bool twice,
                            struct kn_unit_bits **ret, struct kn_err *err)
{
    struct kn_unit_bits *b = kn_calloc(1, sizeof *b);
    if (!b) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a report");
    }
    *ret = b;
    b->lane = lane;
    b->population = population;
    b->twice = twice;
    b->words = twice ? 2 : kn_unit_bits_words(edge_count);
    kn_assert(!twice || edge_count < 64);
    b->bits = kn_alloc((size_t)(KN_BLOCK + 1) * b->words * sizeof *b->bits);
    if (!b->bits) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a report");
    }
    return make_clocks(b, edges, edge_count, err);
}

void kn_unit_bits_free(struct kn_unit_bits *bits)
{
    if (!bits) {
        return;
    }
    for (uint32_t i = 0; bits->clocks && i < bits->clock_count; i++) {
        kn_free(bits->clocks[i].hi);
        kn_free(bits->clocks[i].lo);
        kn_free(bits->clocks[i].buckets);
    }
    kn_free(bits->clocks);
    kn_free(bits->cursors);
    kn_free(bits->bits);
    kn_free(bits);
}
