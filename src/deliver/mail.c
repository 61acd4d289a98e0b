#include "deliver/mail.h"

#include <curl/curl.h>
#include <stdio.h>

#include "format/time_text.h"
#include "format/token.h"

enum {
    ADDRESS_MAX = 254,
    LINE = 76,       /* of base64 */
    WORD_BYTES = 42, /* of a subject in one encoded word */
    MESSAGE_MAX = 1 << 20,
    SMTP_PERMANENT = 500,
};

/* ---- what may stand where ---- */

bool kn_mail_address(struct kn_str text)
{
    size_t at = kn_str_find(text, KN_STR("@"));
    if (at == SIZE_MAX || at == 0 || at + 1 >= text.len || text.len > ADDRESS_MAX ||
        kn_str_find(kn_str_sub(text, at + 1, text.len), KN_STR("@")) != SIZE_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] <= ' ' || text.p[i] > '~' || memchr("\"<>()[]\\,;:", text.p[i], 11)) {
            return false;
        }
    }
    return true;
}

bool kn_mail_host(struct kn_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        bool letter = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9');
        if (!letter && c != '.' && c != '-' && c != ':' && c != '[' && c != ']') {
            return false;
        }
    }
    return text.len > 0 && text.len <= 253;
}

/* ---- the message ---- */

static void put_date(struct kn_buf *out, int64_t at_us)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t seconds = at_us / 1000000;
    int64_t day = seconds / 86400;
    unsigned rest = (unsigned)(seconds % 86400);
    int64_t year;
    unsigned month;
    unsigned date;
    kn_civil_from_days(day, &year, &month, &date);
    kn_buf_printf(out, "Date: %s, %u %s %lld %02u:%02u:%02u +0000\r\n", days[day % 7], date,
                  months[month - 1], (long long)year, rest / 3600, rest / 60 % 60, rest % 60);
}

/* Encoded words; none is cut within a character. */
static void put_subject(struct kn_buf *out, struct kn_str text)
{
    kn_buf_c(out, "Subject:");
    while (text.len > 0) {
        size_t len = text.len < WORD_BYTES ? text.len : WORD_BYTES;
        while (len > 1 && len < text.len && ((unsigned char)text.p[len] & 0xc0U) == 0x80U) {
            len--;
        }
        kn_buf_c(out, " =?UTF-8?B?");
        kn_base64_encode(kn_str_sub(text, 0, len), out);
        kn_buf_c(out, "?=\r\n");
        text = kn_str_sub(text, len, text.len);
    }
}

static void put_body(struct kn_buf *out, struct kn_str text)
{
    struct kn_buf base64;
    kn_buf_init(&base64, MESSAGE_MAX);
    kn_base64_encode(text, &base64);
    struct kn_str rest = kn_buf_view(&base64);
    for (size_t i = 0; i < rest.len; i += LINE) {
        kn_buf_str(out, kn_str_sub(rest, i, i + LINE < rest.len ? i + LINE : rest.len));
        kn_buf_c(out, "\r\n");
    }
    kn_buf_deinit(&base64);
}

void kn_mail_compose(const struct kn_mail_server *server, const struct kn_mail *mail,
                     struct kn_buf *out)
{
    struct kn_str domain = kn_str_c(server->from);
    (void)kn_str_split(&domain, '@');
    put_date(out, mail->at_us);
    kn_buf_printf(out, "From: Kern <%s>\r\nTo: <%.*s>\r\nMessage-ID: <%.*s@%.*s>\r\n", server->from,
                  KN_STR_ARG(mail->to), KN_STR_ARG(mail->id), KN_STR_ARG(domain));
    put_subject(out, mail->subject);
    kn_buf_c(out, "MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n"
                  "Content-Type: text/plain; charset=utf-8\r\n"
                  "Content-Transfer-Encoding: base64\r\n\r\n");
    put_body(out, mail->text);
}

/* ---- the line ---- */

static size_t give_message(char *to, size_t size, size_t count, void *context)
{
    struct kn_str *rest = context;
    size_t len = size * count < rest->len ? size * count : rest->len;
    memcpy(to, rest->p, len);
    *rest = kn_str_sub(*rest, len, rest->len);
    return len;
}

struct session {
    CURL *easy;
    struct curl_slist *to;
    struct kn_str rest;
    char url[300], from[ADDRESS_MAX + 3], recipient[ADDRESS_MAX + 3];
    char why[CURL_ERROR_SIZE];
};

static bool set_server(struct session *s, const struct kn_mail_server *server)
{
    CURL *e = s->easy;
    long tls = server->tls == KN_MAIL_TLS_STARTTLS ? CURLUSESSL_ALL : CURLUSESSL_NONE;
    (void)snprintf(s->url, sizeof s->url, "%s://%s:%u",
                   server->tls == KN_MAIL_TLS_FULL ? "smtps" : "smtp", server->host,
                   (unsigned)server->port);
    bool good = curl_easy_setopt(e, CURLOPT_URL, s->url) == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_USE_SSL, tls) == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_ERRORBUFFER, s->why) == CURLE_OK;
    if (server->user[0]) {
        good = good && curl_easy_setopt(e, CURLOPT_USERNAME, server->user) == CURLE_OK &&
               curl_easy_setopt(e, CURLOPT_PASSWORD, server->password) == CURLE_OK;
    }
    return good;
}

static bool set_mail(struct session *s, const struct kn_mail_server *server,
                     const struct kn_mail *mail, unsigned timeout_s)
{
    CURL *e = s->easy;
    (void)snprintf(s->from, sizeof s->from, "<%s>", server->from);
    (void)snprintf(s->recipient, sizeof s->recipient, "<%.*s>", KN_STR_ARG(mail->to));
    s->to = curl_slist_append(NULL, s->recipient);
    return s->to && curl_easy_setopt(e, CURLOPT_MAIL_FROM, s->from) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_MAIL_RCPT, s->to) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TIMEOUT, (long)timeout_s) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_READFUNCTION, give_message) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_READDATA, &s->rest) == CURLE_OK;
}

static enum kn_rc perform(struct session *s, bool *ret_permanent, struct kn_err *err)
{
    long status = 0;
    CURLcode code = curl_easy_perform(s->easy);
    if (code == CURLE_OK) {
        return KN_OK;
    }
    (void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    *ret_permanent = status >= SMTP_PERMANENT;
    return kn_fail(err, KN_E_IO, "%s", s->why[0] ? s->why : curl_easy_strerror(code));
}

enum kn_rc kn_mail_send(const struct kn_mail_server *server, const struct kn_mail *mail,
                        unsigned timeout_s, bool *ret_permanent, struct kn_err *err)
{
    struct session s = {.easy = NULL};
    struct kn_buf message;
    enum kn_rc rc = KN_E_NOMEM;
    *ret_permanent = true;
    if (!kn_mail_address(mail->to) || !kn_mail_address(kn_str_c(server->from))) {
        return kn_fail(err, KN_E_INVALID, "not an address that mail can go to");
    }
    *ret_permanent = false;
    kn_buf_init(&message, MESSAGE_MAX);
    kn_mail_compose(server, mail, &message);
    s.easy = curl_easy_init();
    s.rest = kn_buf_view(&message);
    if (message.rc == KN_OK && s.easy && set_server(&s, server) &&
        set_mail(&s, server, mail, timeout_s)) {
        rc = perform(&s, ret_permanent, err);
    }
    curl_slist_free_all(s.to);
    curl_easy_cleanup(s.easy);
    kn_buf_deinit(&message);
    return rc;
}
