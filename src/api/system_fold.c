/* The fold over the system log: what a record does to users, tokens, sessions and workspaces. */
#include <sodium.h>

#include "api/system_internal.h"
#include "base/mem.h"
#include "format/json.h"
#include "format/token.h"

char *kn_sys_copy(struct kn_str s)
{
    char *text = kn_must_alloc(s.len + 1);
    if (s.len > 0) {
        memcpy(text, s.p, s.len);
    }
    text[s.len] = '\0';
    return text;
}

struct kn_str kn_sys_member(struct kn_str json, const char *key, struct kn_arena *arena)
{
    struct kn_str value = kn_json_member(json, kn_str_c(key));
    return value.len >= 2 && value.p[0] == '"'
               ? kn_json_unescape(kn_str_sub(value, 1, value.len - 1), arena)
               : value;
}

int64_t kn_sys_number(struct kn_str json, const char *key, struct kn_arena *arena)
{
    uint64_t value = 0;
    (void)kn_str_u64(kn_sys_member(json, key, arena), &value);
    return value <= INT64_MAX ? (int64_t)value : 0;
}

static enum kn_role role_of(struct kn_str json, struct kn_arena *arena)
{
    int64_t role = kn_sys_number(json, "role", arena);
    return role >= 0 && role <= KN_ROLE_OWNER ? (enum kn_role)role : KN_ROLE_NONE;
}

static bool is_true(struct kn_str json, const char *key, struct kn_arena *arena)
{
    return kn_str_eq(kn_sys_member(json, key, arena), KN_STR("true"));
}

/* Export was part of the administrator's role once: records of that time do not say it. */
static bool may_export(struct kn_str json, enum kn_role role, struct kn_arena *arena)
{
    struct kn_str said = kn_sys_member(json, "export", arena);
    return said.len > 0 ? kn_str_eq(said, KN_STR("true")) : role >= KN_ROLE_ADMIN;
}

static void end_sessions(struct kn_system *s, size_t user, const unsigned char *keep)
{
    for (size_t i = 0; i < KN_SESSIONS_MAX; i++) {
        struct kn_sys_session *one = &s->sessions[i];
        if (one->used && one->user == user &&
            sodium_memcmp(one->hash, keep, KN_SECRET_BYTES) != 0) {
            one->used = false;
        }
    }
}

void kn_sys_free_user(struct kn_sys_user *u)
{
    char *texts[] = {u->id, u->email, u->name, u->workspace, u->password};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        kn_free(texts[i]);
    }
}

static void set_user(struct kn_system *s, struct kn_str json, struct kn_arena *arena)
{
    struct kn_str id = kn_sys_member(json, "id", arena);
    struct kn_sys_user *u = kn_sys_user_by_id(s, id);
    if (!u) {
        s->users = kn_must_realloc(s->users, (s->user_count + 1) * sizeof *s->users);
        u = &s->users[s->user_count++];
        *u = (struct kn_sys_user){0};
    }
    struct kn_sys_user old = *u;
    *u = (struct kn_sys_user){
        .id = kn_sys_copy(id),
        .email = kn_sys_copy(kn_sys_member(json, "email", arena)),
        .name = kn_sys_copy(kn_sys_member(json, "name", arena)),
        .workspace = kn_sys_copy(kn_sys_member(json, "workspace", arena)),
        .password = kn_sys_copy(kn_sys_member(json, "password", arena)),
        .invite_until_us = kn_sys_number(json, "invite_until", arena),
        .created_us = kn_sys_number(json, "created", arena),
        .signed_in_us = old.signed_in_us,
        .role = role_of(json, arena),
        .may_export = may_export(json, role_of(json, arena), arena),
        .disabled = is_true(json, "disabled", arena),
        .factor = old.factor,
    };
    kn_sys_free_user(&old);
    (void)kn_hex_decode(kn_sys_member(json, "invite", arena), u->invite, sizeof u->invite);
    /* A change of password or of standing ends sessions, but the one that made it. */
    if (is_true(json, "end_sessions", arena) || u->disabled) {
        unsigned char keep[KN_SECRET_BYTES] = {0};
        (void)kn_hex_decode(kn_sys_member(json, "keep", arena), keep, sizeof keep);
        end_sessions(s, (size_t)(u - s->users), keep);
    }
}

/* The place stays, without anything of the person. */
static void end_user(struct kn_system *s, struct kn_str id)
{
    static const unsigned char nobody[KN_SECRET_BYTES] = {0};
    struct kn_sys_user *u = kn_sys_user_by_id(s, id);
    if (u) {
        end_sessions(s, (size_t)(u - s->users), nobody);
        kn_sys_free_user(u);
        *u = (struct kn_sys_user){.id = kn_sys_copy(KN_STR_EMPTY),
                                  .email = kn_sys_copy(KN_STR_EMPTY),
                                  .name = kn_sys_copy(KN_STR_EMPTY),
                                  .workspace = kn_sys_copy(KN_STR_EMPTY),
                                  .password = kn_sys_copy(KN_STR_EMPTY),
                                  .removed = true};
    }
}

/* ---- second factors ---- */

static void begin_factor(struct kn_system *s, struct kn_str json, struct kn_arena *arena)
{
    struct kn_sys_user *u = kn_sys_user_by_id(s, kn_sys_member(json, "user", arena));
    struct kn_str secret;
    if (u && kn_sys_unseal(s, kn_sys_member(json, "secret", arena), arena, &secret) &&
        secret.len == sizeof u->factor.secret) {
        u->factor = (struct kn_sys_factor){.begun = true};
        memcpy(u->factor.secret, secret.p, secret.len);
    }
}

static void confirm_factor(struct kn_system *s, struct kn_str json, struct kn_arena *arena)
{
    struct kn_sys_user *u = kn_sys_user_by_id(s, kn_sys_member(json, "user", arena));
    if (u && kn_hex_decode(kn_sys_member(json, "codes", arena), &u->factor.codes[0][0],
                           sizeof u->factor.codes)) {
        u->factor.confirmed = true;
        u->factor.step = (uint64_t)kn_sys_number(json, "step", arena);
    }
}

static void end_factor(struct kn_system *s, struct kn_str json, struct kn_arena *arena)
{
    struct kn_sys_user *u = kn_sys_user_by_id(s, kn_sys_member(json, "user", arena));
    if (u) {
        u->factor = (struct kn_sys_factor){0};
    }
}

/* A session that began with a code has used it up. */
static void use_factor(struct kn_sys_user *user, struct kn_str json, struct kn_arena *arena)
{
    unsigned char hash[KN_SECRET_BYTES];
    uint64_t step = (uint64_t)kn_sys_number(json, "step", arena);
    if (step > user->factor.step) {
        user->factor.step = step;
    }
    if (kn_hex_decode(kn_sys_member(json, "recovery", arena), hash, sizeof hash)) {
        for (size_t i = 0; i < KN_RECOVERY_CODES; i++) {
            if (sodium_memcmp(user->factor.codes[i], hash, sizeof hash) == 0) {
                memset(user->factor.codes[i], 0, sizeof hash);
            }
        }
    }
}

/* ---- tokens ---- */

static void set_token(struct kn_system *s, struct kn_str json, const unsigned char *hash,
                      struct kn_arena *arena)
{
    enum kn_role role = role_of(json, arena);
    unsigned permissions = (unsigned)kn_sys_number(json, "permissions", arena);
    if (permissions == 0) { /* records of before there were permissions */
        permissions = kn_role_permissions(role) | (role >= KN_ROLE_ADMIN ? KN_MAY_EXPORT : 0U);
    }
    s->tokens = kn_must_realloc(s->tokens, (s->token_count + 1) * sizeof *s->tokens);
    struct kn_sys_token *t = &s->tokens[s->token_count++];
    *t = (struct kn_sys_token){.id = kn_sys_copy(kn_sys_member(json, "id", arena)),
                               .name = kn_sys_copy(kn_sys_member(json, "name", arena)),
                               .workspace = kn_sys_copy(kn_sys_member(json, "workspace", arena)),
                               .created_us = kn_sys_number(json, "created", arena),
                               .role = role,
                               .permissions = permissions};
    memcpy(t->hash, hash, sizeof t->hash);
}

static struct kn_sys_token *token_by_id(struct kn_system *s, struct kn_str id)
{
    for (size_t i = 0; i < s->token_count; i++) {
        if (kn_str_eq(kn_str_c(s->tokens[i].id), id)) {
            return &s->tokens[i];
        }
    }
    return NULL;
}

static void end_token(struct kn_system *s, struct kn_str id)
{
    struct kn_sys_token *t = token_by_id(s, id);
    if (t) {
        t->permissions = 0;
    }
}

static void use_token(struct kn_system *s, struct kn_str json, struct kn_arena *arena)
{
    struct kn_sys_token *t = token_by_id(s, kn_sys_member(json, "id", arena));
    if (t) {
        t->stored_us = kn_sys_number(json, "at", arena);
        t->used_us = t->used_us < t->stored_us ? t->stored_us : t->used_us;
    }
}

/* ---- sessions ---- */

static void copy_word(struct kn_str text, char *to, size_t room)
{
    size_t len = text.len < room ? text.len : room - 1;
    if (len > 0) {
        memcpy(to, text.p, len);
    }
    to[len] = '\0';
}

static void add_session(struct kn_system *s, struct kn_str json, const unsigned char *hash,
                        struct kn_arena *arena)
{
    struct kn_sys_user *user = kn_sys_user_by_id(s, kn_sys_member(json, "user", arena));
    int64_t until_us = kn_sys_number(json, "until", arena);
    int64_t now = kn_sys_now();
    struct kn_sys_session *place = &s->sessions[0];
    if (!user) {
        return;
    }
    user->signed_in_us = kn_sys_number(json, "at", arena);
    use_factor(user, json, arena);
    if (until_us < now) {
        return;
    }
    for (size_t i = 0; i < KN_SESSIONS_MAX; i++) {
        struct kn_sys_session *one = &s->sessions[i];
        if (!one->used || one->until_us < now) {
            place = one;
            break;
        }
        place = one->until_us < place->until_us ? one : place;
    }
    *place = (struct kn_sys_session){.user = (size_t)(user - s->users),
                                     .created_us = user->signed_in_us,
                                     .until_us = until_us,
                                     .used = true};
    memcpy(place->hash, hash, sizeof place->hash);
    copy_word(kn_sys_member(json, "address", arena), place->address, sizeof place->address);
    copy_word(kn_sys_member(json, "browser", arena), place->browser, sizeof place->browser);
    copy_word(kn_sys_member(json, "platform", arena), place->platform, sizeof place->platform);
}

static void apply_hashed(struct kn_system *s, struct kn_str kind, struct kn_str json,
                         const unsigned char *hash, struct kn_arena *arena)
{
    if (kn_str_eq(kind, KN_STR("token"))) {
        set_token(s, json, hash, arena);
    } else if (kn_str_eq(kind, KN_STR("session"))) {
        add_session(s, json, hash, arena);
    } else if (kn_str_eq(kind, KN_STR("session_end"))) {
        struct kn_sys_session *session = kn_sys_session(s, hash, INT64_MIN);
        if (session) {
            session->used = false;
        }
    }
}

static void end_all_sessions(struct kn_system *s, struct kn_str json, struct kn_arena *arena)
{
    unsigned char keep[KN_SECRET_BYTES] = {0};
    const struct kn_sys_user *u = kn_sys_user_by_id(s, kn_sys_member(json, "user", arena));
    if (u) {
        (void)kn_hex_decode(kn_sys_member(json, "keep", arena), keep, sizeof keep);
        end_sessions(s, (size_t)(u - s->users), keep);
    }
}

void kn_sys_apply(struct kn_system *s, struct kn_str json)
{
    struct kn_arena arena;
    unsigned char hash[KN_SECRET_BYTES] = {0};
    kn_arena_init(&arena, 1 << 20);
    struct kn_str kind = kn_sys_member(json, "kind", &arena);
    kn_sys_apply_mail(s, kind, json, &arena);
    if (kn_str_eq(kind, KN_STR("workspace"))) {
        s->workspaces =
            kn_must_realloc(s->workspaces, (s->workspace_count + 1) * sizeof *s->workspaces);
        s->workspaces[s->workspace_count++] = kn_sys_copy(kn_sys_member(json, "name", &arena));
    } else if (kn_str_eq(kind, KN_STR("user"))) {
        set_user(s, json, &arena);
    } else if (kn_str_eq(kind, KN_STR("user_end"))) {
        end_user(s, kn_sys_member(json, "id", &arena));
    } else if (kn_str_eq(kind, KN_STR("factor"))) {
        begin_factor(s, json, &arena);
    } else if (kn_str_eq(kind, KN_STR("factor_on"))) {
        confirm_factor(s, json, &arena);
    } else if (kn_str_eq(kind, KN_STR("factor_end"))) {
        end_factor(s, json, &arena);
    } else if (kn_str_eq(kind, KN_STR("token_end"))) {
        end_token(s, kn_sys_member(json, "id", &arena));
    } else if (kn_str_eq(kind, KN_STR("token_used"))) {
        use_token(s, json, &arena);
    } else if (kn_str_eq(kind, KN_STR("sessions_end"))) {
        end_all_sessions(s, json, &arena);
    } else if (kn_hex_decode(kn_sys_member(json, "hash", &arena), hash, sizeof hash)) {
        apply_hashed(s, kind, json, hash, &arena);
    }
    kn_arena_deinit(&arena);
}
