/* How a visit came about, and on what. */
#include "collect/collect_internal.h"
#include "format/agent.h"
#include "format/channel.h"
#include "format/http.h"
#include "format/url.h"

/* ---- visits ---- */

enum utm { UTM_SOURCE, UTM_MEDIUM, UTM_NAME, UTM_TERM, UTM_CONTENT, UTM_COUNT };

/* The campaign of a landing page's query, still encoded; true: there are other parameters too. */
static bool split_query(struct kn_str query, struct kn_str ret[UTM_COUNT])
{
    static const struct kn_str names[UTM_COUNT] = {{"utm_source", 10},
                                                   {"utm_medium", 10},
                                                   {"utm_campaign", 12},
                                                   {"utm_term", 8},
                                                   {"utm_content", 11}};
    bool others = false;
    query = query.len > 0 && query.p[0] == '?' ? kn_str_sub(query, 1, query.len) : query;
    while (query.len > 0) {
        struct kn_str value = kn_str_split(&query, '&');
        struct kn_str name = kn_str_split(&value, '=');
        bool utm = kn_str_starts(name, KN_STR("utm_"));
        others = others || !utm;
        for (size_t i = 0; utm && i < UTM_COUNT; i++) {
            if (ret[i].len == 0 && kn_str_eq(name, names[i])) {
                ret[i] = value;
            }
        }
    }
    return others;
}

static struct kn_str campaign_part(struct kn_reading *r, struct kn_str key, struct kn_str encoded)
{
    struct kn_str value = kn_text_in(r, r->cdoc, r->x[KN_C_CAMPAIGN], key);
    if (value.len == 0 && encoded.len > 0) {
        value = kn_http_decode(encoded, true, &r->c->arena);
        r->nomem = r->nomem || !value.p;
    }
    return kn_clip(value, KN_FACT_MAX);
}

/* kn_channel compares with long lists; a batch asks the same of it again and again. */
static struct kn_str channel_of(struct kn_collect *c, const struct kn_item_visit *v,
                                struct kn_str own_host)
{
    const struct kn_str parts[] = {v->source, v->medium, v->click_id, v->referrer, own_host};
    char key[KN_CHANNEL_KEY_MAX];
    size_t len = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].len + 1 > sizeof key - len) {
            return kn_channel(v->source, v->medium, v->click_id, v->referrer, own_host);
        }
        if (parts[i].len > 0) {
            memcpy(key + len, parts[i].p, parts[i].len);
        }
        key[len + parts[i].len] = '\n';
        len += parts[i].len + 1;
    }
    struct kn_channel_entry *entry = &c->channels[kn_checksum64(kn_str(key, len)) % KN_CHANNELS];
    if (entry->len != len || memcmp(entry->key, key, len) != 0) {
        entry->channel = kn_channel(v->source, v->medium, v->click_id, v->referrer, own_host);
        memcpy(entry->key, key, len);
        entry->len = len;
    }
    return entry->channel;
}

/* A fact of the page: from the context, or from a page call's properties. Those of a track call are
 * about the thing, not about where the visitor is. */
static struct kn_str page_text(struct kn_reading *r, struct kn_str key)
{
    struct kn_str value = kn_text_in(r, r->cdoc, r->x[KN_C_PAGE], key);
    if (value.len == 0 && r->item.type == KN_EVENT_PAGE) {
        value = kn_text_in(r, r->doc, r->f[KN_F_PROPERTIES], key);
    }
    return value;
}

static struct kn_str referrer_of(struct kn_reading *r)
{
    struct kn_str text = page_text(r, KN_STR("referrer"));
    if (text.len == 0) {
        text = kn_text_in(r, r->cdoc, r->x[KN_C_REFERRER], KN_STR("url"));
    }
    struct kn_str host = kn_url_host(text, &r->c->arena); /* RudderStack's "$direct" has none */
    return kn_clip(host, KN_FACT_MAX);
}

/* Pages, screens and tracked events of a visitor's own device. What comes without a known library
 * needs a page or a campaign to tell; of pixels (mail opens) only pages and screens. */
static bool is_visit(const struct kn_reading *r)
{
    enum kn_event_type type = r->item.type;
    bool seen = type == KN_EVENT_PAGE || type == KN_EVENT_SCREEN;
    if (r->origin == KN_ORIGIN_SERVER || !(seen || (type == KN_EVENT_TRACK && !r->m->pixel))) {
        return false;
    }
    return r->origin != KN_ORIGIN_UNKNOWN || r->m->pixel || r->x[KN_C_PAGE] != KN_JSON_NONE ||
           r->x[KN_C_CAMPAIGN] != KN_JSON_NONE;
}

void kn_read_visit(struct kn_reading *r)
{
    struct kn_item_visit *v = &r->item.visit;
    struct kn_str utm[UTM_COUNT] = {{NULL, 0}};
    struct kn_url page;
    if (!is_visit(r)) {
        return;
    }
    struct kn_str url = page_text(r, KN_STR("url"));
    kn_url_split(url, &page);
    struct kn_str query = page.query.len > 0 ? page.query : page_text(r, KN_STR("search"));
    bool others = split_query(query, utm);
    v->present = true;
    v->source = campaign_part(r, KN_STR("source"), utm[UTM_SOURCE]);
    v->medium = campaign_part(r, KN_STR("medium"), utm[UTM_MEDIUM]);
    v->campaign = campaign_part(r, KN_STR("name"), utm[UTM_NAME]);
    v->term = campaign_part(r, KN_STR("term"), utm[UTM_TERM]);
    v->content = campaign_part(r, KN_STR("content"), utm[UTM_CONTENT]);
    v->click_id = others ? kn_url_click_id(query) : KN_STR_EMPTY;
    v->referrer = referrer_of(r);
    v->landing_page = kn_clip(url.len > 0 ? page.bare : page_text(r, KN_STR("path")), KN_PAGE_MAX);
    v->channel = channel_of(r->c, v, kn_url_host(url, &r->c->arena));
}

/* ---- devices ---- */

static void parse_agent(struct kn_collect *c, struct kn_str agent, struct kn_item_device *ret)
{
    agent = kn_str_sub(agent, 0, KN_AGENT_MAX);
    if (agent.len == 0) {
        return;
    }
    struct kn_agent_entry *entry = &c->agents[kn_checksum64(agent) % KN_AGENTS];
    if (entry->len != agent.len || memcmp(entry->text, agent.p, agent.len) != 0) {
        entry->device = (struct kn_item_device){0};
        kn_agent_parse(agent, &entry->device);
        memcpy(entry->text, agent.p, agent.len);
        entry->len = agent.len;
    }
    *ret = entry->device;
}

/* User-Agent client hints, where there are: the text is frozen in newer browsers. */
static void read_hints(struct kn_reading *r, struct kn_item_device *d)
{
    uint32_t hints = r->x[KN_C_AGENT_DATA];
    struct kn_str platform = kn_text_in(r, r->cdoc, hints, KN_STR("platform"));
    uint32_t mobile = kn_json_find(r->cdoc, hints, KN_STR("mobile"));
    if (kn_str_eq(d->device, KN_STR("bot")) || hints == KN_JSON_NONE) {
        return;
    }
    if (platform.len > 0 && !kn_str_eq_nocase(platform, KN_STR("Unknown"))) {
        bool chrome = kn_str_starts(platform, KN_STR("Chrome OS")) ||
                      kn_str_starts(platform, KN_STR("Chromium OS"));
        d->platform = chrome ? KN_STR("ChromeOS") : kn_clip(platform, 64);
        d->present = true;
    }
    if (kn_json_type_at(r->cdoc, mobile) == KN_JSON_TRUE &&
        !kn_str_eq(d->device, KN_STR("tablet"))) {
        d->device = KN_STR("mobile");
        d->present = true;
    } else if (d->device.len == 0 && d->present) {
        d->device = KN_STR("desktop");
    }
}

/* Mobile SDKs describe the device itself. */
static void read_described(struct kn_reading *r, struct kn_item_device *d)
{
    struct kn_str type = kn_text_in(r, r->cdoc, r->x[KN_C_DEVICE], KN_STR("type"));
    struct kn_str os = kn_text_in(r, r->cdoc, r->x[KN_C_OS], KN_STR("name"));
    bool android = kn_str_eq_nocase(type, KN_STR("android"));
    bool ios = kn_str_eq_nocase(type, KN_STR("ios"));
    if (os.len > 0 && (r->origin == KN_ORIGIN_MOBILE || d->platform.len == 0)) {
        d->platform = kn_clip(os, 64);
        d->present = true;
    } else if ((android || ios) && d->platform.len == 0) {
        d->platform = android ? KN_STR("Android") : KN_STR("iOS");
    }
    if (android || ios) {
        struct kn_str model = kn_text_in(r, r->cdoc, r->x[KN_C_DEVICE], KN_STR("model"));
        bool pad = kn_str_starts(model, KN_STR("iPad")) || kn_str_eq(d->device, KN_STR("tablet"));
        d->device = pad ? KN_STR("tablet") : KN_STR("mobile");
        d->present = true;
    }
}

void kn_read_device(struct kn_reading *r)
{
    struct kn_item_device *d = &r->item.device;
    struct kn_str agent = kn_text(r, r->cdoc, r->x[KN_C_AGENT]);
    bool from_browser = r->origin == KN_ORIGIN_BROWSER || r->m->pixel;
    parse_agent(r->c, agent.len == 0 && from_browser ? r->m->user_agent : agent, d);
    read_hints(r, d);
    read_described(r, d);
    struct kn_str country = kn_text_in(r, r->cdoc, r->x[KN_C_LOCATION], KN_STR("country"));
    if (country.len != 2) {
        return;
    }
    char *code = kn_arena_alloc(&r->c->arena, 2);
    r->nomem = r->nomem || !code;
    for (size_t i = 0; code && i < 2; i++) {
        char c = (char)(country.p[i] & ~32);
        if (c < 'A' || c > 'Z') {
            return;
        }
        code[i] = c;
    }
    d->country = kn_str(code, code ? 2 : 0);
    d->present = true;
}
