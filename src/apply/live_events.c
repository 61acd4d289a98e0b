/* Which definitions an event may change, for one profile: those that read it, without those that
 * segment/new_row.h tells are left as they are. */
#include <stdlib.h>

#include "apply/fields.h"
#include "apply/fold.h"
#include "apply/live.h"
#include "base/assert.h"
#include "profile/text.h"
#include "segment/new_row.h"

/* ---- the index ---- */

static int compare_to(const struct kn_live_need *need, uint32_t field, struct kn_str text)
{
    return need->field != field ? (need->field < field ? -1 : 1) : kn_str_cmp(need->text, text);
}

static int compare_needs(const void *a, const void *b)
{
    const struct kn_live_need *x = a, *y = b;
    int order = compare_to(x, y->field, y->text);
    return order != 0 ? order : (x->instance > y->instance) - (x->instance < y->instance);
}

static const struct kn_query *query_of(const struct kn_live *live, uint32_t at)
{
    return kn_definition_query(live->all[at]->defined->definition);
}

/* What an instance in the making says of a profile may be unknown yet: it sees every row. */
static uint32_t needs_of(const struct kn_live *live, uint32_t at, struct kn_str event,
                         const struct kn_node *ret[KN_QUERY_CONDITIONS_MAX])
{
    return live->all[at]->record.status == KN_SEGMENT_READY
               ? kn_row_needs(query_of(live, at), event, ret)
               : 0;
}

static size_t count_texts(const struct kn_live *live, uint32_t at, struct kn_str event)
{
    const struct kn_node *needs[KN_QUERY_CONDITIONS_MAX];
    uint32_t count = needs_of(live, at, event, needs);
    size_t texts = 0;
    for (uint32_t i = 0; i < count; i++) {
        texts += needs[i]->value_count;
    }
    return texts;
}

static void add_needs(const struct kn_plan_event *event, const struct kn_node *node,
                      struct kn_live_event *index, uint32_t at)
{
    bool context = node->chain->kind == KN_FROM_CONTEXT;
    uint32_t field = kn_plan_field(event, context, false, node->chain->path);
    kn_assert(field != UINT32_MAX);
    for (uint32_t i = 0; i < node->value_count; i++) {
        index->needs[index->need_count++] = (struct kn_live_need){field, at, node->values[i].text};
    }
}

static void index_reader(const struct kn_live *live, const struct kn_plan_event *event,
                         struct kn_live_event *index, uint32_t at)
{
    const struct kn_node *needs[KN_QUERY_CONDITIONS_MAX];
    uint32_t count = needs_of(live, at, event->name, needs);
    if (count == 0) {
        kn_bits_set(index->any_row, at);
    }
    for (uint32_t i = 0; i < count; i++) {
        add_needs(event, needs[i], index, at);
    }
    if (live->all[at]->record.status != KN_SEGMENT_READY) {
        return;
    }
    enum kn_row_effect effect = kn_row_effect(query_of(live, at), event->name);
    if (effect == KN_ROW_RAISES) {
        kn_bits_set(index->rises, at);
    } else if (effect == KN_ROW_LOWERS) {
        kn_bits_set(index->falls, at);
    }
}

void kn_live_index_event(struct kn_live *live, uint32_t event)
{
    struct kn_live_event *index = &live->events[event];
    const struct kn_plan_event *e = &live->plan.events[event];
    size_t texts = 0;
    for (uint32_t at = 0; at < live->count; at++) {
        texts += kn_bits_has(index->readers, at) ? count_texts(live, at, e->name) : 0;
    }
    index->needs = kn_arena_zero(&live->index_arena, texts + 1, sizeof *index->needs);
    kn_assert(index->needs != NULL);
    for (uint32_t at = 0; at < live->count; at++) {
        if (kn_bits_has(index->readers, at)) {
            index_reader(live, e, index, at);
        }
    }
    qsort(index->needs, index->need_count, sizeof *index->needs, compare_needs);
}

/* ---- one event of a profile ---- */

static uint32_t first_at(const struct kn_live_event *index, uint32_t field, struct kn_str text)
{
    uint32_t low = 0, high = index->need_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_to(&index->needs[middle], field, text) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void add_met(const struct kn_live_event *index, uint32_t field,
                    const struct kn_value_list *values, struct kn_bits to)
{
    for (uint32_t i = 0; i < values->count; i++) {
        struct kn_value value = values->all[i];
        uint32_t at =
            value.kind == KN_VALUE_STRING ? first_at(index, field, value.text) : index->need_count;
        while (at < index->need_count && compare_to(&index->needs[at], field, value.text) == 0) {
            kn_bits_set(to, index->needs[at++].instance);
        }
    }
}

static void add_needing(struct kn_live *live, uint32_t event, const struct kn_item *item,
                        struct kn_bits to)
{
    const struct kn_live_event *index = &live->events[event];
    for (uint32_t i = 0; i < index->need_count;) {
        uint32_t number = index->needs[i].field;
        const struct kn_plan_field *field = &live->plan.events[event].fields[number];
        struct kn_str json = field->context ? kn_item_context(item) : kn_item_properties(item);
        struct kn_value_list values = {0};
        if (json.len > 0) {
            kn_fields_at(json, field->path, &live->arena, &values);
        }
        add_met(index, number, &values, to);
        i = first_at(index, number + 1, KN_STR_EMPTY);
    }
}

/* Of a word of candidates, those whose truth is the one that stays. */
static uint64_t settled_at(const struct kn_live *live, uint32_t word, uint64_t which, bool truth)
{
    uint64_t settled = 0;
    for (; which != 0; which &= which - 1) {
        uint32_t bit = (uint32_t)__builtin_ctzll(which);
        uint32_t number = live->all[word * 64 + bit]->record.number;
        settled |= (uint64_t)(kn_members_has(&live->list, number) == truth) << bit;
    }
    return settled;
}

void kn_live_add_event(struct kn_live *live, uint32_t event, const struct kn_item *item)
{
    const struct kn_live_event *index = &live->events[event];
    memcpy(live->direct.words, index->any_row.words, live->words * sizeof *live->direct.words);
    add_needing(live, event, item, live->direct);
    for (uint32_t w = 0; w < live->words; w++) {
        uint64_t todo = live->direct.words[w];
        if (todo != 0) {
            todo &= ~settled_at(live, w, todo & index->rises.words[w], true);
            todo &= ~settled_at(live, w, todo & index->falls.words[w], false);
            live->todo.words[w] |= todo;
        }
    }
}
