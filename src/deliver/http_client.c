#include "deliver/http_client.h"

#include <curl/curl.h>
#include <stdio.h>

#include "base/mem.h"
#include "os/net.h"

enum { ANSWER_BYTES_MAX = 64 << 10 };

/* One call under way. */
struct flight {
    struct flight *next;
    struct kn_http_client *client;
    struct kn_http_job *job;
    CURL *easy;
    struct curl_slist *headers;
    size_t answer_bytes;
    bool refused; /* its address is not public */
};

struct kn_http_client {
    CURLM *multi;
    struct kn_http_client_options options;
    struct flight *flights;
    size_t count;
};

struct kn_http_client *kn_http_client_new(const struct kn_http_client_options *options)
{
    struct kn_http_client *client = kn_calloc(1, sizeof *client);
    if (!client) {
        return NULL;
    }
    client->options = *options;
    client->multi = curl_multi_init();
    if (!client->multi) {
        kn_free(client);
        return NULL;
    }
    return client;
}

static void flight_free(struct flight *f)
{
    if (f->easy) {
        (void)curl_multi_remove_handle(f->client->multi, f->easy);
        curl_easy_cleanup(f->easy);
    }
    curl_slist_free_all(f->headers);
    kn_free(f);
}

void kn_http_client_free(struct kn_http_client *client)
{
    if (!client) {
        return;
    }
    while (client->flights) {
        struct flight *f = client->flights;
        client->flights = f->next;
        flight_free(f);
    }
    curl_multi_cleanup(client->multi);
    kn_free(client);
}

/* The answer's body is of no use; too much of it ends the call. */
static size_t take_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct flight *f = context;
    (void)bytes;
    f->answer_bytes += size * count;
    return f->answer_bytes <= ANSWER_BYTES_MAX ? size * count : 0;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct flight *f = context;
    (void)purpose;
    if (!f->client->options.allow_private && !kn_net_is_public(&address->addr)) {
        f->refused = true;
        return CURL_SOCKET_BAD;
    }
    return kn_net_socket(address->family, address->socktype, address->protocol);
}

static bool add_headers(struct flight *f)
{
    for (size_t i = 0; i < f->job->header_count; i++) {
        struct curl_slist *longer = curl_slist_append(f->headers, f->job->headers[i]);
        if (!longer) {
            return false;
        }
        f->headers = longer;
    }
    return true;
}

static bool set_limits(const struct flight *f)
{
    const struct kn_http_client_options *o = &f->client->options;
    CURL *e = f->easy;
    return curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms) ==
               CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, f) == CURLE_OK;
}

static bool set_request(struct flight *f)
{
    CURL *e = f->easy;
    return curl_easy_setopt(e, CURLOPT_URL, f->job->url) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_POSTFIELDS, f->job->body.p) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->job->body.len) ==
               CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HTTPHEADER, f->headers) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_USERAGENT, "Kern/" KERN_VERSION) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEDATA, f) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PRIVATE, f) == CURLE_OK;
}

enum kn_rc kn_http_client_begin(struct kn_http_client *client, struct kn_http_job *job,
                                struct kn_err *err)
{
    if (client->count == KN_HTTP_CLIENT_JOBS_MAX) {
        return kn_fail(err, KN_E_LIMIT, "at most %d calls at once", KN_HTTP_CLIENT_JOBS_MAX);
    }
    struct flight *f = kn_calloc(1, sizeof *f);
    if (!f) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a call");
    }
    f->client = client;
    f->job = job;
    job->status = 0;
    job->retry_after_s = 0;
    job->error[0] = '\0';
    f->easy = curl_easy_init();
    if (!f->easy || !add_headers(f) || !set_limits(f) || !set_request(f) ||
        curl_multi_add_handle(client->multi, f->easy) != CURLM_OK) {
        flight_free(f);
        return kn_fail(err, KN_E_NOMEM, "no memory for a call");
    }
    f->next = client->flights;
    client->flights = f;
    client->count++;
    return KN_OK;
}

static void read_outcome(const struct flight *f, CURLcode result)
{
    long status = 0;
    curl_off_t retry_after = 0;
    (void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK && !(status > 0 && f->answer_bytes > ANSWER_BYTES_MAX)) {
        (void)snprintf(f->job->error, sizeof f->job->error, "%s",
                       f->refused ? "the address is a private one, which is not allowed"
                                  : curl_easy_strerror(result));
        return;
    }
    (void)curl_easy_getinfo(f->easy, CURLINFO_RETRY_AFTER, &retry_after);
    f->job->status = (int)status;
    f->job->retry_after_s = retry_after;
}

static struct kn_http_job *land(struct kn_http_client *client, const struct CURLMsg *message)
{
    struct flight *f = NULL;
    (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&f);
    struct kn_http_job *job = f->job;
    struct flight **at = &client->flights;
    read_outcome(f, message->data.result);
    while (*at != f) {
        at = &(*at)->next;
    }
    *at = f->next;
    client->count--;
    flight_free(f);
    return job;
}

static size_t collect(struct kn_http_client *client, struct kn_http_job **done, size_t done_max)
{
    int running;
    int left;
    size_t count = 0;
    const struct CURLMsg *message;
    (void)curl_multi_perform(client->multi, &running);
    while (count < done_max && (message = curl_multi_info_read(client->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            done[count++] = land(client, message);
        }
    }
    return count;
}

size_t kn_http_client_wait(struct kn_http_client *client, unsigned wait_ms,
                           struct kn_http_job **done, size_t done_max)
{
    size_t count = collect(client, done, done_max);
    if (count == 0 && wait_ms > 0) {
        (void)curl_multi_poll(client->multi, NULL, 0, (int)wait_ms, NULL);
        count = collect(client, done, done_max);
    }
    return count;
}

void kn_http_client_wake(struct kn_http_client *client)
{
    (void)curl_multi_wakeup(client->multi);
}

/* ---- URLs ---- */

static enum kn_rc check_host(const char *host, bool allow_private, struct kn_err *err)
{
    static const char *const locals[] = {"localhost", "local", "internal"};
    struct kn_str last = kn_str_c(host);
    bool local = false;
    last.len -= last.len > 0 && last.p[last.len - 1] == '.' ? 1 : 0;
    for (struct kn_str rest = last; rest.len > 0;) {
        last = kn_str_split(&rest, '.');
    }
    for (size_t i = 0; i < sizeof locals / sizeof locals[0]; i++) {
        local = local || kn_str_eq_nocase(last, kn_str_c(locals[i]));
    }
    if (!allow_private && (local || kn_net_text_is_private(host))) {
        return kn_fail(err, KN_E_INVALID,
                       "url names an address of a private network; the operator may allow those "
                       "with --allow-private-destinations");
    }
    return KN_OK;
}

static enum kn_rc check_parts(CURLU *parts, bool allow_private, struct kn_err *err)
{
    char *scheme = NULL;
    char *host = NULL;
    char *other = NULL;
    enum kn_rc rc = KN_OK;
    if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
        rc = kn_fail(err, KN_E_INVALID, "url must be like https://host/path");
    } else if (!kn_str_eq(kn_str_c(scheme), KN_STR("https")) &&
               !(allow_private && kn_str_eq(kn_str_c(scheme), KN_STR("http")))) {
        rc = kn_fail(err, KN_E_INVALID, "url must begin with https://");
    } else if (curl_url_get(parts, CURLUPART_USER, &other, 0) == CURLUE_OK ||
               curl_url_get(parts, CURLUPART_PASSWORD, &other, 0) == CURLUE_OK) {
        rc = kn_fail(err, KN_E_INVALID, "url must not hold a user or a password");
    } else if (curl_url_get(parts, CURLUPART_FRAGMENT, &other, 0) == CURLUE_OK) {
        rc = kn_fail(err, KN_E_INVALID, "url must not have a part behind a #");
    } else {
        rc = check_host(host, allow_private, err);
    }
    curl_free(other);
    curl_free(host);
    curl_free(scheme);
    return rc;
}

enum kn_rc kn_http_url_check(struct kn_str url, bool allow_private, struct kn_err *err)
{
    char text[KN_HTTP_URL_MAX + 1];
    if (url.len == 0 || url.len > KN_HTTP_URL_MAX) {
        return kn_fail(err, KN_E_INVALID, "url must be of 1 to %d bytes", (int)KN_HTTP_URL_MAX);
    }
    for (size_t i = 0; i < url.len; i++) {
        if (url.p[i] <= ' ' || url.p[i] == 0x7f) {
            return kn_fail(err, KN_E_INVALID, "url must be without blanks and control characters");
        }
    }
    memcpy(text, url.p, url.len);
    text[url.len] = '\0';
    CURLU *parts = curl_url();
    if (!parts) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    enum kn_rc rc = curl_url_set(parts, CURLUPART_URL, text, 0) == CURLUE_OK
                        ? check_parts(parts, allow_private, err)
                        : kn_fail(err, KN_E_INVALID, "url must be like https://host/path");
    curl_url_cleanup(parts);
    return rc;
}
