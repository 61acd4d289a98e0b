/* Runs in memory, and what readers ask of a part of a table. */
#include <stdlib.h>

#include "base/mem.h"
#include "behaviour/columns_internal.h"

struct kn_col_run *kn_col_run_new(void)
{
    struct kn_col_run *run = kn_calloc(1, sizeof *run);
    if (run) {
        atomic_init(&run->references, 1);
        kn_arena_init(&run->arena, SIZE_MAX / 4);
    }
    return run;
}

void kn_col_run_ref(struct kn_col_run *run)
{
    atomic_fetch_add(&run->references, 1);
}

void kn_col_run_unref(struct kn_col_run *run)
{
    if (!run || atomic_fetch_sub(&run->references, 1) != 1) {
        return;
    }
    if (run->file && run->map) {
        kn_file_unmap(run->file, run->map, run->bytes);
    }
    kn_file_close(run->file);
    kn_free(run->regions);
    kn_arena_deinit(&run->arena);
    kn_free(run);
}

void *kn_col_region(struct kn_col_run *run, size_t bytes)
{
    if (bytes > SIZE_MAX / 8) {
        return NULL;
    }
    char *p = kn_arena_alloc(&run->arena, bytes + 2 * (size_t)KN_COL_ALIGN);
    if (!p) {
        return NULL;
    }
    p += (KN_COL_ALIGN - (uintptr_t)p % KN_COL_ALIGN) % KN_COL_ALIGN;
    memset(p + bytes, 0, KN_COL_ALIGN);
    return p;
}

const struct kn_col_table *kn_col_run_table(const struct kn_col_run *run, enum kn_table_kind kind,
                                            struct kn_str name)
{
    uint32_t low = 0;
    uint32_t high = run->table_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const struct kn_table_part *p = &run->tables[middle].part;
        int order = p->kind != kind ? (p->kind < kind ? -1 : 1) : kn_str_cmp(p->name, name);
        if (order == 0) {
            return &run->tables[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

void kn_col_run_count(struct kn_col_run *run)
{
    run->rows = 0;
    run->event_rows = 0;
    run->key_bytes = 0;
    for (uint32_t i = 0; i < run->table_count; i++) {
        const struct kn_table_part *p = &run->tables[i].part;
        run->rows += p->rows;
        if (p->kind == KN_TABLE_EVENT) {
            run->event_rows += p->rows;
            run->key_bytes += p->rows * (sizeof *p->hi + p->low_width) +
                              p->groups * (sizeof *p->ordinals + sizeof *p->counts) +
                              (p->groups / 256 + 1) * sizeof *p->block_rows +
                              p->large_count * sizeof *p->large;
        }
        if (p->ordinals && p->ordinals[p->groups - 1] >= run->ordinal_end) {
            run->ordinal_end = p->ordinals[p->groups - 1] + 1;
        }
    }
    if (run->is_small) {
        run->bytes = run->arena.bytes;
    }
}

bool kn_col_read_ordinal(struct kn_value v, uint32_t *ret)
{
    uint64_t number;
    if (v.kind != KN_VALUE_NUMBER || !kn_str_u64(v.text, &number) || number >= UINT32_MAX - 64) {
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}

/* ---- names ---- */

void kn_columns_path_key(struct kn_buf *out, struct kn_str key)
{
    if (out->len > 0) {
        kn_buf_char(out, '.');
    }
    for (size_t i = 0; i < key.len; i++) {
        if (key.p[i] == '.' || key.p[i] == '\\') {
            kn_buf_char(out, '\\');
        }
        kn_buf_char(out, key.p[i]);
    }
}

struct kn_str kn_col_path_of(struct kn_arena *arena, struct kn_str id)
{
    if (id.len == 0 || !memchr(id.p, KN_COL_ELEMENTS, id.len)) {
        return id;
    }
    char *p = kn_arena_alloc(arena, id.len);
    size_t len = 0;
    for (size_t i = 0; i < id.len && p; i++) {
        if (id.p[i] != (char)KN_COL_ELEMENTS) {
            p[len++] = id.p[i];
        }
    }
    return kn_str(p, len);
}

int kn_col_compare(struct kn_str path_a, struct kn_str id_a, struct kn_str path_b,
                   struct kn_str id_b)
{
    int order = kn_str_cmp(path_a, path_b);
    return order != 0 ? order : kn_str_cmp(id_a, id_b);
}

uint32_t kn_col_level_of(const struct kn_str *array_ids, uint32_t array_count, struct kn_str id)
{
    size_t len = id.len;
    while (len > 0 && id.p[len - 1] != (char)KN_COL_ELEMENTS) {
        len--;
    }
    for (uint32_t i = 0; i < array_count && len > 0; i++) {
        if (kn_str_eq(array_ids[i], kn_str_sub(id, 0, len))) {
            return i + 1;
        }
    }
    return 0;
}

/* ---- scales ---- */

void kn_col_time_scale(struct kn_table_part *part, int64_t first_us, int64_t last_us)
{
    uint64_t range = (uint64_t)last_us - (uint64_t)first_us;
    part->base_us = first_us;
    part->last_us = last_us;
    part->low_width = range >> 48 == 0 ? 2 : 4;
    part->shift = part->low_width * 8U;
}

uint8_t kn_col_width(uint64_t largest)
{
    uint8_t width = 1;
    while (width < 8 && largest >> (width * 8) != 0) {
        width++;
    }
    return width;
}

/* ---- reading ---- */

uint64_t kn_part_arrival(const struct kn_table_part *t, uint64_t row)
{
    uint64_t since = 0;
    memcpy(&since, t->arrivals + row * t->arrival_width, t->arrival_width);
    return t->arrival_base + since;
}

const struct kn_column *kn_part_column(const struct kn_table_part *t, struct kn_str path,
                                       uint32_t level)
{
    uint32_t low = 0;
    uint32_t high = t->column_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (kn_str_cmp(t->columns[middle].path, path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < t->column_count && kn_str_eq(t->columns[low].path, path); low++) {
        if (t->columns[low].level == level) {
            return &t->columns[low];
        }
    }
    return NULL;
}

uint32_t kn_part_large_rows(const struct kn_table_part *t, uint32_t g)
{
    uint32_t low = 0;
    uint32_t high = t->large_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (t->large[middle].group < g) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < t->large_count && t->large[low].group == g ? t->large[low].rows : 0;
}

uint64_t kn_part_group_row(const struct kn_table_part *t, uint32_t g)
{
    if (g == t->groups) {
        return t->rows;
    }
    uint64_t row = t->block_rows[g / 256];
    for (uint32_t i = g / 256 * 256; i < g; i++) {
        row += kn_part_group_rows(t, i);
    }
    return row;
}

uint32_t kn_part_find(const struct kn_table_part *t, uint32_t ordinal)
{
    uint32_t low = 0;
    uint32_t high = t->groups;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (t->ordinals[middle] < ordinal) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
