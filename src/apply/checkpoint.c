/* Checkpoints: everything applied so far becomes durable in the stores, in one commit. */
#include "apply/workspace_internal.h"

enum { TAIL_BYTES = 96 << 20, DIRTY_BYTES = 128 << 20, TAIL_ROWS = 400000 };
#define AGE_NS (60 * UINT64_C(1000000000))
#define MERGE_STEP_BYTES (UINT64_C(8) << 20)

bool kn_workspace_checkpoint_due(struct kn_workspace *ws)
{
    struct kn_state_usage state;
    struct kn_archive_usage archive;
    if (ws->frozen || ws->erasing.wants_checkpoint) {
        return true;
    }
    kn_rwlock_read(&ws->lock);
    kn_state_usage(ws->state, &state);
    kn_archive_usage(ws->archive, &archive);
    kn_rwlock_unlock(&ws->lock);
    struct kn_position position;
    kn_workspace_position(ws, &position);
    if (position.applied == ws->checkpoint_seq) {
        return false;
    }
    uint64_t age = kn_clock_mono_ns(ws->options.clock) - ws->checkpoint_mono_ns;
    return archive.tail_bytes >= TAIL_BYTES || archive.tail_rows >= TAIL_ROWS ||
           state.dirty_bytes >= DIRTY_BYTES || age >= AGE_NS;
}

/* The moment the checkpoint speaks of: the meta blob is made here, manifests are added later. */
static void freeze(struct kn_workspace *ws, struct kn_meta *meta)
{
    kn_rwlock_write(&ws->lock);
    kn_state_freeze(ws->state);
    kn_archive_freeze(ws->archive);
    kn_columns_freeze(ws->columns);
    kn_feed_frozen(&ws->fold);
    kn_dedupe_freeze(ws->dedupe, ws->applied_record_us / (3600 * INT64_C(1000000)));
    *meta = (struct kn_meta){
        .applied_seq = ws->applied_seq,
        .before_seq = ws->checkpoint_seq,
        .epoch = kn_log_epoch(ws->log),
        .record_us = ws->applied_record_us,
        .counters = ws->fold.counters,
    };
    kn_rwlock_unlock(&ws->lock);
    ws->frozen = true;
}

static enum kn_rc write_out(struct kn_workspace *ws, struct kn_meta *meta, struct kn_err *err)
{
    struct kn_buf archive;
    struct kn_buf columns;
    struct kn_buf dedupe;
    kn_buf_init(&columns, 1U << 30);
    kn_buf_init(&archive, 1U << 30);
    kn_buf_init(&dedupe, 1U << 30);
    enum kn_rc rc = kn_archive_write(ws->archive, err);
    if (rc == KN_OK) {
        rc = kn_columns_write(ws->columns, err);
    }
    if (rc == KN_OK) {
        rc = kn_dedupe_write(ws->dedupe, err);
    }
    if (rc == KN_OK) {
        kn_archive_manifest(ws->archive, &archive);
        kn_columns_manifest(ws->columns, &columns);
        kn_dedupe_manifest(ws->dedupe, &dedupe);
        meta->archive_manifest = kn_buf_view(&archive);
        meta->columns_manifest = kn_buf_view(&columns);
        meta->dedupe_manifest = kn_buf_view(&dedupe);
        kn_buf_clear(&ws->meta);
        kn_meta_encode(meta, &ws->meta);
        rc = archive.rc != KN_OK   ? archive.rc
             : columns.rc != KN_OK ? columns.rc
             : dedupe.rc != KN_OK  ? dedupe.rc
                                   : ws->meta.rc;
    }
    if (rc == KN_OK) {
        rc = kn_state_commit(ws->state, kn_buf_view(&ws->meta), err);
    }
    kn_buf_deinit(&dedupe);
    kn_buf_deinit(&columns);
    kn_buf_deinit(&archive);
    return rc;
}

static void install(struct kn_workspace *ws, const struct kn_meta *meta)
{
    kn_rwlock_write(&ws->lock);
    kn_state_thaw(ws->state);
    kn_archive_install(ws->archive);
    kn_columns_install(ws->columns);
    kn_feed_installed(&ws->fold);
    kn_dedupe_install(ws->dedupe);
    kn_workspace__note_unsaved(ws);
    kn_rwlock_unlock(&ws->lock);
    ws->frozen = false;
    ws->erasing.wants_checkpoint = false;
    ws->checkpoint_before_seq = ws->checkpoint_seq;
    ws->checkpoint_seq = meta->applied_seq;
    ws->checkpoint_mono_ns = kn_clock_mono_ns(ws->options.clock);
    kn_mutex_lock(&ws->stats_mutex);
    ws->checkpoint_us = meta->record_us;
    ws->checkpoints++;
    kn_mutex_unlock(&ws->stats_mutex);
}

enum kn_rc kn_workspace_checkpoint_now(struct kn_workspace *ws, struct kn_err *err)
{
    bool more = true;
    while (!ws->frozen && more && !kn_archive_has_room(ws->archive)) {
        KN_TRY(kn_archive_merge_step(ws->archive, MERGE_STEP_BYTES, &more, err));
    }
    more = true;
    while (!ws->frozen && more && !kn_columns_has_room(ws->columns)) {
        KN_TRY(kn_columns_merge_step(ws->columns, MERGE_STEP_BYTES, &more, err));
    }
    if (!ws->frozen && (!kn_archive_has_room(ws->archive) || !kn_columns_has_room(ws->columns))) {
        return kn_fail(err, KN_E_FULL, "the disk is too full to merge files");
    }
    if (!ws->frozen) {
        freeze(ws, &ws->frozen_meta);
    }
    KN_TRY(write_out(ws, &ws->frozen_meta, err));
    install(ws, &ws->frozen_meta);
    /* The log keeps at least two checkpoints, so that a damaged newest one could be replayed over.
     */
    return kn_log_drop(ws->log, ws->checkpoint_before_seq,
                       ws->checkpoint_us - ws->options.log_keep_us, err);
}

/* What a checkpoint made clean may be forgotten; the fold does it too, but only as it goes. In
 * turns of about a millisecond. */
static void trim(struct kn_workspace *ws)
{
    enum { TURNS = 16, ENTRIES = 2000 };
    bool more = true;
    for (int i = 0; i < TURNS && more; i++) {
        kn_rwlock_write(&ws->lock);
        more = kn_state_trim(ws->state, ENTRIES);
        kn_rwlock_unlock(&ws->lock);
    }
}

enum kn_rc kn_workspace_background_step(struct kn_workspace *ws, bool *ret_more, struct kn_err *err)
{
    *ret_more = false;
    if (ws->frozen) {
        return KN_OK; /* a checkpoint that found the disk full goes first */
    }
    trim(ws);
    KN_TRY(kn_log_prepare(ws->log, err));
    bool more = false;
    KN_TRY(kn_archive_merge_step(ws->archive, MERGE_STEP_BYTES, ret_more, err));
    KN_TRY(kn_columns_merge_step(ws->columns, MERGE_STEP_BYTES, &more, err));
    *ret_more = *ret_more || more;
    KN_TRY(kn_workspace__erase_step(ws, &more, err));
    *ret_more = *ret_more || more;
    return KN_OK;
}
