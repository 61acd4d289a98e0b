/* Reports over generated events: how long the three that dashboards ask most take.
 *
 * usage: reports [events] [profiles] [builds] [rounds]
 * The generator of docs: 24 kinds and the profiles with a skew of u^2, uniform times over 90 days.
 * `builds`: in how many runs the events come in. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/rand.h"
#include "format/item.h"
#include "os/clock.h"
#include "os/thread.h"
#include "report/report.h"
#include "sim/sim_disk.h"

enum { KINDS = 24, DAYS = 90, THREADS = 2 };
static const int64_t day_us = INT64_C(86400000000);
static const int64_t start_us = INT64_C(1782864000000000); /* 2026-07-01T00:00Z */

struct input {
    struct kn_columns *columns;
    struct kn_columns_pin *pin;
    struct kn_zone *zone;
    char names[KINDS][16];
};

/* ---- threads ---- */

struct shared {
    void (*job)(void *argument, uint32_t index);
    void *argument;
    uint32_t count, next;
};

static void *work(void *argument)
{
    struct shared *s = argument;
    for (;;) {
        uint32_t i = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED);
        if (i >= s->count) {
            return NULL;
        }
        s->job(s->argument, i);
    }
}

static void run_jobs(void *context, uint32_t count, void (*job)(void *argument, uint32_t index),
                     void *argument)
{
    struct kn_thread threads[THREADS];
    struct shared s = {job, argument, count, 0};
    (void)context;
    for (int i = 1; i < THREADS; i++) {
        threads[i] = kn_thread_start("bench", work, &s);
    }
    work(&s);
    for (int i = 1; i < THREADS; i++) {
        kn_thread_join(threads[i]);
    }
}

/* ---- data ---- */

static struct kn_str make_item(const char *name)
{
    struct kn_buf bytes;
    kn_buf_init(&bytes, 4096);
    struct kn_item item = {.kind = KN_ITEM_EVENT,
                           .type = KN_EVENT_TRACK,
                           .name = kn_str_c(name),
                           .source = 1,
                           .message_id = KN_STR("m"),
                           .body = KN_STR("{\"properties\":{\"k\":\"x\"}}")};
    kn_item_encode(&item, &bytes);
    return kn_buf_view(&bytes);
}

static void fill(struct input *in, uint64_t events, uint32_t profiles, uint32_t builds)
{
    struct kn_rand rand = kn_rand_seed(1);
    struct kn_str items[KINDS];
    struct kn_err err;
    bool more;
    for (int i = 0; i < KINDS; i++) {
        (void)snprintf(in->names[i], sizeof in->names[i], "Event %d", i);
        items[i] = make_item(in->names[i]);
    }
    for (uint32_t o = 0; o < profiles; o++) {
        kn_columns_row(in->columns, KN_TABLE_PROFILE, o, start_us, o, KN_STR("{\"t\":{\"x\":1}}"));
    }
    for (uint64_t i = 0; i < events; i++) {
        double a = kn_rand_unit(&rand);
        double b = kn_rand_unit(&rand);
        int64_t us = start_us + (int64_t)kn_rand_below(&rand, (uint64_t)(DAYS * day_us));
        kn_columns_event(in->columns, (uint32_t)(a * a * profiles), us, profiles + i,
                         items[(int)(b * b * KINDS)]);
        if (i % (events / builds) == events / builds - 1) {
            enum kn_rc rc = kn_columns_build(in->columns, UINT32_MAX, &more, &err);
            kn_assert(rc == KN_OK);
        }
    }
}

/* ---- reports ---- */

static void funnel(const struct kn_report *r, const struct input *in, struct kn_arena *arena)
{
    struct kn_funnel q = {
        .step_count = 3, .within = {7, KN_DAY}, .from = start_us, .to = start_us + DAYS * day_us};
    struct kn_funnel_result ret;
    struct kn_err err;
    static const int kinds[] = {0, 3, 8};
    for (int i = 0; i < 3; i++) {
        q.steps[i].event = kn_str_c(in->names[kinds[i]]);
    }
    enum kn_rc rc = kn_report_funnel(r, &q, arena, &ret, &err);
    kn_assert(rc == KN_OK);
    printf(" [%" PRIu64 " %" PRIu64 " %" PRIu64 "]", ret.steps[0].profiles, ret.steps[1].profiles,
           ret.steps[2].profiles);
}

static void retention(const struct kn_report *r, const struct input *in, struct kn_arena *arena)
{
    struct kn_retention q = {.unit = KN_UNIT_WEEK_LOCAL,
                             .periods = 12,
                             .from = start_us,
                             .to = start_us + DAYS * day_us};
    struct kn_retention_result ret;
    struct kn_err err;
    q.first.event = kn_str_c(in->names[0]);
    q.back.event = kn_str_c(in->names[0]);
    enum kn_rc rc = kn_report_retention(r, &q, arena, &ret, &err);
    kn_assert(rc == KN_OK);
    printf(" [%" PRIu64 " %" PRIu64 "]", ret.cohorts[0].size, ret.cohorts[0].returned[1]);
}

static void daily(const struct kn_report *r, const struct input *in, struct kn_arena *arena)
{
    struct kn_series q = {.measure = KN_MEASURE_PROFILES,
                          .unit = KN_UNIT_DAY_LOCAL,
                          .from = start_us,
                          .to = start_us + DAYS * day_us};
    struct kn_series_result ret;
    struct kn_err err;
    (void)in;
    enum kn_rc rc = kn_report_series(r, &q, arena, &ret, &err);
    kn_assert(rc == KN_OK);
    printf(" [%" PRIu64 " %" PRIu64 "]", ret.groups[0].points[1].count,
           ret.groups[0].points[80].count);
}

static uint64_t cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
measure(const char *name, uint64_t rounds, const struct kn_report *r, const struct input *in,
        void (*report)(const struct kn_report *, const struct input *, struct kn_arena *))
{
    struct kn_clock clock = kn_clock_posix();
    uint64_t best = UINT64_MAX;
    uint64_t best_cpu = UINT64_MAX;
    printf("%s", name);
    for (uint64_t i = 0; i < rounds; i++) {
        struct kn_arena arena;
        kn_arena_init(&arena, 1 << 30);
        uint64_t before = kn_clock_mono_ns(clock);
        uint64_t cpu_before = cpu_us();
        report(r, in, &arena);
        uint64_t cpu = cpu_us() - cpu_before;
        best_cpu = cpu < best_cpu ? cpu : best_cpu;
        uint64_t took = (kn_clock_mono_ns(clock) - before) / 1000;
        best = took < best ? took : best;
        kn_arena_deinit(&arena);
    }
    printf(" best %" PRIu64 " us, processor %" PRIu64 " us\n", best, best_cpu);
}

int main(int argc, char **argv)
{
    uint64_t numbers[] = {10000000, 400000, 1, 5};
    struct input in;
    struct kn_err err;
    for (int i = 1; i < argc && i < 5; i++) {
        bool ok = kn_str_u64(kn_str_c(argv[i]), &numbers[i - 1]);
        kn_assert(ok);
    }
    struct sim_disk *disk = sim_disk_new(1);
    struct kn_columns_options options = {.dir = "columns"};
    enum kn_rc rc =
        kn_columns_open(sim_disk_interface(disk), &options, KN_STR_EMPTY, false, &in.columns, &err);
    kn_assert(rc == KN_OK);
    rc = kn_zone_parse(KN_STR(KN_ZONE_DEFAULT_RULES), &in.zone, &err);
    kn_assert(rc == KN_OK);
    fill(&in, numbers[0], (uint32_t)numbers[1], (uint32_t)numbers[2]);
    rc = kn_columns_pin(in.columns, &in.pin, &err);
    kn_assert(rc == KN_OK);
    struct kn_report r = {.pin = in.pin,
                          .zone = in.zone,
                          .now = start_us + DAYS * day_us,
                          .jobs = {.run = run_jobs, .parallel = THREADS}};
    printf("%" PRIu64 " events, %u runs\n", numbers[0], in.pin->run_count);
    measure("funnel", numbers[3], &r, &in, funnel);
    measure("retention", numbers[3], &r, &in, retention);
    measure("daily", numbers[3], &r, &in, daily);
    kn_columns_unpin(in.pin);
    kn_columns_close(in.columns);
    kn_zone_free(in.zone);
    sim_disk_free(disk);
    return 0;
}
