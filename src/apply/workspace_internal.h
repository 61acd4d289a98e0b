/* What the files of apply/ share of a workspace. */
#ifndef KN_APPLY_WORKSPACE_INTERNAL_H
#define KN_APPLY_WORKSPACE_INTERNAL_H

#include "apply/erasing.h"
#include "apply/fold.h"
#include "apply/live_build.h"
#include "apply/workspace.h"
#include "os/thread.h"

enum { KN_APPLY_VERSION = 2 };

/* The batch of erasures whose bytes are going (erasing.c). */
struct kn_workspace;
struct kn_erasing {
    _Atomic enum kn_erasing_stage stage;
    _Atomic uint64_t last_seq; /* erasures up to this record are of the batch */
    uint64_t through_seq;      /* what is theirs in the log is not behind this record */
    bool wants_checkpoint;
    bool hidden_nobody; /* what nobody's events there are was looked at */
    uint64_t log_at;    /* the segment done last */
    int64_t done_us[KN_ERASE_STORES];
    uint64_t receipt_seq; /* 0 = not staged */
    uint64_t began_ns;    /* the batch, or the one before; 0 = none since the start */
};
/* A bounded piece of it, but for writing the state again, which is done at once. */
enum kn_rc kn_workspace__erase_step(struct kn_workspace *ws, bool *ret_more,
                                    struct kn_err *err) KN_MUST_USE;

/* The meta blob of a checkpoint (docs/formats/state.md). */
struct kn_meta {
    uint64_t applied_seq, before_seq;
    uint32_t epoch;
    int64_t record_us;
    struct kn_fold_counters counters;
    struct kn_str archive_manifest, columns_manifest, dedupe_manifest;
};

struct kn_workspace {
    struct kn_workspace_options options;
    char *name, *dir, *log_dir, *runs_dir, *dedupe_dir, *state_path;
    struct kn_log *log;
    struct kn_state *state;
    struct kn_dedupe *dedupe;
    struct kn_archive *archive;
    struct kn_columns *columns;

    struct kn_rwlock lock; /* the fold's state; see workspace.h */
    struct kn_fold fold;   /* under lock */

    struct kn_mutex settings_mutex;
    struct kn_settings *settings; /* newest snapshot, for intake */

    /* Committed groups that wait for the fold, and how far everything is. */
    struct kn_mutex queue_mutex;
    struct kn_log_group *queue_head, *queue_tail;
    uint64_t queued_bytes;
    uint64_t unsaved_bytes; /* in memory until a checkpoint has them: changed state and the tail */
    uint64_t applied_seq;
    int64_t applied_record_us;
    uint64_t recovered_seq; /* frames up to here come from the log's reader */
    bool settings_pending;  /* a new workspace whose first record is not applied yet */
    uint64_t settings_seq;  /* `settings` holds those of the recovered frames up to here */

    /* Of the applying thread. */
    struct kn_log_reader *reader; /* frames after the checkpoint, at start */
    size_t group_offset;          /* into queue_head */
    struct kn_frame next;         /* taken and not applied yet: moments before it are firing */
    bool has_next;

    /* Of the building thread. */
    struct kn_live_build build;
    bool built_staged; /* its result waits for the record `built_seq` to be applied */
    uint64_t built_seq;

    /* Of the background thread. */
    uint64_t checkpoint_seq, checkpoint_before_seq; /* the last two checkpoints */
    uint64_t checkpoints;
    int64_t checkpoint_us;
    uint64_t checkpoint_mono_ns;
    bool frozen; /* a checkpoint was begun and not installed (disk full): go on with it */
    struct kn_buf meta;
    struct kn_meta frozen_meta; /* of that checkpoint; its manifests are filled in at each try */

    struct kn_erasing erasing; /* of the background thread too */

    struct kn_mutex stats_mutex;
    uint64_t commits, commit_ns, commit_hist[16], commit_ns_max;
};

/* Works out unsaved_bytes again; the caller holds `lock`. */
void kn_workspace__note_unsaved(struct kn_workspace *ws);

/* Sets the bits of an instance's members below 64 * words; the caller holds `lock`. False: no
 * memory. */
bool kn_workspace__segment_bits(struct kn_workspace *ws, const struct kn_instance *instance,
                                uint64_t *bits, size_t words);

/* Changes of a series from number `first` on, oldest first; the caller holds `lock`.
 * @errors KN_E_NOMEM */
enum kn_rc kn_workspace__changes_on(struct kn_workspace *ws, const struct kn_segment_record *record,
                                    uint64_t first, size_t limit, struct kn_arena *arena,
                                    struct kn_change **ret, size_t *ret_count) KN_MUST_USE;

/* Segments and computed traits of a profile, in the arena; the caller holds `lock`. False: no
 * memory. */
bool kn_workspace__memberships(struct kn_workspace *ws, struct kn_state_reader *r, uint32_t ordinal,
                               struct kn_arena *arena, struct kn_profile_segment **ret,
                               size_t *ret_count);
bool kn_workspace__computed(struct kn_workspace *ws, struct kn_state_reader *r, uint32_t ordinal,
                            struct kn_arena *arena, struct kn_profile_computed **ret,
                            size_t *ret_count);

/* Whether an item belongs to someone who was erased (apply/ledger.h); `seq` as there. Takes the
 * read lock, though only for items that name someone who was. */
bool kn_workspace__is_erased(struct kn_workspace *ws, const struct kn_settings *settings,
                             const struct kn_item *item, uint64_t seq, struct kn_arena *arena);
/* Items to be staged: those of people who were erased become void, in `copy`, which stays empty
 * when there are none. @errors KN_E_NOMEM; KN_E_CORRUPT: an item does not decode */
enum kn_rc kn_workspace__gate(struct kn_workspace *ws, struct kn_str items, uint32_t item_count,
                              struct kn_buf *copy, struct kn_err *err) KN_MUST_USE;
/* An identifier as the state knows it: normalised as at intake, hashed. The caller holds `lock`.
 * @errors KN_E_NOT_FOUND (no type), KN_E_NOMEM (the arena is full) */
enum kn_rc kn_workspace__identifier(struct kn_workspace *ws, struct kn_str type,
                                    struct kn_str value, struct kn_arena *arena,
                                    struct kn_item_id *ret) KN_MUST_USE;

/* out is empty. A checksum ends the record. */
void kn_meta_encode(const struct kn_meta *meta, struct kn_buf *out);
enum kn_rc kn_meta_decode(struct kn_str bytes, struct kn_meta *ret, struct kn_err *err) KN_MUST_USE;

#endif
