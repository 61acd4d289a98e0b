/* kern export: everything in a workspace as JSON lines, settings first, then what came in, in the order in
 * which it came; kern import of it into an empty Kern gives the same profiles.
 *
 * The server answers profile by profile; the lines go to a temporary file and are put in order by their
 * arrival number at the end (24 bytes of memory a line). What comes twice (a page was asked again) stays
 * once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/client.h"

struct line {
    uint64_t arrival; /* 0 = a setting */
    uint64_t offset;
    uint64_t len;
};

struct export {
    FILE *spool, *out;
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

static bool write_sorted(struct export *e, size_t *ret_items)
{
    size_t room = 0;
    char *bytes = NULL;
    bool ok = true;
    ok = fflush(e->spool) == 0;
    qsort(e->lines, e->count, sizeof *e->lines, by_arrival);
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
             fwrite(bytes, 1, (size_t)l->len, e->out) == l->len;
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

static int run(const struct kn_client_options *o, const char *to)
{
    struct export e = {.spool = tmpfile(), .out = to ? fopen(to, "we") : stdout};
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
        } else {
            return kn_cli_usage("export does not know \"%s\"", argv[i]);
        }
    }
    if (!o.data == !o.url) {
        return kn_cli_usage("export needs either --data DIR or --url URL");
    }
    return run(&o, to);
}
