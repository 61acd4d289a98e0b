/* The archive as its files share it. */
#ifndef KN_BEHAVIOUR_INTERNAL_H
#define KN_BEHAVIOUR_INTERNAL_H

#include <stdatomic.h>

#include "behaviour/archive.h"
#include "os/thread.h"

enum {
    KN_RUNS_MAX = 64,
    KN_RUN_HEADER = 64,
    KN_RUN_FOOTER = 64,
    KN_RUN_INDEX_ENTRY = 56,
    KN_RUN_FORMAT = 1,
    KN_BLOCK_BYTES_MAX = 64 << 20, /* a block holds at least one row, however large */
};

#define KN_RUN_MAGIC "KERNRUN1"

/* ---- tail: rows in memory, shared with pins ---- */

struct kn_tail_row {
    struct kn_archive_row row; /* item points into a chunk */
    uint32_t before;           /* index + 1 of the ordinal's row before this one, 0 = none */
};

struct kn_tail_index {
    uint32_t ordinal, last; /* last = index + 1, 0 = a free place */
};

struct kn_tail {
    atomic_uint references;
    struct kn_tail_row *rows;
    size_t count, room;
    char **chunks;
    size_t chunk_count, chunk_used, chunk_room;
    struct kn_tail_index *index;
    size_t index_room, index_count;
    uint64_t bytes;
};

/* Room for the rows expected is taken at once; more may come. */
struct kn_tail *kn_tail_new(size_t rows_expected);
void kn_tail_unref(struct kn_tail *tail);
void kn_tail_append(struct kn_tail *tail, const struct kn_archive_row *row);
/* index + 1 of the newest row of the ordinal, 0 = none. */
uint32_t kn_tail_last(const struct kn_tail *tail, uint32_t ordinal);
/* Row numbers in the order (ordinal, event time, arrival, version); the caller frees. */
uint32_t *kn_tail_sorted(const struct kn_tail *tail);

/* ---- runs ---- */

struct kn_block {
    uint64_t offset, checksum;
    uint32_t packed, raw, rows;
    uint32_t first_ordinal, last_ordinal;
    int64_t first_us, last_us; /* of the first and the last row */
};

struct kn_run {
    atomic_uint references;
    uint64_t number; /* of the file */
    uint64_t bytes, rows, raw_bytes;
    struct kn_block *blocks;
    size_t block_count;
    struct kn_file *file;
    const char *map;
    char path[512];
};

void kn_run_unref(struct kn_run *run);
enum kn_rc kn_run_open(struct kn_disk disk, const char *dir, uint64_t number, struct kn_run **ret,
                       struct kn_err *err) KN_MUST_USE;
/* The rows of a block, decompressed; `rows` and `data` belong to the block. */
struct kn_rows {
    struct kn_archive_row *rows;
    size_t count;
    char *data;
};
enum kn_rc kn_run_read_block(const struct kn_run *run, size_t block, struct kn_rows *ret,
                             struct kn_err *err) KN_MUST_USE;
void kn_rows_free(struct kn_rows *rows);

struct kn_run_writer {
    struct kn_disk disk;
    struct kn_file *file;
    uint64_t number, offset, pushed, rows, raw_bytes;
    uint32_t block_bytes;
    int level;
    void *zstd; /* ZSTD_CCtx */
    struct kn_buf header, bodies, packed, index;
    struct kn_block block;
    struct kn_archive_row last; /* without its item */
    char path[512];
    const char *dir; /* borrowed */
};
enum kn_rc kn_run_writer_open(struct kn_run_writer *w, struct kn_disk disk, const char *dir,
                              uint64_t number, uint32_t block_bytes, int level,
                              struct kn_err *err) KN_MUST_USE;
/* Rows come in order. */
enum kn_rc kn_run_writer_add(struct kn_run_writer *w, const struct kn_archive_row *row,
                             struct kn_err *err) KN_MUST_USE;
/* Ends the file, syncs it and its directory. */
enum kn_rc kn_run_writer_finish(struct kn_run_writer *w, struct kn_err *err) KN_MUST_USE;
/* Frees; a file that was not finished is removed. */
void kn_run_writer_close(struct kn_run_writer *w);

/* ---- masks ---- */

struct kn_mask {
    uint32_t ordinal, version;
    uint64_t arrival;
};
/* Hides all rows of the ordinal. */
static inline struct kn_mask kn_mask_whole(uint32_t ordinal)
{
    return (struct kn_mask){ordinal, UINT32_MAX, UINT64_MAX};
}
static inline bool kn_mask_is_whole(const struct kn_mask *m)
{
    return m->arrival == UINT64_MAX && m->version == UINT32_MAX;
}
int kn_mask_cmp(const void *a, const void *b);
bool kn_mask_has(const struct kn_mask *sorted, size_t count, const struct kn_archive_row *row);
bool kn_mask_has_whole(const struct kn_mask *sorted, size_t count, uint32_t ordinal);
int kn_row_cmp(const struct kn_archive_row *a, const struct kn_archive_row *b);

/* ---- merge under way ---- */

struct kn_merge_input {
    struct kn_run *run;
    size_t next_block;
    struct kn_rows rows;
    size_t at;
};

struct kn_merge {
    struct kn_merge_input inputs[2]; /* of a run written again the second is none */
    struct kn_run_writer writer;
    bool writing, finished; /* the writer is open; its file is whole */
    struct kn_mask *masks;  /* sorted, of when it began */
    size_t mask_count;
    struct kn_run *done; /* the result, waiting for the next checkpoint */
};

void kn_archive__merge_free(struct kn_archive *a);
/* The run at `at` is to be written again without what is hidden in it. */
enum kn_rc kn_archive__rewrite(struct kn_archive *a, size_t at, struct kn_err *err) KN_MUST_USE;
/* All masks there are, sorted; the caller frees. */
struct kn_mask *kn_archive__sorted_masks(struct kn_archive *a, size_t *ret_count);

struct kn_archive {
    struct kn_disk disk;
    char *dir;
    uint32_t block_bytes;
    int level;
    uint64_t next_number;
    struct kn_tail *tail, *frozen;
    struct kn_run *runs[KN_RUNS_MAX]; /* oldest first */
    size_t run_count;
    struct kn_run *next[KN_RUNS_MAX]; /* between write and install */
    size_t next_count;
    bool written;
    struct kn_merge *merge; /* NULL = none */
    struct kn_mutex mask_mutex;
    struct kn_mask *masks;
    size_t mask_count, mask_room;
    size_t frozen_masks; /* how many of them the checkpoint under way knows */
    size_t clean_masks;  /* the first ones, when no file has a row they hide; until the install */
};

#endif
