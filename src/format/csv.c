#include "format/csv.h"

static char best_separator(struct kn_str text)
{
    static const char separators[] = {',', ';', '\t'};
    size_t counts[3] = {0};
    bool quoted = false;
    for (size_t i = 0; i < text.len && (quoted || text.p[i] != '\n'); i++) {
        quoted = quoted != (text.p[i] == '"');
        for (size_t k = 0; k < 3 && !quoted; k++) {
            counts[k] += text.p[i] == separators[k] ? 1 : 0;
        }
    }
    size_t best = 0;
    for (size_t k = 1; k < 3; k++) {
        best = counts[k] > counts[best] ? k : best;
    }
    return separators[best];
}

struct kn_csv kn_csv_begin(struct kn_str text)
{
    if (kn_str_starts(text, KN_STR("\xEF\xBB\xBF"))) {
        text = kn_str_sub(text, 3, text.len);
    }
    return (struct kn_csv){.rest = text, .separator = best_separator(text), .line = 1};
}

static size_t end_of_plain(const struct kn_csv *csv, size_t from)
{
    size_t at = from;
    while (at < csv->rest.len && csv->rest.p[at] != csv->separator && csv->rest.p[at] != '\n') {
        at++;
    }
    return at;
}

/* The end of a quoted cell that begins at 0, quotes included; a quote that is not closed reaches to
 * the end. */
static size_t end_of_quoted(const struct kn_csv *csv, bool *doubled)
{
    size_t at = 1;
    *doubled = false;
    while (at < csv->rest.len) {
        if (csv->rest.p[at] != '"') {
            at++;
        } else if (at + 1 < csv->rest.len && csv->rest.p[at + 1] == '"') {
            *doubled = true;
            at += 2;
        } else {
            return at + 1;
        }
    }
    return at;
}

static bool unquote(struct kn_str *cell, struct kn_arena *arena)
{
    char *to = kn_arena_alloc(arena, cell->len + 1);
    size_t len = 0;
    for (size_t i = 0; to && i < cell->len; i++) {
        to[len++] = cell->p[i];
        i += cell->p[i] == '"' && i + 1 < cell->len && cell->p[i + 1] == '"' ? 1 : 0;
    }
    *cell = kn_str(to, len);
    return to != NULL;
}

/* A cell and what ends it. False: the arena is full. */
static bool take_cell(struct kn_csv *csv, struct kn_arena *arena, struct kn_str *ret,
                      bool *ret_more)
{
    bool doubled = false;
    bool quoted = csv->rest.len > 0 && csv->rest.p[0] == '"';
    size_t close = quoted ? end_of_quoted(csv, &doubled) : 0;
    size_t end = end_of_plain(csv, close);
    struct kn_str raw = kn_str_sub(csv->rest, 0, end);
    bool last = end == csv->rest.len || csv->rest.p[end] == '\n';
    if (last && raw.len > close && raw.p[raw.len - 1] == '\r') {
        raw.len--;
    }
    bool closed = close > 1 && csv->rest.p[close - 1] == '"';
    if (quoted && closed && raw.len == close) {
        raw = kn_str_sub(raw, 1, raw.len - 1);
        if (doubled && !unquote(&raw, arena)) {
            return false;
        }
    }
    for (size_t i = 0; i < end; i++) {
        csv->line += csv->rest.p[i] == '\n' ? 1 : 0;
    }
    *ret = raw;
    *ret_more = !last;
    csv->line += end < csv->rest.len && last ? 1 : 0;
    csv->rest = kn_str_sub(csv->rest, end < csv->rest.len ? end + 1 : end, csv->rest.len);
    return true;
}

bool kn_csv_row(struct kn_csv *csv, struct kn_arena *arena, struct kn_str *cells, size_t most,
                size_t *ret_count, uint64_t *ret_line)
{
    while (csv->rest.len > 0) {
        struct kn_csv before = *csv;
        size_t count = 0;
        bool any = false;
        bool more = true;
        while (more) {
            struct kn_str cell;
            if (!take_cell(csv, arena, &cell, &more)) {
                *csv = before;
                return false;
            }
            if (count < most) {
                cells[count] = cell;
            }
            any = any || kn_str_trim(cell).len > 0;
            count++;
        }
        if (any) {
            *ret_count = count;
            *ret_line = before.line;
            return true;
        }
    }
    return false;
}
