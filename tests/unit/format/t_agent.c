/* User agents of the day. */
#include "base/rand.h"
#include "cm.h"
#include "format/agent.h"

#define MOZ "Mozilla/5.0 "
#define KIT " AppleWebKit/537.36 (KHTML, like Gecko) "
#define WIN "(Windows NT 10.0; Win64; x64)"
#define MAC "(Macintosh; Intel Mac OS X 10_15_7)"
#define IPHONE "(iPhone; CPU iPhone OS 17_5 like Mac OS X)"
#define IKIT " AppleWebKit/605.1.15 (KHTML, like Gecko) "

static const struct {
    const char *text, *device, *browser, *platform;
} cases[] = {
    {MOZ WIN KIT "Chrome/126.0.0.0 Safari/537.36", "desktop", "Chrome", "Windows"},
    {MOZ WIN KIT "Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", "desktop", "Edge", "Windows"},
    {MOZ WIN KIT "Chrome/126.0.0.0 Safari/537.36 OPR/111.0", "desktop", "Opera", "Windows"},
    {MOZ WIN KIT "Chrome/126.0.0.0 Safari/537.36 Vivaldi/6.8", "desktop", "Vivaldi", "Windows"},
    {MOZ "(Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0", "desktop",
     "Firefox", "Windows"},
    {MOZ "(Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko", "desktop", "Internet Explorer",
     "Windows"},
    {"Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Tablet PC 2.0)", "desktop",
     "Internet Explorer", "Windows"},
    {MOZ MAC IKIT "Version/17.5 Safari/605.1.15", "desktop", "Safari", "macOS"},
    {MOZ MAC KIT "Chrome/126.0.0.0 Safari/537.36", "desktop", "Chrome", "macOS"},
    {MOZ "(Macintosh; Intel Mac OS X 10.15; rv:127.0) Gecko/20100101 Firefox/127.0", "desktop",
     "Firefox", "macOS"},
    {MOZ "(X11; Linux x86_64)" KIT "Chrome/126.0.0.0 Safari/537.36", "desktop", "Chrome", "Linux"},
    {MOZ "(X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "desktop", "Firefox",
     "Linux"},
    {MOZ "(X11; CrOS x86_64 14541.0.0)" KIT "Chrome/126.0.0.0 Safari/537.36", "desktop", "Chrome",
     "ChromeOS"},
    {MOZ IPHONE IKIT "Version/17.5 Mobile/15E148 Safari/604.1", "mobile", "Safari", "iOS"},
    {MOZ IPHONE IKIT "CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1", "mobile", "Chrome", "iOS"},
    {MOZ IPHONE IKIT "FxiOS/127.0 Mobile/15E148 Safari/605.1.15", "mobile", "Firefox", "iOS"},
    {MOZ IPHONE IKIT "EdgiOS/126.0 Version/17.0 Mobile/15E148 Safari/604.1", "mobile", "Edge",
     "iOS"},
    {MOZ IPHONE IKIT "Mobile/15E148 Instagram 338.0.3.29.90 (iPhone15,2; iOS 17_5)", "mobile",
     "Instagram", "iOS"},
    {MOZ IPHONE IKIT "Mobile/15E148 [FBAN/FBIOS;FBAV/470.0.0.39.103;FBBV/612]", "mobile",
     "Facebook", "iOS"},
    {MOZ "(iPod touch; CPU iPhone OS 12_5 like Mac OS X)" IKIT
         "Version/12.1 Mobile/15E148 Safari/604.1",
     "mobile", "Safari", "iOS"},
    {MOZ "(iPad; CPU OS 12_5 like Mac OS X)" IKIT "Version/12.1 Mobile/15E148 Safari/604.1",
     "tablet", "Safari", "iPadOS"},
    {MOZ "(Linux; Android 14; Pixel 8)" KIT "Chrome/126.0.0.0 Mobile Safari/537.36", "mobile",
     "Chrome", "Android"},
    {MOZ "(Linux; Android 10; K)" KIT "Chrome/126.0.0.0 Safari/537.36", "tablet", "Chrome",
     "Android"},
    {MOZ "(Linux; Android 13; SM-S918B)" KIT
         "SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
     "mobile", "Samsung Internet", "Android"},
    {MOZ "(Linux; Android 13; SM-T510)" KIT "Chrome/126.0.0.0 Mobile Safari/537.36", "tablet",
     "Chrome", "Android"},
    {MOZ "(Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0", "mobile", "Firefox",
     "Android"},
    {MOZ "(Linux; Android 9; CUBOT_X18)" KIT "Chrome/86.0 Mobile Safari/537.36", "mobile", "Chrome",
     "Android"},
    {MOZ "(Linux; Android 8.1; Cubot Nova)" KIT "Chrome/86.0 Mobile Safari/537.36", "mobile",
     "Chrome", "Android"},
    {MOZ "(Linux; Android 12; Pixel 6; wv)" KIT "Version/4.0 Chrome/126 Mobile Safari/537.36 "
         "[FB_IAB/FB4A;FBAV/470.0]",
     "mobile", "Facebook", "Android"},
    {"Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7)", "mobile", "", "Android"},
    {MOZ "(Web0S; Linux/SmartTV)" KIT "Chrome/87.0 Safari/537.36 WebAppManager", "tv", "Chrome",
     "webOS"},
    {MOZ "(SMART-TV; Linux; Tizen 6.0)" KIT "SamsungBrowser/2.2 TV Safari/537.36", "tv",
     "Samsung Internet", "Tizen"},
    {"AppleTV11,1/11.1", "tv", "", "tvOS"},
    {MOZ "(Linux; Android 9; AFTS Build/PS7233)" KIT "Chrome/70 Safari/537.36", "tv", "Chrome",
     "Android"},
    {MOZ "(compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot", "", ""},
    {MOZ "(Linux; Android 6.0.1; Nexus 5X)" KIT "Chrome/126 Mobile Safari/537.36 (compatible; "
         "Googlebot/2.1)",
     "bot", "Chrome", "Android"},
    {MOZ "(compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bot", "", ""},
    {MOZ "(compatible; YandexBot/3.0)", "bot", "", ""},
    {MOZ "(compatible; Baiduspider/2.0)", "bot", "", ""},
    {MOZ WIN KIT "HeadlessChrome/126.0.0.0 Safari/537.36", "bot", "Safari", "Windows"},
    {"curl/8.5.0", "bot", "", ""},
    {"Wget/1.21", "bot", "", ""},
    {"python-requests/2.32.3", "bot", "", ""},
    {"Go-http-client/1.1", "bot", "", ""},
    {"facebookexternalhit/1.1", "bot", "", ""},
    {"AdsBot-Google (+http://www.google.com/adsbot.html)", "bot", "", ""},
    {"analytics-python/2.3.4", "other", "", ""},
    {"analytics-node-next/latest", "other", "", ""},
    {"something", "other", "", ""},
    {"\xff\xfe", "other", "", ""},
};

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kn_item_device d = {.country = KN_STR("NL")};
        kn_agent_parse(kn_str_c(cases[i].text), &d);
        assert_true(d.present && kn_str_eq(d.country, KN_STR("NL")));
        if (!kn_str_eq(d.device, kn_str_c(cases[i].device)) ||
            !kn_str_eq(d.browser, kn_str_c(cases[i].browser)) ||
            !kn_str_eq(d.platform, kn_str_c(cases[i].platform))) {
            fail_msg("%s is %.*s, %.*s, %.*s", cases[i].text, KN_STR_ARG(d.device),
                     KN_STR_ARG(d.browser), KN_STR_ARG(d.platform));
        }
    }
}

/* The table is searched by halves, so every word in it must be found alone. */
static void every_word_is_found(void **state)
{
    static const char *const words[] = {"AFTB",           "Android",   "AppleTV",    "BRAVIA",
                                        "Chrome",         "CrKey",     "CrOS",       "Edg",
                                        "FBAN",           "Firefox",   "Go",         "HbbTV",
                                        "HeadlessChrome", "Instagram", "Java",       "Kindle",
                                        "MSIE",           "Macintosh", "OPR",        "Opera",
                                        "Pinterest",      "Roku",      "Safari",     "Silk",
                                        "SmartTV",        "Snapchat",  "TV",         "Tablet",
                                        "Tizen",          "Trident",   "Vivaldi",    "Web0S",
                                        "Wget",           "Windows",   "X",          "YaBrowser",
                                        "aiohttp",        "axios",     "curl",       "iPad",
                                        "iPhone",         "iPod",      "musical_ly", "node",
                                        "undici"};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct kn_item_device d = {0};
        kn_agent_parse(kn_str_c(words[i]), &d);
        if (kn_str_eq(d.device, KN_STR("other")) && d.browser.len == 0 && d.platform.len == 0) {
            fail_msg("%s is not known", words[i]);
        }
    }
}

static void any_text(void **state)
{
    struct kn_rand r = kn_rand_seed(9);
    char text[1000];
    struct kn_item_device d = {0};
    (void)state;
    kn_agent_parse(KN_STR_EMPTY, &d);
    assert_false(d.present);
    assert_int_equal(d.device.len, 0);
    for (int i = 0; i < 5000; i++) {
        size_t len = 1 + (size_t)kn_rand_below(&r, sizeof text);
        for (size_t k = 0; k < len; k++) {
            text[k] = (char)kn_rand_u64(&r);
        }
        kn_agent_parse(kn_str(text, len), &d);
        assert_true(d.present && d.device.len > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table), cmocka_unit_test(every_word_is_found), cmocka_unit_test(any_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
