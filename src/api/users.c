/* Users: invited, changed, removed. */
#include <sodium.h>

#include "api/system_internal.h"
#include "format/fold.h"
#include "format/json.h"

#define INVITE_US (INT64_C(7) * 24 * 3600 * 1000000)

void kn_sys_user_info(const struct kn_sys_user *u, struct kn_arena *arena, struct kn_user_info *ret)
{
    *ret = (struct kn_user_info){
        .id = kn_arena_str(arena, kn_str_c(u->id)),
        .email = kn_arena_str(arena, kn_str_c(u->email)),
        .name = kn_arena_str(arena, kn_str_c(u->name)),
        .workspace = kn_arena_str(arena, kn_str_c(u->workspace)),
        .role = u->role,
        .may_export = u->may_export,
        .disabled = u->disabled,
        .has_password = u->password[0] != '\0',
        .has_second_factor = u->factor.confirmed,
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
        kn_sys_user_info(&s->users[index], arena, ret);
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
        kn_sys_user_info(u, arena, ret);
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
    kn_json_out_kbool(&json, "export", true);
    kn_json_out_ki64(&json, "created", kn_sys_now());
    kn_mutex_lock(&s->mutex);
    enum kn_rc rc = kn_sys_record(s, &json, err);
    kn_mutex_unlock(&s->mutex);
    kn_arena_deinit(&arena);
    return rc;
}

/* By mail when there is a server; what is left to be shown. */
static struct kn_str mail_invite(struct kn_system *s, struct kn_buf *json,
                                 enum kn_mail_letter letter, struct kn_str email,
                                 struct kn_str invite)
{
    if (!kn_sys_has_mail(s) || !kn_mail_address(email)) {
        return invite;
    }
    kn_sys_put_letter(s, json, letter, email, invite, kn_sys_now() + INVITE_US);
    return KN_STR_EMPTY;
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
    kn_json_out_kbool(&json, "export", info->may_export);
    kn_json_out_ki64(&json, "created", kn_sys_now());
    kn_sys_put_hash(&json, "invite", hash);
    kn_json_out_ki64(&json, "invite_until", kn_sys_now() + INVITE_US);
    kn_mutex_lock(&s->mutex);
    invite = mail_invite(s, &json, KN_LETTER_INVITE, email, invite);
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
        invite = mail_invite(s, &json, u.password[0] ? KN_LETTER_RESET : KN_LETTER_INVITE,
                             kn_str_c(u.email), invite);
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
        if (u != user && !u->removed && u->role == KN_ROLE_OWNER && !u->disabled &&
            u->workspace[0] == '\0' && u->password[0] != '\0') {
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
    u.may_export = info->may_export;
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

enum kn_rc kn_system_remove_user(struct kn_system *s, struct kn_str id, struct kn_err *err)
{
    enum kn_rc rc;
    struct kn_buf json;
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_user *u = kn_sys_user_by_id(s, id);
    if (!u) {
        rc = kn_fail(err, KN_E_NOT_FOUND, "there is no such user");
    } else if (is_last_owner(s, u)) {
        rc = kn_fail(err, KN_E_CONFLICT, "the last owner stays: make another user owner first");
    } else {
        kn_sys_begin(&json, "user_end");
        kn_json_out_kv(&json, "id", id);
        rc = kn_sys_record(s, &json, err);
    }
    kn_mutex_unlock(&s->mutex);
    return rc;
}

bool kn_system_find_user(struct kn_system *s, struct kn_str email, struct kn_arena *arena,
                         struct kn_user_info *ret)
{
    email = kn_fold_email(email, arena);
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_user *u = email.len > 0 ? kn_sys_user_by_email(s, email) : NULL;
    if (u) {
        kn_sys_user_info(u, arena, ret);
    }
    kn_mutex_unlock(&s->mutex);
    return u != NULL;
}

enum kn_rc kn_system_forgot_password(struct kn_system *s, struct kn_str email,
                                     struct kn_str peer_ip, struct kn_err *err)
{
    enum { ASKED_MAX = 20, MAILS_MAX = 3 };
    static const int64_t reset_us = INT64_C(3600) * 1000000;
    unsigned char hash[KN_SECRET_BYTES];
    struct kn_arena arena;
    struct kn_buf json;
    kn_arena_init(&arena, 1 << 16);
    struct kn_str address = kn_fold_email(email, &arena);
    struct kn_str secret = kn_sys_secret(s, &arena, hash);
    kn_mutex_lock(&s->mutex);
    bool may = kn_sys_try(s, 'f', peer_ip, ASKED_MAX);
    const struct kn_sys_user *found = kn_sys_user_by_email(s, address);
    bool sends = found && !found->disabled && found->password[0] && kn_sys_has_mail(s) &&
                 kn_mail_address(address) && kn_sys_try(s, 'g', address, MAILS_MAX);
    enum kn_rc rc = KN_OK;
    if (!may) {
        rc = kn_fail(err, KN_E_LIMIT, "too many tries: wait a quarter of an hour");
    } else if (sends) {
        struct kn_sys_user u = *found;
        memcpy(u.invite, hash, sizeof hash);
        u.invite_until_us = kn_sys_now() + reset_us;
        kn_sys_begin(&json, "user");
        kn_sys_put_user(&json, &u);
        kn_sys_put_letter(s, &json, KN_LETTER_RESET, address, secret, u.invite_until_us);
        rc = kn_sys_record(s, &json, err);
    } else { /* as long as the other way: nobody learns who exists */
        kn_sys_begin(&json, "nobody");
        rc = kn_sys_record(s, &json, err);
    }
    kn_mutex_unlock(&s->mutex);
    kn_arena_deinit(&arena);
    return rc;
}
