/* A build: operations in their order become a run. */
#include <stdlib.h>

#include "base/mem.h"
#include "behaviour/columns_build.h"

enum { AHEAD = 2, FETCH_BYTES = 1024 };

struct kn_col_builder *kn_col_builder_new(struct kn_col_names *names)
{
    struct kn_col_builder *b = kn_calloc(1, sizeof *b);
    if (!b) {
        return NULL;
    }
    b->names = names;
    kn_buf_init(&b->text, SIZE_MAX / 4);
    kn_buf_init(&b->id, SIZE_MAX / 4);
    kn_arena_init(&b->once, SIZE_MAX / 4);
    kn_arena_init(&b->paths, SIZE_MAX / 4);
    b->parser = kn_json_parser_new();
    if (!b->parser) {
        kn_col_builder_free(b);
        return NULL;
    }
    return b;
}

static void clear(struct kn_col_builder *b)
{
    for (uint32_t i = 0; i < b->shape_count; i++) {
        struct kn_col_shape *s = &b->shapes[i];
        for (uint32_t k = 0; k < s->draft.column_count; k++) {
            kn_free(s->draft.columns[k].codes);
            kn_dict_free(&s->draft.columns[k].dict);
        }
        for (uint32_t k = 0; k < s->draft.array_count; k++) {
            kn_free(s->draft.arrays[k].ends);
        }
        kn_free(s->draft.columns);
        kn_free(s->draft.arrays);
        kn_free(s->draft.rows);
        kn_free(s->nodes);
        kn_free(s->aliases);
        kn_free(s->slots);
    }
    b->shape_count = 0;
    b->member_count = 0;
    kn_dict_free(&b->tables);
    kn_arena_clear(&b->paths);
    kn_arena_clear(&b->once);
}

void kn_col_builder_free(struct kn_col_builder *b)
{
    if (!b) {
        return;
    }
    clear(b);
    kn_free(b->shapes);
    kn_free(b->members);
    kn_json_parser_free(b->parser);
    kn_buf_deinit(&b->text);
    kn_buf_deinit(&b->id);
    kn_arena_deinit(&b->once);
    kn_arena_deinit(&b->paths);
    kn_free(b);
}

/* ---- what does not count any more ---- */

/* The place of the last operation that voids (kind, ordinal); open addressing. */
struct void_entry {
    uint64_t key;  /* kind << 32 | ordinal */
    uint32_t last; /* index + 1, 0 = free */
};

struct void_map {
    struct void_entry *entries;
    uint32_t room, count;
};

static struct void_entry *void_slot(const struct void_map *m, uint64_t key)
{
    uint64_t i = (key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (m->room - 1);
    while (m->entries[i].last != 0 && m->entries[i].key != key) {
        i = (i + 1) & (m->room - 1);
    }
    return &m->entries[i];
}

static uint64_t void_key(uint32_t kind, uint32_t ordinal)
{
    return (uint64_t)kind << 32 | ordinal;
}

static bool gather_voids(struct void_map *m, const struct kn_col_op *ops, size_t count)
{
    uint32_t voids = 0;
    for (size_t i = 0; i < count; i++) {
        voids += ops[i].type == KN_COL_REPLACE || ops[i].type == KN_COL_FORGET;
    }
    if (voids == 0) {
        return true;
    }
    for (m->room = 16; m->room < voids * 2; m->room *= 2) {
    }
    m->entries = kn_calloc(m->room, sizeof *m->entries);
    for (size_t i = 0; i < count && m->entries; i++) {
        if (ops[i].type == KN_COL_REPLACE || ops[i].type == KN_COL_FORGET) {
            uint32_t kind = ops[i].type == KN_COL_FORGET ? (uint32_t)KN_COL_FORGOTTEN : ops[i].kind;
            struct void_entry *e = void_slot(m, void_key(kind, ops[i].ordinal));
            m->count += e->last == 0;
            *e = (struct void_entry){void_key(kind, ops[i].ordinal), (uint32_t)i + 1};
        }
    }
    return m->entries != NULL;
}

static bool is_void(const struct void_map *m, const struct kn_col_op *op, size_t index)
{
    return m->count > 0 && (void_slot(m, void_key(op->kind, op->ordinal))->last > index ||
                            void_slot(m, void_key(KN_COL_FORGOTTEN, op->ordinal))->last > index);
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool list_voids(const struct void_map *m, struct kn_col_run *run)
{
    for (uint32_t kind = 0; kind < KN_COL_VOIDS && m->count > 0; kind++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < m->room; i++) {
            count += m->entries[i].last != 0 && m->entries[i].key >> 32 == kind;
        }
        uint32_t *list = count > 0 ? kn_col_region(run, count * sizeof *list) : NULL;
        if (count > 0 && !list) {
            return false;
        }
        count = 0;
        for (uint32_t i = 0; i < m->room && list; i++) {
            if (m->entries[i].last != 0 && m->entries[i].key >> 32 == kind) {
                list[count++] = (uint32_t)m->entries[i].key;
            }
        }
        if (list) {
            qsort(list, count, sizeof *list, compare_u32);
        }
        run->voids[kind] = list;
        run->void_counts[kind] = count;
    }
    return true;
}

/* ---- a build ---- */

static int compare_shapes(const void *a, const void *b)
{
    const struct kn_col_draft *x = &((const struct kn_col_shape *)a)->draft;
    const struct kn_col_draft *y = &((const struct kn_col_shape *)b)->draft;
    return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : kn_str_cmp(x->name, y->name);
}

static enum kn_rc seal_all(struct kn_col_builder *b, struct kn_col_run *run, struct kn_err *err)
{
    if (b->shape_count == 0) {
        return KN_OK;
    }
    qsort(b->shapes, b->shape_count, sizeof *b->shapes, compare_shapes);
    run->tables = kn_arena_zero(&run->arena, b->shape_count, sizeof *run->tables);
    if (!run->tables) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < b->shape_count; i++) {
        KN_TRY(kn_col_seal(run, &run->tables[run->table_count], &b->shapes[i].draft, err));
        run->table_count++;
    }
    return KN_OK;
}

/* Has the bytes brought closer. */
static void fetch(struct kn_str bytes)
{
    size_t most = bytes.len < FETCH_BYTES ? bytes.len : FETCH_BYTES;
    for (size_t at = 0; at < most; at += 64) {
        __builtin_prefetch(bytes.p + at);
    }
}

/* Ordinals that others are merged into count as well. */
static void cover_merged(struct kn_col_run *run)
{
    const struct kn_col_table *t = kn_col_run_table(run, KN_TABLE_MERGED, KN_STR_EMPTY);
    const struct kn_column *into = t ? kn_part_column(&t->part, KN_STR("into"), 0) : NULL;
    for (uint32_t code = 1; into && code < into->dictionary.count; code++) {
        uint32_t to;
        if (kn_col_read_ordinal(kn_dictionary_value(&into->dictionary, code), &to) &&
            to >= run->ordinal_end) {
            run->ordinal_end = to + 1;
        }
    }
}

static enum kn_rc fill(struct kn_col_builder *b, const struct kn_col_op *ops, size_t count,
                       struct kn_col_run *run, struct kn_err *err)
{
    struct void_map voids = {0};
    b->objects = 0;
    b->nomem = !gather_voids(&voids, ops, count);
    for (size_t i = 0; i < count && !b->nomem; i++) {
        if (i + AHEAD < count) {
            fetch(ops[i + AHEAD].bytes);
        }
        run->ordinal_end =
            ops[i].ordinal >= run->ordinal_end ? ops[i].ordinal + 1 : run->ordinal_end;
        if (ops[i].type == KN_COL_EVENT && !is_void(&voids, &ops[i], i)) {
            kn_col_put_event(b, &ops[i]);
        } else if (ops[i].type == KN_COL_ROW && !is_void(&voids, &ops[i], i)) {
            kn_col_put_row(b, &ops[i]);
        }
    }
    b->nomem = b->nomem || !list_voids(&voids, run);
    kn_free(voids.entries);
    return b->nomem ? kn_fail(err, KN_E_NOMEM, "out of memory") : seal_all(b, run, err);
}

enum kn_rc kn_col_build(struct kn_col_builder *b, const struct kn_col_op *ops, size_t count,
                        struct kn_col_run **ret, uint64_t *ret_dropped, struct kn_err *err)
{
    struct kn_col_run *run = kn_col_run_new();
    if (!run) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    run->is_small = true;
    b->dropped = 0;
    enum kn_rc rc = fill(b, ops, count, run, err);
    clear(b);
    if (rc != KN_OK) {
        kn_col_run_unref(run);
        return rc;
    }
    kn_col_run_count(run);
    cover_merged(run);
    *ret_dropped = b->dropped;
    *ret = run;
    return KN_OK;
}
