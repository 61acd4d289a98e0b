/* Members of a segment as CSV (RFC 4180), for one purpose: only those who granted it, each row with
 * the evidence when asked for. In pages: the header Kern-Next is the cursor of the next one; or,
 * for a link, the whole in one answer that is made piece by piece.
 *
 * What a spreadsheet would take for a formula is preceded by an apostrophe. */
#include "api/api_internal.h"
#include "apply/audience.h"
#include "apply/segments.h"
#include "format/time_text.h"
#include "profile/field.h"
#include "segment/words.h"

enum { ROWS = 1000, ROWS_MAX = 10000, PIECE_ROWS = 1000, COLUMNS_MAX = 100, ROW_BYTES = 16 << 20 };

struct sheet {
    struct kn_ctx *ctx;
    struct kn_str segment, purpose;
    struct kn_profile_field columns[COLUMNS_MAX];
    size_t count;
    uint32_t *ordinals; /* [limit + 1] */
    size_t limit;
    uint32_t from; /* the last ordinal that was looked at */
    bool more;
    struct kn_arena scratch; /* of a row */
};

/* ---- cells ---- */

static bool is_formula(struct kn_str text)
{
    return text.len > 0 && memchr("=+-@\t\r\n", text.p[0], 7) != NULL;
}

void kn_api_put_cell(struct kn_buf *out, struct kn_str text, bool first, bool number)
{
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        quoted = quoted || memchr(",;\"\r\n", text.p[i], 5) != NULL;
    }
    kn_buf_c(out, first ? "" : ",");
    kn_buf_c(out, quoted ? "\"" : "");
    kn_buf_c(out, !number && is_formula(text) ? "'" : "");
    for (size_t i = 0; i < text.len; i++) {
        kn_buf_c(out, text.p[i] == '"' ? "\"" : "");
        kn_buf_char(out, text.p[i]);
    }
    kn_buf_c(out, quoted ? "\"" : "");
}

static void put_json_cell(struct sheet *s, struct kn_buf *out, struct kn_str json, bool first)
{
    bool number = json.len > 0 && (json.p[0] == '-' || (json.p[0] >= '0' && json.p[0] <= '9'));
    struct kn_str text = json;
    if (json.len >= 2 && json.p[0] == '"') {
        text = kn_json_unescape(kn_str_sub(json, 1, json.len - 1), &s->scratch);
        if (!text.p) {
            out->rc = KN_E_NOMEM;
        }
    }
    kn_api_put_cell(out, text, first, number);
}

static void put_time(struct kn_buf *out, int64_t us, bool first)
{
    char text[KN_TIME_TEXT_MAX];
    kn_api_put_cell(out, kn_time_format(us, text), first, false);
}

/* ---- columns ---- */

static bool read_columns(struct sheet *s, struct kn_str list)
{
    s->count = 0;
    while (list.len > 0 && s->count < COLUMNS_MAX) {
        if (!kn_profile_field_parse(kn_str_trim(kn_str_split(&list, ',')),
                                    &s->columns[s->count++])) {
            return false;
        }
    }
    return s->count > 0 && list.len == 0;
}

bool kn_api_csv_fields(struct kn_ctx *ctx, struct kn_str fields)
{
    struct sheet *s = kn_arena_zero(ctx->request->arena, 1, sizeof *s);
    return s && read_columns(s, fields);
}

static void put_evidence(struct kn_buf *out, const struct kn_profile_field *c,
                         const struct kn_profile_consent *consent, bool first)
{
    if (!consent) {
        kn_api_put_cell(out, c->kind == KN_PF_STATE ? KN_STR("unknown") : KN_STR_EMPTY, first,
                        false);
        return;
    }
    switch (c->kind) {
    case KN_PF_STATE:
        kn_api_put_cell(out, kn_str_c(kn_consent_words[consent->state]), first, false);
        break;
    case KN_PF_AT: put_time(out, consent->at_us, first); break;
    case KN_PF_BASIS: kn_api_put_cell(out, consent->basis, first, false); break;
    case KN_PF_VERSION: kn_api_put_cell(out, consent->text_version, first, false); break;
    default: kn_api_put_cell(out, consent->message_id, first, false); break;
    }
}

static void put_column(struct sheet *s, const struct kn_profile *p,
                       const struct kn_profile_field *c, int64_t since_us, bool first)
{
    struct kn_buf *out = &s->ctx->response->body;
    char id[27];
    switch (c->kind) {
    case KN_PF_ID:
        kn_profile_id_text(p->id, id);
        kn_api_put_cell(out, kn_str(id, 26), first, false);
        break;
    case KN_PF_SINCE: put_time(out, since_us, first); break;
    case KN_PF_CREATED: put_time(out, p->created_us, first); break;
    case KN_PF_LAST_SEEN: put_time(out, p->last_seen_us, first); break;
    case KN_PF_IDENTIFIER: kn_api_put_cell(out, kn_profile_field_value(p, c), first, false); break;
    case KN_PF_TRAIT:
    case KN_PF_COMPUTED: put_json_cell(s, out, kn_profile_field_value(p, c), first); break;
    case KN_PF_STATE:
    case KN_PF_BASIS:
    case KN_PF_AT:
    case KN_PF_VERSION:
    case KN_PF_PROOF: put_evidence(out, c, kn_profile_consent(p, s->purpose), first); break;
    }
}

/* ---- rows ---- */

/* The row of a member, from one reading of its profile: who left, was merged away or took the
 * consent back since the page was begun has none. */
static enum kn_rc put_row(struct sheet *s, uint32_t ordinal)
{
    struct kn_profile **list;
    size_t count;
    uint32_t next;
    const struct kn_profile_segment *membership = NULL;
    kn_arena_clear(&s->scratch);
    KN_TRY(kn_read_profiles(s->ctx->ws, ordinal - 1, KN_STR_EMPTY, 1, &s->scratch, &list, &count,
                            &next));
    if (count == 0 || list[0]->ordinal != ordinal) {
        return KN_OK;
    }
    const struct kn_profile *p = list[0];
    for (size_t i = 0; i < p->segment_count && !membership; i++) {
        membership = kn_str_eq(p->segments[i].key, s->segment) ? &p->segments[i] : NULL;
    }
    if (!membership || !kn_profile_may_be_used(p, s->purpose)) {
        return KN_OK;
    }
    for (size_t i = 0; i < s->count; i++) {
        put_column(s, p, &s->columns[i], membership->since_us, i == 0);
    }
    kn_buf_c(&s->ctx->response->body, "\r\n");
    return s->ctx->response->body.rc;
}

static void put_head(struct sheet *s)
{
    struct kn_buf *out = &s->ctx->response->body;
    for (size_t i = 0; i < s->count; i++) {
        kn_api_put_cell(out, s->columns[i].name, i == 0, false);
    }
    kn_buf_c(out, "\r\n");
}

/* The next rows; s->more: there are others behind them. */
static enum kn_rc put_rows(struct sheet *s, const struct kn_audience *a)
{
    size_t count = kn_api_pick(a, s->from + 1, s->limit + 1, s->ordinals);
    enum kn_rc rc = KN_OK;
    kn_arena_init(&s->scratch, ROW_BYTES);
    for (size_t i = 0; i < count && i < s->limit && rc == KN_OK; i++) {
        rc = put_row(s, s->ordinals[i]);
        s->from = s->ordinals[i];
    }
    kn_arena_deinit(&s->scratch);
    s->more = count > s->limit;
    return rc;
}

static struct sheet *sheet_new(struct kn_ctx *ctx, size_t limit)
{
    struct sheet *s = kn_arena_zero(ctx->request->arena, 1, sizeof *s);
    if (s) {
        s->ctx = ctx;
        s->limit = limit;
        s->ordinals = kn_arena_zero(ctx->request->arena, limit + 1, sizeof *s->ordinals);
    }
    if (!s || !s->ordinals) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
        return NULL;
    }
    return s;
}

static void begin(struct kn_ctx *ctx)
{
    kn_api_begin(ctx, 200, KN_STR("text/csv; charset=utf-8"));
    kn_http_set_header(ctx->response, "Content-Disposition", KN_STR("attachment"));
}

static void answer_page(struct sheet *s)
{
    struct kn_ctx *ctx = s->ctx;
    struct kn_audience a;
    if (!kn_api_segment_audience(ctx, s->segment, s->purpose, &a)) {
        return;
    }
    begin(ctx);
    if (s->from == 0) {
        put_head(s);
    }
    enum kn_rc rc = put_rows(s, &a);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
    } else if (s->more) {
        kn_http_set_header(ctx->response, "Kern-Next", kn_api_cursor(ctx, s->from, 0));
    }
    kn_audience_end(&a);
}

void kn_get_segment_csv(struct kn_ctx *ctx)
{
    struct kn_segment_info info;
    uint64_t from[2] = {0};
    bool given;
    size_t limit;
    struct kn_str purpose;
    if (!kn_api_purpose(ctx, &purpose) || !kn_api_segment_info(ctx, ctx->params[1], &info) ||
        !kn_api_limit(ctx, ROWS, ROWS_MAX, &limit) || !kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    struct sheet *s = sheet_new(ctx, limit);
    struct kn_str fields = kn_http_has_param(ctx->request, "fields")
                               ? kn_http_param(ctx->request, "fields")
                               : KN_STR(KN_CSV_DEFAULT_FIELDS);
    if (!s) {
        return;
    }
    if (!read_columns(s, fields)) {
        kn_api_fail_param(ctx, "fields", "fields must be up to 100 of " KN_PROFILE_FIELD_NAMES);
    } else if (purpose.len == 0) {
        kn_api_fail_param(ctx, "purpose", "an export names its purpose, such as marketing_email");
    } else {
        s->segment = info.key;
        s->purpose = purpose;
        s->from = (uint32_t)from[0];
        answer_page(s);
    }
}

/* ---- the whole of it, in pieces ---- */

static void next_piece(struct kn_ctx *ctx)
{
    struct sheet *s = (struct sheet *)(uintptr_t)ctx->subject.p;
    struct kn_audience a = {0};
    enum kn_rc rc = kn_audience_segment(ctx->ws, s->segment, &a, NULL);
    if (rc == KN_OK) { /* a purpose that needs consent is looked at row by row */
        rc = put_rows(s, &a);
    }
    kn_audience_end(&a);
    ctx->call->failed = rc != KN_OK;
    ctx->call->more = rc == KN_OK && s->more;
}

void kn_api_stream_csv(struct kn_ctx *ctx, const struct kn_csv_link *link)
{
    struct sheet *s = sheet_new(ctx, PIECE_ROWS);
    if (!s) {
        return;
    }
    s->segment = kn_arena_str(ctx->request->arena, link->segment);
    s->purpose = kn_arena_str(ctx->request->arena, link->purpose);
    struct kn_str fields = kn_arena_str(ctx->request->arena, link->fields);
    if (!s->segment.p || !s->purpose.p || !fields.p || !read_columns(s, fields)) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
        return;
    }
    begin(ctx);
    put_head(s);
    ctx->subject = kn_str((const char *)s, sizeof *s);
    kn_api_stream(ctx, next_piece);
    if (ctx->call->failed) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
    }
}
