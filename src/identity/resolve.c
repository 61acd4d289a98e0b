#include "identity/resolve.h"

#include "base/assert.h"

/* The identifiers a trial union would hold. */
struct trial {
    const struct kn_resolve_identifier **ids;
    size_t count;
    uint32_t merges;
    size_t candidates;
    bool adds; /* it has an identifier that no candidate owns */
};

static bool candidate_taken(const struct kn_resolve_input *in, size_t before, size_t candidate)
{
    for (size_t i = 0; i < before; i++) {
        if (in->ids[i].kept && in->ids[i].candidate == candidate) {
            return true;
        }
    }
    return false;
}

static void gather(const struct kn_resolve_input *in, struct trial *t)
{
    t->count = 0;
    t->merges = 0;
    t->candidates = 0;
    t->adds = false;
    for (size_t i = 0; i < in->id_count; i++) {
        const struct kn_resolve_event_id *event_id = &in->ids[i];
        if (!event_id->kept) {
            continue;
        }
        if (event_id->candidate == SIZE_MAX) {
            t->ids[t->count++] = &event_id->id;
            t->adds = true;
            continue;
        }
        if (candidate_taken(in, i, event_id->candidate)) {
            continue;
        }
        const struct kn_resolve_candidate *c = &in->candidates[event_id->candidate];
        for (size_t k = 0; k < c->id_count; k++) {
            t->ids[t->count++] = &c->ids[k];
        }
        t->merges += c->merges;
        t->candidates++;
    }
}

static bool same_type(const struct kn_resolve_identifier *a, const struct kn_resolve_identifier *b)
{
    return a->type == b->type &&
           (a->type != KN_ID_CUSTOM ||
            kn_str_eq(kn_id_name(a->type, a->value), kn_id_name(b->type, b->value)));
}

/* The first identifier whose type passes its limit, or NULL. */
static const struct kn_resolve_identifier *over_limit(const struct kn_resolve_input *in,
                                                      const struct trial *t)
{
    for (size_t i = 0; i < t->count; i++) {
        uint32_t same = 0;
        bool first = true;
        for (size_t k = 0; k < t->count; k++) {
            if (same_type(t->ids[i], t->ids[k])) {
                first = first && k >= i;
                same++;
            }
        }
        if (first && same > kn_identity_limit(in->rules, t->ids[i]->type, t->ids[i]->value)) {
            return t->ids[i];
        }
    }
    return NULL;
}

static bool has_forbidden(const struct kn_resolve_input *in, const struct trial *t)
{
    if (!in->forbidden) {
        return false;
    }
    for (size_t i = 0; i < t->count; i++) {
        for (size_t k = i + 1; k < t->count; k++) {
            if (in->forbidden(in->context, t->ids[i]->hash, t->ids[k]->hash)) {
                return true;
            }
        }
    }
    return false;
}

static const char *broken(const struct kn_resolve_input *in, const struct trial *t,
                          const struct kn_resolve_identifier **ret_over)
{
    if (t->candidates <= 1 && !t->adds) {
        return NULL; /* nothing is joined */
    }
    if (t->candidates > 1 && t->merges + (uint32_t)t->candidates - 1 > in->rules->merges_max) {
        return "merges";
    }
    if (t->count > in->rules->identifiers_max) {
        return "identifiers";
    }
    *ret_over = over_limit(in, t);
    if (*ret_over) {
        return "limit";
    }
    return has_forbidden(in, t) ? "forbidden" : NULL;
}

static size_t weakest(const struct kn_resolve_input *in, size_t *ret_kept)
{
    size_t weakest_index = SIZE_MAX;
    *ret_kept = 0;
    for (size_t i = 0; i < in->id_count; i++) {
        if (!in->ids[i].kept) {
            continue;
        }
        (*ret_kept)++;
        if (weakest_index == SIZE_MAX) {
            weakest_index = i;
            continue;
        }
        const struct kn_resolve_identifier *a = &in->ids[i].id;
        const struct kn_resolve_identifier *b = &in->ids[weakest_index].id;
        if (kn_identity_precedence(in->rules, a->type, a->value, b->type, b->value) >= 0) {
            weakest_index = i;
        }
    }
    return weakest_index;
}

void kn_resolve(const struct kn_resolve_input *in, struct kn_arena *arena)
{
    size_t most = in->id_count;
    for (size_t i = 0; i < in->candidate_count; i++) {
        most += in->candidates[i].id_count;
    }
    struct trial t = {.ids = kn_arena_alloc(arena, (most + 1) * sizeof *t.ids)};
    kn_assert(t.ids != NULL);
    for (size_t i = 0; i < in->id_count; i++) {
        in->ids[i].kept = true;
        in->ids[i].reason = NULL;
    }
    for (;;) {
        const struct kn_resolve_identifier *over = NULL;
        gather(in, &t);
        const char *reason = broken(in, &t, &over);
        if (!reason) {
            return;
        }
        size_t kept;
        struct kn_resolve_event_id *out = &in->ids[weakest(in, &kept)];
        if (kept <= 1) {
            return; /* one identifier alone always stands */
        }
        out->kept = false;
        out->reason = reason;
        if (over) {
            out->limit_type = over->type;
            out->limit_type_value = over->value;
        }
    }
}
