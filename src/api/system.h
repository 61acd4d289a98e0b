/* What belongs to the process and not to one workspace: users, API tokens, UI sessions and the list
 * of workspaces: a fold over the `system` log (system/log on the disk), all of it in memory.
 *
 * Secrets are never stored: passwords as Argon2id (libsodium), tokens and session cookies as a
 * keyed SHA-256/BLAKE2b hash, compared in constant time. Every change is a record, durable before
 * the call returns (the caller is a query worker or start-up, never an HTTP loop). Locks itself.
 */
#ifndef KN_API_SYSTEM_H
#define KN_API_SYSTEM_H

#include "base/arena.h"
#include "base/err.h"
#include "os/clock.h"
#include "os/disk.h"
#include "os/random.h"

struct kn_system;

enum kn_role { KN_ROLE_NONE, KN_ROLE_ANALYST, KN_ROLE_MARKETER, KN_ROLE_DEVELOPER, KN_ROLE_ADMIN,
               KN_ROLE_OWNER };

/* Who is asking. */
struct kn_caller {
    enum kn_role role;
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

enum kn_rc kn_system_add_user(struct kn_system *system, struct kn_str email, struct kn_str password,
                              enum kn_role role, struct kn_err *err) KN_MUST_USE;
enum kn_rc kn_system_add_token(struct kn_system *system, struct kn_str name, struct kn_str token,
                               enum kn_role role, struct kn_str workspace,
                               struct kn_err *err) KN_MUST_USE;
/* By the secret of `Authorization: Bearer`; false: unknown. */
bool kn_system_token(struct kn_system *system, struct kn_str token, struct kn_arena *arena,
                     struct kn_caller *ret);
/* Checks a password (slow on purpose) and opens a session; *ret_secret is the cookie's value (43
 * characters, in the arena). KN_E_NOT_FOUND: wrong e-mail or password; KN_E_LIMIT: too many tries. */
enum kn_rc kn_system_sign_in(struct kn_system *system, struct kn_str email, struct kn_str password,
                             struct kn_str peer_ip, struct kn_arena *arena,
                             struct kn_str *ret_secret, struct kn_err *err) KN_MUST_USE;
bool kn_system_session(struct kn_system *system, struct kn_str secret, struct kn_arena *arena,
                       struct kn_caller *ret);
void kn_system_sign_out(struct kn_system *system, struct kn_str secret);

#endif
