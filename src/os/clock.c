#include "os/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static uint64_t read_ns(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static int64_t real_wall_us(void *self)
{
    (void)self;
    return (int64_t)(read_ns(CLOCK_REALTIME) / 1000);
}

static uint64_t real_mono_ns(void *self)
{
    (void)self;
    return read_ns(CLOCK_MONOTONIC);
}

struct kn_clock kn_clock_posix(void)
{
    return (struct kn_clock){real_wall_us, real_mono_ns, NULL};
}

static int64_t manual_wall_us(void *self)
{
    struct kn_manual_clock *clock = self;
    int64_t set = atomic_load(&clock->wall_us);
    return set != 0 ? set : real_wall_us(NULL);
}

struct kn_clock kn_clock_manual(struct kn_manual_clock *state)
{
    return (struct kn_clock){manual_wall_us, real_mono_ns, state};
}

uint64_t kn_process_cpu_ns(void)
{
    return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}
