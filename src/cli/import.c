/* kern import: JSON lines into a Kern: messages of Segment's shape, or the lines of kern export.
 *
 * Bounded memory; what is refused goes to FILE.rejects.ndjson with its line number and reason; a
 * run that was cut short goes on where it was (FILE.kern-import holds the offset up to which
 * everything is durable and applied). Messages without a messageId get one from the file and the
 * line number; what was sent but not yet noted when a run was cut is recognised by its id and stays
 * once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "format/json.h"
#include "os/clock.h"

enum { BATCH_LINES = 5000, BATCH_BYTES = 4 << 20, LINE_MAX_BYTES = 6 << 20 };

struct import {
    struct kn_client *client;
    struct kn_json_parser *parser;
    FILE *in, *rejects;
    char state_path[1100], rejects_path[1100], call[160];
    uint64_t file_hash, total;
    uint64_t bytes, line; /* done: everything before is in */
    uint64_t taken, refused;
    struct kn_buf body;             /* the lines under way */
    uint64_t ends[BATCH_LINES];     /* offset in the file behind each of them */
    size_t starts[BATCH_LINES + 1]; /* of each in body */
    size_t count;
    uint64_t began_ns, shown_ns;
};

static void show(struct import *m, bool last)
{
    uint64_t now = kn_clock_mono_ns(kn_clock_posix());
    if (!isatty(STDERR_FILENO) || (!last && now - m->shown_ns < 200000000U)) {
        return;
    }
    m->shown_ns = now;
    double seconds = (double)(now - m->began_ns) / 1e9;
    unsigned percent = m->total ? (unsigned)(m->bytes * 100 / m->total) : 100;
    char bar[31] = "..............................";
    memset(bar, '#', percent * 30 / 100);
    (void)fprintf(stderr, "\r[%s] %3u %%  %llu lines, %.0f/s, %llu refused ", bar, percent,
                  (unsigned long long)m->taken, (double)m->taken / (seconds > 0 ? seconds : 1),
                  (unsigned long long)m->refused);
    if (last) {
        (void)fprintf(stderr, "\n");
    }
}

static bool save_state(struct import *m)
{
    char temporary[1200];
    (void)snprintf(temporary, sizeof temporary, "%s.new", m->state_path);
    FILE *f = fopen(temporary, "we");
    if (!f) {
        return false;
    }
    (void)fprintf(f, "%llu %llu %016llx\n", (unsigned long long)m->bytes,
                  (unsigned long long)m->line, (unsigned long long)m->file_hash);
    bool ok = fflush(f) == 0 && fsync(fileno(f)) == 0;
    ok = fclose(f) == 0 && ok;
    return ok && rename(temporary, m->state_path) == 0;
}

static void reject(struct import *m, uint64_t line, struct kn_str reason, struct kn_str detail,
                   struct kn_str text)
{
    struct kn_buf out;
    m->refused++;
    if (!m->rejects) {
        m->rejects = fopen(m->rejects_path, "ae");
    }
    kn_buf_init(&out, 8 << 20);
    kn_buf_char(&out, '{');
    kn_json_out_ki64(&out, "line", (int64_t)line);
    kn_json_out_kv(&out, "reason", reason);
    kn_json_out_kv(&out, "detail", detail);
    kn_json_out_kv(&out, "text", kn_str_sub(text, 0, 4096));
    kn_buf_c(&out, "}\n");
    if (m->rejects && out.rc == KN_OK) {
        (void)fwrite(out.p, 1, out.len, m->rejects);
        (void)fflush(m->rejects);
    }
    kn_buf_deinit(&out);
}

/* ---- what the server said ---- */

static uint64_t number_at(const struct kn_json *doc, uint32_t node, const char *key)
{
    int64_t value = 0;
    (void)kn_json_i64(doc, kn_json_find(doc, node, kn_str_c(key)), &value);
    return value > 0 ? (uint64_t)value : 0;
}

#define ID_PREFIX "{\"messageId\":\"import-"

/* Without the messageId that add_line put in front. */
static struct kn_str as_it_came(const struct import *m, struct kn_str text, struct kn_arena *arena)
{
    struct kn_buf out;
    char ours[64];
    (void)snprintf(ours, sizeof ours, ID_PREFIX "%016llx-", (unsigned long long)m->file_hash);
    if (!kn_str_starts(text, kn_str_c(ours))) {
        return text;
    }
    text = kn_str_sub(text, strlen(ours), text.len);
    (void)kn_str_split(&text, '"');
    text = text.len > 0 && text.p[0] == ',' ? kn_str_sub(text, 1, text.len) : text;
    kn_buf_init(&out, LINE_MAX_BYTES + 16);
    kn_buf_char(&out, '{');
    kn_buf_str(&out, text);
    struct kn_str kept = kn_arena_str(arena, kn_buf_view(&out));
    kn_buf_deinit(&out);
    return kept;
}

static void take_errors(struct import *m, const struct kn_json *doc, struct kn_arena *arena)
{
    uint32_t list = kn_json_find(doc, 0, KN_STR("errors"));
    for (uint32_t i = list + 1; list != KN_JSON_NONE && i < doc->nodes[list].next;
         i = doc->nodes[i].next) {
        uint64_t at = number_at(doc, i, "line");
        if (at >= 1 && at <= m->count) {
            struct kn_str text = as_it_came(
                m, kn_str_sub(kn_buf_view(&m->body), m->starts[at - 1], m->starts[at] - 1), arena);
            reject(m, m->line + at,
                   kn_json_string(doc, kn_json_find(doc, i, KN_STR("reason")), arena),
                   kn_json_string(doc, kn_json_find(doc, i, KN_STR("detail")), arena), text);
        }
    }
}

/* Moves on by the lines the server dealt with; the others move to the front. */
static bool move_on(struct import *m, uint64_t lines)
{
    if (lines == 0 || lines > m->count) {
        return false;
    }
    size_t cut = m->starts[lines];
    m->bytes = m->ends[lines - 1];
    m->line += lines;
    memmove(m->body.p, m->body.p + cut, m->body.len - cut);
    m->body.len -= cut;
    m->count -= (size_t)lines;
    memmove(m->ends, m->ends + lines, m->count * sizeof m->ends[0]);
    for (size_t i = 0; i <= m->count; i++) {
        m->starts[i] = m->starts[i + lines] - cut;
    }
    return save_state(m);
}

static bool send(struct import *m)
{
    static const struct kn_json_limits limits = {8, 1 << 20};
    struct kn_client_answer answer;
    struct kn_arena arena;
    struct kn_json doc;
    struct kn_err err = {0};
    kn_client_answer_init(&answer);
    kn_arena_init(&arena, 64 << 20);
    bool ok = kn_client_call(m->client, m->call, &m->body, &answer);
    if (!ok) {
        (void)kn_cli_failed("stopped at line %llu: %s (status %ld)",
                            (unsigned long long)m->line + 1, answer.detail, answer.status);
    }
    char *padding = ok ? kn_buf_reserve(&answer.body, KN_JSON_PADDING) : NULL;
    if (padding) {
        memset(padding, 0, KN_JSON_PADDING);
        ok = kn_json_parse(m->parser, answer.body.p, answer.body.len, &limits, &doc, &err) == KN_OK;
    }
    if (ok) {
        take_errors(m, &doc, &arena);
        m->taken += number_at(&doc, 0, "accepted");
        ok = move_on(m, number_at(&doc, 0, "lines"));
        if (!ok) {
            (void)kn_cli_failed("cannot note how far it got in %s", m->state_path);
        }
    }
    kn_arena_deinit(&arena);
    kn_client_answer_deinit(&answer);
    show(m, false);
    return ok;
}

/* ---- the file ---- */

/* The line, with a messageId of its own when it is a message that has none. */
static void add_line(struct import *m, struct kn_str line, uint64_t number, uint64_t end)
{
    bool message = line.len > 2 && line.p[0] == '{' &&
                   kn_str_find(line, KN_STR("\"messageId\"")) == SIZE_MAX &&
                   !kn_str_starts(line, KN_STR("{\"kern\":"));
    m->starts[m->count] = m->body.len;
    if (message) {
        kn_buf_printf(&m->body, ID_PREFIX "%016llx-%llu\"", (unsigned long long)m->file_hash,
                      (unsigned long long)number);
        line = kn_str_trim(kn_str_sub(line, 1, line.len));
        if (line.len > 0 && line.p[0] != '}') {
            kn_buf_char(&m->body, ',');
        }
    }
    kn_buf_str(&m->body, line);
    kn_buf_char(&m->body, '\n');
    m->ends[m->count++] = end;
    m->starts[m->count] = m->body.len;
}

static bool run(struct import *m)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    bool ok = true;
    uint64_t at = m->bytes;
    while (ok && (len = getline(&line, &room, m->in)) >= 0) {
        struct kn_str text = kn_str_trim(kn_str(line, (size_t)len));
        at += (uint64_t)len;
        if (text.len > LINE_MAX_BYTES) {
            reject(m, m->line + m->count + 1, KN_STR("too_large"),
                   KN_STR("a line has at most 6 MiB"), text);
            text = KN_STR_EMPTY;
        }
        if (m->count > 0 && m->body.len + text.len > BATCH_BYTES) {
            ok = send(m);
        }
        add_line(m, text, m->line + m->count + 1, at);
        while (ok && m->count == BATCH_LINES) {
            ok = send(m);
        }
    }
    (free)(line); /* getline's own memory */
    while (ok && m->count > 0) {
        ok = send(m);
    }
    return ok;
}

static void read_state(struct import *m)
{
    char text[128] = {0};
    FILE *state = fopen(m->state_path, "re");
    struct kn_str rest;
    uint64_t numbers[2] = {0};
    char hash[20];
    if (!state) {
        (void)remove(m->rejects_path);
        return;
    }
    rest = kn_str(text, fread(text, 1, sizeof text - 1, state));
    (void)fclose(state);
    bool good = kn_str_u64(kn_str_split(&rest, ' '), &numbers[0]) &&
                kn_str_u64(kn_str_split(&rest, ' '), &numbers[1]);
    (void)snprintf(hash, sizeof hash, "%016llx", (unsigned long long)m->file_hash);
    if (good && numbers[0] <= m->total && kn_str_eq(kn_str_trim(rest), kn_str_c(hash))) {
        m->bytes = numbers[0];
        m->line = numbers[1];
        (void)fprintf(stderr, "going on at line %llu\n", (unsigned long long)m->line + 1);
    } else {
        (void)remove(m->rejects_path); /* of another file that had this name */
    }
}

static bool open_files(struct import *m, const char *path)
{
    char head[65536];
    m->in = fopen(path, "re");
    if (!m->in) {
        return false;
    }
    size_t got = fread(head, 1, sizeof head, m->in);
    (void)fseeko(m->in, 0, SEEK_END);
    off_t end = ftello(m->in);
    if (end < 0) {
        return false;
    }
    m->total = (uint64_t)end;
    m->file_hash = kn_checksum64(kn_str(head, got)) ^ m->total;
    (void)snprintf(m->state_path, sizeof m->state_path, "%s.kern-import", path);
    (void)snprintf(m->rejects_path, sizeof m->rejects_path, "%s.rejects.ndjson", path);
    read_state(m);
    return fseeko(m->in, (off_t)m->bytes, SEEK_SET) == 0;
}

static int import_file(struct import *m, const char *path)
{
    if (!open_files(m, path)) {
        return kn_cli_failed("cannot read %s", path);
    }
    m->parser = kn_json_parser_new();
    m->began_ns = kn_clock_mono_ns(kn_clock_posix());
    kn_buf_init(&m->body, 32 << 20);
    bool ok = m->parser && run(m);
    show(m, true);
    if (ok) {
        (void)remove(m->state_path); /* finished: nothing to go on with */
        (void)printf("%llu lines taken, %llu refused%s%s\n", (unsigned long long)m->taken,
                     (unsigned long long)m->refused, m->refused ? ", see " : "",
                     m->refused ? m->rejects_path : "");
    }
    (void)fclose(m->in);
    if (m->rejects) {
        (void)fclose(m->rejects);
    }
    kn_buf_deinit(&m->body);
    kn_json_parser_free(m->parser);
    return ok ? 0 : 1;
}

int kn_cli_import(int argc, char **argv)
{
    struct kn_client_options o = {0};
    const char *file = NULL;
    const char *source = "default";
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
        } else if ((value = kn_cli_option(argc, argv, &i, "source"))) {
            source = value;
        } else if (argv[i][0] != '-' && !file) {
            file = argv[i];
        } else {
            return kn_cli_usage("import does not know \"%s\"", argv[i]);
        }
    }
    if (!o.data == !o.url || !file) {
        return kn_cli_usage("import needs a file and either --data DIR or --url URL");
    }
    if (strlen(source) > 64 || strpbrk(source, "&?#% ")) {
        return kn_cli_usage("\"%s\" is no id of a source", source);
    }
    struct import *m = kn_must_calloc(1, sizeof *m);
    (void)snprintf(m->call, sizeof m->call, "/import?historic=true&source=%s", source);
    m->client = kn_client_open(&o);
    int code = m->client ? import_file(m, file) : 1;
    kn_client_close(m->client);
    kn_free(m);
    return code;
}
