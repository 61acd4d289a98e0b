/* One Segment-shaped message into one item. */
#include "collect/collect_internal.h"
#include "format/agent.h"
#include "format/time_text.h"
#include "format/token.h"

uint32_t kn_message_context(const struct kn_message *m, const char *path)
{
    uint32_t own = kn_json_find(m->doc, m->node, KN_STR("context"));
    uint32_t node = kn_json_path(m->doc, own, path);
    return node != KN_JSON_NONE ? node : kn_json_path(m->doc, m->batch_context, path);
}

struct kn_str kn_message_text(struct kn_collect *c, const struct kn_json *doc, uint32_t node)
{
    struct kn_str text = KN_STR_EMPTY;
    enum kn_json_type type = kn_json_type_at(doc, node);
    if (type != KN_JSON_STRING && type != KN_JSON_NUMBER) {
        return KN_STR_EMPTY;
    }
    (void)kn_json_scalar(doc, node, &c->arena, &text);
    return kn_str_trim(text);
}

static struct kn_str field(struct kn_collect *c, const struct kn_message *m, const char *key)
{
    return kn_message_text(c, m->doc, kn_json_find(m->doc, m->node, kn_str_c(key)));
}

/* ---- type ---- */

static enum kn_event_type type_of(struct kn_collect *c, const struct kn_message *m)
{
    if (m->path_type != KN_EVENT_NONE) {
        return m->path_type;
    }
    struct kn_str name = field(c, m, "type");
    for (unsigned t = KN_EVENT_TRACK; t <= KN_EVENT_ALIAS; t++) {
        if (kn_str_eq(name, kn_str_c(kn_event_type_name((enum kn_event_type)t)))) {
            return (enum kn_event_type)t;
        }
    }
    return KN_EVENT_NONE;
}

/* ---- libraries ---- */

static bool contains_any(struct kn_str name, const char *const *list)
{
    for (; *list; list++) {
        if (kn_str_find(name, kn_str_c(*list)) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

static bool is_server(struct kn_collect *c, const struct kn_message *m)
{
    static const char *const servers[] = {
        "analytics-node", "analytics-python", "analytics-go",   "analytics-java", "analytics-php",
        "analytics-ruby", "rudder-sdk-node",  "rudder-sdk-python", "jitsu-server", NULL};
    struct kn_str library = kn_message_text(c, m->doc, kn_message_context(m, "library.name"));
    struct kn_str channel = field(c, m, "channel");
    if (kn_str_eq(channel, KN_STR("server")) || m->historic) {
        return true;
    }
    /* Without a library the message came by the HTTP API: a page makes it a visit. */
    return library.len == 0 ? kn_message_context(m, "page") == KN_JSON_NONE
                            : contains_any(library, servers);
}

/* ---- time (collect-protocols section 1.10) ---- */

static bool time_at(struct kn_collect *c, const struct kn_message *m, uint32_t node, int64_t *ret)
{
    struct kn_str text = kn_message_text(c, m->doc, node);
    return text.len > 0 && kn_time_parse(text, ret);
}

static int64_t event_time(struct kn_collect *c, const struct kn_message *m)
{
    int64_t original;
    int64_t sent;
    if (!time_at(c, m, kn_json_find(m->doc, m->node, KN_STR("originalTimestamp")), &original) &&
        !time_at(c, m, kn_json_find(m->doc, m->node, KN_STR("timestamp")), &original)) {
        return m->received_us;
    }
    if (m->historic ||
        (!time_at(c, m, kn_json_find(m->doc, m->node, KN_STR("sentAt")), &sent) &&
         !time_at(c, m, m->batch_sent_at, &sent))) {
        return original;
    }
    return m->received_us - (sent - original);
}

/* ---- body ---- */

static struct kn_str truncated_ip(struct kn_collect *c, struct kn_str ip)
{
    kn_buf_clear(&c->scratch);
    if (kn_str_find(ip, KN_STR(":")) != SIZE_MAX) {
        struct kn_str rest = ip;
        for (int group = 0; group < 3; group++) {
            kn_buf_str(&c->scratch, kn_str_split(&rest, ':'));
            kn_buf_char(&c->scratch, ':');
        }
        kn_buf_char(&c->scratch, ':');
    } else {
        size_t end = ip.len;
        while (end > 0 && ip.p[end - 1] != '.') {
            end--;
        }
        if (end == 0) {
            return KN_STR_EMPTY;
        }
        kn_buf_str(&c->scratch, kn_str_sub(ip, 0, end));
        kn_buf_char(&c->scratch, '0');
    }
    return kn_arena_str(&c->arena, kn_buf_view(&c->scratch));
}

static void put_raw_member(struct kn_buf *out, const struct kn_json *doc, uint32_t node)
{
    const struct kn_json_node *n = &doc->nodes[node];
    kn_json_out_comma(out);
    kn_buf_char(out, '"');
    kn_buf_add(out, doc->text + n->key_off, n->key_len);
    kn_buf_c(out, "\":");
    kn_buf_str(out, kn_json_raw(doc, node));
}

static bool raw_key_is(const struct kn_json *doc, uint32_t node, const char *key)
{
    const struct kn_json_node *n = &doc->nodes[node];
    return kn_str_eq(kn_str(doc->text + n->key_off, n->key_len), kn_str_c(key));
}

static void merge_objects(const struct kn_json *doc, uint32_t over, uint32_t under, bool top,
                          unsigned depth, struct kn_buf *out);

/* A member of `over` with the same key in `under` beneath it. */
static void put_merged_member(const struct kn_json *doc, uint32_t node, uint32_t under,
                              unsigned depth, struct kn_buf *out)
{
    const struct kn_json_node *n = &doc->nodes[node];
    uint32_t other = kn_json_find(doc, under, kn_str(doc->text + n->key_off, n->key_len));
    if (depth >= 8 || n->type != KN_JSON_OBJECT || kn_json_type_at(doc, other) != KN_JSON_OBJECT) {
        put_raw_member(out, doc, node);
        return;
    }
    kn_json_out_comma(out);
    kn_buf_char(out, '"');
    kn_buf_add(out, doc->text + n->key_off, n->key_len);
    kn_buf_c(out, "\":");
    merge_objects(doc, node, other, false, depth + 1, out);
}

/* {members of over, and those of under it lacks}; at the top of a context without its ip. */
static void merge_objects(const struct kn_json *doc, uint32_t over, uint32_t under, bool top,
                          unsigned depth, struct kn_buf *out)
{
    kn_buf_char(out, '{');
    if (kn_json_type_at(doc, over) == KN_JSON_OBJECT) {
        for (uint32_t i = over + 1; i < doc->nodes[over].next; i = doc->nodes[i].next) {
            if (!top || !raw_key_is(doc, i, "ip")) {
                put_merged_member(doc, i, under, depth, out);
            }
        }
    }
    if (kn_json_type_at(doc, under) == KN_JSON_OBJECT) {
        for (uint32_t i = under + 1; i < doc->nodes[under].next; i = doc->nodes[i].next) {
            const struct kn_json_node *n = &doc->nodes[i];
            struct kn_str key = kn_str(doc->text + n->key_off, n->key_len);
            if ((!top || !raw_key_is(doc, i, "ip")) &&
                kn_json_find(doc, over, key) == KN_JSON_NONE) {
                put_raw_member(out, doc, i);
            }
        }
    }
    if (!top) {
        kn_buf_char(out, '}');
    }
}

static void put_context(struct kn_collect *c, const struct kn_message *m, bool server)
{
    struct kn_buf *out = &c->body;
    uint32_t own = kn_json_find(m->doc, m->node, KN_STR("context"));
    bool direct = kn_json_type_at(m->doc, kn_message_context(m, "direct")) == KN_JSON_TRUE;
    struct kn_str ip = kn_message_text(c, m->doc, kn_message_context(m, "ip"));
    if (ip.len == 0 && (!server || direct)) {
        ip = m->peer_ip;
    }
    ip = m->remove_ip || ip.len == 0 ? KN_STR_EMPTY : truncated_ip(c, ip);
    if (own == KN_JSON_NONE && m->batch_context == KN_JSON_NONE && ip.len == 0) {
        return;
    }
    kn_json_out_key(out, "context");
    merge_objects(m->doc, own, m->batch_context, true, 0, out);
    if (ip.len > 0) {
        kn_json_out_kv(out, "ip", ip);
    }
    kn_buf_char(out, '}');
}

/* The message as it came, without what the item says already and what must not be kept. */
static void put_body(struct kn_collect *c, const struct kn_message *m, bool keeps_message_id,
                     bool server)
{
    static const char *const left_out[] = {"type",      "event",     "writeKey", "_metadata",
                                           "options",   "context",   "messageId", NULL};
    struct kn_buf *out = &c->body;
    const struct kn_json *doc = m->doc;
    kn_buf_clear(out);
    kn_buf_char(out, '{');
    for (uint32_t i = m->node + 1; i < doc->nodes[m->node].next; i = doc->nodes[i].next) {
        bool skip = false;
        for (size_t k = 0; left_out[k] && !skip; k++) {
            skip = raw_key_is(doc, i, left_out[k]);
        }
        if (!skip || (keeps_message_id && raw_key_is(doc, i, "messageId"))) {
            put_raw_member(out, doc, i);
        }
    }
    if (m->batch_sent_at != KN_JSON_NONE &&
        kn_json_find(doc, m->node, KN_STR("sentAt")) == KN_JSON_NONE) {
        kn_json_out_kraw(out, "sentAt", kn_json_raw(doc, m->batch_sent_at));
    }
    if (m->batch_integrations != KN_JSON_NONE &&
        kn_json_find(doc, m->node, KN_STR("integrations")) == KN_JSON_NONE) {
        kn_json_out_kraw(out, "integrations", kn_json_raw(doc, m->batch_integrations));
    }
    put_context(c, m, server);
    kn_buf_char(out, '}');
}

/* ---- traits ---- */

uint32_t kn_message_traits(const struct kn_message *m, enum kn_event_type type)
{
    if (type != KN_EVENT_IDENTIFY) {
        return KN_JSON_NONE;
    }
    uint32_t traits = kn_json_find(m->doc, m->node, KN_STR("traits"));
    bool usable = kn_json_type_at(m->doc, traits) == KN_JSON_OBJECT &&
                  m->doc->nodes[traits].next > traits + 1;
    return usable ? traits : kn_message_context(m, "traits");
}

static struct kn_str named_traits(struct kn_collect *c, const struct kn_message *m, uint32_t traits)
{
    const struct kn_json *doc = m->doc;
    struct kn_str raw = kn_json_raw(doc, traits);
    if (kn_json_find(doc, traits, KN_STR("name")) != KN_JSON_NONE) {
        return raw;
    }
    uint32_t first = kn_json_find(doc, traits, KN_STR("firstName"));
    uint32_t last = kn_json_find(doc, traits, KN_STR("lastName"));
    first = first != KN_JSON_NONE ? first : kn_json_find(doc, traits, KN_STR("first_name"));
    last = last != KN_JSON_NONE ? last : kn_json_find(doc, traits, KN_STR("last_name"));
    struct kn_str a = kn_message_text(c, doc, first);
    struct kn_str b = kn_message_text(c, doc, last);
    if (a.len == 0 || b.len == 0) {
        return raw;
    }
    struct kn_str joined[3] = {a, KN_STR(" "), b};
    char *name = kn_arena_alloc(&c->arena, a.len + b.len + 1);
    size_t len = 0;
    for (size_t i = 0; name && i < 3; i++) {
        memcpy(name + len, joined[i].p, joined[i].len);
        len += joined[i].len;
    }
    kn_buf_clear(&c->scratch);
    kn_buf_str(&c->scratch, kn_str_sub(raw, 0, raw.len - 1));
    kn_json_out_kv(&c->scratch, "name", kn_str(name, len));
    kn_buf_char(&c->scratch, '}');
    return kn_arena_str(&c->arena, kn_buf_view(&c->scratch));
}

/* ---- checks ---- */

static uint32_t member_count(const struct kn_json *doc, uint32_t node)
{
    uint32_t count = 0;
    if (kn_json_type_at(doc, node) == KN_JSON_OBJECT) {
        for (uint32_t i = node + 1; i < doc->nodes[node].next; i = doc->nodes[i].next) {
            count++;
        }
    }
    return count;
}

static const char *refuse(struct kn_err *err, const char *code, const char *detail)
{
    (void)kn_fail(err, KN_E_INVALID, "%s", detail);
    return code;
}

static const char *check_object(const struct kn_message *m, const char *key, struct kn_err *err)
{
    uint32_t node = kn_json_find(m->doc, m->node, kn_str_c(key));
    enum kn_json_type type = kn_json_type_at(m->doc, node);
    if (node != KN_JSON_NONE && type != KN_JSON_OBJECT && type != KN_JSON_NULL) {
        (void)kn_fail(err, KN_E_INVALID, "%s must be an object", key);
        return "invalid_type";
    }
    if (member_count(m->doc, node) > KN_PROPERTIES_MAX) {
        (void)kn_fail(err, KN_E_LIMIT, "%s has more than %d members", key, (int)KN_PROPERTIES_MAX);
        return "too_many_properties";
    }
    return NULL;
}

static const char *check(struct kn_collect *c, const struct kn_message *m, enum kn_event_type type,
                         struct kn_err *err)
{
    if (type == KN_EVENT_NONE) {
        return refuse(err, "unknown_type",
                      "type must be track, identify, page, screen, group or alias");
    }
    bool user = field(c, m, "userId").len > 0;
    if (!user && field(c, m, "anonymousId").len == 0) {
        return refuse(err, "no_user_anon_id", "a message needs a userId or an anonymousId");
    }
    if (type == KN_EVENT_TRACK && field(c, m, "event").len == 0) {
        return refuse(err, "no_event", "a track message needs an event name");
    }
    if (type == KN_EVENT_GROUP && field(c, m, "groupId").len == 0) {
        return refuse(err, "no_group_id", "a group message needs a groupId");
    }
    if (type == KN_EVENT_ALIAS && (!user || field(c, m, "previousId").len == 0)) {
        return refuse(err, "no_previous_id", "an alias message needs a userId and a previousId");
    }
    const char *bad = check_object(m, "properties", err);
    bad = bad ? bad : check_object(m, "traits", err);
    return bad ? bad : check_object(m, "context", err);
}

/* ---- putting it together ---- */

static struct kn_str message_id(struct kn_collect *c, const struct kn_message *m, bool *ret_given)
{
    struct kn_str given = field(c, m, "messageId");
    *ret_given = given.len >= 1 && given.len <= 100;
    if (*ret_given) {
        return given;
    }
    unsigned char random[16];
    char text[37];
    kn_random_fill(m->random, random, sizeof random);
    kn_uuid4(random, text);
    return kn_arena_str(&c->arena, kn_str(text, 36));
}

static struct kn_str name_of(struct kn_collect *c, const struct kn_message *m,
                             enum kn_event_type type)
{
    switch (type) {
    case KN_EVENT_TRACK: return field(c, m, "event");
    case KN_EVENT_PAGE: return KN_STR("Page Viewed");
    case KN_EVENT_SCREEN: return KN_STR("Screen Viewed");
    case KN_EVENT_NONE:
    case KN_EVENT_IDENTIFY:
    case KN_EVENT_GROUP:
    case KN_EVENT_ALIAS: break;
    }
    return KN_STR_EMPTY;
}

static void device_of(struct kn_collect *c, const struct kn_message *m, struct kn_item *item)
{
    struct kn_str agent = kn_message_text(c, m->doc, kn_message_context(m, "userAgent"));
    if (item->flags & KN_ITEM_SERVER) {
        return;
    }
    kn_agent_parse(agent.len > 0 ? agent : m->user_agent, &item->device);
    struct kn_str country = kn_message_text(c, m->doc, kn_message_context(m, "location.country"));
    if (country.len == 2) {
        item->device.country = country;
    }
}

const char *kn_message_item(struct kn_collect *c, const struct kn_message *m, struct kn_buf *items,
                            struct kn_err *err)
{
    kn_arena_clear(&c->arena);
    if (kn_json_type_at(m->doc, m->node) != KN_JSON_OBJECT) {
        return refuse(err, "invalid_type", "a message must be an object");
    }
    if (m->doc->nodes[m->node].len > KN_COLLECT_EVENT_MAX) {
        return refuse(err, "too_large", "a message may have at most 32768 bytes");
    }
    enum kn_event_type type = type_of(c, m);
    const char *bad = check(c, m, type, err);
    if (bad) {
        return bad;
    }
    bool given;
    struct kn_item item = {
        .kind = KN_ITEM_EVENT,
        .type = type,
        .source = m->source->number,
        .event_us = event_time(c, m),
        .received_us = m->received_us,
        .message_id = message_id(c, m, &given),
        .name = name_of(c, m, type),
    };
    item.flags |= is_server(c, m) ? KN_ITEM_SERVER : 0U;
    item.flags |= m->historic ? KN_ITEM_HISTORIC : 0U;
    uint32_t personas = kn_json_path(m->doc, m->node, "integrations.Personas");
    /* What third parties say never reaches a customer profile. */
    bool outside = m->source->party == KN_PARTY_THIRD ||
                   kn_json_type_at(m->doc, personas) == KN_JSON_FALSE;
    item.flags |= outside ? KN_ITEM_NO_PROFILE : 0U;
    uint32_t traits = kn_message_traits(m, type);
    if (kn_json_type_at(m->doc, traits) == KN_JSON_OBJECT) {
        item.traits = named_traits(c, m, traits);
    }
    kn_message_identifiers(c, m, &item);
    kn_message_order(c, m, &item);
    kn_message_visit(c, m, &item);
    device_of(c, m, &item);
    kn_message_consents(c, m, &item);
    bool has_long_id = !given && kn_json_find(m->doc, m->node, KN_STR("messageId")) != KN_JSON_NONE;
    put_body(c, m, has_long_id, (item.flags & KN_ITEM_SERVER) != 0);
    item.body = kn_buf_view(&c->body);
    if (c->body.rc != KN_OK) {
        return refuse(err, "too_large", "the message is too large");
    }
    size_t before = items->len;
    kn_item_encode(&item, items);
    if (items->rc != KN_OK) {
        items->len = before;
        return refuse(err, "too_large", "the message is too large");
    }
    return NULL;
}
