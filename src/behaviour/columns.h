/* The behaviour store: what conditions and reports read, as columns.
 *
 * Rows of one kind stand together in a table, sorted by (ordinal, time, arrival), so that a
 * question about one event touches only that event's rows, a profile's rows are one slice, and
 * nothing has to be grouped or shuffled. Kinds of tables (enum kn_table_kind):
 *
 *   event     one table per event name; a row per event
 *   order     a row per order of a profile, at the time of its first arrival (API section 9)
 *   session   a row per session, at the time it began
 *   profile   one row per live profile: traits, consents, identifier types (of the last change)
 *   merged    one row per ordinal that became part of another one: field "into", the ordinal it
 *             became part of. What was part of it goes along.
 *
 * Runs. A run is an immutable set of tables: in memory for what came in since the last checkpoint,
 * as a file `runs/NNNNNNNNNNNN.col` (memory-mapped, checksummed) after it. Both are read alike.
 * Runs are ordered oldest to newest. Those in memory join as they come; files merge in the
 * background. About log4(n) of each are there.
 *
 * Replacing. Rows are never changed in place. A run lists the ordinals whose rows in older runs do
 * not count: per kind of table (replaced), and in all tables (forgotten). Readers see this as
 * `voided`. Merges leave such rows out, and values that only they had.
 *
 * Ordinals. An event stands under the ordinal it had when it was written; merges of files move
 * events to the canonical ordinal known then. Readers map ordinals with pin->canonical. Hence:
 *   - an erasure or un-merge forgets every ordinal of the person, merged ones included, and then
 *     tells again what remains: rows, profiles, and which ordinals are still part of which
 *   - rows of other kinds belong to the canonical ordinal and do not move: a merge of profiles
 *     replaces those of the ordinal that becomes part of another one, and the other one's
 *   - an ordinal that stands by itself again is replaced (kind merged) or forgotten, and so is
 *     whatever had become part of it
 *
 * Fields. A row's fields come from one JSON object, flattened: path keys joined by '.', a dot or
 * backslash in a key with a backslash before it (kn_columns_path_key). Sections (first key): "p"
 * properties, "c" context, "t" traits, "k" consents (state as text), "i" identifier types (true),
 * "o" order, "s" session; and facts about an event itself: "#source" (number of the source),
 * "#visit" (true when it counts for sessions), "#device", "#browser", "#platform", "#country".
 * Null is absent; of repeated keys the last counts.
 *
 * Values. A value is a code into the column's dictionary (per table and run; 0 = absent). Entries
 * are typed texts: a string's text, a number's digits (as kn_dec_format writes them where
 * format/number.h reads it, else as written), true, false; an object is an entry of its own kind
 * that equals nothing.
 *
 * Arrays make levels: a column belongs to level 0 (one value per row) or to an array's level (one
 * value per element). An array has a parent level and one list of offsets into its elements. The
 * path "p.products.category" through an array is a column "p.products.category" at the level of
 * the array "p.products". Elements that are scalars stand in the column with the array's own path.
 * A path may have a column at several levels (an object here, an array there): its values are
 * those of all of them. An array in an array has the same path, and counts as one key more.
 *
 * Times are UTC microseconds: base + (hi << shift) + lo per table. Arrival as in the archive.
 * Every array that readers get begins at a multiple of 64 bytes, and 64 bytes behind it can be
 * read.
 *
 * Threads: the feed (event, replace, row, forget) and freeze/install by the fold under the
 * workspace's write lock; build by any one thread at a time, without a lock; write, merge_step,
 * manifest by the background thread; pin under the read (or write) lock; reading a pin and unpin
 * on any thread without a lock. Memory: kn_must_alloc in the feed; build, pin and merges answer
 * KN_E_NOMEM and may be called again. Damage is KN_E_CORRUPT with file and offset.
 */
#ifndef KN_BEHAVIOUR_COLUMNS_H
#define KN_BEHAVIOUR_COLUMNS_H

#include "base/arena.h"
#include "base/buf.h"
#include "os/disk.h"

enum kn_table_kind {
    KN_TABLE_EVENT,
    KN_TABLE_ORDER,
    KN_TABLE_SESSION,
    KN_TABLE_PROFILE,
    KN_TABLE_MERGED,
    KN_TABLE_KIND_COUNT,
};

enum {
    KN_COLUMNS_DEPTH_MAX = 8, /* keys in a path; deeper values are objects */
    KN_COLUMNS_FIELDS_MAX =
        1000, /* columns of a table; further paths stay readable on the event only */
    KN_COLUMNS_ELEMENTS_MAX = 1000, /* elements of one array in one row that become values */
};

/* ---- reading ---- */

enum kn_value_kind {
    KN_VALUE_ABSENT,
    KN_VALUE_STRING,
    KN_VALUE_NUMBER,
    KN_VALUE_TRUE,
    KN_VALUE_FALSE,
    KN_VALUE_OBJECT,
};

struct kn_value {
    enum kn_value_kind kind;
    struct kn_str text; /* of a string or number */
};

/* The dictionary of a column. Entry 0 is absent. Entries are in no order. */
struct kn_dictionary {
    uint32_t count;          /* entries, 0 included */
    const uint8_t *kinds;    /* [count] enum kn_value_kind */
    const uint32_t *offsets; /* [count + 1] into bytes */
    const char *bytes;
};
static inline struct kn_value kn_dictionary_value(const struct kn_dictionary *d, uint32_t code)
{
    struct kn_value v = {(enum kn_value_kind)d->kinds[code],
                         {d->bytes + d->offsets[code], d->offsets[code + 1] - d->offsets[code]}};
    return v;
}

struct kn_column {
    struct kn_str path;
    uint32_t level;    /* 0 = rows, else index + 1 of the array in the table */
    uint8_t width;     /* bytes per code: 1, 2 or 4 */
    const void *codes; /* one per row or element */
    struct kn_dictionary dictionary;
};
static inline uint32_t kn_column_code(const struct kn_column *c, uint64_t at)
{
    return c->width == 1   ? ((const uint8_t *)c->codes)[at]
           : c->width == 2 ? ((const uint16_t *)c->codes)[at]
                           : ((const uint32_t *)c->codes)[at];
}

struct kn_column_array {
    struct kn_str path;
    uint32_t parent;         /* level whose entries have the elements */
    const uint32_t *offsets; /* [entries of the parent level + 1] */
    uint64_t elements;
};

struct kn_large_group {
    uint32_t group, rows;
};

/* One table of one run. Borrowed from the pin. */
struct kn_table_part {
    enum kn_table_kind kind;
    struct kn_str name; /* event name, else empty */
    uint64_t rows;
    uint32_t groups;
    const uint32_t *ordinals;           /* [groups] ascending */
    const uint8_t *counts;              /* [groups] rows of the group; 255: see large */
    const uint32_t *block_rows;         /* [groups / 256 + 1] first row of every 256th group */
    const struct kn_large_group *large; /* groups of 255 rows or more, by group */
    uint32_t large_count;
    int64_t base_us, last_us; /* no row is earlier, no row is later */
    uint32_t shift;
    uint8_t low_width;       /* bytes of each low part: 2 or 4 */
    const uint32_t *hi;      /* [rows] */
    const void *lo;          /* [rows] */
    const uint8_t *arrivals; /* [rows] x arrival_width bytes, little endian, plus arrival_base */
    uint8_t arrival_width;
    uint64_t arrival_base;
    const struct kn_column *columns;
    uint32_t column_count;
    const struct kn_column_array *arrays;
    uint32_t array_count;
    /* Of the pin: ordinals whose rows here do not count any more (bit per ordinal), NULL = none. */
    const uint64_t *voided;
    uint32_t run;  /* index of the run in the pin, 0 = the oldest */
    bool is_small; /* a run in memory */
};

static inline int64_t kn_part_time(const struct kn_table_part *t, uint64_t row)
{
    uint64_t lo =
        t->low_width == 2 ? ((const uint16_t *)t->lo)[row] : ((const uint32_t *)t->lo)[row];
    return (int64_t)((uint64_t)t->base_us + ((uint64_t)t->hi[row] << t->shift) + lo);
}
uint64_t kn_part_arrival(const struct kn_table_part *t, uint64_t row);
/* The column of a path at a level, or NULL. */
const struct kn_column *kn_part_column(const struct kn_table_part *t, struct kn_str path,
                                       uint32_t level);
/* First row of group g; with g == groups: rows. O(256). */
uint64_t kn_part_group_row(const struct kn_table_part *t, uint32_t g);
uint32_t kn_part_large_rows(const struct kn_table_part *t, uint32_t g);
static inline uint32_t kn_part_group_rows(const struct kn_table_part *t, uint32_t g)
{
    return t->counts[g] < 255 ? t->counts[g] : kn_part_large_rows(t, g);
}
/* The first group whose ordinal is at least `ordinal`. */
uint32_t kn_part_find(const struct kn_table_part *t, uint32_t ordinal);
static inline bool kn_bit(const uint64_t *bits, uint64_t at)
{
    return (bits[at >> 6] >> (at & 63)) & 1;
}
static inline bool kn_part_is_void(const struct kn_table_part *t, uint32_t ordinal)
{
    return t->voided && kn_bit(t->voided, ordinal);
}

/* What one reader sees: everything applied up to the moment of the pin. */
struct kn_columns_pin {
    uint32_t ordinal_end; /* all ordinals are below it */
    /* [ordinal_end] where each ordinal's rows belong; NULL: nobody was merged */
    const uint32_t *canonical;
    const uint64_t *live; /* [ordinal_end bits] ordinals that are profiles */
    uint32_t live_count;
    uint32_t run_count;
    uint64_t version; /* changes when anything a reader could see changed */
};

struct kn_columns;

/* Appends a key to a path: a '.' before it unless `out` is empty, and '\\' before every '.' and
 * '\\' in it. */
void kn_columns_path_key(struct kn_buf *out, struct kn_str key);

/* Everything fed so far; what is not built yet is built now, by this call. Pins of the same moment
 * are one. While a pin lives, the first pin after a change costs a copy of what is known about
 * ordinals (some bytes each). @errors KN_E_NOMEM */
enum kn_rc kn_columns_pin(struct kn_columns *columns, struct kn_columns_pin **ret,
                          struct kn_err *err) KN_MUST_USE;
void kn_columns_unpin(struct kn_columns_pin *pin); /* NULL is fine */
/* The parts of a table, oldest run first; NULL and 0: there is none. Valid as long as the pin. */
const struct kn_table_part *const *kn_pin_table(const struct kn_columns_pin *pin,
                                                enum kn_table_kind kind, struct kn_str name,
                                                uint32_t *ret_count);
/* Calls each for every event name there is, in byte order, with its number of rows (void ones
 * included). */
void kn_pin_each_event(const struct kn_columns_pin *pin,
                       void (*each)(void *context, struct kn_str name, uint64_t rows),
                       void *context);

/* Profile by profile: the rows of several tables, over all runs and merged ordinals, in (time,
 * arrival) order. For what needs order; sums and counts are faster part by part. */
struct kn_walk_row {
    int64_t us;
    const struct kn_table_part *part;
    uint32_t row;
};
struct kn_walk_rows {
    const struct kn_walk_row *rows;
    uint32_t count;
};
struct kn_walk_table {
    enum kn_table_kind kind;
    struct kn_str name;
};
/* fn gets a canonical ordinal and one kn_walk_rows per table; called in ascending order for each
 * canonical ordinal in [first, end) with at least one row; answers false to stop. `only` (bit per
 * ordinal, may be NULL) leaves out all others. @errors KN_E_NOMEM */
typedef bool (*kn_walk_fn)(void *context, uint32_t ordinal, const struct kn_walk_rows *tables);
enum kn_rc kn_pin_walk(const struct kn_columns_pin *pin, const struct kn_walk_table *tables,
                       uint32_t table_count, uint32_t first, uint32_t end, const uint64_t *only,
                       kn_walk_fn fn, void *context, struct kn_err *err) KN_MUST_USE;

/* ---- feeding (the fold) ---- */

/* An event of a profile. `item`: its encoded bytes (format/item.h), whole and sound, borrowed until
 * the install after the next freeze (they stand in the archive's tail). Track, page and screen
 * events become rows; others are ignored. */
void kn_columns_event(struct kn_columns *columns, uint32_t ordinal, int64_t event_us,
                      uint64_t arrival, struct kn_str item);
/* From here on the rows that `ordinal` has in this kind of table do not count any more. Not for
 * events. */
void kn_columns_replace(struct kn_columns *columns, enum kn_table_kind kind, uint32_t ordinal);
/* A row with its fields as a JSON object (copied). Not for events. */
void kn_columns_row(struct kn_columns *columns, enum kn_table_kind kind, uint32_t ordinal,
                    int64_t us, uint64_t arrival, struct kn_str fields);
/* No row of the ordinal counts any more, in any table. */
void kn_columns_forget(struct kn_columns *columns, uint32_t ordinal);

/* Makes a run in memory of what was fed and is not built yet, about `rows_max` rows (0: as many as
 * the options say), and joins runs in memory. *ret_more: there is more. Called by a thread of its
 * own while events come in. */
enum kn_rc kn_columns_build(struct kn_columns *columns, uint32_t rows_max, bool *ret_more,
                            struct kn_err *err) KN_MUST_USE;

/* ---- life: as the archive's (archive.h), in the same checkpoint ---- */

struct kn_columns_options {
    const char *dir;         /* on the disk; made when missing. NULL: in memory only, for good */
    uint32_t rows_per_build; /* 0 = 16384 */
};
enum kn_rc kn_columns_open(struct kn_disk disk, const struct kn_columns_options *options,
                           struct kn_str manifest, bool read_only, struct kn_columns **ret,
                           struct kn_err *err) KN_MUST_USE;
void kn_columns_close(struct kn_columns *columns);
void kn_columns_freeze(struct kn_columns *columns);
enum kn_rc kn_columns_write(struct kn_columns *columns, struct kn_err *err) KN_MUST_USE;
void kn_columns_manifest(const struct kn_columns *columns, struct kn_buf *out);
void kn_columns_install(struct kn_columns *columns);
bool kn_columns_has_room(const struct kn_columns *columns);
enum kn_rc kn_columns_merge_step(struct kn_columns *columns, uint64_t bytes, bool *ret_more,
                                 struct kn_err *err) KN_MUST_USE;
/* Rows of forgotten ordinals, and values that only they had, leave the files with the next merge
 * steps and checkpoints, even of files that need no merge. Any thread. */
void kn_columns_purge(struct kn_columns *columns);
/* After kn_columns_purge, on the background thread: what was forgotten before the last freeze is in
 * no file any more. *ret_waits: a file that replaces others waits for the next checkpoint. */
bool kn_columns_is_purged(const struct kn_columns *columns, bool *ret_waits);
enum kn_rc kn_columns_verify(struct kn_columns *columns, struct kn_err *err) KN_MUST_USE;

struct kn_columns_usage {
    uint64_t rows, waiting_rows; /* waiting: fed, not built */
    uint64_t memory_bytes, runs, run_bytes;
    uint64_t time_and_key_bytes; /* of run_bytes: profile, time and kind of the event rows */
    uint64_t event_rows;
    uint64_t dropped_fields; /* values of paths beyond KN_COLUMNS_FIELDS_MAX, since the start */
};
void kn_columns_usage(const struct kn_columns *columns, struct kn_columns_usage *ret);

#endif
