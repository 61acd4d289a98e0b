#include "behaviour/columns_load.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "behaviour/columns_internal.h"

enum { TABLES_MAX = 4096 };

struct kn_columns_load {
    struct kn_columns *columns;
    struct kn_col_run *run;
    struct kn_col_draft draft; /* of the table that is being filled */
    bool open;
};

static enum kn_rc no_memory(struct kn_err *err)
{
    return kn_fail(err, KN_E_NOMEM, "out of memory");
}

enum kn_rc kn_columns_load_begin(struct kn_columns *columns, struct kn_columns_load **ret,
                                 struct kn_err *err)
{
    struct kn_columns_load *load = kn_calloc(1, sizeof *load);
    struct kn_col_run *run = kn_col_run_new();
    if (!load || !run) {
        kn_col_run_unref(run);
        kn_free(load);
        return no_memory(err);
    }
    run->is_small = true;
    run->tables = kn_arena_zero(&run->arena, TABLES_MAX, sizeof *run->tables);
    load->columns = columns;
    load->run = run;
    if (!run->tables) {
        kn_columns_load_free(load);
        return no_memory(err);
    }
    *ret = load;
    return KN_OK;
}

static void free_draft(struct kn_col_draft *d)
{
    for (uint32_t i = 0; i < d->column_count; i++) {
        kn_free(d->columns[i].codes);
        kn_dict_free(&d->columns[i].dict);
    }
    kn_free(d->columns);
    kn_free(d->rows);
    *d = (struct kn_col_draft){0};
}

static enum kn_rc end_table(struct kn_columns_load *load, struct kn_err *err)
{
    struct kn_col_run *run = load->run;
    enum kn_rc rc = KN_OK;
    if (load->open && load->draft.row_count > 0) {
        kn_assert(run->table_count < TABLES_MAX);
        for (uint32_t i = 0; i < load->draft.column_count; i++) {
            load->draft.columns[i].len = load->draft.row_count;
        }
        rc = kn_col_seal(run, &run->tables[run->table_count], &load->draft, err);
        run->table_count += rc == KN_OK;
    }
    free_draft(&load->draft);
    load->open = false;
    return rc;
}

static bool add_column(struct kn_col_draft *d, const struct kn_load_column *from)
{
    struct kn_col_draft_column *c = &d->columns[d->column_count];
    c->id = from->path;
    d->column_count++;
    for (uint32_t i = 0; i < from->count; i++) {
        uint32_t code = kn_dict_code(&c->dict, from->values[i].kind, from->values[i].text);
        if (code == 0) {
            return false;
        }
        kn_assert(code == i + 1); /* no value comes twice */
    }
    return true;
}

enum kn_rc kn_columns_load_table(struct kn_columns_load *load, enum kn_table_kind kind,
                                 struct kn_str name, const struct kn_load_column *columns,
                                 uint32_t count, struct kn_err *err)
{
    KN_TRY(end_table(load, err));
    struct kn_col_draft *d = &load->draft;
    d->kind = kind;
    d->name = kn_arena_str(&load->run->arena, name);
    d->columns = kn_calloc(count + 1U, sizeof *d->columns);
    load->open = true;
    if (!d->name.p || !d->columns) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct kn_load_column column = columns[i];
        column.path = kn_arena_str(&load->run->arena, column.path);
        if (!column.path.p || !add_column(d, &column)) {
            return no_memory(err);
        }
    }
    return KN_OK;
}

enum kn_rc kn_columns_load_row(struct kn_columns_load *load, uint32_t ordinal, int64_t us,
                               uint64_t arrival, const uint32_t *codes, struct kn_err *err)
{
    struct kn_col_draft *d = &load->draft;
    uint32_t at = d->row_count;
    kn_assert(load->open);
    if (!kn_col_grow(&d->rows, at, &d->row_room, sizeof *d->rows)) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < d->column_count; i++) {
        struct kn_col_draft_column *c = &d->columns[i];
        if (!kn_col_grow(&c->codes, at, &c->room, sizeof *c->codes)) {
            return no_memory(err);
        }
        c->codes[at] = codes[i];
    }
    d->rows[at] = (struct kn_col_draft_row){ordinal, us, arrival};
    d->row_count = at + 1;
    if (ordinal >= load->run->ordinal_end) {
        load->run->ordinal_end = ordinal + 1;
    }
    return KN_OK;
}

static int compare_tables(const void *a, const void *b)
{
    const struct kn_table_part *x = &((const struct kn_col_table *)a)->part;
    const struct kn_table_part *y = &((const struct kn_col_table *)b)->part;
    return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : kn_str_cmp(x->name, y->name);
}

enum kn_rc kn_columns_load_finish(struct kn_columns_load *load, struct kn_err *err)
{
    struct kn_columns *c = load->columns;
    struct kn_col_run *run = load->run;
    KN_TRY(end_table(load, err));
    KN_TRY(kn_col_build_waiting(c, UINT64_MAX, err));
    qsort(run->tables, run->table_count, sizeof *run->tables, compare_tables);
    kn_col_run_count(run);
    kn_mutex_lock(&c->build_mutex);
    run->first = run->last = c->next_birth;
    run->generation = c->generation;
    enum kn_rc rc = kn_col_publish(c, run, err);
    if (rc == KN_OK) {
        c->next_birth++;
        load->run = NULL;
    }
    kn_mutex_unlock(&c->build_mutex);
    return rc;
}

void kn_columns_load_free(struct kn_columns_load *load)
{
    if (load) {
        free_draft(&load->draft);
        kn_col_run_unref(load->run);
        kn_free(load);
    }
}
