/* HTTP loops: libmicrohttpd driven from our own epoll (ADR 0008). */
#include "base/assert.h"
#include "base/mem.h"
#include "server/call.h"

enum {
    CONNECTION_BYTES = 32 * 1024, /* request head and a piece of the body; cleared per request */
    ARENA_BYTES = 64 << 20,
    RESPONSE_MAX = 256 << 20,
    TIMEOUT_SECONDS = 30,
    FREE_CALLS = 512,
    FREE_BYTES = 16 << 20,      /* of the buffers of calls kept for the next request */
    CONNECTIONS_CLOSING = 1024, /* shut down, and not closed yet */
};
enum { CROWD = 32, CROWD_PAUSE_US = 100 };
#define WAIT_NS (5 * UINT64_C(1000000000))

size_t kn_loop_connections(const struct kn_loop *loop)
{
    return atomic_load(&loop->connections);
}

void kn_loop_wake(struct kn_loop *loop, enum kn_loop_news news)
{
    if (news == KN_NEWS_DURABLE ? atomic_load(&loop->unsynced) > 0
                                : atomic_load(&loop->has_waiters)) {
        kn_wake_signal(loop->wake_fd);
    }
}

/* ---- calls ---- */

static size_t call_room(const struct kn_call *call)
{
    return kn_body_room(&call->body) + call->response.body.cap;
}

static struct kn_call *call_new(struct kn_loop *loop, struct MHD_Connection *connection)
{
    struct kn_call *call = loop->free_calls;
    if (call) {
        loop->free_calls = call->next;
        loop->free_count--;
        loop->free_bytes -= call_room(call);
    } else {
        call = kn_calloc(1, sizeof *call);
        if (!call) {
            return NULL;
        }
        kn_arena_init(&call->arena, ARENA_BYTES);
        kn_body_init(&call->body);
        kn_http_response_init(&call->response, RESPONSE_MAX);
    }
    call->next = NULL;
    call->loop = loop;
    call->connection = connection;
    call->guest = NULL;
    call->state = CALL_RECEIVING;
    call->collect = call->resumed = call->timed_out = call->suspended = false;
    call->api = (struct kn_api_call){0};
    call->body_turn = 0;
    call->response.status = 0;
    call->response.header_count = 0;
    kn_buf_clear(&call->response.body);
    return call;
}

static void call_free(struct kn_call *call)
{
    struct kn_loop *loop = call->loop;
    atomic_uint_fast64_t *budget = &loop->server->body_bytes;
    kn_arena_clear(&call->arena);
    kn_body_drop(&call->body, budget);
    if (loop->free_count < FREE_CALLS && call->response.body.cap <= KN_BODY_KEEP &&
        loop->free_bytes + call_room(call) <= FREE_BYTES) {
        call->next = loop->free_calls;
        loop->free_calls = call;
        loop->free_count++;
        loop->free_bytes += call_room(call);
        return;
    }
    kn_arena_deinit(&call->arena);
    kn_body_deinit(&call->body, budget);
    kn_http_response_deinit(&call->response);
    kn_free(call);
}

/* ---- answers ---- */

static void refuse(struct kn_call *call, int status, const char *code, const char *message)
{
    if (call->collect) {
        if (status == 503) {
            kn_collect_unavailable(&call->request, &call->response, status, 2);
        } else {
            kn_collect_refuse(&call->request, &call->response, status, code, message);
        }
        kn_server_count_reason(call->loop->server, code);
    } else {
        kn_api_problem(&call->response, status, message, NULL);
    }
    call->state = CALL_READY;
}

static enum MHD_Result send_response(struct kn_call *call)
{
    struct kn_http_response *r = &call->response;
    struct kn_server *s = call->loop->server;
    if (r->body.rc != KN_OK) {
        kn_buf_clear(&r->body);
        r->header_count = 0;
        call->api.more = false;
        refuse(call, 503, "no_memory", "the answer is too large");
    }
    bool streams = !call->collect && call->api.more;
    struct MHD_Response *response =
        streams ? kn_stream_response(call)
                : MHD_create_response_from_buffer(r->body.len, r->body.p, MHD_RESPMEM_PERSISTENT);
    if (!response) {
        return MHD_NO;
    }
    for (size_t i = 0; i < r->header_count; i++) {
        struct kn_str value = r->headers[i].value;
        char small[512];
        /* Values are slices; the library wants NUL-terminated text. */
        if (value.len < sizeof small) {
            memcpy(small, value.p ? value.p : "", value.len);
            small[value.len] = '\0';
            (void)MHD_add_response_header(response, r->headers[i].name.p, small);
        } else {
            struct kn_str copy = kn_arena_str(&call->arena, value);
            (void)MHD_add_response_header(response, r->headers[i].name.p, copy.p ? copy.p : "");
        }
    }
    if (r->status >= 100 && r->status < 600) {
        atomic_fetch_add_explicit(&s->requests[r->status / 100], 1, memory_order_relaxed);
    }
    enum MHD_Result rc = MHD_queue_response(call->connection, (unsigned)r->status, response);
    MHD_destroy_response(response);
    call->state = streams ? CALL_STREAMING : CALL_SENT;
    if (call->guest) {
        kn_guests_await(&call->loop->guests, call->guest, false, call->loop->now_ns);
    }
    call->loop->unfinished++; /* the client's next request may be there already */
    return rc;
}

/* ---- waiting ---- */

static void suspend(struct kn_call *call)
{
    struct kn_loop *loop = call->loop;
    if (!call->suspended) {
        call->suspended = true;
        MHD_suspend_connection(call->connection);
    }
    call->next = loop->waiting;
    loop->waiting = call;
    atomic_store(&loop->has_waiters, true);
}

/* After an API step, on the loop: wait or answer. */
static void after_api(struct kn_call *call)
{
    if (call->api.outcome == KN_API_NOT_MINE) {
        kn_api_problem(&call->response, 404, "Not found", "there is nothing at this address");
        kn_api_security_headers(&call->response);
    }
    if (call->api.outcome == KN_API_WAIT) {
        kn_server_staged(call->loop->server);
        call->state = CALL_WAIT_APPLIED;
        call->deadline_ns = kn_clock_mono_ns(call->loop->server->clock) + WAIT_NS;
        suspend(call);
        kn_wake_signal(call->loop->wake_fd); /* it may be there already */
        return;
    }
    call->state = CALL_READY;
}

/* A collect call is not suspended while its record is written: that would cost three system calls
 * each. The library asks again whenever it runs, and a commit makes it run. */
static void await_sync(struct kn_call *call)
{
    struct kn_loop *loop = call->loop;
    call->state = CALL_WAIT_DURABLE;
    if (!loop->staged.ws) {
        loop->staged.ws = call->result.wait_ws;
        loop->staged.seq = call->result.wait_seq;
    }
    (void)atomic_fetch_add(&call->loop->unsynced, 1);
}

static void settle_sync(struct kn_call *call)
{
    struct kn_loop *loop = call->loop;
    struct kn_workspace *ws = call->result.wait_ws;
    if (loop->seen.ws != ws) {
        loop->seen.ws = ws;
        loop->seen.durable = kn_workspace_durable(ws);
    }
    bool lost = kn_workspace_is_lost(ws, call->result.wait_seq);
    bool durable = loop->seen.durable >= call->result.wait_seq;
    bool stopped = atomic_load(&loop->stop);
    if (!lost && !durable && !stopped) {
        return;
    }
    if (lost || !durable) {
        kn_collect_unavailable(&call->request, &call->response, 503, lost ? 10 : 5);
    }
    call->state = CALL_READY;
    (void)atomic_fetch_sub(&loop->unsynced, 1);
}

/* What became durable between staging and the end of the turn may have woken nobody. */
static bool became_durable(struct kn_loop *loop)
{
    return atomic_load(&loop->unsynced) > 0 && loop->staged.ws &&
           kn_workspace_durable(loop->staged.ws) >= loop->staged.seq;
}

static bool is_done(struct kn_call *call, uint64_t now_ns)
{
    struct kn_position p;
    kn_workspace_position(call->api.wait_ws, &p);
    bool reached = p.applied >= call->api.wait_seq;
    bool lost = kn_workspace_is_lost(call->api.wait_ws, call->api.wait_seq);
    bool late = now_ns >= call->deadline_ns && !call->api.patient;
    if (!reached && !lost && !late) {
        return false;
    }
    call->timed_out = !reached;
    kn_call_to_worker(call);
    return true;
}

/* Looks at everything that waits; what is reached or too late goes to a worker. */
static void check_waiting(struct kn_loop *loop)
{
    struct kn_call *call = loop->waiting;
    uint64_t now_ns = kn_clock_mono_ns(loop->server->clock);
    loop->waiting = NULL;
    while (call) {
        struct kn_call *next = call->next;
        if (!is_done(call, now_ns)) {
            call->next = loop->waiting;
            loop->waiting = call;
        }
        call = next;
    }
    atomic_store(&loop->has_waiters, loop->waiting != NULL);
}

/* ---- dispatch ---- */

static bool decode_body(struct kn_call *call)
{
    struct kn_http_request *r = &call->request;
    struct kn_body_fault fault;
    struct kn_err err = {0};
    if (kn_body_decode(&call->body, kn_http_header(r, "Content-Encoding"), call->collect,
                       call->collect ? KN_COLLECT_BODY_MAX : KN_BODY_MAX, &r->body, &fault, &err)) {
        return true;
    }
    refuse(call, fault.status, fault.code, fault.message);
    return false;
}

static void run_collect(struct kn_call *call)
{
    struct kn_server *s = call->loop->server;
    struct kn_collect_env env = s->collect_env;
    env.stopping = atomic_load(&s->stopping) || !kn_server_ready(s);
    kn_collect_handle(call->loop->collect, &env, &call->request, kn_clock_wall_us(s->clock),
                      &call->response, &call->result);
    atomic_fetch_add_explicit(&s->accepted, call->result.accepted, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->rejected, call->result.rejected, memory_order_relaxed);
    kn_server_count_rejects(s, &call->result);
    if (call->result.reason) {
        kn_server_count_reason(s, call->result.reason);
    }
    call->request.body = KN_STR_EMPTY; /* what is taken is in the log's hands */
    kn_body_drop(&call->body, &s->body_bytes);
    if (call->result.outcome == KN_COLLECT_WAIT) {
        kn_server_staged(s);
        await_sync(call);
    } else {
        call->state = CALL_READY;
    }
}

static void dispatch(struct kn_call *call)
{
    kn_guests_leave(&call->loop->guests, call->guest);
    if (!decode_body(call)) {
        kn_body_drop(&call->body, &call->loop->server->body_bytes);
        return;
    }
    if (call->collect) {
        run_collect(call);
    } else if (kn_api_is_slow(&call->request)) {
        kn_call_to_worker(call);
    } else {
        kn_call_run(call, call->loop->worker);
        after_api(call);
    }
}

/* An answer cannot leave before the body has come to its end; false: it goes on for too long. */
static bool take_piece(struct kn_call *call, const char *piece, size_t *bytes)
{
    struct kn_body_fault fault;
    if (call->state != CALL_RECEIVING) {
        call->body.discarded += *bytes;
    } else if (!kn_body_add(&call->body, piece, *bytes, &call->loop->server->body_bytes, &fault)) {
        refuse(call, fault.status, fault.code, fault.message);
    }
    *bytes = 0;
    return call->body.discarded <= KN_BODY_DISCARD_MAX;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **state)
{
    struct kn_call *call = *state;
    (void)context;
    (void)url;
    (void)version;
    if (!call) {
        return MHD_NO; /* out of memory when its first line came */
    }
    if (call->state == CALL_WAIT_DURABLE) {
        settle_sync(call);
        return call->state == CALL_READY ? send_response(call) : MHD_YES;
    }
    if (call->connection == NULL) {
        call->connection = connection;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        if (!info || !info->socket_context) {
            return MHD_NO; /* out of memory when it came */
        }
        call->guest = info->socket_context;
        kn_guests_await(&call->loop->guests, call->guest, false, call->loop->now_ns);
        int status;
        const char *bad = kn_head_read(connection, method, call->loop->server->options.trust_proxy,
                                       &call->arena, &call->head, &call->request, &status);
        call->collect = kn_collect_is_route(call->request.method, call->request.path);
        if (bad) {
            refuse(call, status, status == 413 ? "too_large" : "bad_request", bad);
            (void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 1U);
            return send_response(call);
        }
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        call->loop->unfinished += call->body_turn == call->loop->turn ? 0 : 1;
        call->body_turn = call->loop->turn;
        return take_piece(call, upload, upload_bytes) ? MHD_YES : MHD_NO;
    }
    if (call->state == CALL_RECEIVING) {
        call->loop->unfinished -= call->body_turn == call->loop->turn ? 1 : 0;
        dispatch(call);
    }
    return call->state == CALL_READY ? send_response(call) : MHD_YES;
}

/* The request's raw target arrives here, before it is taken apart: the query is parsed by us. */
static void *first_line(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct kn_loop *loop = context;
    struct kn_call *call = call_new(loop, connection);
    if (call) {
        call->connection = NULL;
        call->request.query = kn_arena_str(&call->arena, kn_str_c(uri));
    }
    return call;
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode why)
{
    struct kn_call *call = *state;
    (void)context;
    (void)connection;
    (void)why;
    if (call) {
        if (call->state == CALL_WAIT_DURABLE) { /* the client has gone; its events are taken */
            (void)atomic_fetch_sub(&call->loop->unsynced, 1);
        }
        if (call->guest) {
            kn_guests_await(&call->loop->guests, call->guest, true, call->loop->now_ns);
        }
        call_free(call);
        *state = NULL;
    }
}

static void connection_change(void *context, struct MHD_Connection *connection, void **state,
                              enum MHD_ConnectionNotificationCode code)
{
    struct kn_loop *loop = context;
    struct kn_guest *guest = *state;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        atomic_fetch_add(&loop->connections, 1);
        guest = info ? kn_calloc(1, sizeof *guest) : NULL;
        if (guest) {
            guest->fd = info->connect_fd;
            kn_guests_await(&loop->guests, guest, true, loop->now_ns);
        }
        *state = guest;
        return;
    }
    atomic_fetch_sub(&loop->connections, 1);
    if (guest) {
        kn_guests_leave(&loop->guests, guest);
        kn_free(guest);
        *state = NULL;
    }
}

/* ---- the loop ---- */

enum tag { TAG_HTTP = 1, TAG_WAKE, TAG_LISTEN };

struct kn_loop *kn_loop_start(struct kn_server *s, size_t index)
{
    struct kn_loop *loop = kn_must_calloc(1, sizeof *loop);
    loop->server = s;
    loop->index = index;
    loop->collect = kn_collect_new();
    loop->worker = kn_api_worker_new(loop->collect);
    loop->epoll_fd = kn_epoll_new();
    loop->wake_fd = kn_wake_new();
    kn_mutex_init(&loop->mutex);
    loop->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, answer,
        loop, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)(s->connections_max + CONNECTIONS_CLOSING),
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_SECONDS, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_URI_LOG_CALLBACK, first_line, loop, MHD_OPTION_NOTIFY_COMPLETED, completed, loop,
        MHD_OPTION_NOTIFY_CONNECTION, connection_change, loop, MHD_OPTION_END);
    if (!loop->daemon || !loop->collect || !loop->worker) {
        kn_panic("the HTTP loop cannot start");
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    kn_assert(info != NULL);
    kn_epoll_add(loop->epoll_fd, info->epoll_fd, false, TAG_HTTP);
    kn_epoll_add(loop->epoll_fd, loop->wake_fd, false, TAG_WAKE);
    if (index == 0) {
        kn_epoll_add(loop->epoll_fd, s->listen_fd, false, TAG_LISTEN);
    }
    return loop;
}

void kn_loop_stop(struct kn_loop *loop)
{
    atomic_store(&loop->stop, true);
    kn_wake_signal(loop->wake_fd);
}

void kn_loop_free(struct kn_loop *loop)
{
    MHD_stop_daemon(loop->daemon);
    while (loop->free_calls) {
        struct kn_call *call = loop->free_calls;
        loop->free_calls = call->next;
        loop->free_count = FREE_CALLS; /* call_free really frees */
        call_free(call);
    }
    kn_collect_free(loop->collect);
    kn_api_worker_free(loop->worker);
    kn_fd_close(loop->epoll_fd);
    kn_fd_close(loop->wake_fd);
    kn_mutex_deinit(&loop->mutex);
    kn_free(loop);
}

static void hand_over(struct kn_loop *to, int fd, const struct kn_net_peer *peer)
{
    kn_mutex_lock(&to->mutex);
    bool room = to->accepted_count < sizeof to->accepted / sizeof to->accepted[0];
    if (room) {
        to->accepted[to->accepted_count].fd = fd;
        to->accepted[to->accepted_count].peer = *peer;
        to->accepted_count++;
    }
    kn_mutex_unlock(&to->mutex);
    if (!room) {
        kn_fd_close(fd);
        return;
    }
    kn_wake_signal(to->wake_fd);
}

/* New connections go to the loop with the fewest. */
static void accept_all(struct kn_server *s)
{
    for (int i = 0; i < 128; i++) {
        struct kn_net_peer peer;
        int fd = kn_net_accept(s->listen_fd, &peer);
        if (fd < 0) {
            return;
        }
        size_t least = SIZE_MAX;
        struct kn_loop *best = s->loops[0];
        for (size_t k = 0; k < s->loop_count; k++) {
            size_t load = atomic_load(&s->loops[k]->connections);
            kn_mutex_lock(&s->loops[k]->mutex);
            load += s->loops[k]->accepted_count;
            kn_mutex_unlock(&s->loops[k]->mutex);
            if (load < least) {
                least = load;
                best = s->loops[k];
            }
        }
        hand_over(best, fd, &peer);
    }
}

static void read_mail(struct kn_loop *loop)
{
    struct kn_call *done;
    kn_mutex_lock(&loop->mutex);
    done = loop->done;
    loop->done = NULL;
    for (size_t i = 0; i < loop->accepted_count; i++) {
        if (atomic_load(&loop->connections) >= loop->server->connections_max &&
            kn_guests_evict(&loop->guests)) {
            (void)atomic_fetch_add_explicit(&loop->server->evicted, 1, memory_order_relaxed);
        }
        _Alignas(16) struct kn_net_peer peer = loop->accepted[i].peer;
        if (MHD_add_connection(loop->daemon, loop->accepted[i].fd,
                               (const struct sockaddr *)(const void *)peer.storage,
                               (socklen_t)peer.bytes) != MHD_YES) {
            /* the library has closed it */
            continue;
        }
    }
    loop->accepted_count = 0;
    kn_mutex_unlock(&loop->mutex);
    while (done) {
        struct kn_call *call = done;
        done = call->next;
        if (call->state == CALL_STREAMING) {
            kn_stream_resume(call);
            continue;
        }
        after_api(call);
        if (call->state == CALL_READY) {
            call->suspended = false;
            MHD_resume_connection(call->connection);
        }
    }
}

static int timeout_of(struct kn_loop *loop)
{
    MHD_UNSIGNED_LONG_LONG ms;
    int limit = loop->waiting ? 100 : 1000;
    if (atomic_load(&loop->unsynced) > 0) {
        return 100; /* the library would say 0 as long as calls are under way; a commit wakes us */
    }
    if (MHD_get_timeout(loop->daemon, &ms) == MHD_YES && ms < (unsigned)limit) {
        limit = (int)ms;
    }
    return limit;
}

/* Clients that are too slow. */
static void expire(struct kn_loop *loop)
{
    uint64_t patience = loop->server->patience_ns;
    size_t count =
        loop->now_ns > patience ? kn_guests_expire(&loop->guests, loop->now_ns - patience) : 0;
    (void)atomic_fetch_add_explicit(&loop->server->expired, count, memory_order_relaxed);
}

void *kn_loop_run(void *argument)
{
    struct kn_loop *loop = argument;
    struct kn_event events[16];
    loop->now_ns = kn_clock_mono_ns(loop->server->clock);
    while (!atomic_load(&loop->stop)) {
        int count = kn_epoll_wait(loop->epoll_fd, events, 16, timeout_of(loop));
        for (int i = 0; i < count; i++) {
            if (events[i].data == TAG_WAKE) {
                kn_wake_drain(loop->wake_fd);
            } else if (events[i].data == TAG_LISTEN) {
                accept_all(loop->server);
            }
        }
        if (count > 0 && atomic_load(&loop->unsynced) >= CROWD) {
            kn_sleep_us(CROWD_PAUSE_US); /* a turn asks every call that waits: let more come in */
        }
        loop->now_ns = kn_clock_mono_ns(loop->server->clock);
        read_mail(loop);
        do {
            loop->turn++;
            loop->unfinished = 0;
            loop->seen.ws = NULL;
            loop->staged.ws = NULL;
            (void)MHD_run(loop->daemon);
        } while (loop->unfinished > 0 || became_durable(loop));
        check_waiting(loop);
        expire(loop);
    }
    /* What still waits is answered as it stands: the daemon must not stop with suspended ones. */
    for (struct kn_call *call = loop->waiting; call; call = call->next) {
        kn_collect_unavailable(&call->request, &call->response, 503, 5);
        call->state = CALL_READY;
        MHD_resume_connection(call->connection);
    }
    loop->waiting = NULL;
    (void)MHD_run(loop->daemon);
    return NULL;
}
