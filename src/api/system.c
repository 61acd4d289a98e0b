/* The system store: its secrets, its log, workspaces. */
#include <sodium.h>

#include "api/system_internal.h"
#include "base/assert.h"
#include "base/mem.h"
#include "format/json.h"
#include "format/token.h"

enum { SEGMENT_BYTES = 1 << 20 };

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

/* ---- sealing ---- */

static struct kn_sys_key seal_key(const struct kn_system *s)
{
    struct kn_sys_key key;
    kn_sys_hash(s, KN_STR("sealed secrets"), key.bytes);
    return key;
}

void kn_sys_seal(struct kn_system *s, struct kn_str plain, struct kn_buf *out)
{
    unsigned char bytes[crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + KN_SEALED_MAX];
    struct kn_sys_key key = seal_key(s);
    size_t len = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.len;
    kn_assert(plain.len <= KN_SEALED_MAX);
    kn_random_fill(s->random, bytes, crypto_secretbox_NONCEBYTES);
    (void)crypto_secretbox_easy(bytes + crypto_secretbox_NONCEBYTES, (const unsigned char *)plain.p,
                                plain.len, bytes, key.bytes);
    kn_base64url_encode(kn_str(bytes, len), out);
    sodium_memzero(&key, sizeof key);
}

bool kn_sys_unseal(const struct kn_system *s, struct kn_str sealed, struct kn_arena *arena,
                   struct kn_str *ret)
{
    struct kn_str bytes;
    size_t head = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    if (!kn_base64_decode(sealed, arena, &bytes) || bytes.len < head) {
        return false;
    }
    unsigned char *plain = kn_arena_alloc(arena, bytes.len - head + 1);
    if (!plain) {
        return false;
    }
    struct kn_sys_key key = seal_key(s);
    const unsigned char *p = (const unsigned char *)bytes.p;
    bool good =
        crypto_secretbox_open_easy(plain, p + crypto_secretbox_NONCEBYTES,
                                   bytes.len - crypto_secretbox_NONCEBYTES, p, key.bytes) == 0;
    sodium_memzero(&key, sizeof key);
    *ret = kn_str(plain, bytes.len - head);
    return good;
}

/* ---- finding ---- */

struct kn_sys_user *kn_sys_user_by_id(struct kn_system *s, struct kn_str id)
{
    for (size_t i = 0; i < s->user_count; i++) {
        if (!s->users[i].removed && kn_str_eq(kn_str_c(s->users[i].id), id)) {
            return &s->users[i];
        }
    }
    return NULL;
}

struct kn_sys_user *kn_sys_user_by_email(struct kn_system *s, struct kn_str email)
{
    for (size_t i = 0; i < s->user_count; i++) {
        if (!s->users[i].removed && kn_str_eq(kn_str_c(s->users[i].email), email)) {
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
    kn_json_out_kbool(json, "export", u->may_export);
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
    kn_sys_apply(s, kn_buf_view(json));
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
        kn_sys_apply(s, frame.body);
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
    if (rc == KN_OK) { /* by the real clock, as sessions */
        rc = kn_audit_open(disk, KN_AUDIT_DIR, kn_clock_posix(), &s->audit, err);
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
    kn_audit_close(s->audit);
    for (size_t i = 0; i < s->workspace_count; i++) {
        kn_free(s->workspaces[i]);
    }
    for (size_t i = 0; i < s->user_count; i++) {
        kn_sys_free_user(&s->users[i]);
    }
    for (size_t i = 0; i < s->token_count; i++) {
        kn_free(s->tokens[i].id);
        kn_free(s->tokens[i].name);
        kn_free(s->tokens[i].workspace);
    }
    kn_sys_free_mail(s);
    kn_free(s->workspaces);
    kn_free(s->users);
    kn_free(s->tokens);
    kn_mutex_deinit(&s->mutex);
    sodium_memzero(s->key, sizeof s->key);
    kn_free(s);
}

struct kn_audit *kn_system_audit(struct kn_system *s)
{
    return s->audit;
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
