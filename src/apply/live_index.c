/* Which instances read what: sets over the instances, made when those change. */
#include <stdlib.h>

#include "apply/fold.h"
#include "apply/live.h"
#include "base/assert.h"
#include "base/mem.h"

static struct kn_bits new_bits(struct kn_live *live)
{
    struct kn_bits bits = {kn_arena_zero(&live->index_arena, live->words + 1, sizeof *bits.words)};
    if (!bits.words) {
        kn_panic("out of memory: index of definitions");
    }
    return bits;
}

const struct kn_bits *kn_live_key_readers(const struct kn_live *live, struct kn_str key)
{
    uint32_t low = 0;
    uint32_t high = live->key_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = kn_str_cmp(live->keys[middle].key, key);
        if (order == 0) {
            return &live->keys[middle].readers;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

static int compare_keys(const void *a, const void *b)
{
    return kn_str_cmp(((const struct kn_live_key *)a)->key, ((const struct kn_live_key *)b)->key);
}

static struct kn_str read_key(const struct kn_reads *reads, uint32_t i)
{
    return i < reads->segment_count ? reads->segments[i] : reads->traits[i - reads->segment_count];
}

static uint32_t key_total(const struct kn_reads *reads)
{
    return reads->segment_count + reads->trait_count;
}

static void index_keys(struct kn_live *live)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < live->count; i++) {
        total += key_total(kn_definition_reads(live->all[i]->defined->definition));
    }
    live->keys = kn_arena_zero(&live->index_arena, total + 1, sizeof *live->keys);
    kn_assert(live->keys != NULL);
    live->key_count = 0;
    for (uint32_t i = 0; i < live->count; i++) {
        const struct kn_reads *reads = kn_definition_reads(live->all[i]->defined->definition);
        for (uint32_t k = 0; k < key_total(reads); k++) {
            live->keys[live->key_count++].key = read_key(reads, k);
        }
    }
    qsort(live->keys, live->key_count, sizeof *live->keys, compare_keys);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < live->key_count; i++) {
        if (kept == 0 || !kn_str_eq(live->keys[kept - 1].key, live->keys[i].key)) {
            live->keys[kept] = live->keys[i];
            live->keys[kept++].readers = new_bits(live);
        }
    }
    live->key_count = kept;
}

static void index_one(struct kn_live *live, uint32_t at)
{
    const struct kn_reads *reads = kn_definition_reads(live->all[at]->defined->definition);
    kn_bits_set(live->every, at);
    for (uint32_t i = 0; i < reads->event_count; i++) {
        if (reads->events[i].name.p) {
            kn_bits_set(live->events[kn_plan_find(&live->plan, reads->events[i].name)].readers, at);
        } else {
            kn_bits_set(live->order_readers, at);
        }
    }
    for (uint32_t i = 0; i < key_total(reads); i++) {
        kn_bits_set(*kn_live_key_readers(live, read_key(reads, i)), at);
    }
    if (reads->consent_count > 0) {
        kn_bits_set(live->consent_readers, at);
    }
    if (reads->identifier_count > 0) {
        kn_bits_set(live->identifier_readers, at);
    }
}

/* What a definition says of a profile without anything: when that is nothing, a new profile needs
 * only those that read what it brings. */
static void index_empty(struct kn_fold *f, uint32_t at)
{
    struct kn_live *live = f->live;
    const struct kn_definition *definition = live->all[at]->defined->definition;
    struct kn_live_view v;
    struct kn_verdict verdict = {0};
    struct kn_trait_value value = {0};
    kn_live_view(&v, f, 0);
    v.is_empty = true;
    v.view.zone = live->all[at]->defined->zone;
    v.list = NULL;
    kn_buf_clear(&live->value);
    enum kn_rc rc =
        live->all[at]->record.computed
            ? kn_eval_trait(definition, &v.view, f->now_us, &live->arena, &live->value, &value)
            : kn_eval(definition, &v.view, f->now_us, &live->arena, &verdict);
    kn_assert(rc == KN_OK);
    bool waits =
        live->all[at]->record.computed ? value.next_us != INT64_MAX : verdict.next_us != INT64_MAX;
    if (verdict.truth || value.present || waits) {
        kn_bits_set(live->empty_matters, at);
    }
    kn_arena_clear(&live->arena);
}

static void make_plan(struct kn_live *live)
{
    uint64_t before = live->plan.fingerprint;
    kn_plan_deinit(&live->plan);
    kn_plan_init(&live->plan);
    for (uint32_t i = 0; i < live->count; i++) {
        kn_plan_add(&live->plan, live->all[i]->defined->definition);
    }
    kn_plan_finish(&live->plan);
    if (live->plan.fingerprint != before) {
        kn_histories_clear(&live->histories);
    }
    memset(live->memo, 0, sizeof live->memo);
    memset(live->key_memo, 0, sizeof live->key_memo);
}

void kn_live_make_index(struct kn_fold *f)
{
    struct kn_live *live = f->live;
    kn_arena_clear(&live->index_arena);
    make_plan(live);
    live->words = (live->count + 63) / 64;
    live->todo = new_bits(live);
    live->direct = new_bits(live);
    live->every = new_bits(live);
    live->consent_readers = new_bits(live);
    live->identifier_readers = new_bits(live);
    live->order_readers = new_bits(live);
    live->empty_matters = new_bits(live);
    live->events =
        kn_arena_zero(&live->index_arena, live->plan.event_count + 1, sizeof *live->events);
    kn_assert(live->events != NULL);
    for (uint32_t i = 0; i < live->plan.event_count; i++) {
        struct kn_live_event *event = &live->events[i];
        *event = (struct kn_live_event){new_bits(live), new_bits(live), new_bits(live),
                                        new_bits(live), NULL,           0};
    }
    index_keys(live);
    kn_live_index_lists(live);
    for (uint32_t i = 0; i < live->count; i++) {
        index_one(live, i);
        index_empty(f, i);
    }
    for (uint32_t i = 0; i < live->plan.event_count; i++) {
        kn_live_index_event(live, i);
    }
}
