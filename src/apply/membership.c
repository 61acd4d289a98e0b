#include "apply/membership.h"

#include "apply/fold.h"
#include "base/assert.h"
#include "base/mem.h"

enum { RECORD_VERSION = 1, CHUNK_BYTES = KN_MEMBERS_CHUNK / 8 };

static void put_be32(char *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        to[i] = (char)(unsigned char)(value >> (8 * (3 - i)));
    }
}

/* ---- records ---- */

void kn_segment_record_encode(const struct kn_segment_record *r, struct kn_buf *out)
{
    kn_buf_varint(out, RECORD_VERSION);
    kn_buf_varint(out, r->series);
    kn_buf_lstr(out, r->key);
    kn_buf_char(out, (char)(r->computed ? 1 : 0));
    kn_buf_char(out, (char)r->status);
    kn_buf_varint(out, r->version);
    kn_buf_le64(out, r->meaning);
    kn_buf_varint(out, r->defined_seq);
    kn_buf_varint(out, kn_zigzag(r->defined_us));
    kn_buf_varint(out, r->ordinal_end);
    kn_buf_varint(out, r->installed);
    kn_buf_varint(out, kn_zigzag(r->ready_us));
    kn_buf_varint(out, r->size);
    kn_buf_varint(out, r->changes);
    kn_buf_varint(out, r->oldest_change);
}

bool kn_segment_record_decode(struct kn_str bytes, struct kn_segment_record *ret)
{
    struct kn_cursor c = kn_cursor(bytes);
    struct kn_segment_record r = {.number = ret->number};
    bool known = kn_take_varint(&c) == RECORD_VERSION;
    r.series = (uint32_t)kn_take_varint(&c);
    r.key = kn_take_lstr(&c);
    r.computed = kn_take_u8(&c) != 0;
    r.status = (enum kn_segment_status)kn_take_u8(&c);
    r.version = kn_take_varint(&c);
    r.meaning = kn_take_le64(&c);
    r.defined_seq = kn_take_varint(&c);
    r.defined_us = kn_unzigzag(kn_take_varint(&c));
    r.ordinal_end = (uint32_t)kn_take_varint(&c);
    r.installed = (uint32_t)kn_take_varint(&c);
    r.ready_us = kn_unzigzag(kn_take_varint(&c));
    r.size = kn_take_varint(&c);
    r.changes = kn_take_varint(&c);
    r.oldest_change = kn_take_varint(&c);
    if (!known || c.bad || c.p != c.end || r.status > KN_SEGMENT_READY) {
        return false;
    }
    *ret = r;
    return true;
}

void kn_segment_record_store(struct kn_fold *f, const struct kn_segment_record *r)
{
    kn_segment_record_encode(r, &f->scratch);
    kn_assert(f->scratch.rc == KN_OK);
    kn_fold_put(f, KN_T_SEGMENT, kn_key_u32(r->number), kn_buf_view(&f->scratch));
    kn_buf_clear(&f->scratch);
}

/* ---- one profile's list ---- */

static void make_room(struct kn_member_list *list, uint32_t count)
{
    if (count > list->room) {
        list->room = count < 16 ? 16 : count * 2;
        list->all = kn_must_realloc(list->all, list->room * sizeof *list->all);
    }
}

void kn_members_load(struct kn_fold *f, uint32_t ordinal, struct kn_member_list *list)
{
    struct kn_str bytes = kn_fold_get(f, KN_T_MEMBER, kn_key_u32(ordinal));
    kn_assert(bytes.len % sizeof *list->all == 0);
    list->ordinal = ordinal;
    list->count = (uint32_t)(bytes.len / sizeof *list->all);
    list->dirty = list->resized = false;
    make_room(list, list->count);
    if (list->count > 0) {
        memcpy(list->all, bytes.p, bytes.len);
    }
}

static uint32_t lower_bound(const struct kn_member_list *list, uint32_t number)
{
    uint32_t low = 0;
    uint32_t high = list->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list->all[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct kn_member *kn_members_find(const struct kn_member_list *list, uint32_t number)
{
    uint32_t at = lower_bound(list, number);
    return at < list->count && list->all[at].number == number ? &list->all[at] : NULL;
}

bool kn_members_has(const struct kn_member_list *list, uint32_t number)
{
    const struct kn_member *m = kn_members_find(list, number);
    return m && m->since_us != KN_NOT_MEMBER;
}

void kn_members_set(struct kn_member_list *list, uint32_t number, int64_t since_us, int64_t due_us)
{
    uint32_t at = lower_bound(list, number);
    bool there = at < list->count && list->all[at].number == number;
    bool wanted = since_us != KN_NOT_MEMBER || due_us != INT64_MAX;
    struct kn_member value = {.number = number, .since_us = since_us, .due_us = due_us};
    if (!there && !wanted) {
        return;
    }
    if (there && wanted) {
        if (list->all[at].since_us != since_us || list->all[at].due_us != due_us) {
            list->all[at] = value;
            list->dirty = true;
        }
        return;
    }
    list->dirty = list->resized = true;
    if (there) {
        list->count--;
        memmove(list->all + at, list->all + at + 1, (list->count - at) * sizeof value);
        return;
    }
    make_room(list, list->count + 1);
    memmove(list->all + at + 1, list->all + at, (list->count - at) * sizeof value);
    list->all[at] = value;
    list->count++;
}

void kn_members_save(struct kn_fold *f, struct kn_member_list *list)
{
    struct kn_key key = kn_key_u32(list->ordinal);
    size_t bytes = list->count * sizeof *list->all;
    size_t len;
    if (!list->dirty) {
        return;
    }
    if (list->count == 0) {
        kn_fold_remove(f, KN_T_MEMBER, key);
    } else if (list->resized) {
        kn_fold_put(f, KN_T_MEMBER, key, kn_str(list->all, bytes));
    } else {
        char *to = kn_fold_edit(f, KN_T_MEMBER, key, &len);
        kn_assert(to != NULL && len == bytes);
        memcpy(to, list->all, bytes);
    }
    list->dirty = list->resized = false;
}

void kn_members_deinit(struct kn_member_list *list)
{
    kn_free(list->all);
    *list = (struct kn_member_list){0};
}

enum kn_rc kn_members_decode(struct kn_str bytes, struct kn_arena *arena, struct kn_member **ret,
                             size_t *ret_count)
{
    size_t count = bytes.len / sizeof **ret;
    struct kn_member *all = kn_arena_zero(arena, count + 1, sizeof *all);
    if (!all) {
        return KN_E_NOMEM;
    }
    if (bytes.len % sizeof *all != 0) {
        return KN_E_CORRUPT;
    }
    if (count > 0) {
        memcpy(all, bytes.p, bytes.len);
    }
    *ret = all;
    *ret_count = count;
    return KN_OK;
}

/* ---- bits ---- */

void kn_members_key(uint32_t number, uint32_t chunk, char key[8])
{
    put_be32(key, number);
    put_be32(key + 4, chunk);
}

void kn_members_mark(struct kn_fold *f, uint32_t number, uint32_t ordinal, bool member)
{
    static const char empty[CHUNK_BYTES];
    char bytes[8];
    size_t len;
    kn_members_key(number, ordinal / KN_MEMBERS_CHUNK, bytes);
    struct kn_key key = kn_key_bytes(kn_str(bytes, sizeof bytes));
    char *bits = kn_fold_edit(f, KN_T_MEMBERS, key, &len);
    if (!bits && member) {
        kn_fold_put(f, KN_T_MEMBERS, key, kn_str(empty, sizeof empty));
        bits = kn_fold_edit(f, KN_T_MEMBERS, key, &len);
    }
    if (!bits) {
        return;
    }
    kn_assert(bits != NULL && len == CHUNK_BYTES);
    uint32_t at = ordinal % KN_MEMBERS_CHUNK;
    unsigned char bit = (unsigned char)(1U << (at % 8));
    unsigned char byte = (unsigned char)bits[at / 8];
    bits[at / 8] = (char)(unsigned char)(member ? byte | bit : byte & (unsigned char)~bit);
}

bool kn_members_marked(struct kn_fold *f, uint32_t number, uint32_t ordinal)
{
    char bytes[8];
    uint32_t at = ordinal % KN_MEMBERS_CHUNK;
    kn_members_key(number, ordinal / KN_MEMBERS_CHUNK, bytes);
    struct kn_str bits = kn_fold_get(f, KN_T_MEMBERS, kn_key_bytes(kn_str(bytes, sizeof bytes)));
    return bits.p && ((unsigned char)bits.p[at / 8] >> (at % 8) & 1) != 0;
}

void kn_members_clear(struct kn_fold *f, uint32_t number, uint32_t ordinal_end)
{
    char bytes[8];
    for (uint32_t chunk = 0; chunk <= ordinal_end / KN_MEMBERS_CHUNK; chunk++) {
        kn_members_key(number, chunk, bytes);
        struct kn_key key = kn_key_bytes(kn_str(bytes, sizeof bytes));
        if (kn_fold_get(f, KN_T_MEMBERS, key).p) {
            kn_fold_remove(f, KN_T_MEMBERS, key);
        }
    }
}

/* ---- values of computed traits ---- */

bool kn_computed_next(struct kn_cursor *c, struct kn_computed *ret)
{
    if (c->p == c->end || c->bad) {
        return false;
    }
    ret->number = kn_take_le32(c);
    ret->value = kn_take_lstr(c);
    return !c->bad;
}

struct kn_str kn_computed_find(struct kn_str bytes, uint32_t number)
{
    struct kn_cursor c = kn_cursor(bytes);
    struct kn_computed at;
    while (kn_computed_next(&c, &at)) {
        if (at.number == number) {
            return at.value;
        }
    }
    return KN_STR_EMPTY;
}

void kn_computed_set(struct kn_fold *f, uint32_t ordinal, uint32_t number, struct kn_str value)
{
    struct kn_key key = kn_key_u32(ordinal);
    struct kn_str bytes = kn_fold_get(f, KN_T_COMPUTED, key);
    struct kn_cursor c = kn_cursor(bytes);
    struct kn_computed at;
    struct kn_buf *out = &f->row;
    while (kn_computed_next(&c, &at)) {
        if (at.number != number) {
            kn_buf_le32(out, at.number);
            kn_buf_lstr(out, at.value);
        }
    }
    if (value.len > 0) {
        kn_buf_le32(out, number);
        kn_buf_lstr(out, value);
    }
    kn_assert(out->rc == KN_OK);
    if (out->len > 0) {
        kn_fold_put(f, KN_T_COMPUTED, key, kn_buf_view(out));
    } else if (bytes.p) {
        kn_fold_remove(f, KN_T_COMPUTED, key);
    }
    kn_buf_clear(out);
}
