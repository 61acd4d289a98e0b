/* What belongs to the process and not to one workspace: users, API tokens, UI sessions and the list
 * of workspaces: a fold over the `system` log (system/log on the disk), all of it in memory.
 *
 * Secrets are never stored: passwords as Argon2id (libsodium); tokens, invitations and session
 * cookies as a keyed BLAKE2b hash, whose key is in the file `secrets` (mode 0600) of the data
 * directory: what is stored is useless without it, and comparing hashes tells nothing about a
 * secret. Every change is a record, durable before the call returns (the caller is a query worker
 * or start-up, never an HTTP loop). Sessions and tries go by the real clock, also when the
 * workspaces' clock is manual. Locks itself: any thread. Texts that come back live in the caller's
 * arena.
 */
#ifndef KN_API_SYSTEM_H
#define KN_API_SYSTEM_H

#include "base/arena.h"
#include "base/err.h"
#include "os/clock.h"
#include "os/disk.h"
#include "os/random.h"

struct kn_system;

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

/* Who is asking. */
struct kn_caller {
    enum kn_role role;
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
    bool disabled;
    bool has_password;                /* false: invited, not yet come */
    int64_t created_us, signed_in_us; /* 0 = never */
};

enum { KN_SECRET_TEXT = 43, KN_PASSWORD_MAX = 1024 };

/* The first user, with a password. */
enum kn_rc kn_system_add_user(struct kn_system *system, struct kn_str email, struct kn_str password,
                              enum kn_role role, struct kn_err *err) KN_MUST_USE;
/* A user who chooses a password with the invitation (7 days). info: email, name, workspace, role.
 * @errors KN_E_EXISTS the address has an account */
enum kn_rc kn_system_invite_user(struct kn_system *system, const struct kn_user_info *info,
                                 struct kn_arena *arena, struct kn_str *ret_id,
                                 struct kn_str *ret_invite, struct kn_err *err) KN_MUST_USE;
/* A new invitation for a user who is there: also the way to a new password. KN_E_NOT_FOUND. */
enum kn_rc kn_system_reinvite(struct kn_system *system, struct kn_str id, struct kn_arena *arena,
                              struct kn_str *ret_invite, struct kn_err *err) KN_MUST_USE;
/* Sets name, workspace, role and disabled of the user `info->id`; a disabled user's sessions end.
 * @errors KN_E_NOT_FOUND; KN_E_CONFLICT the last owner would be gone */
enum kn_rc kn_system_change_user(struct kn_system *system, const struct kn_user_info *info,
                                 struct kn_err *err) KN_MUST_USE;
bool kn_system_user(struct kn_system *system, struct kn_str id, struct kn_arena *arena,
                    struct kn_user_info *ret);
/* In order of creation; false past the end. */
bool kn_system_user_at(struct kn_system *system, size_t index, struct kn_arena *arena,
                       struct kn_user_info *ret);
/* Sets the password of an invitation's user; the invitation is used up. *ret_email in the arena.
 * @errors KN_E_NOT_FOUND unknown, used or too old; KN_E_INVALID the password */
enum kn_rc kn_system_accept(struct kn_system *system, struct kn_str invite, struct kn_str password,
                            struct kn_arena *arena, struct kn_str *ret_email,
                            struct kn_err *err) KN_MUST_USE;
/* Checks the present password (KN_E_NOT_FOUND: wrong; KN_E_LIMIT: too many tries) and sets a new
 * one; every session of the user ends but the one of `keep_secret`. */
enum kn_rc kn_system_change_password(struct kn_system *system, struct kn_str email,
                                     struct kn_str present, struct kn_str password,
                                     struct kn_str peer_ip, struct kn_str keep_secret,
                                     struct kn_err *err) KN_MUST_USE;

/* ---- tokens ---- */

struct kn_token_info {
    struct kn_str id, name;
    struct kn_str workspace; /* empty: every workspace */
    enum kn_role role;
    int64_t created_us;
};

/* ret_id may be NULL. */
enum kn_rc kn_system_add_token(struct kn_system *system, struct kn_str name, struct kn_str token,
                               enum kn_role role, struct kn_str workspace, struct kn_arena *arena,
                               struct kn_str *ret_id, struct kn_err *err) KN_MUST_USE;
/* A token of this process only, with every right: never stored, gone with the process. */
void kn_system_lend_token(struct kn_system *system, struct kn_str token);
/* By place; those taken back are left out (*ret is then empty but the answer is true). */
bool kn_system_token_at(struct kn_system *system, size_t index, struct kn_arena *arena,
                        struct kn_token_info *ret);
enum kn_rc kn_system_remove_token(struct kn_system *system, struct kn_str id,
                                  struct kn_err *err) KN_MUST_USE;
/* By the secret of `Authorization: Bearer`; false: unknown. */
bool kn_system_token(struct kn_system *system, struct kn_str token, struct kn_arena *arena,
                     struct kn_caller *ret);

/* ---- sessions ---- */

/* Checks a password (slow on purpose) and opens a session of 12 hours; *ret_secret is the cookie's
 * value (43 characters, in the arena). KN_E_NOT_FOUND: wrong e-mail or password; KN_E_LIMIT: too
 * many tries (10 for an e-mail address, 50 for a network address, per quarter of an hour). */
enum kn_rc kn_system_sign_in(struct kn_system *system, struct kn_str email, struct kn_str password,
                             struct kn_str peer_ip, struct kn_arena *arena,
                             struct kn_str *ret_secret, struct kn_err *err) KN_MUST_USE;
bool kn_system_session(struct kn_system *system, struct kn_str secret, struct kn_arena *arena,
                       struct kn_caller *ret);
void kn_system_sign_out(struct kn_system *system, struct kn_str secret);

#endif
