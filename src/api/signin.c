/* Passwords, invitations and sessions. */
#include <sodium.h>

#include "api/system_internal.h"
#include "base/mem.h"
#include "format/fold.h"
#include "format/json.h"
#include "format/token.h"

enum {
    TRIES_MAX = 10,    /* wrong passwords per e-mail address and quarter of an hour */
    TRIES_IP_MAX = 50, /* and per address of the network */
    PASSWORD_MIN = 8,
};
#define TRY_WINDOW_US (INT64_C(15) * 60 * 1000000)
#define SESSION_US (INT64_C(12) * 3600 * 1000000)

/* ---- passwords ---- */

enum kn_rc kn_sys_hash_password(struct kn_str password, size_t least, char *to, size_t len,
                                struct kn_err *err)
{
    if (password.len < least || password.len > KN_PASSWORD_MAX) {
        return kn_fail(err, KN_E_INVALID, "a password has %zu to %d characters", least,
                       (int)KN_PASSWORD_MAX);
    }
    if (len < crypto_pwhash_STRBYTES ||
        crypto_pwhash_str(to, password.p, password.len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
        return kn_fail(err, KN_E_NOMEM, "out of memory for the password hash");
    }
    return KN_OK;
}

/* The slot of somebody who tries: from a keyed hash, so that nobody can aim at another's. */
static struct kn_sys_tries *tries_of(struct kn_system *s, char kind, struct kn_str who, int64_t now)
{
    unsigned char hash[crypto_generichash_BYTES_MIN];
    crypto_generichash_state h;
    uint64_t number;
    (void)crypto_generichash_init(&h, s->key, sizeof s->key, sizeof hash);
    (void)crypto_generichash_update(&h, (const unsigned char *)&kind, 1);
    (void)crypto_generichash_update(&h, (const unsigned char *)(who.p ? who.p : ""), who.len);
    (void)crypto_generichash_final(&h, hash, sizeof hash);
    memcpy(&number, hash, sizeof number);
    struct kn_sys_tries *t = &s->tries[number % KN_TRY_SLOTS];
    if (t->who != number || now - t->since_us > TRY_WINDOW_US) {
        *t = (struct kn_sys_tries){number, now, 0};
    }
    return t;
}

bool kn_sys_try(struct kn_system *s, char kind, struct kn_str who, unsigned most)
{
    return ++tries_of(s, kind, who, kn_sys_now())->count <= most;
}

void kn_sys_forgive(struct kn_system *s, char kind, struct kn_str who)
{
    tries_of(s, kind, who, kn_sys_now())->count = 0;
}

static char *password_copy(const struct kn_sys_user *user)
{
    size_t len = strlen(user->password) + 1;
    char *text = kn_must_alloc(len);
    memcpy(text, user->password, len);
    return text;
}

enum kn_rc kn_system_check_password(struct kn_system *s, struct kn_str email,
                                    struct kn_str password, struct kn_str peer_ip,
                                    struct kn_err *err)
{
    /* An unknown address takes as long as a wrong password: the hash of a password nobody has. */
    static const char decoy[crypto_pwhash_STRBYTES] =
        "$argon2id$v=19$m=65536,t=2,p=1$oHQ1K0cTsgDQd+kzHz2Adg$"
        "V77CzubHywIf58Jp2mCwr8/Bg0calPpaAFq+l1ft3Bk";
    kn_mutex_lock(&s->mutex);
    bool may = kn_sys_try(s, 'e', email, TRIES_MAX);
    may = kn_sys_try(s, 'i', peer_ip, TRIES_IP_MAX) && may;
    const struct kn_sys_user *user = may ? kn_sys_user_by_email(s, email) : NULL;
    char *hash = user && !user->disabled && user->password[0] ? password_copy(user) : NULL;
    kn_mutex_unlock(&s->mutex);
    if (!may) {
        return kn_fail(err, KN_E_LIMIT, "too many tries: wait a quarter of an hour");
    }
    bool right = password.len <= KN_PASSWORD_MAX &&
                 crypto_pwhash_str_verify(hash ? hash : decoy, password.p ? password.p : "",
                                          password.len) == 0;
    bool known = hash != NULL;
    kn_free(hash);
    if (!right || !known) {
        return kn_fail(err, KN_E_NOT_FOUND, "wrong e-mail address or password");
    }
    kn_mutex_lock(&s->mutex);
    kn_sys_forgive(s, 'e', email);
    kn_mutex_unlock(&s->mutex);
    return KN_OK;
}

/* ---- choosing one ---- */

/* With the mutex: a new password; the invitation, if any, is used up. */
static enum kn_rc set_password(struct kn_system *s, const struct kn_sys_user *user, char *hash,
                               const unsigned char *keep, struct kn_err *err)
{
    struct kn_buf json;
    struct kn_sys_user u = *user;
    u.password = hash;
    u.invite_until_us = 0;
    kn_sys_begin(&json, "user");
    kn_sys_put_user(&json, &u);
    kn_json_out_kbool(&json, "end_sessions", true);
    kn_sys_put_hash(&json, "keep", keep);
    return kn_sys_record(s, &json, err);
}

static enum kn_rc accept_invite(struct kn_system *s, const struct kn_sys_user *user, char *hash,
                                struct kn_str name, struct kn_arena *arena,
                                struct kn_user_info *ret, struct kn_err *err)
{
    static const unsigned char nobody[KN_SECRET_BYTES] = {0};
    struct kn_sys_user u = *user;
    char *given = kn_sys_copy(name);
    u.name = name.len > 0 ? given : u.name;
    enum kn_rc rc = set_password(s, &u, hash, nobody, err);
    kn_free(given);
    if (rc == KN_OK) {
        kn_sys_user_info(user, arena, ret);
    }
    return rc;
}

enum kn_rc kn_system_accept(struct kn_system *s, struct kn_str invite, struct kn_str password,
                            struct kn_str name, struct kn_arena *arena, struct kn_user_info *ret,
                            struct kn_err *err)
{
    unsigned char secret[KN_SECRET_BYTES];
    char hash[crypto_pwhash_STRBYTES];
    enum kn_rc rc = KN_E_NOT_FOUND;
    KN_TRY(kn_sys_hash_password(password, PASSWORD_MIN, hash, sizeof hash, err));
    kn_sys_hash(s, invite, secret);
    kn_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->user_count && rc == KN_E_NOT_FOUND; i++) {
        const struct kn_sys_user *u = &s->users[i];
        if (!u->disabled && u->invite_until_us >= kn_sys_now() &&
            sodium_memcmp(u->invite, secret, sizeof secret) == 0) {
            rc = accept_invite(s, u, hash, name, arena, ret, err);
        }
    }
    kn_mutex_unlock(&s->mutex);
    return rc == KN_E_NOT_FOUND ? kn_fail(err, rc, "the link is unknown, used or too old") : rc;
}

enum kn_rc kn_system_set_password(struct kn_system *s, struct kn_str user, struct kn_str password,
                                  struct kn_str keep_secret, struct kn_err *err)
{
    unsigned char keep[KN_SECRET_BYTES];
    char hash[crypto_pwhash_STRBYTES];
    KN_TRY(kn_sys_hash_password(password, PASSWORD_MIN, hash, sizeof hash, err));
    kn_sys_hash(s, keep_secret, keep);
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_user *u = kn_sys_user_by_id(s, user);
    enum kn_rc rc = u ? set_password(s, u, hash, keep, err)
                      : kn_fail(err, KN_E_NOT_FOUND, "there is no such user");
    kn_mutex_unlock(&s->mutex);
    return rc;
}

/* ---- sessions ---- */

/* Export is given to a user by himself, and only good where he sees persons. */
static unsigned permissions_of(const struct kn_sys_user *user)
{
    unsigned role = kn_role_permissions(user->role);
    return role | (user->may_export && (role & KN_MAY_SEE) ? KN_MAY_EXPORT : 0U);
}

static void put_session(struct kn_buf *json, const struct kn_sys_user *user,
                        const struct kn_sign_in *in, const unsigned char *hash)
{
    kn_sys_put_hash(json, "hash", hash);
    kn_json_out_kv(json, "user", kn_str_c(user->id));
    kn_json_out_ki64(json, "at", kn_sys_now());
    kn_json_out_ki64(json, "until", kn_sys_now() + SESSION_US);
    kn_json_out_kv(json, "address", in->address);
    kn_json_out_kv(json, "browser", in->browser);
    kn_json_out_kv(json, "platform", in->platform);
}

enum kn_rc kn_system_sign_in(struct kn_system *s, const struct kn_sign_in *in,
                             struct kn_arena *arena, struct kn_str *ret_secret, struct kn_err *err)
{
    unsigned char hash[KN_SECRET_BYTES];
    struct kn_buf json;
    struct kn_str email = kn_fold_email(in->email, arena);
    if (in->email.len > 0 && !email.p) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    KN_TRY(kn_system_check_password(s, email, in->password, in->peer_ip, err));
    struct kn_str secret = kn_sys_secret(s, arena, hash);
    if (!secret.p) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    kn_sys_begin(&json, "session");
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_user *u = kn_sys_user_by_email(s, email);
    enum kn_rc rc = u ? KN_OK : kn_fail(err, KN_E_NOT_FOUND, "wrong e-mail address or password");
    if (u && u->factor.confirmed) {
        rc = kn_sys_use_code(s, u, in->code, &json, err);
    }
    if (u && rc == KN_OK) {
        put_session(&json, u, in, hash);
        rc = kn_sys_record(s, &json, err);
    } else {
        kn_buf_deinit(&json);
    }
    kn_mutex_unlock(&s->mutex);
    *ret_secret = secret;
    return rc;
}

bool kn_system_session(struct kn_system *s, struct kn_str secret, struct kn_arena *arena,
                       struct kn_caller *ret)
{
    unsigned char hash[KN_SECRET_BYTES];
    bool found = false;
    kn_sys_hash(s, secret, hash);
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_session *session = kn_sys_session(s, hash, kn_sys_now());
    if (session && !s->users[session->user].disabled) {
        const struct kn_sys_user *u = &s->users[session->user];
        *ret = (struct kn_caller){.role = u->role,
                                  .permissions = permissions_of(u),
                                  .id = kn_arena_str(arena, kn_str_c(u->id)),
                                  .name = kn_arena_str(arena, kn_str_c(u->email)),
                                  .workspace = kn_arena_str(arena, kn_str_c(u->workspace)),
                                  .by_cookie = true};
        found = true;
    }
    kn_mutex_unlock(&s->mutex);
    return found;
}

void kn_system_sign_out(struct kn_system *s, struct kn_str secret)
{
    unsigned char hash[KN_SECRET_BYTES];
    struct kn_buf json;
    kn_sys_hash(s, secret, hash);
    kn_mutex_lock(&s->mutex);
    struct kn_sys_session *session = kn_sys_session(s, hash, kn_sys_now());
    if (session) {
        session->used = false; /* even when the disk is full */
        kn_sys_begin(&json, "session_end");
        kn_sys_put_hash(&json, "hash", hash);
        enum kn_rc rc = kn_sys_record(s, &json, NULL);
        (void)rc; /* then it ends with the process, or by its time */
    }
    kn_mutex_unlock(&s->mutex);
}

static void session_id(const struct kn_sys_session *session, char to[17])
{
    kn_hex_encode(session->hash, 8, to);
    to[16] = '\0';
}

bool kn_system_session_at(struct kn_system *s, size_t place, struct kn_str user,
                          struct kn_str present_secret, struct kn_arena *arena,
                          struct kn_session_info *ret)
{
    unsigned char present[KN_SECRET_BYTES];
    *ret = (struct kn_session_info){0};
    if (place >= KN_SESSIONS_MAX) {
        return false;
    }
    kn_sys_hash(s, present_secret, present);
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_session *one = &s->sessions[place];
    if (one->used && one->until_us >= kn_sys_now() &&
        kn_str_eq(kn_str_c(s->users[one->user].id), user)) {
        session_id(one, ret->id);
        ret->address = kn_arena_str(arena, kn_str_c(one->address));
        ret->browser = kn_arena_str(arena, kn_str_c(one->browser));
        ret->platform = kn_arena_str(arena, kn_str_c(one->platform));
        ret->created_us = one->created_us;
        ret->until_us = one->until_us;
        ret->present = sodium_memcmp(one->hash, present, sizeof present) == 0;
    }
    kn_mutex_unlock(&s->mutex);
    return true;
}

/* With the mutex. */
static struct kn_sys_session *session_by_id(struct kn_system *s, struct kn_str user,
                                            struct kn_str id)
{
    for (size_t i = 0; i < KN_SESSIONS_MAX; i++) {
        struct kn_sys_session *one = &s->sessions[i];
        char text[17];
        session_id(one, text);
        if (one->used && kn_str_eq(kn_str_c(text), id) &&
            kn_str_eq(kn_str_c(s->users[one->user].id), user)) {
            return one;
        }
    }
    return NULL;
}

enum kn_rc kn_system_end_sessions(struct kn_system *s, struct kn_str user, struct kn_str id,
                                  struct kn_str keep_secret, struct kn_err *err)
{
    unsigned char keep[KN_SECRET_BYTES];
    struct kn_buf json;
    enum kn_rc rc;
    kn_sys_hash(s, keep_secret, keep);
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_session *one = id.len > 0 ? session_by_id(s, user, id) : NULL;
    if (one) {
        kn_sys_begin(&json, "session_end");
        kn_sys_put_hash(&json, "hash", one->hash);
        rc = kn_sys_record(s, &json, err);
    } else if (id.len > 0) {
        rc = kn_fail(err, KN_E_NOT_FOUND, "you have no such session");
    } else {
        kn_sys_begin(&json, "sessions_end");
        kn_json_out_kv(&json, "user", user);
        kn_sys_put_hash(&json, "keep", keep);
        rc = kn_sys_record(s, &json, err);
    }
    kn_mutex_unlock(&s->mutex);
    return rc;
}
