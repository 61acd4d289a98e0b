/* The message as it is kept: raw slices of what came in, runs of members copied at once. Left out:
 * what the item says itself, and what must not be kept. */
#include "collect/collect_internal.h"

struct run {
    const struct kn_json *doc;
    struct kn_buf *out;
    struct kn_str members; /* neighbouring members, commas between them included */
};

static void flush(struct run *run)
{
    if (run->members.len > 0) {
        kn_json_out_comma(run->out);
        kn_buf_str(run->out, run->members);
        run->members = KN_STR_EMPTY;
    }
}

static void keep(struct run *run, uint32_t member)
{
    struct kn_str slice = kn_member_slice(run->doc, member);
    if (run->members.len == 0) {
        run->members = slice;
    } else {
        run->members.len = (size_t)(slice.p + slice.len - run->members.p);
    }
}

/* ---- context ---- */

/* The address to keep, cut down; false: none. */
static bool address(struct kn_reading *r, char ret[48])
{
    const struct kn_message *m = r->m;
    struct kn_str given = kn_text(r, r->cdoc, r->x[KN_C_IP]);
    bool direct = kn_json_type_at(r->cdoc, r->x[KN_C_DIRECT]) == KN_JSON_TRUE;
    bool client = r->origin == KN_ORIGIN_BROWSER || r->origin == KN_ORIGIN_MOBILE || m->pixel;
    if (m->remove_ip) {
        return false;
    }
    if (m->jitsu && !m->server && m->peer_ip.len > 0) {
        given = m->peer_ip; /* what a browser says about its address is not believed */
    }
    if (given.len == 0 && (client || direct)) {
        given = m->peer_ip;
    }
    return given.len > 0 && kn_ip_truncate(given, ret);
}

/* The context's members with the cut address instead of the one that came. */
static void write_context(struct kn_reading *r, const char *ip)
{
    struct kn_buf *out = &r->c->body;
    struct run run = {.doc = r->cdoc, .out = out};
    kn_json_out_key(out, "context");
    kn_buf_char(out, '{');
    for (uint32_t i = r->context + 1;
         r->context != KN_JSON_NONE && i < r->cdoc->nodes[r->context].next;
         i = r->cdoc->nodes[i].next) {
        if (kn_context_field_of(r->cdoc, i, &r->c->arena) == KN_C_IP) {
            flush(&run);
        } else {
            keep(&run, i);
        }
    }
    flush(&run);
    if (ip) {
        kn_json_out_kv(out, "ip", kn_str_c(ip));
    }
    kn_buf_char(out, '}');
}

/* ---- the message ---- */

static bool is_kept(const struct kn_reading *r, uint32_t i, bool context_as_is)
{
    switch (kn_field_of(r->doc, i, &r->c->arena)) {
    case KN_F_DROPPED: return false;
    case KN_F_TYPE: return i != r->f[KN_F_TYPE] || r->keeps_type;
    case KN_F_EVENT: return i != r->f[KN_F_EVENT] || r->item.type != KN_EVENT_TRACK;
    case KN_F_MESSAGE_ID: return i != r->f[KN_F_MESSAGE_ID] || r->keeps_message_id;
    case KN_F_CONTEXT: return i == r->f[KN_F_CONTEXT] && context_as_is;
    case KN_F_INTEGRATIONS: return !r->m->shared || r->m->shared->integrations == KN_JSON_NONE;
    case KN_F_OTHER:
    case KN_F_USER_ID:
    case KN_F_ANONYMOUS_ID:
    case KN_F_GROUP_ID:
    case KN_F_PREVIOUS_ID:
    case KN_F_TIMESTAMP:
    case KN_F_ORIGINAL:
    case KN_F_SENT_AT:
    case KN_F_PROPERTIES:
    case KN_F_TRAITS:
    case KN_F_CHANNEL:
    case KN_F_COUNT: break;
    }
    return true;
}

static void write_shared(struct kn_reading *r)
{
    const struct kn_shared *shared = r->m->shared;
    struct kn_buf *out = &r->c->body;
    if (shared->integrations != KN_JSON_NONE) {
        uint32_t own = r->f[KN_F_INTEGRATIONS];
        bool has_own = kn_json_type_at(r->doc, own) != KN_JSON_NULL;
        kn_json_out_key(out, "integrations");
        kn_merge(r->doc, has_own ? own : shared->integrations, shared->integrations, 0, out);
    }
    if (shared->sent_at != KN_JSON_NONE && r->f[KN_F_SENT_AT] == KN_JSON_NONE) {
        kn_json_out_kraw(out, "sentAt", kn_json_raw(r->doc, shared->sent_at));
    }
}

void kn_write_body(struct kn_reading *r)
{
    struct kn_buf *out = &r->c->body;
    struct run run = {.doc = r->doc, .out = out};
    char ip[48];
    bool has_ip = address(r, ip);
    bool own = r->cdoc == r->doc && r->context == r->f[KN_F_CONTEXT];
    bool none = r->context == KN_JSON_NONE;
    bool as_is = !has_ip && r->x[KN_C_IP] == KN_JSON_NONE && (own || none);
    kn_buf_clear(out);
    kn_buf_char(out, '{');
    for (uint32_t i = r->m->node + 1; i < r->doc->nodes[r->m->node].next;
         i = r->doc->nodes[i].next) {
        if (is_kept(r, i, as_is)) {
            keep(&run, i);
        } else {
            flush(&run);
        }
    }
    flush(&run);
    if (r->m->shared) {
        write_shared(r);
    }
    if (!as_is) {
        write_context(r, has_ip ? ip : NULL);
    }
    kn_buf_char(out, '}');
}
