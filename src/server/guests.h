/* The connections of one loop by what is awaited from them: the end of a request's head, the end of
 * its body, or that its answer is taken.
 *
 * The library closes a connection on which nothing moves. A client that sends or reads a byte now
 * and then would stay for ever: who is awaited longer than the loop's patience is shut down, and
 * when every place is taken, the one that has waited longest between two requests makes room for a
 * new client. A connection whose request is being worked on is not awaited. One thread; times are
 * the monotonic clock's.
 */
#ifndef KN_SERVER_GUESTS_H
#define KN_SERVER_GUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kn_guest {
    struct kn_guest *older, *newer;
    int fd; /* the library's */
    uint64_t since_ns;
    bool awaited; /* it is in the list */
    bool between; /* no request is under way: at most a part of its head has come */
};

/* Zeroed is empty. */
struct kn_guests {
    struct kn_guest *oldest, *newest;
};

/* From now on awaited, as the newest. */
void kn_guests_await(struct kn_guests *list, struct kn_guest *guest, bool between, uint64_t now_ns);
/* No longer awaited; a guest that is not in the list stays as it is. */
void kn_guests_leave(struct kn_guests *list, struct kn_guest *guest);
/* Shuts down whoever is awaited since before `before_ns`; how many. */
size_t kn_guests_expire(struct kn_guests *list, uint64_t before_ns);
/* Shuts down the oldest that is between two requests, or else the oldest of all; false: nobody is
 * awaited. */
bool kn_guests_evict(struct kn_guests *list);

#endif
