/* Joining runs: the rows of several runs, in one order, as one run, in memory or in a file.
 *
 * A join goes table by table. It first plans: which rows, in which order, as stretches of rows of
 * one input; void rows are left out here. Everything else copies along the plan: times, then column
 * by column, whose dictionaries are joined by a hash table (only entries that a row uses). Memory
 * is 8 bytes per stretch of the largest table and 12 per dictionary entry of the largest column.
 *
 * The work is done in pieces, so that a thread can do something else between them.
 */
#ifndef KN_BEHAVIOUR_COLUMNS_JOIN_H
#define KN_BEHAVIOUR_COLUMNS_JOIN_H

#include "base/hash.h"
#include "behaviour/columns_internal.h"

enum { KN_COL_INPUTS_MAX = 255, KN_COL_CHUNK = 8192 };

/* ---- where regions go ---- */

struct kn_col_sink {
    struct kn_col_run *run;       /* in memory: its memory */
    struct kn_file *file;         /* else */
    struct kn_checksum *checksum; /* of the region so far */
    char *buffer;                 /* in a file: bytes that are not written yet */
    size_t used, summed;          /* of the buffer: filled; already in the checksum */
    uint64_t offset, pushed;      /* in the file, of the buffer's begin */
    char *at, *begin;             /* in memory */
    uint64_t left;                /* bytes of the region that are to come */
    struct kn_buf checksums;      /* of all regions, in order, little endian */
};
enum kn_rc kn_col_sink_init(struct kn_col_sink *s, struct kn_col_run *run, struct kn_file *file,
                            uint64_t offset, struct kn_err *err) KN_MUST_USE;
void kn_col_sink_deinit(struct kn_col_sink *s);
/* A region of exactly this many bytes begins, is filled in pieces, ends. */
enum kn_rc kn_col_sink_begin(struct kn_col_sink *s, uint64_t bytes, struct kn_err *err) KN_MUST_USE;
/* Room for the next bytes, at most KN_COL_CHUNK * 8, valid until the next call. */
enum kn_rc kn_col_sink_room(struct kn_col_sink *s, size_t bytes, void *ret,
                            struct kn_err *err) KN_MUST_USE;
/* *ret: the region in memory; NULL in a file. */
enum kn_rc kn_col_sink_end(struct kn_col_sink *s, void *ret, struct kn_err *err) KN_MUST_USE;
enum kn_rc kn_col_sink_flush(struct kn_col_sink *s, struct kn_err *err) KN_MUST_USE;

/* ---- plans ---- */

/* Stretches of rows (or elements): input << 56 | count << 32 | first row. */
struct kn_col_plan {
    uint64_t *stretches;
    uint32_t count, room;
    uint64_t entries; /* rows or elements in all */
};
bool kn_col_plan_add(struct kn_col_plan *p, uint32_t input, uint64_t row, uint64_t count);

struct kn_col_stretch {
    uint32_t input, count;
    uint32_t row;
};
static inline struct kn_col_stretch kn_col_stretch(uint64_t packed)
{
    struct kn_col_stretch s = {(uint32_t)(packed >> 56), (uint32_t)(packed >> 32) & 0xffffff,
                               (uint32_t)packed};
    return s;
}

struct kn_col_moved {
    uint32_t to; /* ordinal */
    uint32_t input, group;
    uint64_t row;
};

struct kn_col_source { /* rows of one output group */
    uint32_t input;
    uint64_t row, end;
};

struct kn_col_void_at {
    uint32_t ordinal, by; /* the newest input that voids it */
};

struct kn_col_join_array {
    struct kn_str id;
    uint32_t parent; /* level among all arrays of the join */
    uint32_t level;  /* in the output, 0 = it has no elements and is left out */
    uint32_t *in;    /* per input: index of the array, KN_COL_NONE */
    struct kn_col_plan plan;
};

struct kn_col_join_column {
    struct kn_str path, id;
    uint32_t level; /* among all arrays of the join */
    uint32_t *in;   /* per input: index of the column, KN_COL_NONE */
};

enum kn_col_stage {
    KN_COL_S_VOIDS,
    KN_COL_S_TABLE, /* begins one */
    KN_COL_S_PLAN,
    KN_COL_S_LEVELS,
    KN_COL_S_ORDINALS,
    KN_COL_S_COUNTS,
    KN_COL_S_BLOCKS,
    KN_COL_S_LARGE,
    KN_COL_S_HI,
    KN_COL_S_LO,
    KN_COL_S_ARRIVALS,
    KN_COL_S_OFFSETS, /* of the array `item` */
    KN_COL_S_COLUMN,  /* begins the column `item` */
    KN_COL_S_DICTIONARY,
    KN_COL_S_CODES,
    KN_COL_S_KINDS,
    KN_COL_S_ENDS,
    KN_COL_S_TEXTS,
    KN_COL_S_DONE,
};

struct kn_col_entry {
    uint32_t code, input;
};

struct kn_col_join {
    struct kn_col_run **inputs; /* held, oldest first */
    uint32_t input_count;
    struct kn_col_ordinals *ordinals; /* held; NULL: only what the inputs say themselves */
    uint32_t *positions;              /* of the inputs among the runs that `ordinals` knows */
    bool keeps_voids;                 /* there are older runs */
    struct kn_col_run *run;           /* the output */
    struct kn_col_sink sink;

    enum kn_col_stage stage;
    int64_t budget;
    uint32_t item; /* list, table's array or column */
    uint64_t at;   /* in the stage */
    uint32_t stretch, in_stretch;
    uint64_t total;
    bool open; /* a region has begun */

    /* of the table */
    uint32_t *next_tables;              /* per input */
    const struct kn_col_table **tables; /* per input, NULL = it has none */
    struct kn_col_table *to;
    struct kn_col_void_at *voids;
    uint32_t void_count;
    struct kn_col_plan plan;
    int64_t first_us, last_us;         /* of the plan */
    uint32_t *ordinals_out, *rows_out; /* per group */
    uint32_t group_count, group_room, rows_room;
    uint32_t *groups;  /* per input: the next one */
    uint64_t *rows;    /* its first row */
    uint32_t *void_at; /* per input: cursor into voids */
    struct kn_col_moved *moved;
    uint32_t moved_count, moved_room, moved_at;
    struct kn_col_source *sources;
    uint32_t source_count, source_room;
    bool *whole; /* per input: no row of the table is left out */
    struct kn_col_join_array *arrays;
    uint32_t array_count;
    struct kn_col_join_column *columns;
    uint32_t column_count;
    struct kn_arena arena; /* of the table */

    /* of the column */
    uint32_t **maps; /* per input: code in the output; UINT32_MAX = used, not looked up yet */
    uint32_t *map_counts;
    struct kn_col_entry *entries;
    uint32_t *hashes, *slots;
    uint32_t entry_count, entry_room, hash_room, slot_room;
    uint64_t text_bytes;
    uint32_t input; /* of the dictionary being joined */
};

/* Takes references of its own. `ordinals` (may be NULL) with the inputs' positions in its runs:
 * rows that are void by it are left out, events of merged ordinals move to their canonical one. */
enum kn_rc kn_col_join_begin(struct kn_col_join **ret, struct kn_col_run *const *inputs,
                             uint32_t count, struct kn_col_ordinals *ordinals,
                             uint32_t first_position, struct kn_file *file,
                             struct kn_err *err) KN_MUST_USE;
/* Does about `bytes` of it. */
enum kn_rc kn_col_join_step(struct kn_col_join *j, uint64_t bytes, bool *ret_done,
                            struct kn_err *err) KN_MUST_USE;
/* The finished run (its tables' data is NULL when it went to a file); the caller holds it. */
struct kn_col_run *kn_col_join_take(struct kn_col_join *j);
void kn_col_join_free(struct kn_col_join *j);
/* Some column or table would pass what 32 bits can count. */
bool kn_col_join_is_too_large(struct kn_col_run *const *inputs, uint32_t count);

/* Between the files of a join. */
enum kn_rc kn_col_join_table_begin(struct kn_col_join *j, struct kn_err *err) KN_MUST_USE;
enum kn_rc kn_col_join_plan(struct kn_col_join *j, bool *done, struct kn_err *err) KN_MUST_USE;
enum kn_rc kn_col_join_levels(struct kn_col_join *j, bool *done, struct kn_err *err) KN_MUST_USE;
enum kn_rc kn_col_join_column_begin(struct kn_col_join *j, bool *done,
                                    struct kn_err *err) KN_MUST_USE;
enum kn_rc kn_col_join_dictionary(struct kn_col_join *j, bool *done,
                                  struct kn_err *err) KN_MUST_USE;
/* The stages that fill regions. */
enum kn_rc kn_col_join_fill(struct kn_col_join *j, bool *done, struct kn_err *err) KN_MUST_USE;
void kn_col_join_column_end(struct kn_col_join *j);
static inline const struct kn_col_plan *kn_col_join_plan_of(const struct kn_col_join *j,
                                                            uint32_t level)
{
    return level == 0 ? &j->plan : &j->arrays[level - 1].plan;
}
static inline enum kn_rc kn_col_no_memory(struct kn_err *err)
{
    return kn_fail(err, KN_E_NOMEM, "out of memory");
}

#endif
