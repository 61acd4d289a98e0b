/* What belongs to the process and not to one workspace: users, API tokens, UI sessions and the list
 * of workspaces: a fold over the `system` log (system/log on the disk), all of it in memory.
 *
 * Secrets are never stored: passwords as Argon2id (libsodium); tokens, invitations, recovery codes
 * and session cookies as a keyed BLAKE2b hash, whose key is in the file `secrets` (mode 0600) of
 * the data directory: what is stored is useless without it, and comparing hashes tells nothing
 * about a secret. What must be read again (the secret of a second factor) is sealed with a key made
 * from that one (XSalsa20-Poly1305, libsodium). Every change is a record, durable before the call
 * returns (the caller is a query worker or start-up, never an HTTP loop). Sessions and tries go by
 * the real clock, also when the workspaces' clock is manual. Locks itself: any thread. Texts that
 * come back live in the caller's arena.
 */
#ifndef KN_API_SYSTEM_H
#define KN_API_SYSTEM_H

#include "base/arena.h"
#include "base/err.h"
#include "deliver/mail.h"
#include "os/clock.h"
#include "os/disk.h"
#include "os/random.h"

struct kn_system;
struct kn_audit; /* api/audit.h */

enum kn_role {
    KN_ROLE_NONE,
    KN_ROLE_ANALYST,
    KN_ROLE_MARKETER,
    KN_ROLE_DEVELOPER,
    KN_ROLE_ADMIN,
    KN_ROLE_OWNER
};

/* "analyst", ... ; KN_ROLE_NONE for anything else. */
enum kn_role kn_role_parse(struct kn_str name);
const char *kn_role_name(enum kn_role role);

/* What somebody may do. A role is a set of these; KN_MAY_EXPORT is given to each user by himself. A
 * token has a role's or names its own. */
enum kn_permission {
    KN_MAY_READ = 1U << 0,    /* "read": aggregates, definitions, settings; no person */
    KN_MAY_SEE = 1U << 1,     /* "personal": persons, and what is done with one */
    KN_MAY_SEGMENT = 1U << 2, /* "segments": makes segments and computed traits */
    KN_MAY_SOURCE = 1U << 3,  /* "sources": sources, their keys, what they sent */
    KN_MAY_EXPORT = 1U << 4,  /* "export": takes persons out of Kern */
    KN_MAY_ADMIN = 1U << 5,   /* "admin": workspace, users, tokens, audit */
};
enum { KN_PERMISSION_COUNT = 6 };

/* Without KN_MAY_EXPORT. */
unsigned kn_role_permissions(enum kn_role role);
/* "read", ...: the name of 1U << index; and back: 0 for anything else. */
const char *kn_permission_name(unsigned index);
unsigned kn_permission_parse(struct kn_str name);
/* With what each of them implies: whoever may anything may read; export shows persons, and so does
 * making segments, which are lists of them. */
unsigned kn_permissions_close(unsigned permissions);
/* The lowest role that has all of them but KN_MAY_EXPORT. */
enum kn_role kn_role_of(unsigned permissions);

/* Who is asking. */
struct kn_caller {
    enum kn_role role;
    unsigned permissions;    /* of enum kn_permission */
    struct kn_str id;        /* of the user or token */
    struct kn_str name;      /* token name or user e-mail; for audit only */
    struct kn_str workspace; /* empty: every workspace */
    bool by_cookie;          /* a UI session: state-changing calls need the CSRF header */
};

enum kn_rc kn_system_open(struct kn_disk disk, const char *dir, struct kn_clock clock,
                          struct kn_random random, struct kn_system **ret,
                          struct kn_err *err) KN_MUST_USE;
void kn_system_close(struct kn_system *system);
/* Nothing has been set up yet. */
bool kn_system_is_new(struct kn_system *system);

enum kn_rc kn_system_add_workspace(struct kn_system *system, struct kn_str name,
                                   struct kn_err *err) KN_MUST_USE;
/* The i-th workspace name into the arena; false past the end. */
bool kn_system_workspace(struct kn_system *system, size_t index, struct kn_arena *arena,
                         struct kn_str *ret);

/* The key of this installation that secrets of webhooks are made from. */
void kn_system_webhook_key(struct kn_system *system, unsigned char key[32]);

/* A keyed hash of a secret with enough randomness, for keeping instead of it. */
void kn_system_hash(struct kn_system *system, struct kn_str secret, unsigned char hash[32]);

/* ---- users ---- */

struct kn_user_info {
    struct kn_str id, email, name;
    struct kn_str workspace; /* empty: every workspace */
    enum kn_role role;
    bool may_export;
    bool disabled;
    bool has_password; /* false: invited, not yet come */
    bool has_second_factor;
    int64_t created_us, signed_in_us; /* 0 = never */
};

enum { KN_SECRET_TEXT = 43, KN_PASSWORD_MAX = 1024 };

/* The first user, with a password. */
enum kn_rc kn_system_add_user(struct kn_system *system, struct kn_str email, struct kn_str password,
                              enum kn_role role, struct kn_err *err) KN_MUST_USE;
/* A user who chooses a password with the invitation (7 days). info: email, name, workspace, role,
 * may_export. When a mail server is set the invitation goes by mail and *ret_invite is empty.
 * @errors KN_E_EXISTS the address has an account */
enum kn_rc kn_system_invite_user(struct kn_system *system, const struct kn_user_info *info,
                                 struct kn_arena *arena, struct kn_str *ret_id,
                                 struct kn_str *ret_invite, struct kn_err *err) KN_MUST_USE;
/* A new invitation for a user who is there, in the same way: also the way to a new password.
 * KN_E_NOT_FOUND. */
enum kn_rc kn_system_reinvite(struct kn_system *system, struct kn_str id, struct kn_arena *arena,
                              struct kn_str *ret_invite, struct kn_err *err) KN_MUST_USE;
/* Sets name, workspace, role, may_export and disabled of the user `info->id`; a disabled user's
 * sessions end.
 * @errors KN_E_NOT_FOUND; KN_E_CONFLICT the last owner would be gone */
enum kn_rc kn_system_change_user(struct kn_system *system, const struct kn_user_info *info,
                                 struct kn_err *err) KN_MUST_USE;
/* The account is gone for good, with its sessions; the address may be invited anew.
 * @errors KN_E_NOT_FOUND; KN_E_CONFLICT the last owner would be gone */
enum kn_rc kn_system_remove_user(struct kn_system *system, struct kn_str id,
                                 struct kn_err *err) KN_MUST_USE;
bool kn_system_user(struct kn_system *system, struct kn_str id, struct kn_arena *arena,
                    struct kn_user_info *ret);
/* In order of creation; false past the end. Of one who was removed the id is empty. */
bool kn_system_user_at(struct kn_system *system, size_t index, struct kn_arena *arena,
                       struct kn_user_info *ret);
/* Sets the password of an invitation's user, and the name unless it is empty; the invitation is
 * used up. *ret (in the arena) is the user then.
 * @errors KN_E_NOT_FOUND unknown, used or too old; KN_E_INVALID the password */
enum kn_rc kn_system_accept(struct kn_system *system, struct kn_str invite, struct kn_str password,
                            struct kn_str name, struct kn_arena *arena, struct kn_user_info *ret,
                            struct kn_err *err) KN_MUST_USE;
/* Whether that is the password of the user of an address (in lower case); slow on purpose.
 * @errors KN_E_NOT_FOUND one of the two is wrong; KN_E_LIMIT too many tries (10 for an e-mail
 * address, 50 for a network address, per quarter of an hour) */
enum kn_rc kn_system_check_password(struct kn_system *system, struct kn_str email,
                                    struct kn_str password, struct kn_str peer_ip,
                                    struct kn_err *err) KN_MUST_USE;
/* Sets a password; every session of the user ends but the one of `keep_secret`.
 * @errors KN_E_NOT_FOUND no such user; KN_E_INVALID the password */
enum kn_rc kn_system_set_password(struct kn_system *system, struct kn_str user,
                                  struct kn_str password, struct kn_str keep_secret,
                                  struct kn_err *err) KN_MUST_USE;

/* ---- tokens ---- */

struct kn_token_info {
    struct kn_str id, name;
    struct kn_str workspace; /* empty: every workspace */
    enum kn_role role;
    unsigned permissions;
    int64_t created_us, used_us; /* 0 = never used */
};

/* info: name, workspace, role, permissions. ret_id may be NULL. */
enum kn_rc kn_system_add_token(struct kn_system *system, const struct kn_token_info *info,
                               struct kn_str token, struct kn_arena *arena, struct kn_str *ret_id,
                               struct kn_err *err) KN_MUST_USE;
/* A token of this process only, with every right: never stored, gone with the process. */
void kn_system_lend_token(struct kn_system *system, struct kn_str token);
/* By place; those taken back are left out (*ret is then empty but the answer is true). */
bool kn_system_token_at(struct kn_system *system, size_t index, struct kn_arena *arena,
                        struct kn_token_info *ret);
enum kn_rc kn_system_remove_token(struct kn_system *system, struct kn_str id,
                                  struct kn_err *err) KN_MUST_USE;
/* By the secret of `Authorization: Bearer`; false: unknown. The moment is when it was last used,
 * which is stored once an hour and at the end. */
bool kn_system_token(struct kn_system *system, struct kn_str token, struct kn_arena *arena,
                     struct kn_caller *ret);

/* ---- second factor: one-time codes by time (api/totp.h) ---- */

enum { KN_RECOVERY_CODES = 10, KN_RECOVERY_LEN = 11 };

/* A new secret for a user; it counts once kn_system_confirm_factor has seen a code of it. In the
 * arena: base32, as apps take it.
 * @errors KN_E_NOT_FOUND; KN_E_EXISTS there is one in use */
enum kn_rc kn_system_begin_factor(struct kn_system *system, struct kn_str user,
                                  struct kn_arena *arena, struct kn_str *ret_secret,
                                  struct kn_err *err) KN_MUST_USE;
/* From now on signing in asks for a code. ret_codes: KN_RECOVERY_CODES texts "abcde-fghij" in the
 * arena, each good once instead of a code; stored as hashes.
 * @errors KN_E_NOT_FOUND nothing was begun; KN_E_INVALID the code; KN_E_LIMIT too many tries */
enum kn_rc kn_system_confirm_factor(struct kn_system *system, struct kn_str user,
                                    struct kn_str code, struct kn_arena *arena,
                                    struct kn_str ret_codes[KN_RECOVERY_CODES],
                                    struct kn_err *err) KN_MUST_USE;
/* @errors KN_E_NOT_FOUND no such user */
enum kn_rc kn_system_remove_factor(struct kn_system *system, struct kn_str user,
                                   struct kn_err *err) KN_MUST_USE;
/* Whether it is in use, and how many recovery codes are left. */
bool kn_system_has_factor(struct kn_system *system, struct kn_str user, unsigned *ret_left);

/* ---- sessions ---- */

/* Who wants in, with what, from where. */
struct kn_sign_in {
    struct kn_str email, password;
    struct kn_str code;              /* of the second factor, or a recovery code; may be empty */
    struct kn_str peer_ip;           /* whole: counts tries, is not stored */
    struct kn_str address;           /* cut down, to be shown */
    struct kn_str browser, platform; /* to be shown; may be empty */
};

struct kn_session_info {
    char id[17]; /* of the hash: tells nothing about the secret */
    struct kn_str address, browser, platform;
    int64_t created_us, until_us;
    bool present; /* the one that asks */
};

/* Checks a password (slow on purpose) and opens a session of 12 hours; *ret_secret is the cookie's
 * value (43 characters, in the arena).
 * @errors KN_E_NOT_FOUND wrong e-mail or password; KN_E_LIMIT too many tries (10 for an e-mail
 * address, 50 for a network address, 10 codes for a user, per quarter of an hour); KN_E_CONFLICT a
 * code is needed as well; KN_E_INVALID the code is wrong or was used before */
enum kn_rc kn_system_sign_in(struct kn_system *system, const struct kn_sign_in *in,
                             struct kn_arena *arena, struct kn_str *ret_secret,
                             struct kn_err *err) KN_MUST_USE;
bool kn_system_session(struct kn_system *system, struct kn_str secret, struct kn_arena *arena,
                       struct kn_caller *ret);
void kn_system_sign_out(struct kn_system *system, struct kn_str secret);
/* The sessions of a user, by place; false past the end. An empty place has an empty id. */
bool kn_system_session_at(struct kn_system *system, size_t place, struct kn_str user,
                          struct kn_str present_secret, struct kn_arena *arena,
                          struct kn_session_info *ret);
/* Ends a user's session of that id, or with an empty id all but the one of `keep_secret`.
 * @errors KN_E_NOT_FOUND he has no such session */
enum kn_rc kn_system_end_sessions(struct kn_system *system, struct kn_str user, struct kn_str id,
                                  struct kn_str keep_secret, struct kn_err *err) KN_MUST_USE;
/* ---- mail ---- */

struct kn_mail_settings {
    struct kn_str host; /* empty: no mail is sent */
    uint16_t port;
    enum kn_mail_tls tls;         /* deliver/mail.h */
    struct kn_str user, password; /* the password goes in only; out it is empty */
    bool has_password;
    bool keep_password;      /* in: the one that is there stays */
    struct kn_str from, url; /* sender; public address of this Kern, for links */
    bool dutch;              /* the language of mails */
};

/* What became of the mails since the start. */
struct kn_mail_status {
    size_t waiting;
    int64_t failed_us; /* when the last one failed, 0 = none did; and why */
    char why[160];
};

void kn_system_mail_settings(struct kn_system *system, struct kn_arena *arena,
                             struct kn_mail_settings *ret, struct kn_mail_status *ret_status);
enum kn_rc kn_system_set_mail(struct kn_system *system, const struct kn_mail_settings *settings,
                              struct kn_err *err) KN_MUST_USE;
/* Sends one mail now, within 15 s.
 * @errors KN_E_NOT_FOUND no server is set; KN_E_CONFLICT another test runs; KN_E_IO it was not
 * taken: err has the server's words */
enum kn_rc kn_system_test_mail(struct kn_system *system, struct kn_str to,
                               struct kn_err *err) KN_MUST_USE;
/* Sends the next mail that waits and is due; from one thread. False: none was. */
bool kn_system_send_mail(struct kn_system *system);
/* A link to a new password by mail (good for an hour), if there is such a user with a password and
 * a server is set. Whoever asks cannot tell: both ways take a record.
 * @errors KN_E_LIMIT the network address asked too often (20 per quarter of an hour) */
enum kn_rc kn_system_forgot_password(struct kn_system *system, struct kn_str email,
                                     struct kn_str peer_ip, struct kn_err *err) KN_MUST_USE;

/* The audit log, which lives as long as the store. */
struct kn_audit *kn_system_audit(struct kn_system *system);

/* The user of an address (in any case), of an id in the arena; false: there is none. */
bool kn_system_find_user(struct kn_system *system, struct kn_str email, struct kn_arena *arena,
                         struct kn_user_info *ret);

/* Stores what can wait: counts of the audit log, when tokens were used. Now and then, from a thread
 * that may sync; everything at the end. */
void kn_system_tick(struct kn_system *system, bool everything);

#endif
