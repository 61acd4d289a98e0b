#include <stdio.h>
#include <zstd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "behaviour/archive_internal.h"

void kn_run_unref(struct kn_run *run)
{
    if (!run || atomic_fetch_sub(&run->references, 1) != 1) {
        return;
    }
    if (run->map) {
        kn_file_unmap(run->file, run->map, run->bytes);
    }
    kn_file_close(run->file);
    kn_free(run->blocks);
    kn_free(run);
}

static enum kn_rc damaged(const struct kn_run *run, uint64_t offset, const char *what,
                          struct kn_err *err)
{
    return kn_fail(err, KN_E_CORRUPT, "%s at offset %llu: %s", run->path,
                   (unsigned long long)offset, what);
}

static enum kn_rc read_index(struct kn_run *run, uint64_t offset, uint64_t count, uint64_t checksum,
                             struct kn_err *err)
{
    uint64_t len = run->bytes - KN_RUN_FOOTER - offset;
    struct kn_str bytes = kn_str(run->map + offset, len);
    if (count > len / KN_RUN_INDEX_ENTRY || count * KN_RUN_INDEX_ENTRY != len ||
        kn_checksum64(bytes) != checksum) {
        return damaged(run, offset, "the block index is damaged", err);
    }
    run->blocks = kn_calloc(count + 1, sizeof *run->blocks);
    if (!run->blocks) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    run->block_count = count;
    struct kn_cursor c = kn_cursor(bytes);
    uint64_t next = KN_RUN_HEADER;
    for (uint64_t i = 0; i < count; i++) {
        struct kn_block *b = &run->blocks[i];
        b->offset = kn_take_le64(&c);
        b->checksum = kn_take_le64(&c);
        b->packed = kn_take_le32(&c);
        b->raw = kn_take_le32(&c);
        b->rows = kn_take_le32(&c);
        b->first_ordinal = kn_take_le32(&c);
        b->last_ordinal = kn_take_le32(&c);
        (void)kn_take_le32(&c);
        b->first_us = (int64_t)kn_take_le64(&c);
        b->last_us = (int64_t)kn_take_le64(&c);
        if (b->offset != next || b->packed > offset - next || b->rows == 0 ||
            b->raw > KN_BLOCK_BYTES_MAX || b->first_ordinal > b->last_ordinal) {
            return damaged(run, offset, "the block index makes no sense", err);
        }
        next += b->packed;
    }
    return next == offset ? KN_OK : damaged(run, next, "bytes belong to no block", err);
}

static enum kn_rc read_footer(struct kn_run *run, struct kn_err *err)
{
    if (run->bytes < KN_RUN_HEADER + KN_RUN_FOOTER) {
        return damaged(run, 0, "the file is cut short", err);
    }
    uint64_t at = run->bytes - KN_RUN_FOOTER;
    struct kn_str bytes = kn_str(run->map + at, KN_RUN_FOOTER);
    struct kn_cursor c = kn_cursor(bytes);
    char header[KN_RUN_HEADER] = KN_RUN_MAGIC;
    if (memcmp(run->map, header, sizeof header) != 0) {
        return damaged(run, 0, "the header is damaged", err);
    }
    struct kn_str magic = kn_take_bytes(&c, 8);
    uint64_t index = kn_take_le64(&c);
    uint64_t count = kn_take_le64(&c);
    run->rows = kn_take_le64(&c);
    run->raw_bytes = kn_take_le64(&c);
    uint64_t index_sum = kn_take_le64(&c);
    uint64_t format = kn_take_le64(&c);
    uint64_t sum = kn_take_le64(&c);
    if (!kn_str_eq(magic, KN_STR("KERNEND1")) || sum != kn_checksum64(kn_str_sub(bytes, 0, 56))) {
        return damaged(run, at, "the footer is damaged", err);
    }
    if (format != KN_RUN_FORMAT) {
        return kn_fail(err, KN_E_VERSION, "%s was written by another version", run->path);
    }
    if (index < KN_RUN_HEADER || index > at) {
        return damaged(run, at, "the footer makes no sense", err);
    }
    return read_index(run, index, count, index_sum, err);
}

enum kn_rc kn_run_open(struct kn_disk disk, const char *dir, uint64_t number, struct kn_run **ret,
                       struct kn_err *err)
{
    struct kn_run *run = kn_calloc(1, sizeof *run);
    const void *map;
    if (!run) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    atomic_init(&run->references, 1);
    run->number = number;
    (void)snprintf(run->path, sizeof run->path, "%s/%012llu.run", dir, (unsigned long long)number);
    enum kn_rc rc = kn_disk_open(disk, run->path, KN_OPEN_READ, &run->file, err);
    if (rc == KN_E_NOT_FOUND) {
        rc = damaged(run, 0, "the file is missing", err);
    }
    if (rc == KN_OK) {
        rc = kn_file_size(run->file, &run->bytes, err);
    }
    if (rc == KN_OK && run->bytes == 0) {
        rc = damaged(run, 0, "the file is empty", err);
    }
    if (rc == KN_OK) {
        rc = kn_file_map(run->file, run->bytes, &map, err);
    }
    if (rc == KN_OK) {
        run->map = map;
        rc = read_footer(run, err);
    }
    if (rc != KN_OK) {
        kn_run_unref(run);
        return rc;
    }
    *ret = run;
    return KN_OK;
}

static enum kn_rc decode_rows(const struct kn_run *run, const struct kn_block *b,
                              struct kn_rows *ret, struct kn_err *err)
{
    struct kn_cursor all = kn_cursor(kn_str(ret->data, b->raw));
    uint32_t header_len = kn_take_le32(&all);
    struct kn_cursor c = kn_cursor(kn_take_bytes(&all, header_len));
    struct kn_archive_row last = {0};
    /* A row takes at least five bytes of header. */
    if (all.bad || b->rows > header_len / 5 + 1) {
        return damaged(run, b->offset, "the block does not decode", err);
    }
    ret->rows = kn_alloc((b->rows + 1U) * sizeof *ret->rows);
    if (!ret->rows) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < b->rows; i++) {
        last.ordinal += (uint32_t)kn_take_varint(&c);
        last.event_us =
            (int64_t)((uint64_t)last.event_us + (uint64_t)kn_unzigzag(kn_take_varint(&c)));
        last.arrival += (uint64_t)kn_unzigzag(kn_take_varint(&c));
        last.version = (uint32_t)kn_take_varint(&c);
        last.item = kn_take_bytes(&all, (size_t)kn_take_varint(&c));
        if (c.bad || all.bad) {
            return damaged(run, b->offset, "the block does not decode", err);
        }
        ret->rows[ret->count++] = last;
    }
    return KN_OK;
}

enum kn_rc kn_run_read_block(const struct kn_run *run, size_t block, struct kn_rows *ret,
                             struct kn_err *err)
{
    const struct kn_block *b = &run->blocks[block];
    struct kn_str packed = kn_str(run->map + b->offset, b->packed);
    *ret = (struct kn_rows){0};
    if (kn_checksum64(packed) != b->checksum) {
        return damaged(run, b->offset, "the block's checksum is wrong", err);
    }
    ret->data = kn_alloc(b->raw + 1U);
    if (!ret->data) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    size_t raw = ZSTD_decompress(ret->data, b->raw, packed.p, packed.len);
    enum kn_rc rc = raw == b->raw ? decode_rows(run, b, ret, err)
                                  : damaged(run, b->offset, "the block does not decompress", err);
    if (rc != KN_OK) {
        kn_rows_free(ret);
    }
    return rc;
}

void kn_rows_free(struct kn_rows *rows)
{
    kn_free(rows->rows);
    kn_free(rows->data);
    *rows = (struct kn_rows){0};
}
