#include "bench/live_beside.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/thread.h"

/* ---- build: a new segment over a large store, while events come in ---- */

static void fill(struct world *w, uint64_t events, uint32_t profiles)
{
    int64_t now = kn_clock_wall_us(w->clock);
    struct kn_err err = {0};
    bool more = true;
    for (uint64_t i = 0; i < events; i += 1000) {
        for (uint32_t k = 0; k < 1000; k++) {
            world_event(w, live_visitor(w, profiles),
                        now - 90 * DAY + (int64_t)((i + k) * (90 * 86400) / events) * SECOND);
        }
        world_send(w, 0, true);
        world_chores(w);
    }
    world_build_all(w);
    world_must(kn_workspace_checkpoint_now(w->ws, &err), &err);
    while (more) {
        world_must(kn_workspace_background_step(w->ws, &more, &err), &err);
    }
}

struct live {
    struct world *w;
    uint64_t rate;
    uint32_t profiles;
    atomic_bool stop;
    _Atomic double lag_s; /* the most that applying fell behind */
    _Atomic uint64_t sent, refused;
    struct kn_thread threads[4];
};

static void *take_in(void *argument)
{
    struct live *l = argument;
    struct kn_position p;
    double begin = live_now_s();
    while (!atomic_load(&l->stop)) {
        double due = begin + (double)atomic_load(&l->sent) / (double)l->rate;
        int64_t now = kn_clock_wall_us(l->w->clock);
        if (live_now_s() < due) {
            kn_sleep_us(200);
            continue;
        }
        for (uint32_t k = 0; k < 100; k++) {
            world_event(l->w, live_visitor(l->w, l->profiles), now);
        }
        while (!world_offer(l->w)) { /* as a client that is told to come back */
            atomic_fetch_add(&l->refused, 1);
            kn_sleep_us(20000);
        }
        atomic_fetch_add(&l->sent, 100);
        kn_workspace_position(l->w->ws, &p);
        double lag = (double)(now - p.applied_record_us) / 1e6;
        if (lag > atomic_load(&l->lag_s)) {
            atomic_store(&l->lag_s, lag);
        }
    }
    return NULL;
}

static void *apply(void *argument)
{
    struct live *l = argument;
    struct kn_err err = {0};
    while (!atomic_load(&l->stop)) {
        size_t applied;
        world_must(kn_workspace_apply(l->w->ws, 1000, &applied, &err), &err);
        if (applied == 0) {
            kn_sleep_us(200);
        }
    }
    return NULL;
}

static void *build(void *argument)
{
    struct live *l = argument;
    struct kn_err err = {0};
    while (!atomic_load(&l->stop)) {
        bool more;
        bool staged;
        world_must(kn_workspace_build_step(l->w->ws, &more, &staged, &err), &err);
        kn_sleep_us(more ? 1 : 5000);
    }
    return NULL;
}

static void *background(void *argument)
{
    struct live *l = argument;
    struct kn_err err = {0};
    kn_thread_be_idle();
    while (!atomic_load(&l->stop)) {
        bool more = false;
        if (kn_workspace_checkpoint_due(l->w->ws)) {
            world_must(kn_workspace_checkpoint_now(l->w->ws, &err), &err);
        }
        world_must(kn_workspace_background_step(l->w->ws, &more, &err), &err);
        kn_sleep_us(more ? 1000 : 100000);
    }
    return NULL;
}

/* Another client of the log: stages by itself, so that the intake's buffer is left alone. */
static void define_beside(struct world *w, const char *key, const char *query)
{
    struct world other = {.ws = w->ws, .clock = w->clock};
    struct kn_err err = {0};
    uint64_t seq;
    bool full;
    kn_buf_init(&other.items, 1 << 16);
    world_define_as(&other, key, query);
    world_must(kn_workspace_stage(w->ws, kn_buf_view(&other.items), 1, KN_FRAME_SETTINGS, &seq,
                                  &full, &err),
               &err);
    kn_buf_deinit(&other.items);
}

static void begin(struct live *l)
{
    l->threads[0] = kn_thread_start("take-in", take_in, l);
    l->threads[1] = kn_thread_start("apply", apply, l);
    l->threads[2] = kn_thread_start("build", build, l);
    l->threads[3] = kn_thread_start("background", background, l);
}

static void end(struct live *l)
{
    atomic_store(&l->stop, true);
    for (size_t i = 0; i < sizeof l->threads / sizeof l->threads[0]; i++) {
        kn_thread_join(l->threads[i]);
    }
}

static double until_ready(struct world *w, const char *key, uint64_t *ret_size)
{
    struct kn_arena arena;
    struct kn_segment_info info = {0};
    double begin = live_now_s();
    kn_arena_init(&arena, 1 << 20);
    while (!info.ready || !info.serves) {
        kn_arena_clear(&arena);
        if (kn_segment_info(w->ws, kn_str_c(key), &arena, &info) != KN_OK) {
            info.ready = false;
        }
        kn_sleep_us(2000);
    }
    *ret_size = info.size;
    kn_arena_deinit(&arena);
    return live_now_s() - begin;
}

void live_build(int argc, char **argv)
{
    static const char *const queries[] = {
        "event('E3').where(property('colour') = 'c3').within(30 days).count() >= 3",
        "event('E1').within(60 days).count() >= 1",
        "event('E2').count() = 0",
        "event('E5').within(30 days).sum(property('price')) > 300 AND event('E6').count() = 0",
        "event('E9').last(property('colour')) = 'c1'",
    };
    struct world w;
    uint64_t events = live_number(argc, argv, "--events", 10000000);
    uint32_t profiles = (uint32_t)live_number(argc, argv, "--profiles", 400000);
    struct live l = {
        .w = &w, .profiles = profiles, .rate = live_number(argc, argv, "--rate", 50000)};
    world_open(&w, true, 1);
    fill(&w, events, profiles);
    (void)printf("{\"name\":\"filled\",\"events\":%llu,\"profiles\":%u,\"resident_mb\":%.0f}\n",
                 (unsigned long long)events, profiles, live_resident_mb());
    (void)fflush(stdout);
    begin(&l);
    kn_sleep_us(3000000);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        char key[40];
        uint64_t size;
        atomic_store(&l.lag_s, 0);
        uint64_t sent = atomic_load(&l.sent);
        double from = live_now_s();
        (void)snprintf(key, sizeof key, "segment/new%zu", i);
        define_beside(&w, key, queries[i]);
        double ready = until_ready(&w, key + strlen("segment/"), &size);
        kn_sleep_us(2000000);
        (void)printf("{\"name\":\"build\",\"query\":\"%s\",\"ready_s\":%.2f,\"size\":%llu,"
                     "\"lag_s\":%.3f,\"refused\":%llu,\"rate\":%.0f}\n",
                     queries[i], ready, (unsigned long long)size, atomic_load(&l.lag_s),
                     (unsigned long long)atomic_load(&l.refused),
                     (double)(atomic_load(&l.sent) - sent) / (live_now_s() - from));
        (void)fflush(stdout);
    }
    end(&l);
    world_close(&w);
}

/* ---- exits: a million moments within a minute, while events come in ---- */

void live_exits(int argc, char **argv)
{
    enum { AHEAD_S = 40, MINUTE_S = 60, DAYS = 7 };
    struct world w;
    uint32_t profiles = (uint32_t)live_number(argc, argv, "--profiles", 1000000);
    struct live l = {.w = &w, .profiles = 100000, .rate = live_number(argc, argv, "--rate", 50000)};
    double late = 0;
    uint64_t size = profiles;
    world_open(&w, true, 1);
    world_define_as(&w, "segment/due", "event('Due').within(7 days).count() >= 1");
    world_send(&w, KN_FRAME_SETTINGS, true);
    int64_t first = kn_clock_wall_us(w.clock) + (AHEAD_S + profiles / 50000) * SECOND;
    for (uint32_t i = 0; i < profiles; i += 1000) {
        for (uint32_t k = 0; k < 1000; k++) {
            /* Of visitors that the intake does not have, evenly over a minute. */
            world_event_of(&w, "Due", 1000000 + i + k,
                           first - DAYS * DAY +
                               (int64_t)(i + k) * MINUTE_S * SECOND / (int64_t)profiles);
        }
        world_send(&w, 0, true);
        world_chores(&w);
    }
    begin(&l);
    struct kn_arena arena;
    kn_arena_init(&arena, 1 << 20);
    while (size > 0) {
        struct kn_segment_info info;
        struct kn_err err = {.text = "no such segment"};
        kn_arena_clear(&arena);
        kn_sleep_us(5000);
        int64_t now = kn_clock_wall_us(w.clock); /* before the look: never too favourable */
        world_must(kn_segment_info(w.ws, KN_STR("due"), &arena, &info), &err);
        size = info.size;
        double next = (double)(profiles - size) * MINUTE_S / profiles; /* the next one's moment */
        double since = (double)(now - first) / 1e6 - next;
        late = size > 0 && since > late ? since : late;
    }
    kn_arena_deinit(&arena);
    end(&l);
    (void)printf("{\"name\":\"exits\",\"exits\":%u,\"latest_s\":%.3f,\"lag_s\":%.3f,"
                 "\"refused\":%llu,\"rate\":%llu}\n",
                 profiles, late, atomic_load(&l.lag_s), (unsigned long long)atomic_load(&l.refused),
                 (unsigned long long)l.rate);
    world_close(&w);
}

/* ---- readable: from the acknowledgement to the membership ---- */

static int compare_times(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double read_after(struct world *w, struct world *probe, uint32_t i)
{
    struct kn_err err = {0};
    struct kn_arena arena;
    struct kn_position p = {0};
    uint64_t seq;
    bool full;
    kn_buf_clear(&probe->items);
    world_event_of(probe, "Probe", 9000000 + i, kn_clock_wall_us(w->clock));
    world_must(kn_workspace_stage(w->ws, kn_buf_view(&probe->items), 1, 0, &seq, &full, &err),
               &err);
    while (kn_workspace_durable(w->ws) < seq) { /* the intake's next commit takes it along */
        kn_sleep_us(20);
    }
    double acknowledged = live_now_s();
    while (p.applied < seq) {
        kn_sleep_us(50);
        kn_workspace_position(w->ws, &p);
    }
    struct kn_segment_info info;
    kn_arena_init(&arena, 1 << 20);
    world_must(kn_segment_info(w->ws, KN_STR("probe"), &arena, &info), &err);
    kn_arena_deinit(&arena);
    if (info.size != i + 1) {
        (void)fprintf(stderr, "live: %llu members after %u\n", (unsigned long long)info.size,
                      i + 1);
        exit(1);
    }
    return live_now_s() - acknowledged;
}

void live_readable(int argc, char **argv)
{
    enum { PROBES = 500 };
    static double times[PROBES];
    struct world w;
    struct world probe = {0};
    uint32_t segments = (uint32_t)live_number(argc, argv, "--segments", 1000);
    struct live l = {.w = &w,
                     .profiles = (uint32_t)live_number(argc, argv, "--profiles", 50000),
                     .rate = live_number(argc, argv, "--rate", 50000)};
    world_open(&w, true, 1);
    for (uint32_t i = 0; i < segments; i++) {
        world_define(&w, i);
    }
    world_define_as(&w, "segment/probe", "event('Probe').count() >= 1");
    world_send(&w, KN_FRAME_SETTINGS, true);
    begin(&l);
    kn_sleep_us(3000000);
    probe.clock = w.clock;
    probe.messages = UINT64_C(1) << 40;
    kn_buf_init(&probe.items, 1 << 16);
    for (uint32_t i = 0; i < PROBES; i++) {
        times[i] = read_after(&w, &probe, i);
        kn_sleep_us(5000);
    }
    end(&l);
    qsort(times, PROBES, sizeof times[0], compare_times);
    (void)printf("{\"name\":\"readable\",\"segments\":%u,\"rate\":%llu,\"p50_ms\":%.2f,"
                 "\"p99_ms\":%.2f,\"lag_s\":%.3f,\"refused\":%llu}\n",
                 segments, (unsigned long long)l.rate, times[PROBES / 2] * 1e3,
                 times[PROBES * 99 / 100] * 1e3, atomic_load(&l.lag_s),
                 (unsigned long long)atomic_load(&l.refused));
    kn_buf_deinit(&probe.items);
    world_close(&w);
}
