/* A directory for one test, removed by the next run of the same test. Each build of it has its own, so
 * that several can run at once. */
#ifndef KN_TESTS_DIR_H
#define KN_TESTS_DIR_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void test_dir(const char *name, char path[256])
{
    char command[512];
    char self[512];
    uint32_t hash = 2166136261U; /* FNV-1a */
    const char *base = getenv("TMPDIR");
    ssize_t len = readlink("/proc/self/exe", self, sizeof self);
    for (ssize_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)self[i]) * 16777619U;
    }
    (void)snprintf(path, 256, "%s/kern-%s-%08x", base ? base : "/tmp", name, (unsigned)hash);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0) {
        abort();
    }
}

#endif
