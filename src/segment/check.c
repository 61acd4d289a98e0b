/* Checks against what the workspace knows: keys, circles, nearest names. */
#include <stdarg.h>
#include <stdio.h>

#include "segment/words.h"

enum { WARNINGS_MAX = 4 * KN_QUERY_CONDITIONS_MAX, CIRCLE_DEPTH_MAX = 64, VISITS_MAX = 100000 };

struct check {
    const struct kn_names *names;
    struct kn_str self;
    struct kn_arena *arena;
    struct kn_err *err;
    enum kn_rc rc; /* the first refusal */
    struct kn_query_warning *warnings;
    size_t count;
    unsigned visits; /* definitions followed in search of circles */
};

static void refuse(struct check *c, uint32_t pos, enum kn_rc rc, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void refuse(struct check *c, uint32_t pos, enum kn_rc rc, const char *format, ...)
{
    char text[300];
    va_list args;
    if (c->rc != KN_OK) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->rc = kn_fail(c->err, rc, "%s", text);
    if (c->err) {
        c->err->pos = pos;
    }
}

/* "<what> '<name>' has been seen[; did you mean '<best>'?]" */
static void warn(struct check *c, const struct kn_chain *chain, const char *what,
                 struct kn_str name, struct kn_str best)
{
    char text[400];
    if (c->count == WARNINGS_MAX) {
        return;
    }
    int len =
        best.p
            ? snprintf(text, sizeof text, "no %s '%.*s' has been seen; did you mean '%.*s'?", what,
                       KN_STR_ARG(name), KN_STR_ARG(best))
            : snprintf(text, sizeof text, "no %s '%.*s' has been seen yet", what, KN_STR_ARG(name));
    len = len < (int)sizeof text ? len : (int)sizeof text - 1;
    struct kn_str copy = kn_arena_str(c->arena, kn_str(text, (size_t)len));
    if (!copy.p) {
        c->rc = kn_fail(c->err, KN_E_NOMEM, "no memory for the checks");
        return;
    }
    c->warnings[c->count++] = (struct kn_query_warning){chain->pos, chain->len, copy};
}

static void try_name(void *arg, struct kn_str name)
{
    kn_nearest_try(arg, name);
}

static struct kn_str path_text(struct check *c, struct kn_path path)
{
    size_t len = 0;
    for (uint32_t i = 0; i < path.count; i++) {
        len += path.keys[i].len + 1;
    }
    char *text = kn_arena_alloc(c->arena, len + 1), *to = text;
    if (!text) {
        return KN_STR_EMPTY;
    }
    for (uint32_t i = 0; i < path.count; i++) {
        if (i > 0) {
            *to++ = '.';
        }
        memcpy(to, path.keys[i].p, path.keys[i].len);
        to += path.keys[i].len;
    }
    return kn_str(text, (size_t)(to - text));
}

static void check_event(struct check *c, const struct kn_chain *chain)
{
    static const char *const derived[] = {"Audience Entered", "Audience Exited", "Trait Computed"};
    const struct kn_names *names = c->names;
    if (kn_word_find(derived, 3, chain->name) >= 0) {
        refuse(
            c, chain->pos, KN_E_INVALID,
            "%.*s is an outcome of Kern itself, not an event to segment on: expected segment() or "
            "trait()",
            KN_STR_ARG(chain->name));
        return;
    }
    if (!names->event || names->event(names->context, chain->name)) {
        return;
    }
    struct kn_nearest nearest = kn_nearest(chain->name);
    if (names->each_event) {
        names->each_event(names->context, try_name, &nearest);
    }
    warn(c, chain, "event", chain->name, nearest.best);
}

/* A field of the rows of `owner`, given in pieces when any() stands around it. */
static void check_field(struct check *c, const struct kn_chain *at, const struct kn_chain *owner,
                        struct kn_path array, struct kn_path path, bool context)
{
    const struct kn_names *names = c->names;
    struct kn_str keys[2 * KN_QUERY_PATH_MAX];
    if (owner->kind != KN_FROM_EVENT || !names->property ||
        (names->event && !names->event(names->context, owner->name))) {
        return;
    }
    for (size_t i = 0; i < array.count + path.count; i++) {
        keys[i] = i < array.count ? array.keys[i] : path.keys[i - array.count];
    }
    struct kn_path whole = {keys, array.count + path.count};
    if (names->property(names->context, owner->name, context, whole)) {
        return;
    }
    struct kn_str text = path_text(c, whole);
    struct kn_nearest nearest = kn_nearest(text);
    if (names->each_property) {
        names->each_property(names->context, owner->name, context, try_name, &nearest);
    }
    warn(c, at, context ? "context" : "property", text, nearest.best);
}

/* Does `key` lead back to c->self? */
static bool leads_back(struct check *c, struct kn_str key, unsigned depth);

struct circle {
    struct check *check;
    unsigned depth;
    bool found;
};

static void follow(void *arg, const struct kn_chain *chain, const struct kn_chain *owner,
                   const struct kn_node *any)
{
    struct circle *circle = arg;
    (void)owner;
    (void)any;
    if (!circle->found && chain->kind == KN_FROM_SEGMENT) {
        circle->found = leads_back(circle->check, chain->name, circle->depth + 1);
    } else if (!circle->found && chain->kind == KN_FROM_TRAIT) {
        circle->found = leads_back(circle->check, chain->path.keys[0], circle->depth + 1);
    }
}

static bool leads_back(struct check *c, struct kn_str key, unsigned depth)
{
    struct circle circle = {c, depth, false};
    if (c->self.len > 0 && kn_str_eq(key, c->self)) {
        return true;
    }
    if (!c->names->definition) {
        return false;
    }
    if (depth > CIRCLE_DEPTH_MAX || c->visits++ > VISITS_MAX) {
        refuse(c, 0, KN_E_LIMIT, "segments that build on segments go too deep here");
        return false;
    }
    const struct kn_query *query = c->names->definition(c->names->context, key);
    if (query) {
        kn_query_each_chain(query, follow, &circle);
    }
    return circle.found;
}

static struct kn_str nearest_key(struct check *c, struct kn_str key)
{
    struct kn_nearest nearest = kn_nearest(key);
    if (c->names->each_key) {
        c->names->each_key(c->names->context, try_name, &nearest);
    }
    return nearest.best;
}

static void check_key(struct check *c, const struct kn_chain *chain, struct kn_str key)
{
    bool segment = chain->kind == KN_FROM_SEGMENT;
    if (leads_back(c, key, 0)) {
        refuse(c, chain->pos, KN_E_INVALID,
               "%.*s leads back to %.*s itself: a circle has no answer", KN_STR_ARG(key),
               KN_STR_ARG(c->self));
        return;
    }
    if (!c->names->key) {
        return;
    }
    enum kn_name_kind kind = c->names->key(c->names->context, key);
    if (segment && kind != KN_NAME_SEGMENT) {
        struct kn_str best = nearest_key(c, key);
        refuse(c, chain->pos, KN_E_INVALID, "there is no segment '%.*s'%s%.*s%s", KN_STR_ARG(key),
               best.p ? "; did you mean '" : "", KN_STR_ARG(best), best.p ? "'?" : "");
    } else if (!segment && kind == KN_NAME_NONE) {
        warn(c, chain, "trait", key, nearest_key(c, key));
    }
}

static void check_chain(void *arg, const struct kn_chain *chain, const struct kn_chain *owner,
                        const struct kn_node *any)
{
    struct check *c = arg;
    static const struct kn_path nothing = {NULL, 0};
    bool in_context = chain->kind == KN_FROM_CONTEXT;
    switch (chain->kind) {
    case KN_FROM_EVENT: check_event(c, chain); break;
    case KN_FROM_SEGMENT: check_key(c, chain, chain->name); break;
    case KN_FROM_TRAIT: check_key(c, chain, chain->path.keys[0]); break;
    case KN_FROM_CONSENT:
        if (c->names->purpose && !c->names->purpose(c->names->context, chain->name)) {
            warn(c, chain, "purpose", chain->name, KN_STR_EMPTY);
        }
        break;
    case KN_FROM_PROPERTY:
    case KN_FROM_CONTEXT:
        if (owner && !chain->parent) {
            check_field(c, chain, owner, any && !in_context ? any->array : nothing, chain->path,
                        in_context);
        }
        break;
    default: break;
    }
    if (kn_reducer_has_field(chain->reducer)) {
        check_field(c, chain, chain, nothing, chain->field.path, chain->field.context);
    }
}

enum kn_rc kn_query_check(const struct kn_query *query, struct kn_str self,
                          const struct kn_names *names, struct kn_arena *arena,
                          const struct kn_query_warning **ret, size_t *ret_count,
                          struct kn_err *err)
{
    struct check c = {.names = names, .self = self, .arena = arena, .err = err};
    c.warnings = kn_arena_alloc(arena, WARNINGS_MAX * sizeof *c.warnings);
    if (!c.warnings) {
        return kn_fail(err, KN_E_NOMEM, "no memory for the checks");
    }
    kn_query_each_chain(query, check_chain, &c);
    if (c.rc != KN_OK) {
        return c.rc;
    }
    *ret = c.warnings;
    *ret_count = c.count;
    return KN_OK;
}
