/* The queue of one destination, between the outbox in the state and the calls. Internal to
 * deliver/.
 *
 *   taken up ─> ready ─> flying ─> done ─────────────┐
 *                 ^         │                         ├─> recorded, gone
 *                 └─ wait ──┴──> dead ────────────────┘
 *
 * A parcel is `kept` when the state lists it as waiting. The place in the outbox is moved on, by a
 * record, behind the parcels that were started; those of them that are not done by then are put on
 * the waiting list by the same record. One record of a destination is on its way at a time.
 */
#ifndef KN_DELIVER_OUTBOX_H
#define KN_DELIVER_OUTBOX_H

#include "deliver/deliver.h"
#include "deliver/http_client.h"
#include "deliver/message.h"

enum kn_parcel_state { KN_PARCEL_READY, KN_PARCEL_FLYING, KN_PARCEL_DONE, KN_PARCEL_DEAD };
enum kn_parcel_mark { KN_MARK_NONE, KN_MARK_PUT, KN_MARK_DONE, KN_MARK_DEAD };

struct kn_outbox;

struct kn_parcel {
    struct kn_outbox *outbox;
    struct kn_delivery_entry entry; /* its texts are in `texts`, its error in `error` */
    struct kn_arena texts;
    char error[KN_DELIVERY_ERROR_MAX];
    enum kn_parcel_state state;
    enum kn_parcel_mark mark; /* what the record on its way says of it */
    bool kept;
    bool touched; /* something happened that no record says yet */
    uint64_t doc_version;
    struct kn_message *message; /* while it flies */
    char *url;
    struct kn_http_job job;
};

struct kn_outbox {
    struct kn_outbox *next;
    struct kn_workspace *ws;
    char *id;                   /* of the destination */
    bool seen;                  /* its document is there, in this turn */
    struct kn_parcel **parcels; /* in order of change */
    size_t count, room;
    struct kn_delivery_cursor taken[KN_DESTINATION_SEGMENTS_MAX];
    struct kn_delivery_cursor started[KN_DESTINATION_SEGMENTS_MAX]; /* what a record may say */
    size_t taken_count, started_count;
    bool loaded;
    uint64_t revision;    /* of the state that was read */
    uint64_t doc_version; /* of the document looked at */
    enum kn_delivery_stop stop;
    uint64_t stop_version;
    size_t flying;
    unsigned failures, refusals;         /* in a row */
    struct kn_delivery change;           /* counts, last tries and stop that no record says yet */
    struct kn_delivery_counts recording; /* those of the record on its way */
    char error[KN_DELIVERY_ERROR_MAX];
    bool outstanding; /* a record is on its way */
    uint64_t seq;
    bool dirty;
    int64_t dirty_ms; /* since when, monotonic */
};

struct kn_deliver {
    struct kn_deliver_env env;
    struct kn_http_client *client;
    struct kn_outbox *all;
    struct kn_arena arena; /* of one destination's turn */
    int64_t wait_ms;       /* until something is due, as far as this turn knows */
    bool draining;
};

/* outbox.c */
struct kn_outbox *kn_outbox_new(struct kn_workspace *ws, struct kn_str id); /* NULL: no memory */
void kn_outbox_free(struct kn_outbox *o);
/* d: NULL when the destination is gone. */
void kn_outbox_turn(struct kn_deliver *deliver, struct kn_outbox *o,
                    const struct kn_destination *d);
void kn_outbox_landed(struct kn_deliver *deliver, struct kn_parcel *parcel);
void kn_outbox_soil(struct kn_deliver *deliver, struct kn_outbox *o);
void kn_outbox_remove(struct kn_outbox *o, size_t at);

/* record.c */
/* What became of the record on its way. */
void kn_outbox_settle(struct kn_deliver *deliver, struct kn_outbox *o);
/* Stages one if it is time. */
void kn_outbox_record(struct kn_deliver *deliver, struct kn_outbox *o);

#endif
