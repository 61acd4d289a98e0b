/* URLs taken apart (RFC 3986, leniently), campaign parameters and click ids. Slices borrow. Pure. */
#ifndef KN_FORMAT_URL_H
#define KN_FORMAT_URL_H

#include "base/arena.h"

struct kn_url {
    struct kn_str scheme, host, path, query, fragment; /* host without port and user, as written */
    struct kn_str bare; /* everything before '?' and '#' */
};

void kn_url_split(struct kn_str url, struct kn_url *ret);
/* The value of a parameter of a raw query, decoded; empty when absent. */
struct kn_str kn_url_param(struct kn_str query, const char *name, struct kn_arena *arena);
/* The kind of click id in the query ("gclid", "fbclid", ...), a constant; empty when there is none. */
struct kn_str kn_url_click_id(struct kn_str query);

#endif
