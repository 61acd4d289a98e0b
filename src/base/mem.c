#include "base/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

/* Counters of the allocator: the one place with process-wide state (ADR 0002). */
static _Atomic int64_t bytes_now;
static _Atomic uint64_t fail_after = UINT64_MAX;
static _Atomic bool fail_once;

static bool must_fail(void)
{
    uint64_t left = atomic_load_explicit(&fail_after, memory_order_relaxed);
    if (__builtin_expect(left == UINT64_MAX, 1)) {
        return false;
    }
    if (left == 0) {
        if (atomic_load_explicit(&fail_once, memory_order_relaxed)) {
            atomic_store_explicit(&fail_after, UINT64_MAX, memory_order_relaxed);
        }
        return true;
    }
    atomic_store_explicit(&fail_after, left - 1, memory_order_relaxed);
    return false;
}

static void *counted(void *block)
{
    if (block) {
        atomic_fetch_add_explicit(&bytes_now, (int64_t)malloc_usable_size(block),
                                  memory_order_relaxed);
    }
    return block;
}

void kn_free(void *block)
{
    if (block) {
        atomic_fetch_sub_explicit(&bytes_now, (int64_t)malloc_usable_size(block),
                                  memory_order_relaxed);
        free(block);
    }
}

void *kn_alloc(size_t bytes)
{
    return must_fail() ? NULL : counted(malloc(bytes ? bytes : 1));
}

void *kn_calloc(size_t count, size_t bytes)
{
    return must_fail() ? NULL : counted(calloc(count ? count : 1, bytes ? bytes : 1));
}

static void *resize(void *block, size_t bytes)
{
    int64_t before = block ? (int64_t)malloc_usable_size(block) : 0;
    void *moved = realloc(block, bytes ? bytes : 1);
    if (moved) {
        atomic_fetch_add_explicit(&bytes_now, (int64_t)malloc_usable_size(moved) - before,
                                  memory_order_relaxed);
    }
    return moved;
}

void *kn_realloc(void *block, size_t bytes)
{
    return must_fail() ? NULL : resize(block, bytes);
}

void *kn_alloc_aligned(size_t alignment, size_t bytes)
{
    void *block = NULL;
    if (must_fail() || posix_memalign(&block, alignment, bytes ? bytes : 1) != 0) {
        return NULL;
    }
    return counted(block);
}

static void *insist(void *block, size_t bytes)
{
    if (!block) {
        kn_panic("out of memory: %zu bytes", bytes);
    }
    return block;
}

void *kn_must_alloc(size_t bytes)
{
    return insist(counted(malloc(bytes ? bytes : 1)), bytes);
}

void *kn_must_calloc(size_t count, size_t bytes)
{
    return insist(counted(calloc(count ? count : 1, bytes ? bytes : 1)), bytes);
}

void *kn_must_table(size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        kn_panic("out of memory: %zu times %zu bytes", count, bytes);
    }
    return memset(kn_must_alloc(total), 0, total);
}

void *kn_must_realloc(void *block, size_t bytes)
{
    return insist(resize(block, bytes), bytes);
}

char *kn_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = kn_alloc(bytes);
    if (copy) {
        memcpy(copy, text, bytes);
    }
    return copy;
}

uint64_t kn_mem_bytes(void)
{
    int64_t now = atomic_load_explicit(&bytes_now, memory_order_relaxed);
    return now > 0 ? (uint64_t)now : 0;
}

void kn_mem_fail_once(uint64_t allocations)
{
    atomic_store_explicit(&fail_once, true, memory_order_relaxed);
    atomic_store_explicit(&fail_after, allocations, memory_order_relaxed);
}

uint64_t kn_mem_fail_left(void)
{
    return atomic_load_explicit(&fail_after, memory_order_relaxed);
}

void kn_mem_fail_after(uint64_t allocations)
{
    atomic_store_explicit(&fail_once, false, memory_order_relaxed);
    atomic_store_explicit(&fail_after, allocations, memory_order_relaxed);
}
