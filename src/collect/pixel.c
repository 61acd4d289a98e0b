/* Pixel parameters into a message: ?data=BASE64 of one, or flat with dotted keys
 * (properties.subject=..., context.page.url=...). */
#include "collect/collect_internal.h"
#include "format/token.h"

enum { PIXEL_DEPTH_MAX = 8, PIXEL_PARAMS_MAX = 100 };

/* The part of `name` below `prefix` ("" = all of it); false: it is not below it. */
static bool below(struct kn_str name, struct kn_str prefix, struct kn_str *ret)
{
    if (prefix.len == 0) {
        *ret = name;
        return true;
    }
    if (name.len <= prefix.len + 1 || !kn_str_starts(name, prefix) || name.p[prefix.len] != '.') {
        return false;
    }
    *ret = kn_str_sub(name, prefix.len + 1, name.len);
    return true;
}

/* An earlier parameter has brought this member already. */
static bool is_repeated(const struct kn_http_request *request, size_t index, struct kn_str prefix,
                        struct kn_str member)
{
    for (size_t i = 0; i < index; i++) {
        struct kn_str rest;
        if (below(request->params[i].name, prefix, &rest) &&
            kn_str_eq(kn_str_split(&rest, '.'), member)) {
            return true;
        }
    }
    return false;
}

static void put_object(const struct kn_http_request *request, size_t count, struct kn_str prefix,
                       unsigned depth, struct kn_buf *out)
{
    kn_buf_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        const struct kn_http_pair *p = &request->params[i];
        struct kn_str rest;
        bool key = prefix.len == 0 && kn_str_eq_nocase(p->name, KN_STR("writeKey"));
        if (key || !below(p->name, prefix, &rest)) {
            continue;
        }
        struct kn_str member = depth < PIXEL_DEPTH_MAX ? kn_str_split(&rest, '.') : rest;
        if (member.len == 0 || is_repeated(request, i, prefix, member)) {
            continue;
        }
        kn_json_out_key_str(out, member);
        if (depth == PIXEL_DEPTH_MAX || rest.len == 0) {
            kn_json_out_string(out, p->value);
        } else {
            size_t len = (size_t)(member.p + member.len - p->name.p);
            put_object(request, count, kn_str(p->name.p, len), depth + 1, out);
        }
    }
    kn_buf_char(out, '}');
}

/* In a query '+' has become a blank. */
static bool decode(struct kn_str data, struct kn_arena *arena, struct kn_str *ret)
{
    struct kn_str copy = kn_arena_str(arena, data);
    char *p = (char *)(uintptr_t)copy.p;
    for (size_t i = 0; i < copy.len; i++) {
        p[i] = p[i] == ' ' ? '+' : p[i];
    }
    return copy.len > 0 && kn_base64_decode(copy, arena, ret);
}

struct kn_str kn_pixel_message(const struct kn_http_request *request, struct kn_buf *scratch)
{
    struct kn_str data = kn_http_param(request, "data");
    struct kn_str message;
    kn_buf_clear(scratch);
    if (!decode(data, request->arena, &message)) {
        size_t count =
            request->param_count < PIXEL_PARAMS_MAX ? request->param_count : PIXEL_PARAMS_MAX;
        put_object(request, count, KN_STR_EMPTY, 0, scratch);
        message = kn_buf_view(scratch);
    }
    char *padded = kn_arena_alloc(request->arena, message.len + KN_JSON_PADDING);
    if (!padded || !message.p || message.len == 0 || scratch->rc != KN_OK) {
        return KN_STR_EMPTY;
    }
    memcpy(padded, message.p, message.len);
    memset(padded + message.len, 0, KN_JSON_PADDING);
    return kn_str(padded, message.len);
}
