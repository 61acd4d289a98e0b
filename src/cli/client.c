#include "cli/client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/workspace.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "format/json.h"
#include "server/server.h"

enum { ANSWER_MAX = 256 << 20, TRIES = 60, TIMEOUT_SECONDS = 120 };

struct kn_client {
    CURL *curl;
    struct curl_slist *headers;
    struct kn_server *server; /* of a data directory */
    char base[1024];
};

/* ---- open and close ---- */

static const char *open_data(struct kn_client *c, const char *data, char *base, size_t len,
                             const char **ret_workspace)
{
    struct kn_server_options o = {.data = data, .listen = "127.0.0.1:0"};
    struct kn_server_first_start first;
    struct kn_err err = {0};
    o.write_key = getenv("KERN_WRITE_KEY");
    o.api_token = getenv("KERN_API_TOKEN");
    o.admin_email = getenv("KERN_ADMIN_EMAIL");
    o.admin_password = getenv("KERN_ADMIN_PASSWORD");
    o.workspace = *ret_workspace ? *ret_workspace : getenv("KERN_WORKSPACE");
    if (kn_server_start(&o, &c->server, &first, &err) != KN_OK) {
        (void)kn_cli_failed("%s", err.text);
        return NULL;
    }
    if (first.workspace) {
        kn_cli_first_start(stderr, &first);
    }
    struct kn_workspace *ws = kn_server_first_workspace(c->server);
    while (!kn_workspace_ready(ws)) {
        (void)usleep(1000);
    }
    *ret_workspace = *ret_workspace ? *ret_workspace : kn_workspace_name(ws);
    (void)snprintf(base, len, "http://127.0.0.1:%u", (unsigned)kn_server_port(c->server));
    return kn_server_local_token(c->server);
}

static void set_up(struct kn_client *c, const char *token)
{
    char header[512];
    c->curl = curl_easy_init();
    if (!c->curl) {
        return;
    }
    (void)snprintf(header, sizeof header, "Authorization: Bearer %s", token);
    c->headers = curl_slist_append(NULL, header);
    c->headers = curl_slist_append(c->headers, "Content-Type: application/x-ndjson");
    c->headers = curl_slist_append(c->headers, "Expect:");
    memset(header, 0, sizeof header);
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
    (void)curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, (long)TIMEOUT_SECONDS);
    (void)curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
}

struct kn_client *kn_client_open(const struct kn_client_options *o)
{
    struct kn_client *c = kn_must_calloc(1, sizeof *c);
    const char *token = o->token ? o->token : getenv("KERN_API_TOKEN");
    const char *workspace = o->workspace;
    char base[512];
    (void)snprintf(base, sizeof base, "%s", o->url ? o->url : "");
    if (o->data) {
        token = open_data(c, o->data, base, sizeof base, &workspace);
        if (!token) {
            kn_free(c);
            return NULL;
        }
    } else if (!token) {
        (void)kn_cli_failed("a token is needed: --token T, or KERN_API_TOKEN in the environment");
        kn_free(c);
        return NULL;
    }
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/') {
        base[--len] = '\0';
    }
    (void)snprintf(c->base, sizeof c->base, "%s/api/v1/workspaces/%s", base,
                   workspace ? workspace : "default");
    set_up(c, token);
    return c;
}

void kn_client_close(struct kn_client *c)
{
    if (!c) {
        return;
    }
    if (c->curl) {
        curl_easy_cleanup(c->curl);
    }
    curl_slist_free_all(c->headers);
    if (c->server) {
        kn_server_stop(c->server);
    }
    kn_free(c);
}

/* ---- calls ---- */

void kn_client_answer_init(struct kn_client_answer *a)
{
    *a = (struct kn_client_answer){0};
    kn_buf_init(&a->body, ANSWER_MAX);
}

void kn_client_answer_deinit(struct kn_client_answer *a)
{
    kn_buf_deinit(&a->body);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct kn_client_answer *a = context;
    kn_buf_add(&a->body, bytes, size * count);
    return a->body.rc == KN_OK ? size * count : 0;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct kn_client_answer *a = context;
    struct kn_str line = kn_str(bytes, size * count);
    struct kn_str name = kn_str_split(&line, ':');
    if (kn_str_eq_nocase(name, KN_STR("Kern-Next"))) {
        (void)snprintf(a->next, sizeof a->next, "%.*s", KN_STR_ARG(kn_str_trim(line)));
    }
    return size * count;
}

/* The detail of a problem document; its text is JSON, without escapes as a rule. */
static void keep_detail(struct kn_client_answer *a, CURLcode code)
{
    size_t offset = 0;
    struct kn_str key;
    struct kn_str value;
    (void)snprintf(a->detail, sizeof a->detail, "%s",
                   code != CURLE_OK ? curl_easy_strerror(code) : "no reason given");
    if (code != CURLE_OK || a->body.len == 0 || a->body.p[0] != '{') {
        return;
    }
    while (kn_json_walk(kn_buf_view(&a->body), &offset, &key, &value)) {
        if (kn_str_eq(key, KN_STR("detail")) && value.len > 2) {
            (void)snprintf(a->detail, sizeof a->detail, "%.*s",
                           KN_STR_ARG(kn_str_sub(value, 1, value.len - 1)));
        }
    }
}

static void try_once(struct kn_client *c, const struct kn_buf *body, struct kn_client_answer *a)
{
    kn_buf_clear(&a->body);
    a->status = 0;
    a->next[0] = '\0';
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, a);
    (void)curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, a);
    if (body) {
        (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
        (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body->p);
    } else {
        (void)curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
    }
    CURLcode code = curl_easy_perform(c->curl);
    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &a->status);
    }
    keep_detail(a, code);
}

bool kn_client_call(struct kn_client *c, const char *path, const struct kn_buf *body,
                    struct kn_client_answer *a)
{
    char url[2048];
    if (!c->curl) {
        (void)snprintf(a->detail, sizeof a->detail, "libcurl cannot start");
        return false;
    }
    (void)snprintf(url, sizeof url, "%s%s", c->base, path);
    (void)curl_easy_setopt(c->curl, CURLOPT_URL, url);
    for (int i = 0; i < TRIES; i++) {
        try_once(c, body, a);
        bool again = a->status == 0 || a->status == 429 || a->status == 503 || a->status == 504;
        if (!again) {
            break;
        }
        (void)sleep(1);
    }
    return a->status == 200;
}
