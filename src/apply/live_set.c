/* The instances: which definitions are evaluated, in which order, and which of them serve. */
#include <stdlib.h>

#include "apply/fold.h"
#include "apply/live.h"
#include "base/assert.h"
#include "base/mem.h"

enum { LONG_ROWS = 256, EVAL_ARENA_MAX = 1024 * 1024 * 1024, VALUE_MAX = 16 * 1024 * 1024 };

void kn_live_init(struct kn_live *live, uint64_t cache_bytes)
{
    *live = (struct kn_live){.long_rows = LONG_ROWS};
    kn_plan_init(&live->plan);
    kn_arena_init(&live->index_arena, SIZE_MAX / 4);
    kn_arena_init(&live->arena, EVAL_ARENA_MAX);
    kn_histories_init(&live->histories, cache_bytes);
    kn_buf_init(&live->value, VALUE_MAX);
}

static void free_instance(struct kn_instance *instance)
{
    kn_defined_unref(instance->defined);
    kn_free(instance->key_text);
    kn_free(instance);
}

void kn_live_deinit(struct kn_live *live)
{
    kn_histories_deinit(&live->histories); /* first: what they keep belongs to definitions */
    for (uint32_t i = 0; i < live->count; i++) {
        free_instance(live->all[i]);
    }
    kn_free(live->all);
    kn_free(live->by_number);
    kn_free(live->serving);
    kn_live_results_free(live->results);
    kn_settings_unref(live->settings);
    kn_members_deinit(&live->list);
    kn_due_deinit(&live->due);
    kn_plan_deinit(&live->plan);
    kn_buf_deinit(&live->value);
    kn_arena_deinit(&live->arena);
    kn_arena_deinit(&live->index_arena);
    *live = (struct kn_live){0};
}

/* ---- finding ---- */

struct kn_instance *kn_live_by_number(const struct kn_live *live, uint32_t number)
{
    return number < live->number_count && live->by_number[number] != 0
               ? live->all[live->by_number[number] - 1]
               : NULL;
}

uint32_t kn_live_index(const struct kn_live *live, const struct kn_instance *instance)
{
    return live->by_number[instance->record.number] - 1;
}

struct kn_instance *kn_live_serving(const struct kn_live *live, struct kn_str key)
{
    uint32_t low = 0;
    uint32_t high = live->serving_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct kn_instance *at = live->all[live->serving[middle]];
        int order = kn_str_cmp(at->record.key, key);
        if (order == 0) {
            return at;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

static struct kn_instance *find(const struct kn_live *live, struct kn_str key, bool ready)
{
    for (uint32_t i = 0; i < live->count; i++) {
        struct kn_instance *at = live->all[i];
        if ((at->record.status == KN_SEGMENT_READY) == ready && kn_str_eq(at->record.key, key)) {
            return at;
        }
    }
    return NULL;
}

/* ---- adding and removing ---- */

static struct kn_instance *add(struct kn_live *live, const struct kn_segment_record *record)
{
    struct kn_instance *instance = kn_must_calloc(1, sizeof *instance);
    instance->record = *record;
    instance->key_text = kn_must_alloc(record->key.len + 1);
    memcpy(instance->key_text, record->key.p, record->key.len);
    instance->record.key = kn_str(instance->key_text, record->key.len);
    if (live->count == live->room) {
        live->room = live->room ? live->room * 2 : 16;
        live->all = kn_must_realloc(live->all, live->room * sizeof(struct kn_instance *));
    }
    live->all[live->count++] = instance;
    return instance;
}

static void take(struct kn_instance *instance, struct kn_defined *defined)
{
    kn_defined_ref(defined);
    kn_defined_unref(instance->defined);
    instance->defined = defined;
    instance->dirty = instance->dirty || instance->record.version != defined->version;
    instance->record.version = defined->version;
}

/* Something answers for the key, or reads it: it has to be told when that changes. */
static bool is_known(const struct kn_live *live, struct kn_str key)
{
    for (uint32_t i = 0; i < live->count; i++) {
        const struct kn_reads *reads = kn_definition_reads(live->all[i]->defined->definition);
        bool known = kn_str_eq(live->all[i]->record.key, key);
        for (uint32_t k = 0; k < reads->segment_count; k++) {
            known = known || kn_str_eq(reads->segments[k], key);
        }
        for (uint32_t k = 0; k < reads->trait_count; k++) {
            known = known || kn_str_eq(reads->traits[k], key);
        }
        if (known) {
            return true;
        }
    }
    return false;
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
    struct kn_instance *instance = add(f->live, &record);
    take(instance, defined);
    instance->dirty = true;
    kn_fold_put(f, KN_T_DEFINITION, kn_key_u32(number), defined->json);
    if (status == KN_SEGMENT_INSTALLING) {
        kn_live_freeze(f, instance);
    }
    return instance;
}

void kn_live_remove(struct kn_fold *f, struct kn_instance *instance, bool series_too)
{
    struct kn_live *live = f->live;
    const struct kn_segment_record *r = &instance->record;
    kn_members_clear(f, r->number, f->counters.next_ordinal);
    kn_members_clear(f, r->number | KN_KNOWN_BIT, f->counters.next_ordinal);
    kn_fold_remove(f, KN_T_SEGMENT, kn_key_u32(r->number));
    kn_fold_remove(f, KN_T_DEFINITION, kn_key_u32(r->number));
    if (series_too) {
        kn_series_remove(f, r);
    }
    uint32_t at = 0;
    while (live->all[at] != instance) {
        at++;
    }
    memmove(live->all + at, live->all + at + 1,
            (live->count - at - 1) * sizeof(struct kn_instance *));
    live->count--;
    free_instance(instance);
}

void kn_live_flush(struct kn_fold *f, int64_t now_us)
{
    struct kn_live *live = f->live;
    int32_t day = live->any_dirty ? (int32_t)kn_zone_day(f->settings->zone, now_us) : 0;
    for (uint32_t i = 0; live->any_dirty && i < live->count; i++) {
        struct kn_instance *instance = live->all[i];
        if (instance->dirty) {
            instance->dirty = false;
            kn_segment_record_store(f, &instance->record);
            if (instance->serves && instance->record.size != instance->noted_size) {
                instance->noted_size = instance->record.size;
                kn_sizes_note(f, instance->record.series, day, instance->record.size);
            }
        }
    }
    live->any_dirty = false;
}

/* ---- order ---- */

static bool raise(const struct kn_live *live, struct kn_instance *instance, uint32_t *levels)
{
    const struct kn_reads *reads = kn_definition_reads(instance->defined->definition);
    uint32_t level = instance->level;
    for (uint32_t i = 0; i < reads->segment_count + reads->trait_count; i++) {
        struct kn_str key =
            i < reads->segment_count ? reads->segments[i] : reads->traits[i - reads->segment_count];
        size_t at = kn_settings_defined_at(live->settings, key);
        level = at != SIZE_MAX && levels[at] + 1 > level ? levels[at] + 1 : level;
    }
    size_t own = kn_settings_defined_at(live->settings, instance->record.key);
    bool risen = level > instance->level;
    instance->level = level;
    if (own != SIZE_MAX && level > levels[own]) {
        levels[own] = level;
    }
    return risen;
}

static int by_level(const void *a, const void *b)
{
    const struct kn_instance *const *x = a;
    const struct kn_instance *const *y = b;
    if ((*x)->level != (*y)->level) {
        return (*x)->level < (*y)->level ? -1 : 1;
    }
    return ((*x)->record.number > (*y)->record.number) -
           ((*x)->record.number < (*y)->record.number);
}

/* A definition after those it reads. Circles are refused before they become records; two that were
 * on their way at once could make one, which then has some order. */
static void order_all(struct kn_live *live)
{
    uint32_t *levels = kn_must_calloc(live->settings->defined_count + 1, sizeof *levels);
    bool risen = true;
    for (uint32_t i = 0; i < live->count; i++) {
        live->all[i]->level = 0;
    }
    for (uint32_t pass = 0; risen && pass <= live->count; pass++) {
        risen = false;
        for (uint32_t i = 0; i < live->count; i++) {
            risen = raise(live, live->all[i], levels) || risen;
        }
    }
    kn_free(levels);
    if (live->count > 0) {
        qsort(live->all, live->count, sizeof(struct kn_instance *), by_level);
    }
}

struct by_key {
    struct kn_str key;
    uint32_t at;
};

static int compare_keys(const void *a, const void *b)
{
    return kn_str_cmp(((const struct by_key *)a)->key, ((const struct by_key *)b)->key);
}

static void number_all(struct kn_live *live, uint32_t number_count)
{
    struct by_key *keys = kn_must_calloc(live->count + 1, sizeof *keys);
    kn_free(live->by_number);
    live->by_number = kn_must_calloc(number_count + 1, sizeof *live->by_number);
    live->number_count = number_count;
    live->serving_count = 0;
    live->making = 0;
    for (uint32_t i = 0; i < live->count; i++) {
        struct kn_instance *at = live->all[i];
        live->by_number[at->record.number] = i + 1;
        at->serves = at->record.status == KN_SEGMENT_READY;
        live->making += at->serves ? 0 : 1;
        if (at->serves) {
            keys[live->serving_count++] = (struct by_key){at->record.key, i};
        }
    }
    qsort(keys, live->serving_count, sizeof *keys, compare_keys);
    live->serving = kn_must_realloc(live->serving, (live->count + 1) * sizeof *live->serving);
    for (uint32_t i = 0; i < live->serving_count; i++) {
        live->serving[i] = keys[i].at;
    }
    kn_free(keys);
}

void kn_live_index_again(struct kn_fold *f)
{
    order_all(f->live);
    number_all(f->live, f->counters.next_segment);
    kn_live_make_index(f);
    f->live->any_dirty = true;
}

/* ---- following the settings ---- */

static bool is_same(const struct kn_instance *instance, const struct kn_defined *defined)
{
    return instance && instance->record.computed == defined->computed &&
           instance->record.meaning == defined->meaning;
}

static void follow_definition(struct kn_fold *f, struct kn_defined *defined)
{
    struct kn_instance *serving = find(f->live, defined->key, true);
    struct kn_instance *making = find(f->live, defined->key, false);
    if (making && !is_same(making, defined)) {
        kn_live_remove(f, making, serving == NULL);
        making = NULL;
    }
    if (making) {
        take(making, defined);
    }
    if (is_same(serving, defined)) {
        take(serving, defined);
    } else if (!making) {
        struct kn_instance *made = create(f, defined, serving ? serving->record.series : 0);
        if (serving && made->record.status == KN_SEGMENT_READY) {
            made->record.changes = serving->record.changes;
            made->record.oldest_change = serving->record.oldest_change;
            kn_live_remove(f, serving, false);
        }
    }
}

void kn_live_again(struct kn_fold *f, struct kn_instance *instance)
{
    struct kn_defined *defined = kn_defined_ref(instance->defined);
    struct kn_instance *making = find(f->live, defined->key, false);
    struct kn_instance *serving = find(f->live, defined->key, true);
    uint32_t series = serving ? serving->record.series : 0;
    if (making) {
        kn_defined_unref(defined);
        defined = kn_defined_ref(making->defined); /* the newer meaning */
        kn_live_remove(f, making, serving == NULL);
    }
    if (serving) { /* whoever goes back to its meaning has it built anew */
        serving->record.meaning = 0;
        serving->dirty = true;
    }
    create(f, defined, series);
    kn_defined_unref(defined);
}

void kn_live_update(struct kn_fold *f)
{
    struct kn_live *live = f->live;
    kn_histories_forget_states(&live->histories);
    kn_settings_unref(live->settings);
    live->settings = kn_settings_ref(f->settings);
    for (uint32_t i = live->count; i > 0; i--) {
        if (!kn_settings_defined(live->settings, live->all[i - 1]->record.key)) {
            kn_live_remove(f, live->all[i - 1], true);
        }
    }
    for (size_t i = 0; i < live->settings->defined_count; i++) {
        follow_definition(f, live->settings->defined[i]);
    }
    kn_live_index_again(f);
}

/* ---- at start ---- */

static enum kn_rc load_record(void *context, struct kn_key key, struct kn_str value,
                              struct kn_err *err)
{
    struct kn_segment_record record = {.number = key.number};
    if (!kn_segment_record_decode(value, &record)) {
        return kn_fail(err, KN_E_CORRUPT, "segment record %u does not decode", key.number);
    }
    struct kn_instance *instance = add(context, &record);
    instance->noted_size = record.size;
    return KN_OK;
}

static enum kn_rc load_definition(struct kn_fold *f, struct kn_instance *instance,
                                  struct kn_err *err)
{
    const struct kn_segment_record *r = &instance->record;
    struct kn_str json = kn_fold_get(f, KN_T_DEFINITION, kn_key_u32(r->number));
    enum kn_rc rc = kn_defined_make(r->key, r->computed, json, f->settings->surroundings,
                                    &instance->defined, err);
    return rc == KN_OK ? KN_OK : kn_fail_wrap(err, rc, "segment record %u", r->number);
}

enum kn_rc kn_live_load(struct kn_fold *f, struct kn_err *err)
{
    struct kn_live *live = f->live;
    KN_TRY(kn_state_scan(f->state, KN_T_SEGMENT, load_record, live, err));
    for (uint32_t i = 0; i < live->count; i++) {
        KN_TRY(load_definition(f, live->all[i], err));
    }
    KN_TRY(kn_due_load(f, &live->due, err));
    kn_live_update(f);
    f->touched.off = live->count == 0;
    return KN_OK;
}
