/* Live segments in the simulation: definitions at random, and what must hold of them at any time.
 */
#ifndef KN_SIM_SEGMENTS_H
#define KN_SIM_SEGMENTS_H

#include "apply/workspace.h"
#include "base/rand.h"

/* The item of a definition that is new or another one. */
void sim_segments_define(struct kn_rand *rand, int64_t now_us, struct kn_buf *items);
/* Membership of every ready segment equals the whole history evaluated anew, and its size its
 * members. False: `why` says what differs. */
bool sim_segments_check(struct kn_workspace *ws, char *why, size_t why_len);

#endif
