#include <stdio.h>
#include <zstd.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "behaviour/archive_internal.h"

enum { PUSH_BYTES = 1 << 20 };

enum kn_rc kn_run_writer_open(struct kn_run_writer *w, struct kn_disk disk, const char *dir,
                              uint64_t number, uint32_t block_bytes, int level, struct kn_err *err)
{
    *w = (struct kn_run_writer){
        .disk = disk, .number = number, .block_bytes = block_bytes, .level = level, .dir = dir};
    (void)snprintf(w->path, sizeof w->path, "%s/%012llu.run", dir, (unsigned long long)number);
    kn_buf_init(&w->header, SIZE_MAX / 4);
    kn_buf_init(&w->bodies, SIZE_MAX / 4);
    kn_buf_init(&w->packed, SIZE_MAX / 4);
    kn_buf_init(&w->index, SIZE_MAX / 4);
    w->zstd = ZSTD_createCCtx();
    if (!w->zstd) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    char header[KN_RUN_HEADER] = KN_RUN_MAGIC;
    KN_TRY(kn_disk_open(disk, w->path, KN_OPEN_CREATE, &w->file, err));
    KN_TRY(kn_file_truncate(w->file, 0, err));
    w->offset = KN_RUN_HEADER;
    return kn_file_write(w->file, 0, header, sizeof header, err);
}

static enum kn_rc end_block(struct kn_run_writer *w, struct kn_err *err)
{
    struct kn_block *b = &w->block;
    if (b->rows == 0) {
        return KN_OK;
    }
    /* raw = u32 length of the header columns, the columns, the bodies */
    struct kn_buf raw;
    kn_buf_init(&raw, SIZE_MAX / 4);
    kn_buf_le32(&raw, (uint32_t)w->header.len);
    kn_buf_str(&raw, kn_buf_view(&w->header));
    kn_buf_str(&raw, kn_buf_view(&w->bodies));
    size_t bound = ZSTD_compressBound(raw.len);
    kn_buf_clear(&w->packed);
    char *to = kn_buf_reserve(&w->packed, bound);
    if (!to || raw.rc != KN_OK || w->header.rc != KN_OK || w->bodies.rc != KN_OK) {
        kn_buf_deinit(&raw);
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    size_t packed = ZSTD_compressCCtx(w->zstd, to, bound, raw.p, raw.len, w->level);
    b->raw = (uint32_t)raw.len;
    kn_buf_deinit(&raw);
    kn_assert(!ZSTD_isError(packed));
    b->packed = (uint32_t)packed;
    b->offset = w->offset;
    b->checksum = kn_checksum64(kn_str(to, packed));
    b->last_ordinal = w->last.ordinal;
    b->last_us = w->last.event_us;
    KN_TRY(kn_file_write(w->file, w->offset, to, packed, err));
    w->offset += packed;
    if (w->offset - w->pushed >= PUSH_BYTES) {
        kn_file_push(w->file, w->pushed, w->offset - w->pushed);
        w->pushed = w->offset;
    }
    w->raw_bytes += b->raw;
    kn_buf_le64(&w->index, b->offset);
    kn_buf_le64(&w->index, b->checksum);
    kn_buf_le32(&w->index, b->packed);
    kn_buf_le32(&w->index, b->raw);
    kn_buf_le32(&w->index, b->rows);
    kn_buf_le32(&w->index, b->first_ordinal);
    kn_buf_le32(&w->index, b->last_ordinal);
    kn_buf_le32(&w->index, 0);
    kn_buf_le64(&w->index, (uint64_t)b->first_us);
    kn_buf_le64(&w->index, (uint64_t)b->last_us);
    *b = (struct kn_block){0};
    kn_buf_clear(&w->header);
    kn_buf_clear(&w->bodies);
    return KN_OK;
}

enum kn_rc kn_run_writer_add(struct kn_run_writer *w, const struct kn_archive_row *row,
                             struct kn_err *err)
{
    struct kn_block *b = &w->block;
    if (b->rows > 0 && w->bodies.len + row->item.len > w->block_bytes) {
        KN_TRY(end_block(w, err));
    }
    kn_assert(w->rows == 0 || kn_row_cmp(&w->last, row) < 0);
    if (b->rows == 0) {
        b->first_ordinal = row->ordinal;
        b->first_us = row->event_us;
        w->last = (struct kn_archive_row){0};
    }
    kn_buf_varint(&w->header, row->ordinal - w->last.ordinal);
    kn_buf_varint(&w->header,
                  kn_zigzag((int64_t)((uint64_t)row->event_us - (uint64_t)w->last.event_us)));
    kn_buf_varint(&w->header, kn_zigzag((int64_t)(row->arrival - w->last.arrival)));
    kn_buf_varint(&w->header, row->version);
    kn_buf_varint(&w->header, row->item.len);
    kn_buf_str(&w->bodies, row->item);
    w->last = *row;
    w->last.item = KN_STR_EMPTY;
    b->rows++;
    w->rows++;
    return KN_OK;
}

enum kn_rc kn_run_writer_finish(struct kn_run_writer *w, struct kn_err *err)
{
    struct kn_buf footer;
    KN_TRY(end_block(w, err));
    if (w->index.rc != KN_OK) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    kn_buf_init(&footer, KN_RUN_FOOTER);
    kn_buf_c(&footer, "KERNEND1");
    kn_buf_le64(&footer, w->offset);
    kn_buf_le64(&footer, w->index.len / KN_RUN_INDEX_ENTRY);
    kn_buf_le64(&footer, w->rows);
    kn_buf_le64(&footer, w->raw_bytes);
    kn_buf_le64(&footer, kn_checksum64(kn_buf_view(&w->index)));
    kn_buf_le64(&footer, KN_RUN_FORMAT);
    kn_buf_le64(&footer, kn_checksum64(kn_buf_view(&footer)));
    enum kn_rc rc = footer.rc;
    if (rc == KN_OK && w->index.len > 0) {
        rc = kn_file_write(w->file, w->offset, w->index.p, w->index.len, err);
    }
    if (rc == KN_OK) {
        rc = kn_file_write(w->file, w->offset + w->index.len, footer.p, footer.len, err);
    }
    kn_buf_deinit(&footer);
    if (rc == KN_OK) {
        rc = kn_file_sync(w->file, err);
    }
    if (rc == KN_OK) {
        rc = kn_disk_sync_dir(w->disk, w->dir, err);
    }
    if (rc == KN_OK) {
        kn_file_close(w->file);
        w->file = NULL;
    }
    return rc;
}

void kn_run_writer_close(struct kn_run_writer *w)
{
    if (w->file) {
        kn_file_close(w->file);
        w->file = NULL;
        (void)kn_disk_remove(w->disk, w->path, NULL); /* else at the next start */
    }
    (void)ZSTD_freeCCtx(w->zstd);
    w->zstd = NULL;
    kn_buf_deinit(&w->header);
    kn_buf_deinit(&w->bodies);
    kn_buf_deinit(&w->packed);
    kn_buf_deinit(&w->index);
}
