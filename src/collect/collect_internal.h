/* Collect as its files share it. */
#ifndef KN_COLLECT_INTERNAL_H
#define KN_COLLECT_INTERNAL_H

#include "collect/collect.h"
#include "format/json.h"

enum { KN_BATCH_EVENTS_MAX = 2500, KN_REJECTS_PER_REQUEST = 100, KN_PROPERTIES_MAX = 300 };

struct kn_collect {
    struct kn_json_parser *parser;
    struct kn_arena arena; /* of one message */
    struct kn_buf items, body, scratch;
};

/* A message to be turned into an item. */
struct kn_message {
    const struct kn_json *doc;
    uint32_t node;              /* the message */
    uint32_t batch_context;     /* laid under the message's own; KN_JSON_NONE = none */
    uint32_t batch_integrations;
    uint32_t batch_sent_at;
    enum kn_event_type path_type; /* KN_EVENT_NONE: from the message */
    const struct kn_settings *settings;
    const struct kn_source *source;
    int64_t received_us;
    bool historic;
    struct kn_str peer_ip, user_agent; /* of the request; may be empty */
    bool remove_ip;                    /* X-IP-Policy: remove */
    struct kn_random random;
};

/* Appends one item. NULL, or why the message is refused (a constant code; the detail is in err). */
const char *kn_message_item(struct kn_collect *c, const struct kn_message *m, struct kn_buf *items,
                            struct kn_err *err);
/* Facts, each in its own file. `find` looks in the message first, then in the batch's context. */
uint32_t kn_message_context(const struct kn_message *m, const char *path);
void kn_message_identifiers(struct kn_collect *c, const struct kn_message *m, struct kn_item *item);
void kn_message_consents(struct kn_collect *c, const struct kn_message *m, struct kn_item *item);
void kn_message_visit(struct kn_collect *c, const struct kn_message *m, struct kn_item *item);
void kn_message_order(struct kn_collect *c, const struct kn_message *m, struct kn_item *item);
/* Text of a scalar, trimmed; empty when absent or not a scalar. */
struct kn_str kn_message_text(struct kn_collect *c, const struct kn_json *doc, uint32_t node);
uint32_t kn_message_traits(const struct kn_message *m, enum kn_event_type type);

/* A reject item: name = reason, body = {"reason","detail","sample"}; node may be KN_JSON_NONE. */
void kn_reject_item(struct kn_collect *c, const struct kn_json *doc, uint32_t node,
                    const struct kn_source *source, int64_t received_us, const char *reason,
                    const char *detail, uint32_t count, struct kn_buf *items);

/* Settings documents and scripts (bootstrap.c). True when the path was one. */
bool kn_collect_bootstrap(const struct kn_collect_env *env, const struct kn_http_request *request,
                          struct kn_str path, struct kn_http_response *response);
void kn_collect_gif(struct kn_http_response *response);

#endif
