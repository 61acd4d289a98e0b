#include "format/http.h"

#include "base/assert.h"

struct kn_str kn_http_header(const struct kn_http_request *request, const char *name)
{
    struct kn_str wanted = kn_str_c(name);
    for (size_t i = 0; i < request->header_count; i++) {
        if (kn_str_eq_nocase(request->headers[i].name, wanted)) {
            return request->headers[i].value;
        }
    }
    return KN_STR_EMPTY;
}

static const struct kn_http_pair *find_param(const struct kn_http_request *request,
                                             const char *name)
{
    struct kn_str wanted = kn_str_c(name);
    for (size_t i = 0; i < request->param_count; i++) {
        if (kn_str_eq(request->params[i].name, wanted)) {
            return &request->params[i];
        }
    }
    return NULL;
}

struct kn_str kn_http_param(const struct kn_http_request *request, const char *name)
{
    const struct kn_http_pair *pair = find_param(request, name);
    return pair ? pair->value : KN_STR_EMPTY;
}

bool kn_http_has_param(const struct kn_http_request *request, const char *name)
{
    return find_param(request, name) != NULL;
}

void kn_http_response_init(struct kn_http_response *response, size_t body_max)
{
    response->status = 0;
    response->header_count = 0;
    kn_buf_init(&response->body, body_max);
}

void kn_http_response_deinit(struct kn_http_response *response)
{
    kn_buf_deinit(&response->body);
}

void kn_http_set_header(struct kn_http_response *response, const char *name, struct kn_str value)
{
    struct kn_str wanted = kn_str_c(name);
    for (size_t i = 0; i < response->header_count; i++) {
        if (kn_str_eq_nocase(response->headers[i].name, wanted)) {
            response->headers[i].value = value;
            return;
        }
    }
    kn_assert(response->header_count < KN_HTTP_HEADERS_MAX);
    response->headers[response->header_count++] = (struct kn_http_pair){wanted, value};
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct kn_str kn_http_decode(struct kn_str raw, bool plus_is_space, struct kn_arena *arena)
{
    bool plain = raw.len == 0 ||
                 (!memchr(raw.p, '%', raw.len) && !(plus_is_space && memchr(raw.p, '+', raw.len)));
    if (plain) {
        return raw;
    }
    char *to = kn_arena_alloc(arena, raw.len + 1);
    size_t len = 0;
    if (!to) {
        return KN_STR_EMPTY;
    }
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.p[i];
        int high = c == '%' && i + 2 < raw.len ? hex_digit(raw.p[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(raw.p[i + 2]) : -1;
        if (low >= 0) {
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        to[len++] = c;
    }
    return kn_str(to, len);
}

/* Parts between '&' that have a name. */
static size_t count_pairs(struct kn_str raw)
{
    size_t count = 0;
    while (raw.len > 0) {
        struct kn_str pair = kn_str_split(&raw, '&');
        count += pair.len > 0 && pair.p[0] != '=' ? 1 : 0;
    }
    return count;
}

bool kn_http_parse_query(struct kn_str raw, size_t max, struct kn_arena *arena,
                         struct kn_http_pair **ret, size_t *ret_count)
{
    size_t count = count_pairs(raw);
    struct kn_http_pair *pairs = NULL;
    if (count > max) {
        return false;
    }
    if (count > 0) {
        pairs = kn_arena_zero(arena, count, sizeof *pairs);
        if (!pairs) {
            return false;
        }
    }
    for (size_t i = 0; i < count;) {
        struct kn_str value = kn_str_split(&raw, '&');
        struct kn_str name = kn_str_split(&value, '=');
        if (name.len == 0) {
            continue;
        }
        pairs[i].name = kn_http_decode(name, true, arena);
        pairs[i].value = value.len > 0 ? kn_http_decode(value, true, arena) : KN_STR("");
        if (!pairs[i].name.p || !pairs[i].value.p) {
            return false;
        }
        i++;
    }
    *ret = pairs;
    *ret_count = count;
    return true;
}

struct kn_str kn_http_clean_path(struct kn_str path, struct kn_arena *arena)
{
    if (kn_str_find(path, KN_STR("//")) != SIZE_MAX) {
        char *to = kn_arena_alloc(arena, path.len);
        size_t len = 0;
        if (!to) {
            return KN_STR_EMPTY;
        }
        for (size_t i = 0; i < path.len; i++) {
            if (path.p[i] != '/' || len == 0 || to[len - 1] != '/') {
                to[len++] = path.p[i];
            }
        }
        path = kn_str(to, len);
    }
    while (path.len > 1 && path.p[path.len - 1] == '/') {
        path.len--;
    }
    return path;
}
