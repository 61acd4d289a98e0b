/* Live segments, without a server around them. Answers lines of JSON.
 *
 *   live stream [--segments 1000] [--profiles 50000] [--events 500000] [--batch 100]
 *   live definitions [--segments 10000]
 *   live build [--events 10000000] [--profiles 400000] [--rate 50000]
 *   live heavy [--events 2000000] [--segments 1000]
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/live_world.h"
#include "os/thread.h"

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

static double now_s(void)
{
    return (double)kn_clock_mono_ns(kn_clock_posix()) / 1e9;
}

static double resident_mb(void)
{
    uint64_t resident;
    uint64_t own;
    kn_process_memory(&resident, &own);
    return (double)own / 1e6;
}

static uint32_t some_visitor(struct world *w, uint32_t profiles)
{
    return (uint32_t)(kn_rand_below(&w->rand, profiles) * kn_rand_below(&w->rand, 1000) / 1000);
}

/* ---- stream: what an event costs the fold, on one core ---- */

static void stream(struct world *w, const char *what, uint64_t events, uint32_t batch,
                   uint32_t profiles)
{
    struct kn_workspace_stats stats;
    w->apply_ns = 0;
    for (uint64_t i = 0; i < events; i += batch) {
        w->manual.wall_us += (int64_t)batch * 20 * DAY / (int64_t)events; /* 20 days in all */
        for (uint32_t k = 0; k < batch; k++) {
            world_event(w, some_visitor(w, profiles),
                        w->manual.wall_us - (int64_t)kn_rand_below(&w->rand, 2 * SECOND));
        }
        world_send(w, 0, true);
        if (i % (batch * 200) == 0) {
            world_chores(w);
        }
    }
    kn_workspace_stats(w->ws, &stats);
    (void)printf("{\"name\":\"stream\",\"what\":\"%s\",\"per_second\":%.0f,\"us\":%.2f,"
                 "\"evaluations\":%.1f,\"read_again\":%llu,\"resident_mb\":%.0f}\n",
                 what, (double)events * 1e9 / (double)w->apply_ns,
                 (double)w->apply_ns / 1e3 / (double)events,
                 (double)(stats.evaluations - w->evaluations) / (double)events,
                 (unsigned long long)stats.history_misses, resident_mb());
    w->evaluations = stats.evaluations;
    (void)fflush(stdout);
}

static void run_stream(int argc, char **argv)
{
    struct world w;
    uint32_t segments = (uint32_t)number(argc, argv, "--segments", 1000);
    uint32_t profiles = (uint32_t)number(argc, argv, "--profiles", 50000);
    uint64_t events = number(argc, argv, "--events", 500000);
    uint32_t batch = (uint32_t)number(argc, argv, "--batch", 100);
    world_open(&w, false, 0);
    stream(&w, "no segments", events, batch, profiles);
    world_close(&w);
    world_open(&w, false, 0);
    for (uint32_t i = 0; i < segments; i++) {
        world_define(&w, i);
    }
    world_send(&w, KN_FRAME_SETTINGS, true);
    stream(&w, "short histories", events, batch, profiles);
    stream(&w, "longer histories", events, batch, profiles);
    world_close(&w);
}

/* ---- definitions: what one costs, however many there are ---- */

static void run_definitions(int argc, char **argv)
{
    struct world w;
    struct kn_err err = {0};
    uint32_t segments = (uint32_t)number(argc, argv, "--segments", 10000);
    uint64_t tenths[10];
    world_open(&w, false, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        world_event(&w, i, w.manual.wall_us);
    }
    world_send(&w, 0, true);
    for (uint32_t t = 0; t < 10; t++) {
        w.apply_ns = 0;
        double begin = now_s();
        for (uint32_t i = segments / 10 * t; i < segments / 10 * (t + 1); i++) {
            world_define(&w, i);
            world_send(&w, KN_FRAME_SETTINGS, true);
            world_build_all(&w);
        }
        tenths[t] = (uint64_t)((now_s() - begin) * 1e6) / (segments / 10);
    }
    world_must(kn_workspace_checkpoint_now(w.ws, &err), &err);
    double begin = now_s();
    world_reopen(&w);
    (void)printf("{\"name\":\"definitions\",\"count\":%u,\"first_us\":%llu,\"last_us\":%llu,"
                 "\"start_s\":%.2f}\n",
                 segments, (unsigned long long)tenths[0], (unsigned long long)tenths[9],
                 now_s() - begin);
    world_close(&w);
}

/* ---- build: a new segment over a large store, while events come in ---- */

static void fill(struct world *w, uint64_t events, uint32_t profiles)
{
    int64_t now = kn_clock_wall_us(w->clock);
    struct kn_err err = {0};
    bool more = true;
    for (uint64_t i = 0; i < events; i += 1000) {
        for (uint32_t k = 0; k < 1000; k++) {
            world_event(w, some_visitor(w, profiles),
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
    _Atomic uint64_t sent;
};

static void *take_in(void *argument)
{
    struct live *l = argument;
    struct kn_position p;
    double begin = now_s();
    while (!atomic_load(&l->stop)) {
        double due = begin + (double)atomic_load(&l->sent) / (double)l->rate;
        int64_t now = kn_clock_wall_us(l->w->clock);
        if (now_s() < due) {
            kn_sleep_us(200);
            continue;
        }
        for (uint32_t k = 0; k < 100; k++) {
            world_event(l->w, some_visitor(l->w, l->profiles), now);
        }
        world_send(l->w, 0, false);
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

static double until_ready(struct world *w, const char *key, uint64_t *ret_size)
{
    struct kn_arena arena;
    struct kn_segment_info info = {0};
    double begin = now_s();
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
    return now_s() - begin;
}

static void run_build(int argc, char **argv)
{
    static const char *const queries[] = {
        "event('E3').where(property('colour') = 'c3').within(30 days).count() >= 3",
        "event('E1').within(60 days).count() >= 1",
        "event('E2').count() = 0",
        "event('E5').within(30 days).sum(property('price')) > 300 AND event('E6').within(7 "
        "days).count() = 0",
        "event('E9').last(property('colour')) = 'c1'",
    };
    struct world w;
    uint64_t events = number(argc, argv, "--events", 10000000);
    uint32_t profiles = (uint32_t)number(argc, argv, "--profiles", 400000);
    struct live l = {.w = &w, .profiles = profiles, .rate = number(argc, argv, "--rate", 50000)};
    world_open(&w, true, 1);
    fill(&w, events, profiles);
    (void)printf("{\"name\":\"filled\",\"events\":%llu,\"profiles\":%u,\"resident_mb\":%.0f}\n",
                 (unsigned long long)events, profiles, resident_mb());
    (void)fflush(stdout);
    struct kn_thread threads[] = {
        kn_thread_start("take-in", take_in, &l), kn_thread_start("apply", apply, &l),
        kn_thread_start("build", build, &l), kn_thread_start("background", background, &l)};
    kn_sleep_us(3000000);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        char key[40];
        uint64_t size;
        atomic_store(&l.lag_s, 0);
        uint64_t sent = atomic_load(&l.sent);
        double begin = now_s();
        (void)snprintf(key, sizeof key, "segment/new%zu", i);
        define_beside(&w, key, queries[i]);
        double ready = until_ready(&w, key + strlen("segment/"), &size);
        kn_sleep_us(2000000);
        (void)printf("{\"name\":\"build\",\"query\":\"%s\",\"ready_s\":%.2f,\"size\":%llu,"
                     "\"lag_s\":%.3f,\"rate\":%.0f}\n",
                     queries[i], ready, (unsigned long long)size, atomic_load(&l.lag_s),
                     (double)(atomic_load(&l.sent) - sent) / (now_s() - begin));
        (void)fflush(stdout);
    }
    atomic_store(&l.stop, true);
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        kn_thread_join(threads[i]);
    }
    world_close(&w);
}

/* ---- heavy: one profile with 2.7 % of all events ---- */

static double cost_of(struct world *w, uint32_t visitor, uint32_t profiles)
{
    enum { EACH = 20000 };
    w->apply_ns = 0;
    for (uint32_t i = 0; i < EACH; i++) {
        w->manual.wall_us += SECOND;
        world_event(w, visitor ? visitor : 1000 + (uint32_t)kn_rand_below(&w->rand, profiles),
                    w->manual.wall_us);
        world_send(w, 0, true);
        if (i % 1000 == 0) {
            world_chores(w);
        }
    }
    return (double)w->apply_ns / 1e3 / EACH;
}

static void run_heavy(int argc, char **argv)
{
    enum { HEAVY = 999 };
    struct world w;
    struct kn_workspace_stats stats;
    uint64_t events = number(argc, argv, "--events", 2000000);
    uint32_t segments = (uint32_t)number(argc, argv, "--segments", 1000);
    uint32_t profiles = (uint32_t)(events / 25);
    world_open(&w, false, 0);
    for (uint32_t i = 0; i < segments; i++) {
        world_define(&w, i);
    }
    world_send(&w, KN_FRAME_SETTINGS, true);
    for (uint64_t i = 0; i < events; i += 1000) {
        w.manual.wall_us += 1000 * 60 * DAY / (int64_t)events;
        for (uint32_t k = 0; k < 1000; k++) {
            bool heavy = kn_rand_below(&w.rand, 1000) < 27;
            world_event(&w, heavy ? HEAVY : 1000 + (uint32_t)kn_rand_below(&w.rand, profiles),
                        w.manual.wall_us);
        }
        world_send(&w, 0, true);
        world_chores(&w);
    }
    double others = cost_of(&w, 0, profiles);
    double heavy = cost_of(&w, HEAVY, profiles);
    kn_workspace_stats(w.ws, &stats);
    (void)printf("{\"name\":\"heavy\",\"events\":%llu,\"of_heavy\":%llu,\"heavy_us\":%.1f,"
                 "\"others_us\":%.1f,\"history_mb\":%.0f,\"resident_mb\":%.0f}\n",
                 (unsigned long long)events, (unsigned long long)(events * 27 / 1000), heavy,
                 others, (double)stats.history_bytes / 1e6, resident_mb());
    world_close(&w);
}

int main(int argc, char **argv)
{
    const struct {
        const char *name;
        void (*run)(int argc, char **argv);
    } modes[] = {{"stream", run_stream},
                 {"definitions", run_definitions},
                 {"build", run_build},
                 {"heavy", run_heavy}};
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            modes[i].run(argc, argv);
            return 0;
        }
    }
    (void)fprintf(stderr, "usage: live stream|definitions|build|heavy [--option N]\n");
    return 2;
}
