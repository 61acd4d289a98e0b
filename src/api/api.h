/* The management and read API (/api/v1, the Segment Profile API, health and metrics) as use cases
 * on values: a request in, an answer out, no sockets and no threads.
 *
 * A call runs in one or two steps. handle() either completes the response (DONE) or asks to wait
 * until a workspace has applied a sequence (WAIT: a read with ?after=, a write that must be visible
 * before it is answered); the server then calls resume(), which may ask to wait once more. After
 * 5 s of waiting the server calls resume() with timed_out and the answer is 504.
 *
 * Which routes exist stands in one table (routes.c): method, path pattern, scope, summary, schemas,
 * whether it may be slow (the server then runs it on a query worker). The OpenAPI document is made
 * from the same table and the schemas in openapi.json.
 *
 * Threads: any; changes of settings go one after the other, the system store locks itself.
 */
#ifndef KN_API_API_H
#define KN_API_API_H

#include "apply/read.h"
#include "format/http.h"
#include "report/report.h"

struct kn_api;
struct kn_deliver_env;
struct kn_system; /* api/system.h: users, tokens, sessions, the list of workspaces */

/* A message of Segment's shape that did not come over a collect route. */
struct kn_api_message {
    const struct kn_settings *settings;
    const struct kn_source *source;
    int64_t received_us;
    bool historic;      /* of the past: times as they stand, consents by their event time */
    struct kn_str json; /* padded as for kn_json_parse */
};

/* What the server offers the API. */
struct kn_api_env {
    struct kn_system *system;
    /* The workspace of that name, or NULL; borrowed for as long as the server runs. */
    struct kn_workspace *(*workspace)(void *context, struct kn_str name);
    /* Makes a workspace (directories, log, genesis) and adds it. */
    enum kn_rc (*create_workspace)(void *context, struct kn_str name, struct kn_err *err);
    /* Calls fn for every workspace. */
    void (*each_workspace)(void *context, void (*fn)(void *, struct kn_workspace *),
                           void *argument);
    /* Manual clock: moves it; KN_E_CONFLICT backwards; KN_E_INVALID when the clock is not manual.
     * A tick is staged in every workspace: once it is applied, everything due has happened there.
     */
    enum kn_rc (*move_clock)(void *context, int64_t now_us, struct kn_err *err);
    /* The rules of a time zone this machine knows (os/zone.h). */
    enum kn_rc (*zone_rules)(void *context, struct kn_str name, struct kn_buf *out,
                             struct kn_err *err);
    /* Turns a message into items; *ret_rejected: why it was not taken (a constant code). */
    enum kn_rc (*message)(void *context, void *thread, const struct kn_api_message *message,
                          struct kn_buf *items, uint32_t *ret_items, const char **ret_rejected,
                          struct kn_err *err);
    /* Appends the server's own metrics in Prometheus text form. */
    void (*metrics)(void *context, struct kn_buf *out);
    /* Every workspace recovered and taking records. */
    bool (*ready)(void *context);
    const struct kn_deliver_env *deliver; /* for secrets, addresses and tests of destinations */
    struct kn_bulk_jobs jobs;             /* who help with bulk work and reports */
    void *context;
    struct kn_clock clock;
    struct kn_random random;
    bool manual_clock;
    bool secure_cookies; /* https is in front */
};

struct kn_api *kn_api_new(const struct kn_api_env *env); /* NULL without memory */
void kn_api_free(struct kn_api *api);

/* Per-thread scratch: a JSON parser. `thread` is what env.message gets (borrowed). */
struct kn_api_worker;
struct kn_api_worker *kn_api_worker_new(void *thread);
void kn_api_worker_free(struct kn_api_worker *worker);

enum kn_api_outcome { KN_API_NOT_MINE, KN_API_DONE, KN_API_WAIT };

struct kn_api_call {
    enum kn_api_outcome outcome;
    struct kn_workspace *wait_ws; /* WAIT: until its applied sequence reaches wait_seq */
    uint64_t wait_seq;
    bool patient; /* however long it takes: no 504 */
    bool more; /* DONE: the body is the first piece of the answer: call kn_api_more for the next */
    bool failed; /* after kn_api_more: the answer cannot be completed and must break off */
    void *state; /* of the API, in the request's arena; pass it on to resume */
};

/* True when the route may scan or read much: run it on a query worker. */
bool kn_api_is_slow(const struct kn_http_request *request);
void kn_api_handle(struct kn_api *api, struct kn_api_worker *worker,
                   const struct kn_http_request *request, struct kn_http_response *response,
                   struct kn_api_call *call);
void kn_api_resume(struct kn_api *api, struct kn_api_worker *worker,
                   const struct kn_http_request *request, bool timed_out,
                   struct kn_http_response *response, struct kn_api_call *call);

/* The next piece of an answer, into the emptied body; call->more: not the last. */
void kn_api_more(struct kn_api *api, struct kn_api_worker *worker,
                 const struct kn_http_request *request, struct kn_http_response *response,
                 struct kn_api_call *call);

/* What every answer of this server carries (not those of collect). */
void kn_api_security_headers(struct kn_http_response *response);
/* application/problem+json (RFC 9457). */
void kn_api_problem(struct kn_http_response *response, int status, const char *title,
                    const char *detail);

/* "epoch-sequence", as in the header Kern-Position. */
struct kn_str kn_position_text(uint32_t epoch, uint64_t seq, struct kn_arena *arena);
bool kn_position_parse(struct kn_str text, uint32_t *ret_epoch, uint64_t *ret_seq);

#endif
