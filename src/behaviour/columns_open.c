/* A file as a run: what its directory says, within bounds. */
#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "behaviour/columns_file.h"

struct opening {
    struct kn_col_run *run;
    struct kn_cursor c;
    uint64_t offset; /* of the next region */
    uint64_t end;    /* of the regions */
    uint32_t room;   /* of run->regions */
    bool nomem;
};

enum kn_rc kn_col_damaged(const struct kn_col_run *run, uint64_t offset, const char *what,
                          struct kn_err *err)
{
    return kn_fail(err, KN_E_CORRUPT, "%s at offset %llu: %s", run->path,
                   (unsigned long long)offset, what);
}

/* The next region, of count * width bytes. */
static bool take_region(struct opening *o, uint64_t count, uint64_t width, bool early, void *ret)
{
    struct kn_col_run *run = o->run;
    uint64_t bytes;
    if (__builtin_mul_overflow(count, width, &bytes) || bytes > o->end - o->offset) {
        return false;
    }
    if (!kn_col_grow(&run->regions, run->region_count, &o->room, sizeof *run->regions)) {
        o->nomem = true;
        return false;
    }
    run->regions[run->region_count++] =
        (struct kn_col_stored){.offset = o->offset, .bytes = bytes, .early = early};
    *(const void **)ret = run->map + o->offset;
    uint64_t next = (o->offset + bytes + KN_COL_ALIGN - 1) / KN_COL_ALIGN * KN_COL_ALIGN;
    if (next > o->end) {
        return false;
    }
    o->offset = next;
    return true;
}

static uint32_t take_u32(struct kn_cursor *c)
{
    uint64_t value = kn_take_varint(c);
    c->bad |= value >= UINT32_MAX;
    return (uint32_t)value;
}

/* A count of things that take at least `bytes` each in the directory. */
static uint32_t take_count(struct kn_cursor *c, uint32_t bytes)
{
    uint32_t count = take_u32(c);
    c->bad |= count > (uint64_t)(c->end - c->p) / bytes;
    return c->bad ? 0 : count;
}

static bool read_arrays(struct opening *o, struct kn_col_table *t)
{
    struct kn_arena *arena = &o->run->arena;
    uint32_t count = take_count(&o->c, 2);
    struct kn_column_array *arrays = kn_arena_zero(arena, count + 1U, sizeof *arrays);
    struct kn_str *ids = kn_arena_zero(arena, count + 1U, sizeof *ids);
    if (!arrays || !ids) {
        o->nomem = true;
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = kn_take_lstr(&o->c);
        arrays[i].elements = take_u32(&o->c);
        if (o->c.bad || ids[i].len == 0 || ids[i].p[ids[i].len - 1] != (char)KN_COL_ELEMENTS ||
            (i > 0 && kn_str_cmp(ids[i - 1], ids[i]) >= 0)) {
            return false;
        }
        struct kn_str inside = kn_str_sub(ids[i], 0, ids[i].len - 1);
        arrays[i].parent = kn_col_level_of(ids, i, inside);
        arrays[i].path = kn_col_path_of(arena, ids[i]);
        o->nomem = o->nomem || !arrays[i].path.p;
        if (arrays[i].parent == 0 && inside.len > 0 &&
            memchr(inside.p, KN_COL_ELEMENTS, inside.len)) {
            return false;
        }
    }
    t->part.arrays = arrays;
    t->part.array_count = count;
    t->array_ids = ids;
    return !o->nomem;
}

static bool read_columns(struct opening *o, struct kn_col_table *t)
{
    struct kn_arena *arena = &o->run->arena;
    uint32_t count = take_count(&o->c, 3);
    struct kn_column *columns = kn_arena_zero(arena, count + 1U, sizeof *columns);
    struct kn_str *ids = kn_arena_zero(arena, count + 1U, sizeof *ids);
    uint32_t *bytes = kn_arena_zero(arena, count + 1U, sizeof *bytes);
    if (!columns || !ids || !bytes) {
        o->nomem = true;
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct kn_column *c = &columns[i];
        ids[i] = kn_take_lstr(&o->c);
        c->dictionary.count = take_u32(&o->c);
        bytes[i] = take_u32(&o->c);
        c->width = kn_col_code_width(c->dictionary.count);
        c->level = kn_col_level_of(t->array_ids, t->part.array_count, ids[i]);
        c->path = ids[i].len > 0 ? kn_col_path_of(arena, ids[i]) : KN_STR("");
        o->nomem = o->nomem || !c->path.p;
        if (o->c.bad || o->nomem || c->dictionary.count == 0 ||
            (c->level == 0 && ids[i].len > 0 && memchr(ids[i].p, KN_COL_ELEMENTS, ids[i].len)) ||
            (i > 0 && kn_col_compare(columns[i - 1].path, ids[i - 1], c->path, ids[i]) >= 0)) {
            return false;
        }
    }
    t->part.columns = columns;
    t->part.column_count = count;
    t->column_ids = ids;
    t->text_bytes = bytes;
    return true;
}

static bool read_table(struct opening *o, struct kn_col_table *t)
{
    struct kn_table_part *p = &t->part;
    struct kn_cursor *c = &o->c;
    uint64_t kind = kn_take_varint(c);
    if (kind >= KN_TABLE_KIND_COUNT) {
        return false;
    }
    p->kind = (enum kn_table_kind)kind;
    p->name = kn_take_lstr(c);
    p->rows = take_u32(c);
    p->groups = take_u32(c);
    p->large_count = take_u32(c);
    p->base_us = (int64_t)kn_take_le64(c);
    p->last_us = (int64_t)kn_take_le64(c);
    uint64_t low_width = kn_take_varint(c);
    uint64_t arrival_width = kn_take_varint(c);
    p->arrival_base = kn_take_le64(c);
    t->arrival_max = kn_take_le64(c);
    if (c->bad || p->groups > p->rows || p->groups == 0 || p->large_count > p->groups ||
        (low_width != 2 && low_width != 4) || arrival_width < 1 || arrival_width > 8 ||
        t->arrival_max < p->arrival_base || p->last_us < p->base_us) {
        return false;
    }
    p->low_width = (uint8_t)low_width;
    p->shift = p->low_width * 8U;
    p->arrival_width = (uint8_t)arrival_width;
    return read_arrays(o, t) && read_columns(o, t);
}

static uint64_t entries_of(const struct kn_table_part *p, uint32_t level)
{
    return level == 0 ? p->rows : p->arrays[level - 1].elements;
}

/* Where the data of a table is. What is read when the store opens is checked then. */
static bool place_table(struct opening *o, struct kn_col_table *t)
{
    struct kn_table_part *p = &t->part;
    bool early = p->kind == KN_TABLE_PROFILE || p->kind == KN_TABLE_MERGED;
    bool all = p->kind == KN_TABLE_MERGED;
    bool ok = take_region(o, p->groups, sizeof *p->ordinals, early, &p->ordinals) &&
              take_region(o, p->groups, sizeof *p->counts, all, &p->counts) &&
              take_region(o, p->groups / 256 + 1, sizeof *p->block_rows, all, &p->block_rows) &&
              take_region(o, p->large_count, sizeof *p->large, all, &p->large) &&
              take_region(o, p->rows, sizeof *p->hi, false, &p->hi) &&
              take_region(o, p->rows, p->low_width, false, &p->lo) &&
              take_region(o, p->rows, p->arrival_width, false, &p->arrivals);
    for (uint32_t i = 0; i < p->array_count && ok; i++) {
        struct kn_column_array *a = (struct kn_column_array *)(uintptr_t)&p->arrays[i];
        ok = take_region(o, entries_of(p, a->parent) + 1, sizeof *a->offsets, all, &a->offsets);
    }
    for (uint32_t i = 0; i < p->column_count && ok; i++) {
        struct kn_column *c = (struct kn_column *)(uintptr_t)&p->columns[i];
        struct kn_dictionary *d = &c->dictionary;
        ok = take_region(o, entries_of(p, c->level), c->width, all, &c->codes) &&
             take_region(o, d->count, sizeof *d->kinds, all, &d->kinds) &&
             take_region(o, d->count + UINT64_C(1), sizeof *d->offsets, all, &d->offsets) &&
             take_region(o, t->text_bytes[i], 1, all, &d->bytes);
    }
    return ok;
}

static bool is_in_order(const struct kn_col_table *a, const struct kn_col_table *b)
{
    return a->part.kind != b->part.kind ? a->part.kind < b->part.kind
                                        : kn_str_cmp(a->part.name, b->part.name) < 0;
}

static bool read_directory(struct opening *o)
{
    struct kn_col_run *run = o->run;
    run->ordinal_end = take_u32(&o->c);
    for (int i = 0; i < KN_COL_VOIDS; i++) {
        run->void_counts[i] = take_u32(&o->c);
    }
    uint32_t tables = take_count(&o->c, 32);
    if (o->c.bad) {
        return false;
    }
    run->tables = kn_arena_zero(&run->arena, tables + 1U, sizeof *run->tables);
    if (!run->tables) {
        o->nomem = true;
        return false;
    }
    for (uint32_t i = 0; i < tables; i++) {
        if (!read_table(o, &run->tables[i]) ||
            (i > 0 && !is_in_order(&run->tables[i - 1], &run->tables[i]))) {
            return false;
        }
        run->table_count++;
    }
    bool ok = true;
    for (int i = 0; i < KN_COL_VOIDS && ok; i++) {
        ok = take_region(o, run->void_counts[i], sizeof *run->voids[i], true, &run->voids[i]);
    }
    for (uint32_t i = 0; i < tables && ok; i++) {
        ok = place_table(o, &run->tables[i]);
    }
    for (uint32_t i = 0; i < run->region_count && ok; i++) {
        run->regions[i].checksum = kn_take_le64(&o->c);
    }
    return ok && !o->c.bad && o->c.p == o->c.end && o->offset == o->end;
}

static enum kn_rc check_early(const struct kn_col_run *run, struct kn_err *err)
{
    for (uint32_t i = 0; i < run->region_count; i++) {
        const struct kn_col_stored *r = &run->regions[i];
        if (r->early && kn_checksum64(kn_str(run->map + r->offset, r->bytes)) != r->checksum) {
            return kn_col_damaged(run, r->offset, "a checksum is wrong", err);
        }
    }
    return KN_OK;
}

enum kn_rc kn_col_run_read(struct kn_col_run *run, struct kn_err *err)
{
    char header[KN_COL_HEADER] = KN_COL_MAGIC;
    if (run->bytes < KN_COL_HEADER + KN_COL_FOOTER) {
        return kn_col_damaged(run, 0, "the file is cut short", err);
    }
    if (memcmp(run->map, header, sizeof header) != 0) {
        return kn_col_damaged(run, 0, "the header is damaged", err);
    }
    uint64_t at = run->bytes - KN_COL_FOOTER;
    struct kn_str footer = kn_str(run->map + at, KN_COL_FOOTER);
    struct kn_cursor c = kn_cursor(footer);
    struct kn_str magic = kn_take_bytes(&c, 8);
    uint64_t offset = kn_take_le64(&c);
    uint64_t len = kn_take_le64(&c);
    uint64_t sum = kn_take_le64(&c);
    uint64_t rows = kn_take_le64(&c);
    uint64_t format = kn_take_le64(&c);
    (void)kn_take_le64(&c);
    if (!kn_str_eq(magic, KN_STR(KN_COL_MAGIC_END)) ||
        kn_take_le64(&c) != kn_checksum64(kn_str_sub(footer, 0, KN_COL_FOOTER - 8))) {
        return kn_col_damaged(run, at, "the footer is damaged", err);
    }
    if (format != KN_COL_FORMAT) {
        return kn_fail(err, KN_E_VERSION, "%s was written by another version", run->path);
    }
    if (offset < KN_COL_HEADER || offset > at || len != at - offset) {
        return kn_col_damaged(run, at, "the footer makes no sense", err);
    }
    struct kn_str directory = kn_str(run->map + offset, len);
    if (kn_checksum64(directory) != sum) {
        return kn_col_damaged(run, offset, "the directory is damaged", err);
    }
    struct opening o = {
        .run = run, .c = kn_cursor(directory), .offset = KN_COL_HEADER, .end = offset};
    if (!read_directory(&o)) {
        return o.nomem ? kn_col_no_memory(err)
                       : kn_col_damaged(run, offset, "the directory makes no sense", err);
    }
    uint64_t sum_of_rows = 0;
    for (uint32_t i = 0; i < run->table_count; i++) {
        sum_of_rows += run->tables[i].part.rows;
    }
    return rows == sum_of_rows ? KN_OK
                               : kn_col_damaged(run, offset, "the directory makes no sense", err);
}

static enum kn_rc count(struct kn_col_run *run, struct kn_err *err)
{
    uint32_t ordinal_end = run->ordinal_end;
    kn_col_run_count(run);
    return run->ordinal_end == ordinal_end
               ? KN_OK
               : kn_col_damaged(run, KN_COL_HEADER, "an ordinal is out of bounds", err);
}

enum kn_rc kn_col_run_open(struct kn_disk disk, const char *dir, uint64_t number,
                           struct kn_col_run **ret, struct kn_err *err)
{
    struct kn_col_run *run = kn_col_run_new();
    const void *map;
    if (!run) {
        return kn_col_no_memory(err);
    }
    run->number = number;
    (void)snprintf(run->path, sizeof run->path, "%s/%012llu.col", dir, (unsigned long long)number);
    enum kn_rc rc = kn_disk_open(disk, run->path, KN_OPEN_READ, &run->file, err);
    if (rc == KN_E_NOT_FOUND) {
        rc = kn_col_damaged(run, 0, "the file is missing", err);
    }
    if (rc == KN_OK) {
        rc = kn_file_size(run->file, &run->bytes, err);
    }
    if (rc == KN_OK && run->bytes == 0) {
        rc = kn_col_damaged(run, 0, "the file is empty", err);
    }
    if (rc == KN_OK) {
        rc = kn_file_map(run->file, run->bytes, &map, err);
    }
    if (rc == KN_OK) {
        run->map = map;
        rc = kn_col_run_read(run, err);
    }
    if (rc == KN_OK) {
        rc = check_early(run, err);
    }
    if (rc == KN_OK) {
        rc = count(run, err);
    }
    if (rc != KN_OK) {
        kn_col_run_unref(run);
        return rc;
    }
    *ret = run;
    return KN_OK;
}
