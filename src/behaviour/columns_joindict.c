/* Dictionaries of one column over the inputs of a join become one. */
#include "base/hash.h"
#include "base/mem.h"
#include "behaviour/columns_join.h"

enum { USED = 1, ENTRY_COST = 24 };

void kn_col_join_column_end(struct kn_col_join *j)
{
    for (uint32_t i = 0; i < j->input_count; i++) {
        kn_free(j->maps[i]);
        j->maps[i] = NULL;
    }
    kn_free(j->entries);
    kn_free(j->hashes);
    kn_free(j->slots);
    j->entries = NULL;
    j->hashes = NULL;
    j->slots = NULL;
    j->entry_count = j->entry_room = j->hash_room = j->slot_room = 0;
    j->text_bytes = 0;
    j->input = 0;
}

static const struct kn_column *column_in(const struct kn_col_join *j, uint32_t input)
{
    const struct kn_col_join_column *c = &j->columns[j->item];
    return c->in[input] == KN_COL_NONE ? NULL : &j->tables[input]->part.columns[c->in[input]];
}

/* A map per input: which entries some row that stays uses. */
static bool make_maps(struct kn_col_join *j)
{
    const struct kn_col_plan *plan = kn_col_join_plan_of(j, j->columns[j->item].level);
    for (uint32_t i = 0; i < j->input_count; i++) {
        const struct kn_column *c = column_in(j, i);
        j->map_counts[i] = c ? c->dictionary.count : 0;
        j->maps[i] = c ? kn_calloc(c->dictionary.count + 1U, sizeof *j->maps[i]) : NULL;
        if (c && !j->maps[i]) {
            return false;
        }
        for (uint32_t k = 1; c && j->whole[i] && k < c->dictionary.count; k++) {
            j->maps[i][k] = USED;
        }
    }
    for (uint32_t i = 0; i < plan->count; i++) {
        struct kn_col_stretch s = kn_col_stretch(plan->stretches[i]);
        const struct kn_column *c = j->whole[s.input] ? NULL : column_in(j, s.input);
        for (uint32_t k = 0; c && k < s.count; k++) {
            j->maps[s.input][kn_column_code(c, s.row + k)] = USED;
        }
        j->budget -= c ? s.count : 0;
    }
    for (uint32_t i = 0; i < j->input_count; i++) {
        if (j->maps[i]) {
            j->maps[i][0] = 0; /* absent stays absent */
        }
    }
    return true;
}

static uint32_t hash_of(struct kn_value v)
{
    uint64_t h = kn_checksum64(v.text);
    return (uint32_t)(h ^ (h >> 32)) + (uint32_t)v.kind;
}

static bool grow_slots(struct kn_col_join *j)
{
    uint32_t room = j->slot_room ? j->slot_room * 2 : 64;
    uint32_t *slots = kn_calloc(room, sizeof *slots);
    if (!slots) {
        return false;
    }
    kn_free(j->slots);
    j->slots = slots;
    j->slot_room = room;
    for (uint32_t k = 1; k < j->entry_count; k++) {
        uint32_t i = j->hashes[k] & (room - 1);
        while (slots[i] != 0) {
            i = (i + 1) & (room - 1);
        }
        slots[i] = k;
    }
    return true;
}

/* Begins with the entry of what is absent. */
static bool add_entry(struct kn_col_join *j, uint32_t input, uint32_t code, uint32_t hash)
{
    if (!kn_col_grow(&j->entries, j->entry_count, &j->entry_room, sizeof *j->entries) ||
        !kn_col_grow(&j->hashes, j->entry_count, &j->hash_room, sizeof *j->hashes)) {
        return false;
    }
    j->entries[j->entry_count] = (struct kn_col_entry){code, input};
    j->hashes[j->entry_count++] = hash;
    return true;
}

/* The code of an input's entry in the output; 0: no memory. */
static uint32_t entry_of(struct kn_col_join *j, uint32_t input, uint32_t code, bool alone)
{
    struct kn_value v = kn_dictionary_value(&column_in(j, input)->dictionary, code);
    if (alone) { /* no other input has the column: nothing can be equal */
        j->text_bytes += v.text.len;
        return add_entry(j, input, code, 0) ? j->entry_count - 1 : 0;
    }
    uint32_t hash = hash_of(v);
    if (j->entry_count * UINT64_C(2) > j->slot_room && !grow_slots(j)) {
        return 0;
    }
    uint32_t i = hash & (j->slot_room - 1);
    for (; j->slots[i] != 0; i = (i + 1) & (j->slot_room - 1)) {
        const struct kn_col_entry *e = &j->entries[j->slots[i]];
        if (j->hashes[j->slots[i]] == hash) {
            struct kn_value other =
                kn_dictionary_value(&column_in(j, e->input)->dictionary, e->code);
            if (other.kind == v.kind && kn_str_eq(other.text, v.text)) {
                return j->slots[i];
            }
        }
    }
    if (!add_entry(j, input, code, hash)) {
        return 0;
    }
    j->text_bytes += v.text.len;
    j->slots[i] = j->entry_count - 1;
    return j->entry_count - 1;
}

enum kn_rc kn_col_join_column_begin(struct kn_col_join *j, bool *done, struct kn_err *err)
{
    if (!make_maps(j) || !add_entry(j, 0, 0, 0)) {
        return kn_col_no_memory(err);
    }
    j->at = 1;
    j->input = 0;
    *done = true;
    return KN_OK;
}

/* Nothing of the column is left, or it gets its place in the table. */
static enum kn_rc settle_column(struct kn_col_join *j, bool *done, struct kn_err *err)
{
    const struct kn_col_join_column *c = &j->columns[j->item];
    struct kn_table_part *p = &j->to->part;
    if (j->entry_count == 1) {
        kn_col_join_column_end(j);
        j->item++;
        j->stage = KN_COL_S_COLUMN;
        return KN_OK;
    }
    if (j->text_bytes >= UINT32_MAX) {
        return kn_fail(err, KN_E_LIMIT, "the values of a column take more than 4 GiB");
    }
    struct kn_str id = kn_arena_str(&j->run->arena, c->id);
    struct kn_str path = id.p ? kn_col_path_of(&j->run->arena, id) : KN_STR_EMPTY;
    if (!path.p) {
        return kn_col_no_memory(err);
    }
    ((struct kn_str *)(uintptr_t)j->to->column_ids)[p->column_count] = id;
    ((uint32_t *)(uintptr_t)j->to->text_bytes)[p->column_count] = (uint32_t)j->text_bytes;
    struct kn_column *to = (struct kn_column *)(uintptr_t)&p->columns[p->column_count++];
    to->path = path;
    to->level = c->level == 0 ? 0 : j->arrays[c->level - 1].level;
    *done = true;
    return KN_OK;
}

enum kn_rc kn_col_join_dictionary(struct kn_col_join *j, bool *done, struct kn_err *err)
{
    uint32_t having = 0;
    for (uint32_t i = 0; i < j->input_count; i++) {
        having += j->maps[i] != NULL;
    }
    j->at = j->at > 0 ? j->at : 1;
    while (j->input < j->input_count && j->budget > 0) {
        uint32_t *map = j->maps[j->input];
        for (; map && j->at < j->map_counts[j->input] && j->budget > 0; j->at++) {
            if (map[j->at] == 0) {
                continue;
            }
            map[j->at] = entry_of(j, j->input, (uint32_t)j->at, having == 1);
            if (map[j->at] == 0) {
                return kn_col_no_memory(err);
            }
            j->budget -= ENTRY_COST;
        }
        if (!map || j->at >= j->map_counts[j->input]) {
            j->input++;
            j->at = 1;
        }
    }
    return j->input == j->input_count ? settle_column(j, done, err) : KN_OK;
}
