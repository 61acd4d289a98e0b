/* Keys of definitions and of what they read: who has the key, and who reads it. */
#include "apply/live.h"
#include "base/hash.h"
#include "base/mem.h"

enum { BUCKETS_LEAST = 64 };

/* ---- slots ---- */

static uint32_t place_of(const struct kn_slots *slots, uint32_t slot)
{
    uint32_t low = 0;
    uint32_t high = slots->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (slots->all[middle] < slot) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void kn_slots_add(struct kn_slots *slots, uint32_t slot)
{
    uint32_t at = place_of(slots, slot);
    if (at < slots->count && slots->all[at] == slot) {
        return;
    }
    if (slots->count == slots->room) {
        slots->room = slots->room ? slots->room * 2 : 4;
        slots->all = kn_must_realloc(slots->all, slots->room * sizeof *slots->all);
    }
    memmove(slots->all + at + 1, slots->all + at, (slots->count - at) * sizeof *slots->all);
    slots->all[at] = slot;
    slots->count++;
}

void kn_slots_remove(struct kn_slots *slots, uint32_t slot)
{
    uint32_t at = place_of(slots, slot);
    if (at < slots->count && slots->all[at] == slot) {
        slots->count--;
        memmove(slots->all + at, slots->all + at + 1, (slots->count - at) * sizeof *slots->all);
    }
}

/* ---- names ---- */

static struct kn_live_name **bucket(const struct kn_live *live, struct kn_str key)
{
    return &live->names[(uint32_t)kn_checksum64(key) & (live->name_slots - 1)];
}

struct kn_live_name *kn_live_name(const struct kn_live *live, struct kn_str key)
{
    struct kn_live_name *name = live->name_slots > 0 ? *bucket(live, key) : NULL;
    while (name && !kn_str_eq(name->key, key)) {
        name = name->next;
    }
    return name;
}

static void grow(struct kn_live *live)
{
    struct kn_live_name **old = live->names;
    uint32_t count = live->name_slots;
    live->name_slots = count ? count * 2 : BUCKETS_LEAST;
    live->names = kn_must_calloc(live->name_slots, sizeof(struct kn_live_name *));
    for (uint32_t i = 0; i < count; i++) {
        for (struct kn_live_name *name = old[i], *next; name; name = next) {
            struct kn_live_name **to = bucket(live, name->key);
            next = name->next;
            name->next = *to;
            *to = name;
        }
    }
    kn_free(old);
}

struct kn_live_name *kn_live_name_made(struct kn_live *live, struct kn_str key)
{
    struct kn_live_name *name = kn_live_name(live, key);
    if (name) {
        return name;
    }
    if (live->name_count >= live->name_slots) {
        grow(live);
    }
    char *text = kn_must_alloc(key.len + 1);
    if (key.len > 0) {
        memcpy(text, key.p, key.len);
    }
    struct kn_live_name **to = bucket(live, key);
    name = kn_must_calloc(1, sizeof *name);
    name->key = kn_str(text, key.len);
    name->next = *to;
    *to = name;
    live->name_count++;
    return name;
}

void kn_live_names_deinit(struct kn_live *live)
{
    for (uint32_t i = 0; i < live->name_slots; i++) {
        for (struct kn_live_name *name = live->names[i], *next; name; name = next) {
            next = name->next;
            kn_free((char *)(uintptr_t)name->key.p);
            kn_free(name->readers.all);
            kn_free(name);
        }
    }
    kn_free(live->names);
    live->names = NULL;
    live->name_slots = live->name_count = 0;
}

struct kn_str kn_live_read_key(const struct kn_instance *instance, uint32_t i)
{
    const struct kn_reads *reads = kn_definition_reads(instance->defined->definition);
    return i < reads->segment_count ? reads->segments[i] : reads->traits[i - reads->segment_count];
}

uint32_t kn_live_read_keys(const struct kn_instance *instance)
{
    const struct kn_reads *reads = kn_definition_reads(instance->defined->definition);
    return reads->segment_count + reads->trait_count;
}
