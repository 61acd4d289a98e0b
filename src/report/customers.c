/* Groups of customers: by recency, frequency and monetary value, by the retention grid, by phase.
 */
#include "base/mem.h"
#include "report/customers.h"

struct kn_grid_rules kn_grid_defaults(void)
{
    return (struct kn_grid_rules){.loyal_orders = 4, .loyal_days = 90, .promising_days = 60};
}

/* ---- names ---- */

enum { GROUPS_MAX = 16 };

enum rfm_group {
    CHAMPIONS,
    LOYAL,
    POTENTIAL,
    NEW,
    PROMISING,
    ATTENTION,
    ABOUT_TO_SLEEP,
    AT_RISK,
    CANNOT_LOSE,
    HIBERNATING,
    LOST,
    RFM_GROUPS
};
static const char *const rfm_names[RFM_GROUPS] = {
    "champions",      "loyal",   "potential_loyal", "new",         "promising", "needs_attention",
    "about_to_sleep", "at_risk", "cannot_lose",     "hibernating", "lost"};
/* By recency 1 to 5, then by the mean of frequency and monetary value 1 to 5. */
static const uint8_t rfm_grid[5][5] = {
    {LOST, LOST, AT_RISK, CANNOT_LOSE, CANNOT_LOSE},
    {HIBERNATING, HIBERNATING, AT_RISK, AT_RISK, AT_RISK},
    {ABOUT_TO_SLEEP, ATTENTION, ATTENTION, LOYAL, LOYAL},
    {PROMISING, POTENTIAL, LOYAL, LOYAL, CHAMPIONS},
    {NEW, POTENTIAL, POTENTIAL, CHAMPIONS, CHAMPIONS},
};

enum { GRID_LOYAL, GRID_PROMISING, GRID_SLEEPER, GRID_RED_ALERT, GRID_ONE_TIME, GRID_GROUPS };
static const char *const grid_names[GRID_GROUPS] = {"loyal", "promising", "sleeper", "red_alert",
                                                    "one_time"};

static const char *name_of(enum kn_grouping grouping, uint32_t group)
{
    if (grouping == KN_GROUPING_RFM) {
        return rfm_names[group];
    }
    if (grouping == KN_GROUPING_GRID) {
        return grid_names[group];
    }
    return group == KN_PHASE_NONE ? "none" : kn_phase_name((enum kn_phase)group);
}

static uint32_t group_count(enum kn_grouping grouping)
{
    return grouping == KN_GROUPING_RFM    ? RFM_GROUPS
           : grouping == KN_GROUPING_GRID ? GRID_GROUPS
                                          : KN_PHASE_COUNT;
}

/* ---- which group ---- */

struct scales {
    struct kn_fifths recency, frequency, monetary;
};

static int64_t recency_of(const struct kn_customer *c)
{
    return -c->last_us;
}
static int64_t frequency_of(const struct kn_customer *c)
{
    return c->orders;
}
static int64_t monetary_of(const struct kn_customer *c)
{
    return c->monetary;
}

static struct kn_fifths scale(const struct kn_customers_plan *p, int64_t *room,
                              int64_t (*measure)(const struct kn_customer *))
{
    size_t n = 0;
    for (uint32_t j = 0; j < p->job_count; j++) {
        for (size_t i = 0; i < p->jobs[j].count; i++) {
            room[n++] = measure(&p->jobs[j].customers[i]);
        }
    }
    return kn_fifths_of(room, n);
}

static enum kn_rc make_scales(const struct kn_customers_plan *p, struct scales *ret,
                              struct kn_err *err)
{
    size_t n = 0;
    for (uint32_t j = 0; j < p->job_count; j++) {
        n += p->jobs[j].count;
    }
    if (n == 0) {
        return KN_OK;
    }
    int64_t *room = kn_alloc(n * sizeof *room);
    if (!room) {
        return kn_fail(err, KN_E_NOMEM, "no memory for customers");
    }
    ret->recency = scale(p, room, recency_of);
    ret->frequency = scale(p, room, frequency_of);
    ret->monetary = scale(p, room, monetary_of);
    kn_free(room);
    return KN_OK;
}

/* Fifths from 0: recency, frequency, monetary value. */
struct score {
    unsigned r, f, m;
};

/* Recency counts from the top: who ordered last has 5, however few there are. */
static struct score score_of(const struct scales *s, const struct kn_customer *c)
{
    return (struct score){4 - kn_fifths_below(&s->recency, recency_of(c)),
                          kn_fifths_below(&s->frequency, frequency_of(c)),
                          kn_fifths_below(&s->monetary, monetary_of(c))};
}

static unsigned fm_of(struct score score)
{
    return (score.f + score.m + 1) / 2;
}

static bool is_within(const struct kn_customers_plan *p, const struct kn_customer *c, uint32_t days)
{
    return c->last_us > p->report->now - (int64_t)days * INT64_C(86400000000);
}

static uint32_t grid_group(const struct kn_customers_plan *p, const struct kn_customer *c)
{
    const struct kn_grid_rules *g = &p->request->grid;
    if (c->orders == 1) {
        return GRID_ONE_TIME;
    }
    if (c->orders >= g->loyal_orders) {
        return is_within(p, c, g->loyal_days) ? GRID_LOYAL : GRID_RED_ALERT;
    }
    return is_within(p, c, g->promising_days) ? GRID_PROMISING : GRID_SLEEPER;
}

/* ---- adding up ---- */

static void add_money(const struct kn_customers_plan *p, const struct kn_amount *a,
                      struct kn_customer_group *g)
{
    struct kn_str name = p->currency_set.values[a->currency ? a->currency : p->home].text;
    uint32_t i = 0;
    if (name.len != 3) {
        return;
    }
    while (i < g->revenue_count && memcmp(g->revenue[i].currency, name.p, 3) < 0) {
        i++;
    }
    if (i == g->revenue_count || memcmp(g->revenue[i].currency, name.p, 3) != 0) {
        if (g->revenue_count == KN_MONEY_MAX) {
            return;
        }
        memmove(&g->revenue[i + 1], &g->revenue[i], (g->revenue_count - i) * sizeof g->revenue[0]);
        g->revenue[i] = (struct kn_money){{0}, {{0}}};
        memcpy(g->revenue[i].currency, name.p, 3);
        g->revenue_count++;
    }
    struct kn_cell to = {.sum = g->revenue[i].amount};
    struct kn_cell from = {.sum = a->sum};
    kn_cell_add(&to, &from);
    g->revenue[i].amount = to.sum;
}

static void add_customer(const struct kn_customers_plan *p, const struct kn_customers_job *j,
                         const struct kn_customer *c, struct kn_customer_group *g)
{
    g->profiles++;
    g->orders += c->orders;
    g->home_orders += c->home_orders;
    for (uint32_t i = 0; i < c->amount_count; i++) {
        add_money(p, &j->amounts[c->amount_first + i], g);
    }
}

static bool is_in_cell(const struct kn_customers *q, const char *group, struct score score)
{
    return (!q->cell_group || strcmp(q->cell_group, group) == 0) &&
           (q->cell_recency == 0 || q->cell_recency == score.r + 1) &&
           (q->cell_fm == 0 || q->cell_fm == fm_of(score) + 1);
}

static uint32_t group_of(const struct kn_customers_plan *p, const struct kn_customer *c,
                         struct score score)
{
    switch (p->request->grouping) {
    case KN_GROUPING_RFM: return rfm_grid[score.r][fm_of(score)];
    case KN_GROUPING_GRID: return grid_group(p, c);
    case KN_GROUPING_PHASES: break;
    }
    return c->phase;
}

static void group_all(const struct kn_customers_plan *p, const struct scales *scales,
                      struct kn_customer_group *groups, struct kn_customers_result *ret)
{
    const struct kn_customers *q = p->request;
    uint64_t *members = p->report->members;
    for (uint32_t k = 0; k < p->job_count; k++) {
        const struct kn_customers_job *j = &p->jobs[k];
        for (size_t i = 0; i < j->count; i++) {
            const struct kn_customer *c = &j->customers[i];
            struct score score = {0};
            if (q->grouping == KN_GROUPING_RFM) {
                score = score_of(scales, c);
                ret->scores[score.r][score.f][score.m]++;
            }
            uint32_t g = group_of(p, c, score);
            add_customer(p, j, c, &groups[g]);
            add_customer(p, j, c, &ret->all);
            if (members && is_in_cell(q, groups[g].name, score)) {
                members[c->ordinal / 64] |= UINT64_C(1) << (c->ordinal % 64);
            }
        }
    }
}

static enum kn_rc make_groups(const struct kn_customers_plan *p, struct kn_arena *arena,
                              struct kn_customers_result *ret, struct kn_err *err)
{
    struct scales scales = {0};
    uint32_t n = group_count(p->request->grouping);
    struct kn_customer_group *groups = kn_arena_zero(arena, GROUPS_MAX, sizeof *groups);
    if (!groups) {
        return kn_fail(err, KN_E_NOMEM, "no memory for customers");
    }
    for (uint32_t i = 0; i < n; i++) {
        groups[i].name = name_of(p->request->grouping, i);
    }
    if (p->request->grouping == KN_GROUPING_RFM) {
        KN_TRY(make_scales(p, &scales, err));
    }
    ret->all.name = "all";
    group_all(p, &scales, groups, ret);
    ret->groups = groups;
    ret->count = n;
    return KN_OK;
}

enum kn_rc kn_report_customers(const struct kn_report *report, const struct kn_customers *customers,
                               struct kn_arena *arena, struct kn_customers_result *ret,
                               struct kn_err *err)
{
    struct kn_customers_plan *p = kn_calloc(1, sizeof *p);
    if (!p) {
        return kn_fail(err, KN_E_NOMEM, "no memory for customers");
    }
    p->report = report;
    p->request = customers;
    *ret = (struct kn_customers_result){0};
    enum kn_rc rc = kn_customers_collect(p, err);
    rc = rc == KN_OK ? make_groups(p, arena, ret, err) : rc;
    kn_customers_free(p);
    kn_free(p);
    return rc;
}
