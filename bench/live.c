/* Live segments, without a server around them. Answers lines of JSON.
 *
 *   live stream [--segments 1000] [--profiles 50000] [--events 500000] [--batch 100]
 *   live definitions [--segments 10000]
 *   live build [--events 10000000] [--profiles 400000] [--rate 50000]
 *   live exits [--profiles 1000000] [--rate 50000]
 *   live readable [--segments 1000] [--profiles 50000] [--rate 50000]
 *   live heavy [--events 2000000] [--segments 1000]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/live_beside.h"

uint64_t live_number(int argc, char **argv, const char *name, uint64_t fallback)
{
    for (int i = 1; i + 1 < argc; i++) {
        uint64_t value;
        if (strcmp(argv[i], name) == 0 && kn_str_u64(kn_str_c(argv[i + 1]), &value)) {
            return value;
        }
    }
    return fallback;
}

double live_now_s(void)
{
    return (double)kn_clock_mono_ns(kn_clock_posix()) / 1e9;
}

double live_resident_mb(void)
{
    uint64_t resident;
    uint64_t own;
    kn_process_memory(&resident, &own);
    return (double)own / 1e6;
}

uint32_t live_visitor(struct world *w, uint32_t profiles)
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
            world_event(w, live_visitor(w, profiles),
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
                 (unsigned long long)stats.history_misses, live_resident_mb());
    w->evaluations = stats.evaluations;
    (void)fflush(stdout);
}

static void run_stream(int argc, char **argv)
{
    struct world w;
    uint32_t segments = (uint32_t)live_number(argc, argv, "--segments", 1000);
    uint32_t profiles = (uint32_t)live_number(argc, argv, "--profiles", 50000);
    uint64_t events = live_number(argc, argv, "--events", 500000);
    uint32_t batch = (uint32_t)live_number(argc, argv, "--batch", 100);
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
    uint32_t segments = (uint32_t)live_number(argc, argv, "--segments", 10000);
    uint64_t tenths[10];
    world_open(&w, false, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        world_event(&w, i, w.manual.wall_us);
    }
    world_send(&w, 0, true);
    for (uint32_t t = 0; t < 10; t++) {
        w.apply_ns = 0;
        double begin = live_now_s();
        for (uint32_t i = segments / 10 * t; i < segments / 10 * (t + 1); i++) {
            world_define(&w, i);
            world_send(&w, KN_FRAME_SETTINGS, true);
            world_build_all(&w);
        }
        tenths[t] = (uint64_t)((live_now_s() - begin) * 1e6) / (segments / 10);
    }
    world_must(kn_workspace_checkpoint_now(w.ws, &err), &err);
    double begin = live_now_s();
    world_reopen(&w);
    (void)printf("{\"name\":\"definitions\",\"count\":%u,\"first_us\":%llu,\"last_us\":%llu,"
                 "\"start_s\":%.2f}\n",
                 segments, (unsigned long long)tenths[0], (unsigned long long)tenths[9],
                 live_now_s() - begin);
    world_close(&w);
}

/* ---- heavy: one profile with 2.7 % of all events ---- */

static double cost_of(struct world *w, uint32_t visitor, uint32_t profiles)
{
    enum { EACH = 2000 };
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
    uint64_t events = live_number(argc, argv, "--events", 2000000);
    uint32_t segments = (uint32_t)live_number(argc, argv, "--segments", 1000);
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
                 others, (double)stats.history_bytes / 1e6, live_resident_mb());
    world_close(&w);
}

int main(int argc, char **argv)
{
    const struct {
        const char *name;
        void (*run)(int argc, char **argv);
    } modes[] = {{"stream", run_stream}, {"definitions", run_definitions}, {"build", live_build},
                 {"exits", live_exits},  {"readable", live_readable},      {"heavy", run_heavy}};
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            modes[i].run(argc, argv);
            return 0;
        }
    }
    (void)fprintf(stderr,
                  "usage: live stream|definitions|build|exits|readable|heavy [--option N]\n");
    return 2;
}
