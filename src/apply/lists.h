/* Lists: segments of people who are named, not found by a query. Any thread.
 *
 * An identifier is on a list; a profile is a member when any of its identifiers is. So a merged
 * profile is a member when either was, and an un-merge gives each side back what its identifiers
 * say, without anything being remembered for it. An identifier that belongs to nobody is not put on
 * a list. Who leaves a list leaves it with every identifier.
 *
 * A list is a segment whose document has an id of its own in place of a query (apply/defined.h):
 * made anew under an old key it begins empty. What it holds comes in LIST items (format/item.h;
 * name: the key of the segment), whose body is
 *
 *   u8 act (enum kn_list_act), u64 id of the list, then
 *   ADD, REMOVE: for each identifier u64 lo, u64 hi of its hash
 *   FREEZE: rising ordinals of profiles, each a varint of the difference to the one before
 *
 * FREEZE stands in the frame of the definition, whose document says {"frozen":true}: the list is
 * made of these profiles, or else of the members that the segment `snapshot_of` has at that record.
 * They are put on it by their strongest identifier, piece by piece, and the segment is `building`
 * until all are. ADD and REMOVE work at once.
 */
#ifndef KN_APPLY_LISTS_H
#define KN_APPLY_LISTS_H

#include "apply/workspace.h"
#include "profile/profile.h"

enum kn_list_act { KN_LIST_ADD = 1, KN_LIST_REMOVE = 2, KN_LIST_FREEZE = 3 };

/* Hashes in one item: what one record may hold up the fold for. */
enum { KN_LIST_ITEM_MAX = 4096 };

/* The body of an item, for those who write it. Failures are in out->rc. */
void kn_list_body_begin(enum kn_list_act act, uint64_t list, struct kn_buf *out);
void kn_list_body_add(struct kn_h128 identifier, struct kn_buf *out);
/* The profiles of a bit array, all of them. */
void kn_list_body_ordinals(const uint64_t *bits, size_t words, struct kn_buf *out);
bool kn_list_body_read(struct kn_str body, enum kn_list_act *ret_act, uint64_t *ret_list,
                       struct kn_cursor *ret_rest);

/* The strongest identifier of a profile, of those the oldest; NULL: it has none. */
const struct kn_profile_identifier *kn_list_identifier(const struct kn_identity_rules *rules,
                                                       const struct kn_profile *p);

/* ---- rows that name people ---- */

enum kn_list_outcome {
    KN_LIST_MATCHED,
    KN_LIST_UNKNOWN,   /* an identifier of nobody */
    KN_LIST_BLOCKED,   /* its value identifies nobody (identity settings) */
    KN_LIST_MALFORMED, /* no type or no value that could be one; `detail` says what is wrong */
};

struct kn_list_row {
    struct kn_str type; /* of the identifier; "id": the value is the public id of a profile */
    struct kn_str value;
    enum kn_list_outcome outcome; /* from here on: the answer; MALFORMED stays as it is */
    const char *detail;
    uint32_t ordinal;    /* the profile */
    struct kn_h128 hash; /* the identifier that names it: of an id the strongest one */
};

/* Finds the profiles of rows, up to 1,000 at one moment. Values are normalised as at intake.
 * @errors KN_E_NOMEM (the arena is full) */
enum kn_rc kn_list_match(struct kn_workspace *ws, struct kn_list_row *rows, size_t count,
                         struct kn_arena *arena) KN_MUST_USE;

#endif
