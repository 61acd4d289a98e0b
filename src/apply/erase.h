/* Erasing a person: what the fold does with the record, and what it remembers of it. Internal to
 * apply/; see docs/privacy.md for the whole way.
 *
 *   KN_ITEM_ERASE   the merged person is gone for every read at once; the identifiers stand in the
 *                   ledger (apply/ledger.h). Bytes are still in files
 *   change lists    entries and exits of the person lose ordinal, message and value, some blocks
 *                   with each record, until all were looked at
 *   (apply/erasing.h: the background thread rewrites the stores)
 *   KN_ITEM_ERASED  nothing is left: the receipt
 *
 * KN_T_ERASURE: erasure id -> u8 version 1, h128 profile id, u64 record, i64 requested, i64
 * deadline, i64 time done per store (0 = not yet), u64 identifiers, u64 events, varint ordinals and
 * each. The id 0 has instead: how far the change lists are, u32 series + 1 (0 = done), u64 block.
 * Times are UTC microseconds.
 */
#ifndef KN_APPLY_ERASE_H
#define KN_APPLY_ERASE_H

#include "base/arena.h"
#include "base/buf.h"
#include "format/item.h"

struct kn_fold;

enum kn_erase_store {
    KN_ERASE_ARCHIVE,
    KN_ERASE_COLUMNS,
    KN_ERASE_LOG,
    KN_ERASE_STATE,
    KN_ERASE_STORES,
};
const char *kn_erase_store_name(enum kn_erase_store store);

struct kn_erasure {
    struct kn_h128 id, profile; /* profile: the public id it had */
    uint64_t seq;               /* of the record */
    int64_t requested_us, deadline_us;
    int64_t done_us[KN_ERASE_STORES]; /* when no byte was left there; 0 = not yet */
    uint64_t identifiers, events;
    uint32_t *ordinals; /* the profile and those that had become part of it */
    size_t ordinal_count;
};
static inline bool kn_erasure_is_done(const struct kn_erasure *e)
{
    return e->done_us[KN_ERASE_STATE] != 0; /* the last one */
}
void kn_erasure_encode(const struct kn_erasure *e, struct kn_buf *out);
/* Ordinals in the arena. @errors KN_E_CORRUPT, KN_E_NOMEM */
enum kn_rc kn_erasure_decode(struct kn_h128 id, struct kn_str bytes, struct kn_arena *arena,
                             struct kn_erasure *ret) KN_MUST_USE;

/* The fold's memory of those that are not done. */
struct kn_erasures {
    struct kn_erasure *waiting; /* in order of their records; ordinals owned */
    size_t waiting_count;
    uint64_t done;
    bool redacting; /* the change lists are being gone through */
    uint32_t series;
    uint64_t block;
};
void kn_erasures_deinit(struct kn_erasures *e);
/* What the state's last commit says. @errors KN_E_IO, KN_E_CORRUPT */
enum kn_rc kn_erasures_load(struct kn_fold *f, struct kn_err *err) KN_MUST_USE;

void kn_fold_erase(struct kn_fold *f, const struct kn_item *item);
void kn_fold_erased(struct kn_fold *f, const struct kn_item *item);
/* A piece of the change lists; with nothing to do it costs nothing. */
void kn_fold_redact(struct kn_fold *f, bool is_tick);
/* The item belongs to someone who was erased (apply/ledger.h). */
bool kn_fold_is_erased(struct kn_fold *f, const struct kn_item *item);

#endif
