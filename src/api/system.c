#include "api/system.h"

#include <sodium.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "format/fold.h"
#include "format/json.h"
#include "format/token.h"
#include "log/log.h"
#include "os/thread.h"

enum {
    SEGMENT_BYTES = 1 << 20,
    SECRET_HASH = 32,
    SESSIONS_MAX = 1000,
    TRIES_MAX = 10, /* wrong passwords per e-mail and quarter of an hour */
    TRY_SLOTS = 256,
    MAX_RECORD = 8192,
};
#define TRY_WINDOW_US (15 * 60 * INT64_C(1000000))
#define SESSION_US (12 * 3600 * INT64_C(1000000))

struct user {
    char *email, *password; /* Argon2id text */
    enum kn_role role;
};
struct token {
    char *name, *workspace;
    unsigned char hash[SECRET_HASH];
    enum kn_role role;
};
/* UI sessions live as long as the process: signing in again after a restart is fine. */
struct session {
    unsigned char hash[SECRET_HASH];
    size_t user;
    int64_t until_us;
    bool used;
};
struct tries {
    uint64_t email;
    int64_t since_us;
    unsigned count;
};

struct kn_system {
    struct kn_mutex mutex;
    struct kn_log *log;
    struct kn_clock clock;
    struct kn_random random;
    char **workspaces;
    size_t workspace_count;
    struct user *users;
    size_t user_count;
    struct token *tokens;
    size_t token_count;
    struct session sessions[SESSIONS_MAX];
    struct tries tries[TRY_SLOTS];
};

/* Tokens have 200 bits and more of randomness: a fast hash is right for them (passwords get Argon2). */
static void hash_secret(struct kn_str secret, unsigned char to[SECRET_HASH])
{
    (void)crypto_generichash(to, SECRET_HASH, (const unsigned char *)secret.p, secret.len, NULL, 0);
}

static char *copy(struct kn_str s)
{
    char *text = kn_must_alloc(s.len + 1);
    if (s.len > 0) {
        memcpy(text, s.p, s.len);
    }
    text[s.len] = '\0';
    return text;
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

static enum kn_role role_of(struct kn_str text)
{
    uint64_t number;
    return kn_str_u64(text, &number) && number <= KN_ROLE_OWNER ? (enum kn_role)number
                                                                : KN_ROLE_NONE;
}

static unsigned char hex_value(char c)
{
    return (unsigned char)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
}

static void apply_record(struct kn_system *s, struct kn_str json)
{
    struct kn_arena arena;
    kn_arena_init(&arena, 1 << 20);
    struct kn_str kind = member(json, "kind", &arena);
    if (kn_str_eq(kind, KN_STR("workspace"))) {
        s->workspaces =
            kn_must_realloc(s->workspaces, (s->workspace_count + 1) * sizeof *s->workspaces);
        s->workspaces[s->workspace_count++] = copy(member(json, "name", &arena));
    } else if (kn_str_eq(kind, KN_STR("user"))) {
        s->users = kn_must_realloc(s->users, (s->user_count + 1) * sizeof *s->users);
        s->users[s->user_count++] = (struct user){copy(member(json, "email", &arena)),
                                                  copy(member(json, "password", &arena)),
                                                  role_of(member(json, "role", &arena))};
    } else if (kn_str_eq(kind, KN_STR("token"))) {
        s->tokens = kn_must_realloc(s->tokens, (s->token_count + 1) * sizeof *s->tokens);
        struct token *t = &s->tokens[s->token_count++];
        *t = (struct token){.name = copy(member(json, "name", &arena)),
                            .workspace = copy(member(json, "workspace", &arena)),
                            .role = role_of(member(json, "role", &arena))};
        struct kn_str hash = member(json, "hash", &arena);
        for (size_t i = 0; i < SECRET_HASH && 2 * i + 1 < hash.len; i++) {
            t->hash[i] = (unsigned char)(hex_value(hash.p[2 * i]) << 4 | hex_value(hash.p[2 * i + 1]));
        }
    }
    kn_arena_deinit(&arena);
}

/* Durable first, then true. */
static enum kn_rc record(struct kn_system *s, struct kn_buf *json, struct kn_err *err)
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

enum kn_rc kn_system_open(struct kn_disk disk, const char *dir, struct kn_clock clock,
                          struct kn_random random, struct kn_system **ret, struct kn_err *err)
{
    struct kn_system *s = kn_must_calloc(1, sizeof *s);
    struct kn_log_options options = {
        .dir = dir, .segment_bytes = SEGMENT_BYTES, .group_bytes_max = SEGMENT_BYTES};
    struct kn_log_recovery found;
    kn_mutex_init(&s->mutex);
    s->clock = clock;
    s->random = random;
    enum kn_rc rc = sodium_init() >= 0 ? KN_OK : kn_fail(err, KN_E_IO, "libsodium cannot start");
    if (rc == KN_OK) {
        rc = kn_log_open(disk, &options, 0, 1, &s->log, &found, err);
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
        kn_free(s->users[i].email);
        kn_free(s->users[i].password);
    }
    for (size_t i = 0; i < s->token_count; i++) {
        kn_free(s->tokens[i].name);
        kn_free(s->tokens[i].workspace);
    }
    kn_free(s->workspaces);
    kn_free(s->users);
    kn_free(s->tokens);
    kn_mutex_deinit(&s->mutex);
    kn_free(s);
}

bool kn_system_is_new(struct kn_system *s)
{
    return s->workspace_count == 0;
}

static enum kn_rc record_locked(struct kn_system *s, struct kn_buf *json, struct kn_err *err)
{
    kn_mutex_lock(&s->mutex);
    enum kn_rc rc = record(s, json, err);
    kn_mutex_unlock(&s->mutex);
    kn_buf_deinit(json);
    return rc;
}

static void begin(struct kn_buf *json, const char *kind)
{
    kn_buf_init(json, MAX_RECORD);
    kn_buf_char(json, '{');
    kn_json_out_kv(json, "kind", kn_str_c(kind));
}

enum kn_rc kn_system_add_workspace(struct kn_system *s, struct kn_str name, struct kn_err *err)
{
    struct kn_buf json;
    begin(&json, "workspace");
    kn_json_out_kv(&json, "name", name);
    kn_buf_char(&json, '}');
    return record_locked(s, &json, err);
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

enum kn_rc kn_system_add_user(struct kn_system *s, struct kn_str email, struct kn_str password,
                              enum kn_role role, struct kn_err *err)
{
    char hash[crypto_pwhash_STRBYTES];
    struct kn_buf json;
    if (crypto_pwhash_str(hash, password.p, password.len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
        return kn_fail(err, KN_E_NOMEM, "out of memory for the password hash");
    }
    begin(&json, "user");
    kn_json_out_kv(&json, "email", email);
    kn_json_out_kv(&json, "password", kn_str_c(hash));
    kn_json_out_ki64(&json, "role", (int64_t)role);
    kn_buf_char(&json, '}');
    return record_locked(s, &json, err);
}

enum kn_rc kn_system_add_token(struct kn_system *s, struct kn_str name, struct kn_str token,
                               enum kn_role role, struct kn_str workspace, struct kn_err *err)
{
    unsigned char hash[SECRET_HASH];
    char hex[2 * SECRET_HASH];
    struct kn_buf json;
    hash_secret(token, hash);
    kn_hex_encode(hash, sizeof hash, hex);
    begin(&json, "token");
    kn_json_out_kv(&json, "name", name);
    kn_json_out_kv(&json, "hash", kn_str(hex, sizeof hex));
    kn_json_out_ki64(&json, "role", (int64_t)role);
    kn_json_out_kv(&json, "workspace", workspace);
    kn_buf_char(&json, '}');
    return record_locked(s, &json, err);
}

bool kn_system_token(struct kn_system *s, struct kn_str token, struct kn_arena *arena,
                     struct kn_caller *ret)
{
    unsigned char hash[SECRET_HASH];
    bool found = false;
    hash_secret(token, hash);
    kn_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->token_count; i++) {
        const struct token *t = &s->tokens[i];
        if (sodium_memcmp(t->hash, hash, sizeof hash) == 0) {
            *ret = (struct kn_caller){
                .role = t->role,
                .name = kn_arena_str(arena, kn_str_c(t->name)),
                .workspace = kn_arena_str(arena, kn_str_c(t->workspace)),
            };
            found = true;
        }
    }
    kn_mutex_unlock(&s->mutex);
    return found;
}

/* ---- signing in ---- */

static bool may_try(struct kn_system *s, struct kn_str email, int64_t now)
{
    uint64_t hash = kn_checksum64(email) | 1;
    struct tries *t = &s->tries[hash % TRY_SLOTS];
    if (t->email != hash || now - t->since_us > TRY_WINDOW_US) {
        *t = (struct tries){hash, now, 0};
    }
    return ++t->count <= TRIES_MAX;
}

static char *password_of(struct kn_system *s, struct kn_str email, size_t *ret_user)
{
    char *password = NULL;
    for (size_t i = 0; i < s->user_count; i++) {
        if (kn_str_eq(kn_str_c(s->users[i].email), email)) {
            password = copy(kn_str_c(s->users[i].password));
            *ret_user = i;
        }
    }
    return password;
}

static void add_session(struct kn_system *s, size_t user, const unsigned char *hash, int64_t now)
{
    struct session *place = &s->sessions[0];
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *one = &s->sessions[i];
        if (!one->used || one->until_us < now) {
            place = one;
            break;
        }
        place = one->until_us < place->until_us ? one : place;
    }
    *place = (struct session){.user = user, .until_us = now + SESSION_US, .used = true};
    memcpy(place->hash, hash, sizeof place->hash);
}

enum kn_rc kn_system_sign_in(struct kn_system *s, struct kn_str email, struct kn_str password,
                             struct kn_str peer_ip, struct kn_arena *arena,
                             struct kn_str *ret_secret, struct kn_err *err)
{
    size_t user = 0;
    int64_t now = kn_clock_wall_us(kn_clock_posix());
    (void)peer_ip;
    email = kn_fold_email(email, arena);
    kn_mutex_lock(&s->mutex);
    bool may = may_try(s, email, now);
    char *hash = may ? password_of(s, email, &user) : NULL;
    kn_mutex_unlock(&s->mutex);
    if (!may) {
        return kn_fail(err, KN_E_LIMIT, "too many tries: wait a quarter of an hour");
    }
    /* An unknown address takes as long as a wrong password. */
    static const char decoy[crypto_pwhash_STRBYTES] = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"
                                "RdescudvJCsgt3ub+b5dWRWJTmaaJObGRdescudvJCs";
    bool right = crypto_pwhash_str_verify(hash ? hash : decoy, password.p ? password.p : "",
                                          password.len) == 0;
    bool known = hash != NULL;
    kn_free(hash);
    if (!right || !known) {
        return kn_fail(err, KN_E_NOT_FOUND, "wrong e-mail address or password");
    }
    unsigned char random[32];
    unsigned char secret_hash[SECRET_HASH];
    struct kn_buf text;
    kn_random_fill(s->random, random, sizeof random);
    kn_buf_init(&text, 64);
    kn_base64url_encode(kn_str(random, sizeof random), &text);
    *ret_secret = kn_arena_str(arena, kn_buf_view(&text));
    kn_buf_deinit(&text);
    hash_secret(*ret_secret, secret_hash);
    kn_mutex_lock(&s->mutex);
    add_session(s, user, secret_hash, now);
    kn_mutex_unlock(&s->mutex);
    return KN_OK;
}

static struct session *find_session(struct kn_system *s, struct kn_str secret)
{
    unsigned char hash[SECRET_HASH];
    struct session *found = NULL;
    int64_t now = kn_clock_wall_us(kn_clock_posix());
    hash_secret(secret, hash);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *one = &s->sessions[i];
        if (one->used && one->until_us >= now &&
            sodium_memcmp(one->hash, hash, sizeof hash) == 0) {
            found = one;
        }
    }
    return found;
}

bool kn_system_session(struct kn_system *s, struct kn_str secret, struct kn_arena *arena,
                       struct kn_caller *ret)
{
    kn_mutex_lock(&s->mutex);
    const struct session *session = find_session(s, secret);
    if (session) {
        const struct user *u = &s->users[session->user];
        *ret = (struct kn_caller){
            .role = u->role, .name = kn_arena_str(arena, kn_str_c(u->email)), .by_cookie = true};
    }
    kn_mutex_unlock(&s->mutex);
    return session != NULL;
}

void kn_system_sign_out(struct kn_system *s, struct kn_str secret)
{
    kn_mutex_lock(&s->mutex);
    struct session *session = find_session(s, secret);
    if (session) {
        session->used = false;
    }
    kn_mutex_unlock(&s->mutex);
}
