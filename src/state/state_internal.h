/* The state as its files share it. */
#ifndef KN_STATE_INTERNAL_H
#define KN_STATE_INTERNAL_H

#include <lmdb.h>

#include "os/thread.h"
#include "state/state.h"

enum { KN_STATE_INLINE = 8, KN_STATE_PAGE = 4096 };

/* A value: short ones stand in the entry itself. */
struct kn_state_value {
    union {
        char *p; /* owned */
        char bytes[KN_STATE_INLINE];
    };
    uint32_t len;
    bool present; /* false: removed */
};

struct kn_state_entry {
    struct kn_state_entry *next; /* in its bucket */
    struct kn_state_value value;
    bool dirty;  /* changed since the last freeze */
    bool frozen; /* the value belongs to the checkpoint under way */
    bool used;   /* since the clock hand came by */
    uint8_t table;
    uint8_t key_len; /* of a bytes key */
    uint32_t number;
    char key[]; /* 16 bytes for a hash, key_len for bytes, none for a number */
};

struct kn_state_map {
    enum kn_state_key_kind kind;
    struct kn_state_entry **buckets; /* hash and bytes keys */
    size_t bucket_count;             /* a power of two, 0 = none */
    struct kn_state_entry ***pages;  /* number keys: pages of KN_STATE_PAGE entries */
    size_t page_count;
    size_t count;
    size_t hand;  /* of the clock */
    bool on_disk; /* LMDB holds something */
    MDB_dbi dbi;
};

struct kn_frozen {
    uint64_t place; /* table and first bits of the key: most of the order, without the entry */
    struct kn_state_entry *entry;
    struct kn_state_value value;
};

struct kn_state {
    MDB_env *env;
    MDB_dbi meta_dbi;
    char *meta;
    size_t meta_len;
    struct kn_state_map maps[KN_STATE_TABLES_MAX];
    unsigned table_count;
    uint64_t cache_bytes;
    bool read_only;

    struct kn_state_entry **dirty;
    size_t dirty_count, dirty_room;
    uint64_t dirty_bytes, frozen_bytes;
    struct kn_frozen *frozen;
    size_t frozen_count;
    uint64_t entries, entry_bytes; /* all in memory */
    size_t added;                  /* entries since the last trim */
    uint64_t hits, misses;
    unsigned trim_table;

    struct kn_state_options options; /* without the path */
    char *path, *making;             /* owned; making: where one is made before it gets its name */
    struct kn_state *fresh; /* written again, not in use yet; then what was in use before */

    MDB_txn *txn; /* the fold's reads */
    struct kn_mutex pool_mutex;
    MDB_txn *pool[64]; /* reset, for readers */
    size_t pool_count;
};

/* The LMDB key of an entry or key; `to` has KN_STATE_KEY_MAX bytes. */
MDB_val kn_state__db_key(const struct kn_state_map *map, struct kn_key key, char *to);
struct kn_key kn_state__entry_key(const struct kn_state_map *map,
                                  const struct kn_state_entry *entry);
/* A present value in LMDB under the transaction; false: absent. */
bool kn_state__db_get(struct kn_state *state, MDB_txn *txn, unsigned table, struct kn_key key,
                      struct kn_str *ret);
enum kn_rc kn_state__failed(struct kn_err *err, int rc, const char *what);
/* Another state with the same options, in another directory. */
enum kn_rc kn_state__open_at(const struct kn_state *like, const char *path, struct kn_state **ret,
                             struct kn_err *err) KN_MUST_USE;
void kn_state__renew(struct kn_state *state);

static inline struct kn_str kn_state__text(const struct kn_state_value *v)
{
    return kn_str(v->len <= KN_STATE_INLINE ? v->bytes : v->p, v->len);
}

#endif
