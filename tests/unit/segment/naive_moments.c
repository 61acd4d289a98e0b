/* Where a truth may change: every moment that a history, a query and a calendar know of. */
#include "tests/unit/segment/naive.h"

enum { PERIODS = 64, BASES = 4096 };

struct moments {
    const struct naive *n;
    int64_t *at;
    uint32_t count, most;
    struct kn_period periods[PERIODS];
    uint32_t period_count;
    int64_t bases[BASES]; /* times of rows, dates in values */
    uint32_t base_count;
};

static void add(struct moments *m, int64_t us)
{
    for (int64_t d = -1; d <= 1; d++) {
        if (us + d > m->n->now && m->count < m->most) {
            m->at[m->count++] = us + d;
        }
    }
}

static void add_period(struct moments *m, struct kn_period period)
{
    if (period.count > 0 && m->period_count < PERIODS) {
        m->periods[m->period_count++] = period;
    }
}

static void add_base(struct moments *m, int64_t us)
{
    if (m->base_count < BASES) {
        m->bases[m->base_count++] = us;
    }
}

static void walk_node(struct moments *m, const struct kn_node *node);

static void walk_chain(struct moments *m, const struct kn_chain *chain)
{
    int64_t us, day;
    add_period(m, chain->window.a);
    add_period(m, chain->window.b);
    if (chain->window.kind == KN_WINDOW_DATES) {
        if (naive_date(m->n->zones, chain->window.from, &us, &day)) {
            add_base(m, us);
        }
        if (naive_date(m->n->zones, chain->window.to, &us, &day)) {
            add_base(m, us);
        }
    }
    if (chain->where) {
        walk_node(m, chain->where);
    }
}

static void walk_node(struct moments *m, const struct kn_node *node)
{
    add_period(m, node->period);
    for (uint32_t i = 0; i < node->kid_count; i++) {
        walk_node(m, node->kids[i]);
    }
    if (node->chain) {
        walk_chain(m, node->chain);
    }
}

/* Dates in values, and the anniversaries of them. */
static void walk_json(struct moments *m, const struct history_json *json)
{
    const struct zones *zones = m->n->zones;
    int64_t us, day;
    if (json->kind == HISTORY_STRING && naive_date(zones, json->text, &us, &day)) {
        struct naive_civil c = naive_civil(day);
        int year = naive_civil(naive_local_day(zones, m->n->now)).year;
        add_base(m, us);
        for (int y = year - 1; y <= year + 2; y++) {
            int64_t of = naive_day_number(y, c.month, c.day);
            for (int64_t d = of - 1; d <= of + 1; d++) {
                add_base(m, naive_utc(zones, d * ZONES_DAY_US));
            }
        }
    }
    for (uint32_t i = 0; i < json->count; i++) {
        walk_json(m, &json->kids[i]);
    }
}

static void shift_bases(struct moments *m)
{
    for (uint32_t i = 0; i < m->base_count; i++) {
        int64_t base = m->bases[i];
        add(m, base);
        for (uint32_t k = 0; k < m->period_count; k++) {
            int64_t later = naive_shift(m->n->zones, base, m->periods[k], 1);
            add(m, later);
            add(m, naive_shift(m->n->zones, base, m->periods[k], -1));
            for (int64_t d = -3; m->periods[k].unit >= KN_MONTH && d <= 3; d++) {
                add(m, later + d * ZONES_DAY_US);
            }
        }
    }
}

static void calendar(struct moments *m)
{
    const struct zones *zones = m->n->zones;
    int64_t today = naive_local_day(zones, m->n->now);
    for (int64_t d = today; d < today + 800; d++) {
        if (d < today + 35 || naive_civil(d).day == 1) {
            add(m, naive_utc(zones, d * ZONES_DAY_US));
        }
    }
    for (size_t i = 0; i < zones->count; i++) {
        if (zones->at_us[i] < m->n->now + 400 * ZONES_DAY_US) {
            add(m, zones->at_us[i] - ZONES_HOUR_US);
            add(m, zones->at_us[i]);
            add(m, zones->at_us[i] + ZONES_HOUR_US);
        }
    }
}

uint32_t naive_moments(const struct naive *n, const struct kn_query *query, int64_t *moments,
                       uint32_t most)
{
    static _Thread_local struct moments m;
    const struct history *h = n->history;
    m.n = n;
    m.at = moments;
    m.most = most;
    m.count = m.period_count = m.base_count = 0;
    if (query->form == KN_QUERY_SEGMENT) {
        walk_node(&m, query->root);
    } else {
        walk_chain(&m, query->chain);
    }
    walk_json(&m, &h->traits);
    for (uint32_t i = 0; i < h->event_count; i++) {
        add_base(&m, h->events[i].us);
        walk_json(&m, &h->events[i].properties);
        walk_json(&m, &h->events[i].context);
    }
    shift_bases(&m);
    calendar(&m);
    return m.count;
}
