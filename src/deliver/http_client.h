/* HTTP calls to the outside, several at once: libcurl's multi interface behind one function.
 *
 * POST over HTTP or HTTPS (certificates are checked). Redirects are not followed: a receiver
 * that moved is a failure that a person should see. What a receiver answers is read up to a limit
 * and only its status counts. One client per thread; connections are kept alive between calls.
 */
#ifndef KN_DELIVER_HTTP_CLIENT_H
#define KN_DELIVER_HTTP_CLIENT_H

#include "base/buf.h"

struct kn_http_client;

enum { KN_HTTP_CLIENT_JOBS_MAX = 64 };

struct kn_http_job {
    const char *url;            /* http: or https: */
    const char *const *headers; /* "Name: value", header_count of them */
    size_t header_count;
    struct kn_str body;
    int status;            /* of the answer; 0: there was none */
    int64_t retry_after_s; /* what the answer asked for, 0 = nothing */
    char error[160];       /* why there was none; empty otherwise */
};

struct kn_http_client *kn_http_client_new(unsigned timeout_s); /* NULL without memory */
void kn_http_client_free(struct kn_http_client *client);       /* NULL is fine */
/* Makes all calls at once and returns when each has its answer, failed, or took timeout_s.
 * @errors KN_E_NOMEM; KN_E_LIMIT more than KN_HTTP_CLIENT_JOBS_MAX */
enum kn_rc kn_http_client_run(struct kn_http_client *client, struct kn_http_job *jobs, size_t count,
                              struct kn_err *err) KN_MUST_USE;

#endif
