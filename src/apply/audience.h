/* Whole sets of profiles at one moment: those for whom a query holds now, the members of a segment,
 * those who granted a purpose. Nothing is stored.
 *
 * An audience pins the columns (behaviour/columns.h) together with everything else a query reads
 * (time, time zone, names of sources, memberships, values of computed traits) under one hold of the
 * read lock: all of it is as of the same record. What follows runs on the pin without a lock. Of
 * workspaces with more than KN_AUDIENCE_SLICE profiles, values of computed traits are read in
 * slices, the later ones a little after that record.
 *
 * Bit arrays have a bit per ordinal below ordinal_end; only bits of live profiles are set. One
 * owner; calls on one audience may come from several threads once it is made.
 */
#ifndef KN_APPLY_AUDIENCE_H
#define KN_APPLY_AUDIENCE_H

#include "apply/workspace.h"
#include "segment/bulk.h"

enum { KN_AUDIENCE_SLICE = 65536 };

struct kn_audience {
    struct kn_workspace *ws;
    struct kn_columns_pin *pin;
    int64_t now_us; /* time of the last record */
    uint32_t ordinal_end;
    size_t words;
    uint64_t *members; /* [words] */
};

/* Those for whom the query (form KN_QUERY_SEGMENT) holds, through the bulk driver; exactly what a
 * segment with this query would have as members. The text should have been checked
 * (kn_segment_check): unknown segments have no members here.
 * @errors KN_E_INVALID and KN_E_LIMIT (err->pos), KN_E_NOMEM */
enum kn_rc kn_audience_query(struct kn_workspace *ws, struct kn_str text,
                             const struct kn_bulk_jobs *jobs, struct kn_audience *ret,
                             struct kn_err *err) KN_MUST_USE;
/* The same on a pin that a caller has, with its now: members[kn_bulk_words(pin)]. Memberships and
 * computed values are those of this call's moment. */
enum kn_rc kn_audience_query_on(struct kn_workspace *ws, struct kn_columns_pin *pinned,
                                int64_t now_us, struct kn_str text, const struct kn_bulk_jobs *jobs,
                                uint64_t *members, struct kn_err *err) KN_MUST_USE;
/* The members of what serves a segment. @errors KN_E_NOT_FOUND, KN_E_NOMEM */
enum kn_rc kn_audience_segment(struct kn_workspace *ws, struct kn_str key, struct kn_audience *ret,
                               struct kn_err *err) KN_MUST_USE;
void kn_audience_end(struct kn_audience *a); /* a zeroed one is fine */

/* Those of everyone whose state of the purpose is granted, into bits[a->words].
 * @errors KN_E_NOMEM */
enum kn_rc kn_audience_granted(const struct kn_audience *a, struct kn_str purpose,
                               uint64_t *bits) KN_MUST_USE;
/* The purposes that need consent and are built in (not `service`); what a workspace adds is
 * reported by kn_audience_purposes. */
extern const char *const kn_consent_purposes[];
extern const size_t kn_consent_purpose_count;
/* The purposes anybody ever stated, the built-in ones first. In the arena. @errors KN_E_NOMEM */
enum kn_rc kn_audience_purposes(const struct kn_audience *a, struct kn_arena *arena,
                                struct kn_str **ret, size_t *ret_count) KN_MUST_USE;

/* Public ids of profiles. An ordinal that is none any more has a zero id. @errors KN_E_NOMEM */
enum kn_rc kn_audience_ids(struct kn_workspace *ws, const uint32_t *ordinals, size_t count,
                           struct kn_arena *arena, struct kn_h128 **ret) KN_MUST_USE;

#endif
