/* The event archive: the system of record of what happened, every item as it stood in the log.
 *
 * A row is (ordinal, event time, arrival, version, item bytes). `ordinal` is the dense number of
 * the profile the event was applied to; a merge of profiles moves nothing (readers ask for all
 * ordinals of a person). `arrival` is log sequence << 16 | index in the frame and orders
 * everything.
 *
 *   tail        rows since the last checkpoint, in memory, chained per ordinal
 *   runs        immutable files sorted by (ordinal, event time, arrival, version), zstd blocks of
 *               about 128 KiB of rows, a block index at the end; memory-mapped; checksummed
 *   masks       (ordinal, arrival, version) of rows that moved or were erased: readers skip them,
 *               the next merge of their run leaves them out. Moved rows are added again with a new
 *               version, so that a row can move back. (ordinal, greatest arrival and version) hides
 *               all rows of an ordinal
 *   merge       adjacent runs of similar size become one, in bounded steps, in the background; the
 *               result takes part from the next checkpoint on
 *
 * The columns for querying stand beside this archive, in this room, over the same rows.
 *
 * Threads: append/mask/freeze/install by the fold under the workspace's write lock;
 * write/merge_step/manifest by the background thread; pin under the read (or write) lock; reading a
 * pin and unpin on any thread, without a lock, for as long as wanted: files and tail memory stay
 * until unpin. Memory of the tail: kn_must_alloc. Damage found while reading is KN_E_CORRUPT with
 * file and offset.
 */
#ifndef KN_BEHAVIOUR_ARCHIVE_H
#define KN_BEHAVIOUR_ARCHIVE_H

#include "base/arena.h"
#include "base/buf.h"
#include "os/disk.h"

struct kn_archive;

struct kn_archive_options {
    const char *dir;      /* on the disk; made when missing */
    uint32_t block_bytes; /* raw bytes per block, 0 = 128 KiB */
    int level;            /* zstd level, 0 = 3 */
};

struct kn_archive_row {
    uint32_t ordinal;
    uint32_t version; /* 0 = as it first arrived */
    int64_t event_us;
    uint64_t arrival;
    struct kn_str item; /* encoded kn_item */
};

/* manifest: as kn_archive_manifest gave at the last commit, or empty. Files outside it are removed
 * unless read_only. @errors KN_E_IO, KN_E_CORRUPT, KN_E_VERSION, KN_E_NOMEM */
enum kn_rc kn_archive_open(struct kn_disk disk, const struct kn_archive_options *options,
                           struct kn_str manifest, bool read_only, struct kn_archive **ret,
                           struct kn_err *err) KN_MUST_USE;
void kn_archive_close(struct kn_archive *archive);

/* Adds a row to the tail. Answers the tail's copy of the item, valid until the install of the
 * checkpoint that freezes it. */
struct kn_str kn_archive_append(struct kn_archive *archive, const struct kn_archive_row *row);
/* Hides a row for good. It need not be known whether it stands in the tail or a run. */
void kn_archive_mask(struct kn_archive *archive, uint32_t ordinal, uint64_t arrival,
                     uint32_t version);

/* Hides every row the ordinal has, for good: it is never used again. */
void kn_archive_forget(struct kn_archive *archive, uint32_t ordinal);
/* Rows that are hidden leave the files with the next merge steps and checkpoints, even of files
 * that need no merge; those still in the tail never reach one. *ret_clean: of all that was hidden
 * before the last freeze nothing is left in any file. On the background thread, not between freeze
 * and install. */
enum kn_rc kn_archive_purge(struct kn_archive *archive, bool *ret_clean,
                            struct kn_err *err) KN_MUST_USE;

/* A file that replaces others is whole and waits for the next checkpoint. */
bool kn_archive_waits(const struct kn_archive *archive);

/* Checkpoint, in this order: freeze, write, manifest, (commit elsewhere), install. write() makes
 * and syncs the run of the frozen tail. A finished merge takes part. KN_E_FULL from write: nothing
 * changed, call again. */
void kn_archive_freeze(struct kn_archive *archive);
enum kn_rc kn_archive_write(struct kn_archive *archive, struct kn_err *err) KN_MUST_USE;
void kn_archive_manifest(const struct kn_archive *archive, struct kn_buf *out);
void kn_archive_install(struct kn_archive *archive);
/* False: write() would answer KN_E_FULL, since merges have waited too long (for a disk that is
 * full): do not freeze before a merge was done. */
bool kn_archive_has_room(const struct kn_archive *archive);
/* Does up to about `bytes` of pending merge work (not between freeze and install).
 * *ret_more: more is pending. */
enum kn_rc kn_archive_merge_step(struct kn_archive *archive, uint64_t bytes, bool *ret_more,
                                 struct kn_err *err) KN_MUST_USE;

/* A frozen view of the rows of some ordinals. */
struct kn_archive_pin;
struct kn_archive_pin *kn_archive_pin(struct kn_archive *archive, const uint32_t *ordinals,
                                      size_t count); /* NULL without memory */
void kn_archive_unpin(struct kn_archive_pin *pin);

enum kn_archive_order {
    KN_ARCHIVE_NEWEST_FIRST, /* (event time, arrival) descending */
    KN_ARCHIVE_OLDEST_FIRST, /* (event time, arrival) ascending */
    KN_ARCHIVE_BY_ARRIVAL,   /* arrival ascending: for re-applying a person's history */
};

struct kn_archive_query {
    enum kn_archive_order order;
    int64_t from_us, to_us; /* from <= event time < to; INT64_MIN/INT64_MAX = open */
    bool has_after;         /* start strictly after (in `order`) this row: paging */
    int64_t after_us;
    uint64_t after_arrival;
};

/* Calls fn for each row in order until it answers false. Rows and their bytes are valid during the
 * call only. Reads no more blocks than it needs for newest/oldest first. */
typedef bool (*kn_archive_row_fn)(void *context, const struct kn_archive_row *row);
enum kn_rc kn_archive_read(struct kn_archive_pin *pin, const struct kn_archive_query *query,
                           kn_archive_row_fn fn, void *context, struct kn_err *err) KN_MUST_USE;

/* Calls fn for the rows in memory of some ordinals that arrived after `arrival`, in no order. For
 * the fold, under its lock: rows that moved since (kn_archive_mask) are not told from others. */
void kn_archive_since(const struct kn_archive *archive, const uint32_t *ordinals, size_t count,
                      uint64_t arrival, kn_archive_row_fn fn, void *context);

struct kn_archive_usage {
    uint64_t rows, tail_rows, tail_bytes, runs, run_bytes, raw_bytes, masks, merging_bytes;
};
void kn_archive_usage(const struct kn_archive *archive, struct kn_archive_usage *ret);

/* Reads every block of every run: checksums, order, totals. fn (may be NULL) sees every row that is
 * not masked, run by run. */
enum kn_rc kn_archive_verify(struct kn_archive *archive, kn_archive_row_fn fn, void *context,
                             struct kn_err *err) KN_MUST_USE;

#endif
