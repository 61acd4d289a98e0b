/* State access of the fold, with a journal so that a dry run can be taken back. */
#include "apply/fold.h"
#include "base/assert.h"
#include "base/mem.h"

struct kn_str kn_fold_get(struct kn_fold *f, enum kn_table table, struct kn_key key)
{
    return kn_state_get(f->state, table, key);
}

static void remember(struct kn_fold *f, enum kn_table table, struct kn_key key)
{
    struct kn_journal *j = f->journal;
    if (!j) {
        return;
    }
    if (j->count == j->room) {
        j->room = j->room ? j->room * 2 : 64;
        j->entries = kn_must_realloc(j->entries, j->room * sizeof *j->entries);
    }
    struct kn_journal_entry *e = &j->entries[j->count++];
    *e = (struct kn_journal_entry){.table = table, .key = key};
    if (key.bytes.len > 0) {
        kn_assert(key.bytes.len <= sizeof e->key_bytes);
        memcpy(e->key_bytes, key.bytes.p, key.bytes.len);
    }
    struct kn_str before = kn_state_get(f->state, table, key);
    if (before.p) {
        e->before = kn_must_alloc(before.len);
        e->before_len = before.len;
        memcpy(e->before, before.p, before.len);
    }
}

void kn_fold_put(struct kn_fold *f, enum kn_table table, struct kn_key key, struct kn_str value)
{
    remember(f, table, key);
    kn_state_put(f->state, table, key, value);
}

char *kn_fold_edit(struct kn_fold *f, enum kn_table table, struct kn_key key, size_t *ret_len)
{
    remember(f, table, key);
    return kn_state_edit(f->state, table, key, ret_len);
}

void kn_fold_remove(struct kn_fold *f, enum kn_table table, struct kn_key key)
{
    remember(f, table, key);
    kn_state_remove(f->state, table, key);
}

void kn_fold_journal_begin(struct kn_fold *f, struct kn_journal *journal)
{
    kn_assert(!f->journal);
    *journal = (struct kn_journal){.counters = f->counters};
    f->journal = journal;
}

void kn_fold_journal_rollback(struct kn_fold *f)
{
    struct kn_journal *j = f->journal;
    f->journal = NULL;
    while (j->count > 0) {
        struct kn_journal_entry *e = &j->entries[--j->count];
        struct kn_key key = e->key;
        if (key.bytes.len > 0) {
            key.bytes.p = e->key_bytes;
        }
        if (e->before) {
            kn_state_put(f->state, e->table, key, kn_str(e->before, e->before_len));
            kn_free(e->before);
        } else {
            kn_state_remove(f->state, e->table, key);
        }
    }
    kn_free(j->entries);
    f->counters = j->counters;
}
