/* How fast the fold is with live segments: events of a shop through stage, commit and apply on one
 * thread; only apply is timed.
 *
 *   live [--segments 1000] [--profiles 50000] [--events 500000] [--batch 100]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "apply/segments.h"
#include "base/rand.h"
#include "format/json.h"
#include "os/clock.h"

enum { KINDS = 24, COLOURS = 12, CATEGORIES = 30 };
#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

struct bench {
    struct kn_disk disk;
    struct kn_manual_clock clock;
    struct kn_workspace *ws;
    struct kn_rand rand;
    struct kn_buf items;
    uint64_t messages;
    uint64_t apply_ns, evaluations;
};

static void must(enum kn_rc rc, const struct kn_err *err)
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

static void send(struct bench *b, uint32_t count, uint32_t flags)
{
    struct kn_err err = {0};
    uint64_t seq;
    bool full;
    bool committed;
    size_t applied;
    must(kn_workspace_stage(b->ws, kn_buf_view(&b->items), count, flags, &seq, &full, &err), &err);
    must(kn_workspace_commit(b->ws, &committed, &err), &err);
    uint64_t begin = processor_ns();
    must(kn_workspace_apply(b->ws, INT64_MAX, &applied, &err), &err);
    b->apply_ns += processor_ns() - begin;
    kn_buf_clear(&b->items);
}

static void setting(struct bench *b, const char *key, const char *query)
{
    struct kn_buf json;
    kn_buf_init(&json, 1 << 16);
    kn_buf_c(&json, "{");
    kn_json_out_kv(&json, "query", kn_str_c(query));
    kn_buf_c(&json, "}");
    struct kn_item item = {.kind = KN_ITEM_SETTING,
                           .event_us = b->clock.wall_us,
                           .received_us = b->clock.wall_us,
                           .message_id = KN_STR("-"),
                           .name = kn_str_c(key),
                           .body = kn_buf_view(&json)};
    kn_item_encode(&item, &b->items);
    kn_buf_deinit(&json);
}

/* Kinds of conditions a marketer writes, over all events, with thresholds that differ. */
static void define(struct bench *b, uint32_t i)
{
    char key[32];
    char query[512];
    uint32_t e = i % KINDS;
    uint32_t f = (i * 7 + 3) % KINDS;
    uint32_t days = 7 + i % 60;
    switch (i % 8) {
    case 0:
        (void)snprintf(query, sizeof query, "event('E%u').within(%u days).count() >= %u", e, days,
                       1 + i % 5);
        break;
    case 1:
        (void)snprintf(
            query, sizeof query,
            "event('E%u').where(property('colour') = 'c%u').within(%u days).count() >= 1", e,
            i % COLOURS, days);
        break;
    case 2:
        (void)snprintf(
            query, sizeof query,
            "event('E%u').within(%u days).count() >= 2 AND event('E%u').within(7 days).count() = 0",
            e, days, f);
        break;
    case 3:
        (void)snprintf(query, sizeof query,
                       "event('E%u').within(%u days).sum(property('price')) > %u", e, days, 50 + i);
        break;
    case 4:
        (void)snprintf(query, sizeof query,
                       "event('E%u').where(property('category') = 'k%u' AND property('price') > "
                       "%u).count() >= 2",
                       e, i % CATEGORIES, i % 90);
        break;
    case 5:
        (void)snprintf(query, sizeof query,
                       "trait('city') = 'city%u' AND event('E%u').within(%u days).count() >= 1",
                       i % 50, e, days);
        break;
    case 6:
        (void)snprintf(query, sizeof query, "event('E%u').last(property('colour')) = 'c%u'", e,
                       i % COLOURS);
        break;
    default:
        (void)snprintf(query, sizeof query, "segment('s%u') AND event('E%u').count() >= 1", i - 1,
                       e);
        break;
    }
    (void)snprintf(key, sizeof key, "segment/s%u", i);
    setting(b, key, query);
}

static void event(struct bench *b, uint32_t profiles)
{
    char message[32];
    char who[32];
    char name[8];
    char body[256];
    uint32_t person =
        (uint32_t)(kn_rand_below(&b->rand, profiles) * kn_rand_below(&b->rand, 1000) / 1000);
    (void)snprintf(message, sizeof message, "m%llu", (unsigned long long)++b->messages);
    (void)snprintf(who, sizeof who, "visitor-%u", person);
    (void)snprintf(name, sizeof name, "E%u", (uint32_t)kn_rand_below(&b->rand, KINDS));
    (void)snprintf(
        body, sizeof body,
        "{\"properties\":{\"colour\":\"c%u\",\"category\":\"k%u\",\"price\":%u.%02u,\"sku\":\"sku-%"
        "u\"},"
        "\"context\":{\"page\":{\"path\":\"/p/%u\"}}}",
        (uint32_t)kn_rand_below(&b->rand, COLOURS), (uint32_t)kn_rand_below(&b->rand, CATEGORIES),
        (uint32_t)kn_rand_below(&b->rand, 200), (uint32_t)kn_rand_below(&b->rand, 100),
        (uint32_t)kn_rand_below(&b->rand, 5000), (uint32_t)kn_rand_below(&b->rand, 5000));
    struct kn_item_id id = {.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(who)};
    struct kn_item item = {
        .kind = KN_ITEM_EVENT,
        .type = KN_EVENT_TRACK,
        .source = 1,
        .event_us = b->clock.wall_us - (int64_t)kn_rand_below(&b->rand, 2000000),
        .received_us = b->clock.wall_us,
        .message_id = kn_str_c(message),
        .name = kn_str_c(name),
        .ids = &id,
        .id_count = 1,
        .body = kn_str_c(body),
    };
    kn_item_encode(&item, &b->items);
}

static void stream(struct bench *b, uint64_t events, uint32_t batch, uint32_t profiles,
                   const char *what)
{
    struct kn_err err;
    bool more;
    bool staged;
    b->apply_ns = 0;
    for (uint64_t i = 0; i < events; i += batch) {
        b->clock.wall_us += (int64_t)batch * 20 * DAY / (int64_t)events; /* 20 days in all */
        for (uint32_t k = 0; k < batch; k++) {
            event(b, profiles);
        }
        send(b, batch, 0);
        if (i % (batch * 200) == 0) {
            must(kn_workspace_build_step(b->ws, &more, &staged, &err), &err);
        }
        if (kn_workspace_checkpoint_due(b->ws)) {
            must(kn_workspace_checkpoint_now(b->ws, &err), &err);
        }
    }
    (void)printf("%-28s %9.0f events/s applied (%.2f us each)\n", what,
                 (double)events * 1e9 / (double)b->apply_ns,
                 (double)b->apply_ns / 1e3 / (double)events);
    struct kn_workspace_stats stats;
    kn_workspace_stats(b->ws, &stats);
    (void)printf("  %.1f evaluations per event; %llu histories in %llu MiB, %llu read again\n",
                 (double)(stats.evaluations - b->evaluations) / (double)events,
                 (unsigned long long)stats.histories, (unsigned long long)stats.history_bytes >> 20,
                 (unsigned long long)stats.history_misses);
    b->evaluations = stats.evaluations;
    (void)fflush(stdout);
}

static uint64_t number(int argc, char **argv, const char *name, uint64_t fallback)
{
    for (int i = 1; i + 1 < argc; i++) {
        uint64_t value;
        if (strcmp(argv[i], name) == 0 && kn_str_u64(kn_str_c(argv[i + 1]), &value)) {
            return value;
        }
    }
    return fallback;
}

int main(int argc, char **argv)
{
    struct bench b = {.rand = kn_rand_seed(1)};
    struct kn_err err = {0};
    char dir[] = "/tmp/kern-live-XXXXXX";
    char state[64];
    char command[64];
    size_t applied;
    uint32_t segments = (uint32_t)number(argc, argv, "--segments", 1000);
    uint32_t profiles = (uint32_t)number(argc, argv, "--profiles", 50000);
    uint64_t events = number(argc, argv, "--events", 500000);
    uint32_t batch = (uint32_t)number(argc, argv, "--batch", 100);
    if (!mkdtemp(dir)) {
        return 2;
    }
    (void)snprintf(state, sizeof state, "%s/ws/bench/state", dir);
    b.clock.wall_us = INT64_C(1795448720) * SECOND;
    must(kn_disk_posix_open(dir, &b.disk, &err), &err);
    kn_buf_init(&b.items, 64 << 20);
    struct kn_workspace_options o = {.disk = b.disk,
                                     .dir = "ws/bench",
                                     .state_path = state,
                                     .name = "bench",
                                     .clock = kn_clock_manual(&b.clock),
                                     .random = kn_random_posix()};
    must(kn_workspace_open(&o, &b.ws, &err), &err);
    must(kn_workspace_apply(b.ws, INT64_MAX, &applied, &err), &err);
    stream(&b, events, batch, profiles, "no segments");
    kn_workspace_close(b.ws);
    b.evaluations = 0;
    (void)snprintf(command, sizeof command, "rm -rf %s/ws", dir);
    if (system(command) != 0) {
        return 2;
    }
    must(kn_workspace_open(&o, &b.ws, &err), &err);
    must(kn_workspace_apply(b.ws, INT64_MAX, &applied, &err), &err);
    for (uint32_t i = 0; i < segments; i++) {
        define(&b, i);
    }
    send(&b, segments, KN_FRAME_SETTINGS);
    (void)printf("%u segments defined in %.2f s\n", segments, (double)b.apply_ns / 1e9);
    stream(&b, events, batch, profiles, "with segments, first");
    stream(&b, events, batch, profiles, "with segments, then");
    kn_workspace_close(b.ws);
    kn_disk_posix_close(b.disk);
    kn_buf_deinit(&b.items);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) == 0 ? 0 : 2;
}
