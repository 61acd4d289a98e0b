/* HTTP loops: libmicrohttpd driven from our own epoll (ADR 0008). */
#include <microhttpd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "format/inflate.h"
#include "format/json.h"
#include "server/server_internal.h"

enum {
    BODY_ENCODED_MAX = 8 << 20,
    CONNECTION_BYTES = 32 * 1024, /* request head and a piece of the body; cleared per request */
    ARENA_BYTES = 64 << 20,
    RESPONSE_MAX = 256 << 20,
    PARAMS_MAX = 256,
    TIMEOUT_SECONDS = 30,
    FREE_CALLS = 512,
};
enum { CROWD = 32, CROWD_PAUSE_US = 100 };
#define WAIT_NS (5 * UINT64_C(1000000000))

enum call_state {
    CALL_RECEIVING,
    CALL_WAIT_DURABLE, /* collect: until wait_seq is durable; asked again at every turn */
    CALL_WAIT_APPLIED, /* api; suspended */
    CALL_WORKING,      /* a query worker has it */
    CALL_READY,
    CALL_SENT,
};

struct kn_call {
    struct kn_call *next; /* in a queue or a list */
    struct kn_loop *loop;
    struct MHD_Connection *connection;
    enum call_state state;
    bool collect, resumed, timed_out, suspended;
    struct kn_arena arena;
    struct kn_buf body, decoded;
    struct kn_http_pair headers[64];
    struct kn_http_request request;
    struct kn_http_response response;
    struct kn_collect_result result;
    struct kn_api_call api;
    uint64_t deadline_ns;
    uint64_t body_turn; /* the turn a part of the body came in */
    char peer[64];
};

struct kn_loop {
    struct kn_server *server;
    size_t index;
    struct MHD_Daemon *daemon;
    int epoll_fd, wake_fd;
    struct kn_collect *collect;
    struct kn_api_worker *worker;
    struct kn_call *waiting; /* for a position to be applied; suspended, of this thread */
    uint64_t turn;           /* of the library */
    size_t unfinished;       /* things of this turn that may go on at once */
    struct {
        struct kn_workspace *ws;
        uint64_t durable;
    } seen; /* position read in this turn */
    struct {
        struct kn_workspace *ws;
        uint64_t seq;
    } staged; /* the first record staged in this turn */
    struct kn_call *free_calls;
    size_t free_count;
    atomic_size_t connections;
    atomic_size_t unsynced; /* calls in CALL_WAIT_DURABLE */
    atomic_bool has_waiters, stop;
    struct kn_mutex mutex; /* the mailbox */
    struct kn_call *done;  /* from the workers */
    struct {
        int fd;
        struct kn_net_peer peer;
    } accepted[256];
    size_t accepted_count;
};

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

static struct kn_call *call_new(struct kn_loop *loop, struct MHD_Connection *connection)
{
    struct kn_call *call = loop->free_calls;
    if (call) {
        loop->free_calls = call->next;
        loop->free_count--;
    } else {
        call = kn_calloc(1, sizeof *call);
        if (!call) {
            return NULL;
        }
        kn_arena_init(&call->arena, ARENA_BYTES);
        kn_buf_init(&call->body, BODY_ENCODED_MAX + KN_JSON_PADDING);
        kn_buf_init(&call->decoded, BODY_ENCODED_MAX);
        kn_http_response_init(&call->response, RESPONSE_MAX);
    }
    call->next = NULL;
    call->loop = loop;
    call->connection = connection;
    call->state = CALL_RECEIVING;
    call->collect = call->resumed = call->timed_out = call->suspended = false;
    call->body_turn = 0;
    call->response.status = 0;
    call->response.header_count = 0;
    kn_buf_clear(&call->response.body);
    return call;
}

static void call_free(struct kn_call *call)
{
    struct kn_loop *loop = call->loop;
    bool keep = loop->free_count < FREE_CALLS && call->body.cap <= 256 * 1024 &&
                call->response.body.cap <= 256 * 1024;
    kn_arena_clear(&call->arena);
    kn_buf_clear(&call->body);
    kn_buf_clear(&call->decoded);
    if (keep) {
        call->next = loop->free_calls;
        loop->free_calls = call;
        loop->free_count++;
        return;
    }
    kn_arena_deinit(&call->arena);
    kn_buf_deinit(&call->body);
    kn_buf_deinit(&call->decoded);
    kn_http_response_deinit(&call->response);
    kn_free(call);
}

/* ---- the request as values ---- */

struct header_walk {
    struct kn_call *call;
    struct kn_str length;
    bool conflicting, chunked, too_many;
};

static enum MHD_Result each_header(void *context, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
    struct header_walk *w = context;
    struct kn_http_request *r = &w->call->request;
    struct kn_str name = kn_str_c(key);
    struct kn_str text = kn_str_c(value);
    (void)kind;
    if (kn_str_eq_nocase(name, KN_STR("Content-Length"))) {
        w->conflicting = w->conflicting || (w->length.len > 0 && !kn_str_eq(w->length, text));
        w->length = text;
    }
    w->chunked = w->chunked || kn_str_eq_nocase(name, KN_STR("Transfer-Encoding"));
    if (r->header_count == sizeof w->call->headers / sizeof w->call->headers[0]) {
        w->too_many = true;
        return MHD_NO;
    }
    w->call->headers[r->header_count++] = (struct kn_http_pair){name, text};
    return MHD_YES;
}

static void read_peer(struct kn_call *call)
{
    struct kn_server *s = call->loop->server;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    call->peer[0] = '\0';
    if (info && info->client_addr) {
        kn_net_peer_text(info->client_addr, call->peer);
    }
    call->request.peer_ip = kn_str_c(call->peer);
    call->request.tls = false;
    if (s->options.trust_proxy) {
        struct kn_str forwarded = kn_http_header(&call->request, "X-Forwarded-For");
        struct kn_str first = kn_str_trim(kn_str_split(&forwarded, ','));
        call->request.peer_ip = first.len > 0 ? first : call->request.peer_ip;
        call->request.tls = kn_str_eq_nocase(kn_http_header(&call->request, "X-Forwarded-Proto"),
                                             KN_STR("https"));
    }
}

/* What is wrong with the head of the request; NULL = nothing. */
static const char *read_head(struct kn_call *call, const char *method)
{
    struct kn_http_request *r = &call->request;
    struct kn_str raw = r->query; /* the target, as first_line left it */
    struct header_walk walk = {.call = call};
    *r = (struct kn_http_request){
        .method = kn_str_c(method), .headers = call->headers, .arena = &call->arena};
    (void)MHD_get_connection_values(call->connection, MHD_HEADER_KIND, each_header, &walk);
    struct kn_str path = kn_str_split(&raw, '?');
    r->query = raw;
    r->path = kn_http_clean_path(kn_http_decode(path, false, &call->arena), &call->arena);
    read_peer(call);
    if (walk.too_many) {
        return "too many headers";
    }
    if (walk.conflicting || (walk.chunked && walk.length.len > 0)) {
        return "the length of the body is ambiguous";
    }
    if (!kn_http_parse_query(r->query, PARAMS_MAX, &call->arena,
                             (struct kn_http_pair **)(uintptr_t)&r->params, &r->param_count)) {
        return "too many query parameters";
    }
    call->collect = kn_collect_is_route(r->method, r->path);
    return NULL;
}

/* ---- answers ---- */

static void refuse(struct kn_call *call, int status, const char *code, const char *message)
{
    if (call->collect) {
        kn_collect_refuse(&call->request, &call->response, status, code, message);
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
        refuse(call, 503, "no_memory", "the answer is too large");
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(r->body.len, r->body.p, MHD_RESPMEM_PERSISTENT);
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
    enum MHD_Result rc =
        MHD_queue_response(call->connection, (unsigned)r->status, response);
    MHD_destroy_response(response);
    call->state = CALL_SENT;
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

static void give_to_worker(struct kn_call *call)
{
    struct kn_work_queue *q = &call->loop->server->queue;
    call->state = CALL_WORKING;
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

static void run_api(struct kn_call *call, struct kn_api_worker *worker)
{
    struct kn_api *api = call->loop->server->api;
    if (call->resumed) {
        kn_api_resume(api, worker, &call->request, call->timed_out, &call->response, &call->api);
    } else {
        kn_api_handle(api, worker, &call->request, &call->response, &call->api);
    }
    call->resumed = true;
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
    give_to_worker(call);
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
    struct kn_str encoding = kn_http_header(r, "Content-Encoding");
    struct kn_str body = kn_buf_view(&call->body);
    size_t most = call->collect ? KN_COLLECT_BODY_MAX : BODY_ENCODED_MAX;
    struct kn_err err;
    bool packed = kn_str_eq_nocase(encoding, KN_STR("gzip")) ||
                  kn_str_eq_nocase(encoding, KN_STR("deflate")) ||
                  (call->collect && kn_is_gzip(body));
    if (encoding.len > 0 && !packed && !kn_str_eq_nocase(encoding, KN_STR("identity"))) {
        refuse(call, 415, "unsupported_encoding", "the content encoding is not supported");
        return false;
    }
    if (packed && body.len > 0) {
        call->decoded.bytes_max = most;
        enum kn_rc rc = kn_inflate(body, &call->decoded, &err);
        call->decoded.bytes_max = BODY_ENCODED_MAX + KN_JSON_PADDING;
        if (rc != KN_OK) {
            refuse(call, rc == KN_E_LIMIT ? 413 : rc == KN_E_NOMEM ? 503 : 400,
                   rc == KN_E_LIMIT ? "too_large" : "invalid_encoding", err.text);
            return false;
        }
        body = kn_buf_view(&call->decoded);
    }
    if (body.len > most) {
        refuse(call, 413, "too_large", "the body is too large");
        return false;
    }
    struct kn_buf *holder = packed && call->body.len > 0 ? &call->decoded : &call->body;
    char *padding = kn_buf_reserve(holder, KN_JSON_PADDING);
    if (!padding) {
        refuse(call, 503, "no_memory", "out of memory");
        return false;
    }
    memset(padding, 0, KN_JSON_PADDING);
    r->body = kn_str(holder->p, body.len);
    return true;
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
    if (call->result.reason) {
        kn_server_count_reason(s, call->result.reason);
    }
    if (call->result.outcome == KN_COLLECT_WAIT) {
        kn_server_staged(s);
        await_sync(call);
    } else {
        call->state = CALL_READY;
    }
}

static void dispatch(struct kn_call *call)
{
    if (!decode_body(call)) {
        return;
    }
    if (call->collect) {
        run_collect(call);
    } else if (kn_api_is_slow(&call->request)) {
        give_to_worker(call);
    } else {
        run_api(call, call->loop->worker);
        after_api(call);
    }
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
        const char *bad = read_head(call, method);
        if (bad) {
            refuse(call, 400, "bad_request", bad);
            (void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 1U);
            return send_response(call);
        }
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        call->loop->unfinished += call->body_turn == call->loop->turn ? 0 : 1;
        call->body_turn = call->loop->turn;
        if (call->state == CALL_RECEIVING) {
            if (call->body.len + *upload_bytes > BODY_ENCODED_MAX) {
                refuse(call, 413, "too_large", "the body is too large");
            } else {
                kn_buf_add(&call->body, upload, *upload_bytes);
            }
        }
        *upload_bytes = 0;
        return MHD_YES;
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
        call_free(call);
        *state = NULL;
    }
}

static void connection_change(void *context, struct MHD_Connection *connection, void **state,
                              enum MHD_ConnectionNotificationCode code)
{
    struct kn_loop *loop = context;
    (void)connection;
    (void)state;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        atomic_fetch_add(&loop->connections, 1);
    } else {
        atomic_fetch_sub(&loop->connections, 1);
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

void *kn_loop_run(void *argument)
{
    struct kn_loop *loop = argument;
    struct kn_event events[16];
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
        read_mail(loop);
        do {
            loop->turn++;
            loop->unfinished = 0;
            loop->seen.ws = NULL;
            loop->staged.ws = NULL;
            (void)MHD_run(loop->daemon);
        } while (loop->unfinished > 0 || became_durable(loop));
        check_waiting(loop);
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

/* ---- workers ---- */

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
        run_api(call, worker);
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
