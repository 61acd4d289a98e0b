#include "apply/touch.h"

#include "apply/fold.h"
#include "base/mem.h"

enum { SLOTS_LEAST = 64 };

static uint32_t place(const struct kn_touched *t, uint32_t ordinal)
{
    uint32_t at = (uint32_t)(ordinal * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (t->slot_count - 1);
    while (t->slots[at] != 0 && t->all[t->slots[at] - 1].ordinal != ordinal) {
        at = (at + 1) & (t->slot_count - 1);
    }
    return at;
}

static void grow_slots(struct kn_touched *t)
{
    t->slot_count = t->slot_count ? t->slot_count * 2 : SLOTS_LEAST;
    kn_free(t->slots);
    t->slots = kn_must_calloc(t->slot_count, sizeof *t->slots);
    for (uint32_t i = 0; i < t->count; i++) {
        t->all[i].slot = place(t, t->all[i].ordinal);
        t->slots[t->all[i].slot] = i + 1;
    }
}

static struct kn_touch *entry(struct kn_touched *t, uint32_t ordinal)
{
    if ((t->count + 1) * 2 > t->slot_count) {
        grow_slots(t);
    }
    uint32_t at = place(t, ordinal);
    if (t->slots[at] == 0) {
        if (t->count == t->room) {
            t->room = t->room ? t->room * 2 : SLOTS_LEAST;
            t->all = kn_must_realloc(t->all, t->room * sizeof *t->all);
        }
        t->all[t->count] = (struct kn_touch){.ordinal = ordinal, .slot = at};
        t->slots[at] = ++t->count;
    }
    return &t->all[t->slots[at] - 1];
}

static bool is_off(const struct kn_fold *f)
{
    return f->journal != NULL || f->component != NULL || f->touched.off;
}

void kn_touch(struct kn_fold *f, uint32_t ordinal, uint32_t changed)
{
    if (!is_off(f)) {
        entry(&f->touched, ordinal)->changed |= changed;
    }
}

void kn_touch_item(struct kn_fold *f, uint32_t ordinal, const struct kn_item *item,
                   uint64_t arrival)
{
    struct kn_touched *t = &f->touched;
    if (is_off(f)) {
        return;
    }
    struct kn_touch *touch = entry(t, ordinal);
    if (t->item_count == t->item_room) {
        t->item_room = t->item_room ? t->item_room * 2 : SLOTS_LEAST;
        t->items = kn_must_realloc(t->items, t->item_room * sizeof *t->items);
    }
    t->items[t->item_count++] = (struct kn_touch_item){.item = item, .arrival = arrival};
    if (touch->last != 0) {
        t->items[touch->last - 1].next = t->item_count;
    } else {
        touch->first = t->item_count;
    }
    touch->last = t->item_count;
}

void kn_touched_clear(struct kn_touched *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        t->slots[t->all[i].slot] = 0;
    }
    t->count = 0;
    t->item_count = 0;
}

void kn_touched_deinit(struct kn_touched *t)
{
    kn_free(t->all);
    kn_free(t->items);
    kn_free(t->slots);
    *t = (struct kn_touched){.off = true};
}
