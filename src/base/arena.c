#include "base/arena.h"

#include "base/mem.h"

enum { CHUNK_BYTES = 64 * 1024, ALIGN = 16 };

struct kn_arena_chunk {
    struct kn_arena_chunk *next;
    size_t used; /* of data */
    size_t cap;
    _Alignas(ALIGN) char data[];
};

void kn_arena_init(struct kn_arena *arena, size_t bytes_max)
{
    *arena = (struct kn_arena){.bytes_max = bytes_max};
}

static void free_chunks(struct kn_arena_chunk *chunk)
{
    while (chunk) {
        struct kn_arena_chunk *next = chunk->next;
        kn_free(chunk);
        chunk = next;
    }
}

void kn_arena_deinit(struct kn_arena *arena)
{
    free_chunks(arena->head);
    arena->head = NULL;
    arena->bytes = 0;
}

void kn_arena_clear(struct kn_arena *arena)
{
    struct kn_arena_chunk *keep = arena->head;
    if (!keep) {
        return;
    }
    free_chunks(keep->next);
    keep->next = NULL;
    if (keep->cap > CHUNK_BYTES) {
        kn_free(keep);
        arena->head = NULL;
        arena->bytes = 0;
        return;
    }
    keep->used = 0;
    arena->bytes = keep->cap;
}

static struct kn_arena_chunk *add_chunk(struct kn_arena *arena, size_t bytes)
{
    size_t cap = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    if (cap > arena->bytes_max - arena->bytes) {
        cap = bytes;
    }
    if (cap > arena->bytes_max - arena->bytes) {
        return NULL;
    }
    struct kn_arena_chunk *chunk = kn_alloc(sizeof *chunk + cap);
    if (!chunk) {
        return NULL;
    }
    chunk->used = 0;
    chunk->cap = cap;
    chunk->next = arena->head;
    arena->head = chunk;
    arena->bytes += cap;
    return chunk;
}

void *kn_arena_alloc(struct kn_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2) {
        return NULL;
    }
    size_t rounded = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct kn_arena_chunk *chunk = arena->head;
    if (!chunk || rounded > chunk->cap - chunk->used) {
        chunk = add_chunk(arena, rounded);
        if (!chunk) {
            return NULL;
        }
    }
    void *block = chunk->data + chunk->used;
    chunk->used += rounded;
    return block;
}

void *kn_arena_zero(struct kn_arena *arena, size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        return NULL;
    }
    void *block = kn_arena_alloc(arena, total);
    if (block && total > 0) {
        memset(block, 0, total);
    }
    return block;
}

struct kn_str kn_arena_str(struct kn_arena *arena, struct kn_str s)
{
    char *copy = kn_arena_alloc(arena, s.len + 1);
    if (!copy) {
        return KN_STR_EMPTY;
    }
    if (s.len > 0) {
        memcpy(copy, s.p, s.len);
    }
    copy[s.len] = '\0';
    return kn_str(copy, s.len);
}
