/* Which definitions an event may change, for one profile: those that read it, without those that
 * segment/new_row.h tells are left as they are. */
#include "apply/fields.h"
#include "apply/fold.h"
#include "apply/live.h"
#include "base/assert.h"
#include "base/mem.h"
#include "profile/text.h"
#include "segment/new_row.h"

/* ---- readers, by slot ---- */

static uint32_t reader_at(const struct kn_live_event *event, uint32_t slot)
{
    uint32_t low = 0;
    uint32_t high = event->reader_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (event->readers[middle].slot < slot) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool kn_live_reads_event(const struct kn_live_event *event, uint32_t slot)
{
    uint32_t at = reader_at(event, slot);
    return at < event->reader_count && event->readers[at].slot == slot;
}

static void add_reader(struct kn_live_event *event, struct kn_live_reader reader)
{
    uint32_t at = reader_at(event, reader.slot);
    if (event->reader_count == event->reader_room) {
        event->reader_room = event->reader_room ? event->reader_room * 2 : 8;
        event->readers =
            kn_must_realloc(event->readers, event->reader_room * sizeof *event->readers);
    }
    memmove(event->readers + at + 1, event->readers + at,
            (event->reader_count - at) * sizeof *event->readers);
    event->readers[at] = reader;
    event->reader_count++;
}

/* ---- needs, by field, text and slot ---- */

static int compare_to(const struct kn_live_need *need, uint32_t field, struct kn_str text)
{
    return need->field != field ? (need->field < field ? -1 : 1) : kn_str_cmp(need->text, text);
}

/* The first need not before (field, text, slot). */
static uint32_t need_at(const struct kn_live_event *event, uint32_t field, struct kn_str text,
                        uint32_t slot)
{
    uint32_t low = 0;
    uint32_t high = event->need_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct kn_live_need *need = &event->needs[middle];
        int order = compare_to(need, field, text);
        if (order < 0 || (order == 0 && need->slot < slot)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void add_need(struct kn_live_event *event, struct kn_live_need need)
{
    uint32_t at = need_at(event, need.field, need.text, need.slot);
    if (event->need_count == event->need_room) {
        event->need_room = event->need_room ? event->need_room * 2 : 8;
        event->needs = kn_must_realloc(event->needs, event->need_room * sizeof *event->needs);
    }
    memmove(event->needs + at + 1, event->needs + at,
            (event->need_count - at) * sizeof *event->needs);
    event->needs[at] = need;
    event->need_count++;
}

/* One for each text of a condition on a field of the row. */
static void add_texts(struct kn_live_event *event, const struct kn_plan_event *plan,
                      const struct kn_node *node, struct kn_live_reader reader)
{
    bool context = node->chain->kind == KN_FROM_CONTEXT;
    uint32_t field = kn_plan_field(plan, context, false, node->chain->path);
    kn_assert(field != UINT32_MAX);
    for (uint32_t i = 0; i < node->value_count; i++) {
        add_need(event,
                 (struct kn_live_need){field, reader.slot, reader.effect, node->values[i].text});
    }
}

/* ---- one instance ---- */

static uint32_t effect_of(const struct kn_query *query, struct kn_str event)
{
    enum kn_row_effect effect = kn_row_effect(query, event);
    return effect == KN_ROW_RAISES ? KN_LIVE_RISES : effect == KN_ROW_LOWERS ? KN_LIVE_FALLS : 0;
}

void kn_live_index_event(struct kn_live *live, uint32_t event, const struct kn_instance *instance)
{
    const struct kn_node *needs[KN_QUERY_CONDITIONS_MAX];
    const struct kn_plan_event *plan = &live->plan.events[event];
    const struct kn_query *query = kn_definition_query(instance->defined->definition);
    struct kn_live_reader reader = {instance->slot, KN_LIVE_ANY_ROW};
    /* What an instance in the making says of a profile may be unknown yet: it sees every row. */
    if (instance->record.status == KN_SEGMENT_READY) {
        uint32_t count = kn_row_needs(query, plan->name, needs);
        uint32_t effect = effect_of(query, plan->name);
        reader.effect = effect | (count == 0 ? KN_LIVE_ANY_ROW : 0U);
        for (uint32_t i = 0; i < count; i++) {
            add_texts(&live->events[event], plan, needs[i], reader);
        }
    }
    add_reader(&live->events[event], reader);
}

void kn_live_unindex_event(struct kn_live *live, uint32_t event, uint32_t slot)
{
    struct kn_live_event *e = &live->events[event];
    uint32_t at = reader_at(e, slot);
    uint32_t kept = 0;
    if (at == e->reader_count || e->readers[at].slot != slot) {
        return;
    }
    e->reader_count--;
    memmove(e->readers + at, e->readers + at + 1, (e->reader_count - at) * sizeof *e->readers);
    for (uint32_t i = 0; i < e->need_count; i++) {
        if (e->needs[i].slot != slot) {
            e->needs[kept++] = e->needs[i];
        }
    }
    e->need_count = kept;
}

void kn_live_event_deinit(struct kn_live_event *event)
{
    kn_free(event->readers);
    kn_free(event->needs);
    *event = (struct kn_live_event){0};
}

/* ---- one event of a profile ---- */

static void add(struct kn_live *live, uint32_t slot, uint32_t effect)
{
    bool member = kn_bits_has(live->members, slot);
    if (!(effect & (member ? KN_LIVE_RISES : KN_LIVE_FALLS))) {
        kn_bits_set(live->todo, slot);
    }
}

static void add_met(struct kn_live *live, const struct kn_live_event *event, uint32_t field,
                    const struct kn_value_list *values)
{
    for (uint32_t i = 0; i < values->count; i++) {
        struct kn_value value = values->all[i];
        uint32_t at = value.kind == KN_VALUE_STRING ? need_at(event, field, value.text, 0)
                                                    : event->need_count;
        while (at < event->need_count && compare_to(&event->needs[at], field, value.text) == 0) {
            add(live, event->needs[at].slot, event->needs[at].effect);
            at++;
        }
    }
}

static void add_needing(struct kn_live *live, uint32_t event, const struct kn_item *item)
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
        add_met(live, index, number, &values);
        i = need_at(index, number + 1, KN_STR_EMPTY, 0);
    }
}

void kn_live_add_event(struct kn_live *live, uint32_t event, const struct kn_item *item)
{
    const struct kn_live_event *index = &live->events[event];
    for (uint32_t i = 0; i < index->reader_count; i++) {
        if (index->readers[i].effect & KN_LIVE_ANY_ROW) {
            add(live, index->readers[i].slot, index->readers[i].effect);
        }
    }
    add_needing(live, event, item);
}
