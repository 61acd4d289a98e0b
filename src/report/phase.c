#include "report/phase.h"

#include "base/mem.h"

static const int64_t day_us = INT64_C(86400000000);

struct kn_phase_rules kn_phase_defaults(void)
{
    return (struct kn_phase_rules){
        .days = 7,
        .comparison_views = 3,
        .decision_views = 5,
        .purchase_days = 2,
        .after_days = 30,
        .view_event = KN_STR("Product Viewed"),
        .signals = {KN_STR("Product Added"), KN_STR("Checkout Started")},
        .signal_count = 2,
    };
}

const char *kn_phase_name(enum kn_phase phase)
{
    static const char *const names[KN_PHASE_COUNT] = {NULL,       "orientation", "comparison",
                                                      "decision", "purchase",    "after_purchase"};
    return names[phase];
}

static int64_t back(int64_t now, uint32_t days)
{
    return now - (int64_t)days * day_us;
}

/* Windows are open at their start: now - d < time. */
static enum kn_rc open_lane(const struct kn_report *report, enum kn_table_kind kind,
                            struct kn_str event, int64_t after, struct kn_lane *ret,
                            struct kn_err *err)
{
    struct kn_event_match match = {.event = event};
    return kn_lane_make(report, kind, &match, after + 1, report->now + 1, ret, err);
}

static enum kn_rc open_lanes(const struct kn_report *report, struct kn_phase_lanes *p,
                             struct kn_err *err)
{
    const struct kn_phase_rules *r = &p->rules;
    int64_t from = back(report->now, r->days);
    uint32_t order_days = r->after_days > r->purchase_days ? r->after_days : r->purchase_days;
    order_days = order_days > r->days ? order_days : r->days;
    KN_TRY(open_lane(report, KN_TABLE_ORDER, KN_STR_EMPTY, back(report->now, order_days),
                     &p->orders, err));
    KN_TRY(open_lane(report, KN_TABLE_SESSION, KN_STR_EMPTY, from, &p->sessions, err));
    KN_TRY(open_lane(report, KN_TABLE_EVENT, r->view_event, from, &p->views, err));
    for (uint32_t i = 0; i < r->signal_count; i++) {
        KN_TRY(open_lane(report, KN_TABLE_EVENT, r->signals[i], from, &p->signals[i], err));
    }
    return KN_OK;
}

enum kn_rc kn_phase_lanes_make(const struct kn_report *report, struct kn_phase_lanes *ret,
                               struct kn_err *err)
{
    *ret = (struct kn_phase_lanes){.now = report->now};
    ret->rules = report->phases ? *report->phases : kn_phase_defaults();
    return open_lanes(report, ret, err);
}

void kn_phase_lanes_free(struct kn_phase_lanes *lanes)
{
    kn_lane_free(&lanes->orders);
    kn_lane_free(&lanes->sessions);
    kn_lane_free(&lanes->views);
    for (uint32_t i = 0; i < KN_PHASE_SIGNALS_MAX; i++) {
        kn_lane_free(&lanes->signals[i]);
    }
}

void kn_phase_block_free(struct kn_phase_block *block)
{
    if (block) {
        kn_slab_free(&block->orders);
        kn_slab_free(&block->rows);
        kn_free(block);
    }
}

/* Only what came after the last order shows what somebody is up to. */
static void set_since(const struct kn_phase_lanes *p, struct kn_phase_block *b)
{
    int64_t from = back(p->now, p->rules.days);
    for (uint32_t i = 0; i < KN_BLOCK; i++) {
        uint32_t end = b->orders.end[i];
        int64_t last = end > b->orders.start[i] ? b->orders.us[end - 1] : INT64_MIN;
        b->since[i] = last > from ? last : from;
    }
}

static uint32_t rows_since(const struct kn_phase_block *b, uint32_t i)
{
    uint32_t n = 0;
    for (uint32_t r = b->rows.start[i]; r < b->rows.end[i]; r++) {
        n += b->rows.us[r] > b->since[i];
    }
    return n;
}

static void at_least(struct kn_phase_block *b, uint32_t i, enum kn_phase phase)
{
    b->phase[i] = b->phase[i] < phase ? (uint8_t)phase : b->phase[i];
}

static void judge_views(const struct kn_phase_lanes *p, struct kn_phase_block *b)
{
    for (uint32_t i = 0; i < KN_BLOCK; i++) {
        uint32_t n = rows_since(b, i);
        if (n > 0) {
            at_least(b, i, KN_PHASE_ORIENTATION);
        }
        if (n > 0 && n >= p->rules.comparison_views) {
            at_least(b, i, KN_PHASE_COMPARISON);
        }
        if (n > 0 && n >= p->rules.decision_views) {
            at_least(b, i, KN_PHASE_DECISION);
        }
    }
}

static void judge_any(struct kn_phase_block *b, enum kn_phase phase)
{
    for (uint32_t i = 0; i < KN_BLOCK; i++) {
        if (rows_since(b, i) > 0) {
            at_least(b, i, phase);
        }
    }
}

/* A fresh order is a purchase; an older one is after the purchase, unless the customer compares or
 * decides again. */
static enum kn_phase phase_of(const struct kn_phase_lanes *p, int64_t last_order,
                              enum kn_phase shown)
{
    if (last_order > back(p->now, p->rules.purchase_days)) {
        return KN_PHASE_PURCHASE;
    }
    bool busy = shown == KN_PHASE_COMPARISON || shown == KN_PHASE_DECISION;
    return !busy && last_order > back(p->now, p->rules.after_days) ? KN_PHASE_AFTER_PURCHASE
                                                                   : shown;
}

static void judge_orders(const struct kn_phase_lanes *p, struct kn_phase_block *b)
{
    for (uint32_t i = 0; i < KN_BLOCK; i++) {
        uint32_t end = b->orders.end[i];
        if (end > b->orders.start[i]) {
            b->phase[i] = (uint8_t)phase_of(p, b->orders.us[end - 1], (enum kn_phase)b->phase[i]);
        }
    }
}

enum kn_rc kn_phase_load(const struct kn_phase_lanes *lanes, struct kn_phase_block *block,
                         const struct kn_population *population, uint32_t first,
                         const uint64_t want[KN_BLOCK_WORDS], struct kn_err *err)
{
    memset(block->phase, KN_PHASE_NONE, sizeof block->phase);
    KN_TRY(kn_slab_load(&block->orders, &lanes->orders, population, first, want, err));
    set_since(lanes, block);
    KN_TRY(kn_slab_load(&block->rows, &lanes->sessions, population, first, want, err));
    judge_any(block, KN_PHASE_ORIENTATION);
    KN_TRY(kn_slab_load(&block->rows, &lanes->views, population, first, want, err));
    judge_views(lanes, block);
    for (uint32_t i = 0; i < lanes->rules.signal_count; i++) {
        KN_TRY(kn_slab_load(&block->rows, &lanes->signals[i], population, first, want, err));
        judge_any(block, KN_PHASE_DECISION);
    }
    judge_orders(lanes, block);
    return KN_OK;
}
