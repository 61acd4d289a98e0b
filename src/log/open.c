/* Opening (recovery), dropping, reading back and verifying. */
#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "log/frame.h"
#include "log/log_internal.h"

/* Zeroes [from, end) of the file and makes that durable. */
static enum kn_rc zero_tail(struct kn_log *log, uint64_t from, struct kn_err *err)
{
    KN_TRY(kn_file_zero(log->file, from, log->segment_bytes - from, err));
    return kn_file_sync(log->file, err);
}

static enum kn_rc remove_after(struct kn_log *log, size_t kept, struct kn_err *err)
{
    char path[1024];
    for (size_t i = log->segment_count; i > kept; i--) {
        kn_segment_path(log->dir, log->segments[i - 1], path, sizeof path);
        KN_TRY(kn_disk_remove(log->disk, path, err));
    }
    log->segment_count = kept;
    return kn_disk_sync_dir(log->disk, log->dir, err);
}

static enum kn_rc open_last(struct kn_log *log, const struct kn_scan *scan, struct kn_err *err)
{
    char path[1024];
    uint64_t bytes;
    kn_segment_path(log->dir, log->segments[scan->end_segment], path, sizeof path);
    KN_TRY(kn_disk_open(log->disk, path, KN_OPEN_WRITE, &log->file, err));
    KN_TRY(kn_file_size(log->file, &bytes, err));
    /* Segments keep the size they were made with; a changed setting holds for new ones. */
    uint64_t wanted = log->segment_bytes;
    log->segment_bytes = bytes;
    if (scan->torn) {
        KN_TRY(remove_after(log, scan->end_segment + 1, err));
        KN_TRY(zero_tail(log, scan->end_offset, err));
    }
    if (wanted != bytes) {
        log->segment_bytes = bytes > wanted ? bytes : wanted;
        log->write_offset = log->segment_bytes; /* forces a new segment at the first commit */
        return KN_OK;
    }
    log->write_offset = kn_log_block_up(scan->end_offset);
    kn_file_bypass_cache(log->file);
    return KN_OK;
}

/* What of the scan is passed on to the options' on_settings. */
struct settings_pass {
    const struct kn_log_options *options;
    uint64_t after_seq;
};

static enum kn_rc pass_settings(void *context, const struct kn_frame *frame, struct kn_err *err)
{
    const struct settings_pass *p = context;
    if (frame->seq <= p->after_seq || !(frame->flags & KN_FRAME_SETTINGS)) {
        return KN_OK;
    }
    return p->options->on_settings(p->options->on_settings_context, frame, err);
}

static enum kn_rc recover(struct kn_log *log, const struct kn_log_options *options,
                          uint64_t applied_seq, struct kn_log_recovery *ret_recovery,
                          struct kn_err *err)
{
    struct settings_pass pass = {options, applied_seq};
    KN_TRY(kn_log__remove_unfinished(log, err));
    KN_TRY(kn_segment_list(log->disk, log->dir, &log->segments, &log->segment_count, err));
    if (log->segment_count == 0 && applied_seq > 0) {
        return kn_fail(err, KN_E_CORRUPT,
                       "%s holds no log, but the checkpoint ends at record %llu: log files are "
                       "missing",
                       log->dir, (unsigned long long)applied_seq);
    }
    if (log->segment_count == 0) {
        *ret_recovery = (struct kn_log_recovery){0};
        log->next_seq = 1;
        return kn_log__start_segment(log, 1, 0, err);
    }
    /* From the segment of the last applied frame on: its record time is needed. */
    size_t from = log->segment_count - 1;
    while (from > 0 && log->segments[from] > applied_seq) {
        from--;
    }
    struct kn_scan scan;
    KN_TRY(kn_log_scan(log->disk, log->dir, log->segments, from, log->segment_count, applied_seq,
                       options->on_settings ? pass_settings : NULL, &pass, &scan, err));
    KN_TRY(open_last(log, &scan, err));
    log->staged_seq = scan.found.last_seq;
    log->durable_seq = scan.found.last_seq;
    /* A segment begun after a full disk is named after sequences that were lost: they stay lost, or
     * the names of the segments would not be in the order of their frames. */
    uint64_t named = log->segments[scan.end_segment];
    log->next_seq = scan.found.last_seq + 1 > named ? scan.found.last_seq + 1 : named;
    log->record_us = scan.found.last_record_us;
    scan.found.first_seq = scan.found.last_seq > 0 ? log->segments[0] : 0;
    scan.found.cut = scan.torn;
    *ret_recovery = scan.found;
    return KN_OK;
}

enum kn_rc kn_log_settled_seq(struct kn_disk disk, const char *dir, uint64_t *ret,
                              struct kn_err *err)
{
    uint64_t *segments = NULL;
    size_t count = 0;
    KN_TRY(kn_disk_make_dir(disk, dir, err));
    KN_TRY(kn_segment_list(disk, dir, &segments, &count, err));
    *ret = count >= 2 ? segments[count - 2] - 1 : 0;
    kn_free(segments);
    return KN_OK;
}

enum kn_rc kn_log_open(struct kn_disk disk, const struct kn_log_options *options,
                       uint64_t applied_seq, uint32_t epoch, struct kn_log **ret,
                       struct kn_log_recovery *ret_recovery, struct kn_err *err)
{
    struct kn_log *log = kn_calloc(1, sizeof *log);
    if (!log) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    log->disk = disk;
    log->segment_bytes = options->segment_bytes;
    log->group_bytes_max = options->group_bytes_max;
    log->epoch = epoch;
    log->on_sync_failed = options->on_sync_failed;
    log->on_sync_failed_context = options->on_sync_failed_context;
    log->record_us = INT64_MIN;
    log->group_room = KN_LOG_GROUP_ROOM;
    kn_mutex_init(&log->mutex);
    kn_mutex_init(&log->segment_mutex);
    kn_mutex_init(&log->spare_mutex);
    log->dir = kn_strdup(options->dir);
    enum kn_rc rc = log->dir ? kn_disk_make_dir(disk, options->dir, err)
                             : kn_fail(err, KN_E_NOMEM, "out of memory");
    if (rc == KN_OK) {
        rc = recover(log, options, applied_seq, ret_recovery, err);
    }
    if (rc != KN_OK) {
        (void)kn_fail_wrap(err, rc, "log");
        kn_log_close(log);
        return rc;
    }
    *ret = log;
    return KN_OK;
}

void kn_log_close(struct kn_log *log)
{
    if (!log) {
        return;
    }
    kn_file_close(log->file);
    kn_file_close(log->spare);
    kn_log_group_free(log->open_group);
    kn_mutex_deinit(&log->mutex);
    kn_mutex_deinit(&log->segment_mutex);
    kn_mutex_deinit(&log->spare_mutex);
    kn_free(log->segments);
    kn_free(log->dir);
    kn_free(log);
}

/* ---- drop ---- */

/* The record time of a segment's first frame: no frame of the segments before it is newer. A
 * segment without a frame says INT64_MAX. */
static enum kn_rc first_record(struct kn_log *log, uint64_t segment, int64_t *ret,
                               struct kn_err *err)
{
    char path[1024];
    char head[KN_FRAME_HEADER];
    struct kn_file *file;
    struct kn_frame_info info;
    size_t got;
    kn_segment_path(log->dir, segment, path, sizeof path);
    KN_TRY(kn_disk_open(log->disk, path, KN_OPEN_READ, &file, err));
    enum kn_rc rc = kn_file_read(file, KN_LOG_BLOCK, head, sizeof head, &got, err);
    kn_file_close(file);
    KN_TRY(rc);
    bool there = got == sizeof head && kn_frame_read_header(kn_str(head, sizeof head), &info);
    *ret = there ? info.frame.record_us : INT64_MAX;
    return KN_OK;
}

enum kn_rc kn_log_drop(struct kn_log *log, uint64_t through_seq, int64_t before_us,
                       struct kn_err *err)
{
    bool dropped = false;
    for (;;) {
        char path[1024];
        kn_mutex_lock(&log->segment_mutex);
        bool whole = log->segment_count > 1 && log->segments[1] <= through_seq + 1;
        uint64_t oldest = log->segments[0];
        uint64_t next = whole ? log->segments[1] : 0;
        kn_mutex_unlock(&log->segment_mutex);
        int64_t until;
        if (!whole) {
            break;
        }
        KN_TRY(first_record(log, next, &until, err));
        if (until >= before_us) {
            break;
        }
        kn_segment_path(log->dir, oldest, path, sizeof path);
        KN_TRY(kn_disk_remove(log->disk, path, err));
        kn_mutex_lock(&log->segment_mutex);
        log->segment_count--;
        memmove(log->segments, log->segments + 1, log->segment_count * sizeof *log->segments);
        kn_mutex_unlock(&log->segment_mutex);
        dropped = true;
    }
    return dropped ? kn_disk_sync_dir(log->disk, log->dir, err) : KN_OK;
}

/* ---- reader ---- */

struct kn_log_reader {
    struct kn_log *log;
    uint64_t next_seq; /* the first wanted */
    uint64_t segment;  /* loaded: its first sequence, 0 = none */
    struct kn_segment_copy copy;
    size_t at;
};

static enum kn_rc load_segment(struct kn_log_reader *r, uint64_t segment, struct kn_err *err)
{
    KN_TRY(kn_segment_load(r->log->disk, r->log->dir, segment, &r->copy, err));
    r->segment = segment;
    r->at = KN_LOG_BLOCK;
    return KN_OK;
}

/* The segment after the loaded one (or the one to begin with); 0 = none. */
static uint64_t following(struct kn_log_reader *r)
{
    uint64_t found = 0;
    kn_mutex_lock(&r->log->segment_mutex);
    for (size_t i = 0; i < r->log->segment_count; i++) {
        uint64_t first = r->log->segments[i];
        bool begins = r->segment == 0 && (first <= r->next_seq || found == 0);
        bool follows = r->segment != 0 && first > r->segment && found == 0;
        found = begins || follows ? first : found;
    }
    kn_mutex_unlock(&r->log->segment_mutex);
    return found;
}

enum kn_rc kn_log_reader_open(struct kn_log *log, uint64_t from_seq, struct kn_log_reader **ret,
                              struct kn_err *err)
{
    struct kn_log_reader *r = kn_calloc(1, sizeof *r);
    if (!r) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    r->log = log;
    r->next_seq = from_seq;
    enum kn_rc rc = load_segment(r, following(r), err);
    if (rc != KN_OK) {
        kn_log_reader_close(r);
        return rc;
    }
    *ret = r;
    return KN_OK;
}

enum kn_rc kn_log_read(struct kn_log_reader *r, struct kn_frame *ret, struct kn_err *err)
{
    bool reloaded = false;
    for (;;) {
        struct kn_frame_info info;
        enum kn_rc rc = kn_frame_next(kn_str(r->copy.data, r->copy.len), &r->at, &info);
        if (rc == KN_OK && info.frame.seq > kn_log_durable_seq(r->log)) {
            return KN_E_NOT_FOUND;
        }
        if (rc == KN_OK) {
            r->at += info.bytes;
            if (info.frame.seq >= r->next_seq) {
                r->next_seq = info.frame.seq + 1;
                *ret = info.frame;
                return KN_OK;
            }
            continue;
        }
        if (rc != KN_E_NOT_FOUND) {
            char path[1024];
            kn_segment_path(r->log->dir, r->segment, path, sizeof path);
            return kn_fail(err, KN_E_CORRUPT, "%s at offset %zu: record %llu does not read back",
                           path, r->at, (unsigned long long)r->next_seq);
        }
        uint64_t next = following(r);
        if (next != 0) {
            KN_TRY(load_segment(r, next, err));
            continue;
        }
        /* The end of what was loaded: the segment may have grown since. */
        if (reloaded || kn_log_durable_seq(r->log) < r->next_seq) {
            return KN_E_NOT_FOUND;
        }
        size_t at = r->at;
        KN_TRY(load_segment(r, r->segment, err));
        r->at = at;
        reloaded = true;
    }
}

void kn_log_reader_close(struct kn_log_reader *r)
{
    if (r) {
        kn_free(r->copy.data);
        kn_free(r);
    }
}

/* ---- verify ---- */

static enum kn_rc refuse_tail(const char *dir, const uint64_t *segments, const struct kn_scan *scan,
                              struct kn_err *err)
{
    char path[1024];
    kn_segment_path(dir, segments[scan->end_segment], path, sizeof path);
    return kn_fail(
        err, KN_E_CORRUPT,
        "%s at offset %llu: what follows the last record is not empty: a torn write that "
        "the next start removes, or damage",
        path, (unsigned long long)scan->end_offset);
}

enum kn_rc kn_log_verify(struct kn_disk disk, const char *dir, uint64_t durable_seq,
                         kn_frame_fn each, void *context, struct kn_log_recovery *ret,
                         struct kn_err *err)
{
    uint64_t *segments;
    size_t count;
    struct kn_scan scan = {0};
    KN_TRY(kn_segment_list(disk, dir, &segments, &count, err));
    enum kn_rc rc = KN_OK;
    if (count > 0) {
        rc = kn_log_scan(disk, dir, segments, 0, count, durable_seq, each, context, &scan, err);
        scan.found.first_seq = scan.found.last_seq > 0 ? segments[0] : 0;
        rc = rc == KN_OK && scan.torn ? refuse_tail(dir, segments, &scan, err) : rc;
    } else if (durable_seq > 0) {
        rc = kn_fail(err, KN_E_CORRUPT, "%s holds no log, but the checkpoint holds %llu records",
                     dir, (unsigned long long)durable_seq);
    }
    kn_free(segments);
    if (rc == KN_OK) {
        *ret = scan.found;
    }
    return rc;
}
