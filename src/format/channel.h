/* The channel of a visit, by the usual default grouping: campaign parameters and click ids first, then
 * the referrer. Answers are constants: direct, organic_search, paid_search, social, paid_social,
 * email, referral, display, affiliate, sms, push, other. Pure. */
#ifndef KN_FORMAT_CHANNEL_H
#define KN_FORMAT_CHANNEL_H

#include "base/str.h"

struct kn_str kn_channel(struct kn_str source, struct kn_str medium, struct kn_str click_id,
                         struct kn_str referrer_host, struct kn_str own_host);

#endif
