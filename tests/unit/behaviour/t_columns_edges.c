/* Limits of the behaviour store, large profiles, and what is left of those who were forgotten. */
#include "columns_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "format/item.h"

static struct kn_columns_pin *pin_of(struct model *m)
{
    struct kn_columns_pin *pin;
    struct kn_err err;
    assert_int_equal(kn_columns_pin(m->c, &pin, &err), KN_OK);
    return pin;
}

static void many_fields(struct kn_buf *out, unsigned from, unsigned to)
{
    kn_buf_clear(out);
    kn_buf_char(out, '{');
    for (unsigned i = from; i < to; i++) {
        kn_buf_printf(out, "%s\"f%u\":%u", i > from ? "," : "", i, i);
    }
    kn_buf_char(out, '}');
}

static uint64_t count_columns(struct model *m, const char *event)
{
    uint32_t parts;
    uint64_t columns = 0;
    struct kn_columns_pin *pin = pin_of(m);
    const struct kn_table_part *const *p =
        kn_pin_table(pin, KN_TABLE_EVENT, kn_str_c(event), &parts);
    for (uint32_t i = 0; i < parts; i++) {
        columns = p[i]->column_count > columns ? p[i]->column_count : columns;
    }
    kn_columns_unpin(pin);
    return columns;
}

static bool has_column(struct model *m, const char *event, const char *path)
{
    uint32_t parts;
    bool has = false;
    struct kn_columns_pin *pin = pin_of(m);
    const struct kn_table_part *const *p =
        kn_pin_table(pin, KN_TABLE_EVENT, kn_str_c(event), &parts);
    for (uint32_t i = 0; i < parts; i++) {
        has = has || kn_part_column(p[i], kn_str_c(path), 0);
    }
    kn_columns_unpin(pin);
    return has;
}

/* A checkpoint and all merges, without anything else. */
static void settle(struct model *m)
{
    struct kn_err err;
    for (int i = 0; i < 2; i++) {
        bool more = true;
        while (more) {
            assert_int_equal(kn_columns_merge_step(m->c, UINT64_MAX, &more, &err), KN_OK);
        }
        model_freeze(m);
        assert_int_equal(model_finish(m), KN_OK);
    }
}

/* A thousand columns, whatever the runs, and which ones: those that came first. */
static void limits_the_columns_of_a_table(void **state)
{
    struct model *m = model_new(1);
    struct kn_buf json;
    struct kn_columns_usage usage;
    (void)state;
    kn_buf_init(&json, SIZE_MAX / 2);
    many_fields(&json, 0, 900);
    model_event_of(m, "A", 1, 5, kn_buf_view(&json), KN_STR_EMPTY);
    settle(m);
    kn_columns_usage(m->c, &usage);
    assert_int_equal(usage.dropped_fields, 0);
    model_crash(m);
    many_fields(&json, 0, 1001);
    model_event_of(m, "A", 1, 6, kn_buf_view(&json), KN_STR_EMPTY);
    assert_true(count_columns(m, "A") <= KN_COLUMNS_FIELDS_MAX);
    kn_columns_usage(m->c, &usage);
    assert_true(usage.dropped_fields > 0);
    assert_true(has_column(m, "A", "p.f899"));
    assert_true(has_column(m, "A", "p.f950"));
    assert_false(has_column(m, "A", "p.f1000"));
    many_fields(&json, 2000, 2010);
    model_event_of(m, "A", 1, 7, kn_buf_view(&json), KN_STR_EMPTY);
    model_event_of(m, "B", 1, 7, kn_buf_view(&json), KN_STR_EMPTY);
    assert_false(has_column(m, "A", "p.f2000"));
    assert_true(has_column(m, "B", "p.f2000"));
    settle(m);
    assert_true(count_columns(m, "A") <= KN_COLUMNS_FIELDS_MAX);
    assert_true(count_columns(m, "A") > 980);
    kn_buf_deinit(&json);
    model_free(m);
}

static void limits_the_elements_of_a_row(void **state)
{
    struct model *m = model_new(2);
    struct kn_buf json;
    uint32_t parts;
    (void)state;
    kn_buf_init(&json, SIZE_MAX / 2);
    kn_buf_c(&json, "{\"a\":[");
    for (unsigned i = 0; i < 1001; i++) {
        kn_buf_printf(&json, "%s%u", i > 0 ? "," : "", i);
    }
    kn_buf_c(&json, "]}");
    model_event_of(m, "A", 1, 5, kn_buf_view(&json), KN_STR_EMPTY);
    model_event_of(m, "A", 1, 6, KN_STR("{\"a\":[7]}"), KN_STR_EMPTY);
    model_event_of(m, "A", 1, 7, KN_STR("{\"a\":[[1,2],[3]]}"), KN_STR_EMPTY);
    struct kn_columns_pin *pin = pin_of(m);
    const struct kn_table_part *p = *kn_pin_table(pin, KN_TABLE_EVENT, KN_STR("A"), &parts);
    assert_int_equal(p->array_count, 2);
    assert_int_equal(p->arrays[0].offsets[1], KN_COLUMNS_ELEMENTS_MAX);
    assert_int_equal(p->arrays[0].offsets[2], KN_COLUMNS_ELEMENTS_MAX + 1);
    assert_int_equal(p->arrays[0].elements, KN_COLUMNS_ELEMENTS_MAX + 3);
    assert_int_equal(p->arrays[1].parent, 1);
    assert_int_equal(p->arrays[1].elements, 3);
    const struct kn_column *c = kn_part_column(p, KN_STR("p.a"), 1);
    assert_non_null(c);
    struct kn_value v =
        kn_dictionary_value(&c->dictionary, kn_column_code(c, KN_COLUMNS_ELEMENTS_MAX));
    assert_true(kn_str_eq(v.text, KN_STR("7")));
    kn_columns_unpin(pin);
    kn_buf_deinit(&json);
    model_free(m);
}

/* Thousands of rows and values of one profile among others. */
static void bears_large_profiles(void **state)
{
    struct model *m = model_new(3);
    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        char json[96];
        uint32_t ordinal = i % 10 == 0 ? (uint32_t)kn_rand_below(&m->rand, PEOPLE) : 5;
        (void)snprintf(json, sizeof json, "{\"n\":%u,\"few\":\"%u\",\"l\":[%u,{\"x\":%u}]}", i,
                       i % 7, i % 300, i);
        model_event_of(m, "A", ordinal, (int64_t)kn_rand_below(&m->rand, 1000), kn_str_c(json),
                       KN_STR_EMPTY);
        if (i % 500 == 499) {
            model_check(m);
            model_checkpoint(m);
        }
    }
    model_merge_all(m);
    model_check_all(m);
    model_crash(m);
    model_check_all(m);
    model_free(m);
}

static void count_events(void *context, struct kn_str name, uint64_t rows)
{
    uint64_t *counts = context;
    counts[kn_str_eq(name, KN_STR("Page Viewed")) ? 0
           : kn_str_eq(name, KN_STR("T"))         ? 1
                                                  : 2] += rows;
}

static void only_named_events_are_rows(void **state)
{
    struct model *m = model_new(4);
    static struct kn_buf bytes[KN_EVENT_ALIAS + 1];
    uint64_t counts[3] = {0};
    (void)state;
    for (unsigned type = KN_EVENT_TRACK; type <= KN_EVENT_ALIAS; type++) {
        struct kn_item item = {.kind = KN_ITEM_EVENT,
                               .type = (enum kn_event_type)type,
                               .name = type == KN_EVENT_PAGE ? KN_STR("Page Viewed") : KN_STR("T"),
                               .message_id = KN_STR("m")};
        kn_buf_init(&bytes[type], SIZE_MAX / 2);
        kn_item_encode(&item, &bytes[type]);
        kn_columns_event(m->c, type, 1, type, kn_buf_view(&bytes[type]));
    }
    struct kn_columns_pin *pin = pin_of(m);
    kn_pin_each_event(pin, count_events, counts);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 2); /* track and screen */
    assert_int_equal(counts[2], 0);
    kn_columns_unpin(pin);
    for (unsigned type = KN_EVENT_TRACK; type <= KN_EVENT_ALIAS; type++) {
        kn_buf_deinit(&bytes[type]);
    }
    model_free(m);
}

struct search {
    struct model *m;
    const char *text;
    unsigned files;
};

static void search_file(void *context, struct kn_str name, uint64_t bytes)
{
    struct search *s = context;
    char path[300];
    (void)bytes;
    (void)snprintf(path, sizeof path, "runs/%.*s", KN_STR_ARG(name));
    struct kn_str all = sim_disk_bytes(s->m->sim, path);
    s->files += memmem(all.p, all.len, s->text, strlen(s->text)) != NULL;
}

static unsigned files_with(struct model *m, const char *text)
{
    struct search s = {m, text, 0};
    struct kn_err err;
    assert_int_equal(kn_disk_list(sim_disk_interface(m->sim), "runs", search_file, &s, &err),
                     KN_OK);
    return s.files;
}

/* No byte that only a forgotten person had is in any file, whatever the sizes of the files. */
static void forgets_every_byte(void **state)
{
    struct model *m = model_new(5);
    (void)state;
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < (i == 0 ? 200 : 15); k++) {
            model_event(m);
            model_row(m);
        }
        model_event_of(m, "A", 3, i,
                       KN_STR("{\"secret\":\"her-own-text\",\"her-own-key\":[{\"a\":1}]}"),
                       KN_STR("{\"x\":\"her-own-text\"}"));
        model_row_of(m, KN_TABLE_SESSION, 3, i, KN_STR("{\"s\":{\"page\":\"her-own-text\"}}"));
        model_checkpoint(m);
    }
    assert_true(files_with(m, "her-own-text") > 0);
    kn_columns_forget(m->c, 3);
    size_t n = 0;
    for (size_t i = 0; i < m->now.count; i++) {
        if (m->now.rows[i].ordinal != 3) {
            m->now.rows[n++] = m->now.rows[i];
        }
    }
    m->now.count = n;
    m->now.into[3] = 3;
    model_freeze(m);
    assert_int_equal(model_finish(m), KN_OK);
    kn_columns_purge(m->c);
    model_merge_all(m);
    assert_int_equal(files_with(m, "her-own-text"), 0);
    assert_int_equal(files_with(m, "her-own-key"), 0);
    model_check_all(m);
    model_crash(m);
    model_check_all(m);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_the_columns_of_a_table),
        cmocka_unit_test(limits_the_elements_of_a_row),
        cmocka_unit_test(bears_large_profiles),
        cmocka_unit_test(only_named_events_are_rows),
        cmocka_unit_test(forgets_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
