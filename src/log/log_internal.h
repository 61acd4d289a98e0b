/* The log as its files share it. */
#ifndef KN_LOG_INTERNAL_H
#define KN_LOG_INTERNAL_H

#include "log/log.h"
#include "os/thread.h"

enum { KN_LOG_GROUP_ROOM = 64 * 1024 };

struct kn_lost {
    uint64_t first, last;
};

struct kn_log {
    struct kn_disk disk;
    char *dir;
    uint64_t segment_bytes, group_bytes_max;
    uint32_t epoch;
    void (*on_sync_failed)(void *);
    void *on_sync_failed_context;

    struct kn_mutex mutex; /* the open group and the sequences */
    struct kn_log_group *open_group;
    size_t group_room; /* to begin the next group with */
    uint64_t next_seq, staged_seq, durable_seq;
    int64_t record_us;
    bool full;
    struct kn_lost lost[64];
    _Atomic size_t lost_count; /* ever; written under the mutex */

    struct kn_mutex spare_mutex;   /* making the spare, and making a segment of it */
    struct kn_mutex segment_mutex; /* the files */
    uint64_t *segments;            /* first sequences, in order */
    size_t segment_count;
    struct kn_file *spare;
    uint64_t write_offset;
    bool roll; /* the next group begins a segment */

    struct kn_file *file; /* being written; of the log thread */
    bool poisoned;
};

#define KN_LOG_BESIDE ".new" /* a segment being rewritten */
/* What a crash left of segments being rewritten. */
enum kn_rc kn_log__remove_unfinished(struct kn_log *log, struct kn_err *err) KN_MUST_USE;

enum kn_rc kn_log__start_segment(struct kn_log *log, uint64_t first_seq, uint64_t prev,
                                 struct kn_err *err) KN_MUST_USE;

#endif
