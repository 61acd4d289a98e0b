/* Building a definition: what it says of every profile as of the record that defined it. Internal
 * to apply/.
 *
 * The result is only a shortcut: the fold takes over from it what it would compute itself, and does
 * compute it when it has none (a replay after a crash).
 */
#ifndef KN_APPLY_LIVE_BUILD_H
#define KN_APPLY_LIVE_BUILD_H

#include "apply/live.h"

/* Of one instance; bits and moments by ordinal. */
struct kn_live_result {
    struct kn_live_result *next;
    uint32_t number, ordinal_end;
    uint64_t *members;
    int64_t *due;
    char **values; /* computed traits: JSON text or NULL; owned */
};

/* One build at a time. */
struct kn_live_build {
    uint32_t number; /* 0 = none */
    uint32_t next;   /* ordinal */
    struct kn_plan plan;
    struct kn_histories histories;
    struct kn_member_list list;
    struct kn_live_result *result;
};

/* Begins with an instance that can be built now: all it reads is ready. False: there is none. */
bool kn_live_build_begin(struct kn_fold *f, struct kn_live_build *build);
/* Evaluates the next profiles, `count` at most. *ret_done: the result is complete, and now the
 * fold's. False: the instance is gone, and so is the build. */
bool kn_live_build_piece(struct kn_fold *f, struct kn_live_build *build, uint32_t count,
                         bool *ret_done);
void kn_live_build_end(struct kn_live_build *build);

#endif
