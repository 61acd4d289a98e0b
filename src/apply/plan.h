/* What live definitions read of a history: which events, and of each which fields. It grows with
 * the definitions; histories keep nothing else of an event. Internal to apply/.
 */
#ifndef KN_APPLY_PLAN_H
#define KN_APPLY_PLAN_H

#include "segment/eval.h"

struct kn_plan_field {
    bool context;
    bool array; /* kept as raw JSON, for any() */
    struct kn_path path;
    struct kn_str column; /* its path in the columns */
};

struct kn_plan_event {
    struct kn_str name; /* empty: order() */
    struct kn_plan_field *fields;
    uint32_t field_count;
};

struct kn_plan {
    struct kn_plan_event *events;
    uint32_t event_count, order_event; /* UINT32_MAX: nobody reads orders */
    uint32_t field_total;              /* of all events */
    uint32_t *slots;                   /* event + 1 by name, open addressing */
    uint32_t slot_count;
    struct kn_arena arena;
};

void kn_plan_init(struct kn_plan *plan);
void kn_plan_deinit(struct kn_plan *plan);
/* Adds what a definition reads. Paths are copied. Panics without memory. True: it had not all of
 * it: events and fields were added at the end, and rows kept so far lack them. */
bool kn_plan_add(struct kn_plan *plan, const struct kn_definition *definition);
/* Index of an event, or UINT32_MAX. */
uint32_t kn_plan_find(const struct kn_plan *plan, struct kn_str name);
/* Index of a field, or UINT32_MAX. */
uint32_t kn_plan_field(const struct kn_plan_event *event, bool context, bool array,
                       struct kn_path path);

#endif
