/* Orders, customer by customer. */
#include "base/mem.h"
#include "report/customers.h"
#include "report/rank.h"

static enum kn_rc add_amount(struct kn_customers_job *j, const struct kn_customer *c,
                             uint32_t currency, kn_dec value)
{
    for (size_t i = c->amount_first; i < j->amount_count; i++) {
        if (j->amounts[i].currency == currency) {
            kn_wide_add(&j->amounts[i].sum, value);
            return KN_OK;
        }
    }
    if (j->amount_count == j->amount_cap) {
        size_t cap = j->amount_cap ? j->amount_cap * 2 : 256;
        struct kn_amount *wide = kn_realloc(j->amounts, cap * sizeof *wide);
        if (!wide) {
            return kn_fail(&j->err, KN_E_NOMEM, "no memory for customers");
        }
        j->amounts = wide;
        j->amount_cap = cap;
    }
    j->amounts[j->amount_count] = (struct kn_amount){.currency = currency};
    kn_wide_add(&j->amounts[j->amount_count++].sum, value);
    return KN_OK;
}

static uint32_t first_id(const struct kn_column_field *field, struct kn_row_ref ref)
{
    const struct kn_field_part *p = &field->parts[ref.part];
    for (uint32_t c = 0; c < p->count; c++) {
        if (p->columns[c].depth == 0) {
            return p->columns[c].ids[kn_column_code(p->columns[c].column, ref.row)];
        }
    }
    return 0;
}

/* Orders have at most four decimals; what goes beyond 64 bits stays at their end. */
static int64_t add_monetary(int64_t sum, kn_dec value)
{
    int64_t more = (int64_t)(value / INT64_C(100000000000000));
    int64_t ret;
    if (__builtin_add_overflow(sum, more, &ret)) {
        return more > 0 ? INT64_MAX : INT64_MIN;
    }
    return ret;
}

static enum kn_rc add_customer(struct kn_customers_job *j, const struct kn_customer *c)
{
    if (j->count == j->cap) {
        size_t cap = j->cap ? j->cap * 2 : 256;
        struct kn_customer *wide = kn_realloc(j->customers, cap * sizeof *wide);
        if (!wide) {
            return kn_fail(&j->err, KN_E_NOMEM, "no memory for customers");
        }
        j->customers = wide;
        j->cap = cap;
    }
    j->customers[j->count++] = *c;
    return KN_OK;
}

static enum kn_rc read_customer(struct kn_customers_job *j, uint32_t ordinal, uint32_t local)
{
    const struct kn_customers_plan *p = j->plan;
    const struct kn_slab *s = &j->slab;
    struct kn_customer c = {.ordinal = ordinal,
                            .orders = s->end[local] - s->start[local],
                            .last_us = INT64_MIN,
                            .amount_first = (uint32_t)j->amount_count};
    for (uint32_t r = s->start[local]; r < s->end[local]; r++) {
        uint32_t number = first_id(&p->value, s->refs[r]);
        uint32_t currency = first_id(&p->currency, s->refs[r]);
        c.last_us = s->us[r];
        if (!p->numbers.is_number[number]) {
            continue;
        }
        kn_dec value = p->numbers.values[number];
        KN_TRY(add_amount(j, &c, currency, value));
        if (currency == 0 || currency == p->home) {
            c.monetary = add_monetary(c.monetary, value);
            c.home_orders++;
        }
    }
    c.amount_count = (uint32_t)j->amount_count - c.amount_first;
    c.phase = j->phases ? j->phases->phase[local] : KN_PHASE_NONE;
    return add_customer(j, &c);
}

static enum kn_rc read_block(struct kn_customers_job *j, uint32_t first)
{
    const struct kn_customers_plan *p = j->plan;
    const uint64_t *want = p->population.counted + first / 64;
    KN_TRY(kn_slab_load(&j->slab, &p->orders, &p->population, first, want, &j->err));
    if (j->phases) {
        KN_TRY(kn_phase_load(&p->phases, j->phases, &p->population, first, want, &j->err));
    }
    for (uint32_t i = 0; i < KN_BLOCK; i++) {
        if (j->slab.end[i] > j->slab.start[i] || (j->phases && kn_bit(want, i))) {
            KN_TRY(read_customer(j, first + i, i));
        }
    }
    return KN_OK;
}

static void run_job(void *context, uint32_t index)
{
    struct kn_customers_plan *p = context;
    struct kn_customers_job *j = &p->jobs[index];
    for (uint32_t b = p->ranges[index].first; b < p->ranges[index].end && j->rc == KN_OK;
         b += KN_BLOCK) {
        j->rc = read_block(j, b);
    }
}

static enum kn_rc prepare(struct kn_customers_plan *p, struct kn_err *err)
{
    struct kn_event_match all = {.event = KN_STR_EMPTY};
    struct kn_value home = {KN_VALUE_STRING, kn_str_c(p->request->currency)};
    KN_TRY(kn_population_make(p->report, &p->population, err));
    KN_TRY(kn_lane_make(p->report, KN_TABLE_ORDER, &all, INT64_MIN, p->report->now + 1, &p->orders,
                        err));
    KN_TRY(kn_value_set_init(&p->currency_set, err));
    KN_TRY(kn_value_set_init(&p->number_set, err));
    KN_TRY(kn_value_set_add(&p->currency_set, home, &p->home, err));
    KN_TRY(kn_column_field_make(&p->orders, KN_STR("o.currency"), &p->currency_set, &p->currency,
                                err));
    KN_TRY(kn_column_field_make(&p->orders, KN_STR("o.value"), &p->number_set, &p->value, err));
    KN_TRY(kn_numbers_make(&p->number_set, &p->numbers, err));
    return p->request->grouping == KN_GROUPING_PHASES
               ? kn_phase_lanes_make(p->report, &p->phases, err)
               : KN_OK;
}

enum kn_rc kn_customers_collect(struct kn_customers_plan *plan, struct kn_err *err)
{
    const struct kn_lane *lanes[] = {&plan->orders};
    KN_TRY(prepare(plan, err));
    uint32_t n = kn_ranges_make(plan->report, &plan->population, lanes, 1, plan->ranges);
    plan->jobs = kn_calloc(n + 1, sizeof *plan->jobs);
    if (!plan->jobs) {
        return kn_fail(err, KN_E_NOMEM, "no memory for customers");
    }
    plan->job_count = n;
    for (uint32_t i = 0; i < n; i++) {
        plan->jobs[i].plan = plan;
        if (plan->request->grouping != KN_GROUPING_PHASES) {
            continue;
        }
        plan->jobs[i].phases = kn_calloc(1, sizeof *plan->jobs[i].phases);
        if (!plan->jobs[i].phases) {
            return kn_fail(err, KN_E_NOMEM, "no memory for customers");
        }
    }
    kn_jobs_run(&plan->report->jobs, n, run_job, plan);
    for (uint32_t i = 0; i < n; i++) {
        if (plan->jobs[i].rc != KN_OK) {
            *err = plan->jobs[i].err;
            return plan->jobs[i].rc;
        }
    }
    return KN_OK;
}

void kn_customers_free(struct kn_customers_plan *plan)
{
    for (uint32_t i = 0; i < plan->job_count; i++) {
        struct kn_customers_job *j = &plan->jobs[i];
        kn_slab_free(&j->slab);
        kn_phase_block_free(j->phases);
        kn_free(j->customers);
        kn_free(j->amounts);
    }
    kn_free(plan->jobs);
    kn_lane_free(&plan->orders);
    kn_column_field_free(&plan->currency);
    kn_column_field_free(&plan->value);
    kn_numbers_free(&plan->numbers);
    kn_value_set_free(&plan->currency_set);
    kn_value_set_free(&plan->number_set);
    kn_phase_lanes_free(&plan->phases);
    kn_population_free(&plan->population);
}

/* As many as i + 1 fifths of all, rounded up, stand below a value exactly when it is above the one
 * in that place of the order. */
struct kn_fifths kn_fifths_of(int64_t *values, size_t n)
{
    struct kn_fifths f;
    for (size_t i = 0; i < 4; i++) {
        f.edges[i] = kn_rank_select(values, n, ((i + 1) * n + 4) / 5 - 1);
    }
    return f;
}

unsigned kn_fifths_below(const struct kn_fifths *fifths, int64_t value)
{
    unsigned n = 0;
    while (n < 4 && value > fifths->edges[n]) {
        n++;
    }
    return n;
}
