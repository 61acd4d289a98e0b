/* A seeded generator for tests, simulation and demo data (xoshiro256**, by Blackman and Vigna,
 * https://prng.di.unimi.it). Never a source of keys or tokens: those come from os/random.h. */
#ifndef KN_BASE_RAND_H
#define KN_BASE_RAND_H

#include <stdbool.h>
#include <stdint.h>

struct kn_rand {
    uint64_t s[4];
};

struct kn_rand kn_rand_seed(uint64_t seed);
uint64_t kn_rand_u64(struct kn_rand *r);
/* Uniform in [0, bound); bound > 0. */
uint64_t kn_rand_below(struct kn_rand *r, uint64_t bound);
/* Uniform in [low, high]. */
int64_t kn_rand_between(struct kn_rand *r, int64_t low, int64_t high);
/* True in `part` of `whole` cases. */
bool kn_rand_chance(struct kn_rand *r, uint64_t part, uint64_t whole);
/* Uniform in [0, 1). */
double kn_rand_unit(struct kn_rand *r);

#endif
