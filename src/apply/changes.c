/* What happened to a segment: its entries and exits, and its size by day. */
#include "apply/fold.h"
#include "apply/membership.h"
#include "base/assert.h"

enum { DAY_BYTES = 12 };

static void put_be(char *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        to[i] = (char)(unsigned char)(value >> (8 * (bytes - 1 - i)));
    }
}

/* ---- changes ---- */

const char *kn_cause_name(enum kn_cause cause)
{
    switch (cause) {
    case KN_CAUSE_MESSAGE: return "message";
    case KN_CAUSE_TIME: return "time";
    case KN_CAUSE_MERGE: return "merge";
    case KN_CAUSE_UNMERGE: return "unmerge";
    case KN_CAUSE_CONSENT: return "consent";
    case KN_CAUSE_DEFINITION: return "definition";
    case KN_CAUSE_SEGMENT: return "segment";
    case KN_CAUSE_ERASURE: return "erasure";
    }
    return "message";
}

void kn_change_key(uint32_t series, uint64_t block, char key[12])
{
    put_be(key, series, 4);
    put_be(key + 4, block, 8);
}

static void encode_change(const struct kn_change *c, struct kn_buf *out)
{
    kn_buf_char(out, (char)((unsigned)c->kind | (unsigned)c->cause << 4));
    kn_buf_le64(out, (uint64_t)c->at_us);
    kn_buf_varint(out, c->ordinal);
    kn_buf_varint(out, c->position);
    kn_buf_varint(out, (uint32_t)(c->index + 1));
    kn_buf_lstr(out, c->message_id);
    kn_buf_lstr(out, c->value);
}

static void remove_block(struct kn_fold *f, uint32_t series, uint64_t block)
{
    char bytes[12];
    kn_change_key(series, block, bytes);
    struct kn_key key = kn_key_bytes(kn_str(bytes, sizeof bytes));
    if (kn_fold_get(f, KN_T_CHANGE, key).p) {
        kn_fold_remove(f, KN_T_CHANGE, key);
    }
}

void kn_changes_store(struct kn_fold *f, struct kn_segment_record *r, struct kn_buf *waiting)
{
    char bytes[12];
    struct kn_buf *out = &f->row;
    if (waiting->len == 0) {
        return;
    }
    kn_change_key(r->series, (r->changes - 1) / KN_CHANGES_BLOCK, bytes);
    struct kn_key key = kn_key_bytes(kn_str(bytes, sizeof bytes));
    kn_buf_str(out, kn_fold_get(f, KN_T_CHANGE, key));
    kn_buf_str(out, kn_buf_view(waiting));
    kn_assert(out->rc == KN_OK);
    kn_fold_put(f, KN_T_CHANGE, key, kn_buf_view(out));
    kn_buf_clear(out);
    kn_buf_clear(waiting);
    while (r->changes - r->oldest_change > KN_CHANGES_KEPT + KN_CHANGES_BLOCK) {
        remove_block(f, r->series, r->oldest_change / KN_CHANGES_BLOCK);
        r->oldest_change += KN_CHANGES_BLOCK - r->oldest_change % KN_CHANGES_BLOCK;
    }
}

void kn_change_append(struct kn_fold *f, struct kn_segment_record *r, struct kn_buf *waiting,
                      struct kn_change *change)
{
    change->number = r->changes++;
    encode_change(change, waiting);
    kn_assert(waiting->rc == KN_OK);
    if (r->changes % KN_CHANGES_BLOCK == 0) {
        kn_changes_store(f, r, waiting);
    }
}

enum kn_rc kn_changes_decode(struct kn_str block, uint64_t first_number, struct kn_arena *arena,
                             struct kn_change **ret, size_t *ret_count)
{
    struct kn_change *all = kn_arena_zero(arena, KN_CHANGES_BLOCK, sizeof *all);
    struct kn_cursor c = kn_cursor(block);
    size_t count = 0;
    if (!all) {
        return KN_E_NOMEM;
    }
    while (block.len > 0 && c.p != c.end && !c.bad && count < KN_CHANGES_BLOCK) {
        struct kn_change *one = &all[count];
        unsigned first = kn_take_u8(&c);
        one->number = first_number + count;
        one->kind = (enum kn_change_kind)(first & 15);
        one->cause = (enum kn_cause)(first >> 4);
        one->at_us = (int64_t)kn_take_le64(&c);
        one->ordinal = (uint32_t)kn_take_varint(&c);
        one->position = kn_take_varint(&c);
        one->index = (uint32_t)kn_take_varint(&c) - 1;
        one->message_id = kn_take_lstr(&c);
        one->value = kn_take_lstr(&c);
        count++;
    }
    if (c.bad) {
        return KN_E_CORRUPT;
    }
    *ret = all;
    *ret_count = count;
    return KN_OK;
}

void kn_change_redact(struct kn_fold *f, uint32_t series, uint64_t block,
                      bool (*is_gone)(void *context, uint32_t ordinal), void *context)
{
    char bytes[12];
    struct kn_change *all;
    size_t count;
    bool any = false;
    kn_change_key(series, block, bytes);
    struct kn_key key = kn_key_bytes(kn_str(bytes, sizeof bytes));
    struct kn_str old = kn_fold_get(f, KN_T_CHANGE, key);
    if (kn_changes_decode(old, block * KN_CHANGES_BLOCK, &f->arena, &all, &count) != KN_OK) {
        kn_panic("changes of segment %u do not decode", series);
    }
    for (size_t i = 0; i < count; i++) {
        if (all[i].ordinal != 0 && is_gone(context, all[i].ordinal)) {
            all[i].ordinal = 0;
            all[i].message_id = KN_STR_EMPTY;
            all[i].value = KN_STR_EMPTY;
            any = true;
        }
        encode_change(&all[i], &f->row);
    }
    if (any) {
        kn_assert(f->row.rc == KN_OK);
        kn_fold_put(f, KN_T_CHANGE, key, kn_buf_view(&f->row));
    }
    kn_buf_clear(&f->row);
    kn_arena_clear(&f->arena);
}

/* ---- sizes ---- */

void kn_sizes_key(uint32_t series, uint32_t span, char key[8])
{
    put_be(key, series, 4);
    put_be(key + 4, span, 4);
}

void kn_sizes_note(struct kn_fold *f, uint32_t series, int32_t day, uint64_t size)
{
    char bytes[8];
    kn_sizes_key(series, (uint32_t)(day < 0 ? 0 : day) / KN_SIZES_SPAN, bytes);
    struct kn_key key = kn_key_bytes(kn_str(bytes, sizeof bytes));
    struct kn_str old = kn_fold_get(f, KN_T_SIZES, key);
    struct kn_buf *out = &f->row;
    if (old.len >= DAY_BYTES) {
        struct kn_cursor last = kn_cursor(kn_str_sub(old, old.len - DAY_BYTES, old.len));
        bool same = (int32_t)kn_take_le32(&last) == day;
        kn_buf_str(out, kn_str_sub(old, 0, same ? old.len - DAY_BYTES : old.len));
    }
    kn_buf_le32(out, (uint32_t)day);
    kn_buf_le64(out, size);
    kn_assert(out->rc == KN_OK);
    kn_fold_put(f, KN_T_SIZES, key, kn_buf_view(out));
    kn_buf_clear(out);
}

enum kn_rc kn_sizes_decode(struct kn_str bytes, struct kn_arena *arena, struct kn_day_size **ret,
                           size_t *ret_count)
{
    size_t count = bytes.len / DAY_BYTES;
    struct kn_day_size *all = kn_arena_zero(arena, count + 1, sizeof *all);
    struct kn_cursor c = kn_cursor(bytes);
    if (!all) {
        return KN_E_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        all[i].day = (int32_t)kn_take_le32(&c);
        all[i].size = kn_take_le64(&c);
    }
    if (bytes.len % DAY_BYTES != 0) {
        return KN_E_CORRUPT;
    }
    *ret = all;
    *ret_count = count;
    return KN_OK;
}

void kn_series_remove(struct kn_fold *f, const struct kn_segment_record *r)
{
    uint64_t end = (r->changes + KN_CHANGES_BLOCK - 1) / KN_CHANGES_BLOCK;
    for (uint64_t block = r->oldest_change / KN_CHANGES_BLOCK; block < end; block++) {
        remove_block(f, r->series, block);
    }
    for (uint32_t span = 0; span < 256; span++) { /* to the year 2328 */
        char bytes[8];
        kn_sizes_key(r->series, span, bytes);
        struct kn_key key = kn_key_bytes(kn_str(bytes, sizeof bytes));
        if (kn_fold_get(f, KN_T_SIZES, key).p) {
            kn_fold_remove(f, KN_T_SIZES, key);
        }
    }
}
