#include "segment/distinct.h"

#include "base/hash.h"

enum { FIRST_ROOM = 8, NUMBER_TEXT_MAX = 48 };

void kn_distinct_init(struct kn_distinct *d, struct kn_arena *arena, enum kn_cast cast, bool copies)
{
    *d = (struct kn_distinct){.arena = arena, .cast = cast, .copies = copies};
}

/* What of the value counts; false: nothing. */
static bool make_entry(const struct kn_distinct *d, struct kn_value value,
                       struct kn_distinct_entry *ret)
{
    *ret = (struct kn_distinct_entry){.value = value};
    if (value.kind == KN_VALUE_ABSENT || value.kind == KN_VALUE_OBJECT ||
        (d->cast == KN_CAST_STRING && value.kind != KN_VALUE_STRING)) {
        return false;
    }
    if (value.kind == KN_VALUE_NUMBER || d->cast == KN_CAST_NUMBER) {
        ret->is_number = kn_value_number(value, &ret->number);
    }
    if (d->cast == KN_CAST_NUMBER) {
        ret->value.kind = KN_VALUE_NUMBER;
        return ret->is_number;
    }
    return true;
}

static uint64_t entry_hash(const struct kn_distinct_entry *entry)
{
    struct kn_str bytes =
        entry->is_number ? kn_str(&entry->number, sizeof entry->number) : entry->value.text;
    return kn_checksum64(bytes) ^ (uint64_t)entry->value.kind;
}

static bool same(const struct kn_distinct_entry *a, const struct kn_distinct_entry *b)
{
    if (a->hash != b->hash || a->value.kind != b->value.kind || a->is_number != b->is_number) {
        return false;
    }
    return a->is_number ? a->number == b->number : kn_str_eq(a->value.text, b->value.text);
}

static bool grow(struct kn_distinct *d)
{
    uint32_t room = d->room > 0 ? 2 * d->room : FIRST_ROOM;
    struct kn_distinct_entry *entries = kn_arena_alloc(d->arena, room * sizeof *entries);
    uint32_t *slots = kn_arena_zero(d->arena, 2 * (size_t)room, sizeof *slots);
    if (!entries || !slots) {
        d->failed = true;
        return false;
    }
    d->mask = 2 * room - 1;
    for (uint32_t i = 0; i < d->count; i++) {
        uint32_t at = (uint32_t)d->entries[i].hash & d->mask;
        entries[i] = d->entries[i];
        while (slots[at] > 0) {
            at = (at + 1) & d->mask;
        }
        slots[at] = i + 1;
    }
    d->entries = entries;
    d->slots = slots;
    d->room = room;
    return true;
}

/* The text that orders numbers and that people see does not depend on which spelling came first. */
static bool keep_text(struct kn_distinct *d, struct kn_distinct_entry *entry)
{
    struct kn_buf text;
    if (!entry->is_number) {
        if (d->copies) {
            entry->value.text = kn_arena_str(d->arena, entry->value.text);
        }
        return !d->copies || entry->value.text.p;
    }
    kn_buf_init(&text, NUMBER_TEXT_MAX);
    kn_dec_format(entry->number, &text);
    entry->value.text = kn_arena_str(d->arena, kn_buf_view(&text));
    bool ok = text.rc == KN_OK && entry->value.text.p;
    kn_buf_deinit(&text);
    return ok;
}

struct kn_distinct_entry *kn_distinct_entry(struct kn_distinct *d, struct kn_value value)
{
    struct kn_distinct_entry entry;
    if (!make_entry(d, value, &entry) || (d->count == d->room && !grow(d))) {
        return NULL;
    }
    entry.hash = entry_hash(&entry);
    uint32_t at = (uint32_t)entry.hash & d->mask;
    for (; d->slots[at] > 0; at = (at + 1) & d->mask) {
        struct kn_distinct_entry *known = &d->entries[d->slots[at] - 1];
        if (same(known, &entry)) {
            return known;
        }
    }
    if (!keep_text(d, &entry)) {
        d->failed = true;
        return NULL;
    }
    d->entries[d->count++] = entry;
    d->slots[at] = d->count;
    return &d->entries[d->count - 1];
}

void kn_distinct_add(struct kn_distinct *d, struct kn_value value, uint32_t row)
{
    struct kn_distinct_entry *entry = kn_distinct_entry(d, value);
    if (entry) {
        entry->rows += entry->last_row != row;
        entry->last_row = row;
    }
}

static struct kn_str value_text(const struct kn_value *value)
{
    return value->kind == KN_VALUE_TRUE    ? KN_STR("true")
           : value->kind == KN_VALUE_FALSE ? KN_STR("false")
                                           : value->text;
}

int kn_value_order(const void *a, const void *b)
{
    const struct kn_value *x = a, *y = b;
    int cmp = kn_str_cmp(value_text(x), value_text(y));
    return cmp != 0 ? cmp : (x->kind > y->kind) - (x->kind < y->kind);
}
