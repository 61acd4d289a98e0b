/* What people do through the API: consents, merges and un-merges, with and without a dry run. */
#ifndef KN_SIM_CHANGES_H
#define KN_SIM_CHANGES_H

#include "sim/oracle.h"
#include "sim/world.h"

/* Draws and makes one call. *ret_item: what was staged, in w->call.wait_seq. True: something was.
 */
bool changes_make(struct world *w, struct kn_rand *rand, struct oracle_item *ret_item);

#endif
