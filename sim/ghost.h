/* A person the oracle knows nothing of, who is erased at some moment of the life: from then on no
 * answer has them and what comes late of them comes to nothing; when the receipt is there, not a
 * byte of them is on the disk. That everybody else stays as they are, the oracle tells. */
#ifndef KN_SIM_GHOST_H
#define KN_SIM_GHOST_H

#include "sim/world.h"

struct ghost {
    struct world *w;
    unsigned messages;
    uint64_t erase_seq; /* 0 = not asked for, or lost */
    bool erased;        /* durable: no crash takes it back */
    char erasure[32];   /* its id */
};

/* A message of theirs, or, at times, the request to erase them. */
void ghost_act(struct ghost *g, struct kn_rand *rand);
/* After a commit, or a crash: whether the request is durable. */
void ghost_settle(struct ghost *g);
/* They are in no answer once they were erased. */
bool ghost_check(struct ghost *g, char *why, size_t why_len);
/* Asks for it if nobody did, and says how far it is. */
bool ghost_is_done(struct ghost *g);
bool ghost_left_no_trace(struct ghost *g, char *why, size_t why_len);

#endif
