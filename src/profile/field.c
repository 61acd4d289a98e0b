#include "profile/field.h"

#include "identity/rules.h"

bool kn_profile_field_parse(struct kn_str name, struct kn_profile_field *ret)
{
    static const struct {
        const char *name;
        enum kn_profile_field_kind kind;
    } plain[] = {{"id", KN_PF_ID},
                 {"since", KN_PF_SINCE},
                 {"created_at", KN_PF_CREATED},
                 {"last_seen_at", KN_PF_LAST_SEEN},
                 {"consent.state", KN_PF_STATE},
                 {"consent.basis", KN_PF_BASIS},
                 {"consent.at", KN_PF_AT},
                 {"consent.text_version", KN_PF_VERSION},
                 {"consent.proof", KN_PF_PROOF}};
    static const struct {
        const char *prefix;
        enum kn_profile_field_kind kind;
    } keyed[] = {
        {"identifier.", KN_PF_IDENTIFIER}, {"trait.", KN_PF_TRAIT}, {"computed.", KN_PF_COMPUTED}};
    *ret = (struct kn_profile_field){.name = name};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (kn_str_eq(name, kn_str_c(plain[i].name))) {
            ret->kind = plain[i].kind;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof keyed / sizeof keyed[0]; i++) {
        struct kn_str prefix = kn_str_c(keyed[i].prefix);
        if (kn_str_starts(name, prefix) && name.len > prefix.len) {
            ret->kind = keyed[i].kind;
            ret->key = kn_str_sub(name, prefix.len, name.len);
            return true;
        }
    }
    return false;
}

static struct kn_str identifier_of(const struct kn_profile *p, struct kn_str type)
{
    const struct kn_profile_identifier *best = NULL;
    for (size_t i = 0; i < p->id_count; i++) {
        const struct kn_profile_identifier *id = &p->ids[i];
        if (kn_str_eq(kn_id_name(id->type, id->value), type) &&
            (!best || id->last_seen_us > best->last_seen_us)) {
            best = id;
        }
    }
    return best ? kn_id_plain_value(best->type, best->value) : KN_STR_EMPTY;
}

struct kn_str kn_profile_field_value(const struct kn_profile *p,
                                     const struct kn_profile_field *field)
{
    if (field->kind == KN_PF_IDENTIFIER) {
        return identifier_of(p, field->key);
    }
    for (size_t i = 0; field->kind == KN_PF_TRAIT && i < p->trait_count; i++) {
        if (kn_str_eq(p->traits[i].key, field->key)) {
            return p->traits[i].json;
        }
    }
    for (size_t i = 0; field->kind == KN_PF_COMPUTED && i < p->computed_count; i++) {
        if (kn_str_eq(p->computed[i].key, field->key)) {
            return p->computed[i].json;
        }
    }
    return KN_STR_EMPTY;
}

const struct kn_profile_consent *kn_profile_consent(const struct kn_profile *p,
                                                    struct kn_str purpose)
{
    for (size_t i = 0; i < p->consent_count; i++) {
        if (kn_str_eq(p->consents[i].purpose, purpose)) {
            return &p->consents[i];
        }
    }
    return NULL;
}

bool kn_profile_may_be_used(const struct kn_profile *p, struct kn_str purpose)
{
    const struct kn_profile_consent *consent = kn_profile_consent(p, purpose);
    return kn_str_eq(purpose, KN_STR("service")) ||
           (consent && consent->state == KN_CONSENT_GRANTED);
}
