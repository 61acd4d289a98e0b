/* The clock as an interface: wall clock, a monotonic clock for durations, or a manual one.
 *
 * Wall times are UTC microseconds since 1970; monotonic times nanoseconds since some start. The
 * manual clock (kern serve --clock manual, and the simulation) moves only when told.
 */
#ifndef KN_OS_CLOCK_H
#define KN_OS_CLOCK_H

#include <stdint.h>

struct kn_clock {
    int64_t (*wall_us)(void *self);
    uint64_t (*mono_ns)(void *self);
    void *self;
};

static inline int64_t kn_clock_wall_us(struct kn_clock c)
{
    return c.wall_us(c.self);
}
static inline uint64_t kn_clock_mono_ns(struct kn_clock c)
{
    return c.mono_ns(c.self);
}

struct kn_clock kn_clock_posix(void);

/* Owned by the caller; set from any thread. Its monotonic clock is the real one. A wall_us of 0
 * lets it run with the real clock from then on. */
struct kn_manual_clock {
    _Atomic int64_t wall_us;
};
struct kn_clock kn_clock_manual(struct kn_manual_clock *state);

/* CPU time of this process, nanoseconds; for metrics and benchmarks. */
uint64_t kn_process_cpu_ns(void);
/* Resident memory: all, and without file-backed pages; bytes. */
void kn_process_memory(uint64_t *ret_resident, uint64_t *ret_anonymous);

#endif
