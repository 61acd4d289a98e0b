/* The text without white space, once from the text itself and once put together again from the
 * nodes of the parsed document: both must be the same. Recursion is bounded by the parser's depth.
 */
#ifndef KN_TESTS_FORMAT_JSON_TREE_H
#define KN_TESTS_FORMAT_JSON_TREE_H

#include "base/assert.h"
#include "format/json.h"

static inline void tree_strip(const char *text, size_t len, struct kn_buf *out)
{
    bool inside = false;
    for (size_t i = 0; i < len; i++) {
        if (inside && text[i] == '\\') {
            kn_buf_char(out, text[i++]);
        } else if (text[i] == '"') {
            inside = !inside;
        } else if (!inside && strchr(" \t\r\n", text[i])) {
            continue;
        }
        kn_buf_char(out, text[i]);
    }
}

static inline void tree_build(const struct kn_json *doc, uint32_t i, struct kn_buf *out)
{
    const struct kn_json_node *n = &doc->nodes[i];
    bool object = n->type == KN_JSON_OBJECT;
    kn_assert(n->off + n->len <= doc->len && n->next > i && n->next <= doc->count);
    if (!object && n->type != KN_JSON_ARRAY) {
        kn_assert(n->next == i + 1);
        kn_buf_str(out, kn_json_raw(doc, i));
        return;
    }
    kn_buf_char(out, object ? '{' : '[');
    for (uint32_t child = i + 1; child < n->next; child = doc->nodes[child].next) {
        const struct kn_json_node *c = &doc->nodes[child];
        kn_assert(c->depth == n->depth + 1 && c->next <= n->next);
        if (child != i + 1) {
            kn_buf_char(out, ',');
        }
        if (object) {
            struct kn_str key = kn_str(doc->text + c->key_off, c->key_len);
            bool escaped = key.len > 0 && memchr(key.p, '\\', key.len);
            kn_assert(((c->escaped & 2) != 0) == escaped);
            kn_buf_char(out, '"');
            kn_buf_str(out, key);
            kn_buf_c(out, "\":");
        }
        tree_build(doc, child, out);
    }
    kn_buf_char(out, object ? '}' : ']');
}

/* The same again with kn_json_walk over the text of a value. */
static inline void tree_walk(struct kn_str value, struct kn_buf *out)
{
    size_t offset = 0;
    struct kn_str key;
    struct kn_str child;
    if (value.p[0] != '{' && value.p[0] != '[') {
        kn_buf_str(out, value);
        return;
    }
    kn_buf_char(out, value.p[0]);
    for (bool first = true; kn_json_walk(value, &offset, &key, &child); first = false) {
        if (!first) {
            kn_buf_char(out, ',');
        }
        if (value.p[0] == '{') {
            kn_buf_char(out, '"');
            kn_buf_str(out, key);
            kn_buf_c(out, "\":");
        }
        tree_walk(child, out);
    }
    kn_buf_char(out, value.p[0] == '{' ? '}' : ']');
}

/* Asserts that nodes and walk both give the text back. */
static inline void tree_check(const struct kn_json *doc)
{
    struct kn_buf want;
    struct kn_buf got;
    struct kn_buf walked;
    kn_buf_init(&want, SIZE_MAX);
    kn_buf_init(&got, SIZE_MAX);
    kn_buf_init(&walked, SIZE_MAX);
    tree_strip(doc->text, doc->len, &want);
    kn_assert(doc->count > 0 && doc->nodes[0].next == doc->count && doc->nodes[0].depth == 0);
    tree_build(doc, 0, &got);
    tree_walk(kn_json_raw(doc, 0), &walked);
    kn_assert(kn_str_eq(kn_buf_view(&want), kn_buf_view(&got)));
    kn_assert(kn_str_eq(kn_buf_view(&want), kn_buf_view(&walked)));
    kn_buf_deinit(&want);
    kn_buf_deinit(&got);
    kn_buf_deinit(&walked);
}

#endif
