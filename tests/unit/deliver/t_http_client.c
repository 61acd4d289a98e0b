/* HTTP calls against a receiver on this machine: a thread that keeps what it got and answers by
 * path. */
#include "deliver/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "cm.h"
#include "os/net.h"
#include "os/thread.h"

enum { REQUEST_MAX = 4096, REQUESTS_MAX = 32 };

struct receiver {
    int fd;
    uint16_t port;
    struct kn_thread thread;
    char requests[REQUESTS_MAX][REQUEST_MAX];
    size_t count;
    atomic_bool stop;
};

static bool is_whole(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "content-length: ");
    uint64_t bytes = 0;
    if (!end || !length) {
        return false;
    }
    size_t digits = strspn(length + 16, "0123456789");
    (void)kn_str_u64(kn_str(length + 16, digits), &bytes);
    return strlen(end + 4) >= bytes;
}

static const char *answer_for(const char *request)
{
    if (strncmp(request, "POST /busy ", 11) == 0) {
        return "HTTP/1.1 429 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\nConnection: "
               "close\r\n\r\n";
    }
    if (strncmp(request, "POST /moved ", 12) == 0) {
        return "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\nConnection: "
               "close\r\n\r\n";
    }
    if (strncmp(request, "POST /gone ", 11) == 0) {
        return ""; /* closes without a word */
    }
    return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
}

static void serve(struct receiver *r, int fd)
{
    char *request = r->requests[r->count];
    size_t len = 0;
    while (len < REQUEST_MAX - 1 && !is_whole(request)) {
        ssize_t got = recv(fd, request + len, REQUEST_MAX - 1 - len, 0);
        if (got > 0) {
            len += (size_t)got;
            request[len] = '\0';
        } else if (got == 0) {
            break;
        } else {
            kn_sleep_us(200);
        }
    }
    const char *answer = answer_for(request);
    r->count++;
    (void)send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    kn_fd_close(fd);
}

static void *receive(void *argument)
{
    struct receiver *r = argument;
    struct kn_net_peer peer;
    while (!atomic_load(&r->stop) && r->count < REQUESTS_MAX) {
        int fd = kn_net_accept(r->fd, &peer);
        if (fd >= 0) {
            serve(r, fd);
        } else {
            kn_sleep_us(500);
        }
    }
    return NULL;
}

static int start(void **state)
{
    struct kn_err err;
    struct receiver *r = calloc(1, sizeof *r);
    assert_non_null(r);
    assert_int_equal(kn_net_listen("127.0.0.1:0", &r->fd, &r->port, &err), KN_OK);
    r->thread = kn_thread_start("receiver", receive, r);
    *state = r;
    return 0;
}

static int stop(void **state)
{
    struct receiver *r = *state;
    atomic_store(&r->stop, true);
    kn_thread_join(r->thread);
    kn_fd_close(r->fd);
    free(r);
    return 0;
}

static struct kn_http_client *client_new(bool allow_private)
{
    struct kn_http_client *client = kn_http_client_new(&(struct kn_http_client_options){
        .timeout_ms = 5000, .connect_timeout_ms = 2000, .allow_private = allow_private});
    assert_non_null(client);
    return client;
}

/* Begins all of them and waits for all. */
static void run(struct kn_http_client *client, struct kn_http_job *jobs, size_t count)
{
    struct kn_http_job *done[8];
    struct kn_err err;
    size_t landed = 0;
    for (size_t i = 0; i < count; i++) {
        jobs[i].context = &jobs[i];
        assert_int_equal(kn_http_client_begin(client, &jobs[i], &err), KN_OK);
    }
    while (landed < count) {
        size_t some = kn_http_client_wait(client, 1000, done, 8);
        for (size_t i = 0; i < some; i++) {
            assert_ptr_equal(done[i], done[i]->context);
        }
        landed += some;
    }
    assert_int_equal(kn_http_client_wait(client, 0, done, 8), 0);
}

static void answers(void **state)
{
    static const char *const headers[] = {"Content-Type: application/json", "webhook-id: msg_1"};
    static const char *const paths[] = {"ok", "busy", "moved", "gone"};
    struct receiver *r = *state;
    struct kn_http_job jobs[4];
    char urls[4][64];
    struct kn_http_client *client = client_new(true);
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(urls[i], sizeof urls[i], "http://127.0.0.1:%u/%s", r->port, paths[i]);
        jobs[i] = (struct kn_http_job){
            .url = urls[i], .headers = headers, .header_count = 2, .body = KN_STR("{\"n\":1}")};
    }
    run(client, jobs, 4);
    assert_int_equal(jobs[0].status, 200);
    assert_int_equal(jobs[1].status, 429);
    assert_int_equal(jobs[1].retry_after_s, 7);
    assert_int_equal(jobs[2].status, 302); /* not followed */
    assert_int_equal(jobs[3].status, 0);
    assert_true(jobs[3].error[0] != '\0');
    assert_int_equal(r->count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_non_null(strstr(r->requests[i], "webhook-id: msg_1\r\n"));
        assert_non_null(strstr(r->requests[i], "\r\n\r\n{\"n\":1}"));
    }
    kn_http_client_free(client);
}

static void refusals(void **state)
{
    struct kn_http_client *client = client_new(true);
    struct kn_http_job jobs[2] = {
        {.url = "file:///etc/passwd", .body = KN_STR("{}")},
        {.url = "http://127.0.0.1:1/", .body = KN_STR("{}")},
    };
    (void)state;
    run(client, jobs, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(jobs[i].status, 0);
        assert_true(jobs[i].error[0] != '\0');
    }
    kn_http_client_free(client);
    kn_http_client_free(NULL);
}

static void has_a_limit(void **state)
{
    struct receiver *r = *state;
    struct kn_http_client *client = client_new(true);
    static struct kn_http_job jobs[KN_HTTP_CLIENT_JOBS_MAX + 1];
    struct kn_err err;
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/ok", r->port);
    for (size_t i = 0; i <= KN_HTTP_CLIENT_JOBS_MAX; i++) {
        jobs[i] = (struct kn_http_job){.url = url, .body = KN_STR("{}")};
        assert_int_equal(kn_http_client_begin(client, &jobs[i], &err),
                         i < KN_HTTP_CLIENT_JOBS_MAX ? KN_OK : KN_E_LIMIT);
    }
    kn_http_client_free(client); /* gives them up */
}

/* Nothing reaches the receiver, whatever name led there. */
static void keeps_to_public_addresses(void **state)
{
    struct receiver *r = *state;
    struct kn_http_client *client = client_new(false);
    char urls[3][64];
    struct kn_http_job jobs[3];
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(urls[i], sizeof urls[i], "http://%s:%u/ok", hosts[i], r->port);
        jobs[i] = (struct kn_http_job){.url = urls[i], .body = KN_STR("{}")};
    }
    run(client, jobs, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(jobs[i].status, 0);
        assert_string_equal(jobs[i].error, "the address is a private one, which is not allowed");
    }
    assert_int_equal(r->count, 0);
    kn_http_client_free(client);
}

static void checks_urls(void **state)
{
    static const char *const good[] = {"https://hooks.example.com/a?b=c", "https://8.8.8.8/",
                                       "https://hooks.example.com:8443/x",
                                       "https://[2606:4700::1111]/"};
    static const char *const bad[] = {
        "",
        "hooks.example.com",
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "https://user:pass@hooks.example.com/",
        "https://user@hooks.example.com/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\nx",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://a.localhost/",
        "https://printer.local/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://172.31.255.255/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
    };
    struct kn_err err;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (kn_http_url_check(kn_str_c(good[i]), false, &err) != KN_OK) {
            fail_msg("%s: %s", good[i], err.text);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (kn_http_url_check(kn_str_c(bad[i]), false, &err) != KN_E_INVALID) {
            fail_msg("%s passes", bad[i]);
        }
    }
    assert_int_equal(kn_http_url_check(KN_STR("http://127.0.0.1:8000/"), true, &err), KN_OK);
    assert_int_equal(kn_http_url_check(KN_STR("ftp://127.0.0.1/"), true, &err), KN_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers, start, stop),
        cmocka_unit_test(refusals),
        cmocka_unit_test_setup_teardown(has_a_limit, start, stop),
        cmocka_unit_test_setup_teardown(keeps_to_public_addresses, start, stop),
        cmocka_unit_test(checks_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
