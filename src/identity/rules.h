/* Identity rules of a workspace: types, limits, priorities, blocked values.
 *
 * A rule belongs to a type name. Types without a rule get the defaults: limit 5, priority after the
 * ruled ones in alphabetical order. Lower number = higher priority. Blocked values stay on the
 * event and are not used to identify. Source: collect-protocols reference section 4.1; MECHANICS
 * section 3. Immutable after kn_identity_rules_parse; safe on any thread. Parsing is total.
 */
#ifndef KN_IDENTITY_RULES_H
#define KN_IDENTITY_RULES_H

#include "base/err.h"
#include "format/item.h"

enum {
    KN_IDENTITY_TYPES_MAX = 128,
    KN_IDENTITY_BLOCKED_MAX = 256, /* per type */
    KN_IDENTITY_LIMIT_MAX = 1000,
};

struct kn_identity_blocked {
    struct kn_str exact; /* or */
    struct kn_str regex; /* PCRE2 text; matched against the whole value */
    void *compiled;      /* pcre2_code */
};

struct kn_identity_type {
    struct kn_str name;
    uint32_t limit;
    uint32_t priority;
    struct kn_identity_blocked *blocked;
    size_t blocked_count;
};

struct kn_identity_rules {
    struct kn_identity_type *types;
    size_t type_count;
    uint32_t merges_max;      /* per profile, 100 */
    uint32_t identifiers_max; /* per profile, 1000 */
    uint32_t fan_out_max; /* profiles one identifier may be refused on before it is ignored, 50 */
};

/* The defaults, or a settings document {"types":[{"type","limit","priority","blocked":[{"exact"}or
 * {"regex"}]}],"merges_max","identifiers_max","fan_out_max"} laid over them. `json` empty =
 * defaults. KN_E_INVALID: err->text says which member. */
enum kn_rc kn_identity_rules_parse(struct kn_str json, struct kn_identity_rules **ret,
                                   struct kn_err *err) KN_MUST_USE;
void kn_identity_rules_free(struct kn_identity_rules *rules);
/* The document that kn_identity_rules_parse reads back to the same rules. */
void kn_identity_rules_format(const struct kn_identity_rules *rules, struct kn_buf *out);

/* The name of an identifier's type, and its value without the custom prefix. */
struct kn_str kn_id_name(uint16_t type, struct kn_str value);
struct kn_str kn_id_plain_value(uint16_t type, struct kn_str value);
uint32_t kn_identity_limit(const struct kn_identity_rules *rules, uint16_t type,
                           struct kn_str value);
/* Order of precedence of two identifiers: negative when a is the stronger. */
int kn_identity_precedence(const struct kn_identity_rules *rules, uint16_t type_a,
                           struct kn_str value_a, uint16_t type_b, struct kn_str value_b);
bool kn_identity_is_blocked(const struct kn_identity_rules *rules, uint16_t type,
                            struct kn_str value);

#endif
