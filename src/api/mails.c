/* Mail: the server's settings, and the mails that wait. A mail is part of the record that caused
 * it, sealed, and is gone with a record of its own once it was sent or given up: so one that was
 * promised leaves after a crash as well, perhaps twice (with the same Message-ID). */
#include <sodium.h>

#include "api/system_internal.h"
#include "base/mem.h"
#include "deliver/retry.h"
#include "format/json.h"

enum { SEND_S = 10, TEST_S = 15, TEXT_MAX = 2048 };

/* ---- the server ---- */

bool kn_sys_has_mail(const struct kn_system *s)
{
    return s->mail_server.host && s->mail_server.host[0];
}

static void free_server(struct kn_sys_mail_server *m)
{
    char *texts[] = {m->host, m->user, m->sealed_password, m->from, m->url};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        kn_free(texts[i]);
    }
    *m = (struct kn_sys_mail_server){0};
}

static void apply_server(struct kn_system *s, struct kn_str json, struct kn_arena *arena)
{
    int64_t tls = kn_sys_number(json, "tls", arena);
    free_server(&s->mail_server);
    s->mail_server = (struct kn_sys_mail_server){
        .host = kn_sys_copy(kn_sys_member(json, "host", arena)),
        .user = kn_sys_copy(kn_sys_member(json, "user", arena)),
        .sealed_password = kn_sys_copy(kn_sys_member(json, "password", arena)),
        .from = kn_sys_copy(kn_sys_member(json, "from", arena)),
        .url = kn_sys_copy(kn_sys_member(json, "url", arena)),
        .port = (uint16_t)kn_sys_number(json, "port", arena),
        .tls = tls >= 0 && tls <= KN_MAIL_TLS_FULL ? (enum kn_mail_tls)tls : KN_MAIL_TLS_FULL,
        .dutch = kn_str_eq(kn_sys_member(json, "dutch", arena), KN_STR("true")),
    };
}

void kn_system_mail_settings(struct kn_system *s, struct kn_arena *arena,
                             struct kn_mail_settings *ret, struct kn_mail_status *ret_status)
{
    *ret = (struct kn_mail_settings){0};
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_mail_server *m = &s->mail_server;
    if (kn_sys_has_mail(s)) {
        ret->host = kn_arena_str(arena, kn_str_c(m->host));
        ret->user = kn_arena_str(arena, kn_str_c(m->user));
        ret->from = kn_arena_str(arena, kn_str_c(m->from));
        ret->url = kn_arena_str(arena, kn_str_c(m->url));
        ret->has_password = m->sealed_password[0] != '\0';
        ret->port = m->port;
        ret->tls = m->tls;
        ret->dutch = m->dutch;
    }
    *ret_status = s->mail_status;
    ret_status->waiting = s->mail_count;
    kn_mutex_unlock(&s->mutex);
}

static void put_password(struct kn_system *s, struct kn_buf *json,
                         const struct kn_mail_settings *settings)
{
    struct kn_buf sealed;
    kn_buf_init(&sealed, 8192);
    if (settings->keep_password && kn_sys_has_mail(s)) {
        kn_buf_c(&sealed, s->mail_server.sealed_password);
    } else if (settings->password.len > 0) {
        kn_sys_seal(s, settings->password, &sealed);
    }
    kn_json_out_kv(json, "password", kn_buf_view(&sealed));
    kn_buf_deinit(&sealed);
}

enum kn_rc kn_system_set_mail(struct kn_system *s, const struct kn_mail_settings *settings,
                              struct kn_err *err)
{
    struct kn_buf json;
    kn_sys_begin(&json, "mail_server");
    kn_json_out_kv(&json, "host", settings->host);
    kn_json_out_ki64(&json, "port", settings->port);
    kn_json_out_ki64(&json, "tls", (int64_t)settings->tls);
    kn_json_out_kv(&json, "user", settings->user);
    kn_json_out_kv(&json, "from", settings->from);
    kn_json_out_kv(&json, "url", settings->url);
    kn_json_out_kbool(&json, "dutch", settings->dutch);
    kn_mutex_lock(&s->mutex);
    put_password(s, &json, settings);
    enum kn_rc rc = kn_sys_record(s, &json, err);
    for (size_t i = 0; rc == KN_OK && i < s->mail_count; i++) {
        s->mails[i].due_us = 0; /* the new server is tried at once */
    }
    kn_mutex_unlock(&s->mutex);
    return rc;
}

/* ---- mails that wait ---- */

static void put_text(struct kn_buf *out, const char *text, struct kn_str link)
{
    struct kn_str rest = kn_str_c(text);
    size_t at = kn_str_find(rest, KN_STR("%s"));
    kn_buf_str(out, kn_str_sub(rest, 0, at));
    kn_buf_str(out, link);
    kn_buf_str(out, kn_str_sub(rest, at + 2, rest.len));
}

void kn_sys_put_letter(struct kn_system *s, struct kn_buf *json, enum kn_mail_letter letter,
                       struct kn_str to, struct kn_str secret, int64_t until_us)
{
    const struct kn_mail_text *text = kn_mail_text(letter, s->mail_server.dutch);
    struct kn_arena arena;
    struct kn_buf plain;
    struct kn_buf link;
    struct kn_buf body;
    struct kn_buf sealed;
    kn_arena_init(&arena, 1024);
    kn_buf_init(&plain, KN_SEALED_MAX);
    kn_buf_init(&link, TEXT_MAX);
    kn_buf_init(&body, TEXT_MAX);
    kn_buf_init(&sealed, KN_SYSTEM_RECORD_MAX);
    kn_buf_printf(&link, "%s/invite#%.*s", s->mail_server.url, KN_STR_ARG(secret));
    put_text(&body, text->text, kn_buf_view(&link));
    kn_buf_char(&plain, '{');
    kn_json_out_kv(&plain, "to", to);
    kn_json_out_kv(&plain, "subject", kn_str_c(text->subject));
    kn_json_out_kv(&plain, "text", kn_buf_view(&body));
    kn_buf_char(&plain, '}');
    kn_sys_seal(s, kn_buf_view(&plain), &sealed);
    kn_json_out_kv(json, "mail", kn_sys_id(s, "mail", &arena));
    kn_json_out_kv(json, "mail_sealed", kn_buf_view(&sealed));
    kn_json_out_ki64(json, "mail_at", kn_sys_now());
    kn_json_out_ki64(json, "mail_until", until_us);
    struct kn_buf *all[] = {&plain, &link, &body, &sealed};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        kn_buf_deinit(all[i]);
    }
    kn_arena_deinit(&arena);
}

static void free_mail(struct kn_sys_mail *mail)
{
    kn_free(mail->id);
    kn_free(mail->sealed);
}

static void end_mail(struct kn_system *s, struct kn_str id)
{
    for (size_t i = 0; i < s->mail_count; i++) {
        if (kn_str_eq(kn_str_c(s->mails[i].id), id)) {
            free_mail(&s->mails[i]);
            memmove(&s->mails[i], &s->mails[i + 1], (s->mail_count - i - 1) * sizeof *s->mails);
            s->mail_count--;
            return;
        }
    }
}

static void add_mail(struct kn_system *s, struct kn_str id, struct kn_str json,
                     struct kn_arena *arena)
{
    if (s->mail_count == KN_MAILS_MAX) { /* nobody has taken mail for long: the oldest goes */
        end_mail(s, kn_str_c(s->mails[0].id));
    }
    s->mails = kn_must_realloc(s->mails, (s->mail_count + 1) * sizeof *s->mails);
    s->mails[s->mail_count++] = (struct kn_sys_mail){
        .id = kn_sys_copy(id),
        .sealed = kn_sys_copy(kn_sys_member(json, "mail_sealed", arena)),
        .at_us = kn_sys_number(json, "mail_at", arena),
        .until_us = kn_sys_number(json, "mail_until", arena),
    };
}

void kn_sys_apply_mail(struct kn_system *s, struct kn_str kind, struct kn_str json,
                       struct kn_arena *arena)
{
    struct kn_str mail = kn_sys_member(json, "mail", arena);
    if (kn_str_eq(kind, KN_STR("mail_server"))) {
        apply_server(s, json, arena);
    } else if (kn_str_eq(kind, KN_STR("mail_end"))) {
        end_mail(s, mail);
    } else if (mail.len > 0) {
        add_mail(s, mail, json, arena);
    }
}

void kn_sys_free_mail(struct kn_system *s)
{
    for (size_t i = 0; i < s->mail_count; i++) {
        free_mail(&s->mails[i]);
    }
    kn_free(s->mails);
    free_server(&s->mail_server);
}

/* ---- sending ---- */

/* What one try takes; everything in the arena, so that the mutex need not be held. */
struct
try {
    struct kn_mail_server server;
    struct kn_mail mail;
    struct kn_str id;
};

static const char *arena_c(struct kn_arena *arena, struct kn_str text)
{
    struct kn_str copy = kn_arena_str(arena, kn_str(text.p, text.len));
    char *c = kn_arena_zero(arena, text.len + 1, 1);
    if (c && copy.len > 0) {
        memcpy(c, copy.p, copy.len);
    }
    return c ? c : "";
}

/* With the mutex. */
static void take_server(struct kn_system *s, struct kn_arena *arena, struct kn_mail_server *ret)
{
    const struct kn_sys_mail_server *m = &s->mail_server;
    struct kn_str password = KN_STR_EMPTY;
    if (m->sealed_password[0]) {
        (void)kn_sys_unseal(s, kn_str_c(m->sealed_password), arena, &password);
    }
    *ret = (struct kn_mail_server){.host = arena_c(arena, kn_str_c(m->host)),
                                   .port = m->port,
                                   .tls = m->tls,
                                   .user = arena_c(arena, kn_str_c(m->user)),
                                   .password = arena_c(arena, password),
                                   .from = arena_c(arena, kn_str_c(m->from))};
}

static bool take_due(struct kn_system *s, struct kn_arena *arena, struct try *ret)
{
    int64_t now = kn_sys_now();
    for (size_t i = 0; kn_sys_has_mail(s) && i < s->mail_count; i++) {
        struct kn_sys_mail *mail = &s->mails[i];
        struct kn_str plain = KN_STR_EMPTY;
        if (mail->due_us > now) {
            continue;
        }
        mail->tries++;
        take_server(s, arena, &ret->server);
        (void)kn_sys_unseal(s, kn_str_c(mail->sealed), arena, &plain);
        ret->id = kn_arena_str(arena, kn_str_c(mail->id));
        ret->mail = (struct kn_mail){.to = kn_sys_member(plain, "to", arena),
                                     .subject = kn_sys_member(plain, "subject", arena),
                                     .text = kn_sys_member(plain, "text", arena),
                                     .id = ret->id,
                                     .at_us = mail->at_us};
        return true;
    }
    return false;
}

static void settle(struct kn_system *s, struct kn_str id, bool sent, bool permanent,
                   const struct kn_err *why)
{
    int64_t now = kn_sys_now();
    int64_t wait_us = 0;
    for (size_t i = 0; i < s->mail_count; i++) {
        struct kn_sys_mail *mail = &s->mails[i];
        if (!kn_str_eq(kn_str_c(mail->id), id)) {
            continue;
        }
        bool again = !sent && !permanent && now < mail->until_us &&
                     kn_retry(mail->tries, 0, 0, (uint64_t)now, &wait_us) == KN_RETRY;
        if (!sent) {
            s->mail_status.failed_us = now;
            memcpy(s->mail_status.why, why->text, sizeof s->mail_status.why - 1);
        }
        mail->due_us = now + wait_us;
        if (!again) {
            struct kn_buf json;
            kn_sys_begin(&json, "mail_end");
            kn_json_out_kv(&json, "mail", id);
            kn_json_out_kbool(&json, "sent", sent);
            if (kn_sys_record(s, &json, NULL) != KN_OK) {
                end_mail(s, id); /* the disk is full: it may go out again after a restart */
            }
        }
        return;
    }
}

bool kn_system_send_mail(struct kn_system *s)
{
    struct kn_arena arena;
    struct kn_err err = {0};
    struct try try = {0};
    kn_arena_init(&arena, 1 << 18);
    kn_mutex_lock(&s->mutex);
    bool due = take_due(s, &arena, &try);
    kn_mutex_unlock(&s->mutex);
    if (due) {
        bool permanent;
        enum kn_rc rc = kn_mail_send(&try.server, &try.mail, SEND_S, &permanent, &err);
        kn_mutex_lock(&s->mutex);
        settle(s, try.id, rc == KN_OK, permanent, &err);
        kn_mutex_unlock(&s->mutex);
    }
    kn_arena_deinit(&arena);
    return due;
}

enum kn_rc kn_system_test_mail(struct kn_system *s, struct kn_str to, struct kn_err *err)
{
    struct kn_arena arena;
    struct kn_mail_server server;
    struct kn_buf body;
    bool permanent;
    enum kn_rc rc = KN_OK;
    kn_arena_init(&arena, 1 << 18);
    kn_buf_init(&body, TEXT_MAX);
    kn_mutex_lock(&s->mutex);
    if (!kn_sys_has_mail(s)) {
        rc = kn_fail(err, KN_E_NOT_FOUND, "no mail server is set");
    } else if (s->testing_mail) {
        rc = kn_fail(err, KN_E_CONFLICT, "another test is under way");
    } else {
        s->testing_mail = true;
        take_server(s, &arena, &server);
        const struct kn_mail_text *text = kn_mail_text(KN_LETTER_TEST, s->mail_server.dutch);
        put_text(&body, text->text, kn_str_c(s->mail_server.url));
        struct kn_mail mail = {.to = to,
                               .subject = kn_str_c(text->subject),
                               .text = kn_buf_view(&body),
                               .id = kn_sys_id(s, "mail", &arena),
                               .at_us = kn_sys_now()};
        kn_mutex_unlock(&s->mutex);
        rc = kn_mail_send(&server, &mail, TEST_S, &permanent, err);
        kn_mutex_lock(&s->mutex);
        s->testing_mail = false;
    }
    kn_mutex_unlock(&s->mutex);
    kn_buf_deinit(&body);
    kn_arena_deinit(&arena);
    return rc;
}
