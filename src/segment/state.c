/* Keeping up with one profile.
 *
 * Of each chain the state knows `fed` rows of the view for good: those of them that match, and the
 * measure of these. An evaluation first cuts back to where something changed, then feeds the rows
 * that are new. A row whose where() is not final yet (time or a later event may change it) stops
 * this: it and all after it are put on the list for this one evaluation only.
 */
#include "base/assert.h"
#include "base/mem.h"
#include "segment/measure.h"

/* The rows of an event as they were last seen. */
struct seen {
    uint32_t count;
    int64_t us; /* of the last of them */
    uint64_t arrival;
    bool told; /* what is different since then has been told */
};

struct chain_state {
    const struct kn_crows *rows;
    uint32_t fed;     /* rows of the view */
    uint32_t count;   /* matching among them, or with those of this evaluation */
    uint32_t settled; /* matching among `fed` */
    uint32_t room;
    uint32_t *row; /* [count] their numbers in the view */
    struct kn_measure measure;
    struct seen *seen; /* [events of the definition] */
    uint64_t truths;   /* of conditions on the profile inside where() */
    int64_t cut_us;    /* rows from here on may be different */
    int64_t now;
};

struct kn_eval_state {
    const struct kn_definition *definition;
    struct chain_state chains[];
};

bool kn_definition_wants_state(const struct kn_definition *definition)
{
    return definition->state_count > 0;
}

const struct kn_definition *kn_eval_state_definition(const struct kn_eval_state *state)
{
    return state->definition;
}

static void start(struct chain_state *cs, const struct kn_crows *rows, struct seen *seen,
                  uint32_t events)
{
    *cs = (struct chain_state){.rows = rows, .seen = seen, .cut_us = INT64_MAX, .now = INT64_MIN};
    memset(seen, 0, events * sizeof *seen);
    kn_measure_init(&cs->measure, rows->chain);
}

struct kn_eval_state *kn_eval_state_new(const struct kn_definition *definition)
{
    uint32_t count = definition->state_count, events = definition->reads.event_count;
    struct kn_eval_state *state = kn_must_alloc(sizeof *state + count * sizeof state->chains[0]);
    state->definition = definition;
    for (uint32_t i = 0; i < count; i++) {
        struct seen *seen = kn_must_alloc(events * sizeof *seen);
        start(&state->chains[i], definition->followed[i], seen, events);
    }
    return state;
}

void kn_eval_state_free(struct kn_eval_state *state)
{
    for (uint32_t i = 0; state && i < state->definition->state_count; i++) {
        kn_measure_deinit(&state->chains[i].measure);
        kn_free(state->chains[i].row);
        kn_free(state->chains[i].seen);
    }
    kn_free(state);
}

size_t kn_eval_state_bytes(const struct kn_eval_state *state)
{
    size_t bytes = sizeof *state;
    for (uint32_t i = 0; i < state->definition->state_count; i++) {
        const struct chain_state *cs = &state->chains[i];
        bytes += sizeof *cs + cs->room * sizeof *cs->row + kn_measure_bytes(&cs->measure) +
                 state->definition->reads.event_count * sizeof *cs->seen;
    }
    return bytes;
}

/* ---- what changed ---- */

/* Rows of the chain's own event from `us` on are to be looked at again. */
static void cut_at(struct chain_state *cs, int64_t us)
{
    cs->cut_us = kn_sooner(cs->cut_us, us);
}

/* A row of event `at` changed: the chain's own, or one that parents before it look at. */
static void touch(struct chain_state *cs, uint32_t at, int64_t us)
{
    if (cs->rows->event == at) {
        cut_at(cs, us);
    }
    if (cs->rows->inner >> at & 1) {
        cut_at(cs, us < INT64_MIN + cs->rows->reach_us ? INT64_MIN : us - cs->rows->reach_us);
    }
}

void kn_eval_state_touch(struct kn_eval_state *state, struct kn_str event, int64_t us)
{
    const struct kn_reads *reads = &state->definition->reads;
    for (uint32_t at = 0; at < reads->event_count; at++) {
        struct kn_str name = reads->events[at].name;
        if (!name.p != !event.p || !kn_str_eq(name, event)) {
            continue;
        }
        for (uint32_t i = 0; i < state->definition->state_count; i++) {
            struct chain_state *cs = &state->chains[i];
            touch(cs, at, us);
            cs->seen[at].told = true;
        }
    }
}

/* New rows at the end; everything before them must be as it was. */
static void look_at_rows(struct chain_state *cs, uint32_t at, const struct kn_view_rows *rows)
{
    struct seen *seen = &cs->seen[at];
    uint32_t last = seen->count - 1;
    bool same = seen->count == 0 || (seen->count <= rows->count && rows->us[last] == seen->us &&
                                     rows->arrivals[last] == seen->arrival);
    if (!same && !seen->told) {
        touch(cs, at, INT64_MIN);
    } else if (!seen->told && seen->count < rows->count && (cs->rows->inner >> at & 1)) {
        /* A parent may have been decided without them, when they come late. */
        touch(cs, at, rows->us[seen->count]);
    }
    seen->told = false;
    seen->count = rows->count;
    if (rows->count > 0) {
        seen->us = rows->us[rows->count - 1];
        seen->arrival = rows->arrivals[rows->count - 1];
    }
}

/* What the chain's where() asks about the profile. */
static void look_at_profile(struct kn_evaluation *e, struct chain_state *cs, int64_t *next_us)
{
    const struct kn_crows *c = cs->rows;
    uint64_t truths = 0;
    for (uint32_t i = 0; i < c->about_count; i++) {
        struct kn_outcome o = kn_eval_node(e, c->about[i], NULL);
        truths |= (uint64_t)(o.truth == KN_YES) << i;
        *next_us = kn_sooner(*next_us, o.next_us);
    }
    if (truths != cs->truths || (c->changing && e->now < cs->now)) {
        cut_at(cs, INT64_MIN);
    }
    cs->truths = truths;
    cs->now = e->now;
}

static void cut_back(struct chain_state *cs, const struct kn_view_rows *rows)
{
    uint32_t fed = cs->cut_us == INT64_MAX ? cs->fed : kn_rows_at(rows, cs->cut_us);
    if (fed < cs->fed) {
        cs->fed = fed;
        while (cs->settled > 0 && cs->row[cs->settled - 1] >= fed) {
            cs->settled--;
        }
        cs->count = cs->settled;
        kn_measure_cut(&cs->measure, cs->settled);
    }
    cs->cut_us = INT64_MAX;
}

/* ---- each evaluation ---- */

/* For every chain, also for those that need no evaluation this time since others decide: what was told
 * concerns the rows as they are now. */
static void look_at_all_rows(struct kn_evaluation *e)
{
    for (uint32_t i = 0; i < e->definition->state_count; i++) {
        struct chain_state *cs = &e->state->chains[i];
        for (uint32_t at = 0; at < e->definition->reads.event_count; at++) {
            if (at == cs->rows->event || (cs->rows->inner >> at & 1)) {
                look_at_rows(cs, at, kn_eval_event(e, at));
            }
        }
        cut_back(cs, kn_eval_rows(e, cs->rows));
    }
}

void kn_follow_start(struct kn_evaluation *e, struct kn_eval_state *state)
{
    e->state = state;
    look_at_all_rows(e);
}

/* ---- feeding ---- */

static void append(struct kn_evaluation *e, struct chain_state *cs, const struct kn_view_rows *rows,
                   uint32_t row)
{
    const struct kn_chain *chain = cs->rows->chain;
    struct kn_values values = {NULL, 0};
    int64_t day = 0, before = 0;
    if (cs->count == cs->room) {
        cs->room = cs->room > 0 ? 2 * cs->room : 16;
        cs->row = kn_must_realloc(cs->row, cs->room * sizeof *cs->row);
    }
    if (chain->reducer == KN_REDUCE_DAYS) {
        day = kn_zone_day(e->zone, rows->us[row]);
        before = cs->count > 0 ? kn_zone_day(e->zone, rows->us[cs->row[cs->count - 1]]) : day;
    } else if (chain->reducer != KN_REDUCE_COUNT && chain->reducer != KN_REDUCE_FIRST &&
               chain->reducer != KN_REDUCE_LAST) {
        values =
            e->view->ops->values(e->view->self, rows, row, chain->field.context, chain->field.path);
    }
    kn_measure_add(&cs->measure, values, day, before);
    cs->row[cs->count++] = row;
}

static struct kn_outcome row_outcome(struct kn_evaluation *e, const struct kn_crows *c,
                                     const struct kn_view_rows *rows, uint32_t row)
{
    struct kn_scope scope = {rows, row, NULL, NULL, 0};
    struct kn_outcome o = {KN_YES, INT64_MAX};
    if (c->excluded_count > 0 && kn_is_excluded(e, c, rows, row)) {
        o.truth = KN_NO;
    } else if (c->where) {
        o = kn_eval_node(e, c->where, &scope);
    }
    return o;
}

/* All new rows; from the first on that is not final (time may change its truth, or a later row
 * before that moment) they are on the list for this time only. */
static void feed(struct kn_evaluation *e, struct chain_state *cs, const struct kn_view_rows *rows,
                 int64_t *next_us)
{
    bool final = true;
    e->quiet = true;
    for (uint32_t row = cs->fed; row < rows->count; row++) {
        struct kn_outcome o = row_outcome(e, cs->rows, rows, row);
        if (e->rc != KN_OK) {
            break;
        }
        final = final && o.next_us == INT64_MAX;
        *next_us = kn_sooner(*next_us, o.next_us);
        if (o.truth == KN_YES) {
            append(e, cs, rows, row);
        }
        if (final) {
            cs->fed = row + 1;
            cs->settled = cs->count;
        }
    }
    e->quiet = false;
}

void kn_follow_settle(struct kn_evaluation *e, const struct kn_crows *c)
{
    struct chain_state *cs = &e->state->chains[c->state];
    cs->count = cs->settled;
    kn_measure_cut(&cs->measure, cs->settled);
}

/* ---- answers ---- */

/* The first on the list whose row is `row` or a later one. */
static uint32_t list_at(const struct chain_state *cs, uint32_t row)
{
    uint32_t low = 0, high = cs->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (cs->row[middle] < row) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void answer(struct kn_evaluation *e, struct chain_state *cs, struct kn_selection *s,
                   struct kn_result *ret)
{
    const struct kn_chain *chain = cs->rows->chain;
    int64_t from, to;
    kn_window_times(e, cs->rows, &from, &to);
    uint32_t low = from == INT64_MIN ? 0 : list_at(cs, kn_rows_at(s->rows, from));
    uint32_t high = list_at(cs, kn_rows_at(s->rows, to));
    high = high > low ? high : low;
    s->picked = high > low ? cs->row + low : NULL;
    s->count = high - low;
    if (chain->reducer == KN_REDUCE_COUNT || chain->reducer == KN_REDUCE_FIRST ||
        chain->reducer == KN_REDUCE_LAST) {
        kn_reduce(e, chain, s, ret);
    } else {
        kn_measure_take(&cs->measure, e, low, high, ret);
    }
}

bool kn_follow(struct kn_evaluation *e, const struct kn_crows *c, struct kn_selection *s,
               struct kn_result *ret)
{
    if (c->state == KN_NO_STATE) {
        return false;
    }
    struct chain_state *cs = &e->state->chains[c->state];
    *s = (struct kn_selection){.rows = kn_eval_rows(e, c), .next_us = INT64_MAX};
    look_at_profile(e, cs, &s->next_us);
    cut_back(cs, s->rows);
    feed(e, cs, s->rows, &s->next_us);
    if (cs->measure.days_return) {
        kn_follow_settle(e, c);
        return false;
    }
    answer(e, cs, s, ret);
    return true;
}
