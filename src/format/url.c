#include "format/url.h"

#include "format/http.h"

void kn_url_split(struct kn_str url, struct kn_url *ret)
{
    *ret = (struct kn_url){0};
    struct kn_str rest = url;
    struct kn_str head = kn_str_split(&rest, '#');
    ret->fragment = rest;
    rest = head;
    head = kn_str_split(&rest, '?');
    ret->query = rest;
    ret->bare = head;
    size_t scheme = kn_str_find(head, KN_STR("://"));
    if (scheme == SIZE_MAX) {
        ret->path = head;
        return;
    }
    ret->scheme = kn_str_sub(head, 0, scheme);
    struct kn_str authority = kn_str_sub(head, scheme + 3, head.len);
    size_t slash = kn_str_find(authority, KN_STR("/"));
    ret->path = slash == SIZE_MAX ? KN_STR_EMPTY : kn_str_sub(authority, slash, authority.len);
    authority = kn_str_sub(authority, 0, slash);
    size_t at = kn_str_find(authority, KN_STR("@"));
    authority = at == SIZE_MAX ? authority : kn_str_sub(authority, at + 1, authority.len);
    size_t colon = kn_str_find(authority, KN_STR(":"));
    ret->host = kn_str_sub(authority, 0, colon);
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
    static const char *const names[] = {"gclid",  "gbraid", "wbraid",    "dclid", "fbclid",
                                        "msclkid", "ttclid", "li_fat_id", "twclid", "epik",
                                        "ScCid",  "mc_eid", "_kx"};
    struct kn_str value;
    for (size_t i = 0; query.len > 0 && i < sizeof names / sizeof names[0]; i++) {
        if (find(query, kn_str_c(names[i]), &value) && value.len > 0) {
            return kn_str_c(names[i]);
        }
    }
    return KN_STR_EMPTY;
}
