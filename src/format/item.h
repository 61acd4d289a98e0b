/* Items: what the log carries and the archive keeps. One frame of the log holds the items of one
 * request.
 *
 * An item is decoded once, in collect/, into the facts apply needs (identifiers, traits, order,
 * visit, device, consents) and the message itself as JSON (`body`). Whatever depends on a library
 * or data file is worked out there and recorded, so that a replay does not depend on it. The same
 * bytes stand in the log and in the archive: an un-merge re-applies them.
 *
 * encode and decode are exact inverses; decode is total (any bytes give an item or KN_E_CORRUPT)
 * and allocates only from the arena; all slices of a decoded item borrow from the input bytes.
 * Times are UTC microseconds. Amounts are minor units of their currency. Byte layout:
 * docs/formats/item.md. Pure; safe on any thread.
 */
#ifndef KN_FORMAT_ITEM_H
#define KN_FORMAT_ITEM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"

enum kn_item_kind {
    KN_ITEM_EVENT = 1,   /* a message of a source; `type` says which */
    KN_ITEM_CONSENT = 2, /* consents given through the API: identifiers[0] names the profile */
    KN_ITEM_MERGE = 3,   /* a person merged two profiles: identifiers of both */
    KN_ITEM_UNMERGE =
        4, /* a person split identifiers off; body: {"profile","identifiers","reason"} */
    KN_ITEM_REJECT = 5,  /* something refused; body: {"reason","detail","sample"} */
    KN_ITEM_SETTING = 6, /* workspace setting; name = key, body = JSON document, empty = deleted */
    KN_ITEM_TICK = 7,    /* time passes */
    KN_ITEM_GENESIS =
        8, /* the first item of a workspace: body = {"name","seed":hex,"created_at"} */
    KN_ITEM_BUILT =
        9, /* a definition is built: name = its key, body = {"number","version","defined"} */
    KN_ITEM_LIST = 10, /* who is on a list: name = the key of its segment, body = apply/lists.h */
    KN_ITEM_DELIVERY = 11, /* what became of changes sent: name = a destination's id, body binary
                              (apply/destinations.h) */
    KN_ITEM_NOTE = 12,     /* a person wrote about a profile (identifiers[0] names it): traits it
                              corrects, body: {"text","by"} */
    KN_ITEM_ERASE = 13,    /* a person is to be erased: name = the erasure's id, body =
                              {"profile","within_us"} */
    KN_ITEM_ERASED = 14, /* every byte is gone: name = the erasure's id, body = a time per store */
    KN_ITEM_VOID = 15,   /* was something of a person who is erased; means nothing */
};

enum kn_event_type {
    KN_EVENT_NONE = 0,
    KN_EVENT_TRACK = 1,
    KN_EVENT_IDENTIFY = 2,
    KN_EVENT_PAGE = 3,
    KN_EVENT_SCREEN = 4,
    KN_EVENT_GROUP = 5,
    KN_EVENT_ALIAS = 6,
};

/* Built-in identifier types. Any other type is KN_ID_CUSTOM, and its value is then written
 * "type:value" (the type's name is lower case and has no colon). */
enum kn_id_type {
    KN_ID_USER_ID = 1,
    KN_ID_EMAIL = 2,
    KN_ID_PHONE = 3,
    KN_ID_ANONYMOUS_ID = 4,
    KN_ID_ANDROID_ID = 5,
    KN_ID_IOS_ID = 6,
    KN_ID_ANDROID_IDFA = 7,
    KN_ID_IOS_IDFA = 8,
    KN_ID_ANDROID_PUSH_TOKEN = 9,
    KN_ID_IOS_PUSH_TOKEN = 10,
    KN_ID_GA_CLIENT_ID = 11,
    KN_ID_CROSS_DOMAIN_ID = 12,
    KN_ID_BRAZE_ID = 13,
    KN_ID_BUILTIN_COUNT = 14,
    KN_ID_CUSTOM = 64,
};

struct kn_item_id {
    uint16_t type; /* enum kn_id_type */
    struct kn_str
        value; /* 1..255 bytes, normalised (e-mail: trimmed, lower case); custom: "type:value" */
    struct kn_h128
        hash; /* kn_hash_tagged(workspace key, type, value); not encoded, set by decode */
};

enum kn_order_event {
    KN_ORDER_NONE = 0,
    KN_ORDER_COMPLETED = 1,
    KN_ORDER_UPDATED = 2,
    KN_ORDER_REFUNDED = 3,
    KN_ORDER_CANCELLED = 4,
};

struct kn_item_order {
    enum kn_order_event event;
    struct kn_str order_id; /* empty: the event is its own order */
    bool has_amount;
    int64_t amount;   /* minor units; for a refund: what was paid back */
    char currency[4]; /* ISO 4217 and NUL; "" = the workspace's */
};

/* How a visit came about; only on events that may open a session. */
struct kn_item_visit {
    bool present;          /* this event counts for sessions */
    struct kn_str channel; /* direct, organic_search, paid_search, social, paid_social, email,
                              referral, display, affiliate, sms, push, other */
    struct kn_str source, medium, campaign, term, content; /* UTM or derived; may be empty */
    struct kn_str referrer;                                /* host only */
    struct kn_str click_id;     /* kind of click id: gclid, fbclid, msclkid, ...; never the value */
    struct kn_str landing_page; /* URL without query and fragment */
};

struct kn_item_device {
    bool present;
    struct kn_str device;   /* desktop, mobile, tablet, tv, bot, other */
    struct kn_str browser;  /* Chrome, Safari, ... */
    struct kn_str platform; /* Windows, macOS, iOS, Android, Linux, ... */
    struct kn_str country;  /* ISO 3166 alpha-2 or empty */
};

enum kn_consent_state {
    KN_CONSENT_UNKNOWN = 0,
    KN_CONSENT_GRANTED = 1,
    KN_CONSENT_DENIED = 2,
    KN_CONSENT_CONFLICT = 3, /* result of a merge only; treated as denied */
};

struct kn_item_consent {
    struct kn_str purpose; /* key, or "*": every purpose the profile has a state for */
    enum kn_consent_state state;
    struct kn_str basis;        /* consent, contract, legitimate_interest, existing_customer */
    struct kn_str text_version; /* may be empty */
    int64_t at_us;              /* 0: received time rules (MECHANICS section 3) */
};

enum kn_item_flag {
    KN_ITEM_SERVER = 1U << 0,   /* from a server library or import: opens no session */
    KN_ITEM_HISTORIC = 1U << 1, /* from an import marked historic: consents use their event time */
    KN_ITEM_NO_PROFILE = 1U << 2, /* integrations {"Personas":false}: archive only, no profile */
};

struct kn_item {
    enum kn_item_kind kind;
    enum kn_event_type type;
    uint32_t flags;   /* enum kn_item_flag */
    uint32_t source;  /* number of the source; 0 = Kern itself */
    int64_t event_us; /* corrected time of the event */
    int64_t received_us;
    struct kn_str message_id;    /* 1..100 bytes; may be empty when Kern itself is the source */
    struct kn_h128 message_hash; /* kn_hash_tagged(key, source, message_id); set by decode */
    struct kn_str name;          /* event name ("Page Viewed" for page), or setting key */
    struct kn_item_id *ids;
    size_t id_count;
    struct kn_str traits; /* JSON object of traits to set (null deletes), or empty */
    struct kn_item_order order;
    struct kn_item_visit visit;
    struct kn_item_device device;
    struct kn_item_consent *consents;
    size_t consent_count;
    struct kn_str body; /* the message as one JSON object, without what stands above */
};

enum { KN_ITEM_IDS_MAX = 64, KN_ITEM_CONSENTS_MAX = 256, KN_ITEM_ID_VALUE_MAX = 255 };

/* Appends the encoded item; a failure is in out->rc (KN_E_LIMIT: a field is outside its limits, or
 * the item is over 32 MiB). */
void kn_item_encode(const struct kn_item *item, struct kn_buf *out);
/* Decodes the item at the cursor and steps over it. `key` gives the hashes; NULL: they stay zero.
 * @errors KN_E_CORRUPT, KN_E_NOMEM (the arena is full) */
enum kn_rc kn_item_decode(struct kn_cursor *in, const struct kn_hash_key *key,
                          struct kn_arena *arena, struct kn_item *ret,
                          struct kn_err *err) KN_MUST_USE;
/* Overwrites one whole encoded item with a void one of the same length. */
void kn_item_void(char *bytes, size_t len);
/* The bytes of the item at the cursor, which is stepped over it; KN_STR_EMPTY when cut short.
 * These are the bytes the archive keeps. */
struct kn_str kn_item_skip(struct kn_cursor *in);

const char *kn_event_type_name(enum kn_event_type type); /* "track", ... */
const char *kn_id_type_name(unsigned type);              /* built-in ones; NULL otherwise */
/* 0 when it is not a built-in type. */
uint16_t kn_id_type_number(struct kn_str name);
/* 1 to 64 of a-z, 0-9, _, . and -, and not reserved: may be the name of an identifier type. */
bool kn_id_type_is_name(struct kn_str name);
/* Parameter names of the profile API ("limit", "q", ...): never the name of an identifier type. */
bool kn_id_type_is_reserved(struct kn_str name);

#endif
