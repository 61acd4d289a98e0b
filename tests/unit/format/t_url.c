/* URLs taken apart, campaign parameters and click ids. */
#include "base/rand.h"
#include "cm.h"
#include "format/url.h"

static void split(void **state)
{
    static const struct {
        const char *url, *scheme, *host, *port, *path, *query, *fragment, *bare;
    } cases[] = {
        {"https://shop.example/p/1?utm_source=x#top", "https", "shop.example", "", "/p/1",
         "utm_source=x", "top", "https://shop.example/p/1"},
        {"http://Shop.Example:8080", "http", "Shop.Example", "8080", "", "", "",
         "http://Shop.Example:8080"},
        {"https://u:p@host:1/", "https", "host", "1", "/", "", "", "https://u:p@host:1/"},
        {"https://a@b@host/", "https", "host", "", "/", "", "", "https://a@b@host/"},
        {"https://[::1]:80/x", "https", "[::1]", "80", "/x", "", "", "https://[::1]:80/x"},
        {"https://[::1/x", "https", "[", ":1", "/x", "", "", "https://[::1/x"},
        {"//cdn.example/x?q", "", "cdn.example", "", "/x", "q", "", "//cdn.example/x"},
        {"/p/1?x=//y", "", "", "", "/p/1", "x=//y", "", "/p/1"},
        {"/go/https://x.nl/", "", "", "", "/go/https://x.nl/", "", "", "/go/https://x.nl/"},
        {"mailto:a@b", "", "", "", "mailto:a@b", "", "", "mailto:a@b"},
        {"android-app://com.google.android.gm/", "android-app", "com.google.android.gm", "", "/",
         "", "", "android-app://com.google.android.gm/"},
        {"https://h?a?b#c#d", "https", "h", "", "", "a?b", "c#d", "https://h"},
        {"https://h#f?x", "https", "h", "", "", "", "f?x", "https://h"},
        {" https://h/ ", "https", "h", "", "/", "", "", "https://h/"},
        {"https://", "https", "", "", "", "", "", "https://"},
        {"", "", "", "", "", "", "", ""},
        {"?a=1", "", "", "", "", "a=1", "", ""},
        {"1http://h/", "", "", "", "1http://h/", "", "", "1http://h/"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kn_url u;
        kn_url_split(kn_str_c(cases[i].url), &u);
        bool ok = kn_str_eq(u.scheme, kn_str_c(cases[i].scheme)) &&
                  kn_str_eq(u.host, kn_str_c(cases[i].host)) &&
                  kn_str_eq(u.port, kn_str_c(cases[i].port)) &&
                  kn_str_eq(u.path, kn_str_c(cases[i].path)) &&
                  kn_str_eq(u.query, kn_str_c(cases[i].query)) &&
                  kn_str_eq(u.fragment, kn_str_c(cases[i].fragment)) &&
                  kn_str_eq(u.bare, kn_str_c(cases[i].bare));
        if (!ok) {
            fail_msg("%s: host %.*s path %.*s query %.*s", cases[i].url, KN_STR_ARG(u.host),
                     KN_STR_ARG(u.path), KN_STR_ARG(u.query));
        }
    }
}

static void any_text(void **state)
{
    static const char alphabet[] = "ht:/?#@[]a1.=&%\xff";
    struct kn_rand r = kn_rand_seed(11);
    struct kn_arena arena;
    (void)state;
    kn_arena_init(&arena, 1 << 20);
    for (int i = 0; i < 100000; i++) {
        char text[16];
        size_t len = (size_t)kn_rand_below(&r, sizeof text + 1);
        for (size_t k = 0; k < len; k++) {
            text[k] = alphabet[kn_rand_below(&r, sizeof alphabet - 1)];
        }
        struct kn_url u;
        kn_url_split(kn_str(text, len), &u);
        struct kn_str parts[] = {u.scheme, u.host, u.path, u.query, u.fragment, u.bare, u.port};
        for (size_t k = 0; k < 7; k++) { /* every part is a piece of the text */
            assert_true(parts[k].len == 0 ||
                        (parts[k].p >= text && parts[k].p + parts[k].len <= text + len));
        }
        assert_true(u.bare.len == 0 || !memchr(u.bare.p, '?', u.bare.len));
        assert_true(kn_url_host(kn_str(text, len), &arena).len <= len);
        (void)kn_url_click_id(u.query);
        kn_arena_clear(&arena);
    }
    kn_arena_deinit(&arena);
}

static void hosts_and_params(void **state)
{
    struct kn_arena arena;
    struct kn_str query = KN_STR("?utm_source=Goog%20le&utm_medium=a+b&x&y=&utm_source=2&%=1");
    (void)state;
    kn_arena_init(&arena, 1 << 20);
    assert_true(kn_str_eq(kn_url_host(KN_STR("https://WWW.Example.NL.:443/x"), &arena),
                          KN_STR("www.example.nl")));
    assert_true(kn_str_eq(kn_url_host(KN_STR("https://a.nl/"), &arena), KN_STR("a.nl")));
    assert_int_equal(kn_url_host(KN_STR("/path"), &arena).len, 0);
    assert_true(kn_str_eq(kn_url_param(query, "utm_source", &arena), KN_STR("Goog le")));
    assert_true(kn_str_eq(kn_url_param(query, "utm_medium", &arena), KN_STR("a b")));
    assert_int_equal(kn_url_param(query, "x", &arena).len, 0);
    assert_int_equal(kn_url_param(query, "utm_term", &arena).len, 0);
    assert_int_equal(kn_url_param(KN_STR_EMPTY, "utm_term", &arena).len, 0);
    kn_arena_deinit(&arena);
}

static void click_ids(void **state)
{
    static const char *const cases[][2] = {
        {"gclid=1", "gclid"},
        {"?a=b&gbraid=1", "gbraid"},
        {"wbraid=x", "wbraid"},
        {"dclid=x", "dclid"},
        {"fbclid=x", "fbclid"},
        {"msclkid=x", "msclkid"},
        {"ttclid=x", "ttclid"},
        {"li_fat_id=x", "li_fat_id"},
        {"twclid=x", "twclid"},
        {"epik=x", "epik"},
        {"ScCid=x", "ScCid"},
        {"igshid=x", "igshid"},
        {"mc_eid=x", "mc_eid"},
        {"_kx=x", "_kx"},
        {"fbclid=1&gclid=2", "gclid"},
        {"gclid=", ""},
        {"gclid", ""},
        {"xgclid=1", ""},
        {"", ""},
        {"a=gclid=1", ""},
        {"gclid=&fbclid=1", "fbclid"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (!kn_str_eq(kn_url_click_id(kn_str_c(cases[i][0])), kn_str_c(cases[i][1]))) {
            fail_msg("%s", cases[i][0]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(split), cmocka_unit_test(any_text),
                                       cmocka_unit_test(hosts_and_params),
                                       cmocka_unit_test(click_ids)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
