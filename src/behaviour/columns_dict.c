/* Dictionaries being made, and small things about names. */
#include "base/hash.h"
#include "base/mem.h"
#include "behaviour/columns_internal.h"

enum { ENTRIES_FIRST = 16 };

void kn_dict_free(struct kn_dict *d)
{
    kn_free(d->slots);
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

static void begin(struct kn_dict *d)
{
    d->kinds[0] = KN_VALUE_ABSENT;
    d->offsets[0] = 0;
    d->offsets[1] = 0;
    d->count = 1;
}

static bool grow(struct kn_dict *d)
{
    uint32_t room = d->room ? d->room * 2 : ENTRIES_FIRST;
    if (room > UINT32_MAX / 4 || !resize(&d->kinds, room) ||
        !resize(&d->offsets, ((size_t)room + 1) * sizeof *d->offsets)) {
        return false;
    }
    uint64_t *slots = kn_calloc((size_t)room * 2, sizeof *slots);
    if (!slots) {
        return false;
    }
    for (uint32_t k = 0; k < d->slot_room; k++) {
        uint32_t i = (uint32_t)(d->slots[k] >> 32) & (room * 2 - 1);
        while (d->slots[k] != 0 && slots[i] != 0) {
            i = (i + 1) & (room * 2 - 1);
        }
        slots[i] = d->slots[k] != 0 ? d->slots[k] : slots[i];
    }
    kn_free(d->slots);
    d->slots = slots;
    d->slot_room = room * 2;
    d->room = room;
    if (d->count == 0) {
        begin(d);
    }
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

/* Its last three bits are the kind: equal hashes are of equal kinds. */
static uint32_t hash_of(enum kn_value_kind kind, struct kn_str text)
{
    uint64_t wide = kn_checksum64(text);
    return ((uint32_t)(wide ^ (wide >> 32)) << 3 | (uint32_t)kind) * 0x9e3779b1U;
}

static bool is_text(const struct kn_dict *d, uint32_t code, struct kn_str text)
{
    uint32_t at = d->offsets[code];
    return d->offsets[code + 1] - at == text.len &&
           (text.len == 0 ||
            (d->bytes[at] == text.p[0] && memcmp(d->bytes + at, text.p, text.len) == 0));
}

/* The slot of a value, or the free one where it belongs. There are slots. */
static uint64_t *find(const struct kn_dict *d, uint32_t hash, struct kn_str text)
{
    uint32_t i = hash & (d->slot_room - 1);
    for (; d->slots[i] != 0; i = (i + 1) & (d->slot_room - 1)) {
        if (d->slots[i] >> 32 == hash && is_text(d, (uint32_t)d->slots[i], text)) {
            break;
        }
    }
    return &d->slots[i];
}

uint32_t kn_dict_find(const struct kn_dict *d, enum kn_value_kind kind, struct kn_str text)
{
    return d->count == 0 ? 0 : (uint32_t)*find(d, hash_of(kind, text), text);
}

uint32_t kn_dict_code(struct kn_dict *d, enum kn_value_kind kind, struct kn_str text)
{
    /* Values often repeat from row to row. */
    if (d->last != 0 && d->kinds[d->last] == kind && is_text(d, d->last, text)) {
        return d->last;
    }
    if (d->count >= d->room && !grow(d)) {
        return 0;
    }
    uint32_t hash = hash_of(kind, text);
    uint64_t *slot = find(d, hash, text);
    if (*slot != 0) {
        d->last = (uint32_t)*slot;
        return d->last;
    }
    if (!add_text(d, text)) {
        return 0;
    }
    uint32_t code = d->count++;
    *slot = (uint64_t)hash << 32 | code;
    d->kinds[code] = (uint8_t)kind;
    d->offsets[code + 1] = d->bytes_len;
    d->last = code;
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
