/* Destinations: where entries and exits of segments go, and how far each of them is.
 *
 * A destination is a settings document, "destination/<id>":
 * {"id","name","kind","url","purpose","segments":[],"fields":[],"enabled","generation","rotated_at",
 * "version","created_at","updated_at"}. For each of its segments the settings hold a definition of
 * their own (apply/defined.h) under a key no person can write: membership of the segment and,
 * unless the purpose is `service`, its consent. So the one evaluator says who may be known there:
 * somebody who enters the segment with consent enters, and so does a member who gives it; who
 * leaves or takes consent back exits. The changes of these definitions are the outbox: what is to
 * be sent, in order, kept with the state (KN_CHANGES_KEPT for each segment).
 *
 * What became of them is state too, one value per destination in KN_T_DELIVERY: for each series of
 * changes the number of the next one to send; those before it that still wait for a retry; those
 * that were given up (dead letters). It changes by DELIVERY items only, which deliver/ and the API
 * stage. Nothing in it says who somebody is: bodies are made when they are sent.
 *
 * Texts are in the caller's arena, times UTC microseconds. Reads: any thread; each sees one moment.
 */
#ifndef KN_APPLY_DESTINATIONS_H
#define KN_APPLY_DESTINATIONS_H

#include "apply/membership.h"
#include "apply/workspace.h"

enum {
    KN_DESTINATIONS_MAX = 50,
    KN_DESTINATION_SEGMENTS_MAX = 20,
    KN_DELIVERY_WAITING_MAX = 512, /* above it no further change is taken up */
    KN_DELIVERY_DEAD_MAX = 1000,   /* above it the oldest dead letters go, counted as dropped */
    KN_DELIVERY_ERROR_MAX = 120,
};

struct kn_destination {
    struct kn_str id; /* "dst_..." */
    struct kn_str name, kind, url, purpose;
    struct kn_str *segments; /* keys */
    size_t segment_count;
    struct kn_str *fields; /* of a profile, profile/field.h */
    size_t field_count;
    bool enabled;
    uint32_t generation; /* of its secret */
    int64_t rotated_us;  /* when that generation began; 0 = with the destination */
    uint64_t version;    /* rises with every change of the document */
    int64_t created_us, updated_us;
    struct kn_str json;
};

const struct kn_destination *kn_settings_destination(const struct kn_settings *s, struct kn_str id);
/* The key of the definition for one of its segments: "destination/<id>/<segment>". */
void kn_destination_key(struct kn_str id, struct kn_str segment, struct kn_buf *out);
bool kn_key_is_destination(struct kn_str key);

/* ---- how far it is ---- */

struct kn_delivery_id { /* which change; never used again */
    uint32_t series;
    uint64_t number;
};

struct kn_delivery_entry {
    struct kn_delivery_id id;
    struct kn_str segment;
    enum kn_change_kind kind; /* entered or exited */
    enum kn_cause cause;
    int64_t at_us;
    uint32_t ordinal;  /* of the profile */
    uint64_t position; /* with index: the order of changes of all segments */
    uint32_t index;
    struct kn_str message_id; /* of the cause; may be empty */
    uint32_t tries;           /* so far */
    uint32_t status;          /* of the last answer, 0 = none */
    int64_t tried_us;         /* the last try; 0 = none yet */
    int64_t next_us;          /* not before */
    struct kn_str error;      /* why there was no answer */
};

struct kn_delivery_cursor {
    uint32_t series;
    uint64_t next; /* number of the next change */
};

enum kn_delivery_stop {
    KN_STOP_NONE,
    KN_STOP_GONE,    /* the receiver answered 410 */
    KN_STOP_REFUSED, /* it refused many in a row */
};

struct kn_delivery_counts {
    uint64_t delivered;
    uint64_t failed;   /* tries that failed */
    uint64_t died;     /* became dead letters */
    uint64_t dropped;  /* dead letters beyond the limit */
    uint64_t withheld; /* not sent: the consent had gone by then */
    uint64_t missed;   /* the outbox was full: older changes are gone */
};

/* `dropped` is the state's own and stays. */
void kn_delivery_counts_add(struct kn_delivery_counts *to, const struct kn_delivery_counts *more);

struct kn_delivery {
    uint64_t revision; /* rises with each record about it */
    struct kn_delivery_counts counts;
    enum kn_delivery_stop stop; /* holds for version stop_version of the document */
    uint64_t stop_version;
    int64_t delivered_us, failed_us; /* the last of each, 0 = never */
    uint32_t status;                 /* of the last try, and why it failed */
    struct kn_str error;
    struct kn_delivery_cursor *cursors;
    size_t cursor_count;
    struct kn_delivery_entry *waiting, *dead; /* dead: oldest first */
    size_t waiting_count, dead_count;
    uint64_t backlog; /* changes not taken up yet; filled in by kn_delivery_read */
};

/* As changes happened; those that a definition brought about come after the others of their record.
 */
int kn_delivery_order(const struct kn_delivery_entry *a, const struct kn_delivery_entry *b);
/* A destination without a record yet reads as zeros. @errors KN_E_NOT_FOUND, KN_E_NOMEM */
enum kn_rc kn_delivery_read(struct kn_workspace *ws, struct kn_str id, struct kn_arena *arena,
                            struct kn_delivery *ret) KN_MUST_USE;
/* Its revision alone; 0 without a record yet. */
enum kn_rc kn_delivery_revision(struct kn_workspace *ws, struct kn_str id, struct kn_arena *arena,
                                uint64_t *ret) KN_MUST_USE;
/* The next changes of all its segments in the order they happened, at most `limit`. cursors
 * [KN_DESTINATION_SEGMENTS_MAX]: where each series goes on (one that is not there begins at its
 * start), brought up to date; those of series that are no more go. *ret_missed: changes that were
 * gone already. @errors KN_E_NOT_FOUND, KN_E_NOMEM */
enum kn_rc kn_delivery_take(struct kn_workspace *ws, struct kn_str id,
                            struct kn_delivery_cursor *cursors, size_t *cursor_count, size_t limit,
                            struct kn_arena *arena, struct kn_delivery_entry **ret,
                            size_t *ret_count, uint64_t *ret_missed) KN_MUST_USE;

/* The public id of a profile by its own ordinal, that of a merged one too; *ret_live: it is a
 * profile still, and not part of another one. @errors KN_E_NOT_FOUND, KN_E_NOMEM */
enum kn_rc kn_delivery_profile_id(struct kn_workspace *ws, uint32_t ordinal, struct kn_h128 *ret,
                                  bool *ret_live) KN_MUST_USE;

struct kn_destination_audience {
    bool ready;    /* entries and exits are being followed */
    uint64_t size; /* who may be known there now */
};
enum kn_rc kn_destination_audience(struct kn_workspace *ws, struct kn_str id, struct kn_str segment,
                                   struct kn_destination_audience *ret) KN_MUST_USE;

/* ---- records ---- */

/* What a record says: in `change`, counts are added, cursors take the place of those before,
 * `waiting` is put (by id), `dead` is added and waits no more; `done` waits no more. */
struct kn_delivery_record {
    struct kn_delivery change;
    struct kn_delivery_id *done;
    size_t done_count;
};
/* Appends a DELIVERY item for the destination; failures are in out->rc. */
void kn_delivery_record_item(struct kn_str id, const struct kn_delivery_record *record,
                             int64_t now_us, struct kn_buf *out);
/* The same: dead letters wait again, as if they had not been tried; none given: all of them. */
void kn_delivery_resend_item(struct kn_str id, const struct kn_delivery_id *ids, size_t count,
                             int64_t now_us, struct kn_buf *out);

/* ---- the fold's side ---- */

struct kn_fold;
struct kn_item;
void kn_fold_delivery(struct kn_fold *f, const struct kn_item *item);
/* Its document is gone. */
void kn_fold_delivery_forget(struct kn_fold *f, struct kn_str id);

#endif
