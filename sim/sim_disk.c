#include "sim/sim_disk.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/buf.h"

enum { SECTOR = 512, FILES_MAX = 4096, PATH_BYTES = 256 };

struct pending {
    uint64_t offset, len; /* of a write; len = UINT64_MAX: a truncation to `offset` */
    char *data;
};

struct inode {
    struct kn_buf durable, now;
    struct pending *pending;
    size_t pending_count;
    unsigned opened;
    bool used;
};

struct name {
    char path[PATH_BYTES];
    size_t inode; /* SIZE_MAX = free */
};

struct sim_disk {
    struct kn_rand rand;
    struct inode inodes[FILES_MAX];
    struct name durable[FILES_MAX], now[FILES_MAX];
    uint64_t capacity;
    struct {
        uint64_t left, count; /* until the failure (UINT64_MAX = none); so far */
        enum kn_rc code;
    } ops[SIM_OPS];
    uint64_t failures;
    bool paused;             /* no operation fails */
    char atomic[PATH_BYTES]; /* the file whose single sectors are written whole or not at all */
};

struct sim_file {
    struct kn_file base;
    struct sim_disk *disk;
    size_t inode;
};

static const struct kn_disk_ops sim_ops;

static void forget_failures(struct sim_disk *d)
{
    for (size_t i = 0; i < SIM_OPS; i++) {
        d->ops[i].left = UINT64_MAX;
    }
}

/* Counts the operation; KN_OK, or the code it is to fail with. */
static enum kn_rc begins(struct sim_disk *d, enum sim_op op, struct kn_err *err)
{
    static const char *const names[SIM_OPS] = {"open",     "read", "map",      "list",   "write",
                                               "truncate", "sync", "sync_dir", "rename", "remove"};
    d->ops[op].count += d->paused ? 0 : 1;
    if (d->paused || d->ops[op].left == UINT64_MAX || d->ops[op].left-- > 0) {
        return KN_OK;
    }
    d->failures++;
    return kn_fail(err, d->ops[op].code, "simulated failure of %s", names[op]);
}

struct sim_disk *sim_disk_new(uint64_t seed)
{
    struct sim_disk *d = kn_must_calloc(1, sizeof *d);
    d->rand = kn_rand_seed(seed);
    d->capacity = UINT64_MAX;
    forget_failures(d);
    for (size_t i = 0; i < FILES_MAX; i++) {
        d->durable[i].inode = d->now[i].inode = SIZE_MAX;
    }
    return d;
}

static void drop_pending(struct inode *f)
{
    for (size_t i = 0; i < f->pending_count; i++) {
        kn_free(f->pending[i].data);
    }
    kn_free(f->pending);
    f->pending = NULL;
    f->pending_count = 0;
}

static void free_inode(struct inode *f)
{
    drop_pending(f);
    kn_buf_deinit(&f->durable);
    kn_buf_deinit(&f->now);
    *f = (struct inode){0};
}

void sim_disk_free(struct sim_disk *d)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (d->inodes[i].used) {
            free_inode(&d->inodes[i]);
        }
    }
    kn_free(d);
}

struct kn_disk sim_disk_interface(struct sim_disk *d)
{
    return (struct kn_disk){&sim_ops, d};
}

/* ---- names ---- */

static struct name *find(struct name *names, const char *path)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (names[i].inode != SIZE_MAX && strcmp(names[i].path, path) == 0) {
            return &names[i];
        }
    }
    return NULL;
}

static void set_name(struct name *names, const char *path, size_t inode)
{
    struct name *n = find(names, path);
    for (size_t i = 0; !n && i < FILES_MAX; i++) {
        n = names[i].inode == SIZE_MAX ? &names[i] : NULL;
    }
    kn_assert(n && strlen(path) < PATH_BYTES);
    memmove(n->path, path, strlen(path) + 1);
    n->inode = inode;
}

static bool is_named(const struct sim_disk *d, size_t inode)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (d->durable[i].inode == inode || d->now[i].inode == inode) {
            return true;
        }
    }
    return false;
}

static void collect_garbage(struct sim_disk *d)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (d->inodes[i].used && d->inodes[i].opened == 0 && !is_named(d, i)) {
            free_inode(&d->inodes[i]);
        }
    }
}

static bool in_dir(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    return strncmp(path, dir, len) == 0 && path[len] == '/' && !strchr(path + len + 1, '/');
}

/* ---- files ---- */

static size_t new_inode(struct sim_disk *d)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (!d->inodes[i].used) {
            d->inodes[i].used = true;
            kn_buf_init(&d->inodes[i].durable, SIZE_MAX / 4);
            kn_buf_init(&d->inodes[i].now, SIZE_MAX / 4);
            return i;
        }
    }
    kn_panic("too many simulated files");
}

static enum kn_rc sim_open(void *self, const char *path, enum kn_open how, struct kn_file **ret,
                           struct kn_err *err)
{
    struct sim_disk *d = self;
    struct name *n = find(d->now, path);
    KN_TRY(begins(d, SIM_OPEN, err));
    if (!n && (how == KN_OPEN_READ || how == KN_OPEN_WRITE)) {
        return kn_fail(err, KN_E_NOT_FOUND, "no file \"%s\"", path);
    }
    if (n && how == KN_OPEN_CREATE_NEW) {
        return kn_fail(err, KN_E_EXISTS, "\"%s\" exists", path);
    }
    struct sim_file *f = kn_must_alloc(sizeof *f);
    *f = (struct sim_file){.base.ops = &sim_ops, .disk = d};
    f->inode = n ? n->inode : new_inode(d);
    if (!n) {
        set_name(d->now, path, f->inode);
    }
    d->inodes[f->inode].opened++;
    *ret = &f->base;
    return KN_OK;
}

static struct inode *inode_of(struct kn_file *file)
{
    struct sim_file *f = (struct sim_file *)file;
    return &f->disk->inodes[f->inode];
}

static void sim_close(struct kn_file *file)
{
    struct sim_disk *d = ((struct sim_file *)file)->disk;
    inode_of(file)->opened--;
    kn_free(file);
    collect_garbage(d);
}

static enum kn_rc sim_read(struct kn_file *file, uint64_t offset, void *to, size_t len,
                           size_t *ret_len, struct kn_err *err)
{
    const struct kn_buf *b = &inode_of(file)->now;
    KN_TRY(begins(((struct sim_file *)file)->disk, SIM_READ, err));
    *ret_len = offset >= b->len ? 0 : b->len - offset < len ? b->len - (size_t)offset : len;
    if (*ret_len > 0) {
        memcpy(to, b->p + offset, *ret_len);
    }
    return KN_OK;
}

/* The disk's own memory never fails, also where a test makes allocations fail. */
static void make_room(struct kn_buf *b, size_t bytes)
{
    if (bytes > b->cap) {
        b->cap = bytes > b->cap * 2 ? bytes : b->cap * 2;
        b->p = kn_must_realloc(b->p, b->cap);
    }
}

static void copy(struct kn_buf *to, const struct kn_buf *from)
{
    make_room(to, from->len);
    if (from->len > 0) {
        memcpy(to->p, from->p, from->len);
    }
    to->len = from->len;
}

static void put(struct kn_buf *b, uint64_t offset, const char *data, size_t len)
{
    if (offset + len > b->len) {
        make_room(b, (size_t)(offset + len));
        memset(b->p + b->len, 0, (size_t)(offset + len) - b->len);
        b->len = (size_t)(offset + len);
    }
    if (len > 0) {
        memcpy(b->p + offset, data, len);
    }
}

static uint64_t bytes_used(const struct sim_disk *d)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < FILES_MAX; i++) {
        sum += d->inodes[i].used ? d->inodes[i].now.len : 0;
    }
    return sum;
}

static void add_pending(struct inode *f, uint64_t offset, uint64_t len, const void *data)
{
    f->pending = kn_must_realloc(f->pending, (f->pending_count + 1) * sizeof *f->pending);
    struct pending *p = &f->pending[f->pending_count++];
    *p = (struct pending){offset, len, NULL};
    if (data) {
        p->data = kn_must_alloc((size_t)len + 1);
        memcpy(p->data, data, (size_t)len);
    }
}

static enum kn_rc sim_write(struct kn_file *file, uint64_t offset, const void *from, size_t len,
                            struct kn_err *err)
{
    struct sim_disk *d = ((struct sim_file *)file)->disk;
    struct inode *f = inode_of(file);
    KN_TRY(begins(d, SIM_WRITE, err));
    if (len == 0) {
        return KN_OK;
    }
    if (!d->paused && d->capacity != UINT64_MAX && offset + len > f->now.len &&
        bytes_used(d) + (offset + len - f->now.len) > d->capacity) {
        return kn_fail(err, KN_E_FULL, "simulated disk is full");
    }
    put(&f->now, offset, from, len);
    add_pending(f, offset, len, from);
    return KN_OK;
}

static void cut(struct kn_buf *b, uint64_t bytes)
{
    if (bytes < b->len) {
        b->len = (size_t)bytes;
    } else {
        put(b, bytes, NULL, 0);
    }
}

static enum kn_rc sim_sync(struct kn_file *file, struct kn_err *err)
{
    struct sim_disk *d = ((struct sim_file *)file)->disk;
    struct inode *f = inode_of(file);
    KN_TRY(begins(d, SIM_SYNC, err));
    for (size_t i = 0; i < f->pending_count; i++) {
        const struct pending *p = &f->pending[i];
        if (p->len == UINT64_MAX) {
            cut(&f->durable, p->offset);
        } else {
            put(&f->durable, p->offset, p->data, (size_t)p->len);
        }
    }
    drop_pending(f);
    return KN_OK;
}

static enum kn_rc sim_zero(struct kn_file *file, uint64_t offset, uint64_t len, struct kn_err *err)
{
    char *zeros = kn_must_calloc(1, (size_t)len + 1);
    enum kn_rc rc = sim_write(file, offset, zeros, (size_t)len, err);
    kn_free(zeros);
    return rc;
}

static enum kn_rc sim_truncate(struct kn_file *file, uint64_t bytes, struct kn_err *err)
{
    struct inode *f = inode_of(file);
    KN_TRY(begins(((struct sim_file *)file)->disk, SIM_TRUNCATE, err));
    cut(&f->now, bytes);
    add_pending(f, bytes, UINT64_MAX, NULL);
    return KN_OK;
}

static enum kn_rc sim_size(struct kn_file *file, uint64_t *ret, struct kn_err *err)
{
    (void)err;
    *ret = inode_of(file)->now.len;
    return KN_OK;
}

static enum kn_rc sim_map(struct kn_file *file, uint64_t len, const void **ret, struct kn_err *err)
{
    const struct kn_buf *b = &inode_of(file)->now;
    KN_TRY(begins(((struct sim_file *)file)->disk, SIM_MAP, err));
    char *copy = kn_must_calloc(1, (size_t)len + 1);
    memcpy(copy, b->p, b->len < len ? b->len : (size_t)len);
    *ret = copy;
    return KN_OK;
}

static void sim_unmap(struct kn_file *file, const void *at, uint64_t len)
{
    (void)file;
    (void)len;
    kn_free((void *)(uintptr_t)at);
}

/* ---- directories ---- */

static enum kn_rc sim_make_dir(void *self, const char *path, struct kn_err *err)
{
    (void)self;
    (void)path;
    (void)err;
    return KN_OK; /* directories are durable at once: losing one loses a workspace that never was */
}

static enum kn_rc sim_list(void *self, const char *path, kn_disk_list_fn each, void *context,
                           struct kn_err *err)
{
    struct sim_disk *d = self;
    KN_TRY(begins(d, SIM_LIST, err));
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (d->now[i].inode != SIZE_MAX && in_dir(d->now[i].path, path)) {
            each(context, kn_str_c(d->now[i].path + strlen(path) + 1),
                 d->inodes[d->now[i].inode].now.len);
        }
    }
    return KN_OK;
}

static enum kn_rc sim_rename(void *self, const char *from, const char *to, struct kn_err *err)
{
    struct sim_disk *d = self;
    struct name *n = find(d->now, from);
    KN_TRY(begins(d, SIM_RENAME, err));
    if (!n) {
        return kn_fail(err, KN_E_NOT_FOUND, "no file \"%s\"", from);
    }
    size_t inode = n->inode;
    n->inode = SIZE_MAX;
    set_name(d->now, to, inode);
    return KN_OK;
}

static enum kn_rc sim_remove(void *self, const char *path, struct kn_err *err)
{
    struct sim_disk *d = self;
    struct name *n = find(d->now, path);
    KN_TRY(begins(d, SIM_REMOVE, err));
    if (!n) {
        return kn_fail(err, KN_E_NOT_FOUND, "no file \"%s\"", path);
    }
    n->inode = SIZE_MAX;
    collect_garbage(d);
    return KN_OK;
}

static enum kn_rc sim_sync_dir(void *self, const char *path, struct kn_err *err)
{
    struct sim_disk *d = self;
    KN_TRY(begins(d, SIM_SYNC_DIR, err));
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (d->durable[i].inode != SIZE_MAX && in_dir(d->durable[i].path, path)) {
            d->durable[i].inode = SIZE_MAX;
        }
    }
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (d->now[i].inode != SIZE_MAX && in_dir(d->now[i].path, path)) {
            set_name(d->durable, d->now[i].path, d->now[i].inode);
        }
    }
    collect_garbage(d);
    return KN_OK;
}

static enum kn_rc sim_free_bytes(void *self, uint64_t *ret, struct kn_err *err)
{
    struct sim_disk *d = self;
    (void)err;
    uint64_t used = bytes_used(d);
    *ret = d->capacity == UINT64_MAX ? UINT64_MAX : d->capacity > used ? d->capacity - used : 0;
    return KN_OK;
}

static const struct kn_disk_ops sim_ops = {
    .open = sim_open,
    .close = sim_close,
    .read = sim_read,
    .write = sim_write,
    .sync = sim_sync,
    .zero = sim_zero,
    .truncate = sim_truncate,
    .size = sim_size,
    .map = sim_map,
    .unmap = sim_unmap,
    .make_dir = sim_make_dir,
    .list = sim_list,
    .rename = sim_rename,
    .remove = sim_remove,
    .sync_dir = sim_sync_dir,
    .free_bytes = sim_free_bytes,
};

/* ---- crash and faults ---- */

static void tear(struct sim_disk *d, struct kn_buf *b, const struct pending *p, bool atomic)
{
    for (uint64_t at = 0; at < p->len; at += SECTOR) {
        size_t len = p->len - at < SECTOR ? (size_t)(p->len - at) : SECTOR;
        switch (kn_rand_below(&d->rand, atomic && p->len <= SECTOR ? 2 : 3)) {
        case 0: put(b, p->offset + at, p->data + at, len); break;
        case 1: break;
        default:
            put(b, p->offset + at, p->data + at, len);
            b->p[p->offset + at + kn_rand_below(&d->rand, len)] ^= (char)kn_rand_u64(&d->rand);
        }
    }
}

static void settle(struct sim_disk *d, struct inode *f, bool atomic)
{
    for (size_t i = 0; i < f->pending_count; i++) {
        const struct pending *p = &f->pending[i];
        uint64_t fate = kn_rand_below(&d->rand, 3);
        if (fate == 0) {
            continue; /* lost */
        }
        if (p->len == UINT64_MAX) {
            cut(&f->durable, p->offset);
        } else if (fate == 1) {
            put(&f->durable, p->offset, p->data, (size_t)p->len);
        } else {
            tear(d, &f->durable, p, atomic);
        }
    }
    drop_pending(f);
    copy(&f->now, &f->durable);
}

void sim_disk_crash(struct sim_disk *d)
{
    memcpy(d->now, d->durable, sizeof d->now);
    const struct name *atomic = find(d->durable, d->atomic);
    for (size_t i = 0; i < FILES_MAX; i++) {
        kn_assert(d->inodes[i].opened == 0);
        if (d->inodes[i].used) {
            settle(d, &d->inodes[i], atomic && atomic->inode == i);
        }
    }
    collect_garbage(d);
    forget_failures(d);
}

void sim_disk_fail(struct sim_disk *d, enum sim_op op, uint64_t n, enum kn_rc code)
{
    d->ops[op].left = n;
    d->ops[op].code = code;
}

uint64_t sim_disk_count(const struct sim_disk *d, enum sim_op op)
{
    return d->ops[op].count;
}

uint64_t sim_disk_failures(const struct sim_disk *d)
{
    return d->failures;
}

void sim_disk_set_capacity(struct sim_disk *d, uint64_t bytes)
{
    d->capacity = bytes;
}

void sim_disk_pause(struct sim_disk *d, bool paused)
{
    d->paused = paused;
}

void sim_disk_atomic_sectors(struct sim_disk *d, const char *path)
{
    kn_assert(strlen(path) < sizeof d->atomic);
    memcpy(d->atomic, path, strlen(path) + 1);
}

bool sim_disk_flip(struct sim_disk *d, const char *path, uint64_t offset, unsigned bit)
{
    struct name *n = find(d->durable, path);
    if (!n || offset >= d->inodes[n->inode].durable.len) {
        return false;
    }
    d->inodes[n->inode].durable.p[offset] ^= (char)(1U << (bit & 7));
    d->inodes[n->inode].now.p[offset] ^= (char)(1U << (bit & 7));
    return true;
}

struct kn_str sim_disk_bytes(struct sim_disk *d, const char *path)
{
    struct name *n = find(d->durable, path);
    return n ? kn_buf_view(&d->inodes[n->inode].durable) : KN_STR_EMPTY;
}
