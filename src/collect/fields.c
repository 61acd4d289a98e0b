/* Members of messages and contexts by name, in one pass. */
#include "collect/collect_internal.h"

#define IS(literal) (memcmp(key.p, literal, sizeof(literal) - 1) == 0)

static enum kn_field message_field(struct kn_str key)
{
    switch (key.len) {
    case 4: return IS("type") ? KN_F_TYPE : KN_F_OTHER;
    case 5: return IS("event") ? KN_F_EVENT : KN_F_OTHER;
    case 6:
        return IS("userId")   ? KN_F_USER_ID
               : IS("traits") ? KN_F_TRAITS
               : IS("sentAt") ? KN_F_SENT_AT
                              : KN_F_OTHER;
    case 7:
        return IS("context")   ? KN_F_CONTEXT
               : IS("groupId") ? KN_F_GROUP_ID
               : IS("channel") ? KN_F_CHANNEL
               : IS("options") ? KN_F_DROPPED
                               : KN_F_OTHER;
    case 8: return IS("writeKey") ? KN_F_DROPPED : KN_F_OTHER;
    case 9:
        return IS("messageId")   ? KN_F_MESSAGE_ID
               : IS("timestamp") ? KN_F_TIMESTAMP
               : IS("_metadata") ? KN_F_DROPPED
                                 : KN_F_OTHER;
    case 10:
        return IS("properties")   ? KN_F_PROPERTIES
               : IS("previousId") ? KN_F_PREVIOUS_ID
                                  : KN_F_OTHER;
    case 11: return IS("anonymousId") ? KN_F_ANONYMOUS_ID : KN_F_OTHER;
    case 12: return IS("integrations") ? KN_F_INTEGRATIONS : KN_F_OTHER;
    case 17: return IS("originalTimestamp") ? KN_F_ORIGINAL : KN_F_OTHER;
    default: return KN_F_OTHER;
    }
}

static enum kn_context_field context_field(struct kn_str key)
{
    switch (key.len) {
    case 2: return IS("ip") ? KN_C_IP : IS("os") ? KN_C_OS : KN_C_OTHER;
    case 4: return IS("page") ? KN_C_PAGE : KN_C_OTHER;
    case 5: return IS("Braze") ? KN_C_BRAZE : KN_C_OTHER;
    case 6:
        return IS("device")   ? KN_C_DEVICE
               : IS("traits") ? KN_C_TRAITS
               : IS("direct") ? KN_C_DIRECT
                              : KN_C_OTHER;
    case 7:
        return IS("library")   ? KN_C_LIBRARY
               : IS("channel") ? KN_C_CHANNEL
               : IS("consent") ? KN_C_CONSENT
                               : KN_C_OTHER;
    case 8:
        return IS("campaign")   ? KN_C_CAMPAIGN
               : IS("location") ? KN_C_LOCATION
               : IS("referrer") ? KN_C_REFERRER
                                : KN_C_OTHER;
    case 9: return IS("userAgent") ? KN_C_AGENT : KN_C_OTHER;
    case 11: return IS("externalIds") ? KN_C_EXTERNAL_IDS : KN_C_OTHER;
    case 12: return IS("integrations") ? KN_C_INTEGRATIONS : KN_C_OTHER;
    case 13: return IS("userAgentData") ? KN_C_AGENT_DATA : KN_C_OTHER;
    case 17: return IS("consentManagement") ? KN_C_CONSENT_MANAGEMENT : KN_C_OTHER;
    case 23: return IS("messaging_subscriptions") ? KN_C_SUBSCRIPTIONS : KN_C_OTHER;
    default: return KN_C_OTHER;
    }
}

enum kn_field kn_field_of(const struct kn_json *doc, uint32_t member, struct kn_arena *scratch)
{
    return message_field(kn_json_key(doc, member, scratch));
}

enum kn_context_field kn_context_field_of(const struct kn_json *doc, uint32_t member,
                                          struct kn_arena *scratch)
{
    return context_field(kn_json_key(doc, member, scratch));
}

void kn_message_fields(const struct kn_json *doc, uint32_t node, struct kn_arena *scratch,
                       uint32_t ret[KN_F_COUNT])
{
    memset(ret, 0xff, KN_F_COUNT * sizeof *ret);
    for (uint32_t i = node + 1; i < doc->nodes[node].next; i = doc->nodes[i].next) {
        ret[kn_field_of(doc, i, scratch)] = i;
    }
}

void kn_context_fields(const struct kn_json *doc, uint32_t node, struct kn_arena *scratch,
                       uint32_t ret[KN_C_COUNT])
{
    memset(ret, 0xff, KN_C_COUNT * sizeof *ret);
    for (uint32_t i = node + 1; node != KN_JSON_NONE && i < doc->nodes[node].next;
         i = doc->nodes[i].next) {
        ret[kn_context_field_of(doc, i, scratch)] = i;
    }
}

uint32_t kn_member_count(const struct kn_json *doc, uint32_t node)
{
    enum kn_json_type type = kn_json_type_at(doc, node);
    uint32_t count = 0;
    if (type == KN_JSON_OBJECT || type == KN_JSON_ARRAY) {
        for (uint32_t i = node + 1; i < doc->nodes[node].next; i = doc->nodes[i].next) {
            count++;
        }
    }
    return count;
}
