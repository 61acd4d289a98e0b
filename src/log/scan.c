/* Reading segments from a point on: where the good frames end, and whether what follows is a torn
 * tail (to be cut) or damage (to be refused). */
#include "base/mem.h"
#include "log/frame.h"

struct scan {
    struct kn_disk disk;
    const char *dir;
    const uint64_t *segments;
    size_t count;
    uint64_t last_seq; /* of the good frames */
    uint64_t claimed;  /* the highest sequence that anything says was durable */
    struct kn_scan *out;
};

static void claim(struct scan *s, uint64_t seq)
{
    s->claimed = seq > s->claimed ? seq : s->claimed;
}

/* After the first fault: does any valid frame behind it say that more was durable? */
static void look_ahead(struct scan *s, struct kn_str bytes, size_t from)
{
    struct kn_frame_info info;
    if (!bytes.p) {
        return; /* an empty segment */
    }
    for (size_t at = (from + 7) & ~(size_t)7; at + KN_FRAME_HEADER <= bytes.len; at += 8) {
        if (bytes.p[at] == 'K' &&
            kn_frame_decode(kn_str_sub(bytes, at, bytes.len), &info) == KN_OK) {
            claim(s, info.durable_up_to);
        }
    }
}

/* Any byte that is not zero: the first one, or one that differs from its neighbour. */
static bool has_bytes(struct kn_str s)
{
    return s.len > 0 && (s.p[0] != 0 || memcmp(s.p, s.p + 1, s.len - 1) != 0);
}

/* Reads the frames of one segment. True in *ret_stop: the good frames end in it for good. */
static enum kn_rc scan_segment(struct scan *s, uint64_t segment, struct kn_str bytes,
                               kn_frame_fn fn, void *context, size_t *ret_end, bool *ret_stop,
                               struct kn_err *err)
{
    char path[1024];
    size_t at = KN_LOG_BLOCK;
    struct kn_frame_info info;
    *ret_stop = false;
    while (at < bytes.len) {
        enum kn_rc rc = kn_frame_next(bytes, &at, &info);
        if (rc == KN_E_VERSION) {
            kn_segment_path(s->dir, segment, path, sizeof path);
            return kn_fail(err, rc,
                           "%s at offset %zu: the record was written by another version of the "
                           "format",
                           path, at);
        }
        if (rc == KN_E_NOT_FOUND) {
            break;
        }
        if (rc != KN_OK || info.prev != s->last_seq || info.frame.seq <= s->last_seq) {
            *ret_stop = true;
            break;
        }
        s->last_seq = info.frame.seq;
        claim(s, info.durable_up_to);
        s->out->found.last_record_us = info.frame.record_us;
        if (fn) {
            KN_TRY(fn(context, &info.frame, err));
        }
        at += info.bytes;
    }
    *ret_end = at < bytes.len ? at : bytes.len;
    return KN_OK;
}

/* Looks at everything behind the end found; decides between tail and damage. */
static enum kn_rc judge(struct scan *s, size_t segment, struct kn_str bytes, size_t end,
                        struct kn_err *err)
{
    look_ahead(s, bytes, end);
    s->out->torn = has_bytes(kn_str_sub(bytes, end, bytes.len));
    struct kn_segment_copy copy = {0};
    enum kn_rc rc = KN_OK;
    for (size_t i = segment + 1; i < s->count && rc == KN_OK; i++) {
        /* A file gets its name after its header was synced: a bad one is damage too. */
        rc = kn_segment_load(s->disk, s->dir, s->segments[i], &copy, err);
        if (rc == KN_OK) {
            s->out->torn = true;
            claim(s, copy.info.prev);
            look_ahead(s, kn_str(copy.data, copy.len), KN_LOG_BLOCK);
        }
    }
    kn_free(copy.data);
    KN_TRY(rc);
    if (s->claimed > s->last_seq) {
        char path[1024];
        kn_segment_path(s->dir, s->segments[segment], path, sizeof path);
        return kn_fail(err, KN_E_CORRUPT,
                       "%s at offset %zu: record %llu is damaged or missing, though it was "
                       "durable (up to %llu)",
                       path, end, (unsigned long long)s->last_seq + 1,
                       (unsigned long long)s->claimed);
    }
    return KN_OK;
}

/* Nothing may be missing between the checkpoint and the oldest segment read. */
static enum kn_rc check_start(const struct scan *s, uint64_t segment, uint64_t prev,
                              uint64_t after_seq, struct kn_err *err)
{
    char path[1024];
    if (prev <= after_seq) {
        return KN_OK;
    }
    kn_segment_path(s->dir, segment, path, sizeof path);
    return kn_fail(
        err, KN_E_CORRUPT,
        "%s at offset 0: it continues after record %llu, but the checkpoint ends at %llu: "
        "log files are missing",
        path, (unsigned long long)prev, (unsigned long long)after_seq);
}

/* The segment that was just loaded. True in *ret_stop: nothing after it is to be read. */
static enum kn_rc scan_loaded(struct scan *s, size_t i, struct kn_str bytes, uint64_t prev,
                              kn_frame_fn fn, void *context, bool *ret_stop, struct kn_err *err)
{
    size_t end = KN_LOG_BLOCK;
    bool stop = prev != s->last_seq;
    bool last = i + 1 == s->count;
    if (!stop) {
        s->out->end_segment = i;
        KN_TRY(scan_segment(s, s->segments[i], bytes, fn, context, &end, &stop, err));
        s->out->end_offset = end;
    }
    /* A segment that follows must continue exactly where this one ends. */
    if (!stop && !last) {
        stop = has_bytes(kn_str_sub(bytes, end, bytes.len));
    }
    *ret_stop = stop || last;
    if (!*ret_stop) {
        return KN_OK;
    }
    size_t segment = s->out->end_segment;
    return judge(s, segment, segment == i ? bytes : KN_STR_EMPTY, (size_t)s->out->end_offset, err);
}

enum kn_rc kn_log_scan(struct kn_disk disk, const char *dir, const uint64_t *segments, size_t from,
                       size_t count, uint64_t after_seq, kn_frame_fn fn, void *context,
                       struct kn_scan *ret, struct kn_err *err)
{
    struct scan s = {.disk = disk,
                     .dir = dir,
                     .segments = segments,
                     .count = count,
                     .claimed = after_seq,
                     .out = ret};
    struct kn_segment_copy copy = {0};
    enum kn_rc rc = KN_OK;
    bool stop = false;
    *ret = (struct kn_scan){.end_segment = from, .end_offset = KN_LOG_BLOCK};
    for (size_t i = from; i < count && !stop && rc == KN_OK; i++) {
        rc = kn_segment_load(disk, dir, segments[i], &copy, err);
        if (rc == KN_OK && i == from) {
            s.last_seq = copy.info.prev;
            rc = check_start(&s, segments[i], copy.info.prev, after_seq, err);
        }
        if (rc == KN_OK) {
            if (i + 1 < count) {
                kn_segment_ahead(disk, dir, segments[i + 1]);
            }
            rc = scan_loaded(&s, i, kn_str(copy.data, copy.len), copy.info.prev, fn, context, &stop,
                             err);
        }
    }
    kn_free(copy.data);
    ret->found.last_seq = s.last_seq;
    return rc;
}
