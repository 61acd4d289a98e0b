#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/dir.h"
#include "os/disk.h"

struct posix_disk {
    int root; /* directory descriptor */
};

struct posix_file {
    struct kn_file base;
    int fd;
    int direct_fd; /* the same file past the page cache, -1 = none */
};

static const struct kn_disk_ops posix_ops;

static struct posix_file *file_of(struct kn_file *f)
{
    return (struct posix_file *)f;
}

static enum kn_rc code_of(int os_errno)
{
    switch (os_errno) {
    case ENOENT: return KN_E_NOT_FOUND;
    case EEXIST: return KN_E_EXISTS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return KN_E_FULL;
    case ENOMEM: return KN_E_NOMEM;
    default: return KN_E_IO;
    }
}

static enum kn_rc failed(struct kn_err *err, const char *what, const char *path)
{
    int os_errno = errno;
    return kn_fail_os(err, code_of(os_errno), os_errno, "%s \"%s\"", what, path);
}

static enum kn_rc check_path(const char *path, struct kn_err *err)
{
    struct kn_str s = kn_str_c(path);
    if (s.len == 0 || s.p[0] == '/' || kn_str_find(s, KN_STR("..")) != SIZE_MAX) {
        return kn_fail(err, KN_E_INVALID, "path \"%s\" leaves the data directory", path);
    }
    return KN_OK;
}

static enum kn_rc posix_open(void *self, const char *path, enum kn_open how, struct kn_file **ret,
                             struct kn_err *err)
{
    static const int flags[] = {
        [KN_OPEN_READ] = O_RDONLY,
        [KN_OPEN_WRITE] = O_RDWR,
        [KN_OPEN_CREATE] = O_RDWR | O_CREAT,
        [KN_OPEN_CREATE_NEW] = O_RDWR | O_CREAT | O_EXCL,
    };
    const struct posix_disk *disk = self;
    KN_TRY(check_path(path, err));
    struct posix_file *f = kn_alloc(sizeof *f);
    if (!f) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    f->base.ops = &posix_ops;
    f->direct_fd = -1;
    f->fd = openat(disk->root, path, flags[how] | O_CLOEXEC, 0600);
    if (f->fd < 0) {
        enum kn_rc rc = failed(err, "cannot open", path);
        kn_free(f);
        return rc;
    }
    *ret = &f->base;
    return KN_OK;
}

static void posix_close(struct kn_file *file)
{
    (void)close(file_of(file)->fd); /* data that matters was synced */
    if (file_of(file)->direct_fd >= 0) {
        (void)close(file_of(file)->direct_fd);
    }
    kn_free(file);
}

static enum kn_rc posix_read(struct kn_file *file, uint64_t offset, void *to, size_t len,
                             size_t *ret_len, struct kn_err *err)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got =
            pread(file_of(file)->fd, (char *)to + done, len - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return failed(err, "cannot read", "file");
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    *ret_len = done;
    return KN_OK;
}

static enum kn_rc posix_write(struct kn_file *file, uint64_t offset, const void *from, size_t len,
                              struct kn_err *err)
{
    const struct posix_file *f = file_of(file);
    bool blocks = (offset | len | (uintptr_t)from) % KN_DISK_BLOCK == 0;
    int fd = blocks && f->direct_fd >= 0 ? f->direct_fd : f->fd;
    size_t done = 0;
    while (done < len) {
        ssize_t put = pwrite(fd, (const char *)from + done, len - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0 && errno == EINVAL && fd != f->fd) {
            fd = f->fd; /* this file system wants another alignment */
            continue;
        }
        if (put <= 0) {
            return failed(err, "cannot write", "file");
        }
        done += (size_t)put;
    }
    return KN_OK;
}

static enum kn_rc posix_sync(struct kn_file *file, struct kn_err *err)
{
    return fdatasync(file_of(file)->fd) == 0 ? KN_OK : failed(err, "cannot sync", "file");
}

static enum kn_rc posix_zero(struct kn_file *file, uint64_t offset, uint64_t len,
                             struct kn_err *err)
{
    enum { PIECE = 256 * 1024 };
    int rc = posix_fallocate(file_of(file)->fd, (off_t)offset, (off_t)len);
    if (rc != 0) {
        return kn_fail_os(err, code_of(rc), rc, "cannot allocate %llu bytes",
                          (unsigned long long)len);
    }
    void *zeros = mmap(NULL, PIECE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (zeros == MAP_FAILED) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    enum kn_rc done = KN_OK;
    while (len > 0 && done == KN_OK) {
        size_t piece = len < PIECE ? (size_t)len : PIECE;
        done = posix_write(file, offset, zeros, piece, err);
        offset += piece;
        len -= piece;
    }
    (void)munmap(zeros, PIECE);
    return done;
}

static void posix_push(struct kn_file *file, uint64_t offset, uint64_t len)
{
    /* An error shows again at the sync that matters. */
    (void)sync_file_range(file_of(file)->fd, (off_t)offset, (off_t)len,
                          SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                              SYNC_FILE_RANGE_WAIT_AFTER);
}

static void posix_bypass_cache(struct kn_file *file)
{
    char path[32];
    struct posix_file *f = file_of(file);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", f->fd);
    f->direct_fd = f->direct_fd >= 0 ? f->direct_fd : open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
}

static void posix_ahead(struct kn_file *file)
{
    (void)posix_fadvise(file_of(file)->fd, 0, 0, POSIX_FADV_WILLNEED);
}

static enum kn_rc posix_truncate(struct kn_file *file, uint64_t bytes, struct kn_err *err)
{
    return ftruncate(file_of(file)->fd, (off_t)bytes) == 0 ? KN_OK
                                                           : failed(err, "cannot truncate", "file");
}

static enum kn_rc posix_size(struct kn_file *file, uint64_t *ret, struct kn_err *err)
{
    struct stat st;
    if (fstat(file_of(file)->fd, &st) != 0) {
        return failed(err, "cannot stat", "file");
    }
    *ret = (uint64_t)st.st_size;
    return KN_OK;
}

static enum kn_rc posix_map(struct kn_file *file, uint64_t len, const void **ret,
                            struct kn_err *err)
{
    void *at = mmap(NULL, (size_t)len, PROT_READ, MAP_SHARED, file_of(file)->fd, 0);
    if (at == MAP_FAILED) {
        return failed(err, "cannot map", "file");
    }
    *ret = at;
    return KN_OK;
}

static void posix_unmap(struct kn_file *file, const void *at, uint64_t len)
{
    (void)file;
    (void)munmap((void *)(uintptr_t)at, (size_t)len);
}

static enum kn_rc posix_make_dir(void *self, const char *path, struct kn_err *err)
{
    const struct posix_disk *disk = self;
    KN_TRY(check_path(path, err));
    char part[1024];
    size_t len = strlen(path);
    if (len >= sizeof part) {
        return kn_fail(err, KN_E_LIMIT, "path too long");
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdirat(disk->root, part, 0700) != 0 && errno != EEXIST) {
            return failed(err, "cannot make directory", part);
        }
    }
    return KN_OK;
}

static enum kn_rc posix_list(void *self, const char *path, kn_disk_list_fn each, void *context,
                             struct kn_err *err)
{
    const struct posix_disk *disk = self;
    int fd = openat(disk->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        enum kn_rc rc = failed(err, "cannot list", path);
        if (fd >= 0) {
            (void)close(fd);
        }
        return rc;
    }
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        struct stat st;
        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
            each(context, kn_str_c(entry->d_name), (uint64_t)st.st_size);
        }
    }
    (void)closedir(dir);
    return KN_OK;
}

static enum kn_rc posix_rename(void *self, const char *from, const char *to, struct kn_err *err)
{
    const struct posix_disk *disk = self;
    KN_TRY(check_path(to, err));
    return renameat(disk->root, from, disk->root, to) == 0 ? KN_OK
                                                           : failed(err, "cannot rename", from);
}

static enum kn_rc posix_remove(void *self, const char *path, struct kn_err *err)
{
    const struct posix_disk *disk = self;
    return unlinkat(disk->root, path, 0) == 0 ? KN_OK : failed(err, "cannot remove", path);
}

static enum kn_rc posix_sync_dir(void *self, const char *path, struct kn_err *err)
{
    const struct posix_disk *disk = self;
    int fd = openat(disk->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum kn_rc rc = fd >= 0 && fsync(fd) == 0 ? KN_OK : failed(err, "cannot sync directory", path);
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

static enum kn_rc posix_free_bytes(void *self, uint64_t *ret, struct kn_err *err)
{
    const struct posix_disk *disk = self;
    struct statvfs st;
    if (fstatvfs(disk->root, &st) != 0) {
        return failed(err, "cannot stat", "file system");
    }
    *ret = (uint64_t)st.f_bavail * st.f_frsize;
    return KN_OK;
}

static const struct kn_disk_ops posix_ops = {
    .open = posix_open,
    .close = posix_close,
    .read = posix_read,
    .write = posix_write,
    .sync = posix_sync,
    .zero = posix_zero,
    .push = posix_push,
    .bypass_cache = posix_bypass_cache,
    .ahead = posix_ahead,
    .truncate = posix_truncate,
    .size = posix_size,
    .map = posix_map,
    .unmap = posix_unmap,
    .make_dir = posix_make_dir,
    .list = posix_list,
    .rename = posix_rename,
    .remove = posix_remove,
    .sync_dir = posix_sync_dir,
    .free_bytes = posix_free_bytes,
};

enum kn_rc kn_disk_posix_open(const char *root, struct kn_disk *ret, struct kn_err *err)
{
    KN_TRY(kn_dir_make(root, err));
    struct posix_disk *disk = kn_alloc(sizeof *disk);
    if (!disk) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    disk->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (disk->root < 0) {
        enum kn_rc rc = failed(err, "cannot open directory", root);
        kn_free(disk);
        return rc;
    }
    *ret = (struct kn_disk){&posix_ops, disk};
    return KN_OK;
}

void kn_disk_posix_close(struct kn_disk disk)
{
    struct posix_disk *self = disk.self;
    if (self) {
        (void)close(self->root);
        kn_free(self);
    }
}
