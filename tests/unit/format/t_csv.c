/* CSV as spreadsheets write it. */
#include <stdio.h>

#include "cm.h"

#include "format/csv.h"

/* Rows as "cell|cell/" for comparison; a line number before each. */
static void check(const char *text, char separator, const char *expected)
{
    struct kn_arena arena;
    struct kn_str cells[4];
    size_t count;
    uint64_t line;
    char got[512] = "";
    kn_arena_init(&arena, 1 << 16);
    struct kn_csv csv = kn_csv_begin(kn_str_c(text));
    assert_int_equal(csv.separator, separator);
    while (kn_csv_row(&csv, &arena, cells, 4, &count, &line)) {
        size_t len = strlen(got);
        (void)snprintf(got + len, sizeof got - len, "%u:", (unsigned)line);
        for (size_t i = 0; i < count && i < 4; i++) {
            len = strlen(got);
            (void)snprintf(got + len, sizeof got - len, "%.*s|", KN_STR_ARG(cells[i]));
        }
        (void)strcat(got, "/");
    }
    assert_int_equal(csv.rest.len, 0);
    assert_string_equal(got, expected);
    kn_arena_deinit(&arena);
}

static void rows(void **state)
{
    (void)state;
    check("", ',', "");
    check("a,b\n1,2\n", ',', "1:a|b|/2:1|2|/");
    check("a,b\r\n1,2", ',', "1:a|b|/2:1|2|/");
    check("\xEF\xBB\xBF"
          "email;name\r\na@x.nl;Ada\r\n",
          ';', "1:email|name|/2:a@x.nl|Ada|/");
    check("a\tb,c\td\n", '\t', "1:a|b,c|d|/");
    check("\n\na\n\n,,\nb\n", ',', "3:a|/6:b|/");
    check("\"a;b\",c\n", ',', "1:a;b|c|/");
    check("\"a\"\"b\",\"\",c\n", ',', "1:a\"b||c|/");
    check("\"a\nb\",c\nd,e\n", ',', "1:a\nb|c|/3:d|e|/");
    check("\"a\"\r\n\"b\"\r\n", ',', "1:a|/2:b|/");
}

static void oddities(void **state)
{
    (void)state;
    check("\"never closed,\nb", ',', "1:\"never closed,\nb|/");
    check("\"", ',', "1:\"|/");
    check("\"a\"b,c\n", ',', "1:\"a\"b|c|/");
    check("a\"b\",c\n", ',', "1:a\"b\"|c|/");
    check("1,2,3,4,5,6\n", ',', "1:1|2|3|4|/");
    check("a\rb\n", ',', "1:a\rb|/");
}

static void out_of_memory(void **state)
{
    struct kn_arena arena;
    struct kn_str cell;
    size_t count;
    uint64_t line;
    char text[256] = "a\n\"";
    (void)state;
    memset(text + 3, '"', 200);
    kn_arena_init(&arena, 16);
    struct kn_csv csv = kn_csv_begin(kn_str_c(text));
    assert_true(kn_csv_row(&csv, &arena, &cell, 1, &count, &line));
    assert_false(kn_csv_row(&csv, &arena, &cell, 1, &count, &line));
    assert_true(csv.rest.len > 0);
    kn_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(oddities),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
