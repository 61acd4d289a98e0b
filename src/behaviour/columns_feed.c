/* What the fold feeds, in blocks, until it is built. */
#include "base/assert.h"
#include "base/mem.h"
#include "behaviour/columns_internal.h"

enum { BLOCK_OPS = 2048 };

static struct kn_col_op *add(struct kn_columns *c)
{
    struct kn_col_block *b = c->last_block;
    if (!b || b->closed || b->count == BLOCK_OPS || b->generation != c->generation) {
        b = kn_must_alloc(sizeof *b + BLOCK_OPS * sizeof *b->ops);
        *b = (struct kn_col_block){.generation = c->generation};
        if (c->last_block) {
            c->last_block->next = b;
        } else {
            c->first_block = b;
        }
        c->last_block = b;
    }
    c->waiting++;
    return &b->ops[b->count++];
}

static void feed(struct kn_columns *c, struct kn_col_op op)
{
    kn_assert(op.ordinal < UINT32_MAX - 64);
    kn_mutex_lock(&c->feed_mutex);
    *add(c) = op;
    kn_mutex_unlock(&c->feed_mutex);
}

void kn_columns_event(struct kn_columns *c, uint32_t ordinal, int64_t event_us, uint64_t arrival,
                      struct kn_str item)
{
    feed(c, (struct kn_col_op){KN_COL_EVENT, KN_TABLE_EVENT, ordinal, event_us, arrival, item});
}

void kn_columns_replace(struct kn_columns *c, enum kn_table_kind kind, uint32_t ordinal)
{
    feed(c, (struct kn_col_op){.type = KN_COL_REPLACE, .kind = (uint8_t)kind, .ordinal = ordinal});
}

void kn_columns_row(struct kn_columns *c, enum kn_table_kind kind, uint32_t ordinal, int64_t us,
                    uint64_t arrival, struct kn_str fields)
{
    struct kn_str copy = KN_STR_EMPTY;
    kn_assert(kind != KN_TABLE_EVENT);
    if (fields.len > 0) {
        char *p = kn_must_alloc(fields.len);
        memcpy(p, fields.p, fields.len);
        copy = kn_str(p, fields.len);
    }
    feed(c, (struct kn_col_op){KN_COL_ROW, (uint8_t)kind, ordinal, us, arrival, copy});
}

void kn_columns_forget(struct kn_columns *c, uint32_t ordinal)
{
    feed(c, (struct kn_col_op){.type = KN_COL_FORGET, .ordinal = ordinal});
}

/* ---- taking ---- */

/* The first blocks of one generation up to `generation`, closed, with up to `rows_max` operations
 * (one block at least). *ret_count operations are copied to a vector that the caller frees; NULL:
 * nothing waits. */
static struct kn_col_op *take(struct kn_columns *c, uint64_t generation, uint32_t rows_max,
                              size_t *ret_count, uint32_t *ret_blocks, uint64_t *ret_generation,
                              bool *ret_nomem)
{
    struct kn_col_op *ops = NULL;
    size_t count = 0;
    *ret_blocks = 0;
    *ret_nomem = false;
    kn_mutex_lock(&c->feed_mutex);
    struct kn_col_block *first = c->first_block;
    for (struct kn_col_block *b = first;
         b && b->generation <= generation && b->generation == first->generation &&
         (b == first || count + b->count <= rows_max);
         b = b->next) {
        b->closed = true;
        count += b->count;
        ++*ret_blocks;
    }
    kn_mutex_unlock(&c->feed_mutex);
    if (count > 0) {
        *ret_generation = first->generation;
        ops = kn_alloc(count * sizeof *ops);
        *ret_nomem = !ops;
        count = 0;
        struct kn_col_block *b = first;
        for (uint32_t i = 0; i < *ret_blocks && ops; i++) {
            b = i == 0 ? first : b->next; /* of the last one, the feed may set it now */
            memcpy(ops + count, b->ops, b->count * sizeof *ops);
            count += b->count;
        }
    }
    *ret_count = count;
    return ops;
}

static void free_block(struct kn_col_block *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        if (b->ops[i].type == KN_COL_ROW) {
            kn_free((void *)(uintptr_t)b->ops[i].bytes.p);
        }
    }
    kn_free(b);
}

static void drop_blocks(struct kn_columns *c, uint32_t blocks)
{
    for (uint32_t i = 0; i < blocks; i++) {
        kn_mutex_lock(&c->feed_mutex);
        struct kn_col_block *b = c->first_block;
        c->first_block = b->next;
        c->last_block = b->next ? c->last_block : NULL;
        c->waiting -= b->count;
        kn_mutex_unlock(&c->feed_mutex);
        free_block(b);
    }
}

void kn_col_feed_free(struct kn_columns *c)
{
    while (c->first_block) {
        struct kn_col_block *b = c->first_block;
        c->first_block = b->next;
        free_block(b);
    }
    c->last_block = NULL;
}

/* One run; *ret_more: there is more to build. Under the build mutex. */
static enum kn_rc build_some(struct kn_columns *c, uint64_t generation, uint32_t rows_max,
                             bool *ret_more, struct kn_err *err)
{
    size_t count;
    uint32_t blocks;
    uint64_t of = 0;
    bool nomem;
    struct kn_col_run *run = NULL;
    struct kn_col_op *ops = take(c, generation, rows_max, &count, &blocks, &of, &nomem);
    *ret_more = ops != NULL;
    if (nomem) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    if (!ops) {
        return KN_OK;
    }
    uint64_t dropped = 0;
    enum kn_rc rc = kn_col_build(c->builder, ops, count, &run, &dropped, err);
    if (rc == KN_OK) {
        run->first = run->last = c->next_birth;
        run->generation = of;
        rc = kn_col_publish(c, run, err);
    }
    if (rc == KN_OK) {
        c->next_birth++;
        atomic_fetch_add(&c->dropped_fields, dropped);
        drop_blocks(c, blocks);
    } else {
        kn_col_run_unref(run);
    }
    kn_free(ops);
    return rc;
}

enum kn_rc kn_col_build_waiting(struct kn_columns *c, uint64_t generation, struct kn_err *err)
{
    enum kn_rc rc = KN_OK;
    bool more = true;
    kn_mutex_lock(&c->build_mutex);
    while (more && rc == KN_OK) {
        rc = build_some(c, generation, UINT32_MAX, &more, err);
    }
    kn_mutex_unlock(&c->build_mutex);
    return rc;
}

enum kn_rc kn_columns_build(struct kn_columns *c, uint32_t rows_max, bool *ret_more,
                            struct kn_err *err)
{
    bool built;
    uint32_t most = rows_max > 0 ? rows_max : c->rows_per_build;
    kn_mutex_lock(&c->build_mutex);
    enum kn_rc rc = build_some(c, UINT64_MAX, most, &built, err);
    kn_mutex_unlock(&c->build_mutex);
    if (rc == KN_OK) {
        rc = kn_col_join_small(c, err);
    }
    kn_mutex_lock(&c->feed_mutex);
    *ret_more = rc == KN_OK && c->waiting > 0;
    kn_mutex_unlock(&c->feed_mutex);
    return rc;
}
