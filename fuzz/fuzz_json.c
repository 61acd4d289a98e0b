/* Any bytes as JSON: accepted exactly when the naive validator accepts, and then nodes and walk
 * both give the text back; unescaped strings written again read back the same. */
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "format/json.h"
#include "tests/unit/format/json_tree.h"
#include "tests/unit/format/naive_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kn_json_limits limits = {.depth_max = 32, .nodes_max = 1U << 20};

/* Writes every string of the document as one array and reads it back. */
static void check_strings(struct kn_json_parser *again, const struct kn_json *doc)
{
    struct kn_arena arena;
    struct kn_buf out;
    struct kn_json copy;
    kn_arena_init(&arena, SIZE_MAX);
    kn_buf_init(&out, SIZE_MAX);
    kn_buf_char(&out, '[');
    for (uint32_t i = 0; i < doc->count; i++) {
        kn_json_out_comma(&out);
        kn_json_out_string(&out, kn_json_string(doc, i, &arena));
        kn_json_out_comma(&out);
        kn_json_out_string(&out, kn_json_key(doc, i, &arena));
    }
    kn_buf_char(&out, ']');
    kn_assert(kn_buf_reserve(&out, KN_JSON_PADDING));
    struct kn_json_limits wide = {.depth_max = 1, .nodes_max = UINT32_MAX};
    kn_assert(kn_json_parse(again, out.p, out.len, &wide, &copy, NULL) == KN_OK);
    kn_assert(copy.count == 1 + 2 * doc->count);
    for (uint32_t i = 0; i < doc->count; i++) {
        kn_assert(
            kn_str_eq(kn_json_string(doc, i, &arena), kn_json_string(&copy, 1 + 2 * i, &arena)));
        kn_assert(kn_str_eq(kn_json_key(doc, i, &arena), kn_json_string(&copy, 2 + 2 * i, &arena)));
    }
    kn_buf_deinit(&out);
    kn_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kn_json_parser *parser = kn_json_parser_new();
    struct kn_json_parser *again = kn_json_parser_new();
    struct kn_json doc;
    struct kn_err err = {0};
    size_t values;
    char *text = malloc(size + KN_JSON_PADDING);
    kn_assert(parser && again && text);
    if (size > 0) {
        memcpy(text, data, size);
    }
    memset(text + size, '"', KN_JSON_PADDING);
    bool want = naive_json(text, size, limits.depth_max, &values);
    bool got = kn_json_parse(parser, text, size, &limits, &doc, &err) == KN_OK;
    kn_assert(got == want);
    if (got) {
        kn_assert(doc.count == values);
        tree_check(&doc);
        check_strings(again, &doc);
    } else {
        kn_assert(err.pos <= size);
    }
    free(text);
    kn_json_parser_free(parser);
    kn_json_parser_free(again);
    return 0;
}
