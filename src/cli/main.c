#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* jemalloc reads this at start. What a checkpoint frees is needed again for the next one: keep it for
 * a minute instead of giving it back to the system and clearing it anew. */
extern const char *const malloc_conf;
const char *const malloc_conf = "percpu_arena:percpu,dirty_decay_ms:60000,muzzy_decay_ms:0";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"serve", kn_cli_serve,
     "serve --data DIR [--listen 127.0.0.1:8080] [--trust-proxy] [--replay-with-new]\n"
     "      [--clock manual [--clock-start ISO]]      run Kern on DIR"},
    {"demo", kn_cli_demo,
     "demo [--data DIR] [--listen 127.0.0.1:8080] [--profiles N] [--days D] [--seed S]\n"
     "                                                 a web shop to look at"},
    {"import", kn_cli_import,
     "import --data DIR [--source ID] FILE.ndjson\n"
     "                                                 events of the past"},
    {"verify", kn_cli_verify, "verify --data DIR                               check every checksum"},
    {"bench", kn_cli_bench,
     "bench ingest|lookup --port P [--key K] [--token T] [--events N] [--profiles N]\n"
     "      [--batch N] [--connections N] [--rate N]     load generator (this machine only)"},
};

static int help(void)
{
    (void)printf("Kern, a customer data platform.\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        (void)printf("  kern %s\n", commands[i].help);
    }
    (void)printf("  kern version\n");
    return 0;
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

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0) {
        return help();
    }
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
        (void)printf("kern %s\n", KERN_VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc - 2, argv + 2);
        }
    }
    return kn_cli_usage("there is no command \"%s\"", name);
}
