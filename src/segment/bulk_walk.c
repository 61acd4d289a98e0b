/* Conditions that columns do not answer: the rows of each profile through the evaluator's view. */
#include "base/assert.h"
#include "segment/bulk_internal.h"
#include "segment/words.h"

enum { BUCKETS = 64 };

/* The columns, or arrays, that a path means in a part; looked up once. */
struct found {
    struct found *next;
    const struct kn_table_part *part;
    const void *array_id, *id; /* who asks: the query stays where it is */
    const char *section;
    const struct kn_column *const *columns;
    const uint32_t *arrays; /* indexes, when a path of an array is asked for */
    uint32_t count;
};

struct walk {
    struct kn_bulk_chunk *chunk;
    const struct kn_bulk_cond *cond;
    struct kn_arena lasting; /* of the whole walk */
    struct kn_arena *arena;  /* of one profile */
    struct found *buckets[BUCKETS];
    const struct kn_walk_rows *tables; /* NULL: a profile without rows */
    uint32_t ordinal;
    bool full;
    struct kn_view view;
    uint64_t *out;
    uint64_t seen[KN_BULK_WORDS];
};

static void *need(struct walk *w, struct kn_arena *arena, size_t bytes)
{
    void *block = kn_arena_zero(arena, 1, bytes + 1);
    w->full |= !block;
    return block;
}

/* ---- looking up ---- */

static bool is_wanted_array(const struct kn_table_part *part, uint32_t i, struct kn_str path)
{
    uint32_t parent = part->arrays[i].parent;
    return kn_str_eq(part->arrays[i].path, path) &&
           (parent == 0 || !kn_str_eq(part->arrays[parent - 1].path, path));
}

static void fill_found(struct walk *w, struct found *f, struct kn_path path, bool arrays)
{
    const struct kn_table_part *part = f->part;
    uint32_t room = arrays ? part->array_count : part->column_count;
    const struct kn_column **columns = need(w, &w->lasting, arrays ? 0 : room * sizeof *columns);
    uint32_t *indexes = need(w, &w->lasting, arrays ? room * sizeof *indexes : 0);
    struct kn_str text = kn_bulk_path_join(&w->lasting, f->section, path);
    f->columns = columns;
    f->arrays = indexes;
    for (uint32_t i = 0; columns && indexes && text.p && i < room; i++) {
        if (arrays && is_wanted_array(part, i, text)) {
            indexes[f->count++] = i;
        } else if (!arrays && kn_str_eq(part->columns[i].path, text)) {
            columns[f->count++] = &part->columns[i];
        }
    }
    w->full |= !text.p;
}

/* What is asked for: a path within the elements of an array (or of none), or that array itself.
 * `id` and `array_id` are addresses in the query that stand for the paths. */
struct wanted {
    const char *section;
    const void *array_id, *id; /* NULL: not given */
    struct kn_path array, path;
};

static const struct found *look_up(struct walk *w, const struct kn_table_part *part,
                                   struct wanted wanted)
{
    uintptr_t mix =
        (uintptr_t)part / 64 + (uintptr_t)wanted.array_id / 16 + (uintptr_t)wanted.id / 16;
    struct found **bucket = &w->buckets[mix % BUCKETS];
    for (struct found *f = *bucket; f; f = f->next) {
        if (f->part == part && f->array_id == wanted.array_id && f->id == wanted.id &&
            f->section[0] == wanted.section[0]) {
            return f;
        }
    }
    struct kn_str keys[2 * KN_QUERY_PATH_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < wanted.array.count; i++) {
        keys[count++] = wanted.array.keys[i];
    }
    for (uint32_t i = 0; i < wanted.path.count; i++) {
        keys[count++] = wanted.path.keys[i];
    }
    struct found *f = need(w, &w->lasting, sizeof *f);
    if (f) {
        *f = (struct found){*bucket, part, wanted.array_id, wanted.id, wanted.section, NULL,
                            NULL,    0};
        fill_found(w, f, (struct kn_path){keys, count}, !wanted.id);
        *bucket = f;
    }
    return f;
}

static struct wanted want(const char *section, struct kn_path path)
{
    return (struct wanted){section, NULL, path.keys, {NULL, 0}, path};
}

static struct wanted want_array(struct kn_path array)
{
    return (struct wanted){"p", array.keys, NULL, array, {NULL, 0}};
}

/* ---- values ---- */

/* Entries at `level` below entry `at` of the level `outer`; false: the level is not inside it. */
static bool entries_below(const struct kn_table_part *part, uint32_t level, uint32_t outer,
                          uint64_t at, uint64_t *first, uint64_t *end)
{
    if (level == outer) {
        *first = at;
        *end = at + 1;
        return true;
    }
    if (level == 0 || !entries_below(part, part->arrays[level - 1].parent, outer, at, first, end)) {
        return false;
    }
    *first = part->arrays[level - 1].offsets[*first];
    *end = part->arrays[level - 1].offsets[*end];
    return true;
}

static struct kn_values values_below(struct walk *w, const struct found *f, uint32_t outer,
                                     uint64_t at)
{
    struct kn_values ret = {NULL, 0};
    uint64_t first, end, room = 0;
    for (uint32_t i = 0; f && i < f->count; i++) {
        if (entries_below(f->part, f->columns[i]->level, outer, at, &first, &end)) {
            room += end - first;
        }
    }
    struct kn_value *values = room > 0 ? need(w, w->arena, room * sizeof *values) : NULL;
    for (uint32_t i = 0; values && i < f->count; i++) {
        const struct kn_column *c = f->columns[i];
        if (!entries_below(f->part, c->level, outer, at, &first, &end)) {
            continue;
        }
        for (; first < end; first++) {
            uint32_t code = kn_column_code(c, first);
            if (code != 0) {
                values[ret.count++] = kn_dictionary_value(&c->dictionary, code);
            }
        }
    }
    ret.values = values;
    return ret;
}

/* ---- the view ---- */

static const struct kn_walk_rows *rows_of(const struct walk *w, enum kn_table_kind kind,
                                          struct kn_str name)
{
    for (uint32_t i = 0; i < w->cond->walk_count; i++) {
        if (w->cond->walk[i].kind == kind && kn_str_eq(w->cond->walk[i].name, name)) {
            return &w->tables[i];
        }
    }
    return NULL;
}

static struct kn_view_rows view_rows(void *self, struct kn_str event)
{
    struct walk *w = self;
    struct kn_view_rows ret = {NULL, NULL, 0, NULL};
    const struct kn_walk_rows *from =
        !w->tables ? NULL : rows_of(w, event.p ? KN_TABLE_EVENT : KN_TABLE_ORDER, event);
    int64_t *us = from ? need(w, w->arena, from->count * sizeof *us) : NULL;
    uint64_t *arrivals = from ? need(w, w->arena, from->count * sizeof *arrivals) : NULL;
    if (!us || !arrivals) {
        return ret;
    }
    for (uint32_t i = 0; i < from->count; i++) {
        us[i] = from->rows[i].us;
        arrivals[i] = kn_part_arrival(from->rows[i].part, from->rows[i].row);
    }
    ret.us = us;
    ret.arrivals = arrivals;
    ret.count = from->count;
    ret.self = (void *)(uintptr_t)from->rows;
    return ret;
}

static const struct kn_walk_row *row_at(const struct kn_view_rows *rows, uint32_t row)
{
    kn_assert(row < rows->count);
    return (const struct kn_walk_row *)rows->self + row;
}

static uint32_t view_source(void *self, const struct kn_view_rows *rows, uint32_t row)
{
    (void)self;
    const struct kn_walk_row *r = row_at(rows, row);
    const struct kn_column *c = kn_part_column(r->part, KN_STR("#source"), 0);
    uint64_t number = 0;
    if (c) {
        (void)kn_str_u64(kn_dictionary_value(&c->dictionary, kn_column_code(c, r->row)).text,
                         &number);
    }
    return (uint32_t)number;
}

static struct kn_values view_values(void *self, const struct kn_view_rows *rows, uint32_t row,
                                    bool context, struct kn_path path)
{
    struct walk *w = self;
    const struct kn_walk_row *r = row_at(rows, row);
    const char *section = kn_bulk_section(r->part->kind, context, path);
    return values_below(w, look_up(w, r->part, want(section, path)), 0, r->row);
}

static uint32_t view_elements(void *self, const struct kn_view_rows *rows, uint32_t row,
                              struct kn_path array)
{
    struct walk *w = self;
    const struct kn_walk_row *r = row_at(rows, row);
    const struct found *f = look_up(w, r->part, want_array(array));
    uint64_t first, end, count = 0;
    for (uint32_t i = 0; f && i < f->count; i++) {
        bool below = entries_below(r->part, f->arrays[i] + 1, 0, r->row, &first, &end);
        kn_assert(below);
        count += end - first;
    }
    return (uint32_t)count;
}

static struct kn_values view_element(void *self, const struct kn_view_rows *rows, uint32_t row,
                                     struct kn_path array, uint32_t index, struct kn_path path)
{
    struct walk *w = self;
    const struct kn_walk_row *r = row_at(rows, row);
    const struct found *f = look_up(w, r->part, want_array(array));
    struct wanted wanted = {"p", array.keys, path.keys, array, path};
    uint64_t first, end, at = index;
    for (uint32_t i = 0; f && i < f->count; i++) {
        uint32_t level = f->arrays[i] + 1;
        (void)entries_below(r->part, level, 0, r->row, &first, &end);
        if (at < end - first) {
            return values_below(w, look_up(w, r->part, wanted), level, first + at);
        }
        at -= end - first;
    }
    return (struct kn_values){NULL, 0};
}

/* Of the profile's own row. */
static struct kn_values own_values(struct walk *w, struct wanted wanted)
{
    const struct kn_walk_rows *own =
        w->tables && w->cond->walk_profile >= 0 ? &w->tables[w->cond->walk_profile] : NULL;
    if (!own || own->count == 0) {
        return (struct kn_values){NULL, 0};
    }
    const struct kn_walk_row *r = &own->rows[own->count - 1];
    return values_below(w, look_up(w, r->part, wanted), 0, r->row);
}

static bool view_member(void *self, struct kn_str segment)
{
    const struct walk *w = self;
    const struct kn_bulk_options *o = w->chunk->plan->options;
    const uint64_t *members = o->members ? o->members(o->context, segment) : NULL;
    return members && kn_bit(members, w->ordinal);
}

static struct kn_values view_trait(void *self, struct kn_path path)
{
    struct walk *w = self;
    const struct kn_bulk_options *o = w->chunk->plan->options;
    if (path.count == 1 && o->is_segment && o->is_segment(o->context, path.keys[0])) {
        struct kn_value *one = need(w, w->arena, sizeof *one);
        if (one) {
            one->kind = view_member(self, path.keys[0]) ? KN_VALUE_TRUE : KN_VALUE_FALSE;
        }
        return (struct kn_values){one, one != NULL};
    }
    if (o->is_computed && o->is_computed(o->context, path.keys[0])) {
        return o->computed(o->context, w->ordinal, path, w->arena);
    }
    return own_values(w, want("t", path));
}

static enum kn_consent_state view_consent(void *self, struct kn_str purpose)
{
    struct wanted wanted = {"k", NULL, purpose.p, {NULL, 0}, {&purpose, 1}};
    struct kn_values v = own_values(self, wanted);
    int state = v.count == 0 ? -1 : kn_word_find(kn_consent_words, 4, v.values[0].text);
    return state < 0 ? KN_CONSENT_UNKNOWN : (enum kn_consent_state)state;
}

static bool view_identifier(void *self, struct kn_str type)
{
    struct wanted wanted = {"i", NULL, type.p, {NULL, 0}, {&type, 1}};
    return own_values(self, wanted).count > 0;
}

static const struct kn_view_ops view_ops = {view_rows,     view_source,     view_values,
                                            view_elements, view_element,    view_trait,
                                            view_consent,  view_identifier, view_member};

/* ---- the walk ---- */

static bool answer(struct walk *w, const struct kn_walk_rows *tables, uint32_t ordinal)
{
    struct kn_evaluation e;
    const struct kn_bulk_plan *plan = w->chunk->plan;
    kn_arena_clear(w->arena);
    w->tables = tables;
    w->ordinal = ordinal;
    kn_evaluation_start(&e, plan->definition, &w->view, plan->options->now_us, w->arena);
    struct kn_outcome o = kn_eval_node(&e, w->cond->source, NULL);
    w->full |= e.rc != KN_OK;
    int64_t *next = w->chunk->next && tables ? &w->chunk->next[ordinal - w->chunk->first] : NULL;
    if (next) {
        *next = kn_sooner(*next, o.next_us);
    }
    return o.truth == KN_YES;
}

static bool visit(void *context, uint32_t ordinal, const struct kn_walk_rows *tables)
{
    struct walk *w = context;
    uint32_t at = ordinal - w->chunk->first;
    kn_bits_set(w->seen, at);
    if (answer(w, tables, ordinal)) {
        kn_bits_set(w->out, at);
    }
    return !w->full;
}

/* Profiles without a row, one by one. */
static void answer_each(struct walk *w, const uint64_t *rest)
{
    for (size_t i = 0; i < KN_BULK_WORDS; i++) {
        for (uint64_t left = rest[i]; left != 0 && !w->full; left &= left - 1) {
            uint32_t at = (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(left);
            if (answer(w, NULL, w->chunk->first + at)) {
                kn_bits_set(w->out, at);
            }
        }
    }
}

void kn_bulk_walk(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                  const uint64_t *candidates, uint64_t *out)
{
    const struct kn_bulk_plan *plan = chunk->plan;
    struct walk w = {.chunk = chunk, .cond = cond, .arena = &chunk->lane.scratch, .out = out};
    uint64_t *only = plan->only + chunk->first / 64;
    kn_arena_init(&w.lasting, SIZE_MAX);
    w.view = (struct kn_view){&view_ops, &w, plan->definition->zone};
    memcpy(only, candidates, KN_BULK_WORDS * sizeof *only);
    enum kn_rc rc = kn_pin_walk(plan->pin, cond->walk, cond->walk_count, chunk->first, chunk->end,
                                plan->only, visit, &w, NULL);
    /* Everyone who has no row at all has the same answer. */
    uint64_t rest[KN_BULK_WORDS], any = 0;
    for (size_t i = 0; i < KN_BULK_WORDS; i++) {
        rest[i] = candidates[i] & ~w.seen[i];
        any |= rest[i];
    }
    if (cond->each) {
        answer_each(&w, rest);
    } else if (rc == KN_OK && !w.full && any && answer(&w, NULL, chunk->first)) {
        for (size_t i = 0; i < KN_BULK_WORDS; i++) {
            out[i] |= rest[i];
        }
    }
    if (rc != KN_OK || w.full) {
        chunk->rc = KN_E_NOMEM;
    }
    kn_arena_deinit(&w.lasting);
}
