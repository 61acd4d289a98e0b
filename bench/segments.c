/* Audience questions over many events: Kern's side of bench/segments.mjs.
 *
 * usage: segments rows FILE EVENTS PROFILES
 *        segments run DIR EVENTS PROFILES [NAME]
 *
 * rows writes the events for the peers, as ClickHouse's RowBinary. run makes a store of the same
 * events in DIR, a file that is mapped, and prints a line of JSON per question: name, answer, times
 * in ms of five rounds after a warm one, on two threads. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/rand.h"
#include "behaviour/columns_load.h"
#include "bench/segments_data.h"
#include "bench/segments_pool.h"
#include "os/clock.h"
#include "base/bits.h"
#include "format/decimal.h"
#include "format/json.h"
#include "report/report.h"
#include "segment/bulk.h"

/* As the server's (src/cli/main.c). */
extern const char *const malloc_conf;
const char *const malloc_conf = "percpu_arena:percpu,background_thread:true,dirty_decay_ms:5000,"
                                "muzzy_decay_ms:0,oversize_threshold:0,thp:always";

enum { SEED = 1, ROUNDS = 5, AUDIENCES = 3, PREVIEWS = 200 };

struct bench {
    struct shop shop;
    struct kn_columns *columns;
    struct kn_columns_pin *pin;
    struct kn_zone *zone;
    struct pool *pool;
    struct kn_arena arena;
    uint64_t *members; /* of the audience asked for */
    uint64_t *segments[AUDIENCES];
    const char *only; /* the one question asked for, NULL: all */
};

static void check(enum kn_rc rc, const struct kn_err *err)
{
    if (rc != KN_OK) {
        kn_panic("%s", err->text);
    }
}

static double now_ms(void)
{
    return (double)kn_clock_mono_ns(kn_clock_posix()) / 1e6;
}

/* ---- rows for the peers ---- */

static void put(FILE *file, const void *value, size_t bytes)
{
    if (fwrite(value, bytes, 1, file) != 1) {
        kn_panic("cannot write the rows");
    }
}

static int write_rows(const char *path, struct shop shop)
{
    FILE *file = fopen(path, "wb");
    struct shop_row *rows = NULL;
    size_t room = 0;
    uint64_t total = 0;
    if (!file) {
        kn_panic("cannot open %s", path);
    }
    for (uint32_t p = 0; p < shop.profiles; p++) {
        size_t count = shop_profile(&shop, p, &rows, &room);
        total += count;
        for (size_t i = 0; i < count; i++) {
            const struct shop_row *r = &rows[i];
            put(file, &p, 4);
            put(file, &r->us, 8);
            put(file, &r->kind, 1);
            put(file, &r->country, 1);
            put(file, &r->device, 1);
            put(file, &r->page, 2);
            put(file, &r->amount, 4);
        }
    }
    kn_free(rows);
    if (fclose(file) != 0) {
        kn_panic("cannot write the rows");
    }
    (void)printf("{\"rows\":%" PRIu64 "}\n", total);
    return 0;
}

/* ---- loading ---- */

/* Rows of one kind, until it is their table's turn. */
struct kept {
    uint32_t profile;
    struct shop_row row;
};
struct bucket {
    struct kept *rows;
    uint32_t count, room;
};

struct words {
    struct kn_value *values;
    uint32_t count;
};

static struct words word_list(struct bench *b, const char *const *texts, uint32_t count)
{
    struct words w = {kn_arena_zero(&b->arena, count, sizeof *w.values), count};
    for (uint32_t i = 0; i < count; i++) {
        w.values[i] = (struct kn_value){KN_VALUE_STRING, kn_str_c(texts[i])};
    }
    return w;
}

static struct words page_list(struct bench *b)
{
    struct words w = {kn_arena_zero(&b->arena, SHOP_PAGES, sizeof *w.values), SHOP_PAGES};
    for (uint32_t i = 0; i < SHOP_PAGES; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "/p/%u", i);
        w.values[i] = (struct kn_value){KN_VALUE_STRING, kn_arena_str(&b->arena, kn_str_c(text))};
    }
    return w;
}

/* Amounts that occur; codes[cents] is the code of each. */
static struct words amount_list(struct bench *b, const struct bucket *orders, uint32_t *codes)
{
    struct words w = {kn_arena_zero(&b->arena, SHOP_AMOUNT_MAX + 1, sizeof *w.values), 0};
    for (uint32_t i = 0; i < orders->count; i++) {
        uint32_t cents = orders->rows[i].row.amount;
        if (codes[cents] == 0) {
            struct kn_buf text;
            kn_buf_init(&text, 64);
            kn_money_format(cents, "EUR", &text);
            w.values[w.count] =
                (struct kn_value){KN_VALUE_NUMBER, kn_arena_str(&b->arena, kn_buf_view(&text))};
            codes[cents] = ++w.count;
            kn_buf_deinit(&text);
        }
    }
    return w;
}

static void keep_rows(const struct bench *b, struct bucket buckets[SHOP_KINDS])
{
    struct shop_row *rows = NULL;
    size_t room = 0;
    for (uint32_t p = 0; p < b->shop.profiles; p++) {
        size_t count = shop_profile(&b->shop, p, &rows, &room);
        for (size_t i = 0; i < count; i++) {
            struct bucket *to = &buckets[rows[i].kind];
            if (to->count == to->room) {
                to->room = to->room ? to->room + to->room / 2 : 4096;
                to->rows = kn_must_realloc(to->rows, to->room * sizeof *to->rows);
            }
            to->rows[to->count++] = (struct kept){p, rows[i]};
        }
    }
    kn_free(rows);
}

static uint64_t arrival_of(const struct kept *k, uint32_t index)
{
    return (uint64_t)((k->row.us - SHOP_START_US) / 20000) << 16 | (index & 0xffff);
}

static void load_kind(struct bench *b, struct kn_columns_load *load, int kind,
                      const struct bucket *bucket, const struct words words[3])
{
    struct kn_err err;
    uint32_t *codes = kn_must_calloc(SHOP_AMOUNT_MAX + 1, sizeof *codes);
    struct words amounts = {NULL, 0};
    bool order = kind == SHOP_ORDER;
    if (order) {
        amounts = amount_list(b, bucket, codes);
    }
    struct kn_load_column columns[4] = {
        {KN_STR("p.country"), words[0].values, words[0].count},
        {KN_STR("p.device"), words[1].values, words[1].count},
        {KN_STR("p.page"), words[2].values, words[2].count},
        {KN_STR("p.revenue"), amounts.values, amounts.count},
    };
    check(kn_columns_load_table(load, KN_TABLE_EVENT, kn_str_c(shop_kinds[kind]), columns,
                                order ? 4 : 3, &err),
          &err);
    for (uint32_t i = 0; i < bucket->count; i++) {
        const struct kept *k = &bucket->rows[i];
        uint32_t row[4] = {k->row.country + 1U, k->row.device + 1U, k->row.page + 1U,
                           codes[k->row.amount]};
        check(kn_columns_load_row(load, k->profile, k->row.us, arrival_of(k, i), row, &err), &err);
    }
    kn_free(codes);
}

static void load_profiles(const struct bench *b, struct kn_columns_load *load,
                          const struct words words[3])
{
    struct kn_err err;
    struct kn_load_column country = {KN_STR("t.country"), words[0].values, words[0].count};
    check(kn_columns_load_table(load, KN_TABLE_PROFILE, KN_STR_EMPTY, &country, 1, &err), &err);
    for (uint32_t p = 0; p < b->shop.profiles; p++) {
        uint32_t code = shop_home(&b->shop, p) + 1;
        check(kn_columns_load_row(load, p, SHOP_START_US, p, &code, &err), &err);
    }
}

static void checkpoint(struct kn_columns *columns)
{
    struct kn_err err;
    kn_columns_freeze(columns);
    check(kn_columns_write(columns, &err), &err);
    kn_columns_install(columns);
}

static void load(struct bench *b)
{
    struct bucket buckets[SHOP_KINDS] = {{0}};
    struct kn_columns_load *load;
    struct kn_err err;
    struct words words[3] = {word_list(b, shop_countries, SHOP_COUNTRIES),
                             word_list(b, shop_devices, SHOP_DEVICES), page_list(b)};
    double start = now_ms();
    keep_rows(b, buckets);
    double made = now_ms();
    check(kn_columns_load_begin(b->columns, &load, &err), &err);
    load_profiles(b, load, words);
    for (int kind = 0; kind < SHOP_KINDS; kind++) {
        load_kind(b, load, kind, &buckets[kind], words);
        kn_free(buckets[kind].rows);
    }
    check(kn_columns_load_finish(load, &err), &err);
    kn_columns_load_free(load);
    double loaded = now_ms();
    checkpoint(b->columns);
    check(kn_columns_pin(b->columns, &b->pin, &err), &err);
    struct kn_columns_usage u;
    kn_columns_usage(b->columns, &u);
    (void)printf("{\"name\":\"load\",\"events\":%" PRIu64 ",\"seconds\":[%.1f,%.1f,%.1f],"
                 "\"key_bytes\":%.2f,\"bytes\":%.2f}\n",
                 u.event_rows, (made - start) / 1e3, (loaded - made) / 1e3,
                 (now_ms() - loaded) / 1e3, (double)u.time_and_key_bytes / (double)u.event_rows,
                 (double)u.run_bytes / (double)u.event_rows);
}

/* ---- questions ---- */

static const uint64_t *members_of(void *context, struct kn_str key)
{
    const struct bench *b = context;
    int at = key.len == 1 ? key.p[0] - 'a' : -1;
    return at >= 0 && at < AUDIENCES ? b->segments[at] : NULL;
}

static void audience(struct bench *b, const char *text, uint64_t *members)
{
    struct kn_query query;
    struct kn_err err;
    struct kn_arena arena;
    const struct kn_definition *definition;
    struct kn_definition_options made_with = {.zone = b->zone};
    struct kn_bulk_options options = {.pin = b->pin,
                                      .now_us = SHOP_END_US,
                                      .members = members_of,
                                      .context = b,
                                      .jobs = {b->pool, pool_run, POOL_THREADS}};
    kn_arena_init(&arena, 1 << 26);
    check(kn_query_parse(kn_str_c(text), KN_QUERY_SEGMENT, &arena, &query, &err), &err);
    check(kn_definition_make(&query, &made_with, &arena, &definition, &err), &err);
    check(kn_bulk(definition, &options, members, NULL, &err), &err);
    kn_arena_deinit(&arena);
}

/* What a question answers, as JSON. */
typedef void (*ask_fn)(struct bench *b, const void *question, struct kn_buf *answer);

static void ask(struct bench *b, const char *name, ask_fn fn, const void *question)
{
    struct kn_buf answer;
    if (b->only && strcmp(b->only, name) != 0) {
        return;
    }
    kn_buf_init(&answer, 1 << 24);
    fn(b, question, &answer);
    (void)printf("{\"name\":\"%s\",\"answer\":%.*s,\"ms\":[", name, (int)answer.len, answer.p);
    uint64_t cpu = kn_process_cpu_ns();
    for (int i = 0; i < ROUNDS; i++) {
        kn_buf_clear(&answer);
        double start = now_ms();
        fn(b, question, &answer);
        (void)printf("%s%.4f", i > 0 ? "," : "", now_ms() - start);
    }
    cpu = kn_process_cpu_ns() - cpu;
    (void)printf("],\"cpu\":%.4f}\n", (double)cpu / 1e6 / ROUNDS);
    (void)fflush(stdout);
    kn_buf_deinit(&answer);
}

static void ask_audience(struct bench *b, const void *question, struct kn_buf *answer)
{
    size_t words = kn_bulk_words(b->pin);
    audience(b, question, b->members);
    kn_buf_u64(answer, kn_bits_best()->count(b->members, words));
}

static uint64_t part_rows(const struct kn_columns_pin *pin, const struct kn_table_part *part)
{
    uint64_t rows = part->rows;
    (void)pin;
    for (uint32_t g = 0; part->voided && g < part->groups; g++) {
        rows -= kn_part_is_void(part, part->ordinals[g]) ? kn_part_group_rows(part, g) : 0;
    }
    return rows;
}

static void ask_kinds(struct bench *b, const void *question, struct kn_buf *answer)
{
    (void)question;
    for (int kind = 0; kind < SHOP_KINDS; kind++) {
        uint32_t count;
        uint64_t rows = 0;
        const struct kn_table_part *const *parts =
            kn_pin_table(b->pin, KN_TABLE_EVENT, kn_str_c(shop_kinds[kind]), &count);
        for (uint32_t i = 0; i < count; i++) {
            rows += part_rows(b->pin, parts[i]);
        }
        kn_buf_c(answer, kind > 0 ? "," : "[");
        kn_buf_u64(answer, rows);
    }
    kn_buf_char(answer, ']');
}

static struct kn_report report(struct bench *b)
{
    return (struct kn_report){.pin = b->pin,
                              .zone = b->zone,
                              .now = SHOP_END_US,
                              .jobs = {b->pool, pool_run, POOL_THREADS}};
}

static void ask_funnel(struct bench *b, const void *question, struct kn_buf *answer)
{
    struct kn_report r = report(b);
    struct kn_funnel q = {
        .step_count = 3, .within = {7, KN_DAY}, .from = SHOP_START_US, .to = SHOP_END_US};
    struct kn_funnel_result result;
    struct kn_arena arena;
    struct kn_err err;
    static const int kinds[3] = {1, 3, 8};
    (void)question;
    for (int i = 0; i < 3; i++) {
        q.steps[i].event = kn_str_c(shop_kinds[kinds[i]]);
    }
    kn_arena_init(&arena, 1 << 28);
    check(kn_report_funnel(&r, &q, &arena, &result, &err), &err);
    for (int i = 0; i < 3; i++) {
        kn_buf_c(answer, i > 0 ? "," : "[");
        kn_buf_u64(answer, result.steps[i].profiles);
    }
    kn_buf_char(answer, ']');
    kn_arena_deinit(&arena);
}

static void ask_retention(struct bench *b, const void *question, struct kn_buf *answer)
{
    struct kn_report r = report(b);
    struct kn_retention q = {.first = {.event = kn_str_c(shop_kinds[0])},
                             .back = {.event = kn_str_c(shop_kinds[0])},
                             .unit = KN_UNIT_WEEK_LOCAL,
                             .periods = 12,
                             .from = SHOP_START_US,
                             .to = SHOP_END_US};
    struct kn_retention_result result;
    struct kn_arena arena;
    struct kn_err err;
    (void)question;
    kn_arena_init(&arena, 1 << 28);
    check(kn_report_retention(&r, &q, &arena, &result, &err), &err);
    /* Period 0 is left out: peers are asked for weeks after the first only. */
    for (uint32_t i = 0; i < result.cohort_count; i++) {
        kn_buf_c(answer, i > 0 ? "],[" : "[[");
        kn_buf_u64(answer, result.cohorts[i].size);
        for (uint32_t k = 1; k < result.cohorts[i].known; k++) {
            kn_buf_char(answer, ',');
            kn_buf_u64(answer, result.cohorts[i].returned[k]);
        }
    }
    kn_buf_c(answer, "]]");
    kn_arena_deinit(&arena);
}

static void ask_daily(struct bench *b, const void *question, struct kn_buf *answer)
{
    struct kn_report r = report(b);
    struct kn_series q = {.table = KN_TABLE_EVENT,
                          .measure = KN_MEASURE_PROFILES,
                          .unit = KN_UNIT_DAY_LOCAL,
                          .from = SHOP_START_US,
                          .to = SHOP_END_US};
    struct kn_series_result result;
    struct kn_arena arena;
    struct kn_err err;
    (void)question;
    kn_arena_init(&arena, 1 << 28);
    check(kn_report_series(&r, &q, &arena, &result, &err), &err);
    for (uint32_t i = 0; i < result.point_count; i++) {
        kn_buf_c(answer, i > 0 ? "," : "[");
        kn_buf_u64(answer, result.groups[0].points[i].count);
    }
    kn_buf_char(answer, ']');
    kn_arena_deinit(&arena);
}

/* Of the timeline of one profile only how many rows it has is told. */
static bool count_rows(void *context, uint32_t ordinal, const struct kn_walk_rows *tables)
{
    uint64_t *rows = context;
    (void)ordinal;
    for (int i = 0; i < SHOP_KINDS; i++) {
        *rows += tables[i].count;
    }
    return true;
}

static void ask_timeline(struct bench *b, const void *question, struct kn_buf *answer)
{
    struct kn_walk_table tables[SHOP_KINDS];
    uint32_t profile = *(const uint32_t *)question;
    uint64_t rows = 0;
    struct kn_err err;
    for (int i = 0; i < SHOP_KINDS; i++) {
        tables[i] = (struct kn_walk_table){KN_TABLE_EVENT, kn_str_c(shop_kinds[i])};
    }
    check(kn_pin_walk(b->pin, tables, SHOP_KINDS, profile, profile + 1, NULL, count_rows, &rows,
                      &err),
          &err);
    kn_buf_u64(answer, rows);
}

/* ---- previews ---- */

static const char *const windows[] = {"",
                                      ".within(1 day)",
                                      ".within(7 days)",
                                      ".within(30 days)",
                                      ".between(30 days, 7 days)",
                                      ".during('this month')",
                                      ".during('last week')",
                                      ".between('2026-09-01', '2026-10-01')"};
static const char *const wheres[] = {
    "",
    ".where(property('country') = 'NL')",
    ".where(property('country').one_of('NL', 'BE', 'DE', 'FR', 'LU'))",
    ".where(property('device') != 'desktop')",
    ".where(property('page').starts_with('/p/1'))",
    ".where(property('device') = 'mobile' AND property('page') = '/p/7')"};
static const char *const reducers[] = {"count() >= 1",
                                       "count() >= 3",
                                       "count() = 0",
                                       "days() >= 2",
                                       "unique_count(property('page')) > 2",
                                       "max_count_by(property('page')) >= 2",
                                       "last(property('device')) = 'mobile'",
                                       "first(property('country')) = 'NL'"};
static const char *const moneys[] = {"sum(property('revenue')) > 250",
                                     "avg(property('revenue')) >= 60",
                                     "max(property('revenue')) > 500"};

#define PICK(r, list) list[kn_rand_below(r, sizeof list / sizeof list[0])]

static void put_condition(struct kn_rand *r, struct kn_buf *out)
{
    bool order = kn_rand_chance(r, 1, 5);
    if (kn_rand_chance(r, 1, 8)) {
        kn_buf_printf(out, "trait('country') = '%s'", PICK(r, shop_countries));
        return;
    }
    int kind = order ? SHOP_ORDER : (int)kn_rand_below(r, SHOP_KINDS);
    kn_buf_printf(out, "event('%s')%s%s.%s", shop_kinds[kind], PICK(r, wheres), PICK(r, windows),
                  order ? PICK(r, moneys) : PICK(r, reducers));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void previews(struct bench *b)
{
    struct kn_rand r = kn_rand_seed(7);
    double ms[PREVIEWS];
    struct kn_buf text, slowest, answer;
    double most = 0;
    if (b->only && strcmp(b->only, "preview") != 0) {
        return;
    }
    kn_buf_init(&text, 65536);
    kn_buf_init(&slowest, 65536);
    kn_buf_init(&answer, 65536);
    for (int i = 0; i < PREVIEWS; i++) {
        kn_buf_clear(&text);
        kn_buf_clear(&answer);
        for (uint64_t k = kn_rand_below(&r, 4), first = k;; k--) {
            kn_buf_c(&text, k == first ? "" : kn_rand_chance(&r, 2, 3) ? " AND " : " OR ");
            kn_buf_c(&text, kn_rand_chance(&r, 1, 4) ? "NOT " : "");
            put_condition(&r, &text);
            if (k == 0) {
                break;
            }
        }
        kn_buf_char(&text, '\0');
        double start = now_ms();
        ask_audience(b, text.p, &answer);
        ms[i] = now_ms() - start;
        if (b->only) {
            (void)printf("%8.1f ms  %s\n", ms[i], text.p);
        }
        if (ms[i] > most) {
            most = ms[i];
            kn_buf_clear(&slowest);
            kn_buf_add(&slowest, text.p, text.len - 1);
        }
    }
    qsort(ms, PREVIEWS, sizeof *ms, by_value);
    kn_buf_clear(&answer);
    kn_json_out_string(&answer, kn_buf_view(&slowest));
    (void)printf("{\"name\":\"preview\",\"definitions\":%d,\"p50\":%.2f,\"p95\":%.2f,\"max\":%.2f,"
                 "\"slowest\":%.*s}\n",
                 PREVIEWS, ms[PREVIEWS / 2], ms[PREVIEWS * 95 / 100], ms[PREVIEWS - 1],
                 (int)answer.len, answer.p);
    kn_buf_deinit(&text);
    kn_buf_deinit(&slowest);
    kn_buf_deinit(&answer);
}

/* ---- all of it ---- */

static const char *const audiences[AUDIENCES] = {
    "event('Product Viewed').within(30 days).count() >= 1",
    "event('Order Completed').count() >= 1",
    "event('Email Opened').within(7 days).count() >= 1",
};

static void run(struct bench *b)
{
    uint32_t profile = b->shop.profiles / 3;
    b->members = kn_must_alloc(kn_bulk_words(b->pin) * sizeof *b->members);
    for (int i = 0; i < AUDIENCES; i++) {
        b->segments[i] = kn_must_alloc(kn_bulk_words(b->pin) * sizeof(uint64_t));
        audience(b, audiences[i], b->segments[i]);
    }
    ask(b, "kinds", ask_kinds, NULL);
    ask(b, "distinct", ask_audience, "event('Product Viewed').count() >= 1");
    ask(b, "audience", ask_audience,
        "event('Product Added').where(property('country').one_of('NL', 'BE', 'DE', 'FR', 'LU'))"
        ".within(30 days).count() >= 2 AND event('Order Completed').within(7 days).count() = 0");
    ask(b, "funnel", ask_funnel, NULL);
    ask(b, "retention", ask_retention, NULL);
    ask(b, "daily", ask_daily, NULL);
    ask(b, "value", ask_audience, "event('Order Completed').sum(property('revenue')) > 250");
    ask(b, "timeline", ask_timeline, &profile);
    ask(b, "sets", ask_audience, "segment('a') AND segment('b') AND NOT segment('c')");
    previews(b);
    for (int i = 0; i < AUDIENCES; i++) {
        kn_free(b->segments[i]);
    }
    kn_free(b->members);
}

int main(int argc, char **argv)
{
    bool rows = argc == 5 && strcmp(argv[1], "rows") == 0;
    if (!rows && !(argc >= 5 && strcmp(argv[1], "run") == 0)) {
        (void)fprintf(stderr, "usage: segments rows FILE EVENTS PROFILES\n"
                              "       segments run DIR EVENTS PROFILES [NAME]\n");
        return 2;
    }
    struct shop shop =
        shop_open(SEED, strtoull(argv[3], NULL, 10), (uint32_t)strtoull(argv[4], NULL, 10));
    if (rows) {
        return write_rows(argv[2], shop);
    }
    struct bench b = {.shop = shop, .only = argc > 5 ? argv[5] : NULL};
    struct kn_columns_options options = {.dir = "runs"};
    struct kn_disk disk;
    struct kn_err err;
    kn_arena_init(&b.arena, SIZE_MAX);
    b.pool = pool_new();
    check(kn_zone_parse(KN_STR("UTC0"), &b.zone, &err), &err);
    check(kn_disk_posix_open(argv[2], &disk, &err), &err);
    check(kn_columns_open(disk, &options, KN_STR_EMPTY, false, &b.columns, &err), &err);
    load(&b);
    run(&b);
    kn_columns_unpin(b.pin);
    kn_columns_close(b.columns);
    kn_zone_free(b.zone);
    pool_free(b.pool);
    kn_arena_deinit(&b.arena);
    kn_disk_posix_close(disk);
    return 0;
}
