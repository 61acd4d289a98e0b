/* A mail as it goes over the line: headers, encoded words, lines; and what is no address. */
#include "cm.h"

#include "deliver/mail.h"

static void test_message(void **state)
{
    struct kn_mail_server server = {.host = "h", .port = 25, .from = "kern@shop.example"};
    struct kn_mail mail = {.to = KN_STR("sanne@example.nl"),
                           .subject = KN_STR("Uitnodiging voor Kern, één account \xe2\x82\xac"),
                           .text = KN_STR("Hallo,\n\nKies een wachtwoord.\n"),
                           .id = KN_STR("mail123"),
                           .at_us = INT64_C(1795546800) * 1000000};
    struct kn_buf out;
    (void)state;
    kn_buf_init(&out, 1 << 16);
    kn_mail_compose(&server, &mail, &out);
    kn_buf_char(&out, '\0');
    assert_string_equal(
        out.p, "Date: Tue, 24 Nov 2026 19:00:00 +0000\r\n"
               "From: Kern <kern@shop.example>\r\n"
               "To: <sanne@example.nl>\r\n"
               "Message-ID: <mail123@shop.example>\r\n"
               "Subject: =?UTF-8?B?VWl0bm9kaWdpbmcgdm9vciBLZXJuLCDDqcOpbiBhY2NvdW50IOKCrA==?=\r\n"
               "MIME-Version: 1.0\r\n"
               "Auto-Submitted: auto-generated\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: base64\r\n\r\n"
               "SGFsbG8sCgpLaWVzIGVlbiB3YWNodHdvb3JkLgo=\r\n");
    kn_buf_deinit(&out);
}

static void test_addresses(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"a@b", true},
        {"sanne+kern@example.nl", true},
        {"", false},
        {"@b", false},
        {"a@", false},
        {"a@b@c", false},
        {"a b@c", false},
        {"a@b\r\nBcc: x@y", false},
        {"<a@b>", false},
        {"\"a\"@b", false},
        {"s\xc3\xa9@b", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(kn_mail_address(kn_str_c(rows[i].text)), rows[i].good);
    }
    assert_true(kn_mail_host(KN_STR("smtp.example.nl")));
    assert_true(kn_mail_host(KN_STR("[2001:db8::1]")));
    assert_false(kn_mail_host(KN_STR("smtp/../x")));
    assert_false(kn_mail_host(KN_STR("user@host")));
    assert_false(kn_mail_host(KN_STR("")));
}

static void test_nobody_listens(void **state)
{
    struct kn_mail_server server = {
        .host = "127.0.0.1", .port = 1, .user = "", .password = "", .from = "kern@shop.example"};
    struct kn_mail mail = {
        .to = KN_STR("a@b"), .subject = KN_STR("s"), .text = KN_STR("t"), .id = KN_STR("i")};
    struct kn_err err = {0};
    bool permanent;
    (void)state;
    assert_int_equal(kn_mail_send(&server, &mail, 2, &permanent, &err), KN_E_IO);
    assert_false(permanent);
    assert_true(err.text[0] != '\0');
    mail.to = KN_STR("no");
    assert_int_equal(kn_mail_send(&server, &mail, 2, &permanent, &err), KN_E_INVALID);
    assert_true(permanent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
