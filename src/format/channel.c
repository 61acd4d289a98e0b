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

static bool ends_with(struct kn_str s, struct kn_str end)
{
    return s.len >= end.len && end.len > 0 &&
           kn_str_eq_nocase(kn_str(s.p + s.len - end.len, end.len), end);
}

/* host is the domain or a subdomain of it. */
static bool within(struct kn_str host, struct kn_str domain)
{
    return ends_with(host, domain) &&
           (host.len == domain.len || host.p[host.len - domain.len - 1] == '.');
}

/* "com", "nl", "co.uk", "com.br": what may follow the name of a site that has one in every country.
 */
static bool is_suffix(struct kn_str s)
{
    struct kn_str rest = s;
    struct kn_str first = kn_str_split(&rest, '.');
    if (kn_str_find(rest, KN_STR(".")) != SIZE_MAX || first.len < 2) {
        return false;
    }
    return rest.len == 0 ? first.len <= 4 : first.len <= 3 && rest.len == 2;
}

/* name is a label of the host and a public suffix follows it. */
static bool has_brand(struct kn_str host, struct kn_str name)
{
    struct kn_str rest = host;
    while (rest.len > name.len) {
        struct kn_str label = kn_str_split(&rest, '.');
        if (kn_str_eq_nocase(label, name) && is_suffix(rest)) {
            return true;
        }
    }
    return false;
}

/* The list has domains ("t.co") and names of sites with many ("google"); the latter also stand
 * alone, as sources of campaigns do. */
static bool is_site(struct kn_str host, const char *const *list)
{
    for (; *list; list++) {
        struct kn_str name = kn_str_c(*list);
        bool domain = memchr(name.p, '.', name.len) != NULL;
        if (domain ? within(host, name) : kn_str_eq_nocase(host, name) || has_brand(host, name)) {
            return true;
        }
    }
    return false;
}

static const char *const search_sites[] = {
    "google", "bing",  "duckduckgo",       "ecosia", "yahoo",      "startpage", "qwant", "yandex",
    "baidu",  "naver", "search.brave.com", "kagi",   "perplexity", "ask.com",   "aol",   "seznam",
    "sogou",  NULL};
static const char *const social_sites[] = {
    "facebook", "instagram",   "t.co",     "twitter", "x.com",           "linkedin",
    "lnkd.in",  "pinterest",   "tiktok",   "youtube", "youtu.be",        "reddit",
    "snapchat", "threads.net", "whatsapp", "wa.me",   "mastodon",        "bsky.app",
    "telegram", "t.me",        "tumblr",   "vk.com",  "weibo",           "messenger",
    "fb.com",   "fb.me",       "threads",  "bluesky", "mastodon.social", "discord",
    "pin.it",   "threads.com", NULL};
/* What people write in campaigns for the same. */
static const char *const social_sources[] = {"meta", "fb", "ig", "insta", "li", "x", "snap", NULL};
static const char *const mail_sites[] = {"mail.google.com",       "outlook.live.com",
                                         "outlook.office.com",    "outlook.office365.com",
                                         "mail.yahoo.com",        "mail.proton.me",
                                         "com.google.android.gm", "webmail.kpnmail.nl",
                                         "webmail.ziggo.nl",      NULL};
static const char *const paid_mediums[] = {"cpc", "ppc", "sea", "cpv", "cpa", "sem", NULL};
static const char *const social_mediums[] = {"social",
                                             "social-network",
                                             "social_network",
                                             "social network",
                                             "social-media",
                                             "social_media",
                                             "social media",
                                             "sm",
                                             NULL};
static const char *const display_mediums[] = {"display",     "banner",       "cpm",
                                              "retargeting", "remarketing",  "interstitial",
                                              "expandable",  "programmatic", NULL};
static const char *const email_words[] = {"email", "e-mail",     "e_mail",      "e mail",
                                          "mail",  "newsletter", "nieuwsbrief", NULL};
static const char *const affiliate_mediums[] = {"affiliate", "affiliates", NULL};
static const char *const push_mediums[] = {"push",        "webpush",      "web-push",
                                           "mobile push", "notification", NULL};
static const char *const sms_mediums[] = {"sms", NULL};
static const char *const referral_mediums[] = {"referral", "app", "link", NULL};
static const char *const search_clicks[] = {"gclid", "gbraid", "wbraid", "msclkid", NULL};
static const char *const paid_social_clicks[] = {"ttclid", "li_fat_id", "twclid",
                                                 "epik",   "ScCid",     NULL};
static const char *const social_clicks[] = {"fbclid", "igshid", NULL};
static const char *const email_clicks[] = {"mc_eid", "_kx", NULL};

static bool is_social(struct kn_str source)
{
    return source.len > 0 && (is_site(source, social_sites) || one_of(source, social_sources));
}

/* paid, paidsearch, paid-social, paid_...; cpc and its like. */
static bool is_paid(struct kn_str medium)
{
    return one_of(medium, paid_mediums) ||
           (medium.len >= 4 && kn_str_eq_nocase(kn_str(medium.p, 4), KN_STR("paid")));
}

static struct kn_str by_medium(struct kn_str source, struct kn_str medium)
{
    if (one_of(medium, email_words)) {
        return KN_STR("email");
    }
    if (is_paid(medium)) {
        return is_social(source) || ends_with(medium, KN_STR("social")) ? KN_STR("paid_social")
                                                                        : KN_STR("paid_search");
    }
    if (one_of(medium, display_mediums)) {
        return is_social(source) ? KN_STR("paid_social") : KN_STR("display");
    }
    if (one_of(medium, affiliate_mediums)) {
        return KN_STR("affiliate");
    }
    if (one_of(medium, sms_mediums)) {
        return KN_STR("sms");
    }
    if (one_of(medium, push_mediums)) {
        return KN_STR("push");
    }
    if (one_of(medium, social_mediums)) {
        return KN_STR("social");
    }
    if (kn_str_eq_nocase(medium, KN_STR("organic"))) {
        return is_social(source) ? KN_STR("social") : KN_STR("organic_search");
    }
    return KN_STR_EMPTY;
}

static struct kn_str by_click(struct kn_str click_id)
{
    if (one_of(click_id, search_clicks)) {
        return KN_STR("paid_search");
    }
    if (kn_str_eq(click_id, KN_STR("dclid"))) {
        return KN_STR("display");
    }
    if (one_of(click_id, paid_social_clicks)) {
        return KN_STR("paid_social");
    }
    if (one_of(click_id, social_clicks)) {
        return KN_STR("social");
    }
    return one_of(click_id, email_clicks) ? KN_STR("email") : KN_STR_EMPTY;
}

static struct kn_str by_site(struct kn_str host)
{
    if (is_site(host, mail_sites)) {
        return KN_STR("email");
    }
    if (is_site(host, social_sites)) {
        return KN_STR("social");
    }
    return is_site(host, search_sites) ? KN_STR("organic_search") : KN_STR_EMPTY;
}

/* A campaign whose medium says nothing that is known. */
static struct kn_str by_source(struct kn_str source, struct kn_str medium)
{
    if (one_of(source, email_words)) {
        return KN_STR("email");
    }
    if (one_of(source, sms_mediums)) {
        return KN_STR("sms");
    }
    if (is_social(source)) {
        return KN_STR("social");
    }
    struct kn_str site = by_site(source);
    if (site.len > 0) {
        return site;
    }
    return one_of(medium, referral_mediums) ? KN_STR("referral") : KN_STR("other");
}

static struct kn_str without_www(struct kn_str host)
{
    bool www = host.len > 4 && kn_str_eq_nocase(kn_str(host.p, 4), KN_STR("www."));
    return www ? kn_str_sub(host, 4, host.len) : host;
}

static bool is_own(struct kn_str referrer, struct kn_str own)
{
    referrer = without_www(referrer);
    own = without_www(own);
    return within(referrer, own) || within(own, referrer);
}

struct kn_str kn_channel(struct kn_str source, struct kn_str medium, struct kn_str click_id,
                         struct kn_str referrer_host, struct kn_str own_host)
{
    struct kn_str channel = by_medium(source, medium);
    if (channel.len == 0) {
        channel = by_click(click_id);
    }
    if (channel.len > 0) {
        return channel;
    }
    if (source.len > 0 || medium.len > 0) {
        return by_source(source, medium);
    }
    if (referrer_host.len == 0 || kn_str_eq(referrer_host, KN_STR("$direct")) ||
        is_own(referrer_host, own_host)) {
        return KN_STR("direct");
    }
    channel = by_site(referrer_host);
    return channel.len > 0 ? channel : KN_STR("referral");
}
