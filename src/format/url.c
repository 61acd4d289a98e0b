#include "format/url.h"

#include "format/http.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 3986 section 3.1. */
static bool is_scheme(struct kn_str s)
{
    if (s.len == 0 || !is_letter(s.p[0])) {
        return false;
    }
    for (size_t i = 1; i < s.len; i++) {
        char c = s.p[i];
        if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.') {
            return false;
        }
    }
    return true;
}

/* [user@]host[:port] */
static void split_authority(struct kn_str s, struct kn_url *ret)
{
    for (size_t i = s.len; i > 0; i--) {
        if (s.p[i - 1] == '@') {
            s = kn_str_sub(s, i, s.len);
            break;
        }
    }
    size_t from = 0;
    if (s.len > 0 && s.p[0] == '[') {
        size_t close = kn_str_find(s, KN_STR("]"));
        from = close == SIZE_MAX ? 0 : close;
    }
    size_t colon = kn_str_find(kn_str_sub(s, from, s.len), KN_STR(":"));
    colon = colon == SIZE_MAX ? s.len : from + colon;
    ret->host = kn_str_sub(s, 0, colon);
    ret->port = kn_str_sub(s, colon + 1, s.len);
}

void kn_url_split(struct kn_str url, struct kn_url *ret)
{
    *ret = (struct kn_url){0};
    struct kn_str rest = kn_str_trim(url);
    struct kn_str head = kn_str_split(&rest, '#');
    ret->fragment = rest;
    rest = head;
    head = kn_str_split(&rest, '?');
    ret->query = rest;
    ret->bare = head;
    size_t mark = kn_str_find(head, KN_STR("//"));
    bool schemed = mark != SIZE_MAX && mark > 0 && head.p[mark - 1] == ':' &&
                   is_scheme(kn_str_sub(head, 0, mark - 1));
    if (mark != 0 && !schemed) {
        ret->path = head;
        return;
    }
    ret->scheme = schemed ? kn_str_sub(head, 0, mark - 1) : KN_STR_EMPTY;
    struct kn_str authority = kn_str_sub(head, mark + 2, head.len);
    size_t slash = kn_str_find(authority, KN_STR("/"));
    ret->path = kn_str_sub(authority, slash, authority.len);
    split_authority(kn_str_sub(authority, 0, slash), ret);
}

struct kn_str kn_url_host(struct kn_str url, struct kn_arena *arena)
{
    struct kn_url parts;
    kn_url_split(url, &parts);
    struct kn_str host = parts.host;
    if (host.len > 0 && host.p[host.len - 1] == '.') {
        host.len--;
    }
    size_t i = 0;
    while (i < host.len && !(host.p[i] >= 'A' && host.p[i] <= 'Z')) {
        i++;
    }
    if (i == host.len) {
        return host;
    }
    char *to = kn_arena_alloc(arena, host.len);
    if (!to) {
        return KN_STR_EMPTY;
    }
    for (i = 0; i < host.len; i++) {
        to[i] = host.p[i] >= 'A' && host.p[i] <= 'Z' ? (char)(host.p[i] | 32) : host.p[i];
    }
    return kn_str(to, host.len);
}

static bool find(struct kn_str query, struct kn_str name, struct kn_str *ret)
{
    if (query.len > 0 && query.p[0] == '?') {
        query = kn_str_sub(query, 1, query.len);
    }
    while (query.len > 0) {
        struct kn_str value = kn_str_split(&query, '&');
        if (kn_str_eq(kn_str_split(&value, '='), name)) {
            *ret = value;
            return true;
        }
    }
    return false;
}

struct kn_str kn_url_param(struct kn_str query, const char *name, struct kn_arena *arena)
{
    struct kn_str value = KN_STR_EMPTY;
    return find(query, kn_str_c(name), &value) ? kn_http_decode(value, true, arena) : KN_STR_EMPTY;
}

struct kn_str kn_url_click_id(struct kn_str query)
{
    static const char *const names[] = {
        "gclid",  "gbraid", "wbraid", "msclkid", "dclid",  "ttclid", "li_fat_id",
        "twclid", "epik",   "ScCid",  "fbclid",  "igshid", "mc_eid", "_kx",
    };
    enum { COUNT = sizeof names / sizeof names[0] };
    size_t best = COUNT;
    if (query.len > 0 && query.p[0] == '?') {
        query = kn_str_sub(query, 1, query.len);
    }
    while (query.len > 0) {
        struct kn_str value = kn_str_split(&query, '&');
        struct kn_str name = kn_str_split(&value, '=');
        for (size_t i = 0; value.len > 0 && i < best; i++) {
            best = kn_str_eq(name, kn_str_c(names[i])) ? i : best;
        }
    }
    return best < COUNT ? kn_str_c(names[best]) : KN_STR_EMPTY;
}
