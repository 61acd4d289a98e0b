/* The only door to the heap: counted, and failable on purpose.
 *
 * kn_alloc and kn_realloc may return NULL (the caller answers KN_E_NOMEM). kn_must_alloc panics
 * instead: it is for the fold, which must not stop half way through a record, and for start-up.
 * Sizes are bytes. Safe on any thread.
 *
 * Tests make the n-th allocation from now fail with kn_mem_fail_after(n) (0 = the next one,
 * UINT64_MAX = none); it applies to those that may return NULL.
 */
#ifndef KN_BASE_MEM_H
#define KN_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

void kn_free(void *block); /* NULL is fine */
void *kn_alloc(size_t bytes) __attribute__((malloc, warn_unused_result));
void *kn_calloc(size_t count, size_t bytes) __attribute__((malloc, warn_unused_result));
void *kn_realloc(void *block, size_t bytes) __attribute__((warn_unused_result));
/* `alignment` is a power of two; freed by kn_free; kn_realloc would lose the alignment. */
void *kn_alloc_aligned(size_t alignment, size_t bytes) __attribute__((malloc, warn_unused_result));
void *kn_must_alloc(size_t bytes) __attribute__((malloc, returns_nonnull, warn_unused_result));
void *kn_must_calloc(size_t count, size_t bytes)
    __attribute__((malloc, returns_nonnull, warn_unused_result));
/* Zeroed like the one above, but by writing: for large tables that are looked at before they are
 * written. Memory fresh from the system would otherwise fault twice for every page, and the second
 * time interrupt every core. */
void *kn_must_table(size_t count, size_t bytes)
    __attribute__((malloc, returns_nonnull, warn_unused_result));
void *kn_must_realloc(void *block, size_t bytes)
    __attribute__((returns_nonnull, warn_unused_result));
/* A NUL-terminated copy, or NULL. */
char *kn_strdup(const char *text) __attribute__((malloc, warn_unused_result));

/* Bytes now allocated through this door. */
uint64_t kn_mem_bytes(void);
void kn_mem_fail_after(uint64_t allocations);
/* Only the n-th from now fails (0 = the next one). */
void kn_mem_fail_once(uint64_t allocations);
/* What is left of that count; UINT64_MAX: it has failed already, or none was to. */
uint64_t kn_mem_fail_left(void);

#endif
