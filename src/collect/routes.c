/* Paths (collect-protocols section 1.1; docs/collect.md). */
#include "collect/collect_internal.h"

static enum kn_event_type type_named(struct kn_str word, bool letters)
{
    for (unsigned t = KN_EVENT_TRACK; t <= KN_EVENT_ALIAS; t++) {
        struct kn_str name = kn_str_c(kn_event_type_name((enum kn_event_type)t));
        if (kn_str_eq(word, name) || (letters && word.len == 1 && kn_str_starts(name, word))) {
            return (enum kn_event_type)t;
        }
    }
    return KN_EVENT_NONE;
}

static bool one_of(struct kn_str word, const char *const *list)
{
    for (; *list; list++) {
        if (kn_str_eq(word, kn_str_c(*list))) {
            return true;
        }
    }
    return false;
}

static bool take_prefix(struct kn_str *path, const char *prefix)
{
    struct kn_str p = kn_str_c(prefix);
    if (!kn_str_starts(*path, p)) {
        return false;
    }
    *path = kn_str_sub(*path, p.len, path->len);
    return true;
}

/* ---- POST ---- */

static struct kn_route jitsu_route(struct kn_str word)
{
    struct kn_route r = {.kind = KN_ROUTE_SINGLE, .jitsu = true};
    r.server = take_prefix(&word, "s2s/");
    if (kn_str_eq(word, KN_STR("batch"))) {
        r.kind = KN_ROUTE_BATCH;
    } else if (!kn_str_eq(word, KN_STR("event")) && !kn_str_eq(word, KN_STR("e"))) {
        r.type = type_named(word, true);
        r.kind = r.type == KN_EVENT_NONE ? KN_ROUTE_NONE : KN_ROUTE_SINGLE;
    }
    return r;
}

static struct kn_route post_route(struct kn_str path)
{
    static const char *const batches[] = {"batch", "import", "b", NULL};
    static const char *const discarded[] = {"m", "rsaMetrics", "rsaRequest", NULL};
    if (take_prefix(&path, "/api/s/")) {
        return jitsu_route(path);
    }
    if (kn_str_eq(path, KN_STR("/beacon/v1/batch"))) {
        return (struct kn_route){.kind = KN_ROUTE_BATCH};
    }
    if (!take_prefix(&path, "/v1/")) {
        (void)take_prefix(&path, "/");
    }
    if (one_of(path, batches)) {
        return (struct kn_route){.kind = KN_ROUTE_BATCH};
    }
    if (one_of(path, discarded)) {
        return (struct kn_route){.kind = KN_ROUTE_DISCARD};
    }
    enum kn_event_type type = type_named(path, true);
    return type == KN_EVENT_NONE ? (struct kn_route){0}
                                 : (struct kn_route){.kind = KN_ROUTE_SINGLE, .type = type};
}

/* ---- GET ---- */

static struct kn_route pixel_route(struct kn_str path)
{
    static const char *const prefixes[] = {"/v1/pixel/", "/pixel/v1/", "/pixel/", "/api/px/"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        struct kn_str word = path;
        if (take_prefix(&word, prefixes[i])) {
            struct kn_route r = {.kind = KN_ROUTE_PIXEL, .jitsu = i == 3};
            r.type = type_named(word, i == 3);
            r.kind = r.type == KN_EVENT_NONE ? KN_ROUTE_NONE : KN_ROUTE_PIXEL;
            return r;
        }
    }
    return (struct kn_route){0};
}

/* "/v1/projects/KEY/settings", without "/v1", with "/projects" twice, or with nothing behind it
 * (the key is then elsewhere): users mis-set the prefix. */
static struct kn_route settings_route(struct kn_str path)
{
    struct kn_route r = {.kind = KN_ROUTE_SETTINGS};
    (void)take_prefix(&path, "/v1");
    if (!take_prefix(&path, "/projects")) {
        return (struct kn_route){0};
    }
    (void)take_prefix(&path, "/projects");
    if (path.len == 0 || kn_str_eq(path, KN_STR("/settings"))) {
        return r;
    }
    if (!take_prefix(&path, "/")) {
        return (struct kn_route){0};
    }
    r.key = kn_str_split(&path, '/');
    bool good = r.key.len > 0 && (path.len == 0 || kn_str_eq(path, KN_STR("settings")));
    return good ? r : (struct kn_route){0};
}

static struct kn_route script_route(struct kn_str path)
{
    struct kn_route r = {.kind = KN_ROUTE_SCRIPT, .file = path};
    if (kn_str_eq(path, KN_STR("/p.js")) ||
        kn_str_starts(path, KN_STR("/analytics-next/bundles/"))) {
        return r;
    }
    if (!take_prefix(&path, "/analytics.js/v1/")) {
        return (struct kn_route){0};
    }
    r.key = kn_str_split(&path, '/');
    bool minified = kn_str_eq(path, KN_STR("analytics.min.js"));
    if (r.key.len == 0 || !(minified || kn_str_eq(path, KN_STR("analytics.js")))) {
        return (struct kn_route){0};
    }
    r.file = KN_STR("/analytics.js/v1/analytics.min.js");
    return r;
}

static struct kn_route get_route(struct kn_str path)
{
    static const char *const rudder[] = {"/sourceConfig", "/v1/sourceConfig", NULL};
    if (kn_str_eq(path, KN_STR("/health"))) {
        return (struct kn_route){.kind = KN_ROUTE_HEALTH};
    }
    if (one_of(path, rudder)) {
        return (struct kn_route){.kind = KN_ROUTE_RUDDER};
    }
    struct kn_route r = pixel_route(path);
    r = r.kind != KN_ROUTE_NONE ? r : settings_route(path);
    return r.kind != KN_ROUTE_NONE ? r : script_route(path);
}

/* A bare path (/p, /batch) with another method may be someone else's page. */
static bool is_surely_ours(struct kn_str path)
{
    return kn_str_starts(path, KN_STR("/v1/")) || kn_str_starts(path, KN_STR("/api/s/")) ||
           kn_str_starts(path, KN_STR("/beacon/"));
}

struct kn_route kn_route_of(struct kn_str method, struct kn_str path)
{
    bool post = kn_str_eq(method, KN_STR("POST"));
    bool get = kn_str_eq(method, KN_STR("GET")) || kn_str_eq(method, KN_STR("HEAD"));
    struct kn_route posted = post_route(path);
    struct kn_route got = posted.kind == KN_ROUTE_NONE ? get_route(path) : (struct kn_route){0};
    if (kn_str_eq(method, KN_STR("OPTIONS"))) {
        return posted.kind != KN_ROUTE_NONE ? posted : got;
    }
    if (post && posted.kind != KN_ROUTE_NONE) {
        return posted;
    }
    if (get && got.kind != KN_ROUTE_NONE) {
        return got;
    }
    bool known = posted.kind != KN_ROUTE_NONE || got.kind != KN_ROUTE_NONE;
    return known && is_surely_ours(path) ? (struct kn_route){.kind = KN_ROUTE_OTHER_METHOD}
                                         : (struct kn_route){0};
}

bool kn_collect_is_route(struct kn_str method, struct kn_str path)
{
    return kn_route_of(method, path).kind != KN_ROUTE_NONE;
}
