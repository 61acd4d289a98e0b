#include "sim/sim_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"

static const char mirror[] = "state/data.mdb";

/* The functions below have no argument of ours: what they watch must stand here. */
static struct {
    struct sim_disk *disk;
    const char *dir;
    int fd;      /* the file last written to, -1 = none yet */
    ino_t inode; /* of it */
} watched = {.fd = -1};

/* ---- the real calls ---- */

static ssize_t real_pwrite(int fd, const void *from, size_t len, off_t offset)
{
    return syscall(SYS_pwrite64, fd, from, len, offset);
}

static int fails(enum kn_rc rc)
{
    errno = rc == KN_E_FULL ? ENOSPC : EIO;
    return -1;
}

/* ---- which file ---- */

/* The path of what is open; empty: not below the watched directory. */
static struct kn_str path_of(int fd, char path[512])
{
    char link[64];
    if (!watched.disk) {
        return KN_STR_EMPTY;
    }
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, 511);
    struct kn_str name = kn_str(path, len > 0 ? (size_t)len : 0);
    return kn_str_starts(name, kn_str_c(watched.dir)) ? name : KN_STR_EMPTY;
}

static bool is_watched(int fd)
{
    char path[512];
    return kn_str_ends(path_of(fd, path), KN_STR("/data.mdb"));
}

static void watch_file(int fd, ino_t inode)
{
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (watched.fd >= 0) {
        (void)close(watched.fd);
    }
    watched.fd = open(link, O_WRONLY | O_CLOEXEC);
    watched.inode = inode;
    kn_assert(watched.fd >= 0);
}

/* What is in the file now is durable: it is changed only after what was written to it was synced.
 */
static enum kn_rc copy_to(struct kn_file *mirror_file, int fd, uint64_t bytes, struct kn_err *err)
{
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int from = open(link, O_RDONLY | O_CLOEXEC);
    char *all = kn_must_alloc((size_t)bytes + 1);
    kn_assert(from >= 0 && pread(from, all, (size_t)bytes, 0) == (ssize_t)bytes);
    (void)close(from);
    enum kn_rc rc = bytes > 0 ? kn_file_write(mirror_file, 0, all, (size_t)bytes, err) : KN_OK;
    kn_free(all);
    return rc;
}

/* Another file than before: a new environment, or the old one again when a new one came to nothing.
 */
static struct kn_file *mirror_of(int fd)
{
    struct stat now;
    struct kn_file *file;
    struct kn_err err = {0};
    struct kn_disk disk = sim_disk_interface(watched.disk);
    kn_assert(fstat(fd, &now) == 0);
    bool another = watched.fd < 0 || now.st_ino != watched.inode;
    sim_disk_pause(watched.disk, true);
    enum kn_rc rc = kn_disk_open(disk, mirror, KN_OPEN_CREATE, &file, &err);
    if (rc == KN_OK && another) {
        watch_file(fd, now.st_ino);
        rc = kn_file_truncate(file, 0, &err);
        rc = rc == KN_OK ? copy_to(file, fd, (uint64_t)now.st_size, &err) : rc;
        rc = rc == KN_OK ? kn_file_sync(file, &err) : rc;
        rc = rc == KN_OK ? kn_disk_sync_dir(disk, "state", &err) : rc;
    }
    sim_disk_pause(watched.disk, false);
    if (rc != KN_OK) {
        kn_panic("simulated state: %s", err.text);
    }
    return file;
}

static bool syncs_writes(int fd)
{
    return (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
}

static ssize_t put(int fd, const void *from, size_t len, off_t offset)
{
    struct kn_err err = {0};
    struct kn_file *file = mirror_of(fd);
    enum kn_rc rc = kn_file_write(file, (uint64_t)offset, from, len, &err);
    bool written = rc == KN_OK;
    if (written && syncs_writes(fd)) {
        rc = kn_file_sync(file, &err);
    }
    kn_file_close(file);
    if (!written) {
        return fails(rc);
    }
    ssize_t done = real_pwrite(fd, from, len, offset);
    return rc == KN_OK ? done : fails(rc);
}

/* ---- in libc's place ---- */

ssize_t pwrite(int fd, const void *from, size_t len, off_t offset)
{
    return is_watched(fd) ? put(fd, from, len, offset) : real_pwrite(fd, from, len, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (!is_watched(fd)) {
        return syscall(SYS_writev, fd, parts, count);
    }
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t sum = 0;
    for (int i = 0; i < count; i++) {
        ssize_t done = put(fd, parts[i].iov_base, parts[i].iov_len, offset + sum);
        if (done < 0) {
            return sum > 0 ? sum : done;
        }
        sum += done;
    }
    (void)lseek(fd, offset + sum, SEEK_SET);
    return sum;
}

static int synced(int fd, long call)
{
    struct kn_err err = {0};
    char path[512];
    if (!is_watched(fd)) {
        return path_of(fd, path).len > 0 ? 0 : (int)syscall(call, fd); /* directories */
    }
    struct kn_file *file = mirror_of(fd);
    enum kn_rc rc = kn_file_sync(file, &err);
    kn_file_close(file);
    return rc == KN_OK ? 0 : fails(rc);
}

int fsync(int fd)
{
    return synced(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return synced(fd, SYS_fdatasync);
}

/* ---- life ---- */

void sim_state_watch(struct sim_disk *disk, const char *dir)
{
    if (watched.fd >= 0) {
        (void)close(watched.fd);
    }
    watched.disk = disk;
    watched.dir = dir;
    watched.fd = -1;
    if (disk) {
        sim_disk_atomic_sectors(disk, mirror);
    }
}

bool sim_state_crash(void)
{
    if (watched.fd < 0) {
        return true; /* never written to */
    }
    struct kn_str bytes = sim_disk_bytes(watched.disk, mirror);
    return ftruncate(watched.fd, 0) == 0 &&
           real_pwrite(watched.fd, bytes.p, bytes.len, 0) == (ssize_t)bytes.len;
}
