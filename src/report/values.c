/* Value sets and the fields that are numbered by them. */
#include "report/values.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

/* ---- value sets ---- */

static uint64_t hash_value(struct kn_value v)
{
    return kn_checksum64(v.text) * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)v.kind;
}

static bool same_value(struct kn_value a, struct kn_value b)
{
    return a.kind == b.kind && kn_str_eq(a.text, b.text);
}

enum kn_rc kn_value_set_init(struct kn_value_set *set, struct kn_err *err)
{
    struct kn_value_set s = {.cap = 64, .count = 1, .slot_mask = 255};
    s.values = kn_calloc(s.cap, sizeof *s.values);
    s.slots = kn_calloc(s.slot_mask + 1, sizeof *s.slots);
    *set = s;
    if (!s.values || !s.slots) {
        kn_value_set_free(set);
        return kn_fail(err, KN_E_NOMEM, "no memory for values");
    }
    return KN_OK;
}

void kn_value_set_free(struct kn_value_set *set)
{
    kn_free(set->values);
    kn_free(set->slots);
    *set = (struct kn_value_set){0};
}

/* The slot of a value: where it stands, or the free one where it belongs. */
static uint32_t slot_of(const struct kn_value_set *set, struct kn_value value)
{
    uint32_t at = (uint32_t)(hash_value(value) >> 20) & set->slot_mask;
    while (set->slots[at] != 0 && !same_value(set->values[set->slots[at]], value)) {
        at = (at + 1) & set->slot_mask;
    }
    return at;
}

static enum kn_rc widen(struct kn_value_set *set, struct kn_err *err)
{
    struct kn_value *values = kn_realloc(set->values, (size_t)set->cap * 2 * sizeof *values);
    if (!values) {
        return kn_fail(err, KN_E_NOMEM, "no memory for values");
    }
    set->values = values;
    set->cap *= 2;
    uint32_t *slots = kn_calloc((size_t)set->cap * 4, sizeof *slots);
    if (!slots) {
        return kn_fail(err, KN_E_NOMEM, "no memory for values");
    }
    kn_free(set->slots);
    set->slots = slots;
    set->slot_mask = set->cap * 4 - 1;
    for (uint32_t i = 1; i < set->count; i++) {
        set->slots[slot_of(set, set->values[i])] = i;
    }
    return KN_OK;
}

enum kn_rc kn_value_set_add(struct kn_value_set *set, struct kn_value value, uint32_t *ret,
                            struct kn_err *err)
{
    if (value.kind == KN_VALUE_ABSENT || value.kind == KN_VALUE_OBJECT) {
        *ret = 0;
        return KN_OK;
    }
    uint32_t at = slot_of(set, value);
    if (set->slots[at] == 0) {
        if (set->count == set->cap) {
            KN_TRY(widen(set, err));
            at = slot_of(set, value);
        }
        set->values[set->count] = value;
        set->slots[at] = set->count++;
    }
    *ret = set->slots[at];
    return KN_OK;
}

uint32_t kn_value_set_find(const struct kn_value_set *set, struct kn_value value)
{
    if (value.kind == KN_VALUE_ABSENT) {
        return 0;
    }
    uint32_t id = set->slots[slot_of(set, value)];
    return id == 0 ? UINT32_MAX : id;
}

int kn_value_compare(const struct kn_value *a, const struct kn_value *b)
{
    unsigned ka = a->kind == KN_VALUE_ABSENT ? 100 : (unsigned)a->kind;
    unsigned kb = b->kind == KN_VALUE_ABSENT ? 100 : (unsigned)b->kind;
    if (ka != kb) {
        return ka < kb ? -1 : 1;
    }
    return kn_str_cmp(a->text, b->text);
}

/* ---- fields ---- */

static enum kn_rc map_codes(const struct kn_dictionary *d, struct kn_value_set *set,
                            struct kn_field_column *f, struct kn_err *err)
{
    f->ids = kn_alloc((size_t)d->count * sizeof *f->ids);
    if (!f->ids) {
        return kn_fail(err, KN_E_NOMEM, "no memory for values");
    }
    for (uint32_t code = 0; code < d->count; code++) {
        KN_TRY(kn_value_set_add(set, kn_dictionary_value(d, code), &f->ids[code], err));
    }
    return KN_OK;
}

static void note_arrays(const struct kn_table_part *t, struct kn_field_column *f)
{
    for (uint32_t level = f->column->level; level > 0; level = t->arrays[level - 1].parent) {
        f->depth++;
    }
    uint32_t at = f->depth;
    for (uint32_t level = f->column->level; level > 0; level = t->arrays[level - 1].parent) {
        f->offsets[--at] = t->arrays[level - 1].offsets;
    }
}

static enum kn_rc map_part(const struct kn_table_part *t, struct kn_str path,
                           struct kn_value_set *set, struct kn_field_part *ret, struct kn_err *err)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->column_count; i++) {
        n += kn_str_eq(t->columns[i].path, path);
    }
    ret->columns = kn_calloc(n + 1, sizeof *ret->columns);
    if (!ret->columns) {
        return kn_fail(err, KN_E_NOMEM, "no memory for values");
    }
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (kn_str_eq(t->columns[i].path, path)) {
            struct kn_field_column *f = &ret->columns[ret->count++];
            f->column = &t->columns[i];
            note_arrays(t, f);
            KN_TRY(map_codes(&f->column->dictionary, set, f, err));
        }
    }
    return KN_OK;
}

enum kn_rc kn_column_field_make(const struct kn_lane *lane, struct kn_str path,
                                struct kn_value_set *set, struct kn_column_field *ret,
                                struct kn_err *err)
{
    ret->count = lane->count;
    ret->parts = kn_calloc(lane->count + 1, sizeof *ret->parts);
    if (!ret->parts) {
        return kn_fail(err, KN_E_NOMEM, "no memory for values");
    }
    for (uint32_t i = 0; i < lane->count; i++) {
        KN_TRY(map_part(lane->parts[i].part, path, set, &ret->parts[i], err));
    }
    return KN_OK;
}

void kn_column_field_free(struct kn_column_field *field)
{
    for (uint32_t i = 0; field->parts && i < field->count; i++) {
        for (uint32_t c = 0; c < field->parts[i].count; c++) {
            kn_free(field->parts[i].columns[c].ids);
        }
        kn_free(field->parts[i].columns);
    }
    kn_free(field->parts);
    *field = (struct kn_column_field){0};
}

/* ---- the values of a row ---- */

void kn_ids_free(struct kn_ids *list)
{
    kn_free(list->ids);
    *list = (struct kn_ids){0};
}

enum kn_rc kn_ids_add(struct kn_ids *list, uint32_t id, struct kn_err *err)
{
    if (list->count == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 16;
        uint32_t *ids = kn_realloc(list->ids, (size_t)cap * sizeof *ids);
        if (!ids) {
            return kn_fail(err, KN_E_NOMEM, "no memory for values");
        }
        list->ids = ids;
        list->cap = cap;
    }
    list->ids[list->count++] = id;
    return KN_OK;
}

enum kn_rc kn_field_all(const struct kn_column_field *field, struct kn_row_ref ref,
                        struct kn_ids *list, struct kn_err *err)
{
    const struct kn_field_part *p = &field->parts[ref.part];
    for (uint32_t c = 0; c < p->count; c++) {
        const struct kn_field_column *f = &p->columns[c];
        uint64_t at = ref.row;
        uint64_t end = at + 1;
        for (uint32_t d = 0; d < f->depth; d++) {
            at = f->offsets[d][at];
            end = f->offsets[d][end];
        }
        for (; at < end; at++) {
            uint32_t id = f->ids[kn_column_code(f->column, at)];
            if (id != 0) {
                KN_TRY(kn_ids_add(list, id, err));
            }
        }
    }
    return KN_OK;
}

static void sort_ids(uint32_t *ids, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        uint32_t v = ids[i];
        uint32_t k = i;
        for (; k > 0 && ids[k - 1] > v; k--) {
            ids[k] = ids[k - 1];
        }
        ids[k] = v;
    }
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

enum kn_rc kn_field_distinct(const struct kn_column_field *field, struct kn_row_ref ref,
                             struct kn_ids *list, struct kn_err *err)
{
    uint32_t first = list->count;
    KN_TRY(kn_field_all(field, ref, list, err));
    uint32_t n = list->count - first;
    if (n == 0) {
        return kn_ids_add(list, 0, err);
    }
    uint32_t *ids = list->ids + first;
    if (n > 32) {
        qsort(ids, n, sizeof *ids, compare_ids);
    } else {
        sort_ids(ids, n);
    }
    uint32_t kept = 1;
    for (uint32_t i = 1; i < n; i++) {
        if (ids[i] != ids[i - 1]) {
            ids[kept++] = ids[i];
        }
    }
    list->count = first + kept;
    return KN_OK;
}

/* ---- numbers ---- */

enum kn_rc kn_numbers_make(const struct kn_value_set *set, struct kn_numbers *ret,
                           struct kn_err *err)
{
    ret->values = kn_alloc(set->count * sizeof *ret->values);
    ret->is_number = kn_calloc(set->count, sizeof *ret->is_number);
    if (!ret->values || !ret->is_number) {
        return kn_fail(err, KN_E_NOMEM, "no memory for numbers");
    }
    for (uint32_t i = 0; i < set->count; i++) {
        const struct kn_value *v = &set->values[i];
        bool number = v->kind == KN_VALUE_NUMBER;
        ret->values[i] = 0;
        ret->is_number[i] = (number || v->kind == KN_VALUE_STRING) &&
                            kn_dec_parse(v->text, number, &ret->values[i]);
    }
    return KN_OK;
}

void kn_numbers_free(struct kn_numbers *numbers)
{
    kn_free(numbers->values);
    kn_free(numbers->is_number);
    *numbers = (struct kn_numbers){0};
}
