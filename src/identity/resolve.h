/* Deterministic resolution: which profile an event belongs to, and what it joins.
 *
 * Method (flat matching; collect-protocols reference section 4.2): take all profiles that own one
 * of the event's identifiers; when the union of their identifiers and the event's keeps every
 * limit, they are one person; else the event's weakest identifier is set aside and the rest is
 * tried again. Kern adds forbidden pairs (left by an un-merge), which count as a broken limit.
 *
 * Without a broken limit the result is the connected component of the identifiers, whatever the
 * order of arrival. Pure: all memory from the arena, which must be large enough (the fold's is).
 */
#ifndef KN_IDENTITY_RESOLVE_H
#define KN_IDENTITY_RESOLVE_H

#include "base/arena.h"
#include "identity/rules.h"

struct kn_resolve_identifier {
    uint16_t type;
    struct kn_str value;
    struct kn_h128 hash;
};

/* A profile that owns some of the event's identifiers. */
struct kn_resolve_candidate {
    uint32_t ordinal;
    uint32_t merges;
    const struct kn_resolve_identifier *ids; /* all of its identifiers */
    size_t id_count;
};

struct kn_resolve_event_id {
    struct kn_resolve_identifier id;
    size_t candidate;    /* index of the profile that owns it, SIZE_MAX = nobody */
    bool kept;           /* out: it takes part */
    uint16_t limit_type; /* out, reason "limit": the type whose limit broke, ... */
    const char *reason;  /* out, when not kept: "limit", "merges", "identifiers", "forbidden" */
    struct kn_str limit_type_value; /* ... and, of a custom one, its name with the value */
};

struct kn_resolve_input {
    const struct kn_identity_rules *rules;
    struct kn_resolve_event_id *ids; /* distinct, strongest need not come first */
    size_t id_count;
    const struct kn_resolve_candidate *candidates;
    size_t candidate_count;
    /* May a and b not be one person? NULL = nothing is forbidden. */
    bool (*forbidden)(void *context, struct kn_h128 a, struct kn_h128 b);
    void *context;
};

/* Sets kept/reason of every id. The result is one person: the candidates of the kept ids together
 * (none: a new profile). At least one id is kept when id_count > 0. */
void kn_resolve(const struct kn_resolve_input *input, struct kn_arena *arena);

#endif
