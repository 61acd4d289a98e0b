/* Answers in the one shape every SDK understands (collect-protocols sections 1.6 and 1.8). */
#include "collect/collect_internal.h"

#include <stdio.h>

static const char allowed_headers[] =
    "Authorization, Content-Type, Content-Encoding, Accept, X-Retry-Count, X-Write-Key, "
    "X-Enable-Debug, X-IP-Policy, AnonymousId, SentAt, Rsa-Recovered, Rsa-Retry-Attempt, "
    "Rsa-Since-Last-Attempt, Rsa-Since-First-Attempt, Rsa-Retry-Reason, SP-Anonymous, "
    "Cache-Control";

/* Header values that came from outside go back only when they can do no harm there. */
static bool is_clean(struct kn_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.p[i] <= ' ' || (unsigned char)value.p[i] >= 0x7f) {
            return false;
        }
    }
    return value.len > 0 && value.len <= 512;
}

void kn_collect_cors(const struct kn_http_request *request, struct kn_http_response *response)
{
    struct kn_str origin = kn_http_header(request, "Origin");
    bool echo = is_clean(origin);
    kn_http_set_header(response, "Access-Control-Allow-Origin", echo ? origin : KN_STR("*"));
    if (echo) {
        kn_http_set_header(response, "Access-Control-Allow-Credentials", KN_STR("true"));
    }
    kn_http_set_header(response, "Access-Control-Expose-Headers",
                       KN_STR("Retry-After, X-RateLimit-Reset, Kern-Position"));
    kn_http_set_header(response, "Vary", KN_STR("Origin, Access-Control-Request-Headers"));
    if (kn_str_eq(request->method, KN_STR("OPTIONS"))) {
        kn_http_set_header(response, "Access-Control-Allow-Methods",
                           KN_STR("GET, POST, HEAD, OPTIONS"));
        kn_http_set_header(response, "Access-Control-Allow-Headers", kn_str_c(allowed_headers));
        kn_http_set_header(response, "Access-Control-Max-Age", KN_STR("86400"));
    }
}

void kn_answer_json(const struct kn_http_request *request, struct kn_http_response *response,
                    struct kn_str body)
{
    response->status = 200;
    kn_collect_cors(request, response);
    kn_http_set_header(response, "Content-Type", KN_STR("application/json"));
    kn_buf_clear(&response->body);
    kn_buf_str(&response->body, body);
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
    if (kn_route_of(request->method, request->path).kind == KN_ROUTE_PIXEL) {
        kn_answer_gif(request, response); /* an image in a mail is never broken */
        return;
    }
    char text[16];
    kn_collect_refuse(request, response, status, status == 429 ? "rate_limited" : "unavailable",
                      status == 429 ? "too many events at the moment, try again later"
                                    : "the server cannot store events at the moment");
    (void)snprintf(text, sizeof text, "%u", retry_after_seconds);
    struct kn_str seconds = kn_arena_str(request->arena, kn_str_c(text));
    seconds = seconds.len > 0 ? seconds : KN_STR("5");
    kn_http_set_header(response, "Retry-After", seconds);
    kn_http_set_header(response, "X-RateLimit-Reset", seconds);
}

void kn_answer_gif(const struct kn_http_request *request, struct kn_http_response *response)
{
    static const unsigned char gif[] = {
        0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00,
        0x00, 0xff, 0xff, 0xff, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00,
        0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b};
    response->status = 200;
    kn_collect_cors(request, response);
    kn_http_set_header(response, "Content-Type", KN_STR("image/gif"));
    kn_http_set_header(response, "Cache-Control", KN_STR("no-cache, no-store, must-revalidate"));
    kn_buf_clear(&response->body);
    kn_buf_add(&response->body, gif, sizeof gif);
}
