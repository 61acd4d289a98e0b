/* Any bytes as an item: refused, or encoding what was decoded gives exactly the bytes. */
#include <stdint.h>

#include "base/assert.h"
#include "format/item.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kn_hash_key key = kn_hash_key_from(KN_STR("fuzz"));
    struct kn_cursor in = kn_cursor(kn_str(data, size));
    struct kn_cursor skip = in;
    struct kn_arena arena;
    struct kn_buf out;
    struct kn_item item;
    struct kn_err err = {0};
    kn_arena_init(&arena, SIZE_MAX);
    kn_buf_init(&out, SIZE_MAX / 2);
    struct kn_str bytes = kn_item_skip(&skip);
    if (kn_item_decode(&in, &key, &arena, &item, &err) == KN_OK) {
        kn_assert(!in.bad && in.p == skip.p);
        kn_item_encode(&item, &out);
        kn_assert(out.rc == KN_OK && kn_str_eq(kn_buf_view(&out), bytes));
    } else {
        kn_assert(err.code == KN_E_CORRUPT);
    }
    kn_buf_deinit(&out);
    kn_arena_deinit(&arena);
    return 0;
}
