/* What comes in of people who were erased is void before it is staged: whatever door it came
 * through, not a byte of it reaches the log. */
#include "apply/ledger.h"
#include "apply/workspace_internal.h"
#include "base/mem.h"

enum { GATE_ARENA_MAX = 64 << 20 };

struct known {
    struct kn_state_reader reader;
    struct kn_arena *arena;
};

static bool is_known(void *context, struct kn_h128 hash)
{
    struct known *k = context;
    bool full = false;
    return kn_state_read(&k->reader, KN_T_IDENTIFIER, kn_key_h128(hash), k->arena, &full).p || full;
}

bool kn_workspace__is_erased(struct kn_workspace *ws, const struct kn_settings *settings,
                             const struct kn_item *item, uint64_t seq, struct kn_arena *arena)
{
    struct kn_ledger *ledger = ws->fold.ledger;
    if (!kn_ledger_names(ledger, item)) {
        return false;
    }
    kn_rwlock_read(&ws->lock);
    struct known known = {kn_state_reader_begin(ws->state), arena};
    bool erased = kn_ledger_owns(ledger, settings->identity, item, seq, is_known, &known);
    kn_state_reader_end(&known.reader);
    kn_rwlock_unlock(&ws->lock);
    return erased;
}

static enum kn_rc make_void(struct kn_buf *copy, struct kn_str items, size_t at, size_t len)
{
    if (copy->len == 0) {
        kn_buf_str(copy, items);
    }
    if (copy->rc == KN_OK) {
        kn_item_void(copy->p + at, len);
    }
    return copy->rc;
}

enum kn_rc kn_workspace__gate(struct kn_workspace *ws, struct kn_str items, uint32_t item_count,
                              struct kn_buf *copy, struct kn_err *err)
{
    struct kn_arena arena;
    struct kn_cursor c = kn_cursor(items);
    enum kn_rc rc = KN_OK;
    if (ws->fold.ledger->count == 0) {
        return KN_OK;
    }
    struct kn_settings *settings = kn_workspace_settings(ws);
    kn_arena_init(&arena, GATE_ARENA_MAX);
    for (uint32_t i = 0; rc == KN_OK && i < item_count; i++) {
        struct kn_item item;
        size_t at = (size_t)((const char *)c.p - items.p);
        kn_arena_clear(&arena);
        rc = kn_item_decode(&c, &settings->key, &arena, &item, err);
        if (rc == KN_OK && kn_workspace__is_erased(ws, settings, &item, UINT64_MAX, &arena)) {
            rc = make_void(copy, items, at, (size_t)((const char *)c.p - items.p) - at);
        }
    }
    kn_arena_deinit(&arena);
    kn_settings_unref(settings);
    return rc;
}
