/* A directory for one test, removed by the next run of the same test. */
#ifndef KN_TESTS_DIR_H
#define KN_TESTS_DIR_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void test_dir(const char *name, char path[256])
{
    char command[512];
    const char *base = getenv("TMPDIR");
    (void)snprintf(path, 256, "%s/kern-%s-%d", base ? base : "/tmp", name, (int)getuid());
    (void)snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0) {
        abort();
    }
}

#endif
