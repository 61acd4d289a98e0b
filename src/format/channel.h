/* The channel of a visit, by the usual default grouping: campaign parameters, then click ids, then
 * the referrer. Answers are constants: direct, organic_search, paid_search, social, paid_social,
 * email, referral, display, affiliate, sms, push, other. Pure.
 *
 * Kept apart on purpose: a campaign that names only a source, and one whose medium is not known,
 * are judged by the click id and by who the source is before they are "other". fbclid and igshid
 * also stand in links that nobody paid for: they mean social; the click ids of ads mean
 * paid_social. */
#ifndef KN_FORMAT_CHANNEL_H
#define KN_FORMAT_CHANNEL_H

#include "base/str.h"

/* source, medium: of the campaign, any case; click_id: its kind (format/url.h); referrer_host and
 * own_host: hosts without port, any case, or "$direct". All may be empty. A referrer is the own
 * site also when one host is a subdomain of the other. */
struct kn_str kn_channel(struct kn_str source, struct kn_str medium, struct kn_str click_id,
                         struct kn_str referrer_host, struct kn_str own_host);

#endif
