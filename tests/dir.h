/* A directory for one test, removed by the next run of the same test from the same place: other builds of it may run
 * at the same time. */
#ifndef KN_TESTS_DIR_H
#define KN_TESTS_DIR_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void test_dir(const char *name, char path[256])
{
    char command[512];
    const char *base = getenv("TMPDIR");
    char place[4096] = "";
    unsigned hash = 5381; /* Bernstein's */
    if (!getcwd(place, sizeof place)) {
        abort();
    }
    for (const char *p = place; *p; p++) {
        hash = hash * 33 + (unsigned char)*p;
    }
    (void)snprintf(path, 256, "%s/kern-%s-%d-%08x", base ? base : "/tmp", name, (int)getuid(), hash);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0) {
        abort();
    }
}

#endif
