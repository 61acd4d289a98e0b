/* Rows that name people, out of a body: JSON {"members":[...]}, CSV, JSON lines, or a value a line.
 */
#include <stdio.h>

#include "api/lists.h"
#include "format/csv.h"

enum { ROWS_MAX = 50000, CELLS_MAX = 256 };

static const char not_a_row[] =
    "a row is {\"type\":\"email\",\"value\":\"a@x.nl\"} or {\"profile\":\"its id\"}";

static bool begin(struct kn_ctx *ctx, size_t room, const char *of, struct kn_api_rows *ret)
{
    ret->all = kn_arena_zero(ctx->request->arena, room + 1, sizeof *ret->all);
    ret->lines = kn_arena_zero(ctx->request->arena, room + 1, sizeof *ret->lines);
    ret->count = 0;
    ret->of = kn_str_c(of);
    if (!ret->all || !ret->lines) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
        return false;
    }
    return true;
}

static bool too_many(struct kn_ctx *ctx, size_t most)
{
    char detail[96];
    (void)snprintf(detail, sizeof detail,
                   "more than %zu rows: send them in parts, each in a call of its own", most);
    kn_api_fail(ctx, 413, "Too large", detail);
    return false;
}

/* ---- JSON ---- */

static void read_object(struct kn_ctx *ctx, const struct kn_json *doc, uint32_t node,
                        struct kn_str type, struct kn_list_row *row)
{
    struct kn_arena *arena = ctx->request->arena;
    uint32_t profile = kn_json_find(doc, node, KN_STR("profile"));
    uint32_t value = kn_json_find(doc, node, KN_STR("value"));
    uint32_t own = kn_json_find(doc, node, KN_STR("type"));
    bool good = true;
    row->type = type;
    if (kn_json_type_at(doc, node) == KN_JSON_STRING) {
        row->value = kn_json_string(doc, node, arena);
    } else if (kn_json_type_at(doc, node) != KN_JSON_OBJECT) {
        good = false;
    } else if (kn_json_type_at(doc, profile) == KN_JSON_STRING) {
        row->type = KN_STR("id");
        row->value = kn_json_string(doc, profile, arena);
    } else {
        good = kn_json_scalar(doc, value, arena, &row->value);
        row->type =
            kn_json_type_at(doc, own) == KN_JSON_STRING ? kn_json_string(doc, own, arena) : type;
    }
    if (!good || row->type.len == 0) {
        row->outcome = KN_LIST_MALFORMED;
        row->detail = not_a_row;
    }
}

bool kn_api_read_members(struct kn_ctx *ctx, size_t most, struct kn_api_rows *ret)
{
    const struct kn_json *doc = &ctx->doc;
    uint32_t list = kn_json_find(doc, 0, KN_STR("members"));
    size_t room = 0;
    if (kn_json_type_at(doc, list) != KN_JSON_ARRAY) {
        kn_api_fail_at(ctx, "/members", "members must be an array of rows");
        return false;
    }
    for (uint32_t i = list + 1; i < doc->nodes[list].next; i = doc->nodes[i].next) {
        room++;
    }
    if (room > most) {
        return too_many(ctx, most);
    }
    if (!begin(ctx, room, "row", ret)) {
        return false;
    }
    for (uint32_t i = list + 1; i < doc->nodes[list].next; i = doc->nodes[i].next) {
        read_object(ctx, doc, i, KN_STR_EMPTY, &ret->all[ret->count++]);
        ret->lines[ret->count - 1] = ret->count;
    }
    return true;
}

/* ---- lines ---- */

/* ?line=: the number of the first row, for parts of a file. */
static bool first_line(struct kn_ctx *ctx, uint64_t fallback, uint64_t *ret)
{
    struct kn_str text = kn_http_param(ctx->request, "line");
    *ret = fallback;
    if (kn_http_has_param(ctx->request, "line") &&
        (!kn_str_u64(text, ret) || *ret == 0 || *ret > UINT32_MAX)) {
        kn_api_fail_param(ctx, "line", "line must be a number from 1");
        return false;
    }
    return true;
}

static size_t count_lines(struct kn_str text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++) {
        count += text.p[i] == '\n' ? 1 : 0;
    }
    return count;
}

/* False: no memory. */
static bool read_line(struct kn_ctx *ctx, struct kn_str line, struct kn_str type, bool json,
                      struct kn_list_row *row)
{
    static const struct kn_json_limits limits = {8, 1000};
    struct kn_json doc;
    struct kn_err err;
    row->type = type;
    row->value = line;
    if (!json) {
        return true;
    }
    enum kn_rc rc = kn_json_parse(ctx->worker->parser, line.p, line.len, &limits, &doc, &err);
    if (rc == KN_OK) {
        read_object(ctx, &doc, 0, type, row);
        row->type = kn_arena_str(ctx->request->arena, row->type);
        row->value = kn_arena_str(ctx->request->arena, row->value);
        return row->type.p && row->value.p;
    }
    row->outcome = KN_LIST_MALFORMED;
    row->detail = "this line is no JSON";
    return rc != KN_E_NOMEM;
}

static bool read_lines(struct kn_ctx *ctx, bool json, struct kn_api_rows *ret)
{
    struct kn_str rest = ctx->request->body;
    struct kn_str type = kn_http_param(ctx->request, "type");
    size_t room = count_lines(rest);
    uint64_t number;
    if (kn_str_starts(rest, KN_STR("\xEF\xBB\xBF"))) {
        rest = kn_str_sub(rest, 3, rest.len);
    }
    room = room < ROWS_MAX ? room : ROWS_MAX;
    if (!first_line(ctx, 1, &number) || !begin(ctx, room, "line", ret)) {
        return false;
    }
    for (; rest.len > 0; number++) {
        struct kn_str line = kn_str_trim(kn_str_split(&rest, '\n'));
        if (line.len == 0) {
            continue;
        }
        if (ret->count == room) {
            return too_many(ctx, ROWS_MAX);
        }
        ret->lines[ret->count] = number;
        if (!read_line(ctx, line, type, json, &ret->all[ret->count++])) {
            kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
            return false;
        }
    }
    return true;
}

/* ---- CSV ---- */

/* The column to read and the type of its identifiers. False: answered 400. */
static bool choose_column(struct kn_ctx *ctx, const struct kn_str *names, size_t count,
                          size_t *ret_at, struct kn_str *ret_type)
{
    struct kn_str wanted = kn_http_param(ctx->request, "column");
    struct kn_str type = kn_http_param(ctx->request, "type");
    size_t at = SIZE_MAX;
    for (size_t i = 0; i < count && at == SIZE_MAX; i++) {
        struct kn_str name = kn_str_trim(names[i]);
        name = kn_str_starts(name, KN_STR("identifier.")) ? kn_str_sub(name, 11, name.len) : name;
        bool is_it = wanted.len > 0 ? kn_str_eq(kn_str_trim(names[i]), wanted)
                     : type.len > 0 ? kn_str_eq_nocase(name, type)
                                    : kn_id_type_number(name) != 0 || kn_str_eq(name, KN_STR("id"));
        at = is_it ? i : at;
        *ret_type = is_it && type.len == 0 ? name : type;
    }
    at = at == SIZE_MAX && wanted.len == 0 && type.len > 0 && count == 1 ? 0 : at;
    if (at == SIZE_MAX && wanted.len > 0) {
        kn_api_fail_param(ctx, "column", "the first line has no column of that name");
    } else if (at == SIZE_MAX) {
        kn_api_fail_param(ctx, "column",
                          "name the column (and the type of its identifiers): the first line has "
                          "none called email, user_id or another type");
    }
    *ret_at = at;
    return at != SIZE_MAX;
}

static bool read_csv(struct kn_ctx *ctx, struct kn_api_rows *ret)
{
    struct kn_arena *arena = ctx->request->arena;
    struct kn_csv csv = kn_csv_begin(ctx->request->body);
    struct kn_str *cells = kn_arena_zero(arena, CELLS_MAX, sizeof *cells);
    struct kn_str type;
    size_t room = count_lines(ctx->request->body);
    size_t count;
    size_t at;
    uint64_t line;
    uint64_t first;
    room = room < ROWS_MAX ? room : ROWS_MAX;
    if (!cells || !begin(ctx, room, "line", ret)) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
        return false;
    }
    if (!kn_csv_row(&csv, arena, cells, CELLS_MAX, &count, &line)) {
        kn_api_fail(ctx, 400, "Bad request", "the file is empty: its first line names the columns");
        return false;
    }
    uint64_t begins = csv.line;
    if (!choose_column(ctx, cells, count < CELLS_MAX ? count : CELLS_MAX, &at, &type) ||
        !first_line(ctx, begins, &first)) {
        return false;
    }
    while (kn_csv_row(&csv, arena, cells, CELLS_MAX, &count, &line)) {
        if (ret->count == room) {
            return too_many(ctx, ROWS_MAX);
        }
        ret->lines[ret->count] = line - begins + first;
        ret->all[ret->count++] =
            (struct kn_list_row){.type = type, .value = at < count ? cells[at] : KN_STR("")};
    }
    if (csv.rest.len > 0) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
    }
    return csv.rest.len == 0;
}

/* ---- which ---- */

bool kn_api_read_rows(struct kn_ctx *ctx, struct kn_api_rows *ret)
{
    struct kn_str header = kn_http_header(ctx->request, "Content-Type");
    struct kn_str name = kn_str_trim(kn_str_split(&header, ';'));
    bool typed = kn_http_param(ctx->request, "type").len > 0;
    if (kn_str_eq_nocase(name, KN_STR("text/csv"))) {
        return read_csv(ctx, ret);
    }
    if (kn_str_eq_nocase(name, KN_STR("application/x-ndjson")) ||
        kn_str_eq_nocase(name, KN_STR("application/jsonl"))) {
        return read_lines(ctx, true, ret);
    }
    if (typed && kn_str_eq_nocase(name, KN_STR("text/plain"))) {
        return read_lines(ctx, false, ret);
    }
    return kn_api_body(ctx) && kn_api_read_members(ctx, ROWS_MAX, ret);
}
