#include "apply/defined.h"

#include <stdatomic.h>

#include "base/hash.h"
#include "base/mem.h"
#include "format/json.h"
#include "format/time_text.h"
#include "format/zone.h"

enum { DEFINED_ARENA_MAX = 16 * 1024 * 1024, SURROUNDINGS_ARENA_MAX = 16 * 1024 * 1024 };

struct kn_surroundings {
    atomic_uint references;
    struct kn_zone *zone;
    struct kn_source_name *sources;
    size_t source_count;
    uint64_t zone_sum, source_sum;
    struct kn_arena arena;
};

struct body {
    struct kn_defined pub; /* first */
    atomic_uint references;
    struct kn_surroundings *surroundings;
    struct kn_query query;
    struct kn_arena arena;
};

/* ---- surroundings ---- */

static enum kn_rc fill_sources(struct kn_surroundings *s, const struct kn_source_name *sources,
                               size_t count, struct kn_err *err)
{
    s->sources = kn_arena_zero(&s->arena, count + 1, sizeof *s->sources);
    for (size_t i = 0; s->sources && i < count; i++) {
        s->sources[i] =
            (struct kn_source_name){kn_arena_str(&s->arena, sources[i].name), sources[i].number};
        if (sources[i].name.len > 0 && !s->sources[i].name.p) {
            return kn_fail(err, KN_E_NOMEM, "settings: out of memory");
        }
        s->source_sum = s->source_sum * 0x9e3779b97f4a7c15U + kn_checksum64(sources[i].name) +
                        sources[i].number;
    }
    s->source_count = count;
    return s->sources ? KN_OK : kn_fail(err, KN_E_NOMEM, "settings: out of memory");
}

enum kn_rc kn_surroundings_make(struct kn_str rules, const struct kn_source_name *sources,
                                size_t count, struct kn_surroundings **ret, struct kn_err *err)
{
    struct kn_surroundings *s = kn_calloc(1, sizeof *s);
    if (!s) {
        return kn_fail(err, KN_E_NOMEM, "settings: out of memory");
    }
    atomic_init(&s->references, 1);
    kn_arena_init(&s->arena, SURROUNDINGS_ARENA_MAX);
    s->zone_sum = kn_checksum64(rules);
    enum kn_rc rc = kn_zone_parse(rules, &s->zone, err);
    if (rc == KN_OK) {
        rc = fill_sources(s, sources, count, err);
    }
    if (rc != KN_OK) {
        kn_surroundings_unref(s);
        return rc;
    }
    *ret = s;
    return KN_OK;
}

struct kn_surroundings *kn_surroundings_ref(struct kn_surroundings *s)
{
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

void kn_surroundings_unref(struct kn_surroundings *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    kn_zone_free(s->zone);
    kn_arena_deinit(&s->arena);
    kn_free(s);
}

const struct kn_source_name *kn_surroundings_sources(const struct kn_surroundings *s,
                                                     size_t *ret_count)
{
    *ret_count = s->source_count;
    return s->sources;
}

bool kn_surroundings_equal(const struct kn_surroundings *a, const struct kn_surroundings *b)
{
    return a->zone_sum == b->zone_sum && a->source_sum == b->source_sum &&
           a->source_count == b->source_count;
}

/* ---- definitions ---- */

static struct body *self_of(const struct kn_defined *d)
{
    return (struct body *)(uintptr_t)d;
}

struct kn_defined *kn_defined_ref(struct kn_defined *d)
{
    atomic_fetch_add_explicit(&self_of(d)->references, 1, memory_order_relaxed);
    return d;
}

void kn_defined_unref(struct kn_defined *d)
{
    if (!d || atomic_fetch_sub_explicit(&self_of(d)->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    kn_surroundings_unref(self_of(d)->surroundings);
    kn_arena_deinit(&self_of(d)->arena);
    kn_free(d);
}

bool kn_defined_is(const struct kn_defined *d, struct kn_str json,
                   const struct kn_surroundings *surroundings)
{
    return kn_str_eq(d->json, json) &&
           kn_surroundings_equal(self_of(d)->surroundings, surroundings);
}

static enum kn_rc text_of(struct body *b, const struct kn_json *doc, const char *name,
                          struct kn_str *ret, struct kn_err *err)
{
    uint32_t node = kn_json_find(doc, 0, kn_str_c(name));
    if (node == KN_JSON_NONE || kn_json_type_at(doc, node) == KN_JSON_NULL) {
        *ret = KN_STR("");
        return KN_OK;
    }
    if (kn_json_type_at(doc, node) != KN_JSON_STRING) {
        return kn_fail(err, KN_E_INVALID, "%s must be a string", name);
    }
    *ret = kn_arena_str(&b->arena, kn_json_string(doc, node, &b->arena));
    return ret->p ? KN_OK : kn_fail(err, KN_E_NOMEM, "definition: out of memory");
}

static void excluded(void *arg, const struct kn_chain *chain, const struct kn_chain *owner,
                     const struct kn_node *any)
{
    (void)owner;
    (void)any;
    *(bool *)arg = *(bool *)arg || chain->excluded_count > 0;
}

static enum kn_rc compile(struct body *b, struct kn_str text, struct kn_err *err)
{
    struct kn_defined *d = &b->pub;
    enum kn_query_form form = d->computed ? KN_QUERY_TRAIT : KN_QUERY_SEGMENT;
    KN_TRY(kn_query_parse(text, form, &b->arena, &b->query, err));
    struct kn_definition_options options = {
        .zone = b->surroundings->zone,
        .sources = b->surroundings->sources,
        .source_count = b->surroundings->source_count,
    };
    KN_TRY(kn_definition_make(&b->query, &options, &b->arena, &d->definition, err));
    struct kn_buf canonical;
    bool excludes = false;
    kn_buf_init(&canonical, (size_t)KN_QUERY_TEXT_MAX * 2);
    kn_query_format(&b->query, &canonical);
    d->text = kn_arena_str(&b->arena, kn_buf_view(&canonical));
    kn_buf_deinit(&canonical);
    kn_query_each_chain(&b->query, excluded, &excludes);
    d->query = &b->query;
    d->zone = b->surroundings->zone;
    d->meaning = (kn_checksum64(d->text) * 31 + b->surroundings->zone_sum) * 31 +
                 (excludes ? b->surroundings->source_sum : 0);
    return d->text.p ? KN_OK : kn_fail(err, KN_E_NOMEM, "definition: out of memory");
}

/* An OR of nothing: a list reads nothing, and nobody is in it but who is on it. */
static enum kn_rc compile_list(struct body *b, int64_t id, struct kn_err *err)
{
    static const struct kn_node nobody = {.kind = KN_NODE_OR};
    struct kn_defined *d = &b->pub;
    struct kn_definition_options options = {.zone = b->surroundings->zone};
    if (d->computed || id <= 0 || (uint64_t)id > KN_LIST_ID_MAX) {
        return kn_fail(err, KN_E_INVALID, "list must be the id of one, of a segment");
    }
    d->list = (uint64_t)id;
    b->query = (struct kn_query){.form = KN_QUERY_SEGMENT, .root = &nobody};
    d->query = &b->query;
    d->zone = b->surroundings->zone;
    d->text = KN_STR("");
    d->meaning = d->list;
    return kn_definition_make(&b->query, &options, &b->arena, &d->definition, err);
}

static enum kn_rc read_document(struct body *b, struct kn_json_parser *parser, struct kn_str json,
                                struct kn_err *err)
{
    struct kn_defined *d = &b->pub;
    struct kn_json doc;
    struct kn_str text = KN_STR_EMPTY;
    int64_t list = 0;
    struct kn_str at = KN_STR_EMPTY;
    int64_t version = 1;
    char *padded = kn_arena_zero(&b->arena, 1, json.len + KN_JSON_PADDING);
    if (!padded || !parser) {
        return kn_fail(err, KN_E_NOMEM, "definition: out of memory");
    }
    memcpy(padded, json.p, json.len);
    d->json = kn_str(padded, json.len);
    KN_TRY(kn_json_parse(parser, padded, json.len,
                         &(struct kn_json_limits){.depth_max = 8, .nodes_max = 1000}, &doc, err));
    if (kn_json_type_at(&doc, 0) != KN_JSON_OBJECT) {
        return kn_fail(err, KN_E_INVALID, "must be an object");
    }
    KN_TRY(text_of(b, &doc, "name", &d->name, err));
    KN_TRY(text_of(b, &doc, "description", &d->description, err));
    KN_TRY(text_of(b, &doc, "query", &text, err));
    bool is_list = kn_json_i64(&doc, kn_json_find(&doc, 0, KN_STR("list")), &list);
    KN_TRY(text_of(b, &doc, "snapshot_of", &d->snapshot_of, err));
    d->frozen = kn_json_type_at(&doc, kn_json_find(&doc, 0, KN_STR("frozen"))) == KN_JSON_TRUE;
    (void)kn_json_i64(&doc, kn_json_find(&doc, 0, KN_STR("version")), &version);
    d->version = version > 0 ? (uint64_t)version : 1;
    KN_TRY(text_of(b, &doc, "created_at", &at, err));
    (void)kn_time_parse(at, &d->created_us);
    KN_TRY(text_of(b, &doc, "updated_at", &at, err));
    (void)kn_time_parse(at, &d->updated_us);
    return is_list ? compile_list(b, list, err) : compile(b, text, err);
}

enum kn_rc kn_defined_make(struct kn_str key, bool computed, struct kn_str json,
                           struct kn_surroundings *surroundings, struct kn_defined **ret,
                           struct kn_err *err)
{
    if (key.len == 0 || key.len > KN_DEFINED_KEY_MAX) {
        return kn_fail(err, KN_E_INVALID, "a key has 1 to %d bytes", (int)KN_DEFINED_KEY_MAX);
    }
    struct body *b = kn_calloc(1, sizeof *b);
    if (!b) {
        return kn_fail(err, KN_E_NOMEM, "definition: out of memory");
    }
    atomic_init(&b->references, 1);
    kn_arena_init(&b->arena, DEFINED_ARENA_MAX);
    b->surroundings = kn_surroundings_ref(surroundings);
    b->pub.key = kn_arena_str(&b->arena, key);
    b->pub.computed = computed;
    struct kn_json_parser *parser = kn_json_parser_new();
    enum kn_rc rc = read_document(b, parser, json, err);
    kn_json_parser_free(parser);
    if (rc != KN_OK) {
        kn_defined_unref(&b->pub);
        return rc;
    }
    *ret = &b->pub;
    return KN_OK;
}
