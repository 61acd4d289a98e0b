/* What a person's events say: traits, counters, orders. */
#include "base/assert.h"
#include "sim/oracle.h"

#define GAP_US (30 * 60 * INT64_C(1000000))

static bool is_event_of(const struct oracle *o, size_t i, int person)
{
    return o->view.person[i] == person && o->items[i].kind == ORACLE_MESSAGE;
}

static int64_t precedence_us(const struct sim_message *m)
{
    return m->event_us < m->received_us ? m->event_us : m->received_us;
}

int oracle_trait(const struct oracle *o, int person, int trait)
{
    const struct sim_message *best = NULL;
    for (size_t i = 0; i < o->count; i++) {
        const struct sim_message *m = &o->items[i].message;
        if (is_event_of(o, i, person) && m->call == SIM_IDENTIFY && m->trait == trait &&
            (!best || precedence_us(m) >= precedence_us(best))) {
            best = m;
        }
    }
    return best ? best->value : -1;
}

unsigned oracle_contact(const struct oracle *o, int person, enum sim_id_type type)
{
    const struct sim_message *best = NULL;
    for (size_t i = 0; i < o->count; i++) {
        const struct sim_message *m = &o->items[i].message;
        if (is_event_of(o, i, person) && m->call == SIM_IDENTIFY && m->ids[type] != 0 &&
            (!best || precedence_us(m) >= precedence_us(best))) {
            best = m;
        }
    }
    return best ? best->ids[type] : 0;
}

uint64_t oracle_events(const struct oracle *o, int person)
{
    uint64_t count = 0;
    for (size_t i = 0; i < o->count; i++) {
        count += is_event_of(o, i, person);
    }
    return count;
}

/* A visit opens a session when no visit lies within the 30 minutes before it. */
uint64_t oracle_sessions(const struct oracle *o, int person)
{
    uint64_t count = 0;
    for (size_t i = 0; i < o->count; i++) {
        const struct sim_message *m = &o->items[i].message;
        bool opens = is_event_of(o, i, person) && sim_message_visits(m);
        for (size_t k = 0; opens && k < o->count; k++) {
            const struct sim_message *other = &o->items[k].message;
            int64_t before = m->event_us - other->event_us;
            if (k != i && is_event_of(o, k, person) && sim_message_visits(other) &&
                (before > 0 || (before == 0 && k < i)) && before <= GAP_US) {
                opens = false;
            }
        }
        count += opens;
    }
    return count;
}

/* ---- orders ---- */

static bool has_order(const struct oracle *o, size_t i)
{
    const struct oracle_item *item = &o->items[i];
    return item->kind == ORACLE_MESSAGE && item->message.order != SIM_NO_ORDER &&
           o->view.person[i] != ORACLE_NOBODY;
}

static bool same_order(const struct sim_message *a, const struct sim_message *b)
{
    return a == b || (a->order_id != 0 && a->order_id == b->order_id);
}

static bool is_first(const struct oracle *o, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (has_order(o, i) && same_order(&o->items[i].message, &o->items[index].message)) {
            return false;
        }
    }
    return true;
}

static void add_order(const struct oracle *o, const struct sim_message *first,
                      struct oracle_money *ret)
{
    const struct sim_message *state = NULL;  /* the latest that says how it stands */
    const struct sim_message *amount = NULL; /* the latest that says how much */
    int64_t refunded = 0;
    bool placed = false;
    bool whole = false;
    for (size_t i = 0; i < o->count; i++) {
        const struct sim_message *m = &o->items[i].message;
        if (!has_order(o, i) || !same_order(first, m)) {
            continue;
        }
        if (m->order == SIM_REFUNDED) {
            whole = whole || m->amount < 0;
            refunded += m->amount < 0 ? 0 : m->amount;
            continue;
        }
        state = !state || m->event_us >= state->event_us ? m : state;
        placed = placed || m->order != SIM_CANCELLED;
        if (m->order != SIM_CANCELLED && m->amount >= 0 &&
            (!amount || m->event_us >= amount->event_us)) {
            amount = m;
        }
    }
    if (!placed || state->order == SIM_CANCELLED) {
        return;
    }
    ret->orders++;
    int64_t net = !amount || whole ? 0 : amount->amount - refunded;
    bool usd = amount && amount->currency && strcmp(amount->currency, "USD") == 0;
    *(usd ? &ret->usd : &ret->eur) += net;
}

struct oracle_money oracle_orders(const struct oracle *o, int person)
{
    struct oracle_money money = {0};
    for (size_t i = 0; i < o->count; i++) {
        if (has_order(o, i) && o->view.person[i] == person && is_first(o, i)) {
            add_order(o, &o->items[i].message, &money);
        }
    }
    return money;
}
