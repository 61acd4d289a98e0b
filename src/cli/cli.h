/* The commands of kern. Each takes its own arguments and answers the exit code: 0 done, 1 it
 * failed, 2 it was called wrongly (nothing was touched). */
#ifndef KN_CLI_CLI_H
#define KN_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

int kn_cli_serve(int argc, char **argv);
int kn_cli_demo(int argc, char **argv);
int kn_cli_verify(int argc, char **argv);
int kn_cli_import(int argc, char **argv);
int kn_cli_export(int argc, char **argv);
int kn_cli_bench(int argc, char **argv);

/* The value of "--name VALUE" or "--name=VALUE" at argv[*at], which is moved on; NULL: it is
 * another option. A missing value prints a message and ends the program with 2. */
const char *kn_cli_option(int argc, char **argv, int *at, const char *name);
/* A decimal number from low to high; false leaves *ret alone. */
bool kn_cli_number(const char *text, uint32_t low, uint32_t high, uint32_t *ret);
/* Prints what was generated at the first start. */
struct kn_server_first_start;
void kn_cli_first_start(FILE *out, const struct kn_server_first_start *first);
/* Prints "kern: ..." to stderr and answers 2. */
int kn_cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
int kn_cli_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
