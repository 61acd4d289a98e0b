/* A where() made ready for one part: which codes of which columns count. */
#include "base/assert.h"
#include "segment/bulk_internal.h"

enum kn_rc kn_bulk_nomem(struct kn_bulk_plan *plan)
{
    return kn_fail(plan->err, KN_E_NOMEM, "no memory for the query");
}

/* ---- paths ---- */

struct kn_str kn_bulk_path_join(struct kn_arena *arena, const char *section, struct kn_path path)
{
    size_t len = strlen(section);
    for (uint32_t i = 0; i < path.count; i++) {
        len += 2 * path.keys[i].len + 1; /* each byte may need a '\\' */
    }
    char *text = kn_arena_alloc(arena, len + 1), *to = text;
    if (!text) {
        return KN_STR_EMPTY;
    }
    memcpy(to, section, strlen(section));
    to += strlen(section);
    for (uint32_t i = 0; i < path.count; i++) {
        *to++ = '.';
        for (size_t k = 0; k < path.keys[i].len; k++) {
            if (path.keys[i].p[k] == '.' || path.keys[i].p[k] == '\\') {
                *to++ = '\\';
            }
            *to++ = path.keys[i].p[k];
        }
    }
    return kn_str(text, (size_t)(to - text));
}

static bool is_order_fact(struct kn_path path)
{
    return path.count == 1 && (kn_str_eq(path.keys[0], KN_STR("value")) ||
                               kn_str_eq(path.keys[0], KN_STR("currency")) ||
                               kn_str_eq(path.keys[0], KN_STR("order_id")));
}

const char *kn_bulk_section(enum kn_table_kind kind, bool context, struct kn_path path)
{
    return context ? "c" : kind == KN_TABLE_ORDER && is_order_fact(path) ? "o" : "p";
}

struct kn_str kn_bulk_field_path(struct kn_arena *arena, enum kn_table_kind kind, bool context,
                                 struct kn_path path)
{
    return kn_bulk_path_join(arena, kn_bulk_section(kind, context, path), path);
}

/* ---- hits ---- */

typedef bool (*entry_fn)(const void *arg, struct kn_value value);

/* Few of them stand out: list them. */
static void list_few(struct kn_bulk_hits *hits, uint32_t entries, bool wanted)
{
    hits->how = KN_HITS_FEW;
    hits->inverted = !wanted;
    for (uint32_t code = 0; code < entries; code++) {
        if ((hits->table[code] != 0) == wanted) {
            hits->few[hits->few_count++] = code;
        }
    }
}

static void choose(struct kn_bulk_hits *hits, uint32_t entries, uint32_t yes)
{
    if (yes == 0 || yes == entries) {
        hits->how = yes == 0 ? KN_HITS_NONE : KN_HITS_ALL;
    } else if (hits->column->width == 1) {
        hits->how = KN_HITS_SET8;
        for (uint32_t code = 0; code < entries; code++) {
            if (hits->table[code]) {
                kn_lane_set8_add(&hits->set, (uint8_t)code);
            }
        }
    } else if (yes <= KN_LANE_FEW || entries - yes <= KN_LANE_FEW) {
        list_few(hits, entries, yes <= KN_LANE_FEW);
    } else {
        hits->how = KN_HITS_TABLE;
    }
}

struct filling {
    const struct kn_dictionary *dictionary;
    uint8_t *table;
    entry_fn entry;
    const void *arg;
};

static void fill_table(void *arg, uint32_t first, uint32_t end)
{
    const struct filling *f = arg;
    for (uint32_t code = first; code < end; code++) {
        f->table[code] = f->entry(f->arg, kn_dictionary_value(f->dictionary, code));
    }
}

static enum kn_rc make_hits(struct kn_bulk_plan *plan, const struct kn_column *column,
                            entry_fn entry, const void *arg, struct kn_bulk_hits *ret)
{
    uint32_t entries = column->dictionary.count, yes = 0;
    uint8_t *table = kn_arena_alloc(plan->arena, entries);
    struct filling filling = {&column->dictionary, table, entry, arg};
    if (!table) {
        return kn_bulk_nomem(plan);
    }
    kn_bulk_entries(plan, entries, fill_table, &filling);
    for (uint32_t code = 0; code < entries; code++) {
        yes += table[code];
    }
    *ret = (struct kn_bulk_hits){.column = column, .table = table};
    choose(ret, entries, yes);
    return KN_OK;
}

struct asked {
    const struct kn_test *test;
    int64_t now;
    struct kn_value nothing;
};

static bool matches(const void *arg, struct kn_value value)
{
    const struct asked *asked = arg;
    int64_t next = INT64_MAX;
    return kn_test_matches(asked->test, value, asked->now, &next);
}

static bool answers(const void *arg, struct kn_value value)
{
    const struct asked *asked = arg;
    int64_t next = INT64_MAX;
    return kn_test_value(asked->test, value.kind == KN_VALUE_ABSENT ? asked->nothing : value,
                         asked->now, &next);
}

static bool is_value(const void *arg, struct kn_value value)
{
    (void)arg;
    return value.kind != KN_VALUE_ABSENT;
}

/* Is the level inside the other one, or the same? */
static bool is_inside(const struct kn_table_part *part, uint32_t level, uint32_t outer)
{
    while (level != outer && level > 0) {
        level = part->arrays[level - 1].parent;
    }
    return level == outer;
}

static enum kn_rc make_columns(struct kn_bulk_plan *plan, const struct kn_table_part *part,
                               const struct asked *asked, struct kn_str path,
                               struct kn_bulk_where *leaf)
{
    uint32_t count = 0;
    bool absent = asked->test->op == KN_OP_ABSENT, one = true;
    for (uint32_t i = 0; i < part->column_count; i++) {
        const struct kn_column *c = &part->columns[i];
        if (kn_str_eq(c->path, path) && is_inside(part, c->level, leaf->level)) {
            count++;
            one &= c->level == leaf->level;
        }
    }
    bool direct = count == 1 && one;
    struct kn_bulk_hits *hits = kn_arena_zero(plan->arena, count + 1, sizeof *hits);
    struct kn_bulk_hits *values = kn_arena_zero(plan->arena, count + 1, sizeof *values);
    if (!hits || !values) {
        return kn_bulk_nomem(plan);
    }
    leaf->hits = hits;
    leaf->values = values;
    leaf->leaf = direct                  ? KN_LEAF_DIRECT
                 : absent                ? KN_LEAF_ABSENT
                 : asked->test->negative ? KN_LEAF_NEGATIVE
                                         : KN_LEAF_POSITIVE;
    for (uint32_t i = 0; i < part->column_count; i++) {
        const struct kn_column *c = &part->columns[i];
        if (!kn_str_eq(c->path, path) || !is_inside(part, c->level, leaf->level)) {
            continue;
        }
        KN_TRY(make_hits(plan, c, direct ? answers : matches, asked, &hits[leaf->hit_count]));
        if (!direct && (absent || asked->test->negative)) {
            KN_TRY(make_hits(plan, c, is_value, NULL, &values[leaf->hit_count]));
        }
        leaf->hit_count++;
    }
    return KN_OK;
}

static enum kn_rc make_leaf(struct kn_bulk_plan *plan, const struct kn_table_part *part,
                            uint32_t level, const struct asked *asked, struct kn_str path,
                            const struct kn_bulk_where **ret)
{
    struct kn_bulk_where *leaf = kn_arena_zero(plan->arena, 1, sizeof *leaf);
    if (!leaf || !path.p) {
        return kn_bulk_nomem(plan);
    }
    leaf->kind = KN_WHERE_LEAF;
    leaf->level = level;
    KN_TRY(make_columns(plan, part, asked, path, leaf));
    *ret = leaf;
    return KN_OK;
}

/* A leaf that is the same for every row. */
static enum kn_rc make_constant(struct kn_bulk_plan *plan, bool truth,
                                const struct kn_bulk_where **ret)
{
    struct kn_bulk_where *leaf = kn_arena_zero(plan->arena, 1, sizeof *leaf);
    struct kn_bulk_hits *hits = kn_arena_zero(plan->arena, 1, sizeof *hits);
    if (!leaf || !hits) {
        return kn_bulk_nomem(plan);
    }
    hits->how = truth ? KN_HITS_ALL : KN_HITS_NONE;
    leaf->kind = KN_WHERE_LEAF;
    leaf->leaf = KN_LEAF_DIRECT;
    leaf->hits = hits;
    leaf->hit_count = 1;
    *ret = leaf;
    return KN_OK;
}

enum kn_rc kn_bulk_leaf_make(struct kn_bulk_plan *plan, const struct kn_table_part *part,
                             const struct kn_test *test, struct kn_str path,
                             struct kn_value nothing, const struct kn_bulk_where **ret)
{
    struct asked asked = {test, plan->options->now_us, nothing};
    int64_t next = INT64_MAX;
    KN_TRY(make_leaf(plan, part, 0, &asked, path, ret));
    if ((*ret)->hit_count == 0) {
        return make_constant(plan, kn_test_value(test, nothing, asked.now, &next), ret);
    }
    return KN_OK;
}

/* ---- trees ---- */

enum kn_rc kn_bulk_where_not(struct kn_bulk_plan *plan, const struct kn_bulk_where **where)
{
    struct kn_bulk_where *opposite = kn_arena_zero(plan->arena, 1, sizeof *opposite);
    const struct kn_bulk_where **kids = kn_arena_alloc(plan->arena, sizeof *kids);
    if (!opposite || !kids) {
        return kn_bulk_nomem(plan);
    }
    kids[0] = *where;
    opposite->kind = KN_WHERE_NOT;
    opposite->level = (*where)->level;
    opposite->kids = kids;
    opposite->kid_count = 1;
    *where = opposite;
    return KN_OK;
}

struct where_maker {
    struct kn_bulk_plan *plan;
    const struct kn_table_part *part;
    const struct kn_path *array; /* inside any() */
    bool odd;
};

static enum kn_rc make_where(struct where_maker *m, const struct kn_cnode *node, uint32_t level,
                             const struct kn_bulk_where **ret);

static enum kn_rc make_compare(struct where_maker *m, const struct kn_cnode *node, uint32_t level,
                               const struct kn_bulk_where **ret)
{
    const struct kn_chain *chain = node->node->chain;
    bool property = chain->kind == KN_FROM_PROPERTY, context = chain->kind == KN_FROM_CONTEXT;
    struct asked asked = {&node->test, m->plan->options->now_us, {KN_VALUE_ABSENT, KN_STR_EMPTY}};
    struct kn_str keys[2 * KN_QUERY_PATH_MAX];
    struct kn_path path = chain->path;
    m->odd |= (!property && !context) || chain->parent || (context && m->array);
    if (m->odd) {
        return KN_OK;
    }
    if (m->array) {
        kn_assert(m->array->count + path.count <= 2 * KN_QUERY_PATH_MAX);
        memcpy(keys, m->array->keys, m->array->count * sizeof *keys);
        memcpy(keys + m->array->count, path.keys, path.count * sizeof *keys);
        path = (struct kn_path){keys, m->array->count + path.count};
    }
    return make_leaf(m->plan, m->part, level, &asked,
                     kn_bulk_field_path(m->plan->arena, m->part->kind, context, path), ret);
}

/* One kid per array of the path; arrays that are elements of such an array are not looked into, as
 * they are elements. */
static enum kn_rc make_any(struct where_maker *m, const struct kn_cnode *node,
                           struct kn_bulk_where *where, const struct kn_bulk_where **kids)
{
    const struct kn_table_part *part = m->part;
    struct kn_str path = kn_bulk_field_path(m->plan->arena, part->kind, false, node->node->array);
    if (!path.p) {
        return kn_bulk_nomem(m->plan);
    }
    m->array = &node->node->array;
    for (uint32_t i = 0; i < part->array_count && !m->odd; i++) {
        uint32_t parent = part->arrays[i].parent;
        if (kn_str_eq(part->arrays[i].path, path) &&
            (parent == 0 || !kn_str_eq(part->arrays[parent - 1].path, path))) {
            KN_TRY(make_where(m, &node->kids[0], i + 1, &kids[where->kid_count]));
            where->kid_count++;
        }
    }
    m->array = NULL;
    return KN_OK;
}

static enum kn_rc make_where(struct where_maker *m, const struct kn_cnode *node, uint32_t level,
                             const struct kn_bulk_where **ret)
{
    const struct kn_node *source = node->node;
    if (source->kind == KN_NODE_COMPARE) {
        return make_compare(m, node, level, ret);
    }
    bool any = source->kind == KN_NODE_ANY;
    size_t room = any ? m->part->array_count : source->kid_count;
    struct kn_bulk_where *where = kn_arena_zero(m->plan->arena, 1, sizeof *where);
    const struct kn_bulk_where **kids = kn_arena_zero(m->plan->arena, room + 1, sizeof *kids);
    if (!where || !kids) {
        return kn_bulk_nomem(m->plan);
    }
    where->level = level;
    where->kids = kids;
    where->kind = source->kind == KN_NODE_AND   ? KN_WHERE_AND
                  : source->kind == KN_NODE_OR  ? KN_WHERE_OR
                  : source->kind == KN_NODE_NOT ? KN_WHERE_NOT
                                                : KN_WHERE_ANY;
    *ret = where;
    if (any) {
        return make_any(m, node, where, kids);
    }
    for (uint32_t i = 0; i < source->kid_count && !m->odd; i++) {
        KN_TRY(make_where(m, &node->kids[i], level, &kids[i]));
        where->kid_count++;
    }
    return KN_OK;
}

enum kn_rc kn_bulk_where_make(struct kn_bulk_plan *plan, const struct kn_table_part *part,
                              const struct kn_cnode *node, const struct kn_bulk_where **ret,
                              bool *ret_odd)
{
    struct where_maker maker = {plan, part, NULL, false};
    KN_TRY(make_where(&maker, node, 0, ret));
    *ret_odd = maker.odd;
    return KN_OK;
}
