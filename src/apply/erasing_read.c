#include "apply/workspace_internal.h"

enum kn_rc kn_read_erasure(struct kn_workspace *ws, struct kn_str id, struct kn_arena *arena,
                           struct kn_erasure *ret, enum kn_erasing_stage *ret_stage)
{
    struct kn_h128 key;
    bool full = false;
    if (!kn_profile_id_parse(id, &key) || kn_h128_is_zero(key)) {
        return KN_E_NOT_FOUND;
    }
    kn_rwlock_read(&ws->lock);
    struct kn_state_reader r = kn_state_reader_begin(ws->state);
    struct kn_str bytes = kn_state_read(&r, KN_T_ERASURE, kn_key_h128(key), arena, &full);
    kn_state_reader_end(&r);
    kn_rwlock_unlock(&ws->lock);
    if (full || !bytes.p) {
        return full ? KN_E_NOMEM : KN_E_NOT_FOUND;
    }
    KN_TRY(kn_erasure_decode(key, bytes, arena, ret));
    bool now = !kn_erasure_is_done(ret) && ret->seq <= ws->erasing.last_seq;
    *ret_stage = now ? ws->erasing.stage : KN_ERASING_IDLE;
    return KN_OK;
}

enum kn_rc kn_read_erasures(struct kn_workspace *ws, struct kn_arena *arena,
                            struct kn_erasure **ret, size_t *ret_count, uint64_t *ret_done)
{
    kn_rwlock_read(&ws->lock);
    const struct kn_erasures *all = &ws->fold.erasures;
    struct kn_erasure *copy = kn_arena_alloc(arena, (all->waiting_count + 1) * sizeof *copy);
    if (copy && all->waiting_count > 0) {
        memcpy(copy, all->waiting, all->waiting_count * sizeof *copy);
    }
    for (size_t i = 0; copy && i < all->waiting_count; i++) {
        copy[i].ordinals = NULL;
    }
    *ret = copy;
    *ret_count = copy ? all->waiting_count : 0;
    *ret_done = all->done;
    kn_rwlock_unlock(&ws->lock);
    return copy ? KN_OK : KN_E_NOMEM;
}
