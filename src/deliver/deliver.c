#include "deliver/deliver.h"

#include <string.h>

#include <sodium.h>

#include "base/mem.h"
#include "deliver/outbox.h"
#include "os/thread.h"

enum { ARENA_MAX = 64 << 20, IDLE_MS = 1000, PACE_US = 5000, DONE_MAX = 64 };

static struct kn_http_client *client_for(const struct kn_deliver_env *env, unsigned timeout_ms)
{
    return kn_http_client_new(&(struct kn_http_client_options){
        .timeout_ms = timeout_ms,
        .connect_timeout_ms =
            timeout_ms < KN_CONNECT_TIMEOUT_MS ? timeout_ms : KN_CONNECT_TIMEOUT_MS,
        .allow_private = env->allow_private,
    });
}

struct kn_deliver *kn_deliver_new(const struct kn_deliver_env *env)
{
    struct kn_deliver *deliver = kn_calloc(1, sizeof *deliver);
    if (!deliver) {
        return NULL;
    }
    deliver->env = *env;
    kn_arena_init(&deliver->arena, ARENA_MAX);
    deliver->client = client_for(env, KN_CALL_TIMEOUT_MS);
    if (!deliver->client) {
        kn_free(deliver);
        return NULL;
    }
    return deliver;
}

void kn_deliver_free(struct kn_deliver *deliver)
{
    if (!deliver) {
        return;
    }
    kn_http_client_free(deliver->client); /* first: it points at parcels */
    while (deliver->all) {
        struct kn_outbox *o = deliver->all;
        deliver->all = o->next;
        kn_outbox_free(o);
    }
    kn_arena_deinit(&deliver->arena);
    sodium_memzero(&deliver->env, sizeof deliver->env);
    kn_free(deliver);
}

void kn_deliver_wake(struct kn_deliver *deliver)
{
    kn_http_client_wake(deliver->client);
}

/* ---- a turn ---- */

static struct kn_outbox *find(const struct kn_deliver *deliver, const struct kn_workspace *ws,
                              struct kn_str id)
{
    for (struct kn_outbox *o = deliver->all; o; o = o->next) {
        if (o->ws == ws && kn_str_eq(kn_str_c(o->id), id)) {
            return o;
        }
    }
    return NULL;
}

static void visit(void *context, struct kn_workspace *ws)
{
    struct kn_deliver *deliver = context;
    struct kn_settings *s = kn_workspace_settings(ws);
    for (size_t i = 0; i < s->destination_count; i++) {
        const struct kn_destination *d = &s->destinations[i];
        struct kn_outbox *o = find(deliver, ws, d->id);
        if (!o) {
            o = kn_outbox_new(ws, d->id);
            if (!o) {
                continue;
            }
            o->next = deliver->all;
            deliver->all = o;
        }
        o->seen = true;
        kn_outbox_turn(deliver, o, d);
    }
    kn_settings_unref(s);
}

/* Destinations that were taken away, once their calls have landed. */
static void sweep(struct kn_deliver *deliver)
{
    struct kn_outbox **at = &deliver->all;
    while (*at) {
        struct kn_outbox *o = *at;
        if (o->seen || o->flying > 0) {
            o->seen = false;
            at = &o->next;
            continue;
        }
        *at = o->next;
        kn_outbox_free(o);
    }
}

static void look(struct kn_deliver *deliver)
{
    deliver->wait_ms = IDLE_MS;
    deliver->env.each_workspace(deliver->env.context, visit, deliver);
    sweep(deliver);
}

static size_t await(struct kn_deliver *deliver, unsigned wait_ms)
{
    struct kn_http_job *done[DONE_MAX];
    size_t count = kn_http_client_wait(deliver->client, wait_ms, done, DONE_MAX);
    for (size_t i = 0; i < count; i++) {
        kn_outbox_landed(deliver, done[i]->context);
    }
    return count;
}

void kn_deliver_step(struct kn_deliver *deliver)
{
    look(deliver);
    if (await(deliver, (unsigned)deliver->wait_ms) == 0) {
        kn_sleep_us(PACE_US); /* one look for many pieces of news */
    }
}

static bool is_busy(const struct kn_deliver *deliver)
{
    bool busy = false;
    for (const struct kn_outbox *o = deliver->all; o; o = o->next) {
        busy = busy || o->flying > 0 || o->dirty || o->outstanding;
    }
    return busy;
}

void kn_deliver_drain(struct kn_deliver *deliver, unsigned wait_ms)
{
    uint64_t end_ns = kn_clock_mono_ns(kn_clock_posix()) + (uint64_t)wait_ms * 1000000;
    deliver->draining = true;
    look(deliver);
    while (is_busy(deliver) && kn_clock_mono_ns(kn_clock_posix()) < end_ns) {
        (void)await(deliver, 20);
        look(deliver);
    }
}

/* ---- tests ---- */

enum kn_rc kn_deliver_try(const struct kn_deliver_env *env, struct kn_workspace *ws,
                          const struct kn_destination *d, struct kn_str id,
                          struct kn_deliver_test *ret)
{
    struct kn_http_job *done;
    struct kn_message m;
    struct kn_err err;
    struct kn_buf url;
    struct kn_clock real = kn_clock_posix();
    struct kn_http_client *client = client_for(env, KN_CALL_TIMEOUT_MS / 3);
    *ret = (struct kn_deliver_test){0};
    kn_message_init(&m);
    kn_buf_init(&url, KN_HTTP_URL_MAX + 1);
    kn_buf_str(&url, d->url);
    kn_buf_char(&url, '\0');
    kn_message_test(&m, ws, d, kn_clock_wall_us(env->clock));
    kn_message_sign(&m, env->key, ws, d, id, kn_clock_wall_us(env->clock), kn_clock_wall_us(real));
    struct kn_http_job job = {.url = url.p,
                              .headers = m.headers,
                              .header_count = KN_MESSAGE_HEADERS,
                              .body = kn_buf_view(&m.body)};
    uint64_t begin = kn_clock_mono_ns(real);
    enum kn_rc rc = client ? url.rc : KN_E_NOMEM;
    rc = rc == KN_OK ? m.body.rc : rc;
    rc = rc == KN_OK ? kn_http_client_begin(client, &job, &err) : rc;
    while (rc == KN_OK && kn_http_client_wait(client, IDLE_MS, &done, 1) == 0) {
        /* the client's own limit ends it */
    }
    ret->took_us = (int64_t)((kn_clock_mono_ns(real) - begin) / 1000);
    ret->status = job.status;
    memcpy(ret->error, job.error, sizeof ret->error);
    kn_http_client_free(client);
    kn_buf_deinit(&url);
    kn_message_deinit(&m);
    return rc;
}
