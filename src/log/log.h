/* The durable log of one workspace: ordered frames, group commit, recovery.
 *
 * A frame holds the items of one request. stage() gives it the next sequence number and a record
 * time and copies it into the current group; commit() writes the group into the current segment
 * and syncs it. Only then is a frame durable, may be acknowledged and may be applied.
 *
 *   LOG/00000000000000000001.log   pre-allocated, pre-zeroed segments named after their first
 *                                  sequence; [segment header][group][group]...[zeros]
 *   group: the frames of one commit, then zeros up to the next block of 4096 bytes: what was
 *          durable is never written again, and groups go to the disk past the page cache
 *   frame: magic u32, format u8, flags u8, reserved u16, body length u32, crc32c u32 (of the
 *          body, then the header with crc = 0), epoch u32, item count u32, sequence u64,
 *          record time i64, durable-up-to u64, previous sequence u64; then the body; padded to 8
 *          bytes with zeros.
 *
 * Recovery: reads forward from a position. The first frame that is bad, or does not follow the one
 * before it, is a torn tail, and is cut and zeroed, only when nothing says that it was durable: no
 * valid frame behind it (durable-up-to), no later segment (a segment is only begun when everything
 * before it is durable) and not the caller's checkpoint. Otherwise it is damage: KN_E_CORRUPT,
 * naming file and offset, and nothing is changed. Missing frames between the checkpoint and the
 * oldest segment are damage too.
 *
 * Sequences start at 1 and are never used twice. They are dense but for one case: a group that
 * found the disk full is dropped, and its sequences are lost for good (kn_log_is_lost).
 *
 * Threads: stage() from any thread; commit() from one thread (the log thread); prepare and drop
 * from one thread (the background thread); read from any thread for sequences <= durable. In the
 * simulation all run on one thread. A failed sync panics (never retried). A full disk shows when a
 * new segment is needed: commit() answers KN_E_FULL before anything was acknowledged, every staged
 * frame is dropped (their requests get 503), and stage() answers KN_E_FULL until prepare() found
 * room again.
 */
#ifndef KN_LOG_LOG_H
#define KN_LOG_LOG_H

#include "base/buf.h"
#include "os/disk.h"

enum { KN_LOG_BODY_MAX = 16 * 1024 * 1024 };

struct kn_log;

/* A good frame, in order. Another answer than KN_OK ends what calls it. */
struct kn_frame;
typedef enum kn_rc (*kn_frame_fn)(void *context, const struct kn_frame *frame, struct kn_err *err);

struct kn_log_options {
    const char *dir;          /* directory on the disk, e.g. "ws/default/log" */
    uint64_t segment_bytes;   /* blocks; 64 MiB by default; holds a whole group */
    uint64_t group_bytes_max; /* staged bytes above which stage() answers KN_E_FULL; a segment's
                                 room is a limit of its own */
    void (*on_sync_failed)(void *context); /* the simulation's; NULL = panic */
    void *on_sync_failed_context;
    /* While it opens: sees every frame with KN_FRAME_SETTINGS behind the checkpoint, so that intake
     * need not wait until they are applied. NULL = nobody. */
    kn_frame_fn on_settings;
    void *on_settings_context;
};

enum kn_frame_flag {
    KN_FRAME_SETTINGS = 1U << 0, /* holds a setting: intake reads it ahead of the fold at start */
};

struct kn_frame {
    uint64_t seq;
    uint32_t epoch;
    uint32_t item_count;
    uint32_t flags;
    int64_t record_us;  /* record time = max(previous record time, wall clock at stage) */
    struct kn_str body; /* encoded items; borrowed, see kn_log_read */
};

struct kn_log_recovery {
    uint64_t first_seq;     /* oldest frame still there, 0 when the log is empty */
    uint64_t last_seq;      /* newest durable frame, 0 when empty */
    int64_t last_record_us; /* of that frame */
    bool cut;               /* a torn tail was removed */
};

/* For a log without checkpoints whose old frames need not be read at each start: a sequence before
 * its two newest segments, to be given to kn_log_open as applied_seq; 0 while there are fewer. A
 * segment is only begun when everything before it is durable. Makes the directory. */
enum kn_rc kn_log_settled_seq(struct kn_disk disk, const char *dir, uint64_t *ret,
                              struct kn_err *err) KN_MUST_USE;

/* Opens or creates the log. Frames up to `applied_seq` were checkpointed: frames after it are
 * checked one by one; those before it by kn_log_verify.
 * @errors KN_E_CORRUPT, KN_E_VERSION, KN_E_IO, KN_E_NOMEM */
enum kn_rc kn_log_open(struct kn_disk disk, const struct kn_log_options *options,
                       uint64_t applied_seq, uint32_t epoch, struct kn_log **ret,
                       struct kn_log_recovery *ret_recovery, struct kn_err *err) KN_MUST_USE;
/* Commits nothing: call kn_log_commit first. NULL is fine. */
void kn_log_close(struct kn_log *log);

/* Copies a frame into the open group.
 * @param wall_us   now; the record time never runs backwards
 * @param ret_seq   the frame's sequence
 * @errors KN_E_LIMIT body empty, over KN_LOG_BODY_MAX or a segment; KN_E_FULL group or disk is
 * full; KN_E_NOMEM */
enum kn_rc kn_log_stage(struct kn_log *log, struct kn_str body, uint32_t item_count, uint32_t flags,
                        int64_t wall_us, uint64_t *ret_seq, int64_t *ret_record_us,
                        struct kn_err *err) KN_MUST_USE;

/* A committed group, kept in memory for apply so that it need not be read back. */
struct kn_log_group {
    struct kn_log_group *next; /* free for the owner's list */
    uint64_t first_seq, last_seq;
    size_t bytes; /* of the encoded frames */
    size_t frame_count;
    size_t room; /* a multiple of KN_DISK_BLOCK */
    char *data;  /* encoded frames, on a KN_DISK_BLOCK */
};

/* Writes and syncs everything staged so far. *ret_group (owned by the caller, kn_log_group_free) is
 * NULL when nothing was staged. durable_seq moves before this returns. */
enum kn_rc kn_log_commit(struct kn_log *log, struct kn_log_group **ret_group,
                         struct kn_err *err) KN_MUST_USE;
void kn_log_group_free(struct kn_log_group *group);
/* Steps through a group's frames: *offset starts at 0; false at the end. */
bool kn_log_group_next(const struct kn_log_group *group, size_t *offset, struct kn_frame *ret);

/* The frame was dropped because the disk was full. */
bool kn_log_is_lost(struct kn_log *log, uint64_t seq);
/* Makes the next segment ahead of time, so that commit() need not; ends a full-disk state. */
enum kn_rc kn_log_prepare(struct kn_log *log, struct kn_err *err) KN_MUST_USE;
uint64_t kn_log_durable_seq(const struct kn_log *log);
uint64_t kn_log_staged_seq(const struct kn_log *log);
uint64_t kn_log_staged_bytes(const struct kn_log *log);
uint32_t kn_log_epoch(const struct kn_log *log);
/* Bytes of all segments on disk. */
uint64_t kn_log_disk_bytes(const struct kn_log *log);

/* Reads durable frames back in order (recovery, lagging apply). `from_seq` is the first wanted. */
struct kn_log_reader;
enum kn_rc kn_log_reader_open(struct kn_log *log, uint64_t from_seq, struct kn_log_reader **ret,
                              struct kn_err *err) KN_MUST_USE;
/* The next durable frame; ret->body is valid until the next call. KN_E_NOT_FOUND at the end. */
enum kn_rc kn_log_read(struct kn_log_reader *reader, struct kn_frame *ret,
                       struct kn_err *err) KN_MUST_USE;
void kn_log_reader_close(struct kn_log_reader *reader);

/* Removes whole segments all of whose frames are <= through_seq and that ended
 * before before_us (the next segment's first record is older). The segment being written stays. */
enum kn_rc kn_log_drop(struct kn_log *log, uint64_t through_seq, int64_t before_us,
                       struct kn_err *err) KN_MUST_USE;

/* ---- rewriting, on the background thread ---- */

/* The next group begins a new segment (unless the present one is empty), so that what is durable
 * now stands in whole segments. */
void kn_log_roll(struct kn_log *log);
uint64_t kn_log_segment_being_written(struct kn_log *log); /* its first sequence */
/* Sees a durable frame; may change items of `body` (a copy, of the frame's length) and says so. */
typedef enum kn_rc (*kn_log_edit_fn)(void *context, const struct kn_frame *frame, char *body,
                                     bool *ret_changed, struct kn_err *err);
/* Rewrites the first segment behind *after (0: the oldest) that has frames up to through_seq,
 * unless it is being written; *after becomes its first sequence. *ret_done: there is none. Frames
 * behind a checkpoint must not be touched: a replay would differ.
 * @errors KN_E_FULL (nothing changed), KN_E_IO, KN_E_CORRUPT, KN_E_NOMEM */
enum kn_rc kn_log_rewrite_next(struct kn_log *log, uint64_t *after, uint64_t through_seq,
                               kn_log_edit_fn edit, void *context, bool *ret_done,
                               struct kn_err *err) KN_MUST_USE;

/* Checks every checksum of a stopped log, changing nothing. Strict: bytes behind the last good
 * frame are KN_E_CORRUPT, with file and offset, also where the next start would cut them as a torn
 * tail. durable_seq: what is known to have been durable (a checkpoint's), 0 = nothing. `each` may
 * be NULL. */
enum kn_rc kn_log_verify(struct kn_disk disk, const char *dir, uint64_t durable_seq,
                         kn_frame_fn each, void *context, struct kn_log_recovery *ret,
                         struct kn_err *err) KN_MUST_USE;

#endif
