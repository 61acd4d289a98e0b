#include "cli/demo/shop.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "format/time_text.h"
#include "format/token.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])
#define HOUR_US (INT64_C(3600) * 1000000)
#define DAY_US (24 * HOUR_US)

static const char *const first_names[] = {
    "Emma",  "Sanne", "Daan",   "Lotte", "Bram",  "Fleur", "Sem",   "Anouk", "Thijs", "Julia",
    "Lars",  "Noor",  "Jasper", "Femke", "Koen",  "Iris",  "Ruben", "Eva",   "Maarten", "Lieke",
    "Pieter", "Marieke", "Joris", "Esther", "Willem", "Saskia", "Mohammed", "Fatima", "Wouter", "Naomi"};
static const char *const last_names[] = {
    "de Vries", "Jansen", "van den Berg", "Bakker", "van Dijk", "Visser", "Smit", "Meijer",
    "de Boer", "Mulder", "de Groot", "Bos", "Vos", "Peters", "Hendriks", "van Leeuwen",
    "Dekker", "Brouwer", "de Wit", "Dijkstra", "Smits", "de Graaf", "van der Meer", "Kok",
    "Jacobs", "van der Linden", "Vermeulen", "Schouten", "El Amrani", "Yilmaz"};
static const char *const cities[] = {"Amsterdam", "Rotterdam", "Utrecht", "Den Haag", "Eindhoven",
                                     "Groningen", "Tilburg", "Zwolle", "Arnhem", "Leeuwarden",
                                     "Maastricht", "Haarlem", "Nijmegen", "Breda", "Apeldoorn"};
static const char *const mail_domains[] = {"post.example.nl", "mail.example.com", "example.org",
                                           "thuis.example.nl"};
static const char *const brands[] = {"Noordwind", "Veldman", "Alpina Terra", "Duinroos", "Kromhout",
                                     "Zuiderzee", "Bergvogel", "Rijwiel & Zoon", "Hollandia",
                                     "Waterlijn", "Stroom", "Kampvuur"};

struct kind {
    const char *department, *category, *noun;
    int64_t low, high; /* euros */
};
static const struct kind kinds[] = {
    {"Wandelen", "Wandelschoenen", "Wandelschoen", 79, 249},
    {"Wandelen", "Rugzakken", "Rugzak", 39, 199},
    {"Wandelen", "Jassen", "Regenjas", 59, 349},
    {"Wandelen", "Sokken", "Wandelsok", 9, 29},
    {"Fietsen", "Fietstassen", "Fietstas", 29, 149},
    {"Fietsen", "Helmen", "Fietshelm", 39, 179},
    {"Fietsen", "Verlichting", "Fietslamp", 12, 89},
    {"Kamperen", "Tenten", "Tent", 99, 699},
    {"Kamperen", "Slaapzakken", "Slaapzak", 49, 299},
    {"Kamperen", "Koken", "Kookset", 19, 119},
    {"Kamperen", "Meubels", "Kampeerstoel", 24, 129},
    {"Water", "Zwemkleding", "Zwembroek", 19, 69},
    {"Water", "Supboards", "Supboard", 249, 899},
    {"Thuis", "Lantaarns", "Lantaarn", 15, 79},
    {"Thuis", "Dekens", "Wollen deken", 29, 149},
};
static const char *const models[] = {"Alpine", "Veluwe", "Texel", "Schelde", "Ardennen", "Polder",
                                     "Brisa", "Explorer", "Light", "Classic", "Trek", "Sport",
                                     "Comfort", "Pro", "Junior", "Nova"};

static const char *const agents[] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"};

struct origin {
    unsigned weight;
    const char *query, *referrer;
};
static const struct origin origins[] = {
    {30, "", ""},
    {26, "", "https://www.google.nl/"},
    {12, "utm_source=google&utm_medium=cpc&utm_campaign=merk", "https://www.google.nl/"},
    {8, "utm_source=google&utm_medium=cpc&utm_campaign=shopping&gclid=x", "https://www.google.nl/"},
    {9, "utm_source=nieuwsbrief&utm_medium=email&utm_campaign=week", ""},
    {6, "utm_source=instagram&utm_medium=paid_social&utm_campaign=", "https://l.instagram.com/"},
    {4, "", "https://www.facebook.com/"},
    {3, "utm_source=daisycon&utm_medium=affiliate&utm_campaign=partners", "https://vergelijk.example.nl/"},
    {2, "", "https://blog.example.org/wandelen"},
};

static struct kn_rand *r(struct kn_demo_shop *shop)
{
    return &shop->rand;
}

static const char *pick(struct kn_demo_shop *shop, const char *const *list, size_t count)
{
    return list[kn_rand_below(r(shop), count)];
}

static bool chance(struct kn_demo_shop *shop, uint64_t percent)
{
    return kn_rand_chance(r(shop), percent, 100);
}

static void uuid(struct kn_demo_shop *shop, char to[37])
{
    uint64_t words[2] = {kn_rand_u64(r(shop)), kn_rand_u64(r(shop))};
    kn_uuid4((const unsigned char *)words, to);
}

/* ---- catalogue and people ---- */

static void make_product(struct kn_demo_shop *shop, uint32_t i)
{
    struct kn_demo_product *p = &shop->products[i];
    const struct kind *k = &kinds[kn_rand_below(r(shop), COUNT(kinds))];
    const char *model = pick(shop, models, COUNT(models));
    (void)snprintf(p->id, sizeof p->id, "KB-%05u", i + 10000);
    (void)snprintf(p->name, sizeof p->name, "%s %s %u", k->noun, model, (unsigned)(i % 90 + 10));
    p->brand = pick(shop, brands, COUNT(brands));
    p->category = k->category;
    p->department = k->department;
    p->price = kn_rand_between(r(shop), k->low, k->high) * 100 - (chance(shop, 70) ? 5 : 1);
}

static void mail_name(const char *first, const char *last, uint32_t i, char *to, size_t len,
                      const char *domain)
{
    char local[64];
    size_t at = 0;
    for (const char *s = first; *s && at < 20; s++) {
        local[at++] = (char)(*s | 32);
    }
    local[at++] = '.';
    for (const char *s = last; *s && at < 50; s++) {
        if (*s != ' ') {
            local[at++] = (char)(*s | 32);
        }
    }
    local[at] = '\0';
    (void)snprintf(to, len, "%s%u@%s", local, i, domain);
}

static void make_person(struct kn_demo_shop *shop, uint32_t i)
{
    struct kn_demo_person *p = &shop->people[i];
    uuid(shop, p->anonymous[0]);
    uuid(shop, p->anonymous[1]);
    (void)snprintf(p->first, sizeof p->first, "%s", pick(shop, first_names, COUNT(first_names)));
    (void)snprintf(p->last, sizeof p->last, "%s", pick(shop, last_names, COUNT(last_names)));
    (void)snprintf(p->city, sizeof p->city, "%s", pick(shop, cities, COUNT(cities)));
    (void)snprintf(p->postcode, sizeof p->postcode, "%u%c%c",
                   (unsigned)kn_rand_between(r(shop), 1011, 9999),
                   (char)('A' + kn_rand_below(r(shop), 20)), (char)('B' + kn_rand_below(r(shop), 20)));
    mail_name(p->first, p->last, i, p->email, sizeof p->email,
              pick(shop, mail_domains, COUNT(mail_domains)));
    /* Most come by phone; the other device is of the other kind. */
    bool phone = chance(shop, 62);
    p->device[phone ? 1 : 0] = (uint8_t)(chance(shop, 60) ? 0 : 1 + kn_rand_below(r(shop), 2));
    p->device[phone ? 0 : 1] =
        (uint8_t)(chance(shop, 12) ? 5 : 3 + kn_rand_below(r(shop), 2));
    p->buyer = chance(shop, 14);
    p->newsletter = p->buyer ? chance(shop, 60) : chance(shop, 6);
}

struct kn_demo_shop *kn_demo_shop_new(uint64_t seed, uint32_t people)
{
    struct kn_demo_shop *shop = kn_must_calloc(1, sizeof *shop);
    shop->rand = kn_rand_seed(seed);
    if (kn_zone_parse(KN_STR(KN_ZONE_DEFAULT_RULES), &shop->zone, NULL) != KN_OK) {
        kn_panic("the default zone does not read");
    }
    shop->next_customer = 10001;
    shop->next_order = 500001;
    shop->person_count = people;
    shop->people = kn_must_calloc(people, sizeof *shop->people);
    for (uint32_t i = 0; i < KN_DEMO_PRODUCTS; i++) {
        make_product(shop, i);
    }
    for (uint32_t i = 0; i < people; i++) {
        make_person(shop, i);
    }
    return shop;
}

void kn_demo_shop_free(struct kn_demo_shop *shop)
{
    if (shop) {
        kn_free(shop->people);
        kn_free(shop->later);
        kn_zone_free(shop->zone);
        kn_free(shop);
    }
}

unsigned kn_demo_busyness(const struct kn_demo_shop *shop, int64_t at_us)
{
    static const unsigned short by_hour[] = {120, 60,  30,  20,  20,  40,  110, 240, 380, 480, 540, 560,
                                             600, 560, 540, 560, 590, 620, 640, 820, 950, 1000, 760, 360};
    static const unsigned short by_day[] = {1000, 840, 800, 820, 860, 800, 880}; /* from Sunday */
    struct kn_local l;
    kn_zone_local(shop->zone, at_us, &l);
    unsigned season = 760;
    season += l.day >= 24 && l.day <= 27 ? 120 : 0;                       /* payday */
    season += l.month == 11 && l.day >= 23 ? 240 : 0;                     /* Black Friday week */
    season += l.month == 7 || l.month == 12 ? 100 : 0;                    /* holidays, presents */
    unsigned busy = (unsigned)by_hour[l.hour] * by_day[l.weekday] / 1000;
    return busy * (season > 1000 ? 1000 : season) / 1000;
}

/* ---- later ---- */

static void push_later(struct kn_demo_shop *shop, const struct kn_demo_later *what)
{
    if (shop->later_count == shop->later_room) {
        shop->later_room = shop->later_room ? shop->later_room * 2 : 256;
        shop->later = kn_must_realloc(shop->later, shop->later_room * sizeof *shop->later);
    }
    size_t at = shop->later_count++;
    while (at > 0 && shop->later[(at - 1) / 2].at_us > what->at_us) {
        shop->later[at] = shop->later[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    shop->later[at] = *what;
}

static struct kn_demo_later pop_later(struct kn_demo_shop *shop)
{
    struct kn_demo_later first = shop->later[0];
    struct kn_demo_later last = shop->later[--shop->later_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < shop->later_count &&
            shop->later[child + 1].at_us < shop->later[child].at_us) {
            child++;
        }
        if (child >= shop->later_count || last.at_us <= shop->later[child].at_us) {
            break;
        }
        shop->later[at] = shop->later[child];
        at = child;
    }
    shop->later[at] = last;
    return first;
}

int64_t kn_demo_next_later(const struct kn_demo_shop *shop)
{
    return shop->later_count > 0 ? shop->later[0].at_us : INT64_MAX;
}

void kn_demo_plan_issues(struct kn_demo_shop *shop, int64_t from_us, int64_t to_us)
{
    for (int64_t at = from_us; at < to_us; at += DAY_US) {
        struct kn_local l;
        kn_zone_local(shop->zone, at, &l);
        if (l.weekday == 4) {
            l.hour = 10;
            l.minute = l.second = l.microsecond = 0;
            push_later(shop, &(struct kn_demo_later){.at_us = kn_zone_utc(shop->zone, &l),
                                                     .kind = KN_DEMO_ISSUE});
        }
    }
}

/* ---- messages ---- */

struct visit {
    struct kn_demo_shop *shop;
    struct kn_demo_person *person;
    struct kn_buf json;
    unsigned device;
    const struct origin *origin;
    int64_t at_us;
    kn_demo_emit_fn emit;
    void *context;
    const struct kn_demo_product *basket[4];
    size_t basket_count;
    char query[120]; /* of the landing page */
    const struct kn_demo_product *landed; /* on its page, or NULL */
};

static void begin(struct visit *v, const char *type, bool server)
{
    struct kn_demo_shop *shop = v->shop;
    struct kn_buf *j = &v->json;
    kn_buf_clear(j);
    kn_buf_printf(j, "{\"type\":\"%s\",\"messageId\":\"demo-%llx\"", type,
                  0x100000000ULL + shop->next_message++);
    if (!server) {
        kn_buf_printf(j, ",\"anonymousId\":\"%s\"", v->person->anonymous[v->device]);
    }
    if (v->person->number != 0 && (v->person->known || server)) {
        kn_buf_printf(j, ",\"userId\":\"%u\"", v->person->number);
    }
    int64_t ms = v->at_us / 1000;
    kn_buf_printf(j, ",\"timestamp\":%lld", (long long)ms);
}

static void put_context(struct visit *v, const char *path, const char *title)
{
    struct kn_buf *j = &v->json;
    kn_buf_printf(j, ",\"context\":{\"library\":{\"name\":\"analytics.js\",\"version\":"
                     "\"npm:next-1.84.3\"},\"locale\":\"nl-NL\",\"timezone\":\"Europe/Amsterdam\","
                     "\"userAgent\":\"%s\",\"page\":{\"path\":\"%s\",\"url\":"
                     "\"https://www.buitenhuis.example.nl%s%s%s\",\"title\":\"%s\",\"referrer\":"
                     "\"%s\"}",
                  agents[v->person->device[v->device]], path, path, v->query[0] ? "?" : "",
                  v->query, title, v->origin->referrer);
    if (v->person->consent_asked) {
        kn_buf_printf(j, ",\"consent\":{\"categoryPreferences\":{\"Analytics\":%s,"
                         "\"Advertising\":%s%s}}",
                      v->person->consents ? "true" : "false",
                      v->person->consents ? "true" : "false",
                      /* a category that is not named is one not agreed to */
                      v->person->newsletter && v->person->number != 0 ? ",\"Email\":true" : "");
    }
    kn_buf_char(j, '}');
}

static void send(struct visit *v)
{
    kn_buf_char(&v->json, '}');
    v->emit(v->context, v->at_us, kn_buf_view(&v->json));
    v->at_us += kn_rand_between(r(v->shop), 4, 90) * INT64_C(1000000);
}

static void page(struct visit *v, const char *path, const char *title)
{
    static const struct origin inside = {0, "", "https://www.buitenhuis.example.nl/"};
    begin(v, "page", false);
    kn_buf_printf(&v->json, ",\"name\":\"%s\",\"properties\":{\"title\":\"%s\",\"path\":\"%s\"}",
                  title, title, path);
    put_context(v, path, title);
    send(v);
    v->origin = &inside;
    v->query[0] = '\0';
}

static void put_product(struct kn_buf *j, const struct kn_demo_product *p, unsigned quantity)
{
    kn_buf_printf(j,
                  "\"product_id\":\"%s\",\"sku\":\"%s\",\"name\":\"%s\",\"brand\":\"%s\","
                  "\"category\":\"%s\",\"department\":\"%s\",\"price\":%lld.%02lld,"
                  "\"quantity\":%u,\"currency\":\"EUR\",\"image_url\":\"/img/%s.jpg\"",
                  p->id, p->id, p->name, p->brand, p->category, p->department,
                  (long long)(p->price / 100), (long long)(p->price % 100), quantity, p->id);
}

static void product_event(struct visit *v, const char *event, const struct kn_demo_product *p)
{
    char path[80];
    (void)snprintf(path, sizeof path, "/p/%s", p->id);
    begin(v, "track", false);
    kn_buf_printf(&v->json, ",\"event\":\"%s\",\"properties\":{", event);
    put_product(&v->json, p, 1);
    kn_buf_char(&v->json, '}');
    put_context(v, path, p->name);
    send(v);
}

/* The long tail: half of the views go to a tenth of the products; no one of them stands out alone. */
static const struct kn_demo_product *some_product(struct kn_demo_shop *shop)
{
    double u = kn_rand_unit(r(shop));
    double rank = u * u * u * KN_DEMO_PRODUCTS + kn_rand_unit(r(shop)) * 12;
    return &shop->products[(size_t)rank % KN_DEMO_PRODUCTS];
}

static void identify(struct visit *v)
{
    struct kn_demo_person *p = v->person;
    if (p->number == 0) {
        p->number = v->shop->next_customer++;
    }
    p->known = true;
    begin(v, "identify", false);
    kn_buf_printf(&v->json,
                  ",\"traits\":{\"email\":\"%s\",\"firstName\":\"%s\",\"lastName\":\"%s\","
                  "\"address\":{\"city\":\"%s\",\"postalCode\":\"%s\",\"country\":\"NL\"},"
                  "\"language\":\"nl\"%s}",
                  p->email, p->first, p->last, p->city, p->postcode,
                  p->newsletter ? ",\"consents\":{\"marketing_email\":{\"state\":\"granted\","
                                  "\"text_version\":\"nieuwsbrief-2026-1\"}}"
                                : "");
    put_context(v, "/account", "Mijn account");
    send(v);
}

static void put_order(struct visit *v, const char *event, uint32_t order, bool cancel)
{
    int64_t total = 0;
    struct kn_buf *j = &v->json;
    kn_buf_printf(j, ",\"event\":\"%s\",\"properties\":{\"order_id\":\"%u\",\"currency\":\"EUR\"",
                  event, order);
    kn_buf_c(j, ",\"products\":[");
    for (size_t i = 0; i < v->basket_count; i++) {
        kn_buf_c(j, i ? ",{" : "{");
        put_product(j, v->basket[i], 1);
        kn_buf_char(j, '}');
        total += v->basket[i]->price;
    }
    kn_buf_char(j, ']');
    if (!cancel) {
        kn_buf_printf(j, ",\"revenue\":%lld.%02lld,\"shipping\":%s,\"total\":%lld.%02lld",
                      (long long)(total / 100), (long long)(total % 100),
                      total >= 5000 ? "0" : "4.95",
                      (long long)((total + (total >= 5000 ? 0 : 495)) / 100),
                      (long long)((total + (total >= 5000 ? 0 : 495)) % 100));
    }
    kn_buf_char(j, '}');
}

static void server_event(struct visit *v, const char *event, uint32_t order, int64_t at_us,
                         bool cancel)
{
    int64_t kept = v->at_us;
    v->at_us = at_us;
    begin(v, "track", true);
    put_order(v, event, order, cancel);
    kn_buf_c(&v->json, ",\"channel\":\"server\",\"context\":{\"library\":{\"name\":"
                       "\"@segment/analytics-node\",\"version\":\"3.1.0\"}}");
    send(v);
    v->at_us = kept;
}

static void buy(struct visit *v)
{
    uint32_t order;
    page(v, "/checkout", "Bestellen");
    begin(v, "track", false);
    kn_buf_c(&v->json, ",\"event\":\"Checkout Started\",\"properties\":{\"currency\":\"EUR\"}");
    put_context(v, "/checkout", "Bestellen");
    send(v);
    if (chance(v->shop, 35)) {
        return; /* the cart is left behind */
    }
    identify(v);
    order = v->shop->next_order++;
    begin(v, "track", false);
    put_order(v, "Order Completed", order, false);
    put_context(v, "/bedankt", "Bedankt");
    int64_t bought = v->at_us;
    send(v);
    /* The shop's server reports the same order; some are called off, some come back. */
    server_event(v, "Order Completed", order, bought + 2 * INT64_C(1000000), false);
    struct kn_demo_later later = {.person = (uint32_t)(v->person - v->shop->people),
                                  .order = order,
                                  .basket_count = (uint32_t)v->basket_count};
    memcpy(later.basket, v->basket, sizeof later.basket);
    if (chance(v->shop, 11)) {
        later.kind = KN_DEMO_REFUNDED;
        later.at_us = bought + kn_rand_between(r(v->shop), INT64_C(3) * 24, INT64_C(21) * 24) * HOUR_US;
        push_later(v->shop, &later);
    } else if (chance(v->shop, 2)) {
        later.kind = KN_DEMO_CANCELLED;
        later.at_us = bought + kn_rand_between(r(v->shop), 1, 20) * HOUR_US;
        push_later(v->shop, &later);
    }
}

static unsigned week_of(const struct kn_demo_shop *shop, int64_t at_us)
{
    struct kn_local l;
    kn_zone_local(shop->zone, at_us, &l);
    return (unsigned)((kn_days_from_civil(l.year, l.month, l.day) -
                       kn_days_from_civil(l.year, 1, 1)) / 7 + 1);
}

static void mail_event(struct visit *v, const char *event)
{
    unsigned week = week_of(v->shop, v->at_us);
    begin(v, "track", true);
    kn_buf_printf(&v->json,
                  ",\"event\":\"%s\",\"properties\":{\"campaign_name\":\"Nieuwsbrief week %u\","
                  "\"campaign_id\":\"week-%u\"},\"channel\":\"server\",\"context\":{\"traits\":"
                  "{\"email\":\"%s\"},\"library\":{\"name\":\"analytics-php\"}}",
                  event, week, week, v->person->email);
    send(v);
}

static void unsubscribe(struct visit *v)
{
    v->person->newsletter = false;
    begin(v, "identify", true);
    kn_buf_printf(&v->json,
                  ",\"traits\":{\"email\":\"%s\",\"consents\":{\"marketing_email\":{\"state\":"
                  "\"denied\",\"text_version\":\"nieuwsbrief-2026-1\"}}},\"channel\":\"server\","
                  "\"context\":{\"library\":{\"name\":\"analytics-php\"}}",
                  v->person->email);
    send(v);
}

/* To everyone who wants it; a third opens it in the hours after. */
static void send_issue(struct kn_demo_shop *shop, struct visit *v)
{
    int64_t at_us = v->at_us;
    for (uint32_t i = 0; i < shop->person_count; i++) {
        struct kn_demo_person *p = &shop->people[i];
        if (!p->newsletter || p->number == 0) {
            continue;
        }
        v->person = p;
        v->at_us = at_us;
        mail_event(v, "Email Delivered");
        if (chance(shop, 34)) {
            int64_t delay = kn_rand_between(r(shop), 1, 60) * kn_rand_between(r(shop), 1, 48);
            push_later(shop, &(struct kn_demo_later){.at_us = at_us + delay * 60 * INT64_C(1000000),
                                                     .kind = KN_DEMO_OPENED,
                                                     .person = i});
        }
    }
}

void kn_demo_do_later(struct kn_demo_shop *shop, kn_demo_emit_fn emit, void *context)
{
    struct kn_demo_later l = pop_later(shop);
    struct visit v = {.shop = shop, .person = &shop->people[l.person], .at_us = l.at_us,
                      .emit = emit, .context = context, .origin = &origins[0],
                      .basket_count = l.basket_count};
    kn_buf_init(&v.json, 64 << 10);
    memcpy(v.basket, l.basket, sizeof v.basket);
    switch (l.kind) {
    case KN_DEMO_ISSUE: send_issue(shop, &v); break;
    case KN_DEMO_OPENED:
        mail_event(&v, "Email Opened");
        if (chance(shop, 1)) {
            unsubscribe(&v);
        }
        break;
    case KN_DEMO_REFUNDED: server_event(&v, "Order Refunded", l.order, l.at_us, false); break;
    case KN_DEMO_CANCELLED: server_event(&v, "Order Cancelled", l.order, l.at_us, true); break;
    }
    kn_buf_deinit(&v.json);
}

static void product_page(struct visit *v, const struct kn_demo_product *p)
{
    char path[80];
    (void)snprintf(path, sizeof path, "/p/%s", p->id);
    page(v, path, p->name);
}

/* Where a visit begins: advertisements show a product, searches often lead to a category. */
static void land(struct visit *v)
{
    const struct kn_demo_product *p = some_product(v->shop);
    if (v->origin == &origins[3] || v->origin == &origins[5]) {
        product_page(v, p);
        v->landed = p;
    } else if (v->origin == &origins[1] && chance(v->shop, 45)) {
        char path[80] = "/c/";
        for (size_t i = 0; p->category[i] && i + 4 < sizeof path; i++) {
            path[i + 3] = (char)(p->category[i] | 32);
        }
        page(v, path, p->category);
    } else {
        page(v, "/", "Buitenhuis, alles voor buiten");
    }
}

static void look_around(struct visit *v)
{
    struct kn_demo_shop *shop = v->shop;
    uint64_t views = kn_rand_below(r(shop), v->person->buyer ? 7 : 4) + (v->landed ? 1 : 0);
    if (chance(shop, 18)) {
        begin(v, "track", false);
        kn_buf_printf(&v->json, ",\"event\":\"Products Searched\",\"properties\":{\"query\":\"%s\"}",
                      kinds[kn_rand_below(r(shop), COUNT(kinds))].noun);
        put_context(v, "/zoeken", "Zoeken");
        send(v);
    }
    for (uint64_t i = 0; i < views; i++) {
        bool here = i == 0 && v->landed; /* on its page already */
        const struct kn_demo_product *p = here ? v->landed : some_product(shop);
        if (!here) {
            product_page(v, p);
        }
        product_event(v, "Product Viewed", p);
        if (chance(shop, v->person->buyer ? 17 : 3) && v->basket_count < 4) {
            product_event(v, "Product Added", p);
            v->basket[v->basket_count++] = p;
        }
    }
}

static const struct origin *some_origin(struct kn_demo_shop *shop, bool mail)
{
    uint64_t at = kn_rand_below(r(shop), 100);
    if (mail && chance(shop, 40)) {
        return &origins[4];
    }
    for (size_t i = 0; i < COUNT(origins); i++) {
        if (at < origins[i].weight) {
            return &origins[i];
        }
        at -= origins[i].weight;
    }
    return &origins[0];
}

/* The landing page's query: campaigns have the name of their season or week. */
static void set_query(struct visit *v)
{
    static const char *const seasons[] = {"winter", "winter", "voorjaar", "voorjaar", "voorjaar", "zomer",
                                          "zomer",  "zomer",  "herfst",   "herfst",   "herfst",   "winter"};
    struct kn_local l;
    kn_zone_local(v->shop->zone, v->at_us, &l);
    if (v->origin == &origins[4]) {
        (void)snprintf(v->query, sizeof v->query, "%s-%u", v->origin->query,
                       week_of(v->shop, v->at_us));
    } else if (v->origin == &origins[5]) {
        (void)snprintf(v->query, sizeof v->query, "%s%s", v->origin->query, seasons[l.month - 1]);
    } else {
        (void)snprintf(v->query, sizeof v->query, "%s", v->origin->query);
    }
}

void kn_demo_visit(struct kn_demo_shop *shop, uint32_t person, int64_t at_us, kn_demo_emit_fn emit,
                   void *context)
{
    struct kn_demo_person *p = &shop->people[person];
    struct visit v = {.shop = shop, .person = p, .at_us = at_us, .emit = emit, .context = context};
    v.device = p->visits > 0 && chance(shop, 35) ? 1 : 0;
    v.origin = some_origin(shop, p->newsletter && p->number != 0);
    kn_buf_init(&v.json, 64 << 10);
    set_query(&v);
    if (v.origin == &origins[4] && p->number != 0) {
        mail_event(&v, "Email Link Clicked");
    }
    land(&v);
    if (!p->consent_asked) {
        p->consent_asked = chance(shop, 85);
        p->consents = chance(shop, 62);
    } else if (p->consents && chance(shop, 1)) {
        p->consents = false; /* withdrawn */
    }
    if (p->number != 0 && !chance(shop, 30)) {
        identify(&v); /* signs in, also on a second device */
    } else {
        p->known = p->known && v.device == 0;
    }
    look_around(&v);
    if (v.basket_count > 0 && chance(shop, 68)) { /* the others leave the cart behind */
        buy(&v);
    } else if (p->newsletter && p->number == 0 && chance(shop, 40)) {
        identify(&v);
    }
    p->visits++;
    kn_buf_deinit(&v.json);
}
