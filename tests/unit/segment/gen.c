/* Random histories. */
#include "tests/unit/segment/gen.h"

#include <stdarg.h>
#include <stdio.h>

#include "tests/unit/segment/gen_internal.h"

const char *const gen_events[6] = {"Product Viewed", "Product Added", "Order Completed",
                                   "Order Refunded", "Order Updated", "Order Cancelled"};
const char *const gen_purposes[3] = {"marketing_email", "analytics", "advertising"};
const char *const gen_identifiers[3] = {"email", "phone", "user_id"};
const char *const gen_segments[2] = {"seg0", "seg1"};

static const char *const bases[] = {
    "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-03-29T00:59:00Z", "2026-03-28T23:00:00Z",
    "2028-02-29T11:00:00Z", "2027-02-28T22:30:00Z", "2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z",
    "2026-11-23T10:00:00Z", "2026-05-31T12:00:00Z", "2026-07-01T22:00:00Z", "2026-06-07T21:59:59Z",
};

uint64_t gen_below(struct gen *g, uint64_t bound)
{
    return kn_rand_below(&g->rand, bound);
}

bool gen_one_in(struct gen *g, uint64_t n)
{
    return gen_below(g, n) == 0;
}

const char *gen_pick(struct gen *g, const char *const *words, size_t count)
{
    return words[gen_below(g, count)];
}

void gen_start(struct gen *g, uint64_t seed, struct kn_arena *arena)
{
    *g = (struct gen){.rand = kn_rand_seed(seed), .arena = arena, .what = GEN_ALL};
    g->plain = !gen_one_in(g, 3);
    bool ok = kn_time_parse(kn_str_c(GEN_PICK(g, bases)), &g->base_us);
    kn_assert(ok);
}

/* ---- times ---- */

static int64_t step_us(struct gen *g)
{
    static const int64_t seconds[] = {0,         1,          60,         1800,
                                      3600,      7200,       86400,      2 * 86400,
                                      7 * 86400, 30 * 86400, 31 * 86400, 365 * 86400};
    return seconds[gen_below(g, g->plain ? 9 : sizeof seconds / sizeof seconds[0])] * 1000000;
}

static int64_t near_base(struct gen *g)
{
    int64_t us = g->base_us;
    int64_t sign = gen_one_in(g, 4) ? 1 : -1;
    us += sign * step_us(g) * (int64_t)(1 + gen_below(g, 3));
    if (gen_one_in(g, 3)) {
        us += kn_rand_between(&g->rand, -2, 2) * (gen_one_in(g, 2) ? 1 : 3600000000);
    }
    return us;
}

int64_t gen_now(struct gen *g)
{
    return gen_one_in(g, 3) ? g->base_us : near_base(g);
}

struct kn_str gen_date(struct gen *g)
{
    static const char *const odd[] = {"2026-02-30",       "2026-13-01", "soon",
                                      "2026-11-23T25:00", "1850-01-01", "2026-11-23T10:00:00+0530",
                                      "2026-11-23 10:00", "1984-02-29", "2000-10-25T02:30:00"};
    char text[KN_TIME_TEXT_MAX];
    if (gen_one_in(g, 5)) {
        return kn_str_c(GEN_PICK(g, odd));
    }
    struct kn_str full = kn_time_format(near_base(g), text);
    size_t cut = gen_one_in(g, 3) ? 10 : gen_one_in(g, 2) ? full.len - 1 : full.len;
    return kn_arena_str(g->arena, kn_str_sub(full, 0, cut));
}

/* A day of birth: about the base's day in another year. */
static struct kn_str birthday(struct gen *g)
{
    char text[KN_TIME_TEXT_MAX];
    static const char *const years[] = {"1984", "1999", "2026", "2031"};
    int64_t us = g->base_us + kn_rand_between(&g->rand, -9, 9) * ZONES_DAY_US;
    struct kn_str full = kn_time_format(us, text);
    if (gen_one_in(g, 5)) {
        return KN_STR("1984-02-29");
    }
    memcpy(text, GEN_PICK(g, years), 4);
    return kn_arena_str(g->arena, kn_str_sub(full, 0, gen_one_in(g, 3) ? full.len : 10));
}

/* ---- values ---- */

/* The first few are those of plain cases. */
enum { PLAIN_WORDS = 5, PLAIN_NUMBERS = 7 };
static const char *const words[] = {"a",        "b",    "shoes", "5",   "10",    "Shoes", "hats",
                                    "",         "ab",   "5.0",   "05",  "-2.50", "1e1",   "abc",
                                    "\303\251", "true", "sh",    "100", "9.99"};
static const char *const numbers[] = {"5",
                                      "10",
                                      "9.99",
                                      "1",
                                      "0",
                                      "50",
                                      "5.0",
                                      "-0",
                                      "-2.5",
                                      "1e1",
                                      "0.1",
                                      "0.2",
                                      "0.3",
                                      "100",
                                      "5.00",
                                      "12.345",
                                      "7E-1",
                                      "99999999999999999",
                                      "1234567890123456789012",
                                      "0.0000000000000000001"};

struct kn_str gen_word(struct gen *g)
{
    return kn_str_c(gen_pick(g, words, g->plain ? PLAIN_WORDS : sizeof words / sizeof words[0]));
}

static void put_number(struct gen *g, struct kn_buf *out)
{
    size_t count = g->plain ? PLAIN_NUMBERS : sizeof numbers / sizeof numbers[0];
    kn_buf_c(out, gen_pick(g, numbers, count));
}

static void put_scalar(struct gen *g, struct kn_buf *out)
{
    switch (gen_below(g, g->plain ? 6 : 9)) {
    case 0:
    case 1:
    case 2: kn_json_out_string(out, gen_word(g)); break;
    case 3:
    case 4:
    case 5: put_number(g, out); break;
    case 6: kn_buf_c(out, gen_one_in(g, 2) ? "true" : "false"); break;
    case 7: kn_json_out_string(out, gen_date(g)); break;
    default: kn_buf_c(out, gen_one_in(g, 2) ? "null" : "{}"); break;
    }
}

static void put_products(struct gen *g, struct kn_buf *out)
{
    kn_buf_char(out, '[');
    for (uint64_t i = gen_below(g, 4); i > 0; i--) {
        kn_json_out_comma(out);
        if (gen_one_in(g, 8)) {
            put_scalar(g, out);
            continue;
        }
        kn_buf_char(out, '{');
        if (!gen_one_in(g, 4)) {
            kn_json_out_key(out, "category");
            kn_json_out_string(out, gen_word(g));
        }
        if (!gen_one_in(g, 4)) {
            kn_json_out_key(out, "price");
            put_number(g, out);
        }
        if (gen_one_in(g, 4)) {
            kn_json_out_kraw(out, "tags", KN_STR("[\"a\",5,\"shoes\",null]"));
        }
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
}

static void put_field(struct gen *g, const char *key, struct kn_buf *out)
{
    kn_json_out_key(out, key);
    if (strcmp(key, "products") == 0 && !gen_one_in(g, 8)) {
        put_products(g, out);
    } else if (strcmp(key, "deep") == 0 && !gen_one_in(g, 8)) {
        kn_buf_c(out, "{\"x\":");
        put_scalar(g, out);
        kn_buf_c(out, ",\"y\":{\"z\":");
        put_scalar(g, out);
        kn_buf_c(out, "}}");
    } else if (strcmp(key, "when") == 0 && !gen_one_in(g, 8)) {
        kn_json_out_string(out, gen_date(g));
    } else if (strcmp(key, "born") == 0 && !gen_one_in(g, 8)) {
        kn_json_out_string(out, birthday(g));
    } else if (gen_one_in(g, 6)) {
        kn_buf_char(out, '[');
        for (uint64_t i = gen_below(g, 4); i > 0; i--) {
            kn_json_out_comma(out);
            put_scalar(g, out);
        }
        kn_buf_char(out, ']');
    } else {
        put_scalar(g, out);
    }
}

static void put_order(struct gen *g, const char *name, struct kn_buf *out)
{
    static const char *const ids[] = {"o1", "o2", "o3"};
    static const char *const currencies[] = {"EUR", "USD", "JPY", "eur"};
    static const char *const amounts[] = {"50", "100", "99.95", "\"12.50\"", "5", "0.1"};
    static const char *const keys[] = {"revenue", "total", "value"};
    if (!gen_one_in(g, 5)) {
        kn_json_out_kv(out, "order_id", kn_str_c(GEN_PICK(g, ids)));
    }
    if (!gen_one_in(g, strcmp(name, "Order Refunded") == 0 ? 3 : 8)) {
        kn_json_out_kraw(out, GEN_PICK(g, keys), kn_str_c(GEN_PICK(g, amounts)));
    }
    if (gen_one_in(g, 3)) {
        kn_json_out_kv(out, "currency", kn_str_c(GEN_PICK(g, currencies)));
    }
}

static struct history_json object(struct gen *g, const char *event, const char *const *keys,
                                  size_t count)
{
    struct kn_buf out;
    kn_buf_init(&out, 1 << 16);
    kn_buf_char(&out, '{');
    for (size_t i = 0; i < count; i++) {
        if (g->plain ? !gen_one_in(g, 4) : gen_one_in(g, 2)) {
            put_field(g, keys[i], &out);
        }
    }
    if (event && strncmp(event, "Order ", 6) == 0) {
        put_order(g, event, &out);
    }
    kn_buf_c(&out, "}");
    kn_buf_char(&out, '\0');
    struct history_json json = history_json(g->arena, out.p);
    kn_buf_deinit(&out);
    return json;
}

static struct history_flag *flags(struct gen *g, const char *const *names, uint32_t count,
                                  uint32_t states)
{
    struct history_flag *list = kn_arena_zero(g->arena, count, sizeof *list);
    kn_assert(list);
    for (uint32_t i = 0; i < count; i++) {
        list[i] = (struct history_flag){kn_str_c(names[i]), (uint32_t)gen_below(g, states)};
    }
    return list;
}

/* Arrival numbers 1 to count, shuffled when events come late. */
static void number_arrivals(struct gen *g, struct history *h)
{
    bool late = !gen_one_in(g, 3);
    for (uint32_t i = 0; i < h->event_count; i++) {
        h->events[i].arrival = i + 1;
    }
    for (uint32_t i = h->event_count; late && i > 1; i--) {
        uint32_t other = (uint32_t)gen_below(g, i);
        uint64_t arrival = h->events[i - 1].arrival;
        h->events[i - 1].arrival = h->events[other].arrival;
        h->events[other].arrival = arrival;
    }
}

void gen_history(struct gen *g, uint32_t most, struct history *ret)
{
    static const char *const properties[] = {"sku",  "price", "products", "tags",
                                             "deep", "when",  "a.b"};
    static const char *const context[] = {"device", "page", "when"};
    static const char *const traits[] = {"city", "age", "tags", "born", "deep", "a.b"};
    struct history h = {0};
    h.event_count = (uint32_t)gen_below(g, most + 1);
    h.events = kn_arena_zero(g->arena, h.event_count + 1, sizeof *h.events);
    kn_assert(h.events);
    for (uint32_t i = 0; i < h.event_count; i++) {
        const char *name = gen_events[gen_below(g, g->plain && !gen_one_in(g, 4) ? 2 : 6)];
        int64_t us = near_base(g);
        if (!(g->what & GEN_FUTURE) && us > g->base_us) {
            us = g->base_us;
        }
        if (i > 0 && gen_one_in(g, 4)) {
            us = h.events[gen_below(g, i)].us; /* at the same time */
        }
        h.events[i] = (struct history_event){.us = us,
                                             .name = kn_str_c(name),
                                             .source = 1 + (uint32_t)gen_below(g, GEN_SOURCE_COUNT),
                                             .properties = object(g, name, properties, 7),
                                             .context = object(g, NULL, context, 3)};
    }
    number_arrivals(g, &h);
    h.traits = object(g, NULL, traits, 6);
    h.consents = flags(g, gen_purposes, h.consent_count = 3, 4);
    h.identifiers = flags(g, gen_identifiers, h.identifier_count = 3, 2);
    h.segments = flags(g, gen_segments, h.segment_count = 2, 2);
    history_finish(&h, "EUR", g->arena);
    *ret = h;
}
