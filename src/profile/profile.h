/* The 360-degree profile as a value: what the fold writes and every read shows.
 *
 * A profile has a dense ordinal (never reused) and a public id. What every event touches (seen,
 * counters, running session, last use of each identifier) is kept apart from the rest, so that an
 * ordinary event rewrites some hundred bytes. This header is the decoded whole, for readers and for
 * the slow path of the fold. All slices borrow from the arena or bytes it was decoded from.
 * Times: UTC microseconds. Amounts: minor units.
 */
#ifndef KN_PROFILE_PROFILE_H
#define KN_PROFILE_PROFILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "format/item.h"

struct kn_profile_identifier {
    uint16_t type;
    struct kn_str value; /* as in the item */
    struct kn_h128 hash;
    int64_t first_seen_us, last_seen_us;
    uint32_t source;     /* that brought it first */
};

struct kn_profile_trait {
    struct kn_str key;
    struct kn_str json; /* raw JSON value; empty = deleted (a tombstone keeps its time) */
    int64_t at_us;      /* min(event time, received time) */
    uint64_t arrival;   /* of the event that said so: decides between equal times */
    uint32_t source;
};

struct kn_profile_consent {
    struct kn_str purpose;
    enum kn_consent_state state;
    struct kn_str basis, text_version;
    int64_t at_us;
    uint32_t source;
    struct kn_str message_id; /* the proof */
};

struct kn_profile_touch {
    bool present;
    int64_t at_us;
    struct kn_str channel, source, medium, campaign, term, content, referrer, click_id, landing_page;
};

struct kn_profile_session {
    int64_t start_us, end_us; /* first and last event of the session */
    struct kn_profile_touch touch; /* how it began: the facts of its first event */
};

struct kn_profile_device {
    struct kn_str device, browser, platform, country;
    int64_t last_seen_us;
};

/* What one event says about an order. */
struct kn_profile_order_fact {
    uint64_t arrival;
    int64_t event_us;
    uint32_t source;
    enum kn_order_event event;
    bool has_amount;
    int64_t amount;
    char currency[4];
};

struct kn_profile_order {
    struct kn_str key;        /* order_id; without one "\n", the source, ":" and the message id */
    int64_t first_us;         /* event time of its first arrival */
    int64_t state_us;         /* event time of the latest completed/updated/cancelled */
    int64_t amount_us;        /* event time of the event that gave `amount` */
    bool placed;              /* a completed or updated event was seen */
    bool cancelled;
    bool has_amount;
    bool refunded_whole;
    int64_t amount;           /* gross */
    int64_t refunded;         /* sum of the partial refunds */
    char currency[4];
    uint32_t sources[4];      /* sources that reported it, first arrival first, 0 = none */
    /* What events of other profiles said about it, in order of arrival: an order is one order,
     * whoever reports it, and an un-merge works its owner's orders out again. */
    struct kn_profile_order_fact *others;
    size_t other_count;
};

/* False: the event was its own order, without an order id. */
static inline bool kn_profile_order_has_id(const struct kn_profile_order *order)
{
    return order->key.len > 0 && order->key.p[0] != '\n';
}
/* What the order counts for: 0 when cancelled, not placed or refunded. */
int64_t kn_profile_order_net(const struct kn_profile_order *order);
/* It is an order for counters: placed and not cancelled. */
bool kn_profile_order_counts(const struct kn_profile_order *order);

struct kn_profile_revenue {
    char currency[4];
    int64_t amount;
};

struct kn_profile_merged {
    uint32_t ordinal;
    struct kn_h128 id;
    int64_t at_us;
};

struct kn_profile_segment {
    struct kn_str key;
    int64_t since_us;
};

struct kn_profile_computed {
    struct kn_str key, json;
};

struct kn_profile {
    uint32_t ordinal;
    struct kn_h128 id;
    int64_t created_us, first_seen_us, last_seen_us;
    uint64_t events;
    struct kn_profile_identifier *ids;
    size_t id_count;
    struct kn_profile_trait *traits; /* tombstones included */
    size_t trait_count;
    struct kn_profile_consent *consents;
    size_t consent_count;
    struct kn_profile_session *sessions; /* in order of time, disjoint, gaps over 30 minutes */
    size_t session_count;
    struct kn_profile_touch first_touch, last_touch; /* of the first and the last session */
    struct kn_profile_device *devices; /* at most 8, latest first */
    size_t device_count;
    struct kn_profile_order *orders;
    size_t order_count;
    struct kn_profile_merged *merged; /* profiles that became part of this one */
    size_t merged_count;
    uint32_t merges; /* counted against the cap */
    /* Filled in for readers (apply/read.h); no part of the encoded profile. */
    struct kn_profile_segment *segments;
    size_t segment_count;
    struct kn_profile_computed *computed;
    size_t computed_count;
};

/* Why identifiers belong together (or were kept apart). */
enum kn_link_kind {
    KN_LINK_CREATED = 1,  /* the profile began with these identifiers */
    KN_LINK_ADDED = 2,    /* identifiers joined it */
    KN_LINK_MERGED = 3,   /* other_id became part of it, through these identifiers */
    KN_LINK_REFUSED = 4,  /* a limit kept the identifier off; reason names the limit */
    KN_LINK_IGNORED = 5,  /* the fan-out guard ignores the identifier */
    KN_LINK_SPLIT = 6,    /* a person split identifiers off; other_id is the profile split off */
    KN_LINK_SPLIT_OFF = 7, /* this profile was split off other_id */
};

struct kn_profile_link {
    enum kn_link_kind kind;
    bool by_person;           /* a merge or split asked for through the API */
    int64_t at_us;            /* received time */
    uint64_t arrival;
    uint32_t source;
    struct kn_str message_id;
    struct kn_str reason;     /* refused: "limit user_id 1", ...; by a person: their reason */
    struct kn_h128 other_id;  /* zero when none */
    struct kn_item_id *ids;
    size_t id_count;
};

/* 26 characters of lower-case Crockford base32; buffer of 27 with NUL. */
void kn_profile_id_text(struct kn_h128 id, char text[27]);
bool kn_profile_id_parse(struct kn_str text, struct kn_h128 *ret);

#endif
