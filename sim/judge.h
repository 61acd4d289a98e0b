/* Asks the API everything about everybody and compares with the oracle. */
#ifndef KN_SIM_JUDGE_H
#define KN_SIM_JUDGE_H

#include "sim/oracle.h"
#include "sim/world.h"

/* Everything durable is applied. False: *ret says what differs. Folds the oracle. */
bool judge(struct world *w, struct oracle *o, char *ret, size_t ret_len);

#endif
