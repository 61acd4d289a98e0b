/* The channel of a visit. */
#include "cm.h"
#include "format/channel.h"

static const struct {
    const char *source, *medium, *click, *referrer, *own, *channel;
} cases[] = {
    {"", "", "", "", "shop.nl", "direct"},
    {"", "", "", "$direct", "shop.nl", "direct"},
    {"", "", "", "shop.nl", "shop.nl", "direct"},
    {"", "", "", "WWW.Shop.nl", "shop.nl", "direct"},
    {"", "", "", "pay.shop.nl", "www.shop.nl", "direct"},
    {"", "", "", "shop.nl", "blog.shop.nl", "direct"},
    {"", "", "", "myshop.nl", "shop.nl", "referral"},
    {"", "", "", "tweakers.net", "shop.nl", "referral"},
    {"", "", "", "tweakers.net", "", "referral"},
    {"", "", "", "www.google.com", "shop.nl", "organic_search"},
    {"", "", "", "google.nl", "shop.nl", "organic_search"},
    {"", "", "", "www.google.co.uk", "shop.nl", "organic_search"},
    {"", "", "", "www.google.com.br", "shop.nl", "organic_search"},
    {"", "", "", "WWW.BING.COM", "shop.nl", "organic_search"},
    {"", "", "", "duckduckgo.com", "shop.nl", "organic_search"},
    {"", "", "", "www.ecosia.org", "shop.nl", "organic_search"},
    {"", "", "", "search.yahoo.com", "shop.nl", "organic_search"},
    {"", "", "", "www.startpage.com", "shop.nl", "organic_search"},
    {"", "", "", "www.qwant.com", "shop.nl", "organic_search"},
    {"", "", "", "yandex.ru", "shop.nl", "organic_search"},
    {"", "", "", "www.baidu.com", "shop.nl", "organic_search"},
    {"", "", "", "notgoogle.com", "shop.nl", "referral"},
    {"", "", "", "google.evil.example", "shop.nl", "referral"},
    {"", "", "", "google", "shop.nl", "organic_search"},
    {"", "", "", "mail.google.com", "shop.nl", "email"},
    {"", "", "", "outlook.live.com", "shop.nl", "email"},
    {"", "", "", "com.google.android.gm", "shop.nl", "email"},
    {"", "", "", "l.facebook.com", "shop.nl", "social"},
    {"", "", "", "t.co", "shop.nl", "social"},
    {"", "", "", "x.com", "shop.nl", "social"},
    {"", "", "", "netflix.com", "shop.nl", "referral"},
    {"", "", "", "microsoft.co", "shop.nl", "referral"},
    {"", "", "", "nl.linkedin.com", "shop.nl", "social"},
    {"", "", "", "www.youtube.com", "shop.nl", "social"},
    {"", "", "gclid", "www.google.com", "shop.nl", "paid_search"},
    {"", "", "gbraid", "", "shop.nl", "paid_search"},
    {"", "", "wbraid", "", "shop.nl", "paid_search"},
    {"", "", "msclkid", "www.bing.com", "shop.nl", "paid_search"},
    {"", "", "dclid", "", "shop.nl", "display"},
    {"", "", "fbclid", "", "shop.nl", "social"},
    {"", "", "igshid", "", "shop.nl", "social"},
    {"", "", "ttclid", "", "shop.nl", "paid_social"},
    {"", "", "li_fat_id", "", "shop.nl", "paid_social"},
    {"", "", "twclid", "", "shop.nl", "paid_social"},
    {"", "", "epik", "", "shop.nl", "paid_social"},
    {"", "", "ScCid", "", "shop.nl", "paid_social"},
    {"", "", "mc_eid", "", "shop.nl", "email"},
    {"", "", "_kx", "", "shop.nl", "email"},
    {"google", "cpc", "gclid", "www.google.com", "shop.nl", "paid_search"},
    {"bing", "CPC", "", "", "shop.nl", "paid_search"},
    {"google", "ppc", "", "", "shop.nl", "paid_search"},
    {"google", "paidsearch", "", "", "shop.nl", "paid_search"},
    {"partner", "paid", "", "", "shop.nl", "paid_search"},
    {"facebook", "cpc", "", "", "shop.nl", "paid_social"},
    {"meta", "paid_social", "", "", "shop.nl", "paid_social"},
    {"agency", "paid-social", "", "", "shop.nl", "paid_social"},
    {"ig", "paid", "", "", "shop.nl", "paid_social"},
    {"facebook", "social", "", "", "shop.nl", "social"},
    {"buffer", "social-media", "", "", "shop.nl", "social"},
    {"instagram", "", "", "", "shop.nl", "social"},
    {"linkedin.com", "post", "", "", "shop.nl", "social"},
    {"newsletter", "email", "", "", "shop.nl", "email"},
    {"spring", "E-Mail", "", "", "shop.nl", "email"},
    {"nieuwsbrief", "", "", "", "shop.nl", "email"},
    {"x", "sms", "", "", "shop.nl", "sms"},
    {"app", "push", "", "", "shop.nl", "push"},
    {"daisycon", "affiliate", "", "", "shop.nl", "affiliate"},
    {"dv360", "display", "", "", "shop.nl", "display"},
    {"dv360", "banner", "", "", "shop.nl", "display"},
    {"google", "organic", "", "", "shop.nl", "organic_search"},
    {"google", "", "", "", "shop.nl", "organic_search"},
    {"google", "", "gclid", "", "shop.nl", "paid_search"},
    {"blog", "referral", "", "", "shop.nl", "referral"},
    {"folder", "qr", "", "", "shop.nl", "other"},
    {"folder", "", "", "www.google.com", "shop.nl", "other"},
    {"", "unknown", "", "www.google.com", "shop.nl", "other"},
};

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kn_str got = kn_channel(kn_str_c(cases[i].source), kn_str_c(cases[i].medium),
                                       kn_str_c(cases[i].click), kn_str_c(cases[i].referrer),
                                       kn_str_c(cases[i].own));
        if (!kn_str_eq(got, kn_str_c(cases[i].channel))) {
            fail_msg("%zu %s/%s/%s/%s is %.*s, not %s", i, cases[i].source, cases[i].medium,
                     cases[i].click, cases[i].referrer, KN_STR_ARG(got), cases[i].channel);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
