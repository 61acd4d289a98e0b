/* DIR/secrets: the keys of this installation, one "name hex" a line, readable by its owner only. */
#include <sodium.h>

#include "api/system_internal.h"
#include "format/token.h"

#define SECRETS_HEAD "kern secrets 1\n"
#define SECRETS_KEY "auth "
enum { FILE_MAX_BYTES = 4096 };

static enum kn_rc write_file(struct kn_disk disk, const char *text, size_t len, struct kn_err *err)
{
    struct kn_file *f;
    KN_TRY(kn_disk_open(disk, "secrets.new", KN_OPEN_CREATE, &f, err));
    enum kn_rc rc = kn_file_write(f, 0, text, len, err);
    if (rc == KN_OK) {
        rc = kn_file_truncate(f, len, err);
    }
    if (rc == KN_OK) {
        rc = kn_file_sync(f, err);
    }
    kn_file_close(f);
    if (rc == KN_OK) {
        rc = kn_disk_rename(disk, "secrets.new", "secrets", err);
    }
    return rc == KN_OK ? kn_disk_sync_dir(disk, ".", err) : rc;
}

static enum kn_rc make(struct kn_system *s, struct kn_disk disk, struct kn_err *err)
{
    char text[sizeof SECRETS_HEAD + sizeof SECRETS_KEY + KN_SECRET_BYTES + KN_SECRET_BYTES + 1] =
        SECRETS_HEAD SECRETS_KEY;
    size_t len = strlen(text);
    kn_random_fill(s->random, s->key, sizeof s->key);
    kn_hex_encode(s->key, sizeof s->key, text + len);
    len += 2 * sizeof s->key;
    text[len++] = '\n';
    enum kn_rc rc = write_file(disk, text, len, err);
    sodium_memzero(text, sizeof text);
    return rc;
}

static bool read_key(struct kn_system *s, struct kn_str text)
{
    struct kn_str head = KN_STR(SECRETS_HEAD);
    struct kn_str name = KN_STR(SECRETS_KEY);
    if (!kn_str_starts(text, head)) {
        return false;
    }
    text = kn_str_sub(text, head.len, text.len);
    while (text.len > 0) {
        struct kn_str line = kn_str_split(&text, '\n');
        if (kn_str_starts(line, name)) {
            return kn_hex_decode(kn_str_sub(line, name.len, line.len), s->key, sizeof s->key);
        }
    }
    return false;
}

enum kn_rc kn_sys_load_secrets(struct kn_system *s, struct kn_disk disk, bool is_new,
                               struct kn_err *err)
{
    char text[FILE_MAX_BYTES];
    size_t len;
    struct kn_file *f;
    enum kn_rc rc = kn_disk_open(disk, "secrets", KN_OPEN_READ, &f, err);
    if (rc == KN_E_NOT_FOUND) {
        return is_new ? make(s, disk, err)
                      : kn_fail(err, KN_E_CORRUPT,
                                "the file \"secrets\" of the data directory is "
                                "missing: no token would be known");
    }
    KN_TRY(rc);
    rc = kn_file_read(f, 0, text, sizeof text, &len, err);
    kn_file_close(f);
    KN_TRY(rc);
    bool good = read_key(s, kn_str(text, len));
    sodium_memzero(text, sizeof text);
    return good ? KN_OK : kn_fail(err, KN_E_CORRUPT, "the file \"secrets\" does not read");
}

void kn_system_webhook_key(struct kn_system *s, unsigned char key[32])
{
    _Static_assert(KN_SECRET_BYTES == crypto_kdf_KEYBYTES, "the key of the installation is one");
    (void)crypto_kdf_derive_from_key(key, 32, 1, "webhooks", s->key);
}

void kn_system_hash(struct kn_system *s, struct kn_str secret, unsigned char hash[32])
{
    kn_sys_hash(s, secret, hash);
}
