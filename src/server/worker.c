/* Query workers: they run the steps of API calls that may scan or write. */
#include "base/assert.h"
#include "server/call.h"

void kn_call_to_worker(struct kn_call *call)
{
    struct kn_work_queue *q = &call->loop->server->queue;
    call->state = call->state == CALL_STREAMING ? CALL_STREAMING : CALL_WORKING;
    if (!call->suspended) {
        call->suspended = true;
        MHD_suspend_connection(call->connection);
    }
    call->next = NULL;
    kn_mutex_lock(&q->mutex);
    if (q->tail) {
        q->tail->next = call;
    } else {
        q->head = call;
    }
    q->tail = call;
    kn_cond_signal(&q->cond);
    kn_mutex_unlock(&q->mutex);
}

/* A piece of an answer that is on its way; its head has left already. */
static void run_piece(struct kn_call *call, struct kn_api_worker *worker)
{
    kn_buf_clear(&call->response.body);
    call->streamed = 0;
    kn_api_more(call->loop->server->api, worker, &call->request, &call->response, &call->api);
}

void kn_call_run(struct kn_call *call, struct kn_api_worker *worker)
{
    if (call->state == CALL_STREAMING) {
        run_piece(call, worker);
        return;
    }
    struct kn_api *api = call->loop->server->api;
    if (call->resumed) {
        kn_api_resume(api, worker, &call->request, call->timed_out, &call->response, &call->api);
    } else {
        kn_api_handle(api, worker, &call->request, &call->response, &call->api);
    }
    call->resumed = true;
}

void *kn_worker_run(void *argument)
{
    struct kn_server *s = argument;
    struct kn_work_queue *q = &s->queue;
    struct kn_collect *collect = kn_collect_new();
    struct kn_api_worker *worker = kn_api_worker_new(collect);
    kn_assert(worker != NULL && collect != NULL);
    for (;;) {
        kn_mutex_lock(&q->mutex);
        while (!q->head && !q->stopping) {
            if (!kn_server_help(q)) {
                kn_cond_wait(&q->cond, &q->mutex);
            }
        }
        struct kn_call *call = q->head;
        if (!call) {
            kn_mutex_unlock(&q->mutex);
            break;
        }
        q->head = call->next;
        if (!q->head) {
            q->tail = NULL;
        }
        kn_mutex_unlock(&q->mutex);
        kn_call_run(call, worker);
        struct kn_loop *loop = call->loop;
        kn_mutex_lock(&loop->mutex);
        call->next = loop->done;
        loop->done = call;
        kn_mutex_unlock(&loop->mutex);
        kn_wake_signal(loop->wake_fd);
    }
    kn_api_worker_free(worker);
    kn_collect_free(collect);
    return NULL;
}
