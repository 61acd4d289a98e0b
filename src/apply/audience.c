#include "apply/audience.h"

#include "apply/destinations.h"
#include "apply/fields.h"
#include "apply/segments.h"
#include "apply/workspace_internal.h"
#include "base/mem.h"

const char *const kn_consent_purposes[] = {"analytics",      "personalisation", "marketing_email",
                                           "marketing_sms",  "marketing_push",  "marketing_phone",
                                           "marketing_post", "advertising"};
const size_t kn_consent_purpose_count = sizeof kn_consent_purposes / sizeof kn_consent_purposes[0];

/* ---- what a query reads besides columns ---- */

struct read_segment {
    struct kn_str key;
    uint64_t *bits; /* owned */
};

struct read_computed {
    struct kn_str key;
    uint32_t number;
    struct kn_str *values; /* [ordinal_end] JSON, empty = none; in the arena */
};

struct question {
    struct kn_workspace *ws;
    struct kn_arena arena;
    struct kn_query query;
    const struct kn_definition *definition;
    struct kn_settings *settings; /* a reference: the definition's time zone and sources */
    struct read_segment *segments;
    uint32_t segment_count;
    struct read_computed *computed;
    uint32_t computed_count;
    bool full;
};

static void question_init(struct question *q, struct kn_workspace *ws)
{
    *q = (struct question){.ws = ws};
    kn_arena_init(&q->arena, SIZE_MAX);
}

static void question_deinit(struct question *q)
{
    for (uint32_t i = 0; i < q->segment_count; i++) {
        kn_free(q->segments[i].bits);
    }
    kn_settings_unref(q->settings);
    kn_arena_deinit(&q->arena);
}

static const uint64_t *members_of(void *context, struct kn_str segment)
{
    const struct question *q = context;
    for (uint32_t i = 0; i < q->segment_count; i++) {
        if (kn_str_eq(q->segments[i].key, segment)) {
            return q->segments[i].bits;
        }
    }
    return NULL;
}

static bool is_segment(void *context, struct kn_str key)
{
    return members_of(context, key) != NULL;
}

static const struct read_computed *computed_of(const struct question *q, struct kn_str key)
{
    for (uint32_t i = 0; i < q->computed_count; i++) {
        if (kn_str_eq(q->computed[i].key, key)) {
            return &q->computed[i];
        }
    }
    return NULL;
}

static bool is_computed(void *context, struct kn_str key)
{
    return computed_of(context, key) != NULL;
}

static struct kn_values computed_values(void *context, uint32_t ordinal, struct kn_path path,
                                        struct kn_arena *arena)
{
    const struct read_computed *c = computed_of(context, path.keys[0]);
    struct kn_path rest = {path.keys + 1, path.count - 1};
    struct kn_value_list list = {0};
    if (c && c->values[ordinal].len > 0) {
        kn_fields_at(c->values[ordinal], rest, arena, &list);
    }
    return (struct kn_values){list.all, list.count};
}

static void take_segment(struct question *q, const struct kn_instance *instance, size_t words)
{
    uint64_t *bits;
    if (is_segment(q, instance->record.key)) {
        return;
    }
    bits = kn_calloc(words + 1, sizeof *bits);
    q->full = q->full || !bits || !kn_workspace__segment_bits(q->ws, instance, bits, words);
    q->segments[q->segment_count++] =
        (struct read_segment){kn_arena_str(&q->arena, instance->record.key), bits};
    q->full = q->full || !q->segments[q->segment_count - 1].key.p;
}

static void take_computed(struct question *q, const struct kn_instance *instance, uint32_t end)
{
    struct read_computed *c = &q->computed[q->computed_count];
    c->key = kn_arena_str(&q->arena, instance->record.key);
    c->number = instance->record.number;
    c->values = kn_arena_zero(&q->arena, (size_t)end + 1, sizeof *c->values);
    q->full = q->full || !c->key.p || !c->values;
    q->computed_count++;
}

/* The values of all computed traits that are read, of profiles in [first, end). */
static void read_values(struct question *q, uint32_t first, uint32_t end)
{
    struct kn_arena scratch;
    kn_arena_init(&scratch, 16U << 20);
    struct kn_state_reader r = kn_state_reader_begin(q->ws->state);
    for (uint32_t ordinal = first; ordinal < end && !q->full; ordinal++) {
        kn_arena_clear(&scratch);
        struct kn_str bytes =
            kn_state_read(&r, KN_T_COMPUTED, kn_key_u32(ordinal), &scratch, &q->full);
        for (uint32_t i = 0; bytes.len > 0 && i < q->computed_count; i++) {
            struct kn_str value = kn_computed_find(bytes, q->computed[i].number);
            if (value.len > 0) {
                q->computed[i].values[ordinal] = kn_arena_str(&q->arena, value);
                q->full = q->full || !q->computed[i].values[ordinal].p;
            }
        }
    }
    kn_state_reader_end(&r);
    kn_arena_deinit(&scratch);
}

static enum kn_rc compile(struct question *q, struct kn_str text, struct kn_err *err)
{
    struct kn_definition_options options = {0};
    q->settings = kn_settings_ref(q->ws->fold.settings);
    options.zone = q->settings->zone;
    options.sources = kn_surroundings_sources(q->settings->surroundings, &options.source_count);
    KN_TRY(kn_query_parse(text, KN_QUERY_SEGMENT, &q->arena, &q->query, err));
    return kn_definition_make(&q->query, &options, &q->arena, &q->definition, err);
}

static bool take_reads(struct question *q, const struct kn_audience *a)
{
    const struct kn_reads *reads = kn_definition_reads(q->definition);
    uint32_t most = reads->segment_count + reads->trait_count;
    uint32_t slice = a->ordinal_end < KN_AUDIENCE_SLICE ? a->ordinal_end : KN_AUDIENCE_SLICE;
    q->segments = kn_arena_zero(&q->arena, most + 1, sizeof *q->segments);
    q->computed = kn_arena_zero(&q->arena, most + 1, sizeof *q->computed);
    q->full = !q->segments || !q->computed;
    for (uint32_t i = 0; i < most && !q->full; i++) {
        bool trait = i >= reads->segment_count;
        struct kn_str key = trait ? reads->traits[i - reads->segment_count] : reads->segments[i];
        const struct kn_instance *instance = kn_live_serving(q->ws->fold.live, key);
        if (instance && !instance->record.computed) {
            take_segment(q, instance, a->words);
        } else if (instance && trait) {
            take_computed(q, instance, a->ordinal_end);
        }
    }
    if (q->computed_count > 0) {
        read_values(q, 0, slice);
    }
    return !q->full;
}

/* ---- audiences ---- */

static enum kn_rc pin(struct kn_workspace *ws, struct kn_audience *ret, struct kn_err *err)
{
    *ret = (struct kn_audience){.ws = ws};
    KN_TRY(kn_columns_pin(ws->columns, &ret->pin, err));
    ret->now_us = ws->fold.now_us;
    ret->ordinal_end = ret->pin->ordinal_end;
    ret->words = kn_bulk_words(ret->pin);
    ret->members = kn_calloc(ret->words + 1, sizeof *ret->members);
    return ret->members ? KN_OK : kn_fail(err, KN_E_NOMEM, "out of memory");
}

void kn_audience_end(struct kn_audience *a)
{
    kn_columns_unpin(a->pin);
    kn_free(a->members);
    *a = (struct kn_audience){0};
}

static enum kn_rc ask(struct question *q, struct kn_str text, struct kn_audience *a,
                      struct kn_err *err)
{
    kn_rwlock_read(&q->ws->lock);
    enum kn_rc rc = compile(q, text, err);
    rc = rc == KN_OK && !a->pin ? pin(q->ws, a, err) : rc;
    if (rc == KN_OK && !take_reads(q, a)) {
        rc = kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    kn_rwlock_unlock(&q->ws->lock);
    for (uint32_t at = KN_AUDIENCE_SLICE;
         rc == KN_OK && q->computed_count > 0 && at < a->ordinal_end && !q->full;
         at += KN_AUDIENCE_SLICE) {
        uint32_t left = a->ordinal_end - at;
        kn_rwlock_read(&q->ws->lock);
        read_values(q, at, at + (left < KN_AUDIENCE_SLICE ? left : KN_AUDIENCE_SLICE));
        kn_rwlock_unlock(&q->ws->lock);
    }
    return rc == KN_OK && q->full ? kn_fail(err, KN_E_NOMEM, "out of memory") : rc;
}

/* Fills a->members; a has a pin already, or gets one. */
static enum kn_rc answer(struct kn_audience *a, struct kn_str text, const struct kn_bulk_jobs *jobs,
                         struct kn_err *err)
{
    struct question q;
    question_init(&q, a->ws);
    enum kn_rc rc = ask(&q, text, a, err);
    if (rc == KN_OK) {
        struct kn_bulk_options options = {
            .pin = a->pin,
            .now_us = a->now_us,
            .members = members_of,
            .is_segment = is_segment,
            .is_computed = is_computed,
            .computed = computed_values,
            .context = &q,
            .jobs = jobs ? *jobs : (struct kn_bulk_jobs){0},
        };
        rc = kn_bulk(q.definition, &options, a->members, NULL, err);
    }
    question_deinit(&q);
    return rc;
}

enum kn_rc kn_audience_query(struct kn_workspace *ws, struct kn_str text,
                             const struct kn_bulk_jobs *jobs, struct kn_audience *ret,
                             struct kn_err *err)
{
    *ret = (struct kn_audience){.ws = ws};
    enum kn_rc rc = answer(ret, text, jobs, err);
    if (rc != KN_OK) {
        kn_audience_end(ret);
    }
    return rc;
}

enum kn_rc kn_audience_query_on(struct kn_workspace *ws, struct kn_columns_pin *pinned,
                                int64_t now_us, struct kn_str text, const struct kn_bulk_jobs *jobs,
                                uint64_t *members, struct kn_err *err)
{
    struct kn_audience a = {
        .ws = ws,
        .pin = pinned,
        .now_us = now_us,
        .ordinal_end = pinned->ordinal_end,
        .words = kn_bulk_words(pinned),
        .members = members,
    };
    return answer(&a, text, jobs, err);
}

enum kn_rc kn_audience_segment(struct kn_workspace *ws, struct kn_str key, struct kn_audience *ret,
                               struct kn_err *err)
{
    *ret = (struct kn_audience){0};
    kn_rwlock_read(&ws->lock);
    const struct kn_defined *d = kn_settings_defined(ws->fold.settings, key);
    const struct kn_instance *instance = kn_live_serving(ws->fold.live, key);
    enum kn_rc rc = d && !d->computed && !kn_key_is_destination(key)
                        ? pin(ws, ret, err)
                        : kn_fail(err, KN_E_NOT_FOUND, "there is no such segment");
    if (rc == KN_OK && instance && !instance->record.computed &&
        !kn_workspace__segment_bits(ws, instance, ret->members, ret->words)) {
        rc = kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    kn_rwlock_unlock(&ws->lock);
    if (rc != KN_OK) {
        kn_audience_end(ret);
    }
    return rc;
}

/* ---- purposes ---- */

/* Bits of the live profiles whose newest row has that value in the column `path`. */
static void mark_part(const struct kn_columns_pin *pin, const struct kn_table_part *part,
                      const struct kn_column *column, struct kn_str wanted, uint64_t *bits)
{
    uint64_t row = 0;
    for (uint32_t g = 0; g < part->groups; g++) {
        uint32_t ordinal = part->ordinals[g];
        row += kn_part_group_rows(part, g);
        if (kn_part_is_void(part, ordinal) || !kn_bit(pin->live, ordinal)) {
            continue;
        }
        struct kn_value v =
            kn_dictionary_value(&column->dictionary, kn_column_code(column, row - 1));
        if (v.kind == KN_VALUE_STRING && kn_str_eq(v.text, wanted)) {
            bits[ordinal >> 6] |= UINT64_C(1) << (ordinal & 63);
        }
    }
}

enum kn_rc kn_audience_granted(const struct kn_audience *a, struct kn_str purpose, uint64_t *bits)
{
    struct kn_buf path;
    uint32_t parts;
    kn_buf_init(&path, 4096);
    kn_columns_path_key(&path, KN_STR("k"));
    kn_columns_path_key(&path, purpose);
    enum kn_rc rc = path.rc == KN_E_NOMEM ? KN_E_NOMEM : KN_OK;
    const struct kn_table_part *const *all =
        kn_pin_table(a->pin, KN_TABLE_PROFILE, KN_STR_EMPTY, &parts);
    memset(bits, 0, a->words * sizeof *bits);
    for (uint32_t i = 0; path.rc == KN_OK && i < parts; i++) {
        const struct kn_column *column = kn_part_column(all[i], kn_buf_view(&path), 0);
        if (column) {
            mark_part(a->pin, all[i], column, KN_STR("granted"), bits);
        }
    }
    kn_buf_deinit(&path);
    return rc;
}

static bool listed(const struct kn_str *all, size_t count, struct kn_str one)
{
    for (size_t i = 0; i < count; i++) {
        if (kn_str_eq(all[i], one)) {
            return true;
        }
    }
    return false;
}

/* The key after "k." in a path; empty when it is another section or goes deeper. */
static struct kn_str purpose_of(struct kn_str path)
{
    bool consent = path.len > 2 && path.p[0] == 'k' && path.p[1] == '.';
    struct kn_str key = consent ? kn_str_sub(path, 2, path.len) : KN_STR_EMPTY;
    bool plain =
        kn_str_find(key, KN_STR(".")) == SIZE_MAX && kn_str_find(key, KN_STR("\\")) == SIZE_MAX;
    return plain ? key : KN_STR_EMPTY;
}

enum kn_rc kn_audience_purposes(const struct kn_audience *a, struct kn_arena *arena,
                                struct kn_str **ret, size_t *ret_count)
{
    enum { MOST = 100 };
    uint32_t parts;
    size_t count = kn_consent_purpose_count;
    struct kn_str *names = kn_arena_zero(arena, MOST, sizeof *names);
    const struct kn_table_part *const *all =
        kn_pin_table(a->pin, KN_TABLE_PROFILE, KN_STR_EMPTY, &parts);
    for (size_t i = 0; names && i < count; i++) {
        names[i] = kn_str_c(kn_consent_purposes[i]);
    }
    for (uint32_t i = 0; names && i < parts; i++) {
        for (uint32_t k = 0; k < all[i]->column_count && count < MOST; k++) {
            struct kn_str name = purpose_of(all[i]->columns[k].path);
            if (name.len > 0 && !kn_str_eq(name, KN_STR("service")) &&
                !listed(names, count, name)) {
                names[count++] = kn_arena_str(arena, name);
            }
        }
    }
    *ret = names;
    *ret_count = count;
    return names && names[count - 1].p ? KN_OK : KN_E_NOMEM;
}

/* ---- ids ---- */

enum kn_rc kn_audience_ids(struct kn_workspace *ws, const uint32_t *ordinals, size_t count,
                           struct kn_arena *arena, struct kn_h128 **ret)
{
    bool full = false;
    struct kn_h128 *ids = kn_arena_zero(arena, count + 1, sizeof *ids);
    kn_rwlock_read(&ws->lock);
    struct kn_state_reader r = kn_state_reader_begin(ws->state);
    for (size_t i = 0; ids && i < count && !full; i++) {
        struct kn_hot hot = {0};
        struct kn_str bytes = kn_state_read(&r, KN_T_HOT, kn_key_u32(ordinals[i]), arena, &full);
        if (kn_hot_decode(bytes, &hot) && hot.canonical == 0) {
            ids[i] = hot.id;
        }
    }
    kn_state_reader_end(&r);
    kn_rwlock_unlock(&ws->lock);
    *ret = ids;
    return ids && !full ? KN_OK : KN_E_NOMEM;
}
