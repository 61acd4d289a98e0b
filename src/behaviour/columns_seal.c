/* Drafts of tables into the memory of a run: rows sorted, codes as narrow as they can be. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "behaviour/columns_internal.h"

enum { FEW = 48 };

struct seal {
    struct kn_col_run *run;
    struct kn_table_part *part;
    const struct kn_col_draft *draft;
    uint32_t *order;     /* rows of the draft in their new order */
    uint32_t **elements; /* the same per array of the draft */
    uint32_t *level_of;  /* level in the table, by level in the draft */
};

/* ---- the order of the rows ---- */

static bool before(const struct kn_col_draft_row *a, const struct kn_col_draft_row *b)
{
    return a->us != b->us ? a->us < b->us : a->arrival < b->arrival;
}

/* By (ordinal << 32 | row); both are scratch of n keys, the answer is in one of them. */
static uint64_t *radix_sort(uint64_t *keys, uint64_t *other, uint32_t n, uint32_t ordinal_max)
{
    for (unsigned shift = 32; shift < 64 && ordinal_max >> (shift - 32) > 0; shift += 11) {
        uint32_t starts[2049] = {0};
        for (uint32_t i = 0; i < n; i++) {
            starts[(keys[i] >> shift & 2047) + 1]++;
        }
        for (unsigned i = 0; i < 2048; i++) {
            starts[i + 1] += starts[i];
        }
        for (uint32_t i = 0; i < n; i++) {
            other[starts[keys[i] >> shift & 2047]++] = keys[i];
        }
        uint64_t *swap = keys;
        keys = other;
        other = swap;
    }
    return keys;
}

static void insertion_sort(uint64_t *keys, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        uint64_t key = keys[i];
        uint32_t at = i;
        for (; at > 0 && keys[at - 1] > key; at--) {
            keys[at] = keys[at - 1];
        }
        keys[at] = key;
    }
}

static int compare_rows(const void *a, const void *b, void *context)
{
    const struct kn_col_draft_row *rows = context;
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    if (before(&rows[x], &rows[y])) {
        return -1;
    }
    return before(&rows[y], &rows[x]) ? 1 : (x > y) - (x < y);
}

/* The rows of one ordinal mostly come in order. */
static void sort_group(const struct kn_col_draft *d, uint32_t *order, uint32_t n)
{
    uint32_t sorted = 1;
    while (sorted < n && !before(&d->rows[order[sorted]], &d->rows[order[sorted - 1]])) {
        sorted++;
    }
    if (sorted < n) {
        qsort_r(order, n, sizeof *order, compare_rows, d->rows);
    }
}

static bool sort_rows(struct seal *s)
{
    const struct kn_col_draft *d = s->draft;
    uint32_t n = d->row_count;
    uint64_t *keys = kn_alloc((n + 1U) * sizeof *keys);
    uint64_t *other = kn_alloc((n + 1U) * sizeof *other);
    s->order = kn_alloc((n + 1U) * sizeof *s->order);
    bool ok = keys && other && s->order;
    if (ok) {
        uint32_t most = 0;
        for (uint32_t i = 0; i < n; i++) {
            keys[i] = (uint64_t)d->rows[i].ordinal << 32 | i;
            most = d->rows[i].ordinal > most ? d->rows[i].ordinal : most;
        }
        uint64_t *sorted = keys;
        if (n <= FEW) {
            insertion_sort(keys, n);
        } else {
            sorted = radix_sort(keys, other, n, most);
        }
        uint32_t first = 0;
        for (uint32_t i = 0; i < n; i++) {
            s->order[i] = (uint32_t)sorted[i];
            if (i + 1 == n || sorted[i] >> 32 != sorted[i + 1] >> 32) {
                sort_group(d, s->order + first, i + 1 - first);
                first = i + 1;
            }
        }
    }
    kn_free(keys);
    kn_free(other);
    return ok;
}

/* ---- ordinals, times, arrivals ---- */

static uint32_t count_groups(const struct seal *s, uint32_t *ret_large)
{
    uint32_t groups = 0;
    uint32_t rows = 0;
    *ret_large = 0;
    for (uint32_t i = 0; i < s->draft->row_count; i++) {
        const struct kn_col_draft_row *row = &s->draft->rows[s->order[i]];
        bool begins = i == 0 || s->draft->rows[s->order[i - 1]].ordinal != row->ordinal;
        groups += begins;
        rows = begins ? 1 : rows + 1;
        *ret_large += rows == 255;
    }
    return groups;
}

static bool put_groups(struct seal *s)
{
    struct kn_table_part *p = s->part;
    uint32_t n = s->draft->row_count;
    p->rows = n;
    p->groups = count_groups(s, &p->large_count);
    uint32_t *ordinals = kn_col_region(s->run, p->groups * sizeof *ordinals);
    uint8_t *counts = kn_col_region(s->run, p->groups);
    uint32_t *blocks = kn_col_region(s->run, (p->groups / 256 + 1) * sizeof *blocks);
    struct kn_large_group *large = kn_col_region(s->run, p->large_count * sizeof *large);
    if (!ordinals || !counts || !blocks || !large) {
        return false;
    }
    uint32_t g = 0;
    uint32_t l = 0;
    blocks[p->groups / 256] = n; /* when it is the end of the last block */
    for (uint32_t i = 0; i < n; g++) {
        uint32_t first = i;
        uint32_t ordinal = s->draft->rows[s->order[i]].ordinal;
        while (i < n && s->draft->rows[s->order[i]].ordinal == ordinal) {
            i++;
        }
        if (g % 256 == 0) {
            blocks[g / 256] = first;
        }
        ordinals[g] = ordinal;
        counts[g] = (uint8_t)(i - first < 255 ? i - first : 255);
        if (i - first >= 255) {
            large[l++] = (struct kn_large_group){g, i - first};
        }
    }
    p->ordinals = ordinals;
    p->counts = counts;
    p->block_rows = blocks;
    p->large = large;
    return true;
}

static bool put_times(struct seal *s)
{
    struct kn_table_part *p = s->part;
    const struct kn_col_draft_row *rows = s->draft->rows;
    int64_t first = INT64_MAX;
    int64_t last = INT64_MIN;
    for (uint32_t i = 0; i < p->rows; i++) {
        first = rows[i].us < first ? rows[i].us : first;
        last = rows[i].us > last ? rows[i].us : last;
    }
    kn_col_time_scale(p, first, last);
    uint32_t *hi = kn_col_region(s->run, p->rows * sizeof *hi);
    void *lo = kn_col_region(s->run, p->rows * p->low_width);
    for (uint32_t i = 0; i < p->rows && hi && lo; i++) {
        kn_col_put_time(p, rows[s->order[i]].us, hi, lo, i);
    }
    p->hi = hi;
    p->lo = lo;
    return hi && lo;
}

static bool put_arrivals(struct seal *s, uint64_t *ret_max)
{
    struct kn_table_part *p = s->part;
    const struct kn_col_draft_row *rows = s->draft->rows;
    uint64_t first = UINT64_MAX;
    uint64_t last = 0;
    for (uint32_t i = 0; i < p->rows; i++) {
        first = rows[i].arrival < first ? rows[i].arrival : first;
        last = rows[i].arrival > last ? rows[i].arrival : last;
    }
    p->arrival_base = first;
    p->arrival_width = kn_col_width(last - first);
    *ret_max = last;
    uint8_t *to = kn_col_region(s->run, p->rows * p->arrival_width);
    for (uint32_t i = 0; i < p->rows && to; i++) {
        uint64_t since = rows[s->order[i]].arrival - first;
        memcpy(to + (size_t)i * p->arrival_width, &since, p->arrival_width);
    }
    p->arrivals = to;
    return to != NULL;
}

/* ---- arrays and columns ---- */

static int compare_arrays(const void *a, const void *b, void *context)
{
    const struct kn_col_draft *d = context;
    return kn_str_cmp(d->arrays[*(const uint32_t *)a].id, d->arrays[*(const uint32_t *)b].id);
}

static uint32_t end_of(const struct kn_col_draft_array *a, uint32_t entry)
{
    return entry < a->len ? a->ends[entry] : a->elements;
}

/* Offsets of an array, and the order of its elements. `from` is an array of the draft. */
static bool put_array(struct seal *s, uint32_t from, struct kn_column_array *to)
{
    const struct kn_col_draft_array *a = &s->draft->arrays[from];
    const uint32_t *parents = a->parent == 0 ? s->order : s->elements[a->parent - 1];
    uint32_t entries =
        a->parent == 0 ? s->draft->row_count : s->draft->arrays[a->parent - 1].elements;
    uint32_t *offsets = kn_col_region(s->run, (entries + 1U) * sizeof *offsets);
    uint32_t *order = kn_alloc((a->elements + 1U) * sizeof *order);
    s->elements[from] = order;
    if (!offsets || !order) {
        return false;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < entries; i++) {
        uint32_t entry = parents[i];
        uint32_t begin = entry > 0 ? end_of(a, entry - 1) : 0;
        offsets[i] = count;
        for (uint32_t e = begin; e < end_of(a, entry); e++) {
            order[count++] = e;
        }
    }
    offsets[entries] = count;
    kn_assert(count == a->elements);
    to->offsets = offsets;
    to->elements = count;
    return true;
}

static bool put_arrays(struct seal *s, struct kn_str **ret_ids)
{
    const struct kn_col_draft *d = s->draft;
    struct kn_arena *arena = &s->run->arena;
    struct kn_column_array *arrays = kn_arena_zero(arena, d->array_count + 1U, sizeof *arrays);
    struct kn_str *ids = kn_arena_zero(arena, d->array_count + 1U, sizeof *ids);
    uint32_t *sorted = kn_alloc((d->array_count + 1U) * sizeof *sorted);
    s->elements = kn_calloc(d->array_count + 1U, sizeof *s->elements);
    s->level_of = kn_calloc(d->array_count + 1U, sizeof *s->level_of);
    bool ok = arrays && ids && sorted && s->elements && s->level_of;
    for (uint32_t i = 0; i < d->array_count && ok; i++) {
        sorted[i] = i;
    }
    if (ok && d->array_count > 0) {
        qsort_r(sorted, d->array_count, sizeof *sorted, compare_arrays, (void *)(uintptr_t)d);
    }
    /* A parent's id is the beginning of its children's: it comes first. */
    for (uint32_t i = 0; i < d->array_count && ok; i++) {
        const struct kn_col_draft_array *from = &d->arrays[sorted[i]];
        s->level_of[sorted[i] + 1] = i + 1;
        ids[i] = kn_arena_str(arena, from->id);
        arrays[i].path = kn_col_path_of(arena, ids[i]);
        arrays[i].parent = s->level_of[from->parent];
        ok = ids[i].p && arrays[i].path.p && put_array(s, sorted[i], &arrays[i]);
    }
    kn_free(sorted);
    s->part->arrays = arrays;
    s->part->array_count = d->array_count;
    *ret_ids = ids;
    return ok;
}

static bool put_dictionary(struct kn_col_run *run, const struct kn_dict *from,
                           struct kn_dictionary *to)
{
    uint8_t *kinds = kn_col_region(run, from->count);
    uint32_t *offsets = kn_col_region(run, (from->count + 1U) * sizeof *offsets);
    char *bytes = kn_col_region(run, from->bytes_len);
    if (!kinds || !offsets || !bytes) {
        return false;
    }
    memcpy(kinds, from->kinds, from->count);
    memcpy(offsets, from->offsets, (from->count + 1U) * sizeof *offsets);
    if (from->bytes_len > 0) {
        memcpy(bytes, from->bytes, from->bytes_len);
    }
    *to = (struct kn_dictionary){from->count, kinds, offsets, bytes};
    return true;
}

static bool put_codes(struct seal *s, const struct kn_col_draft_column *from, struct kn_column *to)
{
    const uint32_t *order = from->level == 0 ? s->order : s->elements[from->level - 1];
    uint32_t n =
        from->level == 0 ? s->draft->row_count : s->draft->arrays[from->level - 1].elements;
    to->width = kn_col_code_width(from->dict.count);
    void *codes = kn_col_region(s->run, (size_t)n * to->width);
    to->codes = codes;
    if (!codes) {
        return false;
    }
    const uint32_t *c = from->codes;
    uint32_t len = from->len;
    switch (to->width) {
    case 1:
        for (uint32_t i = 0; i < n; i++) {
            ((uint8_t *)codes)[i] = (uint8_t)(order[i] < len ? c[order[i]] : 0);
        }
        break;
    case 2:
        for (uint32_t i = 0; i < n; i++) {
            ((uint16_t *)codes)[i] = (uint16_t)(order[i] < len ? c[order[i]] : 0);
        }
        break;
    default:
        for (uint32_t i = 0; i < n; i++) {
            ((uint32_t *)codes)[i] = order[i] < len ? c[order[i]] : 0;
        }
    }
    return true;
}

struct named {
    struct kn_str path, id;
    uint32_t column;
};

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a;
    const struct named *y = b;
    return kn_col_compare(x->path, x->id, y->path, y->id);
}

static bool put_columns(struct seal *s, struct kn_str **ret_ids)
{
    const struct kn_col_draft *d = s->draft;
    struct kn_arena *arena = &s->run->arena;
    struct kn_column *columns = kn_arena_zero(arena, d->column_count + 1U, sizeof *columns);
    struct kn_str *ids = kn_arena_zero(arena, d->column_count + 1U, sizeof *ids);
    struct named *names = kn_alloc((d->column_count + 1U) * sizeof *names);
    bool ok = columns && ids && names;
    for (uint32_t i = 0; i < d->column_count && ok; i++) {
        struct kn_str id = kn_arena_str(arena, d->columns[i].id);
        struct kn_str path = id.p ? kn_col_path_of(arena, id) : KN_STR_EMPTY;
        names[i] = (struct named){path, id, i};
        ok = path.p != NULL;
    }
    if (ok && d->column_count > 0) {
        qsort(names, d->column_count, sizeof *names, compare_named);
    }
    for (uint32_t i = 0; i < d->column_count && ok; i++) {
        const struct kn_col_draft_column *from = &d->columns[names[i].column];
        ids[i] = names[i].id;
        columns[i].path = names[i].path;
        columns[i].level = s->level_of[from->level];
        ok = put_codes(s, from, &columns[i]) &&
             put_dictionary(s->run, &from->dict, &columns[i].dictionary);
    }
    kn_free(names);
    s->part->columns = columns;
    s->part->column_count = d->column_count;
    *ret_ids = ids;
    return ok;
}

enum kn_rc kn_col_seal(struct kn_col_run *run, struct kn_col_table *to,
                       const struct kn_col_draft *draft, struct kn_err *err)
{
    struct seal s = {.run = run, .part = &to->part, .draft = draft};
    struct kn_str *array_ids = NULL;
    struct kn_str *column_ids = NULL;
    *to = (struct kn_col_table){.part = {.kind = draft->kind}};
    to->part.name = kn_arena_str(&run->arena, draft->name);
    bool ok = to->part.name.p && sort_rows(&s) && put_groups(&s) && put_times(&s) &&
              put_arrivals(&s, &to->arrival_max) && put_arrays(&s, &array_ids) &&
              put_columns(&s, &column_ids);
    to->array_ids = array_ids;
    to->column_ids = column_ids;
    for (uint32_t i = 0; i < draft->array_count && s.elements; i++) {
        kn_free(s.elements[i]);
    }
    kn_free(s.elements);
    kn_free(s.level_of);
    kn_free(s.order);
    return ok ? KN_OK : kn_fail(err, KN_E_NOMEM, "out of memory");
}
