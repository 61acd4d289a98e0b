/* The behaviour store as its files share it. */
#ifndef KN_BEHAVIOUR_COLUMNS_INTERNAL_H
#define KN_BEHAVIOUR_COLUMNS_INTERNAL_H

#include <stdatomic.h>

#include "behaviour/columns.h"
#include "format/json.h"
#include "os/thread.h"

enum {
    KN_COL_ALIGN = 64, /* of every region; as many bytes behind it are readable */
    KN_COL_FORGOTTEN = KN_TABLE_KIND_COUNT, /* index into the lists of void ordinals */
    KN_COL_VOIDS = KN_TABLE_KIND_COUNT + 1,
    KN_COL_FILES_MAX = 64,
    KN_COL_ELEMENTS = 0xff, /* in an id: "the elements of"; never part of UTF-8 */
};

/* ---- runs ---- */

struct kn_col_table {
    struct kn_table_part part; /* without what a pin adds */
    /* Ids name a column or array with its levels: its path with a byte 0xff behind every array that
     * is entered. Arrays stand in the order of their ids, columns in that of (path, id). */
    const struct kn_str *column_ids;
    const struct kn_str *array_ids;
    const uint32_t *text_bytes; /* per column: of its dictionary; of a run in memory NULL */
    uint64_t arrival_max;       /* no arrival is later */
};

/* A region of a file. */
struct kn_col_stored {
    uint64_t offset, bytes, checksum;
    bool early; /* read when the file is opened */
};

struct kn_col_run {
    atomic_uint references;
    uint64_t first, last; /* births: the moments at which its parts were built, ascending */
    uint64_t generation;  /* of a run in memory: the checkpoint it belongs to */
    uint64_t rows, event_rows, bytes;
    uint64_t key_bytes;   /* profile, time and kind of event rows */
    uint32_t ordinal_end; /* every ordinal in it, and that another is merged into, is lower */
    struct kn_col_table *tables; /* by (kind, name) */
    uint32_t table_count;
    /* Ordinals whose rows in older runs do not count, ascending: per kind of table, then in all. */
    const uint32_t *voids[KN_COL_VOIDS];
    uint32_t void_counts[KN_COL_VOIDS];
    struct kn_arena arena; /* names and directory; of a run in memory everything */
    bool is_small;

    /* Of a file. */
    uint64_t number;
    struct kn_file *file;
    const char *map;
    struct kn_col_stored *regions; /* in their order, without what is between them */
    uint32_t region_count;
    char path[512];
};

struct kn_col_run *kn_col_run_new(void); /* one reference; NULL without memory */
void kn_col_run_ref(struct kn_col_run *run);
void kn_col_run_unref(struct kn_col_run *run);
/* Aligned, uninitialised memory that lives as long as the run; NULL without memory. */
void *kn_col_region(struct kn_col_run *run, size_t bytes);
const struct kn_col_table *kn_col_run_table(const struct kn_col_run *run, enum kn_table_kind kind,
                                            struct kn_str name);
/* @errors KN_E_IO, KN_E_CORRUPT, KN_E_VERSION, KN_E_NOMEM */
enum kn_rc kn_col_run_open(struct kn_disk disk, const char *dir, uint64_t number,
                           struct kn_col_run **ret, struct kn_err *err) KN_MUST_USE;
/* What the directory of the bytes at run->map says, within bounds; it believes no checksum but its
 * own. */
enum kn_rc kn_col_run_read(struct kn_col_run *run, struct kn_err *err) KN_MUST_USE;
/* Every checksum, and that everything is within its bounds and in its order. */
enum kn_rc kn_col_run_verify(const struct kn_col_run *run, struct kn_err *err) KN_MUST_USE;
enum kn_rc kn_col_damaged(const struct kn_col_run *run, uint64_t offset, const char *what,
                          struct kn_err *err);
/* What a path id looks like to readers; NULL p without memory. */
struct kn_str kn_col_path_of(struct kn_arena *arena, struct kn_str id);
/* The order of columns. */
int kn_col_compare(struct kn_str path_a, struct kn_str id_a, struct kn_str path_b,
                   struct kn_str id_b);
/* Level of a column or parent of an array: what its id is inside of. */
uint32_t kn_col_level_of(const struct kn_str *array_ids, uint32_t array_count, struct kn_str id);
/* The ordinal that a value is the number of; false: it is none. */
bool kn_col_read_ordinal(struct kn_value v, uint32_t *ret);
/* Sums of rows and key bytes, once the tables are there. */
void kn_col_run_count(struct kn_col_run *run);
/* lo and hi parts of the times of a table. */
void kn_col_time_scale(struct kn_table_part *part, int64_t first_us, int64_t last_us);
uint8_t kn_col_width(uint64_t largest); /* bytes of an arrival */
static inline void kn_col_put_time(const struct kn_table_part *part, int64_t us, uint32_t *hi,
                                   void *lo, uint64_t at)
{
    uint64_t since = (uint64_t)us - (uint64_t)part->base_us;
    hi[at] = (uint32_t)(since >> part->shift);
    if (part->low_width == 2) {
        ((uint16_t *)lo)[at] = (uint16_t)since;
    } else {
        ((uint32_t *)lo)[at] = (uint32_t)since;
    }
}
static inline void kn_col_put_code(void *codes, uint8_t width, uint64_t at, uint32_t code)
{
    if (width == 1) {
        ((uint8_t *)codes)[at] = (uint8_t)code;
    } else if (width == 2) {
        ((uint16_t *)codes)[at] = (uint16_t)code;
    } else {
        ((uint32_t *)codes)[at] = code;
    }
}
static inline uint8_t kn_col_code_width(uint32_t entries)
{
    return entries <= 1U << 8 ? 1 : entries <= 1U << 16 ? 2 : 4;
}

/* ---- dictionaries being made ---- */

struct kn_dict {
    uint64_t *slots; /* hash << 32 | code, 0 = free */
    uint32_t slot_room;
    uint32_t last; /* code that was asked for last */
    uint8_t *kinds;
    uint32_t *offsets;
    char *bytes;
    uint32_t count, room; /* entries; entry 0 is absent */
    uint32_t bytes_len, bytes_room;
};
void kn_dict_free(struct kn_dict *d);
/* The code of a value, added when it is new. 0: no memory, or more than 4 GiB of text. */
uint32_t kn_dict_code(struct kn_dict *d, enum kn_value_kind kind, struct kn_str text);
/* The code of a value, 0 when it is not there. */
uint32_t kn_dict_find(const struct kn_dict *d, enum kn_value_kind kind, struct kn_str text);

/* ---- which paths a table has, over all runs ---- */

struct kn_col_names; /* a set of (table, id), for the limit of columns */
struct kn_col_names *kn_col_names_new(void);
void kn_col_names_free(struct kn_col_names *names);
/* False: the table has its most already, or there is no memory (*ret_nomem). */
bool kn_col_names_add(struct kn_col_names *names, enum kn_table_kind kind, struct kn_str table,
                      struct kn_str id, bool *ret_nomem);

/* ---- what was fed ---- */

enum kn_col_op_type { KN_COL_EVENT, KN_COL_ROW, KN_COL_REPLACE, KN_COL_FORGET };

struct kn_col_op {
    uint8_t type; /* enum kn_col_op_type */
    uint8_t kind; /* enum kn_table_kind */
    uint32_t ordinal;
    int64_t us;
    uint64_t arrival;
    struct kn_str bytes; /* borrowed item, or owned fields of a row */
};

/* ---- building ---- */

struct kn_col_builder;
struct kn_col_builder *kn_col_builder_new(struct kn_col_names *names); /* NULL without memory */
void kn_col_builder_free(struct kn_col_builder *b);
/* Makes a run of operations in their order. `names` of the builder gains their paths. *ret_dropped
 * values were left out, since their tables have too many columns. */
enum kn_rc kn_col_build(struct kn_col_builder *b, const struct kn_col_op *ops, size_t count,
                        struct kn_col_run **ret, uint64_t *dropped_fields,
                        struct kn_err *err) KN_MUST_USE;

/* Tables of a build, before they are sealed. */
enum { KN_COL_NONE = UINT32_MAX, KN_COL_DROPPED = UINT32_MAX - 1 };

struct kn_col_draft_column {
    struct kn_str id;
    uint32_t level; /* 0, or index + 1 of the array in the draft */
    uint32_t *codes;
    uint32_t len, room;
    struct kn_dict dict;
};

struct kn_col_draft_array {
    struct kn_str id;
    uint32_t parent; /* level */
    uint32_t *ends;  /* per entry of the parent level: elements up to and with it */
    uint32_t len, room;
    uint32_t elements;
    uint32_t row, row_first; /* the row it was last added to, elements before that */
};

struct kn_col_draft_row {
    uint32_t ordinal;
    int64_t us;
    uint64_t arrival;
};

struct kn_col_draft {
    enum kn_table_kind kind;
    struct kn_str name;
    struct kn_col_draft_row *rows;
    uint32_t row_count, row_room;
    struct kn_col_draft_column *columns;
    uint32_t column_count, column_room;
    struct kn_col_draft_array *arrays;
    uint32_t array_count, array_room;
};
/* Sorts the rows and lays everything out in the run's memory. */
enum kn_rc kn_col_seal(struct kn_col_run *run, struct kn_col_table *to,
                       const struct kn_col_draft *draft, struct kn_err *err) KN_MUST_USE;
/* Room for one more of `bytes` each. */
bool kn_col_grow(void *vector, uint32_t count, uint32_t *room, size_t bytes);

/* ---- pins ---- */

/* Ordinals whose rows in a run do not count, per kind of table; NULL: none. */
struct kn_col_void_bits {
    uint64_t last; /* birth of the run */
    uint64_t *bits[KN_TABLE_KIND_COUNT];
};

/* What is known about ordinals after the runs up to a birth. */
struct kn_col_ordinals {
    atomic_uint references;
    uint64_t applied; /* the last birth it knows */
    uint32_t end, room;
    uint32_t *canonical; /* NULL: nobody was merged ever */
    uint32_t *members;   /* 1 + the next ordinal with the same canonical one, from that one on; 0 =
                            the last */
    uint64_t *multiple;  /* canonical ordinals with members */
    uint64_t *live;
    uint32_t live_count;
    struct kn_col_void_bits *voids; /* per run, oldest first */
    uint32_t void_count;
};
void kn_col_ordinals_unref(struct kn_col_ordinals *o);
/* Brings *o (NULL = nothing is known yet) to the given runs, in place when nobody else holds it. */
enum kn_rc kn_col_ordinals_update(struct kn_col_ordinals **o, struct kn_col_run *const *runs,
                                  uint32_t count, struct kn_err *err) KN_MUST_USE;

struct kn_col_view_table {
    enum kn_table_kind kind;
    struct kn_str name;
    const struct kn_table_part *const *parts;
    uint32_t count;
};

struct kn_col_view {
    struct kn_columns_pin pin; /* first */
    atomic_uint references;
    struct kn_col_ordinals *ordinals;
    struct kn_col_run **runs;
    struct kn_table_part *parts;
    const struct kn_table_part **part_pointers;
    struct kn_col_view_table *tables; /* by (kind, name) */
    uint32_t table_count;
};
static inline const struct kn_col_view *kn_col_view_of(const struct kn_columns_pin *pin)
{
    return (const struct kn_col_view *)(const void *)pin;
}
enum kn_rc kn_col_view_new(struct kn_col_ordinals *ordinals, struct kn_col_run *const *runs,
                           uint32_t count, struct kn_col_view **ret,
                           struct kn_err *err) KN_MUST_USE;

/* ---- the store ---- */

struct kn_col_block {
    struct kn_col_block *next;
    uint64_t generation;
    uint32_t count;
    bool closed; /* being built: nothing is added any more */
    struct kn_col_op ops[];
};

struct kn_columns {
    struct kn_disk disk;
    char *dir;
    uint32_t rows_per_build;

    struct kn_mutex feed_mutex; /* blocks, generation */
    struct kn_col_block *first_block, *last_block;
    uint64_t waiting;
    uint64_t generation; /* of what is fed now */

    struct kn_mutex build_mutex; /* the builder; births come in its order */
    struct kn_col_builder *builder;
    struct kn_col_names *names;
    uint64_t next_birth;
    atomic_ullong dropped_fields;

    struct kn_mutex join_mutex; /* one join of runs in memory at a time */

    /* Of the background thread. */
    uint64_t next_number;       /* of a file */
    struct kn_col_merge *merge; /* NULL = none */
    struct kn_col_run **next;   /* the runs on disk as of the next install */
    uint32_t next_count;
    bool frozen, written;
    uint64_t frozen_generation;
    atomic_bool purging;

    struct kn_mutex runs_mutex; /* runs */
    struct kn_col_run **runs;   /* oldest first: those on disk, then those in memory */
    uint32_t run_count, run_room;
    uint64_t version;
    uint64_t open_generation; /* as generation */

    struct kn_mutex view_mutex; /* view, ordinals */
    struct kn_col_view *view;   /* the newest, NULL = none */
    struct kn_col_ordinals *ordinals;
};

void kn_col_feed_free(struct kn_columns *c);
/* Builds everything of generations up to `generation`. */
enum kn_rc kn_col_build_waiting(struct kn_columns *c, uint64_t generation,
                                struct kn_err *err) KN_MUST_USE;
/* A new run at the end. */
enum kn_rc kn_col_publish(struct kn_columns *c, struct kn_col_run *run,
                          struct kn_err *err) KN_MUST_USE;
/* The runs there are now, each held; let go of by kn_col_let_go. NULL without memory. */
struct kn_col_run **kn_col_hold_runs(struct kn_columns *c, uint32_t *ret_count,
                                     uint64_t *ret_version);
void kn_col_let_go(struct kn_col_run **runs, uint32_t count);
/* Makes the newest view, unless it is there. Under the view mutex. */
enum kn_rc kn_col_renew_view(struct kn_columns *c, struct kn_err *err) KN_MUST_USE;
void kn_col_merge_free(struct kn_columns *c);
/* The first runs become one. */
enum kn_rc kn_col_join_in_memory(struct kn_columns *c, struct kn_col_run *const *runs,
                                 uint32_t count, struct kn_err *err) KN_MUST_USE;
/* Joins runs in memory of what is fed now until few are left. */
enum kn_rc kn_col_join_small(struct kn_columns *c, struct kn_err *err) KN_MUST_USE;

#endif
