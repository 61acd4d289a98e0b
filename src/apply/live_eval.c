/* Evaluating: what a touched profile, or one whose moment has come, makes of the definitions. */
#include "apply/destinations.h"
#include "apply/fold.h"
#include "apply/live.h"
#include "base/assert.h"
#include "format/json.h"

/* ---- one instance's outcome ---- */

static bool relevant(const struct kn_live *live, uint32_t at, const struct kn_touch *touch,
                     const struct kn_item *item)
{
    uint32_t event = kn_item_is_event(item) ? kn_plan_find(&live->plan, item->name) : UINT32_MAX;
    if (event != UINT32_MAX && kn_live_reads_event(&live->events[event], at)) {
        return true;
    }
    if (item->consent_count > 0 && kn_bits_has(live->consent_readers, at)) {
        return true;
    }
    if (item->order.event != KN_ORDER_NONE && kn_bits_has(live->order_readers, at)) {
        return true;
    }
    return item->traits.len > 0 && (touch->changed & KN_CHANGED_TRAITS);
}

/* The last item of the record that the instance reads, else the last one. */
static const struct kn_item *cause_item(struct kn_fold *f, uint32_t at,
                                        const struct kn_touch *touch)
{
    const struct kn_item *last = NULL;
    const struct kn_item *found = NULL;
    for (uint32_t i = touch->first; i != 0; i = f->touched.items[i - 1].next) {
        last = f->touched.items[i - 1].item;
        found = relevant(f->live, at, touch, last) ? last : found;
    }
    return found ? found : last;
}

/* A destination is told what made somebody enter or leave the segment. */
static void explain_by_segment(struct kn_fold *f, const struct kn_instance *instance,
                               struct kn_change *change)
{
    const struct kn_reads *reads = kn_definition_reads(instance->defined->definition);
    const struct kn_instance *segment =
        reads->segment_count > 0 ? kn_live_serving(f->live, reads->segments[0]) : NULL;
    if (segment && segment->last.position == change->position &&
        segment->last.ordinal == change->ordinal) {
        change->cause = segment->last.cause;
        change->message_id = segment->last.message_id;
    }
}

static void explain_change(struct kn_fold *f, const struct kn_instance *instance,
                           const struct kn_live_why *why, bool direct, struct kn_change *change)
{
    change->cause = direct ? why->cause : KN_CAUSE_SEGMENT;
    if (!direct && kn_key_is_destination(instance->record.key)) {
        explain_by_segment(f, instance, change);
    }
    if (!why->touch || !direct || why->cause != KN_CAUSE_MESSAGE) {
        return;
    }
    const struct kn_item *item = cause_item(f, instance->slot, why->touch);
    if (instance->defined->list != 0 && !item) {
        change->cause = KN_CAUSE_DEFINITION; /* a list is defined by who is put on it */
    } else if (item) {
        bool consent =
            item->kind == KN_ITEM_CONSENT || (item->consent_count > 0 && !kn_item_is_event(item));
        change->cause = consent ? KN_CAUSE_CONSENT : KN_CAUSE_MESSAGE;
        change->message_id = item->message_id;
    }
}

static void note_change(struct kn_fold *f, struct kn_instance *instance, enum kn_change_kind kind,
                        struct kn_str value, const struct kn_live_why *why, bool direct)
{
    struct kn_change change = {
        .kind = kind,
        .at_us = why->now_us,
        .ordinal = why->cause == KN_CAUSE_ERASURE ? 0 : f->live->list.ordinal,
        .position = f->counters.derived_seq,
        .index = f->counters.derived_index++,
        .value = value,
    };
    explain_change(f, instance, why, direct, &change);
    kn_change_append(f, &instance->record, &instance->changes, &change);
    instance->last = change;
    kn_live_soil(f->live, instance);
}

static void wake_readers(struct kn_live *live, const struct kn_live_name *name)
{
    for (uint32_t i = 0; name && i < name->readers.count; i++) {
        kn_bits_set(live->todo, name->readers.all[i]);
        live->woken = true;
    }
}

static void settle_value(struct kn_fold *f, struct kn_instance *instance, struct kn_str value,
                         const struct kn_live_why *why, bool direct)
{
    struct kn_live *live = f->live;
    uint32_t ordinal = live->list.ordinal;
    struct kn_str old = kn_computed_find(kn_fold_get(f, KN_T_COMPUTED, kn_key_u32(ordinal)),
                                         instance->record.number);
    if (kn_str_eq(old, value)) {
        return;
    }
    instance->record.size += (value.len > 0 ? 1U : 0U) - (old.len > 0 ? 1U : 0U);
    instance->resized = true;
    kn_live_soil(live, instance);
    kn_computed_set(f, ordinal, instance->record.number, value);
    if (instance->serves && why->cause != KN_CAUSE_DEFINITION) {
        note_change(f, instance, KN_CHANGE_COMPUTED, value, why, direct);
        wake_readers(live, instance->name);
    }
}

static void settle_truth(struct kn_fold *f, struct kn_instance *instance, bool truth,
                         const struct kn_live_why *why, bool direct)
{
    struct kn_segment_record *r = &instance->record;
    kn_members_mark(f, r->number, f->live->list.ordinal, truth);
    r->size = truth ? r->size + 1 : r->size - 1;
    instance->resized = true;
    kn_live_soil(f->live, instance);
    if (instance->serves && why->cause != KN_CAUSE_DEFINITION) {
        note_change(f, instance, truth ? KN_CHANGE_ENTERED : KN_CHANGE_EXITED, KN_STR_EMPTY, why,
                    direct);
        wake_readers(f->live, instance->name);
    }
}

void kn_live_settle(struct kn_fold *f, struct kn_instance *instance, bool truth,
                    struct kn_str value, int64_t next_us, const struct kn_live_why *why,
                    bool direct)
{
    struct kn_live *live = f->live;
    const struct kn_segment_record *r = &instance->record;
    const struct kn_member *m = kn_members_find(&live->list, r->number);
    bool was = m && m->since_us != KN_NOT_MEMBER;
    int64_t since = KN_NOT_MEMBER;
    if (instance->record.computed) {
        settle_value(f, instance, value, why, direct);
    } else {
        int64_t fresh = r->status == KN_SEGMENT_READY ? why->now_us : 0;
        since = !truth ? KN_NOT_MEMBER : was ? m->since_us : fresh;
        if (truth != was) {
            settle_truth(f, instance, truth, why, direct);
        }
    }
    kn_members_set(&live->list, r->number, since, next_us);
    if (r->status != KN_SEGMENT_READY && why->cause != KN_CAUSE_DEFINITION &&
        instance->defined->list == 0) {
        kn_members_mark(f, r->number | KN_KNOWN_BIT, live->list.ordinal, true);
    }
}

/* ---- one profile ---- */

/* A long history is not read anew each time; NULL: this one is. What other definitions say may
 * change without a word to the state. */
static struct kn_eval_state *state_for(struct kn_live_view *v, const struct kn_instance *instance)
{
    struct kn_live *live = v->f->live;
    const struct kn_definition *definition = instance->defined->definition;
    if (!v->history || v->history->row_count < live->long_rows || instance->level > 0 ||
        !kn_definition_wants_state(definition)) {
        return NULL;
    }
    return kn_history_state(&live->histories, v->history, instance->record.number, definition);
}

static void evaluate_one(struct kn_fold *f, struct kn_live_view *v, struct kn_instance *instance,
                         const struct kn_live_why *why, bool direct)
{
    struct kn_live *live = f->live;
    enum kn_rc rc;
    live->evaluations++;
    if (instance->defined->list != 0) {
        kn_live_settle(f, instance, kn_live_is_listed(v, instance), KN_STR_EMPTY, INT64_MAX, why,
                       direct);
        return;
    }
    v->view.zone = instance->defined->zone;
    struct kn_eval_state *state = state_for(v, instance);
    if (instance->record.computed) {
        struct kn_trait_value got = {0};
        kn_buf_clear(&live->value);
        rc = state ? kn_eval_trait_with(state, &v->view, why->now_us, &live->arena, &live->value,
                                        &got)
                   : kn_eval_trait(instance->defined->definition, &v->view, why->now_us,
                                   &live->arena, &live->value, &got);
        kn_assert(rc == KN_OK && live->value.rc == KN_OK);
        kn_live_settle(f, instance, false, got.present ? kn_buf_view(&live->value) : KN_STR_EMPTY,
                       got.next_us, why, direct);
        return;
    }
    struct kn_verdict verdict = {0};
    rc = state ? kn_eval_with(state, &v->view, why->now_us, &live->arena, &verdict)
               : kn_eval(instance->defined->definition, &v->view, why->now_us, &live->arena,
                         &verdict);
    kn_assert(rc == KN_OK);
    kn_live_settle(f, instance, verdict.truth, KN_STR_EMPTY, verdict.next_us, why, direct);
}

/* Entries of instances that are gone go with the next change of the list. */
static void purge(struct kn_live *live)
{
    uint32_t kept = 0;
    struct kn_member_list *list = &live->list;
    for (uint32_t i = 0; i < list->count; i++) {
        if (kn_live_by_number(live, list->all[i].number)) {
            list->all[kept++] = list->all[i];
        }
    }
    if (kept != list->count) {
        list->count = kept;
        list->dirty = list->resized = true;
    }
}

void kn_live_load_list(struct kn_fold *f, uint32_t ordinal)
{
    struct kn_live *live = f->live;
    kn_members_load(f, ordinal, &live->list);
    memset(live->members.words, 0, live->words * sizeof *live->members.words);
    for (uint32_t i = 0; i < live->list.count; i++) {
        const struct kn_member *m = &live->list.all[i];
        const struct kn_instance *instance = kn_live_by_number(live, m->number);
        if (instance && m->since_us != KN_NOT_MEMBER) {
            kn_bits_set(live->members, instance->slot);
        }
    }
}

void kn_live_finish_list(struct kn_fold *f)
{
    struct kn_member_list *list = &f->live->list;
    int64_t earliest = INT64_MAX;
    if (list->resized) {
        purge(f->live);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        earliest = list->all[i].due_us < earliest ? list->all[i].due_us : earliest;
    }
    kn_members_save(f, list);
    /* A moment that is too early is looked at in vain; moving it later waits until then. */
    if (earliest < kn_due_of(&f->live->due, list->ordinal)) {
        kn_due_file(f, &f->live->due, list->ordinal, earliest);
    }
}

/* Definitions lie all over memory. */
static void prefetch(const struct kn_live *live)
{
    for (int step = -2; step <= 2; step++) {
        for (uint32_t w = 0; w < live->words; w++) {
            for (uint64_t word = live->todo.words[w]; word != 0; word &= word - 1) {
                const struct kn_instance *at = live->all[w * 64 + (uint32_t)__builtin_ctzll(word)];
                if (step == -2) {
                    __builtin_prefetch(at);
                } else if (step == -1) {
                    __builtin_prefetch(at->defined);
                } else {
                    kn_definition_prefetch(at->defined->definition, step);
                }
            }
        }
    }
}

void kn_live_evaluate(struct kn_fold *f, struct kn_live_view *v, const struct kn_live_why *why)
{
    struct kn_live *live = f->live;
    struct kn_live_walk walk = {0};
    struct kn_instance *instance;
    memcpy(live->direct.words, live->todo.words, live->words * sizeof *live->todo.words);
    prefetch(live);
    while ((instance = kn_live_next(live, &walk))) {
        evaluate_one(f, v, instance, why, kn_bits_has(live->direct, instance->slot));
    }
    kn_live_finish_list(f);
    kn_arena_clear(&live->arena);
    kn_arena_clear(&f->arena);
}

/* ---- a record ---- */

static void add_readers(struct kn_live *live, struct kn_bits readers)
{
    for (uint32_t i = 0; i < live->words; i++) {
        live->todo.words[i] |= readers.words[i];
    }
}

static void add_item(struct kn_live *live, const struct kn_item *item, uint32_t changed,
                     struct kn_arena *arena)
{
    uint32_t event = kn_item_is_event(item) ? kn_plan_find(&live->plan, item->name) : UINT32_MAX;
    size_t offset = 0;
    struct kn_str key;
    struct kn_str value;
    if (event != UINT32_MAX) {
        kn_live_add_event(live, event, item);
    }
    if (!(changed & KN_CHANGED_TRAITS) || item->traits.len == 0) {
        return;
    }
    while (kn_json_walk(item->traits, &offset, &key, &value)) {
        wake_readers(live, kn_live_name(live, kn_json_unescape(key, arena)));
    }
}

static void find_candidates(struct kn_fold *f, const struct kn_touch *touch)
{
    struct kn_live *live = f->live;
    if (touch->changed & (KN_CHANGED_MERGED | KN_CHANGED_UNMERGED)) {
        add_readers(live, live->every);
        return;
    }
    for (uint32_t i = touch->first; i != 0; i = f->touched.items[i - 1].next) {
        add_item(live, f->touched.items[i - 1].item, touch->changed, &live->arena);
    }
    const struct {
        uint32_t changed;
        struct kn_bits readers;
    } sets[] = {
        {KN_CHANGED_CONSENTS, live->consent_readers},
        {KN_CHANGED_IDS, live->identifier_readers},
        {KN_CHANGED_ORDERS, live->order_readers},
        {KN_CHANGED_NEW, live->empty_matters},
    };
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        if (touch->changed & sets[i].changed) {
            add_readers(live, sets[i].readers);
        }
    }
}

/* The history in the cache follows; one that is not there is read when a definition asks for it. */
static void follow(struct kn_fold *f, struct kn_live_view *v, const struct kn_touch *touch)
{
    struct kn_live *live = f->live;
    bool fresh = false;
    if (touch->changed & (KN_CHANGED_MERGED | KN_CHANGED_UNMERGED)) {
        kn_histories_drop(&live->histories, touch->ordinal);
        return;
    }
    if (touch->changed & KN_CHANGED_NEW) {
        v->history = kn_histories_get(&live->histories, f, v->plan, touch->ordinal, true, &fresh);
    } else if (kn_histories_has(&live->histories, touch->ordinal)) {
        v->history = kn_histories_get(&live->histories, f, v->plan, touch->ordinal, false, &fresh);
    } else {
        return;
    }
    if (touch->changed & KN_CHANGED_ORDERS) {
        v->history->orders_loaded = false;
        kn_history_forget_states(v->history);
    }
    if (touch->changed & KN_CHANGED_FACTS) {
        kn_history_forget_states(v->history);
    }
    for (uint32_t i = touch->first; i != 0; i = f->touched.items[i - 1].next) {
        const struct kn_touch_item *t = &f->touched.items[i - 1];
        kn_history_add(&live->histories, v->history, v->plan, t->item, t->arrival);
    }
}

static bool is_live_profile(struct kn_fold *f, uint32_t ordinal)
{
    struct kn_hot hot;
    return kn_hot_decode(kn_fold_get(f, KN_T_HOT, kn_key_u32(ordinal)), &hot) && hot.canonical == 0;
}

/* It became part of another one, or was erased: it is a member of nothing any more. */
static void leave_all(struct kn_fold *f, const struct kn_live_why *why)
{
    struct kn_live *live = f->live;
    struct kn_member_list *list = &live->list;
    struct kn_live_walk walk = {0};
    struct kn_instance *instance;
    struct kn_str values = kn_fold_get(f, KN_T_COMPUTED, kn_key_u32(list->ordinal));
    struct kn_cursor c = kn_cursor(values);
    struct kn_computed value;
    memcpy(live->todo.words, live->members.words, live->words * sizeof *live->todo.words);
    while ((instance = kn_live_next(live, &walk))) {
        if (kn_members_has(list, instance->record.number)) { /* else woken by one that left */
            settle_truth(f, instance, false, why, true);
        }
    }
    list->count = 0;
    list->dirty = list->resized = true;
    while (kn_computed_next(&c, &value)) {
        instance = kn_live_by_number(live, value.number);
        if (instance) {
            instance->record.size--;
            instance->resized = true;
            kn_live_soil(live, instance);
        }
    }
    if (values.p) {
        kn_fold_remove(f, KN_T_COMPUTED, kn_key_u32(list->ordinal));
    }
    kn_members_save(f, list);
    kn_due_file(f, &live->due, list->ordinal, INT64_MAX);
    kn_histories_drop(&live->histories, list->ordinal);
}

static bool is_nothing(const struct kn_live *live)
{
    uint64_t any = 0;
    for (uint32_t i = 0; i < live->words; i++) {
        any |= live->todo.words[i];
    }
    return any == 0;
}

static void evaluate_touch(struct kn_fold *f, const struct kn_touch *touch)
{
    struct kn_live *live = f->live;
    struct kn_live_view v;
    struct kn_live_why why = {
        .cause = touch->changed & KN_CHANGED_ERASED     ? KN_CAUSE_ERASURE
                 : touch->changed & KN_CHANGED_UNMERGED ? KN_CAUSE_UNMERGE
                 : touch->changed & KN_CHANGED_MERGED   ? KN_CAUSE_MERGE
                                                        : KN_CAUSE_MESSAGE,
        .touch = touch,
        .now_us = f->now_us,
    };
    kn_live_view(&v, f, touch->ordinal);
    kn_live_load_list(f, touch->ordinal);
    v.is_new = touch->changed & KN_CHANGED_NEW &&
               !(touch->changed & (KN_CHANGED_MERGED | KN_CHANGED_UNMERGED));
    if (touch->changed & (KN_CHANGED_MERGED | KN_CHANGED_UNMERGED | KN_CHANGED_ERASED) &&
        !is_live_profile(f, touch->ordinal)) {
        leave_all(f, &why);
        return;
    }
    find_candidates(f, touch);
    if (touch->changed & KN_CHANGED_LISTED) {
        kn_live_add_lists(&v);
    }
    follow(f, &v, touch);
    if (is_nothing(live)) {
        kn_arena_clear(&live->arena);
        return;
    }
    kn_live_evaluate(f, &v, &why);
}

void kn_live_record(struct kn_fold *f, bool is_tick)
{
    struct kn_live *live = f->live;
    kn_live_begin(f, f->now_us);
    if (live->settings != f->settings) {
        kn_live_update(f);
    }
    if (live->alive > 0) {
        for (uint32_t i = 0; i < f->touched.count; i++) {
            evaluate_touch(f, &f->touched.all[i]);
        }
        if (live->unready.count > 0) {
            kn_live_install(f, is_tick);
        }
        kn_histories_trim(&live->histories);
    }
    kn_touched_clear(&f->touched);
    f->touched.off = live->alive == 0;
}

/* ---- time ---- */

int64_t kn_live_next_due(const struct kn_live *live)
{
    struct kn_due_entry first;
    if (kn_live_installing(live)) {
        return INT64_MIN;
    }
    return kn_due_first(&live->due, &first) ? first.us : INT64_MAX;
}

bool kn_live_fire(struct kn_fold *f, int64_t until_us, uint64_t seq)
{
    struct kn_live *live = f->live;
    struct kn_due_entry first;
    struct kn_live_view v;
    if (!kn_due_first(&live->due, &first) || first.us > until_us) {
        return false;
    }
    if (f->counters.derived_seq != seq) {
        f->counters.derived_seq = seq;
        f->counters.derived_index = 0;
    }
    kn_live_begin(f, first.us);
    struct kn_live_why why = {.cause = KN_CAUSE_TIME, .now_us = first.us};
    kn_live_view(&v, f, first.ordinal);
    if (kn_histories_has(&live->histories, first.ordinal)) {
        bool fresh;
        v.history = kn_histories_get(&live->histories, f, v.plan, first.ordinal, false, &fresh);
    }
    kn_live_load_list(f, first.ordinal);
    purge(live);
    for (uint32_t i = 0; i < live->list.count; i++) {
        const struct kn_member *m = &live->list.all[i];
        if (m->due_us <= first.us) {
            kn_bits_set(live->todo, kn_live_by_number(live, m->number)->slot);
        }
    }
    kn_due_file(f, &live->due, first.ordinal, INT64_MAX); /* the list tells the next one */
    kn_live_evaluate(f, &v, &why);
    kn_histories_trim(&live->histories);
    return true;
}
