/* Which instances read what: sets over the slots, changed as instances come and go. */
#include "apply/fold.h"
#include "apply/live.h"
#include "base/assert.h"
#include "base/mem.h"

enum { WORDS_LEAST = 4 };

/* ---- room ---- */

static void widen(struct kn_bits *bits, uint32_t from, uint32_t to)
{
    bits->words = kn_must_realloc(bits->words, to * sizeof *bits->words);
    memset(bits->words + from, 0, (to - from) * sizeof *bits->words);
}

enum { SETS = 10 };

static void all_sets(struct kn_live *live, struct kn_bits *ret[SETS])
{
    struct kn_bits *all[SETS] = {&live->consent_readers, &live->identifier_readers,
                                 &live->order_readers,   &live->every,
                                 &live->empty_matters,   &live->is_deep,
                                 &live->members,         &live->todo,
                                 &live->direct,          &live->deep_todo};
    memcpy(ret, all, sizeof all);
}

void kn_live_make_room(struct kn_live *live, uint32_t slots)
{
    struct kn_bits *all[SETS];
    all_sets(live, all);
    live->words = (slots + 63) / 64;
    if (live->words <= live->words_room) {
        return;
    }
    uint32_t room = live->words_room ? live->words_room : WORDS_LEAST;
    while (room < live->words) {
        room *= 2;
    }
    for (size_t i = 0; i < SETS; i++) {
        widen(all[i], live->words_room, room);
    }
    live->words_room = room;
}

void kn_live_index_reset(struct kn_live *live)
{
    struct kn_bits *all[SETS];
    all_sets(live, all);
    for (size_t i = 0; i < SETS; i++) {
        kn_free(all[i]->words);
        all[i]->words = NULL;
    }
    for (uint32_t i = 0; i < live->event_count; i++) {
        kn_live_event_deinit(&live->events[i]);
    }
    kn_free(live->events);
    live->events = NULL;
    live->event_count = live->words = live->words_room = 0;
    kn_free(live->lists);
    live->lists = NULL;
    live->list_count = live->list_room = 0;
    kn_plan_deinit(&live->plan);
    kn_plan_init(&live->plan);
    kn_histories_clear(&live->histories); /* their rows are of the plan */
}

/* ---- one instance ---- */

/* What a definition says of a profile without anything: when that is nothing, a new profile needs
 * only those that read what it brings. */
static void index_empty(struct kn_fold *f, const struct kn_instance *instance)
{
    struct kn_live *live = f->live;
    const struct kn_definition *definition = instance->defined->definition;
    struct kn_live_view v;
    struct kn_verdict verdict = {.next_us = INT64_MAX};
    struct kn_trait_value value = {.next_us = INT64_MAX};
    kn_live_view(&v, f, 0);
    v.is_empty = true;
    v.view.zone = instance->defined->zone;
    v.list = NULL;
    kn_buf_clear(&live->value);
    enum kn_rc rc =
        instance->record.computed
            ? kn_eval_trait(definition, &v.view, f->now_us, &live->arena, &live->value, &value)
            : kn_eval(definition, &v.view, f->now_us, &live->arena, &verdict);
    kn_assert(rc == KN_OK);
    if (verdict.truth || value.present || verdict.next_us != INT64_MAX ||
        value.next_us != INT64_MAX) {
        kn_bits_set(live->empty_matters, instance->slot);
    } else {
        kn_bits_clear(live->empty_matters, instance->slot);
    }
    kn_arena_clear(&live->arena);
}

/* Its events and fields are in the plan. */
static void extend_plan(struct kn_live *live, const struct kn_instance *instance)
{
    if (!kn_plan_add(&live->plan, instance->defined->definition)) {
        return;
    }
    kn_histories_clear(&live->histories);
    uint32_t count = live->plan.event_count;
    live->events = kn_must_realloc(live->events, (count + 1) * sizeof *live->events);
    memset(live->events + live->event_count, 0, (count - live->event_count) * sizeof *live->events);
    live->event_count = count;
}

static void each_event(struct kn_live *live, const struct kn_instance *instance, bool add)
{
    const struct kn_reads *reads = kn_definition_reads(instance->defined->definition);
    for (uint32_t i = 0; i < reads->event_count; i++) {
        uint32_t event =
            reads->events[i].name.p ? kn_plan_find(&live->plan, reads->events[i].name) : UINT32_MAX;
        if (event != UINT32_MAX && add) {
            kn_live_index_event(live, event, instance);
        } else if (event != UINT32_MAX) {
            kn_live_unindex_event(live, event, instance->slot);
        } else if (add && !reads->events[i].name.p) {
            kn_bits_set(live->order_readers, instance->slot);
        }
    }
}

void kn_live_index(struct kn_fold *f, struct kn_instance *instance)
{
    struct kn_live *live = f->live;
    const struct kn_reads *reads = kn_definition_reads(instance->defined->definition);
    extend_plan(live, instance);
    kn_bits_set(live->every, instance->slot);
    each_event(live, instance, true);
    for (uint32_t i = 0; i < kn_live_read_keys(instance); i++) {
        kn_slots_add(&kn_live_name_made(live, kn_live_read_key(instance, i))->readers,
                     instance->slot);
    }
    if (reads->consent_count > 0) {
        kn_bits_set(live->consent_readers, instance->slot);
    }
    if (reads->identifier_count > 0) {
        kn_bits_set(live->identifier_readers, instance->slot);
    }
    kn_live_index_list(live, instance);
    index_empty(f, instance);
}

void kn_live_unindex(struct kn_live *live, struct kn_instance *instance)
{
    struct kn_bits sets[] = {live->consent_readers, live->identifier_readers, live->order_readers,
                             live->every, live->empty_matters};
    each_event(live, instance, false);
    kn_live_unindex_list(live, instance);
    for (uint32_t i = 0; i < kn_live_read_keys(instance); i++) {
        struct kn_live_name *name = kn_live_name(live, kn_live_read_key(instance, i));
        if (name) {
            kn_slots_remove(&name->readers, instance->slot);
        }
    }
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        kn_bits_clear(sets[i], instance->slot);
    }
}

/* What a key means to those who read it is another thing: a trait, a segment, nothing. */
void kn_live_index_readers(struct kn_fold *f, const struct kn_live_name *name)
{
    for (uint32_t i = 0; i < name->readers.count; i++) {
        index_empty(f, f->live->all[name->readers.all[i]]);
    }
}
