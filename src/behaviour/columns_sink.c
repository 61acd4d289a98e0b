/* Regions of a run that is being made: into its memory, or through a buffer into a file. */
#include "base/assert.h"
#include "base/mem.h"
#include "behaviour/columns_join.h"

enum { BUFFER_BYTES = 1 << 20, ROOM_MAX = KN_COL_CHUNK * 8 };

enum kn_rc kn_col_sink_init(struct kn_col_sink *s, struct kn_col_run *run, struct kn_file *file,
                            uint64_t offset, struct kn_err *err)
{
    *s = (struct kn_col_sink){.run = run, .file = file, .offset = offset, .pushed = offset};
    kn_buf_init(&s->checksums, SIZE_MAX / 4);
    if (!file) {
        return KN_OK;
    }
    s->checksum = kn_alloc_aligned(_Alignof(struct kn_checksum), sizeof *s->checksum);
    s->buffer = kn_alloc(BUFFER_BYTES + ROOM_MAX + KN_COL_ALIGN);
    return s->checksum && s->buffer ? KN_OK : kn_col_no_memory(err);
}

void kn_col_sink_deinit(struct kn_col_sink *s)
{
    kn_free(s->checksum);
    kn_free(s->buffer);
    kn_buf_deinit(&s->checksums);
}

enum kn_rc kn_col_sink_flush(struct kn_col_sink *s, struct kn_err *err)
{
    if (s->used > 0) {
        KN_TRY(kn_file_write(s->file, s->offset, s->buffer, s->used, err));
        s->offset += s->used;
        s->used = 0;
        s->summed = 0;
        kn_file_push(s->file, s->pushed, s->offset - s->pushed);
        s->pushed = s->offset;
    }
    return KN_OK;
}

enum kn_rc kn_col_sink_begin(struct kn_col_sink *s, uint64_t bytes, struct kn_err *err)
{
    kn_assert(s->left == 0);
    s->left = bytes;
    if (!s->file) {
        s->begin = bytes <= SIZE_MAX / 4 ? kn_col_region(s->run, bytes) : NULL;
        s->at = s->begin;
        return s->begin ? KN_OK : kn_col_no_memory(err);
    }
    kn_checksum_begin(s->checksum);
    s->summed = s->used;
    return KN_OK;
}

static void sum_up(struct kn_col_sink *s)
{
    kn_checksum_add(s->checksum, kn_str(s->buffer + s->summed, s->used - s->summed));
    s->summed = s->used;
}

enum kn_rc kn_col_sink_room(struct kn_col_sink *s, size_t bytes, void *ret, struct kn_err *err)
{
    kn_assert(bytes <= s->left && bytes <= ROOM_MAX);
    s->left -= bytes;
    if (!s->file) {
        *(void **)ret = s->at;
        s->at += bytes;
        return KN_OK;
    }
    sum_up(s);
    if (s->used >= BUFFER_BYTES) {
        KN_TRY(kn_col_sink_flush(s, err));
    }
    *(void **)ret = s->buffer + s->used;
    s->used += bytes;
    return KN_OK;
}

enum kn_rc kn_col_sink_end(struct kn_col_sink *s, void *ret, struct kn_err *err)
{
    kn_assert(s->left == 0);
    *(void **)ret = s->begin;
    if (!s->file) {
        return KN_OK;
    }
    sum_up(s);
    kn_buf_le64(&s->checksums, kn_checksum_end(s->checksum));
    size_t padding = (size_t)((0 - (s->offset + s->used)) % KN_COL_ALIGN);
    memset(s->buffer + s->used, 0, padding);
    s->used += padding;
    s->summed = s->used;
    return s->checksums.rc == KN_OK ? KN_OK : kn_col_no_memory(err);
}
