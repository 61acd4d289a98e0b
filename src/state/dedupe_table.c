#include "state/dedupe_table.h"

#include "base/mem.h"

/* Order of entries: without the hour. */
int kn_dedupe_order(struct kn_h128 a, struct kn_h128 b)
{
    a.lo &= ~(uint64_t)KN_DEDUPE_HOUR_MASK;
    b.lo &= ~(uint64_t)KN_DEDUPE_HOUR_MASK;
    return kn_h128_cmp(a, b);
}

struct kn_h128 kn_dedupe_stamped(struct kn_h128 hash, int64_t hour)
{
    hash.lo = (hash.lo & ~(uint64_t)KN_DEDUPE_HOUR_MASK) | ((uint64_t)hour & KN_DEDUPE_HOUR_MASK);
    if (kn_h128_is_zero(hash)) {
        hash.hi = 1;
    }
    return hash;
}

static bool same(struct kn_h128 a, struct kn_h128 b)
{
    return a.hi == b.hi && ((a.lo ^ b.lo) & ~(uint64_t)KN_DEDUPE_HOUR_MASK) == 0;
}

static size_t place(const struct kn_dedupe_table *t, struct kn_h128 hash)
{
    /* By the first bits: the table is then nearly in the order a run needs. */
    return (size_t)(((unsigned __int128)hash.hi * t->room) >> 64);
}

struct kn_h128 *kn_dedupe_table_find(const struct kn_dedupe_table *t, struct kn_h128 hash)
{
    if (t->room == 0) {
        return NULL;
    }
    for (size_t i = place(t, hash);; i = (i + 1) & (t->room - 1)) {
        if (kn_h128_is_zero(t->slots[i])) {
            return NULL;
        }
        if (same(t->slots[i], hash)) {
            return &t->slots[i];
        }
    }
}

static void table_grow(struct kn_dedupe_table *t)
{
    struct kn_dedupe_table more = {.room = t->room ? t->room * 2 : 1024};
    more.slots = kn_must_table(more.room, sizeof *more.slots);
    for (size_t i = 0; i < t->room; i++) {
        if (!kn_h128_is_zero(t->slots[i])) {
            kn_dedupe_table_put(&more, t->slots[i]);
        }
    }
    kn_free(t->slots);
    *t = more;
}

void kn_dedupe_table_put(struct kn_dedupe_table *t, struct kn_h128 hash)
{
    if ((t->count + 1) * 3 > t->room * 2) {
        table_grow(t);
    }
    size_t i = place(t, hash);
    while (!kn_h128_is_zero(t->slots[i])) {
        i = (i + 1) & (t->room - 1);
    }
    t->slots[i] = hash;
    t->count++;
}

void kn_dedupe_table_reserve(struct kn_dedupe_table *t, size_t expected)
{
    size_t room = 1024;
    while (room * 2 < expected * 3) {
        room *= 2;
    }
    *t = (struct kn_dedupe_table){.slots = kn_must_table(room, sizeof *t->slots), .room = room};
}

void kn_dedupe_table_clear(struct kn_dedupe_table *t)
{
    kn_free(t->slots);
    *t = (struct kn_dedupe_table){0};
}

/* The hashes of a table in order. They stand nearly so: a hash is behind its place by the length of
 * a cluster at most, but for those that ran over the end to the beginning. */
size_t kn_dedupe_table_sorted(const struct kn_dedupe_table *t, struct kn_h128 *to)
{
    size_t count = 0;
    size_t wrapped = 0; /* slots before the first free one */
    while (wrapped < t->room && !kn_h128_is_zero(t->slots[wrapped])) {
        wrapped++;
    }
    for (int over = 0; over < 2; over++) {
        for (size_t i = 0; i < (over ? wrapped : t->room); i++) {
            bool ran_over = i < wrapped && place(t, t->slots[i]) > i;
            if (!kn_h128_is_zero(t->slots[i]) && ran_over == (over == 1)) {
                to[count++] = t->slots[i];
            }
        }
    }
    for (size_t i = 1; i < count; i++) {
        struct kn_h128 one = to[i];
        size_t at = i;
        for (; at > 0 && kn_dedupe_order(to[at - 1], one) > 0; at--) {
            to[at] = to[at - 1];
        }
        to[at] = one;
    }
    return count;
}

void kn_dedupe_table_prefetch(const struct kn_dedupe_table *t, struct kn_h128 hash)
{
    if (t->room > 0) {
        __builtin_prefetch(&t->slots[place(t, hash)]);
    }
}
