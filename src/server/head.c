#include "server/head.h"

#include <microhttpd.h>

#include "os/net.h"
#include "server/body.h"

enum { PARAMS_MAX = 256 };

struct header_walk {
    struct kn_head *head;
    struct kn_http_request *request;
    struct kn_str length;
    bool conflicting, chunked, too_many;
};

static bool is_endless(struct kn_str length)
{
    uint64_t bytes;
    return length.len > 0 && (!kn_str_u64(length, &bytes) || bytes > KN_BODY_DISCARD_MAX);
}

static enum MHD_Result each_header(void *context, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
    struct header_walk *w = context;
    struct kn_http_request *r = w->request;
    struct kn_str name = kn_str_c(key);
    struct kn_str text = kn_str_c(value);
    (void)kind;
    if (kn_str_eq_nocase(name, KN_STR("Content-Length"))) {
        w->conflicting = w->conflicting || (w->length.len > 0 && !kn_str_eq(w->length, text));
        w->length = text;
    }
    w->chunked = w->chunked || kn_str_eq_nocase(name, KN_STR("Transfer-Encoding"));
    if (r->header_count == KN_HEADERS_MAX) {
        w->too_many = true;
        return MHD_NO;
    }
    w->head->headers[r->header_count++] = (struct kn_http_pair){name, text};
    return MHD_YES;
}

static void read_peer(struct MHD_Connection *connection, bool trust_proxy, struct kn_head *head,
                      struct kn_http_request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    head->peer[0] = '\0';
    if (info && info->client_addr) {
        kn_net_peer_text(info->client_addr, head->peer);
    }
    r->peer_ip = kn_str_c(head->peer);
    r->tls = false;
    if (trust_proxy) {
        struct kn_str forwarded = kn_http_header(r, "X-Forwarded-For");
        struct kn_str first = kn_str_trim(kn_str_split(&forwarded, ','));
        r->peer_ip = first.len > 0 ? first : r->peer_ip;
        r->tls = kn_str_eq_nocase(kn_http_header(r, "X-Forwarded-Proto"), KN_STR("https"));
    }
}

const char *kn_head_read(struct MHD_Connection *connection, const char *method, bool trust_proxy,
                         struct kn_arena *arena, struct kn_head *head, struct kn_http_request *r,
                         int *ret_status)
{
    struct kn_str raw = r->query; /* the target, as it came with the first line */
    struct header_walk walk = {.head = head, .request = r};
    *ret_status = 400;
    *r = (struct kn_http_request){
        .method = kn_str_c(method), .headers = head->headers, .arena = arena};
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, each_header, &walk);
    struct kn_str path = kn_str_split(&raw, '?');
    r->query = raw;
    r->path = kn_http_clean_path(kn_http_decode(path, false, arena), arena);
    read_peer(connection, trust_proxy, head, r);
    if (walk.too_many) {
        return "too many headers";
    }
    if (walk.conflicting || (walk.chunked && walk.length.len > 0)) {
        return "the length of the body is ambiguous";
    }
    if (is_endless(walk.length)) {
        *ret_status = 413;
        return "the body is too large";
    }
    if (!kn_http_parse_query(r->query, PARAMS_MAX, arena,
                             (struct kn_http_pair **)(uintptr_t)&r->params, &r->param_count)) {
        return "too many query parameters";
    }
    return NULL;
}
