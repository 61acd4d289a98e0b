/* Reads of a workspace: profiles, links, events, rejects. Each call sees one moment: it takes the
 * workspace's read lock for as long as it copies into the arena, no longer. Any thread.
 * KN_E_NOT_FOUND when there is no such thing; KN_E_NOMEM when the arena is full.
 */
#ifndef KN_APPLY_READ_H
#define KN_APPLY_READ_H

#include "apply/workspace.h"
#include "behaviour/columns.h"
#include "profile/profile.h"

/* By identifier: type as a name ("email", "user_id", any custom type); the value is normalised as
 * at intake (e-mail: trimmed, lower case). */
enum kn_rc kn_read_profile_by_identifier(struct kn_workspace *ws, struct kn_str type,
                                         struct kn_str value, struct kn_arena *arena,
                                         struct kn_profile **ret) KN_MUST_USE;
/* By public id; a merged id answers with the surviving profile. */
enum kn_rc kn_read_profile_by_id(struct kn_workspace *ws, struct kn_str id, struct kn_arena *arena,
                                 struct kn_profile **ret) KN_MUST_USE;

/* The next profiles in ordinal order after `after_ordinal` (0 = from the start), merged ones left
 * out. `match` (folded text, may be empty) keeps those with an identifier value or name trait
 * (name, firstName, lastName, first_name, last_name) that contains it. *ret_next: where to go on,
 * 0 at the end. Releases the lock now and then. */
enum kn_rc kn_read_profiles(struct kn_workspace *ws, uint32_t after_ordinal, struct kn_str match,
                            size_t limit, struct kn_arena *arena, struct kn_profile ***ret,
                            size_t *ret_count, uint32_t *ret_next) KN_MUST_USE;

/* The behaviour columns of everything applied so far, and the time of the last record. Unpin them
 * soon (60 s). @errors KN_E_NOMEM */
enum kn_rc kn_read_columns(struct kn_workspace *ws, struct kn_columns_pin **ret, int64_t *ret_now,
                           struct kn_err *err) KN_MUST_USE;

/* The public id of a profile by its ordinal; of a merged one that of the survivor. */
enum kn_rc kn_read_profile_id(struct kn_workspace *ws, uint32_t ordinal,
                              struct kn_h128 *ret) KN_MUST_USE;

enum kn_rc kn_read_links(struct kn_workspace *ws, uint32_t ordinal, struct kn_arena *arena,
                         struct kn_profile_link **ret, size_t *ret_count) KN_MUST_USE;

/* The events of a profile (all its ordinals) in the query's order; fn gets the decoded item, which
 * is valid during the call only. */
typedef bool (*kn_read_event_fn)(void *context, const struct kn_archive_row *row,
                                 const struct kn_item *item);
enum kn_rc kn_read_events(struct kn_workspace *ws, const struct kn_profile *profile,
                          const struct kn_archive_query *query, struct kn_arena *arena,
                          kn_read_event_fn fn, void *context, struct kn_err *err) KN_MUST_USE;

/* Everything archived under the ordinals [first, first + count), in order of arrival, for exports:
 * items as they first came in, those of no profile under ordinal 0, merged profiles under their
 * own. fn sees each item with its row and answers false to stop. *ret_next: the ordinal to go on
 * at, 0 = done. Each call sees one moment. */
enum kn_rc kn_read_archive(struct kn_workspace *ws, uint32_t first, uint32_t count,
                           kn_read_event_fn fn, void *context, uint32_t *ret_next,
                           struct kn_err *err) KN_MUST_USE;

struct kn_reject {
    uint64_t number; /* per source, from 1 */
    int64_t at_us;
    struct kn_str reason; /* code, e.g. "no_user_anon_id" */
    struct kn_str body;   /* {"reason","detail","sample"} */
};
/* Newest first, below `before_number` (0 = the newest). */
enum kn_rc kn_read_rejects(struct kn_workspace *ws, uint32_t source, uint64_t before_number,
                           size_t limit, struct kn_arena *arena, struct kn_reject **ret,
                           size_t *ret_count) KN_MUST_USE;

struct kn_source_stats {
    uint64_t events, duplicates, rejects;
    int64_t first_event_us, last_event_us; /* received, 0 = never */
};
enum kn_rc kn_read_source_stats(struct kn_workspace *ws, uint32_t source,
                                struct kn_source_stats *ret) KN_MUST_USE;

/* What a merge or un-merge would do, without doing it: the item is applied and rolled back under
 * the write lock. *ret_a is the surviving (or kept) profile, *ret_b the one split off (NULL for
 * merge).
 * @errors KN_E_INVALID with the reason (identifiers of several profiles, nothing left, ...);
 *         KN_E_CONFLICT a limit forbids it */
enum kn_rc kn_read_dry_run(struct kn_workspace *ws, const struct kn_item *item,
                           struct kn_arena *arena, struct kn_profile **ret_a,
                           struct kn_profile **ret_b, struct kn_err *err) KN_MUST_USE;
/* The checks of kn_read_dry_run alone, on the present state. */
enum kn_rc kn_read_check_change(struct kn_workspace *ws, const struct kn_item *item,
                                struct kn_err *err) KN_MUST_USE;

#endif
