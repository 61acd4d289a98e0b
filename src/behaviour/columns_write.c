#include <stdio.h>

#include "base/mem.h"
#include "behaviour/columns_file.h"

enum kn_rc kn_col_writer_open(struct kn_col_writer *w, struct kn_disk disk, const char *dir,
                              uint64_t number, struct kn_err *err)
{
    char header[KN_COL_HEADER] = KN_COL_MAGIC;
    *w = (struct kn_col_writer){.disk = disk, .dir = dir, .number = number};
    (void)snprintf(w->path, sizeof w->path, "%s/%012llu.col", dir, (unsigned long long)number);
    KN_TRY(kn_disk_open(disk, w->path, KN_OPEN_CREATE, &w->file, err));
    KN_TRY(kn_file_truncate(w->file, 0, err));
    return kn_file_write(w->file, 0, header, sizeof header, err);
}

static void put_table(struct kn_buf *out, const struct kn_col_table *t)
{
    const struct kn_table_part *p = &t->part;
    kn_buf_varint(out, (uint64_t)p->kind);
    kn_buf_lstr(out, p->name);
    kn_buf_varint(out, p->rows);
    kn_buf_varint(out, p->groups);
    kn_buf_varint(out, p->large_count);
    kn_buf_le64(out, (uint64_t)p->base_us);
    kn_buf_le64(out, (uint64_t)p->last_us);
    kn_buf_varint(out, p->low_width);
    kn_buf_varint(out, p->arrival_width);
    kn_buf_le64(out, p->arrival_base);
    kn_buf_le64(out, t->arrival_max);
    kn_buf_varint(out, p->array_count);
    for (uint32_t i = 0; i < p->array_count; i++) {
        kn_buf_lstr(out, t->array_ids[i]);
        kn_buf_varint(out, p->arrays[i].elements);
    }
    kn_buf_varint(out, p->column_count);
    for (uint32_t i = 0; i < p->column_count; i++) {
        kn_buf_lstr(out, t->column_ids[i]);
        kn_buf_varint(out, p->columns[i].dictionary.count);
        kn_buf_varint(out, t->text_bytes[i]);
    }
}

static void put_directory(struct kn_buf *out, const struct kn_col_run *run, struct kn_str checksums)
{
    kn_buf_varint(out, run->ordinal_end);
    for (int i = 0; i < KN_COL_VOIDS; i++) {
        kn_buf_varint(out, run->void_counts[i]);
    }
    kn_buf_varint(out, run->table_count);
    for (uint32_t i = 0; i < run->table_count; i++) {
        put_table(out, &run->tables[i]);
    }
    kn_buf_str(out, checksums);
}

static enum kn_rc write_end(struct kn_col_writer *w, struct kn_err *err)
{
    struct kn_col_sink *sink = &w->join->sink;
    struct kn_buf out;
    struct kn_buf footer;
    kn_buf_init(&out, SIZE_MAX / 4);
    kn_buf_init(&footer, KN_COL_FOOTER);
    put_directory(&out, w->join->run, kn_buf_view(&sink->checksums));
    kn_buf_c(&footer, KN_COL_MAGIC_END);
    kn_buf_le64(&footer, sink->offset);
    kn_buf_le64(&footer, out.len);
    kn_buf_le64(&footer, out.rc == KN_OK ? kn_checksum64(kn_buf_view(&out)) : 0);
    kn_buf_le64(&footer, w->join->run->rows);
    kn_buf_le64(&footer, KN_COL_FORMAT);
    kn_buf_le64(&footer, 0);
    kn_buf_le64(&footer, footer.rc == KN_OK ? kn_checksum64(kn_buf_view(&footer)) : 0);
    enum kn_rc rc = out.rc == KN_OK && footer.rc == KN_OK ? KN_OK : kn_col_no_memory(err);
    if (rc == KN_OK) {
        rc = kn_file_write(w->file, sink->offset, out.p, out.len, err);
    }
    if (rc == KN_OK) {
        rc = kn_file_write(w->file, sink->offset + out.len, footer.p, footer.len, err);
    }
    kn_buf_deinit(&out);
    kn_buf_deinit(&footer);
    return rc;
}

enum kn_rc kn_col_writer_finish(struct kn_col_writer *w, struct kn_err *err)
{
    KN_TRY(kn_col_sink_flush(&w->join->sink, err));
    KN_TRY(write_end(w, err));
    KN_TRY(kn_file_sync(w->file, err));
    KN_TRY(kn_disk_sync_dir(w->disk, w->dir, err));
    kn_file_close(w->file);
    w->file = NULL;
    w->whole = true;
    return KN_OK;
}

void kn_col_writer_close(struct kn_col_writer *w)
{
    kn_col_join_free(w->join);
    w->join = NULL;
    if (w->file) {
        kn_file_close(w->file);
        w->file = NULL;
        (void)kn_disk_remove(w->disk, w->path, NULL); /* else at the next start */
    }
}
