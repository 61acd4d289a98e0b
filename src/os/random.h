/* Randomness as an interface: the kernel's in production, a seed in the simulation. */
#ifndef KN_OS_RANDOM_H
#define KN_OS_RANDOM_H

#include <stddef.h>

struct kn_random {
    void (*fill)(void *self, void *to, size_t len);
    void *self;
};

static inline void kn_random_fill(struct kn_random r, void *to, size_t len)
{
    r.fill(r.self, to, len);
}

/* getrandom(2); panics when the kernel refuses. */
struct kn_random kn_random_posix(void);

#endif
