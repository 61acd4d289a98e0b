/* Rewriting durable segments: frames keep their place, number and length, some items of theirs
 * become void.
 *
 * A segment is never changed in place, since a write that is cut short would damage what was
 * durable: its new text is written beside it, synced, and renamed over it. Whoever reads it
 * meanwhile reads the one or the other.
 */
#include <stdio.h>

#include "base/mem.h"
#include "log/frame.h"
#include "log/log_internal.h"

void kn_log_roll(struct kn_log *log)
{
    kn_mutex_lock(&log->segment_mutex);
    log->roll = log->write_offset > KN_LOG_BLOCK;
    kn_mutex_unlock(&log->segment_mutex);
}

uint64_t kn_log_segment_being_written(struct kn_log *log)
{
    kn_mutex_lock(&log->segment_mutex);
    uint64_t first = log->segments[log->segment_count - 1];
    kn_mutex_unlock(&log->segment_mutex);
    return first;
}

/* The first whole segment behind `after` with frames up to through_seq; 0 = none. */
static uint64_t next_segment(struct kn_log *log, uint64_t after, uint64_t through_seq)
{
    uint64_t found = 0;
    kn_mutex_lock(&log->segment_mutex);
    for (size_t i = 0; i + 1 < log->segment_count && found == 0; i++) {
        uint64_t first = log->segments[i];
        found = first > after && first <= through_seq ? first : 0;
    }
    kn_mutex_unlock(&log->segment_mutex);
    return found;
}

/* Goes through the frames; *ret_changed: some were edited, here in memory. */
static enum kn_rc edit_frames(const struct kn_log *log, uint64_t segment,
                              struct kn_segment_copy *copy, uint64_t through_seq,
                              kn_log_edit_fn edit, void *context, bool *ret_changed,
                              struct kn_err *err)
{
    struct kn_frame_info info;
    struct kn_buf body;
    size_t at = KN_LOG_BLOCK;
    kn_buf_init(&body, KN_LOG_BODY_MAX);
    enum kn_rc rc = KN_OK;
    while (rc == KN_OK) {
        bool changed = false;
        rc = kn_frame_next(kn_str(copy->data, copy->len), &at, &info);
        if (rc != KN_OK || info.frame.seq > through_seq) {
            break;
        }
        kn_buf_clear(&body);
        kn_buf_str(&body, info.frame.body);
        rc = body.rc == KN_OK ? edit(context, &info.frame, body.p, &changed, err)
                              : kn_fail(err, body.rc, "out of memory");
        if (rc == KN_OK && changed) {
            info.frame.body = kn_buf_view(&body);
            kn_frame_encode(&info, kn_frame_body_crc(info.frame.body), copy->data + at);
            *ret_changed = true;
        }
        at += info.bytes;
    }
    kn_buf_deinit(&body);
    if (rc == KN_E_CORRUPT && at < copy->len) {
        char path[1024];
        kn_segment_path(log->dir, segment, path, sizeof path);
        return kn_fail_wrap(err, rc, "%s at offset %zu", path, at);
    }
    return rc == KN_E_NOT_FOUND ? KN_OK : rc;
}

static enum kn_rc replace(struct kn_log *log, uint64_t segment, const struct kn_segment_copy *copy,
                          struct kn_err *err)
{
    char path[1024];
    char beside[1024 + sizeof KN_LOG_BESIDE];
    struct kn_file *file;
    kn_segment_path(log->dir, segment, path, sizeof path);
    (void)snprintf(beside, sizeof beside, "%s%s", path, KN_LOG_BESIDE);
    KN_TRY(kn_disk_open(log->disk, beside, KN_OPEN_CREATE, &file, err));
    enum kn_rc rc = kn_file_truncate(file, 0, err);
    if (rc == KN_OK) {
        rc = kn_file_write(file, 0, copy->data, copy->len, err);
    }
    if (rc == KN_OK) {
        rc = kn_file_sync(file, err);
    }
    kn_file_close(file);
    if (rc == KN_OK) {
        rc = kn_disk_rename(log->disk, beside, path, err);
    }
    if (rc != KN_OK) {
        (void)kn_disk_remove(log->disk, beside, NULL); /* else at the next start */
        return rc;
    }
    return kn_disk_sync_dir(log->disk, log->dir, err);
}

enum kn_rc kn_log_rewrite_next(struct kn_log *log, uint64_t *after, uint64_t through_seq,
                               kn_log_edit_fn edit, void *context, bool *ret_done,
                               struct kn_err *err)
{
    struct kn_segment_copy copy = {0};
    bool changed = false;
    uint64_t segment = next_segment(log, *after, through_seq);
    *ret_done = segment == 0;
    if (segment == 0) {
        return KN_OK;
    }
    enum kn_rc rc = kn_segment_load(log->disk, log->dir, segment, &copy, err);
    if (rc == KN_OK) {
        rc = edit_frames(log, segment, &copy, through_seq, edit, context, &changed, err);
    }
    if (rc == KN_OK && changed) {
        rc = replace(log, segment, &copy, err);
    }
    if (rc == KN_OK) {
        *after = segment;
    }
    kn_free(copy.data);
    return rc;
}

/* ---- at start ---- */

static void remove_beside(void *context, struct kn_str name, uint64_t bytes)
{
    struct kn_log *log = context;
    char path[1024];
    (void)bytes;
    if (kn_str_ends(name, KN_STR(KN_LOG_BESIDE))) {
        (void)snprintf(path, sizeof path, "%s/%.*s", log->dir, KN_STR_ARG(name));
        (void)kn_disk_remove(log->disk, path, NULL); /* else at the next start */
    }
}

enum kn_rc kn_log__remove_unfinished(struct kn_log *log, struct kn_err *err)
{
    return kn_disk_list(log->disk, log->dir, remove_beside, log, err);
}
