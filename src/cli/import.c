/* kern import: Segment-shaped messages, one JSON object a line, into a stopped data directory.
 *
 * Bounded memory; what is refused goes to FILE.rejects.ndjson with its line number and reason; a run
 * that was cut short goes on where it was (FILE.kern-import holds the offset that is durable). Lines
 * without a messageId get one from the file and the line number, so that the same file twice changes
 * nothing within the deduplication window.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/workspace.h"
#include "base/hash.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "collect/collect.h"
#include "format/json.h"
#include "os/clock.h"
#include "server/server.h"

enum { FRAME_ITEMS = 1000, FRAME_BYTES = 4 << 20 };

struct import {
    struct kn_server *server;
    struct kn_workspace *ws;
    struct kn_settings *settings;
    const struct kn_source *source;
    struct kn_collect *collect;
    struct kn_buf items, text;
    uint32_t count;
    FILE *in, *rejects;
    char state_path[1100], rejects_path[1100];
    uint64_t file_hash, bytes, total, line, taken, refused, last_seq;
    uint64_t began_ns, shown_ns;
    struct kn_err err;
};

static void show(struct import *m, bool last)
{
    uint64_t now = kn_clock_mono_ns(kn_clock_posix());
    if (!isatty(STDERR_FILENO) || (!last && now - m->shown_ns < 200000000U)) {
        return;
    }
    m->shown_ns = now;
    double seconds = (double)(now - m->began_ns) / 1e9;
    (void)fprintf(stderr, "\r%3u %%  %llu events, %.0f/s, %llu refused ",
                  m->total ? (unsigned)(m->bytes * 100 / m->total) : 100,
                  (unsigned long long)m->taken, (double)m->taken / (seconds > 0 ? seconds : 1),
                  (unsigned long long)m->refused);
    if (last) {
        (void)fprintf(stderr, "\n");
    }
}

static void wait_durable(struct import *m)
{
    struct kn_position p;
    do {
        kn_server_nudge(m->server);
        kn_workspace_position(m->ws, &p);
        if (p.durable < m->last_seq) {
            (void)usleep(500);
        }
    } while (p.durable < m->last_seq);
}

static void save_state(struct import *m)
{
    char temporary[1200];
    (void)snprintf(temporary, sizeof temporary, "%s.new", m->state_path);
    FILE *f = fopen(temporary, "we");
    if (f) {
        (void)fprintf(f, "%llu %llu\n", (unsigned long long)m->bytes, (unsigned long long)m->line);
        (void)fclose(f);
        (void)rename(temporary, m->state_path);
    }
}

static bool flush(struct import *m)
{
    bool full;
    if (m->count == 0) {
        return true;
    }
    for (;;) {
        enum kn_rc rc = kn_workspace_stage(m->ws, kn_buf_view(&m->items), m->count, 0, &m->last_seq,
                                           &full, &m->err);
        if (rc == KN_OK) {
            break;
        }
        if (rc != KN_E_FULL || full) {
            return false;
        }
        kn_server_nudge(m->server);
        (void)usleep(1000); /* the fold is behind */
    }
    wait_durable(m);
    kn_buf_clear(&m->items);
    m->count = 0;
    save_state(m);
    show(m, false);
    return true;
}

static void reject(struct import *m, const char *reason, const char *detail)
{
    struct kn_buf line;
    kn_buf_init(&line, 8192);
    kn_buf_char(&line, '{');
    kn_json_out_ki64(&line, "line", (int64_t)m->line);
    kn_json_out_kv(&line, "reason", kn_str_c(reason));
    kn_json_out_kv(&line, "detail", kn_str_c(detail));
    kn_buf_c(&line, "}\n");
    if (!m->rejects) {
        m->rejects = fopen(m->rejects_path, "ae");
    }
    if (m->rejects) {
        (void)fwrite(line.p, 1, line.len, m->rejects);
    }
    kn_buf_deinit(&line);
    m->refused++;
}

/* The line, with a messageId of its own when it has none. */
static void prepare(struct import *m, struct kn_str line)
{
    kn_buf_clear(&m->text);
    if (kn_str_find(line, KN_STR("\"messageId\"")) == SIZE_MAX && line.len > 2) {
        kn_buf_printf(&m->text, "{\"messageId\":\"import-%016llx-%llu\",",
                      (unsigned long long)m->file_hash, (unsigned long long)m->line);
        line = kn_str_trim(kn_str_sub(line, 1, line.len));
        if (line.p[0] == '}') {
            m->text.len--;
        }
    }
    kn_buf_str(&m->text, line);
}

static bool take_line(struct import *m, struct kn_str line)
{
    uint32_t items = 0;
    const char *rejected = NULL;
    line = kn_str_trim(line);
    if (line.len == 0) {
        return true;
    }
    prepare(m, line);
    size_t len = m->text.len;
    char *padding = kn_buf_reserve(&m->text, KN_JSON_PADDING);
    if (!padding) {
        reject(m, "too_large", "the line is too long");
        return true;
    }
    memset(padding, 0, KN_JSON_PADDING);
    struct kn_collect_message_options o = {.settings = m->settings,
                                           .source = m->source,
                                           .received_us = kn_clock_wall_us(kn_clock_posix()),
                                           .historic = true};
    enum kn_rc rc = kn_collect_message(m->collect, kn_random_posix(), &o, kn_str(m->text.p, len),
                                       &m->items, &items, &rejected, &m->err);
    if (rc != KN_OK || rejected) {
        reject(m, rejected ? rejected : "invalid_json", m->err.text);
        return true;
    }
    m->taken++;
    m->count++;
    return m->count < FRAME_ITEMS && m->items.len < FRAME_BYTES ? true : flush(m);
}

static bool run(struct import *m)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    bool ok = true;
    while (ok && (len = getline(&line, &room, m->in)) >= 0) {
        m->line++;
        m->bytes += (uint64_t)len;
        ok = take_line(m, kn_str(line, (size_t)len));
    }
    (free)(line); /* getline's own memory */
    return ok && flush(m);
}

static bool open_files(struct import *m, const char *path)
{
    char head[65536];
    unsigned long long offset = 0;
    unsigned long long line = 0;
    m->in = fopen(path, "re");
    if (!m->in) {
        return false;
    }
    size_t got = fread(head, 1, sizeof head, m->in);
    (void)fseeko(m->in, 0, SEEK_END);
    m->total = (uint64_t)ftello(m->in);
    m->file_hash = kn_checksum64(kn_str(head, got)) ^ m->total;
    (void)snprintf(m->state_path, sizeof m->state_path, "%s.kern-import", path);
    (void)snprintf(m->rejects_path, sizeof m->rejects_path, "%s.rejects.ndjson", path);
    FILE *state = fopen(m->state_path, "re");
    if (state) {
        char text[64] = {0};
        struct kn_str rest = kn_str(text, fread(text, 1, sizeof text - 1, state));
        uint64_t numbers[2] = {0};
        (void)kn_str_u64(kn_str_split(&rest, ' '), &numbers[0]);
        (void)kn_str_u64(kn_str_trim(rest), &numbers[1]);
        offset = numbers[0] <= m->total ? numbers[0] : 0;
        line = offset ? numbers[1] : 0;
        (void)fclose(state);
        (void)fprintf(stderr, "going on at line %llu\n", line + 1);
    } else {
        (void)remove(m->rejects_path);
    }
    m->bytes = offset;
    m->line = line;
    return fseeko(m->in, (off_t)offset, SEEK_SET) == 0;
}

static int import_file(struct import *m, const char *path)
{
    if (!open_files(m, path)) {
        return kn_cli_failed("cannot read %s", path);
    }
    m->collect = kn_collect_new();
    m->began_ns = kn_clock_mono_ns(kn_clock_posix());
    kn_buf_init(&m->items, KN_LOG_BODY_MAX);
    kn_buf_init(&m->text, 8 << 20);
    bool ok = m->collect && run(m);
    struct kn_position p = {0};
    while (ok && p.applied < m->last_seq) {
        kn_workspace_position(m->ws, &p);
        (void)usleep(1000);
    }
    show(m, true);
    if (ok) {
        (void)remove(m->state_path); /* finished: nothing to go on with */
        (void)printf("%llu events taken, %llu refused%s%s\n", (unsigned long long)m->taken,
                     (unsigned long long)m->refused, m->refused ? ", see " : "",
                     m->refused ? m->rejects_path : "");
    }
    (void)fclose(m->in);
    if (m->rejects) {
        (void)fclose(m->rejects);
    }
    kn_buf_deinit(&m->items);
    kn_buf_deinit(&m->text);
    kn_collect_free(m->collect);
    return ok ? 0 : kn_cli_failed("stopped at line %llu: %s", (unsigned long long)m->line,
                                  m->err.text);
}

int kn_cli_import(int argc, char **argv)
{
    struct kn_server_options o = {.listen = "127.0.0.1:0"};
    const char *file = NULL;
    const char *source = "default";
    for (int i = 0; i < argc; i++) {
        const char *value;
        if ((value = kn_cli_option(argc, argv, &i, "data"))) {
            o.data = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "source"))) {
            source = value;
        } else if (argv[i][0] != '-' && !file) {
            file = argv[i];
        } else {
            return kn_cli_usage("import does not know \"%s\"", argv[i]);
        }
    }
    if (!o.data || !file) {
        return kn_cli_usage("import needs --data DIR and a file");
    }
    struct import m = {0};
    struct kn_server_first_start first;
    if (kn_server_start(&o, &m.server, &first, &m.err) != KN_OK) {
        return kn_cli_failed("%s", m.err.text);
    }
    m.ws = kn_server_first_workspace(m.server);
    while (!kn_workspace_ready(m.ws)) {
        (void)usleep(1000);
    }
    m.settings = kn_workspace_settings(m.ws);
    m.source = kn_settings_source_by_id(m.settings, kn_str_c(source));
    int code = m.source ? import_file(&m, file)
                        : kn_cli_failed("there is no source \"%s\"", source);
    kn_settings_unref(m.settings);
    kn_server_stop(m.server);
    return code;
}
