#include "columns_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "columns_lines.h"
#include "format/item.h"

static const char *const event_names[EVENT_NAMES] = {"Page Viewed", "Product Added", "A",
                                                     "Order \xc3\xa9"};

/* ---- random JSON ---- */

static const char *const keys[] = {"a",         "b",       "category", "a.b",     "x\\\\y",
                                   "\\u0061",   "",        "products", "\\u00e9", "caf\xc3\xa9",
                                   "\\\"q\\\"", "#source", "\\b",      "e\\\\b"};
static const char *const scalars[] = {"1",
                                      "0",
                                      "-1",
                                      "12.50",
                                      "1e3",
                                      "0.1",
                                      "-0",
                                      "-0.0",
                                      "100000000000000000000",
                                      "1e400",
                                      "123456789012345678",
                                      "0.000000000000000001",
                                      "1.0e-2",
                                      "99.99",
                                      "true",
                                      "false",
                                      "null",
                                      "\"\"",
                                      "\"x\"",
                                      "\"1\"",
                                      "\"\\u0041b\"",
                                      "\"\xe2\x82\xac\"",
                                      "\"\\ud83d\\ude00\"",
                                      "\"a longer text that repeats\"",
                                      "\"null\"",
                                      "-12.340",
                                      "\"tab\\t\"",
                                      "9999999999999999.99"};

static void random_number(struct kn_rand *rand, struct kn_buf *out)
{
    uint64_t decimals = kn_rand_below(rand, 20);
    kn_buf_c(out, kn_rand_chance(rand, 1, 3) ? "-" : "");
    kn_buf_u64(out, kn_rand_u64(rand) >> kn_rand_below(rand, 64));
    kn_buf_c(out, decimals > 0 ? "." : "");
    for (uint64_t i = 0; i < decimals; i++) {
        kn_buf_char(out, (char)('0' + kn_rand_below(rand, 10) % (1 + i % 10)));
    }
    if (kn_rand_chance(rand, 1, 6)) {
        kn_buf_printf(out, "e%d", (int)kn_rand_between(rand, -20, 20));
    }
}

static void random_scalar(struct kn_rand *rand, struct kn_buf *out)
{
    if (kn_rand_chance(rand, 1, 6)) {
        random_number(rand, out);
        return;
    }
    if (kn_rand_chance(rand, 1, 3)) {
        kn_buf_printf(out, "\"v%u\"", (unsigned)kn_rand_below(rand, 400));
        return;
    }
    kn_buf_c(out, scalars[kn_rand_below(rand, sizeof scalars / sizeof scalars[0])]);
}

static void random_value(struct kn_rand *rand, unsigned depth, struct kn_buf *out)
{
    uint64_t what = kn_rand_below(rand, 10);
    if (depth == 0 || what < 7) {
        random_scalar(rand, out);
    } else if (what < 8) {
        model_json(rand, depth - 1, out);
    } else {
        uint64_t count = kn_rand_below(rand, 4);
        kn_buf_char(out, '[');
        for (uint64_t i = 0; i < count; i++) {
            kn_buf_c(out, i > 0 ? "," : "");
            random_value(rand, depth - 1, out);
        }
        kn_buf_char(out, ']');
    }
}

void model_json(struct kn_rand *rand, unsigned depth, struct kn_buf *out)
{
    uint64_t count = kn_rand_below(rand, 6);
    kn_buf_char(out, '{');
    for (uint64_t i = 0; i < count; i++) {
        kn_buf_printf(out, "%s\"%s\":", i > 0 ? "," : "",
                      keys[kn_rand_below(rand, sizeof keys / sizeof keys[0])]);
        random_value(rand, depth, out);
    }
    kn_buf_char(out, '}');
}

/* ---- the list ---- */

static void list_add(struct model_rows *l, struct model_row row)
{
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 64;
        l->rows = realloc(l->rows, l->room * sizeof *l->rows);
    }
    l->rows[l->count++] = row;
}

static void *kept(struct model *m, void *text)
{
    if (m->text_count == m->text_room) {
        m->text_room = m->text_room ? m->text_room * 2 : 64;
        m->texts = realloc(m->texts, m->text_room * sizeof *m->texts);
    }
    m->texts[m->text_count++] = text;
    return text;
}

struct model_rows model_copy(const struct model_rows *from)
{
    struct model_rows to = *from;
    to.rows = malloc((from->room + 1) * sizeof *to.rows);
    memcpy(to.rows, from->rows ? from->rows : to.rows, from->count * sizeof *to.rows);
    return to;
}

static void list_remove(struct model_rows *l, int kind, uint32_t ordinal)
{
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (l->rows[i].ordinal != ordinal || (kind >= 0 && (int)l->rows[i].kind != kind)) {
            l->rows[n++] = l->rows[i];
        }
    }
    l->count = n;
    if (kind < 0 || kind == KN_TABLE_MERGED) {
        l->into[ordinal] = ordinal;
    }
}

static uint32_t root(const struct model_rows *l, uint32_t ordinal)
{
    while (l->into[ordinal] != ordinal) {
        ordinal = l->into[ordinal];
    }
    return ordinal;
}

/* ---- feeding ---- */

static void feed_event(struct model *m, struct model_row row)
{
    kn_columns_event(m->c, row.ordinal, row.us, row.arrival, kn_str(row.fields, row.fields_len));
    list_add(&m->now, row);
}

static void facts_text(struct lines *l, const struct kn_item *item)
{
    char digits[16];
    (void)snprintf(digits, sizeof digits, "%u", item->source);
    lines_add(l, KN_STR("#source"), KN_STR_EMPTY, KN_VALUE_NUMBER, kn_str_c(digits));
    if (item->visit.present) {
        lines_add(l, KN_STR("#visit"), KN_STR_EMPTY, KN_VALUE_TRUE, KN_STR_EMPTY);
    }
    if (item->device.device.len > 0) {
        lines_add(l, KN_STR("#device"), KN_STR_EMPTY, KN_VALUE_STRING, item->device.device);
    }
    if (item->device.country.len > 0) {
        lines_add(l, KN_STR("#country"), KN_STR_EMPTY, KN_VALUE_STRING, item->device.country);
    }
}

void model_event_of(struct model *m, const char *name, uint32_t ordinal, int64_t us,
                    struct kn_str properties, struct kn_str context)
{
    struct lines lines = {0};
    struct kn_buf body;
    struct kn_buf bytes;
    kn_buf_init(&body, SIZE_MAX / 2);
    kn_buf_init(&bytes, SIZE_MAX / 2);
    kn_buf_c(&body, "{\"other\":[1]");
    if (properties.p) {
        kn_buf_printf(&body, ",\"properties\":%.*s", KN_STR_ARG(properties));
        lines_json(&lines, properties, "p");
    }
    if (context.p) {
        kn_buf_printf(&body, ",\"context\":%.*s", KN_STR_ARG(context));
        lines_json(&lines, context, "c");
    }
    kn_buf_c(&body, "}");
    struct kn_item item = {.kind = KN_ITEM_EVENT,
                           .type = KN_EVENT_TRACK,
                           .name = kn_str_c(name),
                           .source = (uint32_t)kn_rand_below(&m->rand, 12),
                           .event_us = us,
                           .message_id = KN_STR("m"),
                           .body = kn_buf_view(&body)};
    item.visit.present = kn_rand_chance(&m->rand, 1, 2);
    item.device.present = kn_rand_chance(&m->rand, 1, 2);
    if (item.device.present) {
        item.device.device = kn_rand_chance(&m->rand, 1, 2) ? KN_STR("mobile") : KN_STR("desktop");
        item.device.country = kn_rand_chance(&m->rand, 1, 2) ? KN_STR("NL") : KN_STR_EMPTY;
    }
    facts_text(&lines, &item);
    kn_item_encode(&item, &bytes);
    assert_int_equal(bytes.rc, KN_OK);
    struct model_row row = {.kind = KN_TABLE_EVENT,
                            .ordinal = ordinal,
                            .us = us,
                            .arrival = m->next_arrival++,
                            .fields_len = bytes.len};
    (void)snprintf(row.name, sizeof row.name, "%s", name);
    row.text = kept(m, lines_join(&lines));
    row.fields = kept(m, malloc(bytes.len));
    memcpy(row.fields, bytes.p, bytes.len);
    feed_event(m, row);
    kn_buf_deinit(&body);
    kn_buf_deinit(&bytes);
}

void model_row_of(struct model *m, enum kn_table_kind kind, uint32_t ordinal, int64_t us,
                  struct kn_str fields)
{
    struct lines lines = {0};
    lines_json(&lines, fields, "");
    struct model_row row = {
        .kind = kind, .ordinal = ordinal, .us = us, .arrival = m->next_arrival++};
    row.text = kept(m, lines_join(&lines));
    kn_columns_row(m->c, kind, ordinal, us, row.arrival, fields);
    list_add(&m->now, row);
}

static int64_t random_time(struct model *m)
{
    int64_t now = INT64_C(1700000000000000) + (int64_t)m->next_arrival * 1000000;
    if (kn_rand_chance(&m->rand, 1, 300)) {
        return kn_rand_between(&m->rand, INT64_MIN / 2, INT64_MAX / 2);
    }
    return kn_rand_chance(&m->rand, 1, 4) ? now - kn_rand_between(&m->rand, 0, 30) * 1000000 : now;
}

void model_event(struct model *m)
{
    struct kn_buf p;
    struct kn_buf c;
    kn_buf_init(&p, SIZE_MAX / 2);
    kn_buf_init(&c, SIZE_MAX / 2);
    model_json(&m->rand, (unsigned)kn_rand_below(&m->rand, m->depth), &p);
    model_json(&m->rand, 2, &c);
    model_event_of(m, event_names[kn_rand_below(&m->rand, EVENT_NAMES)],
                   (uint32_t)kn_rand_below(&m->rand, PEOPLE), random_time(m),
                   kn_rand_chance(&m->rand, 9, 10) ? kn_buf_view(&p) : KN_STR_EMPTY,
                   kn_rand_chance(&m->rand, 1, 2) ? kn_buf_view(&c) : KN_STR_EMPTY);
    kn_buf_deinit(&p);
    kn_buf_deinit(&c);
}

void model_row(struct model *m)
{
    static const enum kn_table_kind kinds[] = {KN_TABLE_ORDER, KN_TABLE_SESSION, KN_TABLE_PROFILE};
    enum kn_table_kind kind = kinds[kn_rand_below(&m->rand, 3)];
    uint32_t ordinal = (uint32_t)kn_rand_below(&m->rand, PEOPLE);
    struct kn_buf fields;
    kn_buf_init(&fields, SIZE_MAX / 2);
    kn_buf_c(&fields, "{\"t\":");
    model_json(&m->rand, 2, &fields);
    kn_buf_c(&fields, "}");
    if (kind == KN_TABLE_PROFILE || kn_rand_chance(&m->rand, 1, 2)) {
        kn_columns_replace(m->c, kind, ordinal);
        list_remove(&m->now, (int)kind, ordinal);
    }
    if (kn_rand_chance(&m->rand, 9, 10)) {
        model_row_of(m, kind, ordinal, random_time(m), kn_buf_view(&fields));
    }
    kn_buf_deinit(&fields);
}

void model_merge_people(struct model *m)
{
    uint32_t a = root(&m->now, (uint32_t)kn_rand_below(&m->rand, PEOPLE));
    uint32_t b = root(&m->now, (uint32_t)kn_rand_below(&m->rand, PEOPLE));
    char into[32];
    if (a == b) {
        return;
    }
    (void)snprintf(into, sizeof into, "{\"into\":%u}", b);
    kn_columns_replace(m->c, KN_TABLE_MERGED, a);
    list_remove(&m->now, KN_TABLE_MERGED, a);
    model_row_of(m, KN_TABLE_MERGED, a, 0, kn_str_c(into));
    m->now.into[a] = b;
}

void model_split(struct model *m)
{
    uint32_t who = root(&m->now, (uint32_t)kn_rand_below(&m->rand, PEOPLE));
    bool member[PEOPLE];
    struct model_rows before = model_copy(&m->now);
    for (uint32_t i = 0; i < PEOPLE; i++) {
        member[i] = root(&before, i) == who;
    }
    for (uint32_t i = 0; i < PEOPLE; i++) {
        if (member[i]) {
            kn_columns_forget(m->c, i);
            list_remove(&m->now, -1, i);
        }
    }
    for (size_t i = 0; i < before.count; i++) {
        struct model_row row = before.rows[i];
        if (member[row.ordinal] && row.kind == KN_TABLE_EVENT && kn_rand_chance(&m->rand, 3, 4)) {
            row.ordinal = kn_rand_chance(&m->rand, 1, 4) ? (uint32_t)kn_rand_below(&m->rand, PEOPLE)
                                                         : row.ordinal;
            feed_event(m, row);
        }
    }
    free(before.rows);
}

void model_step(struct model *m)
{
    switch (kn_rand_below(&m->rand, 40)) {
    case 0: model_merge_people(m); break;
    case 1: model_split(m); break;
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 7: model_row(m); break;
    default: model_event(m);
    }
}

/* ---- checking ---- */

static void check_part(const struct kn_table_part *p)
{
    uint64_t row = 0;
    for (uint32_t g = 0; g < p->groups; g++) {
        assert_true(g == 0 || p->ordinals[g - 1] < p->ordinals[g]);
        assert_int_equal(kn_part_find(p, p->ordinals[g]), g);
        assert_int_equal(kn_part_group_row(p, g), row);
        uint64_t end = row + kn_part_group_rows(p, g);
        assert_true(end > row);
        for (row++; row < end; row++) {
            int64_t before = kn_part_time(p, row - 1);
            int64_t us = kn_part_time(p, row);
            assert_true(before < us ||
                        (before == us && kn_part_arrival(p, row - 1) < kn_part_arrival(p, row)));
        }
    }
    assert_int_equal(row, p->rows);
    assert_int_equal(kn_part_group_row(p, p->groups), p->rows);
}

struct check {
    const struct model_rows *expected;
    enum kn_table_kind kind;
    const char *name;
    const struct model_row **sorted;
    size_t count, at;
};

static const struct model_rows *sorting;

static int compare_expected(const void *a, const void *b)
{
    const struct model_row *x = *(const struct model_row *const *)a;
    const struct model_row *y = *(const struct model_row *const *)b;
    uint32_t i = root(sorting, x->ordinal);
    uint32_t k = root(sorting, y->ordinal);
    if (i != k) {
        return i < k ? -1 : 1;
    }
    if (x->us != y->us) {
        return x->us < y->us ? -1 : 1;
    }
    return (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

static bool check_rows(void *context, uint32_t ordinal, const struct kn_walk_rows *tables)
{
    struct check *c = context;
    assert_true(tables[0].count > 0);
    for (uint32_t i = 0; i < tables[0].count; i++) {
        const struct kn_walk_row *row = &tables[0].rows[i];
        assert_true(c->at < c->count);
        const struct model_row *e = c->sorted[c->at++];
        assert_int_equal(root(c->expected, e->ordinal), ordinal);
        assert_int_equal(e->us, row->us);
        assert_int_equal(e->us, kn_part_time(row->part, row->row));
        assert_int_equal(e->arrival, kn_part_arrival(row->part, row->row));
        char *text = lines_row(row->part, row->row);
        assert_string_equal(e->text, text);
        free(text);
    }
    return true;
}

static void check_table(const struct kn_columns_pin *pin, const struct model_rows *expected,
                        enum kn_table_kind kind, const char *name)
{
    struct check c = {.expected = expected, .kind = kind, .name = name};
    struct kn_walk_table table = {kind, kn_str_c(name)};
    struct kn_err err;
    uint32_t parts;
    c.sorted = malloc((expected->count + 1) * sizeof *c.sorted);
    for (size_t i = 0; i < expected->count; i++) {
        if (expected->rows[i].kind == kind && strcmp(expected->rows[i].name, name) == 0) {
            c.sorted[c.count++] = &expected->rows[i];
        }
    }
    sorting = expected;
    qsort(c.sorted, c.count, sizeof *c.sorted, compare_expected);
    const struct kn_table_part *const *p = kn_pin_table(pin, kind, kn_str_c(name), &parts);
    for (uint32_t i = 0; i < parts; i++) {
        assert_true(i == 0 || p[i - 1]->run < p[i]->run);
        check_part(p[i]);
    }
    if (kind == KN_TABLE_MERGED) {
        /* Their ordinals belong to others: not in the order of a walk by profile. */
        uint64_t rows = 0;
        for (uint32_t i = 0; i < parts; i++) {
            for (uint32_t g = 0; g < p[i]->groups; g++) {
                rows += kn_part_is_void(p[i], p[i]->ordinals[g]) ? 0 : kn_part_group_rows(p[i], g);
            }
        }
        assert_int_equal(rows, c.count);
    } else {
        assert_int_equal(kn_pin_walk(pin, &table, 1, 0, UINT32_MAX, NULL, check_rows, &c, &err),
                         KN_OK);
        assert_int_equal(c.at, c.count);
    }
    free(c.sorted);
}

void model_check_pin(const struct kn_columns_pin *pin, const struct model_rows *expected)
{
    uint32_t live = 0;
    for (uint32_t i = 0; i < PEOPLE && i < pin->ordinal_end; i++) {
        bool lives = false;
        assert_int_equal(pin->canonical ? pin->canonical[i] : i, root(expected, i));
        for (size_t k = 0; k < expected->count; k++) {
            lives |= expected->rows[k].kind == KN_TABLE_PROFILE && expected->rows[k].ordinal == i;
        }
        assert_int_equal(kn_bit(pin->live, i), lives);
        live += lives;
    }
    assert_int_equal(pin->live_count, live);
    for (int i = 0; i < EVENT_NAMES; i++) {
        check_table(pin, expected, KN_TABLE_EVENT, event_names[i]);
    }
    check_table(pin, expected, KN_TABLE_ORDER, "");
    check_table(pin, expected, KN_TABLE_SESSION, "");
    check_table(pin, expected, KN_TABLE_PROFILE, "");
    check_table(pin, expected, KN_TABLE_MERGED, "");
}

void model_check(struct model *m)
{
    struct kn_columns_pin *pin;
    struct kn_err err;
    assert_int_equal(kn_columns_pin(m->c, &pin, &err), KN_OK);
    model_check_pin(pin, &m->now);
    kn_columns_unpin(pin);
}

/* ---- life ---- */

static void list_assign(struct model_rows *to, const struct model_rows *from)
{
    free(to->rows);
    *to = model_copy(from);
}

void model_freeze(struct model *m)
{
    kn_columns_freeze(m->c);
    list_assign(&m->frozen, &m->now);
}

enum kn_rc model_finish(struct model *m)
{
    struct kn_err err = {0};
    enum kn_rc rc = kn_columns_write(m->c, &err);
    if (rc != KN_OK) {
        return rc;
    }
    kn_buf_clear(&m->manifest);
    kn_columns_manifest(m->c, &m->manifest);
    kn_columns_install(m->c);
    list_assign(&m->kept, &m->frozen);
    return KN_OK;
}

void model_checkpoint(struct model *m)
{
    model_freeze(m);
    if (kn_rand_chance(&m->rand, 1, 2)) { /* life goes on while files are written */
        model_step(m);
        model_step(m);
        if (kn_rand_chance(&m->rand, 1, 2)) {
            model_check(m);
        }
    }
    assert_int_equal(model_finish(m), KN_OK);
}

void model_merge(struct model *m, uint64_t bytes)
{
    struct kn_err err = {0};
    bool more;
    if (kn_columns_merge_step(m->c, bytes, &more, &err) != KN_OK) {
        fail_msg("merge: %s", err.text);
    }
}

void model_merge_all(struct model *m)
{
    struct kn_err err = {0};
    uint64_t before = 0;
    for (uint64_t files = UINT64_MAX; before != files;) {
        bool more = true;
        before = files;
        while (more) {
            assert_int_equal(kn_columns_merge_step(m->c, 700, &more, &err), KN_OK);
        }
        files = sim_disk_count(m->sim, SIM_REMOVE);
        model_checkpoint(m);
    }
}

void model_crash(struct model *m)
{
    struct kn_err err = {0};
    kn_columns_close(m->c);
    sim_disk_crash(m->sim);
    sim_disk_set_capacity(m->sim, UINT64_MAX);
    list_assign(&m->now, &m->kept);
    if (model_try_open(m, false, &err) != KN_OK) {
        fail_msg("open: %s", err.text);
    }
}

void model_check_all(struct model *m)
{
    struct kn_err err = {0};
    model_check(m);
    if (kn_columns_verify(m->c, &err) != KN_OK) {
        fail_msg("verify: %s", err.text);
    }
}

static void count_file(void *context, struct kn_str name, uint64_t bytes)
{
    (void)bytes;
    *(size_t *)context += kn_str_ends(name, KN_STR(".col"));
}

size_t model_files(struct model *m)
{
    size_t count = 0;
    struct kn_err err;
    assert_int_equal(kn_disk_list(sim_disk_interface(m->sim), "runs", count_file, &count, &err),
                     KN_OK);
    return count;
}

enum kn_rc model_try_open(struct model *m, bool read_only, struct kn_err *err)
{
    struct kn_columns_options options = {.dir = "runs", .rows_per_build = 64};
    return kn_columns_open(sim_disk_interface(m->sim), &options, kn_buf_view(&m->manifest),
                           read_only, &m->c, err);
}

struct model *model_new(uint64_t seed)
{
    struct model *m = calloc(1, sizeof *m);
    struct kn_err err;
    m->rand = kn_rand_seed(seed);
    m->sim = sim_disk_new(seed);
    m->next_arrival = 1U << 16;
    m->depth = 12;
    kn_buf_init(&m->manifest, SIZE_MAX / 2);
    for (uint32_t i = 0; i < PEOPLE; i++) {
        m->now.into[i] = m->kept.into[i] = i;
    }
    assert_int_equal(model_try_open(m, false, &err), KN_OK);
    return m;
}

void model_free(struct model *m)
{
    kn_columns_close(m->c);
    sim_disk_free(m->sim);
    kn_buf_deinit(&m->manifest);
    for (size_t i = 0; i < m->text_count; i++) {
        free(m->texts[i]);
    }
    free(m->texts);
    free(m->now.rows);
    free(m->frozen.rows);
    free(m->kept.rows);
    free(m);
}
