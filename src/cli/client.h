/* The API of a Kern, for commands: of one that runs (--url) or of a stopped data directory
 * (--data), which is then opened in this process and asked over its own HTTP, so that there is one
 * way only. One thread. Overload (429, 503) and broken connections are tried again for a minute. */
#ifndef KN_CLI_CLIENT_H
#define KN_CLI_CLIENT_H

#include "base/buf.h"

struct kn_client;

struct kn_client_options {
    const char *data, *url; /* one of them */
    const char *token;      /* with url; NULL = the environment's KERN_API_TOKEN */
    const char *workspace;  /* NULL = "default", or the data directory's first */
};

/* NULL: a message was printed. */
struct kn_client *kn_client_open(const struct kn_client_options *options);
/* Stops the server of a data directory. NULL is fine. */
void kn_client_close(struct kn_client *client);

struct kn_client_answer {
    long status; /* 0 = no answer at all; detail says why */
    struct kn_buf body;
    char next[128];   /* header Kern-Next */
    char detail[256]; /* what went wrong, from the problem document or the transport */
};
void kn_client_answer_init(struct kn_client_answer *answer);
void kn_client_answer_deinit(struct kn_client_answer *answer);
/* path: below the workspace's address ("/export"). body NULL = GET, otherwise POST of JSON lines.
 * True when the status is 200. */
bool kn_client_call(struct kn_client *client, const char *path, const struct kn_buf *body,
                    struct kn_client_answer *answer);

#endif
