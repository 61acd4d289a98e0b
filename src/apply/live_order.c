/* In which order instances are evaluated: those that read definitions after what they read. */
#include <stdlib.h>

#include "apply/live.h"
#include "base/mem.h"

/* ---- levels ---- */

static uint32_t above(const struct kn_instance *read, uint32_t level)
{
    return read && read->level + 1 > level ? read->level + 1 : level;
}

static uint32_t level_of(const struct kn_live *live, const struct kn_instance *instance)
{
    uint32_t level = 0;
    for (uint32_t i = 0; i < kn_live_read_keys(instance); i++) {
        const struct kn_live_name *name = kn_live_name(live, kn_live_read_key(instance, i));
        if (name) {
            level = above(name->serves, above(name->making, level));
        }
    }
    return level;
}

static int compare(const struct kn_instance *x, const struct kn_instance *y)
{
    if (x->level != y->level) {
        return x->level < y->level ? -1 : 1;
    }
    return (x->record.number > y->record.number) - (x->record.number < y->record.number);
}

static int by_level(const void *a, const void *b)
{
    const struct kn_instance *const *x = a;
    const struct kn_instance *const *y = b;
    return compare(*x, *y);
}

/* ---- ranks ---- */

static void rank_from(struct kn_live *live, uint32_t rank)
{
    for (; rank < live->deep_count; rank++) {
        live->deep[rank]->rank = rank;
    }
}

static void make_room(struct kn_live *live)
{
    if (live->deep_count == live->deep_room) {
        live->deep_room = live->deep_room ? live->deep_room * 2 : 16;
        live->deep = kn_must_realloc(live->deep, live->deep_room * sizeof(struct kn_instance *));
    }
}

static void insert(struct kn_live *live, struct kn_instance *instance)
{
    uint32_t at = live->deep_count;
    make_room(live);
    while (at > 0 && compare(live->deep[at - 1], instance) > 0) {
        at--;
    }
    memmove(live->deep + at + 1, live->deep + at,
            (live->deep_count - at) * sizeof(struct kn_instance *));
    live->deep[at] = instance;
    live->deep_count++;
    kn_bits_set(live->is_deep, instance->slot);
    rank_from(live, at);
}

/* Whoever reads its key may come to another level. */
static bool is_read(const struct kn_instance *instance)
{
    return instance->name->readers.count > 0;
}

void kn_live_order_add(struct kn_live *live, struct kn_instance *instance)
{
    live->order_stale = live->order_stale || is_read(instance);
    instance->level = live->order_stale ? 0 : level_of(live, instance);
    if (instance->level > 0) {
        insert(live, instance);
    }
}

void kn_live_order_remove(struct kn_live *live, struct kn_instance *instance)
{
    if (kn_bits_has(live->is_deep, instance->slot)) {
        kn_bits_clear(live->is_deep, instance->slot);
        live->deep_count--;
        memmove(live->deep + instance->rank, live->deep + instance->rank + 1,
                (live->deep_count - instance->rank) * sizeof(struct kn_instance *));
        rank_from(live, instance->rank);
    }
    live->order_stale = live->order_stale || is_read(instance);
}

/* Circles are refused before they become records; two that were on their way at once could make
 * one, which then has some order. */
void kn_live_order_again(struct kn_live *live)
{
    bool risen = true;
    live->order_stale = false;
    live->deep_count = 0;
    for (uint32_t i = 0; i < live->words; i++) {
        live->is_deep.words[i] = 0;
    }
    for (uint32_t i = 0; i < live->count; i++) {
        struct kn_instance *at = live->all[i];
        if (at) {
            at->level = 0;
        }
        if (at && kn_live_read_keys(at) > 0) {
            make_room(live);
            live->deep[live->deep_count++] = at;
        }
    }
    uint32_t candidates = live->deep_count;
    for (uint32_t pass = 0; risen && pass <= candidates; pass++) {
        risen = false;
        for (uint32_t i = 0; i < candidates; i++) {
            uint32_t level = level_of(live, live->deep[i]);
            risen = risen || level > live->deep[i]->level;
            live->deep[i]->level = level;
        }
    }
    live->deep_count = 0;
    for (uint32_t i = 0; i < candidates; i++) {
        if (live->deep[i]->level > 0) {
            kn_bits_set(live->is_deep, live->deep[i]->slot);
            live->deep[live->deep_count++] = live->deep[i];
        }
    }
    if (live->deep_count > 0) {
        qsort(live->deep, live->deep_count, sizeof(struct kn_instance *), by_level);
    }
    rank_from(live, 0);
}

/* ---- walking ---- */

static uint32_t take_first(uint64_t *word)
{
    uint32_t bit = (uint32_t)__builtin_ctzll(*word);
    *word &= *word - 1;
    return bit;
}

/* What is left in todo is on levels above 0. */
static void rank_todo(struct kn_live *live)
{
    for (uint32_t w = 0; w < live->words; w++) {
        while (live->todo.words[w] != 0) {
            uint32_t slot = w * 64 + take_first(&live->todo.words[w]);
            kn_bits_set(live->deep_todo, live->all[slot]->rank);
        }
    }
    live->woken = false;
}

struct kn_instance *kn_live_next(struct kn_live *live, struct kn_live_walk *walk)
{
    for (; walk->word < live->words; walk->word++) {
        uint64_t plain = live->todo.words[walk->word] & ~live->is_deep.words[walk->word];
        if (plain != 0) {
            uint32_t slot = walk->word * 64 + take_first(&plain);
            kn_bits_clear(live->todo, slot);
            return live->all[slot];
        }
    }
    if (!walk->deep || live->woken) {
        rank_todo(live);
        walk->deep = true;
    }
    for (uint32_t end = (live->deep_count + 63) / 64; walk->deep_word < end; walk->deep_word++) {
        uint64_t *word = &live->deep_todo.words[walk->deep_word];
        if (*word != 0) {
            return live->deep[walk->deep_word * 64 + take_first(word)];
        }
    }
    return NULL;
}
