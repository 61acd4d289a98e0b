/* An HTTP exchange as values, so that collect/ and api/ run without sockets (simulation, fuzzers).
 *
 * The request borrows everything until the exchange ends. Header names are looked up without case.
 * The body is decoded already (content encodings undone, sizes checked) and is followed by
 * KN_JSON_PADDING readable bytes.
 */
#ifndef KN_FORMAT_HTTP_H
#define KN_FORMAT_HTTP_H

#include "base/arena.h"
#include "base/buf.h"

struct kn_http_pair {
    struct kn_str name, value;
};

struct kn_http_request {
    struct kn_str method;
    struct kn_str path;  /* percent-decoded; "//" collapsed, no trailing '/' except for "/" */
    struct kn_str query; /* raw, without '?' */
    const struct kn_http_pair *params; /* decoded query parameters */
    size_t param_count;
    const struct kn_http_pair *headers;
    size_t header_count;
    struct kn_str body;
    struct kn_str peer_ip;  /* of the socket, or of a trusted proxy's X-Forwarded-For */
    bool tls;               /* the client spoke https (or the proxy says so) */
    struct kn_arena *arena; /* scratch of this exchange */
};

enum { KN_HTTP_HEADERS_MAX = 24 };

struct kn_http_response {
    int status;
    struct kn_http_pair headers[KN_HTTP_HEADERS_MAX]; /* names and values live in the arena or are
                                                         constants */
    size_t header_count;
    struct kn_buf body; /* owned by the response */
};

/* The first of that name; empty when absent. */
struct kn_str kn_http_header(const struct kn_http_request *request, const char *name);
struct kn_str kn_http_param(const struct kn_http_request *request, const char *name);
bool kn_http_has_param(const struct kn_http_request *request, const char *name);
void kn_http_response_init(struct kn_http_response *response, size_t body_max);
void kn_http_response_deinit(struct kn_http_response *response);
/* Sets or replaces. name is a constant; value must outlive the response. Too many headers are a bug
 * (assert). */
void kn_http_set_header(struct kn_http_response *response, const char *name, struct kn_str value);

/* Splits and percent-decodes "a=1&b=%20" into pairs in the arena ('+' is a space). False: too many
 * (over max) or no memory. Broken escapes are kept as they are. */
bool kn_http_parse_query(struct kn_str raw, size_t max, struct kn_arena *arena,
                         struct kn_http_pair **ret, size_t *ret_count);
/* Percent-decodes; plus_is_space for queries and forms. Any bytes can come out, NUL and bad UTF-8
 * too. In the arena when it changed; p is NULL when the arena is full. */
struct kn_str kn_http_decode(struct kn_str raw, bool plus_is_space, struct kn_arena *arena);
/* "//" to "/", trailing '/' off. In the arena when it changed. */
struct kn_str kn_http_clean_path(struct kn_str path, struct kn_arena *arena);

#endif
