/* One Segment-shaped message into one item. */
#include "collect/collect_internal.h"
#include "format/time_text.h"
#include "format/token.h"

enum { CONTEXT_DEPTH_MAX = 64, CONTEXT_NODES_MAX = 1 << 16 };

/* ---- texts ---- */

static struct kn_str whole_text(struct kn_reading *r, const struct kn_json *doc, uint32_t node)
{
    enum kn_json_type type = kn_json_type_at(doc, node);
    if (type == KN_JSON_NUMBER) {
        return kn_json_raw(doc, node);
    }
    if (type != KN_JSON_STRING) {
        return KN_STR_EMPTY;
    }
    struct kn_str text = kn_json_string(doc, node, &r->c->arena);
    r->nomem = r->nomem || (doc->nodes[node].len > 0 && !text.p);
    return text;
}

struct kn_str kn_text(struct kn_reading *r, const struct kn_json *doc, uint32_t node)
{
    return node == KN_JSON_NONE ? KN_STR_EMPTY : kn_str_trim(whole_text(r, doc, node));
}

struct kn_str kn_text_in(struct kn_reading *r, const struct kn_json *doc, uint32_t object,
                         struct kn_str key)
{
    return object == KN_JSON_NONE ? KN_STR_EMPTY : kn_text(r, doc, kn_json_find(doc, object, key));
}

bool kn_time_in(struct kn_reading *r, uint32_t node, int64_t *ret)
{
    return node != KN_JSON_NONE && kn_time_parse(kn_text(r, r->doc, node), ret);
}

/* The length of the character at p, 0 when it is not UTF-8. */
static size_t character(const unsigned char *p, size_t left)
{
    size_t len = p[0] < 0x80                   ? 1
                 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                               : 0;
    if (len == 0 || len > left) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool odd = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
               (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90);
    return odd ? 0 : len;
}

struct kn_str kn_clip(struct kn_str text, size_t max)
{
    size_t at = 0;
    while (at < text.len) {
        size_t len = character((const unsigned char *)text.p + at, text.len - at);
        if (len == 0) {
            return KN_STR_EMPTY;
        }
        if (at + len > max) {
            break;
        }
        at += len;
    }
    return kn_str_sub(text, 0, at);
}

/* ---- refusals ---- */

static const char *refuse(struct kn_err *err, const char *code, const char *detail)
{
    (void)kn_fail(err, KN_E_INVALID, "%s", detail);
    return code;
}

static const char *check_object(const struct kn_json *doc, uint32_t node, const char *name,
                                struct kn_err *err)
{
    if (node == KN_JSON_NONE) {
        return NULL;
    }
    enum kn_json_type type = kn_json_type_at(doc, node);
    if (type != KN_JSON_OBJECT && type != KN_JSON_NULL) {
        (void)kn_fail(err, KN_E_INVALID, "%s must be an object", name);
        return "invalid_type";
    }
    if (kn_member_count(doc, node) > KN_PROPERTIES_MAX) {
        (void)kn_fail(err, KN_E_INVALID, "%s has more than %d members", name,
                      (int)KN_PROPERTIES_MAX);
        return "too_many_properties";
    }
    return NULL;
}

static const char *check(struct kn_reading *r, struct kn_err *err)
{
    enum kn_event_type type = r->item.type;
    bool user = kn_text(r, r->doc, r->f[KN_F_USER_ID]).len > 0;
    if (type == KN_EVENT_NONE) {
        return refuse(err, "unknown_type",
                      "type must be track, identify, page, screen, group or alias");
    }
    if (!user && kn_text(r, r->doc, r->f[KN_F_ANONYMOUS_ID]).len == 0) {
        return refuse(err, "no_user_anon_id", "a message needs a userId or an anonymousId");
    }
    if (type == KN_EVENT_TRACK && (kn_json_type_at(r->doc, r->f[KN_F_EVENT]) != KN_JSON_STRING ||
                                   kn_text(r, r->doc, r->f[KN_F_EVENT]).len == 0)) {
        return refuse(err, "no_event", "a track message needs an event name");
    }
    if (type == KN_EVENT_GROUP && kn_text(r, r->doc, r->f[KN_F_GROUP_ID]).len == 0) {
        return refuse(err, "no_group_id", "a group message needs a groupId");
    }
    if (type == KN_EVENT_GROUP && kn_text(r, r->doc, r->f[KN_F_GROUP_ID]).len > KN_GROUP_ID_MAX) {
        return refuse(err, "group_id_too_long", "a groupId may have at most 500 bytes");
    }
    if (type == KN_EVENT_ALIAS && (!user || kn_text(r, r->doc, r->f[KN_F_PREVIOUS_ID]).len == 0)) {
        return refuse(err, "no_previous_id", "an alias message needs a userId and a previousId");
    }
    const char *bad = check_object(r->doc, r->f[KN_F_PROPERTIES], "properties", err);
    bad = bad ? bad : check_object(r->doc, r->f[KN_F_TRAITS], "traits", err);
    bad = bad ? bad : check_object(r->doc, r->f[KN_F_CONTEXT], "context", err);
    if (!bad && r->item.type == KN_EVENT_IDENTIFY && r->traits_in_context != KN_JSON_NONE) {
        bad = check_object(r->cdoc, r->traits_in_context, "context.traits", err);
    }
    return bad;
}

/* ---- context ---- */

/* The message's own context over the batch's. Both are there: their merged text is parsed. */
static enum kn_rc read_context(struct kn_reading *r, struct kn_err *err)
{
    static const struct kn_json_limits limits = {CONTEXT_DEPTH_MAX, CONTEXT_NODES_MAX};
    struct kn_collect *c = r->c;
    uint32_t own = r->f[KN_F_CONTEXT];
    uint32_t shared = r->m->shared ? r->m->shared->context : KN_JSON_NONE;
    own = kn_json_type_at(r->doc, own) == KN_JSON_OBJECT ? own : KN_JSON_NONE;
    r->cdoc = r->doc;
    r->context = own != KN_JSON_NONE && r->doc->nodes[own].next > own + 1 ? own : shared;
    r->context = r->context != KN_JSON_NONE ? r->context : own;
    if (own != KN_JSON_NONE && r->context == own && shared != KN_JSON_NONE &&
        r->doc->nodes[shared].next > shared + 1) {
        kn_buf_clear(&c->merged);
        kn_merge(r->doc, own, shared, 0, &c->merged);
        if (!kn_buf_reserve(&c->merged, KN_JSON_PADDING)) {
            return c->merged.rc;
        }
        memset(c->merged.p + c->merged.len, 0, KN_JSON_PADDING);
        KN_TRY(kn_json_parse(c->context_parser, c->merged.p, c->merged.len, &limits, &r->merged_doc,
                             err));
        r->cdoc = &r->merged_doc;
        r->context = 0;
    }
    kn_context_fields(r->cdoc, r->context, &c->arena, r->x);
    return KN_OK;
}

/* ---- the parts of the item ---- */

static enum kn_event_type type_of(struct kn_reading *r)
{
    static const struct kn_str names[] = {{"", 0},       {"track", 5}, {"identify", 8}, {"page", 4},
                                          {"screen", 6}, {"group", 5}, {"alias", 5}};
    struct kn_str name = kn_text(r, r->doc, r->f[KN_F_TYPE]);
    enum kn_event_type said = KN_EVENT_NONE;
    for (unsigned t = KN_EVENT_TRACK; t <= KN_EVENT_ALIAS; t++) {
        said = kn_str_eq(name, names[t]) ? (enum kn_event_type)t : said;
    }
    enum kn_event_type type = r->m->path_type != KN_EVENT_NONE ? r->m->path_type : said;
    r->keeps_type = type != said;
    return type;
}

/* collect-protocols section 1.10. A message without a time of its own is of the moment it arrived.
 */
static int64_t event_time(struct kn_reading *r)
{
    const struct kn_message *m = r->m;
    uint32_t first = m->historic ? KN_F_TIMESTAMP : KN_F_ORIGINAL;
    uint32_t second = m->historic ? KN_F_ORIGINAL : KN_F_TIMESTAMP;
    int64_t original;
    int64_t sent;
    if (!kn_time_in(r, r->f[first], &original) && !kn_time_in(r, r->f[second], &original)) {
        return m->received_us;
    }
    if (m->historic) {
        return original;
    }
    if (!kn_time_in(r, r->f[KN_F_SENT_AT], &sent)) {
        if (!m->shared || !m->shared->has_sent) {
            return original;
        }
        sent = m->shared->sent_us;
    }
    return m->received_us - (sent - original);
}

static struct kn_str message_id(struct kn_reading *r)
{
    uint32_t node = r->f[KN_F_MESSAGE_ID];
    struct kn_str given = node == KN_JSON_NONE ? KN_STR_EMPTY : whole_text(r, r->doc, node);
    if (kn_str_trim(given).len > 0 && given.len <= KN_MESSAGE_ID_MAX) {
        r->keeps_message_id = r->doc->nodes[node].type != KN_JSON_STRING;
        return given;
    }
    unsigned char random[16];
    char text[37];
    kn_random_fill(r->m->random, random, sizeof random);
    kn_uuid4(random, text);
    r->keeps_message_id = true;
    given = kn_arena_str(&r->c->arena, kn_str(text, 36));
    r->nomem = r->nomem || !given.p;
    return given;
}

static struct kn_str name_of(struct kn_reading *r)
{
    switch (r->item.type) {
    case KN_EVENT_TRACK: return whole_text(r, r->doc, r->f[KN_F_EVENT]);
    case KN_EVENT_PAGE: return KN_STR("Page Viewed");
    case KN_EVENT_SCREEN: return KN_STR("Screen Viewed");
    case KN_EVENT_NONE:
    case KN_EVENT_IDENTIFY:
    case KN_EVENT_GROUP:
    case KN_EVENT_ALIAS: break;
    }
    return KN_STR_EMPTY;
}

/* {"Personas": false} keeps an event off the profiles; the message's own word goes before the
 * batch's. */
static bool is_without_profile(const struct kn_reading *r)
{
    uint32_t node = kn_json_find(r->doc, r->f[KN_F_INTEGRATIONS], KN_STR("Personas"));
    if (node == KN_JSON_NONE && r->m->shared) {
        node = kn_json_find(r->doc, r->m->shared->integrations, KN_STR("Personas"));
    }
    bool refused = node != KN_JSON_NONE && kn_json_type_at(r->doc, node) == KN_JSON_FALSE;
    return refused || r->m->source->party == KN_PARTY_THIRD; /* bought data stays off customers */
}

/* ---- traits ---- */

static void find_traits(struct kn_reading *r)
{
    uint32_t own = r->f[KN_F_TRAITS];
    r->traits_in_context = KN_JSON_NONE;
    if (r->item.type == KN_EVENT_IDENTIFY &&
        (own == KN_JSON_NONE || kn_json_type_at(r->doc, own) == KN_JSON_NULL ||
         r->doc->nodes[own].next == own + 1)) {
        r->traits_in_context = r->x[KN_C_TRAITS];
    }
}

uint32_t kn_traits(const struct kn_reading *r, const struct kn_json **ret_doc)
{
    bool above = r->traits_in_context != KN_JSON_NONE;
    uint32_t node = above ? r->traits_in_context : r->f[KN_F_TRAITS];
    *ret_doc = above ? r->cdoc : r->doc;
    if (r->item.type != KN_EVENT_IDENTIFY || node == KN_JSON_NONE ||
        kn_json_type_at(*ret_doc, node) != KN_JSON_OBJECT ||
        (*ret_doc)->nodes[node].next == node + 1) {
        return KN_JSON_NONE;
    }
    return node;
}

/* First and last name, in either spelling, when there is no name. */
static bool full_name(struct kn_reading *r, const struct kn_json *doc, uint32_t traits,
                      struct kn_str ret[2])
{
    static const char *const keys[2][2] = {{"firstName", "first_name"}, {"lastName", "last_name"}};
    if (kn_json_find(doc, traits, KN_STR("name")) != KN_JSON_NONE) {
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        ret[i] = kn_text_in(r, doc, traits, kn_str_c(keys[i][0]));
        if (ret[i].len == 0) {
            ret[i] = kn_text_in(r, doc, traits, kn_str_c(keys[i][1]));
        }
    }
    return ret[0].len > 0 && ret[1].len > 0;
}

/* The raw object, unless a name is to be added or the consents (facts of their own) to be taken
 * out. */
static void read_traits(struct kn_reading *r)
{
    const struct kn_json *doc;
    uint32_t traits = kn_traits(r, &doc);
    struct kn_str name[2];
    if (traits == KN_JSON_NONE) {
        return;
    }
    uint32_t consents = kn_json_find(doc, traits, KN_STR("consents"));
    bool has_name = full_name(r, doc, traits, name);
    if (!has_name && consents == KN_JSON_NONE) {
        r->item.traits = kn_json_raw(doc, traits);
        return;
    }
    struct kn_buf *out = &r->c->scratch;
    kn_buf_clear(out);
    kn_buf_char(out, '{');
    for (uint32_t i = traits + 1; i < doc->nodes[traits].next; i = doc->nodes[i].next) {
        if (i != consents) {
            kn_json_out_comma(out);
            kn_buf_str(out, kn_member_slice(doc, i));
        }
    }
    if (has_name) {
        char *joined = kn_arena_alloc(&r->c->arena, name[0].len + name[1].len + 1);
        if (!joined) {
            r->nomem = true;
            return;
        }
        memcpy(joined, name[0].p, name[0].len);
        joined[name[0].len] = ' ';
        memcpy(joined + name[0].len + 1, name[1].p, name[1].len);
        kn_json_out_kv(out, "name", kn_str(joined, name[0].len + name[1].len + 1));
    }
    kn_buf_char(out, '}');
    r->nomem = r->nomem || out->rc != KN_OK;
    r->item.traits = out->len > 2 ? kn_buf_view(out) : KN_STR_EMPTY;
}

/* ---- putting it together ---- */

static void fill(struct kn_reading *r)
{
    struct kn_item *item = &r->item;
    item->kind = KN_ITEM_EVENT;
    item->source = r->m->source->number;
    item->event_us = event_time(r);
    item->received_us = r->m->received_us;
    item->message_id = message_id(r);
    item->name = name_of(r);
    r->origin = kn_read_origin(r);
    item->flags |= r->origin == KN_ORIGIN_SERVER ? KN_ITEM_SERVER : 0U;
    item->flags |= r->m->historic ? KN_ITEM_HISTORIC : 0U;
    item->flags |= is_without_profile(r) ? KN_ITEM_NO_PROFILE : 0U;
    read_traits(r);
    kn_read_ids(r);
    kn_read_order(r);
    kn_read_visit(r);
    kn_read_device(r);
    kn_read_consents(r);
    kn_write_body(r);
    item->body = kn_buf_view(&r->c->body);
}

static enum kn_rc encode(struct kn_reading *r, struct kn_buf *items, struct kn_err *err)
{
    size_t before = items->len;
    if (r->nomem || r->c->body.rc != KN_OK) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    kn_item_encode(&r->item, items);
    if (items->rc != KN_OK) {
        enum kn_rc rc = items->rc;
        items->len = before;
        return kn_fail(err, rc, "the items of one request take too much room");
    }
    return KN_OK;
}

enum kn_rc kn_message_item(struct kn_collect *c, const struct kn_message *m, struct kn_buf *items,
                           const char **ret_reason, struct kn_err *err)
{
    struct kn_reading r = {.c = c, .m = m, .doc = m->doc};
    size_t shared = m->shared ? m->shared->bytes : 0;
    kn_arena_clear(&c->arena);
    *ret_reason = NULL;
    if (kn_json_type_at(m->doc, m->node) != KN_JSON_OBJECT) {
        *ret_reason = refuse(err, "invalid_type", "a message must be an object");
        return KN_OK;
    }
    if (m->doc->nodes[m->node].len + shared > KN_COLLECT_EVENT_MAX) {
        *ret_reason = refuse(err, "too_large", "a message may have at most 32768 bytes");
        return KN_OK;
    }
    kn_message_fields(m->doc, m->node, &c->arena, r.f);
    KN_TRY(read_context(&r, err));
    r.item.type = type_of(&r);
    find_traits(&r);
    *ret_reason = check(&r, err);
    if (*ret_reason) {
        return r.nomem ? kn_fail(err, KN_E_NOMEM, "out of memory") : KN_OK;
    }
    fill(&r);
    if (r.item.id_count == 0 && !r.nomem) {
        *ret_reason = refuse(err, "identifier_too_long",
                             "no identifier of the message has at most 255 bytes");
        return KN_OK;
    }
    return encode(&r, items, err);
}
