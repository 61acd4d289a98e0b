#include "apply/plan.h"

#include "base/assert.h"
#include "base/hash.h"

enum { PLAN_ARENA_MAX = 256 * 1024 * 1024 };

void kn_plan_init(struct kn_plan *plan)
{
    *plan = (struct kn_plan){.order_event = UINT32_MAX};
    kn_arena_init(&plan->arena, PLAN_ARENA_MAX);
}

void kn_plan_deinit(struct kn_plan *plan)
{
    kn_arena_deinit(&plan->arena);
    *plan = (struct kn_plan){0};
}

static void *grown(struct kn_plan *plan, const void *array, uint32_t count, size_t bytes)
{
    if (count > 0 && (count & (count - 1)) != 0) {
        return (void *)(uintptr_t)array; /* room up to the next power of two */
    }
    char *more = kn_arena_zero(&plan->arena, count ? 2 * (size_t)count : 1, bytes);
    if (!more) {
        kn_panic("out of memory: definitions");
    }
    if (count > 0) {
        memcpy(more, array, count * bytes);
    }
    return more;
}

static struct kn_str copy(struct kn_plan *plan, struct kn_str text)
{
    struct kn_str kept = kn_arena_str(&plan->arena, text);
    if (!kept.p) {
        kn_panic("out of memory: definitions");
    }
    return kept;
}

uint32_t kn_plan_field(const struct kn_plan_event *event, bool context, bool array,
                       struct kn_path path)
{
    for (uint32_t i = 0; i < event->field_count; i++) {
        const struct kn_plan_field *f = &event->fields[i];
        if (f->context == context && f->array == array && kn_path_equal(f->path, path)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static struct kn_str column_path(struct kn_plan *plan, bool context, struct kn_path path)
{
    struct kn_buf text;
    kn_buf_init(&text, PLAN_ARENA_MAX);
    kn_columns_path_key(&text, context ? KN_STR("c") : KN_STR("p"));
    for (uint32_t i = 0; i < path.count; i++) {
        kn_columns_path_key(&text, path.keys[i]);
    }
    if (text.rc != KN_OK) {
        kn_panic("out of memory: definitions");
    }
    struct kn_str kept = copy(plan, kn_buf_view(&text));
    kn_buf_deinit(&text);
    return kept;
}

static void add_field(struct kn_plan *plan, struct kn_plan_event *event, bool context, bool array,
                      struct kn_path path)
{
    if (kn_plan_field(event, context, array, path) != UINT32_MAX) {
        return;
    }
    struct kn_str *keys = kn_arena_zero(&plan->arena, path.count + 1, sizeof *keys);
    kn_assert(keys != NULL);
    for (uint32_t i = 0; i < path.count; i++) {
        keys[i] = copy(plan, path.keys[i]);
    }
    event->fields = grown(plan, event->fields, event->field_count, sizeof *event->fields);
    event->fields[event->field_count++] = (struct kn_plan_field){
        context, array, {keys, path.count}, column_path(plan, context, path)};
    plan->field_total++;
}

static uint32_t place(const struct kn_plan *plan, struct kn_str name)
{
    uint32_t at = (uint32_t)kn_checksum64(name) & (plan->slot_count - 1);
    while (plan->slots[at] != 0 && !kn_str_eq(plan->events[plan->slots[at] - 1].name, name)) {
        at = (at + 1) & (plan->slot_count - 1);
    }
    return at;
}

/* Room for one more name. */
static void grow_slots(struct kn_plan *plan)
{
    if (plan->slot_count > plan->event_count * 2 + 2) {
        return;
    }
    plan->slot_count = plan->slot_count ? plan->slot_count * 2 : 16;
    plan->slots = kn_arena_zero(&plan->arena, plan->slot_count, sizeof *plan->slots);
    if (!plan->slots) {
        kn_panic("out of memory: definitions");
    }
    for (uint32_t i = 0; i < plan->event_count; i++) {
        if (i != plan->order_event) {
            plan->slots[place(plan, plan->events[i].name)] = i + 1;
        }
    }
}

/* An empty name is order(). */
static struct kn_plan_event *add_event(struct kn_plan *plan, struct kn_str name)
{
    uint32_t at = name.len > 0 ? kn_plan_find(plan, name) : plan->order_event;
    if (at != UINT32_MAX) {
        return &plan->events[at];
    }
    grow_slots(plan);
    plan->events = grown(plan, plan->events, plan->event_count, sizeof *plan->events);
    struct kn_plan_event *event = &plan->events[plan->event_count];
    event->name = copy(plan, name);
    if (name.len > 0) {
        plan->slots[place(plan, name)] = plan->event_count + 1;
    } else {
        plan->order_event = plan->event_count;
    }
    plan->event_count++;
    return event;
}

/* Properties and contexts stand in the where() of `owner`, possibly inside an any(); a chain over
 * rows may reduce a field. */
static void add_chain(void *arg, const struct kn_chain *chain, const struct kn_chain *owner,
                      const struct kn_node *any)
{
    struct kn_plan *plan = arg;
    bool field = chain->kind == KN_FROM_PROPERTY || chain->kind == KN_FROM_CONTEXT;
    if (chain->kind == KN_FROM_EVENT || chain->kind == KN_FROM_ORDER) {
        struct kn_str name = chain->kind == KN_FROM_ORDER ? KN_STR("") : chain->name;
        struct kn_plan_event *event = add_event(plan, name);
        if (chain->field.path.count > 0) {
            add_field(plan, event, chain->field.context, false, chain->field.path);
        }
    } else if (field && owner && any) {
        struct kn_str name = owner->kind == KN_FROM_ORDER ? KN_STR("") : owner->name;
        add_field(plan, add_event(plan, name), false, true, any->array);
    }
}

bool kn_plan_add(struct kn_plan *plan, const struct kn_definition *definition)
{
    uint32_t events = plan->event_count;
    uint32_t fields = plan->field_total;
    const struct kn_reads *reads = kn_definition_reads(definition);
    for (uint32_t i = 0; i < reads->event_count; i++) {
        const struct kn_read_event *read = &reads->events[i];
        struct kn_plan_event *event = add_event(plan, read->name.p ? read->name : KN_STR(""));
        for (uint32_t k = 0; k < read->field_count; k++) {
            add_field(plan, event, read->fields[k].context, false, read->fields[k].path);
        }
    }
    kn_query_each_chain(kn_definition_query(definition), add_chain, plan);
    return plan->event_count != events || plan->field_total != fields;
}

uint32_t kn_plan_find(const struct kn_plan *plan, struct kn_str name)
{
    return plan->slot_count == 0 || name.len == 0 ? UINT32_MAX : plan->slots[place(plan, name)] - 1;
}
