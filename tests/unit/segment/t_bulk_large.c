/* The bulk driver over many profiles with few and many rows each, against plain loops: groups of
 * more than 254 rows are counted apart, and what stands after them in the same block must not
 * shift. */
#include "cm.h"

#include "base/rand.h"
#include "behaviour/columns_load.h"
#include "format/zone.h"
#include "segment/bulk.h"
#include "sim/sim_disk.h"

enum { PROFILES = 3000, VALUES = 6, DAY_ROWS = 20 };

static const int64_t start_us = INT64_C(1790000000000000), step_us = 86400000000 / DAY_ROWS;

struct row {
    int64_t us;
    unsigned value; /* VALUES: absent */
};

struct shop {
    struct row *rows[PROFILES];
    uint32_t counts[PROFILES];
    int64_t now;
    struct kn_columns *columns;
    struct kn_columns_pin *pin;
    struct kn_zone *zone;
    struct sim_disk *sim;
};

static uint32_t random_size(struct kn_rand *r)
{
    static const uint32_t large[] = {57, 58, 64, 254, 255, 256, 300, 700};
    return kn_rand_chance(r, 1, 40) ? large[kn_rand_below(r, 8)] : (uint32_t)kn_rand_below(r, 5);
}

static void load(struct shop *s, struct kn_rand *r)
{
    struct kn_columns_load *load;
    struct kn_err err;
    struct kn_value values[VALUES];
    static const char *const digits[VALUES] = {"0", "1", "2", "3", "4", "5.25"};
    for (int i = 0; i < VALUES; i++) {
        values[i] = (struct kn_value){KN_VALUE_NUMBER, kn_str_c(digits[i])};
    }
    struct kn_load_column column = {KN_STR("p.x"), values, VALUES};
    assert_int_equal(kn_columns_load_begin(s->columns, &load, &err), KN_OK);
    assert_int_equal(kn_columns_load_table(load, KN_TABLE_PROFILE, KN_STR_EMPTY, NULL, 0, &err), 0);
    for (uint32_t p = 0; p < PROFILES; p++) {
        assert_int_equal(kn_columns_load_row(load, p, 0, p, NULL, &err), KN_OK);
    }
    assert_int_equal(kn_columns_load_table(load, KN_TABLE_EVENT, KN_STR("A"), &column, 1, &err), 0);
    for (uint32_t p = 0; p < PROFILES; p++) {
        s->counts[p] = random_size(r);
        s->rows[p] = test_calloc(s->counts[p] + 1U, sizeof *s->rows[p]);
        for (uint32_t i = 0; i < s->counts[p]; i++) {
            struct row *row = &s->rows[p][i];
            uint32_t code = (uint32_t)kn_rand_below(r, VALUES + 1);
            *row = (struct row){start_us + (int64_t)(i + p % 7) * step_us,
                                code == 0 ? VALUES : code - 1};
            assert_int_equal(kn_columns_load_row(load, p, row->us, i, &code, &err), KN_OK);
        }
    }
    assert_int_equal(kn_columns_load_finish(load, &err), KN_OK);
    kn_columns_load_free(load);
}

static struct shop open_shop(uint64_t seed)
{
    struct shop s = {.now = start_us + 12 * step_us, .sim = sim_disk_new(seed)};
    struct kn_columns_options options = {.dir = "runs"};
    struct kn_rand r = kn_rand_seed(seed);
    struct kn_err err;
    assert_int_equal(kn_zone_parse(KN_STR("UTC0"), &s.zone, &err), KN_OK);
    assert_int_equal(
        kn_columns_open(sim_disk_interface(s.sim), &options, KN_STR_EMPTY, false, &s.columns, &err),
        KN_OK);
    load(&s, &r);
    assert_int_equal(kn_columns_pin(s.columns, &s.pin, &err), KN_OK);
    return s;
}

static void close_shop(struct shop *s)
{
    kn_columns_unpin(s->pin);
    kn_columns_close(s->columns);
    kn_zone_free(s->zone);
    sim_disk_free(s->sim);
    for (int p = 0; p < PROFILES; p++) {
        test_free(s->rows[p]);
    }
}

/* What is known of the rows of a profile in (from, now]. */
struct facts {
    unsigned rows, ones, days, distinct, most;
    unsigned quarters;        /* the sum, in quarters */
    int first, last, largest; /* -1: no row, or no value */
};

static struct facts facts_of(const struct shop *s, uint32_t p, int64_t from)
{
    struct facts f = {.first = -1, .last = -1, .largest = -1};
    unsigned seen[VALUES] = {0};
    int64_t day = -1;
    for (uint32_t i = 0; i < s->counts[p]; i++) {
        const struct row *row = &s->rows[p][i];
        if (row->us > s->now || row->us <= from) {
            continue;
        }
        int value = row->value < VALUES ? (int)row->value : -1;
        f.first = f.rows == 0 ? value : f.first;
        f.last = value;
        f.rows++;
        f.days += row->us / 86400000000 != day;
        day = row->us / 86400000000;
        if (value >= 0) {
            f.ones += value == 1;
            f.quarters += value == 5 ? 21 : 4 * (unsigned)value;
            f.largest = value > f.largest ? value : f.largest;
            f.distinct += seen[value]++ == 0;
            f.most = seen[value] > f.most ? seen[value] : f.most;
        }
    }
    return f;
}

static bool is_one(const struct facts *f)
{
    return f->ones >= 2;
}
static bool is_three(const struct facts *f)
{
    return f->rows >= 3;
}
static bool is_rich(const struct facts *f)
{
    return f->quarters > 29; /* 7.25 */
}
static bool is_poor(const struct facts *f)
{
    return f->quarters <= 13;
}
static bool is_high(const struct facts *f)
{
    return f->largest >= 4;
}
static bool is_daily(const struct facts *f)
{
    return f->days >= 2;
}
static bool is_varied(const struct facts *f)
{
    return f->distinct == 3;
}
static bool is_fond(const struct facts *f)
{
    return f->most > 2;
}
static bool begins(const struct facts *f)
{
    return f->first == 1;
}
static bool ends(const struct facts *f)
{
    return f->last == 1;
}

static const struct {
    const char *after_window; /* "event('A')<window>." comes before it */
    const char *where;
    bool (*holds)(const struct facts *f);
} questions[] = {
    {"count() >= 2", ".where(property('x') = 1)", is_one},
    {"count() >= 3", "", is_three},
    {"sum(property('x')) > 7.25", "", is_rich},
    {"sum(property('x')) <= 3.25", "", is_poor},
    {"max(property('x')) >= 4", "", is_high},
    {"days() >= 2", "", is_daily},
    {"unique_count(property('x')) = 3", "", is_varied},
    {"max_count_by(property('x')) > 2", "", is_fond},
    {"first(property('x')) = 1", "", begins},
    {"last(property('x')) = 1", "", ends},
};

static void ask(const struct shop *s, struct kn_str text, int64_t from,
                bool (*holds)(const struct facts *f))
{
    struct kn_arena arena;
    struct kn_query query;
    struct kn_err err;
    const struct kn_definition *definition;
    struct kn_definition_options made_with = {.zone = s->zone};
    uint64_t members[2][PROFILES / 64 + 1] = {{0}};
    kn_arena_init(&arena, 1 << 24);
    assert_int_equal(kn_query_parse(text, KN_QUERY_SEGMENT, &arena, &query, &err), KN_OK);
    assert_int_equal(kn_definition_make(&query, &made_with, &arena, &definition, &err), KN_OK);
    for (int plain = 0; plain < 2; plain++) {
        struct kn_bulk_options options = {.pin = s->pin, .now_us = s->now, .plain = plain};
        assert_int_equal(kn_bulk(definition, &options, members[plain], NULL, &err), KN_OK);
    }
    for (uint32_t p = 0; p < PROFILES; p++) {
        struct facts f = facts_of(s, p, from);
        if (kn_bit(members[0], p) != holds(&f) || kn_bit(members[1], p) != holds(&f)) {
            fail_msg("profile %u of %u rows: %.*s", p, s->counts[p], KN_STR_ARG(text));
        }
    }
    kn_arena_deinit(&arena);
}

static void many_rows_shift_nobody(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct shop s = open_shop(seed);
        s.now += (int64_t)seed * 100 * step_us; /* at last nothing lies in the future */
        for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
            for (int windowed = 0; windowed < 2; windowed++) {
                struct kn_buf text;
                int64_t period = 36 * INT64_C(3600000000);
                kn_buf_init(&text, 4096);
                kn_buf_printf(&text, "event('A')%s%s.%s", questions[i].where,
                              windowed ? ".within(36 hours)" : "", questions[i].after_window);
                ask(&s, kn_buf_view(&text), windowed ? s.now - period : INT64_MIN,
                    questions[i].holds);
                kn_buf_deinit(&text);
            }
        }
        close_shop(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_rows_shift_nobody)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
