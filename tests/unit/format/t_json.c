/* The JSON reader against tables of texts and a naive validator, and the writer against the reader.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cm.h"
#include "format/json.h"
#include "tests/unit/format/json_tree.h"
#include "tests/unit/format/naive_json.h"

static const char *const accepted[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1234567890",
    "0.0",
    "0.5",
    "-0.5",
    "1.25",
    "1e1",
    "1E1",
    "1e+1",
    "1e-1",
    "1.5e10",
    "0e0",
    "-0e-0",
    "1E400",
    "-1e-400",
    "0.1e1",
    "123456789012345678901234567890123456789012345678901234567890",
    "1.00000000000000000000000000000000000000000001",
    "18446744073709551616",
    "-9223372036854775809",
    "1e999999999999",
    "\"\"",
    "\"a\"",
    "\" \"",
    "\"\\u0000\"",
    "\"\\u0041\"",
    "\"\\uD834\\uDD1E\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud800\\u0041\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\\\\"",
    "\"\\\\\\\"\"",
    "\"a\\\\\"",
    "\"\\\\\\\\\\\\\"",
    "\"\\u00e9\"",
    "\"\\uABCD\\uef01\"",
    "\"[{,:]}\"",
    "\"\\\\u12\"",
    "\"/\"",
    "\"\\/\"",
    "\"' '\"",
    "\"{\\\"a\\\":1}\"",
    "[]",
    "{}",
    "[ ]",
    "{ }",
    "[[]]",
    "[{}]",
    "{\"\":{}}",
    "{\"\":0}",
    "{\"a\":[]}",
    "[[],[]]",
    "[[[[[[]]]]]]",
    "{\"a\":{\"b\":{\"c\":{}}}}",
    "[1]",
    "[1,2]",
    "[ 1 , 2 ]",
    "[1,\"a\",null,true,false,{},[]]",
    "{\"a\":1}",
    "{\"a\":1,\"b\":2}",
    "{\"a\":1,\"a\":2}",
    "{ \"a\" : 1 , \"b\" : [ ] }",
    "{\"a\\u0062\":1}",
    "{\"\\\\\":\"\\\\\"}",
    "{\"\\\"\":\"\\\"\"}",
    "{\"a\":\"b\",\"c\":\"d\"}",
    "[\"a\",\"b\"]",
    "[\"\\\\\",\"\\\\\"]",
    "[\"a\\\\\",1]",
    "[ \"a\" ]",
    "[-0]",
    "[1e5,-1.5E-3]",
    "[0,0.0]",
    "[true,true]",
    "[null]",
    "{\"k\":null}",
    "{\"null\":null}",
    "{\"a b\":\"c d\"}",
    "{\"a\":[{\"b\":[{\"c\":[]}]}]}",
    "[\"\",\"\"]",
    "[[],{}]",
    "{\"a\":\"\",\"b\":\"\"}",
    " \t\r\n1\n\t\r ",
    "\n{\n}\n",
    "\"\x7f\"",
    "\"\xc3\xa9\"",
    "\"\xe2\x82\xac\"",
    "\"\xf0\x9f\x98\x80\"",
    "\"\xf4\x8f\xbf\xbf\"",
    "\"\xef\xbf\xbf\"",
    "\"\xee\x80\x80\"",
    "\"\xed\x9f\xbf\"",
    "\"\xc2\x80\"",
    "\"\xe0\xa0\x80\"",
    "\"\xf0\x90\x80\x80\"",
    "{\"\xc3\xa9\":1}",
    "\"\xe2\x80\xa8\"",
    "\"\xef\xbb\xbf\"",
};

static const char *const refused[] = {
    "nul",
    "nulll",
    "tru",
    "truee",
    "True",
    "NULL",
    "fals",
    "falsey",
    "undefined",
    "NaN",
    "Infinity",
    "-Infinity",
    "nan",
    "-",
    "+1",
    "+",
    ".5",
    "5.",
    "-.5",
    "1.e1",
    "01",
    "-01",
    "00",
    "0x1",
    "1e",
    "1e+",
    "1E-",
    "1.5e",
    "0.",
    "--1",
    "1-1",
    "1+1",
    "1a",
    "1_000",
    "1,000",
    "1.2.3",
    "1e5.5",
    "0e",
    "-a",
    "1 2",
    "1e1e1",
    "12\"a\"",
    "\"a\"12",
    "\"",
    "\"a",
    "a\"",
    "'a'",
    "\"\\a\"",
    "\"\\x41\"",
    "\"\\u\"",
    "\"\\u1\"",
    "\"\\u12\"",
    "\"\\u123\"",
    "\"\\u123g\"",
    "\"\\U0041\"",
    "\"\\u 123\"",
    "\"\\\"",
    "\"\\\\\\\"",
    "\"\\ \"",
    "\"a\\'b\"",
    "\"\\0\"",
    "\"a\"b",
    "\"a\"\"b\"",
    "\"a\" \"b\"",
    "\"a\"x\"b\"",
    "\"a\"true\"b\"",
    "\"a\"1\"b\"",
    "\"a\"-\"b\"",
    "[",
    "]",
    "{",
    "}",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[,]",
    "[1,,2]",
    "[1 2]",
    "[1]]",
    "[[1]",
    "[1}",
    "{]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{\"a\":1,,\"b\":2}",
    "{\"a\" 1}",
    "{\"a\"::1}",
    "{\"a\":1:2}",
    "{\"a\":1 \"b\":2}",
    "{a:1}",
    "{1:1}",
    "{null:1}",
    "{'a':1}",
    "{\"a\":1]",
    "{\"a\":1}}",
    "{\"a\":1}{",
    "{\"a\":1}[]",
    "[][]",
    "{}{}",
    "[]1",
    "1[]",
    "[]]",
    "{}}",
    "{\"a\":1}x",
    "{\"a\":1}null",
    "true false",
    "nullnull",
    ":",
    ",",
    "[:]",
    "[1:2]",
    "{\"a\",1}",
    "{:1}",
    "{\"a\":,}",
    "{[]:1}",
    "{{}}",
    "{\"a\"}:1",
    "[true false]",
    "[tru]",
    "[true,fals]",
    "[nul]",
    "{\"a\":tru}",
    "[\"a\":1]",
    "[\"a\" \"b\"]",
    "[\\]",
    "[\\\"a\"]",
    "\\",
    "[1,\\n]",
    "[/**/1]",
    "//x",
    "[1]//",
    "/**/",
    "# ",
    "[#]",
    ";",
    "[1;2]",
    "{\"a\"=1}",
    "(1)",
    "<a>",
    "[a]",
    "@",
    "$",
    "%41",
    "[1,2",
    "{\"a\":1",
    "{\"a\":",
    "{\"a\"",
    "{\"",
    "[\"a",
    "[{]",
    "[{}",
    "{\"a\":[}",
    "{\"a\":{]}",
    "[{]}",
    "\"a\",",
    "1,",
    "null,",
    "{},",
    "[],",
    " ",
    "\n\t",
    "\"\t\"",
    "\"\n\"",
    "\"\r\"",
    "\"\x01\"",
    "\"\x1f\"",
    "{\"a\n\":1}",
    "\x0c[]",
    "[\x0b]",
    "[\x0c]",
    "[1\x0c]",
    "\x1a",
    "[1\x1a]",
    "[\x1a\"a\"]",
    "{\"a\"\x1a"
    "1}",
    "[1\x0c"
    "2]",
    "\xef\xbb\xbf[]",
    "[\xc2\xa0]",
    "\xe2\x80\xa8",
    "[1,\xe2\x80\x89"
    "2]",
    "\"\x80\"",
    "\"\xbf\"",
    "\"\xc0\x80\"",
    "\"\xc1\xbf\"",
    "\"\xc3\"",
    "\"\xc3(\"",
    "\"\xe0\x80\x80\"",
    "\"\xe0\x9f\xbf\"",
    "\"\xe2\x82\"",
    "\"\xed\xa0\x80\"",
    "\"\xed\xbf\xbf\"",
    "\"\xf0\x80\x80\x80\"",
    "\"\xf0\x8f\xbf\xbf\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf5\x80\x80\x80\"",
    "\"\xf8\x88\x80\x80\x80\"",
    "\"\xff\"",
    "\"\xfe\"",
    "\xff",
    "\xc3",
    "[1]\xff",
    "\xe9[]",
    "{\"\xff\":1}",
};

/* An event as analytics.js sends it, 680 bytes and some. */
static const char event[] =
    "{\"type\":\"track\",\"event\":\"Product Viewed\",\"properties\":{\"product_id\":\"sku-1\",\"price\":"
    "19.95},\"anonymousId\":\"da09d765-6f2d-4b62-a939-49681ccfbdc2\",\"userId\":null,\"timestamp\":"
    "\"2026-11-23T15:45:20.256Z\",\"messageId\":\"ajs-next-1795448720256-6f2d3b62\",\"integrations\":"
    "{},\"context\":{\"page\":{\"path\":\"/p/1\",\"referrer\":\"\",\"search\":\"?utm_source=goog\","
    "\"title\":\"T\\u00e9\",\"url\":\"https://shop.example/p/1\"},\"locale\":\"en-US\",\"campaign\":{"
    "\"source\":\"goog\",\"name\":\"c1\"}},\"list\":[1,-2.5e3,true,false,[\"a\\\\\"],{}]}";

static const struct kn_json_limits limits = {.depth_max = 32, .nodes_max = 1U << 20};

static uint64_t seed(void)
{
    const char *text = getenv("KERN_TEST_SEED");
    uint64_t value = 20261123;
    (void)kn_str_u64(kn_str_c(text), &value);
    print_message("seed %" PRIu64 "\n", value);
    return value;
}

/* The text followed by padding that must not matter. */
static char *padded(const char *text, size_t len, unsigned char filler)
{
    char *copy = malloc(len + KN_JSON_PADDING);
    assert_non_null(copy);
    memcpy(copy, text, len);
    memset(copy + len, filler, KN_JSON_PADDING);
    return copy;
}

static enum kn_rc parse(struct kn_json_parser *p, const char *text, size_t len, struct kn_json *ret,
                        struct kn_err *err)
{
    return kn_json_parse(p, text, len, &limits, ret, err);
}

/* Parses, compares with the naive validator, checks the tree; answers whether it was accepted. */
static bool judged(struct kn_json_parser *p, const char *text, size_t len)
{
    static const unsigned char fillers[] = {0, '"', '}', ']', '\\', ' ', '1', 0xff};
    size_t values;
    bool want = naive_json(text, len, limits.depth_max, &values);
    for (size_t i = 0; i < sizeof fillers; i++) {
        char *copy = padded(text, len, fillers[i]);
        struct kn_json doc;
        struct kn_err err = {0};
        bool got = parse(p, copy, len, &doc, &err) == KN_OK;
        if (got != want) {
            print_error("%s: %.*s\n", got ? "accepted" : "refused", (int)len, text);
            fail();
        }
        if (got) {
            assert_int_equal(doc.count, values);
            tree_check(&doc);
        } else {
            assert_true(err.pos <= len && err.text[0] != '\0');
        }
        free(copy);
    }
    return want;
}

static void tables(void **state)
{
    struct kn_json_parser *p = kn_json_parser_new();
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        if (!judged(p, accepted[i], strlen(accepted[i]))) {
            fail_msg("should be accepted: %s", accepted[i]);
        }
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (judged(p, refused[i], strlen(refused[i]))) {
            fail_msg("should be refused: %s", refused[i]);
        }
    }
    assert_false(judged(p, "", 0));
    assert_false(judged(p, "1\0", 2));
    assert_false(judged(p, "\"a\0b\"", 5));
    assert_false(judged(p, "[\0]", 3));
    kn_json_parser_free(p);
}

/* Every table text wrapped, so that it also stands at every place of a 64-byte block. */
static void shifted(void **state)
{
    struct kn_json_parser *p = kn_json_parser_new();
    char text[512];
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        for (int shift = 0; shift < 70; shift += 3) {
            int len = snprintf(text, sizeof text, "{\"%*s\":[%s,%s]}", shift, "", accepted[i],
                               accepted[i]);
            assert_true(len > 0 && judged(p, text, (size_t)len));
        }
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        for (int shift = 0; shift < 70; shift += 3) {
            int len = snprintf(text, sizeof text, "[\"%*s\",%s ]", shift, "", refused[i]);
            assert_true(len > 0);
            (void)judged(p, text, (size_t)len);
        }
    }
    kn_json_parser_free(p);
}

static void every_prefix_and_byte(void **state)
{
    struct kn_json_parser *p = kn_json_parser_new();
    char text[sizeof event];
    (void)state;
    assert_true(judged(p, event, sizeof event - 1));
    for (size_t len = 0; len < sizeof event - 1; len++) {
        assert_false(judged(p, event, len));
    }
    static const char swaps[] = "\"\\{}[],: 0e\x80\n";
    for (size_t i = 0; i < sizeof event - 1; i++) {
        for (size_t k = 0; k < sizeof swaps - 1; k++) {
            memcpy(text, event, sizeof event);
            text[i] = swaps[k];
            (void)judged(p, text, sizeof event - 1);
        }
    }
    kn_json_parser_free(p);
}

static void mutations(void **state)
{
    static const char alphabet[] = "{}[],:\"\\ \n0123456789-+.eEtrufalsn/\x80\xc3\xa9\xed\xff";
    struct kn_json_parser *p = kn_json_parser_new();
    struct kn_rand r = kn_rand_seed(seed());
    size_t good = 0;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof event + 64];
        const char *from = accepted[kn_rand_below(&r, sizeof accepted / sizeof accepted[0])];
        from = kn_rand_chance(&r, 1, 20) ? event : from;
        size_t len = strlen(from);
        memcpy(text, from, len);
        for (uint64_t edits = 1 + kn_rand_below(&r, 3); edits > 0 && len < sizeof text; edits--) {
            size_t at = (size_t)kn_rand_below(&r, len + 1);
            char c = alphabet[kn_rand_below(&r, sizeof alphabet - 1)];
            if (kn_rand_chance(&r, 1, 2)) {
                memmove(text + at + 1, text + at, len - at);
                text[at] = c;
                len++;
            } else if (at < len) {
                text[at] = c;
            }
        }
        good += judged(p, text, len) ? 1 : 0;
    }
    assert_true(good > 500 && good < 19500); /* the mutations do reach both sides */
    kn_json_parser_free(p);
}

/* Random texts of JSON's own bytes, short: nearly every grammar slip of a few tokens comes by. */
static void token_soup(void **state)
{
    static const char *const tokens[] = {"{",    "}",     "[",       "]",      ",",
                                         ":",    "\"a\"", "\"\\n\"", "1",      "-2.5",
                                         "true", "null",  " ",       "\"b\":", "x"};
    struct kn_json_parser *p = kn_json_parser_new();
    struct kn_rand r = kn_rand_seed(seed() + 1);
    size_t good = 0;
    (void)state;
    for (int round = 0; round < 60000; round++) {
        char text[64];
        size_t len = 0;
        for (uint64_t n = 1 + kn_rand_below(&r, 7); n > 0; n--) {
            const char *token = tokens[kn_rand_below(&r, sizeof tokens / sizeof tokens[0])];
            memcpy(text + len, token, strlen(token));
            len += strlen(token);
        }
        good += judged(p, text, len) ? 1 : 0;
    }
    assert_true(good > 1000);
    kn_json_parser_free(p);
}

static void limits_hold(void **state)
{
    struct kn_json_parser *p = kn_json_parser_new();
    struct kn_json doc;
    struct kn_err err = {0};
    char text[4096 + KN_JSON_PADDING];
    (void)state;
    for (uint32_t depth = 1; depth < 40; depth++) { /* [[[0]]] holds a value at `depth` */
        memset(text, '[', depth);
        text[depth] = '0';
        memset(text + depth + 1, ']', depth);
        enum kn_rc rc = parse(p, text, 2 * depth + 1, &doc, &err);
        assert_int_equal(rc, depth <= 32 ? KN_OK : KN_E_LIMIT);
    }
    memset(text, '[', 4096); /* never closed, deeper than anything */
    assert_int_equal(parse(p, text, 4096, &doc, &err), KN_E_LIMIT);
    struct kn_json_limits few = {.depth_max = 8, .nodes_max = 5};
    memcpy(text, "[1,2,3,4]", 9);
    assert_int_equal(kn_json_parse(p, text, 9, &few, &doc, &err), KN_OK);
    few.nodes_max = 4;
    assert_int_equal(kn_json_parse(p, text, 9, &few, &doc, &err), KN_E_LIMIT);
    assert_int_equal(err.pos, 7);
    few.nodes_max = 0;
    assert_int_equal(kn_json_parse(p, text, 9, &few, &doc, NULL), KN_E_LIMIT);
    kn_json_parser_free(p);
}

static void large(void **state)
{
    struct kn_json_parser *p = kn_json_parser_new();
    struct kn_buf b;
    struct kn_json doc;
    (void)state;
    kn_buf_init(&b, 64 << 20);
    kn_buf_char(&b, '[');
    for (int i = 0; i < 4000; i++) {
        kn_json_out_comma(&b);
        kn_buf_add(&b, event, sizeof event - 1);
    }
    kn_buf_char(&b, ']');
    assert_non_null(kn_buf_reserve(&b, KN_JSON_PADDING));
    assert_int_equal(parse(p, b.p, b.len, &doc, NULL), KN_OK);
    tree_check(&doc);
    size_t events = 0;
    for (uint32_t i = 1; i < doc.count; i = doc.nodes[i].next) {
        events += kn_json_find(&doc, i, KN_STR("messageId")) != KN_JSON_NONE ? 1 : 0;
    }
    assert_int_equal(events, 4000);
    kn_buf_deinit(&b);
    kn_json_parser_free(p);
}

static void faults_are_located(void **state)
{
    static const struct {
        const char *text;
        size_t low, high;
    } cases[] = {
        {"[1,\xff]", 3, 3},   {"{\"a\":\"\n\"}", 6, 6},
        {"[1,\"abc", 3, 3},   {"[1,2,tru]", 5, 5},
        {"{\"a\":01}", 5, 5}, {"[\"a\\q\"]", 3, 3},
        {"{\"a\" 1}", 5, 5},  {"[1 2]", 3, 3},
        {"{} x", 3, 3},       {"[\"\xe2\x82\xac\",\xed\xa0\x80]", 7, 7},
    };
    struct kn_json_parser *p = kn_json_parser_new();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *copy = padded(cases[i].text, strlen(cases[i].text), 0);
        struct kn_json doc;
        struct kn_err err = {0};
        assert_int_equal(parse(p, copy, strlen(cases[i].text), &doc, &err), KN_E_INVALID);
        assert_in_range(err.pos, cases[i].low, cases[i].high);
        free(copy);
    }
    kn_json_parser_free(p);
}

static void out_of_memory(void **state)
{
    char *copy = padded(event, sizeof event - 1, 0);
    (void)state;
    kn_mem_fail_after(0);
    assert_null(kn_json_parser_new());
    kn_mem_fail_after(UINT64_MAX);
    struct kn_json_parser *p = kn_json_parser_new();
    struct kn_json doc;
    struct kn_err err = {0};
    kn_mem_fail_after(0);
    assert_int_equal(parse(p, copy, sizeof event - 1, &doc, &err), KN_E_NOMEM);
    kn_mem_fail_after(UINT64_MAX);
    assert_int_equal(parse(p, copy, sizeof event - 1, &doc, &err), KN_OK);
    kn_json_parser_free(p);
    free(copy);
}

static void looking_up(void **state)
{
    static const char text[] =
        "{\"a\":1,\"b\":{\"c\":{\"d\":\"deep\"}},\"a\":\"two\",\"\\u0063\\/\":3,\"n\":null,\"t\":true,"
        "\"e\":\"x\\n\\ud83d\\ude00\\ud800y\",\"i\":[1,-9223372036854775808,9223372036854775808,1.0,"
        "9223372036854775807,-9223372036854775809,-0],\"\":7}";
    struct kn_json_parser *p = kn_json_parser_new();
    struct kn_arena arena;
    struct kn_json doc;
    struct kn_str s;
    int64_t number = 0;
    char *copy = padded(text, sizeof text - 1, 0);
    (void)state;
    kn_arena_init(&arena, 1 << 20);
    assert_int_equal(parse(p, copy, sizeof text - 1, &doc, NULL), KN_OK);
    uint32_t a = kn_json_find(&doc, 0, KN_STR("a"));
    assert_true(kn_str_eq(kn_json_string(&doc, a, &arena), KN_STR("two"))); /* the last one */
    assert_true(kn_str_eq(kn_json_raw(&doc, a), KN_STR("\"two\"")));
    uint32_t d = kn_json_path(&doc, 0, "b.c.d");
    assert_true(kn_str_eq(kn_json_string(&doc, d, &arena), KN_STR("deep")));
    assert_int_equal(kn_json_path(&doc, 0, "b.x.d"), KN_JSON_NONE);
    assert_int_equal(kn_json_path(&doc, 0, "a.c"), KN_JSON_NONE);
    uint32_t c = kn_json_find(&doc, 0, KN_STR("c/")); /* its key is written with escapes */
    assert_true(kn_json_i64(&doc, c, &number) && number == 3);
    assert_true(kn_str_eq(kn_json_key(&doc, c, &arena), KN_STR("c/")));
    assert_int_equal(kn_json_find(&doc, 0, KN_STR("c")), KN_JSON_NONE);
    assert_int_equal(kn_json_find(&doc, 0, KN_STR("c//")), KN_JSON_NONE);
    assert_true(kn_json_i64(&doc, kn_json_find(&doc, 0, KN_STR_EMPTY), &number) && number == 7);
    assert_true(kn_str_eq(kn_json_string(&doc, kn_json_find(&doc, 0, KN_STR("e")), &arena),
                          KN_STR("x\n\xf0\x9f\x98\x80\xef\xbf\xbdy")));
    assert_true(kn_json_scalar(&doc, kn_json_find(&doc, 0, KN_STR("t")), &arena, &s));
    assert_true(kn_str_eq(s, KN_STR("true")));
    assert_false(kn_json_scalar(&doc, kn_json_find(&doc, 0, KN_STR("n")), &arena, &s));
    assert_false(kn_json_scalar(&doc, kn_json_find(&doc, 0, KN_STR("b")), &arena, &s));
    assert_false(kn_json_scalar(&doc, KN_JSON_NONE, &arena, &s));
    assert_int_equal(kn_json_type_at(&doc, KN_JSON_NONE), KN_JSON_NULL);
    assert_int_equal(kn_json_raw(&doc, KN_JSON_NONE).len, 0);
    static const struct {
        bool ok;
        int64_t value;
    } want[] = {{true, 1},         {true, INT64_MIN}, {false, 0}, {false, 0},
                {true, INT64_MAX}, {false, 0},        {true, 0}};
    uint32_t i = kn_json_find(&doc, 0, KN_STR("i")) + 1;
    for (size_t k = 0; k < sizeof want / sizeof want[0]; k++, i = doc.nodes[i].next) {
        number = 0;
        assert_int_equal(kn_json_i64(&doc, i, &number), want[k].ok);
        assert_true(number == want[k].value);
    }
    kn_arena_deinit(&arena);
    kn_json_parser_free(p);
    free(copy);
}

/* Unescaping and walking are total: any bytes, no harm (the sanitizers watch). */
static void any_bytes(void **state)
{
    static const char alphabet[] = "{}[],:\"\\u d8Aa0\n";
    struct kn_rand r = kn_rand_seed(seed() + 2);
    struct kn_arena arena;
    (void)state;
    kn_arena_init(&arena, 1 << 20);
    for (int round = 0; round < 50000; round++) {
        size_t len = (size_t)kn_rand_below(&r, 24);
        char *text = malloc(len + 1);
        assert_non_null(text);
        for (size_t i = 0; i < len; i++) {
            text[i] = alphabet[kn_rand_below(&r, sizeof alphabet - 1)];
        }
        struct kn_str plain = kn_json_unescape(kn_str(text, len), &arena);
        assert_true(plain.len <= len + 4);
        size_t offset = 0;
        size_t steps = 0;
        struct kn_str key;
        struct kn_str value;
        while (kn_json_walk(kn_str(text, len), &offset, &key, &value)) {
            assert_true(++steps <= len && offset <= len);
        }
        kn_arena_clear(&arena);
        free(text);
    }
    kn_arena_deinit(&arena);
}

static void written_text_reads_back(void **state)
{
    struct kn_json_parser *p = kn_json_parser_new();
    struct kn_rand r = kn_rand_seed(seed() + 3);
    struct kn_arena arena;
    struct kn_buf out;
    (void)state;
    kn_arena_init(&arena, 1 << 20);
    kn_buf_init(&out, 1 << 20);
    for (int round = 0; round < 20000; round++) {
        static const char *const pieces[] = {"a",
                                             "\"",
                                             "\\",
                                             "\n",
                                             "\x01",
                                             "<",
                                             ">",
                                             "&",
                                             "\x7f",
                                             "\xc3\xa9",
                                             "\xe2\x80\xa8",
                                             "\xe2\x80\xa9",
                                             "\xe2\x80\xaa",
                                             "\xf0\x9f\x98\x80",
                                             "/",
                                             "\xff",
                                             "\xe2\x80",
                                             "\xed\xa0\x80"};
        enum { VALID = 15 };
        char text[128];
        size_t len = 0;
        size_t kinds = round % 2 ? VALID : sizeof pieces / sizeof pieces[0];
        for (uint64_t n = kn_rand_below(&r, 12); n > 0; n--) {
            const char *piece = pieces[kn_rand_below(&r, kinds)];
            memcpy(text + len, piece, strlen(piece));
            len += strlen(piece);
        }
        kn_buf_clear(&out);
        kn_buf_char(&out, '{');
        kn_json_out_kv(&out, "k", kn_str(text, len));
        kn_json_out_key_str(&out, kn_str(text, len));
        kn_buf_c(&out, "0}");
        assert_non_null(kn_buf_reserve(&out, KN_JSON_PADDING));
        struct kn_json doc;
        assert_int_equal(parse(p, out.p, out.len, &doc, NULL), KN_OK);
        assert_null(memchr(out.p, '<', out.len));
        assert_null(memchr(out.p, '>', out.len));
        assert_null(memchr(out.p, '&', out.len));
        assert_true(kn_str_find(kn_buf_view(&out), KN_STR("\xe2\x80\xa8")) == SIZE_MAX);
        if (kinds == VALID) {
            assert_true(kn_str_eq(kn_json_string(&doc, 1, &arena), kn_str(text, len)));
            assert_true(kn_str_eq(kn_json_key(&doc, 2, &arena), kn_str(text, len)));
        }
        kn_arena_clear(&arena);
    }
    kn_buf_deinit(&out);
    kn_arena_deinit(&arena);
    kn_json_parser_free(p);
}

static void writer(void **state)
{
    struct kn_buf out;
    (void)state;
    kn_buf_init(&out, 4096);
    kn_buf_char(&out, '{');
    kn_json_out_kv(&out, "a", KN_STR("x"));
    kn_json_out_kv(&out, "empty", KN_STR_EMPTY);
    kn_json_out_kraw(&out, "raw", KN_STR("[1,2]"));
    kn_json_out_ki64(&out, "n", INT64_MIN);
    kn_json_out_kbool(&out, "yes", true);
    kn_json_out_kbool(&out, "no", false);
    kn_json_out_ktime(&out, "at", 1795428000000000);
    kn_json_out_key(&out, "list");
    kn_buf_char(&out, '[');
    for (int i = 0; i < 3; i++) {
        kn_json_out_comma(&out);
        kn_buf_i64(&out, i);
    }
    kn_buf_c(&out, "]}");
    kn_buf_char(&out, '\0');
    assert_string_equal(out.p,
                        "{\"a\":\"x\",\"empty\":\"\",\"raw\":[1,2],\"n\":-9223372036854775808,"
                        "\"yes\":true,\"no\":false,\"at\":\"2026-11-23T10:00:00Z\","
                        "\"list\":[0,1,2]}");
    kn_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables),
        cmocka_unit_test(shifted),
        cmocka_unit_test(every_prefix_and_byte),
        cmocka_unit_test(mutations),
        cmocka_unit_test(token_soup),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(large),
        cmocka_unit_test(faults_are_located),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(looking_up),
        cmocka_unit_test(any_bytes),
        cmocka_unit_test(written_text_reads_back),
        cmocka_unit_test(writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
