/* A directory for one test, its own among all that run at once; removed when the process ends. */
#ifndef KN_TESTS_DIR_H
#define KN_TESTS_DIR_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void test_dir_root(char root[200])
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(root, 200, "%s/kern-test-%d", base ? base : "/tmp", (int)getpid());
}

static inline void test_dir_remove(void)
{
    char root[200];
    char command[300];
    test_dir_root(root);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", root);
    if (system(command) != 0) {
        (void)fprintf(stderr, "%s stays behind\n", root);
    }
}

/* Empty, whatever was there before. */
static inline void test_dir(const char *name, char path[256])
{
    static int registered;
    char root[200];
    char command[600];
    test_dir_root(root);
    (void)snprintf(path, 256, "%s/%s", root, name);
    (void)snprintf(command, sizeof command, "rm -rf '%s' && mkdir -p '%s'", path, root);
    if (system(command) != 0) {
        abort();
    }
    if (!registered) {
        registered = atexit(test_dir_remove) == 0;
    }
}

#endif
