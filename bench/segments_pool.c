#include "bench/segments_pool.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "os/thread.h"

struct pool {
    struct kn_mutex mutex;
    struct kn_cond wake, done;
    struct kn_thread threads[POOL_THREADS - 1];
    void (*job)(void *arg, uint32_t index);
    void *arg;
    uint32_t count;
    atomic_uint next;
    uint64_t turn;   /* of work given out */
    uint32_t active; /* threads that are at it */
    bool stop;
};

static void work(struct pool *pool)
{
    for (;;) {
        uint32_t index = atomic_fetch_add(&pool->next, 1);
        if (index >= pool->count) {
            return;
        }
        pool->job(pool->arg, index);
    }
}

static void *serve(void *arg)
{
    struct pool *pool = arg;
    uint64_t turn = 0;
    kn_mutex_lock(&pool->mutex);
    for (;;) {
        while (!pool->stop && pool->turn == turn) {
            kn_cond_wait(&pool->wake, &pool->mutex);
        }
        if (pool->stop) {
            break;
        }
        turn = pool->turn;
        pool->active++;
        kn_mutex_unlock(&pool->mutex);
        work(pool);
        kn_mutex_lock(&pool->mutex);
        pool->active--;
        kn_cond_signal(&pool->done);
    }
    kn_mutex_unlock(&pool->mutex);
    return NULL;
}

struct pool *pool_new(void)
{
    struct pool *pool = kn_must_calloc(1, sizeof *pool);
    kn_mutex_init(&pool->mutex);
    kn_cond_init(&pool->wake);
    kn_cond_init(&pool->done);
    for (int i = 0; i < POOL_THREADS - 1; i++) {
        pool->threads[i] = kn_thread_start("query", serve, pool);
    }
    return pool;
}

void pool_free(struct pool *pool)
{
    kn_mutex_lock(&pool->mutex);
    pool->stop = true;
    kn_cond_broadcast(&pool->wake);
    kn_mutex_unlock(&pool->mutex);
    for (int i = 0; i < POOL_THREADS - 1; i++) {
        kn_thread_join(pool->threads[i]);
    }
    kn_cond_deinit(&pool->wake);
    kn_cond_deinit(&pool->done);
    kn_mutex_deinit(&pool->mutex);
    kn_free(pool);
}

/* The caller works too; a helper that wakes late finds nothing left and is not waited for. */
void pool_run(void *context, uint32_t count, void (*job)(void *arg, uint32_t index), void *arg)
{
    struct pool *pool = context;
    kn_mutex_lock(&pool->mutex);
    while (pool->active > 0) {
        kn_cond_wait(&pool->done, &pool->mutex);
    }
    pool->job = job;
    pool->arg = arg;
    pool->count = count;
    atomic_store(&pool->next, 0);
    pool->turn++;
    kn_cond_broadcast(&pool->wake);
    kn_mutex_unlock(&pool->mutex);
    work(pool);
    kn_mutex_lock(&pool->mutex);
    while (pool->active > 0) {
        kn_cond_wait(&pool->done, &pool->mutex);
    }
    pool->count = 0;
    kn_mutex_unlock(&pool->mutex);
}
