/* Work of one call that idle query workers help with (reports cut into ranges of profiles). */
#include "server/server_internal.h"

struct kn_shared_work {
    struct kn_shared_work *next;
    void (*job)(void *argument, uint32_t index);
    void *argument;
    uint32_t count, begun, done;
    struct kn_cond all_done;
};

/* Does one piece; the queue is locked before and after, not meanwhile. */
static void do_piece(struct kn_work_queue *q, struct kn_shared_work *w)
{
    uint32_t index = w->begun++;
    kn_mutex_unlock(&q->mutex);
    w->job(w->argument, index);
    kn_mutex_lock(&q->mutex);
    if (++w->done == w->count) {
        kn_cond_signal(&w->all_done);
    }
}

bool kn_server_help(struct kn_work_queue *q)
{
    struct kn_shared_work *w = q->shared;
    while (w && w->begun == w->count) {
        w = w->next;
    }
    if (w) {
        do_piece(q, w);
    }
    return w != NULL;
}

static void unlink_work(struct kn_work_queue *q, struct kn_shared_work *work)
{
    struct kn_shared_work **at = &q->shared;
    while (*at != work) {
        at = &(*at)->next;
    }
    *at = work->next;
}

void kn_server_run_jobs(void *context, uint32_t count, void (*job)(void *argument, uint32_t index),
                        void *argument)
{
    struct kn_work_queue *q = &((struct kn_server *)context)->queue;
    struct kn_shared_work work = {.job = job, .argument = argument, .count = count};
    kn_cond_init(&work.all_done);
    kn_mutex_lock(&q->mutex);
    work.next = q->shared;
    q->shared = &work;
    kn_cond_broadcast(&q->cond);
    while (work.begun < work.count) {
        do_piece(q, &work);
    }
    while (work.done < work.count) {
        kn_cond_wait(&work.all_done, &q->mutex);
    }
    unlink_work(q, &work);
    kn_mutex_unlock(&q->mutex);
    kn_cond_deinit(&work.all_done);
}
