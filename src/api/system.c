/* The system store: the fold over its log, workspaces and tokens. */
#include <sodium.h>

#include "api/system_internal.h"
#include "base/mem.h"
#include "format/json.h"
#include "format/token.h"

enum { SEGMENT_BYTES = 1 << 20 };

static char *copy(struct kn_str s)
{
    char *text = kn_must_alloc(s.len + 1);
    if (s.len > 0) {
        memcpy(text, s.p, s.len);
    }
    text[s.len] = '\0';
    return text;
}

int64_t kn_sys_now(void)
{
    return kn_clock_wall_us(kn_clock_posix());
}

/* Tokens have 200 bits and more of randomness: a fast hash is right for them (passwords get
 * Argon2). Source: BLAKE2 (RFC 7693), libsodium. */
void kn_sys_hash(const struct kn_system *s, struct kn_str secret, unsigned char *to)
{
    (void)crypto_generichash(to, KN_SECRET_BYTES, (const unsigned char *)secret.p, secret.len,
                             s->key, sizeof s->key);
}

struct kn_str kn_sys_secret(struct kn_system *s, struct kn_arena *arena, unsigned char *hash)
{
    unsigned char random[KN_SECRET_BYTES];
    struct kn_buf text;
    kn_random_fill(s->random, random, sizeof random);
    kn_buf_init(&text, 64);
    kn_base64url_encode(kn_str(random, sizeof random), &text);
    struct kn_str secret = kn_arena_str(arena, kn_buf_view(&text));
    kn_buf_deinit(&text);
    kn_sys_hash(s, secret, hash);
    return secret;
}

struct kn_str kn_sys_id(struct kn_system *s, const char *prefix, struct kn_arena *arena)
{
    unsigned char random[KN_SYSTEM_ID_BYTES];
    char text[32] = {0};
    size_t len = strlen(prefix);
    kn_random_fill(s->random, random, sizeof random);
    memcpy(text, prefix, len);
    kn_alnum_encode(random, sizeof random, text + len);
    return kn_arena_str(arena, kn_str(text, len + sizeof random));
}

/* ---- roles ---- */

static const char *const role_names[] = {"none",      "analyst", "marketer",
                                         "developer", "admin",   "owner"};

const char *kn_role_name(enum kn_role role)
{
    return role_names[role];
}

enum kn_role kn_role_parse(struct kn_str name)
{
    for (unsigned i = KN_ROLE_ANALYST; i <= KN_ROLE_OWNER; i++) {
        if (kn_str_eq(name, kn_str_c(role_names[i]))) {
            return (enum kn_role)i;
        }
    }
    return KN_ROLE_NONE;
}

/* ---- finding ---- */

struct kn_sys_user *kn_sys_user_by_id(struct kn_system *s, struct kn_str id)
{
    for (size_t i = 0; i < s->user_count; i++) {
        if (kn_str_eq(kn_str_c(s->users[i].id), id)) {
            return &s->users[i];
        }
    }
    return NULL;
}

struct kn_sys_user *kn_sys_user_by_email(struct kn_system *s, struct kn_str email)
{
    for (size_t i = 0; i < s->user_count; i++) {
        if (kn_str_eq(kn_str_c(s->users[i].email), email)) {
            return &s->users[i];
        }
    }
    return NULL;
}

struct kn_sys_session *kn_sys_session(struct kn_system *s, const unsigned char *hash, int64_t now)
{
    for (size_t i = 0; i < KN_SESSIONS_MAX; i++) {
        struct kn_sys_session *one = &s->sessions[i];
        if (one->used && one->until_us >= now &&
            sodium_memcmp(one->hash, hash, KN_SECRET_BYTES) == 0) {
            return one;
        }
    }
    return NULL;
}

/* ---- the fold over the system log ---- */

static struct kn_str member(struct kn_str json, const char *key, struct kn_arena *arena)
{
    size_t offset = 0;
    struct kn_str name;
    struct kn_str value;
    while (kn_json_walk(json, &offset, &name, &value)) {
        if (kn_str_eq(name, kn_str_c(key))) {
            return value.len >= 2 && value.p[0] == '"'
                       ? kn_json_unescape(kn_str_sub(value, 1, value.len - 1), arena)
                       : value;
        }
    }
    return KN_STR_EMPTY;
}

static int64_t number(struct kn_str json, const char *key, struct kn_arena *arena)
{
    uint64_t value = 0;
    (void)kn_str_u64(member(json, key, arena), &value);
    return value <= INT64_MAX ? (int64_t)value : 0;
}

static enum kn_role role_of(struct kn_str json, struct kn_arena *arena)
{
    int64_t role = number(json, "role", arena);
    return role >= 0 && role <= KN_ROLE_OWNER ? (enum kn_role)role : KN_ROLE_NONE;
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

static void free_user(struct kn_sys_user *u)
{
    char *texts[] = {u->id, u->email, u->name, u->workspace, u->password};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        kn_free(texts[i]);
    }
}

static void set_user(struct kn_system *s, struct kn_str json, struct kn_arena *arena)
{
    struct kn_str id = member(json, "id", arena);
    struct kn_sys_user *u = kn_sys_user_by_id(s, id);
    if (!u) {
        s->users = kn_must_realloc(s->users, (s->user_count + 1) * sizeof *s->users);
        u = &s->users[s->user_count++];
        *u = (struct kn_sys_user){0};
    }
    struct kn_sys_user old = *u;
    *u = (struct kn_sys_user){
        .id = copy(id),
        .email = copy(member(json, "email", arena)),
        .name = copy(member(json, "name", arena)),
        .workspace = copy(member(json, "workspace", arena)),
        .password = copy(member(json, "password", arena)),
        .invite_until_us = number(json, "invite_until", arena),
        .created_us = number(json, "created", arena),
        .signed_in_us = old.signed_in_us,
        .role = role_of(json, arena),
        .disabled = kn_str_eq(member(json, "disabled", arena), KN_STR("true")),
    };
    free_user(&old);
    (void)kn_hex_decode(member(json, "invite", arena), u->invite, sizeof u->invite);
    /* A change of password or of standing ends sessions, but the one that made it. */
    if (kn_str_eq(member(json, "end_sessions", arena), KN_STR("true")) || u->disabled) {
        unsigned char keep[KN_SECRET_BYTES] = {0};
        (void)kn_hex_decode(member(json, "keep", arena), keep, sizeof keep);
        end_sessions(s, (size_t)(u - s->users), keep);
    }
}

static void set_token(struct kn_system *s, struct kn_str json, const unsigned char *hash,
                      struct kn_arena *arena)
{
    s->tokens = kn_must_realloc(s->tokens, (s->token_count + 1) * sizeof *s->tokens);
    struct kn_sys_token *t = &s->tokens[s->token_count++];
    *t = (struct kn_sys_token){.id = copy(member(json, "id", arena)),
                               .name = copy(member(json, "name", arena)),
                               .workspace = copy(member(json, "workspace", arena)),
                               .created_us = number(json, "created", arena),
                               .role = role_of(json, arena)};
    memcpy(t->hash, hash, sizeof t->hash);
}

static void end_token(struct kn_system *s, struct kn_str id)
{
    for (size_t i = 0; i < s->token_count; i++) {
        if (kn_str_eq(kn_str_c(s->tokens[i].id), id)) {
            s->tokens[i].role = KN_ROLE_NONE;
        }
    }
}

static void add_session(struct kn_system *s, struct kn_str json, const unsigned char *hash,
                        struct kn_arena *arena)
{
    struct kn_sys_user *user = kn_sys_user_by_id(s, member(json, "user", arena));
    int64_t until_us = number(json, "until", arena);
    int64_t now = kn_sys_now();
    struct kn_sys_session *place = &s->sessions[0];
    if (!user) {
        return;
    }
    user->signed_in_us = number(json, "at", arena);
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
    *place = (struct kn_sys_session){
        .user = (size_t)(user - s->users), .until_us = until_us, .used = true};
    memcpy(place->hash, hash, sizeof place->hash);
}

static void apply_record(struct kn_system *s, struct kn_str json)
{
    struct kn_arena arena;
    unsigned char hash[KN_SECRET_BYTES] = {0};
    kn_arena_init(&arena, 1 << 20);
    struct kn_str kind = member(json, "kind", &arena);
    bool hashed = kn_hex_decode(member(json, "hash", &arena), hash, sizeof hash);
    if (kn_str_eq(kind, KN_STR("workspace"))) {
        s->workspaces =
            kn_must_realloc(s->workspaces, (s->workspace_count + 1) * sizeof *s->workspaces);
        s->workspaces[s->workspace_count++] = copy(member(json, "name", &arena));
    } else if (kn_str_eq(kind, KN_STR("user"))) {
        set_user(s, json, &arena);
    } else if (kn_str_eq(kind, KN_STR("token")) && hashed) {
        set_token(s, json, hash, &arena);
    } else if (kn_str_eq(kind, KN_STR("token_end"))) {
        end_token(s, member(json, "id", &arena));
    } else if (kn_str_eq(kind, KN_STR("session")) && hashed) {
        add_session(s, json, hash, &arena);
    } else if (kn_str_eq(kind, KN_STR("session_end")) && hashed) {
        struct kn_sys_session *session = kn_sys_session(s, hash, INT64_MIN);
        if (session) {
            session->used = false;
        }
    }
    kn_arena_deinit(&arena);
}

/* ---- records ---- */

void kn_sys_begin(struct kn_buf *json, const char *kind)
{
    kn_buf_init(json, KN_SYSTEM_RECORD_MAX);
    kn_buf_char(json, '{');
    kn_json_out_kv(json, "kind", kn_str_c(kind));
}

void kn_sys_put_hash(struct kn_buf *json, const char *key, const unsigned char *hash)
{
    char hex[2 * KN_SECRET_BYTES];
    kn_hex_encode(hash, KN_SECRET_BYTES, hex);
    kn_json_out_kv(json, key, kn_str(hex, sizeof hex));
}

void kn_sys_put_user(struct kn_buf *json, const struct kn_sys_user *u)
{
    kn_json_out_kv(json, "id", kn_str_c(u->id));
    kn_json_out_kv(json, "email", kn_str_c(u->email));
    kn_json_out_kv(json, "name", kn_str_c(u->name));
    kn_json_out_kv(json, "workspace", kn_str_c(u->workspace));
    kn_json_out_kv(json, "password", kn_str_c(u->password));
    kn_json_out_ki64(json, "role", (int64_t)u->role);
    kn_json_out_kbool(json, "disabled", u->disabled);
    kn_json_out_ki64(json, "created", u->created_us);
    if (u->invite_until_us != 0) {
        kn_sys_put_hash(json, "invite", u->invite);
        kn_json_out_ki64(json, "invite_until", u->invite_until_us);
    }
}

static enum kn_rc write_record(struct kn_system *s, struct kn_buf *json, struct kn_err *err)
{
    uint64_t seq;
    int64_t record_us;
    struct kn_log_group *group;
    KN_TRY(json->rc == KN_OK ? KN_OK : kn_fail(err, json->rc, "the record is too large"));
    KN_TRY(kn_log_stage(s->log, kn_buf_view(json), 1, 0, kn_clock_wall_us(s->clock), &seq,
                        &record_us, err));
    KN_TRY(kn_log_commit(s->log, &group, err));
    kn_log_group_free(group);
    apply_record(s, kn_buf_view(json));
    return KN_OK;
}

enum kn_rc kn_sys_record(struct kn_system *s, struct kn_buf *json, struct kn_err *err)
{
    kn_buf_char(json, '}');
    enum kn_rc rc = write_record(s, json, err);
    if (json->p) {
        sodium_memzero(json->p, json->len);
    }
    kn_buf_deinit(json);
    return rc;
}

static enum kn_rc replay(struct kn_system *s, struct kn_err *err)
{
    struct kn_log_reader *reader;
    struct kn_frame frame;
    enum kn_rc rc;
    KN_TRY(kn_log_reader_open(s->log, 1, &reader, err));
    while ((rc = kn_log_read(reader, &frame, err)) == KN_OK) {
        apply_record(s, frame.body);
    }
    kn_log_reader_close(reader);
    return rc == KN_E_NOT_FOUND ? KN_OK : rc;
}

/* ---- open and close ---- */

enum kn_rc kn_system_open(struct kn_disk disk, const char *dir, struct kn_clock clock,
                          struct kn_random random, struct kn_system **ret, struct kn_err *err)
{
    struct kn_system *s = kn_must_calloc(1, sizeof *s);
    struct kn_log_options options = {
        .dir = dir, .segment_bytes = SEGMENT_BYTES, .group_bytes_max = SEGMENT_BYTES};
    struct kn_log_recovery found = {0};
    kn_mutex_init(&s->mutex);
    s->clock = clock;
    s->random = random;
    enum kn_rc rc = sodium_init() >= 0 ? KN_OK : kn_fail(err, KN_E_IO, "libsodium cannot start");
    if (rc == KN_OK) {
        rc = kn_log_open(disk, &options, 0, 1, &s->log, &found, err);
    }
    if (rc == KN_OK) {
        rc = kn_sys_load_secrets(s, disk, found.last_seq == 0, err);
    }
    if (rc == KN_OK) {
        rc = replay(s, err);
    }
    if (rc != KN_OK) {
        kn_system_close(s);
        return rc;
    }
    *ret = s;
    return KN_OK;
}

void kn_system_close(struct kn_system *s)
{
    if (!s) {
        return;
    }
    kn_log_close(s->log);
    for (size_t i = 0; i < s->workspace_count; i++) {
        kn_free(s->workspaces[i]);
    }
    for (size_t i = 0; i < s->user_count; i++) {
        free_user(&s->users[i]);
    }
    for (size_t i = 0; i < s->token_count; i++) {
        kn_free(s->tokens[i].id);
        kn_free(s->tokens[i].name);
        kn_free(s->tokens[i].workspace);
    }
    kn_free(s->workspaces);
    kn_free(s->users);
    kn_free(s->tokens);
    kn_mutex_deinit(&s->mutex);
    sodium_memzero(s->key, sizeof s->key);
    kn_free(s);
}

bool kn_system_is_new(struct kn_system *s)
{
    return s->workspace_count == 0;
}

/* ---- workspaces ---- */

enum kn_rc kn_system_add_workspace(struct kn_system *s, struct kn_str name, struct kn_err *err)
{
    struct kn_buf json;
    kn_sys_begin(&json, "workspace");
    kn_json_out_kv(&json, "name", name);
    kn_mutex_lock(&s->mutex);
    enum kn_rc rc = kn_sys_record(s, &json, err);
    kn_mutex_unlock(&s->mutex);
    return rc;
}

bool kn_system_workspace(struct kn_system *s, size_t index, struct kn_arena *arena,
                         struct kn_str *ret)
{
    kn_mutex_lock(&s->mutex);
    bool found = index < s->workspace_count;
    if (found) {
        *ret = kn_arena_str(arena, kn_str_c(s->workspaces[index]));
    }
    kn_mutex_unlock(&s->mutex);
    return found;
}

/* ---- tokens ---- */

enum kn_rc kn_system_add_token(struct kn_system *s, struct kn_str name, struct kn_str token,
                               enum kn_role role, struct kn_str workspace, struct kn_arena *arena,
                               struct kn_str *ret_id, struct kn_err *err)
{
    unsigned char hash[KN_SECRET_BYTES];
    struct kn_buf json;
    struct kn_str id = kn_sys_id(s, "tok_", arena);
    kn_sys_hash(s, token, hash);
    kn_sys_begin(&json, "token");
    kn_json_out_kv(&json, "id", id);
    kn_json_out_kv(&json, "name", name);
    kn_sys_put_hash(&json, "hash", hash);
    kn_json_out_ki64(&json, "role", (int64_t)role);
    kn_json_out_kv(&json, "workspace", workspace);
    kn_json_out_ki64(&json, "created", kn_sys_now());
    kn_mutex_lock(&s->mutex);
    enum kn_rc rc = kn_sys_record(s, &json, err);
    kn_mutex_unlock(&s->mutex);
    if (rc == KN_OK && ret_id) {
        *ret_id = id;
    }
    return rc;
}

void kn_system_lend_token(struct kn_system *s, struct kn_str token)
{
    kn_mutex_lock(&s->mutex);
    s->tokens = kn_must_realloc(s->tokens, (s->token_count + 1) * sizeof *s->tokens);
    struct kn_sys_token *t = &s->tokens[s->token_count++];
    *t = (struct kn_sys_token){.id = copy(KN_STR("local")),
                               .name = copy(KN_STR("this process")),
                               .workspace = copy(KN_STR_EMPTY),
                               .role = KN_ROLE_OWNER};
    kn_sys_hash(s, token, t->hash);
    kn_mutex_unlock(&s->mutex);
}

bool kn_system_token_at(struct kn_system *s, size_t index, struct kn_arena *arena,
                        struct kn_token_info *ret)
{
    kn_mutex_lock(&s->mutex);
    bool found = index < s->token_count;
    *ret = (struct kn_token_info){0};
    if (found && s->tokens[index].role != KN_ROLE_NONE) {
        const struct kn_sys_token *t = &s->tokens[index];
        *ret = (struct kn_token_info){
            .id = kn_arena_str(arena, kn_str_c(t->id)),
            .name = kn_arena_str(arena, kn_str_c(t->name)),
            .workspace = kn_arena_str(arena, kn_str_c(t->workspace)),
            .role = t->role,
            .created_us = t->created_us,
        };
    }
    kn_mutex_unlock(&s->mutex);
    return found;
}

enum kn_rc kn_system_remove_token(struct kn_system *s, struct kn_str id, struct kn_err *err)
{
    bool found = false;
    struct kn_buf json;
    kn_sys_begin(&json, "token_end");
    kn_json_out_kv(&json, "id", id);
    kn_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->token_count; i++) {
        found = found ||
                (s->tokens[i].role != KN_ROLE_NONE && kn_str_eq(kn_str_c(s->tokens[i].id), id));
    }
    enum kn_rc rc = found ? kn_sys_record(s, &json, err)
                          : kn_fail(err, KN_E_NOT_FOUND, "there is no such token");
    kn_mutex_unlock(&s->mutex);
    if (!found) {
        kn_buf_deinit(&json);
    }
    return rc;
}

bool kn_system_token(struct kn_system *s, struct kn_str token, struct kn_arena *arena,
                     struct kn_caller *ret)
{
    unsigned char hash[KN_SECRET_BYTES];
    bool found = false;
    kn_sys_hash(s, token, hash);
    kn_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->token_count; i++) {
        const struct kn_sys_token *t = &s->tokens[i];
        if (t->role != KN_ROLE_NONE && sodium_memcmp(t->hash, hash, sizeof hash) == 0) {
            *ret = (struct kn_caller){
                .role = t->role,
                .id = kn_arena_str(arena, kn_str_c(t->id)),
                .name = kn_arena_str(arena, kn_str_c(t->name)),
                .workspace = kn_arena_str(arena, kn_str_c(t->workspace)),
            };
            found = true;
        }
    }
    kn_mutex_unlock(&s->mutex);
    return found;
}
