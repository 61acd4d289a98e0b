#include "format/channel.h"

static bool one_of(struct kn_str s, const char *const *list)
{
    for (; *list; list++) {
        if (kn_str_eq_nocase(s, kn_str_c(*list))) {
            return true;
        }
    }
    return false;
}

/* The list has names of sites; a host belongs to one as itself, a subdomain or a country's site. */
static bool is_site(struct kn_str host, const char *const *list)
{
    for (; *list; list++) {
        struct kn_str name = kn_str_c(*list);
        size_t at = kn_str_find(host, name);
        if (at != SIZE_MAX && (at == 0 || host.p[at - 1] == '.') &&
            (at + name.len == host.len || host.p[at + name.len] == '.')) {
            return true;
        }
    }
    return false;
}

static const char *const search_sites[] = {"google", "bing", "duckduckgo", "ecosia", "yahoo",
                                           "startpage", "qwant", "yandex", "baidu", "brave", NULL};
static const char *const social_sites[] = {
    "facebook", "instagram", "t.co", "twitter", "x.com", "linkedin", "lnkd.in", "pinterest",
    "tiktok", "youtube", "reddit", "snapchat", "threads.net", "whatsapp", "mastodon", "bsky.app",
    NULL};
static const char *const mail_sites[] = {"mail.google", "outlook.live", "mail.yahoo", "webmail",
                                         NULL};
static const char *const paid_mediums[] = {"cpc", "ppc", "sea", "paidsearch", "paid", "paid_search",
                                           "paid-search", NULL};
static const char *const paid_social_mediums[] = {"paid_social", "paidsocial", "paid-social",
                                                  "cpm_social", NULL};
static const char *const social_mediums[] = {"social", "social-network", "social-media", "sm",
                                             "social_media", NULL};
static const char *const display_mediums[] = {"display", "banner", "cpm", "retargeting",
                                              "interstitial", NULL};
static const char *const email_words[] = {"email", "e-mail", "e_mail", "mail", "newsletter",
                                          "nieuwsbrief", NULL};
static const char *const affiliate_mediums[] = {"affiliate", "affiliates", NULL};
static const char *const push_mediums[] = {"push", "webpush", "mobile push", "notification", NULL};
static const char *const social_clicks[] = {"fbclid", "ttclid", "li_fat_id", "twclid", "epik",
                                            "ScCid", NULL};
static const char *const search_clicks[] = {"gclid", "gbraid", "wbraid", "msclkid", NULL};

static struct kn_str by_campaign(struct kn_str source, struct kn_str medium)
{
    bool social = is_site(source, social_sites) || kn_str_eq_nocase(source, KN_STR("meta")) ||
                  kn_str_eq_nocase(source, KN_STR("fb")) || kn_str_eq_nocase(source, KN_STR("ig"));
    if (one_of(medium, email_words) || one_of(source, email_words)) {
        return KN_STR("email");
    }
    if (one_of(medium, paid_social_mediums) || (social && one_of(medium, paid_mediums))) {
        return KN_STR("paid_social");
    }
    if (one_of(medium, paid_mediums)) {
        return KN_STR("paid_search");
    }
    if (one_of(medium, display_mediums)) {
        return KN_STR("display");
    }
    if (one_of(medium, affiliate_mediums)) {
        return KN_STR("affiliate");
    }
    if (kn_str_eq_nocase(medium, KN_STR("sms"))) {
        return KN_STR("sms");
    }
    if (one_of(medium, push_mediums)) {
        return KN_STR("push");
    }
    if (one_of(medium, social_mediums) || social) {
        return KN_STR("social");
    }
    if (kn_str_eq_nocase(medium, KN_STR("organic"))) {
        return KN_STR("organic_search");
    }
    return kn_str_eq_nocase(medium, KN_STR("referral")) ? KN_STR("referral") : KN_STR("other");
}

struct kn_str kn_channel(struct kn_str source, struct kn_str medium, struct kn_str click_id,
                         struct kn_str referrer_host, struct kn_str own_host)
{
    if (medium.len > 0 || source.len > 0) {
        return by_campaign(source, medium);
    }
    if (one_of(click_id, search_clicks)) {
        return KN_STR("paid_search");
    }
    if (kn_str_eq(click_id, KN_STR("dclid"))) {
        return KN_STR("display");
    }
    if (kn_str_eq(click_id, KN_STR("mc_eid")) || kn_str_eq(click_id, KN_STR("_kx"))) {
        return KN_STR("email");
    }
    if (one_of(click_id, social_clicks)) {
        return KN_STR("social");
    }
    if (referrer_host.len == 0 || kn_str_eq_nocase(referrer_host, own_host)) {
        return KN_STR("direct");
    }
    if (is_site(referrer_host, mail_sites)) {
        return KN_STR("email");
    }
    if (is_site(referrer_host, search_sites)) {
        return KN_STR("organic_search");
    }
    return is_site(referrer_host, social_sites) ? KN_STR("social") : KN_STR("referral");
}
