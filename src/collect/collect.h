/* Collect: the wire protocols of Segment, RudderStack and Jitsu clients, in; log items, out.
 *
 * handle() takes a decoded request (format/http.h), finds the source by its write key, turns every
 * message into an item (checked, normalised, minimised) and stages one frame. The answer may leave
 * only when that frame is durable: handle() says which workspace and sequence to wait for.
 *
 * No threads, sockets or clocks of its own: `now` and randomness come from the caller, so that the
 * simulation drives it. One kn_collect per thread (it owns a JSON parser and scratch memory).
 * Bad input is answered as collect-protocols 1.6 says and changes nothing but the rejects list.
 */
#ifndef KN_COLLECT_COLLECT_H
#define KN_COLLECT_COLLECT_H

#include "apply/workspace.h"
#include "format/http.h"

struct kn_collect;

/* How collect finds what belongs to a write key; the server's registry, or the simulation's. */
struct kn_collect_target {
    struct kn_workspace *ws;
    struct kn_settings *settings;   /* a reference that handle() gives back */
    const struct kn_source *source; /* of settings */
};
/* A file that is handed out as it is: the scripts of browser SDKs (docs/collect.md lists the
 * paths).
 * "__WRITE_KEY__" in analytics.min.js is replaced by the key of the request. Everything borrowed.
 */
struct kn_collect_static {
    struct kn_str path, content_type, bytes;
};
struct kn_collect_env {
    /* KN_E_NOT_FOUND: no such key. */
    enum kn_rc (*find)(void *context, struct kn_str write_key, struct kn_collect_target *ret);
    void *context;
    struct kn_random random;
    bool accept_unknown_keys; /* answer 200 and drop, as Segment does; default false: 401 */
    bool stopping;            /* 503 to everything */
    const struct kn_collect_static *statics; /* NULL: those paths are 404 */
    size_t static_count;
};

struct kn_collect *kn_collect_new(void); /* NULL without memory */
void kn_collect_free(struct kn_collect *collect);

enum kn_collect_outcome {
    KN_COLLECT_NOT_MINE, /* no collect route: nothing was done */
    KN_COLLECT_DONE,     /* the response is complete */
    KN_COLLECT_WAIT,     /* send the response once wait_seq of wait_ws is durable */
};

/* How many messages were refused for a reason (static text). */
struct kn_collect_refusals {
    const char *reason;
    uint32_t count;
};
enum { KN_COLLECT_REASONS = 16 }; /* there are fewer */

struct kn_collect_result {
    enum kn_collect_outcome outcome;
    struct kn_workspace *wait_ws;
    uint64_t wait_seq;
    uint32_t accepted, rejected; /* messages, for metrics */
    const char *reason;          /* constant code of a refused request, NULL = none */
    struct kn_collect_refusals refused[KN_COLLECT_REASONS]; /* `rejected` by reason; ends at NULL */
};

/* True for paths collect answers, so that the caller decodes the body by collect's rules (any
 * content type; gzip by header or by sniffing; at most body_max bytes decoded). */
bool kn_collect_is_route(struct kn_str method, struct kn_str path);
enum { KN_COLLECT_BODY_MAX = 5 * 1024 * 1024, KN_COLLECT_EVENT_MAX = 32 * 1024 };

void kn_collect_handle(struct kn_collect *collect, const struct kn_collect_env *env,
                       const struct kn_http_request *request, int64_t now_us,
                       struct kn_http_response *response, struct kn_collect_result *ret);
/* Turns a waiting answer into 503 (the disk was full) or fills the overload answer 429/503. */
void kn_collect_unavailable(const struct kn_http_request *request,
                            struct kn_http_response *response, int status,
                            unsigned retry_after_seconds);
/* The error answer for a request that never reached handle (bad encoding, too large): the status,
 * code and message in the shape every SDK understands, with CORS headers. */
void kn_collect_refuse(const struct kn_http_request *request, struct kn_http_response *response,
                       int status, const char *code, const char *message);
/* CORS headers of the collect routes, on every answer. */
void kn_collect_cors(const struct kn_http_request *request, struct kn_http_response *response);

/* One message of Segment's shape from elsewhere than HTTP (import): appends its items to `items`.
 * *ret_rejected: why it was not taken (constant code), NULL when taken; the detail is in err. */
struct kn_collect_message_options {
    const struct kn_settings *settings;
    const struct kn_source *source;
    int64_t received_us;
    bool historic; /* an import of the past: no clock correction, consents use their event time */
};
enum kn_rc kn_collect_message(struct kn_collect *collect, struct kn_random random,
                              const struct kn_collect_message_options *options,
                              struct kn_str json /* padded as for kn_json_parse */,
                              struct kn_buf *items, uint32_t *ret_items, const char **ret_rejected,
                              struct kn_err *err) KN_MUST_USE;

#endif
