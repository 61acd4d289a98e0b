/* HTTP calls to the outside, several at once: libcurl's multi interface behind begin and wait.
 *
 * POST over HTTP or HTTPS (certificates are checked). Redirects are not followed: a receiver
 * that moved is a failure that a person should see. What a receiver answers is read up to a limit
 * and only its status counts. Connections are kept alive between calls, proxies of the environment
 * are not used.
 *
 * Unless the client was made for private addresses, no connection is opened to an address that is
 * not a public one (os/net.h), whatever name led there: the check is on the address itself, at the
 * moment of connecting.
 *
 * One client per thread; kn_http_client_wake may be called from any.
 */
#ifndef KN_DELIVER_HTTP_CLIENT_H
#define KN_DELIVER_HTTP_CLIENT_H

#include "base/buf.h"

struct kn_http_client;

enum { KN_HTTP_CLIENT_JOBS_MAX = 256, KN_HTTP_URL_MAX = 2000 };

struct kn_http_client_options {
    unsigned timeout_ms;         /* of a whole call */
    unsigned connect_timeout_ms; /* of its first part */
    bool allow_private;
};

struct kn_http_job {
    const char *url;            /* http: or https: */
    const char *const *headers; /* "Name: value", header_count of them */
    size_t header_count;
    struct kn_str body;
    void *context;         /* the caller's */
    int status;            /* of the answer; 0: there was none */
    int64_t retry_after_s; /* what the answer asked for, 0 = nothing */
    char error[100];       /* why there was none, without what was called; empty otherwise */
};

/* NULL without memory */
struct kn_http_client *kn_http_client_new(const struct kn_http_client_options *options);
/* Calls under way are given up; NULL is fine. */
void kn_http_client_free(struct kn_http_client *client);
/* The job and what it points to stay the caller's and where they are until it is done.
 * @errors KN_E_NOMEM; KN_E_LIMIT KN_HTTP_CLIENT_JOBS_MAX are under way */
enum kn_rc kn_http_client_begin(struct kn_http_client *client, struct kn_http_job *job,
                                struct kn_err *err) KN_MUST_USE;
/* Until a call is done, somebody wakes the client, or wait_ms have passed: jobs that are done. */
size_t kn_http_client_wait(struct kn_http_client *client, unsigned wait_ms,
                           struct kn_http_job **done, size_t done_max);
void kn_http_client_wake(struct kn_http_client *client);

/* Whether a webhook may go to a URL, as far as the text tells: https (http only to private
 * addresses that are allowed), a host, no user or fragment, no literal address that is not public.
 * @errors KN_E_INVALID and why; KN_E_NOMEM */
enum kn_rc kn_http_url_check(struct kn_str url, bool allow_private, struct kn_err *err) KN_MUST_USE;

#endif
