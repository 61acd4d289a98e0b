/* Network addresses without the part that points at one household: what may be kept of them. Pure.
 */
#ifndef KN_FORMAT_ADDRESS_H
#define KN_FORMAT_ADDRESS_H

#include "base/str.h"

/* IPv4 without its last octet, IPv6 without all but the first 48 bits; false: not an address. */
bool kn_ip_truncate(struct kn_str text, char ret[48]);

#endif
