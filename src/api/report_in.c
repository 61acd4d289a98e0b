/* Requests of reports. */
#include "api/reports.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "segment/date.h"
#include "segment/pieces.h"

enum { ARENA_MAX = 512 << 20, POINTER_MAX = 160 };

void kn_report_bad(struct kn_report_in *in, const char *pointer, const char *format, ...)
{
    char detail[400];
    va_list args;
    if (in->failed) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    in->failed = true;
    kn_api_fail_at(in->ctx, pointer, detail);
}

static void bad_member(struct kn_report_in *in, const char *pointer, const char *key,
                       const char *detail)
{
    char whole[POINTER_MAX];
    (void)snprintf(whole, sizeof whole, "%s/%s", pointer, key);
    kn_report_bad(in, whole, "%s %s", key, detail);
}

/* ---- life ---- */

static bool pin_columns(struct kn_report_in *in)
{
    struct kn_ctx *ctx = in->ctx;
    struct kn_err err = {0};
    int64_t now;
    enum kn_rc rc = kn_read_columns(ctx->ws, &in->pin, &now, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return false;
    }
    in->settings = kn_workspace_settings(ctx->ws);
    in->phases = kn_report_phase_rules(in->settings, &in->arena);
    in->report = (struct kn_report){.pin = in->pin,
                                    .zone = in->settings->zone,
                                    .now = now,
                                    .phases = &in->phases,
                                    .jobs = ctx->api->env.jobs};
    return true;
}

static bool make_members(struct kn_report_in *in)
{
    in->cell = kn_report_node(in, 0, "", "cell", KN_JSON_OBJECT, true);
    in->report.members = kn_calloc(in->pin->ordinal_end / 64 + 1, sizeof *in->report.members);
    if (!in->failed && !in->report.members) {
        kn_api_fail_rc(in->ctx, KN_E_NOMEM, NULL);
        in->failed = true;
    }
    return !in->failed;
}

static void init(struct kn_report_in *in, struct kn_ctx *ctx, bool of_cell)
{
    *in = (struct kn_report_in){.ctx = ctx, .of_cell = of_cell, .cell = KN_JSON_NONE};
    in->started_ns = kn_clock_mono_ns(ctx->api->env.clock);
    kn_arena_init(&in->arena, ARENA_MAX);
    kn_buf_init(&in->warnings, 1 << 20);
}

static void deinit(struct kn_report_in *in)
{
    for (uint32_t i = 0; i < in->set_count; i++) {
        kn_free(in->sets[i]);
    }
    kn_free(in->report.members);
    if (in->settings) {
        kn_settings_unref(in->settings);
    }
    kn_columns_unpin(in->pin);
    kn_buf_deinit(&in->warnings);
    kn_arena_deinit(&in->arena);
}

/* "save_as": the key of the list to make, or {"key","name","description"}. */
static bool read_save_as(struct kn_report_in *in)
{
    struct kn_ctx *ctx = in->ctx;
    uint32_t node = kn_json_find(&ctx->doc, 0, KN_STR("save_as"));
    if (kn_json_type_at(&ctx->doc, node) == KN_JSON_NULL || !in->of_cell) {
        return true;
    }
    in->saves = true;
    if (kn_json_type_at(&ctx->doc, node) == KN_JSON_OBJECT) {
        return kn_api_read_draft(ctx, node, "/save_as", &in->list);
    }
    return kn_api_key_draft(ctx, kn_json_string(&ctx->doc, node, ctx->request->arena), "/save_as",
                            &in->list);
}

void kn_report_serve(struct kn_ctx *ctx, bool of_cell, kn_report_fn report)
{
    struct kn_report_in in;
    init(&in, ctx, of_cell);
    if (kn_api_body(ctx) && read_save_as(&in) && pin_columns(&in) &&
        (!of_cell || make_members(&in))) {
        report(&in);
    }
    deinit(&in);
}

void kn_report_serve_plain(struct kn_ctx *ctx, kn_report_fn report)
{
    struct kn_report_in in;
    init(&in, ctx, false);
    if (pin_columns(&in)) {
        report(&in);
    }
    deinit(&in);
}

/* ---- plain members ---- */

struct kn_str kn_report_text(struct kn_report_in *in, uint32_t object, const char *pointer,
                             const char *key, bool needed)
{
    const struct kn_json *doc = &in->ctx->doc;
    uint32_t node = kn_json_find(doc, object, kn_str_c(key));
    enum kn_json_type type = kn_json_type_at(doc, node);
    if (type == KN_JSON_NULL && !needed) {
        return KN_STR_EMPTY;
    }
    if (type != KN_JSON_STRING) {
        bad_member(in, pointer, key, "must be a text");
        return KN_STR_EMPTY;
    }
    struct kn_str text = kn_json_string(doc, node, &in->arena);
    if (text.len == 0) {
        bad_member(in, pointer, key, "must not be empty");
    }
    return text;
}

uint64_t kn_report_number(struct kn_report_in *in, uint32_t object, const char *pointer,
                          const char *key, uint64_t fallback, uint64_t least, uint64_t most)
{
    const struct kn_json *doc = &in->ctx->doc;
    uint32_t node = kn_json_find(doc, object, kn_str_c(key));
    int64_t value;
    char detail[80];
    if (kn_json_type_at(doc, node) == KN_JSON_NULL) {
        return fallback;
    }
    if (kn_json_i64(doc, node, &value) && value >= 0 && (uint64_t)value >= least &&
        (uint64_t)value <= most) {
        return (uint64_t)value;
    }
    (void)snprintf(detail, sizeof detail, "must be a whole number from %llu to %llu",
                   (unsigned long long)least, (unsigned long long)most);
    bad_member(in, pointer, key, detail);
    return fallback;
}

bool kn_report_flag(struct kn_report_in *in, uint32_t object, const char *pointer, const char *key)
{
    const struct kn_json *doc = &in->ctx->doc;
    enum kn_json_type type = kn_json_type_at(doc, kn_json_find(doc, object, kn_str_c(key)));
    if (type != KN_JSON_NULL && type != KN_JSON_TRUE && type != KN_JSON_FALSE) {
        bad_member(in, pointer, key, "must be true or false");
    }
    return type == KN_JSON_TRUE;
}

uint32_t kn_report_node(struct kn_report_in *in, uint32_t object, const char *pointer,
                        const char *key, enum kn_json_type type, bool needed)
{
    const struct kn_json *doc = &in->ctx->doc;
    uint32_t node = kn_json_find(doc, object, kn_str_c(key));
    enum kn_json_type is = kn_json_type_at(doc, node);
    if (is == type) {
        return node;
    }
    if (is != KN_JSON_NULL || needed) {
        bad_member(in, pointer, key,
                   type == KN_JSON_ARRAY ? "must be a list" : "must be an object");
    }
    return KN_JSON_NONE;
}

static int64_t read_date(struct kn_report_in *in, const char *key)
{
    struct kn_date date;
    struct kn_str text = kn_report_text(in, 0, "", key, true);
    if (in->failed) {
        return 0;
    }
    if (!kn_date_parse(text, &date)) {
        bad_member(in, "", key, "must be an ISO 8601 date or time, such as 2026-11-23");
        return 0;
    }
    return kn_date_utc(in->settings->zone, &date);
}

void kn_report_range(struct kn_report_in *in, int64_t *ret_from, int64_t *ret_to)
{
    *ret_from = read_date(in, "from");
    *ret_to = read_date(in, "to");
    if (!in->failed && *ret_from >= *ret_to) {
        kn_report_bad(in, "/to", "to must be later than from");
    }
}

void kn_report_period(struct kn_report_in *in, const char *key, bool needed, struct kn_period *ret)
{
    struct kn_str text = kn_report_text(in, 0, "", key, needed);
    if (text.len > 0 && !kn_period_parse(text, ret)) {
        bad_member(in, "", key, "must be a period, such as 7 days");
    }
}

enum kn_report_unit kn_report_unit_of(struct kn_report_in *in, bool hours)
{
    struct kn_str text = kn_report_text(in, 0, "", "unit", true);
    if (kn_str_eq(text, KN_STR("day"))) {
        return KN_UNIT_DAY_LOCAL;
    }
    if (kn_str_eq(text, KN_STR("week"))) {
        return KN_UNIT_WEEK_LOCAL;
    }
    if (kn_str_eq(text, KN_STR("month"))) {
        return KN_UNIT_MONTH_LOCAL;
    }
    if (!hours || !kn_str_eq(text, KN_STR("hour"))) {
        kn_report_bad(in, "/unit", "unit must be %sday, week or month", hours ? "hour, " : "");
    }
    return KN_UNIT_HOUR;
}

/* ---- events and conditions ---- */

struct search {
    struct kn_str word, best;
    unsigned distance;
    bool found;
};

static void compare_event(void *context, struct kn_str name, uint64_t rows)
{
    struct search *s = context;
    (void)rows;
    s->found |= kn_str_eq(s->word, name);
    if (kn_is_nearer(s->word, name, &s->distance)) {
        s->best = name;
    }
}

static void warn(struct kn_report_in *in, const char *pointer, const char *what, struct kn_str name,
                 struct kn_str best)
{
    struct kn_buf detail;
    kn_buf_init(&detail, 4096);
    kn_buf_printf(&detail, "no %s '%.*s' has been seen", what, KN_STR_ARG(name));
    if (best.p) {
        kn_buf_printf(&detail, "; did you mean '%.*s'?", KN_STR_ARG(best));
    }
    kn_buf_c(&in->warnings, in->warnings.len > 0 ? ",{" : "{");
    kn_json_out_kv(&in->warnings, "pointer", kn_str_c(pointer));
    kn_json_out_kv(&in->warnings, "detail", kn_buf_view(&detail));
    kn_buf_char(&in->warnings, '}');
    kn_buf_deinit(&detail);
}

void kn_report_know_event(struct kn_report_in *in, const char *pointer, struct kn_str name)
{
    struct search s = {.word = name, .distance = UINT_MAX};
    kn_pin_each_event(in->pin, compare_event, &s);
    if (!s.found) {
        warn(in, pointer, "event", name, s.best);
    }
}

static void read_where(struct kn_report_in *in, uint32_t node, const char *pointer,
                       struct kn_event_match *ret)
{
    char whole[POINTER_MAX];
    struct kn_err err = {0};
    struct kn_str text = kn_report_text(in, node, pointer, "where", false);
    if (text.len == 0 || in->failed) {
        return;
    }
    if (kn_where_parse(text, &in->arena, &ret->where, &err) != KN_OK) {
        (void)snprintf(whole, sizeof whole, "%s/where", pointer);
        kn_report_bad(in, whole, "at position %zu: %s", err.pos, err.text);
    }
}

void kn_report_match(struct kn_report_in *in, uint32_t node, const char *pointer, bool event_needed,
                     struct kn_event_match *ret)
{
    char whole[POINTER_MAX];
    *ret =
        (struct kn_event_match){.event = kn_report_text(in, node, pointer, "event", event_needed)};
    if (in->failed) {
        return;
    }
    if (ret->event.len > 0) {
        (void)snprintf(whole, sizeof whole, "%s/event", pointer);
        kn_report_know_event(in, whole, ret->event);
    } else {
        ret->event = KN_STR_EMPTY;
    }
    read_where(in, node, pointer, ret);
}

/* ---- orders ---- */

void kn_report_whole_orders(struct kn_report_in *in, const char *pointer,
                            const struct kn_event_match *match)
{
    char whole[POINTER_MAX];
    bool named = match->event.len > 0;
    if (named || match->where) {
        (void)snprintf(whole, sizeof whole, "%s/%s", pointer, named ? "event" : "where");
        kn_report_bad(in, whole, "orders are counted whole: leave out event and where");
    }
}

void kn_report_step(struct kn_report_in *in, uint32_t node, const char *pointer, bool event_needed,
                    struct kn_event_match *ret)
{
    bool orders = kn_report_flag(in, node, pointer, "orders");
    kn_report_match(in, node, pointer, event_needed && !orders, ret);
    ret->orders = orders;
    if (orders) {
        kn_report_whole_orders(in, pointer, ret);
    }
}

/* An order's own facts, as order() reads them, stand apart from what the site sent with it. */
struct kn_str kn_report_order_path(struct kn_report_in *in, struct kn_str path)
{
    static const char *const facts[] = {"p.value", "p.currency", "p.order_id"};
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        if (kn_str_eq(path, kn_str_c(facts[i]))) {
            return kn_report_path(in, "o.", kn_str_sub(path, 2, path.len));
        }
    }
    return path;
}

void kn_report_order_breakdown(struct kn_report_in *in, struct kn_breakdown *breakdown)
{
    if (breakdown->kind == KN_BREAKDOWN_ROW) {
        breakdown->path = kn_report_order_path(in, breakdown->path);
    } else if (breakdown->kind == KN_BREAKDOWN_SESSION) {
        kn_report_bad(in, "/breakdown/session", "an order belongs to no session");
    }
}

/* ---- breakdowns ---- */

struct kn_str kn_report_path(struct kn_report_in *in, const char *section, struct kn_str path)
{
    struct kn_buf text;
    kn_buf_init(&text, 1 << 16);
    kn_buf_c(&text, section);
    kn_buf_str(&text, path);
    struct kn_str kept = kn_arena_str(&in->arena, kn_buf_view(&text));
    kn_buf_deinit(&text);
    return kept;
}

static struct kn_str context_column(struct kn_report_in *in, struct kn_str name)
{
    static const char *const known[] = {"device", "browser", "platform", "country"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (kn_str_eq(name, kn_str_c(known[i]))) {
            return kn_report_path(in, "#", name);
        }
    }
    return kn_report_path(in, "c.", name);
}

static bool is_session_field(struct kn_str name)
{
    static const char *const known[] = {"channel", "campaign", "source",       "medium",  "term",
                                        "content", "referrer", "landing_page", "click_id"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (kn_str_eq(name, kn_str_c(known[i]))) {
            return true;
        }
    }
    return false;
}

void kn_report_breakdown(struct kn_report_in *in, struct kn_breakdown *ret)
{
    static const char *const kinds[] = {"trait", "property", "context", "session", "phase"};
    static const char pointer[] = "/breakdown";
    uint32_t node = kn_report_node(in, 0, "", "breakdown", KN_JSON_OBJECT, false);
    uint32_t given = 0;
    *ret = (struct kn_breakdown){.kind = KN_BREAKDOWN_NONE};
    ret->limit =
        (uint32_t)kn_report_number(in, 0, "", "limit", KN_REPORT_GROUPS, 1, KN_REPORT_GROUPS_MAX);
    if (node == KN_JSON_NONE || in->failed) {
        return;
    }
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t member = kn_json_find(&in->ctx->doc, node, kn_str_c(kinds[i]));
        given |= (uint32_t)(kn_json_type_at(&in->ctx->doc, member) != KN_JSON_NULL) << i;
    }
    struct kn_str name = given == 1   ? kn_report_text(in, node, pointer, "trait", true)
                         : given == 2 ? kn_report_text(in, node, pointer, "property", true)
                         : given == 4 ? kn_report_text(in, node, pointer, "context", true)
                         : given == 8 ? kn_report_text(in, node, pointer, "session", true)
                                      : KN_STR_EMPTY;
    switch (given) {
    case 1:
        *ret =
            (struct kn_breakdown){KN_BREAKDOWN_PROFILE, kn_report_path(in, "t.", name), ret->limit};
        return;
    case 2:
        *ret = (struct kn_breakdown){KN_BREAKDOWN_ROW, kn_report_path(in, "p.", name), ret->limit};
        return;
    case 4:
        *ret = (struct kn_breakdown){KN_BREAKDOWN_ROW, context_column(in, name), ret->limit};
        return;
    case 8:
        *ret =
            (struct kn_breakdown){KN_BREAKDOWN_SESSION, kn_report_path(in, "s.", name), ret->limit};
        if (!is_session_field(name)) {
            kn_report_bad(in, "/breakdown/session",
                          "session must be channel, campaign, source, medium, term, content, "
                          "referrer, landing_page or click_id");
        }
        return;
    case 16:
        ret->kind = kn_report_flag(in, node, pointer, "phase") ? KN_BREAKDOWN_PHASE : ret->kind;
        return;
    default:
        kn_report_bad(in, pointer,
                      "breakdown must have one of trait, property, context, session and phase");
    }
}

/* ---- cells ---- */

static bool scalar_value(struct kn_report_in *in, uint32_t node, struct kn_value *ret)
{
    const struct kn_json *doc = &in->ctx->doc;
    kn_dec number;
    struct kn_buf text;
    switch (kn_json_type_at(doc, node)) {
    case KN_JSON_NULL: *ret = (struct kn_value){.kind = KN_VALUE_ABSENT}; return true;
    case KN_JSON_TRUE: *ret = (struct kn_value){.kind = KN_VALUE_TRUE}; return true;
    case KN_JSON_FALSE: *ret = (struct kn_value){.kind = KN_VALUE_FALSE}; return true;
    case KN_JSON_STRING:
        *ret = (struct kn_value){KN_VALUE_STRING, kn_json_string(doc, node, &in->arena)};
        return true;
    case KN_JSON_NUMBER: break;
    case KN_JSON_ARRAY:
    case KN_JSON_OBJECT: return false;
    }
    *ret = (struct kn_value){KN_VALUE_NUMBER, kn_json_raw(doc, node)};
    if (kn_dec_parse(ret->text, true, &number)) {
        kn_buf_init(&text, 256);
        kn_dec_format(number, &text);
        ret->text = kn_arena_str(&in->arena, kn_buf_view(&text));
        kn_buf_deinit(&text);
    }
    return true;
}

const struct kn_value *kn_report_cell_value(struct kn_report_in *in)
{
    const struct kn_json *doc = &in->ctx->doc;
    uint32_t node = kn_json_find(doc, in->cell, KN_STR("group"));
    if (!in->of_cell || node == KN_JSON_NONE) {
        return NULL;
    }
    if (!scalar_value(in, node, &in->cell_value)) {
        kn_report_bad(in, "/cell/group", "group must be a value or null");
    }
    return &in->cell_value;
}
