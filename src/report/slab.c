/* A block of a lane's rows, profile by profile in order. */
#include "base/assert.h"
#include "base/mem.h"
#include "report/rows.h"

/* What one load works on. */
struct load {
    struct kn_slab *slab;
    const struct kn_lane *lane;
    const struct kn_population *population;
    const uint64_t *want;
    uint32_t first;
    bool loose; /* rows come from several places: they are put in order afterwards */
    const struct kn_moved *moved;
    uint32_t moved_count;
    uint32_t sizes[KN_BLOCK];
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

/* The rows of one group that count, appended to the slab (or to its loose rows). */
static inline void take_group(struct load *l, uint32_t part, uint64_t row, uint32_t rows,
                              uint32_t local)
{
    const struct kn_lane_part *p = &l->lane->parts[part];
    struct kn_slab *s = l->slab;
    int64_t *us = l->loose ? s->loose_us : s->us;
    struct kn_row_ref *refs = l->loose ? s->loose_refs : s->refs;
    int64_t from = l->lane->from;
    int64_t to = l->lane->to;
    uint32_t n = s->count;
    for (uint64_t r = row; r < row + rows; r++) {
        int64_t t = kn_part_time(p->part, r);
        us[n] = t;
        refs[n] = (struct kn_row_ref){part, (uint32_t)r};
        bool is_true = !p->truth || kn_bit(p->truth, r);
        n += (uint32_t)((t >= from) & (t < to) & is_true);
    }
    if (l->loose) {
        for (uint32_t i = s->count; i < n; i++) {
            s->loose_local[i] = (uint16_t)local;
        }
    }
    l->sizes[local] += n - s->count;
    s->count = n;
}

static inline bool is_wanted(const struct load *l, uint32_t local)
{
    return (l->want[local >> 6] >> (local & 63)) & 1;
}

static void take_part(struct load *l, uint32_t part, uint32_t group, uint32_t end)
{
    const struct kn_table_part *t = l->lane->parts[part].part;
    uint64_t row = kn_part_group_row(t, group);
    for (uint32_t g = group; g < end; g++) {
        uint32_t rows = kn_part_group_rows(t, g);
        uint32_t local = t->ordinals[g] - l->first;
        if (is_wanted(l, local) && !kn_part_is_void(t, t->ordinals[g])) {
            take_group(l, part, row, rows, local);
        }
        row += rows;
    }
}

/* Rows that stand under an ordinal which became part of another one. */
static void take_moved(struct load *l, uint32_t part)
{
    const struct kn_table_part *t = l->lane->parts[part].part;
    for (uint32_t i = 0; i < l->moved_count; i++) {
        uint32_t local = l->moved[i].canonical - l->first;
        uint32_t ordinal = l->moved[i].ordinal;
        if (!is_wanted(l, local) || kn_part_is_void(t, ordinal)) {
            continue;
        }
        uint32_t g = kn_part_find(t, ordinal);
        if (g < t->groups && t->ordinals[g] == ordinal) {
            take_group(l, part, kn_part_group_row(t, g), kn_part_group_rows(t, g), local);
        }
    }
}

static uint64_t moved_rows(const struct load *l, uint32_t part)
{
    const struct kn_table_part *t = l->lane->parts[part].part;
    uint64_t n = 0;
    for (uint32_t i = 0; i < l->moved_count; i++) {
        uint32_t g = kn_part_find(t, l->moved[i].ordinal);
        if (g < t->groups && t->ordinals[g] == l->moved[i].ordinal) {
            n += kn_part_group_rows(t, g);
        }
    }
    return n;
}

/* ---- order ---- */

static bool comes_before(const struct kn_lane *lane, int64_t a_us, struct kn_row_ref a, int64_t b_us,
                         struct kn_row_ref b)
{
    return a_us < b_us ||
           (a_us == b_us && kn_lane_arrival(lane, a) < kn_lane_arrival(lane, b));
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

/* The loose rows to where their profile's rows stand. */
static void put_in_order(struct load *l)
{
    struct kn_slab *s = l->slab;
    uint32_t at[KN_BLOCK];
    memcpy(at, s->start, sizeof at);
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t to = at[s->loose_local[i]]++;
        s->us[to] = s->loose_us[i];
        s->refs[to] = s->loose_refs[i];
    }
    for (uint32_t i = 0; i < KN_BLOCK; i++) {
        uint32_t start = s->start[i];
        uint32_t n = s->start[i + 1] - start;
        if (n > 1 && !l->lane->unordered && !is_sorted(l->lane, s->us + start, s->refs + start, n)) {
            sort_rows(l, start, n);
        }
    }
}

static void set_starts(struct load *l)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < KN_BLOCK; i++) {
        l->slab->start[i] = at;
        at += l->sizes[i];
    }
    l->slab->start[KN_BLOCK] = at;
}

/* Groups of the block in each part; answers the rows there are at most, and in how many places. */
static uint64_t survey(struct load *l, uint32_t *places)
{
    uint64_t rows = 0;
    *places = 0;
    for (uint32_t i = 0; i < l->lane->count; i++) {
        const struct kn_table_part *t = l->lane->parts[i].part;
        uint64_t here = kn_part_group_row(t, kn_part_find(t, l->first + KN_BLOCK)) -
                        kn_part_group_row(t, kn_part_find(t, l->first));
        uint64_t moved = moved_rows(l, i);
        *places += (uint32_t)(here > 0) + (uint32_t)(moved > 0);
        rows += here + moved;
    }
    return rows;
}

enum kn_rc kn_slab_load(struct kn_slab *slab, const struct kn_lane *lane,
                        const struct kn_population *population, uint32_t first,
                        const uint64_t want[KN_BLOCK_WORDS], struct kn_err *err)
{
    struct load l = {
        .slab = slab, .lane = lane, .population = population, .want = want, .first = first};
    uint32_t places;
    l.moved = kn_population_moved(population, first, &l.moved_count);
    uint64_t rows = survey(&l, &places);
    if (rows >= UINT32_MAX) {
        return kn_fail(err, KN_E_LIMIT, "a block of profiles has too many rows");
    }
    l.loose = places > 1;
    slab->count = 0;
    /* One more: the row that is tried is written before it is known to count. */
    KN_TRY(reserve(slab, (size_t)rows + 1, err));
    if (l.loose) {
        KN_TRY(reserve_loose(slab, (size_t)rows + 1, err));
    }
    for (uint32_t i = 0; i < lane->count; i++) {
        const struct kn_table_part *t = lane->parts[i].part;
        take_part(&l, i, kn_part_find(t, first), kn_part_find(t, first + KN_BLOCK));
        take_moved(&l, i);
    }
    set_starts(&l);
    if (l.loose) {
        put_in_order(&l);
    }
    return KN_OK;
}

void kn_slab_narrow(const struct kn_slab *slab, uint64_t want[KN_BLOCK_WORDS])
{
    for (uint32_t w = 0; w < KN_BLOCK_WORDS; w++) {
        uint64_t has = 0;
        for (uint32_t b = 0; b < 64; b++) {
            uint32_t i = w * 64 + b;
            has |= (uint64_t)(slab->start[i + 1] > slab->start[i]) << b;
        }
        want[w] &= has;
    }
}
