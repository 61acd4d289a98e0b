/* Signatures of webhooks; the expected texts were made with Node's crypto. */
#include "deliver/sign.h"

#include "cm.h"

static struct kn_webhook_secret secret_of(uint32_t generation, struct kn_str destination)
{
    unsigned char key[KN_WEBHOOK_KEY_BYTES];
    for (unsigned i = 0; i < sizeof key; i++) {
        key[i] = (unsigned char)i;
    }
    return kn_webhook_secret(key, KN_STR("shop"), destination, generation);
}

static void known_answers(void **state)
{
    struct kn_webhook_secret secret = secret_of(2, KN_STR("dst_1"));
    struct kn_buf out;
    (void)state;
    kn_buf_init(&out, 1024);
    kn_webhook_secret_text(&secret, &out);
    assert_true(
        kn_str_eq(kn_buf_view(&out), KN_STR("whsec_EE+koDBOVy5ID8KVeyn/5Ka2/+HJjcBr/mdZiKQapNU=")));
    kn_buf_clear(&out);
    kn_webhook_sign(&secret, KN_STR("msg_1"), 1795448720, KN_STR("{\"test\":1}"), &out);
    assert_true(
        kn_str_eq(kn_buf_view(&out), KN_STR("v1,tBhimTQpUKr84VOvxrOitEE1Wq7ERP4tezu59XzOB0o=")));
    kn_buf_deinit(&out);
}

static void every_part_counts(void **state)
{
    struct kn_webhook_secret a = secret_of(2, KN_STR("dst_1"));
    struct kn_webhook_secret b = secret_of(3, KN_STR("dst_1"));
    struct kn_webhook_secret c = secret_of(2, KN_STR("dst_2"));
    (void)state;
    assert_memory_not_equal(a.bytes, b.bytes, sizeof a.bytes);
    assert_memory_not_equal(a.bytes, c.bytes, sizeof a.bytes);
}

/* An id that does not fit leaves no signature that could be taken for one. */
static void too_long(void **state)
{
    static const char id[2000] = {'x'};
    struct kn_webhook_secret secret = secret_of(1, KN_STR("dst_1"));
    struct kn_buf out;
    (void)state;
    kn_buf_init(&out, 1024);
    kn_webhook_sign(&secret, kn_str(id, sizeof id), 1, KN_STR("{}"), &out);
    assert_int_equal(out.rc, KN_E_LIMIT);
    kn_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(every_part_counts),
        cmocka_unit_test(too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
