/* The system store as its files share it: what is in memory, and how a record is written. */
#ifndef KN_API_SYSTEM_INTERNAL_H
#define KN_API_SYSTEM_INTERNAL_H

#include "api/system.h"
#include "base/buf.h"
#include "log/log.h"
#include "os/thread.h"

enum {
    KN_SECRET_BYTES = 32,
    KN_SESSIONS_MAX = 1000,
    KN_TRY_SLOTS = 1024,
    KN_SYSTEM_RECORD_MAX = 8192,
    KN_SYSTEM_ID_BYTES = 12,
};

struct kn_sys_user {
    char *id, *email, *name, *workspace;
    char *password; /* Argon2id text; empty: none yet */
    unsigned char invite[KN_SECRET_BYTES];
    int64_t invite_until_us; /* 0 = no invitation is open */
    int64_t created_us, signed_in_us;
    enum kn_role role;
    bool disabled;
};
struct kn_sys_token {
    char *id, *name, *workspace;
    unsigned char hash[KN_SECRET_BYTES];
    int64_t created_us;
    enum kn_role role; /* KN_ROLE_NONE: taken back */
};
struct kn_sys_session {
    unsigned char hash[KN_SECRET_BYTES];
    size_t user;
    int64_t until_us;
    bool used;
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
    struct kn_clock clock;
    struct kn_random random;
    unsigned char key[KN_SECRET_BYTES]; /* of this installation: DIR/secrets */
    char **workspaces;
    size_t workspace_count;
    struct kn_sys_user *users;
    size_t user_count;
    struct kn_sys_token *tokens;
    size_t token_count;
    struct kn_sys_session sessions[KN_SESSIONS_MAX];
    struct kn_sys_tries tries[KN_TRY_SLOTS];
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
struct kn_sys_user *kn_sys_user_by_id(struct kn_system *s, struct kn_str id);
struct kn_sys_user *kn_sys_user_by_email(struct kn_system *s, struct kn_str email);
struct kn_sys_session *kn_sys_session(struct kn_system *s, const unsigned char *hash, int64_t now);
/* What the record of a user holds: the user as he is to be. */
void kn_sys_put_user(struct kn_buf *json, const struct kn_sys_user *u);

/* secrets.c */
enum kn_rc kn_sys_load_secrets(struct kn_system *s, struct kn_disk disk, bool is_new,
                               struct kn_err *err);

/* signin.c */
enum kn_rc kn_sys_check_password(struct kn_system *s, struct kn_str email, struct kn_str password,
                                 struct kn_str peer_ip, struct kn_err *err);
/* Argon2id of a new password; KN_E_INVALID: too short or too long. */
enum kn_rc kn_sys_hash_password(struct kn_str password, size_t least, char *to, size_t len,
                                struct kn_err *err);

#endif
