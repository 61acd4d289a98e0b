/* Who counts, and how the work is cut. */
#include "base/assert.h"
#include "base/mem.h"
#include "report/rows.h"

static uint32_t whole_blocks(uint32_t end)
{
    return (end + KN_BLOCK - 1) / KN_BLOCK * KN_BLOCK;
}

static void count_profiles(const struct kn_report *r, struct kn_population *p)
{
    const struct kn_columns_pin *pin = r->pin;
    uint32_t words = (pin->ordinal_end + 63) / 64;
    for (uint32_t w = 0; w < words; w++) {
        p->counted[w] = pin->live[w] & (r->only ? r->only[w] : UINT64_MAX);
    }
    if (pin->ordinal_end % 64 > 0) {
        p->counted[words - 1] &= (UINT64_C(1) << (pin->ordinal_end % 64)) - 1;
    }
}

static uint32_t moved_total(const struct kn_columns_pin *pin)
{
    uint32_t n = 0;
    for (uint32_t o = 0; pin->canonical && o < pin->ordinal_end; o++) {
        n += pin->canonical[o] != o;
    }
    return n;
}

/* By canonical ordinal, stable: a radix sort over two halves of the key. */
static void sort_moved(struct kn_moved *a, struct kn_moved *spare, uint32_t n)
{
    for (unsigned shift = 0; shift < 32; shift += 16) {
        uint32_t *at = kn_must_calloc(65537, sizeof *at);
        for (uint32_t i = 0; i < n; i++) {
            at[((a[i].canonical >> shift) & 0xffff) + 1]++;
        }
        for (uint32_t i = 0; i < 65536; i++) {
            at[i + 1] += at[i];
        }
        for (uint32_t i = 0; i < n; i++) {
            spare[at[(a[i].canonical >> shift) & 0xffff]++] = a[i];
        }
        memcpy(a, spare, n * sizeof *a);
        kn_free(at);
    }
}

static enum kn_rc note_moved(const struct kn_columns_pin *pin, struct kn_population *p,
                             struct kn_err *err)
{
    uint32_t total = moved_total(pin);
    if (total == 0) {
        return KN_OK;
    }
    p->moved = kn_alloc((size_t)total * sizeof *p->moved);
    struct kn_moved *spare = kn_alloc((size_t)total * sizeof *spare);
    if (!p->moved || !spare) {
        kn_free(spare);
        return kn_fail(err, KN_E_NOMEM, "no memory for merged profiles");
    }
    for (uint32_t o = 0; o < pin->ordinal_end; o++) {
        uint32_t c = pin->canonical[o];
        if (c != o) {
            p->moved[p->moved_count++] = (struct kn_moved){c, o};
            p->counted[o / 64] &= ~(UINT64_C(1) << (o % 64));
        }
    }
    sort_moved(p->moved, spare, total);
    kn_free(spare);
    return KN_OK;
}

enum kn_rc kn_population_make(const struct kn_report *report, struct kn_population *ret,
                              struct kn_err *err)
{
    struct kn_population p = {.end = report->pin->ordinal_end};
    p.counted = kn_calloc(whole_blocks(p.end) / 64 + 1, sizeof *p.counted);
    if (!p.counted) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a set of profiles");
    }
    count_profiles(report, &p);
    enum kn_rc rc = note_moved(report->pin, &p, err);
    if (rc != KN_OK) {
        kn_population_free(&p);
        return rc;
    }
    *ret = p;
    return KN_OK;
}

void kn_population_free(struct kn_population *population)
{
    kn_free(population->counted);
    kn_free(population->moved);
    *population = (struct kn_population){0};
}

uint64_t kn_bits_count(const uint64_t *bits, uint32_t end)
{
    uint64_t n = 0;
    for (uint32_t w = 0; w < (end + 63) / 64; w++) {
        n += (uint64_t)__builtin_popcountll(bits[w]);
    }
    return n;
}

static uint32_t first_moved(const struct kn_population *p, uint32_t canonical)
{
    uint32_t low = 0;
    uint32_t high = p->moved_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (p->moved[middle].canonical < canonical) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct kn_moved *kn_population_moved(const struct kn_population *population, uint32_t first,
                                           uint32_t *ret_count)
{
    uint32_t low = first_moved(population, first);
    uint32_t end = low;
    while (end < population->moved_count && population->moved[end].canonical < first + KN_BLOCK) {
        end++;
    }
    *ret_count = end - low;
    return end > low ? population->moved + low : NULL;
}

/* Rows below an ordinal, plus a little for the ordinal itself: profiles cost too. */
static uint64_t weight(const struct kn_lane *const *lanes, uint32_t count, uint32_t ordinal)
{
    uint64_t n = ordinal;
    for (uint32_t l = 0; l < count; l++) {
        for (uint32_t i = 0; i < lanes[l]->count; i++) {
            const struct kn_table_part *t = lanes[l]->parts[i].part;
            n += kn_part_group_row(t, kn_part_find(t, ordinal));
        }
    }
    return n;
}

uint32_t kn_ranges_make(const struct kn_report *report, const struct kn_population *population,
                        const struct kn_lane *const *lanes, uint32_t lane_count,
                        struct kn_range ret[KN_RANGES_MAX])
{
    uint32_t blocks = whole_blocks(population->end) / KN_BLOCK;
    uint32_t parallel = report->jobs.parallel > 1 ? report->jobs.parallel : 1;
    uint32_t want = parallel == 1 || !report->jobs.run ? 1 : parallel * 6;
    want = want > KN_RANGES_MAX ? KN_RANGES_MAX : want;
    want = want > blocks ? blocks : want;
    uint64_t total = want > 1 ? weight(lanes, lane_count, population->end) : 0;
    uint32_t n = 0;
    uint32_t from = 0;
    for (uint32_t i = 1; i <= want && from < blocks; i++) {
        uint32_t low = from + 1;
        uint32_t high = blocks;
        uint64_t target = total / want * i;
        while (i < want && low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (weight(lanes, lane_count, middle * KN_BLOCK) < target) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        uint32_t to = i == want ? blocks : low;
        ret[n++] = (struct kn_range){from * KN_BLOCK, to * KN_BLOCK};
        from = to;
    }
    return n;
}

void kn_jobs_run(const struct kn_bulk_jobs *jobs, uint32_t count,
                 void (*run)(void *context, uint32_t index), void *context)
{
    if (jobs->run && count > 1) {
        jobs->run(jobs->context, count, run, context);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        run(context, i);
    }
}
