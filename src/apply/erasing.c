#include "apply/erasing.h"

#include "apply/ledger.h"
#include "apply/workspace_internal.h"
#include "base/mem.h"
#include "format/json.h"

enum { ITEM_ARENA_MAX = 64 << 20, RECEIPT_MAX = 1024, BATCH_MAX = 10000 };
#define EVERY_NS (UINT64_C(600) * 1000000000)

/* ---- which, and when ---- */

static void begin(struct kn_workspace *ws)
{
    struct kn_erasing *e = &ws->erasing;
    uint64_t every = ws->options.erase_every_ns ? ws->options.erase_every_ns : EVERY_NS;
    uint64_t now = kn_clock_mono_ns(ws->options.clock);
    kn_rwlock_read(&ws->lock);
    const struct kn_erasures *all = &ws->fold.erasures;
    size_t count = all->waiting_count < BATCH_MAX ? all->waiting_count : BATCH_MAX;
    uint64_t last = count > 0 ? all->waiting[count - 1].seq : 0;
    kn_rwlock_unlock(&ws->lock);
    if (count == 0 || (e->began_ns != 0 && now - e->began_ns < every)) {
        return;
    }
    e->began_ns = now;
    e->through_seq = 0;
    e->log_at = 0;
    e->hidden_nobody = false;
    e->receipt_seq = 0;
    memset(e->done_us, 0, sizeof e->done_us);
    e->last_seq = last;
    e->stage = KN_ERASING_SETTLE;
}

/* Whatever of theirs was staged before its record was applied is in the checkpoint. */
static void settle(struct kn_workspace *ws)
{
    struct kn_erasing *e = &ws->erasing;
    struct kn_position p;
    kn_rwlock_read(&ws->lock);
    bool redacting = ws->fold.erasures.redacting;
    kn_rwlock_unlock(&ws->lock);
    kn_workspace_position(ws, &p);
    if (redacting) {
        return;
    }
    if (e->through_seq == 0 || p.staged < e->through_seq) { /* or the disk was full */
        e->through_seq = p.staged;
    }
    if (ws->checkpoint_seq >= e->through_seq) {
        e->stage = KN_ERASING_ARCHIVE;
    } else {
        e->wants_checkpoint = p.applied >= e->through_seq;
    }
}

static void finish_store(struct kn_workspace *ws, enum kn_erase_store store,
                         enum kn_erasing_stage next)
{
    ws->erasing.done_us[store] = kn_clock_wall_us(ws->options.clock);
    ws->erasing.stage = next;
}

/* ---- archive ---- */

struct nobody {
    struct kn_workspace *ws;
    struct kn_settings *settings;
    struct kn_arena arena;
    enum kn_rc rc;
};

static bool hide_row(void *context, const struct kn_archive_row *row)
{
    struct nobody *n = context;
    struct kn_cursor c = kn_cursor(row->item);
    struct kn_item item;
    kn_arena_clear(&n->arena);
    n->rc = kn_item_decode(&c, &n->settings->key, &n->arena, &item, NULL);
    if (n->rc == KN_OK &&
        kn_workspace__is_erased(n->ws, n->settings, &item, row->arrival >> 16, &n->arena)) {
        kn_archive_mask(n->ws->archive, row->ordinal, row->arrival, row->version);
    }
    return n->rc == KN_OK;
}

/* Events that were to make no profile stand under the ordinal of nobody, with their identifiers. */
static enum kn_rc hide_nobody(struct kn_workspace *ws, struct kn_err *err)
{
    const struct kn_archive_query all = {
        .order = KN_ARCHIVE_OLDEST_FIRST, .from_us = INT64_MIN, .to_us = INT64_MAX};
    const uint32_t ordinal = 0;
    struct nobody n = {.ws = ws, .settings = kn_workspace_settings(ws)};
    kn_arena_init(&n.arena, ITEM_ARENA_MAX);
    kn_rwlock_read(&ws->lock);
    struct kn_archive_pin *pin = kn_archive_pin(ws->archive, &ordinal, 1);
    kn_rwlock_unlock(&ws->lock);
    enum kn_rc rc = pin ? kn_archive_read(pin, &all, hide_row, &n, err)
                        : kn_fail(err, KN_E_NOMEM, "out of memory");
    kn_archive_unpin(pin);
    kn_arena_deinit(&n.arena);
    kn_settings_unref(n.settings);
    return rc != KN_OK ? rc : n.rc;
}

static enum kn_rc purge_archive(struct kn_workspace *ws, struct kn_err *err)
{
    struct kn_erasing *e = &ws->erasing;
    bool clean;
    if (!e->hidden_nobody) {
        KN_TRY(hide_nobody(ws, err));
        e->hidden_nobody = true;
    }
    KN_TRY(kn_archive_purge(ws->archive, &clean, err));
    if (clean) {
        kn_columns_purge(ws->columns);
        finish_store(ws, KN_ERASE_ARCHIVE, KN_ERASING_COLUMNS);
    } else {
        e->wants_checkpoint = kn_archive_waits(ws->archive);
    }
    return KN_OK;
}

static void purge_columns(struct kn_workspace *ws)
{
    bool waits;
    if (kn_columns_is_purged(ws->columns, &waits)) {
        finish_store(ws, KN_ERASE_COLUMNS, KN_ERASING_LOG);
    } else {
        ws->erasing.wants_checkpoint = waits;
    }
}

/* ---- log ---- */

struct voiding {
    struct kn_workspace *ws;
    struct kn_settings *settings;
    struct kn_arena arena;
};

static enum kn_rc void_items(void *context, const struct kn_frame *frame, char *body,
                             bool *ret_changed, struct kn_err *err)
{
    struct voiding *v = context;
    struct kn_cursor c = kn_cursor(frame->body);
    for (uint32_t i = 0; i < frame->item_count; i++) {
        struct kn_item item;
        size_t at = (size_t)((const char *)c.p - frame->body.p);
        kn_arena_clear(&v->arena);
        KN_TRY(kn_item_decode(&c, &v->settings->key, &v->arena, &item, err));
        if (kn_workspace__is_erased(v->ws, v->settings, &item, frame->seq, &v->arena)) {
            kn_item_void(body + at, (size_t)((const char *)c.p - frame->body.p) - at);
            *ret_changed = true;
        }
    }
    return KN_OK;
}

/* One segment; first the one being written has to become a whole one. */
static enum kn_rc rewrite_log(struct kn_workspace *ws, struct kn_err *err)
{
    struct kn_erasing *e = &ws->erasing;
    struct kn_position p;
    bool done = false;
    if (kn_log_segment_being_written(ws->log) <= e->through_seq) {
        uint64_t seq;
        kn_log_roll(ws->log);
        kn_workspace_position(ws, &p);
        return p.staged == p.durable ? kn_workspace_stage_tick(ws, &seq, err) : KN_OK;
    }
    struct voiding v = {.ws = ws, .settings = kn_workspace_settings(ws)};
    kn_arena_init(&v.arena, ITEM_ARENA_MAX);
    enum kn_rc rc =
        kn_log_rewrite_next(ws->log, &e->log_at, e->through_seq, void_items, &v, &done, err);
    kn_arena_deinit(&v.arena);
    kn_settings_unref(v.settings);
    if (rc == KN_OK && done) {
        finish_store(ws, KN_ERASE_LOG, KN_ERASING_STATE);
    }
    return rc;
}

/* ---- state ---- */

static enum kn_rc rewrite_state(struct kn_workspace *ws, struct kn_err *err)
{
    KN_TRY(kn_state_rewrite(ws->state, err));
    kn_rwlock_write(&ws->lock);
    kn_state_use_rewritten(ws->state);
    kn_rwlock_unlock(&ws->lock);
    kn_state_end_rewrite(ws->state);
    finish_store(ws, KN_ERASE_STATE, KN_ERASING_RECEIPT);
    return KN_OK;
}

/* ---- receipt ---- */

static void put_receipt(const struct kn_erasing *e, struct kn_h128 id, int64_t now,
                        struct kn_buf *items)
{
    char name[27];
    struct kn_buf body;
    kn_buf_init(&body, RECEIPT_MAX);
    kn_profile_id_text(id, name);
    kn_buf_char(&body, '{');
    for (unsigned i = 0; i < KN_ERASE_STORES; i++) {
        kn_json_out_ki64(&body, kn_erase_store_name((enum kn_erase_store)i), e->done_us[i]);
    }
    kn_buf_char(&body, '}');
    struct kn_item item = {
        .kind = KN_ITEM_ERASED,
        .event_us = now,
        .received_us = now,
        .message_id = KN_STR("-"),
        .name = kn_str_c(name),
        .body = kn_buf_view(&body),
    };
    kn_item_encode(&item, items);
    items->rc = items->rc == KN_OK ? body.rc : items->rc;
    kn_buf_deinit(&body);
}

static enum kn_rc stage_receipts(struct kn_workspace *ws, struct kn_err *err)
{
    struct kn_erasing *e = &ws->erasing;
    struct kn_buf items;
    uint32_t count = 0;
    bool full;
    int64_t now = kn_clock_wall_us(ws->options.clock);
    kn_buf_init(&items, KN_LOG_BODY_MAX);
    kn_rwlock_read(&ws->lock);
    const struct kn_erasures *all = &ws->fold.erasures;
    for (; count < all->waiting_count && all->waiting[count].seq <= e->last_seq; count++) {
        put_receipt(e, all->waiting[count].id, now, &items);
    }
    kn_rwlock_unlock(&ws->lock);
    enum kn_rc rc = items.rc;
    if (rc == KN_OK && count > 0) {
        rc = kn_workspace_stage(ws, kn_buf_view(&items), count, 0, &e->receipt_seq, &full, err);
    }
    kn_buf_deinit(&items);
    return rc;
}

static enum kn_rc give_receipts(struct kn_workspace *ws, struct kn_err *err)
{
    struct kn_erasing *e = &ws->erasing;
    struct kn_position p;
    if (e->receipt_seq == 0 || kn_workspace_is_lost(ws, e->receipt_seq)) {
        return stage_receipts(ws, err);
    }
    kn_workspace_position(ws, &p);
    if (p.applied >= e->receipt_seq) {
        e->stage = KN_ERASING_IDLE;
    }
    return KN_OK;
}

enum kn_rc kn_workspace__erase_step(struct kn_workspace *ws, bool *ret_more, struct kn_err *err)
{
    enum kn_erasing_stage before = ws->erasing.stage;
    uint64_t log_at = ws->erasing.log_at;
    enum kn_rc rc = KN_OK;
    switch (before) {
    case KN_ERASING_IDLE: begin(ws); break;
    case KN_ERASING_SETTLE: settle(ws); break;
    case KN_ERASING_ARCHIVE: rc = purge_archive(ws, err); break;
    case KN_ERASING_COLUMNS: purge_columns(ws); break;
    case KN_ERASING_LOG: rc = rewrite_log(ws, err); break;
    case KN_ERASING_STATE: rc = rewrite_state(ws, err); break;
    case KN_ERASING_RECEIPT: rc = give_receipts(ws, err); break;
    }
    *ret_more =
        ws->erasing.stage != before || ws->erasing.log_at != log_at || ws->erasing.wants_checkpoint;
    return rc == KN_E_FULL || rc == KN_E_NOMEM ? KN_OK : rc; /* it is tried again */
}
