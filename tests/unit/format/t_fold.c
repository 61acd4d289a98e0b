/* Folding of e-mail addresses and of text for searching. */
#include "cm.h"
#include "format/fold.h"

static void emails(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"a@b.nl", "a@b.nl"},
        {"  Jan.Jansen@Example.ORG \n", "jan.jansen@example.org"},
        {"", ""},
        {" ", ""},
        {"J\xc3\x96RG@example.de", "j\xc3\xb6rg@example.de"},
        {"Jo\xcc\x88rg@example.de", "j\xc3\xb6rg@example.de"}, /* composed */
        {"stra\xc3\x9f"
         "e@x.de",
         "stra\xc3\x9f"
         "e@x.de"}, /* not strasse: someone else */
        {"\xce\x91\xce\xa3@x.gr", "\xce\xb1\xcf\x83@x.gr"},
        {"bad\xff@X", "bad\xff@X"}, /* not UTF-8: as it is */
    };
    struct kn_arena arena;
    (void)state;
    kn_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kn_str got = kn_fold_email(kn_str_c(cases[i].text), &arena);
        if (!kn_str_eq(got, kn_str_c(cases[i].want))) {
            fail_msg("%s gives %.*s", cases[i].text, KN_STR_ARG(got));
        }
        assert_true(kn_str_eq(kn_fold_email(got, &arena), got)); /* once is enough */
    }
    struct kn_str same = KN_STR("a@b.nl");
    assert_ptr_equal(kn_fold_email(same, &arena).p, same.p); /* nothing copied */
    kn_arena_deinit(&arena);
}

static void searching(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"Caf\xc3\xa9 ZO\xc3\x8b", "cafe zoe"},
        {"STRASSE", "strasse"},
        {"Stra\xc3\x9f"
         "e",
         "strasse"},
        {"\xef\xac\x81n", "fin"},
        {"e\xcc\x81", "e"},
        {"\xe2\x84\xa2", "tm"},
        {"\xef\xbc\xa1", "a"},
        {"", ""},
        {"\xcc\x81", ""},
        {"\xe6\x97\xa5", "\xe6\x97\xa5"},
        {"\xff", "\xff"},
        {"\xef\xb7\xba", NULL},
    };
    struct kn_arena arena;
    (void)state;
    kn_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kn_str got = kn_fold_text(kn_str_c(cases[i].text), &arena);
        if (cases[i].want && !kn_str_eq(got, kn_str_c(cases[i].want))) {
            fail_msg("%s gives %.*s", cases[i].text, KN_STR_ARG(got));
        }
        if (!cases[i].want) {
            assert_true(got.len > 18); /* one character that becomes eighteen */
        }
        assert_true(kn_str_eq(kn_fold_text(got, &arena), got));
    }
    kn_arena_deinit(&arena);
    kn_arena_init(&arena, 4);
    struct kn_str text = KN_STR("CAF\xc3\x89");
    assert_null(kn_fold_text(text, &arena).p); /* no room */
    assert_null(kn_fold_email(text, &arena).p);
    assert_null(kn_fold_text(KN_STR("CAFES"), &arena).p);
    kn_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(emails), cmocka_unit_test(searching)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
