/* The plan of a table: which rows of which input come in which order. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "behaviour/columns_join.h"

enum { STRETCH_MAX = 0xffffff, GROUP_COST = 16 };

bool kn_col_plan_add(struct kn_col_plan *p, uint32_t input, uint64_t row, uint64_t count)
{
    if (p->count > 0 && count > 0) {
        struct kn_col_stretch last = kn_col_stretch(p->stretches[p->count - 1]);
        uint64_t more = STRETCH_MAX - last.count;
        if (last.input == input && (uint64_t)last.row + last.count == row && more > 0) {
            more = more < count ? more : count;
            p->stretches[p->count - 1] += more << 32;
            p->entries += more;
            row += more;
            count -= more;
        }
    }
    while (count > 0) {
        uint64_t n = count < STRETCH_MAX ? count : STRETCH_MAX;
        if (!kn_col_grow(&p->stretches, p->count, &p->room, sizeof *p->stretches)) {
            return false;
        }
        p->stretches[p->count++] = (uint64_t)input << 56 | n << 32 | row;
        p->entries += n;
        row += n;
        count -= n;
    }
    return true;
}

/* ---- void rows ---- */

static int compare_voids(const void *a, const void *b)
{
    const struct kn_col_void_at *x = a;
    const struct kn_col_void_at *y = b;
    if (x->ordinal != y->ordinal) {
        return x->ordinal < y->ordinal ? -1 : 1;
    }
    return x->by != y->by ? (x->by > y->by ? -1 : 1) : 0; /* the newest first */
}

/* What the inputs say about rows of this kind in each other. */
static bool gather_voids(struct kn_col_join *j, enum kn_table_kind kind)
{
    uint64_t count = 0;
    for (uint32_t i = 1; i < j->input_count; i++) {
        count += j->inputs[i]->void_counts[kind] + j->inputs[i]->void_counts[KN_COL_FORGOTTEN];
    }
    j->void_count = 0;
    if (count == 0) {
        return true;
    }
    j->voids = kn_arena_alloc(&j->arena, count * sizeof *j->voids);
    if (!j->voids) {
        return false;
    }
    uint32_t n = 0;
    for (uint32_t i = 1; i < j->input_count; i++) {
        const struct kn_col_run *run = j->inputs[i];
        for (uint32_t k = 0; k < run->void_counts[kind]; k++) {
            j->voids[n++] = (struct kn_col_void_at){run->voids[kind][k], i};
        }
        for (uint32_t k = 0; k < run->void_counts[KN_COL_FORGOTTEN]; k++) {
            j->voids[n++] = (struct kn_col_void_at){run->voids[KN_COL_FORGOTTEN][k], i};
        }
    }
    qsort(j->voids, n, sizeof *j->voids, compare_voids);
    for (uint32_t i = 0; i < n; i++) {
        if (j->void_count == 0 || j->voids[j->void_count - 1].ordinal != j->voids[i].ordinal) {
            j->voids[j->void_count++] = j->voids[i];
        }
    }
    return true;
}

/* Asked with ascending ordinals per input. */
static bool is_void(struct kn_col_join *j, uint32_t input, uint32_t ordinal)
{
    uint32_t *at = &j->void_at[input];
    while (*at < j->void_count && j->voids[*at].ordinal < ordinal) {
        ++*at;
    }
    if (*at < j->void_count && j->voids[*at].ordinal == ordinal && j->voids[*at].by > input) {
        return true;
    }
    if (!j->ordinals) {
        return false;
    }
    const uint64_t *bits = j->ordinals->voids[j->positions[input]].bits[j->to->part.kind];
    return bits && kn_bit(bits, ordinal);
}

/* ---- rows that move to another ordinal ---- */

static int compare_moved(const void *a, const void *b)
{
    const struct kn_col_moved *x = a;
    const struct kn_col_moved *y = b;
    if (x->to != y->to) {
        return x->to < y->to ? -1 : 1;
    }
    if (x->input != y->input) {
        return x->input < y->input ? -1 : 1;
    }
    return (x->group > y->group) - (x->group < y->group);
}

/* Where rows of an ordinal go. They stay when newer runs void the rows of where they would go. */
static uint32_t target(const struct kn_col_join *j, uint32_t ordinal)
{
    if (j->to->part.kind != KN_TABLE_EVENT || !j->ordinals || !j->ordinals->canonical) {
        return ordinal;
    }
    uint32_t to = j->ordinals->canonical[ordinal];
    const uint64_t *bits =
        j->ordinals->voids[j->positions[j->input_count - 1]].bits[KN_TABLE_EVENT];
    return bits && kn_bit(bits, to) ? ordinal : to;
}

static bool gather_moved(struct kn_col_join *j)
{
    j->moved_count = 0;
    j->moved_at = 0;
    for (uint32_t i = 0; i < j->input_count && j->ordinals && j->ordinals->canonical; i++) {
        const struct kn_table_part *p = j->tables[i] ? &j->tables[i]->part : NULL;
        uint64_t row = 0;
        j->void_at[i] = 0;
        for (uint32_t g = 0; p && g < p->groups; g++) {
            uint32_t to = target(j, p->ordinals[g]);
            uint32_t rows = kn_part_group_rows(p, g);
            if (to != p->ordinals[g] && !is_void(j, i, p->ordinals[g])) {
                if (!kn_col_grow(&j->moved, j->moved_count, &j->moved_room, sizeof *j->moved)) {
                    return false;
                }
                j->moved[j->moved_count++] = (struct kn_col_moved){to, i, g, row};
            }
            row += rows;
        }
    }
    if (j->moved_count > 0) {
        qsort(j->moved, j->moved_count, sizeof *j->moved, compare_moved);
    }
    return true;
}

/* ---- the order of rows of one ordinal ---- */

static bool add_source(struct kn_col_join *j, uint32_t input, uint64_t row, uint32_t rows)
{
    if (!kn_col_grow(&j->sources, j->source_count, &j->source_room, sizeof *j->sources)) {
        return false;
    }
    j->sources[j->source_count++] = (struct kn_col_source){input, row, row + rows};
    return true;
}

static bool row_before(const struct kn_col_join *j, const struct kn_col_source *a, uint64_t row_a,
                       const struct kn_col_source *b, uint64_t row_b)
{
    const struct kn_table_part *x = &j->tables[a->input]->part;
    const struct kn_table_part *y = &j->tables[b->input]->part;
    int64_t us_x = kn_part_time(x, row_a);
    int64_t us_y = kn_part_time(y, row_b);
    if (us_x != us_y) {
        return us_x < us_y;
    }
    uint64_t arrival_x = kn_part_arrival(x, row_a);
    uint64_t arrival_y = kn_part_arrival(y, row_b);
    return arrival_x != arrival_y ? arrival_x < arrival_y : a < b;
}

/* Sources one after the other, when none begins before another ends. */
static bool are_apart(const struct kn_col_join *j)
{
    for (uint32_t i = 1; i < j->source_count; i++) {
        const struct kn_col_source *a = &j->sources[i - 1];
        const struct kn_col_source *b = &j->sources[i];
        if (!row_before(j, a, a->end - 1, b, b->row)) {
            return false;
        }
    }
    return true;
}

/* The rows of all sources; the one with the least row gives rows for as long as it has the least.
 */
static bool add_interleaved(struct kn_col_join *j)
{
    for (;;) {
        struct kn_col_source *least = NULL;
        struct kn_col_source *second = NULL;
        for (uint32_t i = 0; i < j->source_count; i++) {
            struct kn_col_source *s = &j->sources[i];
            if (s->row == s->end) {
                continue;
            }
            if (!least || row_before(j, s, s->row, least, least->row)) {
                second = least;
                least = s;
            } else if (!second || row_before(j, s, s->row, second, second->row)) {
                second = s;
            }
        }
        if (!least) {
            return true;
        }
        uint64_t first = least->row++;
        while (least->row < least->end &&
               (!second || row_before(j, least, least->row, second, second->row))) {
            least->row++;
        }
        if (!kn_col_plan_add(&j->plan, least->input, first, least->row - first)) {
            return false;
        }
    }
}

static void note_times(struct kn_col_join *j)
{
    for (uint32_t i = 0; i < j->source_count; i++) {
        const struct kn_col_source *s = &j->sources[i];
        int64_t first = kn_part_time(&j->tables[s->input]->part, s->row);
        int64_t last = kn_part_time(&j->tables[s->input]->part, s->end - 1);
        j->first_us = first < j->first_us ? first : j->first_us;
        j->last_us = last > j->last_us ? last : j->last_us;
    }
}

static bool end_group(struct kn_col_join *j, uint32_t ordinal)
{
    uint64_t before = j->plan.entries;
    note_times(j);
    if (are_apart(j)) {
        for (uint32_t i = 0; i < j->source_count; i++) {
            const struct kn_col_source *s = &j->sources[i];
            if (!kn_col_plan_add(&j->plan, s->input, s->row, s->end - s->row)) {
                return false;
            }
        }
    } else if (!add_interleaved(j)) {
        return false;
    }
    if (!kn_col_grow(&j->ordinals_out, j->group_count, &j->group_room, sizeof *j->ordinals_out) ||
        !kn_col_grow(&j->rows_out, j->group_count, &j->rows_room, sizeof *j->rows_out)) {
        return false;
    }
    if (ordinal >= j->run->ordinal_end) { /* rows may move to an ordinal that no input has */
        j->run->ordinal_end = ordinal + 1;
    }
    j->ordinals_out[j->group_count] = ordinal;
    j->rows_out[j->group_count++] = (uint32_t)(j->plan.entries - before);
    return true;
}

/* ---- the plan ---- */

static void skip_group(struct kn_col_join *j, uint32_t input)
{
    const struct kn_table_part *p = &j->tables[input]->part;
    j->rows[input] += kn_part_group_rows(p, j->groups[input]);
    j->groups[input]++;
}

/* Steps over void groups, and those that have moved; false: the input has no more. */
static bool settle(struct kn_col_join *j, uint32_t input)
{
    const struct kn_table_part *p = j->tables[input] ? &j->tables[input]->part : NULL;
    while (p && j->groups[input] < p->groups) {
        uint32_t ordinal = p->ordinals[j->groups[input]];
        bool gone = is_void(j, input, ordinal);
        if (!gone && target(j, ordinal) == ordinal) {
            return true;
        }
        j->whole[input] = j->whole[input] && !gone;
        skip_group(j, input);
    }
    return false;
}

/* The rows of the next ordinal; *ret_end: there is none. */
static bool plan_group(struct kn_col_join *j, bool *ret_end)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < j->input_count; i++) {
        if (settle(j, i) && j->tables[i]->part.ordinals[j->groups[i]] < least) {
            least = j->tables[i]->part.ordinals[j->groups[i]];
        }
    }
    if (j->moved_at < j->moved_count && j->moved[j->moved_at].to < least) {
        least = j->moved[j->moved_at].to;
    }
    *ret_end = least == UINT64_MAX;
    j->source_count = 0;
    for (uint32_t i = 0; i < j->input_count && !*ret_end; i++) {
        const struct kn_table_part *p = j->tables[i] ? &j->tables[i]->part : NULL;
        if (p && j->groups[i] < p->groups && p->ordinals[j->groups[i]] == least) {
            if (!add_source(j, i, j->rows[i], kn_part_group_rows(p, j->groups[i]))) {
                return false;
            }
            skip_group(j, i);
        }
    }
    for (; j->moved_at < j->moved_count && j->moved[j->moved_at].to == least; j->moved_at++) {
        const struct kn_col_moved *m = &j->moved[j->moved_at];
        if (!add_source(j, m->input, m->row,
                        kn_part_group_rows(&j->tables[m->input]->part, m->group))) {
            return false;
        }
    }
    return *ret_end || end_group(j, (uint32_t)least);
}

enum kn_rc kn_col_join_plan(struct kn_col_join *j, bool *done, struct kn_err *err)
{
    if (j->at == 0) {
        if (!gather_voids(j, j->to->part.kind) || !gather_moved(j)) {
            return kn_col_no_memory(err);
        }
        j->first_us = INT64_MAX;
        j->last_us = INT64_MIN;
        for (uint32_t i = 0; i < j->input_count; i++) {
            j->groups[i] = 0;
            j->rows[i] = 0;
            j->void_at[i] = 0;
            j->whole[i] = true;
        }
    }
    while (j->budget > 0 && !*done) {
        uint64_t before = j->plan.entries;
        if (!plan_group(j, done)) {
            return kn_col_no_memory(err);
        }
        j->at++;
        j->budget -= GROUP_COST + (int64_t)(j->plan.entries - before);
    }
    return KN_OK;
}

/* ---- elements ---- */

/* The elements of the array `item`, in the order of the entries they are of. */
enum kn_rc kn_col_join_levels(struct kn_col_join *j, bool *done, struct kn_err *err)
{
    if (j->item == j->array_count) {
        *done = true;
        return KN_OK;
    }
    struct kn_col_join_array *a = &j->arrays[j->item];
    const struct kn_col_plan *of = kn_col_join_plan_of(j, a->parent);
    for (; j->stretch < of->count && j->budget > 0; j->stretch++) {
        struct kn_col_stretch s = kn_col_stretch(of->stretches[j->stretch]);
        j->budget -= GROUP_COST;
        if (a->in[s.input] == KN_COL_NONE) {
            continue;
        }
        const uint32_t *offsets = j->tables[s.input]->part.arrays[a->in[s.input]].offsets;
        uint32_t first = offsets[s.row];
        if (!kn_col_plan_add(&a->plan, s.input, first, offsets[s.row + s.count] - first)) {
            return kn_col_no_memory(err);
        }
    }
    if (j->stretch == of->count) {
        j->stretch = 0;
        j->item++;
    }
    return KN_OK;
}
