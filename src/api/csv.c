/* Members of a segment as CSV (RFC 4180), for one purpose: only those who granted it, each row with
 * the evidence when asked for. In pages: the header Kern-Next is the cursor of the next one.
 *
 * What a spreadsheet would take for a formula is preceded by an apostrophe. */
#include "api/api_internal.h"
#include "apply/audience.h"
#include "apply/segments.h"
#include "format/time_text.h"
#include "segment/words.h"

enum { ROWS = 1000, ROWS_MAX = 10000, COLUMNS_MAX = 100, ROW_BYTES = 16 << 20 };

#define DEFAULT_FIELDS "id,since,identifier.email,consent.state,consent.basis,consent.at"

enum column_kind {
    COLUMN_ID,
    COLUMN_SINCE,
    COLUMN_CREATED,
    COLUMN_LAST_SEEN,
    COLUMN_STATE,
    COLUMN_BASIS,
    COLUMN_AT,
    COLUMN_VERSION,
    COLUMN_PROOF,
    COLUMN_IDENTIFIER,
    COLUMN_TRAIT,
    COLUMN_COMPUTED,
};

struct column {
    enum column_kind kind;
    struct kn_str name, key;
};

struct sheet {
    struct kn_ctx *ctx;
    struct kn_str segment, purpose;
    struct column columns[COLUMNS_MAX];
    size_t count;
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

static bool read_column(struct kn_str name, struct column *ret)
{
    static const struct {
        const char *name;
        enum column_kind kind;
    } plain[] = {{"id", COLUMN_ID},
                 {"since", COLUMN_SINCE},
                 {"created_at", COLUMN_CREATED},
                 {"last_seen_at", COLUMN_LAST_SEEN},
                 {"consent.state", COLUMN_STATE},
                 {"consent.basis", COLUMN_BASIS},
                 {"consent.at", COLUMN_AT},
                 {"consent.text_version", COLUMN_VERSION},
                 {"consent.proof", COLUMN_PROOF}};
    static const struct {
        const char *prefix;
        enum column_kind kind;
    } keyed[] = {{"identifier.", COLUMN_IDENTIFIER},
                 {"trait.", COLUMN_TRAIT},
                 {"computed.", COLUMN_COMPUTED}};
    ret->name = name;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (kn_str_eq(name, kn_str_c(plain[i].name))) {
            ret->kind = plain[i].kind;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof keyed / sizeof keyed[0]; i++) {
        struct kn_str prefix = kn_str_c(keyed[i].prefix);
        if (kn_str_starts(name, prefix) && name.len > prefix.len) {
            ret->kind = keyed[i].kind;
            ret->key = kn_str_sub(name, prefix.len, name.len);
            return true;
        }
    }
    return false;
}

static bool read_columns(struct kn_ctx *ctx, struct sheet *s)
{
    struct kn_str list = kn_http_param(ctx->request, "fields");
    list = kn_http_has_param(ctx->request, "fields") ? list : KN_STR(DEFAULT_FIELDS);
    while (list.len > 0 && s->count < COLUMNS_MAX) {
        if (!read_column(kn_str_trim(kn_str_split(&list, ',')), &s->columns[s->count++])) {
            s->count = 0;
            break;
        }
    }
    if (s->count == 0 || list.len > 0) {
        kn_api_fail_param(ctx, "fields",
                          "fields must be up to 100 of id, since, created_at, last_seen_at, "
                          "identifier.<type>, trait.<key>, computed.<key>, consent.state, "
                          "consent.basis, consent.at, consent.text_version and consent.proof");
        return false;
    }
    return true;
}

static const struct kn_profile_consent *consent_of(const struct kn_profile *p,
                                                   struct kn_str purpose)
{
    for (size_t i = 0; i < p->consent_count; i++) {
        if (kn_str_eq(p->consents[i].purpose, purpose)) {
            return &p->consents[i];
        }
    }
    return NULL;
}

/* Of several the one that was seen last. */
static struct kn_str identifier_of(const struct kn_profile *p, struct kn_str type)
{
    const struct kn_profile_identifier *best = NULL;
    for (size_t i = 0; i < p->id_count; i++) {
        const struct kn_profile_identifier *id = &p->ids[i];
        if (kn_str_eq(kn_id_name(id->type, id->value), type) &&
            (!best || id->last_seen_us > best->last_seen_us)) {
            best = id;
        }
    }
    return best ? kn_id_plain_value(best->type, best->value) : KN_STR_EMPTY;
}

static struct kn_str value_of(const struct kn_profile *p, const struct column *c)
{
    for (size_t i = 0; c->kind == COLUMN_TRAIT && i < p->trait_count; i++) {
        if (kn_str_eq(p->traits[i].key, c->key)) {
            return p->traits[i].json;
        }
    }
    for (size_t i = 0; c->kind == COLUMN_COMPUTED && i < p->computed_count; i++) {
        if (kn_str_eq(p->computed[i].key, c->key)) {
            return p->computed[i].json;
        }
    }
    return KN_STR_EMPTY;
}

static void put_evidence(struct kn_buf *out, const struct column *c,
                         const struct kn_profile_consent *consent, bool first)
{
    if (!consent) {
        kn_api_put_cell(out, c->kind == COLUMN_STATE ? KN_STR("unknown") : KN_STR_EMPTY, first,
                        false);
        return;
    }
    switch (c->kind) {
    case COLUMN_STATE:
        kn_api_put_cell(out, kn_str_c(kn_consent_words[consent->state]), first, false);
        break;
    case COLUMN_AT: put_time(out, consent->at_us, first); break;
    case COLUMN_BASIS: kn_api_put_cell(out, consent->basis, first, false); break;
    case COLUMN_VERSION: kn_api_put_cell(out, consent->text_version, first, false); break;
    default: kn_api_put_cell(out, consent->message_id, first, false); break;
    }
}

static void put_column(struct sheet *s, const struct kn_profile *p, const struct column *c,
                       int64_t since_us, bool first)
{
    struct kn_buf *out = &s->ctx->response->body;
    char id[27];
    switch (c->kind) {
    case COLUMN_ID:
        kn_profile_id_text(p->id, id);
        kn_api_put_cell(out, kn_str(id, 26), first, false);
        break;
    case COLUMN_SINCE: put_time(out, since_us, first); break;
    case COLUMN_CREATED: put_time(out, p->created_us, first); break;
    case COLUMN_LAST_SEEN: put_time(out, p->last_seen_us, first); break;
    case COLUMN_IDENTIFIER: kn_api_put_cell(out, identifier_of(p, c->key), first, false); break;
    case COLUMN_TRAIT:
    case COLUMN_COMPUTED: put_json_cell(s, out, value_of(p, c), first); break;
    case COLUMN_STATE:
    case COLUMN_BASIS:
    case COLUMN_AT:
    case COLUMN_VERSION:
    case COLUMN_PROOF: put_evidence(out, c, consent_of(p, s->purpose), first); break;
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
    const struct kn_profile_consent *consent = consent_of(p, s->purpose);
    for (size_t i = 0; i < p->segment_count && !membership; i++) {
        membership = kn_str_eq(p->segments[i].key, s->segment) ? &p->segments[i] : NULL;
    }
    bool granted = kn_str_eq(s->purpose, KN_STR("service")) ||
                   (consent && consent->state == KN_CONSENT_GRANTED);
    if (!membership || !granted) {
        return KN_OK;
    }
    for (size_t i = 0; i < s->count; i++) {
        put_column(s, p, &s->columns[i], membership->since_us, i == 0);
    }
    kn_buf_c(&s->ctx->response->body, "\r\n");
    return s->ctx->response->body.rc;
}

static void put_rows(struct sheet *s, const struct kn_audience *a, uint32_t from, size_t limit)
{
    struct kn_ctx *ctx = s->ctx;
    uint32_t *ordinals = kn_arena_zero(ctx->request->arena, limit + 1, sizeof *ordinals);
    size_t count = ordinals ? kn_api_pick(a, from + 1, limit + 1, ordinals) : 0;
    enum kn_rc rc = ordinals ? KN_OK : KN_E_NOMEM;
    kn_api_begin(ctx, 200, KN_STR("text/csv; charset=utf-8"));
    kn_http_set_header(ctx->response, "Content-Disposition", KN_STR("attachment"));
    for (size_t i = 0; i < s->count && from == 0; i++) {
        kn_api_put_cell(&ctx->response->body, s->columns[i].name, i == 0, false);
    }
    kn_buf_c(&ctx->response->body, from == 0 ? "\r\n" : "");
    for (size_t i = 0; i < count && i < limit && rc == KN_OK; i++) {
        rc = put_row(s, ordinals[i]);
    }
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
    } else if (count > limit) {
        kn_http_set_header(ctx->response, "Kern-Next", kn_api_cursor(ctx, ordinals[limit - 1], 0));
    }
}

void kn_get_segment_csv(struct kn_ctx *ctx)
{
    struct sheet *s = kn_arena_zero(ctx->request->arena, 1, sizeof *s);
    struct kn_segment_info info;
    struct kn_audience a;
    uint64_t from[2] = {0};
    bool given;
    size_t limit;
    if (!s) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
        return;
    }
    s->ctx = ctx;
    if (!kn_api_purpose(ctx, &s->purpose) || !kn_api_segment_info(ctx, ctx->params[1], &info) ||
        !read_columns(ctx, s) || !kn_api_limit(ctx, ROWS, ROWS_MAX, &limit) ||
        !kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    if (s->purpose.len == 0) {
        kn_api_fail_param(ctx, "purpose", "an export names its purpose, such as marketing_email");
        return;
    }
    s->segment = info.key;
    if (kn_api_segment_audience(ctx, info.key, s->purpose, &a)) {
        kn_arena_init(&s->scratch, ROW_BYTES);
        put_rows(s, &a, (uint32_t)from[0], limit);
        kn_arena_deinit(&s->scratch);
        kn_audience_end(&a);
    }
}
