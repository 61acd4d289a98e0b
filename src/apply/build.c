/* Work beside the fold: runs of the behaviour columns, and definitions as of the record that made
 * them. */
#include "apply/workspace_internal.h"
#include "format/json.h"

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

/* Under the write lock. Answers whether there is more to do now. */
static bool build_definitions(struct kn_workspace *ws, bool *ret_staged)
{
    struct kn_live_build *build = &ws->build;
    bool done = false;
    if (build->number != 0 && !build->result) {
        return !waits_for_record(ws, ret_staged);
    }
    if (build->number == 0 && !kn_live_build_begin(&ws->fold, build)) {
        return false;
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
    kn_rwlock_write(&ws->lock);
    bool more = build_definitions(ws, ret_staged);
    kn_rwlock_unlock(&ws->lock);
    *ret_more = *ret_more || more;
    return KN_OK;
}
