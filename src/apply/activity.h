/* Profiles by their latest activity. There is no index of it, so that an event costs nothing more:
 * each call reads what every event touches of all profiles (88 bytes each) and keeps the best, at
 * about 0.2 s per million profiles in memory. Exact as of the moments it passes each profile. Any
 * thread, but not one that must not wait.
 */
#ifndef KN_APPLY_ACTIVITY_H
#define KN_APPLY_ACTIVITY_H

#include "apply/read.h"

/* Where a page ended: the last profile told of. */
struct kn_activity_mark {
    int64_t last_seen_us;
    uint32_t ordinal;
};

/* The live profiles with the latest last_seen_at, the latest first (the lower ordinal first where
 * they are equal), after `after` in that order (NULL: from the start). *ret_more: others follow;
 * the mark is the last one's. @errors KN_E_NOMEM */
enum kn_rc kn_read_profiles_by_activity(struct kn_workspace *ws,
                                        const struct kn_activity_mark *after, size_t limit,
                                        struct kn_arena *arena, struct kn_profile ***ret,
                                        size_t *ret_count, struct kn_activity_mark *ret_mark,
                                        bool *ret_more) KN_MUST_USE;

#endif
