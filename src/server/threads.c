/* The threads that are no HTTP loops: log, apply, build, background, deliver, and the workers'
 * queue. */
#include "base/assert.h"
#include "server/jsonlog.h"
#include "server/server_internal.h"

enum {
    TURN_US = 1000,
    IDLE_US = 1000000,
    BACKGROUND_US = 250000,
    MAIL_IDLE_US = 500000,
    TICK_QUIET_US = 250000,
    BUILD_US = 20000, /* rows wait at most this long to become columns */
    BUILD_IDLE_US = 250000,
    DELIVER_DRAIN_MS = 3000, /* calls under way when Kern stops; the others are sent again */
};

void kn_waker_init(struct kn_waker *w)
{
    kn_mutex_init(&w->mutex);
    kn_cond_init(&w->cond);
    w->pending = false;
}

void kn_waker_deinit(struct kn_waker *w)
{
    kn_mutex_deinit(&w->mutex);
    kn_cond_deinit(&w->cond);
}

void kn_waker_wake(struct kn_waker *w)
{
    kn_mutex_lock(&w->mutex);
    if (!w->pending) {
        w->pending = true;
        kn_cond_signal(&w->cond);
    }
    kn_mutex_unlock(&w->mutex);
}

void kn_waker_wait(struct kn_waker *w, uint64_t timeout_us)
{
    kn_mutex_lock(&w->mutex);
    if (!w->pending) {
        (void)kn_cond_wait_for(&w->cond, &w->mutex, timeout_us);
    }
    w->pending = false;
    kn_mutex_unlock(&w->mutex);
}

void kn_server_staged(struct kn_server *s)
{
    kn_waker_wake(&s->log_waker);
}

static void wake_loops(struct kn_server *s, enum kn_loop_news news)
{
    for (size_t i = 0; i < s->loop_count; i++) {
        kn_loop_wake(s->loops[i], news);
    }
}

/* ---- log ---- */

static bool commit_all(struct kn_server *s)
{
    bool any = false;
    for (size_t i = 0; i < atomic_load(&s->workspace_count); i++) {
        struct kn_err err = {0};
        bool committed = false;
        enum kn_rc rc = kn_workspace_commit(s->workspaces[i], &committed, &err);
        if (rc == KN_E_FULL) {
            kn_jsonlog("error", "disk_full", err.text);
            any = true; /* those who wait must hear of it */
        } else if (rc != KN_OK) {
            kn_panic("log of workspace \"%s\": %s", kn_workspace_name(s->workspaces[i]), err.text);
        }
        any = any || committed;
    }
    return any;
}

/* Whether a workspace needs a tick now: a timer is due and nothing came for a while, or a
 * definition is being installed and nothing else comes. Lowers *wait_us to when it may need one. */
static bool needs_tick(struct kn_server *s, struct kn_workspace *ws, int64_t now, int64_t *wait_us)
{
    struct kn_position p;
    kn_workspace_position(ws, &p);
    int64_t due = kn_workspace_next_due(ws);
    if (p.staged != p.applied) {
        return false; /* a record is on its way; applying it wakes us */
    }
    if (due == INT64_MIN) {
        return true;
    }
    if (s->options.manual_clock || due == INT64_MAX) {
        return false;
    }
    int64_t quiet = p.applied_record_us + TICK_QUIET_US;
    int64_t wait = (due > quiet ? due : quiet) - now;
    *wait_us = wait > 0 && wait < *wait_us ? wait : *wait_us;
    return wait <= 0;
}

/* Answers for how long nothing will be due. */
static int64_t stage_due_ticks(struct kn_server *s)
{
    int64_t now = kn_clock_wall_us(s->clock);
    int64_t wait_us = IDLE_US;
    for (size_t i = 0; i < atomic_load(&s->workspace_count); i++) {
        uint64_t seq;
        if (needs_tick(s, s->workspaces[i], now, &wait_us)) {
            enum kn_rc rc = kn_workspace_stage_tick(s->workspaces[i], &seq, NULL);
            wait_us = rc == KN_OK ? 0 : wait_us; /* full: next time */
        }
    }
    return wait_us;
}

static void *log_run(void *argument)
{
    struct kn_server *s = argument;
    while (!atomic_load(&s->closed)) {
        if (commit_all(s)) {
            kn_waker_wake(&s->apply_waker);
            wake_loops(s, KN_NEWS_DURABLE);
            continue;
        }
        int64_t wait_us = stage_due_ticks(s);
        if (wait_us > 0) {
            kn_waker_wait(&s->log_waker, (uint64_t)wait_us);
        }
    }
    return NULL;
}

/* ---- apply ---- */

static bool apply_all(struct kn_server *s)
{
    bool any = false;
    for (size_t i = 0; i < atomic_load(&s->workspace_count); i++) {
        struct kn_err err = {0};
        size_t applied;
        if (kn_workspace_apply(s->workspaces[i], TURN_US, &applied, &err) != KN_OK) {
            kn_panic("workspace \"%s\": %s", kn_workspace_name(s->workspaces[i]), err.text);
        }
        any = any || applied > 0;
    }
    return any;
}

/* What was applied may have brought the next moment nearer: the log thread looks again, at most
 * once for each time it waits. */
static void *apply_run(void *argument)
{
    struct kn_server *s = argument;
    bool news = false;
    while (!atomic_load(&s->closed)) {
        if (apply_all(s)) {
            wake_loops(s, KN_NEWS_APPLIED);
            kn_waker_wake(&s->build_waker);
            kn_deliver_wake(s->deliver);
            news = true;
        } else {
            if (news) {
                kn_waker_wake(&s->log_waker);
                news = false;
            }
            kn_waker_wait(&s->apply_waker, IDLE_US);
        }
    }
    return NULL;
}

/* ---- build: columns of what was applied, new definitions ---- */

static void *build_run(void *argument)
{
    struct kn_server *s = argument;
    while (!atomic_load(&s->closed)) {
        bool any_more = false;
        for (size_t i = 0; i < atomic_load(&s->workspace_count); i++) {
            struct kn_err err = {0};
            bool more = false;
            bool staged = false;
            if (kn_workspace_build_step(s->workspaces[i], &more, &staged, &err) != KN_OK) {
                kn_panic("workspace \"%s\": %s", kn_workspace_name(s->workspaces[i]), err.text);
            }
            if (staged) {
                kn_server_staged(s);
            }
            any_more = any_more || more;
        }
        if (!any_more) {
            kn_waker_wait(&s->build_waker, BUILD_IDLE_US);
            kn_sleep_us(BUILD_US);
        }
    }
    return NULL;
}

/* ---- background ---- */

static void checkpoint(struct kn_workspace *ws)
{
    struct kn_err err = {0};
    enum kn_rc rc = kn_workspace_checkpoint_now(ws, &err);
    if (rc == KN_E_FULL) {
        kn_jsonlog("error", "checkpoint_disk_full", err.text);
    } else if (rc != KN_OK) {
        kn_panic("checkpoint of workspace \"%s\": %s", kn_workspace_name(ws), err.text);
    }
}

static void *background_run(void *argument)
{
    struct kn_server *s = argument;
    kn_thread_be_idle();
    while (!atomic_load(&s->closed)) {
        bool any_more = false;
        for (size_t i = 0; i < atomic_load(&s->workspace_count); i++) {
            struct kn_err err = {0};
            bool more = false;
            if (kn_workspace_checkpoint_due(s->workspaces[i])) {
                checkpoint(s->workspaces[i]);
            }
            if (kn_workspace_background_step(s->workspaces[i], &more, &err) != KN_OK) {
                kn_panic("background work: %s", err.text);
            }
            any_more = any_more || more;
        }
        kn_system_tick(s->system, false);
        if (!any_more) {
            kn_waker_wait(&s->background_waker, BACKGROUND_US);
        }
    }
    return NULL;
}

/* ---- deliver: what happens outside ---- */

static void *deliver_run(void *argument)
{
    struct kn_server *s = argument;
    while (!atomic_load(&s->deliver_closed)) {
        kn_deliver_step(s->deliver);
    }
    kn_deliver_drain(s->deliver, DELIVER_DRAIN_MS);
    return NULL;
}

void kn_server_stop_deliver(struct kn_server *s)
{
    atomic_store(&s->deliver_closed, true);
    kn_deliver_wake(s->deliver);
    kn_thread_join(s->deliver_thread);
}

/* ---- mail ---- */

static void *mail_run(void *argument)
{
    struct kn_server *s = argument;
    while (!atomic_load(&s->closed)) {
        if (!kn_system_send_mail(s->system)) {
            kn_waker_wait(&s->mail_waker, MAIL_IDLE_US);
        }
    }
    return NULL;
}

void kn_server_start_threads(struct kn_server *s)
{
    unsigned cores = kn_cpu_count();
    s->log_thread = kn_thread_start("kern-log", log_run, s);
    s->apply_thread = kn_thread_start("kern-apply", apply_run, s);
    s->build_thread = kn_thread_start("kern-build", build_run, s);
    s->background_thread = kn_thread_start("kern-back", background_run, s);
    s->deliver_thread = kn_thread_start("kern-deliver", deliver_run, s);
    s->mail_thread = kn_thread_start("kern-mail", mail_run, s);
    s->worker_count = cores < 2 ? 2 : cores < KN_LOOPS_MAX ? cores : KN_LOOPS_MAX;
    for (size_t i = 0; i < s->worker_count; i++) {
        s->workers[i] = kn_thread_start("kern-query", kn_worker_run, s);
    }
}

void kn_server_stop_threads(struct kn_server *s)
{
    atomic_store(&s->closed, true);
    kn_waker_wake(&s->log_waker);
    kn_waker_wake(&s->apply_waker);
    kn_waker_wake(&s->build_waker);
    kn_waker_wake(&s->background_waker);
    kn_waker_wake(&s->mail_waker);
    kn_thread_join(s->log_thread);
    kn_thread_join(s->apply_thread);
    kn_thread_join(s->build_thread);
    kn_thread_join(s->background_thread);
    kn_thread_join(s->mail_thread);
    kn_mutex_lock(&s->queue.mutex);
    s->queue.stopping = true;
    kn_cond_broadcast(&s->queue.cond);
    kn_mutex_unlock(&s->queue.mutex);
    for (size_t i = 0; i < s->worker_count; i++) {
        kn_thread_join(s->workers[i]);
    }
}
