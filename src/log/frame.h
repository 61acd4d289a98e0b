/* Frames and segment headers as bytes (docs/formats/log.md), and the scan that reads them back.
 * Internal to log/. */
#ifndef KN_LOG_FRAME_H
#define KN_LOG_FRAME_H

#include "log/log.h"

enum {
    KN_FRAME_HEADER = 56,
    KN_SEGMENT_HEADER = 64,
    KN_LOG_BLOCK = KN_DISK_BLOCK, /* the segment header has the first, each group begins on one */
    KN_LOG_FORMAT = 1,
    KN_SEGMENT_NAME = 24, /* 20 digits, ".log" */
};

struct kn_frame_info {
    struct kn_frame frame; /* body borrows from the bytes */
    uint64_t durable_up_to, prev;
    size_t bytes; /* with padding */
};

static inline uint64_t kn_log_block_up(uint64_t offset)
{
    return (offset + KN_LOG_BLOCK - 1) / KN_LOG_BLOCK * KN_LOG_BLOCK;
}
static inline size_t kn_frame_bytes(size_t body)
{
    return (KN_FRAME_HEADER + body + 7) & ~(size_t)7;
}
/* What of the frame's checksum can be worked out before its place in the log is known. */
uint32_t kn_frame_body_crc(struct kn_str body);
/* Writes header, body and padding into kn_frame_bytes(body.len) bytes. */
void kn_frame_encode(const struct kn_frame_info *info, uint32_t body_crc, char *to);
/* KN_OK, KN_E_NOT_FOUND (zeros: no frame here), KN_E_CORRUPT, KN_E_VERSION. */
enum kn_rc kn_frame_decode(struct kn_str bytes, struct kn_frame_info *ret);
/* The frame at *at or, when a group ended there, at the next block (*at moves there). As decode;
 * KN_E_NOT_FOUND with *at on a block is the end. */
enum kn_rc kn_frame_next(struct kn_str bytes, size_t *at, struct kn_frame_info *ret);
/* Without the checksum: for bytes this process encoded itself. false when no frame is there. */
bool kn_frame_peek(struct kn_str bytes, struct kn_frame_info *ret);
/* Only the header, without body (p == NULL) and checksum. */
bool kn_frame_read_header(struct kn_str bytes, struct kn_frame_info *ret);

struct kn_segment_info {
    uint64_t first_seq; /* of its first frame; also its name */
    uint64_t prev;      /* the last sequence before it */
    uint32_t epoch;
};
void kn_segment_encode(const struct kn_segment_info *info, char to[KN_SEGMENT_HEADER]);
enum kn_rc kn_segment_decode(struct kn_str bytes, struct kn_segment_info *ret);
void kn_segment_path(const char *dir, uint64_t first_seq, char *to, size_t len);

/* The names of the segments of a directory, in order. The array is the caller's (kn_free). */
enum kn_rc kn_segment_list(struct kn_disk disk, const char *dir, uint64_t **ret, size_t *ret_count,
                           struct kn_err *err) KN_MUST_USE;
/* A segment in memory. One after the other is read into the same room: clearing fresh memory costs
 * more than checking what is read. Starts as {0}; `data` is its owner's (kn_free). */
struct kn_segment_copy {
    char *data;
    size_t room, len;
    struct kn_segment_info info;
};
/* Reads a whole segment file. */
enum kn_rc kn_segment_load(struct kn_disk disk, const char *dir, uint64_t first_seq,
                           struct kn_segment_copy *to, struct kn_err *err) KN_MUST_USE;
/* The file will be loaded soon: has it read from the device meanwhile. Errors show when it is. */
void kn_segment_ahead(struct kn_disk disk, const char *dir, uint64_t first_seq);

/* What a scan of the segments from one on found. */
struct kn_scan {
    struct kn_log_recovery found;
    size_t end_segment;  /* index of the segment where the good frames end */
    uint64_t end_offset; /* in it */
    bool torn;           /* something follows there that must be cut */
};
/* Scans segments[from..count). Frames up to after_seq are known to have been durable; `fn` (may be
 * NULL) sees every good frame. @errors KN_E_CORRUPT for damage */
enum kn_rc kn_log_scan(struct kn_disk disk, const char *dir, const uint64_t *segments, size_t from,
                       size_t count, uint64_t after_seq, kn_frame_fn fn, void *context,
                       struct kn_scan *ret, struct kn_err *err) KN_MUST_USE;

#endif
