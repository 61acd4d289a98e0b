/* Which definitions an event may change, for one profile: those that read it, without those that
 * segment/new_row.h tells are left as they are. */
#include "apply/fields.h"
#include "apply/fold.h"
#include "apply/live.h"
#include "base/assert.h"
#include "base/mem.h"
#include "profile/text.h"
#include "segment/new_row.h"
#include "segment/test.h"

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

static uint32_t flags_of(enum kn_row_effect effect)
{
    return effect == KN_ROW_RAISES ? KN_LIVE_RISES : effect == KN_ROW_LOWERS ? KN_LIVE_FALLS : 0;
}

/* ---- one instance ---- */

struct indexing {
    struct kn_live_event *event;
    const struct kn_plan_event *plan;
    uint32_t slot;
};

/* A need for each text a comparison names. */
static void add_texts(const struct indexing *x, bool context, struct kn_path path,
                      const struct kn_node *node, enum kn_row_effect effect)
{
    uint32_t field = kn_plan_field(x->plan, context, false, path);
    kn_assert(field != UINT32_MAX);
    for (uint32_t i = 0; i < node->value_count; i++) {
        add_need(x->event,
                 (struct kn_live_need){field, x->slot, flags_of(effect), node->values[i].text});
    }
}

/* Any row may matter, but what some may change is known from what they hold. */
static void add_rule(const struct indexing *x, const struct kn_query *query,
                     struct kn_live_reader *reader)
{
    struct kn_row_rule rule = kn_row_rule(query, x->plan->name);
    if (rule.summed) {
        reader->field = kn_plan_field(x->plan, rule.summed->context, false, rule.summed->path);
        reader->effect |= KN_LIVE_SUMMED | flags_of(rule.effect);
        kn_assert(reader->field != UINT32_MAX);
    } else if (rule.edge) {
        const struct kn_field *field = &rule.edge->chain->field;
        reader->effect |= flags_of(rule.other);
        add_texts(x, field->context, field->path, rule.edge, rule.effect);
    }
}

void kn_live_index_event(struct kn_live *live, uint32_t event, const struct kn_instance *instance)
{
    const struct kn_node *needs[KN_QUERY_CONDITIONS_MAX];
    const struct indexing x = {&live->events[event], &live->plan.events[event], instance->slot};
    const struct kn_query *query = kn_definition_query(instance->defined->definition);
    struct kn_live_reader reader = {.slot = instance->slot, .effect = KN_LIVE_ANY_ROW};
    if (instance->record.status != KN_SEGMENT_READY) {
        /* What it says of a profile may be unknown yet: it sees every row. */
        add_reader(x.event, reader);
        return;
    }
    struct kn_str gate = kn_query_gate(query);
    enum kn_row_effect effect = kn_row_effect(query, x.plan->name);
    uint32_t count = kn_row_needs(query, x.plan->name, needs);
    reader.gate = gate.len > 0 ? kn_live_name_made(live, gate) : NULL;
    for (uint32_t i = 0; i < count; i++) {
        add_texts(&x, needs[i]->chain->kind == KN_FROM_CONTEXT, needs[i]->chain->path, needs[i],
                  effect);
    }
    if (count > 0) {
        reader.effect = 0;
    } else if (effect == KN_ROW_RAISES_OR_LOWERS) {
        add_rule(&x, query, &reader);
    } else {
        reader.effect |= flags_of(effect);
    }
    add_reader(x.event, reader);
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

struct row {
    struct kn_live *live;
    uint32_t event;
    const struct kn_item *item;
    signed char *signs; /* by field: 0 = not looked at, 1 = no number below 0, -1 = some */
};

static struct kn_value_list values_of(const struct row *r, uint32_t number)
{
    const struct kn_plan_field *field = &r->live->plan.events[r->event].fields[number];
    struct kn_str json = field->context ? kn_item_context(r->item) : kn_item_properties(r->item);
    struct kn_value_list values = {0};
    if (json.len > 0) {
        kn_fields_at(json, field->path, &r->live->arena, &values);
    }
    return values;
}

static bool has_negative(struct row *r, uint32_t field)
{
    if (r->signs[field] == 0) {
        struct kn_value_list values = values_of(r, field);
        r->signs[field] = 1;
        for (uint32_t i = 0; i < values.count; i++) {
            kn_dec number;
            if (kn_value_number(values.all[i], &number) && number < 0) {
                r->signs[field] = -1;
            }
        }
    }
    return r->signs[field] < 0;
}

static void add(struct kn_live *live, uint32_t slot, uint32_t effect)
{
    bool member = kn_bits_has(live->members, slot);
    if (!(effect & (member ? KN_LIVE_RISES : KN_LIVE_FALLS))) {
        kn_bits_set(live->todo, slot);
    }
}

static bool is_open(const struct kn_live *live, const struct kn_live_name *gate)
{
    return !gate || (gate->serves && kn_bits_has(live->members, gate->serves->slot));
}

static void add_reader_of(struct row *r, const struct kn_live_reader *reader)
{
    struct kn_live *live = r->live;
    uint32_t effect = reader->effect;
    if (!(effect & KN_LIVE_ANY_ROW) ||
        (!kn_bits_has(live->members, reader->slot) && !is_open(live, reader->gate))) {
        return;
    }
    if (effect & KN_LIVE_SUMMED && has_negative(r, reader->field)) {
        effect = 0;
    }
    add(live, reader->slot, effect);
}

static void add_met(struct row *r, uint32_t field, const struct kn_value_list *values)
{
    const struct kn_live_event *event = &r->live->events[r->event];
    for (uint32_t i = 0; i < values->count; i++) {
        struct kn_value value = values->all[i];
        uint32_t at = value.kind == KN_VALUE_STRING ? need_at(event, field, value.text, 0)
                                                    : event->need_count;
        while (at < event->need_count && compare_to(&event->needs[at], field, value.text) == 0) {
            add(r->live, event->needs[at].slot, event->needs[at].effect);
            at++;
        }
    }
}

void kn_live_add_event(struct kn_live *live, uint32_t event, const struct kn_item *item)
{
    const struct kn_live_event *index = &live->events[event];
    struct row r = {live, event, item, NULL};
    r.signs = kn_arena_zero(&live->arena, live->plan.events[event].field_count + 1, 1);
    kn_assert(r.signs != NULL);
    for (uint32_t i = 0; i < index->reader_count; i++) {
        add_reader_of(&r, &index->readers[i]);
    }
    for (uint32_t i = 0; i < index->need_count;) {
        uint32_t field = index->needs[i].field;
        struct kn_value_list values = values_of(&r, field);
        add_met(&r, field, &values);
        i = need_at(index, field + 1, KN_STR_EMPTY, 0);
    }
}
