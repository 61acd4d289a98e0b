#include <stdio.h>
#include <string.h>

#include "state/dedupe_internal.h"

enum {
    HEADER_BYTES = 64,
    ENTRY_BYTES = 16,
    FILTER_BLOCK = 64,
    PUSH_BYTES = 1 << 20,
    FORMAT = 1,
};
#define MAGIC 0x50554444U               /* "DDUP" */
#define ENTRIES_MAX (UINT64_C(1) << 40) /* of one run; keeps sizes from overflowing */
#define HOURS_MAX (INT64_C(1) << 40)

/* A blocked Bloom filter (Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom
 * Filters", 2007): one cache line a key, five bits in it. */
static void filter_bits(struct kn_h128 hash, uint64_t blocks, uint64_t *ret_block,
                        uint64_t *ret_bits)
{
    *ret_block = (uint64_t)(((unsigned __int128)hash.hi * blocks) >> 64);
    *ret_bits = (hash.lo >> 8) * 0x9e3779b97f4a7c15U;
}

static bool filter_has(const struct kn_dup_run *r, struct kn_h128 hash)
{
    uint64_t block;
    uint64_t bits;
    filter_bits(hash, r->filter_blocks, &block, &bits);
    const unsigned char *p = (const unsigned char *)r->map + HEADER_BYTES + r->count * ENTRY_BYTES +
                             block * FILTER_BLOCK;
    for (int i = 0; i < 5; i++, bits >>= 9) {
        if (!(p[(bits & 511) >> 3] >> (bits & 7) & 1)) {
            return false;
        }
    }
    return true;
}

static void filter_add(unsigned char *filter, uint64_t blocks, struct kn_h128 hash)
{
    uint64_t block;
    uint64_t bits;
    filter_bits(hash, blocks, &block, &bits);
    for (int i = 0; i < 5; i++, bits >>= 9) {
        unsigned char *p = filter + block * FILTER_BLOCK + ((bits & 511) >> 3);
        *p = (unsigned char)(*p | 1U << (bits & 7));
    }
}

static struct kn_h128 entry_at(const struct kn_dup_run *r, uint64_t index)
{
    struct kn_cursor c =
        kn_cursor(kn_str(r->map + HEADER_BYTES + index * ENTRY_BYTES, ENTRY_BYTES));
    struct kn_h128 e;
    e.hi = kn_take_le64(&c);
    e.lo = kn_take_le64(&c);
    return e;
}

bool kn_dup_run_find(const struct kn_dup_run *r, struct kn_h128 hash, struct kn_h128 *ret)
{
    uint64_t low = 0;
    uint64_t high = filter_has(r, hash) ? r->count : 0;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct kn_h128 e = entry_at(r, middle);
        int o = kn_dedupe_order(e, hash);
        if (o == 0) {
            *ret = e;
            return true;
        }
        if (o < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

void kn_dup_path(const struct kn_dup_place *place, uint64_t number, char *to, size_t len)
{
    (void)snprintf(to, len, "%s/%012llu.dup", place->dir, (unsigned long long)number);
}

bool kn_dup_run_is_sane(const struct kn_dup_run *r)
{
    return r->count <= ENTRIES_MAX && r->filter_blocks > 0 && r->filter_blocks <= ENTRIES_MAX &&
           r->min_hour <= r->max_hour && r->max_hour <= HOURS_MAX && r->min_hour >= -HOURS_MAX;
}

void kn_dup_run_close(struct kn_dup_run *r)
{
    if (r->map) {
        kn_file_unmap(r->file, r->map, r->bytes);
    }
    kn_file_close(r->file);
    r->file = NULL;
    r->map = NULL;
}

void kn_dup_run_discard(const struct kn_dup_place *place, struct kn_dup_run *r)
{
    char path[1024];
    kn_dup_run_close(r);
    kn_dup_path(place, r->number, path, sizeof path);
    (void)kn_disk_remove(place->disk, path, NULL); /* else at the next start */
}

static enum kn_rc check_header(const struct kn_dup_run *r, const char *path, struct kn_err *err)
{
    struct kn_cursor c = kn_cursor(kn_str(r->map, HEADER_BYTES));
    uint32_t magic = kn_take_le32(&c);
    uint32_t format = kn_take_le32(&c);
    uint64_t count = kn_take_le64(&c);
    uint64_t blocks = kn_take_le64(&c);
    uint64_t rest = 0;
    (void)kn_take_le64(&c); /* the checksum: kn_dedupe_verify looks at it */
    for (int i = 0; i < 4; i++) {
        rest |= kn_take_le64(&c);
    }
    if (magic == MAGIC && format != FORMAT) {
        return kn_fail(err, KN_E_VERSION, "%s was written by another version of the format", path);
    }
    if (magic != MAGIC || count != r->count || blocks != r->filter_blocks || rest != 0) {
        return kn_fail(err, KN_E_CORRUPT, "%s at offset 0: the header is damaged", path);
    }
    return KN_OK;
}

enum kn_rc kn_dup_run_open(const struct kn_dup_place *place, struct kn_dup_run *r,
                           struct kn_err *err)
{
    char path[1024];
    uint64_t bytes;
    const void *map;
    kn_dup_path(place, r->number, path, sizeof path);
    enum kn_rc rc = kn_disk_open(place->disk, path, KN_OPEN_READ, &r->file, err);
    if (rc == KN_E_NOT_FOUND) {
        return kn_fail(err, KN_E_CORRUPT, "%s at offset 0: the file is missing", path);
    }
    KN_TRY(rc);
    KN_TRY(kn_file_size(r->file, &bytes, err));
    r->bytes = HEADER_BYTES + r->count * ENTRY_BYTES + r->filter_blocks * FILTER_BLOCK;
    if (bytes != r->bytes) {
        return kn_fail(err, KN_E_CORRUPT, "%s at offset %llu: it has %llu bytes, not %llu", path,
                       (unsigned long long)(bytes < r->bytes ? bytes : r->bytes),
                       (unsigned long long)bytes, (unsigned long long)r->bytes);
    }
    KN_TRY(kn_file_map(r->file, bytes, &map, err));
    r->map = map;
    return check_header(r, path, err);
}

/* ---- making ---- */

static struct kn_h128 peek(const struct kn_dup_source *s)
{
    return s->array ? s->array[s->at] : entry_at(s->run, s->at);
}

struct writer {
    struct kn_buf bytes; /* the whole file */
    struct kn_dup_run run;
};

static void put_entry(struct writer *w, struct kn_h128 e, int64_t hour)
{
    kn_buf_le64(&w->bytes, e.hi);
    kn_buf_le64(&w->bytes, e.lo);
    w->run.min_hour = w->run.count == 0 || hour < w->run.min_hour ? hour : w->run.min_hour;
    w->run.max_hour = w->run.count == 0 || hour > w->run.max_hour ? hour : w->run.max_hour;
    w->run.count++;
}

/* Merges two sorted sources, the newer entry of a pair winning, without what has expired. */
static void merge_sources(struct kn_dup_source *a, struct kn_dup_source *b, int64_t oldest_hour,
                          struct writer *w)
{
    while (a->at < a->count || b->at < b->count) {
        int o = a->at == a->count ? 1 : b->at == b->count ? -1 : kn_dedupe_order(peek(a), peek(b));
        struct kn_dup_source *from = o < 0 ? a : b; /* b is the newer */
        struct kn_h128 e = peek(from);
        int64_t hour = kn_dup_hour(e, from->max_hour);
        if (hour >= oldest_hour) {
            put_entry(w, e, hour);
        }
        a->at += o <= 0 ? 1 : 0;
        b->at += o >= 0 ? 1 : 0;
    }
}

/* In pieces that go to the device at once: the sync at the end has little to wait for. */
static enum kn_rc write_pushed(struct kn_file *file, struct kn_str bytes, struct kn_err *err)
{
    for (size_t at = 0; at < bytes.len; at += PUSH_BYTES) {
        struct kn_str piece = kn_str_sub(bytes, at, at + PUSH_BYTES);
        KN_TRY(kn_file_write(file, at, piece.p, piece.len, err));
        kn_file_push(file, at, piece.len);
    }
    return KN_OK;
}

static enum kn_rc write_header(struct writer *w, struct kn_err *err)
{
    struct kn_buf header;
    struct kn_str rest = kn_str_sub(kn_buf_view(&w->bytes), HEADER_BYTES, w->bytes.len);
    kn_buf_init(&header, HEADER_BYTES);
    kn_buf_le32(&header, MAGIC);
    kn_buf_le32(&header, FORMAT);
    kn_buf_le64(&header, w->run.count);
    kn_buf_le64(&header, w->run.filter_blocks);
    kn_buf_le64(&header, kn_checksum64(rest));
    enum kn_rc rc = header.rc;
    if (rc == KN_OK) {
        memcpy(w->bytes.p, header.p, header.len);
    }
    kn_buf_deinit(&header);
    return rc == KN_OK ? KN_OK : kn_fail(err, rc, "out of memory");
}

static enum kn_rc write_run(const struct kn_dup_place *place, struct writer *w, struct kn_err *err)
{
    char path[1024];
    struct kn_file *file;
    struct kn_dup_run *r = &w->run;
    r->filter_blocks = r->count * 10 / 512 + 1;
    char *filter = kn_buf_reserve(&w->bytes, (size_t)r->filter_blocks * FILTER_BLOCK);
    if (!filter) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    memset(filter, 0, (size_t)r->filter_blocks * FILTER_BLOCK);
    r->map = w->bytes.p;
    for (uint64_t i = 0; i < r->count; i++) {
        filter_add((unsigned char *)filter, r->filter_blocks, entry_at(r, i));
    }
    r->map = NULL;
    w->bytes.len += (size_t)r->filter_blocks * FILTER_BLOCK;
    KN_TRY(write_header(w, err));
    kn_dup_path(place, r->number, path, sizeof path);
    KN_TRY(kn_disk_open(place->disk, path, KN_OPEN_CREATE, &file, err));
    enum kn_rc rc = kn_file_truncate(file, 0, err);
    if (rc == KN_OK) {
        rc = write_pushed(file, kn_buf_view(&w->bytes), err);
    }
    if (rc == KN_OK) {
        rc = kn_file_sync(file, err);
        if (rc != KN_OK && rc != KN_E_FULL) {
            rc = KN_E_IO;
        }
    }
    kn_file_close(file);
    if (rc == KN_OK) {
        rc = kn_disk_sync_dir(place->disk, place->dir, err);
    }
    return rc == KN_OK ? kn_dup_run_open(place, r, err) : rc;
}

enum kn_rc kn_dup_run_make(const struct kn_dup_place *place, uint64_t number,
                           struct kn_dup_source *a, struct kn_dup_source *b, int64_t oldest_hour,
                           struct kn_dup_run *ret, struct kn_err *err)
{
    struct writer w = {.run.number = number};
    kn_buf_init(&w.bytes, SIZE_MAX / 2);
    char *header = kn_buf_reserve(&w.bytes, HEADER_BYTES);
    enum kn_rc rc = KN_E_NOMEM;
    if (!header) {
        (void)kn_fail(err, rc, "out of memory");
    } else {
        memset(header, 0, HEADER_BYTES);
        w.bytes.len = HEADER_BYTES;
        merge_sources(a, b, oldest_hour, &w);
        rc = w.bytes.rc != KN_OK ? kn_fail(err, w.bytes.rc, "out of memory")
                                 : write_run(place, &w, err);
    }
    kn_buf_deinit(&w.bytes);
    if (rc != KN_OK) {
        kn_dup_run_discard(place, &w.run);
        return rc;
    }
    *ret = w.run;
    return KN_OK;
}

/* ---- verify ---- */

/* The first entry that is out of order, dated wrongly or missing from the filter; count = none. */
static uint64_t first_bad_entry(const struct kn_dup_run *r)
{
    for (uint64_t i = 0; i < r->count; i++) {
        struct kn_h128 e = entry_at(r, i);
        if ((i > 0 && kn_dedupe_order(entry_at(r, i - 1), e) >= 0) || !filter_has(r, e) ||
            kn_dup_hour(e, r->max_hour) < r->min_hour) {
            return i;
        }
    }
    return r->count;
}

enum kn_rc kn_dup_run_verify(const struct kn_dup_place *place, const struct kn_dup_run *r,
                             struct kn_err *err)
{
    char path[1024];
    struct kn_cursor c = kn_cursor(kn_str(r->map, HEADER_BYTES));
    kn_dup_path(place, r->number, path, sizeof path);
    (void)kn_take_bytes(&c, 24);
    uint64_t sum = kn_take_le64(&c);
    uint64_t bad = first_bad_entry(r);
    if (bad < r->count) {
        return kn_fail(err, KN_E_CORRUPT, "%s at offset %llu: the entry does not belong there",
                       path, HEADER_BYTES + bad * (unsigned long long)ENTRY_BYTES);
    }
    if (sum != kn_checksum64(kn_str(r->map + HEADER_BYTES, r->bytes - HEADER_BYTES))) {
        return kn_fail(err, KN_E_CORRUPT,
                       "%s at offset %d: the checksum of what follows the header is wrong", path,
                       (int)HEADER_BYTES);
    }
    return KN_OK;
}
