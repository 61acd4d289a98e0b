/* What happens outside: entries and exits of segments to destinations (ADR 0015).
 *
 * For each destination of every workspace a queue is kept in memory: changes taken up from the
 * outbox (apply/destinations.h) and those that wait for another try, at most
 * KN_DELIVERY_WAITING_MAX + KN_TAKE_MAX. They are sent as webhooks, at most KN_FLYING_MAX at once
 * and one while the receiver fails; of one profile never two at once and always in order, so one
 * that waits holds back those after it. What became of them goes into the workspace's log as
 * records; only then the place in the outbox moves on. So after a crash some are sent again, under
 * the id they had, and none is lost. The fold never waits for any of this.
 *
 * One thread calls kn_deliver_step, and kn_deliver_drain before it ends; kn_deliver_wake is for any
 * thread. Time for retries is the workspaces' clock, that of signatures the real one.
 */
#ifndef KN_DELIVER_DELIVER_H
#define KN_DELIVER_DELIVER_H

#include "apply/workspace.h"
#include "deliver/sign.h"

struct kn_deliver;

enum {
    KN_TAKE_MAX = 64,
    KN_FLYING_MAX = 8,
    KN_CALL_TIMEOUT_MS = 15000,
    KN_CONNECT_TIMEOUT_MS = 5000,
    KN_REFUSALS_MAX = 20, /* refusals in a row after which a destination is stopped */
};

struct kn_deliver_env {
    void (*each_workspace)(void *context, void (*fn)(void *, struct kn_workspace *),
                           void *argument);
    void (*staged)(void *context); /* a record was staged */
    void *context;
    struct kn_clock clock; /* of the workspaces */
    struct kn_random random;
    unsigned char key[KN_WEBHOOK_KEY_BYTES]; /* that secrets are made from */
    bool allow_private;
};

struct kn_deliver *kn_deliver_new(const struct kn_deliver_env *env); /* NULL without memory */
void kn_deliver_free(struct kn_deliver *deliver);                    /* NULL is fine */
/* One turn: looks at every destination, starts calls, waits up to a second for answers or news, and
 * stages records of what became of them. */
void kn_deliver_step(struct kn_deliver *deliver);
void kn_deliver_wake(struct kn_deliver *deliver);
/* Starts nothing more, waits up to wait_ms for answers on their way and stages their records. */
void kn_deliver_drain(struct kn_deliver *deliver, unsigned wait_ms);

/* A test call to a destination, made by the caller's thread; at most KN_CALL_TIMEOUT_MS / 3.
 * ret_error: why there was no answer. @errors KN_E_NOMEM */
struct kn_deliver_test {
    int status; /* 0: no answer */
    int64_t took_us;
    char error[100];
};
struct kn_destination;
enum kn_rc kn_deliver_try(const struct kn_deliver_env *env, struct kn_workspace *ws,
                          const struct kn_destination *d, struct kn_str id,
                          struct kn_deliver_test *ret) KN_MUST_USE;

#endif
