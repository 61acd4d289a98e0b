/* Whom a report is about: a segment by its key, or a query that nobody saved. */
#include <stdio.h>

#include "api/reports.h"
#include "apply/audience.h"
#include "apply/segments.h"
#include "base/mem.h"

static void no_memory(struct kn_report_in *in)
{
    if (!in->failed) {
        kn_api_fail_rc(in->ctx, KN_E_NOMEM, NULL);
    }
    in->failed = true;
}

/* Zeroed words for all ordinals of the pin, kept until the call ends; NULL: answered. */
static uint64_t *new_set(struct kn_report_in *in)
{
    size_t words = kn_bulk_words(in->pin) + 1;
    uint64_t *bits = in->set_count < KN_REPORT_SETS_MAX ? kn_calloc(words, sizeof *bits) : NULL;
    if (!bits) {
        no_memory(in);
        return NULL;
    }
    in->sets[in->set_count++] = bits;
    return bits;
}

/* KN_E_NOT_FOUND: there is no such segment. */
static enum kn_rc load(struct kn_report_in *in, struct kn_str key, const uint64_t **ret)
{
    uint64_t *members = NULL;
    uint32_t end = 0;
    uint64_t *bits = new_set(in);
    enum kn_rc rc = bits ? kn_segment_bits(in->ctx->ws, key, &members, &end) : KN_E_NOMEM;
    if (rc != KN_OK) {
        return rc;
    }
    size_t words = kn_bulk_words(in->pin);
    size_t common = (end + 63) / 64 < words ? (end + 63) / 64 : words;
    if (common > 0) {
        memcpy(bits, members, common * sizeof *bits);
    }
    kn_free(members);
    *ret = bits;
    return KN_OK;
}

static const uint64_t *by_key(struct kn_report_in *in, const char *pointer, struct kn_str key)
{
    const uint64_t *bits = NULL;
    enum kn_rc rc = load(in, key, &bits);
    if (rc == KN_E_NOT_FOUND) {
        kn_report_bad(in, pointer, "there is no segment '%.*s'", KN_STR_ARG(key));
    } else if (rc != KN_OK) {
        no_memory(in);
    }
    return in->failed ? NULL : bits;
}

/* ---- queries ---- */

static void pass_warnings(struct kn_report_in *in, const char *pointer,
                          const struct kn_query_warning *warnings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kn_buf_c(&in->warnings, in->warnings.len > 0 ? ",{" : "{");
        kn_json_out_kv(&in->warnings, "pointer", kn_str_c(pointer));
        kn_json_out_kv(&in->warnings, "detail", warnings[i].text);
        kn_buf_char(&in->warnings, '}');
    }
}

static const uint64_t *by_query(struct kn_report_in *in, const char *pointer, struct kn_str text)
{
    struct kn_query *query = kn_arena_zero(&in->arena, 1, sizeof *query);
    const struct kn_query_warning *warnings;
    size_t count;
    struct kn_err err = {0};
    uint64_t *bits = new_set(in);
    if (!query || !bits) {
        no_memory(in);
        return NULL;
    }
    enum kn_rc rc = kn_segment_check(in->ctx->ws, KN_STR_EMPTY, text, KN_QUERY_SEGMENT, &in->arena,
                                     query, &warnings, &count, &err);
    if (rc == KN_E_NOMEM) {
        no_memory(in);
    } else if (rc != KN_OK) {
        kn_report_bad(in, pointer, "at position %zu: %s", err.pos == SIZE_MAX ? 0 : err.pos,
                      err.text);
    }
    if (in->failed) {
        return NULL;
    }
    pass_warnings(in, pointer, warnings, count);
    rc = kn_audience_query_on(in->ctx->ws, in->pin, in->report.now, text, &in->report.jobs, bits,
                              &err);
    (void)kn_report_ran(in, rc, &err);
    return in->failed ? NULL : bits;
}

const uint64_t *kn_report_audience(struct kn_report_in *in, uint32_t node, const char *pointer,
                                   struct kn_str *ret_name)
{
    const struct kn_json *doc = &in->ctx->doc;
    char inside[80];
    if (kn_json_type_at(doc, node) == KN_JSON_STRING) {
        *ret_name = kn_json_string(doc, node, &in->arena);
        return by_key(in, pointer, *ret_name);
    }
    if (kn_json_type_at(doc, node) != KN_JSON_OBJECT) {
        kn_report_bad(in, pointer, "must be the key of a segment, or an object with a query");
        return NULL;
    }
    *ret_name = kn_report_text(in, node, pointer, "query", true);
    (void)snprintf(inside, sizeof inside, "%s/query", pointer);
    return in->failed ? NULL : by_query(in, inside, *ret_name);
}

void kn_report_segment(struct kn_report_in *in, bool needed)
{
    struct kn_str name;
    uint32_t node = kn_json_find(&in->ctx->doc, 0, KN_STR("segment"));
    if (!in->failed && (needed || kn_json_type_at(&in->ctx->doc, node) != KN_JSON_NULL)) {
        in->report.only = kn_report_audience(in, node, "/segment", &name);
    }
}
