/* Distinct profiles per point: the bits of all profiles of a block are counted at once.
 *
 * Points of a series are numbered from 1: bit 0 are rows before it, the last bit those after it.
 */
#include "base/mem.h"
#include "report/series.h"
#include "report/unit_bits.h"

struct kn_series_bits {
    struct kn_unit_bits *bits;
    uint32_t words;   /* per profile */
    uint64_t *totals; /* [64 x words] */
};

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

static void take_members(const struct kn_series_plan *p, const uint64_t *bits, uint32_t words,
                         uint32_t first)
{
    uint32_t point = p->request->cell_point + 1;
    for (uint32_t i = 0; i < KN_BLOCK; i++) {
        uint64_t bit = (bits[(size_t)i * words + point / 64] >> (point % 64)) & 1;
        if (bit) {
            p->report->members[(first + i) / 64] |= bit << ((first + i) % 64);
        }
    }
}

void kn_series_bits_block(struct kn_series_job *job, uint32_t first)
{
    const struct kn_series_plan *p = job->plan;
    struct kn_series_bits *b = job->bits;
    const uint64_t *bits = kn_unit_bits_block(b->bits, first);
    if (p->report->members) {
        take_members(p, bits, b->words, first);
        return;
    }
    for (uint32_t w = 0; w < b->words; w++) {
        count_column(bits + w, b->words, b->totals + (size_t)w * 64);
    }
}

/* ---- life ---- */

/* Bounds of [from, to) and the calendar's edges between them, ascending. */
static uint32_t edges_of(const struct kn_series_plan *p, int64_t *at)
{
    const struct kn_edges *e = &p->edges;
    for (uint32_t i = 0; i <= e->count; i++) {
        int64_t us = e->at[i] > p->lane.from ? e->at[i] : p->lane.from;
        at[i] = us < p->lane.to ? us : p->lane.to;
    }
    return e->count + 1;
}

enum kn_rc kn_series_bits_new(const struct kn_series_plan *plan, struct kn_series_bits **ret,
                              struct kn_err *err)
{
    struct kn_series_bits *b = kn_calloc(1, sizeof *b);
    if (!b) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a series");
    }
    *ret = b;
    int64_t *at = kn_alloc((plan->edges.count + 1) * sizeof *at);
    b->words = kn_unit_bits_words(plan->edges.count + 1);
    b->totals = kn_calloc((size_t)b->words * 64, sizeof *b->totals);
    if (!at || !b->totals) {
        kn_free(at);
        return kn_fail(err, KN_E_NOMEM, "no memory for a series");
    }
    uint32_t edges = edges_of(plan, at);
    enum kn_rc rc =
        kn_unit_bits_new(&plan->lane, &plan->population, at, edges, false, &b->bits, err);
    kn_free(at);
    return rc;
}

void kn_series_bits_free(struct kn_series_bits *bits)
{
    if (bits) {
        kn_unit_bits_free(bits->bits);
        kn_free(bits->totals);
        kn_free(bits);
    }
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
