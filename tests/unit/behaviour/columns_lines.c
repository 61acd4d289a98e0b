#include "columns_lines.h"

#include <stdlib.h>

#include "cm.h"

#include "format/json.h"
#include "format/number.h"

/* ---- what a row says, from JSON alone ---- */

static void add_line(struct lines *l, const struct kn_buf *line)
{
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 16;
        l->lines = realloc(l->lines, l->room * sizeof *l->lines);
    }
    l->lines[l->count] = strndup(line->p, line->len);
    l->count++;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *lines_join(struct lines *l)
{
    struct kn_buf out;
    kn_buf_init(&out, SIZE_MAX / 2);
    if (l->count > 0) {
        qsort(l->lines, l->count, sizeof *l->lines, compare_lines);
    }
    for (size_t i = 0; i < l->count; i++) {
        kn_buf_c(&out, l->lines[i]);
        kn_buf_char(&out, '\n');
        free(l->lines[i]);
    }
    char *text = strndup(out.p ? out.p : "", out.len);
    kn_buf_deinit(&out);
    free(l->lines);
    *l = (struct lines){0};
    return text;
}

/* "where" is a list of "[path index]" of the arrays that were entered. */
void lines_add(struct lines *l, struct kn_str path, struct kn_str where, enum kn_value_kind kind,
               struct kn_str text)
{
    struct kn_buf line;
    kn_buf_init(&line, SIZE_MAX / 2);
    kn_buf_printf(&line, "%.*s %.*s %d ", KN_STR_ARG(path), KN_STR_ARG(where), (int)kind);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 32 || c == '%') {
            kn_buf_printf(&line, "%%%02x", c);
        } else {
            kn_buf_char(&line, (char)c);
        }
    }
    add_line(l, &line);
    kn_buf_deinit(&line);
}

static void add_count(struct lines *l, struct kn_str path, struct kn_str where, uint64_t count)
{
    struct kn_buf line;
    if (count == 0) {
        return;
    }
    kn_buf_init(&line, SIZE_MAX / 2);
    kn_buf_printf(&line, "#%.*s %.*s %llu", KN_STR_ARG(path), KN_STR_ARG(where),
                  (unsigned long long)count);
    add_line(l, &line);
    kn_buf_deinit(&line);
}

struct naive {
    struct lines *lines;
    const struct kn_json *doc;
    struct kn_arena arena;
};

static void naive_members(struct naive *n, uint32_t object, struct kn_str path, unsigned keys,
                          struct kn_str where);

static struct kn_str naive_number(struct naive *n, struct kn_str raw)
{
    kn_dec value;
    struct kn_buf out;
    if (!kn_dec_parse(raw, true, &value)) {
        return raw;
    }
    kn_buf_init(&out, 256);
    kn_dec_format(value, &out);
    struct kn_str text = kn_arena_str(&n->arena, kn_buf_view(&out));
    kn_buf_deinit(&out);
    return text;
}

static void naive_value(struct naive *n, uint32_t node, struct kn_str path, unsigned keys,
                        struct kn_str where, bool element)
{
    const struct kn_json *doc = n->doc;
    bool deep = keys >= KN_COLUMNS_DEPTH_MAX;
    uint32_t index = 0;
    switch (kn_json_type_at(doc, node)) {
    case KN_JSON_NULL: break;
    case KN_JSON_FALSE: lines_add(n->lines, path, where, KN_VALUE_FALSE, KN_STR_EMPTY); break;
    case KN_JSON_TRUE: lines_add(n->lines, path, where, KN_VALUE_TRUE, KN_STR_EMPTY); break;
    case KN_JSON_NUMBER:
        lines_add(n->lines, path, where, KN_VALUE_NUMBER, naive_number(n, kn_json_raw(doc, node)));
        break;
    case KN_JSON_STRING:
        lines_add(n->lines, path, where, KN_VALUE_STRING, kn_json_string(doc, node, &n->arena));
        break;
    case KN_JSON_OBJECT:
        lines_add(n->lines, path, where, KN_VALUE_OBJECT, KN_STR_EMPTY);
        if (!deep) {
            naive_members(n, node, path, keys, where);
        }
        break;
    case KN_JSON_ARRAY:
        if (deep) {
            lines_add(n->lines, path, where, KN_VALUE_OBJECT, KN_STR_EMPTY);
            break;
        }
        for (uint32_t i = node + 1; i < doc->nodes[node].next; i = doc->nodes[i].next) {
            struct kn_buf deeper;
            kn_buf_init(&deeper, SIZE_MAX / 2);
            kn_buf_printf(&deeper, "%.*s[%.*s %u]", KN_STR_ARG(where), KN_STR_ARG(path), index++);
            naive_value(n, i, path, keys + element, kn_buf_view(&deeper), true);
            kn_buf_deinit(&deeper);
        }
        add_count(n->lines, path, where, index);
        break;
    }
}

static void naive_members(struct naive *n, uint32_t object, struct kn_str path, unsigned keys,
                          struct kn_str where)
{
    const struct kn_json *doc = n->doc;
    for (uint32_t i = object + 1; i < doc->nodes[object].next; i = doc->nodes[i].next) {
        struct kn_str key = kn_json_key(doc, i, &n->arena);
        struct kn_buf longer;
        if (kn_json_find(doc, object, key) != i) {
            continue; /* the last one counts */
        }
        kn_buf_init(&longer, SIZE_MAX / 2);
        kn_buf_str(&longer, path);
        kn_columns_path_key(&longer, key);
        naive_value(n, i, kn_buf_view(&longer), keys + 1, where, false);
        kn_buf_deinit(&longer);
    }
}

void lines_json(struct lines *l, struct kn_str json, const char *section)
{
    static const struct kn_json_limits limits = {1000, 1 << 20};
    struct kn_json doc;
    struct kn_err err;
    char *padded = calloc(1, json.len + KN_JSON_PADDING);
    struct kn_json_parser *parser = kn_json_parser_new();
    struct naive n = {.lines = l, .doc = &doc};
    memcpy(padded, json.p, json.len);
    kn_arena_init(&n.arena, SIZE_MAX / 2);
    assert_int_equal(kn_json_parse(parser, padded, json.len, &limits, &doc, &err), KN_OK);
    naive_members(&n, 0, kn_str_c(section), section[0] ? 1 : 0, KN_STR_EMPTY);
    kn_arena_deinit(&n.arena);
    kn_json_parser_free(parser);
    free(padded);
}

/* ---- what a row says, from columns ---- */

struct reading {
    struct lines *lines;
    const struct kn_table_part *part;
    uint32_t chain[64]; /* arrays from the outermost to the wanted one */
    unsigned depth;
};

static void read_entry(struct reading *r, const struct kn_column *column, uint32_t array,
                       unsigned at, uint64_t entry, struct kn_str where)
{
    if (at == r->depth) {
        if (!column) {
            const uint32_t *offsets = r->part->arrays[array].offsets;
            add_count(r->lines, r->part->arrays[array].path, where,
                      offsets[entry + 1] - offsets[entry]);
            return;
        }
        uint32_t code = kn_column_code(column, entry);
        assert_true(code < column->dictionary.count);
        struct kn_value v = kn_dictionary_value(&column->dictionary, code);
        if (code != 0) {
            assert_int_not_equal(v.kind, KN_VALUE_ABSENT);
            lines_add(r->lines, column->path, where, v.kind, v.text);
        }
        return;
    }
    const struct kn_column_array *a = &r->part->arrays[r->chain[at]];
    for (uint32_t e = a->offsets[entry]; e < a->offsets[entry + 1]; e++) {
        struct kn_buf deeper;
        assert_true(e < a->elements);
        kn_buf_init(&deeper, SIZE_MAX / 2);
        kn_buf_printf(&deeper, "%.*s[%.*s %u]", KN_STR_ARG(where), KN_STR_ARG(a->path),
                      e - a->offsets[entry]);
        read_entry(r, column, array, at + 1, e, kn_buf_view(&deeper));
        kn_buf_deinit(&deeper);
    }
}

static void set_chain(struct reading *r, uint32_t level)
{
    uint32_t levels[64];
    unsigned count = 0;
    for (; level != 0; level = r->part->arrays[level - 1].parent) {
        assert_true(count < 64 && level <= r->part->array_count);
        levels[count++] = level - 1;
    }
    r->depth = count;
    for (unsigned i = 0; i < count; i++) {
        r->chain[i] = levels[count - 1 - i];
    }
}

char *lines_row(const struct kn_table_part *part, uint64_t row)
{
    struct lines lines = {0};
    struct reading r = {.lines = &lines, .part = part};
    for (uint32_t i = 0; i < part->column_count; i++) {
        set_chain(&r, part->columns[i].level);
        assert_ptr_equal(kn_part_column(part, part->columns[i].path, part->columns[i].level),
                         &part->columns[i]);
        read_entry(&r, &part->columns[i], 0, 0, row, KN_STR_EMPTY);
    }
    for (uint32_t i = 0; i < part->array_count; i++) {
        set_chain(&r, part->arrays[i].parent);
        read_entry(&r, NULL, i, 0, row, KN_STR_EMPTY);
    }
    return lines_join(&lines);
}
