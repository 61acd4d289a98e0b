/* A workspace: its log, its fold and its stores, without threads of its own.
 *
 *   stage ─> commit ─> apply ─> (freeze ─> checkpoint ─> install)
 *   any      log       apply     apply      background    apply
 *
 * The server drives these steps from its threads; the simulation drives them in one thread, in an
 * order drawn from a seed. apply() is the fold: it takes durable frames in order and nothing else.
 *
 * Locking: the workspace has one read-write lock. apply, freeze and install take it for writing
 * (for at most one turn); readers take it for reading through kn_workspace_read_lock (short reads
 * only: copy what is needed, pin the archive, unlock). stage and commit do not take it.
 *
 * Positions are (epoch, sequence). Errors: KN_E_FULL means try again later and nothing was lost.
 */
#ifndef KN_APPLY_WORKSPACE_H
#define KN_APPLY_WORKSPACE_H

#include "apply/settings.h"
#include "behaviour/archive.h"
#include "log/log.h"
#include "os/clock.h"
#include "os/disk.h"
#include "os/random.h"
#include "state/dedupe.h"
#include "state/state.h"

struct kn_workspace;

struct kn_workspace_options {
    struct kn_disk disk;    /* log, runs and dedupe files: <dir>/log, <dir>/runs, <dir>/dedupe */
    const char *dir;        /* on the disk: "ws/<name>" */
    const char *state_path; /* real path of the LMDB directory */
    const char *name;
    struct kn_clock clock;
    struct kn_random random;
    /* Of a new workspace, recorded in its first record (format/zone.h); empty = the default.
     * Borrowed while it opens. */
    struct kn_str time_zone, time_zone_rules;
    uint64_t log_segment_bytes;   /* 0 = 64 MiB */
    uint64_t cache_bytes;         /* clean state entries kept in memory; 0 = 256 MiB */
    uint64_t state_map_bytes;     /* 0 = default */
    uint64_t unapplied_bytes_max; /* above it stage answers KN_E_FULL; 0 = 64 MiB */
    uint64_t unsaved_bytes_max; /* the same for what is applied and waits for a checkpoint; 0 = 384
                                   MiB */
    uint64_t erase_every_ns;    /* at most one batch of erasures in this time; 0 = 10 minutes */
    int64_t log_keep_us;        /* logs younger than this stay; 0 = 24 h */
    unsigned dedupe_hours;      /* 0 = 24 */
    uint32_t
        long_history_rows;  /* live evaluation of longer ones keeps what it worked out; 0 = 256 */
    uint64_t history_bytes; /* of profiles' histories kept for live evaluation; 0 = 256 MiB */
    bool replay_with_new;   /* accept a tail written by another apply version */
    bool read_only;         /* verify */
    void (*on_sync_failed)(void *context); /* tests only; NULL = panic */
    void *on_sync_failed_context;
};

/* Opens or creates; recovers the log; applies nothing yet. A new workspace has a genesis record
 * staged and committed. @errors as the rooms below it */
enum kn_rc kn_workspace_open(const struct kn_workspace_options *options, struct kn_workspace **ret,
                             struct kn_err *err) KN_MUST_USE;
/* Without a checkpoint: call kn_workspace_checkpoint_now first for a clean stop. */
void kn_workspace_close(struct kn_workspace *ws);
const char *kn_workspace_name(const struct kn_workspace *ws);

/* ---- intake ---- */

/* A snapshot of the settings; unref it. */
struct kn_settings *kn_workspace_settings(struct kn_workspace *ws);
/* False until the first record of a new workspace is applied: intake must wait (readyz says no).
 * After a restart intake has the newest settings at once, whatever is still to be applied. */
bool kn_workspace_ready(struct kn_workspace *ws);
/* Stages encoded items (format/item.h) as one frame; they become durable at the next commit.
 * KN_E_FULL: log, disk, apply queue or tail is full (429 or 503: *ret_disk_full tells). */
enum kn_rc kn_workspace_stage(struct kn_workspace *ws, struct kn_str items, uint32_t item_count,
                              uint32_t frame_flags, uint64_t *ret_seq, bool *ret_disk_full,
                              struct kn_err *err) KN_MUST_USE;
/* Group commit (one thread). *ret_committed: frames were committed.
 * KN_E_FULL: the staged frames are lost (kn_workspace_is_lost); nobody was told otherwise. */
enum kn_rc kn_workspace_commit(struct kn_workspace *ws, bool *ret_committed,
                               struct kn_err *err) KN_MUST_USE;

struct kn_position {
    uint32_t epoch;
    uint64_t staged, durable, applied; /* sequences */
    int64_t applied_record_us;         /* "now" of reads */
    uint64_t unapplied_bytes;
};
void kn_workspace_position(struct kn_workspace *ws, struct kn_position *ret);

/* The newest durable sequence (also in the position; this takes one short lock). */
uint64_t kn_workspace_durable(struct kn_workspace *ws);
/* The frame found the disk full and will never be durable. */
bool kn_workspace_is_lost(struct kn_workspace *ws, uint64_t seq);

/* ---- the fold ---- */

/* Applies durable frames until none is left or `budget_us` of wall time has passed (checked between
 * frames). Timers due before a frame fire first, one by one: a turn may end between them.
 * *ret_applied: how many frames and timers. Takes the write lock. */
enum kn_rc kn_workspace_apply(struct kn_workspace *ws, int64_t budget_us, size_t *ret_applied,
                              struct kn_err *err) KN_MUST_USE;
/* When the next timer is due (INT64_MAX: none); a tick item should be staged then. INT64_MIN: a
 * definition is being installed, or a person taken out of change lists, and that goes on with the
 * next record, so a tick helps at once. */
int64_t kn_workspace_next_due(struct kn_workspace *ws);
enum kn_rc kn_workspace_stage_tick(struct kn_workspace *ws, uint64_t *ret_seq,
                                   struct kn_err *err) KN_MUST_USE;

/* ---- building ---- */

/* A bounded piece of work for a thread of its own (any one thread at a time, beside the others):
 * runs of the behaviour columns, new definitions. *ret_more: more waits. *ret_staged: a record was
 * staged.
 * @errors KN_E_NOMEM */
enum kn_rc kn_workspace_build_step(struct kn_workspace *ws, bool *ret_more, bool *ret_staged,
                                   struct kn_err *err) KN_MUST_USE;

/* ---- checkpoints ---- */

/* True when the tail is large enough, or old enough, for one. */
bool kn_workspace_checkpoint_due(struct kn_workspace *ws);
/* Freeze (short, write lock), write (long, no lock), commit, install (short, write lock), drop old
 * log segments. One at a time, on the background thread. KN_E_FULL: nothing lost, try again. */
enum kn_rc kn_workspace_checkpoint_now(struct kn_workspace *ws, struct kn_err *err) KN_MUST_USE;
/* A bounded piece of background work (merging runs, evicting, preparing log segments). */
enum kn_rc kn_workspace_background_step(struct kn_workspace *ws, bool *ret_more,
                                        struct kn_err *err) KN_MUST_USE;

/* ---- numbers for /metrics ---- */

struct kn_workspace_stats {
    struct kn_position position;
    struct kn_state_usage state;
    struct kn_dedupe_usage dedupe;
    struct kn_archive_usage archive;
    uint64_t erasures_waiting, erasures_done;
    uint64_t log_bytes;
    uint64_t profiles, merges, unmerges, events_applied, duplicates, rejects, identifiers;
    uint64_t evaluations, histories, history_bytes, history_misses; /* live segments */
    uint64_t checkpoints;
    int64_t last_checkpoint_us; /* record time, 0 = never */
    uint64_t commits, commit_ns, sync_ns_max_recent;
    uint64_t
        commit_hist[16]; /* number of commits that took < 2^(i+5) microseconds, not cumulative */
};
void kn_workspace_stats(struct kn_workspace *ws, struct kn_workspace_stats *ret);

/* Reads every checksum and invariant of a stopped workspace (opened read_only). `say` gets a line
 * per part. */
typedef void (*kn_say_fn)(void *context, const char *line);
enum kn_rc kn_workspace_verify(struct kn_workspace *ws, kn_say_fn say, void *context,
                               struct kn_err *err) KN_MUST_USE;

#endif
