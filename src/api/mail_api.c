/* Settings of outgoing mail over HTTP, a test mail, and forgotten passwords. */
#include "api/api_internal.h"

static const char *const tls_names[] = {"none", "starttls", "tls"};

void kn_get_mail(struct kn_ctx *ctx)
{
    struct kn_mail_settings m;
    struct kn_mail_status status;
    struct kn_buf *out = &ctx->response->body;
    kn_system_mail_settings(ctx->api->env.system, ctx->request->arena, &m, &status);
    kn_api_json(ctx, 200);
    kn_buf_char(out, '{');
    kn_json_out_kbool(out, "enabled", m.host.len > 0);
    kn_json_out_kv(out, "host", m.host);
    kn_json_out_ki64(out, "port", m.port);
    kn_json_out_kv(out, "tls", kn_str_c(tls_names[m.tls]));
    kn_json_out_kv(out, "user", m.user);
    kn_json_out_kbool(out, "has_password", m.has_password);
    kn_json_out_kv(out, "from", m.from);
    kn_json_out_kv(out, "url", m.url);
    kn_json_out_kv(out, "language", m.dutch ? KN_STR("nl") : KN_STR("en"));
    kn_json_out_ki64(out, "waiting", (int64_t)status.waiting);
    if (status.failed_us != 0) {
        kn_json_out_ktime(out, "failed_at", status.failed_us);
        kn_json_out_kv(out, "error", kn_str_c(status.why));
    }
    kn_buf_char(out, '}');
}

static bool read_tls(struct kn_ctx *ctx, enum kn_mail_tls *ret)
{
    struct kn_str name = KN_STR_EMPTY;
    if (!kn_api_read_text(ctx, "/tls", 10, &name)) {
        return false;
    }
    for (unsigned i = 0; i < sizeof tls_names / sizeof tls_names[0]; i++) {
        if (kn_str_eq(name, kn_str_c(tls_names[i]))) {
            *ret = (enum kn_mail_tls)i;
            return true;
        }
    }
    kn_api_fail_at(ctx, "/tls", "tls must be none, starttls or tls");
    return false;
}

static bool read_port(struct kn_ctx *ctx, uint16_t *ret)
{
    int64_t port = 0;
    if (!kn_json_i64(&ctx->doc, kn_json_find(&ctx->doc, 0, KN_STR("port")), &port) || port < 1 ||
        port > UINT16_MAX) {
        kn_api_fail_at(ctx, "/port", "port must be a whole number from 1 to 65535");
        return false;
    }
    *ret = (uint16_t)port;
    return true;
}

/* http(s)://host..., without blanks; a slash at the end is dropped. */
static bool read_url(struct kn_ctx *ctx, struct kn_str *ret)
{
    enum { URL_MAX = 300 };
    if (!kn_api_read_text(ctx, "/url", URL_MAX, ret)) {
        return false;
    }
    bool good = kn_str_starts(*ret, KN_STR("https://")) || kn_str_starts(*ret, KN_STR("http://"));
    for (size_t i = 0; i < ret->len; i++) {
        good = good && ret->p[i] > ' ' && ret->p[i] <= '~' && ret->p[i] != '#' && ret->p[i] != '"';
    }
    if (!good || ret->len < 9) {
        kn_api_fail_at(ctx, "/url", "url must be the address people open Kern at, with https://");
        return false;
    }
    *ret = kn_str_ends(*ret, KN_STR("/")) ? kn_str_sub(*ret, 0, ret->len - 1) : *ret;
    return true;
}

static bool read_language(struct kn_ctx *ctx, bool *ret)
{
    struct kn_str name = KN_STR("nl");
    if (!kn_api_read_text(ctx, "/language", 10, &name)) {
        return false;
    }
    *ret = kn_str_eq(name, KN_STR("nl"));
    if (!*ret && !kn_str_eq(name, KN_STR("en"))) {
        kn_api_fail_at(ctx, "/language", "language must be nl or en");
        return false;
    }
    return true;
}

static bool read_settings(struct kn_ctx *ctx, struct kn_mail_settings *m)
{
    enum { HOST_MAX = 253, USER_MAX = 320, PASSWORD_MAX = 1000, FROM_MAX = 254 };
    uint32_t password = kn_json_find(&ctx->doc, 0, KN_STR("password"));
    m->keep_password = password == KN_JSON_NONE;
    if (!kn_api_read_text(ctx, "/host", HOST_MAX, &m->host) || !read_port(ctx, &m->port) ||
        !read_tls(ctx, &m->tls) || !kn_api_read_text(ctx, "/user", USER_MAX, &m->user) ||
        !kn_api_read_text(ctx, "/password", PASSWORD_MAX, &m->password) ||
        !kn_api_read_text(ctx, "/from", FROM_MAX, &m->from) || !read_url(ctx, &m->url) ||
        !read_language(ctx, &m->dutch)) {
        return false;
    }
    m->password = kn_json_string(&ctx->doc, password, ctx->request->arena); /* blanks count */
    if (!kn_mail_host(m->host)) {
        kn_api_fail_at(ctx, "/host", "host must be the name of a mail server");
        return false;
    }
    if (!kn_mail_address(m->from)) {
        kn_api_fail_at(ctx, "/from", "from must be the e-mail address that mails come from");
        return false;
    }
    return true;
}

void kn_put_mail(struct kn_ctx *ctx)
{
    struct kn_mail_settings m = {0};
    struct kn_err err = {0};
    if (!kn_api_body(ctx) || !read_settings(ctx, &m)) {
        return;
    }
    enum kn_rc rc = kn_system_set_mail(ctx->api->env.system, &m, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    kn_get_mail(ctx);
}

void kn_delete_mail(struct kn_ctx *ctx)
{
    struct kn_mail_settings none = {0};
    struct kn_err err = {0};
    enum kn_rc rc = kn_system_set_mail(ctx->api->env.system, &none, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    kn_api_no_content(ctx);
}

void kn_post_mail_test(struct kn_ctx *ctx)
{
    struct kn_err err = {0};
    struct kn_str to = KN_STR_EMPTY;
    if (!kn_api_body(ctx) || !kn_api_read_text(ctx, "/to", 254, &to)) {
        return;
    }
    if (!kn_mail_address(to)) {
        kn_api_fail_at(ctx, "/to", "to must be an e-mail address");
        return;
    }
    enum kn_rc rc = kn_system_test_mail(ctx->api->env.system, to, &err);
    if (rc == KN_E_IO) {
        kn_api_fail(ctx, 502, "The mail was not taken", err.text);
    } else if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    } else {
        kn_api_no_content(ctx);
    }
}

void kn_post_forgotten(struct kn_ctx *ctx)
{
    struct kn_err err = {0};
    struct kn_str email = KN_STR_EMPTY;
    if (!kn_api_body(ctx) || !kn_api_read_text(ctx, "/email", 254, &email)) {
        return;
    }
    enum kn_rc rc =
        kn_system_forgot_password(ctx->api->env.system, email, ctx->request->peer_ip, &err);
    if (rc == KN_E_LIMIT) {
        kn_http_set_header(ctx->response, "Retry-After", KN_STR("900"));
        kn_api_fail(ctx, 429, "Too many tries", err.text);
    } else if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    } else {
        kn_api_no_content(ctx);
    }
}
