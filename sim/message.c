#include "sim/message.h"

#include <stdio.h>

#include "format/json.h"

enum { ORDERS = 10, MS = 1000 };
#define DAY_MS 86400000

/* ---- words ---- */

const char *sim_id_type_name(enum sim_id_type type)
{
    static const char *const names[] = {"user_id", "email", "anonymous_id", "phone"};
    return names[type];
}

void sim_id_value(enum sim_id_type type, unsigned number, char ret[32])
{
    static const char *const before[] = {"user-", "mail", "anon-", "+316000000"};
    (void)snprintf(ret, 32, "%s%02u%s", before[type], number,
                   type == SIM_EMAIL ? "@example.org" : "");
}

const char *sim_purpose_name(enum sim_purpose purpose)
{
    static const char *const names[] = {"analytics", "advertising", "marketing_email"};
    return names[purpose];
}

const char *sim_message_type(enum sim_call call)
{
    static const char *const names[] = {"track", "identify", "page", "alias"};
    return names[call];
}

const char *sim_message_event(const struct sim_message *m)
{
    static const char *const orders[] = {"Thing Done", "Order Completed", "Order Updated",
                                         "Order Refunded", "Order Cancelled"};
    return m->call == SIM_TRACK ? orders[m->order] : m->call == SIM_PAGE ? "Page Viewed" : NULL;
}

bool sim_message_visits(const struct sim_message *m)
{
    return m->browser && (m->call == SIM_TRACK || m->call == SIM_PAGE);
}

const char *sim_reason(enum sim_fault fault)
{
    static const char *const reasons[] = {
        NULL,           "no_user_anon_id", "no_event",      "unknown_type",
        "invalid_type", "invalid_type",    "no_previous_id"};
    return reasons[fault];
}

/* ---- drawing ---- */

static void draw_ids(struct kn_rand *r, bool limit_heavy, struct sim_message *m)
{
    unsigned chance[SIM_ID_TYPES] = {limit_heavy ? 6 : 2, 3, 7, 1}; /* of 10 */
    for (unsigned t = 0; t < SIM_ID_TYPES; t++) {
        if (kn_rand_chance(r, chance[t], 10)) {
            m->ids[t] = (unsigned)kn_rand_between(r, 1, SIM_IDS_EACH);
        }
    }
    if (m->ids[SIM_USER] == 0 && m->ids[SIM_ANON] == 0) {
        m->ids[SIM_ANON] = (unsigned)kn_rand_between(r, 1, SIM_IDS_EACH);
    }
}

static void draw_order(struct kn_rand *r, struct sim_message *m)
{
    static const char *const currencies[] = {NULL, "EUR", "USD"};
    m->order = (enum sim_order)kn_rand_between(r, SIM_COMPLETED, SIM_CANCELLED);
    m->order_id = kn_rand_chance(r, 1, 6) ? 0 : (unsigned)kn_rand_between(r, 1, ORDERS);
    m->amount = kn_rand_chance(r, 1, 4) ? -1 : (int)kn_rand_between(r, 0, 99999);
    m->currency = currencies[kn_rand_below(r, 3)];
}

static void draw_fault(struct kn_rand *r, struct sim_message *m)
{
    m->fault = (enum sim_fault)kn_rand_between(r, SIM_NOBODY, SIM_FAULTS - 1);
    if (m->fault == SIM_NO_EVENT || m->fault == SIM_BAD_PROPERTIES) {
        m->call = SIM_TRACK;
    }
    if (m->fault == SIM_NO_PREVIOUS) {
        m->call = SIM_ALIAS;
        m->ids[SIM_USER] = 1;
    }
}

void sim_message_draw(struct kn_rand *r, uint32_t number, int64_t now_us, bool limit_heavy,
                      struct sim_message *ret)
{
    static const enum sim_call calls[] = {SIM_TRACK, SIM_TRACK,    SIM_TRACK, SIM_IDENTIFY,
                                          SIM_PAGE,  SIM_IDENTIFY, SIM_PAGE,  SIM_ALIAS};
    *ret = (struct sim_message){.number = number, .trait = -1, .amount = -1};
    ret->source = (unsigned)kn_rand_below(r, SIM_SOURCES);
    ret->call = calls[kn_rand_below(r, 8)];
    ret->received_us = now_us;
    ret->event_us = now_us - kn_rand_between(r, 0, kn_rand_chance(r, 1, 5) ? DAY_MS : 3) * MS;
    ret->event_us += kn_rand_chance(r, 1, 20) ? 2000 * MS : 0; /* a little ahead */
    ret->skew_us = kn_rand_chance(r, 1, 4) ? kn_rand_between(r, -DAY_MS, DAY_MS) * MS : 0;
    ret->browser = ret->source != 2 && kn_rand_chance(r, 2, 3);
    draw_ids(r, limit_heavy, ret);
    if (ret->call == SIM_ALIAS && ret->ids[SIM_USER] == 0) {
        ret->ids[SIM_USER] = (unsigned)kn_rand_between(r, 1, SIM_IDS_EACH);
    }
    if (ret->call == SIM_IDENTIFY && kn_rand_chance(r, 3, 4)) {
        ret->trait = (int)kn_rand_below(r, SIM_TRAITS);
        ret->value = kn_rand_chance(r, 1, 4) ? -1 : (int)kn_rand_below(r, 1000);
    }
    if (kn_rand_chance(r, 1, 6)) {
        ret->preferences = true;
        for (unsigned p = 0; p < SIM_PURPOSES; p++) {
            ret->states[p] = (enum sim_state)kn_rand_between(r, SIM_UNSAID, SIM_DENIED);
        }
    }
    if (ret->call == SIM_TRACK && kn_rand_chance(r, 1, 3)) {
        draw_order(r, ret);
    }
    if (kn_rand_chance(r, 1, 25)) {
        draw_fault(r, ret);
    }
}

/* ---- JSON ---- */

static void put_id(struct kn_buf *out, const struct sim_message *m, enum sim_id_type type,
                   const char *key)
{
    char value[32];
    if (m->ids[type] != 0) {
        sim_id_value(type, m->ids[type], value);
        kn_json_out_kv(out, key, kn_str_c(value));
    }
}

void sim_message_properties(const struct sim_message *m, struct kn_buf *out)
{
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "n", m->number);
    if (m->order_id != 0) {
        char id[24];
        (void)snprintf(id, sizeof id, "order-%u", m->order_id);
        kn_json_out_kv(out, "order_id", kn_str_c(id));
    }
    if (m->amount >= 0) {
        static const char *const keys[] = {"revenue", "total", "value"};
        kn_json_out_key(out, keys[m->number % 3]);
        kn_buf_printf(out, "%d.%02d", m->amount / 100, m->amount % 100);
    }
    if (m->currency) {
        kn_json_out_kv(out, "currency", kn_str_c(m->currency));
    }
    kn_buf_char(out, '}');
}

void sim_message_context(const struct sim_message *m, struct kn_buf *out)
{
    kn_buf_char(out, '{');
    if (m->browser) {
        kn_json_out_kraw(out, "library",
                         KN_STR("{\"name\":\"analytics.js\",\"version\":\"next\"}"));
    }
    if (m->call != SIM_IDENTIFY && (m->ids[SIM_EMAIL] != 0 || m->ids[SIM_PHONE] != 0)) {
        kn_json_out_key(out, "traits");
        kn_buf_char(out, '{');
        put_id(out, m, SIM_EMAIL, "email");
        put_id(out, m, SIM_PHONE, "phone");
        kn_buf_char(out, '}');
    }
    if (m->preferences) {
        kn_json_out_key(out, "consent");
        kn_buf_c(out, "{\"categoryPreferences\":{");
        for (unsigned p = 0; p < SIM_PURPOSES; p++) {
            if (m->states[p] != SIM_UNSAID) {
                kn_json_out_kbool(out, sim_purpose_name((enum sim_purpose)p),
                                  m->states[p] == SIM_GRANTED);
            }
        }
        kn_buf_c(out, "}}");
    }
    kn_buf_char(out, '}');
}

void sim_message_traits(const struct sim_message *m, struct kn_buf *out)
{
    kn_buf_char(out, '{');
    put_id(out, m, SIM_EMAIL, "email");
    put_id(out, m, SIM_PHONE, "phone");
    if (m->trait >= 0) {
        char key[16];
        (void)snprintf(key, sizeof key, "t%d", m->trait);
        kn_json_out_key(out, key);
        if (m->value < 0) {
            kn_buf_c(out, "null");
        } else {
            kn_buf_printf(out, "%d", m->value);
        }
    }
    kn_buf_char(out, '}');
}

static void put_what(const struct sim_message *m, struct kn_buf *out)
{
    switch (m->call) {
    case SIM_TRACK:
        if (m->fault != SIM_NO_EVENT) {
            kn_json_out_kv(out, "event", kn_str_c(sim_message_event(m)));
        }
        break;
    case SIM_IDENTIFY:
        kn_json_out_key(out, "traits");
        sim_message_traits(m, out);
        break;
    case SIM_ALIAS:
        if (m->fault != SIM_NO_PREVIOUS) {
            kn_json_out_kv(out, "previousId", KN_STR("user-01"));
        }
        break;
    case SIM_PAGE: break;
    }
}

void sim_message_json(const struct sim_message *m, bool with_type, struct kn_buf *out)
{
    char id[24];
    if (m->fault == SIM_NO_OBJECT) {
        kn_buf_printf(out, "%u", m->number);
        return;
    }
    (void)snprintf(id, sizeof id, "m-%u", m->number);
    kn_buf_char(out, '{');
    if (with_type) {
        kn_json_out_kv(out, "type",
                       kn_str_c(m->fault == SIM_UNKNOWN_TYPE ? "sing" : sim_message_type(m->call)));
    }
    kn_json_out_kv(out, "messageId", kn_str_c(id));
    if (m->fault != SIM_NOBODY) {
        put_id(out, m, SIM_USER, "userId");
        put_id(out, m, SIM_ANON, "anonymousId");
    }
    put_what(m, out);
    kn_json_out_ktime(out, "timestamp", m->event_us + m->skew_us);
    kn_json_out_ktime(out, "sentAt", m->received_us + m->skew_us);
    kn_json_out_key(out, "properties");
    if (m->fault == SIM_BAD_PROPERTIES) {
        kn_buf_c(out, "\"none\"");
    } else {
        sim_message_properties(m, out);
    }
    kn_json_out_key(out, "context");
    sim_message_context(m, out);
    kn_buf_char(out, '}');
}
