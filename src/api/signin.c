/* Passwords, invitations and sessions. */
#include <sodium.h>

#include "api/system_internal.h"
#include "base/mem.h"
#include "format/fold.h"
#include "format/json.h"

enum {
    TRIES_MAX = 10,    /* wrong passwords per e-mail address and quarter of an hour */
    TRIES_IP_MAX = 50, /* and per address of the network */
    PASSWORD_MIN = 8,
};
#define TRY_WINDOW_US (INT64_C(15) * 60 * 1000000)
#define SESSION_US (INT64_C(12) * 3600 * 1000000)
#define INVITE_US (INT64_C(7) * 24 * 3600 * 1000000)

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

static char *password_copy(const struct kn_sys_user *user)
{
    size_t len = strlen(user->password) + 1;
    char *text = kn_must_alloc(len);
    memcpy(text, user->password, len);
    return text;
}

enum kn_rc kn_sys_check_password(struct kn_system *s, struct kn_str email, struct kn_str password,
                                 struct kn_str peer_ip, struct kn_err *err)
{
    /* An unknown address takes as long as a wrong password: the hash of a password nobody has. */
    static const char decoy[crypto_pwhash_STRBYTES] =
        "$argon2id$v=19$m=65536,t=2,p=1$oHQ1K0cTsgDQd+kzHz2Adg$"
        "V77CzubHywIf58Jp2mCwr8/Bg0calPpaAFq+l1ft3Bk";
    int64_t now = kn_sys_now();
    kn_mutex_lock(&s->mutex);
    bool may = ++tries_of(s, 'e', email, now)->count <= TRIES_MAX;
    may = ++tries_of(s, 'i', peer_ip, now)->count <= TRIES_IP_MAX && may;
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
    tries_of(s, 'e', email, now)->count = 0;
    kn_mutex_unlock(&s->mutex);
    return KN_OK;
}

/* ---- users ---- */

static void info_of(const struct kn_sys_user *u, struct kn_arena *arena, struct kn_user_info *ret)
{
    *ret = (struct kn_user_info){
        .id = kn_arena_str(arena, kn_str_c(u->id)),
        .email = kn_arena_str(arena, kn_str_c(u->email)),
        .name = kn_arena_str(arena, kn_str_c(u->name)),
        .workspace = kn_arena_str(arena, kn_str_c(u->workspace)),
        .role = u->role,
        .disabled = u->disabled,
        .has_password = u->password[0] != '\0',
        .created_us = u->created_us,
        .signed_in_us = u->signed_in_us,
    };
}

bool kn_system_user_at(struct kn_system *s, size_t index, struct kn_arena *arena,
                       struct kn_user_info *ret)
{
    kn_mutex_lock(&s->mutex);
    bool found = index < s->user_count;
    if (found) {
        info_of(&s->users[index], arena, ret);
    }
    kn_mutex_unlock(&s->mutex);
    return found;
}

bool kn_system_user(struct kn_system *s, struct kn_str id, struct kn_arena *arena,
                    struct kn_user_info *ret)
{
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_user *u = kn_sys_user_by_id(s, id);
    if (u) {
        info_of(u, arena, ret);
    }
    kn_mutex_unlock(&s->mutex);
    return u != NULL;
}

enum kn_rc kn_system_add_user(struct kn_system *s, struct kn_str email, struct kn_str password,
                              enum kn_role role, struct kn_err *err)
{
    char hash[crypto_pwhash_STRBYTES];
    struct kn_arena arena;
    struct kn_buf json;
    KN_TRY(kn_sys_hash_password(password, 1, hash, sizeof hash, err));
    kn_arena_init(&arena, KN_SYSTEM_RECORD_MAX << 1);
    email = kn_fold_email(email, &arena);
    if (!email.p) {
        return kn_fail(err, KN_E_NOMEM, "out of memory"); /* the arena took nothing */
    }
    kn_sys_begin(&json, "user");
    kn_json_out_kv(&json, "id", kn_sys_id(s, "usr_", &arena));
    kn_json_out_kv(&json, "email", email);
    kn_json_out_kv(&json, "password", kn_str_c(hash));
    kn_json_out_ki64(&json, "role", (int64_t)role);
    kn_json_out_ki64(&json, "created", kn_sys_now());
    kn_mutex_lock(&s->mutex);
    enum kn_rc rc = kn_sys_record(s, &json, err);
    kn_mutex_unlock(&s->mutex);
    kn_arena_deinit(&arena);
    return rc;
}

enum kn_rc kn_system_invite_user(struct kn_system *s, const struct kn_user_info *info,
                                 struct kn_arena *arena, struct kn_str *ret_id,
                                 struct kn_str *ret_invite, struct kn_err *err)
{
    unsigned char hash[KN_SECRET_BYTES];
    struct kn_buf json;
    struct kn_str email = kn_fold_email(info->email, arena);
    if (info->email.len > 0 && !email.p) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    struct kn_str id = kn_sys_id(s, "usr_", arena);
    struct kn_str invite = kn_sys_secret(s, arena, hash);
    kn_sys_begin(&json, "user");
    kn_json_out_kv(&json, "id", id);
    kn_json_out_kv(&json, "email", email);
    kn_json_out_kv(&json, "name", info->name);
    kn_json_out_kv(&json, "workspace", info->workspace);
    kn_json_out_ki64(&json, "role", (int64_t)info->role);
    kn_json_out_ki64(&json, "created", kn_sys_now());
    kn_sys_put_hash(&json, "invite", hash);
    kn_json_out_ki64(&json, "invite_until", kn_sys_now() + INVITE_US);
    kn_mutex_lock(&s->mutex);
    bool taken = kn_sys_user_by_email(s, email) != NULL;
    enum kn_rc rc = taken ? kn_fail(err, KN_E_EXISTS, "this address has an account")
                          : kn_sys_record(s, &json, err);
    kn_mutex_unlock(&s->mutex);
    if (taken) {
        kn_buf_deinit(&json);
    }
    if (rc == KN_OK) {
        *ret_id = id;
        *ret_invite = invite;
    }
    return rc;
}

enum kn_rc kn_system_reinvite(struct kn_system *s, struct kn_str id, struct kn_arena *arena,
                              struct kn_str *ret_invite, struct kn_err *err)
{
    struct kn_buf json;
    enum kn_rc rc = KN_E_NOT_FOUND;
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_user *found = kn_sys_user_by_id(s, id);
    if (found) {
        struct kn_sys_user u = *found;
        struct kn_str invite = kn_sys_secret(s, arena, u.invite);
        u.invite_until_us = kn_sys_now() + INVITE_US;
        kn_sys_begin(&json, "user");
        kn_sys_put_user(&json, &u);
        rc = kn_sys_record(s, &json, err);
        *ret_invite = invite;
    }
    kn_mutex_unlock(&s->mutex);
    return found ? rc : kn_fail(err, rc, "there is no such user");
}

static bool is_last_owner(const struct kn_system *s, const struct kn_sys_user *user)
{
    for (size_t i = 0; i < s->user_count; i++) {
        const struct kn_sys_user *u = &s->users[i];
        if (u != user && u->role == KN_ROLE_OWNER && !u->disabled && u->workspace[0] == '\0' &&
            u->password[0] != '\0') {
            return false;
        }
    }
    return user->role == KN_ROLE_OWNER && !user->disabled;
}

/* `info` as C texts for a record. */
static enum kn_rc write_change(struct kn_system *s, const struct kn_sys_user *present,
                               const struct kn_user_info *info, struct kn_err *err)
{
    struct kn_buf json;
    char name[256];
    char workspace[64];
    struct kn_sys_user u = *present;
    if (info->name.len >= sizeof name || info->workspace.len >= sizeof workspace) {
        return kn_fail(err, KN_E_INVALID, "the name is too long");
    }
    memcpy(name, info->name.p ? info->name.p : "", info->name.len);
    name[info->name.len] = '\0';
    memcpy(workspace, info->workspace.p ? info->workspace.p : "", info->workspace.len);
    workspace[info->workspace.len] = '\0';
    u.name = name;
    u.workspace = workspace;
    u.role = info->role;
    u.disabled = info->disabled;
    kn_sys_begin(&json, "user");
    kn_sys_put_user(&json, &u);
    return kn_sys_record(s, &json, err);
}

enum kn_rc kn_system_change_user(struct kn_system *s, const struct kn_user_info *info,
                                 struct kn_err *err)
{
    enum kn_rc rc;
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_user *u = kn_sys_user_by_id(s, info->id);
    bool loses = info->role != KN_ROLE_OWNER || info->disabled || info->workspace.len > 0;
    if (!u) {
        rc = kn_fail(err, KN_E_NOT_FOUND, "there is no such user");
    } else if (loses && is_last_owner(s, u)) {
        rc = kn_fail(err, KN_E_CONFLICT, "the last owner stays: make another user owner first");
    } else {
        rc = write_change(s, u, info, err);
    }
    kn_mutex_unlock(&s->mutex);
    return rc;
}

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

enum kn_rc kn_system_accept(struct kn_system *s, struct kn_str invite, struct kn_str password,
                            struct kn_arena *arena, struct kn_str *ret_email, struct kn_err *err)
{
    static const unsigned char nobody[KN_SECRET_BYTES] = {0};
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
            *ret_email = kn_arena_str(arena, kn_str_c(u->email));
            rc = set_password(s, u, hash, nobody, err);
        }
    }
    kn_mutex_unlock(&s->mutex);
    return rc == KN_E_NOT_FOUND
               ? kn_fail(err, rc, "the invitation is unknown, used or older than 7 days")
               : rc;
}

enum kn_rc kn_system_change_password(struct kn_system *s, struct kn_str email,
                                     struct kn_str present, struct kn_str password,
                                     struct kn_str peer_ip, struct kn_str keep_secret,
                                     struct kn_err *err)
{
    unsigned char keep[KN_SECRET_BYTES];
    char hash[crypto_pwhash_STRBYTES];
    KN_TRY(kn_sys_check_password(s, email, present, peer_ip, err));
    KN_TRY(kn_sys_hash_password(password, PASSWORD_MIN, hash, sizeof hash, err));
    kn_sys_hash(s, keep_secret, keep);
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_user *u = kn_sys_user_by_email(s, email);
    enum kn_rc rc = u ? set_password(s, u, hash, keep, err)
                      : kn_fail(err, KN_E_NOT_FOUND, "there is no such user");
    kn_mutex_unlock(&s->mutex);
    return rc;
}

/* ---- sessions ---- */

enum kn_rc kn_system_sign_in(struct kn_system *s, struct kn_str email, struct kn_str password,
                             struct kn_str peer_ip, struct kn_arena *arena,
                             struct kn_str *ret_secret, struct kn_err *err)
{
    unsigned char hash[KN_SECRET_BYTES];
    struct kn_buf json;
    struct kn_str given = email;
    email = kn_fold_email(given, arena);
    if (given.len > 0 && !email.p) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    KN_TRY(kn_sys_check_password(s, email, password, peer_ip, err));
    struct kn_str secret = kn_sys_secret(s, arena, hash);
    if (!secret.p) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_user *u = kn_sys_user_by_email(s, email);
    enum kn_rc rc = KN_E_NOT_FOUND;
    if (u) {
        kn_sys_begin(&json, "session");
        kn_sys_put_hash(&json, "hash", hash);
        kn_json_out_kv(&json, "user", kn_str_c(u->id));
        kn_json_out_ki64(&json, "at", kn_sys_now());
        kn_json_out_ki64(&json, "until", kn_sys_now() + SESSION_US);
        rc = kn_sys_record(s, &json, err);
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
