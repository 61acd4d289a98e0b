/* Live evaluation: after each record, for the profiles it touched, the definitions that read what
 * it touched; between records, those whose moment has come. Internal to apply/; the fold's, under
 * its lock.
 *
 * A definition is evaluated as an instance: a number of its own (apply/membership.h), in one of
 * three states. A changed definition is a new instance; the old one serves until the new one is
 * ready.
 *
 *   building ── segment_built record ──> installing ── piece by piece, one a record ──> ready
 *
 * While an instance is in the making it is evaluated live like any other, for every profile that is
 * touched; those profiles are "known" (bits under number | KN_KNOWN_BIT). The result of a build,
 * computed elsewhere as of the defining record, is taken over for the others, of which by then only
 * time has gone by. Entries by a build have the cause `definition`, since 0 (read as the ready
 * time) and make no derived event.
 *
 * Instances are evaluated in order of (level, number): a definition after those it reads, so that
 * each is evaluated at most once per record and profile. An instance keeps its slot, its bit in
 * every set; slots are in order of number. Those on level 0 are visited by slot, the others (which
 * read definitions) by their rank among themselves.
 *
 * A definition that comes, changes or goes costs time in proportion to what it reads and to who
 * reads it, not to how many there are: the index is changed in place, and made anew only when the
 * slots of instances that are gone outnumber the others.
 *
 * Determinism: everything that lasts goes into the fold's tables; histories and the index are
 * rebuilt from them.
 */
#ifndef KN_APPLY_LIVE_H
#define KN_APPLY_LIVE_H

#include "apply/defined.h"
#include "apply/due.h"
#include "apply/history.h"
#include "apply/membership.h"
#include "apply/touch.h"

#define KN_KNOWN_BIT 0x80000000U

struct kn_live_result;
struct kn_person;

struct kn_live_name;

struct kn_instance {
    struct kn_segment_record record; /* key: the definition's or key_text */
    char *key_text;                  /* owned */
    struct kn_defined *defined;      /* a reference */
    struct kn_live_name *name;       /* of its key */
    bool serves;                     /* the one that answers for its key */
    bool dirty;                      /* record not stored yet: it is in live->dirty */
    bool resized;                    /* its size by day is not noted yet */
    struct kn_buf changes;           /* entries and exits that are not stored yet */
    uint32_t slot;                   /* in live->all, and its bit in every set */
    uint32_t level;                  /* longest chain of definitions it reads */
    uint32_t rank;                   /* in live->deep, when its level is not 0 */
    struct kn_change last;           /* texts are good while its position is the record's */
};

struct kn_bits {
    uint64_t *words;
};

struct kn_slots { /* in order; owned */
    uint32_t *all;
    uint32_t count, room;
};

struct kn_live_name {  /* a key that a definition has, or reads: trait, segment or computed trait */
    struct kn_str key; /* owned */
    struct kn_instance *serves, *making; /* or NULL */
    struct kn_slots readers;
    struct kn_live_name *next; /* of its bucket */
};

struct kn_live_key_memo { /* texts of definitions stay where they are */
    const char *key;
    size_t len;
    const struct kn_instance *serves; /* NULL: none does */
};

enum kn_live_effect { /* of a row, on the truth of the instance for its profile */
                      KN_LIVE_RISES = 1, /* it can only become true */
                      KN_LIVE_FALLS = 2, /* only false */
                      KN_LIVE_ANY_ROW =
                          4, /* any row may matter; without it, those that meet a need */
                      KN_LIVE_SUMMED =
                          8, /* that holds for rows without a number below 0 in `field` */
};

struct kn_live_reader { /* of an event */
    uint32_t slot;
    uint32_t effect; /* enum kn_live_effect */
    uint32_t field;  /* of the plan's event */
    /* NULL, or a segment without which it is not true; who enters that is looked at then */
    const struct kn_live_name *gate;
};

struct kn_live_need { /* the row's field has this text (segment/new_row.h) */
    uint32_t field;   /* of the plan's event */
    uint32_t slot;
    uint32_t effect;
    struct kn_str text; /* of the definition */
};

struct kn_live_event {              /* of the plan */
    struct kn_live_reader *readers; /* by slot; owned */
    struct kn_live_need *needs;     /* by field, text, slot; owned */
    uint32_t reader_count, reader_room, need_count, need_room;
};

struct kn_live_list { /* an instance that is a list */
    uint64_t list;
    uint32_t slot;
};

struct kn_live_memo {
    const void *keys;
    uint32_t event, field;
};

struct kn_live {
    struct kn_settings *settings; /* that the instances were made from; a reference */
    struct kn_instance **all;     /* by slot; NULL where one has gone */
    uint32_t count, room;         /* slots */
    uint32_t alive;               /* instances */
    uint32_t words, words_room;   /* of every set */
    uint32_t *by_number;          /* number -> slot + 1 */
    uint32_t number_count;
    struct kn_live_name **names; /* buckets */
    uint32_t name_slots, name_count;
    struct kn_slots unready;   /* building or installing */
    struct kn_instance **deep; /* those on a level above 0, by level and number */
    uint32_t deep_count, deep_room;
    bool order_stale; /* levels and ranks are to be made anew */
    struct kn_instance **dirty;
    uint32_t dirty_count, dirty_room;
    int32_t day; /* of the moment or record last looked at, in the workspace's zone */

    struct kn_plan plan;
    struct kn_live_event *events; /* [event_count], of the plan; owned */
    uint32_t event_count;
    struct kn_live_list *lists; /* by list, slot; owned */
    uint32_t list_count, list_room;
    struct kn_bits consent_readers, identifier_readers, order_readers, every;
    struct kn_bits empty_matters; /* true, waiting or with a value for a profile without anything */
    struct kn_bits is_deep;
    struct kn_live_memo memo[256];
    struct kn_live_key_memo key_memo[256];

    struct kn_histories histories;
    uint32_t long_rows; /* histories from this many rows on keep states */
    struct kn_due due;
    struct kn_member_list list; /* of the profile being evaluated */
    struct kn_bits members;     /* of the list: by slot, whether it is a member */
    struct kn_bits todo, direct;
    struct kn_bits deep_todo; /* by rank */
    bool woken;               /* todo has new ones on levels above 0 */
    struct kn_arena arena;    /* one profile's evaluation */
    struct kn_buf value;
    struct kn_live_result *results; /* of builds, newest first; owned */
    uint64_t evaluations;
};

struct kn_fold;

void kn_live_init(struct kn_live *live, uint64_t cache_bytes);
void kn_live_deinit(struct kn_live *live);
/* Instances and moments as of the last commit. */
enum kn_rc kn_live_load(struct kn_fold *f, struct kn_err *err) KN_MUST_USE;
/* After the items of a record: changed definitions, touched profiles, a piece of installing. */
void kn_live_record(struct kn_fold *f, bool is_tick);
/* What records and moments changed of the instances goes into the state: for readers and
 * checkpoints, once after any number of them. */
void kn_live_flush(struct kn_fold *f);
/* The earliest moment something is due; INT64_MIN: work waits for the next record; INT64_MAX:
 * never. */
int64_t kn_live_next_due(const struct kn_live *live);
/* Fires the earliest moment not after `until_us`, for the record `seq` that comes next. False:
 * there is none. */
bool kn_live_fire(struct kn_fold *f, int64_t until_us, uint64_t seq);

/* ---- between the files of live evaluation ---- */

/* live_set.c */
void kn_live_update(struct kn_fold *f); /* the settings' definitions are other ones */
struct kn_instance *kn_live_by_number(const struct kn_live *live, uint32_t number);
/* The instance that serves a key, or NULL. */
struct kn_instance *kn_live_serving(const struct kn_live *live, struct kn_str key);
/* Its record has changed. */
void kn_live_soil(struct kn_live *live, struct kn_instance *instance);
/* Before something happens at now_us: sizes of the day before are noted. */
void kn_live_begin(struct kn_fold *f, int64_t now_us);
/* A new instance of the same definition, which serves until that one is ready. */
void kn_live_again(struct kn_fold *f, struct kn_instance *instance);
/* Of one key: the series of changes goes on with the newer instance. */
void kn_live_go_on(struct kn_fold *f, struct kn_instance *instance, struct kn_instance *old);
void kn_live_remove(struct kn_fold *f, struct kn_instance *instance, bool series_too);
/* After it has become ready: it serves. */
void kn_live_serve(struct kn_fold *f, struct kn_instance *instance);
/* After instances came or went. */
void kn_live_settle_index(struct kn_fold *f);

/* live_names.c */
struct kn_live_name *kn_live_name(const struct kn_live *live, struct kn_str key); /* or NULL */
struct kn_live_name *kn_live_name_made(struct kn_live *live, struct kn_str key);
void kn_live_names_deinit(struct kn_live *live);
void kn_slots_add(struct kn_slots *slots, uint32_t slot); /* once */
void kn_slots_remove(struct kn_slots *slots, uint32_t slot);
/* The keys that a definition reads: of segments, then traits. */
struct kn_str kn_live_read_key(const struct kn_instance *instance, uint32_t i);
uint32_t kn_live_read_keys(const struct kn_instance *instance);

/* live_order.c */
void kn_live_order_add(struct kn_live *live, struct kn_instance *instance);
void kn_live_order_remove(struct kn_live *live, struct kn_instance *instance);
void kn_live_order_again(struct kn_live *live);
/* Walks live->todo in order; what is woken on the way comes too. */
struct kn_live_walk {
    uint32_t word, deep_word;
    bool deep;
};
struct kn_instance *kn_live_next(struct kn_live *live, struct kn_live_walk *walk);

/* live_index.c */
/* The instance, which has a slot, in all sets; and in none. */
void kn_live_index(struct kn_fold *f, struct kn_instance *instance);
void kn_live_unindex(struct kn_live *live, struct kn_instance *instance);
/* After another instance serves a key, or none does: those that read it. */
void kn_live_index_readers(struct kn_fold *f, const struct kn_live_name *name);
void kn_live_index_reset(struct kn_live *live); /* sets and plan: empty */
void kn_live_make_room(struct kn_live *live, uint32_t slots);
static inline void kn_bits_set(struct kn_bits bits, uint32_t at)
{
    bits.words[at >> 6] |= UINT64_C(1) << (at & 63);
}
static inline void kn_bits_clear(struct kn_bits bits, uint32_t at)
{
    bits.words[at >> 6] &= ~(UINT64_C(1) << (at & 63));
}
static inline bool kn_bits_has(struct kn_bits bits, uint32_t at)
{
    return (bits.words[at >> 6] >> (at & 63)) & 1;
}

/* live_events.c */
void kn_live_index_event(struct kn_live *live, uint32_t event, const struct kn_instance *instance);
void kn_live_unindex_event(struct kn_live *live, uint32_t event, uint32_t slot);
void kn_live_event_deinit(struct kn_live_event *event);
bool kn_live_reads_event(const struct kn_live_event *event, uint32_t slot);
/* Adds to live->todo whom the event may change for the profile whose members are in live->members.
 * Values come from live->arena. */
void kn_live_add_event(struct kn_live *live, uint32_t event, const struct kn_item *item);

/* live_view.c: the view of one profile, from the fold's stores */
struct kn_live_view {
    struct kn_fold *f;
    const struct kn_plan *plan;
    struct kn_histories *histories;
    const struct kn_member_list *list;
    uint32_t ordinal;
    bool is_new, is_empty;      /* is_empty: of nobody */
    struct kn_history *history; /* NULL: not asked for yet */
    struct kn_person *person;   /* NULL: not asked for yet */
    const uint64_t *lists;      /* it is on; NULL: not asked for yet */
    size_t list_count;
    struct kn_view view;
};
/* The view is in v->view. Values come from live->arena. */
void kn_live_view(struct kn_live_view *v, struct kn_fold *f, uint32_t ordinal);

/* live_eval.c */
struct kn_live_why {
    enum kn_cause cause;          /* of what was touched directly */
    const struct kn_touch *touch; /* NULL: time, or a build */
    int64_t now_us;
};
/* The profile's list becomes live->list and live->members. */
void kn_live_load_list(struct kn_fold *f, uint32_t ordinal);
/* Evaluates the instances in live->todo for a profile whose list is loaded; saves the list and
 * files its next moment. */
void kn_live_evaluate(struct kn_fold *f, struct kn_live_view *v, const struct kn_live_why *why);
/* One instance for one profile: the truth (or value) is this, and may change at next_us. */
void kn_live_settle(struct kn_fold *f, struct kn_instance *instance, bool truth,
                    struct kn_str value, int64_t next_us, const struct kn_live_why *why,
                    bool direct);
void kn_live_finish_list(struct kn_fold *f);

/* live_lists.c: instances that are lists (apply/lists.h). While one is installed, the bits under
 * number | KN_KNOWN_BIT say who is still to be put on it. */
void kn_live_index_list(struct kn_live *live, const struct kn_instance *instance);
void kn_live_unindex_list(struct kn_live *live, const struct kn_instance *instance);
/* The profile is on the list. */
bool kn_live_is_listed(struct kn_live_view *v, const struct kn_instance *instance);
/* Adds to live->todo the lists the profile is on, and those it is a member of. */
void kn_live_add_lists(struct kn_live_view *v);
/* Whom a new instance begins with. */
void kn_live_freeze(struct kn_fold *f, const struct kn_instance *instance);
/* Answers whether there was anything to do. */
bool kn_live_install_listed(struct kn_fold *f, struct kn_instance *instance, uint32_t ordinal);

/* live_build.c */
void kn_live_install(struct kn_fold *f, bool is_tick);
/* The first instance whose result is being taken over, or NULL. */
struct kn_instance *kn_live_installing(const struct kn_live *live);
void kn_live_built(struct kn_fold *f, const struct kn_item *item);
void kn_live_results_free(struct kn_live_result *results);

#endif
