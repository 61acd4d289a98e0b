/* Any bytes as a query: what it decodes to, written out again in full escapes, decodes to the same;
 * the pieces of a URL are pieces of it. */
#include <stdint.h>

#include "base/assert.h"
#include "format/http.h"
#include "format/token.h"
#include "format/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAIRS_MAX = 64 };

static void put_escaped(struct kn_buf *out, struct kn_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char hex[2];
        kn_hex_encode((const unsigned char *)s.p + i, 1, hex);
        kn_buf_char(out, '%');
        kn_buf_add(out, hex, 2);
    }
}

static void check_url(struct kn_str text)
{
    struct kn_url u;
    kn_url_split(text, &u);
    const struct kn_str parts[] = {u.scheme, u.host, u.path, u.query, u.fragment, u.bare, u.port};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        kn_assert(parts[i].len == 0 ||
                  (parts[i].p >= text.p && parts[i].p + parts[i].len <= text.p + text.len));
    }
    (void)kn_url_click_id(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kn_str text = kn_str(data, size);
    struct kn_http_pair *pairs = NULL;
    struct kn_http_pair *again = NULL;
    size_t count = 0;
    size_t count_again = 0;
    struct kn_arena arena;
    struct kn_buf out;
    kn_arena_init(&arena, SIZE_MAX);
    kn_buf_init(&out, SIZE_MAX);
    check_url(text);
    struct kn_str path = kn_http_clean_path(text, &arena);
    kn_assert(kn_str_find(path, KN_STR("//")) == SIZE_MAX);
    if (kn_http_parse_query(text, PAIRS_MAX, &arena, &pairs, &count)) {
        kn_assert(count <= PAIRS_MAX);
        for (size_t i = 0; i < count; i++) {
            put_escaped(&out, pairs[i].name);
            kn_buf_char(&out, '=');
            put_escaped(&out, pairs[i].value);
            kn_buf_char(&out, '&');
        }
        kn_assert(kn_http_parse_query(kn_buf_view(&out), PAIRS_MAX, &arena, &again, &count_again));
        kn_assert(count == count_again);
        for (size_t i = 0; i < count; i++) {
            kn_assert(kn_str_eq(pairs[i].name, again[i].name));
            kn_assert(kn_str_eq(pairs[i].value, again[i].value));
        }
    }
    kn_buf_deinit(&out);
    kn_arena_deinit(&arena);
    return 0;
}
