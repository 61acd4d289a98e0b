/* Fields of a profile as what leaves Kern names them: the columns of a CSV, what a webhook carries.
 * Pure. Texts borrow from the name or the profile.
 */
#ifndef KN_PROFILE_FIELD_H
#define KN_PROFILE_FIELD_H

#include "profile/profile.h"

enum kn_profile_field_kind {
    KN_PF_ID,
    KN_PF_SINCE, /* of the membership, which the caller knows */
    KN_PF_CREATED,
    KN_PF_LAST_SEEN,
    KN_PF_STATE, /* the evidence of the consent to the purpose at hand */
    KN_PF_BASIS,
    KN_PF_AT,
    KN_PF_VERSION,
    KN_PF_PROOF,
    KN_PF_IDENTIFIER, /* identifier.<type>: the one seen last */
    KN_PF_TRAIT,      /* trait.<key> */
    KN_PF_COMPUTED,   /* computed.<key> */
};

struct kn_profile_field {
    enum kn_profile_field_kind kind;
    struct kn_str name, key;
};

/* Every name kn_profile_field_parse knows, for messages. */
#define KN_PROFILE_FIELD_NAMES                                                                     \
    "id, since, created_at, last_seen_at, identifier.<type>, trait.<key>, computed.<key>, "        \
    "consent.state, consent.basis, consent.at, consent.text_version and consent.proof"

bool kn_profile_field_parse(struct kn_str name, struct kn_profile_field *ret);
/* Of KN_PF_IDENTIFIER: the plain value; of KN_PF_TRAIT and KN_PF_COMPUTED: JSON. Empty
 * when the profile has none. */
struct kn_str kn_profile_field_value(const struct kn_profile *p,
                                     const struct kn_profile_field *field);
/* Its state of a purpose, or NULL. */
const struct kn_profile_consent *kn_profile_consent(const struct kn_profile *p,
                                                    struct kn_str purpose);
/* Whether it may be used for a purpose: `service` needs no consent, every other one a granted. */
bool kn_profile_may_be_used(const struct kn_profile *p, struct kn_str purpose);

#endif
