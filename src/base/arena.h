/* Memory that dies together: a request, a batch, one fold step.
 *
 * Allocations come from chunks and are never freed one by one; kn_arena_clear keeps one chunk for
 * the next round. The sum of chunks never passes bytes_max: beyond it kn_arena_alloc answers NULL.
 * One owner, one thread.
 */
#ifndef KN_BASE_ARENA_H
#define KN_BASE_ARENA_H

#include "base/str.h"

struct kn_arena_chunk;

struct kn_arena {
    struct kn_arena_chunk *head; /* newest chunk, owned */
    size_t bytes;                /* sum of all chunks */
    size_t bytes_max;
};

void kn_arena_init(struct kn_arena *arena, size_t bytes_max);
void kn_arena_deinit(struct kn_arena *arena);
void kn_arena_clear(struct kn_arena *arena);
/* 16-byte aligned, uninitialised; NULL at the limit. Valid until clear. */
void *kn_arena_alloc(struct kn_arena *arena, size_t bytes);
void *kn_arena_zero(struct kn_arena *arena, size_t count, size_t bytes);
/* A copy, also NUL-terminated one past len; p is NULL at the limit. */
struct kn_str kn_arena_str(struct kn_arena *arena, struct kn_str s);

#endif
