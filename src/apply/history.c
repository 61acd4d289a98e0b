#include "apply/history.h"

#include "apply/fields.h"
#include "apply/fold.h"
#include "base/assert.h"
#include "base/mem.h"
#include "profile/text.h"

enum { ROW_ARENA_MAX = 64 * 1024 * 1024, SLOTS_LEAST = 1024 };

/* ---- rows ---- */

/* Where the fields of a row come from; empty when there is nothing. */
struct facts {
    struct kn_str properties, context;
    struct kn_str order; /* value, currency and order_id of an order */
};

static bool is_of_order(struct kn_path path)
{
    return path.count == 1 && (kn_str_eq(path.keys[0], KN_STR("value")) ||
                               kn_str_eq(path.keys[0], KN_STR("currency")) ||
                               kn_str_eq(path.keys[0], KN_STR("order_id")));
}

static void draft_field(struct kn_histories *h, const struct kn_plan_field *field,
                        const struct facts *facts, struct kn_value_list *list)
{
    struct kn_str json = field->context                                     ? facts->context
                         : facts->order.len > 0 && is_of_order(field->path) ? facts->order
                                                                            : facts->properties;
    if (json.len == 0) {
        return;
    }
    if (!field->array) {
        kn_fields_at(json, field->path, &h->arena, list);
        return;
    }
    struct kn_str raw = kn_fields_raw(json, field->path, &h->arena);
    if (raw.len > 0 && raw.p[0] == '[') {
        list->all = kn_arena_zero(&h->arena, 1, sizeof *list->all);
        kn_assert(list->all != NULL);
        list->all[0] = (struct kn_value){KN_VALUE_STRING, raw};
        list->count = 1;
    }
}

static void measure(const struct kn_plan_event *event, struct kn_history_draft *d)
{
    d->values = 0;
    d->text_bytes = 0;
    for (uint32_t i = 0; i < event->field_count; i++) {
        d->values += d->fields[i].count;
        for (uint32_t k = 0; k < d->fields[i].count; k++) {
            d->text_bytes += d->fields[i].all[k].text.len;
        }
    }
}

static struct kn_history_row *pack(const struct kn_plan_event *event,
                                   const struct kn_history_draft *d, uint32_t source,
                                   size_t *ret_bytes)
{
    struct kn_history_row *row;
    size_t bytes = sizeof *row + event->field_count * sizeof *row->fields +
                   d->values * sizeof(struct kn_value) + d->text_bytes;
    char *block = kn_must_alloc(bytes);
    row = (struct kn_history_row *)block;
    row->source = source;
    row->fields = (struct kn_values *)(block + sizeof *row);
    struct kn_value *values = (struct kn_value *)(row->fields + event->field_count);
    char *text = (char *)(values + d->values);
    for (uint32_t i = 0; i < event->field_count; i++) {
        const struct kn_value_list *list = &d->fields[i];
        row->fields[i] = (struct kn_values){values, list->count};
        for (uint32_t k = 0; k < list->count; k++) {
            struct kn_str from = list->all[k].text;
            *values = list->all[k];
            if (from.len > 0) {
                memcpy(text, from.p, from.len);
            }
            values->text = kn_str(text, from.len);
            text += from.len;
            values++;
        }
    }
    *ret_bytes = bytes;
    return row;
}

static struct kn_history_row *make_row(struct kn_histories *h, const struct kn_plan_event *event,
                                       const struct facts *facts, uint32_t source,
                                       size_t *ret_bytes)
{
    struct kn_history_draft d = {0};
    kn_arena_clear(&h->arena);
    d.fields = kn_arena_zero(&h->arena, event->field_count + 1, sizeof *d.fields);
    kn_assert(d.fields != NULL);
    for (uint32_t i = 0; i < event->field_count; i++) {
        draft_field(h, &event->fields[i], facts, &d.fields[i]);
    }
    measure(event, &d);
    return pack(event, &d, source, ret_bytes);
}

/* ---- lanes ---- */

struct kn_lane *kn_history_lane(struct kn_history *history, uint32_t event)
{
    for (uint32_t i = 0; i < history->lane_count; i++) {
        if (history->lanes[i]->event == event) {
            return history->lanes[i];
        }
    }
    return NULL;
}

static void charge(struct kn_histories *h, struct kn_history *history, uint64_t bytes)
{
    history->bytes += bytes;
    h->bytes += bytes;
}

static struct kn_lane *lane_of(struct kn_histories *h, struct kn_history *history, uint32_t event)
{
    struct kn_lane *lane = kn_history_lane(history, event);
    if (!lane) {
        history->lanes =
            kn_must_realloc(history->lanes, (history->lane_count + 1) * sizeof(struct kn_lane *));
        lane = kn_must_calloc(1, sizeof *lane);
        lane->event = event;
        history->lanes[history->lane_count++] = lane;
        charge(h, history, sizeof *lane);
    }
    return lane;
}

static void insert(struct kn_histories *h, struct kn_history *history, struct kn_lane *lane,
                   int64_t us, uint64_t arrival, struct kn_history_row *row)
{
    enum { ENTRY = sizeof(int64_t) + sizeof(uint64_t) + sizeof(struct kn_history_row *) };
    if (lane->count == lane->room) {
        uint32_t room = lane->room ? lane->room * 2 : 2;
        lane->us = kn_must_realloc(lane->us, room * sizeof *lane->us);
        lane->arrivals = kn_must_realloc(lane->arrivals, room * sizeof *lane->arrivals);
        lane->rows = kn_must_realloc(lane->rows, room * sizeof(struct kn_history_row *));
        charge(h, history, (uint64_t)(room - lane->room) * ENTRY);
        lane->room = room;
    }
    uint32_t at = lane->count;
    while (at > 0 && (lane->us[at - 1] > us ||
                      (lane->us[at - 1] == us && lane->arrivals[at - 1] > arrival))) {
        at--;
    }
    uint32_t after = lane->count - at;
    memmove(lane->us + at + 1, lane->us + at, after * sizeof *lane->us);
    memmove(lane->arrivals + at + 1, lane->arrivals + at, after * sizeof *lane->arrivals);
    memmove(lane->rows + at + 1, lane->rows + at, after * sizeof(struct kn_history_row *));
    lane->us[at] = us;
    lane->arrivals[at] = arrival;
    lane->rows[at] = row;
    lane->count++;
    history->row_count++;
}

void kn_history_put(struct kn_histories *h, struct kn_history *history,
                    const struct kn_plan_event *event, struct kn_lane *lane,
                    struct kn_history_draft *draft, uint32_t source, int64_t us, uint64_t arrival)
{
    size_t bytes;
    measure(event, draft);
    struct kn_history_row *row = pack(event, draft, source, &bytes);
    charge(h, history, bytes);
    insert(h, history, lane, us, arrival, row);
}

/* ---- states of long histories ---- */

static void tell_states(struct kn_history *history, struct kn_str event, int64_t us)
{
    for (uint32_t i = 0; i < history->state_count; i++) {
        kn_eval_state_touch(history->states[i].state, event, us);
    }
}

struct kn_eval_state *kn_history_state(struct kn_histories *h, struct kn_history *history,
                                       uint32_t number, const struct kn_definition *definition)
{
    for (uint32_t i = 0; i < history->state_count; i++) {
        if (history->states[i].number == number) {
            return history->states[i].state;
        }
    }
    if ((history->state_count & (history->state_count - 1)) == 0) {
        uint32_t room = history->state_count ? history->state_count * 2 : 1;
        history->states = kn_must_realloc(history->states, room * sizeof *history->states);
    }
    struct kn_history_state *made = &history->states[history->state_count++];
    *made = (struct kn_history_state){number, kn_eval_state_new(definition)};
    /* It grows to some bytes for each matching row. */
    charge(h, history, sizeof *made + kn_eval_state_bytes(made->state));
    return made->state;
}

void kn_history_forget_states(struct kn_history *history)
{
    for (uint32_t i = 0; i < history->state_count; i++) {
        kn_eval_state_free(history->states[i].state);
    }
    kn_free(history->states);
    history->states = NULL;
    history->state_count = 0;
}

void kn_histories_forget_states(struct kn_histories *h)
{
    for (struct kn_history *at = h->newest; at; at = at->older) {
        kn_history_forget_states(at);
    }
}

void kn_history_add(struct kn_histories *h, struct kn_history *history, const struct kn_plan *plan,
                    const struct kn_item *item, uint64_t arrival)
{
    uint32_t event = kn_item_is_event(item) ? kn_plan_find(plan, item->name) : UINT32_MAX;
    size_t bytes;
    if (event == UINT32_MAX) {
        return;
    }
    tell_states(history, item->name, item->event_us);
    if (!history->whole && !kn_history_lane(history, event)) {
        return; /* read with all others when it is asked for */
    }
    struct facts facts = {.properties = kn_item_properties(item), .context = kn_item_context(item)};
    struct kn_history_row *row = make_row(h, &plan->events[event], &facts, item->source, &bytes);
    charge(h, history, bytes);
    insert(h, history, lane_of(h, history, event), item->event_us, arrival, row);
}

static void empty_lane(struct kn_lane *lane)
{
    for (uint32_t i = 0; i < lane->count; i++) {
        kn_free(lane->rows[i]);
    }
    lane->count = 0;
}

void kn_history_load_orders(struct kn_histories *h, struct kn_fold *f, struct kn_history *history,
                            const struct kn_plan *plan)
{
    history->orders_loaded = true;
    tell_states(history, KN_STR_EMPTY, INT64_MIN);
    if (plan->order_event == UINT32_MAX) {
        return;
    }
    struct kn_lane *lane = lane_of(h, history, plan->order_event);
    empty_lane(lane);
    struct kn_person *person = kn_person_load(f, history->ordinal);
    kn_person_load_orders(f, person);
    struct kn_buf json;
    kn_buf_init(&json, 1U << 20);
    for (size_t i = 0; i < person->p.order_count; i++) {
        const struct kn_profile_order *order = &person->p.orders[i];
        size_t bytes;
        if (!kn_profile_order_counts(order)) {
            continue;
        }
        struct kn_order_facts first = kn_fold_order_facts(f, order);
        kn_buf_clear(&json);
        kn_order_facts_json(order, f->settings->currency, &json);
        kn_assert(json.rc == KN_OK);
        struct facts facts = {.properties = first.properties, .order = kn_buf_view(&json)};
        struct kn_history_row *row =
            make_row(h, &plan->events[plan->order_event], &facts, order->sources[0], &bytes);
        charge(h, history, bytes);
        insert(h, history, lane, order->first_us, first.arrival, row);
    }
    kn_buf_deinit(&json);
}

/* ---- the cache ---- */

void kn_histories_init(struct kn_histories *h, uint64_t bytes_max)
{
    *h = (struct kn_histories){.bytes_max = bytes_max};
    kn_arena_init(&h->arena, ROW_ARENA_MAX);
}

static void free_history(struct kn_histories *h, struct kn_history *history)
{
    for (uint32_t i = 0; i < history->lane_count; i++) {
        struct kn_lane *lane = history->lanes[i];
        empty_lane(lane);
        kn_free(lane->us);
        kn_free(lane->arrivals);
        kn_free(lane->rows);
        kn_free(lane);
    }
    kn_history_forget_states(history);
    h->bytes -= history->bytes;
    kn_free(history->lanes);
    kn_free(history);
}

static uint32_t home(const struct kn_histories *h, uint32_t ordinal)
{
    return (uint32_t)(ordinal * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (h->slot_count - 1);
}

static uint32_t place(const struct kn_histories *h, uint32_t ordinal)
{
    uint32_t at = home(h, ordinal);
    while (h->slots[at] && h->slots[at]->ordinal != ordinal) {
        at = (at + 1) & (h->slot_count - 1);
    }
    return at;
}

bool kn_histories_has(const struct kn_histories *h, uint32_t ordinal)
{
    return h->slot_count > 0 && h->slots[place(h, ordinal)] != NULL;
}

static void grow(struct kn_histories *h)
{
    struct kn_history **old = h->slots;
    uint32_t count = h->slot_count;
    h->slot_count = count ? count * 2 : SLOTS_LEAST;
    h->slots = kn_must_calloc(h->slot_count, sizeof(struct kn_history *));
    for (uint32_t i = 0; i < count; i++) {
        if (old[i]) {
            h->slots[place(h, old[i]->ordinal)] = old[i];
        }
    }
    kn_free(old);
}

static void unlink_history(struct kn_histories *h, struct kn_history *history)
{
    *(history->newer ? &history->newer->older : &h->newest) = history->older;
    *(history->older ? &history->older->newer : &h->oldest) = history->newer;
    history->newer = history->older = NULL;
}

static void link_newest(struct kn_histories *h, struct kn_history *history)
{
    history->older = h->newest;
    if (h->newest) {
        h->newest->newer = history;
    } else {
        h->oldest = history;
    }
    h->newest = history;
}

/* Open addressing without marks: those behind move up. */
static void vacate(struct kn_histories *h, uint32_t at)
{
    uint32_t mask = h->slot_count - 1;
    h->slots[at] = NULL;
    for (uint32_t next = (at + 1) & mask; h->slots[next]; next = (next + 1) & mask) {
        uint32_t wanted = home(h, h->slots[next]->ordinal);
        if (((next - wanted) & mask) >= ((next - at) & mask)) {
            h->slots[at] = h->slots[next];
            h->slots[next] = NULL;
            at = next;
        }
    }
}

void kn_histories_drop(struct kn_histories *h, uint32_t ordinal)
{
    uint32_t at = h->slot_count ? place(h, ordinal) : 0;
    if (h->slot_count == 0 || !h->slots[at]) {
        return;
    }
    struct kn_history *history = h->slots[at];
    vacate(h, at);
    unlink_history(h, history);
    free_history(h, history);
    h->count--;
}

void kn_histories_trim(struct kn_histories *h)
{
    while (h->bytes > h->bytes_max && h->oldest) {
        kn_histories_drop(h, h->oldest->ordinal);
    }
}

void kn_histories_clear(struct kn_histories *h)
{
    while (h->oldest) {
        kn_histories_drop(h, h->oldest->ordinal);
    }
}

void kn_histories_deinit(struct kn_histories *h)
{
    kn_histories_clear(h);
    kn_histories_unpin(h);
    kn_free(h->slots);
    kn_arena_deinit(&h->arena);
}

/* ---- reading again ---- */

void kn_histories_unpin(struct kn_histories *h)
{
    kn_columns_unpin(h->pin);
    h->pin = NULL;
}

struct reading {
    struct kn_histories *h;
    struct kn_fold *f;
    struct kn_history *history;
    const struct kn_plan *plan;
    const bool *there; /* [event_count] of the plan: lanes that were there before */
    struct kn_arena arena;
};

static bool read_row(void *context, const struct kn_archive_row *row)
{
    struct reading *r = context;
    struct kn_cursor c = kn_cursor(row->item);
    struct kn_item item;
    struct kn_err err = {0};
    kn_arena_clear(&r->arena);
    if (kn_item_decode(&c, &r->f->key, &r->arena, &item, &err) != KN_OK) {
        kn_panic("archived record does not decode: %s", err.text);
    }
    uint32_t event = kn_item_is_event(&item) ? kn_plan_find(r->plan, item.name) : UINT32_MAX;
    if (event != UINT32_MAX && !r->there[event]) {
        kn_history_add(r->h, r->history, r->plan, &item, row->arrival);
    }
    return true;
}

/* All lanes that are not there. */
static void read_all(struct kn_histories *h, struct kn_fold *f, struct kn_history *history,
                     const struct kn_plan *plan, const uint32_t *ordinals, size_t count)
{
    struct kn_err err = {0};
    bool *there = kn_must_calloc(plan->event_count + 1, sizeof *there);
    struct reading r = {.h = h, .f = f, .history = history, .plan = plan, .there = there};
    for (uint32_t i = 0; i < history->lane_count; i++) {
        there[history->lanes[i]->event] = history->lanes[i]->count > 0;
    }
    history->whole = true;
    kn_arena_init(&r.arena, ROW_ARENA_MAX);
    struct kn_archive_pin *pin = kn_archive_pin(f->archive, ordinals, count);
    struct kn_archive_query query = {
        .order = KN_ARCHIVE_OLDEST_FIRST, .from_us = INT64_MIN, .to_us = INT64_MAX};
    if (!pin || kn_archive_read(pin, &query, read_row, &r, &err) != KN_OK) {
        kn_panic("history of a profile cannot be read: %s", err.text);
    }
    kn_archive_unpin(pin);
    kn_arena_deinit(&r.arena);
    kn_free(there);
}

/* Of the profile and of those that became part of it; the caller frees. */
static uint32_t *ordinals_of(struct kn_fold *f, uint32_t ordinal, size_t *ret_count)
{
    struct kn_person *person = kn_person_load(f, ordinal);
    uint32_t *ordinals = kn_must_alloc((person->p.merged_count + 1) * sizeof *ordinals);
    ordinals[0] = ordinal;
    for (size_t i = 0; i < person->p.merged_count; i++) {
        ordinals[i + 1] = person->p.merged[i].ordinal;
    }
    *ret_count = person->p.merged_count + 1;
    return ordinals;
}

struct kn_lane *kn_history_load_lane(struct kn_histories *h, struct kn_fold *f,
                                     struct kn_history *history, const struct kn_plan *plan,
                                     uint32_t event)
{
    size_t count;
    uint32_t *ordinals = ordinals_of(f, history->ordinal, &count);
    struct kn_lane *lane = lane_of(h, history, event);
    if (!kn_history_from_columns(h, f, history, plan, lane, ordinals, count)) {
        read_all(h, f, history, plan, ordinals, count);
    }
    kn_free(ordinals);
    return lane;
}

struct kn_history *kn_histories_get(struct kn_histories *h, struct kn_fold *f,
                                    const struct kn_plan *plan, uint32_t ordinal, bool is_new,
                                    bool *ret_fresh)
{
    if ((h->count + 1) * 2 > h->slot_count) {
        grow(h);
    }
    uint32_t at = place(h, ordinal);
    struct kn_history *history = h->slots[at];
    *ret_fresh = history == NULL;
    if (history) {
        h->hits++;
        unlink_history(h, history);
        link_newest(h, history);
        return history;
    }
    h->misses += is_new ? 0 : 1;
    history = kn_must_calloc(1, sizeof *history);
    history->ordinal = ordinal;
    h->slots[at] = history;
    h->count++;
    link_newest(h, history);
    charge(h, history, sizeof *history + 2 * sizeof(void *));
    if (is_new) {
        history->whole = true;
        *ret_fresh = false; /* what the record brings comes by kn_history_add */
    } else if (!h->from_columns) {
        size_t count;
        uint32_t *ordinals = ordinals_of(f, ordinal, &count);
        read_all(h, f, history, plan, ordinals, count);
        kn_free(ordinals);
    }
    return history;
}
