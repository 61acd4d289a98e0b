/* One pass cuts the text into words and collects which known ones it holds; three short tables then
 * say what these mean together. */
#include "format/agent.h"

enum { TEXT_MAX = 512, WORD_MAX = 24 };

enum mark {
    M_ANDROID,
    M_APPLE_TV,
    M_BOT,
    M_BRAVE,
    M_CHROME,
    M_CHROMIUM,
    M_CHROMEOS,
    M_DUCKDUCKGO,
    M_EDGE,
    M_FACEBOOK,
    M_FIREFOX,
    M_IE,
    M_INSTAGRAM,
    M_IPAD,
    M_IPHONE,
    M_LIBRARY, /* an SDK's own agent: says nothing about a person's device */
    M_LINKEDIN,
    M_LINUX,
    M_MAC,
    M_MOBILE,
    M_OPERA,
    M_PINTEREST,
    M_SAFARI,
    M_SAMSUNG,
    M_SNAPCHAT,
    M_TABLET,
    M_TIKTOK,
    M_TIZEN,
    M_TV,
    M_UC,
    M_VIVALDI,
    M_WEBOS,
    M_WINDOWS,
    M_YANDEX,
};

static inline uint64_t bit(enum mark mark)
{
    return UINT64_C(1) << mark;
}

/* Sorted by bytes. Digits at the end of a word are not looked at. */
static const struct {
    char text[WORD_MAX];
    enum mark mark;
} words[] = {
    {"AFTB", M_TV},
    {"AFTM", M_TV},
    {"AFTN", M_TV},
    {"AFTS", M_TV},
    {"AFTT", M_TV},
    {"Android", M_ANDROID},
    {"AppleTV", M_APPLE_TV},
    {"BRAVIA", M_TV},
    {"BingPreview", M_BOT},
    {"Brave", M_BRAVE},
    {"BytedanceWebview", M_TIKTOK},
    {"Chrome", M_CHROME},
    {"Chromium", M_CHROMIUM},
    {"CrKey", M_TV},
    {"CrOS", M_CHROMEOS},
    {"CriOS", M_CHROME},
    {"Dalvik", M_MOBILE},
    {"Ddg", M_DUCKDUCKGO},
    {"DuckDuckGo", M_DUCKDUCKGO},
    {"Edg", M_EDGE},
    {"EdgA", M_EDGE},
    {"Edge", M_EDGE},
    {"EdgiOS", M_EDGE},
    {"FBAN", M_FACEBOOK},
    {"FBAV", M_FACEBOOK},
    {"FBIOS", M_FACEBOOK},
    {"FB_IAB", M_FACEBOOK},
    {"Firefox", M_FIREFOX},
    {"Focus", M_FIREFOX},
    {"FxiOS", M_FIREFOX},
    {"Go", M_BOT},
    {"GoogleTV", M_TV},
    {"HbbTV", M_TV},
    {"HeadlessChrome", M_BOT},
    {"Instagram", M_INSTAGRAM},
    {"Java", M_BOT},
    {"Kindle", M_TABLET},
    {"Lighthouse", M_BOT},
    {"LinkedInApp", M_LINKEDIN},
    {"Linux", M_LINUX},
    {"MSIE", M_IE},
    {"Mac", M_MAC},
    {"Macintosh", M_MAC},
    {"Mediapartners", M_BOT},
    {"Mobi", M_MOBILE},
    {"Mobile", M_MOBILE},
    {"OPR", M_OPERA},
    {"OPT", M_OPERA},
    {"OPX", M_OPERA},
    {"OPiOS", M_OPERA},
    {"Opera", M_OPERA},
    {"PhantomJS", M_BOT},
    {"Phone", M_MOBILE},
    {"Pinterest", M_PINTEREST},
    {"PostmanRuntime", M_BOT},
    {"Python", M_BOT},
    {"Roku", M_TV},
    {"Safari", M_SAFARI},
    {"SamsungBrowser", M_SAMSUNG},
    {"Scrapy", M_BOT},
    {"Silk", M_TABLET},
    {"Slurp", M_BOT},
    {"SmartTV", M_TV},
    {"Snapchat", M_SNAPCHAT},
    {"TV", M_TV},
    {"Tablet", M_TABLET},
    {"Tizen", M_TIZEN},
    {"Trident", M_IE},
    {"UCBrowser", M_UC},
    {"Vivaldi", M_VIVALDI},
    {"Web0S", M_WEBOS},
    {"Wget", M_BOT},
    {"WhatsApp", M_BOT},
    {"Windows", M_WINDOWS},
    {"X", M_LINUX},
    {"YaBrowser", M_YANDEX},
    {"aiohttp", M_BOT},
    {"analytics", M_LIBRARY},
    {"axios", M_BOT},
    {"curl", M_BOT},
    {"facebookexternalhit", M_BOT},
    {"iPad", M_IPAD},
    {"iPhone", M_IPHONE},
    {"iPod", M_IPHONE},
    {"libwww", M_BOT},
    {"musical_ly", M_TIKTOK},
    {"node", M_BOT},
    {"python", M_BOT},
    {"rudder", M_LIBRARY},
    {"undici", M_BOT},
};

struct meaning {
    enum mark mark;
    const char *name;
};

/* More telling marks first: nearly everything says Safari, and most say Chrome. */
static const struct meaning browsers[] = {
    {M_INSTAGRAM, "Instagram"}, {M_FACEBOOK, "Facebook"},     {M_TIKTOK, "TikTok"},
    {M_SNAPCHAT, "Snapchat"},   {M_PINTEREST, "Pinterest"},   {M_LINKEDIN, "LinkedIn"},
    {M_EDGE, "Edge"},           {M_OPERA, "Opera"},           {M_SAMSUNG, "Samsung Internet"},
    {M_VIVALDI, "Vivaldi"},     {M_YANDEX, "Yandex"},         {M_UC, "UC Browser"},
    {M_BRAVE, "Brave"},         {M_DUCKDUCKGO, "DuckDuckGo"}, {M_FIREFOX, "Firefox"},
    {M_CHROMIUM, "Chromium"},   {M_CHROME, "Chrome"},         {M_IE, "Internet Explorer"},
    {M_SAFARI, "Safari"},
};

/* iPhones say Mac OS X, Android says Linux. */
static const struct meaning platforms[] = {
    {M_WINDOWS, "Windows"}, {M_IPAD, "iPadOS"}, {M_IPHONE, "iOS"},      {M_APPLE_TV, "tvOS"},
    {M_TIZEN, "Tizen"},     {M_WEBOS, "webOS"}, {M_ANDROID, "Android"}, {M_CHROMEOS, "ChromeOS"},
    {M_MAC, "macOS"},       {M_LINUX, "Linux"},
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Googlebot, AdsBot, GPTBot, YandexBot; crawlers and spiders. Cubot makes telephones. */
static bool names_itself_bot(struct kn_str word)
{
    static const char *const ends[] = {"bot", "crawler", "crawl", "spider"};
    if (!strchr("tTrRlL", word.p[word.len - 1])) { /* spares most words the look */
        return false;
    }
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct kn_str end = kn_str_c(ends[i]);
        if (word.len >= end.len &&
            kn_str_eq_nocase(kn_str(word.p + word.len - end.len, end.len), end)) {
            return !kn_str_eq_nocase(word, KN_STR("cubot"));
        }
    }
    return false;
}

/* word is not empty. */
static uint64_t look_up(struct kn_str word)
{
    size_t low = 0;
    size_t high = sizeof words / sizeof words[0];
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = (unsigned char)word.p[0] - (unsigned char)words[middle].text[0];
        if (order == 0) { /* most words part at their first letter */
            order = kn_str_cmp(word, kn_str_c(words[middle].text));
        }
        if (order == 0) {
            return bit(words[middle].mark);
        }
        low = order > 0 ? middle + 1 : low;
        high = order < 0 ? middle : high;
    }
    return 0;
}

/* Samsung's tablets say only their model: SM-T, SM-X, SM-P. */
static bool is_samsung_tablet(struct kn_str word, struct kn_str behind)
{
    return kn_str_eq(word, KN_STR("SM")) && behind.len >= 2 && behind.p[0] == '-' &&
           memchr("TXP", behind.p[1], 3);
}

static uint64_t marks_of(struct kn_str ua)
{
    uint64_t marks = 0;
    size_t at = 0;
    while (at < ua.len) {
        size_t from = at;
        while (at < ua.len && (is_letter(ua.p[at]) || is_digit(ua.p[at]))) {
            at++;
        }
        if (at == from) {
            at++;
            continue;
        }
        struct kn_str word = kn_str(ua.p + from, at - from);
        while (word.len > 0 && is_digit(word.p[word.len - 1])) {
            word.len--;
        }
        if (word.len > 0 && is_letter(word.p[0])) {
            marks |= look_up(word) | (names_itself_bot(word) ? bit(M_BOT) : 0);
            marks |= is_samsung_tablet(word, kn_str_sub(ua, at, ua.len)) ? bit(M_TABLET) : 0;
        }
    }
    return marks;
}

static struct kn_str first_of(uint64_t marks, const struct meaning *meanings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (marks & bit(meanings[i].mark)) {
            return kn_str_c(meanings[i].name);
        }
    }
    return KN_STR_EMPTY;
}

static struct kn_str device_of(uint64_t marks, struct kn_str platform)
{
    if (marks & bit(M_LIBRARY)) {
        return KN_STR("other");
    }
    if (marks & bit(M_BOT)) {
        return KN_STR("bot");
    }
    if (marks & (bit(M_TV) | bit(M_APPLE_TV) | bit(M_WEBOS))) {
        return KN_STR("tv");
    }
    if (marks & bit(M_IPAD)) {
        return KN_STR("tablet");
    }
    if (marks & bit(M_IPHONE)) {
        return KN_STR("mobile");
    }
    if (marks & bit(M_ANDROID)) { /* tablets leave out Mobile */
        return marks & bit(M_MOBILE) && !(marks & bit(M_TABLET)) ? KN_STR("mobile")
                                                                 : KN_STR("tablet");
    }
    if (marks & bit(M_MOBILE)) {
        return KN_STR("mobile");
    }
    if (marks & bit(M_TABLET)) {
        /* "Tablet PC" is what Windows computers with a pen say. */
        return marks & bit(M_WINDOWS) ? KN_STR("desktop") : KN_STR("tablet");
    }
    return platform.len > 0 ? KN_STR("desktop") : KN_STR("other");
}

void kn_agent_parse(struct kn_str user_agent, struct kn_item_device *ret)
{
    struct kn_str ua = kn_str_sub(user_agent, 0, TEXT_MAX);
    uint64_t marks = marks_of(ua);
    ret->present = ua.len > 0;
    ret->platform = first_of(marks, platforms, sizeof platforms / sizeof platforms[0]);
    ret->browser = first_of(marks, browsers, sizeof browsers / sizeof browsers[0]);
    ret->device = ua.len > 0 ? device_of(marks, ret->platform) : KN_STR_EMPTY;
}
