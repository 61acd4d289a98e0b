/* Erasures as the rest of Kern sees them, and the background's part of them. docs/privacy.md tells
 * the whole way.
 *
 * An erasure is a KN_ITEM_ERASE record. From the moment it is applied nobody reads the person any
 * more; kn_workspace_stage turns what still comes in of them into void items. The bytes go in the
 * background, each step one that may be interrupted and begun again at any moment:
 *
 *   settle    the change lists are done, and a checkpoint holds everything that was staged when the
 *             last of the batch was applied
 *   archive   events of nobody that name them are hidden; files with hidden rows are written again
 *   columns   files with their rows are written again
 *   log       segments with their items are written again, with void items in their place
 *   state     the LMDB file is written again from what is in it, and replaces the old one
 *   receipt   a KN_ITEM_ERASED record per erasure
 */
#ifndef KN_APPLY_ERASING_H
#define KN_APPLY_ERASING_H

#include "apply/erase.h"
#include "apply/workspace.h"

enum kn_erasing_stage {
    KN_ERASING_IDLE,
    KN_ERASING_SETTLE,
    KN_ERASING_ARCHIVE,
    KN_ERASING_COLUMNS,
    KN_ERASING_LOG,
    KN_ERASING_STATE,
    KN_ERASING_RECEIPT,
};

#define KN_ERASE_WITHIN_US (INT64_C(3600) * 1000000)

/* An erasure by its id (a text as of profiles). Ordinals are left out. done_us tells of a receipt
 * only; *ret_stage: what is being done for it now, IDLE when it waits or is done. Any thread.
 * KN_E_NOT_FOUND; KN_E_NOMEM */
enum kn_rc kn_read_erasure(struct kn_workspace *ws, struct kn_str id, struct kn_arena *arena,
                           struct kn_erasure *ret, enum kn_erasing_stage *ret_stage) KN_MUST_USE;
/* Those that wait, oldest first (without ordinals), and how many are done. */
enum kn_rc kn_read_erasures(struct kn_workspace *ws, struct kn_arena *arena,
                            struct kn_erasure **ret, size_t *ret_count,
                            uint64_t *ret_done) KN_MUST_USE;

#endif
