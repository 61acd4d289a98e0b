/* A join: its stages, and what a table of it consists of. */
#include "behaviour/columns_join.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

/* ---- life ---- */

static bool take_inputs(struct kn_col_join *j, struct kn_col_run *const *inputs, uint32_t count,
                        uint32_t first_position)
{
    j->inputs = kn_calloc(count, sizeof(struct kn_col_run *));
    j->positions = kn_calloc(count, sizeof *j->positions);
    j->next_tables = kn_calloc(count, sizeof *j->next_tables);
    j->tables = kn_calloc(count, sizeof(const struct kn_col_table *));
    j->groups = kn_calloc(count, sizeof *j->groups);
    j->rows = kn_calloc(count, sizeof *j->rows);
    j->void_at = kn_calloc(count, sizeof *j->void_at);
    j->whole = kn_calloc(count, sizeof *j->whole);
    j->maps = kn_calloc(count, sizeof(uint32_t *));
    j->map_counts = kn_calloc(count, sizeof *j->map_counts);
    if (!j->inputs || !j->positions || !j->next_tables || !j->tables || !j->groups || !j->rows ||
        !j->void_at || !j->whole || !j->maps || !j->map_counts) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        kn_col_run_ref(inputs[i]);
        j->inputs[i] = inputs[i];
        j->positions[i] = first_position + i;
        j->input_count++;
    }
    return true;
}

static uint32_t count_tables(const struct kn_col_join *j)
{
    uint32_t tables = 0;
    for (uint32_t i = 0; i < j->input_count; i++) {
        tables += j->inputs[i]->table_count;
    }
    return tables;
}

enum kn_rc kn_col_join_begin(struct kn_col_join **ret, struct kn_col_run *const *inputs,
                             uint32_t count, struct kn_col_ordinals *ordinals,
                             uint32_t first_position, struct kn_file *file, struct kn_err *err)
{
    struct kn_col_join *j = kn_calloc(1, sizeof *j);
    kn_assert(count > 0 && count <= KN_COL_INPUTS_MAX);
    if (!j) {
        return kn_col_no_memory(err);
    }
    kn_arena_init(&j->arena, SIZE_MAX / 4);
    j->keeps_voids = true;
    if (ordinals) {
        atomic_fetch_add(&ordinals->references, 1);
        j->ordinals = ordinals;
    }
    j->run = kn_col_run_new();
    bool ok = j->run && take_inputs(j, inputs, count, first_position);
    if (ok) {
        j->run->is_small = !file;
        j->run->first = inputs[0]->first;
        j->run->last = inputs[count - 1]->last;
        j->run->generation = inputs[count - 1]->generation;
        for (uint32_t i = 0; i < count; i++) {
            j->run->ordinal_end = inputs[i]->ordinal_end > j->run->ordinal_end
                                      ? inputs[i]->ordinal_end
                                      : j->run->ordinal_end;
        }
        j->run->tables =
            kn_arena_zero(&j->run->arena, count_tables(j) + 1U, sizeof *j->run->tables);
        ok = j->run->tables != NULL;
    }
    ok = ok && kn_col_sink_init(&j->sink, j->run, file, KN_COL_ALIGN, err) == KN_OK;
    if (!ok) {
        kn_col_join_free(j);
        return kn_col_no_memory(err);
    }
    *ret = j;
    return KN_OK;
}

static void table_end(struct kn_col_join *j)
{
    for (uint32_t i = 0; i < j->array_count; i++) {
        kn_free(j->arrays[i].plan.stretches);
    }
    kn_free(j->plan.stretches);
    j->plan = (struct kn_col_plan){0};
    j->array_count = 0;
    j->column_count = 0;
    j->group_count = 0;
    j->void_count = 0;
    j->moved_count = 0;
    kn_arena_clear(&j->arena);
}

void kn_col_join_free(struct kn_col_join *j)
{
    if (!j) {
        return;
    }
    table_end(j);
    kn_col_join_column_end(j);
    for (uint32_t i = 0; i < j->input_count; i++) {
        kn_col_run_unref(j->inputs[i]);
    }
    kn_col_ordinals_unref(j->ordinals);
    kn_col_run_unref(j->run);
    kn_col_sink_deinit(&j->sink);
    kn_arena_deinit(&j->arena);
    kn_free(j->inputs);
    kn_free(j->positions);
    kn_free(j->next_tables);
    kn_free(j->tables);
    kn_free(j->groups);
    kn_free(j->rows);
    kn_free(j->void_at);
    kn_free(j->whole);
    kn_free(j->maps);
    kn_free(j->map_counts);
    kn_free(j->ordinals_out);
    kn_free(j->rows_out);
    kn_free(j->moved);
    kn_free(j->sources);
    kn_free(j);
}

struct kn_col_run *kn_col_join_take(struct kn_col_join *j)
{
    struct kn_col_run *run = j->run;
    kn_assert(j->stage == KN_COL_S_DONE);
    j->run = NULL;
    return run;
}

/* ---- limits ---- */

static uint64_t text_bytes(const struct kn_dictionary *d)
{
    return d->count > 0 ? d->offsets[d->count] : 0;
}

/* What the columns of a table would need at most, whatever is equal in them. */
static bool table_fits(struct kn_col_run *const *inputs, uint32_t count,
                       const struct kn_col_table *t)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct kn_col_table *other = kn_col_run_table(inputs[i], t->part.kind, t->part.name);
        rows += other ? other->part.rows : 0;
    }
    for (uint32_t k = 0; k < t->part.array_count; k++) {
        uint64_t elements = 0;
        for (uint32_t i = 0; i < count; i++) {
            const struct kn_col_table *o = kn_col_run_table(inputs[i], t->part.kind, t->part.name);
            for (uint32_t x = 0; o && x < o->part.array_count; x++) {
                elements +=
                    kn_str_eq(o->array_ids[x], t->array_ids[k]) ? o->part.arrays[x].elements : 0;
            }
        }
        rows = elements > rows ? elements : rows;
    }
    for (uint32_t k = 0; k < t->part.column_count; k++) {
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < count; i++) {
            const struct kn_col_table *o = kn_col_run_table(inputs[i], t->part.kind, t->part.name);
            for (uint32_t x = 0; o && x < o->part.column_count; x++) {
                if (kn_str_eq(o->column_ids[x], t->column_ids[k])) {
                    bytes += text_bytes(&o->part.columns[x].dictionary);
                }
            }
        }
        rows = bytes > rows ? bytes : rows;
    }
    return rows < UINT32_MAX / 2;
}

bool kn_col_join_is_too_large(struct kn_col_run *const *inputs, uint32_t count)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += inputs[i]->bytes;
    }
    if (bytes < UINT32_MAX / 2) {
        return false; /* nothing in them can be more */
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < inputs[i]->table_count; k++) {
            if (!table_fits(inputs, count, &inputs[i]->tables[k])) {
                return true;
            }
        }
    }
    return false;
}

/* ---- the arrays and columns of a table, over all inputs ---- */

struct found {
    struct kn_str path, id;
    uint32_t input, index;
};

static int compare_found(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;
    int order = kn_col_compare(x->path, x->id, y->path, y->id);
    return order != 0 ? order : (x->input > y->input) - (x->input < y->input);
}

/* All arrays (or columns) of the inputs, those with the same id together. */
static struct found *find_all(struct kn_col_join *j, bool arrays, uint32_t *ret_count)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < j->input_count; i++) {
        const struct kn_table_part *p = j->tables[i] ? &j->tables[i]->part : NULL;
        count += p ? (arrays ? p->array_count : p->column_count) : 0;
    }
    struct found *all = kn_arena_alloc(&j->arena, (count + 1U) * sizeof *all);
    *ret_count = count;
    count = 0;
    for (uint32_t i = 0; i < j->input_count && all; i++) {
        const struct kn_col_table *t = j->tables[i];
        uint32_t n = t ? (arrays ? t->part.array_count : t->part.column_count) : 0;
        for (uint32_t k = 0; k < n; k++) {
            /* Arrays are in the order of their ids alone. */
            all[count++] = arrays ? (struct found){KN_STR_EMPTY, t->array_ids[k], i, k}
                                  : (struct found){t->part.columns[k].path, t->column_ids[k], i, k};
        }
    }
    if (all && count > 0) {
        qsort(all, count, sizeof *all, compare_found);
    }
    return all;
}

static uint32_t *no_indexes(struct kn_col_join *j)
{
    uint32_t *in = kn_arena_alloc(&j->arena, j->input_count * sizeof *in);
    for (uint32_t i = 0; i < j->input_count && in; i++) {
        in[i] = KN_COL_NONE;
    }
    return in;
}

static uint32_t level_in(const struct kn_col_join *j, struct kn_str id)
{
    size_t len = id.len;
    while (len > 0 && id.p[len - 1] != (char)KN_COL_ELEMENTS) {
        len--;
    }
    for (uint32_t i = 0; i < j->array_count && len > 0; i++) {
        if (kn_str_eq(j->arrays[i].id, kn_str_sub(id, 0, len))) {
            return i + 1;
        }
    }
    return 0;
}

static bool list_arrays(struct kn_col_join *j)
{
    uint32_t count;
    struct found *all = find_all(j, true, &count);
    j->arrays = kn_arena_zero(&j->arena, count + 1U, sizeof *j->arrays);
    if (!all || !j->arrays) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct kn_col_join_array *a = &j->arrays[j->array_count];
        if (i == 0 || !kn_str_eq(all[i - 1].id, all[i].id)) {
            *a = (struct kn_col_join_array){.id = all[i].id, .in = no_indexes(j)};
            a->parent = level_in(j, kn_str_sub(a->id, 0, a->id.len - 1));
            j->array_count++;
            if (!a->in) {
                return false;
            }
        } else {
            a--;
        }
        a->in[all[i].input] = all[i].index;
    }
    return true;
}

static bool list_columns(struct kn_col_join *j)
{
    uint32_t count;
    struct found *all = find_all(j, false, &count);
    j->columns = kn_arena_zero(&j->arena, count + 1U, sizeof *j->columns);
    if (!all || !j->columns) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct kn_col_join_column *c = &j->columns[j->column_count];
        if (i == 0 || !kn_str_eq(all[i - 1].id, all[i].id)) {
            *c = (struct kn_col_join_column){
                .path = all[i].path, .id = all[i].id, .in = no_indexes(j)};
            c->level = level_in(j, c->id);
            j->column_count++;
            if (!c->in) {
                return false;
            }
        } else {
            c--;
        }
        c->in[all[i].input] = all[i].index;
    }
    return true;
}

/* ---- a table ---- */

/* The next table in the order of (kind, name) is in the inputs that have it. */
static bool next_table(struct kn_col_join *j)
{
    const struct kn_table_part *least = NULL;
    for (uint32_t i = 0; i < j->input_count; i++) {
        const struct kn_col_run *run = j->inputs[i];
        if (j->next_tables[i] == run->table_count) {
            continue;
        }
        const struct kn_table_part *p = &run->tables[j->next_tables[i]].part;
        if (!least || p->kind < least->kind ||
            (p->kind == least->kind && kn_str_cmp(p->name, least->name) < 0)) {
            least = p;
        }
    }
    for (uint32_t i = 0; i < j->input_count && least; i++) {
        const struct kn_col_run *run = j->inputs[i];
        const struct kn_col_table *t =
            j->next_tables[i] < run->table_count ? &run->tables[j->next_tables[i]] : NULL;
        bool has = t && t->part.kind == least->kind && kn_str_eq(t->part.name, least->name);
        j->tables[i] = has ? t : NULL;
    }
    for (uint32_t i = 0; i < j->input_count && least; i++) {
        j->next_tables[i] += j->tables[i] ? 1 : 0;
    }
    if (least) {
        j->to = &j->run->tables[j->run->table_count];
        *j->to = (struct kn_col_table){.part = {.kind = least->kind}};
        j->to->part.name = kn_arena_str(&j->run->arena, least->name);
    }
    return least != NULL;
}

enum kn_rc kn_col_join_table_begin(struct kn_col_join *j, struct kn_err *err)
{
    table_end(j);
    j->at = 0;
    j->item = 0;
    if (!next_table(j)) {
        j->stage = KN_COL_S_DONE;
        kn_col_run_count(j->run);
        return KN_OK;
    }
    j->stage = KN_COL_S_PLAN;
    return j->to->part.name.p && list_arrays(j) && list_columns(j) ? KN_OK : kn_col_no_memory(err);
}

/* What the plan says about the whole table. */
static void scale_table(struct kn_col_join *j)
{
    struct kn_table_part *p = &j->to->part;
    kn_col_time_scale(p, j->first_us, j->last_us);
    p->arrival_base = UINT64_MAX;
    for (uint32_t i = 0; i < j->input_count; i++) {
        const struct kn_col_table *t = j->tables[i];
        if (t) {
            p->arrival_base =
                t->part.arrival_base < p->arrival_base ? t->part.arrival_base : p->arrival_base;
            j->to->arrival_max =
                t->arrival_max > j->to->arrival_max ? t->arrival_max : j->to->arrival_max;
        }
    }
    p->arrival_width = kn_col_width(j->to->arrival_max - p->arrival_base);
    p->rows = j->plan.entries;
    p->groups = j->group_count;
    for (uint32_t i = 0; i < j->group_count; i++) {
        p->large_count += j->rows_out[i] >= 255;
    }
}

/* Arrays that have elements, and room for the columns. */
static bool lay_out(struct kn_col_join *j)
{
    struct kn_arena *arena = &j->run->arena;
    struct kn_column_array *arrays = kn_arena_zero(arena, j->array_count + 1U, sizeof *arrays);
    struct kn_str *array_ids = kn_arena_zero(arena, j->array_count + 1U, sizeof *array_ids);
    struct kn_column *columns = kn_arena_zero(arena, j->column_count + 1U, sizeof *columns);
    struct kn_str *column_ids = kn_arena_zero(arena, j->column_count + 1U, sizeof *column_ids);
    uint32_t *texts = kn_arena_zero(arena, j->column_count + 1U, sizeof *texts);
    bool ok = arrays && array_ids && columns && column_ids && texts;
    for (uint32_t i = 0; i < j->array_count && ok; i++) {
        struct kn_col_join_array *a = &j->arrays[i];
        if (a->plan.entries == 0) {
            continue;
        }
        uint32_t at = j->to->part.array_count++;
        a->level = at + 1;
        array_ids[at] = kn_arena_str(arena, a->id);
        arrays[at].path = kn_col_path_of(arena, array_ids[at]);
        arrays[at].parent = a->parent == 0 ? 0 : j->arrays[a->parent - 1].level;
        arrays[at].elements = a->plan.entries;
        ok = array_ids[at].p && arrays[at].path.p;
    }
    j->to->part.arrays = arrays;
    j->to->array_ids = array_ids;
    j->to->part.columns = columns;
    j->to->column_ids = column_ids;
    j->to->text_bytes = texts;
    return ok;
}

static enum kn_rc planned(struct kn_col_join *j, struct kn_err *err)
{
    if (j->plan.entries == 0) {
        j->stage = KN_COL_S_TABLE; /* nothing is left of it */
        return KN_OK;
    }
    scale_table(j);
    j->run->table_count++;
    j->stage = KN_COL_S_ORDINALS;
    return lay_out(j) ? KN_OK : kn_col_no_memory(err);
}

/* ---- stages ---- */

/* Where the work goes on after a stage is done. */
static enum kn_rc advance(struct kn_col_join *j, struct kn_err *err)
{
    enum kn_col_stage was = j->stage;
    j->at = 0;
    j->stretch = 0;
    j->in_stretch = 0;
    j->total = 0;
    switch (was) {
    case KN_COL_S_VOIDS:
        j->item++;
        j->stage = j->item < KN_COL_VOIDS ? KN_COL_S_VOIDS : KN_COL_S_TABLE;
        break;
    case KN_COL_S_LEVELS: KN_TRY(planned(j, err)); break;
    case KN_COL_S_OFFSETS: j->item++; break;
    case KN_COL_S_TEXTS:
        kn_col_join_column_end(j);
        j->item++;
        j->stage = KN_COL_S_COLUMN;
        break;
    default: j->stage = was + 1;
    }
    if (j->stage != was && j->stage != KN_COL_S_VOIDS && was < KN_COL_S_COLUMN) {
        j->item = 0;
    }
    return KN_OK;
}

static enum kn_rc do_stage(struct kn_col_join *j, bool *done, struct kn_err *err)
{
    switch (j->stage) {
    case KN_COL_S_TABLE: return kn_col_join_table_begin(j, err);
    case KN_COL_S_PLAN: return kn_col_join_plan(j, done, err);
    case KN_COL_S_LEVELS: return kn_col_join_levels(j, done, err);
    case KN_COL_S_OFFSETS:
        while (j->item < j->array_count && j->arrays[j->item].level == 0) {
            j->item++;
        }
        if (j->item == j->array_count) {
            j->stage = KN_COL_S_COLUMN;
            j->item = 0;
            return KN_OK;
        }
        return kn_col_join_fill(j, done, err);
    case KN_COL_S_COLUMN:
        if (j->item == j->column_count) {
            j->stage = KN_COL_S_TABLE;
            j->item = 0;
            return KN_OK;
        }
        return kn_col_join_column_begin(j, done, err);
    case KN_COL_S_DICTIONARY: return kn_col_join_dictionary(j, done, err);
    default: return kn_col_join_fill(j, done, err);
    }
}

enum kn_rc kn_col_join_step(struct kn_col_join *j, uint64_t bytes, bool *ret_done,
                            struct kn_err *err)
{
    j->budget = bytes < INT64_MAX ? (int64_t)bytes : INT64_MAX;
    while (j->stage != KN_COL_S_DONE && j->budget > 0) {
        bool done = false;
        KN_TRY(do_stage(j, &done, err));
        if (done) {
            KN_TRY(advance(j, err));
        }
    }
    *ret_done = j->stage == KN_COL_S_DONE;
    return KN_OK;
}
