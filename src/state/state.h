/* The key-value state of one workspace: what apply needs to know, in memory where it is hot, in
 * LMDB where it is durable.
 *
 *   get:  entry in memory -> value; else LMDB -> value, which becomes a clean entry
 *   put:  a dirty entry in memory; nothing is written until the checkpoint
 *   checkpoint:  freeze() (instant, in the fold's turn) marks the dirty entries of this generation;
 *                commit() (background thread) writes them and a meta blob in ONE synced LMDB
 *                transaction: the only commit point; thaw() (in the fold's turn) makes them clean.
 *   Entries changed between freeze and thaw are copied first, so commit() writes the frozen values.
 *   Clean entries are a cache: kn_state_trim() evicts by a clock hand above the byte budget.
 *
 * After a crash LMDB holds exactly the last commit() (its meta blob carries the log position and
 * the file manifest); everything after it comes again from the log.
 *
 * Keys: KN_KEY_U32 (dense numbers such as profile ordinals: a paged array, no hashing),
 * KN_KEY_H128 (16-byte keyed hashes), KN_KEY_BYTES (1..128 bytes).
 *
 * Threads: one writer (the fold) under the workspace's write lock calls get/put/edit/remove/freeze/
 * thaw/trim. Readers under its read lock go through a kn_state_reader. commit() runs on the
 * background thread without a lock, between freeze() and thaw(). Memory: kn_must_alloc (the fold
 * cannot stop half way); reads allocate from the caller's arena. LMDB errors other than those
 * listed panic in the fold (the state would be unknown); MDB_MAP_FULL is avoided by growing the map
 * at commit.
 */
#ifndef KN_STATE_STATE_H
#define KN_STATE_STATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"

struct kn_state;
struct MDB_txn;

enum kn_state_key_kind { KN_KEY_U32, KN_KEY_H128, KN_KEY_BYTES };

struct kn_state_table {
    const char *name; /* of the LMDB database; constant */
    enum kn_state_key_kind kind;
};

enum { KN_STATE_TABLES_MAX = 32, KN_STATE_KEY_MAX = 128 };

struct kn_state_options {
    const char *path;                    /* directory of the LMDB environment, made when missing */
    const struct kn_state_table *tables; /* borrowed for good; a table is named by its index */
    unsigned table_count;
    uint64_t cache_bytes; /* budget for entries; dirty ones stay all the same */
    uint64_t map_bytes;   /* first size of the memory map; grows */
    bool read_only;       /* for verify: nothing is created or written */
};

/* @errors KN_E_IO, KN_E_CORRUPT, KN_E_VERSION (written with other tables), KN_E_NOMEM */
enum kn_rc kn_state_open(const struct kn_state_options *options, struct kn_state **ret,
                         struct kn_err *err) KN_MUST_USE;
void kn_state_close(struct kn_state *state); /* forgets what was not committed; NULL is fine */

/* A key: for KN_KEY_U32 use kn_key_u32, otherwise its bytes. */
struct kn_key {
    struct kn_str bytes; /* KN_KEY_BYTES */
    struct kn_h128 hash; /* KN_KEY_H128 */
    uint32_t number;     /* KN_KEY_U32 */
};
static inline struct kn_key kn_key_u32(uint32_t number)
{
    return (struct kn_key){.number = number};
}
static inline struct kn_key kn_key_h128(struct kn_h128 hash)
{
    return (struct kn_key){.hash = hash};
}
static inline struct kn_key kn_key_bytes(struct kn_str bytes)
{
    return (struct kn_key){.bytes = bytes};
}

/* The writer's view. p == NULL: absent (a present empty value has p != NULL, len 0).
 * Borrowed until the next put/edit/remove of that key, or trim. */
struct kn_str kn_state_get(struct kn_state *state, unsigned table, struct kn_key key);
/* Copies value. `value` may point into the entry's present value. */
void kn_state_put(struct kn_state *state, unsigned table, struct kn_key key, struct kn_str value);
/* The present value, writable in place (same length; counts as a put), or NULL when absent. */
char *kn_state_edit(struct kn_state *state, unsigned table, struct kn_key key, size_t *ret_len);
void kn_state_remove(struct kn_state *state, unsigned table, struct kn_key key);

/* A reader's view of the same, newest values included. The caller holds the workspace's read lock
 * from begin to end; reads between them share what the first one that goes to LMDB has to set up.
 */
struct kn_state_reader {
    struct kn_state *state;
    struct MDB_txn *txn; /* NULL until one is needed */
};
static inline struct kn_state_reader kn_state_reader_begin(struct kn_state *state)
{
    return (struct kn_state_reader){.state = state};
}
void kn_state_reader_end(struct kn_state_reader *reader);
/* Copied into the arena. p == NULL: absent (or arena full: *ret_full is set when not NULL). */
struct kn_str kn_state_read(struct kn_state_reader *reader, unsigned table, struct kn_key key,
                            struct kn_arena *arena, bool *ret_full);
/* Hints that the keys of a batch will be looked up soon: one step for all keys, then the next step.
 * Each step fetches what the one before it pointed at (0 = place, 1 = entry, 2 = value). */
void kn_state_prefetch(const struct kn_state *state, unsigned table, struct kn_key key, int step);
/* The value if it is in memory, for hints only; p == NULL otherwise. */
struct kn_str kn_state_peek(const struct kn_state *state, unsigned table, struct kn_key key);

/* Only one freeze may be under way. */
void kn_state_freeze(struct kn_state *state);
/* Writes the frozen entries and the meta blob; durable on KN_OK. On an error nothing was committed,
 * the frozen entries stay frozen, and commit may be called again (full disk: KN_E_FULL). */
enum kn_rc kn_state_commit(struct kn_state *state, struct kn_str meta,
                           struct kn_err *err) KN_MUST_USE;
void kn_state_thaw(struct kn_state *state);
/* Writes the file of the last commit again from its entries alone, so that nothing that was ever
 * removed is left in it, and gives it its name; durable on KN_OK. On the thread of commit(), not
 * between freeze() and thaw(). Then, before the next freeze(), it is to be used: under the
 * workspace's write lock, for an instant; and the old one to be closed, without the lock. On an
 * error nothing changed.
 * @errors KN_E_FULL, KN_E_IO, KN_E_NOMEM, KN_E_CORRUPT */
enum kn_rc kn_state_rewrite(struct kn_state *state, struct kn_err *err) KN_MUST_USE;
void kn_state_use_rewritten(struct kn_state *state);
void kn_state_end_rewrite(struct kn_state *state);
/* Evicts up to `entries_max` clean entries while over budget. True: some went, and more should. */
bool kn_state_trim(struct kn_state *state, size_t entries_max);

/* The meta blob of the last commit, valid until the next commit; empty for a new state. */
struct kn_str kn_state_meta(const struct kn_state *state);

struct kn_state_usage {
    uint64_t dirty_entries, dirty_bytes; /* not yet committed */
    uint64_t cached_entries, cached_bytes;
    uint64_t disk_bytes;   /* of the LMDB file in use */
    uint64_t hits, misses; /* of kn_state_get; misses went to LMDB */
};
void kn_state_usage(const struct kn_state *state, struct kn_state_usage *ret);

/* Every committed entry of a table in key order (verify, tests). Stops when fn answers not KN_OK.
 */
typedef enum kn_rc (*kn_state_scan_fn)(void *context, struct kn_key key, struct kn_str value,
                                       struct kn_err *err);
enum kn_rc kn_state_scan(struct kn_state *state, unsigned table, kn_state_scan_fn fn, void *context,
                         struct kn_err *err) KN_MUST_USE;

#endif
