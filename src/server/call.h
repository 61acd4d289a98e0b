/* A request and its loop, as the files of the HTTP side share them. */
#ifndef KN_SERVER_CALL_H
#define KN_SERVER_CALL_H

#include <microhttpd.h>

#include "server/body.h"
#include "server/guests.h"
#include "server/head.h"
#include "server/server_internal.h"

enum call_state {
    CALL_RECEIVING,
    CALL_WAIT_DURABLE, /* collect: until wait_seq is durable; asked again at every turn */
    CALL_WAIT_APPLIED, /* api; suspended */
    CALL_WORKING,      /* a query worker has it */
    CALL_READY,
    CALL_SENT,
    CALL_STREAMING, /* an answer in pieces; suspended while a query worker makes the next one */
};

struct kn_call {
    struct kn_call *next; /* in a queue or a list */
    struct kn_loop *loop;
    struct MHD_Connection *connection;
    enum call_state state;
    bool collect, resumed, timed_out, suspended;
    struct kn_arena arena;
    struct kn_body body;
    struct kn_guest *guest; /* its connection; NULL before the head is read */
    struct kn_head head;
    struct kn_http_request request;
    struct kn_http_response response;
    struct kn_collect_result result;
    struct kn_api_call api;
    uint64_t deadline_ns;
    size_t streamed;    /* bytes of the piece at hand that are taken */
    uint64_t body_turn; /* the turn a part of the body came in */
};

struct kn_loop {
    struct kn_server *server;
    size_t index;
    struct MHD_Daemon *daemon;
    int epoll_fd, wake_fd;
    struct kn_collect *collect;
    struct kn_api_worker *worker;
    struct kn_call *waiting; /* for a position to be applied; suspended, of this thread */
    struct kn_guests guests;
    uint64_t now_ns;   /* when the turn began */
    uint64_t turn;     /* of the library */
    size_t unfinished; /* things of this turn that may go on at once */
    struct {
        struct kn_workspace *ws;
        uint64_t durable;
    } seen; /* position read in this turn */
    struct {
        struct kn_workspace *ws;
        uint64_t seq;
    } staged; /* the first record staged in this turn */
    struct kn_call *free_calls;
    size_t free_count, free_bytes;
    atomic_size_t connections;
    atomic_size_t unsynced; /* calls in CALL_WAIT_DURABLE */
    atomic_bool has_waiters, stop;
    struct kn_mutex mutex; /* the mailbox */
    struct kn_call *done;  /* from the workers */
    struct {
        int fd;
        struct kn_net_peer peer;
    } accepted[256];
    size_t accepted_count;
};

/* worker.c */
/* Runs the next step of an API call on this thread. */
void kn_call_run(struct kn_call *call, struct kn_api_worker *worker);
/* Suspends the call's connection; a query worker runs the next step and hands it back. */
void kn_call_to_worker(struct kn_call *call);

/* stream.c */
/* The answer of a call whose pieces are made one by one (KN_API_DONE with call->api.more); NULL
 * without memory. */
struct MHD_Response *kn_stream_response(struct kn_call *call);
/* The next piece is there: the connection goes on. */
void kn_stream_resume(struct kn_call *call);

#endif
