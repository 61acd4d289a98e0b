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
 * Instances are kept in topological order (a definition after those it reads), so one pass over a
 * bit array of candidates evaluates each at most once per record and profile.
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

struct kn_instance {
    struct kn_segment_record record; /* key: the definition's or key_text */
    char *key_text;                  /* owned */
    struct kn_defined *defined;      /* a reference */
    bool serves;                     /* the one that answers for its key */
    bool dirty;                      /* record not stored yet (live->any_dirty too) */
    uint64_t noted_size;             /* in the sizes by day */
    uint32_t level;                  /* longest chain of definitions it reads */
    struct kn_change last;           /* texts are good while its position is the record's */
};

struct kn_bits {
    uint64_t *words;
};

struct kn_live_key { /* trait, segment or computed trait by key */
    struct kn_str key;
    struct kn_bits readers;
};

struct kn_live_key_memo { /* texts of definitions stay where they are */
    const char *key;
    size_t len;
    const struct kn_instance *serves; /* NULL: none does */
};

struct kn_live_need { /* the row's field has this text (segment/new_row.h) */
    uint32_t field;   /* of the plan's event */
    uint32_t instance;
    struct kn_str text;
};

struct kn_live_event { /* of the plan */
    struct kn_bits readers;
    struct kn_bits any_row;      /* readers that any row of it may change; others have needs */
    struct kn_bits rises, falls; /* a row can only make them true; only make them false */
    struct kn_live_need *needs;  /* by field, text, instance */
    uint32_t need_count;
};

struct kn_live_list { /* an instance that is a list */
    uint64_t list;
    uint32_t instance;
};

struct kn_live_memo {
    const void *keys;
    uint32_t event, field;
};

struct kn_live {
    struct kn_settings *settings; /* that the instances were made from; a reference */
    struct kn_instance **all;     /* in topological order */
    uint32_t count, room, words;
    uint32_t *by_number; /* number -> index + 1 */
    uint32_t number_count;
    uint32_t *serving; /* indexes of those that serve, by key */
    uint32_t serving_count;
    uint32_t making; /* how many are not ready */
    bool any_dirty;

    struct kn_plan plan;
    struct kn_arena index_arena;  /* the sets below */
    struct kn_live_event *events; /* [plan.event_count] */
    struct kn_live_key *keys;     /* traits and definitions that are read, by key */
    uint32_t key_count;
    struct kn_live_list *lists; /* by list */
    uint32_t list_count;
    struct kn_bits consent_readers, identifier_readers, order_readers, every;
    struct kn_bits empty_matters; /* true, waiting or with a value for a profile without anything */
    struct kn_live_memo memo[256];
    struct kn_live_key_memo key_memo[256];

    struct kn_histories histories;
    uint32_t long_rows; /* histories from this many rows on keep states */
    struct kn_due due;
    struct kn_member_list list; /* of the profile being evaluated */
    struct kn_bits todo, direct;
    struct kn_arena arena; /* one profile's evaluation */
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
uint32_t kn_live_index(const struct kn_live *live, const struct kn_instance *instance);
void kn_live_flush(struct kn_fold *f, int64_t now_us); /* dirty records into the state */
/* A new instance of the same definition, which serves until that one is ready. */
void kn_live_again(struct kn_fold *f, struct kn_instance *instance);
void kn_live_remove(struct kn_fold *f, struct kn_instance *instance, bool series_too);
void kn_live_index_again(struct kn_fold *f);

/* live_index.c */
void kn_live_make_index(struct kn_fold *f);
const struct kn_bits *kn_live_key_readers(const struct kn_live *live, struct kn_str key);
static inline void kn_bits_set(struct kn_bits bits, uint32_t at)
{
    bits.words[at >> 6] |= UINT64_C(1) << (at & 63);
}
static inline bool kn_bits_has(struct kn_bits bits, uint32_t at)
{
    return (bits.words[at >> 6] >> (at & 63)) & 1;
}

/* live_events.c */
/* The rest of live->events[event], whose readers and empty sets are there. */
void kn_live_index_event(struct kn_live *live, uint32_t event);
/* Adds to live->todo whom the event may change for the profile whose list is loaded. Uses
 * live->direct. Values come from live->arena. */
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
void kn_live_index_lists(struct kn_live *live);
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
void kn_live_built(struct kn_fold *f, const struct kn_item *item);
void kn_live_results_free(struct kn_live_result *results);

#endif
