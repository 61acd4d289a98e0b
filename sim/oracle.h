/* A naive customer data platform: arrays and nested loops over what was acknowledged, folded from
 * the start at every question. It judges what the real one answers after any crash.
 *
 * Rules, from the interface (API sections 4, 5, 9), the mechanics (section 3) and the resolution
 * algorithm (collect-protocols section 4.2): one person per event, by greedy demotion of the
 * weakest identifier; a trait by min(event time, received time), then arrival; consents by received
 * time, a merge of granted and denied is a conflict; an order belongs to whoever's event came
 * first; an un-merge forbids pairs and resolves the person's history again, and touches nobody
 * else; identifiers are on lists, and whoever leaves one leaves it with all of his.
 *
 * Persons, items and frames are indices; arrival order is index order. One thread. */
#ifndef KN_SIM_ORACLE_H
#define KN_SIM_ORACLE_H

#include "sim/message.h"

enum {
    ORACLE_ITEMS = 4096,
    ORACLE_FRAMES = 2048,
    ORACLE_OPS_IDS = 6,
    ORACLE_NOBODY = -1,
    ORACLE_LISTS = 2
};

enum oracle_kind {
    ORACLE_MESSAGE,
    ORACLE_BROKEN,    /* a body that was refused whole: a reject of `message.source` */
    ORACLE_CONSENT,   /* through the API, of the person with ids[0] */
    ORACLE_MERGE,     /* through the API, of the persons with ids[0] and ids[1] */
    ORACLE_UNMERGE,   /* through the API: ids split off */
    ORACLE_LIST_MADE, /* a list, empty */
    ORACLE_LIST_GONE,
    ORACLE_LIST_ADD,    /* identifiers go on a list */
    ORACLE_LIST_REMOVE, /* whoever has them leaves it */
};

struct oracle_item {
    enum oracle_kind kind;
    struct sim_message message;   /* also the consents of ORACLE_CONSENT, and times of all kinds */
    unsigned ids[ORACLE_OPS_IDS]; /* indices of identifiers (oracle_id) */
    size_t id_count;
    unsigned list; /* of ORACLE_LIST_... */
};

/* What was sent in one request: all of it is there, or nothing. */
struct oracle_frame {
    uint64_t seq;
    bool acked;
    size_t first, count; /* items */
};

struct oracle_consent {
    enum sim_state state;
    int64_t at_us;
};

/* What follows from the items; made anew by oracle_fold. */
struct oracle_view {
    int owner[SIM_IDS];       /* person of an identifier, or ORACLE_NOBODY */
    int person[ORACLE_ITEMS]; /* of an item, or ORACLE_NOBODY (rejects, duplicates) */
    bool duplicate[ORACLE_ITEMS];
    struct oracle_consent consents[ORACLE_ITEMS][SIM_PURPOSES]; /* by person */
    int persons;                                                /* ever made */
    bool forbidden[SIM_IDS][SIM_IDS];
    bool list_there[ORACLE_LISTS];
    bool listed[ORACLE_LISTS][SIM_IDS];
    bool forced; /* a limit or a forbidden pair has kept something apart */
};

struct oracle {
    struct oracle_item items[ORACLE_ITEMS];
    size_t count;
    struct oracle_frame frames[ORACLE_FRAMES];
    size_t frame_count;
    unsigned limits[SIM_ID_TYPES];
    struct oracle_view view;
};

static inline unsigned oracle_id(enum sim_id_type type, unsigned number)
{
    return (unsigned)type * SIM_IDS_EACH + number - 1;
}

/* A crash: frames after `durable` never were. False: one of them was acknowledged. */
bool oracle_settle(struct oracle *o, uint64_t durable);
/* Frame `index` was refused after all (full disk): it never was. */
void oracle_forget(struct oracle *o, size_t index);
void oracle_fold(struct oracle *o);

/* ---- questions, after oracle_fold ---- */

/* Of a person: the value of a trait; < 0: none. */
int oracle_trait(const struct oracle *o, int person, int trait);
/* The number of the identifier that the trait "email" or "phone" shows; 0: none. */
unsigned oracle_contact(const struct oracle *o, int person, enum sim_id_type type);
/* Somebody is on a list when one of his identifiers is. */
bool oracle_listed(const struct oracle *o, int person, unsigned list);
uint64_t oracle_events(const struct oracle *o, int person);
uint64_t oracle_sessions(const struct oracle *o, int person);
struct oracle_money {
    uint64_t orders;
    int64_t eur, usd; /* cents */
};
struct oracle_money oracle_orders(const struct oracle *o, int person);

#endif
