/* Retention of the same event, by bits: a profile's cohort is its first unit with a row, it came
 * back in every later one that has a row, and in the first one when that has two.
 *
 * Units are points of unit_bits, from 1. The end of what makes a cohort is an edge of its own,
 * since it may lie within a unit: point `last` is the end of that unit as far as it makes cohorts,
 * the next one its rest. Counts of a cohort are bytes, eight to a word, that are added up before
 * they run over.
 */
#include "base/mem.h"
#include "report/retention.h"
#include "report/unit_bits.h"

enum {
    UNITS_MAX = 61, /* and the points before and after, and the rest of the last cohort's unit */
    WORDS = 8,      /* eight periods each */
    BYTE_MAX = 255,
};

struct tally {
    uint32_t size;
    uint64_t returned[WORDS];
};

struct kn_retention_bits {
    struct kn_unit_bits *bits;
    uint32_t last;    /* point; 0: there is none that makes cohorts */
    uint64_t inside;  /* points in the bounds of returns */
    uint64_t periods; /* bits of those that are asked for */
    struct tally tallies[UNITS_MAX];
};

static bool are_same(const struct kn_lane_part *a, const struct kn_lane_part *b)
{
    if (a->part != b->part || !a->truth != !b->truth) {
        return false;
    }
    return !a->truth || memcmp(a->truth, b->truth, (a->part->rows + 63) / 64 * 8) == 0;
}

bool kn_retention_fits_bits(const struct kn_retention_plan *plan)
{
    const struct kn_lane *a = &plan->first;
    const struct kn_lane *b = &plan->back;
    bool fits = plan->dimension.kind == KN_BREAKDOWN_NONE && plan->edges.count <= UNITS_MAX &&
                plan->cohorts <= UNITS_MAX && a->count == b->count;
    for (uint32_t i = 0; fits && i < a->count; i++) {
        fits = are_same(&a->parts[i], &b->parts[i]);
    }
    return fits;
}

/* ---- counting ---- */

/* Bytes 0 or 1 for eight bits. */
static inline uint64_t spread(uint64_t bits)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t each = (bits & 255) * ones & UINT64_C(0x8040201008040201);
    return (each + 127 * ones) >> 7 & ones;
}

static void add_up(const struct kn_retention_plan *r, struct tally *t, uint64_t *counts)
{
    counts[0] += t->size;
    for (uint32_t p = 0; p < r->columns - 1; p++) {
        counts[p + 1] += t->returned[p / 8] >> (p % 8 * 8) & 255;
    }
    *t = (struct tally){0};
}

static void count(struct kn_retention_job *j, uint32_t cohort, uint64_t returned)
{
    const struct kn_retention_plan *r = j->r;
    struct tally *t = &j->bits->tallies[cohort];
    for (uint32_t w = 0; w * 8 < r->columns - 1; w++) {
        t->returned[w] += spread(returned >> (w * 8));
    }
    t->size++;
    if (t->size == BYTE_MAX) {
        add_up(r, t, j->counts + (size_t)cohort * r->columns);
    }
}

static void mark(const struct kn_retention_job *j, uint32_t ordinal, uint32_t cohort,
                 uint64_t returned)
{
    const struct kn_retention *q = j->r->request;
    bool all = q->cell_period < 0;
    bool back = !all && (uint32_t)q->cell_period <= q->periods && returned >> q->cell_period & 1;
    if (cohort == q->cell_cohort && (all || back)) {
        j->r->report->members[ordinal / 64] |= UINT64_C(1) << (ordinal % 64);
    }
}

/* Points to units: those after `last` move down by one. `last` > 0. */
static inline uint64_t above(uint64_t points, uint32_t last)
{
    return points >> (last + 1) << (last - 1);
}

void kn_retention_bits_block(struct kn_retention_job *job, uint32_t first)
{
    const struct kn_retention_bits *b = job->bits;
    const uint64_t *bits = kn_unit_bits_block(b->bits, first);
    uint64_t makes_cohort = (UINT64_C(2) << b->last) - 2;
    for (uint32_t i = 0; i < KN_BLOCK; i++) {
        uint64_t once = bits[(size_t)i * 2] & b->inside;
        uint64_t twice = bits[(size_t)i * 2 + 1] & b->inside;
        uint64_t low = (once & makes_cohort) >> 1;
        if (low == 0) {
            continue;
        }
        uint32_t cohort = (uint32_t)__builtin_ctzll(low);
        uint64_t high = above(once, b->last);
        uint64_t two = (twice & makes_cohort) >> 1 | above(twice, b->last) | (low & high);
        uint64_t later = (low | high) >> cohort & ~UINT64_C(1);
        uint64_t returned = (later | (two >> cohort & 1)) & b->periods;
        if (job->r->report->members) {
            mark(job, first + i, cohort, returned);
        } else {
            count(job, cohort, returned);
        }
    }
}

void kn_retention_bits_finish(struct kn_retention_job *job)
{
    for (uint32_t c = 0; c < job->r->cohorts; c++) {
        add_up(job->r, &job->bits->tallies[c], job->counts + (size_t)c * job->r->columns);
    }
}

/* ---- life ---- */

/* The units' edges within the bounds, ascending, with the end of what makes cohorts. *ret_last: the
 * point before that end. */
static uint32_t edges_of(const struct kn_retention_plan *r, int64_t *at, uint32_t *ret_last)
{
    int64_t from = r->back.from;
    int64_t to = r->back.to;
    uint32_t n = 0;
    *ret_last = 0;
    for (uint32_t i = 0; i <= r->edges.count; i++) {
        int64_t us = r->edges.at[i] > from ? r->edges.at[i] : from;
        us = us < to ? us : to;
        if (us >= r->first.to && n == i) {
            *ret_last = n;
            at[n++] = r->first.to;
        }
        at[n++] = us;
    }
    return n;
}

enum kn_rc kn_retention_bits_new(const struct kn_retention_plan *plan,
                                 struct kn_retention_bits **ret, struct kn_err *err)
{
    int64_t at[UNITS_MAX + 2];
    struct kn_retention_bits *b = kn_calloc(1, sizeof *b);
    if (!b) {
        return kn_fail(err, KN_E_NOMEM, "no memory for retention");
    }
    *ret = b;
    uint32_t edges = edges_of(plan, at, &b->last);
    b->inside = (UINT64_C(1) << edges) - 2;
    b->periods = (UINT64_C(2) << plan->request->periods) - 1;
    return kn_unit_bits_new(&plan->back, &plan->population, at, edges, true, &b->bits, err);
}

void kn_retention_bits_free(struct kn_retention_bits *bits)
{
    if (bits) {
        kn_unit_bits_free(bits->bits);
        kn_free(bits);
    }
}
