#include "apply/live_build.h"

#include "apply/fold.h"
#include "base/assert.h"
#include "base/mem.h"
#include "format/json.h"

enum {
    PIECE_LOOKS = 262144, /* ordinals looked at, and profiles settled, in one record ... */
    PIECE_WORK = 256,
    TICK_WORK = 8192, /* ... and in one tick, when nothing else is to be done */
    BUILD_CACHE = 1 << 20,
    VALUE_MAX = 16 * 1024 * 1024,
};

void kn_live_results_free(struct kn_live_result *results)
{
    while (results) {
        struct kn_live_result *r = results;
        results = r->next;
        for (uint32_t i = 0; r->values && i < r->ordinal_end; i++) {
            kn_free(r->values[i]);
        }
        kn_free(r->values);
        kn_free(r->members);
        kn_free(r->due);
        kn_free(r);
    }
}

static struct kn_live_result *find_result(struct kn_live *live, uint32_t number)
{
    struct kn_live_result *r = live->results;
    while (r && r->number != number) {
        r = r->next;
    }
    return r;
}

static void drop_result(struct kn_live *live, uint32_t number)
{
    struct kn_live_result **at = &live->results;
    while (*at && (*at)->number != number) {
        at = &(*at)->next;
    }
    if (*at) {
        struct kn_live_result *r = *at;
        *at = r->next;
        r->next = NULL;
        kn_live_results_free(r);
    }
}

/* ---- one profile ---- */

struct outcome {
    bool truth;
    int64_t next_us;
    struct kn_str value; /* in `text` */
};

static bool is_live_profile(struct kn_fold *f, uint32_t ordinal)
{
    struct kn_hot hot;
    return kn_hot_decode(kn_fold_get(f, KN_T_HOT, kn_key_u32(ordinal)), &hot) && hot.canonical == 0;
}

static void evaluate(const struct kn_instance *instance, struct kn_live_view *v, int64_t now_us,
                     struct kn_buf *text, struct outcome *ret)
{
    struct kn_arena *arena = &v->f->live->arena;
    struct kn_verdict verdict = {.next_us = INT64_MAX};
    struct kn_trait_value value = {.next_us = INT64_MAX};
    enum kn_rc rc;
    kn_buf_clear(text);
    v->view.zone = instance->defined->zone;
    if (instance->record.computed) {
        rc = kn_eval_trait(instance->defined->definition, &v->view, now_us, arena, text, &value);
        *ret = (struct outcome){.next_us = value.next_us,
                                .value = value.present ? kn_buf_view(text) : KN_STR_EMPTY};
    } else {
        rc = kn_eval(instance->defined->definition, &v->view, now_us, arena, &verdict);
        *ret = (struct outcome){.truth = verdict.truth, .next_us = verdict.next_us};
    }
    kn_assert(rc == KN_OK && text->rc == KN_OK);
}

/* ---- the builder's side ---- */

static bool can_be_built(const struct kn_live *live, const struct kn_instance *instance)
{
    const struct kn_reads *reads = kn_definition_reads(instance->defined->definition);
    if (instance->record.status != KN_SEGMENT_BUILDING ||
        find_result((struct kn_live *)(uintptr_t)live, instance->record.number)) {
        return false;
    }
    for (uint32_t i = 0; i < live->count; i++) {
        const struct kn_instance *other = live->all[i];
        if (other->record.status == KN_SEGMENT_READY || other == instance) {
            continue;
        }
        for (uint32_t k = 0; k < reads->segment_count; k++) {
            if (kn_str_eq(reads->segments[k], other->record.key)) {
                return false;
            }
        }
        for (uint32_t k = 0; k < reads->trait_count; k++) {
            if (kn_str_eq(reads->traits[k], other->record.key)) {
                return false;
            }
        }
    }
    return true;
}

bool kn_live_build_begin(struct kn_fold *f, struct kn_live_build *build)
{
    struct kn_live *live = f->live;
    struct kn_instance *instance = NULL;
    for (uint32_t i = 0; live->making > 0 && i < live->count && !instance; i++) {
        instance = can_be_built(live, live->all[i]) ? live->all[i] : NULL;
    }
    if (!instance) {
        return false;
    }
    uint32_t end = instance->record.ordinal_end;
    *build = (struct kn_live_build){.number = instance->record.number, .next = 1};
    build->result = kn_must_calloc(1, sizeof *build->result);
    build->result->number = instance->record.number;
    build->result->ordinal_end = end;
    build->result->members = kn_must_calloc(end / 64 + 1, sizeof *build->result->members);
    build->result->due = kn_must_alloc((end + 1) * sizeof *build->result->due);
    for (uint32_t i = 0; i <= end; i++) {
        build->result->due[i] = INT64_MAX;
    }
    if (instance->record.computed) {
        build->result->values = kn_must_calloc(end + 1, sizeof(char *));
    }
    kn_plan_init(&build->plan);
    kn_plan_add(&build->plan, instance->defined->definition);
    kn_plan_finish(&build->plan);
    kn_histories_init(&build->histories, BUILD_CACHE);
    return true;
}

void kn_live_build_end(struct kn_live_build *build)
{
    if (build->number != 0) {
        kn_live_results_free(build->result);
        kn_histories_deinit(&build->histories);
        kn_plan_deinit(&build->plan);
        kn_members_deinit(&build->list);
    }
    *build = (struct kn_live_build){0};
}

static void build_one(struct kn_fold *f, struct kn_live_build *build,
                      const struct kn_instance *instance, struct kn_buf *text)
{
    struct kn_live_view v;
    struct outcome got;
    uint32_t ordinal = build->next;
    if (!is_live_profile(f, ordinal) ||
        kn_members_marked(f, build->number | KN_KNOWN_BIT, ordinal)) {
        return;
    }
    kn_live_view(&v, f, ordinal);
    kn_members_load(f, ordinal, &build->list);
    v.plan = &build->plan;
    v.histories = &build->histories;
    v.list = &build->list;
    evaluate(instance, &v, instance->record.defined_us, text, &got);
    build->result->due[ordinal] = got.next_us;
    if (got.truth) {
        build->result->members[ordinal >> 6] |= UINT64_C(1) << (ordinal & 63);
    }
    if (got.value.len > 0) {
        char *value = kn_must_alloc(got.value.len + 1);
        memcpy(value, got.value.p, got.value.len);
        value[got.value.len] = '\0';
        build->result->values[ordinal] = value;
    }
    kn_histories_drop(&build->histories, ordinal);
    kn_arena_clear(&f->live->arena);
    kn_arena_clear(&f->arena);
}

bool kn_live_build_piece(struct kn_fold *f, struct kn_live_build *build, uint32_t count,
                         bool *ret_done)
{
    struct kn_instance *instance = kn_live_by_number(f->live, build->number);
    struct kn_buf text;
    *ret_done = false;
    if (!instance || instance->record.status != KN_SEGMENT_BUILDING) {
        kn_live_build_end(build);
        return false;
    }
    kn_buf_init(&text, VALUE_MAX);
    for (uint32_t i = 0; i < count && build->next < build->result->ordinal_end; i++) {
        build_one(f, build, instance, &text);
        build->next++;
    }
    kn_buf_deinit(&text);
    if (build->next >= build->result->ordinal_end) {
        build->result->next = f->live->results;
        f->live->results = build->result;
        build->result = NULL;
        *ret_done = true;
    }
    return true;
}

/* ---- the fold's side ---- */

void kn_live_built(struct kn_fold *f, const struct kn_item *item)
{
    struct kn_live *live = f->live;
    size_t offset = 0;
    struct kn_str key;
    struct kn_str value;
    uint64_t number = 0;
    while (kn_json_walk(item->body, &offset, &key, &value)) {
        if (kn_str_eq(key, KN_STR("number"))) {
            (void)kn_str_u64(value, &number);
        }
    }
    struct kn_instance *instance =
        number < UINT32_MAX ? kn_live_by_number(live, (uint32_t)number) : NULL;
    if (instance && instance->record.status == KN_SEGMENT_BUILDING) {
        instance->record.status = KN_SEGMENT_INSTALLING;
        instance->dirty = live->any_dirty = true;
    }
}

/* Truth as of the definition, which still holds but for the time that went by. */
static void take_over(struct kn_fold *f, struct kn_instance *instance, uint32_t ordinal,
                      const struct outcome *built, struct kn_live_view *v, struct kn_buf *text)
{
    struct outcome now = *built;
    struct kn_live_why why = {.cause = KN_CAUSE_DEFINITION, .now_us = f->now_us};
    if (built->next_us <= f->now_us) {
        kn_members_load(f, ordinal, &f->live->list);
        evaluate(instance, v, f->now_us, text, &now);
    }
    if (now.truth || now.value.len > 0 || now.next_us != INT64_MAX) {
        kn_members_load(f, ordinal, &f->live->list);
        kn_live_settle(f, instance, now.truth, now.value, now.next_us, &why, true);
        kn_live_finish_list(f);
    }
    kn_arena_clear(&f->live->arena);
    kn_arena_clear(&f->arena);
}

/* Answers whether there was anything to do. */
static bool install_one(struct kn_fold *f, struct kn_instance *instance, uint32_t ordinal,
                        const struct kn_live_result *result, struct kn_buf *text)
{
    struct outcome built = {.next_us = INT64_MAX};
    struct kn_live_view v;
    if (result) {
        built.truth = (result->members[ordinal >> 6] >> (ordinal & 63) & 1) != 0;
        built.next_us = result->due[ordinal];
        built.value = kn_str_c(result->values ? result->values[ordinal] : NULL);
        if (!built.truth && built.value.len == 0 && built.next_us == INT64_MAX) {
            return false;
        }
    }
    if (!is_live_profile(f, ordinal) ||
        kn_members_marked(f, instance->record.number | KN_KNOWN_BIT, ordinal)) {
        return false;
    }
    kn_live_view(&v, f, ordinal);
    if (!result) {
        kn_members_load(f, ordinal, &f->live->list);
        evaluate(instance, &v, instance->record.defined_us, text, &built);
        built.value = kn_arena_str(&f->live->arena, built.value);
    }
    take_over(f, instance, ordinal, &built, &v, text);
    return true;
}

/* ---- ready ---- */

/* The difference to what served before, as far as the series keeps it. */
static void log_difference(struct kn_fold *f, struct kn_instance *instance,
                           const struct kn_instance *old)
{
    struct kn_segment_record *r = &instance->record;
    uint64_t skip = r->size > KN_CHANGES_KEPT ? r->size - KN_CHANGES_KEPT : 0;
    for (uint32_t ordinal = 1; ordinal < f->counters.next_ordinal; ordinal++) {
        bool now = kn_members_marked(f, r->number, ordinal);
        bool was = old && kn_members_marked(f, old->record.number, ordinal);
        if (now == was) {
            continue;
        }
        if (skip > 0) {
            skip--;
            continue;
        }
        struct kn_change change = {
            .kind = now ? KN_CHANGE_ENTERED : KN_CHANGE_EXITED,
            .cause = KN_CAUSE_DEFINITION,
            .at_us = f->now_us,
            .ordinal = ordinal,
            .position = f->seq,
            .index = UINT32_MAX,
        };
        kn_change_append(f, r, &change);
    }
}

static uint32_t *numbers_of_readers(const struct kn_live *live, struct kn_str key,
                                    uint32_t *ret_count)
{
    const struct kn_bits *readers = kn_live_key_readers(live, key);
    uint32_t *numbers = kn_must_alloc((live->count + 1) * sizeof *numbers);
    *ret_count = 0;
    for (uint32_t i = 0; readers && i < live->count; i++) {
        if (kn_bits_has(*readers, i)) {
            numbers[(*ret_count)++] = live->all[i]->record.number;
        }
    }
    return numbers;
}

static void build_again(struct kn_fold *f, const uint32_t *numbers, uint32_t count)
{
    struct kn_live *live = f->live;
    for (uint32_t i = 0; i < count; i++) {
        struct kn_instance *reader = NULL; /* those of one key may go with the first of them */
        for (uint32_t k = 0; k < live->count && !reader; k++) {
            reader = live->all[k]->record.number == numbers[i] ? live->all[k] : NULL;
        }
        if (reader && reader->record.defined_seq < f->seq) {
            kn_live_again(f, reader);
        }
    }
}

static void become_ready(struct kn_fold *f, struct kn_instance *instance)
{
    struct kn_segment_record *r = &instance->record;
    struct kn_instance *old = kn_live_serving(f->live, r->key);
    uint32_t reader_count;
    kn_histories_forget_states(&f->live->histories);
    uint32_t *readers = numbers_of_readers(f->live, r->key, &reader_count);
    r->status = KN_SEGMENT_READY;
    r->ready_us = f->now_us;
    if (old) {
        r->changes = old->record.changes;
        r->oldest_change = old->record.oldest_change;
    }
    if (!r->computed) {
        log_difference(f, instance, old && !old->record.computed ? old : NULL);
    }
    kn_members_clear(f, r->number | KN_KNOWN_BIT, f->counters.next_ordinal);
    drop_result(f->live, r->number);
    instance->dirty = true;
    if (old) {
        kn_live_remove(f, old, false);
    }
    build_again(f, readers, reader_count);
    kn_free(readers);
    kn_live_index_again(f);
}

void kn_live_install(struct kn_fold *f, bool is_tick)
{
    struct kn_live *live = f->live;
    struct kn_instance *instance = NULL;
    struct kn_buf text;
    for (uint32_t i = 0; i < live->count && !instance; i++) {
        instance = live->all[i]->record.status == KN_SEGMENT_INSTALLING ? live->all[i] : NULL;
    }
    if (!instance) {
        return;
    }
    struct kn_segment_record *r = &instance->record;
    const struct kn_live_result *result = find_result(live, r->number);
    uint32_t work = is_tick ? TICK_WORK : PIECE_WORK;
    kn_buf_init(&text, VALUE_MAX);
    for (uint32_t looks = 0; r->installed < r->ordinal_end && work > 0 && looks < PIECE_LOOKS;
         looks++) {
        bool worked = instance->defined->list != 0
                          ? kn_live_install_listed(f, instance, r->installed)
                          : install_one(f, instance, r->installed, result, &text);
        work -= worked ? 1 : 0;
        r->installed++;
    }
    kn_buf_deinit(&text);
    instance->dirty = live->any_dirty = true;
    if (r->installed >= r->ordinal_end) {
        become_ready(f, instance);
    }
}
