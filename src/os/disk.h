/* The disk as an interface: production is POSIX, tests are a simulated disk with faults (sim/).
 *
 * Paths are relative to the root the disk was opened on, use '/', and stay inside it. A write is
 * durable once kn_file_sync returned KN_OK; a new, renamed or removed name once kn_disk_sync_dir
 * returned KN_OK for its directory. A sync that fails is never retried: the caller panics, since
 * the kernel may have dropped the dirty pages (see docs/adr/0004). KN_E_FULL is a full disk.
 * Offsets and sizes are bytes. Files may be used from several threads at distinct offsets.
 */
#ifndef KN_OS_DISK_H
#define KN_OS_DISK_H

#include "base/err.h"

enum kn_open {
    KN_OPEN_READ = 0,       /* must exist */
    KN_OPEN_WRITE = 1,      /* read and write, must exist */
    KN_OPEN_CREATE = 2,     /* read and write, created when missing */
    KN_OPEN_CREATE_NEW = 3, /* read and write, must not exist */
};

enum { KN_DISK_BLOCK = 4096 };

struct kn_file; /* an open file; owned by the opener until kn_file_close */

struct kn_disk {
    const struct kn_disk_ops *ops;
    void *self; /* of the implementation */
};

typedef void (*kn_disk_list_fn)(void *context, struct kn_str name, uint64_t bytes);

struct kn_disk_ops {
    enum kn_rc (*open)(void *self, const char *path, enum kn_open how, struct kn_file **ret,
                       struct kn_err *err);
    void (*close)(struct kn_file *file);
    /* Reads up to len bytes; *ret_len < len only at the end of the file. */
    enum kn_rc (*read)(struct kn_file *file, uint64_t offset, void *to, size_t len, size_t *ret_len,
                       struct kn_err *err);
    enum kn_rc (*write)(struct kn_file *file, uint64_t offset, const void *from, size_t len,
                        struct kn_err *err);
    /* fdatasync */
    enum kn_rc (*sync)(struct kn_file *file, struct kn_err *err);
    /* Allocates [offset, offset + len) and fills it with zeros, so that later writes there change
     * no metadata. */
    enum kn_rc (*zero)(struct kn_file *file, uint64_t offset, uint64_t len, struct kn_err *err);
    /* Has the range written to the device now, without any promise: so that a later sync has little
     * left to do, and what others sync meanwhile does not wait for it. NULL: nothing. */
    void (*push)(struct kn_file *file, uint64_t offset, uint64_t len);
    /* From now on writes of whole blocks (offset, length and address multiples of KN_DISK_BLOCK) go
     * past the page cache where the file system can. NULL: never. */
    void (*bypass_cache)(struct kn_file *file);
    /* The whole file will be read soon: it may be fetched meanwhile. NULL: nothing. */
    void (*ahead)(struct kn_file *file);
    enum kn_rc (*truncate)(struct kn_file *file, uint64_t bytes, struct kn_err *err);
    enum kn_rc (*size)(struct kn_file *file, uint64_t *ret, struct kn_err *err);
    /* Maps [0, len) read-only until unmap; bytes written later through write are seen. */
    enum kn_rc (*map)(struct kn_file *file, uint64_t len, const void **ret, struct kn_err *err);
    void (*unmap)(struct kn_file *file, const void *at, uint64_t len);
    enum kn_rc (*make_dir)(void *self, const char *path, struct kn_err *err); /* fine if there */
    enum kn_rc (*list)(void *self, const char *path, kn_disk_list_fn each, void *context,
                       struct kn_err *err); /* plain files of a directory, no order */
    enum kn_rc (*rename)(void *self, const char *from, const char *to, struct kn_err *err);
    enum kn_rc (*remove)(void *self, const char *path, struct kn_err *err);
    enum kn_rc (*sync_dir)(void *self, const char *path, struct kn_err *err);
    enum kn_rc (*free_bytes)(void *self, uint64_t *ret, struct kn_err *err);
};

/* What every implementation's struct kn_file begins with. */
struct kn_file {
    const struct kn_disk_ops *ops;
};

static inline enum kn_rc kn_disk_open(struct kn_disk d, const char *path, enum kn_open how,
                                      struct kn_file **ret, struct kn_err *err)
{
    return d.ops->open(d.self, path, how, ret, err);
}
static inline void kn_file_close(struct kn_file *f)
{
    if (f) {
        f->ops->close(f);
    }
}
static inline enum kn_rc kn_file_read(struct kn_file *f, uint64_t offset, void *to, size_t len,
                                      size_t *ret_len, struct kn_err *err)
{
    return f->ops->read(f, offset, to, len, ret_len, err);
}
static inline enum kn_rc kn_file_write(struct kn_file *f, uint64_t offset, const void *from,
                                       size_t len, struct kn_err *err)
{
    return f->ops->write(f, offset, from, len, err);
}
static inline enum kn_rc kn_file_sync(struct kn_file *f, struct kn_err *err)
{
    return f->ops->sync(f, err);
}
static inline enum kn_rc kn_file_zero(struct kn_file *f, uint64_t offset, uint64_t len,
                                      struct kn_err *err)
{
    return f->ops->zero(f, offset, len, err);
}
static inline void kn_file_push(struct kn_file *f, uint64_t offset, uint64_t len)
{
    if (f->ops->push) {
        f->ops->push(f, offset, len);
    }
}
static inline void kn_file_ahead(struct kn_file *f)
{
    if (f->ops->ahead) {
        f->ops->ahead(f);
    }
}
static inline void kn_file_bypass_cache(struct kn_file *f)
{
    if (f->ops->bypass_cache) {
        f->ops->bypass_cache(f);
    }
}
static inline enum kn_rc kn_file_truncate(struct kn_file *f, uint64_t bytes, struct kn_err *err)
{
    return f->ops->truncate(f, bytes, err);
}
static inline enum kn_rc kn_file_size(struct kn_file *f, uint64_t *ret, struct kn_err *err)
{
    return f->ops->size(f, ret, err);
}
static inline enum kn_rc kn_file_map(struct kn_file *f, uint64_t len, const void **ret,
                                     struct kn_err *err)
{
    return f->ops->map(f, len, ret, err);
}
static inline void kn_file_unmap(struct kn_file *f, const void *at, uint64_t len)
{
    f->ops->unmap(f, at, len);
}
static inline enum kn_rc kn_disk_make_dir(struct kn_disk d, const char *path, struct kn_err *err)
{
    return d.ops->make_dir(d.self, path, err);
}
static inline enum kn_rc kn_disk_list(struct kn_disk d, const char *path, kn_disk_list_fn each,
                                      void *context, struct kn_err *err)
{
    return d.ops->list(d.self, path, each, context, err);
}
static inline enum kn_rc kn_disk_rename(struct kn_disk d, const char *from, const char *to,
                                        struct kn_err *err)
{
    return d.ops->rename(d.self, from, to, err);
}
static inline enum kn_rc kn_disk_remove(struct kn_disk d, const char *path, struct kn_err *err)
{
    return d.ops->remove(d.self, path, err);
}
static inline enum kn_rc kn_disk_sync_dir(struct kn_disk d, const char *path, struct kn_err *err)
{
    return d.ops->sync_dir(d.self, path, err);
}
static inline enum kn_rc kn_disk_free_bytes(struct kn_disk d, uint64_t *ret, struct kn_err *err)
{
    return d.ops->free_bytes(d.self, ret, err);
}

/* The POSIX disk rooted at `root` (created, mode 0700, when missing). */
enum kn_rc kn_disk_posix_open(const char *root, struct kn_disk *ret, struct kn_err *err);
void kn_disk_posix_close(struct kn_disk disk);

#endif
