/* Distinct profiles per point: a bit per profile and point.
 *
 * Points are numbered from 1; bit 0 takes the rows before the first edge and the last bit those
 * after the last, so that no row needs a branch. Rows of profiles that do not count go to a spare
 * place behind the block's. The point of a row is looked up by the high part of its time; only rows
 * on an edge are looked at closer.
 */
#include "base/mem.h"
#include "report/series.h"

enum {
    SPARE = KN_BLOCK, /* the place of rows that do not count */
    ROWS = 4096,      /* rows that are worked on at a time */
    LANES = 8,        /* places written at once */
    LARGE = 255,      /* rows of a group that is not written out */
};

/* What a bucket of high parts knows. */
struct bucket {
    uint32_t edge;   /* high part of the first edge that is not before it */
    uint32_t before; /* edges before it */
};

/* The edges as one part's times are kept. */
struct clock {
    uint32_t *hi; /* [edges + 1]; the last one is never reached */
    uint64_t *lo;
    struct bucket *buckets;
    uint32_t cap; /* high parts beyond it count as it */
    unsigned shift;
    uint32_t edges;
    bool crowded; /* a bucket has several edges: they are searched */
};

struct kn_series_bits {
    struct clock *clocks; /* per part of the lane */
    uint32_t clock_count;
    uint32_t words;   /* per profile */
    uint64_t *bits;   /* [(KN_BLOCK + 1) x words] */
    uint64_t *totals; /* [64 x words] */
    uint16_t places[ROWS + LARGE + LANES];
};

/* ---- the clock of a part ---- */

/* bounds of [from, to) and the calendar's edges between them, ascending. */
static uint32_t edges_of(const struct kn_series_plan *p, int64_t *at)
{
    const struct kn_edges *e = &p->edges;
    for (uint32_t i = 0; i <= e->count; i++) {
        int64_t us = e->at[i] > p->lane.from ? e->at[i] : p->lane.from;
        at[i] = us < p->lane.to ? us : p->lane.to;
    }
    return e->count + 1;
}

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

/* Buckets of 2^shift high parts, few enough to stay in the nearest cache. */
static enum kn_rc fill_buckets(struct clock *c, struct kn_err *err)
{
    uint32_t last = c->hi[c->edges - 1];
    c->cap = last == UINT32_MAX ? last : last + 1;
    c->shift = 0;
    while ((c->cap >> c->shift) > 8 * c->edges + 512) {
        c->shift++;
    }
    uint32_t n = (c->cap >> c->shift) + 1;
    c->buckets = kn_alloc(n * sizeof *c->buckets);
    if (!c->buckets) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a series");
    }
    uint32_t at = 0;
    for (uint32_t b = 0; b < n; b++) {
        uint32_t start = b << c->shift;
        uint64_t next = (uint64_t)(b + 1) << c->shift;
        while (at < c->edges && (c->hi[at] < start || (c->hi[at] == start && c->lo[at] == 0))) {
            at++;
        }
        c->crowded |= at + 1 < c->edges && c->hi[at + 1] < next;
        c->buckets[b] = (struct bucket){c->hi[at], at};
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
        return kn_fail(err, KN_E_NOMEM, "no memory for a series");
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
    return c->crowded || hi == b.edge ? look_closer(c, t, row) : b.before + (hi > b.edge);
}

/* ---- rows ---- */

static inline void set_bit(struct kn_series_bits *b, uint32_t place, uint32_t point)
{
    b->bits[(size_t)place * b->words + point / 64] |= UINT64_C(1) << (point % 64);
}

/* Rows [row, row + n), each of the profile in b->places, two words each. What does not change is in
 * hand: the bits that are written might lie anywhere, for all the compiler knows. */
static void set_pairs(struct kn_series_bits *b, const struct kn_table_part *t,
                      const struct clock *c, uint64_t row, uint32_t n)
{
    const uint32_t *high = t->hi + row;
    const struct bucket *buckets = c->buckets;
    const uint16_t *places = b->places;
    uint64_t *bits = b->bits;
    uint32_t cap = c->cap;
    unsigned shift = c->shift;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t hi = high[i];
        struct bucket k = buckets[(hi < cap ? hi : cap) >> shift];
        uint32_t point = k.before + (hi > k.edge);
        if (__builtin_expect(hi == k.edge, 0)) {
            point = look_closer(c, t, row + i);
        }
        bits[places[i] * 2 + point / 64] |= UINT64_C(1) << (point % 64);
    }
}

static void set_rows(struct kn_series_bits *b, const struct kn_lane_part *p, const struct clock *c,
                     uint64_t row, uint32_t n)
{
    if (b->words == 2 && !p->truth && !c->crowded) {
        set_pairs(b, p->part, c, row, n);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        bool is_true = !p->truth || kn_bit(p->truth, row + i);
        set_bit(b, is_true ? b->places[i] : SPARE, point_of(c, p->part, row + i));
    }
}

/* A group of any size, of one profile. */
static void set_group(struct kn_series_bits *b, const struct kn_lane_part *p, const struct clock *c,
                      uint64_t row, uint32_t rows, uint32_t place)
{
    for (uint64_t r = row; r < row + rows; r++) {
        bool is_true = !p->truth || kn_bit(p->truth, r);
        set_bit(b, is_true ? place : SPARE, point_of(c, p->part, r));
    }
}

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

static inline void put_places(uint16_t *places, uint32_t place)
{
    for (uint32_t i = 0; i < LANES; i++) {
        places[i] = (uint16_t)place;
    }
}

/* Groups are written over the end of each other, LANES places at a time: the sizes of most then
 * need no branch. */
static void set_part(struct kn_series_bits *b, const struct kn_lane_part *p, const struct clock *c,
                     uint32_t first, const uint64_t *want)
{
    const struct kn_table_part *t = p->part;
    uint32_t g = kn_part_find(t, first);
    uint32_t end = kn_part_find(t, first + KN_BLOCK);
    uint64_t row = kn_part_group_row(t, g);
    const uint8_t *counts = t->counts;
    const uint32_t *ordinals = t->ordinals;
    uint16_t *places = b->places;
    bool plain = g < end && is_plain(t, first, want);
    uint32_t n = 0;
    for (; g < end; g++) {
        uint32_t rows = counts[g];
        uint32_t place = plain ? ordinals[g] - first : place_of(t, ordinals[g], first, want);
        if (__builtin_expect(rows == LARGE, 0)) {
            set_rows(b, p, c, row, n);
            rows = kn_part_group_rows(t, g);
            set_group(b, p, c, row + n, rows, place);
            row += n + rows;
            n = 0;
            continue;
        }
        put_places(places + n, place);
        for (uint32_t i = LANES; i < rows; i += LANES) {
            put_places(places + n + i, place);
        }
        n += rows;
        if (__builtin_expect(n > ROWS, 0)) {
            set_rows(b, p, c, row, n);
            row += n;
            n = 0;
        }
    }
    set_rows(b, p, c, row, n);
}

static void set_moved(struct kn_series_bits *b, const struct kn_series_plan *plan, uint32_t part,
                      uint32_t first, const uint64_t *want)
{
    const struct kn_lane_part *p = &plan->lane.parts[part];
    const struct kn_table_part *t = p->part;
    uint32_t n;
    const struct kn_moved *moved = kn_population_moved(&plan->population, first, &n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t o = moved[i].ordinal;
        uint32_t g = kn_part_find(t, o);
        if (kn_bit(want, moved[i].canonical - first) && !kn_part_is_void(t, o) && g < t->groups &&
            t->ordinals[g] == o) {
            set_group(b, p, &b->clocks[part], kn_part_group_row(t, g), kn_part_group_rows(t, g),
                      moved[i].canonical - first);
        }
    }
}

/* ---- counting bits ---- */

/* Three words in, their sum per bit out: low and high digits. */
static inline void add3(uint64_t a, uint64_t b, uint64_t c, uint64_t *low, uint64_t *high)
{
    uint64_t u = a ^ b;
    *high = (a & b) | (u & c);
    *low = u ^ c;
}

static void add_bits(uint64_t word, uint64_t times, uint64_t *totals)
{
    for (; word != 0; word &= word - 1) {
        totals[__builtin_ctzll(word)] += times;
    }
}

/* How often each bit is set in every words-th word, by carry-save adders: eight words become four.
 */
static void count_column(const uint64_t *bits, uint32_t words, uint64_t *totals)
{
    uint64_t ones = 0;
    uint64_t twos = 0;
    uint64_t fours = 0;
    const size_t step = words;
    for (uint32_t i = 0; i < KN_BLOCK; i += 8) {
        const uint64_t *v = bits + i * step;
        uint64_t t[4];
        uint64_t f[2];
        uint64_t eights;
        add3(ones, v[0], v[step], &ones, &t[0]);
        add3(ones, v[2 * step], v[3 * step], &ones, &t[1]);
        add3(twos, t[0], t[1], &twos, &f[0]);
        add3(ones, v[4 * step], v[5 * step], &ones, &t[2]);
        add3(ones, v[6 * step], v[7 * step], &ones, &t[3]);
        add3(twos, t[2], t[3], &twos, &f[1]);
        add3(fours, f[0], f[1], &fours, &eights);
        add_bits(eights, 8, totals);
    }
    add_bits(ones, 1, totals);
    add_bits(twos, 2, totals);
    add_bits(fours, 4, totals);
}

static void take_members(const struct kn_series_plan *p, const struct kn_series_bits *b,
                         uint32_t first)
{
    uint32_t point = p->request->cell_point + 1;
    for (uint32_t i = 0; i < KN_BLOCK; i++) {
        uint64_t bit = (b->bits[(size_t)i * b->words + point / 64] >> (point % 64)) & 1;
        if (bit) {
            p->report->members[(first + i) / 64] |= bit << ((first + i) % 64);
        }
    }
}

void kn_series_bits_block(struct kn_series_job *job, uint32_t first)
{
    const struct kn_series_plan *p = job->plan;
    struct kn_series_bits *b = job->bits;
    const uint64_t *want = p->population.counted + first / 64;
    memset(b->bits, 0, (size_t)(KN_BLOCK + 1) * b->words * sizeof *b->bits);
    for (uint32_t i = 0; i < p->lane.count; i++) {
        set_part(b, &p->lane.parts[i], &b->clocks[i], first, want);
        set_moved(b, p, i, first, want);
    }
    if (p->report->members) {
        take_members(p, b, first);
        return;
    }
    for (uint32_t w = 0; w < b->words; w++) {
        count_column(b->bits + w, b->words, b->totals + (size_t)w * 64);
    }
}

/* ---- life ---- */

static enum kn_rc make_clocks(const struct kn_series_plan *plan, struct kn_series_bits *b,
                              struct kn_err *err)
{
    int64_t *at = kn_alloc((plan->edges.count + 1) * sizeof *at);
    b->clocks = kn_calloc(plan->lane.count + 1, sizeof *b->clocks);
    if (!at || !b->clocks) {
        kn_free(at);
        return kn_fail(err, KN_E_NOMEM, "no memory for a series");
    }
    b->clock_count = plan->lane.count;
    uint32_t edges = edges_of(plan, at);
    enum kn_rc rc = KN_OK;
    for (uint32_t i = 0; i < plan->lane.count && rc == KN_OK; i++) {
        rc = make_clock(plan->lane.parts[i].part, at, edges, &b->clocks[i], err);
    }
    kn_free(at);
    return rc;
}

enum kn_rc kn_series_bits_new(const struct kn_series_plan *plan, struct kn_series_bits **ret,
                              struct kn_err *err)
{
    struct kn_series_bits *b = kn_calloc(1, sizeof *b);
    if (!b) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a series");
    }
    *ret = b;
    b->words = (plan->edges.count + 2 + 63) / 64;
    b->bits = kn_alloc((size_t)(KN_BLOCK + 1) * b->words * sizeof *b->bits);
    b->totals = kn_calloc((size_t)b->words * 64, sizeof *b->totals);
    if (!b->bits || !b->totals) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a series");
    }
    return make_clocks(plan, b, err);
}

void kn_series_bits_free(struct kn_series_bits *bits)
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
    kn_free(bits->bits);
    kn_free(bits->totals);
    kn_free(bits);
}

enum kn_rc kn_series_bits_finish(struct kn_series_job *job)
{
    for (uint32_t i = 0; i < job->plan->edges.count; i++) {
        struct kn_cell *c = kn_series_cell(job, i);
        if (!c) {
            return job->err.code;
        }
        c->count += job->bits->totals[i + 1];
    }
    return KN_OK;
}
