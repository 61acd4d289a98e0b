/* The LMDB side: opening, the one commit, scanning. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "os/dir.h"
#include "state/state_internal.h"

enum { FORMAT = 1, READERS = 512 };
static const char meta_key[] = "checkpoint";
static const char tables_key[] = "tables";
#define MAP_BYTES (UINT64_C(1) << 38)

enum kn_rc kn_state__failed(struct kn_err *err, int rc, const char *what)
{
    enum kn_rc code = rc == ENOSPC || rc == MDB_MAP_FULL || rc == EFBIG ? KN_E_FULL
                      : rc == ENOMEM                                    ? KN_E_NOMEM
                      : rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_INVALID ||
                              rc == MDB_VERSION_MISMATCH
                          ? KN_E_CORRUPT
                          : KN_E_IO;
    return kn_fail(err, code, "state: %s: %s", what, mdb_strerror(rc));
}

MDB_val kn_state__db_key(const struct kn_state_map *map, struct kn_key key, char *to)
{
    if (map->kind == KN_KEY_U32) {
        memcpy(to, &key.number, sizeof key.number); /* MDB_INTEGERKEY wants native order */
        return (MDB_val){sizeof key.number, to};
    }
    if (map->kind == KN_KEY_BYTES) {
        kn_assert(key.bytes.len > 0 && key.bytes.len <= KN_STATE_KEY_MAX);
        memcpy(to, key.bytes.p, key.bytes.len);
        return (MDB_val){key.bytes.len, to};
    }
    for (unsigned i = 0; i < 8; i++) {
        to[i] = (char)(unsigned char)(key.hash.hi >> (8 * (7 - i)));
        to[8 + i] = (char)(unsigned char)(key.hash.lo >> (8 * (7 - i)));
    }
    return (MDB_val){16, to};
}

static struct kn_key key_from_db(const struct kn_state_map *map, MDB_val v)
{
    struct kn_key key = {.bytes = {v.mv_data, v.mv_size}};
    const unsigned char *p = v.mv_data;
    if (map->kind == KN_KEY_U32 && v.mv_size == sizeof key.number) {
        memcpy(&key.number, p, sizeof key.number);
    }
    for (unsigned i = 0; map->kind == KN_KEY_H128 && v.mv_size == 16 && i < 8; i++) {
        key.hash.hi = key.hash.hi << 8 | p[i];
        key.hash.lo = key.hash.lo << 8 | p[8 + i];
    }
    return key;
}

bool kn_state__db_get(struct kn_state *s, MDB_txn *txn, unsigned table, struct kn_key key,
                      struct kn_str *ret)
{
    char bytes[KN_STATE_KEY_MAX];
    MDB_val k = kn_state__db_key(&s->maps[table], key, bytes);
    MDB_val v;
    int rc = mdb_get(txn, s->maps[table].dbi, &k, &v);
    if (rc == MDB_NOTFOUND) {
        return false;
    }
    if (rc != 0) {
        kn_panic("state cannot be read: %s", mdb_strerror(rc));
    }
    *ret = kn_str(v.mv_data, v.mv_size);
    return true;
}

void kn_state__renew(struct kn_state *s)
{
    mdb_txn_reset(s->txn);
    int rc = mdb_txn_renew(s->txn);
    if (rc != 0) {
        kn_panic("state: the read transaction could not be renewed: %s", mdb_strerror(rc));
    }
}

/* ---- open ---- */

static enum kn_rc read_meta(struct kn_state *s, MDB_txn *txn, struct kn_err *err)
{
    MDB_val k = {sizeof meta_key - 1, (void *)(uintptr_t)meta_key};
    MDB_val v;
    int rc = mdb_get(txn, s->meta_dbi, &k, &v);
    if (rc == MDB_NOTFOUND) {
        return KN_OK;
    }
    if (rc != 0) {
        return kn_state__failed(err, rc, "cannot read the checkpoint");
    }
    s->meta = kn_must_alloc(v.mv_size + 1);
    memcpy(s->meta, v.mv_data, v.mv_size);
    s->meta_len = v.mv_size;
    return KN_OK;
}

/* The tables this state was made with: a prefix of today's, or it is not ours to read. */
static enum kn_rc check_tables(struct kn_state *s, const struct kn_state_options *o, MDB_txn *txn,
                               struct kn_err *err)
{
    struct kn_buf names;
    MDB_val k = {sizeof tables_key - 1, (void *)(uintptr_t)tables_key};
    MDB_val v;
    kn_buf_init(&names, 4096);
    kn_buf_u64(&names, FORMAT);
    for (unsigned i = 0; i < o->table_count; i++) {
        kn_buf_printf(&names, " %s/%d", o->tables[i].name, (int)o->tables[i].kind);
    }
    enum kn_rc rc = names.rc;
    int found = mdb_get(txn, s->meta_dbi, &k, &v);
    if (found == 0 && !kn_str_starts(kn_buf_view(&names), kn_str(v.mv_data, v.mv_size))) {
        rc = kn_fail(err, KN_E_VERSION, "state: it was written with other tables");
    } else if (found != 0 && found != MDB_NOTFOUND) {
        rc = kn_state__failed(err, found, "cannot read the tables");
    }
    if (rc == KN_OK && !o->read_only) {
        v = (MDB_val){names.len, names.p};
        int put = mdb_put(txn, s->meta_dbi, &k, &v, 0);
        rc = put == 0 ? KN_OK : kn_state__failed(err, put, "cannot write the tables");
    }
    kn_buf_deinit(&names);
    return rc;
}

static enum kn_rc open_tables(struct kn_state *s, const struct kn_state_options *o, MDB_txn *txn,
                              struct kn_err *err)
{
    unsigned create = o->read_only ? 0 : MDB_CREATE;
    int rc = mdb_dbi_open(txn, "meta", create, &s->meta_dbi);
    if (rc != 0) {
        return kn_state__failed(err, rc, "cannot open");
    }
    for (unsigned i = 0; i < o->table_count; i++) {
        struct kn_state_map *map = &s->maps[i];
        MDB_stat stat;
        map->kind = o->tables[i].kind;
        rc = mdb_dbi_open(txn, o->tables[i].name,
                          create | (map->kind == KN_KEY_U32 ? MDB_INTEGERKEY : 0U), &map->dbi);
        if (rc == 0) {
            rc = mdb_stat(txn, map->dbi, &stat);
        }
        if (rc != 0) {
            return kn_state__failed(err, rc, "cannot open a table");
        }
        map->on_disk = stat.ms_entries > 0;
    }
    s->table_count = o->table_count;
    KN_TRY(check_tables(s, o, txn, err));
    return read_meta(s, txn, err);
}

static enum kn_rc open_env(struct kn_state *s, const struct kn_state_options *o, const char *path,
                           struct kn_err *err)
{
    MDB_txn *txn;
    int rc = mdb_env_create(&s->env);
    if (rc == 0) {
        rc = mdb_env_set_maxdbs(s->env, KN_STATE_TABLES_MAX + 2);
    }
    if (rc == 0) {
        rc = mdb_env_set_maxreaders(s->env, READERS);
    }
    if (rc == 0) {
        rc = mdb_env_set_mapsize(s->env, o->map_bytes ? o->map_bytes : MAP_BYTES);
    }
    if (rc == 0) {
        rc = mdb_env_open(s->env, path,
                          MDB_NOTLS | MDB_NORDAHEAD | (o->read_only ? MDB_RDONLY : 0U), 0600);
    }
    if (rc == 0) {
        rc = mdb_txn_begin(s->env, NULL, o->read_only ? MDB_RDONLY : 0, &txn);
    }
    if (rc != 0) {
        return kn_state__failed(err, rc, "cannot open");
    }
    enum kn_rc done = open_tables(s, o, txn, err);
    if (done != KN_OK) {
        mdb_txn_abort(txn);
        return done;
    }
    rc = mdb_txn_commit(txn); /* also for read-only ones: it keeps the table handles */
    if (rc == 0) {
        rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->txn);
    }
    return rc == 0 ? KN_OK : kn_state__failed(err, rc, "cannot open");
}

static char *with_suffix(const char *path, const char *suffix)
{
    size_t room = strlen(path) + strlen(suffix) + 1;
    char *whole = kn_must_alloc(room);
    (void)snprintf(whole, room, "%s%s", path, suffix);
    return whole;
}

static struct kn_state *state_new(const struct kn_state_options *options)
{
    struct kn_state *s = kn_must_calloc(1, sizeof *s);
    kn_assert(options->table_count <= KN_STATE_TABLES_MAX);
    kn_mutex_init(&s->pool_mutex);
    s->cache_bytes = options->cache_bytes;
    s->read_only = options->read_only;
    s->options = *options;
    s->path = with_suffix(options->path, "");
    s->making = with_suffix(options->path, ".new");
    s->options.path = NULL;
    return s;
}

/* LMDB writes the first pages of a new file without a sync: a crash then leaves one it can never
 * open again. So it is made under another name, and gets its own when everything in it is durable.
 */
static enum kn_rc create(const struct kn_state_options *options, struct kn_err *err)
{
    struct kn_state *s = state_new(options);
    char *making = with_suffix(s->making, "");
    enum kn_rc rc = kn_dir_remove(making, err);
    rc = rc == KN_OK ? kn_dir_make(making, err) : rc;
    rc = rc == KN_OK ? open_env(s, options, making, err) : rc;
    kn_state_close(s);
    rc = rc == KN_OK ? kn_dir_remove(options->path, err) : rc;
    rc = rc == KN_OK ? kn_dir_settle(making, options->path, err) : rc;
    kn_free(making);
    return rc;
}

enum kn_rc kn_state_open(const struct kn_state_options *options, struct kn_state **ret,
                         struct kn_err *err)
{
    if (!options->read_only && !kn_dir_has(options->path, "data.mdb")) {
        KN_TRY(create(options, err));
    }
    struct kn_state *s = state_new(options);
    /* What a crash left of one that was being written again. */
    enum kn_rc rc = options->read_only ? KN_OK : kn_dir_remove(s->making, err);
    rc = rc == KN_OK ? open_env(s, options, options->path, err) : rc;
    if (rc != KN_OK) {
        kn_state_close(s);
        return rc;
    }
    *ret = s;
    return KN_OK;
}

enum kn_rc kn_state__open_at(const struct kn_state *like, const char *path, struct kn_state **ret,
                             struct kn_err *err)
{
    struct kn_state_options options = like->options;
    options.path = path;
    struct kn_state *s = state_new(&options);
    enum kn_rc rc = open_env(s, &options, path, err);
    if (rc != KN_OK) {
        kn_state_close(s);
        return rc;
    }
    *ret = s;
    return KN_OK;
}

static void free_entry(struct kn_state_entry *e)
{
    if (e && e->value.len > KN_STATE_INLINE && !e->frozen) {
        kn_free(e->value.p);
    }
    kn_free(e);
}

static void free_map(struct kn_state_map *map)
{
    for (size_t i = 0; i < map->bucket_count; i++) {
        struct kn_state_entry *e = map->buckets[i];
        while (e) {
            struct kn_state_entry *next = e->next;
            free_entry(e);
            e = next;
        }
    }
    for (size_t i = 0; i < map->page_count; i++) {
        for (size_t k = 0; map->pages[i] && k < KN_STATE_PAGE; k++) {
            free_entry(map->pages[i][k]);
        }
        kn_free(map->pages[i]);
    }
    kn_free(map->buckets);
    kn_free(map->pages);
}

void kn_state_close(struct kn_state *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < s->frozen_count; i++) {
        if (s->frozen[i].value.len > KN_STATE_INLINE) {
            kn_free(s->frozen[i].value.p);
        }
    }
    for (unsigned i = 0; i < s->table_count; i++) {
        free_map(&s->maps[i]);
    }
    for (size_t i = 0; i < s->pool_count; i++) {
        mdb_txn_abort(s->pool[i]);
    }
    kn_state_close(s->fresh);
    if (s->txn) {
        mdb_txn_abort(s->txn);
    }
    if (s->env) {
        mdb_env_close(s->env);
    }
    kn_mutex_deinit(&s->pool_mutex);
    kn_free(s->frozen);
    kn_free(s->dirty);
    kn_free(s->meta);
    kn_free(s->making);
    kn_free(s->path);
    kn_free(s);
}

/* ---- commit ---- */

static uint64_t place_of(const struct kn_state *s, const struct kn_state_entry *e)
{
    uint64_t first = (uint64_t)e->number << 24;
    struct kn_h128 h;
    if (s->maps[e->table].kind == KN_KEY_H128) {
        memcpy(&h, e->key, sizeof h);
        first = h.hi >> 8;
    } else if (s->maps[e->table].kind == KN_KEY_BYTES) {
        first = 0;
        for (size_t i = 0; i < 7; i++) {
            first = first << 8 | (i < e->key_len ? (unsigned char)e->key[i] : 0U);
        }
    }
    return (uint64_t)e->table << 56 | first;
}

static int by_place(const void *a, const void *b)
{
    uint64_t p = ((const struct kn_frozen *)a)->place;
    uint64_t q = ((const struct kn_frozen *)b)->place;
    if (p != q) {
        return p < q ? -1 : 1;
    }
    const struct kn_state_entry *x = ((const struct kn_frozen *)a)->entry;
    const struct kn_state_entry *y = ((const struct kn_frozen *)b)->entry;
    if (x == y) {
        return 0;
    }
    if (x->key_len == 0) { /* a hash: numbers were told apart by their place */
        struct kn_h128 h;
        struct kn_h128 k;
        memcpy(&h, x->key, sizeof h);
        memcpy(&k, y->key, sizeof k);
        return kn_h128_cmp(h, k);
    }
    return kn_str_cmp(kn_str(x->key, x->key_len), kn_str(y->key, y->key_len));
}

static int write_one(struct kn_state *s, MDB_txn *txn, const struct kn_frozen *item)
{
    char bytes[KN_STATE_KEY_MAX];
    struct kn_state_map *map = &s->maps[item->entry->table];
    MDB_val k = kn_state__db_key(map, kn_state__entry_key(map, item->entry), bytes);
    if (!item->value.present) {
        int rc = mdb_del(txn, map->dbi, &k, NULL);
        return rc == MDB_NOTFOUND ? 0 : rc;
    }
    struct kn_str text = kn_state__text(&item->value);
    MDB_val v = {text.len, (void *)(uintptr_t)text.p};
    return mdb_put(txn, map->dbi, &k, &v, 0);
}

static int write_all(struct kn_state *s, MDB_txn *txn, struct kn_str meta)
{
    MDB_val k = {sizeof meta_key - 1, (void *)(uintptr_t)meta_key};
    MDB_val v = {meta.len, (void *)(uintptr_t)meta.p};
    int rc = mdb_put(txn, s->meta_dbi, &k, &v, 0);
    for (size_t i = 0; i < s->frozen_count && rc == 0; i++) {
        rc = write_one(s, txn, &s->frozen[i]);
    }
    return rc;
}

enum kn_rc kn_state_commit(struct kn_state *s, struct kn_str meta, struct kn_err *err)
{
    MDB_txn *txn;
    kn_assert(s->frozen);
    int rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (rc != 0) {
        return kn_state__failed(err, rc, "cannot begin the checkpoint");
    }
    for (size_t i = 0; i < s->frozen_count; i++) {
        s->frozen[i].place = place_of(s, s->frozen[i].entry);
    }
    qsort(s->frozen, s->frozen_count, sizeof *s->frozen, by_place);
    rc = write_all(s, txn, meta);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return kn_state__failed(err, rc, "cannot write the checkpoint");
    }
    rc = mdb_txn_commit(txn);
    if (rc != 0) {
        return kn_state__failed(err, rc, "cannot commit the checkpoint");
    }
    kn_free(s->meta);
    s->meta = kn_must_alloc(meta.len + 1);
    memcpy(s->meta, meta.p, meta.len);
    s->meta_len = meta.len;
    return KN_OK;
}

struct kn_str kn_state_meta(const struct kn_state *s)
{
    return kn_str(s->meta, s->meta_len);
}

/* ---- scan ---- */

enum kn_rc kn_state_scan(struct kn_state *s, unsigned table, kn_state_scan_fn fn, void *context,
                         struct kn_err *err)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val k;
    MDB_val v;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) {
        return kn_state__failed(err, rc, "cannot read");
    }
    rc = mdb_cursor_open(txn, s->maps[table].dbi, &cursor);
    enum kn_rc done = rc == 0 ? KN_OK : kn_state__failed(err, rc, "cannot read");
    if (rc == 0) {
        rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
        while (rc == 0 && done == KN_OK) {
            done = fn(context, key_from_db(&s->maps[table], k), kn_str(v.mv_data, v.mv_size), err);
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
        }
        mdb_cursor_close(cursor);
        if (done == KN_OK && rc != MDB_NOTFOUND) {
            done = kn_state__failed(err, rc, "cannot read");
        }
    }
    mdb_txn_abort(txn);
    return done;
}
