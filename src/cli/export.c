/* kern export: everything in a workspace as JSON lines, settings first, then what came in, in the
 * order in which it came; kern import of it into an empty Kern gives the same profiles.
 *
 * The server answers profile by profile; the lines go to a temporary file and are put in order by
 * their arrival number at the end (24 bytes of memory a line). What comes twice (a page was asked
 * again) stays once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "format/json.h"

struct line {
    uint64_t arrival; /* 0 = a setting */
    uint64_t offset;
    uint64_t len;
};

struct export
{
    FILE *spool, *out;
    bool csv;
    struct line *lines;
    size_t count, room;
    uint64_t bytes;
};

/* "arrival":N stands near the start of an item's line; settings have none. */
static uint64_t arrival_of(struct kn_str line)
{
    struct kn_str head = KN_STR("{\"kern\":1,\"kind\":\"");
    struct kn_str name = KN_STR("\"arrival\":");
    uint64_t value = 0;
    size_t at = kn_str_find(kn_str_sub(line, 0, 64), name);
    if (!kn_str_starts(line, head) || at == SIZE_MAX) {
        return 0;
    }
    struct kn_str rest = kn_str_sub(line, at + name.len, line.len);
    (void)kn_str_u64(kn_str_split(&rest, ','), &value);
    return value;
}

static bool spool_lines(struct export *e, struct kn_str body)
{
    if (body.len > 0 && fwrite(body.p, 1, body.len, e->spool) != body.len) {
        return false;
    }
    while (body.len > 0) {
        struct kn_str line = kn_str_split(&body, '\n');
        if (e->count == e->room) {
            e->room = e->room ? e->room * 2 : 4096;
            e->lines = kn_must_realloc(e->lines, e->room * sizeof *e->lines);
        }
        e->lines[e->count++] = (struct line){arrival_of(line), e->bytes, line.len + 1};
        e->bytes += line.len + 1;
    }
    return true;
}

static int by_arrival(const void *a, const void *b)
{
    const struct line *x = a;
    const struct line *y = b;
    if (x->arrival != y->arrival) {
        return x->arrival < y->arrival ? -1 : 1;
    }
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* ---- CSV (RFC 4180): a row per event, consent, merge and un-merge ---- */

static const char *const columns[] = {
    "arrival", "kind",        "type",   "time",  "received_at", "source", "message_id", "name",
    "flags",   "identifiers", "traits", "order", "visit",       "device", "consents",   "body"};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* Texts as they are, everything else as JSON. A text that a spreadsheet would take for a formula
 * gets an apostrophe in front. */
static void put_cell(struct kn_buf *out, struct kn_str raw, struct kn_arena *arena)
{
    bool text = raw.len >= 2 && raw.p[0] == '"';
    struct kn_str value = text ? kn_json_unescape(kn_str_sub(raw, 1, raw.len - 1), arena) : raw;
    kn_buf_char(out, '"');
    if (text && value.len > 0 && memchr("=+-@\t\r", value.p[0], 6)) {
        kn_buf_char(out, '\'');
    }
    while (value.len > 0) {
        size_t at = kn_str_find(value, KN_STR("\""));
        size_t len = at == SIZE_MAX ? value.len : at + 1;
        kn_buf_str(out, kn_str_sub(value, 0, len));
        kn_buf_c(out, at == SIZE_MAX ? "" : "\"");
        value = kn_str_sub(value, len, value.len);
    }
    kn_buf_char(out, '"');
}

static void put_row(struct kn_buf *out, struct kn_str line, struct kn_arena *arena)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t offset = 0;
        struct kn_str key;
        struct kn_str value;
        kn_buf_c(out, i ? "," : "");
        while (kn_json_walk(line, &offset, &key, &value)) {
            if (kn_str_eq(key, kn_str_c(columns[i]))) {
                put_cell(out, value, arena);
                break;
            }
        }
    }
    kn_buf_c(out, "\r\n");
}

static bool write_csv(struct export *e, struct kn_str line)
{
    struct kn_buf row;
    struct kn_arena arena;
    kn_buf_init(&row, 64 << 20);
    kn_arena_init(&arena, 64 << 20);
    put_row(&row, line, &arena);
    bool ok = row.rc == KN_OK && fwrite(row.p, 1, row.len, e->out) == row.len;
    kn_arena_deinit(&arena);
    kn_buf_deinit(&row);
    return ok;
}

static bool write_header(struct export *e)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        (void)fprintf(e->out, "%s%s", i ? "," : "", columns[i]);
    }
    return fprintf(e->out, "\r\n") > 0;
}

static bool write_line(struct export *e, const struct line *l, const char *bytes)
{
    if (!e->csv) {
        return fwrite(bytes, 1, (size_t)l->len, e->out) == l->len;
    }
    return l->arrival == 0 || write_csv(e, kn_str(bytes, (size_t)l->len - 1));
}

static bool write_sorted(struct export *e, size_t *ret_items)
{
    size_t room = 0;
    char *bytes = NULL;
    bool ok = fflush(e->spool) == 0 && (!e->csv || write_header(e));
    if (e->count > 0) {
        qsort(e->lines, e->count, sizeof *e->lines, by_arrival);
    }
    for (size_t i = 0; ok && i < e->count; i++) {
        const struct line *l = &e->lines[i];
        if (l->arrival != 0 && i > 0 && e->lines[i - 1].arrival == l->arrival) {
            continue;
        }
        if (l->len > room) {
            room = (size_t)l->len * 2;
            bytes = kn_must_realloc(bytes, room);
        }
        ok = pread(fileno(e->spool), bytes, (size_t)l->len, (off_t)l->offset) == (ssize_t)l->len &&
             write_line(e, l, bytes);
        *ret_items += l->arrival != 0;
    }
    kn_free(bytes);
    return ok && fflush(e->out) == 0 && (e->out == stdout || fsync(fileno(e->out)) == 0);
}

static int fetch(struct export *e, struct kn_client *client)
{
    char path[256] = "/export";
    struct kn_client_answer answer;
    size_t items = 0;
    bool ok = true;
    kn_client_answer_init(&answer);
    do {
        ok = kn_client_call(client, path, NULL, &answer);
        if (!ok) {
            (void)kn_cli_failed("export stopped: %s (status %ld)", answer.detail, answer.status);
        } else if (!spool_lines(e, kn_buf_view(&answer.body))) {
            ok = false;
            (void)kn_cli_failed("the temporary file cannot be written: is the disk full?");
        }
        (void)snprintf(path, sizeof path, "/export?cursor=%s", answer.next);
        if (ok && isatty(STDERR_FILENO)) {
            (void)fprintf(stderr, "\r%zu lines ", e->count);
        }
    } while (ok && answer.next[0]);
    kn_client_answer_deinit(&answer);
    if (ok && !write_sorted(e, &items)) {
        ok = false;
        (void)kn_cli_failed("the output cannot be written: is the disk full?");
    }
    if (ok) {
        (void)fprintf(stderr, "%zu events, consents and merges exported\n", items);
    }
    return ok ? 0 : 1;
}

static int run(const struct kn_client_options *o, const char *to, bool csv)
{
    struct export e = {.spool = tmpfile(), .csv = csv, .out = to ? fopen(to, "we") : stdout};
    int code = 1;
    struct kn_client *client = NULL;
    if (!e.spool || !e.out) {
        (void)kn_cli_failed("cannot write %s", e.spool ? to : "a temporary file");
    } else if ((client = kn_client_open(o))) {
        code = fetch(&e, client);
    }
    kn_client_close(client);
    if (e.spool) {
        (void)fclose(e.spool);
    }
    if (to && e.out && fclose(e.out) != 0) {
        code = kn_cli_failed("cannot write %s", to);
    }
    kn_free(e.lines);
    return code;
}

int kn_cli_export(int argc, char **argv)
{
    struct kn_client_options o = {0};
    const char *to = NULL;
    const char *format = "ndjson";
    for (int i = 0; i < argc; i++) {
        const char *value;
        if ((value = kn_cli_option(argc, argv, &i, "data"))) {
            o.data = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "url"))) {
            o.url = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "token"))) {
            o.token = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "workspace"))) {
            o.workspace = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "out"))) {
            to = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "format"))) {
            format = value;
        } else {
            return kn_cli_usage("export does not know \"%s\"", argv[i]);
        }
    }
    if (!o.data == !o.url) {
        return kn_cli_usage("export needs either --data DIR or --url URL");
    }
    if (strcmp(format, "ndjson") != 0 && strcmp(format, "csv") != 0) {
        return kn_cli_usage("--format takes ndjson or csv");
    }
    return run(&o, to, format[0] == 'c');
}
