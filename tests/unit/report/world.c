#include "world.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/item.h"
#include "os/thread.h"

const char *const world_names[WORLD_EVENTS] = {"Product Viewed", "Product Added", "A", "B",
                                               "Checkout Started"};
const char *const world_categories[4] = {"", "shoes", "hats", "bags"};
static const char *const letters[] = {"", "a", "b", "c"};
static const char *const devices[] = {"", "mobile", "desktop"};
static const char *const channels[] = {"", "email", "direct"};
static const char *const cities[] = {"", "Utrecht", "Gouda", "Ede"};

/* ---- feeding ---- */

struct world *world_new(uint64_t seed)
{
    struct kn_err err;
    struct world *w = calloc(1, sizeof *w);
    w->rand = kn_rand_seed(seed);
    w->sim = sim_disk_new(seed);
    w->spread = seed % 2 ? WORLD_SPREAD : 1;
    struct kn_columns_options options = {.dir = "columns", .rows_per_build = 64};
    assert_int_equal(kn_columns_open(sim_disk_interface(w->sim), &options, KN_STR_EMPTY, false,
                                     &w->columns, &err),
                     KN_OK);
    assert_int_equal(kn_zone_parse(KN_STR(KN_ZONE_DEFAULT_RULES), &w->zone, &err), KN_OK);
    for (uint32_t i = 0; i < WORLD_PEOPLE; i++) {
        w->people[i].into = i;
    }
    w->now = WORLD_START + 30 * WORLD_DAY + kn_rand_between(&w->rand, 0, WORLD_DAY);
    return w;
}

void world_free(struct world *w)
{
    kn_columns_close(w->columns);
    kn_zone_free(w->zone);
    sim_disk_free(w->sim);
    for (size_t i = 0; i < w->item_count; i++) {
        free(w->items[i]);
    }
    free(w);
}

static int64_t random_time(struct world *w)
{
    int64_t us = WORLD_START + kn_rand_between(&w->rand, 0, WORLD_DAYS * WORLD_DAY);
    if (kn_rand_chance(&w->rand, 1, 2)) {
        us -= us % (WORLD_DAY / 4); /* ties, also at midnight UTC */
    }
    if (kn_rand_chance(&w->rand, 1, 20)) {
        us = w->now + kn_rand_between(&w->rand, -1, 1);
    }
    return us;
}

static void put_key(struct kn_buf *out, int key)
{
    static const char *const texts[] = {NULL, "\"x\"", "\"y\"", "\"z\"", "1", "\"1\""};
    if (key > 0) {
        kn_buf_printf(out, "%s\"k\":%s", out->p[out->len - 1] == '{' ? "" : ",", texts[key]);
    }
}

static void put_comma(struct kn_buf *out)
{
    if (out->p[out->len - 1] != '{' && out->p[out->len - 1] != '[') {
        kn_buf_char(out, ',');
    }
}

static void put_event(const struct world_event *e, struct kn_buf *out)
{
    kn_buf_c(out, "{\"properties\":{");
    put_key(out, e->key);
    put_comma(out);
    kn_buf_c(out, "\"tags\":[");
    for (int i = 0; i < WORLD_TAGS; i++) {
        if (e->tags[i] > 0) {
            put_comma(out);
            kn_buf_printf(out, "\"%s\"", letters[e->tags[i]]);
        }
    }
    kn_buf_c(out, "],\"products\":[");
    for (int i = 0; i < e->product_count; i++) {
        put_comma(out);
        kn_buf_printf(out, "{\"price\":%d", e->products[i].price);
        if (e->products[i].category > 0) {
            kn_buf_printf(out, ",\"category\":\"%s\"", world_categories[e->products[i].category]);
        }
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
    if (e->amount != INT_MIN) {
        kn_buf_printf(out, e->amount % 2 ? ",\"v\":\"%d.5\"" : ",\"v\":%d.50", e->amount);
    }
    kn_buf_c(out, "}}");
}

static void feed_event(struct world *w, const struct world_event *e)
{
    struct kn_buf body;
    struct kn_buf bytes;
    kn_buf_init(&body, SIZE_MAX / 2);
    kn_buf_init(&bytes, SIZE_MAX / 2);
    put_event(e, &body);
    struct kn_item item = {.kind = KN_ITEM_EVENT,
                           .type = KN_EVENT_TRACK,
                           .name = kn_str_c(world_names[e->name]),
                           .source = 1,
                           .event_us = e->us,
                           .message_id = KN_STR("m"),
                           .body = kn_buf_view(&body)};
    item.visit.present = e->visit;
    item.device.present = e->device > 0;
    item.device.device = kn_str_c(devices[e->device]);
    kn_item_encode(&item, &bytes);
    char *kept = malloc(bytes.len);
    memcpy(kept, bytes.p, bytes.len);
    w->items[w->item_count++] = kept;
    kn_columns_event(w->columns, e->ordinal * w->spread, e->us, e->arrival,
                     kn_str(kept, bytes.len));
    kn_buf_deinit(&body);
    kn_buf_deinit(&bytes);
}

static uint32_t somebody(struct world *w)
{
    /* The first are busy, the last rarely seen. */
    uint64_t a = kn_rand_below(&w->rand, WORLD_PEOPLE);
    uint64_t b = kn_rand_below(&w->rand, WORLD_PEOPLE);
    return (uint32_t)(a < b ? a : b);
}

static void feed_person(struct world *w, uint32_t o)
{
    struct world_person *p = &w->people[o];
    char text[200];
    int n = snprintf(text, sizeof text, "{\"t\":{\"seen\":true");
    if (p->city > 0) {
        n += snprintf(text + n, sizeof text - (size_t)n, ",\"city\":\"%s\"", cities[p->city]);
    }
    if (p->likes[0] > 0) {
        n += snprintf(text + n, sizeof text - (size_t)n, ",\"likes\":[\"%s\"%s%s%s]",
                      letters[p->likes[0]], p->likes[1] ? ",\"" : "", letters[p->likes[1]],
                      p->likes[1] ? "\"" : "");
    }
    n += snprintf(text + n, sizeof text - (size_t)n, "}}");
    kn_columns_replace(w->columns, KN_TABLE_PROFILE, o * w->spread);
    kn_columns_row(w->columns, KN_TABLE_PROFILE, o * w->spread, w->now, w->arrivals++,
                   kn_str(text, (size_t)n));
    p->live = true;
}

static void add_event(struct world *w)
{
    struct world_event *e = &w->events[w->event_count];
    uint32_t o = somebody(w);
    if (w->event_count == WORLD_ROWS || (w->people[o].into == o && !w->people[o].live)) {
        return;
    }
    w->event_count++;
    *e = (struct world_event){.ordinal = o, .us = random_time(w), .arrival = w->arrivals++};
    e->name = (int)kn_rand_below(&w->rand, WORLD_EVENTS);
    e->key = (int)kn_rand_below(&w->rand, 6);
    for (int i = 0; i < WORLD_TAGS; i++) {
        e->tags[i] = (int)kn_rand_below(&w->rand, 4);
    }
    e->amount = kn_rand_chance(&w->rand, 1, 4) ? INT_MIN : (int)kn_rand_between(&w->rand, 0, 9);
    e->product_count = (int)kn_rand_below(&w->rand, WORLD_PRODUCTS + 1);
    for (int i = 0; i < e->product_count; i++) {
        e->products[i] = (struct world_product){(int)kn_rand_below(&w->rand, 4),
                                                (int)kn_rand_below(&w->rand, 10)};
    }
    e->device = (int)kn_rand_below(&w->rand, 3);
    e->visit = kn_rand_chance(&w->rand, 3, 4);
    feed_event(w, e);
}

static void change_person(struct world *w)
{
    uint32_t o = somebody(w);
    struct world_person *p = &w->people[o];
    if (p->into != o) {
        return;
    }
    p->city = (int)kn_rand_below(&w->rand, 4);
    p->likes[0] = (int)kn_rand_below(&w->rand, 4);
    p->likes[1] = p->likes[0] ? (int)kn_rand_below(&w->rand, 4) : 0;
    feed_person(w, o);
}

/* Sessions and orders of a person, all again. */
static void feed_sessions(struct world *w, uint32_t o)
{
    kn_columns_replace(w->columns, KN_TABLE_SESSION, o * w->spread);
    for (size_t i = 0; i < w->session_count; i++) {
        const struct world_session *s = &w->sessions[i];
        char text[64];
        if (s->ordinal == o) {
            int n = s->channel ? snprintf(text, sizeof text, "{\"s\":{\"channel\":\"%s\"}}",
                                          channels[s->channel])
                               : snprintf(text, sizeof text, "{\"s\":{}}");
            kn_columns_row(w->columns, KN_TABLE_SESSION, o * w->spread, s->us, w->arrivals++,
                           kn_str(text, (size_t)n));
        }
    }
}

static void feed_orders(struct world *w, uint32_t o)
{
    kn_columns_replace(w->columns, KN_TABLE_ORDER, o * w->spread);
    for (size_t i = 0; i < w->order_count; i++) {
        const struct world_order *r = &w->orders[i];
        char text[100];
        if (r->ordinal == o) {
            int n = snprintf(text, sizeof text, "{\"o\":{\"value\":%d.%02d,\"currency\":\"%s\"}}",
                             r->cents / 100, r->cents % 100, r->dollars ? "USD" : "EUR");
            kn_columns_row(w->columns, KN_TABLE_ORDER, o * w->spread, r->us, r->arrival,
                           kn_str(text, (size_t)n));
        }
    }
}

static void add_facts(struct world *w)
{
    uint32_t o = somebody(w);
    if (!world_counts(w, o) || w->session_count == WORLD_ROWS) {
        return;
    }
    if (kn_rand_chance(&w->rand, 1, 2)) {
        w->sessions[w->session_count++] = (struct world_session){
            o, WORLD_START + kn_rand_between(&w->rand, 0, WORLD_DAYS * WORLD_DAY),
            (int)kn_rand_below(&w->rand, 3)};
        feed_sessions(w, o);
    } else {
        w->orders[w->order_count++] = (struct world_order){o, random_time(w), w->arrivals++,
                                                           (int)kn_rand_below(&w->rand, 5000),
                                                           kn_rand_chance(&w->rand, 1, 5)};
        feed_orders(w, o);
    }
}

static void merge_people(struct world *w)
{
    uint32_t a = world_root(w, somebody(w));
    uint32_t b = world_root(w, somebody(w));
    char text[32];
    if (a == b || !w->people[a].live || !w->people[b].live) {
        return;
    }
    for (size_t i = 0; i < w->session_count; i++) {
        w->sessions[i].ordinal = w->sessions[i].ordinal == a ? b : w->sessions[i].ordinal;
    }
    for (size_t i = 0; i < w->order_count; i++) {
        w->orders[i].ordinal = w->orders[i].ordinal == a ? b : w->orders[i].ordinal;
    }
    w->people[a].into = b;
    kn_columns_replace(w->columns, KN_TABLE_PROFILE, a * w->spread);
    kn_columns_replace(w->columns, KN_TABLE_ORDER, a * w->spread);
    kn_columns_replace(w->columns, KN_TABLE_SESSION, a * w->spread);
    kn_columns_replace(w->columns, KN_TABLE_MERGED, a * w->spread);
    int n = snprintf(text, sizeof text, "{\"into\":%u}", b * w->spread);
    kn_columns_row(w->columns, KN_TABLE_MERGED, a * w->spread, w->now, w->arrivals++,
                   kn_str(text, (size_t)n));
    feed_orders(w, b);
    feed_sessions(w, b);
}

/* Everything of somebody who was not merged goes. */
static void forget(struct world *w)
{
    uint32_t o = somebody(w);
    for (uint32_t i = 0; i < WORLD_PEOPLE; i++) {
        if (i != o && world_root(w, i) == o) {
            return;
        }
    }
    if (w->people[o].into != o) {
        return;
    }
    kn_columns_forget(w->columns, o * w->spread);
    w->people[o] = (struct world_person){.into = o};
    for (size_t i = 0; i < w->event_count; i++) {
        w->events[i].gone |= w->events[i].ordinal == o;
    }
    for (size_t i = 0; i < w->session_count; i++) {
        w->sessions[i].ordinal = w->sessions[i].ordinal == o ? UINT32_MAX : w->sessions[i].ordinal;
    }
    for (size_t i = 0; i < w->order_count; i++) {
        w->orders[i].ordinal = w->orders[i].ordinal == o ? UINT32_MAX : w->orders[i].ordinal;
    }
}

void world_grow(struct world *w, int steps)
{
    struct kn_err err;
    bool more;
    for (int i = 0; i < steps; i++) {
        uint64_t dice = kn_rand_below(&w->rand, 100);
        if (dice < 76) {
            add_event(w);
        } else if (dice < 85) {
            change_person(w);
        } else if (dice < 97) {
            add_facts(w);
        } else if (dice < 99) {
            merge_people(w);
        } else {
            forget(w);
        }
        if (kn_rand_chance(&w->rand, 1, 40)) {
            assert_int_equal(kn_columns_build(w->columns, 64, &more, &err), KN_OK);
        }
    }
}

/* ---- the plain side ---- */

uint32_t world_root(const struct world *w, uint32_t ordinal)
{
    while (w->people[ordinal].into != ordinal) {
        ordinal = w->people[ordinal].into;
    }
    return ordinal;
}

bool world_counts(const struct world *w, uint32_t ordinal)
{
    return w->people[ordinal].live && w->people[ordinal].into == ordinal;
}

size_t world_events_of(const struct world *w, uint32_t person, size_t *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < w->event_count; i++) {
        const struct world_event *e = &w->events[i];
        if (e->gone || e->us > w->now || world_root(w, e->ordinal) != person) {
            continue;
        }
        size_t k = n++;
        for (; k > 0 && w->events[ret[k - 1]].us > e->us; k--) {
            ret[k] = ret[k - 1]; /* arrivals are ascending already */
        }
        ret[k] = i;
    }
    return n;
}

static int compare_rows(const void *a, const void *b)
{
    const struct world_event *x = a;
    const struct world_event *y = b;
    return x->us != y->us ? (x->us > y->us) - (x->us < y->us)
                          : (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

size_t world_rows_of(const struct world *w, uint32_t person, struct world_event *ret)
{
    size_t events[WORLD_ROWS];
    size_t n = world_events_of(w, person, events);
    for (size_t i = 0; i < n; i++) {
        ret[i] = w->events[events[i]];
    }
    for (size_t i = 0; i < w->order_count; i++) {
        const struct world_order *o = &w->orders[i];
        if (o->ordinal == person && o->us <= w->now) {
            ret[n++] = (struct world_event){.ordinal = person,
                                            .us = o->us,
                                            .arrival = o->arrival,
                                            .name = WORLD_ORDER,
                                            .amount = INT_MIN};
        }
    }
    qsort(ret, n, sizeof *ret, compare_rows);
    return n;
}

const char *const world_conditions[WORLD_CONDITIONS] = {
    NULL,
    "property('k') = 'x'",
    "property('v') > 5",
    "property('tags') = 'b'",
    "property('tags') != 'b'",
    "any('products', property('category') = 'shoes' AND property('price') > 4)",
    "property('k').absent() OR NOT property('products.category') = 'hats'",
    "property('k') = 1",
    "property('nothing') = 'x'",
};

static bool has_tag(const struct world_event *e, int tag)
{
    for (int i = 0; i < WORLD_TAGS; i++) {
        if (e->tags[i] == tag) {
            return true;
        }
    }
    return false;
}

static bool has_category(const struct world_event *e, int category, int above)
{
    for (int i = 0; i < e->product_count; i++) {
        if (e->products[i].category == category && e->products[i].price > above) {
            return true;
        }
    }
    return false;
}

bool world_holds(const struct world_event *e, int condition)
{
    bool any_tag = has_tag(e, 1) || has_tag(e, 2) || has_tag(e, 3);
    switch (condition) {
    case 0: return true;
    case 1: return e->key == 1;
    case 2: return e->amount != INT_MIN && e->amount >= 5; /* amounts end in .5 */
    case 3: return has_tag(e, 2);
    case 4: return any_tag && !has_tag(e, 2);
    case 5: return has_category(e, 1, 4);
    case 6: return e->key == 0 || !has_category(e, 2, -1);
    case 7: return e->key == 4 || e->key == 5;
    default: return false;
    }
}

const struct kn_node *world_where(int condition, struct kn_arena *arena)
{
    char text[300];
    struct kn_query q;
    struct kn_err err;
    if (condition == 0) {
        return NULL;
    }
    int n = snprintf(text, sizeof text, "event('A').where(%s).count() > 0",
                     world_conditions[condition]);
    assert_int_equal(kn_query_parse(kn_str(text, (size_t)n), KN_QUERY_SEGMENT, arena, &q, &err),
                     KN_OK);
    return q.root->chain->where;
}

struct kn_breakdown world_breakdown(enum world_by by)
{
    static const struct kn_breakdown all[WORLD_BY_COUNT] = {
        [WORLD_BY_KEY] = {KN_BREAKDOWN_ROW, {"p.k", 3}, 0},
        [WORLD_BY_TAGS] = {KN_BREAKDOWN_ROW, {"p.tags", 6}, 0},
        [WORLD_BY_CATEGORY] = {KN_BREAKDOWN_ROW, {"p.products.category", 19}, 0},
        [WORLD_BY_DEVICE] = {KN_BREAKDOWN_ROW, {"#device", 7}, 0},
        [WORLD_BY_CITY] = {KN_BREAKDOWN_PROFILE, {"t.city", 6}, 0},
        [WORLD_BY_LIKES] = {KN_BREAKDOWN_PROFILE, {"t.likes", 7}, 0},
        [WORLD_BY_CHANNEL] = {KN_BREAKDOWN_SESSION, {"s.channel", 9}, 0},
        [WORLD_BY_PHASE] = {KN_BREAKDOWN_PHASE, {NULL, 0}, 0},
    };
    return all[by];
}

struct texts {
    const char **texts;
    int count;
};

static void add_text(struct texts *t, const char *text)
{
    for (int i = 0; i < t->count; i++) {
        if (strcmp(t->texts[i], text) == 0) {
            return;
        }
    }
    if (text[0] != '\0' && text[2] != '\0') {
        t->texts[t->count++] = text;
    }
}

static void add_row_texts(enum world_by by, const struct world_event *e, struct texts *t)
{
    static const char *const keys[] = {"", "s:x", "s:y", "s:z", "n:1", "s:1"};
    static const char *const tags[] = {"", "s:a", "s:b", "s:c"};
    static const char *const cats[] = {"", "s:shoes", "s:hats", "s:bags"};
    static const char *const devs[] = {"", "s:mobile", "s:desktop"};
    if (by == WORLD_BY_KEY) {
        add_text(t, keys[e->key]);
    } else if (by == WORLD_BY_DEVICE) {
        add_text(t, devs[e->device]);
    } else if (by == WORLD_BY_TAGS) {
        for (int i = 0; i < WORLD_TAGS; i++) {
            add_text(t, tags[e->tags[i]]);
        }
    } else if (by == WORLD_BY_CATEGORY) {
        for (int i = 0; i < e->product_count; i++) {
            add_text(t, cats[e->products[i].category]);
        }
    }
}

static void add_channel(const struct world *w, uint32_t person, const struct world_event *e,
                        struct texts *t)
{
    static const char *const chans[] = {"", "s:email", "s:direct"};
    const struct world_session *best = NULL;
    for (size_t i = 0; e->visit && i < w->session_count; i++) {
        const struct world_session *s = &w->sessions[i];
        if (s->ordinal == person && s->us <= e->us && (!best || s->us >= best->us)) {
            best = s;
        }
    }
    if (best) {
        add_text(t, chans[best->channel]);
    }
}

int world_values(const struct world *w, enum world_by by, uint32_t person,
                 const struct world_event *e, const char *ret[WORLD_VALUES])
{
    static const char *const towns[] = {"", "s:Utrecht", "s:Gouda", "s:Ede"};
    static const char *const likes[] = {"", "s:a", "s:b", "s:c"};
    static const char *const phases[] = {"",           "s:orientation", "s:comparison",
                                         "s:decision", "s:purchase",    "s:after_purchase"};
    const struct world_person *p = &w->people[person];
    struct texts t = {ret, 0};
    if (by == WORLD_BY_CITY) {
        add_text(&t, towns[p->city]);
    } else if (by == WORLD_BY_LIKES) {
        add_text(&t, likes[p->likes[0]]);
        add_text(&t, likes[p->likes[1]]);
    } else if (by == WORLD_BY_CHANNEL) {
        add_channel(w, person, e, &t);
    } else if (by == WORLD_BY_PHASE) {
        add_text(&t, phases[world_phase(w, person)]);
    } else {
        add_row_texts(by, e, &t);
    }
    if (t.count == 0) {
        ret[t.count++] = "";
    }
    return t.count;
}

void world_value_text(struct kn_value value, char *ret, size_t len)
{
    static const char *const kinds[] = {"", "s:", "n:", "true", "false", "o"};
    (void)snprintf(ret, len, "%s%.*s", kinds[value.kind], KN_STR_ARG(value.text));
}

/* From the words of docs/reports.md. */
enum kn_phase world_phase(const struct world *w, uint32_t person)
{
    int64_t last_order = INT64_MIN;
    int views = 0;
    int signals = 0;
    int sessions = 0;
    for (size_t i = 0; i < w->order_count; i++) {
        const struct world_order *o = &w->orders[i];
        if (o->ordinal == person && o->us <= w->now && o->us > last_order) {
            last_order = o->us;
        }
    }
    for (size_t i = 0; i < w->event_count; i++) {
        const struct world_event *e = &w->events[i];
        bool counts = !e->gone && world_root(w, e->ordinal) == person && e->us <= w->now &&
                      e->us > w->now - 7 * WORLD_DAY && e->us > last_order;
        views += counts && e->name == 0;
        signals += counts && (e->name == 1 || e->name == 4);
    }
    for (size_t i = 0; i < w->session_count; i++) {
        const struct world_session *s = &w->sessions[i];
        sessions += s->ordinal == person && s->us <= w->now && s->us > w->now - 7 * WORLD_DAY &&
                    s->us > last_order;
    }
    if (last_order > w->now - 2 * WORLD_DAY) {
        return KN_PHASE_PURCHASE;
    }
    if (views >= 5 || signals > 0) {
        return KN_PHASE_DECISION;
    }
    if (views >= 3) {
        return KN_PHASE_COMPARISON;
    }
    if (last_order > w->now - 30 * WORLD_DAY) {
        return KN_PHASE_AFTER_PURCHASE;
    }
    return views + sessions > 0 ? KN_PHASE_ORIENTATION : KN_PHASE_NONE;
}

/* ---- reports ---- */

struct task {
    void (*job)(void *argument, uint32_t index);
    void *argument;
    uint32_t first, end;
};

static void *run_task(void *argument)
{
    struct task *t = argument;
    for (uint32_t i = t->first; i < t->end; i++) {
        t->job(t->argument, i);
    }
    return NULL;
}

static void two_threads(void *context, uint32_t count, void (*job)(void *argument, uint32_t index),
                        void *argument)
{
    (void)context;
    struct task first = {job, argument, 0, count / 2};
    struct task second = {job, argument, count / 2, count};
    struct kn_thread thread = kn_thread_start("t_report", run_task, &second);
    run_task(&first);
    kn_thread_join(thread);
}

struct kn_report world_report(struct world *w, const struct kn_columns_pin *pin,
                              const uint64_t *only)
{
    struct kn_report r = {.pin = pin, .zone = w->zone, .now = w->now, .only = only};
    if (kn_rand_chance(&w->rand, 1, 2)) {
        r.jobs = (struct kn_bulk_jobs){.run = two_threads, .parallel = 2};
    }
    return r;
}

int64_t world_near(struct world *w, int64_t us)
{
    if (kn_rand_chance(&w->rand, 1, 2)) {
        return us;
    }
    int64_t at = kn_zone_day_start(w->zone, kn_zone_day(w->zone, us));
    if (w->event_count > 0 && kn_rand_chance(&w->rand, 1, 2)) {
        at = w->events[kn_rand_below(&w->rand, w->event_count)].us;
    }
    return at + kn_rand_between(&w->rand, -2, 2);
}

bool world_segment(struct world *w, uint64_t ret[WORLD_WORDS])
{
    memset(ret, 0, WORLD_WORDS * sizeof *ret);
    if (kn_rand_chance(&w->rand, 1, 2)) {
        return false;
    }
    for (uint32_t i = 0; i < WORLD_PEOPLE; i++) {
        uint32_t o = i * w->spread;
        ret[o / 64] |= kn_rand_below(&w->rand, 2) << (o % 64);
    }
    return true;
}

bool world_is_in(const struct world *w, const uint64_t *bits, uint32_t person)
{
    uint32_t o = person * w->spread;
    return !bits || ((bits[o / 64] >> (o % 64)) & 1);
}
