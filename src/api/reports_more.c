/* Paths, overlap, comparisons, groups of customers, favourites. */
#include <stdio.h>

#include "api/reports.h"

/* ---- paths ---- */

/* Texts of a list; *count of them in the arena. */
static struct kn_str *read_texts(struct kn_report_in *in, uint32_t list, const char *pointer,
                                 uint32_t most, uint32_t *count)
{
    const struct kn_json *doc = &in->ctx->doc;
    *count = 0;
    if (list == KN_JSON_NONE) {
        return NULL;
    }
    struct kn_str *texts = kn_arena_alloc(&in->arena, (most + 1) * sizeof *texts);
    for (uint32_t i = list + 1; texts && i < doc->nodes[list].next && !in->failed;
         i = doc->nodes[i].next) {
        char at[60];
        (void)snprintf(at, sizeof at, "%s/%u", pointer, *count);
        if (*count == most) {
            kn_report_bad(in, pointer, "at most %u here", most);
        } else if (kn_json_type_at(doc, i) != KN_JSON_STRING) {
            kn_report_bad(in, at, "must be a text");
        } else {
            texts[(*count)++] = kn_json_string(doc, i, &in->arena);
        }
    }
    return texts;
}

static void put_paths(struct kn_report_in *in, const struct kn_paths_result *r)
{
    struct kn_buf *out = &in->ctx->response->body;
    kn_api_json(in->ctx, 200);
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "profiles", (int64_t)r->profiles);
    kn_json_out_key(out, "paths");
    kn_buf_char(out, '[');
    for (uint32_t i = 0; i < r->count; i++) {
        const struct kn_path_count *p = &r->paths[i];
        kn_json_out_comma(out);
        kn_buf_c(out, "{\"events\":[");
        for (uint32_t k = 0; k < p->length; k++) {
            kn_json_out_comma(out);
            kn_json_out_string(out, p->events[k]);
        }
        kn_buf_char(out, ']');
        kn_json_out_ki64(out, "profiles", (int64_t)p->profiles);
        kn_report_put_rate(out, "share", p->profiles, r->profiles);
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
    kn_json_out_ki64(out, "paths_left_out", r->left_out);
    kn_report_put_end(in);
}

static void read_paths(struct kn_report_in *in, struct kn_paths *q)
{
    enum { EVENTS_MAX = 1000 };
    q->start = kn_report_text(in, 0, "", "start", false);
    if (q->start.len > 0) {
        kn_report_know_event(in, "/start", q->start);
    } else {
        q->start = KN_STR_EMPTY;
    }
    q->events = read_texts(in, kn_report_node(in, 0, "", "events", KN_JSON_ARRAY, false), "/events",
                           EVENTS_MAX, &q->event_count);
    q->length =
        (uint32_t)kn_report_number(in, 0, "", "length", KN_PATH_EVENTS_MAX, 1, KN_PATH_EVENTS_MAX);
    q->repeats = kn_report_flag(in, 0, "", "repeats");
    q->limit =
        (uint32_t)kn_report_number(in, 0, "", "limit", KN_REPORT_GROUPS, 1, KN_REPORT_GROUPS_MAX);
    kn_report_period(in, "within", false, &q->within);
    kn_report_range(in, &q->from, &q->to);
    kn_report_segment(in, false);
    if (in->of_cell && !in->failed) {
        q->cell_path =
            read_texts(in, kn_report_node(in, in->cell, "/cell", "events", KN_JSON_ARRAY, true),
                       "/cell/events", KN_PATH_EVENTS_MAX, &q->cell_length);
    }
}

static void paths(struct kn_report_in *in)
{
    struct kn_paths q = {0};
    struct kn_paths_result r;
    struct kn_err err = {0};
    read_paths(in, &q);
    if (in->failed ||
        !kn_report_ran(in, kn_report_paths(&in->report, &q, &in->arena, &r, &err), &err)) {
        return;
    }
    if (in->of_cell) {
        kn_report_put_members(in);
    } else {
        put_paths(in, &r);
    }
}

/* ---- overlap ---- */

static void put_overlap(struct kn_report_in *in, const struct kn_str *keys, uint32_t count,
                        const struct kn_overlap_result *r)
{
    struct kn_buf *out = &in->ctx->response->body;
    kn_api_json(in->ctx, 200);
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "everyone", (int64_t)r->in_all[0]);
    kn_json_out_ki64(out, "in_none", (int64_t)r->exactly[0]);
    kn_json_out_key(out, "sets");
    kn_buf_char(out, '[');
    for (uint32_t mask = 1; mask < 1U << count; mask++) {
        kn_json_out_comma(out);
        kn_buf_c(out, "{\"segments\":[");
        for (uint32_t i = 0; i < count; i++) {
            if ((mask >> i) & 1) {
                kn_json_out_comma(out);
                kn_json_out_string(out, keys[i]);
            }
        }
        kn_buf_char(out, ']');
        kn_json_out_ki64(out, "profiles", (int64_t)r->in_all[mask]);
        kn_json_out_ki64(out, "only", (int64_t)r->exactly[mask]);
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
    kn_report_put_end(in);
}

/* The sets of a cell as a mask. */
static uint32_t read_mask(struct kn_report_in *in, const struct kn_str *keys, uint32_t count)
{
    uint32_t given;
    uint32_t mask = 0;
    const struct kn_str *chosen =
        read_texts(in, kn_report_node(in, in->cell, "/cell", "segments", KN_JSON_ARRAY, true),
                   "/cell/segments", KN_OVERLAP_SETS_MAX, &given);
    for (uint32_t i = 0; i < given && !in->failed; i++) {
        uint32_t k = 0;
        while (k < count && !kn_str_eq(keys[k], chosen[i])) {
            k++;
        }
        if (k == count) {
            kn_report_bad(in, "/cell/segments", "only segments of the report");
        }
        mask |= 1U << k;
    }
    return mask;
}

static uint32_t read_sets(struct kn_report_in *in, const uint64_t **sets, struct kn_str *names)
{
    const struct kn_json *doc = &in->ctx->doc;
    uint32_t list = kn_report_node(in, 0, "", "segments", KN_JSON_ARRAY, true);
    uint32_t count = 0;
    for (uint32_t i = in->failed ? 0 : list + 1; !in->failed && i < doc->nodes[list].next;
         i = doc->nodes[i].next) {
        char pointer[40];
        if (count == KN_OVERLAP_SETS_MAX) {
            kn_report_bad(in, "/segments", "at most %d segments", KN_OVERLAP_SETS_MAX);
            break;
        }
        (void)snprintf(pointer, sizeof pointer, "/segments/%u", count);
        sets[count] = kn_report_audience(in, i, pointer, &names[count]);
        count++;
    }
    if (!in->failed && count == 0) {
        kn_report_bad(in, "/segments", "name one to three segments");
    }
    return count;
}

static void overlap(struct kn_report_in *in)
{
    const uint64_t *sets[KN_OVERLAP_SETS_MAX];
    struct kn_str names[KN_OVERLAP_SETS_MAX];
    struct kn_overlap_result r;
    struct kn_err err = {0};
    uint32_t mask = 0;
    bool only = false;
    uint32_t count = read_sets(in, sets, names);
    if (in->of_cell && !in->failed) {
        mask = read_mask(in, names, count);
        only = kn_report_flag(in, in->cell, "/cell", "only");
    }
    if (in->failed ||
        !kn_report_ran(in, kn_report_overlap(&in->report, sets, count, mask, only, &r, &err),
                       &err)) {
        return;
    }
    if (in->of_cell) {
        kn_report_put_members(in);
    } else {
        put_overlap(in, names, count, &r);
    }
}

/* ---- a segment against everyone ---- */

static void put_compare(struct kn_report_in *in, const struct kn_compare_result *r)
{
    struct kn_buf *out = &in->ctx->response->body;
    kn_api_json(in->ctx, 200);
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "segment", (int64_t)r->segment);
    kn_json_out_ki64(out, "everyone", (int64_t)r->everyone);
    kn_json_out_key(out, "values");
    kn_buf_char(out, '[');
    for (uint32_t i = 0; i < r->count; i++) {
        const struct kn_compare_value *v = &r->values[i];
        /* (segment / all of it) / (everyone / all of them), 100 = alike */
        __extension__ unsigned __int128 part = (unsigned __int128)v->segment * r->everyone * 100;
        __extension__ unsigned __int128 whole = (unsigned __int128)v->everyone * r->segment;
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_report_put_value(out, "value", v->value);
        kn_json_out_ki64(out, "segment", (int64_t)v->segment);
        kn_report_put_rate(out, "segment_share", v->segment, r->segment);
        kn_json_out_ki64(out, "everyone", (int64_t)v->everyone);
        kn_report_put_rate(out, "everyone_share", v->everyone, r->everyone);
        kn_json_out_key(out, "index");
        if (whole == 0) {
            kn_buf_c(out, "null");
        } else {
            kn_buf_u64(out, (uint64_t)((part + whole / 2) / whole));
        }
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
    kn_report_put_left_out(out, r->left_out);
    kn_report_put_end(in);
}

/* What is compared, from the breakdown: a trait or phase of the profile, or a value of events or
 * sessions in [from, to). */
static void read_compare(struct kn_report_in *in, struct kn_compare *q)
{
    struct kn_breakdown b;
    kn_report_segment(in, true);
    kn_report_breakdown(in, &b);
    q->path = b.path;
    q->limit = b.limit;
    q->phase = b.kind == KN_BREAKDOWN_PHASE;
    q->table = b.kind == KN_BREAKDOWN_SESSION ? KN_TABLE_SESSION
               : b.kind == KN_BREAKDOWN_ROW   ? KN_TABLE_EVENT
                                              : KN_TABLE_PROFILE;
    if (!in->failed && b.kind == KN_BREAKDOWN_NONE) {
        kn_report_bad(in, "/breakdown", "breakdown says what is compared");
    }
    if (q->table == KN_TABLE_EVENT) {
        kn_report_match(in, 0, "", false, &q->match);
    }
    if (q->table != KN_TABLE_PROFILE) {
        kn_report_range(in, &q->from, &q->to);
    }
    q->cell_value = in->of_cell ? kn_report_cell_value(in) : NULL;
    if (in->of_cell && !in->failed && !q->cell_value) {
        kn_report_bad(in, "/cell/group", "group must be a value or null");
    }
    q->cell_everyone = in->of_cell && kn_report_flag(in, in->cell, "/cell", "everyone");
}

static void compare(struct kn_report_in *in)
{
    struct kn_compare q = {0};
    struct kn_compare_result r;
    struct kn_err err = {0};
    read_compare(in, &q);
    if (in->failed ||
        !kn_report_ran(in, kn_report_compare(&in->report, &q, &in->arena, &r, &err), &err)) {
        return;
    }
    if (in->of_cell) {
        kn_report_put_members(in);
    } else {
        put_compare(in, &r);
    }
}

/* ---- groups of customers ---- */

static const struct kn_wide *revenue_in(const struct kn_customer_group *g, const char *currency)
{
    for (uint32_t i = 0; i < g->revenue_count; i++) {
        if (memcmp(g->revenue[i].currency, currency, 3) == 0) {
            return &g->revenue[i].amount;
        }
    }
    return NULL;
}

/* An amount in units of 10^-`digits`, cut; 0 when it is negative. */
static uint64_t amount_in(const struct kn_wide *sum, unsigned digits)
{
    __extension__ unsigned __int128 value = ((unsigned __int128)sum->w[1] << 64) | sum->w[0];
    for (unsigned i = digits; i < 18; i++) {
        value /= 10;
    }
    return (int64_t)sum->w[2] < 0 || value > UINT64_MAX ? 0 : (uint64_t)value;
}

/* To four decimals of the amounts, or as many as fit. */
static void put_share(struct kn_buf *out, const struct kn_wide *part, const struct kn_wide *whole)
{
    static const uint64_t most = UINT64_C(1000000000000000000);
    unsigned digits = 4;
    uint64_t all = whole ? amount_in(whole, digits) : 0;
    while (digits > 0 && all >= most) {
        all = amount_in(whole, --digits);
    }
    kn_report_put_rate(out, "share_of_revenue", part ? amount_in(part, digits) : 0, all);
}

static void put_group(struct kn_report_in *in, const struct kn_customer_group *g,
                      const struct kn_customer_group *all)
{
    struct kn_buf *out = &in->ctx->response->body;
    const char *home = in->settings->currency;
    const struct kn_wide *own = revenue_in(g, home);
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "group", kn_str_c(g->name));
    kn_json_out_ki64(out, "profiles", (int64_t)g->profiles);
    kn_report_put_rate(out, "share", g->profiles, all->profiles);
    kn_json_out_ki64(out, "orders", (int64_t)g->orders);
    kn_json_out_key(out, "revenue");
    kn_buf_char(out, '[');
    for (uint32_t i = 0; i < g->revenue_count; i++) {
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_kv(out, "currency", kn_str_c(g->revenue[i].currency));
        kn_json_out_key(out, "amount");
        kn_wide_format(&g->revenue[i].amount, out);
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
    kn_json_out_key(out, "average_order_value");
    if (own && g->home_orders > 0) {
        kn_wide_format_mean(own, g->home_orders, out);
    } else {
        kn_buf_c(out, "null");
    }
    put_share(out, own, revenue_in(all, home));
    kn_buf_char(out, '}');
}

static void put_scores(struct kn_buf *out, const struct kn_customers_result *r)
{
    kn_json_out_key(out, "scores");
    kn_buf_char(out, '[');
    for (unsigned i = 0; i < 125; i++) {
        uint64_t n = r->scores[i / 25][i / 5 % 5][i % 5];
        if (n > 0) {
            kn_json_out_comma(out);
            kn_buf_printf(out,
                          "{\"recency\":%u,\"frequency\":%u,\"monetary\":%u,\"profiles\":%llu}",
                          i / 25 + 1, i / 5 % 5 + 1, i % 5 + 1, (unsigned long long)n);
        }
    }
    kn_buf_char(out, ']');
}

static void put_customers(struct kn_report_in *in, const struct kn_customers *q,
                          const struct kn_customers_result *r)
{
    struct kn_buf *out = &in->ctx->response->body;
    kn_api_json(in->ctx, 200);
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "profiles", (int64_t)r->all.profiles);
    kn_json_out_key(out, "groups");
    kn_buf_char(out, '[');
    for (uint32_t i = 0; i < r->count; i++) {
        put_group(in, &r->groups[i], &r->all);
    }
    kn_buf_char(out, ']');
    if (q->grouping == KN_GROUPING_RFM) {
        put_scores(out, r);
    }
    kn_report_put_end(in);
}

static void read_grid(struct kn_report_in *in, struct kn_grid_rules *ret)
{
    *ret = kn_grid_defaults();
    ret->loyal_orders =
        (uint32_t)kn_report_number(in, 0, "", "loyal_orders", ret->loyal_orders, 2, 1000);
    ret->loyal_days =
        (uint32_t)kn_report_number(in, 0, "", "loyal_days", ret->loyal_days, 1, 36500);
    ret->promising_days =
        (uint32_t)kn_report_number(in, 0, "", "promising_days", ret->promising_days, 1, 36500);
}

/* A group, or with RFM a square of the grid. */
static void read_customers_cell(struct kn_report_in *in, struct kn_customers *q)
{
    if (q->grouping == KN_GROUPING_RFM) {
        q->cell_recency = (unsigned)kn_report_number(in, in->cell, "/cell", "recency", 0, 1, 5);
        q->cell_fm = (unsigned)kn_report_number(in, in->cell, "/cell", "fm", 0, 1, 5);
    }
    bool square = q->cell_recency > 0 || q->cell_fm > 0;
    struct kn_str name = kn_report_text(in, in->cell, "/cell", "group", !square);
    if (name.len > 0) {
        q->cell_group = kn_arena_str(&in->arena, name).p;
    }
}

static void customers(struct kn_report_in *in, enum kn_grouping grouping)
{
    struct kn_customers q = {.grouping = grouping};
    struct kn_customers_result r;
    struct kn_err err = {0};
    memcpy(q.currency, in->settings->currency, sizeof q.currency);
    kn_report_segment(in, false);
    read_grid(in, &q.grid);
    if (in->of_cell && !in->failed) {
        read_customers_cell(in, &q);
    }
    if (in->failed ||
        !kn_report_ran(in, kn_report_customers(&in->report, &q, &in->arena, &r, &err), &err)) {
        return;
    }
    if (in->of_cell) {
        kn_report_put_members(in);
    } else {
        put_customers(in, &q, &r);
    }
}

static void rfm(struct kn_report_in *in)
{
    customers(in, KN_GROUPING_RFM);
}
static void grid(struct kn_report_in *in)
{
    customers(in, KN_GROUPING_GRID);
}
static void phases(struct kn_report_in *in)
{
    customers(in, KN_GROUPING_PHASES);
}

/* ---- favourites ---- */

static void put_favourites(struct kn_report_in *in, const struct kn_favourites_result *r)
{
    struct kn_buf *out = &in->ctx->response->body;
    kn_api_json(in->ctx, 200);
    kn_buf_c(out, "{\"values\":[");
    for (uint32_t i = 0; i < r->count; i++) {
        const uint64_t *n = r->values[i].profiles;
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_report_put_value(out, "value", r->values[i].value);
        kn_json_out_ki64(out, "first", (int64_t)n[0]);
        kn_json_out_ki64(out, "second", (int64_t)n[1]);
        kn_json_out_ki64(out, "third", (int64_t)n[2]);
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
    kn_report_put_left_out(out, r->left_out);
    kn_report_put_end(in);
}

static void favourites(struct kn_report_in *in)
{
    struct kn_favourites q = {.field = kn_report_text(in, 0, "", "of", true)};
    struct kn_favourites_result r;
    struct kn_err err = {0};
    q.half_life_days = (uint32_t)kn_report_number(in, 0, "", "half_life_days", 30, 1, 3650);
    q.limit =
        (uint32_t)kn_report_number(in, 0, "", "limit", KN_REPORT_GROUPS, 1, KN_REPORT_GROUPS_MAX);
    kn_report_segment(in, false);
    if (!in->failed && !kn_str_eq(q.field, KN_STR("brand")) &&
        !kn_str_eq(q.field, KN_STR("category"))) {
        kn_report_bad(in, "/of", "of must be brand or category");
    }
    if (in->of_cell) {
        q.cell_value = kn_report_cell_value(in);
        q.cell_place =
            (uint32_t)kn_report_number(in, in->cell, "/cell", "place", 0, 1, KN_FAVOURITES_TOP);
    }
    if (in->failed ||
        !kn_report_ran(in, kn_report_favourites(&in->report, &q, &in->arena, &r, &err), &err)) {
        return;
    }
    if (in->of_cell) {
        kn_report_put_members(in);
    } else {
        put_favourites(in, &r);
    }
}

void kn_post_paths(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, false, paths);
}
void kn_post_paths_profiles(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, true, paths);
}
void kn_post_overlap(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, false, overlap);
}
void kn_post_overlap_profiles(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, true, overlap);
}
void kn_post_compare(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, false, compare);
}
void kn_post_compare_profiles(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, true, compare);
}
void kn_post_rfm(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, false, rfm);
}
void kn_post_rfm_profiles(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, true, rfm);
}
void kn_post_grid(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, false, grid);
}
void kn_post_grid_profiles(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, true, grid);
}
void kn_post_phase_groups(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, false, phases);
}
void kn_post_phase_groups_profiles(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, true, phases);
}
void kn_post_favourites(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, false, favourites);
}
void kn_post_favourites_profiles(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, true, favourites);
}
