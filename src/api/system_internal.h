/* The system store as its files share it: what is in memory, and how a record is written. */
#ifndef KN_API_SYSTEM_INTERNAL_H
#define KN_API_SYSTEM_INTERNAL_H

#include "api/audit.h"
#include "api/mail_text.h"
#include "api/system.h"
#include "api/totp.h"
#include "base/buf.h"
#include "log/log.h"
#include "os/thread.h"

enum {
    KN_SECRET_BYTES = 32,
    KN_SESSIONS_MAX = 1000,
    KN_TRY_SLOTS = 1024,
    KN_SYSTEM_RECORD_MAX = 8192,
    KN_SYSTEM_ID_BYTES = 12,
    KN_SESSION_WORD = 24,
    KN_ADDRESS_TEXT = 48,
    KN_SEALED_MAX = 3072, /* bytes */
    KN_MAILS_MAX = 1000,
};

/* A second factor; begun = a secret is there, confirmed = signing in asks for its codes. */
struct kn_sys_factor {
    unsigned char secret[KN_TOTP_SECRET_BYTES];
    unsigned char codes[KN_RECOVERY_CODES][KN_SECRET_BYTES]; /* hashes; zeros: used */
    uint64_t step;                                           /* the last one that was used */
    bool begun, confirmed;
};

struct kn_sys_user {
    char *id, *email, *name, *workspace;
    char *password; /* Argon2id text; empty: none yet */
    unsigned char invite[KN_SECRET_BYTES];
    int64_t invite_until_us; /* 0 = no invitation is open */
    int64_t created_us, signed_in_us;
    enum kn_role role;
    bool may_export;
    bool disabled;
    bool removed; /* the place stays: sessions name users by place */
    struct kn_sys_factor factor;
};
struct kn_sys_token {
    char *id, *name, *workspace;
    unsigned char hash[KN_SECRET_BYTES];
    int64_t created_us, used_us, stored_us; /* stored_us: the use that is on the disk */
    enum kn_role role;
    unsigned permissions; /* 0: taken back */
    bool lent;            /* of this process only */
};
struct kn_sys_session {
    unsigned char hash[KN_SECRET_BYTES];
    size_t user;
    int64_t created_us, until_us;
    char address[KN_ADDRESS_TEXT];
    char browser[KN_SESSION_WORD], platform[KN_SESSION_WORD];
    bool used;
};
/* A mail that waits. */
struct kn_sys_mail {
    char *id, *sealed; /* {"to","subject","text"} */
    int64_t at_us, until_us, due_us;
    unsigned tries;
};
struct kn_sys_mail_server {
    char *host, *user, *sealed_password, *from, *url;
    uint16_t port;
    enum kn_mail_tls tls;
    bool dutch;
};

/* Wrong passwords of one address (of mail or network) in the present quarter of an hour. */
struct kn_sys_tries {
    uint64_t who;
    int64_t since_us;
    unsigned count;
};

struct kn_system {
    struct kn_mutex mutex;
    struct kn_log *log;
    struct kn_audit *audit;
    struct kn_clock clock;
    struct kn_random random;
    unsigned char key[KN_SECRET_BYTES]; /* of this installation: DIR/secrets */
    char **workspaces;
    size_t workspace_count;
    struct kn_sys_user *users;
    size_t user_count;
    struct kn_sys_token *tokens;
    size_t token_count;
    struct kn_sys_mail_server mail_server; /* host NULL or empty: none */
    struct kn_sys_mail *mails;
    size_t mail_count;
    struct kn_mail_status mail_status;
    bool testing_mail;
    struct kn_sys_session sessions[KN_SESSIONS_MAX];
    struct kn_sys_tries tries[KN_TRY_SLOTS];
};

/* What is a key of its own for a purpose, made from the installation's. */
struct kn_sys_key {
    unsigned char bytes[KN_SECRET_BYTES];
};

/* system.c; record, user and session functions want the mutex held */
void kn_sys_begin(struct kn_buf *json, const char *kind);
void kn_sys_put_hash(struct kn_buf *json, const char *key, const unsigned char *hash);
/* Closes the document, makes it durable, then true; gives json back. */
enum kn_rc kn_sys_record(struct kn_system *s, struct kn_buf *json, struct kn_err *err);
void kn_sys_hash(const struct kn_system *s, struct kn_str secret, unsigned char *to);
/* A new secret as text (KN_SECRET_TEXT characters) and its hash. */
struct kn_str kn_sys_secret(struct kn_system *s, struct kn_arena *arena, unsigned char *hash);
/* "usr_..." into the arena. */
struct kn_str kn_sys_id(struct kn_system *s, const char *prefix, struct kn_arena *arena);
int64_t kn_sys_now(void);
/* Sealed as text, and opened again (in the arena): secrets that must be read again. False: it was
 * not sealed here, or memory ran out. */
void kn_sys_seal(struct kn_system *s, struct kn_str plain, struct kn_buf *out);
bool kn_sys_unseal(const struct kn_system *s, struct kn_str sealed, struct kn_arena *arena,
                   struct kn_str *ret);

/* system_fold.c: what a record does to what is in memory */
void kn_sys_apply(struct kn_system *s, struct kn_str json);
void kn_sys_free_user(struct kn_sys_user *u);
char *kn_sys_copy(struct kn_str s);
struct kn_sys_user *kn_sys_user_by_id(struct kn_system *s, struct kn_str id);
struct kn_sys_user *kn_sys_user_by_email(struct kn_system *s, struct kn_str email);
struct kn_sys_session *kn_sys_session(struct kn_system *s, const unsigned char *hash, int64_t now);
/* What the record of a user holds: the user as he is to be. */
void kn_sys_put_user(struct kn_buf *json, const struct kn_sys_user *u);

/* secrets.c */
enum kn_rc kn_sys_load_secrets(struct kn_system *s, struct kn_disk disk, bool is_new,
                               struct kn_err *err);

/* users.c; with the mutex */
void kn_sys_user_info(const struct kn_sys_user *u, struct kn_arena *arena,
                      struct kn_user_info *ret);

/* mails.c; with the mutex */
bool kn_sys_has_mail(const struct kn_system *s);
/* Adds to a record the mail with a link to the user of an address: with the record it is sent. */
void kn_sys_put_letter(struct kn_system *s, struct kn_buf *json, enum kn_mail_letter letter,
                       struct kn_str to, struct kn_str secret, int64_t until_us);
/* What records do. */
void kn_sys_apply_mail(struct kn_system *s, struct kn_str kind, struct kn_str json,
                       struct kn_arena *arena);
void kn_sys_free_mail(struct kn_system *s);
/* system_fold.c: a member of a record's document as text, or as a number (0 when absent). */
struct kn_str kn_sys_member(struct kn_str json, const char *key, struct kn_arena *arena);
int64_t kn_sys_number(struct kn_str json, const char *key, struct kn_arena *arena);

/* factor.c; with the mutex: uses up a code or recovery code. The members it adds to the record of a
 * session make that last.
 * @errors KN_E_CONFLICT none was given; KN_E_INVALID; KN_E_LIMIT */
enum kn_rc kn_sys_use_code(struct kn_system *s, const struct kn_sys_user *user, struct kn_str code,
                           struct kn_buf *json, struct kn_err *err);

/* signin.c */
/* With the mutex: one more try of that kind in this quarter of an hour; false: one too many. */
bool kn_sys_try(struct kn_system *s, char kind, struct kn_str who, unsigned most);
void kn_sys_forgive(struct kn_system *s, char kind, struct kn_str who);
/* Argon2id of a new password; KN_E_INVALID: too short or too long. */
enum kn_rc kn_sys_hash_password(struct kn_str password, size_t least, char *to, size_t len,
                                struct kn_err *err);

#endif
