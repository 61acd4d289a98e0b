/* Work beside the fold: runs of the behaviour columns, and definitions as of the record that made
 * them. */
#include "apply/workspace_internal.h"
#include "base/mem.h"
#include "format/json.h"
#include "segment/bulk.h"

enum { PROFILES = 32, ITEM_MAX = 4096 };

static enum kn_rc stage_built(struct kn_workspace *ws, const struct kn_instance *instance,
                              struct kn_err *err)
{
    const struct kn_segment_record *r = &instance->record;
    struct kn_buf body;
    struct kn_buf items;
    bool full;
    int64_t now = kn_clock_wall_us(ws->options.clock);
    kn_buf_init(&body, ITEM_MAX);
    kn_buf_init(&items, ITEM_MAX);
    kn_buf_c(&body, "{");
    kn_json_out_ki64(&body, "number", r->number);
    kn_json_out_ki64(&body, "version", (int64_t)r->version);
    kn_json_out_ki64(&body, "defined", (int64_t)r->defined_seq);
    kn_buf_c(&body, "}");
    struct kn_item item = {
        .kind = KN_ITEM_BUILT,
        .event_us = now,
        .received_us = now,
        .message_id = KN_STR("-"),
        .name = r->key,
        .body = kn_buf_view(&body),
    };
    kn_item_encode(&item, &items);
    enum kn_rc rc = items.rc;
    if (rc == KN_OK) {
        rc = kn_workspace_stage(ws, kn_buf_view(&items), 1, 0, &ws->built_seq, &full, err);
    }
    kn_buf_deinit(&items);
    kn_buf_deinit(&body);
    return rc;
}

/* A record that never became durable, or could not be staged for now, is staged again. */
static bool waits_for_record(struct kn_workspace *ws, bool *ret_staged)
{
    struct kn_err err;
    const struct kn_instance *instance = kn_live_by_number(ws->fold.live, ws->build.number);
    if (!instance || instance->record.status != KN_SEGMENT_BUILDING) {
        kn_live_build_end(&ws->build);
        return false;
    }
    if (ws->built_staged && kn_workspace_is_lost(ws, ws->built_seq)) {
        ws->built_staged = false;
    }
    if (!ws->built_staged && stage_built(ws, instance, &err) == KN_OK) {
        ws->built_staged = true;
        *ret_staged = true;
    }
    return true;
}

/* ---- many profiles at once, over the columns ---- */

struct bulk_build {
    struct kn_columns_pin *pin;
    struct kn_defined *defined;
    struct kn_settings *settings;
    int64_t now_us;
    uint64_t *bits[KN_QUERY_CONDITIONS_MAX]; /* of the segments it reads, in their order */
};

static const uint64_t *bits_of(void *context, struct kn_str segment)
{
    struct bulk_build *b = context;
    const struct kn_reads *reads = kn_definition_reads(b->defined->definition);
    for (uint32_t i = 0; i < reads->segment_count; i++) {
        if (kn_str_eq(reads->segments[i], segment)) {
            return b->bits[i];
        }
    }
    for (uint32_t i = 0; i < reads->trait_count; i++) {
        if (kn_str_eq(reads->traits[i], segment)) {
            return b->bits[reads->segment_count + i];
        }
    }
    return NULL;
}

static bool is_segment(void *context, struct kn_str key)
{
    const struct kn_defined *d =
        kn_settings_defined(((const struct bulk_build *)context)->settings, key);
    return d && !d->computed;
}

/* The columns do not have values of computed traits, nor fields beyond their limit. */
static bool can_bulk(struct kn_workspace *ws, const struct kn_instance *instance)
{
    const struct kn_reads *reads = kn_definition_reads(instance->defined->definition);
    struct kn_columns_usage usage;
    kn_columns_usage(ws->columns, &usage);
    for (uint32_t i = 0; i < reads->trait_count; i++) {
        const struct kn_instance *read = kn_live_serving(ws->fold.live, reads->traits[i]);
        if (read && read->record.computed) {
            return false;
        }
    }
    return !instance->record.computed && usage.dropped_fields == 0 &&
           reads->segment_count + reads->trait_count <= KN_QUERY_CONDITIONS_MAX;
}

static uint64_t *copy_bits(struct kn_workspace *ws, struct kn_str key, size_t words)
{
    const struct kn_instance *instance = kn_live_serving(ws->fold.live, key);
    if (!instance || instance->record.computed) {
        return NULL;
    }
    uint64_t *bits = kn_must_calloc(words + 1, sizeof *bits);
    for (uint32_t chunk = 0; (size_t)chunk * (KN_MEMBERS_CHUNK / 64) < words; chunk++) {
        char bytes[8];
        kn_members_key(instance->record.number, chunk, bytes);
        struct kn_str from =
            kn_fold_get(&ws->fold, KN_T_MEMBERS, kn_key_bytes(kn_str(bytes, sizeof bytes)));
        size_t at = (size_t)chunk * (KN_MEMBERS_CHUNK / 64);
        for (size_t i = 0; i < from.len && at + i / 8 < words; i++) {
            bits[at + i / 8] |= (uint64_t)(unsigned char)from.p[i] << (i % 8 * 8);
        }
    }
    return bits;
}

/* One moment: the columns and the other segments' members. Under the write lock. */
static enum kn_rc bulk_begin(struct kn_workspace *ws, const struct kn_instance *instance,
                             struct bulk_build *b, struct kn_err *err)
{
    *b = (struct bulk_build){.now_us = instance->record.defined_us};
    KN_TRY(kn_columns_pin(ws->columns, &b->pin, err));
    b->defined = kn_defined_ref(instance->defined);
    b->settings = kn_settings_ref(ws->fold.settings);
    const struct kn_reads *reads = kn_definition_reads(b->defined->definition);
    size_t words = kn_bulk_words(b->pin);
    for (uint32_t i = 0; i < reads->segment_count; i++) {
        b->bits[i] = copy_bits(ws, reads->segments[i], words);
    }
    for (uint32_t i = 0; i < reads->trait_count; i++) {
        b->bits[reads->segment_count + i] = copy_bits(ws, reads->traits[i], words);
    }
    return KN_OK;
}

static void bulk_end(struct bulk_build *b)
{
    for (size_t i = 0; i < KN_QUERY_CONDITIONS_MAX; i++) {
        kn_free(b->bits[i]);
    }
    kn_settings_unref(b->settings);
    kn_defined_unref(b->defined);
    kn_columns_unpin(b->pin);
}

static enum kn_rc bulk_run(struct bulk_build *b, struct kn_live_result *result, struct kn_err *err)
{
    struct kn_bulk_options options = {
        .pin = b->pin,
        .now_us = b->now_us,
        .members = bits_of,
        .is_segment = is_segment,
        .context = b,
    };
    uint32_t end =
        b->pin->ordinal_end > result->ordinal_end ? b->pin->ordinal_end : result->ordinal_end;
    kn_free(result->members);
    kn_free(result->due);
    result->members = kn_must_calloc(kn_bulk_words(b->pin) + end / 64 + 1, sizeof(uint64_t));
    result->due = kn_must_alloc(((size_t)end + 1) * sizeof *result->due);
    for (uint32_t i = 0; i <= end; i++) {
        result->due[i] = INT64_MAX;
    }
    return kn_bulk(b->defined->definition, &options, result->members, result->due, err);
}

/* ---- steps ---- */

/* Without the lock; a result is the fold's when it is there. */
static enum kn_rc build_in_bulk(struct kn_workspace *ws, struct bulk_build *b, bool *ret_staged,
                                struct kn_err *err)
{
    enum kn_rc rc = bulk_run(b, ws->build.result, err);
    bulk_end(b);
    kn_rwlock_write(&ws->lock);
    if (rc == KN_OK) {
        bool done;
        ws->build.next = ws->build.result->ordinal_end;
        if (kn_live_build_piece(&ws->fold, &ws->build, 0, &done) && done) {
            ws->built_staged = false;
            (void)waits_for_record(ws, ret_staged);
        }
    }
    kn_rwlock_unlock(&ws->lock);
    return rc;
}

/* Under the write lock. Answers whether there is more to do now. */
static bool build_definitions(struct kn_workspace *ws, bool *ret_staged, struct bulk_build *bulk,
                              enum kn_rc *ret_rc, struct kn_err *err)
{
    struct kn_live_build *build = &ws->build;
    bool done = false;
    if (build->number != 0 && !build->result) {
        return !waits_for_record(ws, ret_staged);
    }
    if (build->number == 0 && !kn_live_build_begin(&ws->fold, build)) {
        return false;
    }
    const struct kn_instance *instance = kn_live_by_number(ws->fold.live, build->number);
    if (instance && instance->record.status == KN_SEGMENT_BUILDING && can_bulk(ws, instance)) {
        *ret_rc = bulk_begin(ws, instance, bulk, err);
        return true;
    }
    if (kn_live_build_piece(&ws->fold, build, PROFILES, &done) && done) {
        ws->built_staged = false;
        (void)waits_for_record(ws, ret_staged);
    }
    return !done;
}

enum kn_rc kn_workspace_build_step(struct kn_workspace *ws, bool *ret_more, bool *ret_staged,
                                   struct kn_err *err)
{
    *ret_staged = false;
    KN_TRY(kn_columns_build(ws->columns, 0, ret_more, err));
    struct bulk_build bulk = {0};
    enum kn_rc rc = KN_OK;
    kn_rwlock_write(&ws->lock);
    bool more = build_definitions(ws, ret_staged, &bulk, &rc, err);
    kn_rwlock_unlock(&ws->lock);
    if (rc == KN_OK && bulk.pin) {
        rc = build_in_bulk(ws, &bulk, ret_staged, err);
    }
    *ret_more = *ret_more || more;
    return rc;
}
