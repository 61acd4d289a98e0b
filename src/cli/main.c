#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"

/* jemalloc reads this at start. What a checkpoint frees is needed again for the next one, large
 * blocks too: it is kept for some seconds instead of going back to the system and being cleared
 * anew; then a thread gives it back, also when nothing goes on. Huge pages where the system lends
 * them: state and tail are looked up at random, and a tenth of the fold's time went into finding
 * small pages. */
extern const char *const malloc_conf;
const char *const malloc_conf = "percpu_arena:percpu,background_thread:true,dirty_decay_ms:5000,"
                                "muzzy_decay_ms:0,oversize_threshold:0,thp:always";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary, *help;
} commands[] = {
    {"serve", kn_cli_serve, "run Kern on a data directory",
     "kern serve --data DIR [--listen 127.0.0.1:8080] [--trust-proxy] [--replay-with-new]\n"
     "           [--connections N] [--client-seconds S] [--accept-unknown-keys]\n"
     "           [--clock manual [--clock-start ISO]]\n\n"
     "Runs Kern on DIR, which is made when it is not there; logs a line of JSON per event to\n"
     "stderr. SIGTERM or Ctrl-C: takes nothing more in, finishes, and ends with 0.\n\n"
     "  --listen ADDRESS    host:port; port 0 takes a free one\n"
     "  --allow-private-destinations  webhooks may go to addresses of private networks, and by http\n"
     "  --trust-proxy       a proxy in front sets X-Forwarded-For and X-Forwarded-Proto\n"
     "  --connections N     at once, at most (8192); then the one idle longest makes room\n"
     "  --client-seconds S  to send a request, and to take its answer (120)\n"
     "  --accept-unknown-keys  answer 200 to unknown write keys, and drop what they sent\n"
     "  --replay-with-new   apply a log that an older version of Kern left\n"
     "  --clock manual      for tests: time stands still and moves by POST /api/v1/clock\n\n"
     "At the first start, from the environment (generated and printed once when not given):\n"
     "KERN_WORKSPACE, KERN_WRITE_KEY, KERN_API_TOKEN, KERN_ADMIN_EMAIL, KERN_ADMIN_PASSWORD.\n"},
    {"demo", kn_cli_demo, "fill a web shop to look at, and run it",
     "kern demo [--data DIR] [--listen 127.0.0.1:8080] [--profiles N] [--days D] [--seed S]\n\n"
     "Makes a workspace \"demo\" with a Dutch web shop: visits, carts, orders, mails and consents "
     "of\n"
     "N visitors (20000) over D days (180) that end now; the same seed makes the same shop. Then "
     "it\n"
     "serves it and prints address and login. A directory that is filled already is only "
     "served.\n"},
    {"import", kn_cli_import, "events of the past, or an export, from JSON lines",
     "kern import (--data DIR | --url URL [--token T]) [--workspace W] [--source ID] FILE\n\n"
     "Takes in FILE, a JSON object a line: messages of Segment's shape for the source ID "
     "(default),\n"
     "or what kern export wrote. Refused lines go to FILE.rejects.ndjson with number and reason. A "
     "run\n"
     "that is cut short goes on where it was when it is started again; nothing comes in twice.\n\n"
     "  --data DIR     a data directory nobody serves now\n"
     "  --url URL      a running Kern; the token (admin) from --token or KERN_API_TOKEN\n"},
    {"export", kn_cli_export, "everything in a workspace as JSON lines",
     "kern export (--data DIR | --url URL [--token T]) [--workspace W] [--out FILE]\n"
     "            [--format ndjson|csv]\n\n"
     "Writes settings, events, consents and merges in the order in which they came in, to FILE or "
     "to\n"
     "the standard output. kern import of it into an empty Kern gives the same profiles. Write "
     "keys are\n"
     "part of it: keep it as safe as the data directory. As CSV: a row per event, consent and "
     "merge,\n"
     "for spreadsheets and other programs; lists and objects are JSON in their cells.\n"},
    {"verify", kn_cli_verify, "check every checksum of a data directory",
     "kern verify --data DIR\n\n"
     "Reads every checksum and invariant of a data directory nobody serves now. Ends with 0 only "
     "when\n"
     "everything is sound.\n"},
    {"bench", kn_cli_bench, "load generator (this machine only)",
     "kern bench ingest|lookup --port P [--key K] [--token T] [--events N] [--profiles N]\n"
     "           [--batch N] [--connections N] [--rate N] [--seed S]\n\n"
     "Sends events, or looks profiles up, and prints a line of JSON with rates and latencies.\n"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int help(const char *name)
{
    for (size_t i = 0; name && i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            (void)printf("%s", commands[i].help);
            return 0;
        }
    }
    if (name) {
        return kn_cli_usage("there is no command \"%s\"", name);
    }
    (void)printf("Kern, a customer data platform.\n\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        (void)printf("  kern %-8s  %s\n", commands[i].name, commands[i].summary);
    }
    (void)printf("  kern version   the version\n\nkern help COMMAND explains one.\n");
    return 0;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

int kn_cli_usage(const char *format, ...)
{
    va_list ap;
    (void)fprintf(stderr, "kern: ");
    va_start(ap, format);
    (void)vfprintf(stderr, format, ap);
    va_end(ap);
    (void)fprintf(stderr, "\nkern help shows what there is\n");
    return 2;
}

int kn_cli_failed(const char *format, ...)
{
    va_list ap;
    (void)fprintf(stderr, "kern: ");
    va_start(ap, format);
    (void)vfprintf(stderr, format, ap);
    va_end(ap);
    (void)fprintf(stderr, "\n");
    return 1;
}

const char *kn_cli_option(int argc, char **argv, int *at, const char *name)
{
    const char *given = argv[*at];
    size_t len = strlen(name);
    if (strncmp(given, "--", 2) != 0 || strncmp(given + 2, name, len) != 0) {
        return NULL;
    }
    if (given[2 + len] == '=') {
        return given + 3 + len;
    }
    if (given[2 + len] != '\0') {
        return NULL;
    }
    if (*at + 1 >= argc) {
        exit(kn_cli_usage("--%s needs a value", name));
    }
    return argv[++*at];
}

bool kn_cli_number(const char *text, uint32_t low, uint32_t high, uint32_t *ret)
{
    uint64_t value;
    if (!kn_str_u64(kn_str_c(text), &value) || value < low || value > high) {
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        return help(argc > 2 ? argv[2] : NULL);
    }
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
        (void)printf("kern %s\n", KERN_VERSION);
        return 0;
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return wants_help(argc - 2, argv + 2) ? help(name)
                                                  : commands[i].run(argc - 2, argv + 2);
        }
    }
    return kn_cli_usage("there is no command \"%s\"", name);
}
