/* One profile as the evaluator sees it, out of the fold's stores: rows from the cached history,
 * traits, consents and identifiers from the profile's record, memberships from its list. */
#include "apply/fields.h"
#include "apply/fold.h"
#include "apply/live.h"
#include "base/assert.h"
#include "profile/text.h"

static const struct kn_values nothing;

static struct kn_live_view *view_of(void *self)
{
    return self;
}

static struct kn_person *person(struct kn_live_view *v)
{
    if (!v->person) {
        v->person = kn_person_load(v->f, v->ordinal);
    }
    return v->person;
}

static struct kn_history *history(struct kn_live_view *v)
{
    bool fresh;
    if (!v->history) {
        v->history = kn_histories_get(v->histories, v->f, v->plan, v->ordinal, v->is_new, &fresh);
    }
    return v->history;
}

static struct kn_view_rows rows(void *self, struct kn_str event)
{
    struct kn_live_view *v = view_of(self);
    uint32_t at = event.p ? kn_plan_find(v->plan, event) : v->plan->order_event;
    if (at == UINT32_MAX || v->is_empty) {
        return (struct kn_view_rows){0};
    }
    struct kn_history *h = history(v);
    if (!event.p && !h->orders_loaded) {
        kn_history_load_orders(v->histories, v->f, h, v->plan);
    }
    struct kn_lane *lane = kn_history_lane(h, at);
    if (!lane && !h->whole && event.p) {
        lane = kn_history_load_lane(v->histories, v->f, h, v->plan, at);
    }
    return lane ? (struct kn_view_rows){lane->us, lane->arrivals, lane->count, lane}
                : (struct kn_view_rows){0};
}

static uint32_t source(void *self, const struct kn_view_rows *rows_, uint32_t row)
{
    (void)self;
    return ((struct kn_lane *)rows_->self)->rows[row]->source;
}

/* The plan's field for a path; paths of definitions stay where they are, so most are found at once.
 */
static uint32_t field_of(struct kn_live_view *v, uint32_t event, bool context, bool array,
                         struct kn_path path)
{
    struct kn_live *live = v->f->live;
    const struct kn_plan_event *e = &v->plan->events[event];
    uint32_t slot = (uint32_t)(((uintptr_t)path.keys >> 4) * 31 + event + (array ? 7 : 0)) & 255;
    struct kn_live_memo *memo = &live->memo[slot];
    if (v->plan == &live->plan && memo->keys == path.keys && memo->event == event &&
        memo->field < e->field_count) {
        const struct kn_plan_field *f = &e->fields[memo->field];
        if (f->context == context && f->array == array && kn_path_equal(f->path, path)) {
            return memo->field;
        }
    }
    uint32_t found = kn_plan_field(e, context, array, path);
    if (v->plan == &live->plan) {
        *memo = (struct kn_live_memo){path.keys, event, found};
    }
    return found;
}

static struct kn_values values(void *self, const struct kn_view_rows *rows_, uint32_t row,
                               bool context, struct kn_path path)
{
    struct kn_lane *lane = rows_->self;
    uint32_t field = field_of(view_of(self), lane->event, context, false, path);
    return field == UINT32_MAX ? nothing : lane->rows[row]->fields[field];
}

static struct kn_str array_of(struct kn_live_view *v, const struct kn_view_rows *rows_,
                              uint32_t row, struct kn_path array)
{
    struct kn_lane *lane = rows_->self;
    uint32_t field = field_of(v, lane->event, false, true, array);
    if (field == UINT32_MAX || lane->rows[row]->fields[field].count == 0) {
        return KN_STR_EMPTY;
    }
    return lane->rows[row]->fields[field].values[0].text;
}

static uint32_t elements(void *self, const struct kn_view_rows *rows_, uint32_t row,
                         struct kn_path array)
{
    return kn_fields_elements(array_of(view_of(self), rows_, row, array));
}

static struct kn_values values_at(struct kn_live_view *v, struct kn_str json, struct kn_path path)
{
    struct kn_value_list list = {0};
    if (json.len > 0) {
        kn_fields_at(json, path, &v->f->live->arena, &list);
    }
    return (struct kn_values){list.all, list.count};
}

static struct kn_values element(void *self, const struct kn_view_rows *rows_, uint32_t row,
                                struct kn_path array, uint32_t index, struct kn_path path)
{
    struct kn_live_view *v = view_of(self);
    return values_at(v, kn_fields_element(array_of(v, rows_, row, array), index), path);
}

static const struct kn_instance *serving(struct kn_live_view *v, struct kn_str key)
{
    struct kn_live *live = v->f->live;
    struct kn_live_key_memo *memo = &live->key_memo[((uintptr_t)key.p >> 3) & 255];
    if (v->plan != &live->plan || v->is_empty) {
        return kn_live_serving(live, key); /* of a definition that does not stay */
    }
    if (memo->key != key.p || memo->len != key.len) {
        *memo = (struct kn_live_key_memo){key.p, key.len, kn_live_serving(live, key)};
    }
    return memo->serves;
}

static bool is_member(struct kn_live_view *v, const struct kn_instance *instance)
{
    return v->list && kn_members_has(v->list, instance->record.number);
}

static struct kn_values trait(void *self, struct kn_path path)
{
    static const struct kn_value truths[2] = {{.kind = KN_VALUE_FALSE}, {.kind = KN_VALUE_TRUE}};
    struct kn_live_view *v = view_of(self);
    struct kn_path rest = {path.keys + 1, path.count - 1};
    const struct kn_instance *defined = serving(v, path.keys[0]);
    if (defined && !defined->record.computed) {
        return path.count > 1 ? nothing
                              : (struct kn_values){&truths[is_member(v, defined) ? 1 : 0], 1};
    }
    if (v->is_empty) {
        return nothing;
    }
    if (defined) {
        struct kn_str all = kn_fold_get(v->f, KN_T_COMPUTED, kn_key_u32(v->ordinal));
        struct kn_str json =
            kn_arena_str(&v->f->live->arena, kn_computed_find(all, defined->record.number));
        return values_at(v, json, rest);
    }
    const struct kn_profile *p = &person(v)->p;
    for (size_t i = 0; i < p->trait_count; i++) {
        if (kn_str_eq(p->traits[i].key, path.keys[0])) {
            return values_at(v, p->traits[i].json, rest);
        }
    }
    return nothing;
}

static enum kn_consent_state consent(void *self, struct kn_str purpose)
{
    struct kn_live_view *v = view_of(self);
    const struct kn_profile *p = v->is_empty ? NULL : &person(v)->p;
    for (size_t i = 0; p && i < p->consent_count; i++) {
        if (kn_str_eq(p->consents[i].purpose, purpose)) {
            return p->consents[i].state;
        }
    }
    return KN_CONSENT_UNKNOWN;
}

static bool identifier(void *self, struct kn_str type)
{
    struct kn_live_view *v = view_of(self);
    const struct kn_profile *p = v->is_empty ? NULL : &person(v)->p;
    for (size_t i = 0; p && i < p->id_count; i++) {
        if (kn_str_eq(kn_id_name(p->ids[i].type, p->ids[i].value), type)) {
            return true;
        }
    }
    return false;
}

static bool member(void *self, struct kn_str segment)
{
    struct kn_live_view *v = view_of(self);
    const struct kn_instance *instance = serving(v, segment);
    return instance && !instance->record.computed && is_member(v, instance);
}

static const struct kn_view_ops ops = {
    .rows = rows,
    .source = source,
    .values = values,
    .elements = elements,
    .element = element,
    .trait = trait,
    .consent = consent,
    .identifier = identifier,
    .member = member,
};

void kn_live_view(struct kn_live_view *v, struct kn_fold *f, uint32_t ordinal)
{
    *v = (struct kn_live_view){
        .f = f,
        .plan = &f->live->plan,
        .histories = &f->live->histories,
        .list = &f->live->list,
        .ordinal = ordinal,
        .view = {.ops = &ops, .self = v, .zone = f->settings->zone},
    };
}
