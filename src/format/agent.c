#include "format/agent.h"

struct rule {
    const char *mark; /* found anywhere in the text */
    const char *name;
};

static const struct rule bots[] = {
    {"bot", "bot"},       {"Bot", "bot"},           {"crawl", "bot"},      {"spider", "bot"},
    {"Spider", "bot"},    {"HeadlessChrome", "bot"}, {"curl/", "bot"},     {"Wget/", "bot"},
    {"python-requests", "bot"}, {"Go-http-client", "bot"}, {"facebookexternalhit", "bot"},
    {"Lighthouse", "bot"}, {"PhantomJS", "bot"},
};

/* More telling marks first: nearly everything says Safari, and most say Chrome. */
static const struct rule browsers[] = {
    {"Edg", "Edge"},           {"OPR/", "Opera"},       {"Opera", "Opera"},
    {"SamsungBrowser", "Samsung Internet"},             {"Instagram", "Instagram"},
    {"FBAN", "Facebook"},      {"FBAV", "Facebook"},    {"DuckDuckGo", "DuckDuckGo"},
    {"Vivaldi", "Vivaldi"},    {"YaBrowser", "Yandex"}, {"FxiOS", "Firefox"},
    {"Firefox/", "Firefox"},   {"CriOS", "Chrome"},     {"HeadlessChrome", "Chrome"},
    {"Chrome/", "Chrome"},     {"Chromium/", "Chromium"}, {"MSIE ", "Internet Explorer"},
    {"Trident/", "Internet Explorer"},                  {"Safari/", "Safari"},
};

static const struct rule platforms[] = {
    {"Windows", "Windows"}, {"iPhone", "iOS"},     {"iPad", "iPadOS"}, {"iPod", "iOS"},
    {"Android", "Android"}, {"CrOS", "ChromeOS"},  {"Mac OS X", "macOS"}, {"Macintosh", "macOS"},
    {"Tizen", "Tizen"},     {"Web0S", "webOS"},    {"Linux", "Linux"},
};

static struct kn_str match(struct kn_str text, const struct rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (kn_str_find(text, kn_str_c(rules[i].mark)) != SIZE_MAX) {
            return kn_str_c(rules[i].name);
        }
    }
    return KN_STR_EMPTY;
}

static bool has(struct kn_str text, const char *mark)
{
    return kn_str_find(text, kn_str_c(mark)) != SIZE_MAX;
}

static struct kn_str device_of(struct kn_str ua, struct kn_str platform)
{
    if (match(ua, bots, sizeof bots / sizeof bots[0]).len > 0) {
        return KN_STR("bot");
    }
    if (has(ua, "iPad") || has(ua, "Tablet") || has(ua, "SM-T") || has(ua, "Kindle")) {
        return KN_STR("tablet");
    }
    if (has(ua, "SmartTV") || has(ua, "SMART-TV") || has(ua, "AppleTV") || has(ua, "Web0S") ||
        has(ua, "CrKey") || has(ua, "BRAVIA")) {
        return KN_STR("tv");
    }
    if (kn_str_eq(platform, KN_STR("Android"))) {
        return has(ua, "Mobile") ? KN_STR("mobile") : KN_STR("tablet");
    }
    if (has(ua, "Mobi") || kn_str_eq(platform, KN_STR("iOS"))) {
        return KN_STR("mobile");
    }
    return platform.len > 0 ? KN_STR("desktop") : KN_STR("other");
}

void kn_agent_parse(struct kn_str ua, struct kn_item_device *ret)
{
    ua = kn_str_sub(ua, 0, 512);
    if (ua.len == 0) {
        return;
    }
    ret->present = true;
    ret->platform = match(ua, platforms, sizeof platforms / sizeof platforms[0]);
    ret->browser = match(ua, browsers, sizeof browsers / sizeof browsers[0]);
    ret->device = device_of(ua, ret->platform);
}
