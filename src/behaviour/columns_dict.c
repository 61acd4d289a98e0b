/* Dictionaries being made, and small things about names. */
#include "base/hash.h"
#include "base/mem.h"
#include "behaviour/columns_internal.h"

enum { ENTRIES_FIRST = 16 };

void kn_dict_free(struct kn_dict *d)
{
    kn_free(d->slots);
    kn_free(d->hashes);
    kn_free(d->kinds);
    kn_free(d->offsets);
    kn_free(d->bytes);
    *d = (struct kn_dict){0};
}

static bool resize(void *vector, size_t bytes)
{
    void *more = kn_realloc(*(void **)vector, bytes);
    if (!more) {
        return false;
    }
    *(void **)vector = more;
    return true;
}

static bool grow(struct kn_dict *d)
{
    uint32_t room = d->room ? d->room * 2 : ENTRIES_FIRST;
    if (room > UINT32_MAX / 4 || !resize(&d->hashes, room * sizeof *d->hashes) ||
        !resize(&d->kinds, room) || !resize(&d->offsets, (room + 1U) * sizeof *d->offsets)) {
        return false;
    }
    uint32_t *slots = kn_calloc(room * 2U, sizeof *slots);
    if (!slots) {
        return false;
    }
    kn_free(d->slots);
    d->slots = slots;
    d->slot_room = room * 2;
    if (d->count == 0) {
        d->kinds[0] = KN_VALUE_ABSENT;
        d->hashes[0] = 0;
        d->offsets[0] = 0;
        d->offsets[1] = 0;
        d->count = 1;
    }
    for (uint32_t code = 1; code < d->count; code++) {
        uint32_t i = d->hashes[code] & (d->slot_room - 1);
        while (slots[i] != 0) {
            i = (i + 1) & (d->slot_room - 1);
        }
        slots[i] = code;
    }
    d->room = room;
    return true;
}

static bool add_text(struct kn_dict *d, struct kn_str text)
{
    if (text.len > UINT32_MAX - d->bytes_len) {
        return false;
    }
    uint32_t end = d->bytes_len + (uint32_t)text.len;
    if (end > d->bytes_room) {
        uint64_t room = d->bytes_room ? d->bytes_room * UINT64_C(2) : 256;
        room = room < end ? end : room;
        room = room > UINT32_MAX ? UINT32_MAX : room;
        if (!resize(&d->bytes, room)) {
            return false;
        }
        d->bytes_room = (uint32_t)room;
    }
    if (text.len > 0) {
        memcpy(d->bytes + d->bytes_len, text.p, text.len);
    }
    d->bytes_len = end;
    return true;
}

static uint32_t hash_of(enum kn_value_kind kind, struct kn_str text)
{
    uint64_t wide = kn_checksum64(text);
    return (uint32_t)(wide ^ (wide >> 32)) + (uint32_t)kind;
}

/* The slot of a value, or the free one where it belongs. There are slots. */
static uint32_t find(const struct kn_dict *d, uint32_t hash, enum kn_value_kind kind,
                     struct kn_str text)
{
    uint32_t i = hash & (d->slot_room - 1);
    for (; d->slots[i] != 0; i = (i + 1) & (d->slot_room - 1)) {
        uint32_t code = d->slots[i];
        if (d->hashes[code] == hash && d->kinds[code] == kind &&
            d->offsets[code + 1] - d->offsets[code] == text.len &&
            (text.len == 0 || memcmp(d->bytes + d->offsets[code], text.p, text.len) == 0)) {
            break;
        }
    }
    return i;
}

uint32_t kn_dict_find(const struct kn_dict *d, enum kn_value_kind kind, struct kn_str text)
{
    return d->count == 0 ? 0 : d->slots[find(d, hash_of(kind, text), kind, text)];
}

uint32_t kn_dict_code(struct kn_dict *d, enum kn_value_kind kind, struct kn_str text)
{
    uint32_t hash = hash_of(kind, text);
    if (d->count >= d->room && !grow(d)) {
        return 0;
    }
    uint32_t i = find(d, hash, kind, text);
    if (d->slots[i] != 0) {
        return d->slots[i];
    }
    if (!add_text(d, text)) {
        return 0;
    }
    uint32_t code = d->count++;
    d->slots[i] = code;
    d->hashes[code] = hash;
    d->kinds[code] = (uint8_t)kind;
    d->offsets[code + 1] = d->bytes_len;
    return code;
}

bool kn_col_grow(void *vector, uint32_t count, uint32_t *room, size_t bytes)
{
    if (count < *room) {
        return true;
    }
    uint32_t more = *room ? *room * 2 : 16;
    if (more < *room || !resize(vector, more * bytes)) {
        return false;
    }
    *room = more;
    return true;
}

/* ---- the names of columns over all runs ---- */

struct name_table {
    enum kn_table_kind kind;
    struct kn_str name;
    struct kn_dict ids;
};

struct kn_col_names {
    struct kn_dict tables; /* kind and name: the index of the table is its code - 1 */
    struct name_table *of;
    uint32_t count, room;
};

struct kn_col_names *kn_col_names_new(void)
{
    return kn_calloc(1, sizeof(struct kn_col_names));
}

void kn_col_names_free(struct kn_col_names *names)
{
    if (!names) {
        return;
    }
    for (uint32_t i = 0; i < names->count; i++) {
        kn_dict_free(&names->of[i].ids);
    }
    kn_dict_free(&names->tables);
    kn_free(names->of);
    kn_free(names);
}

bool kn_col_names_add(struct kn_col_names *names, enum kn_table_kind kind, struct kn_str table,
                      struct kn_str id, bool *ret_nomem)
{
    /* Kinds of tables take the place of kinds of values: a dictionary does not look into them. */
    *ret_nomem = true;
    if (!kn_col_grow(&names->of, names->count, &names->room, sizeof *names->of)) {
        return false;
    }
    uint32_t code = kn_dict_code(&names->tables, (enum kn_value_kind)kind, table);
    if (code == 0) {
        return false;
    }
    if (code > names->count) {
        names->of[names->count++] = (struct name_table){.kind = kind};
    }
    struct kn_dict *ids = &names->of[code - 1].ids;
    uint32_t before = ids->count;
    if (before > KN_COLUMNS_FIELDS_MAX) {
        /* Full: only what is known already is there. */
        *ret_nomem = false;
        return kn_dict_find(ids, KN_VALUE_STRING, id) != 0;
    }
    if (kn_dict_code(ids, KN_VALUE_STRING, id) == 0) {
        return false;
    }
    *ret_nomem = false;
    return true;
}
