/* A profile's facts as JSON: the fields of its rows in the behaviour columns (behaviour/columns.h,
 * "Fields"). Each function appends one object, or the members it says. Failures are in out->rc.
 * Pure.
 */
#ifndef KN_PROFILE_TEXT_H
#define KN_PROFILE_TEXT_H

#include "profile/profile.h"

/* "properties" and "context" of a message, as raw JSON; empty when it has none. */
struct kn_str kn_item_properties(const struct kn_item *item);
struct kn_str kn_item_context(const struct kn_item *item);
/* "granted", "denied", "unknown", "conflict". */
struct kn_str kn_consent_state_name(enum kn_consent_state state);

/* {"t":{traits},"k":{purpose:state},"i":{type:true}} */
void kn_profile_facts_json(const struct kn_profile *p, struct kn_buf *out);
/* {"value":net,"refunded","currency","order_id"}; `home` is the currency of orders without one. */
void kn_order_facts_json(const struct kn_profile_order *order, const char *home,
                         struct kn_buf *out);
/* {"s":{"channel","source",...}} */
void kn_session_facts_json(const struct kn_profile_session *session, struct kn_buf *out);

#endif
