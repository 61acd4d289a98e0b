/* Pins and reading: a k-way merge over the rows of some ordinals in runs and tail. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "behaviour/archive_internal.h"

struct kn_archive_pin {
    struct kn_tail *tails[2];
    struct kn_run *runs[KN_RUNS_MAX];
    size_t run_count;
    uint32_t *ordinals;
    size_t ordinal_count;
    struct kn_archive_row *rows; /* of the tails; bytes stay in their chunks */
    size_t row_count, row_room;
    struct kn_mask *masks; /* of these ordinals, sorted */
    size_t mask_count;
};

/* ---- pin ---- */

static bool gather(struct kn_archive_pin *pin, const struct kn_tail *tail, uint32_t ordinal)
{
    for (uint32_t at = kn_tail_last(tail, ordinal); at != 0; at = tail->rows[at - 1].before) {
        if (pin->row_count == pin->row_room) {
            size_t room = pin->row_room ? pin->row_room * 2 : 16;
            struct kn_archive_row *more = kn_realloc(pin->rows, room * sizeof *more);
            if (!more) {
                return false;
            }
            pin->rows = more;
            pin->row_room = room;
        }
        pin->rows[pin->row_count++] = tail->rows[at - 1].row;
    }
    return true;
}

static bool copy_masks(struct kn_archive *a, struct kn_archive_pin *pin)
{
    bool ok = true;
    kn_mutex_lock(&a->mask_mutex);
    if (a->mask_count > 0) {
        pin->masks = kn_alloc(a->mask_count * sizeof *pin->masks);
        ok = pin->masks != NULL;
    }
    for (size_t i = 0; ok && i < a->mask_count; i++) {
        for (size_t k = 0; k < pin->ordinal_count; k++) {
            if (a->masks[i].ordinal == pin->ordinals[k]) {
                pin->masks[pin->mask_count++] = a->masks[i];
                break;
            }
        }
    }
    kn_mutex_unlock(&a->mask_mutex);
    if (pin->masks && pin->mask_count > 0) {
        qsort(pin->masks, pin->mask_count, sizeof *pin->masks, kn_mask_cmp);
    }
    return ok;
}

struct kn_archive_pin *kn_archive_pin(struct kn_archive *a, const uint32_t *ordinals, size_t count)
{
    struct kn_archive_pin *pin = kn_calloc(1, sizeof *pin);
    if (!pin) {
        return NULL;
    }
    pin->tails[0] = a->frozen;
    pin->tails[1] = a->tail;
    for (size_t i = 0; i < 2; i++) {
        if (pin->tails[i]) {
            atomic_fetch_add(&pin->tails[i]->references, 1);
        }
    }
    for (size_t i = 0; i < a->run_count; i++) {
        pin->runs[pin->run_count++] = a->runs[i];
        atomic_fetch_add(&a->runs[i]->references, 1);
    }
    pin->ordinals = kn_alloc((count + 1) * sizeof *pin->ordinals);
    bool ok = pin->ordinals != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        pin->ordinals[pin->ordinal_count++] = ordinals[i];
        for (size_t k = 0; ok && k < 2; k++) {
            ok = !pin->tails[k] || gather(pin, pin->tails[k], ordinals[i]);
        }
    }
    if (!ok || !copy_masks(a, pin)) {
        kn_archive_unpin(pin);
        return NULL;
    }
    return pin;
}

void kn_archive_unpin(struct kn_archive_pin *pin)
{
    if (!pin) {
        return;
    }
    for (size_t i = 0; i < pin->run_count; i++) {
        kn_run_unref(pin->runs[i]);
    }
    kn_tail_unref(pin->tails[0]);
    kn_tail_unref(pin->tails[1]);
    kn_free(pin->ordinals);
    kn_free(pin->rows);
    kn_free(pin->masks);
    kn_free(pin);
}

/* Chains lead from the newest to the oldest. */
void kn_archive_since(const struct kn_archive *a, const uint32_t *ordinals, size_t count,
                      uint64_t arrival, kn_archive_row_fn fn, void *context)
{
    const struct kn_tail *tails[2] = {a->frozen, a->tail};
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < 2; k++) {
            const struct kn_tail *tail = tails[k];
            uint32_t at = tail ? kn_tail_last(tail, ordinals[i]) : 0;
            while (at != 0 && tail->rows[at - 1].row.arrival > arrival) {
                (void)fn(context, &tail->rows[at - 1].row);
                at = tail->rows[at - 1].before;
            }
        }
    }
}

/* ---- order ---- */

/* Comes a before b in this order? Rows of one person: the ordinal does not matter. */
static int in_order(enum kn_archive_order order, int64_t us_a, uint64_t arrival_a, int64_t us_b,
                    uint64_t arrival_b)
{
    int by_time = (us_a > us_b) - (us_a < us_b);
    int by_arrival = (arrival_a > arrival_b) - (arrival_a < arrival_b);
    int both = by_time != 0 ? by_time : by_arrival;
    switch (order) {
    case KN_ARCHIVE_NEWEST_FIRST: return -both;
    case KN_ARCHIVE_OLDEST_FIRST: return both;
    case KN_ARCHIVE_BY_ARRIVAL: break;
    }
    return by_arrival;
}

static int compare_newest(const void *a, const void *b)
{
    const struct kn_archive_row *x = a;
    const struct kn_archive_row *y = b;
    return in_order(KN_ARCHIVE_NEWEST_FIRST, x->event_us, x->arrival, y->event_us, y->arrival);
}

static int compare_oldest(const void *a, const void *b)
{
    return compare_newest(b, a);
}

static int compare_arrival(const void *a, const void *b)
{
    const struct kn_archive_row *x = a;
    const struct kn_archive_row *y = b;
    return in_order(KN_ARCHIVE_BY_ARRIVAL, x->event_us, x->arrival, y->event_us, y->arrival);
}

static bool is_wanted(const struct kn_archive_pin *pin, const struct kn_archive_query *q,
                      const struct kn_archive_row *row)
{
    if (row->event_us < q->from_us || (row->event_us >= q->to_us && q->to_us != INT64_MAX)) {
        return false;
    }
    if (q->has_after &&
        in_order(q->order, row->event_us, row->arrival, q->after_us, q->after_arrival) <= 0) {
        return false;
    }
    return !kn_mask_has(pin->masks, pin->mask_count, row);
}

/* ---- cursors: the rows of one ordinal in one run ---- */

struct cursor {
    const struct kn_run *run;
    uint32_t ordinal;
    size_t first_block, last_block; /* blocks that may hold the ordinal */
    size_t block;                   /* loaded */
    bool any, done;
    struct kn_rows rows;
    size_t begin, end, at; /* rows of the ordinal in the block; at counts along the order */
};

static size_t first_block_of(const struct kn_run *run, uint32_t ordinal)
{
    size_t low = 0;
    size_t high = run->block_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (run->blocks[middle].last_ordinal < ordinal) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* No row of the ordinal in this block is wanted, as its bounds alone tell. */
static bool skips_block(const struct kn_archive_query *q, const struct kn_block *b,
                        uint32_t ordinal)
{
    int64_t low = b->first_ordinal == ordinal ? b->first_us : INT64_MIN;
    int64_t high = b->last_ordinal == ordinal ? b->last_us : INT64_MAX;
    if (high < q->from_us || (low >= q->to_us && q->to_us != INT64_MAX)) {
        return true;
    }
    if (!q->has_after) {
        return false;
    }
    return q->order == KN_ARCHIVE_NEWEST_FIRST   ? low > q->after_us
           : q->order == KN_ARCHIVE_OLDEST_FIRST ? high < q->after_us
                                                 : false;
}

static enum kn_rc load_block(struct cursor *c, struct kn_err *err)
{
    kn_rows_free(&c->rows);
    KN_TRY(kn_run_read_block(c->run, c->block, &c->rows, err));
    c->begin = 0;
    while (c->begin < c->rows.count && c->rows.rows[c->begin].ordinal < c->ordinal) {
        c->begin++;
    }
    c->end = c->begin;
    while (c->end < c->rows.count && c->rows.rows[c->end].ordinal == c->ordinal) {
        c->end++;
    }
    c->at = 0;
    return KN_OK;
}

/* Goes to the next block that may matter, along the order; done when there is none. */
static enum kn_rc next_block(struct cursor *c, const struct kn_archive_query *q, struct kn_err *err)
{
    bool backwards = q->order == KN_ARCHIVE_NEWEST_FIRST;
    for (;;) {
        if (!c->any) {
            c->block = backwards ? c->last_block : c->first_block;
            c->any = true;
        } else if (c->block == (backwards ? c->first_block : c->last_block)) {
            c->done = true;
            return KN_OK;
        } else {
            c->block += backwards ? (size_t)-1 : 1;
        }
        if (skips_block(q, &c->run->blocks[c->block], c->ordinal)) {
            continue;
        }
        KN_TRY(load_block(c, err));
        if (c->end > c->begin) {
            return KN_OK;
        }
    }
}

static const struct kn_archive_row *current(const struct cursor *c,
                                            const struct kn_archive_query *q)
{
    size_t i = q->order == KN_ARCHIVE_NEWEST_FIRST ? c->end - 1 - c->at : c->begin + c->at;
    return &c->rows.rows[i];
}

/* Stands on a wanted row, or is done. */
static enum kn_rc settle(struct cursor *c, const struct kn_archive_pin *pin,
                         const struct kn_archive_query *q, struct kn_err *err)
{
    while (!c->done) {
        if (!c->any || c->at == c->end - c->begin) {
            KN_TRY(next_block(c, q, err));
            continue;
        }
        if (is_wanted(pin, q, current(c, q))) {
            return KN_OK;
        }
        c->at++;
    }
    return KN_OK;
}

struct reading {
    const struct kn_archive_pin *pin;
    const struct kn_archive_query *query;
    struct cursor *cursors;
    size_t cursor_count;
    struct kn_archive_row *tail_rows; /* wanted, sorted */
    size_t tail_count, tail_at;
};

static enum kn_rc start(struct reading *r, struct kn_err *err)
{
    const struct kn_archive_pin *pin = r->pin;
    r->cursors = kn_calloc(pin->run_count * pin->ordinal_count + 1, sizeof *r->cursors);
    r->tail_rows = kn_alloc((pin->row_count + 1) * sizeof *r->tail_rows);
    if (!r->cursors || !r->tail_rows) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < pin->run_count; i++) {
        const struct kn_run *run = pin->runs[i];
        for (size_t k = 0; k < pin->ordinal_count; k++) {
            size_t block = first_block_of(run, pin->ordinals[k]);
            if (block == run->block_count || run->blocks[block].first_ordinal > pin->ordinals[k]) {
                continue;
            }
            struct cursor *c = &r->cursors[r->cursor_count++];
            *c = (struct cursor){.run = run, .ordinal = pin->ordinals[k], .first_block = block};
            while (block + 1 < run->block_count &&
                   run->blocks[block + 1].first_ordinal <= c->ordinal) {
                block++;
            }
            c->last_block = block;
            KN_TRY(settle(c, pin, r->query, err));
        }
    }
    for (size_t i = 0; i < pin->row_count; i++) {
        if (is_wanted(pin, r->query, &pin->rows[i])) {
            r->tail_rows[r->tail_count++] = pin->rows[i];
        }
    }
    if (r->tail_count > 0) {
        qsort(r->tail_rows, r->tail_count, sizeof *r->tail_rows,
              r->query->order == KN_ARCHIVE_NEWEST_FIRST ? compare_newest : compare_oldest);
    }
    return KN_OK;
}

static enum kn_rc merge_rows(struct reading *r, kn_archive_row_fn fn, void *context,
                             struct kn_err *err)
{
    for (;;) {
        struct cursor *best_cursor = NULL;
        const struct kn_archive_row *best =
            r->tail_at < r->tail_count ? &r->tail_rows[r->tail_at] : NULL;
        for (size_t i = 0; i < r->cursor_count; i++) {
            struct cursor *c = &r->cursors[i];
            const struct kn_archive_row *row = c->done ? NULL : current(c, r->query);
            if (row && (!best || in_order(r->query->order, row->event_us, row->arrival,
                                          best->event_us, best->arrival) < 0)) {
                best = row;
                best_cursor = c;
            }
        }
        if (!best || !fn(context, best)) {
            return KN_OK;
        }
        if (best_cursor) {
            best_cursor->at++;
            KN_TRY(settle(best_cursor, r->pin, r->query, err));
        } else {
            r->tail_at++;
        }
    }
}

static void stop(struct reading *r)
{
    for (size_t i = 0; i < r->cursor_count; i++) {
        kn_rows_free(&r->cursors[i].rows);
    }
    kn_free(r->cursors);
    kn_free(r->tail_rows);
}

/* ---- by arrival: gather everything, then sort ---- */

struct gathered {
    struct kn_archive_row *rows;
    size_t count, room;
    struct kn_arena arena;
    bool no_memory;
};

static bool keep(void *context, const struct kn_archive_row *row)
{
    struct gathered *g = context;
    if (g->count == g->room) {
        size_t room = g->room ? g->room * 2 : 256;
        struct kn_archive_row *more = kn_realloc(g->rows, room * sizeof *more);
        if (!more) {
            g->no_memory = true;
            return false;
        }
        g->rows = more;
        g->room = room;
    }
    g->rows[g->count] = *row;
    g->rows[g->count].item = kn_arena_str(&g->arena, row->item);
    g->no_memory = g->no_memory || !g->rows[g->count].item.p;
    g->count++;
    return !g->no_memory;
}

static enum kn_rc read_by_arrival(struct kn_archive_pin *pin, const struct kn_archive_query *query,
                                  kn_archive_row_fn fn, void *context, struct kn_err *err)
{
    struct kn_archive_query by_time = *query;
    struct gathered g = {0};
    by_time.order = KN_ARCHIVE_OLDEST_FIRST;
    by_time.has_after = false;
    kn_arena_init(&g.arena, SIZE_MAX / 2);
    enum kn_rc rc = kn_archive_read(pin, &by_time, keep, &g, err);
    if (rc == KN_OK && g.no_memory) {
        rc = kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    if (rc == KN_OK && g.count > 0) {
        qsort(g.rows, g.count, sizeof *g.rows, compare_arrival);
    }
    for (size_t i = 0; rc == KN_OK && i < g.count; i++) {
        if (query->has_after && g.rows[i].arrival <= query->after_arrival) {
            continue;
        }
        if (!fn(context, &g.rows[i])) {
            break;
        }
    }
    kn_arena_deinit(&g.arena);
    kn_free(g.rows);
    return rc;
}

enum kn_rc kn_archive_read(struct kn_archive_pin *pin, const struct kn_archive_query *query,
                           kn_archive_row_fn fn, void *context, struct kn_err *err)
{
    if (query->order == KN_ARCHIVE_BY_ARRIVAL) {
        return read_by_arrival(pin, query, fn, context, err);
    }
    struct reading r = {.pin = pin, .query = query};
    enum kn_rc rc = start(&r, err);
    if (rc == KN_OK) {
        rc = merge_rows(&r, fn, context, err);
    }
    stop(&r);
    return rc;
}
