#include "apply/workspace_internal.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "format/json.h"
#include "format/token.h"

enum { META_VERSION = 3, SEED_BYTES = 32, SETTINGS_BYTES_MAX = 512 * 1024 };
#define DAY_US (INT64_C(24) * 3600 * 1000000)

/* ---- meta ---- */

void kn_meta_encode(const struct kn_meta *meta, struct kn_buf *out)
{
    const struct kn_fold_counters *c = &meta->counters;
    const uint64_t numbers[] = {c->profiles,   c->merges,  c->unmerges,    c->events,
                                c->duplicates, c->rejects, c->identifiers, c->forbidden};
    kn_buf_le32(out, META_VERSION);
    kn_buf_le32(out, KN_APPLY_VERSION);
    kn_buf_le64(out, meta->applied_seq);
    kn_buf_le64(out, meta->before_seq);
    kn_buf_le32(out, meta->epoch);
    kn_buf_le64(out, (uint64_t)meta->record_us);
    kn_buf_le32(out, c->next_ordinal);
    kn_buf_le32(out, c->moves);
    kn_buf_le64(out, (uint64_t)c->reject_due_us);
    kn_buf_le32(out, c->next_segment);
    kn_buf_le32(out, c->derived_index);
    kn_buf_le64(out, c->derived_seq);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        kn_buf_le64(out, numbers[i]);
    }
    kn_buf_lstr(out, meta->archive_manifest);
    kn_buf_lstr(out, meta->columns_manifest);
    kn_buf_lstr(out, meta->dedupe_manifest);
    kn_buf_le64(out, kn_checksum64(kn_buf_view(out)));
}

enum kn_rc kn_meta_decode(struct kn_str bytes, struct kn_meta *ret, struct kn_err *err)
{
    struct kn_cursor c = kn_cursor(kn_str_sub(bytes, 0, bytes.len < 8 ? 0 : bytes.len - 8));
    struct kn_cursor sum = kn_cursor(kn_str_sub(bytes, (size_t)(c.end - c.p), bytes.len));
    struct kn_meta m = {0};
    uint32_t format = kn_take_le32(&c);
    uint32_t apply = kn_take_le32(&c);
    if (format != META_VERSION) {
        return kn_fail(err, KN_E_VERSION, "checkpoint has format %u; this program reads %d", format,
                       (int)META_VERSION);
    }
    if (apply > KN_APPLY_VERSION) {
        return kn_fail(err, KN_E_VERSION, "checkpoint was made by apply version %u; this is %d",
                       apply, (int)KN_APPLY_VERSION);
    }
    if (bytes.len < 16 ||
        kn_take_le64(&sum) != kn_checksum64(kn_str_sub(bytes, 0, bytes.len - 8))) {
        return kn_fail(err, KN_E_CORRUPT, "the checkpoint record is damaged");
    }
    m.applied_seq = kn_take_le64(&c);
    m.before_seq = kn_take_le64(&c);
    m.epoch = kn_take_le32(&c);
    m.record_us = (int64_t)kn_take_le64(&c);
    m.counters.next_ordinal = kn_take_le32(&c);
    m.counters.moves = kn_take_le32(&c);
    m.counters.reject_due_us = (int64_t)kn_take_le64(&c);
    m.counters.next_segment = kn_take_le32(&c);
    m.counters.derived_index = kn_take_le32(&c);
    m.counters.derived_seq = kn_take_le64(&c);
    uint64_t *numbers[] = {&m.counters.profiles,    &m.counters.merges,     &m.counters.unmerges,
                           &m.counters.events,      &m.counters.duplicates, &m.counters.rejects,
                           &m.counters.identifiers, &m.counters.forbidden};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        *numbers[i] = kn_take_le64(&c);
    }
    m.archive_manifest = kn_take_lstr(&c);
    m.columns_manifest = kn_take_lstr(&c);
    m.dedupe_manifest = kn_take_lstr(&c);
    if (c.bad || c.p != c.end) {
        return kn_fail(err, KN_E_CORRUPT, "checkpoint record does not decode");
    }
    *ret = m;
    return KN_OK;
}

/* ---- open and close ---- */

static char *join(const char *a, const char *b)
{
    size_t bytes = strlen(a) + strlen(b) + 1;
    char *joined = kn_must_alloc(bytes);
    (void)snprintf(joined, bytes, "%s%s", a, b);
    return joined;
}

static enum kn_rc make_dirs(struct kn_workspace *ws, struct kn_err *err)
{
    if (ws->options.read_only) {
        return KN_OK;
    }
    KN_TRY(kn_disk_make_dir(ws->options.disk, ws->dir, err));
    KN_TRY(kn_disk_make_dir(ws->options.disk, ws->log_dir, err));
    KN_TRY(kn_disk_make_dir(ws->options.disk, ws->runs_dir, err));
    KN_TRY(kn_disk_make_dir(ws->options.disk, ws->dedupe_dir, err));
    return kn_disk_sync_dir(ws->options.disk, ws->dir, err);
}

static enum kn_rc open_stores(struct kn_workspace *ws, struct kn_meta *meta, struct kn_err *err)
{
    const struct kn_workspace_options *o = &ws->options;
    struct kn_state_options state = {
        .path = ws->state_path,
        .tables = kn_tables,
        .table_count = KN_TABLE_COUNT,
        .cache_bytes = o->cache_bytes ? o->cache_bytes : 256U << 20,
        .map_bytes = o->state_map_bytes,
        .read_only = o->read_only,
    };
    KN_TRY(kn_state_open(&state, &ws->state, err));
    struct kn_str blob = kn_state_meta(ws->state);
    *meta = (struct kn_meta){.epoch = 1};
    meta->counters.next_ordinal = 1;
    meta->counters.next_segment = 1;
    meta->counters.reject_due_us = INT64_MAX;
    if (blob.len > 0) {
        KN_TRY(kn_meta_decode(blob, meta, err));
    }
    struct kn_dedupe_options dedupe = {
        .dir = ws->dedupe_dir,
        .window_hours = o->dedupe_hours ? o->dedupe_hours : 24,
        .entries_max = 100000000,
    };
    KN_TRY(kn_dedupe_open(o->disk, &dedupe, meta->dedupe_manifest, o->read_only, &ws->dedupe, err));
    struct kn_archive_options archive = {.dir = ws->runs_dir};
    KN_TRY(kn_archive_open(o->disk, &archive, meta->archive_manifest, o->read_only, &ws->archive,
                           err));
    struct kn_columns_options columns = {.dir = ws->runs_dir};
    return kn_columns_open(o->disk, &columns, meta->columns_manifest, o->read_only, &ws->columns,
                           err);
}

struct foresight {
    struct kn_fold ahead;
    uint64_t seq; /* of the last frame it took */
};

static enum kn_rc foresee(void *context, const struct kn_frame *frame, struct kn_err *err)
{
    struct foresight *s = context;
    s->seq = frame->seq;
    return kn_fold_ahead_frame(&s->ahead, frame, err);
}

static enum kn_rc open_log(struct kn_workspace *ws, const struct kn_meta *meta,
                           struct foresight *foresight, struct kn_err *err)
{
    struct kn_log_recovery found = {0};
    struct kn_log_options options = {
        .dir = ws->log_dir,
        .segment_bytes = ws->options.log_segment_bytes,
        .group_bytes_max = 64U << 20,
        .on_sync_failed = ws->options.on_sync_failed,
        .on_sync_failed_context = ws->options.on_sync_failed_context,
        .on_settings = foresee,
        .on_settings_context = foresight,
    };
    KN_TRY(kn_log_open(ws->options.disk, &options, meta->applied_seq, meta->epoch, &ws->log, &found,
                       err));
    if (found.last_seq < meta->applied_seq) {
        return kn_fail(err, KN_E_CORRUPT,
                       "the log of workspace \"%s\" ends at record %llu but the checkpoint holds "
                       "%llu: log files are missing",
                       ws->name, (unsigned long long)found.last_seq,
                       (unsigned long long)meta->applied_seq);
    }
    ws->recovered_seq = found.last_seq;
    if (found.last_seq > meta->applied_seq) {
        KN_TRY(kn_log_reader_open(ws->log, meta->applied_seq + 1, &ws->reader, err));
    }
    return KN_OK;
}

/* An item of Kern's own. */
static void append_item(struct kn_buf *out, enum kn_item_kind kind, struct kn_str name,
                        struct kn_str body, int64_t now)
{
    struct kn_item item = {
        .kind = kind,
        .event_us = now,
        .received_us = now,
        .message_id = name.len > 0 ? name : KN_STR("-"),
        .name = name,
        .body = body,
    };
    kn_item_encode(&item, out);
}

static void put_zone(struct kn_buf *out, const struct kn_workspace_options *o)
{
    bool given = o->time_zone.len > 0 && o->time_zone_rules.len > 0;
    kn_json_out_kv(out, "time_zone", given ? o->time_zone : KN_STR(KN_ZONE_DEFAULT_NAME));
    kn_json_out_key(out, "time_zone_rules");
    kn_buf_char(out, '"');
    kn_base64url_encode(given ? o->time_zone_rules : KN_STR(KN_ZONE_DEFAULT_RULES), out);
    kn_buf_char(out, '"');
}

/* The first record: the seed of all hashes; the second item: the workspace's settings. */
static enum kn_rc write_genesis(struct kn_workspace *ws, struct kn_err *err)
{
    unsigned char seed[SEED_BYTES];
    struct kn_buf genesis;
    struct kn_buf settings;
    struct kn_buf items;
    int64_t now = kn_clock_wall_us(ws->options.clock);
    kn_random_fill(ws->options.random, seed, sizeof seed);
    kn_buf_init(&genesis, 4096);
    kn_buf_init(&settings, SETTINGS_BYTES_MAX);
    kn_buf_init(&items, SETTINGS_BYTES_MAX << 1);
    kn_buf_c(&genesis, "{\"seed\":\"");
    for (size_t i = 0; i < sizeof seed; i++) {
        kn_buf_printf(&genesis, "%02x", seed[i]);
    }
    kn_buf_c(&genesis, "\"");
    kn_json_out_ktime(&genesis, "created_at", now);
    kn_buf_c(&genesis, "}");
    kn_buf_c(&settings, "{");
    kn_json_out_kv(&settings, "name", kn_str_c(ws->name));
    put_zone(&settings, &ws->options);
    kn_json_out_kv(&settings, "currency", KN_STR("EUR"));
    kn_json_out_ktime(&settings, "created_at", now);
    kn_buf_c(&settings, "}");
    append_item(&items, KN_ITEM_GENESIS, KN_STR_EMPTY, kn_buf_view(&genesis), now);
    append_item(&items, KN_ITEM_SETTING, KN_STR("workspace"), kn_buf_view(&settings), now);
    uint64_t seq;
    int64_t record_us;
    bool committed;
    enum kn_rc rc = items.rc;
    if (rc == KN_OK) {
        rc = kn_log_stage(ws->log, kn_buf_view(&items), 2, KN_FRAME_SETTINGS, now, &seq, &record_us,
                          err);
    }
    if (rc == KN_OK) {
        rc = kn_workspace_commit(ws, &committed, err);
    }
    kn_buf_deinit(&items);
    kn_buf_deinit(&settings);
    kn_buf_deinit(&genesis);
    return rc;
}

/* Intake gets the settings at the end of the log, not those of the checkpoint: it need not wait for
 * the frames between to be applied. */
static enum kn_rc open_log_and_settings(struct kn_workspace *ws, const struct kn_meta *meta,
                                        struct kn_err *err)
{
    struct foresight foresight = {0};
    enum kn_rc rc = KN_OK;
    kn_fold_ahead_init(&ws->fold, &foresight.ahead);
    if (!ws->options.read_only) { /* verify reads the log by itself, changing nothing */
        rc = open_log(ws, meta, &foresight, err);
    }
    if (rc == KN_OK) {
        ws->settings = kn_settings_ref(foresight.ahead.settings);
        ws->settings_seq = foresight.seq;
    }
    kn_fold_deinit(&foresight.ahead);
    return rc;
}

static enum kn_rc open_all(struct kn_workspace *ws, struct kn_err *err)
{
    struct kn_meta meta;
    KN_TRY(make_dirs(ws, err));
    KN_TRY(open_stores(ws, &meta, err));
    kn_fold_init(&ws->fold, ws->state, ws->dedupe, ws->archive, ws->columns);
    if (ws->options.long_history_rows > 0) {
        ws->fold.live->long_rows = ws->options.long_history_rows;
    }
    if (ws->options.history_bytes > 0) {
        ws->fold.live->histories.bytes_max = ws->options.history_bytes;
    }
    ws->fold.counters = meta.counters;
    ws->fold.seq = meta.applied_seq;
    ws->fold.now_us = meta.record_us;
    KN_TRY(kn_fold_load(&ws->fold, err));
    KN_TRY(open_log_and_settings(ws, &meta, err));
    ws->applied_seq = meta.applied_seq;
    ws->applied_record_us = meta.record_us;
    ws->checkpoint_seq = meta.applied_seq;
    ws->checkpoint_before_seq = meta.before_seq;
    ws->checkpoint_us = meta.record_us;
    ws->checkpoint_mono_ns = kn_clock_mono_ns(ws->options.clock);
    if (ws->recovered_seq == 0 && !ws->options.read_only && meta.applied_seq == 0) {
        ws->settings_pending = true;
        return write_genesis(ws, err);
    }
    return KN_OK;
}

enum kn_rc kn_workspace_open(const struct kn_workspace_options *options, struct kn_workspace **ret,
                             struct kn_err *err)
{
    struct kn_workspace *ws = kn_must_calloc(1, sizeof *ws);
    ws->options = *options;
    if (ws->options.log_segment_bytes == 0) {
        ws->options.log_segment_bytes = 64U << 20;
    }
    if (ws->options.unapplied_bytes_max == 0) {
        ws->options.unapplied_bytes_max = 64U << 20;
    }
    if (ws->options.unsaved_bytes_max == 0) {
        ws->options.unsaved_bytes_max = 384U << 20;
    }
    if (ws->options.log_keep_us == 0) {
        ws->options.log_keep_us = DAY_US;
    }
    ws->name = join(options->name, "");
    ws->dir = join(options->dir, "");
    ws->log_dir = join(options->dir, "/log");
    ws->runs_dir = join(options->dir, "/runs");
    ws->dedupe_dir = join(options->dir, "/dedupe");
    ws->state_path = join(options->state_path, "");
    kn_rwlock_init(&ws->lock);
    kn_mutex_init(&ws->settings_mutex);
    kn_mutex_init(&ws->queue_mutex);
    kn_mutex_init(&ws->stats_mutex);
    kn_buf_init(&ws->meta, 1U << 30);
    enum kn_rc rc = open_all(ws, err);
    if (rc != KN_OK) {
        (void)kn_fail_wrap(err, rc, "workspace \"%s\"", options->name);
        kn_workspace_close(ws);
        return rc;
    }
    *ret = ws;
    return KN_OK;
}

void kn_workspace_close(struct kn_workspace *ws)
{
    if (!ws) {
        return;
    }
    kn_log_reader_close(ws->reader);
    while (ws->queue_head) {
        struct kn_log_group *group = ws->queue_head;
        ws->queue_head = group->next;
        kn_log_group_free(group);
    }
    kn_live_build_end(&ws->build);
    if (ws->fold.state) {
        kn_fold_deinit(&ws->fold);
    }
    kn_settings_unref(ws->settings);
    kn_columns_close(ws->columns);
    kn_archive_close(ws->archive);
    kn_dedupe_close(ws->dedupe);
    kn_state_close(ws->state);
    kn_log_close(ws->log);
    kn_buf_deinit(&ws->meta);
    kn_rwlock_deinit(&ws->lock);
    kn_mutex_deinit(&ws->settings_mutex);
    kn_mutex_deinit(&ws->queue_mutex);
    kn_mutex_deinit(&ws->stats_mutex);
    char *texts[] = {ws->name, ws->dir, ws->log_dir, ws->runs_dir, ws->dedupe_dir, ws->state_path};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        kn_free(texts[i]);
    }
    kn_free(ws);
}

const char *kn_workspace_name(const struct kn_workspace *ws)
{
    return ws->name;
}

/* ---- intake ---- */

struct kn_settings *kn_workspace_settings(struct kn_workspace *ws)
{
    kn_mutex_lock(&ws->settings_mutex);
    struct kn_settings *s = kn_settings_ref(ws->settings);
    kn_mutex_unlock(&ws->settings_mutex);
    return s;
}

bool kn_workspace_ready(struct kn_workspace *ws)
{
    kn_mutex_lock(&ws->queue_mutex);
    bool ready = !ws->settings_pending;
    kn_mutex_unlock(&ws->queue_mutex);
    return ready;
}

enum kn_rc kn_workspace_stage(struct kn_workspace *ws, struct kn_str items, uint32_t item_count,
                              uint32_t frame_flags, uint64_t *ret_seq, bool *ret_disk_full,
                              struct kn_err *err)
{
    *ret_disk_full = false;
    if (item_count == 0 || item_count > UINT16_MAX) {
        return kn_fail(err, KN_E_LIMIT, "a record holds 1 to %u items", (unsigned)UINT16_MAX);
    }
    kn_mutex_lock(&ws->queue_mutex);
    uint64_t waiting = ws->queued_bytes;
    uint64_t unsaved = ws->unsaved_bytes;
    kn_mutex_unlock(&ws->queue_mutex);
    if (unsaved > ws->options.unsaved_bytes_max) {
        return kn_fail(err, KN_E_FULL, "too much is waiting for a checkpoint");
    }
    if (waiting + kn_log_staged_bytes(ws->log) > ws->options.unapplied_bytes_max) {
        return kn_fail(err, KN_E_FULL, "too much is waiting to be applied");
    }
    int64_t record_us;
    struct kn_buf copy;
    kn_buf_init(&copy, KN_LOG_BODY_MAX);
    enum kn_rc rc = kn_workspace__gate(ws, items, item_count, &copy, err);
    if (rc == KN_OK) {
        rc = kn_log_stage(ws->log, copy.len > 0 ? kn_buf_view(&copy) : items, item_count,
                          frame_flags, kn_clock_wall_us(ws->options.clock), ret_seq, &record_us,
                          err);
        *ret_disk_full = rc == KN_E_FULL;
    }
    kn_buf_deinit(&copy);
    return rc;
}

enum kn_rc kn_workspace_stage_tick(struct kn_workspace *ws, uint64_t *ret_seq, struct kn_err *err)
{
    struct kn_buf item;
    bool full;
    kn_buf_init(&item, 4096);
    append_item(&item, KN_ITEM_TICK, KN_STR_EMPTY, KN_STR_EMPTY,
                kn_clock_wall_us(ws->options.clock));
    enum kn_rc rc = item.rc;
    if (rc == KN_OK) {
        rc = kn_workspace_stage(ws, kn_buf_view(&item), 1, 0, ret_seq, &full, err);
    }
    kn_buf_deinit(&item);
    return rc;
}

static void note_commit(struct kn_workspace *ws, uint64_t ns)
{
    unsigned bucket = 0;
    while (bucket < 15 && ns / 1000 >= (UINT64_C(1) << (bucket + 5))) {
        bucket++;
    }
    kn_mutex_lock(&ws->stats_mutex);
    ws->commits++;
    ws->commit_ns += ns;
    ws->commit_hist[bucket]++;
    ws->commit_ns_max = ns > ws->commit_ns_max ? ns : ws->commit_ns_max;
    kn_mutex_unlock(&ws->stats_mutex);
}

enum kn_rc kn_workspace_commit(struct kn_workspace *ws, bool *ret_committed, struct kn_err *err)
{
    struct kn_log_group *group = NULL;
    uint64_t begin = kn_clock_mono_ns(ws->options.clock);
    *ret_committed = false;
    KN_TRY(kn_log_commit(ws->log, &group, err));
    if (!group) {
        return KN_OK;
    }
    note_commit(ws, kn_clock_mono_ns(ws->options.clock) - begin);
    group->next = NULL;
    kn_mutex_lock(&ws->queue_mutex);
    if (ws->queue_tail) {
        ws->queue_tail->next = group;
    } else {
        ws->queue_head = group;
    }
    ws->queue_tail = group;
    ws->queued_bytes += group->bytes;
    kn_mutex_unlock(&ws->queue_mutex);
    *ret_committed = true;
    return KN_OK;
}

uint64_t kn_workspace_durable(struct kn_workspace *ws)
{
    return kn_log_durable_seq(ws->log);
}

bool kn_workspace_is_lost(struct kn_workspace *ws, uint64_t seq)
{
    return kn_log_is_lost(ws->log, seq);
}

void kn_workspace_position(struct kn_workspace *ws, struct kn_position *ret)
{
    ret->epoch = kn_log_epoch(ws->log);
    kn_mutex_lock(&ws->queue_mutex);
    ret->applied = ws->applied_seq;
    ret->applied_record_us = ws->applied_record_us;
    ret->unapplied_bytes = ws->queued_bytes;
    kn_mutex_unlock(&ws->queue_mutex);
    ret->durable = kn_log_durable_seq(ws->log);
    ret->staged = kn_log_staged_seq(ws->log);
}

/* ---- apply ---- */

/* The next durable frame, from the log (at start) or the queue. KN_E_NOT_FOUND: none. */
static enum kn_rc next_frame(struct kn_workspace *ws, struct kn_frame *ret, struct kn_err *err)
{
    if (ws->reader) {
        if (ws->applied_seq < ws->recovered_seq) {
            return kn_log_read(ws->reader, ret, err);
        }
        kn_log_reader_close(ws->reader);
        ws->reader = NULL;
    }
    for (;;) {
        kn_mutex_lock(&ws->queue_mutex);
        struct kn_log_group *group = ws->queue_head;
        kn_mutex_unlock(&ws->queue_mutex);
        if (!group) {
            return KN_E_NOT_FOUND;
        }
        if (kn_log_group_next(group, &ws->group_offset, ret)) {
            return KN_OK;
        }
        kn_mutex_lock(&ws->queue_mutex);
        ws->queue_head = group->next;
        if (!ws->queue_head) {
            ws->queue_tail = NULL;
        }
        ws->queued_bytes -= group->bytes;
        kn_mutex_unlock(&ws->queue_mutex);
        ws->group_offset = 0;
        kn_log_group_free(group);
    }
}

static void publish_settings(struct kn_workspace *ws, uint64_t seq)
{
    if (!ws->fold.settings_changed) {
        return;
    }
    ws->fold.settings_changed = false;
    if (seq <= ws->settings_seq) {
        return; /* intake has later ones since the start */
    }
    kn_mutex_lock(&ws->settings_mutex);
    kn_settings_unref(ws->settings);
    ws->settings = kn_settings_ref(ws->fold.settings);
    kn_mutex_unlock(&ws->settings_mutex);
}

static void publish_position(struct kn_workspace *ws, const struct kn_frame *frame)
{
    kn_mutex_lock(&ws->queue_mutex);
    ws->applied_seq = frame->seq;
    ws->applied_record_us = frame->record_us;
    ws->settings_pending = false;
    kn_mutex_unlock(&ws->queue_mutex);
}

void kn_workspace__note_unsaved(struct kn_workspace *ws)
{
    struct kn_state_usage state;
    struct kn_archive_usage archive;
    kn_state_usage(ws->state, &state);
    kn_archive_usage(ws->archive, &archive);
    kn_mutex_lock(&ws->queue_mutex);
    ws->unsaved_bytes = state.dirty_bytes + archive.tail_bytes;
    kn_mutex_unlock(&ws->queue_mutex);
}

/* One moment or one record at a time: moments that are due fire before the record is applied. */
static enum kn_rc apply_locked(struct kn_workspace *ws, int64_t budget_us, size_t *ret_applied,
                               struct kn_err *err)
{
    uint64_t begin = kn_clock_mono_ns(ws->options.clock);
    do {
        enum kn_rc rc = ws->has_next ? KN_OK : next_frame(ws, &ws->next, err);
        if (rc == KN_E_NOT_FOUND) {
            return KN_OK;
        }
        KN_TRY(rc);
        ws->has_next = true;
        if (ws->next.seq <= ws->applied_seq) {
            return kn_fail(err, KN_E_CORRUPT, "record %llu follows %llu",
                           (unsigned long long)ws->next.seq, (unsigned long long)ws->applied_seq);
        }
        (*ret_applied)++;
        if (kn_live_fire(&ws->fold, ws->next.record_us, ws->next.seq)) {
            continue;
        }
        KN_TRY(kn_fold_frame(&ws->fold, &ws->next, err));
        ws->has_next = false;
        publish_settings(ws, ws->next.seq);
        publish_position(ws, &ws->next);
    } while ((int64_t)((kn_clock_mono_ns(ws->options.clock) - begin) / 1000) < budget_us);
    return KN_OK;
}

enum kn_rc kn_workspace_apply(struct kn_workspace *ws, int64_t budget_us, size_t *ret_applied,
                              struct kn_err *err)
{
    *ret_applied = 0;
    kn_rwlock_write(&ws->lock);
    enum kn_rc rc = apply_locked(ws, budget_us, ret_applied, err);
    if (*ret_applied > 0) {
        kn_live_flush(&ws->fold);
        (void)kn_state_trim(ws->state, 64);
        kn_workspace__note_unsaved(ws);
    }
    kn_rwlock_unlock(&ws->lock);
    return rc;
}

int64_t kn_workspace_next_due(struct kn_workspace *ws)
{
    kn_rwlock_read(&ws->lock);
    int64_t rejects = ws->fold.counters.reject_due_us;
    int64_t live = ws->fold.erasures.redacting ? INT64_MIN : kn_live_next_due(ws->fold.live);
    kn_rwlock_unlock(&ws->lock);
    return live < rejects ? live : rejects;
}

/* ---- numbers ---- */

void kn_workspace_stats(struct kn_workspace *ws, struct kn_workspace_stats *ret)
{
    memset(ret, 0, sizeof *ret);
    kn_workspace_position(ws, &ret->position);
    kn_rwlock_read(&ws->lock);
    kn_state_usage(ws->state, &ret->state);
    kn_dedupe_usage(ws->dedupe, &ret->dedupe);
    kn_archive_usage(ws->archive, &ret->archive);
    const struct kn_fold_counters *c = &ws->fold.counters;
    ret->profiles = c->profiles;
    ret->merges = c->merges;
    ret->unmerges = c->unmerges;
    ret->events_applied = c->events;
    ret->duplicates = c->duplicates;
    ret->rejects = c->rejects;
    ret->identifiers = c->identifiers;
    ret->erasures_waiting = ws->fold.erasures.waiting_count;
    ret->erasures_done = ws->fold.erasures.done;
    ret->evaluations = ws->fold.live->evaluations;
    ret->histories = ws->fold.live->histories.count;
    ret->history_bytes = ws->fold.live->histories.bytes;
    ret->history_misses = ws->fold.live->histories.misses;
    kn_rwlock_unlock(&ws->lock);
    ret->log_bytes = kn_log_disk_bytes(ws->log);
    kn_mutex_lock(&ws->stats_mutex);
    ret->checkpoints = ws->checkpoints;
    ret->last_checkpoint_us = ws->checkpoint_us;
    ret->commits = ws->commits;
    ret->commit_ns = ws->commit_ns;
    ret->sync_ns_max_recent = ws->commit_ns_max;
    memcpy(ret->commit_hist, ws->commit_hist, sizeof ret->commit_hist);
    kn_mutex_unlock(&ws->stats_mutex);
}
