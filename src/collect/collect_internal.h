/* Collect as its files share it.
 *
 *   handle.c     a request: authenticate, parse, stage, answer
 *   routes.c     paths                     auth.c       write keys
 *   batch.c      a body into items         message.c    one message into one item
 *   fields.c     members by name           body.c       the message as it is kept
 *   who.c        identifiers               visit.c      visits and devices
 *   consent.c    consents                  order.c      orders
 *   minimise.c   addresses, samples        merge.c      batch context under a message's own
 *   answer.c     answers and CORS          bootstrap.c  settings documents and scripts
 *   pixel.c      pixel parameters into a message
 */
#ifndef KN_COLLECT_INTERNAL_H
#define KN_COLLECT_INTERNAL_H

#include "collect/collect.h"
#include "format/address.h"
#include "format/json.h"

enum {
    KN_BATCH_EVENTS_MAX = 2500,
    KN_REJECTS_PER_REQUEST = 100,
    KN_PROPERTIES_MAX = 300,
    KN_MESSAGE_ID_MAX = 100,
    KN_GROUP_ID_MAX = 500,
    KN_WRITE_KEY_MAX = 128,
    KN_SAMPLE_MAX = 2048,
    KN_FACT_MAX = 255, /* bytes of a campaign's name and the like */
    KN_PAGE_MAX = 512, /* bytes of a landing page */
    KN_AGENTS = 64,    /* user agents remembered */
    KN_AGENT_MAX = 512,
    KN_CHANNELS = 64, /* channels remembered */
    KN_CHANNEL_KEY_MAX = 256,
};

/* What a user agent was worked out to be; SDK batches repeat one. */
struct kn_agent_entry {
    size_t len;
    char text[KN_AGENT_MAX];
    struct kn_item_device device; /* constants */
};

/* And the channel of the same visit. */
struct kn_channel_entry {
    size_t len;
    char key[KN_CHANNEL_KEY_MAX];
    struct kn_str channel; /* a constant */
};

struct kn_collect {
    struct kn_json_parser *parser, *context_parser;
    struct kn_arena arena; /* of one message */
    struct kn_buf items, body, merged, scratch;
    struct kn_item_id ids[KN_ITEM_IDS_MAX];
    struct kn_item_consent consents[KN_ITEM_CONSENTS_MAX];
    struct kn_agent_entry *agents;     /* KN_AGENTS, by hash */
    struct kn_channel_entry *channels; /* KN_CHANNELS, by hash */
};

/* ---- routes ---- */

enum kn_route_kind {
    KN_ROUTE_NONE,
    KN_ROUTE_SINGLE,
    KN_ROUTE_BATCH,
    KN_ROUTE_PIXEL,
    KN_ROUTE_DISCARD, /* telemetry of SDKs: 200 */
    KN_ROUTE_HEALTH,
    KN_ROUTE_SETTINGS, /* analytics-next, mobile */
    KN_ROUTE_RUDDER,   /* sourceConfig */
    KN_ROUTE_SCRIPT,
    KN_ROUTE_OTHER_METHOD, /* the path is one of ours, the method is not */
};

struct kn_route {
    enum kn_route_kind kind;
    enum kn_event_type type; /* of the path; NONE = the message says */
    bool jitsu, server;
    struct kn_str key;  /* a write key in the path */
    struct kn_str file; /* a script's path in the table of statics */
};
struct kn_route kn_route_of(struct kn_str method, struct kn_str path);

/* ---- authentication ---- */

/* The key of headers and query; empty: the body may have it. */
/* What belongs to a key. Clients of Jitsu want one of two parts, ID:SECRET: that as it stands, else
 * the part before the colon. KN_E_NOT_FOUND: there is no such key. */
enum kn_rc kn_find_key(const struct kn_collect_env *env, struct kn_str key,
                       struct kn_collect_target *ret);
struct kn_str kn_request_key(const struct kn_http_request *request, bool *ret_bearer);
struct kn_str kn_body_key(const struct kn_json *doc, struct kn_arena *arena);

/* ---- members by name ---- */

enum kn_field { /* of a message */
                KN_F_OTHER,
                KN_F_TYPE,
                KN_F_EVENT,
                KN_F_USER_ID,
                KN_F_ANONYMOUS_ID,
                KN_F_GROUP_ID,
                KN_F_PREVIOUS_ID,
                KN_F_MESSAGE_ID,
                KN_F_TIMESTAMP,
                KN_F_ORIGINAL,
                KN_F_SENT_AT,
                KN_F_CONTEXT,
                KN_F_PROPERTIES,
                KN_F_TRAITS,
                KN_F_INTEGRATIONS,
                KN_F_CHANNEL,
                KN_F_DROPPED, /* writeKey, _metadata, options */
                KN_F_COUNT,
};
enum kn_context_field {
    KN_C_OTHER,
    KN_C_IP,
    KN_C_AGENT,
    KN_C_AGENT_DATA,
    KN_C_PAGE,
    KN_C_CAMPAIGN,
    KN_C_LIBRARY,
    KN_C_DEVICE,
    KN_C_OS,
    KN_C_LOCATION,
    KN_C_TRAITS,
    KN_C_EXTERNAL_IDS,
    KN_C_CONSENT,
    KN_C_CONSENT_MANAGEMENT,
    KN_C_SUBSCRIPTIONS,
    KN_C_INTEGRATIONS,
    KN_C_CHANNEL,
    KN_C_DIRECT,
    KN_C_BRAZE,
    KN_C_REFERRER,
    KN_C_COUNT,
};
enum kn_field kn_field_of(const struct kn_json *doc, uint32_t member, struct kn_arena *scratch);
enum kn_context_field kn_context_field_of(const struct kn_json *doc, uint32_t member,
                                          struct kn_arena *scratch);
/* Index of each known member, KN_JSON_NONE where absent; the last one of a repeated key. */
void kn_message_fields(const struct kn_json *doc, uint32_t node, struct kn_arena *scratch,
                       uint32_t ret[KN_F_COUNT]);
void kn_context_fields(const struct kn_json *doc, uint32_t node, struct kn_arena *scratch,
                       uint32_t ret[KN_C_COUNT]);
/* Number of members, or elements; 0 when it is neither object nor array. */
uint32_t kn_member_count(const struct kn_json *doc, uint32_t node);

/* ---- a message ---- */

/* What a batch says for all its messages. */
struct kn_shared {
    uint32_t context, integrations; /* objects, or KN_JSON_NONE */
    size_t bytes;                   /* of both */
    uint32_t sent_at;
    bool has_sent;
    int64_t sent_us;
};

struct kn_message {
    const struct kn_json *doc;
    uint32_t node;
    const struct kn_shared *shared; /* NULL: not of a batch */
    enum kn_event_type path_type;
    bool jitsu, server, pixel; /* how it came */
    bool historic, imported;
    const struct kn_settings *settings;
    const struct kn_source *source;
    int64_t received_us;
    struct kn_str peer_ip, user_agent; /* of the request; may be empty */
    bool remove_ip;                    /* X-IP-Policy: remove */
    bool privacy_control;              /* Sec-GPC: 1 */
    struct kn_random random;
};

/* Appends one item. *ret_reason: why the message is refused (a constant code, the detail is in
 * err), NULL when it was taken.
 * @errors KN_E_NOMEM; KN_E_LIMIT: `items` is full. Nothing was appended then. */
enum kn_rc kn_message_item(struct kn_collect *c, const struct kn_message *m, struct kn_buf *items,
                           const char **ret_reason, struct kn_err *err) KN_MUST_USE;

/* Where a message comes from, which decides what of it is believed to be about the person's visit.
 */
enum kn_origin { KN_ORIGIN_UNKNOWN, KN_ORIGIN_BROWSER, KN_ORIGIN_MOBILE, KN_ORIGIN_SERVER };

/* A message being read. */
struct kn_reading {
    struct kn_collect *c;
    const struct kn_message *m;
    const struct kn_json *doc;  /* of the message */
    const struct kn_json *cdoc; /* of the context: the same, or that of the merged text */
    struct kn_json merged_doc;
    uint32_t context;           /* an object in cdoc, or KN_JSON_NONE */
    uint32_t f[KN_F_COUNT];     /* in doc */
    uint32_t x[KN_C_COUNT];     /* in cdoc */
    uint32_t traits_in_context; /* identify: the traits stand in cdoc */
    enum kn_origin origin;
    bool keeps_type, keeps_message_id; /* the body still has them: the item says otherwise */
    bool nomem;
    struct kn_item item;
};

/* Text of a string or number, trimmed; empty otherwise. */
struct kn_str kn_text(struct kn_reading *r, const struct kn_json *doc, uint32_t node);
struct kn_str kn_text_in(struct kn_reading *r, const struct kn_json *doc, uint32_t object,
                         struct kn_str key);
bool kn_time_in(struct kn_reading *r, uint32_t node, int64_t *ret);
/* At most `max` bytes, cut between characters; empty when it is not valid UTF-8. */
struct kn_str kn_clip(struct kn_str text, size_t max);
/* The traits of an identify message and the document they stand in; KN_JSON_NONE = none. */
uint32_t kn_traits(const struct kn_reading *r, const struct kn_json **ret_doc);

void kn_read_ids(struct kn_reading *r);
void kn_read_order(struct kn_reading *r);
void kn_read_visit(struct kn_reading *r);
void kn_read_device(struct kn_reading *r);
void kn_read_consents(struct kn_reading *r);
enum kn_origin kn_read_origin(struct kn_reading *r);
/* The message as one JSON object into c->body. */
void kn_write_body(struct kn_reading *r);

/* ---- tools ---- */

/* {members of over, and those of under that it lacks}, deeply. */
void kn_merge(const struct kn_json *doc, uint32_t over, uint32_t under, unsigned depth,
              struct kn_buf *out);
/* The key with its quotes and the value, as they stand. */
struct kn_str kn_member_slice(const struct kn_json *doc, uint32_t member);
/* What may be shown of something refused: structure, harmless keys and a few harmless values. */
void kn_mask(struct kn_str raw, struct kn_buf *out);

/* ---- a request's messages ---- */

struct kn_intake {
    struct kn_collect *c;
    struct kn_message m; /* filled but for doc, node and shared */
    struct kn_buf *items;
    uint32_t item_count, accepted, rejected;
    uint32_t rejects_stored;
    struct { /* the last one that is stored waits, and counts those behind it */
        const char *reason;
        char detail[200];
        struct kn_str sample;
        uint32_t count;
    } last;
    enum kn_rc rc; /* KN_E_NOMEM or KN_E_LIMIT: nothing may be staged */
    struct kn_collect_refusals refused[KN_COLLECT_REASONS];
};

void kn_intake_single(struct kn_intake *in, const struct kn_json *doc);
/* False: there is no array "batch". */
bool kn_intake_batch(struct kn_intake *in, const struct kn_json *doc);
/* `sample` is what came in; it must stay until the end. */
void kn_intake_reject(struct kn_intake *in, const char *reason, const char *detail,
                      struct kn_str sample, uint32_t count);
/* Writes the reject that waits. */
void kn_intake_end(struct kn_intake *in);

/* ---- answers ---- */

void kn_answer_json(const struct kn_http_request *request, struct kn_http_response *response,
                    struct kn_str body);
void kn_answer_gif(const struct kn_http_request *request, struct kn_http_response *response);
void kn_bootstrap(const struct kn_collect_env *env, const struct kn_http_request *request,
                  const struct kn_route *route, int64_t now_us, struct kn_http_response *response);
/* The message of a pixel's parameters, padded for the parser, in the request's arena; empty: none.
 */
struct kn_str kn_pixel_message(const struct kn_http_request *request, struct kn_buf *scratch);

#endif
