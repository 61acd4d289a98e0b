/* The shapes of tables: which path a key is.
 *
 * A key of a known shape costs no hash: an alias (a key as it is written under a parent) remembers
 * which alias came after it the last time, and one comparison tells. Otherwise a hash table on
 * (parent, raw key) answers, and only a key that was never seen is unescaped and gets a path. */
#include "base/hash.h"
#include "base/mem.h"
#include "behaviour/columns_build.h"

static const char *const fact_names[KN_COL_FACTS] = {"#source",  "#visit",    "#device",
                                                     "#browser", "#platform", "#country"};

/* ---- paths ---- */

static uint32_t add_node(struct kn_col_builder *b, struct kn_col_shape *s, struct kn_str id,
                         uint32_t keys, uint32_t level)
{
    if (!id.p || !kn_col_grow(&s->nodes, s->node_count, &s->node_room, sizeof *s->nodes)) {
        b->nomem = true;
        return KN_COL_NONE;
    }
    s->nodes[s->node_count] = (struct kn_col_node){
        .id = id,
        .keys = keys,
        .level = level,
        .column = KN_COL_NONE,
        .array = KN_COL_NONE,
        .first = KN_COL_NONE,
    };
    return s->node_count++;
}

/* The id of a key in what has the id `parent`. */
static struct kn_str member_id(struct kn_col_builder *b, struct kn_str parent, struct kn_str key)
{
    kn_buf_clear(&b->id);
    kn_buf_str(&b->id, parent);
    kn_columns_path_key(&b->id, key);
    return b->id.rc == KN_OK ? kn_arena_str(&b->paths, kn_buf_view(&b->id)) : KN_STR_EMPTY;
}

static uint32_t key_hash(uint32_t parent, struct kn_str raw)
{
    uint64_t h = kn_checksum64(raw) + parent * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(h ^ (h >> 32));
}

static bool grow_slots(struct kn_col_shape *s)
{
    uint32_t room = s->slot_room ? s->slot_room * 2 : 64;
    uint32_t *slots = kn_calloc(room, sizeof *slots);
    if (!slots) {
        return false;
    }
    kn_free(s->slots);
    s->slots = slots;
    s->slot_room = room;
    for (uint32_t k = 0; k < s->alias_count; k++) {
        uint32_t i = s->aliases[k].hash & (room - 1);
        while (slots[i] != 0) {
            i = (i + 1) & (room - 1);
        }
        slots[i] = k + 1;
    }
    return true;
}

static uint32_t *slot_of(const struct kn_col_shape *s, uint32_t hash, uint32_t parent,
                         struct kn_str raw)
{
    uint32_t i = hash & (s->slot_room - 1);
    for (; s->slots[i] != 0; i = (i + 1) & (s->slot_room - 1)) {
        const struct kn_col_alias *a = &s->aliases[s->slots[i] - 1];
        if (a->hash == hash && a->parent == parent && kn_str_eq(a->raw, raw)) {
            break;
        }
    }
    return &s->slots[i];
}

static uint32_t alias_of(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t parent,
                         struct kn_str raw, bool escaped);

/* A spelling that was never seen: of a new key, or another one of a known key. */
static uint32_t add_alias(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t parent,
                          struct kn_str raw, uint32_t hash, bool escaped)
{
    uint32_t node;
    struct kn_str copy = kn_arena_str(&b->paths, raw);
    if (!copy.p) {
        b->nomem = true;
        return KN_COL_NONE;
    }
    if (escaped) {
        struct kn_str plain = kn_json_unescape(copy, &b->paths);
        uint32_t same = plain.p ? alias_of(b, s, parent, plain, false) : KN_COL_NONE;
        if (same == KN_COL_NONE) {
            b->nomem = true;
            return KN_COL_NONE;
        }
        node = s->aliases[same].node;
    } else {
        const struct kn_col_node *p = &s->nodes[parent];
        node = add_node(b, s, member_id(b, p->id, copy), p->keys + 1, p->level);
    }
    if (node == KN_COL_NONE ||
        !kn_col_grow(&s->aliases, s->alias_count, &s->alias_room, sizeof *s->aliases) ||
        ((s->alias_count + 1) * 2 > s->slot_room && !grow_slots(s))) {
        b->nomem = true;
        return KN_COL_NONE;
    }
    s->aliases[s->alias_count] = (struct kn_col_alias){copy, parent, node, hash, KN_COL_NONE};
    *slot_of(s, hash, parent, copy) = ++s->alias_count;
    return s->alias_count - 1;
}

static uint32_t alias_of(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t parent,
                         struct kn_str raw, bool escaped)
{
    /* A plain text with a backslash must not meet a raw one that looks the same. */
    bool odd = !escaped && raw.len > 0 && memchr(raw.p, '\\', raw.len);
    uint32_t hash = key_hash(odd ? ~parent : parent, raw);
    if (s->slot_room > 0) {
        uint32_t found = *slot_of(s, hash, odd ? ~parent : parent, raw);
        if (found != 0) {
            return found - 1;
        }
    }
    uint32_t alias = add_alias(b, s, parent, raw, hash, escaped);
    if (odd && alias != KN_COL_NONE) {
        s->aliases[alias].parent = ~parent;
    }
    return alias;
}

static struct kn_str raw_key(const struct kn_json *doc, uint32_t node)
{
    return kn_str(doc->text + doc->nodes[node].key_off, doc->nodes[node].key_len);
}

uint32_t kn_col_member_node(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t parent,
                            const struct kn_json *doc, uint32_t json, uint32_t *last)
{
    struct kn_str raw = raw_key(doc, json);
    uint32_t guess = *last == KN_COL_NONE ? s->nodes[parent].first : s->aliases[*last].follows;
    if (guess != KN_COL_NONE) {
        const struct kn_col_alias *a = &s->aliases[guess];
        if (a->parent == parent && kn_str_eq(a->raw, raw)) {
            *last = guess;
            return a->node;
        }
    }
    uint32_t alias = alias_of(b, s, parent, raw, doc->nodes[json].escaped & 2);
    if (alias == KN_COL_NONE) {
        return KN_COL_NONE;
    }
    if (*last == KN_COL_NONE) {
        s->nodes[parent].first = alias;
    } else {
        s->aliases[*last].follows = alias;
    }
    *last = alias;
    return s->aliases[alias].node;
}

/* ---- tables and columns ---- */

static uint32_t root_node(struct kn_col_builder *b, struct kn_col_shape *s, const char *key)
{
    struct kn_str id = kn_arena_str(&b->paths, kn_str_c(key));
    return add_node(b, s, id, key[0] ? 1 : 0, 0);
}

struct kn_col_shape *kn_col_shape_of(struct kn_col_builder *b, enum kn_table_kind kind,
                                     struct kn_str name)
{
    uint32_t code = kn_dict_code(&b->tables, (enum kn_value_kind)kind, name);
    if (code != 0 && code <= b->shape_count) {
        return &b->shapes[code - 1];
    }
    if (code == 0 || !kn_col_grow(&b->shapes, b->shape_count, &b->shape_room, sizeof *b->shapes)) {
        b->nomem = true;
        return NULL;
    }
    struct kn_col_shape *s = &b->shapes[b->shape_count++];
    *s = (struct kn_col_shape){.draft = {.kind = kind, .name = kn_arena_str(&b->paths, name)}};
    b->nomem = b->nomem || !s->draft.name.p;
    s->roots[0] = root_node(b, s, kind == KN_TABLE_EVENT ? "p" : "");
    s->roots[1] = root_node(b, s, "c");
    for (int i = 0; i < KN_COL_FACTS; i++) {
        s->facts[i] = root_node(b, s, fact_names[i]);
    }
    return b->nomem ? NULL : s;
}

static bool may_have(struct kn_col_builder *b, const struct kn_col_shape *s, struct kn_str id)
{
    bool nomem;
    bool ok = kn_col_names_add(b->names, s->draft.kind, s->draft.name, id, &nomem);
    b->nomem = b->nomem || nomem;
    return ok;
}

static uint32_t add_column(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t node)
{
    struct kn_col_draft *d = &s->draft;
    struct kn_col_node *n = &s->nodes[node];
    if (!may_have(b, s, n->id)) {
        n->column = KN_COL_DROPPED;
    } else if (!kn_col_grow(&d->columns, d->column_count, &d->column_room, sizeof *d->columns)) {
        b->nomem = true;
    } else {
        d->columns[d->column_count] = (struct kn_col_draft_column){.id = n->id, .level = n->level};
        n->column = d->column_count++;
    }
    return n->column;
}

void kn_col_set(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t node, uint32_t at,
                enum kn_value_kind kind, struct kn_str text)
{
    uint32_t column = s->nodes[node].column;
    column = column == KN_COL_NONE ? add_column(b, s, node) : column;
    if (column >= KN_COL_DROPPED) {
        b->dropped += column == KN_COL_DROPPED;
        return;
    }
    struct kn_col_draft_column *c = &s->draft.columns[column];
    uint32_t code = kn_dict_code(&c->dict, kind, text);
    while (c->room <= at && !b->nomem) {
        b->nomem = !kn_col_grow(&c->codes, c->room, &c->room, sizeof *c->codes);
    }
    b->nomem = b->nomem || code == 0;
    if (b->nomem) {
        return;
    }
    if (at > c->len) {
        memset(c->codes + c->len, 0, (at - c->len) * sizeof *c->codes);
    }
    c->codes[at] = code;
    c->len = at + 1;
}

bool kn_col_add_array(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t node)
{
    struct kn_col_draft *d = &s->draft;
    struct kn_str of = s->nodes[node].id;
    char *text = kn_arena_alloc(&b->paths, of.len + 1);
    if (!text || !kn_col_grow(&d->arrays, d->array_count, &d->array_room, sizeof *d->arrays)) {
        b->nomem = true;
        return false;
    }
    memcpy(text, of.p, of.len);
    text[of.len] = (char)KN_COL_ELEMENTS;
    struct kn_str id = kn_str(text, of.len + 1);
    if (!may_have(b, s, id)) {
        s->nodes[node].array = KN_COL_DROPPED;
        return false;
    }
    /* An array in an array makes the path no longer, but counts as a key. */
    uint32_t keys = s->nodes[node].keys;
    keys += of.len > 0 && of.p[of.len - 1] == (char)KN_COL_ELEMENTS ? 1 : 0;
    uint32_t element = add_node(b, s, id, keys, d->array_count + 1);
    if (element == KN_COL_NONE) {
        return false;
    }
    d->arrays[d->array_count] =
        (struct kn_col_draft_array){.id = id, .parent = s->nodes[node].level, .row = KN_COL_NONE};
    s->nodes[node].element = element;
    s->nodes[node].array = d->array_count++;
    return true;
}
