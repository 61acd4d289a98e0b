#include "bench/live_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "format/json.h"

enum { KINDS = 24, COLOURS = 12, CATEGORIES = 30 };

void world_must(enum kn_rc rc, const struct kn_err *err)
{
    if (rc != KN_OK) {
        (void)fprintf(stderr, "live: %s\n", err->text);
        exit(1);
    }
}

/* Of this thread, so that what else the machine does is left out. */
static uint64_t processor_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- the workspace ---- */

static void open_it(struct world *w, int64_t log_keep_us)
{
    struct kn_err err = {0};
    size_t applied;
    struct kn_workspace_options o = {
        .disk = w->disk,
        .dir = "ws/bench",
        .state_path = w->state,
        .name = "bench",
        .clock = w->clock,
        .random = kn_random_posix(),
        .log_keep_us = log_keep_us,
    };
    world_must(kn_workspace_open(&o, &w->ws, &err), &err);
    world_must(kn_workspace_apply(w->ws, INT64_MAX, &applied, &err), &err);
}

void world_open(struct world *w, bool real, int64_t log_keep_us)
{
    struct kn_err err = {0};
    *w = (struct world){.rand = kn_rand_seed(1), .manual.wall_us = INT64_C(1795448720) * SECOND};
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/kern-live-XXXXXX");
    if (!mkdtemp(w->dir)) {
        exit(2);
    }
    (void)snprintf(w->state, sizeof w->state, "%s/ws/bench/state", w->dir);
    w->clock = real ? kn_clock_posix() : kn_clock_manual(&w->manual);
    world_must(kn_disk_posix_open(w->dir, &w->disk, &err), &err);
    kn_buf_init(&w->items, 64 << 20);
    open_it(w, log_keep_us);
}

void world_reopen(struct world *w)
{
    kn_workspace_close(w->ws);
    open_it(w, 0);
}

void world_close(struct world *w)
{
    char command[64];
    kn_workspace_close(w->ws);
    kn_disk_posix_close(w->disk);
    kn_buf_deinit(&w->items);
    (void)snprintf(command, sizeof command, "rm -rf %s", w->dir);
    if (system(command) != 0) {
        exit(2);
    }
}

void world_send(struct world *w, uint32_t flags, bool apply)
{
    struct kn_err err = {0};
    uint64_t seq;
    bool full;
    bool committed;
    size_t applied;
    world_must(
        kn_workspace_stage(w->ws, kn_buf_view(&w->items), w->count, flags, &seq, &full, &err),
        &err);
    world_must(kn_workspace_commit(w->ws, &committed, &err), &err);
    if (apply) {
        uint64_t begin = processor_ns();
        world_must(kn_workspace_apply(w->ws, INT64_MAX, &applied, &err), &err);
        w->apply_ns += processor_ns() - begin;
    }
    kn_buf_clear(&w->items);
    w->count = 0;
}

bool world_offer(struct world *w)
{
    struct kn_err err = {0};
    uint64_t seq;
    bool full;
    bool committed;
    enum kn_rc rc =
        kn_workspace_stage(w->ws, kn_buf_view(&w->items), w->count, 0, &seq, &full, &err);
    if (rc == KN_E_FULL) {
        return false;
    }
    world_must(rc, &err);
    world_must(kn_workspace_commit(w->ws, &committed, &err), &err);
    kn_buf_clear(&w->items);
    w->count = 0;
    return true;
}

void world_chores(struct world *w)
{
    struct kn_err err = {0};
    bool more;
    bool staged;
    world_must(kn_workspace_build_step(w->ws, &more, &staged, &err), &err);
    if (kn_workspace_checkpoint_due(w->ws)) {
        world_must(kn_workspace_checkpoint_now(w->ws, &err), &err);
    }
}

void world_build_all(struct world *w)
{
    struct kn_err err = {0};
    bool more = true;
    bool staged = true;
    bool committed;
    size_t applied;
    uint64_t seq;
    while (more || staged || kn_workspace_next_due(w->ws) == INT64_MIN) {
        world_must(kn_workspace_build_step(w->ws, &more, &staged, &err), &err);
        if (!staged && kn_workspace_next_due(w->ws) == INT64_MIN) {
            world_must(kn_workspace_stage_tick(w->ws, &seq, &err), &err);
        }
        world_must(kn_workspace_commit(w->ws, &committed, &err), &err);
        world_must(kn_workspace_apply(w->ws, INT64_MAX, &applied, &err), &err);
    }
}

/* ---- what happens ---- */

static void add(struct world *w, const struct kn_item *item)
{
    kn_item_encode(item, &w->items);
    w->count++;
}

static void add_event(struct world *w, const char *name, uint32_t visitor, int64_t us,
                      const char *body)
{
    char message[32];
    char who[32];
    (void)snprintf(message, sizeof message, "m%llu", (unsigned long long)++w->messages);
    (void)snprintf(who, sizeof who, "visitor-%u", visitor);
    struct kn_item_id id = {.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(who)};
    add(w, &(struct kn_item){
               .kind = KN_ITEM_EVENT,
               .type = KN_EVENT_TRACK,
               .source = 1,
               .event_us = us,
               .received_us = kn_clock_wall_us(w->clock),
               .message_id = kn_str_c(message),
               .name = kn_str_c(name),
               .ids = &id,
               .id_count = 1,
               .body = kn_str_c(body),
           });
}

void world_event_of(struct world *w, const char *name, uint32_t visitor, int64_t us)
{
    add_event(w, name, visitor, us, "{}");
}

void world_event(struct world *w, uint32_t visitor, int64_t us)
{
    char name[8];
    char body[256];
    struct kn_rand *r = &w->rand;
    (void)snprintf(name, sizeof name, "E%u", (uint32_t)kn_rand_below(r, KINDS));
    (void)snprintf(
        body, sizeof body,
        "{\"properties\":{\"colour\":\"c%u\",\"category\":\"k%u\",\"price\":%u.%02u,\"sku\":\"sku-%"
        "u\"},"
        "\"context\":{\"page\":{\"path\":\"/p/%u\"}}}",
        (uint32_t)kn_rand_below(r, COLOURS), (uint32_t)kn_rand_below(r, CATEGORIES),
        (uint32_t)kn_rand_below(r, 200), (uint32_t)kn_rand_below(r, 100),
        (uint32_t)kn_rand_below(r, 5000), (uint32_t)kn_rand_below(r, 5000));
    add_event(w, name, visitor, us, body);
}

void world_define_as(struct world *w, const char *key, const char *query)
{
    struct kn_buf json;
    int64_t now = kn_clock_wall_us(w->clock);
    kn_buf_init(&json, 1 << 16);
    kn_buf_c(&json, "{");
    kn_json_out_kv(&json, "query", kn_str_c(query));
    kn_buf_c(&json, "}");
    add(w, &(struct kn_item){.kind = KN_ITEM_SETTING,
                             .event_us = now,
                             .received_us = now,
                             .message_id = KN_STR("-"),
                             .name = kn_str_c(key),
                             .body = kn_buf_view(&json)});
    kn_buf_deinit(&json);
}

void world_define(struct world *w, uint32_t i)
{
    char key[32];
    char query[512];
    uint32_t e = i % KINDS;
    uint32_t f = (i * 7 + 3) % KINDS;
    uint32_t days = 7 + i % 60;
    const size_t room = sizeof query;
    switch (i % 8) {
    case 0:
        (void)snprintf(query, room, "event('E%u').within(%u days).count() >= %u", e, days,
                       1 + i % 5);
        break;
    case 1:
        (void)snprintf(query, room,
                       "event('E%u').where(property('colour') = 'c%u').within(%u days).count() >= "
                       "1",
                       e, i % COLOURS, days);
        break;
    case 2:
        (void)snprintf(query, room,
                       "event('E%u').within(%u days).count() >= 2 AND event('E%u').within(7 "
                       "days).count() = 0",
                       e, days, f);
        break;
    case 3:
        (void)snprintf(query, room, "event('E%u').within(%u days).sum(property('price')) > %u", e,
                       days, 50 + i);
        break;
    case 4:
        (void)snprintf(query, room,
                       "event('E%u').where(property('category') = 'k%u' AND property('price') > "
                       "%u).count() >= 2",
                       e, i % CATEGORIES, i % 90);
        break;
    case 5:
        (void)snprintf(query, room,
                       "trait('city') = 'city%u' AND event('E%u').within(%u days).count() >= 1",
                       i % 50, e, days);
        break;
    case 6:
        (void)snprintf(query, room, "event('E%u').last(property('colour')) = 'c%u'", e,
                       i % COLOURS);
        break;
    default:
        (void)snprintf(query, room, "segment('s%u') AND event('E%u').count() >= 1", i - 1, e);
        break;
    }
    (void)snprintf(key, sizeof key, "segment/s%u", i);
    world_define_as(w, key, query);
}
