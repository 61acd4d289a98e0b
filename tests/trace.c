#include "tests/trace.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

enum { FRAME_MAX = 64 << 20 };

static bool stands_in(struct kn_str bytes, struct kn_str needle)
{
    return bytes.len >= needle.len && memmem(bytes.p, bytes.len, needle.p, needle.len) != NULL;
}

static bool in_frame(struct kn_str frame, struct kn_str needle)
{
    bool found = false;
    unsigned long long raw = ZSTD_getFrameContentSize(frame.p, frame.len);
    size_t packed = ZSTD_findFrameCompressedSize(frame.p, frame.len);
    if (ZSTD_isError(packed) || raw > FRAME_MAX) { /* not a frame, or of unknown size */
        return false;
    }
    char *to = malloc((size_t)raw + 1);
    size_t got = to ? ZSTD_decompress(to, (size_t)raw, frame.p, packed) : 0;
    found = to && !ZSTD_isError(got) && stands_in(kn_str(to, got), needle);
    free(to);
    return found;
}

bool trace_in(struct kn_str bytes, struct kn_str needle)
{
    static const char magic[4] = {'\x28', '\xb5', '\x2f', '\xfd'};
    if (stands_in(bytes, needle)) {
        return true;
    }
    for (size_t at = 0; at + sizeof magic <= bytes.len; at++) {
        const char *next = memmem(bytes.p + at, bytes.len - at, magic, sizeof magic);
        if (!next) {
            return false;
        }
        at = (size_t)(next - bytes.p);
        if (in_frame(kn_str_sub(bytes, at, bytes.len), needle)) {
            return true;
        }
    }
    return false;
}

static bool in_file(const char *path, size_t bytes, struct kn_str needle)
{
    FILE *f = fopen(path, "rb");
    char *all = malloc(bytes + 1);
    size_t got = f && all ? fread(all, 1, bytes, f) : 0;
    bool found = trace_in(kn_str(all, got), needle);
    free(all);
    if (f) {
        (void)fclose(f);
    }
    return found;
}

bool trace_below(const char *directory, struct kn_str needle, char where[512])
{
    DIR *dir = opendir(directory);
    struct dirent *entry;
    bool found = false;
    while (dir && !found && (entry = readdir(dir)) != NULL) {
        char path[512];
        struct stat about;
        if (entry->d_name[0] == '.' ||
            snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) >= (int)sizeof path ||
            lstat(path, &about) != 0) {
            continue;
        }
        if (S_ISDIR(about.st_mode)) {
            found = trace_below(path, needle, where);
        } else if (S_ISREG(about.st_mode) && in_file(path, (size_t)about.st_size, needle)) {
            found = true;
            memcpy(where, path, sizeof path);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
    return found;
}
