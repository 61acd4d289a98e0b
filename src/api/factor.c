/* The second factor of users: its secret, codes and recovery codes. */
#include <sodium.h>

#include "api/system_internal.h"
#include "format/json.h"
#include "format/token.h"

enum { CODE_TRIES_MAX = 10 };
static const size_t half = 5; /* of a recovery code */

static uint64_t now_s(void)
{
    return (uint64_t)kn_sys_now() / 1000000;
}

/* ---- beginning and confirming ---- */

static void put_secret(struct kn_system *s, struct kn_buf *json, const unsigned char *secret)
{
    struct kn_buf sealed;
    kn_buf_init(&sealed, 256);
    kn_sys_seal(s, kn_str(secret, KN_TOTP_SECRET_BYTES), &sealed);
    kn_json_out_kv(json, "secret", kn_buf_view(&sealed));
    kn_buf_deinit(&sealed);
}

enum kn_rc kn_system_begin_factor(struct kn_system *s, struct kn_str user, struct kn_arena *arena,
                                  struct kn_str *ret_secret, struct kn_err *err)
{
    unsigned char secret[KN_TOTP_SECRET_BYTES];
    char text[KN_TOTP_SECRET_TEXT + 1];
    struct kn_buf json;
    enum kn_rc rc;
    kn_random_fill(s->random, secret, sizeof secret);
    kn_totp_secret_text(secret, text);
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_user *u = kn_sys_user_by_id(s, user);
    if (!u) {
        rc = kn_fail(err, KN_E_NOT_FOUND, "there is no such user");
    } else if (u->factor.confirmed) {
        rc = kn_fail(err, KN_E_EXISTS, "a second factor is in use: remove it first");
    } else {
        kn_sys_begin(&json, "factor");
        kn_json_out_kv(&json, "user", user);
        put_secret(s, &json, secret);
        rc = kn_sys_record(s, &json, err);
    }
    kn_mutex_unlock(&s->mutex);
    *ret_secret = kn_arena_str(arena, kn_str_c(text));
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(text, sizeof text);
    return rc;
}

/* "abcde-fghij" and its hash. */
static struct kn_str new_code(struct kn_system *s, struct kn_arena *arena, unsigned char *hash)
{
    unsigned char random[16];
    char digits[KN_BASE32_LEN + 1];
    char text[KN_RECOVERY_LEN];
    kn_random_fill(s->random, random, sizeof random);
    kn_base32_encode(random, digits);
    memcpy(text, digits + KN_BASE32_LEN - half - half, half);
    text[half] = '-';
    memcpy(text + half + 1, digits + KN_BASE32_LEN - half, half);
    kn_sys_hash(s, kn_str(text, sizeof text), hash);
    return kn_arena_str(arena, kn_str(text, sizeof text));
}

static enum kn_rc confirm(struct kn_system *s, const struct kn_sys_user *u, uint64_t step,
                          struct kn_arena *arena, struct kn_str ret_codes[KN_RECOVERY_CODES],
                          struct kn_err *err)
{
    unsigned char hashes[KN_RECOVERY_CODES][KN_SECRET_BYTES];
    char hex[2 * sizeof hashes];
    struct kn_buf json;
    for (size_t i = 0; i < KN_RECOVERY_CODES; i++) {
        ret_codes[i] = new_code(s, arena, hashes[i]);
    }
    kn_hex_encode(&hashes[0][0], sizeof hashes, hex);
    kn_sys_begin(&json, "factor_on");
    kn_json_out_kv(&json, "user", kn_str_c(u->id));
    kn_json_out_ki64(&json, "step", (int64_t)step);
    kn_json_out_kv(&json, "codes", kn_str(hex, sizeof hex));
    return kn_sys_record(s, &json, err);
}

enum kn_rc kn_system_confirm_factor(struct kn_system *s, struct kn_str user, struct kn_str code,
                                    struct kn_arena *arena,
                                    struct kn_str ret_codes[KN_RECOVERY_CODES], struct kn_err *err)
{
    enum kn_rc rc;
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_user *u = kn_sys_user_by_id(s, user);
    if (!u || !u->factor.begun || u->factor.confirmed) {
        rc = kn_fail(err, KN_E_NOT_FOUND, "no second factor was begun");
    } else if (!kn_sys_try(s, 'c', user, CODE_TRIES_MAX)) {
        rc = kn_fail(err, KN_E_LIMIT, "too many tries: wait a quarter of an hour");
    } else {
        uint64_t step = kn_totp_check(u->factor.secret, code, now_s(), 0);
        rc = step == 0 ? kn_fail(err, KN_E_INVALID,
                                 "the code is not right: is the clock of the phone right?")
                       : confirm(s, u, step, arena, ret_codes, err);
    }
    kn_mutex_unlock(&s->mutex);
    return rc;
}

enum kn_rc kn_system_remove_factor(struct kn_system *s, struct kn_str user, struct kn_err *err)
{
    struct kn_buf json;
    kn_mutex_lock(&s->mutex);
    enum kn_rc rc = KN_E_NOT_FOUND;
    if (kn_sys_user_by_id(s, user)) {
        kn_sys_begin(&json, "factor_end");
        kn_json_out_kv(&json, "user", user);
        rc = kn_sys_record(s, &json, err);
        kn_sys_forgive(s, 'c', user);
    } else {
        rc = kn_fail(err, rc, "there is no such user");
    }
    kn_mutex_unlock(&s->mutex);
    return rc;
}

static bool is_used(const unsigned char *hash)
{
    return sodium_is_zero(hash, KN_SECRET_BYTES) == 1;
}

bool kn_system_has_factor(struct kn_system *s, struct kn_str user, unsigned *ret_left)
{
    *ret_left = 0;
    kn_mutex_lock(&s->mutex);
    const struct kn_sys_user *u = kn_sys_user_by_id(s, user);
    bool has = u && u->factor.confirmed;
    for (size_t i = 0; has && i < KN_RECOVERY_CODES; i++) {
        *ret_left += is_used(u->factor.codes[i]) ? 0U : 1U;
    }
    kn_mutex_unlock(&s->mutex);
    return has;
}

/* ---- signing in ---- */

static bool is_recovery(const struct kn_sys_user *user, const unsigned char *hash)
{
    bool found = false;
    for (size_t i = 0; i < KN_RECOVERY_CODES; i++) {
        found = (sodium_memcmp(user->factor.codes[i], hash, KN_SECRET_BYTES) == 0) || found;
    }
    return found;
}

enum kn_rc kn_sys_use_code(struct kn_system *s, const struct kn_sys_user *user, struct kn_str code,
                           struct kn_buf *json, struct kn_err *err)
{
    unsigned char hash[KN_SECRET_BYTES];
    code = kn_str_trim(code);
    if (code.len == 0) {
        return kn_fail(err, KN_E_CONFLICT, "a code of the second factor is needed");
    }
    if (!kn_sys_try(s, 'c', kn_str_c(user->id), CODE_TRIES_MAX)) {
        return kn_fail(err, KN_E_LIMIT, "too many tries: wait a quarter of an hour");
    }
    uint64_t step = kn_totp_check(user->factor.secret, code, now_s(), user->factor.step);
    kn_sys_hash(s, code, hash);
    if (step > 0) {
        kn_json_out_ki64(json, "step", (int64_t)step);
    } else if (is_recovery(user, hash)) {
        kn_sys_put_hash(json, "recovery", hash);
    } else {
        return kn_fail(err, KN_E_INVALID, "the code is wrong, or was used before");
    }
    kn_sys_forgive(s, 'c', kn_str_c(user->id));
    return KN_OK;
}
