/* When a delivery that failed is tried again, and when it is given up (a dead letter that a person
 * can send again). The schedule is the one Standard Webhooks recommends. Pure.
 */
#ifndef KN_DELIVER_RETRY_H
#define KN_DELIVER_RETRY_H

#include <stdbool.h>
#include <stdint.h>

enum kn_verdict {
    KN_DELIVERED, /* 2xx */
    KN_RETRY,     /* no answer, 408, 425, 429 and 5xx */
    KN_DEAD, /* another answer, 410 among them: asking again would not help; or the tries are used
                up */
};

enum { KN_TRIES_MAX = 10 };

/* The outcome of the try-th try (from 1) that was answered with `status` (0: no answer).
 * ret_wait_us: how long to wait before the next one; at least what the receiver asked for
 * (retry_after_s, at most a day). `spread` (any number) keeps many deliveries from coming back at
 * once: up to a fifth is added. */
enum kn_verdict kn_retry(unsigned try, int status, int64_t retry_after_s, uint64_t spread,
                         int64_t *ret_wait_us);

#endif
