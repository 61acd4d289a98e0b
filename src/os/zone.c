#include "os/zone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_MAX_BYTES = 64, FILE_MAX_BYTES = 256 * 1024 };

/* Letters, digits, + - _ and single slashes between parts: no way out of the directory. */
static bool good_name(struct kn_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '_';
        bool slash = c == '/' && i > 0 && i + 1 < name.len && name.p[i - 1] != '/';
        if (!letter && !other && !slash) {
            return false;
        }
    }
    return name.len > 0 && name.len <= NAME_MAX_BYTES;
}

enum kn_rc kn_zone_load(struct kn_str name, struct kn_buf *out, struct kn_err *err)
{
    const char *dir = getenv("TZDIR");
    char path[1024];
    char bytes[4096];
    size_t total = 0;
    size_t got;
    if (!good_name(name)) {
        return kn_fail(err, KN_E_INVALID, "a time zone has a name such as Europe/Amsterdam");
    }
    (void)snprintf(path, sizeof path, "%s/%.*s", dir && dir[0] ? dir : "/usr/share/zoneinfo",
                   KN_STR_ARG(name));
    FILE *f = fopen(path, "re");
    if (!f) {
        return kn_fail_os(err, errno == ENOENT ? KN_E_NOT_FOUND : KN_E_IO, errno,
                          "this machine has no time zone \"%.*s\"", KN_STR_ARG(name));
    }
    while ((got = fread(bytes, 1, sizeof bytes, f)) > 0 && total < FILE_MAX_BYTES) {
        kn_buf_add(out, bytes, got);
        total += got;
    }
    bool failed = ferror(f) != 0 || total == 0; /* a directory reads as nothing */
    (void)fclose(f);
    if (failed || total >= FILE_MAX_BYTES) {
        return kn_fail(err, KN_E_NOT_FOUND, "\"%.*s\" is no time zone", KN_STR_ARG(name));
    }
    return out->rc;
}
