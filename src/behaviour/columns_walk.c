/* Profile by profile over several tables: cursors into every part, which go forward together. */
#include <stdlib.h>

#include "base/mem.h"
#include "behaviour/columns_internal.h"

struct cursor {
    const struct kn_table_part *part;
    uint32_t table; /* asked for */
    uint32_t group; /* the first that is not behind */
    uint64_t row;   /* its first row */
};

struct rows {
    struct kn_walk_row *rows, *other; /* other: room for merging */
    uint32_t count, room;
};

struct walk {
    const struct kn_col_ordinals *ordinals;
    uint32_t ordinal_end;
    struct cursor *cursors;
    uint32_t cursor_count;
    struct rows *rows; /* per table */
    struct kn_walk_rows *out;
    uint32_t table_count;
};

static bool make_room(struct rows *r, uint32_t more)
{
    if (r->room - r->count >= more) {
        return true;
    }
    uint64_t room = r->room ? r->room : 64;
    while (room < (uint64_t)r->count + more) {
        room *= 2;
    }
    struct kn_walk_row *rows = room <= UINT32_MAX ? kn_realloc(r->rows, room * sizeof *rows) : NULL;
    r->rows = rows ? rows : r->rows;
    struct kn_walk_row *other = rows ? kn_realloc(r->other, room * sizeof *other) : NULL;
    r->other = other ? other : r->other;
    if (!other) {
        return false;
    }
    r->room = (uint32_t)room;
    return true;
}

static bool comes_before(const struct kn_walk_row *a, const struct kn_walk_row *b)
{
    return a->us != b->us ? a->us < b->us
                          : kn_part_arrival(a->part, a->row) < kn_part_arrival(b->part, b->row);
}

/* Rows [0, middle) and [middle, count) are in order; afterwards all are. */
static void merge(struct rows *r, uint32_t middle)
{
    if (middle == 0 || middle == r->count ||
        !comes_before(&r->rows[middle], &r->rows[middle - 1])) {
        return;
    }
    uint32_t a = 0;
    uint32_t b = middle;
    for (uint32_t i = 0; i < r->count; i++) {
        bool second = b < r->count && (a == middle || comes_before(&r->rows[b], &r->rows[a]));
        r->other[i] = r->rows[second ? b++ : a++];
    }
    struct kn_walk_row *swap = r->rows;
    r->rows = r->other;
    r->other = swap;
}

static bool add_group(struct walk *w, const struct cursor *c, uint32_t group, uint64_t row)
{
    struct rows *r = &w->rows[c->table];
    uint32_t n = kn_part_group_rows(c->part, group);
    uint32_t middle = r->count;
    if (!make_room(r, n)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        r->rows[r->count++] =
            (struct kn_walk_row){kn_part_time(c->part, row + i), c->part, (uint32_t)(row + i)};
    }
    merge(r, middle);
    return true;
}

/* The rows of one ordinal; the cursors stay. */
static bool add_member(struct walk *w, uint32_t ordinal)
{
    for (uint32_t i = 0; i < w->cursor_count; i++) {
        const struct cursor *c = &w->cursors[i];
        if (kn_part_is_void(c->part, ordinal)) {
            continue;
        }
        uint32_t group = kn_part_find(c->part, ordinal);
        if (group < c->part->groups && c->part->ordinals[group] == ordinal &&
            !add_group(w, c, group, kn_part_group_row(c->part, group))) {
            return false;
        }
    }
    return true;
}

/* The rows of one ordinal where the cursors stand. */
static bool add_here(struct walk *w, uint32_t ordinal)
{
    for (uint32_t i = 0; i < w->cursor_count; i++) {
        const struct cursor *c = &w->cursors[i];
        if (c->group < c->part->groups && c->part->ordinals[c->group] == ordinal &&
            !kn_part_is_void(c->part, ordinal) && !add_group(w, c, c->group, c->row)) {
            return false;
        }
    }
    return true;
}

static void go_to(struct cursor *c, uint32_t ordinal)
{
    while (c->group < c->part->groups && c->part->ordinals[c->group] < ordinal) {
        c->row += kn_part_group_rows(c->part, c->group);
        c->group++;
    }
}

static void start_at(struct cursor *c, uint32_t ordinal)
{
    c->group = kn_part_find(c->part, ordinal);
    c->row = kn_part_group_row(c->part, c->group);
}

/* The next ordinal >= from at which a cursor stands or that has members; `end` when there is none.
 */
static uint32_t next_ordinal(const struct walk *w, uint32_t from, uint32_t end)
{
    uint32_t next = end;
    for (uint32_t i = 0; i < w->cursor_count; i++) {
        const struct cursor *c = &w->cursors[i];
        if (c->group < c->part->groups && c->part->ordinals[c->group] < next) {
            next = c->part->ordinals[c->group];
        }
    }
    const uint64_t *multiple = w->ordinals->multiple;
    for (uint32_t word = from / 64; multiple && word * UINT64_C(64) < next; word++) {
        uint64_t bits = multiple[word];
        bits &= word == from / 64 ? UINT64_MAX << (from % 64) : UINT64_MAX;
        if (bits != 0) {
            uint32_t found = word * 64 + (uint32_t)__builtin_ctzll(bits);
            next = found < next ? found : next;
            break;
        }
    }
    return next;
}

static enum kn_rc walk_all(struct walk *w, uint32_t first, uint32_t end, const uint64_t *only,
                           kn_walk_fn fn, void *context, struct kn_err *err)
{
    const struct kn_col_ordinals *o = w->ordinals;
    for (uint32_t at = next_ordinal(w, first, end); at < end;
         at = at + 1 < end ? next_ordinal(w, at + 1, end) : end) {
        bool wanted = (!o->canonical || o->canonical[at] == at) && (!only || kn_bit(only, at));
        bool ok = !wanted || add_here(w, at);
        for (uint32_t m = o->canonical ? o->members[at] : 0; m != 0 && wanted && ok;
             m = o->members[m - 1]) {
            ok = add_member(w, m - 1);
        }
        if (!ok) {
            return kn_fail(err, KN_E_NOMEM, "out of memory");
        }
        uint32_t total = 0;
        for (uint32_t i = 0; i < w->table_count; i++) {
            w->out[i] = (struct kn_walk_rows){w->rows[i].rows, w->rows[i].count};
            total += w->rows[i].count;
            w->rows[i].count = 0;
        }
        if (total > 0 && !fn(context, at, w->out)) {
            break;
        }
        for (uint32_t i = 0; i < w->cursor_count; i++) {
            go_to(&w->cursors[i], at + 1);
        }
    }
    return KN_OK;
}

static bool begin(struct walk *w, const struct kn_columns_pin *pin,
                  const struct kn_walk_table *tables, uint32_t first)
{
    uint32_t parts = 0;
    for (uint32_t i = 0; i < w->table_count; i++) {
        uint32_t count;
        (void)kn_pin_table(pin, tables[i].kind, tables[i].name, &count);
        parts += count;
    }
    w->cursors = kn_alloc((parts + 1U) * sizeof *w->cursors);
    w->rows = kn_calloc(w->table_count + 1U, sizeof *w->rows);
    w->out = kn_calloc(w->table_count + 1U, sizeof *w->out);
    if (!w->cursors || !w->rows || !w->out) {
        return false;
    }
    for (uint32_t i = 0; i < w->table_count; i++) {
        uint32_t count;
        const struct kn_table_part *const *p =
            kn_pin_table(pin, tables[i].kind, tables[i].name, &count);
        for (uint32_t k = 0; k < count; k++) {
            struct cursor *c = &w->cursors[w->cursor_count++];
            *c = (struct cursor){.part = p[k], .table = i};
            start_at(c, first);
        }
    }
    return true;
}

enum kn_rc kn_pin_walk(const struct kn_columns_pin *pin, const struct kn_walk_table *tables,
                       uint32_t table_count, uint32_t first, uint32_t end, const uint64_t *only,
                       kn_walk_fn fn, void *context, struct kn_err *err)
{
    struct walk w = {.ordinals = kn_col_view_of(pin)->ordinals, .table_count = table_count};
    end = end < pin->ordinal_end ? end : pin->ordinal_end;
    enum kn_rc rc = KN_OK;
    if (first < end) {
        rc = begin(&w, pin, tables, first) ? walk_all(&w, first, end, only, fn, context, err)
                                           : kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < table_count && w.rows; i++) {
        kn_free(w.rows[i].rows);
        kn_free(w.rows[i].other);
    }
    kn_free(w.cursors);
    kn_free(w.rows);
    kn_free(w.out);
    return rc;
}
