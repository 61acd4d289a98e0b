/* The instances: which definitions are evaluated and which of them serve. */
#include <stdlib.h>

#include "apply/fold.h"
#include "apply/live.h"
#include "base/assert.h"
#include "base/mem.h"

enum {
    LONG_ROWS = 256,
    EVAL_ARENA_MAX = 1024 * 1024 * 1024,
    VALUE_MAX = 16 * 1024 * 1024,
    CHANGES_MAX = 64 * 1024 * 1024,
    GAPS_LEAST = 64, /* slots of instances that are gone */
};

void kn_live_init(struct kn_live *live, uint64_t cache_bytes)
{
    *live = (struct kn_live){.long_rows = LONG_ROWS};
    kn_plan_init(&live->plan);
    kn_arena_init(&live->arena, EVAL_ARENA_MAX);
    kn_histories_init(&live->histories, cache_bytes);
    live->histories.from_columns = true;
    kn_buf_init(&live->value, VALUE_MAX);
}

static void free_instance(struct kn_instance *instance)
{
    kn_defined_unref(instance->defined);
    kn_buf_deinit(&instance->changes);
    kn_free(instance->key_text);
    kn_free(instance);
}

void kn_live_deinit(struct kn_live *live)
{
    kn_histories_deinit(&live->histories); /* first: what they keep belongs to definitions */
    kn_live_index_reset(live);
    for (uint32_t i = 0; i < live->count; i++) {
        if (live->all[i]) {
            free_instance(live->all[i]);
        }
    }
    kn_free(live->all);
    kn_free(live->by_number);
    kn_live_names_deinit(live);
    kn_free(live->unready.all);
    kn_free(live->deep);
    kn_free(live->dirty);
    kn_live_results_free(live->results);
    kn_settings_unref(live->settings);
    kn_members_deinit(&live->list);
    kn_due_deinit(&live->due);
    kn_plan_deinit(&live->plan);
    kn_buf_deinit(&live->value);
    kn_arena_deinit(&live->arena);
    *live = (struct kn_live){0};
}

/* ---- finding ---- */

struct kn_instance *kn_live_by_number(const struct kn_live *live, uint32_t number)
{
    return number < live->number_count && live->by_number[number] != 0
               ? live->all[live->by_number[number] - 1]
               : NULL;
}

struct kn_instance *kn_live_serving(const struct kn_live *live, struct kn_str key)
{
    const struct kn_live_name *name = kn_live_name(live, key);
    return name ? name->serves : NULL;
}

/* ---- places ---- */

static void note_number(struct kn_live *live, uint32_t number, uint32_t slot)
{
    if (number >= live->number_count) {
        uint32_t count = live->number_count ? live->number_count : 64;
        while (count <= number) {
            count *= 2;
        }
        live->by_number = kn_must_realloc(live->by_number, count * sizeof *live->by_number);
        memset(live->by_number + live->number_count, 0,
               (count - live->number_count) * sizeof *live->by_number);
        live->number_count = count;
    }
    live->by_number[number] = slot + 1;
}

/* Numbers rise, so that slots are in their order. */
static void take_slot(struct kn_live *live, struct kn_instance *instance)
{
    kn_assert(live->count == 0 || !live->all[live->count - 1] ||
              live->all[live->count - 1]->record.number < instance->record.number);
    if (live->count == live->room) {
        live->room = live->room ? live->room * 2 : 16;
        live->all = kn_must_realloc(live->all, live->room * sizeof(struct kn_instance *));
    }
    instance->slot = live->count;
    live->all[live->count++] = instance;
    live->alive++;
    note_number(live, instance->record.number, instance->slot);
    kn_live_make_room(live, live->count);
}

static void take_name(struct kn_live *live, struct kn_instance *instance)
{
    struct kn_live_name *name = kn_live_name_made(live, instance->record.key);
    instance->name = name;
    instance->serves = instance->record.status == KN_SEGMENT_READY;
    if (instance->serves) {
        name->serves = instance;
    } else {
        name->making = instance;
        kn_slots_add(&live->unready, instance->slot);
    }
}

static void leave_name(struct kn_live *live, struct kn_instance *instance)
{
    struct kn_live_name *name = instance->name;
    name->serves = name->serves == instance ? NULL : name->serves;
    name->making = name->making == instance ? NULL : name->making;
    kn_slots_remove(&live->unready, instance->slot);
}

/* What is kept under pointers into definitions does not outlive them. */
static void forget(struct kn_live *live)
{
    kn_histories_forget_states(&live->histories);
    memset(live->memo, 0, sizeof live->memo);
    memset(live->key_memo, 0, sizeof live->key_memo);
}

static void enter(struct kn_fold *f, struct kn_instance *instance)
{
    struct kn_live *live = f->live;
    take_slot(live, instance);
    take_name(live, instance);
    memset(live->key_memo, 0, sizeof live->key_memo);
    kn_live_index(f, instance);
    kn_live_order_add(live, instance);
    kn_live_index_readers(f, instance->name);
}

/* Slots without gaps, and a plan of what is read now. */
static void index_all(struct kn_fold *f)
{
    struct kn_live *live = f->live;
    struct kn_instance **all = live->all;
    uint32_t count = live->count;
    forget(live);
    kn_live_index_reset(live);
    kn_live_names_deinit(live);
    live->all = NULL;
    live->count = live->room = live->alive = live->unready.count = live->deep_count = 0;
    live->order_stale = true;
    for (uint32_t i = 0; i < count; i++) {
        if (all[i]) {
            enter(f, all[i]);
        }
    }
    kn_free(all);
}

void kn_live_settle_index(struct kn_fold *f)
{
    struct kn_live *live = f->live;
    if (live->count - live->alive > live->alive + GAPS_LEAST) {
        index_all(f);
    }
    if (live->order_stale) {
        forget(live); /* who reads definitions keeps no state */
        kn_live_order_again(live);
    }
}

/* ---- coming and going ---- */

static struct kn_instance *new_instance(const struct kn_segment_record *record)
{
    struct kn_instance *instance = kn_must_calloc(1, sizeof *instance);
    instance->record = *record;
    kn_buf_init(&instance->changes, CHANGES_MAX);
    instance->key_text = kn_must_alloc(record->key.len + 1);
    memcpy(instance->key_text, record->key.p, record->key.len);
    instance->record.key = kn_str(instance->key_text, record->key.len);
    return instance;
}

/* Another document with the same meaning. */
static void take(struct kn_fold *f, struct kn_instance *instance, struct kn_defined *defined)
{
    if (instance->defined == defined) {
        return;
    }
    forget(f->live);
    kn_live_unindex(f->live, instance);
    kn_defined_ref(defined);
    kn_defined_unref(instance->defined);
    instance->defined = defined;
    kn_live_index(f, instance);
    if (instance->record.version != defined->version) {
        instance->record.version = defined->version;
        kn_live_soil(f->live, instance);
    }
}

/* Something answers for the key, or reads it: it has to be told when that changes. */
static bool is_known(const struct kn_live *live, struct kn_str key)
{
    const struct kn_live_name *name = kn_live_name(live, key);
    return name && (name->serves || name->making || name->readers.count > 0);
}

/* What a new instance waits for: without profiles there is nothing to build, and an empty list is
 * what it says at once. */
static enum kn_segment_status first_status(const struct kn_fold *f, const struct kn_defined *d)
{
    bool empty_list = d->list != 0 && !d->frozen && !is_known(f->live, d->key);
    if (f->counters.next_ordinal == 1 || empty_list) {
        return KN_SEGMENT_READY;
    }
    return d->list != 0 ? KN_SEGMENT_INSTALLING : KN_SEGMENT_BUILDING;
}

static struct kn_instance *create(struct kn_fold *f, struct kn_defined *defined, uint32_t series)
{
    uint32_t number = f->counters.next_segment++;
    enum kn_segment_status status = first_status(f, defined);
    kn_assert(number < KN_KNOWN_BIT);
    struct kn_segment_record record = {
        .number = number,
        .series = series ? series : number,
        .key = defined->key,
        .computed = defined->computed,
        .status = status,
        .version = defined->version,
        .meaning = defined->meaning,
        .defined_seq = f->seq,
        .defined_us = f->now_us,
        .ordinal_end = f->counters.next_ordinal,
        .installed = 1,
        .ready_us = status == KN_SEGMENT_READY ? f->now_us : 0,
    };
    struct kn_instance *instance = new_instance(&record);
    instance->defined = kn_defined_ref(defined);
    enter(f, instance);
    kn_live_soil(f->live, instance);
    kn_fold_put(f, KN_T_DEFINITION, kn_key_u32(number), defined->json);
    if (status == KN_SEGMENT_INSTALLING) {
        kn_live_freeze(f, instance);
    }
    return instance;
}

static void drop_dirty(struct kn_live *live, const struct kn_instance *instance)
{
    uint32_t at = 0;
    while (instance->dirty && live->dirty[at] != instance) {
        at++;
    }
    if (instance->dirty) {
        live->dirty[at] = live->dirty[--live->dirty_count];
    }
}

void kn_live_remove(struct kn_fold *f, struct kn_instance *instance, bool series_too)
{
    struct kn_live *live = f->live;
    struct kn_live_name *name = instance->name;
    const struct kn_segment_record *r = &instance->record;
    kn_members_clear(f, r->number, f->counters.next_ordinal);
    kn_members_clear(f, r->number | KN_KNOWN_BIT, f->counters.next_ordinal);
    kn_fold_remove(f, KN_T_SEGMENT, kn_key_u32(r->number));
    kn_fold_remove(f, KN_T_DEFINITION, kn_key_u32(r->number));
    if (series_too) {
        kn_series_remove(f, r);
    }
    forget(live);
    kn_live_unindex(live, instance);
    kn_live_order_remove(live, instance);
    leave_name(live, instance);
    drop_dirty(live, instance);
    live->by_number[r->number] = 0;
    live->all[instance->slot] = NULL;
    live->alive--;
    free_instance(instance);
    kn_live_index_readers(f, name);
}

void kn_live_serve(struct kn_fold *f, struct kn_instance *instance)
{
    struct kn_live *live = f->live;
    leave_name(live, instance);
    take_name(live, instance);
    instance->resized = instance->record.size > 0;
    memset(live->key_memo, 0, sizeof live->key_memo);
    kn_live_unindex(live, instance); /* its needs count from now on */
    kn_live_index(f, instance);
    kn_live_index_readers(f, instance->name);
}

void kn_live_soil(struct kn_live *live, struct kn_instance *instance)
{
    if (instance->dirty) {
        return;
    }
    if (live->dirty_count == live->dirty_room) {
        live->dirty_room = live->dirty_room ? live->dirty_room * 2 : 64;
        live->dirty = kn_must_realloc(live->dirty, live->dirty_room * sizeof(struct kn_instance *));
    }
    instance->dirty = true;
    live->dirty[live->dirty_count++] = instance;
}

void kn_live_flush(struct kn_fold *f)
{
    struct kn_live *live = f->live;
    for (uint32_t i = 0; i < live->dirty_count; i++) {
        struct kn_instance *instance = live->dirty[i];
        instance->dirty = false;
        kn_changes_store(f, &instance->record, &instance->changes);
        kn_segment_record_store(f, &instance->record);
        if (instance->serves && instance->resized) {
            instance->resized = false;
            kn_sizes_note(f, instance->record.series, live->day, instance->record.size);
        }
    }
    live->dirty_count = 0;
}

void kn_live_begin(struct kn_fold *f, int64_t now_us)
{
    int32_t day = (int32_t)kn_zone_day(f->settings->zone, now_us);
    if (day != f->live->day) {
        kn_live_flush(f);
        f->live->day = day;
    }
}

void kn_live_go_on(struct kn_fold *f, struct kn_instance *instance, struct kn_instance *old)
{
    kn_changes_store(f, &old->record, &old->changes);
    instance->record.changes = old->record.changes;
    instance->record.oldest_change = old->record.oldest_change;
}

/* ---- following the settings ---- */

static bool is_same(const struct kn_instance *instance, const struct kn_defined *defined)
{
    return instance && instance->record.computed == defined->computed &&
           instance->record.meaning == defined->meaning;
}

static void follow_definition(struct kn_fold *f, struct kn_defined *defined)
{
    const struct kn_live_name *name = kn_live_name(f->live, defined->key);
    struct kn_instance *serving = name ? name->serves : NULL;
    struct kn_instance *making = name ? name->making : NULL;
    if (making && !is_same(making, defined)) {
        kn_live_remove(f, making, serving == NULL);
        making = NULL;
    }
    if (making) {
        take(f, making, defined);
    }
    if (is_same(serving, defined)) {
        take(f, serving, defined);
    } else if (!making) {
        struct kn_instance *made = create(f, defined, serving ? serving->record.series : 0);
        if (serving && made->record.status == KN_SEGMENT_READY) {
            kn_live_go_on(f, made, serving);
            kn_live_remove(f, serving, false);
        }
    }
}

static void remove_all_of(struct kn_fold *f, struct kn_str key)
{
    const struct kn_live_name *name = kn_live_name(f->live, key);
    if (name && name->making) {
        kn_live_remove(f, name->making, true);
    }
    if (name && name->serves) {
        kn_live_remove(f, name->serves, true);
    }
}

void kn_live_again(struct kn_fold *f, struct kn_instance *instance)
{
    struct kn_live_name *name = instance->name;
    struct kn_defined *defined = kn_defined_ref(instance->defined);
    uint32_t series = name->serves ? name->serves->record.series : 0;
    if (name->making) {
        kn_defined_unref(defined);
        defined = kn_defined_ref(name->making->defined); /* the newer meaning */
        kn_live_remove(f, name->making, name->serves == NULL);
    }
    if (name->serves) { /* whoever goes back to its meaning has it built anew */
        name->serves->record.meaning = 0;
        kn_live_soil(f->live, name->serves);
    }
    create(f, defined, series);
    kn_defined_unref(defined);
}

/* Both lists are by key, and a definition that did not change is the same object. */
void kn_live_update(struct kn_fold *f)
{
    static const struct kn_settings none;
    struct kn_live *live = f->live;
    struct kn_settings *before = live->settings;
    const struct kn_settings *old = before ? before : &none;
    const struct kn_settings *now = live->settings = kn_settings_ref(f->settings);
    for (size_t i = 0, k = 0; i < old->defined_count || k < now->defined_count;) {
        int order = i == old->defined_count   ? 1
                    : k == now->defined_count ? -1
                    : old->defined[i] == now->defined[k]
                        ? 0
                        : kn_str_cmp(old->defined[i]->key, now->defined[k]->key);
        if (order < 0) {
            remove_all_of(f, old->defined[i]->key);
        } else if (order > 0 || old->defined[i] != now->defined[k]) {
            follow_definition(f, now->defined[k]);
        }
        i += order <= 0 ? 1 : 0;
        k += order >= 0 ? 1 : 0;
    }
    kn_settings_unref(before);
    kn_live_settle_index(f);
}

/* ---- at start ---- */

struct loading {
    struct kn_fold *f;
    struct kn_instance **all;
    uint32_t count, room;
};

static enum kn_rc load_record(void *context, struct kn_key key, struct kn_str value,
                              struct kn_err *err)
{
    struct loading *l = context;
    struct kn_segment_record record = {.number = key.number};
    if (!kn_segment_record_decode(value, &record)) {
        return kn_fail(err, KN_E_CORRUPT, "segment record %u does not decode", key.number);
    }
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 64;
        l->all = kn_must_realloc(l->all, l->room * sizeof(struct kn_instance *));
    }
    l->all[l->count++] = new_instance(&record);
    return KN_OK;
}

/* The settings' own object, when it is the same document. */
static enum kn_rc load_definition(struct kn_fold *f, struct kn_instance *instance,
                                  struct kn_err *err)
{
    const struct kn_segment_record *r = &instance->record;
    struct kn_str json = kn_fold_get(f, KN_T_DEFINITION, kn_key_u32(r->number));
    const struct kn_defined *known = kn_settings_defined(f->settings, r->key);
    if (known && known->computed == r->computed && kn_str_eq(known->json, json)) {
        instance->defined = kn_defined_ref((struct kn_defined *)(uintptr_t)known);
        return KN_OK;
    }
    enum kn_rc rc = kn_defined_make(r->key, r->computed, json, f->settings->surroundings,
                                    &instance->defined, err);
    return rc == KN_OK ? KN_OK : kn_fail_wrap(err, rc, "segment record %u", r->number);
}

static int by_number(const void *a, const void *b)
{
    const struct kn_instance *const *x = a;
    const struct kn_instance *const *y = b;
    return ((*x)->record.number > (*y)->record.number) -
           ((*x)->record.number < (*y)->record.number);
}

static enum kn_rc load_all(struct kn_fold *f, struct loading *l, struct kn_err *err)
{
    KN_TRY(kn_state_scan(f->state, KN_T_SEGMENT, load_record, l, err));
    if (l->count > 0) {
        qsort(l->all, l->count, sizeof(struct kn_instance *), by_number);
    }
    for (uint32_t i = 0; i < l->count; i++) {
        KN_TRY(load_definition(f, l->all[i], err));
    }
    f->live->order_stale = true;
    for (uint32_t i = 0; i < l->count; i++) {
        enter(f, l->all[i]);
        l->all[i] = NULL;
    }
    return kn_due_load(f, &f->live->due, err);
}

enum kn_rc kn_live_load(struct kn_fold *f, struct kn_err *err)
{
    struct kn_live *live = f->live;
    struct loading l = {.f = f};
    enum kn_rc rc = load_all(f, &l, err);
    for (uint32_t i = 0; i < l.count; i++) {
        if (l.all[i]) {
            free_instance(l.all[i]);
        }
    }
    kn_free(l.all);
    if (rc == KN_OK) {
        kn_live_update(f);
        f->touched.off = live->alive == 0;
    }
    return rc;
}
