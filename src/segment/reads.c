/* What a query reads of a profile. */
#include "base/assert.h"
#include "segment/eval_internal.h"

struct reads {
    struct kn_reads *ret;
    struct kn_read_event *events;
    struct kn_str *traits, *consents, *identifiers, *segments;
    struct kn_arena *arena;
    uint32_t fields_max; /* of one event */
    bool failed;
};

static void count_chain(void *arg, const struct kn_chain *chain, const struct kn_chain *owner,
                        const struct kn_node *any)
{
    (void)chain;
    (void)owner;
    (void)any;
    ++*(uint32_t *)arg;
}

static bool same_event(const struct kn_read_event *event, const struct kn_chain *chain)
{
    return chain->kind == KN_FROM_ORDER ? !event->name.p
                                        : event->name.p && kn_str_eq(event->name, chain->name);
}

uint32_t kn_reads_event(const struct kn_reads *reads, const struct kn_chain *chain)
{
    for (uint32_t i = 0; i < reads->event_count; i++) {
        if (same_event(&reads->events[i], chain)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static void add_name(struct kn_str *names, uint32_t *count, struct kn_str name)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (kn_str_eq(names[i], name)) {
            return;
        }
    }
    names[(*count)++] = name;
}

/* path, or array and path in one; an empty path adds nothing. */
static void add_field(struct reads *r, const struct kn_chain *of, const struct kn_path *array,
                      struct kn_path path, bool context)
{
    struct kn_read_event *event = &r->events[kn_reads_event(r->ret, of)];
    struct kn_read_field *fields = (struct kn_read_field *)(uintptr_t)event->fields;
    if (array) {
        struct kn_str *keys = kn_arena_alloc(r->arena, (array->count + path.count) * sizeof *keys);
        if (!keys) {
            r->failed = true;
            return;
        }
        memcpy(keys, array->keys, array->count * sizeof *keys);
        for (uint32_t i = 0; i < path.count; i++) {
            keys[array->count + i] = path.keys[i];
        }
        path = (struct kn_path){keys, array->count + path.count};
    }
    for (uint32_t i = 0; i < event->field_count; i++) {
        if (fields[i].context == context && kn_path_equal(fields[i].path, path)) {
            return;
        }
    }
    fields[event->field_count++] = (struct kn_read_field){context, path};
}

static void add_event(struct reads *r, const struct kn_chain *chain)
{
    uint32_t at = kn_reads_event(r->ret, chain);
    if (at == UINT32_MAX) {
        at = r->ret->event_count;
        r->events[at] = (struct kn_read_event){
            .name = chain->kind == KN_FROM_ORDER ? KN_STR_EMPTY : chain->name,
            .fields = kn_arena_alloc(r->arena, r->fields_max * sizeof(struct kn_read_field))};
        r->failed |= !r->events[at].fields;
        r->ret->event_count = at + (r->events[at].fields != NULL);
    }
    r->events[at].source |= chain->excluded_count > 0;
}

/* The events around a condition, nearest first. */
struct around {
    const struct kn_chain *chain;
    const struct around *outer;
};

static void read_node(struct reads *r, const struct kn_node *node, const struct around *around,
                      const struct kn_path *array);

static void read_chain(struct reads *r, const struct kn_chain *chain, const struct around *around,
                       const struct kn_path *array)
{
    struct kn_reads *ret = r->ret;
    switch (chain->kind) {
    case KN_FROM_EVENT:
    case KN_FROM_ORDER: {
        struct around here = {chain, around};
        add_event(r, chain);
        if (r->failed) {
            return;
        }
        if (chain->field.path.count > 0) {
            add_field(r, chain, NULL, chain->field.path, chain->field.context);
        }
        if (chain->where) {
            read_node(r, chain->where, &here, NULL);
        }
        return;
    }
    case KN_FROM_PROPERTY:
    case KN_FROM_CONTEXT: {
        kn_assert(around);
        const struct around *of = chain->parent ? around->outer : around;
        bool context = chain->kind == KN_FROM_CONTEXT;
        kn_assert(of);
        add_field(r, of->chain, chain->parent || context ? NULL : array, chain->path, context);
        return;
    }
    case KN_FROM_TRAIT: add_name(r->traits, &ret->trait_count, chain->path.keys[0]); return;
    case KN_FROM_SEGMENT: add_name(r->segments, &ret->segment_count, chain->name); return;
    case KN_FROM_CONSENT: add_name(r->consents, &ret->consent_count, chain->name); return;
    default: add_name(r->identifiers, &ret->identifier_count, chain->name); return;
    }
}

static void read_node(struct reads *r, const struct kn_node *node, const struct around *around,
                      const struct kn_path *array)
{
    if (node->kind == KN_NODE_ANY) {
        static const struct kn_path nothing = {NULL, 0};
        kn_assert(around);
        array = &node->array;
        add_field(r, around->chain, array, nothing, false); /* how many elements there are */
    }
    for (uint32_t i = 0; i < node->kid_count && !r->failed; i++) {
        read_node(r, node->kids[i], around, array);
    }
    if (node->chain && !r->failed) {
        read_chain(r, node->chain, around, array);
    }
}

enum kn_rc kn_collect_reads(const struct kn_query *query, struct kn_arena *arena,
                            struct kn_reads *ret, struct kn_err *err)
{
    struct reads r = {.ret = ret, .arena = arena};
    uint32_t conditions = 0;
    kn_query_each_chain(query, count_chain, &conditions);
    /* A chain reads one field, or two with any() around it. */
    r.fields_max = 2 * conditions;
    struct kn_str *names = kn_arena_alloc(arena, 4 * (size_t)conditions * sizeof *names);
    r.events = kn_arena_alloc(arena, conditions * sizeof *r.events);
    if (!names || !r.events) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a definition");
    }
    *ret = (struct kn_reads){.events = r.events};
    ret->traits = r.traits = names;
    ret->consents = r.consents = names + conditions;
    ret->identifiers = r.identifiers = names + 2 * (size_t)conditions;
    ret->segments = r.segments = names + 3 * (size_t)conditions;
    if (query->form == KN_QUERY_SEGMENT) {
        read_node(&r, query->root, NULL, NULL);
    } else {
        read_chain(&r, query->chain, NULL, NULL);
    }
    return r.failed ? kn_fail(err, KN_E_NOMEM, "no memory for a definition") : KN_OK;
}
