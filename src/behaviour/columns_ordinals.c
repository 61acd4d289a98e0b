/* What the runs together say about ordinals: where they belong, who lives, whose rows are void. */
#include "base/assert.h"
#include "base/mem.h"
#include "behaviour/columns_internal.h"

void kn_col_ordinals_unref(struct kn_col_ordinals *o)
{
    if (!o || atomic_fetch_sub(&o->references, 1) != 1) {
        return;
    }
    for (uint32_t i = 0; i < o->void_count; i++) {
        for (int k = 0; k < KN_TABLE_KIND_COUNT; k++) {
            kn_free(o->voids[i].bits[k]);
        }
    }
    kn_free(o->voids);
    kn_free(o->canonical);
    kn_free(o->members);
    kn_free(o->multiple);
    kn_free(o->live);
    kn_free(o);
}

static size_t bit_bytes(uint32_t room)
{
    return room / 64 * sizeof(uint64_t);
}

static void *copy_of(const void *from, size_t bytes)
{
    void *to = kn_alloc(bytes + 1);
    if (to) {
        memcpy(to, from, bytes);
    }
    return to;
}

static struct kn_col_ordinals *copy(const struct kn_col_ordinals *from)
{
    struct kn_col_ordinals *to = kn_calloc(1, sizeof *to);
    if (!to) {
        return NULL;
    }
    atomic_init(&to->references, 1);
    to->applied = from->applied;
    to->end = from->end;
    to->room = from->room;
    to->live_count = from->live_count;
    to->live = copy_of(from->live, bit_bytes(from->room));
    bool ok = to->live != NULL;
    if (from->canonical && ok) {
        to->canonical = copy_of(from->canonical, from->room * sizeof *from->canonical);
        to->members = copy_of(from->members, from->room * sizeof *from->members);
        to->multiple = copy_of(from->multiple, bit_bytes(from->room));
        ok = to->canonical && to->members && to->multiple;
    }
    to->voids = kn_calloc(from->void_count + 1U, sizeof *to->voids);
    ok = ok && to->voids;
    for (uint32_t i = 0; i < from->void_count && ok; i++) {
        to->voids[i].last = from->voids[i].last;
        to->void_count++;
        for (int k = 0; k < KN_TABLE_KIND_COUNT && ok; k++) {
            if (from->voids[i].bits[k]) {
                to->voids[i].bits[k] = copy_of(from->voids[i].bits[k], bit_bytes(from->room));
                ok = to->voids[i].bits[k] != NULL;
            }
        }
    }
    if (!ok) {
        kn_col_ordinals_unref(to);
        return NULL;
    }
    return to;
}

/* ---- room ---- */

static bool grow_bits(uint64_t **bits, uint32_t from, uint32_t to)
{
    uint64_t *more = kn_realloc(*bits, bit_bytes(to));
    if (!more) {
        return false;
    }
    memset(more + from / 64, 0, bit_bytes(to) - bit_bytes(from));
    *bits = more;
    return true;
}

static bool grow_map(struct kn_col_ordinals *o, uint32_t from, uint32_t to)
{
    uint32_t *canonical = kn_realloc(o->canonical, to * sizeof *canonical);
    o->canonical = canonical ? canonical : o->canonical;
    uint32_t *members = canonical ? kn_realloc(o->members, to * sizeof *members) : NULL;
    o->members = members ? members : o->members;
    if (!members || !grow_bits(&o->multiple, from, to)) {
        return false;
    }
    for (uint32_t i = from; i < to; i++) {
        canonical[i] = i;
        members[i] = 0;
    }
    return true;
}

/* Nobody was merged before: all three, or none. */
static bool make_map(struct kn_col_ordinals *o)
{
    if (grow_map(o, 0, o->room)) {
        return true;
    }
    kn_free(o->canonical);
    kn_free(o->members);
    kn_free(o->multiple);
    o->canonical = NULL;
    o->members = NULL;
    o->multiple = NULL;
    return false;
}

/* A failure half way leaves some vectors larger than `room` says, which does no harm. */
static bool grow(struct kn_col_ordinals *o, uint32_t end)
{
    uint32_t room = o->room ? o->room : 1024;
    while (room < end) {
        room = room < UINT32_MAX / 2 ? room * 2 : UINT32_MAX / 64 * 64;
        if (room == UINT32_MAX / 64 * 64 && room < end) {
            return false;
        }
    }
    if (room > o->room) {
        bool ok = grow_bits(&o->live, o->room, room);
        ok = ok && (!o->canonical || grow_map(o, o->room, room));
        for (uint32_t i = 0; i < o->void_count && ok; i++) {
            for (int k = 0; k < KN_TABLE_KIND_COUNT && ok; k++) {
                ok = !o->voids[i].bits[k] || grow_bits(&o->voids[i].bits[k], o->room, room);
            }
        }
        if (!ok) {
            return false;
        }
        o->room = room;
    }
    o->end = end > o->end ? end : o->end;
    return true;
}

/* ---- what a run says ---- */

static void set_bit(uint64_t *bits, uint32_t at)
{
    bits[at >> 6] |= UINT64_C(1) << (at & 63);
}

static void clear_bit(uint64_t *bits, uint32_t at)
{
    bits[at >> 6] &= ~(UINT64_C(1) << (at & 63));
}

static void set_live(struct kn_col_ordinals *o, uint32_t ordinal, bool live)
{
    if (kn_bit(o->live, ordinal) != live) {
        o->live_count = live ? o->live_count + 1 : o->live_count - 1;
        if (live) {
            set_bit(o->live, ordinal);
        } else {
            clear_bit(o->live, ordinal);
        }
    }
}

/* Out of the chain of its canonical ordinal, back to itself. */
static void leave(struct kn_col_ordinals *o, uint32_t ordinal)
{
    uint32_t first = o->canonical[ordinal];
    uint32_t at = first;
    if (first == ordinal) {
        return;
    }
    while (o->members[at] != ordinal + 1) {
        kn_assert(o->members[at] != 0);
        at = o->members[at] - 1;
    }
    o->members[at] = o->members[ordinal];
    o->members[ordinal] = 0;
    o->canonical[ordinal] = ordinal;
    if (o->members[first] == 0) {
        clear_bit(o->multiple, first);
    }
}

/* It, and those that belong to it, belong to `to`, or to what that belongs to. */
static void move_to(struct kn_col_ordinals *o, uint32_t ordinal, uint32_t to)
{
    to = o->canonical[to];
    if (to == o->canonical[ordinal]) {
        return;
    }
    leave(o, ordinal);
    uint32_t tail = ordinal;
    o->canonical[ordinal] = to;
    while (o->members[tail] != 0) {
        tail = o->members[tail] - 1;
        o->canonical[tail] = to;
    }
    o->members[tail] = o->members[to];
    o->members[to] = ordinal + 1;
    set_bit(o->multiple, to);
    clear_bit(o->multiple, ordinal);
}

static bool apply_merged(struct kn_col_ordinals *o, const struct kn_table_part *p)
{
    const struct kn_column *into = kn_part_column(p, KN_STR("into"), 0);
    if (!into || (!o->canonical && !make_map(o))) {
        return !into;
    }
    uint64_t row = 0;
    for (uint32_t g = 0; g < p->groups; g++) {
        uint32_t to;
        row += kn_part_group_rows(p, g);
        uint32_t code = kn_column_code(into, row - 1);
        if (code >= into->dictionary.count ||
            !kn_col_read_ordinal(kn_dictionary_value(&into->dictionary, code), &to) ||
            to >= o->end) {
            continue;
        }
        move_to(o, p->ordinals[g], to);
    }
    return true;
}

static bool apply_facts(struct kn_col_ordinals *o, const struct kn_col_run *run)
{
    if (!grow(o, run->ordinal_end)) {
        return false;
    }
    for (int list = 0; list < 2; list++) {
        int merged = list == 0 ? (int)KN_TABLE_MERGED : (int)KN_COL_FORGOTTEN;
        int profiles = list == 0 ? (int)KN_TABLE_PROFILE : (int)KN_COL_FORGOTTEN;
        for (uint32_t i = 0; i < run->void_counts[merged] && o->canonical; i++) {
            leave(o, run->voids[merged][i]);
        }
        for (uint32_t i = 0; i < run->void_counts[profiles]; i++) {
            set_live(o, run->voids[profiles][i], false);
        }
    }
    const struct kn_col_table *merged = kn_col_run_table(run, KN_TABLE_MERGED, KN_STR_EMPTY);
    const struct kn_col_table *profiles = kn_col_run_table(run, KN_TABLE_PROFILE, KN_STR_EMPTY);
    for (uint32_t g = 0; profiles && g < profiles->part.groups; g++) {
        set_live(o, profiles->part.ordinals[g], true);
    }
    return !merged || apply_merged(o, &merged->part);
}

/* ---- void rows ---- */

static unsigned kinds_of(const struct kn_col_run *run)
{
    unsigned kinds = 0;
    for (uint32_t i = 0; i < run->table_count; i++) {
        kinds |= 1U << run->tables[i].part.kind;
    }
    return kinds;
}

/* Rows in run `at` of ordinals that a newer run voids. */
static bool mark(struct kn_col_ordinals *o, uint32_t at, uint32_t kind, const struct kn_col_run *by,
                 uint32_t list)
{
    uint64_t **bits = &o->voids[at].bits[kind];
    if (by->void_counts[list] > 0 && !*bits) {
        *bits = kn_calloc(o->room / 64, sizeof **bits);
        if (!*bits) {
            return false;
        }
    }
    for (uint32_t i = 0; i < by->void_counts[list]; i++) {
        set_bit(*bits, by->voids[list][i]);
    }
    return true;
}

/* The bits of the runs that stay (a joined run has those of its newest part), none for new ones. */
static bool arrange(struct kn_col_ordinals *o, struct kn_col_run *const *runs, uint32_t count)
{
    struct kn_col_void_bits *to = kn_calloc(count + 1U, sizeof *to);
    if (!to) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        to[i].last = runs[i]->last;
        for (uint32_t k = 0; k < o->void_count; k++) {
            if (o->voids[k].last == runs[i]->last) {
                memcpy(to[i].bits, o->voids[k].bits, sizeof to[i].bits);
                memset(o->voids[k].bits, 0, sizeof o->voids[k].bits);
            }
        }
    }
    for (uint32_t k = 0; k < o->void_count; k++) {
        for (int kind = 0; kind < KN_TABLE_KIND_COUNT; kind++) {
            kn_free(o->voids[k].bits[kind]);
        }
    }
    kn_free(o->voids);
    o->voids = to;
    o->void_count = count;
    return true;
}

static bool apply_voids(struct kn_col_ordinals *o, struct kn_col_run *const *runs, uint32_t at)
{
    unsigned kinds = 0;
    for (uint32_t i = 0; i < at; i++) {
        /* A run may be joined to older ones: the bits are theirs then. */
        kinds |= kinds_of(runs[i]);
        for (uint32_t kind = 0; kind < KN_TABLE_KIND_COUNT; kind++) {
            if (kinds >> kind & 1 && (!mark(o, i, kind, runs[at], kind) ||
                                      !mark(o, i, kind, runs[at], KN_COL_FORGOTTEN))) {
                return false;
            }
        }
    }
    return true;
}

enum kn_rc kn_col_ordinals_update(struct kn_col_ordinals **ret, struct kn_col_run *const *runs,
                                  uint32_t count, struct kn_err *err)
{
    struct kn_col_ordinals *o = *ret;
    if (!o) {
        o = kn_calloc(1, sizeof *o);
        if (o) {
            atomic_init(&o->references, 1);
        }
    } else if (atomic_load(&o->references) > 1) {
        o = copy(o);
    }
    if (!o) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    if (o != *ret) {
        kn_col_ordinals_unref(*ret);
        *ret = o;
    }
    bool ok = grow(o, 0) && arrange(o, runs, count);
    for (uint32_t i = 0; i < count && ok; i++) {
        if (runs[i]->last > o->applied) {
            ok = apply_facts(o, runs[i]) && apply_voids(o, runs, i);
            o->applied = ok ? runs[i]->last : o->applied;
        }
    }
    return ok ? KN_OK : kn_fail(err, KN_E_NOMEM, "out of memory");
}
