/* The fold: one record after another into the state, the archive and the dedupe set. Internal to
 * apply/; see workspace.h for the outside.
 *
 * Deterministic: it reads nothing but its stores and the record. The caller holds the write lock.
 * Memory failures panic (the next start replays). Everything it changes goes through
 * kn_fold_put/edit/remove, so that a dry run can be taken back.
 */
#ifndef KN_APPLY_FOLD_H
#define KN_APPLY_FOLD_H

#include "apply/erase.h"
#include "apply/settings.h"
#include "apply/tables.h"
#include "apply/touch.h"
#include "behaviour/archive.h"
#include "behaviour/columns.h"
#include "log/log.h"
#include "profile/fold.h"
#include "profile/record.h"
#include "state/dedupe.h"

enum { KN_REJECTS_KEPT = 1000, KN_UNMERGE_PAIRS_MAX = 50000, KN_LINKS_REFUSED_MAX = 200 };
#define KN_REJECT_LIFE_US (INT64_C(7) * 24 * 3600 * 1000000)

struct kn_live;   /* apply/live.h */
struct kn_ledger; /* apply/ledger.h */
struct kn_recent; /* apply/recent.h */

struct kn_fold_counters {  /* part of the checkpoint's meta blob */
    uint32_t next_ordinal; /* from 1; 0 holds the events of nobody */
    uint32_t moves;        /* versions given to moved archive rows */
    uint64_t profiles, merges, unmerges, events, duplicates, rejects, identifiers;
    uint64_t forbidden;     /* forbidden pairs */
    int64_t reject_due_us;  /* when the oldest reject expires, INT64_MAX = none */
    uint32_t next_segment;  /* number of the next instance of a definition, from 1 */
    uint32_t derived_index; /* next derived event of the record derived_seq */
    uint64_t derived_seq;
};

struct kn_journal_entry {
    unsigned table;
    struct kn_key key;
    char key_bytes[KN_STATE_KEY_MAX];
    char *before; /* NULL = was absent */
    size_t before_len;
};

struct kn_journal {
    struct kn_journal_entry *entries;
    size_t count, room;
    struct kn_fold_counters counters;
};

struct kn_source_counters {
    uint64_t events, duplicates, rejects, oldest_reject;
    int64_t first_us, last_us;
};

struct kn_setting_doc {
    char *key, *json; /* owned, NUL-terminated */
};

struct kn_fold {
    struct kn_state *state;
    struct kn_dedupe *dedupe;
    struct kn_archive *archive;
    struct kn_columns *columns;
    struct kn_settings *settings; /* a reference to the newest snapshot */
    bool settings_changed;        /* since the owner last looked */
    struct kn_setting_doc *docs;
    size_t doc_count, doc_room; /* by key */
    struct kn_hash_key key;
    struct kn_fold_counters counters;
    struct kn_arena frame_arena; /* decoded items of a frame */
    struct kn_arena arena;       /* one item's work */
    struct kn_buf scratch;
    struct kn_journal *journal; /* not NULL: a dry run */
    /* An un-merge re-applies a component's history: only these ordinals take part. */
    const uint32_t *component;
    size_t component_count;
    uint32_t component_new;   /* ordinals from here on were made by the un-merge itself */
    int64_t now_us;           /* record time */
    uint64_t arrival;         /* of the item being applied */
    uint64_t seq;             /* of the record being applied */
    struct kn_live *live;     /* owned; live evaluation */
    struct kn_ledger *ledger; /* owned; who was erased */
    struct kn_erasures erasures;
    struct kn_recent *recent;  /* owned; what came in last, for watchers: no part of the state */
    struct kn_touched touched; /* whom the frame changed so far */
    /* Items of un-merged people, borrowed by the columns until the next install. */
    struct kn_arena kept, kept_frozen;
    struct kn_buf row;                 /* fields of a row for the columns */
    const struct kn_item *frozen_list; /* of this frame: whom a new list begins with */
};

void kn_fold_init(struct kn_fold *f, struct kn_state *state, struct kn_dedupe *dedupe,
                  struct kn_archive *archive, struct kn_columns *columns);
void kn_fold_deinit(struct kn_fold *f);
/* Loads the committed settings (at start). */
enum kn_rc kn_fold_load(struct kn_fold *f, struct kn_err *err) KN_MUST_USE;

/* Applies one frame. KN_E_CORRUPT: an item does not decode though its checksum held; nothing of the
 * frame was applied. */
enum kn_rc kn_fold_frame(struct kn_fold *f, const struct kn_frame *frame,
                         struct kn_err *err) KN_MUST_USE;

/* ---- state through the journal ---- */
struct kn_str kn_fold_get(struct kn_fold *f, enum kn_table table, struct kn_key key);
void kn_fold_put(struct kn_fold *f, enum kn_table table, struct kn_key key, struct kn_str value);
char *kn_fold_edit(struct kn_fold *f, enum kn_table table, struct kn_key key, size_t *ret_len);
void kn_fold_remove(struct kn_fold *f, enum kn_table table, struct kn_key key);
void kn_fold_journal_begin(struct kn_fold *f, struct kn_journal *journal);
void kn_fold_journal_rollback(struct kn_fold *f);

/* ---- persons: a profile being changed ---- */
struct kn_person {
    struct kn_profile p;
    struct kn_hot hot;
    bool cold_dirty, sessions_loaded, sessions_dirty, orders_loaded, orders_dirty;
    bool is_new;
    uint32_t changed; /* enum kn_changed: what an item changed since it was loaded */
};

/* Loads hot and cold; the profile must be live. Slices live in the fold's item arena. */
struct kn_person *kn_person_load(struct kn_fold *f, uint32_t ordinal);
void kn_person_load_sessions(struct kn_fold *f, struct kn_person *person);
void kn_person_load_orders(struct kn_fold *f, struct kn_person *person);
struct kn_person *kn_person_create(struct kn_fold *f, const struct kn_item *item, uint64_t arrival);
void kn_person_store(struct kn_fold *f, struct kn_person *person);
/* What another profile's event says about an order of this one. */
void kn_person_apply_order(struct kn_fold *f, uint32_t ordinal,
                           const struct kn_profile_order_fact *fact, struct kn_str order_key);
void kn_person_add_link(struct kn_fold *f, uint32_t ordinal, const struct kn_profile_link *link);
/* `from` becomes part of `into`; both stores follow. */
void kn_person_merge(struct kn_fold *f, struct kn_person *into, struct kn_person *from,
                     int64_t at_us);
void kn_fold_put_identifier(struct kn_fold *f, struct kn_h128 hash, uint32_t ordinal,
                            uint32_t slot);
bool kn_fold_identifier(struct kn_fold *f, struct kn_h128 hash, uint32_t *ret_ordinal,
                        uint32_t *ret_slot);
/* The same for readers' copies of the value. */
bool kn_identifier_decode(struct kn_str value, uint32_t *ret_ordinal, uint32_t *ret_slot,
                          bool *ret_guarded);
struct kn_h128 kn_order_hash(const struct kn_fold *f, struct kn_str order_key);
uint32_t kn_u32_value(struct kn_str value);

/* An un-merge is under way and the profile has no part in it. */
bool kn_fold_is_outside(const struct kn_fold *f, uint32_t ordinal);

/* ---- events ---- */
/* Resolves and applies an event, consent or merge item. Returns the ordinal it belongs to (0 =
 * nobody). Archives nothing. */
uint32_t kn_fold_person_item(struct kn_fold *f, const struct kn_item *item, uint64_t arrival);

/* ---- what the behaviour columns are told (feed.c) ---- */
bool kn_item_is_event(const struct kn_item *item); /* track, page or screen: segments read them */
/* `kept`: the item's bytes where they stay until the next install. */
void kn_feed_event(struct kn_fold *f, uint32_t ordinal, const struct kn_item *item,
                   uint64_t arrival, struct kn_str kept);
/* The rows of what person->changed says. */
void kn_feed_person(struct kn_fold *f, struct kn_person *person);
void kn_feed_retired(struct kn_fold *f, uint32_t ordinal, uint32_t into);
/* An un-merge: no row of the ordinal counts any more, then its rows again. */
void kn_feed_forget(struct kn_fold *f, uint32_t ordinal);
void kn_feed_again(struct kn_fold *f, uint32_t ordinal);
/* A copy of an item's bytes that stays until the next install. */
struct kn_str kn_feed_keep(struct kn_fold *f, struct kn_str bytes);
void kn_feed_frozen(struct kn_fold *f); /* with the columns' freeze and install */
void kn_feed_installed(struct kn_fold *f);
/* Of the event that reported an order first: noted once, read for its row. */
struct kn_order_facts {
    uint64_t arrival;
    struct kn_str properties; /* JSON object or empty; borrowed from the state */
};
void kn_fold_note_order(struct kn_fold *f, const struct kn_item *item, struct kn_str order_key);
struct kn_order_facts kn_fold_order_facts(struct kn_fold *f, const struct kn_profile_order *order);

/* ---- lists (list_fold.c) ---- */
void kn_fold_list(struct kn_fold *f, const struct kn_item *item);
/* The identifier is on some list. */
bool kn_fold_is_listed(struct kn_fold *f, struct kn_h128 identifier);
/* The lists a profile's identifiers are on, each once, in the item arena; answers how many. */
size_t kn_fold_lists_of(struct kn_fold *f, const struct kn_profile *p, uint64_t **ret);
/* Puts the strongest identifier of a profile on a list. */
void kn_fold_list_person(struct kn_fold *f, const struct kn_profile *p, uint64_t list);

/* ---- un-merge ---- */
/* Checks on the present state: KN_E_INVALID / KN_E_CONFLICT / KN_E_NOT_FOUND with the reason. */
enum kn_rc kn_fold_check_unmerge(struct kn_fold *f, const struct kn_item *item,
                                 struct kn_err *err) KN_MUST_USE;
enum kn_rc kn_fold_check_merge(struct kn_fold *f, const struct kn_item *item,
                               struct kn_err *err) KN_MUST_USE;
/* The ordinals of both sides, 0 when there is none. Does nothing when the checks fail (their code),
 * or in a dry run when there is no memory (KN_E_NOMEM). */
enum kn_rc kn_fold_unmerge(struct kn_fold *f, const struct kn_item *item, uint64_t arrival,
                           struct kn_str bytes, uint32_t *ret_kept,
                           uint32_t *ret_split) KN_MUST_USE;

/* ---- sources and settings ---- */
void kn_source_counters_decode(struct kn_str value, struct kn_source_counters *ret);
void kn_fold_count_source(struct kn_fold *f, uint32_t source, uint64_t events, uint64_t duplicates,
                          int64_t at_us);
void kn_fold_reject(struct kn_fold *f, const struct kn_item *item);
void kn_fold_expire_rejects(struct kn_fold *f);
void kn_reject_key(uint32_t source, uint64_t number, char bytes[12]);
void kn_fold_setting(struct kn_fold *f, struct kn_str key, struct kn_str json);
/* At start, for intake: the settings as they will be when the frames behind the checkpoint are
 * applied. `ahead` has the fold's documents and no stores; it ends with kn_fold_deinit. */
void kn_fold_ahead_init(const struct kn_fold *f, struct kn_fold *ahead);
/* Takes the settings of a frame, leaves everything else of it. KN_E_CORRUPT, KN_E_NOMEM */
enum kn_rc kn_fold_ahead_frame(struct kn_fold *ahead, const struct kn_frame *frame,
                               struct kn_err *err) KN_MUST_USE;
/* Those of the documents that a team keeps, into settings->documents: sorted, copied into the
 * arena. KN_E_NOMEM */
enum kn_rc kn_documents_make(const struct kn_setting_doc *docs, size_t count,
                             struct kn_arena *arena, struct kn_settings *settings,
                             struct kn_err *err) KN_MUST_USE;
/* The key of a segment or computed trait in that of its document; false: it is of another kind. */
bool kn_settings_split_key(struct kn_str text, struct kn_str *ret_key, bool *ret_computed);
/* A snapshot made of the documents; what did not change is shared with `previous` (may be NULL).
 * KN_E_INVALID: one of them is not what it should be. */
enum kn_rc kn_settings_build(const struct kn_setting_doc *docs, size_t count, uint64_t version,
                             const struct kn_hash_key *key, const struct kn_settings *previous,
                             struct kn_settings **ret, struct kn_err *err) KN_MUST_USE;
/* The next snapshot, in which one document "segment/<key>" or "computed/<key>" is another one or,
 * empty, gone. All else is shared. KN_E_INVALID, KN_E_EXISTS, KN_E_LIMIT, KN_E_NOMEM */
enum kn_rc kn_settings_with(const struct kn_settings *previous, struct kn_str doc_key,
                            struct kn_str json, struct kn_settings **ret,
                            struct kn_err *err) KN_MUST_USE;

#endif
