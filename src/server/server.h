/* The server: threads around the workspaces, and HTTP around collect and the API.
 *
 *   loops (one per core)   libmicrohttpd in external epoll mode; collect and quick reads inline
 *   workers                API calls that may read much or write
 *   log thread             group commits of all workspaces
 *   apply worker           the folds, in turns of at most 1 ms
 *   background thread      checkpoints and merging
 *
 * An answer that must wait (for durability or for the fold) is suspended and resumed by its own
 * loop; the other threads only wake the loop. start/run/stop are called from one thread, once.
 */
#ifndef KN_SERVER_SERVER_H
#define KN_SERVER_SERVER_H

#include "base/err.h"

struct kn_server;

struct kn_server_options {
    const char *data;   /* directory, made when missing */
    const char *listen; /* "127.0.0.1:8080" */
    bool manual_clock;
    int64_t clock_start_us;   /* of the manual clock */
    int64_t simulate_from_us; /* kern demo: the clock starts here and follows kn_server_simulate */
    bool trust_proxy;         /* X-Forwarded-For and -Proto are believed */
    bool replay_with_new;
    bool accept_unknown_keys; /* collect answers 200 to unknown write keys and drops what came */
    bool allow_private_destinations; /* webhooks may go to private addresses, and by http */
    uint32_t connections;    /* at once, at most; 0 = 8192, and as many as there are descriptors */
    uint32_t client_seconds; /* to send a request, and to take its answer; 0 = 120 */
    /* First start of a directory; NULL or empty = generated. */
    const char *workspace, *write_key, *api_token, *admin_email, *admin_password;
};

/* What was generated or given at the first start. Borrowed for the call. */
struct kn_server_first_start {
    const char *workspace, *write_key, *api_token, *admin_email, *admin_password;
};

/* Opens the directory and starts every thread. *ret_first->workspace is NULL when it is not the
 * first start; otherwise the texts live as long as the server. */
enum kn_rc kn_server_start(const struct kn_server_options *options, struct kn_server **ret,
                           struct kn_server_first_start *ret_first, struct kn_err *err) KN_MUST_USE;
uint16_t kn_server_port(const struct kn_server *server);
/* Returns after SIGTERM or SIGINT, when everything is drained, checkpointed and closed. */
void kn_server_run(struct kn_server *server);

/* The same without waiting for a signal. */
void kn_server_stop(struct kn_server *server);

/* ---- for commands that feed it directly, after start ---- */
/* A token with every right for calls from this process; text as long as the server. */
const char *kn_server_local_token(struct kn_server *server);
struct kn_workspace;
struct kn_workspace *kn_server_first_workspace(struct kn_server *server);
/* Moves the simulated clock; 0: from now on the real one. */
void kn_server_simulate(struct kn_server *server, int64_t now_us);
/* Something was staged in a workspace directly. */
void kn_server_nudge(struct kn_server *server);

#endif
