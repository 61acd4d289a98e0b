/* Who did what, saw whom, from where and when: an append-only log of its own (audit/ in the data
 * directory), read back newest first.
 *
 * An entry names people of the organisation (users, tokens) and profiles by their random id; never
 * an identifier, a query or another value of a person. Network addresses are cut down.
 *
 * Appending makes an entry durable before it returns. What programs read at a high rate is counted
 * in memory instead, per actor, action and workspace: one entry a minute with the number and the
 * first KN_AUDIT_IDS profiles. A crash loses at most the last minute of those counts.
 *
 * Locks itself: any thread; append and flush sync the disk, so never an HTTP loop. The log is kept
 * for good: an entry takes a block of 4 KiB, and a start reads the newest two segments only.
 */
#ifndef KN_API_AUDIT_H
#define KN_API_AUDIT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "os/clock.h"
#include "os/disk.h"

struct kn_audit;

#define KN_AUDIT_DIR "audit"
enum { KN_AUDIT_IDS = 100, KN_AUDIT_ID_TEXT = 26 };

enum kn_audit_kind {
    KN_AUDIT_ACCESS, /* signing in and out, invitations, passwords */
    KN_AUDIT_CHANGE,
    KN_AUDIT_VIEW, /* personal data was seen */
    KN_AUDIT_EXPORT,
};
enum { KN_AUDIT_KINDS = 4 };
/* "access", ... */
const char *kn_audit_kind_name(enum kn_audit_kind kind);

struct kn_audit_entry {
    uint64_t seq;  /* given by the log */
    int64_t at_us; /* given by the log: when it was appended */
    enum kn_audit_kind kind;
    struct kn_str action;    /* operation of the API */
    struct kn_str actor;     /* id of the user or token; empty: nobody who is known */
    struct kn_str name;      /* what the actor was called then */
    struct kn_str workspace; /* empty: the installation */
    struct kn_str subject;   /* what it was about: a profile, user, segment, ...; may be empty */
    struct kn_str address;   /* cut down; may be empty */
    bool refused;            /* it was tried */
    uint64_t count;          /* how often within a minute; 1 for what is entered one by one */
    struct kn_str ids;       /* JSON array of the profiles counted; empty: none */
};

enum kn_rc kn_audit_open(struct kn_disk disk, const char *dir, struct kn_clock clock,
                         struct kn_audit **ret, struct kn_err *err) KN_MUST_USE;
void kn_audit_close(struct kn_audit *audit); /* NULL is fine; flush first */

enum kn_rc kn_audit_append(struct kn_audit *audit, const struct kn_audit_entry *entry,
                           struct kn_err *err) KN_MUST_USE;
/* The same actor saw the same subject within the last 5 minutes, so that it need not be entered
 * again; otherwise it is remembered. */
bool kn_audit_is_repeated(struct kn_audit *audit, const struct kn_audit_entry *entry);
/* Counts one more of an entry; `profile` may be NULL. Full, it flushes nothing and drops nothing:
 * false says that the caller must append. */
bool kn_audit_count(struct kn_audit *audit, const struct kn_audit_entry *entry,
                    const char *profile);
/* Appends the counts of minutes that are over, or all. */
enum kn_rc kn_audit_flush(struct kn_audit *audit, bool everything, struct kn_err *err) KN_MUST_USE;

/* What is looked for; empty texts and kinds = 0: any. Times: [from, to). */
struct kn_audit_filter {
    struct kn_str actor, action, subject, workspace;
    bool installation; /* with entries of no workspace */
    unsigned kinds;    /* bits 1 << kind */
    int64_t from_us, to_us;
};

/* Entries with a sequence below `before` (0: all) that match, newest first, into the arena.
 * *ret_next: continue there; 0 at the end. A call looks at a bounded number of entries: it may
 * find fewer than `limit`, even none, and still have a next. */
enum kn_rc kn_audit_read(struct kn_audit *audit, const struct kn_audit_filter *filter,
                         uint64_t before, size_t limit, struct kn_arena *arena,
                         struct kn_audit_entry **ret, size_t *ret_count, uint64_t *ret_next,
                         struct kn_err *err) KN_MUST_USE;

#endif
