/* A naive customer data platform: arrays and linear scans over the acknowledged events. It judges
 * what the real one answers after any crash. */
#ifndef KN_SIM_ORACLE_H
#define KN_SIM_ORACLE_H

#include "apply/read.h"

enum { ORACLE_EVENTS_MAX = 4096, ORACLE_IDS = 24, ORACLE_TRAITS = 3 };

struct oracle_event {
    uint32_t number;     /* also its message id */
    uint32_t ids[3];     /* 1..ORACLE_IDS, 0 = none */
    int64_t event_us, received_us;
    int trait, value;    /* trait < 0: none */
    bool acked;          /* else it may or may not be there */
    bool present;        /* found in the workspace (set by the check) */
    uint64_t arrival;    /* where it was found */
};

struct oracle {
    struct oracle_event events[ORACLE_EVENTS_MAX];
    size_t count;
};

/* Appends the event as an item of a frame; `visit`: with a visit's facts. */
void oracle_encode(const struct oracle_event *event, bool visit, struct kn_buf *items);

/* Compares the workspace with the oracle. False: *ret says what differs. Events that were not
 * acknowledged are settled by what is there: from then on they count as acknowledged or never sent. */
bool oracle_check(struct oracle *o, struct kn_workspace *ws, char *ret, size_t ret_len);

#endif
