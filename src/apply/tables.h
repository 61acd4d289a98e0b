/* The tables of a workspace's state. Their order is part of the format: add at the end only. */
#ifndef KN_APPLY_TABLES_H
#define KN_APPLY_TABLES_H

#include "state/state.h"

enum kn_table {
    KN_T_SETTING,     /* bytes  key -> JSON document */
    KN_T_IDENTIFIER,  /* h128   identifier -> u32 ordinal, u32 slot | guarded bit */
    KN_T_PROFILE_ID,  /* h128   public id -> u32 ordinal */
    KN_T_HOT,         /* u32    ordinal -> profile/hot.h */
    KN_T_COLD,        /* u32    ordinal -> profile/record.h */
    KN_T_SESSIONS,    /* u32 */
    KN_T_ORDERS,      /* u32 */
    KN_T_LINKS,       /* u32 */
    KN_T_ORDER_OWNER, /* h128   order key -> u32 ordinal */
    KN_T_FORBIDDEN,   /* h128   identifier -> the identifiers it was split from, h128 each */
    KN_T_GUARD,       /* h128   identifier -> u32 refusals, u32 last ordinal refused on */
    KN_T_SOURCE,      /* u32    source number -> counters */
    KN_T_REJECT,      /* bytes  u32 source, u64 number (big endian) -> reject */
    KN_T_ORDER_FACTS, /* h128   order key -> properties of the event that reported it first */
    KN_T_SEGMENT,     /* u32    number -> apply/membership.h */
    KN_T_DEFINITION,  /* u32    number -> its document */
    KN_T_MEMBER,      /* u32    ordinal -> its segments, since when, and their next moments */
    KN_T_MEMBERS,     /* bytes  u32 number, u32 chunk (big endian) -> bit per ordinal */
    KN_T_DUE,         /* u32    ordinal / 256 -> i64 moment each profile is filed under */
    KN_T_CHANGE,      /* bytes  u32 number, u64 block (big endian) -> entries and exits */
    KN_T_SIZES,       /* bytes  u32 number, u32 year of 1970 + n (big endian) -> sizes by day */
    KN_T_COMPUTED,    /* u32    ordinal -> its computed traits */
    KN_T_LISTED,      /* h128   identifier -> u64 of each list it is on (apply/lists.h) */
    KN_T_DELIVERY,    /* bytes  destination -> apply/destinations.h */
    KN_T_ERASED,      /* h128   identifier -> when it was erased (apply/ledger.h) */
    KN_T_ERASURE,     /* h128   erasure -> apply/erase.h */
    KN_TABLE_COUNT
};

extern const struct kn_state_table kn_tables[KN_TABLE_COUNT];

#endif
