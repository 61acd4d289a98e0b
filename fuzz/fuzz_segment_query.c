/* Any bytes as a query: what parses formats to a canonical text, which parses to an equal tree; the
 * tree comes back equal from JSON; a refusal names a place in the text. */
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "segment/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct kn_query *query, struct kn_arena *arena)
{
    struct kn_buf first, second;
    struct kn_query again;
    struct kn_err err = {0};
    kn_buf_init(&first, SIZE_MAX);
    kn_buf_init(&second, SIZE_MAX);
    kn_query_format(query, &first);
    kn_assert(first.rc == KN_OK);
    enum kn_rc rc = kn_query_parse(kn_buf_view(&first), query->form, arena, &again, &err);
    /* Canonical texts may be longer than what was written: brackets of sources, units' s. */
    if (rc != KN_OK) {
        kn_assert(rc == KN_E_LIMIT && first.len > KN_QUERY_TEXT_MAX);
    } else {
        kn_assert(kn_query_equal(query, &again));
        kn_query_format(&again, &second);
        kn_assert(kn_str_eq(kn_buf_view(&first), kn_buf_view(&second)));
    }
    kn_buf_deinit(&first);
    kn_buf_deinit(&second);
}

static void check_json(const struct kn_query *query, struct kn_arena *arena)
{
    static const struct kn_json_limits limits = {128, 1U << 20};
    struct kn_json_parser *parser = kn_json_parser_new();
    struct kn_json doc;
    struct kn_query again;
    struct kn_err err = {0};
    struct kn_buf out;
    kn_buf_init(&out, SIZE_MAX);
    kn_query_to_json(query, &out);
    size_t len = out.len;
    kn_assert(parser && kn_buf_reserve(&out, KN_JSON_PADDING));
    kn_assert(kn_json_parse(parser, out.p, len, &limits, &doc, &err) == KN_OK);
    enum kn_rc rc = kn_query_from_json(&doc, 0, query->form, arena, &again, &err);
    kn_assert(rc == KN_E_LIMIT || (rc == KN_OK && kn_query_equal(query, &again)));
    kn_buf_deinit(&out);
    kn_json_parser_free(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    enum kn_query_form form = data[0] == 'T' ? KN_QUERY_TRAIT : KN_QUERY_SEGMENT;
    struct kn_str text = kn_str((const char *)data + 1, size - 1);
    struct kn_arena arena;
    struct kn_query query;
    struct kn_err err = {0};
    kn_arena_init(&arena, 64 << 20);
    if (kn_query_parse(text, form, &arena, &query, &err) == KN_OK) {
        check_text(&query, &arena);
        check_json(&query, &arena);
    } else {
        kn_assert(err.code == KN_E_INVALID || err.code == KN_E_LIMIT);
        kn_assert(err.pos <= text.len && err.text[0]);
    }
    kn_arena_deinit(&arena);
    return 0;
}
