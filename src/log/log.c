#include "log/log.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "log/frame.h"
#include "log/log_internal.h"

enum { LOST_RANGES = 64 };

static const char spare_name[] = "spare";

/* ---- stage ---- */

/* A group with room for `bytes`, holding the frames of `from` (NULL: none). */
static struct kn_log_group *new_group(struct kn_log *log, const struct kn_log_group *from,
                                      size_t bytes)
{
    struct kn_log_group *g = kn_alloc(sizeof *g);
    size_t room = from ? from->room * 2 : log->group_room;
    while (room < bytes) {
        room *= 2;
    }
    char *data = g ? kn_alloc_aligned(KN_DISK_BLOCK, room) : NULL;
    if (!data) {
        kn_free(g);
        return NULL;
    }
    *g = from ? *from : (struct kn_log_group){0};
    g->data = data;
    g->room = room;
    if (from) {
        memcpy(data, from->data, from->bytes);
    }
    return g;
}

static enum kn_rc room_in_group(struct kn_log *log, size_t bytes, struct kn_err *err)
{
    struct kn_log_group *g = log->open_group;
    size_t used = g ? g->bytes : 0;
    if (used + bytes > log->group_bytes_max || used + bytes > log->segment_bytes - KN_LOG_BLOCK) {
        return kn_fail(err, KN_E_FULL, "too much is waiting to be written");
    }
    if (g && used + bytes <= g->room) {
        return KN_OK;
    }
    struct kn_log_group *larger = new_group(log, g, used + bytes);
    if (!larger) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    kn_log_group_free(g);
    log->open_group = larger;
    return KN_OK;
}

enum kn_rc kn_log_stage(struct kn_log *log, struct kn_str body, uint32_t item_count, uint32_t flags,
                        int64_t wall_us, uint64_t *ret_seq, int64_t *ret_record_us,
                        struct kn_err *err)
{
    if (body.len == 0 || body.len > KN_LOG_BODY_MAX ||
        kn_frame_bytes(body.len) > log->segment_bytes - KN_LOG_BLOCK) {
        return kn_fail(err, KN_E_LIMIT, "a record holds 1 to %d bytes", (int)KN_LOG_BODY_MAX);
    }
    size_t bytes = kn_frame_bytes(body.len);
    uint32_t body_crc = kn_frame_body_crc(body);
    kn_mutex_lock(&log->mutex);
    enum kn_rc rc =
        log->full ? kn_fail(err, KN_E_FULL, "the disk is full") : room_in_group(log, bytes, err);
    if (rc == KN_OK) {
        struct kn_log_group *g = log->open_group;
        struct kn_frame_info info = {
            .frame = {.seq = log->next_seq,
                      .epoch = log->epoch,
                      .item_count = item_count,
                      .flags = flags,
                      .record_us = wall_us > log->record_us ? wall_us : log->record_us,
                      .body = body},
            .durable_up_to = log->durable_seq,
            .prev = log->staged_seq,
        };
        kn_frame_encode(&info, body_crc, g->data + g->bytes);
        g->first_seq = g->frame_count == 0 ? info.frame.seq : g->first_seq;
        g->last_seq = info.frame.seq;
        g->bytes += bytes;
        g->frame_count++;
        log->staged_seq = info.frame.seq;
        log->next_seq++;
        log->record_us = info.frame.record_us;
        *ret_seq = info.frame.seq;
        *ret_record_us = info.frame.record_us;
    }
    kn_mutex_unlock(&log->mutex);
    return rc;
}

/* ---- segments ---- */

static void path_of(const struct kn_log *log, uint64_t first_seq, char *to, size_t len)
{
    kn_segment_path(log->dir, first_seq, to, len);
}

static enum kn_rc sync_or_panic(struct kn_log *log, struct kn_file *file, struct kn_err *err)
{
    enum kn_rc rc = kn_file_sync(file, err);
    if (rc == KN_OK) {
        return KN_OK;
    }
    /* The kernel may have thrown the dirty pages away: a second sync could lie. */
    if (!log->on_sync_failed) {
        kn_panic("sync of the log failed");
    }
    log->poisoned = true;
    log->on_sync_failed(log->on_sync_failed_context);
    return KN_E_IO;
}

/* Makes the spare, unless there is one: a zeroed, synced file that becomes a segment by its header
 * and a rename. The caller holds spare_mutex. */
static enum kn_rc make_spare(struct kn_log *log, struct kn_err *err)
{
    char path[1024];
    struct kn_file *file;
    if (log->spare) {
        return KN_OK;
    }
    (void)snprintf(path, sizeof path, "%s/%s", log->dir, spare_name);
    KN_TRY(kn_disk_open(log->disk, path, KN_OPEN_CREATE, &file, err));
    kn_file_bypass_cache(file);
    enum kn_rc rc = kn_file_truncate(file, 0, err);
    if (rc == KN_OK) {
        rc = kn_file_zero(file, 0, log->segment_bytes, err);
    }
    if (rc == KN_OK) {
        rc = sync_or_panic(log, file, err);
    }
    if (rc != KN_OK) {
        kn_file_close(file);
        (void)kn_disk_remove(log->disk, path, NULL); /* give the room back */
        return rc;
    }
    kn_mutex_lock(&log->segment_mutex);
    log->spare = file;
    kn_mutex_unlock(&log->segment_mutex);
    return KN_OK;
}

static struct kn_file *take_spare(struct kn_log *log)
{
    kn_mutex_lock(&log->segment_mutex);
    struct kn_file *file = log->spare;
    log->spare = NULL;
    kn_mutex_unlock(&log->segment_mutex);
    return file;
}

static void add_segment(struct kn_log *log, uint64_t first_seq)
{
    kn_mutex_lock(&log->segment_mutex);
    log->segments =
        kn_must_realloc(log->segments, (log->segment_count + 1) * sizeof *log->segments);
    log->segments[log->segment_count++] = first_seq;
    log->write_offset = KN_LOG_BLOCK;
    log->roll = false;
    kn_mutex_unlock(&log->segment_mutex);
}

static enum kn_rc start_segment(struct kn_log *log, uint64_t first_seq, uint64_t prev,
                                struct kn_err *err)
{
    char header[KN_SEGMENT_HEADER];
    char from[1024];
    char to[1024];
    struct kn_segment_info info = {.first_seq = first_seq, .prev = prev, .epoch = log->epoch};
    KN_TRY(make_spare(log, err));
    struct kn_file *file = take_spare(log);
    kn_segment_encode(&info, header);
    (void)snprintf(from, sizeof from, "%s/%s", log->dir, spare_name);
    path_of(log, first_seq, to, sizeof to);
    enum kn_rc rc = kn_file_write(file, 0, header, sizeof header, err);
    if (rc == KN_OK) {
        rc = sync_or_panic(log, file, err);
    }
    if (rc == KN_OK) {
        rc = kn_disk_rename(log->disk, from, to, err);
    }
    if (rc == KN_OK) {
        rc = kn_disk_sync_dir(log->disk, log->dir, err);
    }
    if (rc != KN_OK) {
        kn_file_close(file);
        log->poisoned = true;
        return rc;
    }
    kn_file_close(log->file);
    log->file = file;
    add_segment(log, first_seq);
    return KN_OK;
}

enum kn_rc kn_log__start_segment(struct kn_log *log, uint64_t first_seq, uint64_t prev,
                                 struct kn_err *err)
{
    kn_mutex_lock(&log->spare_mutex);
    enum kn_rc rc = start_segment(log, first_seq, prev, err);
    kn_mutex_unlock(&log->spare_mutex);
    return rc;
}

enum kn_rc kn_log_prepare(struct kn_log *log, struct kn_err *err)
{
    kn_mutex_lock(&log->segment_mutex);
    bool wanted = !log->spare;
    bool used = log->write_offset > log->segment_bytes / 2;
    kn_mutex_unlock(&log->segment_mutex);
    kn_mutex_lock(&log->mutex);
    bool full = log->full;
    kn_mutex_unlock(&log->mutex);
    if (!wanted || (!used && !full)) {
        return KN_OK;
    }
    kn_mutex_lock(&log->spare_mutex);
    enum kn_rc rc = make_spare(log, err);
    kn_mutex_unlock(&log->spare_mutex);
    if (rc == KN_OK && full) {
        kn_mutex_lock(&log->mutex);
        log->full = false;
        kn_mutex_unlock(&log->mutex);
    }
    return rc == KN_E_FULL ? KN_OK : rc; /* still full: tried again later */
}

/* ---- commit ---- */

/* Drops the group and whatever was staged meanwhile; nobody was told that any of it is durable. */
static void drop_staged(struct kn_log *log, struct kn_log_group *group)
{
    kn_mutex_lock(&log->mutex);
    struct kn_log_group *later = log->open_group;
    log->open_group = NULL;
    log->full = true;
    struct kn_lost *lost = &log->lost[log->lost_count++ % LOST_RANGES];
    *lost = (struct kn_lost){group->first_seq, log->staged_seq};
    log->staged_seq = log->durable_seq;
    kn_mutex_unlock(&log->mutex);
    kn_log_group_free(later);
    kn_log_group_free(group);
}

bool kn_log_is_lost(struct kn_log *log, uint64_t seq)
{
    bool lost = false;
    if (log->lost_count == 0) {
        return false; /* nearly always: no lock */
    }
    kn_mutex_lock(&log->mutex);
    for (size_t i = 0; i < LOST_RANGES && i < log->lost_count; i++) {
        lost = lost || (seq >= log->lost[i].first && seq <= log->lost[i].last);
    }
    kn_mutex_unlock(&log->mutex);
    return lost;
}

/* Fills the group's last block with zeros and writes it where the one before it ended. */
static enum kn_rc write_group(struct kn_log *log, const struct kn_log_group *group,
                              struct kn_err *err)
{
    size_t bytes = (size_t)kn_log_block_up(group->bytes);
    memset(group->data + group->bytes, 0, bytes - group->bytes);
    enum kn_rc rc = kn_file_write(log->file, log->write_offset, group->data, bytes, err);
    if (rc == KN_OK) {
        rc = sync_or_panic(log, log->file, err);
    }
    if (rc != KN_OK) {
        log->poisoned = true;
        return rc == KN_E_FULL ? KN_E_IO : rc;
    }
    kn_mutex_lock(&log->segment_mutex);
    log->write_offset += bytes;
    kn_mutex_unlock(&log->segment_mutex);
    return KN_OK;
}

static enum kn_rc next_segment(struct kn_log *log, const struct kn_log_group *group,
                               struct kn_err *err)
{
    struct kn_frame_info first;
    kn_assert(kn_frame_peek(kn_str(group->data, group->bytes), &first));
    return kn_log__start_segment(log, first.frame.seq, first.prev, err);
}

/* A full disk is noticed before the group's first byte is written, while it can still be dropped.
 */
static enum kn_rc make_room(struct kn_log *log, bool *ret_dropped, const struct kn_log_group *group,
                            struct kn_err *err)
{
    *ret_dropped = false;
    kn_mutex_lock(&log->segment_mutex);
    bool roll = log->roll;
    kn_mutex_unlock(&log->segment_mutex);
    if (!roll && kn_log_block_up(group->bytes) <= log->segment_bytes - log->write_offset) {
        return KN_OK;
    }
    kn_mutex_lock(&log->spare_mutex);
    enum kn_rc rc = make_spare(log, err);
    kn_mutex_unlock(&log->spare_mutex);
    *ret_dropped = rc == KN_E_FULL;
    return rc == KN_OK ? next_segment(log, group, err) : rc;
}

enum kn_rc kn_log_commit(struct kn_log *log, struct kn_log_group **ret_group, struct kn_err *err)
{
    *ret_group = NULL;
    if (log->poisoned) {
        return kn_fail(err, KN_E_IO, "the log failed before; restart to recover");
    }
    kn_mutex_lock(&log->mutex);
    struct kn_log_group *group = log->open_group;
    log->open_group = NULL;
    /* The next one is likely as large: it should not have to grow step by step. */
    log->group_room = KN_LOG_GROUP_ROOM;
    while (group && log->group_room < group->bytes) {
        log->group_room *= 2;
    }
    kn_mutex_unlock(&log->mutex);
    if (!group) {
        return KN_OK;
    }
    bool no_room;
    enum kn_rc rc = make_room(log, &no_room, group, err);
    if (no_room) {
        drop_staged(log, group);
        return rc;
    }
    if (rc == KN_OK) {
        rc = write_group(log, group, err);
    }
    if (rc != KN_OK) {
        log->poisoned = true;
        kn_log_group_free(group);
        return rc;
    }
    kn_mutex_lock(&log->mutex);
    log->durable_seq = group->last_seq;
    kn_mutex_unlock(&log->mutex);
    *ret_group = group;
    return KN_OK;
}

void kn_log_group_free(struct kn_log_group *group)
{
    if (group) {
        kn_free(group->data);
        kn_free(group);
    }
}

bool kn_log_group_next(const struct kn_log_group *group, size_t *offset, struct kn_frame *ret)
{
    struct kn_frame_info info;
    if (*offset >= group->bytes) {
        return false;
    }
    struct kn_str rest = kn_str(group->data + *offset, group->bytes - *offset);
    kn_assert(kn_frame_peek(rest, &info));
    *offset += info.bytes;
    *ret = info.frame;
    return true;
}

/* ---- numbers ---- */

static uint64_t read_number(const struct kn_log *log, const uint64_t *number)
{
    struct kn_mutex *mutex = (struct kn_mutex *)(uintptr_t)&log->mutex;
    kn_mutex_lock(mutex);
    uint64_t value = *number;
    kn_mutex_unlock(mutex);
    return value;
}

uint64_t kn_log_durable_seq(const struct kn_log *log)
{
    return read_number(log, &log->durable_seq);
}

uint64_t kn_log_staged_seq(const struct kn_log *log)
{
    return read_number(log, &log->staged_seq);
}

uint64_t kn_log_staged_bytes(const struct kn_log *log)
{
    struct kn_mutex *mutex = (struct kn_mutex *)(uintptr_t)&log->mutex;
    kn_mutex_lock(mutex);
    uint64_t bytes = log->open_group ? log->open_group->bytes : 0;
    kn_mutex_unlock(mutex);
    return bytes;
}

uint32_t kn_log_epoch(const struct kn_log *log)
{
    return log->epoch;
}

uint64_t kn_log_disk_bytes(const struct kn_log *log)
{
    struct kn_mutex *mutex = (struct kn_mutex *)(uintptr_t)&log->segment_mutex;
    kn_mutex_lock(mutex);
    uint64_t files = log->segment_count + (log->spare ? 1 : 0);
    kn_mutex_unlock(mutex);
    return files * log->segment_bytes;
}
