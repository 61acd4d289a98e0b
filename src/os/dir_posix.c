#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/dir.h"

enum { PATH_MAX_BYTES = 4096 };

static enum kn_rc failed(struct kn_err *err, const char *what, const char *path)
{
    int os_errno = errno;
    enum kn_rc rc = os_errno == ENOSPC || os_errno == EDQUOT ? KN_E_FULL : KN_E_IO;
    return kn_fail_os(err, rc, os_errno, "%s \"%s\"", what, path);
}

enum kn_rc kn_dir_make(const char *path, struct kn_err *err)
{
    char part[PATH_MAX_BYTES];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part) {
        return kn_fail(err, KN_E_INVALID, "no path for a directory: \"%s\"", path);
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            memcpy(part, path, i);
            part[i] = '\0';
            if (mkdir(part, 0700) != 0 && errno != EEXIST) {
                return failed(err, "cannot make directory", path);
            }
        }
    }
    return KN_OK;
}

bool kn_dir_has(const char *path, const char *name)
{
    char whole[PATH_MAX_BYTES];
    struct stat about;
    int len = snprintf(whole, sizeof whole, "%s/%s", path, name);
    return len > 0 && (size_t)len < sizeof whole && stat(whole, &about) == 0;
}

enum kn_rc kn_dir_remove(const char *path, struct kn_err *err)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    bool ok = true;
    if (!dir) {
        return errno == ENOENT ? KN_OK : failed(err, "cannot open directory", path);
    }
    while (ok && (entry = readdir(dir)) != NULL) {
        bool self = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        ok = self || unlinkat(dirfd(dir), entry->d_name, 0) == 0;
    }
    ok = ok && rmdir(path) == 0;
    enum kn_rc rc = ok ? KN_OK : failed(err, "cannot remove directory", path);
    (void)closedir(dir);
    return rc;
}

static enum kn_rc sync_dir(const char *path, struct kn_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    enum kn_rc rc = ok ? KN_OK : failed(err, "cannot sync directory", path);
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

enum kn_rc kn_dir_settle(const char *from, const char *to, struct kn_err *err)
{
    char parent[PATH_MAX_BYTES];
    (void)snprintf(parent, sizeof parent, "%s", to);
    char *slash = strrchr(parent, '/');
    if (!slash) {
        (void)snprintf(parent, sizeof parent, ".");
    } else {
        slash[slash == parent ? 1 : 0] = '\0';
    }
    KN_TRY(sync_dir(from, err));
    if (rename(from, to) != 0) {
        return failed(err, "cannot rename directory", from);
    }
    return sync_dir(parent, err);
}

enum kn_rc kn_dir_replace(const char *from, const char *to, const char *name, struct kn_err *err)
{
    char old_path[PATH_MAX_BYTES];
    char new_path[PATH_MAX_BYTES];
    int old_len = snprintf(old_path, sizeof old_path, "%s/%s", from, name);
    int new_len = snprintf(new_path, sizeof new_path, "%s/%s", to, name);
    if (old_len >= PATH_MAX_BYTES || new_len >= PATH_MAX_BYTES) {
        return kn_fail(err, KN_E_INVALID, "the path of \"%s\" is too long", name);
    }
    if (rename(old_path, new_path) != 0) {
        return failed(err, "cannot rename", old_path);
    }
    return sync_dir(to, err);
}
