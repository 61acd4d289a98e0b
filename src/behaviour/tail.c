#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "behaviour/archive_internal.h"

enum { CHUNK_BYTES = 1 << 20 };

struct kn_tail *kn_tail_new(size_t rows_expected)
{
    struct kn_tail *t = kn_must_calloc(1, sizeof *t);
    atomic_init(&t->references, 1);
    if (rows_expected > 0) {
        t->room = rows_expected;
        t->rows = kn_must_alloc(t->room * sizeof *t->rows);
    }
    return t;
}

void kn_tail_unref(struct kn_tail *t)
{
    if (!t || atomic_fetch_sub(&t->references, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < t->chunk_count; i++) {
        kn_free(t->chunks[i]);
    }
    kn_free(t->chunks);
    kn_free(t->rows);
    kn_free(t->index);
    kn_free(t);
}

static char *room_for(struct kn_tail *t, size_t len)
{
    if (t->chunk_count == 0 || t->chunk_used + len > t->chunk_room) {
        t->chunk_room = len > CHUNK_BYTES ? len : CHUNK_BYTES;
        t->chunk_used = 0;
        t->chunks = kn_must_realloc(t->chunks, (t->chunk_count + 1) * sizeof *t->chunks);
        t->chunks[t->chunk_count++] = kn_must_alloc(t->chunk_room);
    }
    char *at = t->chunks[t->chunk_count - 1] + t->chunk_used;
    t->chunk_used += len;
    return at;
}

static size_t place(const struct kn_tail *t, uint32_t ordinal)
{
    size_t i = (size_t)(ordinal * 0x9e3779b97f4a7c15U >> 32) & (t->index_room - 1);
    while (t->index[i].last != 0 && t->index[i].ordinal != ordinal) {
        i = (i + 1) & (t->index_room - 1);
    }
    return i;
}

static void grow_index(struct kn_tail *t)
{
    struct kn_tail old = *t;
    t->index_room = old.index_room ? old.index_room * 2 : 1024;
    t->index = kn_must_table(t->index_room, sizeof *t->index);
    for (size_t i = 0; i < old.index_room; i++) {
        if (old.index[i].last != 0) {
            t->index[place(t, old.index[i].ordinal)] = old.index[i];
        }
    }
    kn_free(old.index);
}

uint32_t kn_tail_last(const struct kn_tail *t, uint32_t ordinal)
{
    return t->index_room == 0 ? 0 : t->index[place(t, ordinal)].last;
}

void kn_tail_append(struct kn_tail *t, const struct kn_archive_row *row)
{
    if ((t->index_count + 1) * 2 > t->index_room) {
        grow_index(t);
    }
    if (t->count == t->room) {
        t->room = t->room ? t->room * 2 : 1024;
        t->rows = kn_must_realloc(t->rows, t->room * sizeof *t->rows);
    }
    char *bytes = room_for(t, row->item.len);
    if (row->item.len > 0) {
        memcpy(bytes, row->item.p, row->item.len);
    }
    size_t i = place(t, row->ordinal);
    t->rows[t->count] = (struct kn_tail_row){*row, t->index[i].last};
    t->rows[t->count].row.item.p = bytes;
    t->count++;
    kn_assert(t->count < UINT32_MAX);
    t->index_count += t->index[i].last == 0 ? 1 : 0;
    t->index[i].ordinal = row->ordinal;
    t->index[i].last = (uint32_t)t->count;
    t->bytes += row->item.len + sizeof *t->rows;
}

int kn_row_cmp(const struct kn_archive_row *a, const struct kn_archive_row *b)
{
    if (a->ordinal != b->ordinal) {
        return a->ordinal < b->ordinal ? -1 : 1;
    }
    if (a->event_us != b->event_us) {
        return a->event_us < b->event_us ? -1 : 1;
    }
    if (a->arrival != b->arrival) {
        return a->arrival < b->arrival ? -1 : 1;
    }
    return (a->version > b->version) - (a->version < b->version);
}

static int compare_rows(const void *a, const void *b, void *context)
{
    const struct kn_tail *t = context;
    return kn_row_cmp(&t->rows[*(const uint32_t *)a].row, &t->rows[*(const uint32_t *)b].row);
}

static int compare_people(const void *a, const void *b)
{
    uint32_t x = ((const struct kn_tail_index *)a)->ordinal;
    uint32_t y = ((const struct kn_tail_index *)b)->ordinal;
    return (x > y) - (x < y);
}

/* The rows of one person, from the last on backwards, in order; rows mostly come in order. */
static size_t order_person(const struct kn_tail *t, uint32_t last, uint32_t *to)
{
    size_t count = 0;
    for (uint32_t i = last; i != 0; i = t->rows[i - 1].before) {
        to[count++] = i - 1;
    }
    for (size_t i = 0; i < count / 2; i++) {
        uint32_t row = to[i];
        to[i] = to[count - 1 - i];
        to[count - 1 - i] = row;
    }
    bool sorted = true;
    for (size_t i = 1; i < count && sorted; i++) {
        sorted = kn_row_cmp(&t->rows[to[i - 1]].row, &t->rows[to[i]].row) < 0;
    }
    if (!sorted) {
        qsort_r(to, count, sizeof *to, compare_rows, (void *)(uintptr_t)t);
    }
    return count;
}

uint32_t *kn_tail_sorted(const struct kn_tail *t)
{
    struct kn_tail_index *people = kn_must_alloc((t->index_count + 1) * sizeof *people);
    uint32_t *order = kn_must_alloc((t->count + 1) * sizeof *order);
    size_t count = 0;
    for (size_t i = 0; i < t->index_room; i++) {
        if (t->index[i].last != 0) {
            people[count++] = t->index[i];
        }
    }
    qsort(people, count, sizeof *people, compare_people);
    size_t filled = 0;
    for (size_t i = 0; i < count; i++) {
        filled += order_person(t, people[i].last, order + filled);
    }
    kn_assert(filled == t->count);
    kn_free(people);
    return order;
}
