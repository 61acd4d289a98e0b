/* Membership as the state holds it. Internal to apply/.
 *
 * A definition in force, in the making or on its way out has a number (never reused):
 *
 *   KN_T_SEGMENT   number -> the record below
 *   KN_T_MEMBER    profile -> for each number that has it as a member or waits for a moment: since,
 * due KN_T_MEMBERS   (number, ordinal / 4096) -> 512 bytes, a bit per profile: the same, for counts
 * and bulk use KN_T_CHANGE    (series, block) -> entries and exits, 64 to a block, the oldest
 * blocks go KN_T_SIZES     (series, year) -> size at the end of each day on which it changed
 *   KN_T_COMPUTED  profile -> values of computed traits
 *
 * A series is what stays when a definition is changed: the number of its first version. Times are
 * UTC microseconds. Everything is written through the fold, so checkpoints and replays give the
 * same bits.
 */
#ifndef KN_APPLY_MEMBERSHIP_H
#define KN_APPLY_MEMBERSHIP_H

#include "base/arena.h"
#include "base/buf.h"

struct kn_fold;

enum {
    KN_MEMBERS_CHUNK = 4096,
    KN_CHANGES_BLOCK = 64,
    KN_CHANGES_KEPT = 65536, /* per series; a multiple of the block */
};

enum kn_segment_status {
    KN_SEGMENT_BUILDING,   /* waits for its result */
    KN_SEGMENT_INSTALLING, /* the result is being taken over, piece by piece */
    KN_SEGMENT_READY,
};

struct kn_segment_record {
    uint32_t number, series;
    struct kn_str key; /* borrowed */
    bool computed;
    enum kn_segment_status status;
    uint64_t version, meaning;
    uint64_t
        defined_seq; /* the record that defined it, and its time: what is built is the truth then */
    int64_t defined_us;
    uint32_t ordinal_end; /* profiles below it were there then */
    uint32_t installed;   /* ordinals below it are taken over */
    int64_t ready_us;     /* 0 = not yet */
    uint64_t size;
    uint64_t changes,
        oldest_change; /* numbers of the next and the oldest kept change of the series */
};

void kn_segment_record_encode(const struct kn_segment_record *r, struct kn_buf *out);
bool kn_segment_record_decode(struct kn_str bytes, struct kn_segment_record *ret);
void kn_segment_record_store(struct kn_fold *f, const struct kn_segment_record *r);

/* ---- one profile's list ---- */

#define KN_NOT_MEMBER INT64_MIN
/* In the state in this form (native order), by number. */
struct kn_member {
    uint32_t number, reserved;
    int64_t since_us; /* KN_NOT_MEMBER: only waits */
    int64_t due_us;   /* INT64_MAX: time alone changes nothing */
};

struct kn_member_list {
    uint32_t ordinal;
    struct kn_member *all; /* owned */
    uint32_t count, room;
    bool dirty, resized;
};

void kn_members_load(struct kn_fold *f, uint32_t ordinal, struct kn_member_list *list);
/* The entry of a number, or NULL. */
struct kn_member *kn_members_find(const struct kn_member_list *list, uint32_t number);
bool kn_members_has(const struct kn_member_list *list, uint32_t number);
/* Sets or (not a member, nothing due) removes. */
void kn_members_set(struct kn_member_list *list, uint32_t number, int64_t since_us, int64_t due_us);
/* Writes it back if it changed. */
void kn_members_save(struct kn_fold *f, struct kn_member_list *list);
void kn_members_deinit(struct kn_member_list *list);
/* Decodes stored bytes for readers. */
enum kn_rc kn_members_decode(struct kn_str bytes, struct kn_arena *arena, struct kn_member **ret,
                             size_t *ret_count) KN_MUST_USE;

/* ---- bits ---- */

void kn_members_key(uint32_t number, uint32_t chunk, char key[8]);
void kn_members_mark(struct kn_fold *f, uint32_t number, uint32_t ordinal, bool member);
bool kn_members_marked(struct kn_fold *f, uint32_t number, uint32_t ordinal);
/* All bits of a number below `ordinal_end` go. */
void kn_members_clear(struct kn_fold *f, uint32_t number, uint32_t ordinal_end);

/* ---- changes and sizes ---- */

enum kn_cause {
    KN_CAUSE_MESSAGE = 1,
    KN_CAUSE_TIME = 2,
    KN_CAUSE_MERGE = 3,
    KN_CAUSE_UNMERGE = 4,
    KN_CAUSE_CONSENT = 5,
    KN_CAUSE_DEFINITION = 6,
    KN_CAUSE_SEGMENT = 7,
    KN_CAUSE_ERASURE = 8,
};

const char *kn_cause_name(enum kn_cause cause); /* "message", "time", ... */

enum kn_change_kind {
    KN_CHANGE_ENTERED = 1,
    KN_CHANGE_EXITED = 2,
    KN_CHANGE_COMPUTED = 3, /* a computed trait has another value */
};

struct kn_change {
    uint64_t number; /* within the series, from 0 */
    enum kn_change_kind kind;
    enum kn_cause cause;
    int64_t at_us;
    uint32_t ordinal;  /* of the profile then; 0 = it was erased */
    uint64_t position; /* with index: the id of the derived event. The record being applied ... */
    uint32_t index;    /* ... and which of its derived events; UINT32_MAX: makes none */
    struct kn_str message_id; /* cause message and consent */
    struct kn_str value;      /* computed: as JSON, empty = absent */
};

/* Appends to the series: to what waits for its newest block, which is stored when the block is full
 * or with kn_changes_store. Only then do readers see it. */
void kn_change_append(struct kn_fold *f, struct kn_segment_record *r, struct kn_buf *waiting,
                      struct kn_change *change);
void kn_changes_store(struct kn_fold *f, struct kn_segment_record *r, struct kn_buf *waiting);
/* The changes of a block, as it is stored, that are about someone who is gone keep their time and
 * kind only. */
void kn_change_redact(struct kn_fold *f, uint32_t series, uint64_t block,
                      bool (*is_gone)(void *context, uint32_t ordinal), void *context);
void kn_change_key(uint32_t series, uint64_t block, char key[12]);
/* The changes of a block, oldest first. */
enum kn_rc kn_changes_decode(struct kn_str block, uint64_t first_number, struct kn_arena *arena,
                             struct kn_change **ret, size_t *ret_count) KN_MUST_USE;
/* All changes and sizes of a series go. */
void kn_series_remove(struct kn_fold *f, const struct kn_segment_record *r);

/* day: days since 1970 in the workspace's zone. */
void kn_sizes_note(struct kn_fold *f, uint32_t series, int32_t day, uint64_t size);
enum { KN_SIZES_SPAN = 512 }; /* days to a value */
void kn_sizes_key(uint32_t series, uint32_t span, char key[8]);
struct kn_day_size {
    int32_t day;
    uint64_t size;
};
enum kn_rc kn_sizes_decode(struct kn_str bytes, struct kn_arena *arena, struct kn_day_size **ret,
                           size_t *ret_count) KN_MUST_USE;

/* ---- values of computed traits ---- */

struct kn_computed {
    uint32_t number;
    struct kn_str value; /* JSON, never empty */
};
/* The next of a profile's values; false: the end. The cursor is over the stored bytes. */
bool kn_computed_next(struct kn_cursor *c, struct kn_computed *ret);
/* The value of a number in a profile's values, empty = absent. */
struct kn_str kn_computed_find(struct kn_str bytes, uint32_t number);
/* Sets (or, empty, removes) it. */
void kn_computed_set(struct kn_fold *f, uint32_t ordinal, uint32_t number, struct kn_str value);

#endif
