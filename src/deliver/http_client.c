#include "deliver/http_client.h"

#include <curl/curl.h>
#include <stdio.h>

#include "base/mem.h"

enum { WAIT_MS = 1000, ANSWER_BYTES_MAX = 1 << 20 };

struct kn_http_client {
    CURLM *multi;
    unsigned timeout_s;
};

/* One call under way. */
struct flight {
    struct kn_http_job *job;
    CURL *easy;
    struct curl_slist *headers;
    size_t answer_bytes;
};

struct kn_http_client *kn_http_client_new(unsigned timeout_s)
{
    struct kn_http_client *client = kn_calloc(1, sizeof *client);
    if (!client) {
        return NULL;
    }
    client->timeout_s = timeout_s;
    client->multi = curl_multi_init();
    if (!client->multi) {
        kn_free(client);
        return NULL;
    }
    return client;
}

void kn_http_client_free(struct kn_http_client *client)
{
    if (client) {
        curl_multi_cleanup(client->multi);
        kn_free(client);
    }
}

/* The answer's body is of no use; too much of it ends the call. */
static size_t take_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct flight *f = context;
    (void)bytes;
    f->answer_bytes += size * count;
    return f->answer_bytes <= ANSWER_BYTES_MAX ? size * count : 0;
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

static bool set_options(const struct kn_http_client *client, struct flight *f)
{
    CURL *e = f->easy;
    return curl_easy_setopt(e, CURLOPT_URL, f->job->url) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TIMEOUT, (long)client->timeout_s) == CURLE_OK &&
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

static bool begin(struct kn_http_client *client, struct flight *f)
{
    f->job->status = 0;
    f->job->retry_after_s = 0;
    f->job->error[0] = '\0';
    f->easy = curl_easy_init();
    return f->easy && add_headers(f) && set_options(client, f) &&
           curl_multi_add_handle(client->multi, f->easy) == CURLM_OK;
}

static void land(const struct CURLMsg *message)
{
    struct flight *f = NULL;
    long status = 0;
    curl_off_t retry_after = 0;
    (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&f);
    if (message->data.result != CURLE_OK) {
        (void)snprintf(f->job->error, sizeof f->job->error, "%s",
                       curl_easy_strerror(message->data.result));
        return;
    }
    (void)curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(message->easy_handle, CURLINFO_RETRY_AFTER, &retry_after);
    f->job->status = (int)status;
    f->job->retry_after_s = retry_after;
}

static enum kn_rc fly(struct kn_http_client *client, struct kn_err *err)
{
    int running = 1;
    while (running > 0) {
        CURLMcode code = curl_multi_perform(client->multi, &running);
        if (code == CURLM_OK && running > 0) {
            code = curl_multi_poll(client->multi, NULL, 0, WAIT_MS, NULL);
        }
        if (code != CURLM_OK) {
            return kn_fail(err, KN_E_NOMEM, "HTTP calls: %s", curl_multi_strerror(code));
        }
        int left;
        const struct CURLMsg *message;
        while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
            if (message->msg == CURLMSG_DONE) {
                land(message);
            }
        }
    }
    return KN_OK;
}

enum kn_rc kn_http_client_run(struct kn_http_client *client, struct kn_http_job *jobs, size_t count,
                              struct kn_err *err)
{
    struct flight flights[KN_HTTP_CLIENT_JOBS_MAX] = {0};
    enum kn_rc rc = KN_OK;
    if (count > KN_HTTP_CLIENT_JOBS_MAX) {
        return kn_fail(err, KN_E_LIMIT, "at most %d calls at once", KN_HTTP_CLIENT_JOBS_MAX);
    }
    for (size_t i = 0; i < count && rc == KN_OK; i++) {
        flights[i].job = &jobs[i];
        rc = begin(client, &flights[i]) ? KN_OK : kn_fail(err, KN_E_NOMEM, "no memory for a call");
    }
    if (rc == KN_OK) {
        rc = fly(client, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (flights[i].easy) {
            (void)curl_multi_remove_handle(client->multi, flights[i].easy);
            curl_easy_cleanup(flights[i].easy);
        }
        curl_slist_free_all(flights[i].headers);
    }
    return rc;
}
