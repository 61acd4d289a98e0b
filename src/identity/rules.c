#include "identity/rules.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/mem.h"
#include "format/json.h"

enum { RULES_ARENA_MAX = 4 * 1024 * 1024, DEFAULT_LIMIT = 5, MATCH_LIMIT = 10000 };

struct rules {
    struct kn_identity_rules pub; /* first: what callers see */
    struct kn_arena arena;
    pcre2_match_context *match_context;
};

/* Blocked for every type (collect-protocols section 4.1). */
static const char *const house_blocked[] = {"-1", "null", "anonymous", "undefined", "none"};

struct default_type {
    const char *name;
    uint32_t limit;
};

/* MECHANICS section 3. Priority is the place in this list. */
static const struct default_type default_types[] = {
    {"user_id", 1},
    {"email", 5},
    {"android.id", 100},
    {"android.idfa", 100},
    {"android.push_token", 100},
    {"anonymous_id", 100},
    {"braze_id", 5},
    {"cross_domain_id", 100},
    {"ga_client_id", 100},
    {"ios.id", 100},
    {"ios.idfa", 100},
    {"ios.push_token", 100},
    {"phone", 5},
};
enum { DEFAULT_TYPES = sizeof default_types / sizeof default_types[0] };

struct kn_str kn_id_name(uint16_t type, struct kn_str value)
{
    if (type == KN_ID_CUSTOM) {
        struct kn_str rest = value;
        return kn_str_split(&rest, ':');
    }
    return kn_str_c(kn_id_type_name(type));
}

struct kn_str kn_id_plain_value(uint16_t type, struct kn_str value)
{
    if (type == KN_ID_CUSTOM) {
        (void)kn_str_split(&value, ':');
    }
    return value;
}

static const struct kn_identity_type *find_type(const struct kn_identity_rules *rules,
                                                struct kn_str name)
{
    for (size_t i = 0; i < rules->type_count; i++) {
        if (kn_str_eq(rules->types[i].name, name)) {
            return &rules->types[i];
        }
    }
    return NULL;
}

uint32_t kn_identity_limit(const struct kn_identity_rules *rules, uint16_t type,
                           struct kn_str value)
{
    const struct kn_identity_type *found = find_type(rules, kn_id_name(type, value));
    return found ? found->limit : DEFAULT_LIMIT;
}

int kn_identity_precedence(const struct kn_identity_rules *rules, uint16_t type_a,
                           struct kn_str value_a, uint16_t type_b, struct kn_str value_b)
{
    struct kn_str name_a = kn_id_name(type_a, value_a);
    struct kn_str name_b = kn_id_name(type_b, value_b);
    const struct kn_identity_type *a = find_type(rules, name_a);
    const struct kn_identity_type *b = find_type(rules, name_b);
    uint32_t priority_a = a ? a->priority : UINT32_MAX;
    uint32_t priority_b = b ? b->priority : UINT32_MAX;
    if (priority_a != priority_b) {
        return priority_a < priority_b ? -1 : 1;
    }
    return kn_str_cmp(name_a, name_b);
}

static bool all_zero_or_dash(struct kn_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.p[i] != '0' && value.p[i] != '-') {
            return false;
        }
    }
    return true;
}

static bool regex_matches(const struct rules *rules, const struct kn_identity_blocked *blocked,
                          struct kn_str value)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    if (!data) {
        kn_panic("out of memory: match data");
    }
    int rc = pcre2_match(blocked->compiled, (PCRE2_SPTR)value.p, value.len, 0,
                         PCRE2_ANCHORED | PCRE2_ENDANCHORED, data, rules->match_context);
    pcre2_match_data_free(data);
    return rc >= 0;
}

bool kn_identity_is_blocked(const struct kn_identity_rules *rules, uint16_t type,
                            struct kn_str value)
{
    const struct rules *self = (const struct rules *)rules;
    struct kn_str plain = kn_id_plain_value(type, value);
    if (all_zero_or_dash(plain)) {
        return true;
    }
    for (size_t i = 0; i < sizeof house_blocked / sizeof house_blocked[0]; i++) {
        if (kn_str_eq_nocase(plain, kn_str_c(house_blocked[i]))) {
            return true;
        }
    }
    const struct kn_identity_type *found = find_type(rules, kn_id_name(type, value));
    for (size_t i = 0; found && i < found->blocked_count; i++) {
        const struct kn_identity_blocked *blocked = &found->blocked[i];
        if (blocked->compiled ? regex_matches(self, blocked, plain)
                              : kn_str_eq(blocked->exact, plain)) {
            return true;
        }
    }
    return false;
}

static struct rules *rules_new(void)
{
    struct rules *r = kn_calloc(1, sizeof *r);
    if (!r) {
        return NULL;
    }
    kn_arena_init(&r->arena, RULES_ARENA_MAX);
    r->pub.merges_max = 100;
    r->pub.identifiers_max = 1000;
    r->pub.fan_out_max = 50;
    r->pub.types = kn_arena_zero(&r->arena, KN_IDENTITY_TYPES_MAX, sizeof *r->pub.types);
    r->match_context = pcre2_match_context_create(NULL);
    if (!r->pub.types || !r->match_context) {
        kn_identity_rules_free(&r->pub);
        return NULL;
    }
    (void)pcre2_set_match_limit(r->match_context, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(r->match_context, 250);
    for (size_t i = 0; i < DEFAULT_TYPES; i++) {
        r->pub.types[i].name = kn_str_c(default_types[i].name);
        r->pub.types[i].limit = default_types[i].limit;
        r->pub.types[i].priority = (uint32_t)i + 1;
    }
    r->pub.type_count = DEFAULT_TYPES;
    return r;
}

void kn_identity_rules_free(struct kn_identity_rules *rules)
{
    struct rules *self = (struct rules *)rules;
    if (!rules) {
        return;
    }
    for (size_t i = 0; rules->types && i < rules->type_count; i++) {
        for (size_t k = 0; k < rules->types[i].blocked_count; k++) {
            pcre2_code_free(rules->types[i].blocked[k].compiled);
        }
    }
    pcre2_match_context_free(self->match_context);
    kn_arena_deinit(&self->arena);
    kn_free(self);
}

static bool is_type_name(struct kn_str name)
{
    if (name.len == 0 || name.len > 64) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        bool ok =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
        if (!ok) {
            return false;
        }
    }
    return true;
}

static enum kn_rc read_number(const struct kn_json *doc, uint32_t object, const char *key,
                              int64_t low, int64_t high, uint32_t *ret, struct kn_err *err)
{
    uint32_t node = kn_json_find(doc, object, kn_str_c(key));
    if (node == KN_JSON_NONE) {
        return KN_OK;
    }
    int64_t value;
    if (!kn_json_i64(doc, node, &value) || value < low || value > high) {
        return kn_fail(err, KN_E_INVALID, "%s must be a whole number from %lld to %lld", key,
                       (long long)low, (long long)high);
    }
    *ret = (uint32_t)value;
    return KN_OK;
}

static enum kn_rc read_blocked_one(struct rules *r, const struct kn_json *doc, uint32_t node,
                                   struct kn_identity_blocked *ret, struct kn_err *err)
{
    uint32_t exact = kn_json_find(doc, node, KN_STR("exact"));
    uint32_t regex = kn_json_find(doc, node, KN_STR("regex"));
    if (kn_json_type_at(doc, exact) == KN_JSON_STRING && regex == KN_JSON_NONE) {
        ret->exact = kn_arena_str(&r->arena, kn_json_string(doc, exact, &r->arena));
        return ret->exact.p ? KN_OK : kn_fail(err, KN_E_LIMIT, "the rules are too large");
    }
    if (kn_json_type_at(doc, regex) != KN_JSON_STRING || exact != KN_JSON_NONE) {
        return kn_fail(err, KN_E_INVALID,
                       "a blocked value is {\"exact\":\"...\"} or "
                       "{\"regex\":\"...\"}");
    }
    ret->regex = kn_arena_str(&r->arena, kn_json_string(doc, regex, &r->arena));
    if (!ret->regex.p) {
        return kn_fail(err, KN_E_LIMIT, "the rules are too large");
    }
    int code;
    PCRE2_SIZE at;
    ret->compiled = pcre2_compile((PCRE2_SPTR)ret->regex.p, ret->regex.len,
                                  PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
    if (!ret->compiled) {
        unsigned char reason[120];
        (void)pcre2_get_error_message(code, reason, sizeof reason);
        return kn_fail(err, KN_E_INVALID, "blocked regex, at character %zu: %s", (size_t)at,
                       (const char *)reason);
    }
    return KN_OK;
}

static enum kn_rc read_blocked(struct rules *r, const struct kn_json *doc, uint32_t list,
                               struct kn_identity_type *type, struct kn_err *err)
{
    if (list == KN_JSON_NONE) {
        return KN_OK;
    }
    if (kn_json_type_at(doc, list) != KN_JSON_ARRAY) {
        return kn_fail(err, KN_E_INVALID, "blocked must be an array");
    }
    type->blocked = kn_arena_zero(&r->arena, KN_IDENTITY_BLOCKED_MAX, sizeof *type->blocked);
    if (!type->blocked) {
        return kn_fail(err, KN_E_LIMIT, "the rules are too large");
    }
    for (uint32_t i = list + 1; i < doc->nodes[list].next; i = doc->nodes[i].next) {
        if (type->blocked_count == KN_IDENTITY_BLOCKED_MAX) {
            return kn_fail(err, KN_E_LIMIT, "at most %d blocked values per type",
                           (int)KN_IDENTITY_BLOCKED_MAX);
        }
        KN_TRY(read_blocked_one(r, doc, i, &type->blocked[type->blocked_count], err));
        type->blocked_count++;
    }
    return KN_OK;
}

static enum kn_rc read_type(struct rules *r, const struct kn_json *doc, uint32_t node,
                            struct kn_err *err)
{
    uint32_t name_node = kn_json_find(doc, node, KN_STR("type"));
    struct kn_str name = kn_json_string(doc, name_node, &r->arena);
    if (!is_type_name(name)) {
        return kn_fail(err, KN_E_INVALID,
                       "type must be 1 to 64 lower-case letters, digits, '_', '.' or '-'");
    }
    struct kn_identity_type *type = NULL;
    for (size_t i = 0; i < r->pub.type_count; i++) {
        if (kn_str_eq(r->pub.types[i].name, name)) {
            type = &r->pub.types[i];
        }
    }
    if (!type) {
        if (r->pub.type_count == KN_IDENTITY_TYPES_MAX) {
            return kn_fail(err, KN_E_LIMIT, "at most %d types", (int)KN_IDENTITY_TYPES_MAX);
        }
        type = &r->pub.types[r->pub.type_count];
        type->name = kn_arena_str(&r->arena, name);
        type->limit = DEFAULT_LIMIT;
        type->priority = (uint32_t)r->pub.type_count + 1;
        r->pub.type_count++;
    }
    KN_TRY(read_number(doc, node, "limit", 1, KN_IDENTITY_LIMIT_MAX, &type->limit, err));
    KN_TRY(read_number(doc, node, "priority", 1, 10000, &type->priority, err));
    return read_blocked(r, doc, kn_json_find(doc, node, KN_STR("blocked")), type, err);
}

static enum kn_rc read_document(struct rules *r, const struct kn_json *doc, struct kn_err *err)
{
    if (kn_json_type_at(doc, 0) != KN_JSON_OBJECT) {
        return kn_fail(err, KN_E_INVALID, "identity rules must be an object");
    }
    uint32_t types = kn_json_find(doc, 0, KN_STR("types"));
    if (types != KN_JSON_NONE && kn_json_type_at(doc, types) != KN_JSON_ARRAY) {
        return kn_fail(err, KN_E_INVALID, "types must be an array");
    }
    KN_TRY(read_number(doc, 0, "merges_max", 1, 10000, &r->pub.merges_max, err));
    KN_TRY(read_number(doc, 0, "identifiers_max", 1, 10000, &r->pub.identifiers_max, err));
    KN_TRY(read_number(doc, 0, "fan_out_max", 1, 1000000, &r->pub.fan_out_max, err));
    if (types == KN_JSON_NONE) {
        return KN_OK;
    }
    for (uint32_t i = types + 1; i < doc->nodes[types].next; i = doc->nodes[i].next) {
        KN_TRY(read_type(r, doc, i, err));
    }
    return KN_OK;
}

enum kn_rc kn_identity_rules_parse(struct kn_str json, struct kn_identity_rules **ret,
                                   struct kn_err *err)
{
    struct rules *r = rules_new();
    if (!r) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    if (json.len == 0) {
        *ret = &r->pub;
        return KN_OK;
    }
    struct kn_json_parser *parser = kn_json_parser_new();
    char *padded = kn_arena_alloc(&r->arena, json.len + KN_JSON_PADDING);
    enum kn_rc rc = KN_E_NOMEM;
    if (parser && padded) {
        struct kn_json doc;
        memcpy(padded, json.p, json.len);
        memset(padded + json.len, 0, KN_JSON_PADDING);
        rc =
            kn_json_parse(parser, padded, json.len,
                          &(struct kn_json_limits){.depth_max = 8, .nodes_max = 100000}, &doc, err);
        if (rc == KN_OK) {
            rc = read_document(r, &doc, err);
        }
    } else {
        (void)kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    kn_json_parser_free(parser);
    if (rc != KN_OK) {
        kn_identity_rules_free(&r->pub);
        return rc;
    }
    *ret = &r->pub;
    return KN_OK;
}

void kn_identity_rules_format(const struct kn_identity_rules *rules, struct kn_buf *out)
{
    kn_buf_c(out, "{\"types\":[");
    for (size_t i = 0; i < rules->type_count; i++) {
        const struct kn_identity_type *type = &rules->types[i];
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_kv(out, "type", type->name);
        kn_json_out_ki64(out, "limit", type->limit);
        kn_json_out_ki64(out, "priority", type->priority);
        kn_json_out_key(out, "blocked");
        kn_buf_char(out, '[');
        for (size_t k = 0; k < type->blocked_count; k++) {
            const struct kn_identity_blocked *blocked = &type->blocked[k];
            kn_json_out_comma(out);
            kn_buf_char(out, '{');
            kn_json_out_kv(out, blocked->compiled ? "regex" : "exact",
                           blocked->compiled ? blocked->regex : blocked->exact);
            kn_buf_char(out, '}');
        }
        kn_buf_c(out, "]}");
    }
    kn_buf_char(out, ']');
    kn_json_out_ki64(out, "merges_max", rules->merges_max);
    kn_json_out_ki64(out, "identifiers_max", rules->identifiers_max);
    kn_json_out_ki64(out, "fan_out_max", rules->fan_out_max);
    kn_buf_char(out, '}');
}
