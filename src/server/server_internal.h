/* The server as its files share it. */
#ifndef KN_SERVER_INTERNAL_H
#define KN_SERVER_INTERNAL_H

#include <stdatomic.h>

#include "api/api.h"
#include "api/system.h"
#include "collect/collect.h"
#include "deliver/deliver.h"
#include "os/net.h"
#include "os/thread.h"
#include "server/server.h"

enum { KN_WORKSPACES_MAX = 256, KN_LOOPS_MAX = 64, KN_REASONS_MAX = 64 };

/* A thread that sleeps until somebody has work for it. */
struct kn_waker {
    struct kn_mutex mutex;
    struct kn_cond cond;
    bool pending;
};
void kn_waker_init(struct kn_waker *w);
void kn_waker_deinit(struct kn_waker *w);
void kn_waker_wake(struct kn_waker *w);
/* Until woken or timeout_us passed. */
void kn_waker_wait(struct kn_waker *w, uint64_t timeout_us);

struct kn_call;
struct kn_loop;

/* API calls for the query workers, first in first out. */
struct kn_work_queue {
    struct kn_mutex mutex;
    struct kn_cond cond;
    struct kn_call *head, *tail;
    struct kn_shared_work *shared; /* that idle workers help with (jobs.c) */
    bool stopping;
};

struct kn_server {
    struct kn_server_options options;
    struct kn_disk disk;
    int lock_fd, listen_fd, signal_fd;
    uint16_t port;
    struct kn_manual_clock manual;
    struct kn_clock clock;
    struct kn_random random;
    struct kn_system *system;
    struct kn_api *api;
    struct kn_api_env api_env;
    struct kn_deliver_env deliver_env;
    struct kn_deliver *deliver;
    struct kn_collect_env collect_env;
    size_t connections_max; /* of each loop */
    uint64_t patience_ns;   /* with a client */
    atomic_bool stopping, closed, deliver_closed;
    uint64_t started_mono_ns;
    char first[5][256]; /* texts of the first start */
    char local_token[41];

    struct kn_rwlock registry_lock;
    struct kn_workspace *workspaces[KN_WORKSPACES_MAX];
    atomic_size_t workspace_count;

    struct kn_waker log_waker, apply_waker, build_waker, background_waker, mail_waker;
    struct kn_thread log_thread, apply_thread, build_thread, background_thread, deliver_thread,
        mail_thread;
    struct kn_thread workers[KN_LOOPS_MAX];
    size_t worker_count;
    struct kn_work_queue queue;
    struct kn_loop *loops[KN_LOOPS_MAX];
    struct kn_thread loop_threads[KN_LOOPS_MAX];
    size_t loop_count;

    /* metrics */
    atomic_uint_fast64_t body_bytes;                      /* of the bodies' budget */
    atomic_uint_fast64_t evicted, expired;                /* connections shut down */
    atomic_uint_fast64_t accepted, rejected, requests[6]; /* by hundreds of the status */
    struct kn_mutex reason_mutex;
    struct kn_reasons {
        const char *names[KN_REASONS_MAX]; /* static texts */
        uint64_t counts[KN_REASONS_MAX];
        size_t count;
    } refused, rejects; /* requests, messages */
};

/* registry.c */
enum kn_rc kn_server_find_key(void *context, struct kn_str key, struct kn_collect_target *ret);
struct kn_workspace *kn_server_workspace(void *context, struct kn_str name);
enum kn_rc kn_server_add_workspace(void *context, struct kn_str name, struct kn_err *err);
void kn_server_each(void *context, void (*fn)(void *, struct kn_workspace *), void *argument);
bool kn_server_ready(void *context);
enum kn_rc kn_server_move_clock(void *context, int64_t now_us, struct kn_err *err);
enum kn_rc kn_server_zone_rules(void *context, struct kn_str name, struct kn_buf *out,
                                struct kn_err *err);
enum kn_rc kn_server_message(void *context, void *thread, const struct kn_api_message *message,
                             struct kn_buf *items, uint32_t *ret_items, const char **ret_rejected,
                             struct kn_err *err);
enum kn_rc kn_server_open_workspace(struct kn_server *s, struct kn_str name, struct kn_err *err);

/* threads.c */
void kn_server_start_threads(struct kn_server *s);
/* First of all: what it still stages must become durable. */
void kn_server_stop_deliver(struct kn_server *s);
void kn_server_stop_threads(struct kn_server *s);
void kn_server_staged(struct kn_server *s); /* somebody staged something */

/* loop.c */
struct kn_loop *kn_loop_start(struct kn_server *s, size_t index);
enum kn_loop_news { KN_NEWS_DURABLE, KN_NEWS_APPLIED };
/* Wakes the loop when something in it waits for such news. Any thread. */
void kn_loop_wake(struct kn_loop *loop, enum kn_loop_news news);
void kn_loop_stop(struct kn_loop *loop);
void kn_loop_free(struct kn_loop *loop);
void *kn_loop_run(void *loop);
size_t kn_loop_connections(const struct kn_loop *loop);

/* worker.c */
void *kn_worker_run(void *server);

/* jobs.c */
/* struct kn_report_jobs' run: idle query workers help the caller. */
void kn_server_run_jobs(void *context, uint32_t count, void (*job)(void *argument, uint32_t index),
                        void *argument);
/* One piece of what somebody shares; the queue is locked before and after. False: nobody shares. */
bool kn_server_help(struct kn_work_queue *q);

/* metrics.c */
void kn_server_metrics(void *context, struct kn_buf *out);
void kn_server_count_reason(struct kn_server *s, const char *reason);
void kn_server_count_rejects(struct kn_server *s, const struct kn_collect_result *result);

#endif
