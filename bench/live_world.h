/* A workspace without a server, and a shop's visitors for it: for the benchmarks of live segments.
 */
#ifndef KN_BENCH_LIVE_WORLD_H
#define KN_BENCH_LIVE_WORLD_H

#include "apply/segments.h"
#include "base/rand.h"
#include "os/clock.h"

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

struct world {
    char dir[32], state[64];
    struct kn_disk disk;
    struct kn_clock clock;
    struct kn_manual_clock manual;
    struct kn_workspace *ws;
    struct kn_rand rand;
    struct kn_buf items;
    uint32_t count; /* of items */
    uint64_t messages;
    uint64_t apply_ns;    /* processor time of this thread in apply */
    uint64_t evaluations; /* when last looked */
};

void world_must(enum kn_rc rc, const struct kn_err *err);
/* An empty workspace. real: on the machine's clock, else on `manual`. log_keep_us: 0 = as always.
 */
void world_open(struct world *w, bool real, int64_t log_keep_us);
void world_reopen(struct world *w);
void world_close(struct world *w);
/* Adds an event of a visitor to the record being made. */
void world_event(struct world *w, uint32_t visitor, int64_t us);
/* The same with a name of its own and no properties. */
void world_event_of(struct world *w, const char *name, uint32_t visitor, int64_t us);
/* "segment/s<i>": one of eight kinds of condition that a marketer writes, with thresholds that
 * differ, over all kinds of event. */
void world_define(struct world *w, uint32_t i);
void world_define_as(struct world *w, const char *key, const char *query);
/* Stages the record, makes it durable and, when `apply`, applies it. */
void world_send(struct world *w, uint32_t flags, bool apply);
/* Stages the record and makes it durable; false: too much is waiting, try again. */
bool world_offer(struct world *w);
/* What the build and background threads do, here and now. */
void world_chores(struct world *w);
void world_build_all(struct world *w);

#endif
