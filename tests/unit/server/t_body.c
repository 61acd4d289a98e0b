/* Bodies: the shared budget, what is refused, and that everything is given back. */
#include "server/body.h"

#include "base/mem.h"
#include "format/inflate.h"
#include "format/json.h"

#include "cm.h"

static atomic_uint_fast64_t budget;
static char piece[1 << 20];

static bool fill(struct kn_body *body, size_t bytes, struct kn_body_fault *fault)
{
    while (bytes > 0) {
        size_t part = bytes < sizeof piece ? bytes : sizeof piece;
        if (!kn_body_add(body, piece, part, &budget, fault)) {
            return false;
        }
        bytes -= part;
    }
    return true;
}

static void test_budget(void **state)
{
    enum { BODIES = 24 };
    static struct kn_body bodies[BODIES + 2];
    struct kn_body_fault fault = {0};
    (void)state;
    for (size_t i = 0; i < BODIES + 2; i++) {
        kn_body_init(&bodies[i]);
    }
    for (size_t i = 0; i < BODIES; i++) {
        assert_true(fill(&bodies[i], KN_BODY_MAX, &fault));
    }
    /* What is left of the budget: the uncounted part of each. */
    assert_int_equal(KN_BODIES_MAX - atomic_load(&budget), BODIES * KN_BODY_SMALL);
    assert_false(fill(&bodies[BODIES], KN_BODY_MAX, &fault));
    assert_int_equal(fault.status, 503);
    assert_int_equal(kn_body_room(&bodies[BODIES]), 0);
    assert_true(fill(&bodies[BODIES + 1], KN_BODY_SMALL, &fault)); /* small ones always */
    for (size_t i = 0; i < BODIES + 2; i++) {
        kn_body_drop(&bodies[i], &budget);
        assert_true(kn_body_room(&bodies[i]) <= 2 * KN_BODY_KEEP);
        kn_body_deinit(&bodies[i], &budget);
    }
    assert_int_equal(atomic_load(&budget), 0);
}

static void test_too_large(void **state)
{
    struct kn_body body;
    struct kn_body_fault fault = {0};
    (void)state;
    kn_body_init(&body);
    assert_true(fill(&body, KN_BODY_MAX, &fault));
    assert_false(kn_body_add(&body, piece, 1, &budget, &fault));
    assert_int_equal(fault.status, 413);
    assert_int_equal(atomic_load(&budget), 0);
    body.discarded = 7;
    kn_body_drop(&body, &budget); /* the next request begins anew */
    assert_int_equal(body.discarded, 0);
    kn_body_deinit(&body, &budget);
}

static void decode(struct kn_str bytes, const char *encoding, bool sniff, size_t most,
                   int expected_status, struct kn_str expected)
{
    struct kn_body body;
    struct kn_body_fault fault = {0};
    struct kn_str got;
    struct kn_err err = {0};
    kn_body_init(&body);
    assert_true(kn_body_add(&body, bytes.p, bytes.len, &budget, &fault));
    bool good = kn_body_decode(&body, kn_str_c(encoding), sniff, most, &got, &fault, &err);
    assert_int_equal(good ? 200 : fault.status, expected_status);
    if (good) {
        static const char zeros[KN_JSON_PADDING];
        assert_true(kn_str_eq(got, expected));
        assert_memory_equal(got.p + got.len, zeros, KN_JSON_PADDING);
    }
    kn_body_deinit(&body, &budget);
}

static void test_decode(void **state)
{
    struct kn_buf packed;
    struct kn_str plain = KN_STR("{\"event\":\"Seen\"}");
    (void)state;
    kn_buf_init(&packed, 4096);
    assert_int_equal(kn_deflate(plain, &packed, NULL), KN_OK);
    struct kn_str gz = kn_buf_view(&packed);
    decode(plain, "", true, 100, 200, plain);
    decode(plain, "identity", true, 100, 200, plain);
    decode(gz, "gzip", false, 100, 200, plain);
    decode(gz, "", true, 100, 200, plain);
    decode(gz, "", false, 100, 200, gz); /* not collect: as it came */
    decode(gz, "gzip", true, 5, 413, plain);
    decode(plain, "", true, 5, 413, plain);
    decode(plain, "gzip", true, 100, 400, plain);
    decode(kn_str_sub(gz, 0, gz.len - 9), "gzip", true, 100, 400, plain);
    decode(plain, "br", true, 100, 415, plain);
    kn_buf_deinit(&packed);
}

static void test_no_memory(void **state)
{
    struct kn_body body;
    struct kn_body_fault fault = {0};
    (void)state;
    kn_body_init(&body);
    kn_mem_fail_once(0);
    assert_false(kn_body_add(&body, piece, 100, &budget, &fault));
    kn_mem_fail_once(UINT64_MAX);
    assert_int_equal(fault.status, 503);
    kn_body_deinit(&body, &budget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
