#include "apply/settings.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "apply/defined.h"
#include "apply/destinations.h"
#include "apply/fold.h"
#include "apply/live.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/mem.h"
#include "format/json.h"
#include "format/time_text.h"
#include "format/token.h"

enum { SETTINGS_ARENA_MAX = 64 * 1024 * 1024, SOURCES_MAX = 10000, KEYS_MAX = 100 };

struct snapshot {
    struct kn_settings pub; /* first */
    struct kn_arena arena;
    atomic_uint references;
};

static struct snapshot *self_of(const struct kn_settings *s)
{
    return (struct snapshot *)(uintptr_t)s;
}

struct kn_settings *kn_settings_ref(struct kn_settings *s)
{
    atomic_fetch_add_explicit(&self_of(s)->references, 1, memory_order_relaxed);
    return s;
}

void kn_settings_unref(struct kn_settings *s)
{
    if (!s || atomic_fetch_sub_explicit(&self_of(s)->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < s->defined_count; i++) {
        kn_defined_unref(s->defined[i]);
    }
    kn_surroundings_unref(s->surroundings);
    kn_identity_rules_free(s->identity);
    kn_zone_free(s->zone);
    kn_arena_deinit(&self_of(s)->arena);
    kn_free(s);
}

const struct kn_source *kn_settings_source(const struct kn_settings *s, uint32_t number)
{
    return number >= 1 && number <= s->source_count ? &s->sources[number - 1] : NULL;
}

const struct kn_source *kn_settings_source_by_id(const struct kn_settings *s, struct kn_str id)
{
    for (size_t i = 0; i < s->source_count; i++) {
        if (s->sources[i].number != 0 && !s->sources[i].deleted &&
            kn_str_eq(s->sources[i].id, id)) {
            return &s->sources[i];
        }
    }
    return NULL;
}

const struct kn_source *kn_settings_source_by_key(const struct kn_settings *s, struct kn_str key)
{
    for (size_t i = 0; i < s->source_count; i++) {
        const struct kn_source *source = &s->sources[i];
        for (size_t k = 0; !source->deleted && k < source->write_key_count; k++) {
            if (kn_str_eq(source->write_keys[k], key)) {
                return source;
            }
        }
    }
    return NULL;
}

size_t kn_settings_defined_at(const struct kn_settings *s, struct kn_str key)
{
    size_t low = 0;
    size_t high = s->defined_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = kn_str_cmp(s->defined[middle]->key, key);
        if (order == 0) {
            return middle;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return SIZE_MAX;
}

const struct kn_defined *kn_settings_defined(const struct kn_settings *s, struct kn_str key)
{
    size_t at = kn_settings_defined_at(s, key);
    return at == SIZE_MAX ? NULL : s->defined[at];
}

bool kn_settings_has_list(const struct kn_settings *s, uint64_t list)
{
    size_t low = 0;
    size_t high = s->list_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->lists[middle] < list) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < s->list_count && s->lists[low] == list;
}

const struct kn_csv_link *kn_settings_csv_link(const struct kn_settings *s, struct kn_str id)
{
    for (size_t i = 0; i < s->csv_link_count; i++) {
        if (kn_str_eq(s->csv_links[i].id, id)) {
            return &s->csv_links[i];
        }
    }
    return NULL;
}

static const char *const party_names[] = {"zero", "first", "second", "third"};

const char *kn_party_name(enum kn_party party)
{
    return party_names[party];
}

/* ---- reading documents ---- */

struct builder {
    struct snapshot *s;
    struct kn_json_parser *parser;
    const struct kn_settings *previous; /* may be NULL: definitions are taken over from it */
    struct kn_str rules;                /* of the time zone */
    struct kn_err *err;
};

static enum kn_rc parse(struct builder *b, const char *key, const char *json, struct kn_json *ret)
{
    size_t len = strlen(json);
    char *padded = kn_arena_alloc(&b->s->arena, len + KN_JSON_PADDING);
    if (!padded) {
        return kn_fail(b->err, KN_E_NOMEM, "settings: out of memory");
    }
    memcpy(padded, json, len);
    memset(padded + len, 0, KN_JSON_PADDING);
    enum kn_rc rc =
        kn_json_parse(b->parser, padded, len,
                      &(struct kn_json_limits){.depth_max = 16, .nodes_max = 100000}, ret, b->err);
    if (rc == KN_OK && kn_json_type_at(ret, 0) != KN_JSON_OBJECT) {
        rc = kn_fail(b->err, KN_E_INVALID, "must be an object");
    }
    return rc == KN_OK ? KN_OK : kn_fail_wrap(b->err, rc, "setting \"%s\"", key);
}

static struct kn_str text(struct builder *b, const struct kn_json *doc, const char *key)
{
    uint32_t node = kn_json_find(doc, 0, kn_str_c(key));
    return kn_arena_str(&b->s->arena, kn_json_string(doc, node, &b->s->arena));
}

static enum kn_rc texts(struct builder *b, const struct kn_json *doc, const char *key,
                        struct kn_str **ret, size_t *ret_count)
{
    uint32_t list = kn_json_find(doc, 0, kn_str_c(key));
    if (list == KN_JSON_NONE) {
        return KN_OK;
    }
    if (kn_json_type_at(doc, list) != KN_JSON_ARRAY) {
        return kn_fail(b->err, KN_E_INVALID, "%s must be an array of strings", key);
    }
    struct kn_str *all = kn_arena_zero(&b->s->arena, KEYS_MAX, sizeof *all);
    size_t count = 0;
    if (!all) {
        return kn_fail(b->err, KN_E_NOMEM, "settings: out of memory");
    }
    for (uint32_t i = list + 1; i < doc->nodes[list].next; i = doc->nodes[i].next) {
        if (count == KEYS_MAX || kn_json_type_at(doc, i) != KN_JSON_STRING) {
            return kn_fail(b->err, KN_E_INVALID, "%s must be at most %d strings", key,
                           (int)KEYS_MAX);
        }
        all[count++] = kn_arena_str(&b->s->arena, kn_json_string(doc, i, &b->s->arena));
    }
    *ret = all;
    *ret_count = count;
    return KN_OK;
}

static enum kn_rc read_party(struct builder *b, const struct kn_json *doc, enum kn_party *ret)
{
    struct kn_str name = text(b, doc, "party");
    *ret = KN_PARTY_FIRST;
    if (name.len == 0) {
        return KN_OK;
    }
    for (size_t i = 0; i < sizeof party_names / sizeof party_names[0]; i++) {
        if (kn_str_eq(name, kn_str_c(party_names[i]))) {
            *ret = (enum kn_party)i;
            return KN_OK;
        }
    }
    return kn_fail(b->err, KN_E_INVALID, "party must be zero, first, second or third");
}

static enum kn_rc read_source(struct builder *b, const struct kn_setting_doc *doc_text)
{
    struct kn_settings *s = &b->s->pub;
    struct kn_json doc;
    int64_t number;
    KN_TRY(parse(b, doc_text->key, doc_text->json, &doc));
    if (!kn_json_i64(&doc, kn_json_find(&doc, 0, KN_STR("number")), &number) || number < 1 ||
        number > SOURCES_MAX) {
        return kn_fail(b->err, KN_E_INVALID, "%s: number must be 1 to %d", doc_text->key,
                       (int)SOURCES_MAX);
    }
    struct kn_source *source = &s->sources[number - 1];
    source->number = (uint32_t)number;
    source->id = kn_arena_str(&b->s->arena, kn_str_c(doc_text->key + strlen("source/")));
    source->name = text(b, &doc, "name");
    source->kind = text(b, &doc, "kind");
    source->json = kn_arena_str(&b->s->arena, kn_str_c(doc_text->json));
    source->enabled =
        kn_json_type_at(&doc, kn_json_find(&doc, 0, KN_STR("enabled"))) != KN_JSON_FALSE;
    source->deleted =
        kn_json_type_at(&doc, kn_json_find(&doc, 0, KN_STR("deleted"))) == KN_JSON_TRUE;
    KN_TRY(read_party(b, &doc, &source->party));
    KN_TRY(texts(b, &doc, "write_keys", &source->write_keys, &source->write_key_count));
    KN_TRY(texts(b, &doc, "purposes", &source->purposes, &source->purpose_count));
    if (s->source_count < (size_t)number) {
        s->source_count = (size_t)number;
    }
    return KN_OK;
}

static enum kn_rc read_zone(struct builder *b, const struct kn_json *doc)
{
    struct kn_str rules = text(b, doc, "time_zone_rules");
    if (rules.len == 0) {
        return KN_OK;
    }
    if (!kn_base64_decode(rules, &b->s->arena, &rules)) {
        return kn_fail(b->err, KN_E_INVALID, "time_zone_rules must be base64");
    }
    b->rules = rules;
    return kn_zone_parse(rules, &b->s->pub.zone, b->err);
}

static enum kn_rc read_workspace(struct builder *b, const struct kn_setting_doc *doc_text)
{
    struct kn_settings *s = &b->s->pub;
    struct kn_json doc;
    KN_TRY(parse(b, doc_text->key, doc_text->json, &doc));
    struct kn_str name = text(b, &doc, "name");
    struct kn_str zone = text(b, &doc, "time_zone");
    struct kn_str currency = text(b, &doc, "currency");
    s->name = name.len > 0 ? name : s->name;
    s->time_zone = zone.len > 0 ? zone : s->time_zone;
    s->json = kn_arena_str(&b->s->arena, kn_str_c(doc_text->json));
    KN_TRY(read_zone(b, &doc));
    if (currency.len == 0) {
        return KN_OK;
    }
    for (size_t i = 0; i < currency.len; i++) {
        if (currency.len != 3 || currency.p[i] < 'A' || currency.p[i] > 'Z') {
            return kn_fail(b->err, KN_E_INVALID, "currency must be three capital letters");
        }
    }
    memcpy(s->currency, currency.p, 3);
    return KN_OK;
}

/* ---- destinations ---- */

static int64_t time_of(struct builder *b, const struct kn_json *doc, const char *key)
{
    int64_t us = 0;
    struct kn_str at = text(b, doc, key);
    return at.len > 0 && kn_time_parse(at, &us) ? us : 0;
}

static int64_t number_of(const struct kn_json *doc, const char *key)
{
    int64_t number = 0;
    (void)kn_json_i64(doc, kn_json_find(doc, 0, kn_str_c(key)), &number);
    return number;
}

static enum kn_rc read_destination(struct builder *b, const struct kn_setting_doc *doc_text)
{
    struct kn_settings *s = &b->s->pub;
    struct kn_json doc;
    KN_TRY(parse(b, doc_text->key, doc_text->json, &doc));
    if (s->destination_count == KN_DESTINATIONS_MAX) {
        return kn_fail(b->err, KN_E_LIMIT, "at most %d destinations", (int)KN_DESTINATIONS_MAX);
    }
    struct kn_destination *d = &s->destinations[s->destination_count++];
    *d = (struct kn_destination){
        .id = kn_arena_str(&b->s->arena, kn_str_c(doc_text->key + strlen("destination/"))),
        .name = text(b, &doc, "name"),
        .kind = text(b, &doc, "kind"),
        .url = text(b, &doc, "url"),
        .purpose = text(b, &doc, "purpose"),
        .enabled = kn_json_type_at(&doc, kn_json_find(&doc, 0, KN_STR("enabled"))) != KN_JSON_FALSE,
        .generation = (uint32_t)number_of(&doc, "generation"),
        .rotated_us = time_of(b, &doc, "rotated_at"),
        .version = (uint64_t)number_of(&doc, "version"),
        .created_us = time_of(b, &doc, "created_at"),
        .updated_us = time_of(b, &doc, "updated_at"),
        .json = kn_arena_str(&b->s->arena, kn_str_c(doc_text->json)),
    };
    KN_TRY(texts(b, &doc, "segments", &d->segments, &d->segment_count));
    KN_TRY(texts(b, &doc, "fields", &d->fields, &d->field_count));
    if (d->segment_count > KN_DESTINATION_SEGMENTS_MAX) {
        return kn_fail(b->err, KN_E_LIMIT, "a destination has at most %d segments",
                       (int)KN_DESTINATION_SEGMENTS_MAX);
    }
    return KN_OK;
}

static enum kn_rc read_csv_link(struct builder *b, const struct kn_setting_doc *doc_text)
{
    struct kn_settings *s = &b->s->pub;
    struct kn_json doc;
    KN_TRY(parse(b, doc_text->key, doc_text->json, &doc));
    if (s->csv_link_count == KN_CSV_LINKS_MAX) {
        return kn_fail(b->err, KN_E_LIMIT, "at most %d CSV links", (int)KN_CSV_LINKS_MAX);
    }
    s->csv_links[s->csv_link_count++] = (struct kn_csv_link){
        .id = kn_arena_str(&b->s->arena, kn_str_c(doc_text->key + strlen("csv_link/"))),
        .name = text(b, &doc, "name"),
        .segment = text(b, &doc, "segment"),
        .purpose = text(b, &doc, "purpose"),
        .fields = text(b, &doc, "fields"),
        .token_hash = text(b, &doc, "token_hash"),
        .created_by = text(b, &doc, "created_by"),
        .created_us = time_of(b, &doc, "created_at"),
        .expires_us = time_of(b, &doc, "expires_at"),
        .used_us = time_of(b, &doc, "used_at"),
    };
    return KN_OK;
}

/* ---- segments and computed traits ---- */

static enum kn_rc read_surroundings(struct builder *b)
{
    struct kn_settings *s = &b->s->pub;
    struct kn_surroundings *made;
    struct kn_source_name *names =
        kn_arena_zero(&b->s->arena, s->source_count * 2 + 1, sizeof *names);
    size_t count = 0;
    if (!names) {
        return kn_fail(b->err, KN_E_NOMEM, "settings: out of memory");
    }
    for (size_t i = 0; i < s->source_count; i++) {
        if (s->sources[i].number != 0) {
            names[count++] = (struct kn_source_name){s->sources[i].id, s->sources[i].number};
            names[count++] = (struct kn_source_name){s->sources[i].name, s->sources[i].number};
        }
    }
    KN_TRY(kn_surroundings_make(b->rules, names, count, &made, b->err));
    if (b->previous && kn_surroundings_equal(made, b->previous->surroundings)) {
        kn_surroundings_unref(made);
        made = kn_surroundings_ref(b->previous->surroundings);
    }
    s->surroundings = made;
    return KN_OK;
}

static enum kn_rc add_definition(struct builder *b, struct kn_str key, bool computed,
                                 struct kn_str json)
{
    struct kn_settings *s = &b->s->pub;
    const struct kn_defined *known = b->previous ? kn_settings_defined(b->previous, key) : NULL;
    if (known && known->computed == computed && kn_defined_is(known, json, s->surroundings)) {
        s->defined[s->defined_count++] = kn_defined_ref((struct kn_defined *)(uintptr_t)known);
        return KN_OK;
    }
    enum kn_rc rc = kn_defined_make(key, computed, json, s->surroundings,
                                    &s->defined[s->defined_count], b->err);
    s->defined_count += rc == KN_OK ? 1 : 0;
    return rc;
}

/* Who may be known at a destination through one of its segments. */
static enum kn_rc define_for(struct builder *b, const struct kn_destination *d,
                             struct kn_str segment)
{
    struct kn_buf key;
    struct kn_buf query;
    struct kn_buf json;
    kn_buf_init(&key, 1024);
    kn_buf_init(&query, 1024);
    kn_buf_init(&json, 4096);
    kn_destination_key(d->id, segment, &key);
    kn_buf_printf(&query, "segment('%.*s')", KN_STR_ARG(segment));
    if (!kn_str_eq(d->purpose, KN_STR("service"))) {
        kn_buf_printf(&query, " AND consent('%.*s') = 'granted'", KN_STR_ARG(d->purpose));
    }
    kn_buf_char(&json, '{');
    kn_json_out_kv(&json, "query", kn_buf_view(&query));
    kn_buf_char(&json, '}');
    enum kn_rc rc = key.rc != KN_OK || query.rc != KN_OK || json.rc != KN_OK
                        ? kn_fail(b->err, KN_E_LIMIT, "destination: a text is too long")
                        : add_definition(b, kn_buf_view(&key), false, kn_buf_view(&json));
    kn_buf_deinit(&json);
    kn_buf_deinit(&query);
    kn_buf_deinit(&key);
    return rc;
}

static enum kn_rc define_for_destinations(struct builder *b)
{
    const struct kn_settings *s = &b->s->pub;
    for (size_t i = 0; i < s->destination_count; i++) {
        for (size_t k = 0; k < s->destinations[i].segment_count; k++) {
            KN_TRY(define_for(b, &s->destinations[i], s->destinations[i].segments[k]));
        }
    }
    return KN_OK;
}

static bool split_key(const char *key, struct kn_str *ret_key, bool *ret_computed)
{
    struct kn_str text = kn_str_c(key);
    bool segment = kn_str_starts(text, KN_STR("segment/"));
    *ret_computed = kn_str_starts(text, KN_STR("computed/"));
    *ret_key = kn_str_sub(text, segment ? 8 : 9, text.len);
    return segment || *ret_computed;
}

static enum kn_rc read_definition(struct builder *b, const struct kn_setting_doc *doc)
{
    struct kn_str key;
    bool computed;
    return split_key(doc->key, &key, &computed)
               ? add_definition(b, key, computed, kn_str_c(doc->json))
               : KN_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const struct kn_defined *const *x = a;
    const struct kn_defined *const *y = b;
    return kn_str_cmp((*x)->key, (*y)->key);
}

static int compare_lists(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static enum kn_rc find_lists(struct builder *b)
{
    struct kn_settings *s = &b->s->pub;
    s->lists = kn_arena_zero(&b->s->arena, s->defined_count + 1, sizeof *s->lists);
    if (!s->lists) {
        return kn_fail(b->err, KN_E_NOMEM, "settings: out of memory");
    }
    for (size_t i = 0; i < s->defined_count; i++) {
        if (s->defined[i]->list != 0) {
            s->lists[s->list_count++] = s->defined[i]->list;
        }
    }
    qsort(s->lists, s->list_count, sizeof *s->lists, compare_lists);
    return KN_OK;
}

static enum kn_rc read_definitions(struct builder *b, const struct kn_setting_doc *docs,
                                   size_t count)
{
    struct kn_settings *s = &b->s->pub;
    size_t room = count + 1;
    for (size_t i = 0; i < s->destination_count; i++) {
        room += s->destinations[i].segment_count;
    }
    s->defined = kn_arena_zero(&b->s->arena, room, sizeof(struct kn_defined *));
    if (!s->defined) {
        return kn_fail(b->err, KN_E_NOMEM, "settings: out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        KN_TRY(read_definition(b, &docs[i]));
    }
    KN_TRY(define_for_destinations(b));
    qsort(s->defined, s->defined_count, sizeof(struct kn_defined *), compare_keys);
    for (size_t i = 1; i < s->defined_count; i++) {
        if (kn_str_eq(s->defined[i - 1]->key, s->defined[i]->key)) {
            return kn_fail(b->err, KN_E_EXISTS, "\"%.*s\" is a segment and a computed trait",
                           KN_STR_ARG(s->defined[i]->key));
        }
    }
    return s->defined_count <= KN_DEFINED_MAX
               ? find_lists(b)
               : kn_fail(b->err, KN_E_LIMIT, "at most %d segments and computed traits",
                         (int)KN_DEFINED_MAX);
}

static enum kn_rc read_all(struct builder *b, const struct kn_setting_doc *docs, size_t count)
{
    struct kn_settings *s = &b->s->pub;
    const char *identity = "";
    s->sources = kn_arena_zero(&b->s->arena, SOURCES_MAX, sizeof *s->sources);
    s->destinations = kn_arena_zero(&b->s->arena, KN_DESTINATIONS_MAX, sizeof *s->destinations);
    s->csv_links = kn_arena_zero(&b->s->arena, KN_CSV_LINKS_MAX, sizeof *s->csv_links);
    if (!s->sources || !s->destinations || !s->csv_links) {
        return kn_fail(b->err, KN_E_NOMEM, "settings: out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(docs[i].key, "workspace") == 0) {
            KN_TRY(read_workspace(b, &docs[i]));
        } else if (strcmp(docs[i].key, "identity") == 0) {
            identity = docs[i].json;
        } else if (strncmp(docs[i].key, "source/", strlen("source/")) == 0) {
            KN_TRY(read_source(b, &docs[i]));
        } else if (strncmp(docs[i].key, "destination/", strlen("destination/")) == 0) {
            KN_TRY(read_destination(b, &docs[i]));
        } else if (strncmp(docs[i].key, "csv_link/", strlen("csv_link/")) == 0) {
            KN_TRY(read_csv_link(b, &docs[i]));
        }
    }
    if (!s->zone) {
        b->rules = KN_STR(KN_ZONE_DEFAULT_RULES);
        KN_TRY(kn_zone_parse(KN_STR(KN_ZONE_DEFAULT_RULES), &s->zone, b->err));
    }
    KN_TRY(kn_identity_rules_parse(kn_str_c(identity), &s->identity, b->err));
    KN_TRY(read_surroundings(b));
    KN_TRY(kn_documents_make(docs, count, &b->s->arena, s, b->err));
    return read_definitions(b, docs, count);
}

enum kn_rc kn_settings_build(const struct kn_setting_doc *docs, size_t count, uint64_t version,
                             const struct kn_hash_key *key, const struct kn_settings *previous,
                             struct kn_settings **ret, struct kn_err *err)
{
    struct snapshot *s = kn_calloc(1, sizeof *s);
    struct kn_json_parser *parser = kn_json_parser_new();
    if (!s || !parser) {
        kn_free(s);
        kn_json_parser_free(parser);
        return kn_fail(err, KN_E_NOMEM, "settings: out of memory");
    }
    kn_arena_init(&s->arena, SETTINGS_ARENA_MAX);
    atomic_init(&s->references, 1);
    s->pub.version = version;
    s->pub.key = *key;
    s->pub.time_zone = KN_STR(KN_ZONE_DEFAULT_NAME);
    memcpy(s->pub.currency, "EUR", 4);
    struct builder b = {.s = s, .parser = parser, .previous = previous, .err = err};
    enum kn_rc rc = read_all(&b, docs, count);
    kn_json_parser_free(parser);
    if (rc != KN_OK) {
        kn_settings_unref(&s->pub);
        return rc;
    }
    *ret = &s->pub;
    return KN_OK;
}

enum kn_rc kn_settings_check(struct kn_str key, struct kn_str json, struct kn_err *err)
{
    struct kn_settings *built = NULL;
    struct kn_hash_key none = {0};
    struct kn_setting_doc doc = {0};
    struct kn_arena arena;
    kn_arena_init(&arena, SETTINGS_ARENA_MAX);
    doc.key = (char *)(uintptr_t)kn_arena_str(&arena, key).p;
    doc.json = (char *)(uintptr_t)kn_arena_str(&arena, json).p;
    enum kn_rc rc = doc.key && doc.json ? kn_settings_build(&doc, 1, 1, &none, NULL, &built, err)
                                        : kn_fail(err, KN_E_NOMEM, "out of memory");
    if (rc == KN_OK) {
        kn_settings_unref(built);
    }
    kn_arena_deinit(&arena);
    return rc;
}

/* ---- the fold's side ---- */

static char *text_copy(struct kn_str s)
{
    char *copy = kn_must_alloc(s.len + 1);
    if (s.len > 0) {
        memcpy(copy, s.p, s.len);
    }
    copy[s.len] = '\0';
    return copy;
}

static size_t find_doc(const struct kn_fold *f, struct kn_str key)
{
    size_t at = 0;
    while (at < f->doc_count && !kn_str_eq(kn_str_c(f->docs[at].key), key)) {
        at++;
    }
    return at;
}

static void remove_doc(struct kn_fold *f, struct kn_str key)
{
    size_t at = find_doc(f, key);
    if (at < f->doc_count) {
        kn_free(f->docs[at].key);
        kn_free(f->docs[at].json);
        f->docs[at] = f->docs[--f->doc_count];
    }
}

static void set_doc(struct kn_fold *f, struct kn_str key, struct kn_str json)
{
    size_t at = find_doc(f, key);
    if (at < f->doc_count) {
        kn_free(f->docs[at].json);
    } else {
        f->docs = kn_must_realloc(f->docs, (f->doc_count + 1) * sizeof *f->docs);
        f->docs[f->doc_count++].key = text_copy(key);
    }
    f->docs[at].json = text_copy(json);
}

/* The genesis document holds the seed of every hash of the workspace. */
static void read_seed(struct kn_fold *f)
{
    for (size_t i = 0; i < f->doc_count; i++) {
        if (strcmp(f->docs[i].key, "genesis") != 0) {
            continue;
        }
        size_t offset = 0;
        struct kn_str key;
        struct kn_str value;
        while (kn_json_walk(kn_str_c(f->docs[i].json), &offset, &key, &value)) {
            if (kn_str_eq(key, KN_STR("seed"))) {
                f->key = kn_hash_key_from(value);
            }
        }
    }
}

/* A document that does not read leaves the snapshot as it was (the API refuses such a document
 * before it becomes a record). */
static void publish(struct kn_fold *f)
{
    struct kn_settings *next = NULL;
    struct kn_err err;
    uint64_t version = f->settings ? f->settings->version + 1 : 1;
    read_seed(f);
    if (kn_settings_build(f->docs, f->doc_count, version, &f->key, f->settings, &next, &err) !=
        KN_OK) {
        if (!f->settings) {
            kn_panic("settings cannot be read: %s", err.text);
        }
        return;
    }
    kn_settings_unref(f->settings);
    f->settings = next;
    f->settings_changed = true;
}

/* An empty document takes a key away. */
static void take_doc(struct kn_fold *f, struct kn_str key, struct kn_str json)
{
    if (json.len == 0) {
        remove_doc(f, key);
    } else {
        set_doc(f, key, json);
    }
    publish(f);
}

/* There is one beginning. */
static bool is_second_genesis(const struct kn_fold *f, struct kn_str key)
{
    bool there = false;
    for (size_t i = 0; i < f->doc_count; i++) {
        there = there || strcmp(f->docs[i].key, "genesis") == 0;
    }
    return there && kn_str_eq(key, KN_STR("genesis"));
}

void kn_fold_setting(struct kn_fold *f, struct kn_str key, struct kn_str json)
{
    kn_assert(key.len > 0 && key.len <= KN_STATE_KEY_MAX);
    if (is_second_genesis(f, key)) {
        return;
    }
    if (json.len == 0) {
        kn_fold_remove(f, KN_T_SETTING, kn_key_bytes(key));
        if (kn_str_starts(key, KN_STR("destination/"))) {
            kn_fold_delivery_forget(f, kn_str_sub(key, strlen("destination/"), key.len));
        }
    } else {
        kn_fold_put(f, KN_T_SETTING, kn_key_bytes(key), json);
    }
    take_doc(f, key, json);
}

/* ---- ahead of the fold ---- */

void kn_fold_ahead_init(const struct kn_fold *f, struct kn_fold *ahead)
{
    kn_fold_init(ahead, NULL, NULL, NULL, NULL);
    for (size_t i = 0; i < f->doc_count; i++) {
        set_doc(ahead, kn_str_c(f->docs[i].key), kn_str_c(f->docs[i].json));
    }
    ahead->key = f->key;
    ahead->settings = f->settings ? kn_settings_ref(f->settings) : NULL;
}

enum kn_rc kn_fold_ahead_frame(struct kn_fold *ahead, const struct kn_frame *frame,
                               struct kn_err *err)
{
    struct kn_cursor c = kn_cursor(frame->body);
    struct kn_item item;
    for (uint32_t i = 0; i < frame->item_count; i++) {
        kn_arena_clear(&ahead->frame_arena);
        enum kn_rc rc = kn_item_decode(&c, &ahead->key, &ahead->frame_arena, &item, err);
        if (rc != KN_OK) {
            return kn_fail_wrap(err, rc, "record %llu, item %u", (unsigned long long)frame->seq, i);
        }
        if (item.kind != KN_ITEM_SETTING && item.kind != KN_ITEM_GENESIS) {
            continue;
        }
        struct kn_str key = item.kind == KN_ITEM_GENESIS ? KN_STR("genesis") : item.name;
        if (!is_second_genesis(ahead, key)) {
            take_doc(ahead, key, item.body);
        }
    }
    return KN_OK;
}

/* ---- at start ---- */

static enum kn_rc load_doc(void *context, struct kn_key key, struct kn_str value,
                           struct kn_err *err)
{
    (void)err;
    set_doc(context, key.bytes, value);
    return KN_OK;
}

enum kn_rc kn_fold_load(struct kn_fold *f, struct kn_err *err)
{
    KN_TRY(kn_state_scan(f->state, KN_T_SETTING, load_doc, f, err));
    publish(f);
    KN_TRY(kn_erasures_load(f, err));
    return f->settings ? kn_live_load(f, err) : KN_OK;
}
