/* JSON into rows: values of paths, elements of arrays. */
#include "base/assert.h"
#include "base/mem.h"
#include "behaviour/columns_build.h"
#include "format/item.h"
#include "format/number.h"

enum { NODES_MAX = 1 << 20, JSON_DEPTH_MAX = 256 };

/* ---- values ---- */

/* True when kn_dec_format would give exactly these digits (RFC 8259 numbers only). */
static bool is_plain_number(struct kn_str text)
{
    size_t at = text.p[0] == '-' ? 1 : 0;
    size_t dot = 0;
    if (text.len - at > 19) {
        return false;
    }
    for (size_t i = at; i < text.len; i++) {
        if (text.p[i] == '.') {
            dot = i;
        } else if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
    }
    if (text.len - at - (dot > 0 ? 1 : 0) > 18) {
        return false;
    }
    return (dot == 0 || text.p[text.len - 1] != '0') && (at == 0 || text.p[1] != '0' || dot > 0);
}

static struct kn_str number_text(struct kn_col_builder *b, struct kn_str raw)
{
    kn_dec value;
    struct kn_buf out;
    if (is_plain_number(raw) || !kn_dec_parse(raw, true, &value)) {
        return raw;
    }
    kn_buf_init(&out, 256);
    kn_dec_format(value, &out);
    struct kn_str text = out.rc == KN_OK ? kn_arena_str(&b->once, kn_buf_view(&out)) : KN_STR_EMPTY;
    b->nomem = b->nomem || !text.p;
    kn_buf_deinit(&out);
    return text;
}

static void put_value(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t node,
                      const struct kn_json *doc, uint32_t json, uint32_t at);

/* The members of an object; of repeated keys the last counts. */
void kn_col_put_members(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t parent,
                        const struct kn_json *doc, uint32_t json, uint32_t at)
{
    uint32_t base = b->member_count;
    uint32_t object = ++b->objects;
    uint32_t last = KN_COL_NONE;
    for (uint32_t i = json + 1; i < doc->nodes[json].next && !b->nomem; i = doc->nodes[i].next) {
        uint32_t node = kn_col_member_node(b, s, parent, doc, i, &last);
        if (node == KN_COL_NONE ||
            !kn_col_grow(&b->members, b->member_count, &b->member_room, sizeof *b->members)) {
            b->nomem = true;
            return;
        }
        struct kn_col_node *n = &s->nodes[node];
        if (n->object == object) {
            b->members[n->member].json = KN_COL_NONE;
        }
        n->object = object;
        n->member = b->member_count;
        b->members[b->member_count++] = (struct kn_col_member){node, i};
    }
    uint32_t end = b->member_count;
    for (uint32_t i = base; i < end && !b->nomem; i++) {
        if (b->members[i].json != KN_COL_NONE) {
            put_value(b, s, b->members[i].node, doc, b->members[i].json, at);
        }
    }
    b->member_count = base;
}

/* Entries of the parent level up to `to` have as many elements as there are now. */
static bool fill_ends(struct kn_col_draft_array *a, uint32_t to)
{
    while (a->room < to) {
        if (!kn_col_grow(&a->ends, a->room, &a->room, sizeof *a->ends)) {
            return false;
        }
    }
    while (a->len < to) {
        a->ends[a->len++] = a->elements;
    }
    return true;
}

static void put_elements(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t node,
                         const struct kn_json *doc, uint32_t json, uint32_t at)
{
    if (s->nodes[node].array == KN_COL_NONE && !kn_col_add_array(b, s, node) && b->nomem) {
        return;
    }
    uint32_t array = s->nodes[node].array;
    if (array == KN_COL_DROPPED) {
        b->dropped++;
        return;
    }
    struct kn_col_draft_array *a = &s->draft.arrays[array];
    if (!fill_ends(a, at)) {
        b->nomem = true;
        return;
    }
    if (a->row != s->draft.row_count) {
        a->row = s->draft.row_count;
        a->row_first = a->elements;
    }
    for (uint32_t i = json + 1; i < doc->nodes[json].next && !b->nomem; i = doc->nodes[i].next) {
        a = &s->draft.arrays[array]; /* values may add arrays */
        if (a->elements - a->row_first == KN_COLUMNS_ELEMENTS_MAX) {
            break;
        }
        put_value(b, s, s->nodes[node].element, doc, i, a->elements++);
    }
    a = &s->draft.arrays[array];
    b->nomem = b->nomem || !fill_ends(a, at + 1);
}

static void put_value(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t node,
                      const struct kn_json *doc, uint32_t json, uint32_t at)
{
    bool deep = s->nodes[node].keys >= KN_COLUMNS_DEPTH_MAX;
    switch ((enum kn_json_type)doc->nodes[json].type) {
    case KN_JSON_NULL: break;
    case KN_JSON_FALSE: kn_col_set(b, s, node, at, KN_VALUE_FALSE, KN_STR_EMPTY); break;
    case KN_JSON_TRUE: kn_col_set(b, s, node, at, KN_VALUE_TRUE, KN_STR_EMPTY); break;
    case KN_JSON_NUMBER:
        kn_col_set(b, s, node, at, KN_VALUE_NUMBER, number_text(b, kn_json_raw(doc, json)));
        break;
    case KN_JSON_STRING: {
        struct kn_str text = kn_json_string(doc, json, &b->once);
        b->nomem = b->nomem || !text.p;
        kn_col_set(b, s, node, at, KN_VALUE_STRING, text);
        break;
    }
    case KN_JSON_ARRAY:
        if (!deep) {
            put_elements(b, s, node, doc, json, at);
            break;
        }
        kn_col_set(b, s, node, at, KN_VALUE_OBJECT, KN_STR_EMPTY);
        break;
    case KN_JSON_OBJECT:
        kn_col_set(b, s, node, at, KN_VALUE_OBJECT, KN_STR_EMPTY);
        if (!deep) {
            kn_col_put_members(b, s, node, doc, json, at);
        }
        break;
    }
}

/* ---- rows ---- */

/* False: no JSON that can be read, which is a row without fields. */
static bool parse(struct kn_col_builder *b, struct kn_str json, struct kn_json *doc)
{
    static const struct kn_json_limits limits = {JSON_DEPTH_MAX, NODES_MAX};
    kn_buf_clear(&b->text);
    if (!kn_buf_reserve(&b->text, json.len + KN_JSON_PADDING)) {
        b->nomem = true;
        return false;
    }
    kn_buf_str(&b->text, json);
    enum kn_rc rc = kn_json_parse(b->parser, b->text.p, json.len, &limits, doc, NULL);
    b->nomem = b->nomem || rc == KN_E_NOMEM;
    return rc == KN_OK && doc->nodes[0].type == KN_JSON_OBJECT;
}

static void add_row(struct kn_col_builder *b, struct kn_col_shape *s, const struct kn_col_op *op)
{
    struct kn_col_draft *d = &s->draft;
    if (!kn_col_grow(&d->rows, d->row_count, &d->row_room, sizeof *d->rows)) {
        b->nomem = true;
        return;
    }
    d->rows[d->row_count++] = (struct kn_col_draft_row){op->ordinal, op->us, op->arrival};
}

static void put_text(struct kn_col_builder *b, struct kn_col_shape *s, int fact, uint32_t row,
                     struct kn_str text)
{
    if (text.len > 0) {
        kn_col_set(b, s, s->facts[fact], row, KN_VALUE_STRING, text);
    }
}

static void put_facts(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t row,
                      const struct kn_item *item)
{
    char digits[10];
    size_t at = sizeof digits;
    uint32_t rest = item->source;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    kn_col_set(b, s, s->facts[0], row, KN_VALUE_NUMBER, kn_str(digits + at, sizeof digits - at));
    if (item->visit.present) {
        kn_col_set(b, s, s->facts[1], row, KN_VALUE_TRUE, KN_STR_EMPTY);
    }
    put_text(b, s, 2, row, item->device.device);
    put_text(b, s, 3, row, item->device.browser);
    put_text(b, s, 4, row, item->device.platform);
    put_text(b, s, 5, row, item->device.country);
}

static bool has_rows(const struct kn_item *item)
{
    return item->kind == KN_ITEM_EVENT && item->name.len > 0 &&
           (item->type == KN_EVENT_TRACK || item->type == KN_EVENT_PAGE ||
            item->type == KN_EVENT_SCREEN);
}

void kn_col_put_event(struct kn_col_builder *b, const struct kn_col_op *op)
{
    struct kn_cursor in = kn_cursor(op->bytes);
    struct kn_item item;
    struct kn_json doc;
    kn_arena_clear(&b->once);
    enum kn_rc rc = kn_item_decode(&in, NULL, &b->once, &item, NULL);
    kn_assert(rc == KN_OK || rc == KN_E_NOMEM); /* the fold decoded it before */
    b->nomem = b->nomem || rc == KN_E_NOMEM;
    if (rc != KN_OK || !has_rows(&item)) {
        return;
    }
    struct kn_col_shape *s = kn_col_shape_of(b, KN_TABLE_EVENT, item.name);
    if (!s) {
        return;
    }
    uint32_t row = s->draft.row_count;
    put_facts(b, s, row, &item);
    if (item.body.len > 0 && parse(b, item.body, &doc)) {
        uint32_t p = kn_json_find(&doc, 0, KN_STR("properties"));
        uint32_t c = kn_json_find(&doc, 0, KN_STR("context"));
        if (kn_json_type_at(&doc, p) == KN_JSON_OBJECT) {
            kn_col_put_members(b, s, s->roots[0], &doc, p, row);
        }
        if (kn_json_type_at(&doc, c) == KN_JSON_OBJECT) {
            kn_col_put_members(b, s, s->roots[1], &doc, c, row);
        }
    }
    add_row(b, s, op);
}

void kn_col_put_row(struct kn_col_builder *b, const struct kn_col_op *op)
{
    struct kn_json doc;
    struct kn_col_shape *s = kn_col_shape_of(b, (enum kn_table_kind)op->kind, KN_STR_EMPTY);
    kn_arena_clear(&b->once);
    if (!s) {
        return;
    }
    if (op->bytes.len > 0 && parse(b, op->bytes, &doc)) {
        kn_col_put_members(b, s, s->roots[0], &doc, 0, s->draft.row_count);
    }
    add_row(b, s, op);
}
