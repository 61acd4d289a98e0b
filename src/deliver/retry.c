#include "deliver/retry.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* Before the second try, the third, ... */
static const int64_t waits[KN_TRIES_MAX - 1] = {5 * SECOND, 5 * MINUTE, 30 * MINUTE,
                                                2 * HOUR,   5 * HOUR,   10 * HOUR,
                                                14 * HOUR,  20 * HOUR,  24 * HOUR};

static bool may_pass(int status)
{
    return status == 0 || status == 408 || status == 425 || status == 429 || status >= 500;
}

enum kn_verdict kn_retry(unsigned try, int status, int64_t retry_after_s, uint64_t spread,
                         int64_t *ret_wait_us)
{
    *ret_wait_us = 0;
    if (status >= 200 && status < 300) {
        return KN_DELIVERED;
    }
    if (!may_pass(status) || try < 1 || try >= KN_TRIES_MAX) {
        return KN_DEAD;
    }
    int64_t wait = waits[try - 1];
    if (retry_after_s > 0) {
        int64_t asked = retry_after_s > DAY / SECOND ? DAY : retry_after_s * SECOND;
        wait = asked > wait ? asked : wait;
    }
    *ret_wait_us = wait + (int64_t)(spread % (uint64_t)(wait / 5 + 1));
    return KN_RETRY;
}
