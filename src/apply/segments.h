/* Segments and computed traits: reading what the fold keeps of them, and checking a definition
 * before it becomes a record. Any thread; each call sees one moment (everything applied so far).
 * Texts are in the caller's arena. KN_E_NOT_FOUND: no such key; KN_E_NOMEM: the arena is full.
 *
 * A definition is made, changed or taken away by a SETTING item with the key "segment/<key>" or
 * "computed/<key>" (apply/defined.h) in a frame with KN_FRAME_SETTINGS, after kn_segment_check.
 */
#ifndef KN_APPLY_SEGMENTS_H
#define KN_APPLY_SEGMENTS_H

#include "apply/membership.h"
#include "apply/workspace.h"
#include "profile/profile.h"
#include "segment/query.h"

struct kn_segment_info {
    struct kn_str key, name, description;
    struct kn_str query;       /* canonical text */
    bool computed;             /* a computed trait */
    uint64_t list;             /* a list of that id (apply/lists.h), without a query; 0 = none */
    struct kn_str snapshot_of; /* a list: the segment it was copied from, or empty */
    uint64_t version;
    int64_t created_us, updated_us;
    bool ready;        /* what serves is this very definition */
    bool serves;       /* something serves: this version or the one before */
    uint32_t progress; /* of building, 0 to 1000; 1000 when ready */
    int64_t ready_us;  /* of what serves; 0 = never yet */
    uint64_t size;     /* members, or profiles with a value, of what serves */
};

enum kn_rc kn_segment_info(struct kn_workspace *ws, struct kn_str key, struct kn_arena *arena,
                           struct kn_segment_info *ret) KN_MUST_USE;
/* Those of one kind in order of key, from the `from`th on. *ret_more: there are more. */
enum kn_rc kn_segments_list(struct kn_workspace *ws, bool computed, size_t from, size_t limit,
                            struct kn_arena *arena, struct kn_segment_info **ret, size_t *ret_count,
                            bool *ret_more) KN_MUST_USE;

struct kn_segment_member {
    uint32_t ordinal;
    struct kn_h128 id; /* public */
    int64_t since_us;
};
/* Members in order of ordinal, after `after_ordinal` (0 = from the start). *ret_next: where to go
 * on, 0 = the end. */
enum kn_rc kn_segment_members(struct kn_workspace *ws, struct kn_str key, uint32_t after_ordinal,
                              size_t limit, struct kn_arena *arena, struct kn_segment_member **ret,
                              size_t *ret_count, uint32_t *ret_next) KN_MUST_USE;
/* A bit per ordinal below *ret_end; the words are kn_alloc'ed and the caller's. For bulk work. */
enum kn_rc kn_segment_bits(struct kn_workspace *ws, struct kn_str key, uint64_t **ret_words,
                           uint32_t *ret_end) KN_MUST_USE;

struct kn_segment_change {
    struct kn_change change;
    struct kn_h128 id; /* of the profile */
};
/* Newest first, with at_us in [from_us, to_us) and a number below `before` (UINT64_MAX = the
 * newest). The oldest are gone after KN_CHANGES_KEPT. */
enum kn_rc kn_segment_changes(struct kn_workspace *ws, struct kn_str key, int64_t from_us,
                              int64_t to_us, uint64_t before, size_t limit, struct kn_arena *arena,
                              struct kn_segment_change **ret, size_t *ret_count) KN_MUST_USE;
/* The size at the end of each day (in the workspace's zone, days since 1970) in [first_day,
 * last_day], and so far on the present one; days before the first known size are 0. */
enum kn_rc kn_segment_sizes(struct kn_workspace *ws, struct kn_str key, int32_t first_day,
                            int32_t last_day, struct kn_arena *arena,
                            struct kn_day_size **ret) KN_MUST_USE;

enum kn_rc kn_profile_segments(struct kn_workspace *ws, uint32_t ordinal, struct kn_arena *arena,
                               struct kn_profile_segment **ret, size_t *ret_count) KN_MUST_USE;
enum kn_rc kn_profile_computed(struct kn_workspace *ws, uint32_t ordinal, struct kn_arena *arena,
                               struct kn_profile_computed **ret, size_t *ret_count) KN_MUST_USE;

/* Parses and checks a query as the definition of `key` (empty: of a preview), against what the
 * workspace knows: refuses unknown segments, circles, derived events and keys that are taken by
 * another kind of thing; warns of unknown events, properties and traits. @errors as kn_query_parse
 * and kn_query_check; KN_E_EXISTS */
enum kn_rc kn_segment_check(struct kn_workspace *ws, struct kn_str key, struct kn_str text,
                            enum kn_query_form form, struct kn_arena *arena, struct kn_query *ret,
                            const struct kn_query_warning **ret_warnings, size_t *ret_count,
                            struct kn_err *err) KN_MUST_USE;
/* The same of a segment without a query: its key alone. @errors KN_E_EXISTS */
enum kn_rc kn_segment_check_key(struct kn_workspace *ws, struct kn_str key,
                                struct kn_err *err) KN_MUST_USE;
/* The key of a definition that reads `key`, one of a destination too (kn_key_is_destination), or
 * empty: then it may be taken away. */
struct kn_str kn_segment_reader(struct kn_workspace *ws, struct kn_str key, struct kn_arena *arena);

/* The tree with the truth and value of each condition for one profile (kn_eval_explain), at the
 * time of the last record. Takes the write lock for as long as it reads the history. */
enum kn_rc kn_segment_explain(struct kn_workspace *ws, uint32_t ordinal, struct kn_str text,
                              struct kn_buf *out, struct kn_err *err) KN_MUST_USE;
/* The truth alone, computed anew from the profile's whole history. For checks of what live
 * evaluation keeps. */
enum kn_rc kn_segment_truth(struct kn_workspace *ws, uint32_t ordinal, struct kn_str text,
                            bool *ret, struct kn_err *err) KN_MUST_USE;

#endif
