/* Writing the LMDB file again from what is in it. Pages LMDB has freed, and the free room of those
 * in use, keep what once stood there; a compacting copy takes whole pages over. Only a file that
 * was made of the present entries alone has nothing else in it. */
#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "os/dir.h"
#include "state/state_internal.h"

enum { COMMIT_BYTES = 64 << 20 };
#define DATA_FILE "data.mdb"
#define LOCK_FILE "lock.mdb"

struct copying {
    struct kn_state *from, *to;
    MDB_txn *read, *write;
    size_t bytes; /* in the transaction */
};

static enum kn_rc put(struct copying *c, MDB_dbi dbi, MDB_val *k, MDB_val *v, unsigned flags,
                      struct kn_err *err)
{
    int rc = 0;
    if (c->bytes > COMMIT_BYTES) {
        rc = mdb_txn_commit(c->write);
        c->write = NULL;
        c->bytes = 0;
        rc = rc == 0 ? mdb_txn_begin(c->to->env, NULL, 0, &c->write) : rc;
    }
    c->bytes += k->mv_size + v->mv_size;
    rc = rc == 0 ? mdb_put(c->write, dbi, k, v, flags) : rc;
    return rc == 0 ? KN_OK : kn_state__failed(err, rc, "cannot write it again");
}

static enum kn_rc copy_table(struct copying *c, MDB_dbi from, MDB_dbi to, unsigned flags,
                             struct kn_err *err)
{
    MDB_cursor *cursor;
    MDB_val k;
    MDB_val v;
    int rc = mdb_cursor_open(c->read, from, &cursor);
    if (rc != 0) {
        return kn_state__failed(err, rc, "cannot read");
    }
    enum kn_rc done = KN_OK;
    rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
    while (rc == 0 && done == KN_OK) {
        done = put(c, to, &k, &v, flags, err);
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return done != KN_OK || rc == MDB_NOTFOUND ? done : kn_state__failed(err, rc, "cannot read");
}

static enum kn_rc copy_all(struct copying *c, struct kn_err *err)
{
    int rc = mdb_txn_begin(c->from->env, NULL, MDB_RDONLY, &c->read);
    rc = rc == 0 ? mdb_txn_begin(c->to->env, NULL, 0, &c->write) : rc;
    enum kn_rc done = rc == 0 ? KN_OK : kn_state__failed(err, rc, "cannot write it again");
    for (unsigned i = 0; done == KN_OK && i < c->from->table_count; i++) {
        done = copy_table(c, c->from->maps[i].dbi, c->to->maps[i].dbi, MDB_APPEND, err);
    }
    if (done == KN_OK) {
        done = copy_table(c, c->from->meta_dbi, c->to->meta_dbi, 0, err);
    }
    if (done == KN_OK) {
        rc = mdb_txn_commit(c->write);
        c->write = NULL;
        done = rc == 0 ? KN_OK : kn_state__failed(err, rc, "cannot write it again");
    }
    if (c->write) {
        mdb_txn_abort(c->write);
    }
    if (c->read) {
        mdb_txn_abort(c->read);
    }
    return done;
}

enum kn_rc kn_state_rewrite(struct kn_state *s, struct kn_err *err)
{
    struct kn_state *fresh = NULL;
    struct copying c = {.from = s};
    kn_assert(!s->fresh && !s->frozen);
    enum kn_rc rc = kn_dir_remove(s->making, err);
    rc = rc == KN_OK ? kn_dir_make(s->making, err) : rc;
    rc = rc == KN_OK ? kn_state__open_at(s, s->making, &fresh, err) : rc;
    if (rc == KN_OK) {
        c.to = fresh;
        rc = copy_all(&c, err);
    }
    rc = rc == KN_OK ? kn_dir_replace(s->making, s->path, DATA_FILE, err) : rc;
    if (rc != KN_OK) {
        kn_state_close(fresh);
        (void)!kn_dir_remove(s->making, NULL); /* else by the next one */
        return rc;
    }
    s->fresh = fresh;
    return KN_OK;
}

void kn_state_use_rewritten(struct kn_state *s)
{
    struct kn_state *fresh = s->fresh;
    kn_assert(fresh && !s->frozen);
    for (size_t i = 0; i < s->pool_count; i++) {
        mdb_txn_abort(s->pool[i]);
    }
    s->pool_count = 0;
    MDB_env *old_env = s->env;
    MDB_txn *old_txn = s->txn;
    s->env = fresh->env;
    s->txn = fresh->txn;
    s->meta_dbi = fresh->meta_dbi;
    for (unsigned i = 0; i < s->table_count; i++) {
        s->maps[i].dbi = fresh->maps[i].dbi;
    }
    fresh->env = old_env;
    fresh->txn = old_txn;
    kn_state__renew(s); /* it began before the copy was made */
}

void kn_state_end_rewrite(struct kn_state *s)
{
    kn_state_close(s->fresh); /* what served before */
    s->fresh = NULL;
    /* Only names are left: the file of locks is as good under either. */
    (void)!kn_dir_replace(s->making, s->path, LOCK_FILE, NULL);
    (void)!kn_dir_remove(s->making, NULL);
}
