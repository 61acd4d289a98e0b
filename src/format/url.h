/* URLs taken apart (RFC 3986, leniently: SDKs send what browsers show), campaign parameters and
 * click ids. Slices borrow from the URL. Pure. */
#ifndef KN_FORMAT_URL_H
#define KN_FORMAT_URL_H

#include "base/arena.h"

struct kn_url {
    struct kn_str scheme, host, path, query, fragment; /* host without port and user, as written */
    struct kn_str bare;                                /* everything before '?' and '#' */
    struct kn_str port;                                /* digits or empty */
};

/* Total. Text without "scheme://" or a leading "//" has a path but no host. An IPv6 host keeps its
 * brackets. */
void kn_url_split(struct kn_str url, struct kn_url *ret);
/* The host in lower case without a trailing dot; in the arena when it changed, empty when none. */
struct kn_str kn_url_host(struct kn_str url, struct kn_arena *arena);
/* The value of a parameter of a raw query (with or without '?'), decoded; empty when absent. */
struct kn_str kn_url_param(struct kn_str query, const char *name, struct kn_arena *arena);
/* The kind of click id in the query ("gclid", "fbclid", ...), a constant; empty when there is none.
 * The names are those of the ad platforms, advertising before social before e-mail. */
struct kn_str kn_url_click_id(struct kn_str query);

#endif
