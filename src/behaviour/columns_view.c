/* Views: what a pin holds. */
#include <stdlib.h>

#include "base/mem.h"
#include "behaviour/columns_internal.h"

static void view_unref(struct kn_col_view *v)
{
    if (!v || atomic_fetch_sub(&v->references, 1) != 1) {
        return;
    }
    for (uint32_t i = 0; i < v->pin.run_count && v->runs; i++) {
        kn_col_run_unref(v->runs[i]);
    }
    kn_col_ordinals_unref(v->ordinals);
    kn_free(v->runs);
    kn_free(v->parts);
    kn_free(v->part_pointers);
    kn_free(v->tables);
    kn_free(v);
}

void kn_columns_unpin(struct kn_columns_pin *pin)
{
    view_unref((struct kn_col_view *)(void *)pin);
}

static int compare_names(enum kn_table_kind kind_a, struct kn_str a, enum kn_table_kind kind_b,
                         struct kn_str b)
{
    return kind_a != kind_b ? (kind_a < kind_b ? -1 : 1) : kn_str_cmp(a, b);
}

static int compare_parts(const void *a, const void *b)
{
    const struct kn_table_part *x = *(const struct kn_table_part *const *)a;
    const struct kn_table_part *y = *(const struct kn_table_part *const *)b;
    int order = compare_names(x->kind, x->name, y->kind, y->name);
    return order != 0 ? order : (x->run > y->run) - (x->run < y->run);
}

static bool list_tables(struct kn_col_view *v)
{
    uint32_t parts = 0;
    for (uint32_t i = 0; i < v->pin.run_count; i++) {
        parts += v->runs[i]->table_count;
    }
    v->parts = kn_alloc((parts + 1U) * sizeof *v->parts);
    v->part_pointers = kn_alloc((parts + 1U) * sizeof *v->part_pointers);
    v->tables = kn_alloc((parts + 1U) * sizeof *v->tables);
    if (!v->parts || !v->part_pointers || !v->tables) {
        return false;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < v->pin.run_count; i++) {
        for (uint32_t k = 0; k < v->runs[i]->table_count; k++, at++) {
            struct kn_table_part *p = &v->parts[at];
            *p = v->runs[i]->tables[k].part;
            p->run = i;
            p->is_small = v->runs[i]->is_small;
            p->voided = v->ordinals->voids[i].bits[p->kind];
            v->part_pointers[at] = p;
        }
    }
    if (parts > 0) {
        qsort(v->part_pointers, parts, sizeof *v->part_pointers, compare_parts);
    }
    for (uint32_t i = 0; i < parts; i++) {
        const struct kn_table_part *p = v->part_pointers[i];
        struct kn_col_view_table *t = v->table_count > 0 ? &v->tables[v->table_count - 1] : NULL;
        if (!t || compare_names(t->kind, t->name, p->kind, p->name) != 0) {
            t = &v->tables[v->table_count++];
            *t = (struct kn_col_view_table){p->kind, p->name, &v->part_pointers[i], 0};
        }
        t->count++;
    }
    return true;
}

enum kn_rc kn_col_view_new(struct kn_col_ordinals *ordinals, struct kn_col_run *const *runs,
                           uint32_t count, struct kn_col_view **ret, struct kn_err *err)
{
    struct kn_col_view *v = kn_calloc(1, sizeof *v);
    if (!v) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    atomic_init(&v->references, 1);
    atomic_fetch_add(&ordinals->references, 1);
    v->ordinals = ordinals;
    v->runs = kn_alloc((count + 1U) * sizeof *v->runs);
    for (uint32_t i = 0; i < count && v->runs; i++) {
        kn_col_run_ref(runs[i]);
        v->runs[i] = runs[i];
        v->pin.run_count++;
    }
    v->pin.ordinal_end = ordinals->end;
    v->pin.canonical = ordinals->canonical;
    v->pin.live = ordinals->live;
    v->pin.live_count = ordinals->live_count;
    if (!v->runs || !list_tables(v)) {
        view_unref(v);
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    *ret = v;
    return KN_OK;
}

/* ---- reading a pin ---- */

const struct kn_table_part *const *kn_pin_table(const struct kn_columns_pin *pin,
                                                enum kn_table_kind kind, struct kn_str name,
                                                uint32_t *ret_count)
{
    const struct kn_col_view *v = kn_col_view_of(pin);
    uint32_t low = 0;
    uint32_t high = v->table_count;
    *ret_count = 0;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const struct kn_col_view_table *t = &v->tables[middle];
        int order = compare_names(t->kind, t->name, kind, name);
        if (order == 0) {
            *ret_count = t->count;
            return t->parts;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

void kn_pin_each_event(const struct kn_columns_pin *pin,
                       void (*each)(void *context, struct kn_str name, uint64_t rows),
                       void *context)
{
    const struct kn_col_view *v = kn_col_view_of(pin);
    for (uint32_t i = 0; i < v->table_count; i++) {
        uint64_t rows = 0;
        for (uint32_t k = 0; k < v->tables[i].count; k++) {
            rows += v->tables[i].parts[k]->rows;
        }
        if (v->tables[i].kind == KN_TABLE_EVENT) {
            each(context, v->tables[i].name, rows);
        }
    }
}
