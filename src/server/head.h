/* The head of a request as values: method, path, parameters, headers, who sent it. What is
 * ambiguous or too much is refused here, so that nothing behind it has to think of it.
 */
#ifndef KN_SERVER_HEAD_H
#define KN_SERVER_HEAD_H

#include "format/http.h"

struct MHD_Connection;

enum { KN_HEADERS_MAX = 64 };

/* What the request's slices lie in, beside the arena. */
struct kn_head {
    struct kn_http_pair headers[KN_HEADERS_MAX];
    char peer[64];
};

/* Fills *request, whose `query` holds the raw target before. Its slices live as long as the
 * connection's request, the head and the arena. What is wrong, with the status to answer, or NULL.
 * Behind a trusted proxy the peer is the first of X-Forwarded-For. */
const char *kn_head_read(struct MHD_Connection *connection, const char *method, bool trust_proxy,
                         struct kn_arena *arena, struct kn_head *head,
                         struct kn_http_request *request, int *ret_status);

#endif
