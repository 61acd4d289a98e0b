#include "server/server.h"

#include <signal.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "format/json.h"
#include "format/token.h"
#include "server/jsonlog.h"
#include "server/server_internal.h"

enum { CONNECTIONS = 8192, DESCRIPTORS_OURS = 512, CLIENT_SECONDS = 120 };
enum { DRAIN_STEPS = 3000, DRAIN_STEP_US = 10000 };

/* ---- first start ---- */

static void choose(struct kn_server *s, size_t index, const char *given, const char *fallback,
                   size_t random_len)
{
    char *to = s->first[index];
    if (given && given[0]) {
        (void)snprintf(to, sizeof s->first[index], "%s", given);
    } else if (fallback) {
        (void)snprintf(to, sizeof s->first[index], "%s", fallback);
    } else {
        unsigned char random[64];
        kn_assert(random_len <= sizeof random);
        kn_random_fill(s->random, random, random_len);
        kn_alnum_encode(random, random_len, to);
        to[random_len] = '\0';
    }
}

/* A first source, so that events can come in at once. */
static enum kn_rc make_source(struct kn_server *s, struct kn_workspace *ws, struct kn_err *err)
{
    struct kn_buf doc;
    struct kn_buf item_bytes;
    uint64_t seq;
    bool full;
    int64_t now = kn_clock_wall_us(s->clock);
    kn_buf_init(&doc, 8192);
    kn_buf_init(&item_bytes, 16384);
    kn_buf_c(&doc, "{\"number\":1");
    kn_json_out_kv(&doc, "id", KN_STR("default"));
    kn_json_out_kv(&doc, "name", KN_STR("Website"));
    kn_json_out_kv(&doc, "kind", KN_STR("web"));
    kn_json_out_kv(&doc, "party", KN_STR("first"));
    kn_json_out_key(&doc, "write_keys");
    kn_buf_char(&doc, '[');
    kn_json_out_string(&doc, kn_str_c(s->first[1]));
    kn_buf_c(&doc, "],\"purposes\":[],\"enabled\":true");
    kn_json_out_ktime(&doc, "created_at", now);
    kn_buf_char(&doc, '}');
    struct kn_item item = {
        .kind = KN_ITEM_SETTING,
        .event_us = now,
        .received_us = now,
        .message_id = KN_STR("first-start"),
        .name = KN_STR("source/default"),
        .body = kn_buf_view(&doc),
    };
    kn_item_encode(&item, &item_bytes);
    enum kn_rc rc = doc.rc != KN_OK ? doc.rc : item_bytes.rc;
    if (rc == KN_OK) {
        rc = kn_workspace_stage(ws, kn_buf_view(&item_bytes), 1, KN_FRAME_SETTINGS, &seq, &full,
                                err);
    }
    bool committed;
    size_t applied;
    if (rc == KN_OK) {
        rc = kn_workspace_commit(ws, &committed, err);
    }
    if (rc == KN_OK) {
        rc = kn_workspace_apply(ws, INT64_MAX, &applied, err);
    }
    kn_buf_deinit(&item_bytes);
    kn_buf_deinit(&doc);
    return rc;
}

static enum kn_rc first_start(struct kn_server *s, struct kn_err *err)
{
    const struct kn_server_options *o = &s->options;
    struct kn_arena arena;
    choose(s, 0, o->workspace, "default", 0);
    choose(s, 1, o->write_key, NULL, 32);
    choose(s, 2, o->api_token, NULL, 40);
    choose(s, 3, o->admin_email, "admin@localhost", 0);
    choose(s, 4, o->admin_password, NULL, 16);
    KN_TRY(kn_server_open_workspace(s, kn_str_c(s->first[0]), err));
    KN_TRY(make_source(s, s->workspaces[0], err));
    kn_arena_init(&arena, 1 << 16);
    struct kn_token_info token = {.name = KN_STR("first"),
                                  .role = KN_ROLE_OWNER,
                                  .permissions =
                                      kn_role_permissions(KN_ROLE_OWNER) | KN_MAY_EXPORT};
    enum kn_rc rc =
        kn_system_add_token(s->system, &token, kn_str_c(s->first[2]), &arena, NULL, err);
    kn_arena_deinit(&arena);
    KN_TRY(rc);
    KN_TRY(kn_system_add_user(s->system, kn_str_c(s->first[3]), kn_str_c(s->first[4]),
                              KN_ROLE_OWNER, err));
    /* Last: a start that was cut short begins anew. */
    return kn_system_add_workspace(s->system, kn_str_c(s->first[0]), err);
}

/* ---- opening ---- */

static enum kn_rc open_directory(struct kn_server *s, struct kn_err *err)
{
    char path[4400];
    KN_TRY(kn_disk_posix_open(s->options.data, &s->disk, err));
    (void)snprintf(path, sizeof path, "%s/lock", s->options.data);
    KN_TRY(kn_lock_file(path, &s->lock_fd, err));
    return kn_system_open(s->disk, "system", s->clock, s->random, &s->system, err);
}

static enum kn_rc open_workspaces(struct kn_server *s, struct kn_err *err)
{
    struct kn_arena arena;
    struct kn_str name;
    enum kn_rc rc = KN_OK;
    kn_arena_init(&arena, 1 << 20);
    for (size_t i = 0; rc == KN_OK && kn_system_workspace(s->system, i, &arena, &name); i++) {
        rc = kn_server_open_workspace(s, name, err);
    }
    kn_arena_deinit(&arena);
    return rc;
}

static void staged(void *context)
{
    kn_server_staged(context);
}

static void set_environments(struct kn_server *s)
{
    s->deliver_env = (struct kn_deliver_env){
        .each_workspace = kn_server_each,
        .staged = staged,
        .context = s,
        .clock = s->clock,
        .random = s->random,
        .allow_private = s->options.allow_private_destinations,
    };
    kn_system_webhook_key(s->system, s->deliver_env.key);
    s->api_env = (struct kn_api_env){
        .system = s->system,
        .workspace = kn_server_workspace,
        .create_workspace = kn_server_add_workspace,
        .each_workspace = kn_server_each,
        .move_clock = kn_server_move_clock,
        .zone_rules = kn_server_zone_rules,
        .message = kn_server_message,
        .metrics = kn_server_metrics,
        .ready = kn_server_ready,
        .deliver = &s->deliver_env,
        .jobs = {.context = s, .run = kn_server_run_jobs, .parallel = kn_cpu_count()},
        .context = s,
        .clock = s->clock,
        .random = s->random,
        .manual_clock = s->options.manual_clock,
        .secure_cookies = s->options.trust_proxy,
    };
    s->collect_env = (struct kn_collect_env){
        .find = kn_server_find_key,
        .context = s,
        .random = s->random,
        .accept_unknown_keys = s->options.accept_unknown_keys,
    };
}

static struct kn_server *server_new(const struct kn_server_options *options)
{
    struct kn_server *s = kn_must_calloc(1, sizeof *s);
    s->options = *options;
    s->lock_fd = s->listen_fd = s->signal_fd = -1;
    s->random = kn_random_posix();
    bool simulated = options->manual_clock || options->simulate_from_us != 0;
    atomic_store(&s->manual.wall_us,
                 options->manual_clock ? options->clock_start_us : options->simulate_from_us);
    s->clock = simulated ? kn_clock_manual(&s->manual) : kn_clock_posix();
    s->started_mono_ns = kn_clock_mono_ns(s->clock);
    kn_rwlock_init(&s->registry_lock);
    kn_mutex_init(&s->reason_mutex);
    kn_mutex_init(&s->queue.mutex);
    kn_cond_init(&s->queue.cond);
    kn_waker_init(&s->log_waker);
    kn_waker_init(&s->apply_waker);
    kn_waker_init(&s->build_waker);
    kn_waker_init(&s->background_waker);
    kn_waker_init(&s->mail_waker);
    return s;
}

static void server_free(struct kn_server *s)
{
    kn_api_free(s->api);
    kn_deliver_free(s->deliver);
    for (size_t i = 0; i < atomic_load(&s->workspace_count); i++) {
        kn_workspace_close(s->workspaces[i]);
    }
    kn_system_close(s->system);
    if (s->disk.ops) {
        kn_disk_posix_close(s->disk);
    }
    kn_fd_close(s->listen_fd);
    kn_fd_close(s->signal_fd);
    kn_fd_close(s->lock_fd);
    kn_free(s);
}

static void start_loops(struct kn_server *s)
{
    unsigned cores = kn_cpu_count();
    size_t most = s->options.connections ? s->options.connections : CONNECTIONS;
    size_t descriptors = kn_descriptors_max();
    size_t room =
        descriptors / 2 > DESCRIPTORS_OURS ? descriptors - DESCRIPTORS_OURS : descriptors / 2;
    s->loop_count = cores < KN_LOOPS_MAX ? cores : KN_LOOPS_MAX;
    s->connections_max = (most < room ? most : room) / s->loop_count + 1;
    s->patience_ns = UINT64_C(1000000000) *
                     (s->options.client_seconds ? s->options.client_seconds : CLIENT_SECONDS);
    for (size_t i = 0; i < s->loop_count; i++) {
        s->loops[i] = kn_loop_start(s, i);
    }
    for (size_t i = 0; i < s->loop_count; i++) {
        s->loop_threads[i] = kn_thread_start("kern-http", kn_loop_run, s->loops[i]);
    }
}

enum kn_rc kn_server_start(const struct kn_server_options *options, struct kn_server **ret,
                           struct kn_server_first_start *ret_first, struct kn_err *err)
{
    struct kn_server *s = server_new(options);
    *ret_first = (struct kn_server_first_start){0};
    s->signal_fd = kn_signals_new();
    enum kn_rc rc = open_directory(s, err);
    bool first = rc == KN_OK && kn_system_is_new(s->system);
    if (rc ==
        KN_OK) { /* before the first start: its keys are shown once, and only when all goes well */
        rc = kn_net_listen(options->listen, &s->listen_fd, &s->port, err);
    }
    if (rc == KN_OK) {
        rc = first ? first_start(s, err) : open_workspaces(s, err);
    }
    if (rc == KN_OK) {
        set_environments(s);
        s->api = kn_api_new(&s->api_env);
        s->deliver = kn_deliver_new(&s->deliver_env);
        rc = s->api && s->deliver ? KN_OK : kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    if (rc != KN_OK) {
        server_free(s);
        return rc;
    }
    if (first) {
        *ret_first = (struct kn_server_first_start){s->first[0], s->first[1], s->first[2],
                                                    s->first[3], s->first[4]};
    }
    start_loops(s);
    kn_server_start_threads(s);
    if (options->manual_clock) {
        kn_jsonlog("warning", "manual_clock", "the clock stands still; never do this in earnest");
    }
    *ret = s;
    return KN_OK;
}

uint16_t kn_server_port(const struct kn_server *server)
{
    return server->port;
}

/* ---- running and stopping ---- */

static bool is_drained(struct kn_server *s)
{
    for (size_t i = 0; i < atomic_load(&s->workspace_count); i++) {
        struct kn_position p;
        kn_workspace_position(s->workspaces[i], &p);
        if (p.applied < p.staged) {
            return false;
        }
    }
    return true;
}

static void stop(struct kn_server *s)
{
    struct kn_waker pause;
    kn_jsonlog("info", "stopping", NULL);
    atomic_store(&s->stopping, true);
    kn_server_stop_deliver(s);
    kn_waker_init(&pause);
    for (int i = 0; i < DRAIN_STEPS && !is_drained(s); i++) {
        kn_server_staged(s);
        kn_waker_wait(&pause, DRAIN_STEP_US);
    }
    kn_waker_wait(&pause, DRAIN_STEP_US * UINT64_C(5)); /* answers on their way out */
    kn_waker_deinit(&pause);
    kn_server_stop_threads(s);
    for (size_t i = 0; i < s->loop_count; i++) {
        kn_loop_stop(s->loops[i]);
    }
    for (size_t i = 0; i < s->loop_count; i++) {
        kn_thread_join(s->loop_threads[i]);
        kn_loop_free(s->loops[i]);
    }
    for (size_t i = 0; i < atomic_load(&s->workspace_count); i++) {
        struct kn_err err = {0};
        if (kn_workspace_checkpoint_now(s->workspaces[i], &err) != KN_OK) {
            /* Nothing is lost: the log holds it, and the next start replays. */
            kn_jsonlog("error", "last_checkpoint", err.text);
        }
    }
    kn_system_tick(s->system, true);
    kn_jsonlog("info", "stopped", NULL);
}

void kn_server_run(struct kn_server *s)
{
    int epoll_fd = kn_epoll_new();
    struct kn_event event;
    kn_epoll_add(epoll_fd, s->signal_fd, false, 1);
    while (kn_epoll_wait(epoll_fd, &event, 1, -1) == 0) {
        /* interrupted by a signal that is not ours */
    }
    kn_fd_close(epoll_fd);
    kn_server_stop(s);
}

void kn_server_stop(struct kn_server *s)
{
    stop(s);
    server_free(s);
}

const char *kn_server_local_token(struct kn_server *s)
{
    unsigned char random[sizeof s->local_token - 1];
    if (s->local_token[0] == '\0') {
        kn_random_fill(s->random, random, sizeof random);
        kn_alnum_encode(random, sizeof random, s->local_token);
        kn_system_lend_token(s->system, kn_str_c(s->local_token));
    }
    return s->local_token;
}

struct kn_workspace *kn_server_first_workspace(struct kn_server *s)
{
    return s->workspaces[0];
}

void kn_server_simulate(struct kn_server *s, int64_t now_us)
{
    atomic_store(&s->manual.wall_us, now_us);
}

void kn_server_nudge(struct kn_server *s)
{
    kn_server_staged(s);
}
