#include "base/rand.h"

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

struct kn_rand kn_rand_seed(uint64_t seed)
{
    struct kn_rand r;
    for (int i = 0; i < 4; i++) {
        r.s[i] = splitmix(&seed);
    }
    return r;
}

uint64_t kn_rand_u64(struct kn_rand *r)
{
    uint64_t result = rotl(r->s[1] * 5, 7) * 9;
    uint64_t t = r->s[1] << 17;
    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = rotl(r->s[3], 45);
    return result;
}

uint64_t kn_rand_below(struct kn_rand *r, uint64_t bound)
{
    return (uint64_t)(((unsigned __int128)kn_rand_u64(r) * bound) >> 64);
}

int64_t kn_rand_between(struct kn_rand *r, int64_t low, int64_t high)
{
    uint64_t span = (uint64_t)high - (uint64_t)low; /* wraps for the widest ranges only */
    uint64_t step = span == UINT64_MAX ? kn_rand_u64(r) : kn_rand_below(r, span + 1);
    return (int64_t)((uint64_t)low + step);
}

bool kn_rand_chance(struct kn_rand *r, uint64_t part, uint64_t whole)
{
    return kn_rand_below(r, whole) < part;
}

double kn_rand_unit(struct kn_rand *r)
{
    return (double)(kn_rand_u64(r) >> 11) * 0x1.0p-53;
}
