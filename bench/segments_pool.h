/* Two threads that do jobs, as the server's query workers would. */
#ifndef KN_BENCH_SEGMENTS_POOL_H
#define KN_BENCH_SEGMENTS_POOL_H

#include <stdint.h>

enum { POOL_THREADS = 2 };

struct pool;

struct pool *pool_new(void);
void pool_free(struct pool *pool);
/* As struct kn_bulk_jobs and kn_bulk_jobs want it; context is the pool. */
void pool_run(void *context, uint32_t count, void (*job)(void *arg, uint32_t index), void *arg);

#endif
