/* A block of a lane's rows, profile by profile in order. */
#include "base/assert.h"
#include "base/mem.h"
#include "report/rows.h"

/* Where rows are put: in order at once, or loose. */
struct target {
    int64_t *us;
    struct kn_row_ref *refs;
    uint32_t count;
};

/* What one load works on. Profiles with rows in several places are mixed: their rows are gathered
 * loose, then put in order behind those of the others. */
struct load {
    struct kn_slab *slab;
    const struct kn_lane *lane;
    const uint64_t *want;
    uint32_t first;
    uint32_t main; /* the part with most rows here */
    uint64_t mixed[KN_BLOCK_WORDS];
    bool any_mixed;
    const struct kn_moved *moved;
    uint32_t moved_count;
    struct target direct, loose;
};

void kn_slab_free(struct kn_slab *slab)
{
    kn_free(slab->us);
    kn_free(slab->refs);
    kn_free(slab->loose_us);
    kn_free(slab->loose_refs);
    kn_free(slab->loose_local);
    *slab = (struct kn_slab){0};
}

static enum kn_rc grow(void **block, size_t count, size_t bytes, struct kn_err *err)
{
    kn_free(*block);
    *block = kn_alloc(count * bytes);
    return *block ? KN_OK : kn_fail(err, KN_E_NOMEM, "no memory for rows");
}

static enum kn_rc reserve(struct kn_slab *s, size_t rows, struct kn_err *err)
{
    if (rows <= s->cap) {
        return KN_OK;
    }
    size_t cap = rows + rows / 2;
    s->cap = 0;
    KN_TRY(grow((void **)&s->us, cap, sizeof *s->us, err));
    KN_TRY(grow((void **)&s->refs, cap, sizeof *s->refs, err));
    s->cap = cap;
    return KN_OK;
}

static enum kn_rc reserve_loose(struct kn_slab *s, size_t rows, struct kn_err *err)
{
    if (rows <= s->loose_cap) {
        return KN_OK;
    }
    size_t cap = rows + rows / 2;
    s->loose_cap = 0;
    KN_TRY(grow((void **)&s->loose_us, cap, sizeof *s->loose_us, err));
    KN_TRY(grow((void **)&s->loose_refs, cap, sizeof *s->loose_refs, err));
    KN_TRY(grow((void **)&s->loose_local, cap, sizeof *s->loose_local, err));
    s->loose_cap = cap;
    return KN_OK;
}

static inline bool has_bit(const uint64_t *bits, uint32_t local)
{
    return (bits[local >> 6] >> (local & 63)) & 1;
}

/* The rows [row, row + rows) that count, behind those of the target. What does not change is in
 * hand: the rows that are written might lie anywhere, for all the compiler knows. */
static inline uint32_t take_rows(const struct kn_lane *lane, uint32_t part, uint64_t row,
                                 uint32_t rows, struct target *to)
{
    const struct kn_table_part *t = lane->parts[part].part;
    const uint64_t *truth = lane->parts[part].truth;
    const uint32_t *hi = t->hi;
    const void *lo = t->lo;
    int64_t base = t->base_us;
    uint32_t shift = t->shift;
    bool narrow = t->low_width == 2;
    int64_t from = lane->from;
    int64_t end = lane->to;
    int64_t *us = to->us;
    struct kn_row_ref *refs = to->refs;
    uint32_t n = to->count;
    kn_assert(us || rows == 0);
    for (uint64_t r = row; r < row + rows; r++) {
        uint64_t low = narrow ? ((const uint16_t *)lo)[r] : ((const uint32_t *)lo)[r];
        int64_t at = (int64_t)((uint64_t)base + ((uint64_t)hi[r] << shift) + low);
        us[n] = at;
        refs[n] = (struct kn_row_ref){part, (uint32_t)r};
        n += (uint32_t)((at >= from) & (at < end) & (!truth || kn_bit(truth, r)));
    }
    uint32_t taken = n - to->count;
    to->count = n;
    return taken;
}

static void take_loose(struct load *l, uint32_t part, uint64_t row, uint32_t rows, uint32_t local)
{
    uint32_t at = l->loose.count;
    uint32_t n = take_rows(l->lane, part, row, rows, &l->loose);
    for (uint32_t i = at; i < at + n; i++) {
        l->slab->loose_local[i] = (uint16_t)local;
    }
    l->slab->end[local] += n;
}

static void take_part(struct load *l, uint32_t part, uint32_t group, uint32_t end)
{
    const struct kn_table_part *t = l->lane->parts[part].part;
    struct kn_slab *s = l->slab;
    const uint32_t *ordinals = t->ordinals;
    const uint8_t *counts = t->counts;
    uint64_t row = kn_part_group_row(t, group);
    for (uint32_t g = group; g < end; g++) {
        uint32_t rows = counts[g] < 255 ? counts[g] : kn_part_large_rows(t, g);
        uint32_t local = ordinals[g] - l->first;
        if (!has_bit(l->want, local) || kn_part_is_void(t, ordinals[g])) {
            /* nothing of it counts */
        } else if (l->any_mixed && has_bit(l->mixed, local)) {
            take_loose(l, part, row, rows, local);
        } else {
            s->start[local] = l->direct.count;
            (void)take_rows(l->lane, part, row, rows, &l->direct);
            s->end[local] = l->direct.count;
        }
        row += rows;
    }
}

/* Calls each for the group of every ordinal that became part of one of the block. */
static void each_moved(struct load *l, uint32_t part,
                       void (*each)(struct load *l, uint32_t part, uint32_t group, uint32_t local))
{
    const struct kn_table_part *t = l->lane->parts[part].part;
    for (uint32_t i = 0; i < l->moved_count; i++) {
        uint32_t local = l->moved[i].canonical - l->first;
        uint32_t ordinal = l->moved[i].ordinal;
        if (!has_bit(l->want, local) || kn_part_is_void(t, ordinal)) {
            continue;
        }
        uint32_t g = kn_part_find(t, ordinal);
        if (g < t->groups && t->ordinals[g] == ordinal) {
            each(l, part, g, local);
        }
    }
}

static void take_moved(struct load *l, uint32_t part, uint32_t group, uint32_t local)
{
    const struct kn_table_part *t = l->lane->parts[part].part;
    take_loose(l, part, kn_part_group_row(t, group), kn_part_group_rows(t, group), local);
}

/* ---- order ---- */

static bool comes_before(const struct kn_lane *lane, int64_t a_us, struct kn_row_ref a,
                         int64_t b_us, struct kn_row_ref b)
{
    return a_us < b_us || (a_us == b_us && kn_lane_arrival(lane, a) < kn_lane_arrival(lane, b));
}

static bool is_sorted(const struct kn_lane *lane, const int64_t *us, const struct kn_row_ref *refs,
                      uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        if (comes_before(lane, us[i], refs[i], us[i - 1], refs[i - 1])) {
            return false;
        }
    }
    return true;
}

static void merge(const struct kn_lane *lane, const int64_t *us, const struct kn_row_ref *refs,
                  uint32_t half, uint32_t n, int64_t *to_us, struct kn_row_ref *to_refs)
{
    uint32_t a = 0;
    uint32_t b = half;
    for (uint32_t i = 0; i < n; i++) {
        bool second = a == half || (b < n && comes_before(lane, us[b], refs[b], us[a], refs[a]));
        uint32_t from = second ? b++ : a++;
        to_us[i] = us[from];
        to_refs[i] = refs[from];
    }
}

/* Merge sort from the bottom up; the loose rows are free by then and serve as the other side. */
static void sort_rows(const struct load *l, uint32_t start, uint32_t n)
{
    struct kn_slab *s = l->slab;
    int64_t *us = s->us + start;
    struct kn_row_ref *refs = s->refs + start;
    int64_t *other_us = s->loose_us;
    struct kn_row_ref *other_refs = s->loose_refs;
    for (uint32_t width = 1; width < n; width *= 2) {
        for (uint32_t at = 0; at < n; at += 2 * width) {
            uint32_t rest = n - at;
            uint32_t half = rest < width ? rest : width;
            uint32_t whole = rest < 2 * width ? rest : 2 * width;
            merge(l->lane, us + at, refs + at, half, whole, other_us + at, other_refs + at);
        }
        memcpy(us, other_us, n * sizeof *us);
        memcpy(refs, other_refs, n * sizeof *refs);
    }
}

/* The loose rows to where their profile's rows stand. Until then end[] of a mixed profile is their
 * number. */
static void put_in_order(struct load *l)
{
    struct kn_slab *s = l->slab;
    uint32_t at = l->direct.count;
    for (uint32_t i = 0; i < KN_BLOCK; i++) {
        if (has_bit(l->mixed, i)) {
            uint32_t n = s->end[i];
            s->start[i] = s->end[i] = at;
            at += n;
        }
    }
    for (uint32_t i = 0; i < l->loose.count; i++) {
        uint32_t to = s->end[s->loose_local[i]]++;
        s->us[to] = s->loose_us[i];
        s->refs[to] = s->loose_refs[i];
    }
    for (uint32_t i = 0; i < KN_BLOCK && !l->lane->unordered; i++) {
        uint32_t start = s->start[i];
        uint32_t n = s->end[i] - start;
        if (has_bit(l->mixed, i) && n > 1 &&
            !is_sorted(l->lane, s->us + start, s->refs + start, n)) {
            sort_rows(l, start, n);
        }
    }
}

static void mix(struct load *l, uint32_t local)
{
    l->mixed[local >> 6] |= UINT64_C(1) << (local & 63);
    l->any_mixed = true;
}

static void mix_moved(struct load *l, uint32_t part, uint32_t group, uint32_t local)
{
    (void)part;
    (void)group;
    mix(l, local);
}

/* The main part, and who has rows elsewhere too. Answers the number of rows there are at most. */
static uint64_t survey(struct load *l)
{
    uint64_t rows = 0;
    uint64_t most = 0;
    for (uint32_t i = 0; i < l->lane->count; i++) {
        const struct kn_table_part *t = l->lane->parts[i].part;
        uint64_t here = kn_part_group_row(t, kn_part_find(t, l->first + KN_BLOCK)) -
                        kn_part_group_row(t, kn_part_find(t, l->first));
        l->main = here > most ? i : l->main;
        most = here > most ? here : most;
        rows += here;
    }
    for (uint32_t i = 0; i < l->lane->count; i++) {
        const struct kn_table_part *t = l->lane->parts[i].part;
        uint32_t end = kn_part_find(t, l->first + KN_BLOCK);
        for (uint32_t g = kn_part_find(t, l->first); i != l->main && g < end; g++) {
            mix(l, t->ordinals[g] - l->first);
        }
        each_moved(l, i, mix_moved);
    }
    return rows;
}

static void count_moved(struct load *l, uint32_t part, uint32_t group, uint32_t local)
{
    (void)local;
    l->loose.count += kn_part_group_rows(l->lane->parts[part].part, group);
}

/* Room for one row more: the row that is tried is written before it is known to count. */
static enum kn_rc make_room(struct load *l, uint64_t rows, struct kn_err *err)
{
    for (uint32_t i = 0; i < l->lane->count; i++) {
        each_moved(l, i, count_moved);
    }
    rows += l->loose.count;
    if (rows >= UINT32_MAX) {
        return kn_fail(err, KN_E_LIMIT, "a block of profiles has too many rows");
    }
    KN_TRY(reserve(l->slab, (size_t)rows + 1, err));
    if (l->any_mixed) {
        KN_TRY(reserve_loose(l->slab, (size_t)rows + 1, err));
    }
    l->direct = (struct target){l->slab->us, l->slab->refs, 0};
    l->loose = (struct target){l->slab->loose_us, l->slab->loose_refs, 0};
    return KN_OK;
}

enum kn_rc kn_slab_load(struct kn_slab *slab, const struct kn_lane *lane,
                        const struct kn_population *population, uint32_t first,
                        const uint64_t want[KN_BLOCK_WORDS], struct kn_err *err)
{
    struct load l = {.slab = slab, .lane = lane, .want = want, .first = first};
    l.moved = kn_population_moved(population, first, &l.moved_count);
    memset(slab->start, 0, sizeof slab->start);
    memset(slab->end, 0, sizeof slab->end);
    KN_TRY(make_room(&l, survey(&l), err));
    for (uint32_t i = 0; i < lane->count; i++) {
        const struct kn_table_part *t = lane->parts[i].part;
        take_part(&l, i, kn_part_find(t, first), kn_part_find(t, first + KN_BLOCK));
        each_moved(&l, i, take_moved);
    }
    if (l.any_mixed) {
        put_in_order(&l);
    }
    slab->count = l.direct.count + l.loose.count;
    return KN_OK;
}

void kn_slab_narrow(const struct kn_slab *slab, uint64_t want[KN_BLOCK_WORDS])
{
    for (uint32_t w = 0; w < KN_BLOCK_WORDS; w++) {
        uint64_t has = 0;
        for (uint32_t b = 0; b < 64; b++) {
            has |= (uint64_t)(slab->end[w * 64 + b] > slab->start[w * 64 + b]) << b;
        }
        want[w] &= has;
    }
}
