/* Answers in the one shape every SDK understands (collect-protocols sections 1.6 and 1.8). */
#include "collect/collect_internal.h"

#define ALLOWED_HEADERS                                                                            \
    "Authorization, Content-Type, Content-Encoding, Accept, X-Retry-Count, X-Write-Key, "          \
    "X-Enable-Debug, X-IP-Policy, AnonymousId, SentAt, Rsa-Recovered, Rsa-Retry-Attempt, "         \
    "Rsa-Since-Last-Attempt, Rsa-Since-First-Attempt, Rsa-Retry-Reason, SP-Anonymous, "            \
    "Cache-Control"

void kn_collect_cors(const struct kn_http_request *request, struct kn_http_response *response)
{
    struct kn_str origin = kn_http_header(request, "Origin");
    kn_http_set_header(response, "Access-Control-Allow-Origin",
                       origin.len > 0 ? origin : KN_STR("*"));
    if (origin.len > 0) {
        kn_http_set_header(response, "Access-Control-Allow-Credentials", KN_STR("true"));
        kn_http_set_header(response, "Vary", KN_STR("Origin, Access-Control-Request-Headers"));
    }
    kn_http_set_header(response, "Access-Control-Expose-Headers",
                       KN_STR("Retry-After, X-RateLimit-Reset, Kern-Position"));
    if (kn_str_eq(request->method, KN_STR("OPTIONS"))) {
        kn_http_set_header(response, "Access-Control-Allow-Methods",
                           KN_STR("GET, POST, HEAD, OPTIONS"));
        kn_http_set_header(response, "Access-Control-Allow-Headers", KN_STR(ALLOWED_HEADERS));
        kn_http_set_header(response, "Access-Control-Max-Age", KN_STR("86400"));
    }
}

static struct kn_str number_text(struct kn_arena *arena, unsigned value)
{
    struct kn_buf text;
    kn_buf_init(&text, 32);
    kn_buf_u64(&text, value);
    struct kn_str kept = kn_arena_str(arena, kn_buf_view(&text));
    kn_buf_deinit(&text);
    return kept;
}

void kn_collect_refuse(const struct kn_http_request *request, struct kn_http_response *response,
                       int status, const char *code, const char *message)
{
    response->status = status;
    kn_collect_cors(request, response);
    kn_http_set_header(response, "Content-Type", KN_STR("application/json"));
    kn_buf_clear(&response->body);
    kn_buf_c(&response->body, "{\"success\":false");
    kn_json_out_kv(&response->body, "code", kn_str_c(code));
    kn_json_out_kv(&response->body, "message", kn_str_c(message));
    kn_json_out_kv(&response->body, "error", kn_str_c(message));
    kn_buf_char(&response->body, '}');
}

void kn_collect_unavailable(const struct kn_http_request *request,
                            struct kn_http_response *response, int status,
                            unsigned retry_after_seconds)
{
    kn_collect_refuse(request, response, status, status == 429 ? "rate_limited" : "unavailable",
                      status == 429 ? "too many events at the moment, try again later"
                                    : "the server cannot store events at the moment");
    struct kn_str seconds = number_text(request->arena, retry_after_seconds);
    kn_http_set_header(response, "Retry-After", seconds);
    kn_http_set_header(response, "X-RateLimit-Reset", seconds);
}

void kn_collect_gif(struct kn_http_response *response)
{
    static const unsigned char gif[] = {
        0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00,
        0x00, 0xff, 0xff, 0xff, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00,
        0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b};
    response->status = 200;
    kn_http_set_header(response, "Content-Type", KN_STR("image/gif"));
    kn_http_set_header(response, "Cache-Control", KN_STR("no-cache, no-store, must-revalidate"));
    kn_buf_clear(&response->body);
    kn_buf_add(&response->body, gif, sizeof gif);
}

/* ---- rejects ---- */

enum { SAMPLE_MAX = 2048, SAMPLE_NODES = 200 };

static bool shown(const struct kn_json *doc, uint32_t node)
{
    static const char *const keys[] = {"type", "event", "messageId", "timestamp", "sentAt",
                                       "originalTimestamp", "name", "version"};
    const struct kn_json_node *n = &doc->nodes[node];
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (n->depth <= 3 &&
            kn_str_eq(kn_str(doc->text + n->key_off, n->key_len), kn_str_c(keys[i]))) {
            return true;
        }
    }
    return false;
}

/* Text stands masked, since what was refused was never agreed to be kept: keys and shapes tell what
 * went wrong. */
static void put_sample(const struct kn_json *doc, uint32_t node, unsigned *left, unsigned depth,
                       struct kn_buf *out)
{
    const struct kn_json_node *n = &doc->nodes[node];
    bool object = n->type == KN_JSON_OBJECT;
    if (*left == 0 || depth > 8) {
        kn_buf_c(out, "\"...\"");
        return;
    }
    (*left)--;
    if (n->type == KN_JSON_STRING && n->len > 0) {
        struct kn_str raw = kn_json_raw(doc, node);
        bool clear = shown(doc, node) && raw.len <= 200;
        kn_buf_str(out, clear ? raw : KN_STR("\"***\""));
    } else if (n->type == KN_JSON_NUMBER && n->len > 6) {
        kn_buf_c(out, "\"***\"");
    } else if (!object && n->type != KN_JSON_ARRAY) {
        kn_buf_str(out, kn_json_raw(doc, node));
    } else {
        kn_buf_char(out, object ? '{' : '[');
        for (uint32_t i = node + 1; i < n->next && *left > 0; i = doc->nodes[i].next) {
            kn_json_out_comma(out);
            if (object) {
                kn_buf_char(out, '"');
                kn_buf_add(out, doc->text + doc->nodes[i].key_off,
                           doc->nodes[i].key_len < 200 ? doc->nodes[i].key_len : 0);
                kn_buf_c(out, "\":");
            }
            put_sample(doc, i, left, depth + 1, out);
        }
        kn_buf_char(out, object ? '}' : ']');
    }
}

void kn_reject_item(struct kn_collect *c, const struct kn_json *doc, uint32_t node,
                    const struct kn_source *source, int64_t received_us, const char *reason,
                    const char *detail, uint32_t count, struct kn_buf *items)
{
    struct kn_buf sample;
    unsigned left = SAMPLE_NODES;
    kn_buf_init(&sample, SAMPLE_MAX * 4);
    kn_buf_clear(&c->body);
    kn_buf_char(&c->body, '{');
    kn_json_out_kv(&c->body, "reason", kn_str_c(reason));
    kn_json_out_kv(&c->body, "detail", kn_str_c(detail));
    if (count > 1) {
        kn_json_out_ki64(&c->body, "count", count);
    }
    if (doc && node != KN_JSON_NONE) {
        put_sample(doc, node, &left, 0, &sample);
        kn_json_out_kraw(&c->body, "sample",
                         sample.rc == KN_OK && sample.len <= SAMPLE_MAX ? kn_buf_view(&sample)
                                                                        : KN_STR("null"));
    }
    kn_buf_char(&c->body, '}');
    kn_buf_deinit(&sample);
    struct kn_item item = {
        .kind = KN_ITEM_REJECT,
        .source = source->number,
        .event_us = received_us,
        .received_us = received_us,
        .message_id = KN_STR("-"),
        .name = kn_str_c(reason),
        .body = kn_buf_view(&c->body),
    };
    kn_item_encode(&item, items);
}
