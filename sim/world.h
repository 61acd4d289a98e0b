/* Kern in one thread: a workspace on a simulated disk and clock, its collect door and its API,
 * without HTTP. Requests are decoded ones (format/http.h); an answer stays in `response` (and
 * `doc`, when it is JSON) until the next request. */
#ifndef KN_SIM_WORLD_H
#define KN_SIM_WORLD_H

#include "api/api.h"
#include "collect/collect.h"
#include "format/json.h"
#include "sim/message.h"
#include "sim/sim_disk.h"

struct world {
    struct sim_disk *disk;
    struct kn_manual_clock clock;
    struct kn_rand rand;      /* what the product draws: keys, seeds */
    char state[128];          /* real path of the LMDB directory */
    struct kn_system *system; /* borrowed */
    struct kn_workspace *ws;  /* NULL = closed */
    struct kn_collect *collect;
    struct kn_api *api;
    struct kn_api_worker *worker;
    struct kn_json_parser *parser;
    struct kn_arena arena; /* of one exchange */
    struct kn_http_request request;
    struct kn_http_pair headers[4];
    struct kn_http_response response;
    struct kn_api_call call;
    struct kn_json doc;
    char sources[SIM_SOURCES][40]; /* ids */
    bool failed;                   /* a write or sync failed: only a crash helps */
    /* The allocation of the next exchange that fails, 0 = its first; UINT64_MAX: none. Afterwards
     * what is left of that number, UINT64_MAX when it did fail. */
    uint64_t fail_allocation;
};

/* What a request came to. */
enum world_answer { WORLD_DONE, WORLD_WAITS };

void world_init(struct world *w, uint64_t seed, const char *dir, struct kn_system *system);
void world_deinit(struct world *w);
enum kn_rc world_open(struct world *w, struct kn_err *err) KN_MUST_USE;
/* Stops, and has every checksum and invariant checked; the world stays closed. */
enum kn_rc world_verify(struct world *w, struct kn_err *err) KN_MUST_USE;
/* Power off: closes, and loses what the disk loses. */
void world_crash(struct world *w);
/* Sources (with write keys "simkey00", ...) and identity rules, through the API.
 * False: w->response says why. */
bool world_set_up(struct world *w, unsigned email_limit);

/* POST of a body to a collect route; waiting or not, w->response is the answer. */
void world_collect(struct world *w, const char *path, unsigned source, struct kn_str body,
                   struct kn_collect_result *ret);
/* A call of /api/v1/workspaces/sim<path>. WORLD_WAITS: w->call.wait_seq; resume once it is applied.
 */
enum world_answer world_call(struct world *w, const char *method, const char *path,
                             const struct kn_http_pair *params, size_t param_count,
                             struct kn_str body);
void world_resume(struct world *w);
/* GET; true: 200 and w->doc is the answer. */
bool world_get(struct world *w, const char *path, const struct kn_http_pair *params,
               size_t param_count);

#endif
