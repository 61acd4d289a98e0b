/* Bulk work in parallel: a query worker that has indexes to run offers them to the workers that
 * have nothing to do, and runs what they leave. Nobody waits for a worker that is busy with a call:
 * the offerer always goes on by itself, so offers cannot block each other. */
#include "base/assert.h"
#include "server/server_internal.h"

static void run_some(struct kn_offer *offer)
{
    uint32_t index;
    while ((index = atomic_fetch_add(&offer->next_index, 1)) < offer->count) {
        offer->job(offer->arg, index);
    }
}

/* The caller holds the mutex. An offer without indexes left is nobody's business. */
struct kn_offer *kn_offer_find(struct kn_work_queue *q)
{
    struct kn_offer *offer = q->offers;
    while (offer && atomic_load(&offer->next_index) >= offer->count) {
        offer = offer->next;
    }
    return offer;
}

void kn_offer_help(struct kn_work_queue *q, struct kn_offer *offer)
{
    offer->helpers++;
    kn_mutex_unlock(&q->mutex);
    run_some(offer);
    kn_mutex_lock(&q->mutex);
    kn_assert(offer->helpers > 0);
    offer->helpers--;
    if (offer->helpers == 0) {
        kn_cond_broadcast(&q->helped);
    }
}

void kn_server_run_jobs(void *context, uint32_t count, void (*job)(void *arg, uint32_t index),
                        void *arg)
{
    struct kn_server *s = context;
    struct kn_work_queue *q = &s->queue;
    struct kn_offer offer = {.count = count, .job = job, .arg = arg};
    if (count > 1) {
        kn_mutex_lock(&q->mutex);
        offer.next = q->offers;
        q->offers = &offer;
        kn_cond_broadcast(&q->cond);
        kn_mutex_unlock(&q->mutex);
    }
    run_some(&offer);
    if (count > 1) {
        kn_mutex_lock(&q->mutex);
        struct kn_offer **at = &q->offers;
        while (*at != &offer) {
            at = &(*at)->next;
        }
        *at = offer.next;
        while (offer.helpers > 0) {
            kn_cond_wait(&q->helped, &q->mutex);
        }
        kn_mutex_unlock(&q->mutex);
    }
}
