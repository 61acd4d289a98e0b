/* Which rows a chain counts, and when time changes that. */
#include "base/assert.h"
#include "segment/eval_internal.h"

#define DAY_US INT64_C(86400000000)

uint32_t kn_rows_at(const struct kn_view_rows *rows, int64_t t)
{
    uint32_t low = 0, high = rows->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rows->us[middle] < t) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- the window ---- */

/* The first row after the parent: later, or as late and arrived later. */
static uint32_t after_parent(const struct kn_view_rows *rows, const struct kn_scope *parent)
{
    int64_t us = parent->rows->us[parent->row];
    uint64_t arrival = parent->rows->arrivals[parent->row];
    uint32_t at = kn_rows_at(rows, us), end = kn_rows_at(rows, us + 1);
    while (at < end) {
        uint32_t middle = at + (end - at) / 2;
        if (rows->arrivals[middle] <= arrival) {
            at = middle + 1;
        } else {
            end = middle;
        }
    }
    return at;
}

static struct kn_bound back(struct kn_period period)
{
    return (struct kn_bound){-1, period};
}

void kn_window_times(struct kn_evaluation *e, const struct kn_crows *c, int64_t *from, int64_t *to)
{
    const struct kn_window *w = &c->chain->window;
    struct kn_bound a = back(w->a), b = back(w->b);
    *from = INT64_MIN;
    *to = e->now + 1;
    switch (w->kind) {
    case KN_WINDOW_WITHIN: *from = kn_bound_at(e->zone, e->now, &a) + 1; break;
    case KN_WINDOW_BETWEEN:
        *from = kn_bound_at(e->zone, e->now, &a) + 1;
        *to = kn_bound_at(e->zone, e->now, &b) + 1;
        break;
    case KN_WINDOW_DATES:
        *from = c->from_us;
        *to = kn_sooner(*to, c->to_us);
        break;
    case KN_WINDOW_DURING: {
        int64_t end;
        kn_during_range(e->zone, e->now, w->during, from, &end);
        *to = kn_sooner(*to, end);
        break;
    }
    default: break;
    }
}

static void find_window(struct kn_evaluation *e, const struct kn_crows *c,
                        const struct kn_scope *parent, struct kn_selection *s)
{
    const struct kn_window *w = &c->chain->window;
    int64_t from, to;
    if (w->kind == KN_WINDOW_PARENT) {
        kn_assert(parent);
        s->deadline_us = kn_period_after(e->zone, parent->rows->us[parent->row], w->a);
        s->waiting = e->now <= s->deadline_us;
        s->first = after_parent(s->rows, parent);
        s->end = kn_rows_at(s->rows, kn_sooner(s->deadline_us, e->now) + 1);
    } else {
        kn_window_times(e, c, &from, &to);
        s->first = from == INT64_MIN ? 0 : kn_rows_at(s->rows, from);
        s->end = kn_rows_at(s->rows, to);
    }
    s->end = s->end > s->first ? s->end : s->first;
}

/* ---- the rows that match ---- */

bool kn_is_excluded(const struct kn_evaluation *e, const struct kn_crows *c,
                    const struct kn_view_rows *rows, uint32_t row)
{
    uint32_t source = e->view->ops->source(e->view->self, rows, row);
    for (uint32_t i = 0; i < c->excluded_count; i++) {
        if (c->excluded[i] == source) {
            return true;
        }
    }
    return false;
}

static void pick(struct kn_evaluation *e, const struct kn_crows *c, const struct kn_scope *parent,
                 struct kn_selection *s)
{
    uint32_t *picked = kn_arena_alloc(e->arena, (s->end - s->first) * sizeof *picked);
    if (!picked) {
        e->rc = KN_E_NOMEM;
        return;
    }
    for (uint32_t row = s->first; row < s->end; row++) {
        struct kn_scope scope = {s->rows, row, parent, NULL, 0};
        if (c->excluded_count > 0 && kn_is_excluded(e, c, s->rows, row)) {
            continue;
        }
        struct kn_outcome o = {KN_YES, INT64_MAX};
        if (c->where) {
            o = kn_eval_node(e, c->where, &scope);
        }
        s->next_us = kn_sooner(s->next_us, o.next_us);
        if (o.truth == KN_YES) {
            picked[s->count++] = row;
        }
    }
    s->picked = picked;
}

void kn_select(struct kn_evaluation *e, const struct kn_crows *c, const struct kn_scope *scope,
               struct kn_selection *ret)
{
    *ret = (struct kn_selection){.rows = kn_eval_rows(e, c), .next_us = INT64_MAX};
    if (ret->rows->count == 0 && c->chain->window.kind != KN_WINDOW_PARENT) {
        return;
    }
    find_window(e, c, scope, ret);
    if (ret->first == ret->end) {
        return;
    }
    if (c->where || c->excluded_count > 0) {
        pick(e, c, scope, ret);
    } else {
        ret->count = ret->end - ret->first;
    }
}

/* ---- time ---- */

/* When the bound passes a row, at the earliest. A calendar bound may step back over rows, or leap
 * over them, by less than KN_BOUND_JUMP_DAYS. */
static int64_t next_passing(const struct kn_evaluation *e, const struct kn_view_rows *rows,
                            const struct kn_bound *bound)
{
    const int64_t jump = KN_BOUND_JUMP_DAYS * DAY_US;
    int64_t at = kn_bound_at(e->zone, e->now, bound), next = INT64_MAX;
    int64_t from[] = {at + 1, at - jump + 1};
    int count = bound->direction == 0 || kn_period_is_fixed(bound->period) ? 1 : 2;
    for (int i = 0; i < count; i++) {
        uint32_t row = kn_rows_at(rows, from[i]);
        if (row < rows->count) {
            next = kn_sooner(next, kn_bound_next(e->zone, e->now, bound, rows->us[row]));
        }
    }
    return next;
}

/* The range of a calendar period becomes another one: which matters when there are rows in it, or
 * rows that it comes to. */
static int64_t next_during(const struct kn_evaluation *e, const struct kn_crows *c,
                           const struct kn_view_rows *rows)
{
    int64_t start, end;
    kn_during_range(e->zone, e->now, c->chain->window.during, &start, &end);
    uint32_t row = kn_rows_at(rows, start);
    return row < rows->count ? kn_during_next(e->zone, e->now, c->chain->window.during) : INT64_MAX;
}

int64_t kn_next_entry(struct kn_evaluation *e, const struct kn_crows *c,
                      const struct kn_selection *s)
{
    const struct kn_window *w = &c->chain->window;
    const struct kn_view_rows *rows = s->rows;
    if (rows->count == 0) {
        return INT64_MAX;
    }
    if (w->kind == KN_WINDOW_BETWEEN) {
        struct kn_bound b = back(w->b);
        return next_passing(e, rows, &b);
    }
    int64_t from = w->kind == KN_WINDOW_DATES && c->from_us > e->now ? c->from_us : e->now + 1;
    uint32_t row = kn_rows_at(rows, from);
    bool never = row == rows->count || (w->kind == KN_WINDOW_DATES && rows->us[row] >= c->to_us);
    return never ? INT64_MAX : rows->us[row];
}

int64_t kn_next_exit(struct kn_evaluation *e, const struct kn_crows *c,
                     const struct kn_selection *s)
{
    const struct kn_window *w = &c->chain->window;
    if (w->kind == KN_WINDOW_DURING) {
        return next_during(e, c, s->rows);
    }
    if (w->kind != KN_WINDOW_WITHIN && w->kind != KN_WINDOW_BETWEEN) {
        return INT64_MAX;
    }
    struct kn_bound a = back(w->a);
    if (!kn_period_is_fixed(w->a)) {
        return next_passing(e, s->rows, &a);
    }
    return s->count == 0 ? INT64_MAX : s->rows->us[kn_selected(s, 0)] + kn_period_fixed_us(w->a);
}

/* The greatest count below `count` with another answer, or `count` when there is none. The answer
 * is the same for all whole numbers between two literals. */
static uint32_t count_that_differs(const struct kn_test *test, uint32_t count)
{
    bool truth = kn_test_number(test, kn_dec_int(count)), found = false;
    uint32_t best = 0;
    for (uint32_t i = 0; i < 3 * test->number_count + 1; i++) {
        int64_t whole = i == 0 ? (int64_t)count - 1
                               : (int64_t)(test->numbers[(i - 1) / 3] / kn_dec_int(1)) + 1 -
                                     (int64_t)((i - 1) % 3);
        bool fits = whole >= 0 && whole < count && (!found || whole > best);
        if (fits && kn_test_number(test, kn_dec_int(whole)) != truth) {
            best = (uint32_t)whole;
            found = true;
        }
    }
    return found ? best : count;
}

int64_t kn_next_count_exit(struct kn_evaluation *e, const struct kn_crows *c,
                           const struct kn_selection *s, const struct kn_test *test)
{
    const struct kn_window *w = &c->chain->window;
    bool slides = w->kind == KN_WINDOW_WITHIN || w->kind == KN_WINDOW_BETWEEN;
    if (!slides || !kn_period_is_fixed(w->a)) {
        return kn_next_exit(e, c, s);
    }
    uint32_t then = count_that_differs(test, s->count);
    return then == s->count
               ? INT64_MAX
               : s->rows->us[kn_selected(s, s->count - then - 1)] + kn_period_fixed_us(w->a);
}
