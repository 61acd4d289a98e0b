/* Write keys: every form the SDKs use, in the order of collect-protocols section 1.3. */
#include "collect/collect_internal.h"
#include "format/token.h"

static bool is_scheme(struct kn_str header, const char *scheme, struct kn_str *ret_rest)
{
    struct kn_str name = kn_str_c(scheme);
    if (header.len <= name.len || !kn_str_eq_nocase(kn_str_sub(header, 0, name.len), name) ||
        header.p[name.len] != ' ') {
        return false;
    }
    *ret_rest = kn_str_trim(kn_str_sub(header, name.len, header.len));
    return true;
}

struct kn_str kn_request_key(const struct kn_http_request *request, bool *ret_bearer)
{
    struct kn_str header = kn_http_header(request, "Authorization");
    struct kn_str rest;
    struct kn_str decoded;
    *ret_bearer = is_scheme(header, "Bearer", &rest);
    if (is_scheme(header, "Basic", &rest) && kn_base64_decode(rest, request->arena, &decoded)) {
        bool colon = kn_str_ends(decoded, KN_STR(":")); /* some leave it out */
        struct kn_str key = kn_str_sub(decoded, 0, decoded.len - (colon ? 1 : 0));
        if (key.len > 0) {
            return key;
        }
    }
    struct kn_str key = kn_str_trim(kn_http_header(request, "X-Write-Key"));
    key = key.len > 0 ? key : kn_http_param(request, "writeKey");
    return key.len > 0 ? key : kn_http_param(request, "writekey");
}

enum kn_rc kn_find_key(const struct kn_collect_env *env, struct kn_str key,
                       struct kn_collect_target *ret)
{
    if (key.len == 0 || key.len > KN_WRITE_KEY_MAX) {
        return KN_E_NOT_FOUND;
    }
    enum kn_rc rc = env->find(env->context, key, ret);
    struct kn_str first = kn_str_split(&key, ':');
    return rc == KN_E_NOT_FOUND && key.len > 0 && first.len > 0
               ? env->find(env->context, first, ret)
               : rc;
}

static struct kn_str key_of(const struct kn_json *doc, uint32_t object, struct kn_arena *arena)
{
    return kn_str_trim(kn_json_string(doc, kn_json_find(doc, object, KN_STR("writeKey")), arena));
}

struct kn_str kn_body_key(const struct kn_json *doc, struct kn_arena *arena)
{
    struct kn_str key = key_of(doc, 0, arena);
    uint32_t batch = kn_json_find(doc, 0, KN_STR("batch"));
    if (key.len == 0 && kn_json_type_at(doc, batch) == KN_JSON_ARRAY &&
        doc->nodes[batch].next > batch + 1) {
        key = key_of(doc, batch + 1, arena);
    }
    return key;
}
