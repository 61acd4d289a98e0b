/* Histories of profiles for live evaluation: per profile, of the events that live definitions read,
 * the fields they read. A cache: what is in it can always be read again from the stores, so its
 * size changes how fast the fold is and nothing else.
 *
 *   extended by each record    kn_history_add
 *   read again when it is not there, when two profiles became one, or when the plan changed: event
 *   by event as they are asked for, from the columns (history_columns.c) or, where those do not
 *   have what the plan reads, all at once from the archive
 *
 * Columns are read through one pin. What arrived after it stands in the archive's tail, as long as
 * no checkpoint was installed and no rows moved: then the pin is dropped, and taken anew when it is
 * needed.
 *
 * Internal to apply/; belongs to the fold and its thread. Memory failures panic.
 */
#ifndef KN_APPLY_HISTORY_H
#define KN_APPLY_HISTORY_H

#include "apply/fields.h"
#include "apply/plan.h"

struct kn_fold;

/* A row: its values by field of the plan, in one block. */
struct kn_history_row {
    uint32_t source;
    struct kn_values *fields; /* [field_count]; of array fields: one string, the raw JSON */
};

struct kn_lane {    /* rows of one event, by (us, arrival) */
    uint32_t event; /* of the plan */
    uint32_t count, room;
    int64_t *us;
    uint64_t *arrivals;
    struct kn_history_row **rows;
};

/* What an instance has worked out of a long history (kn_eval_state). */
struct kn_history_state {
    uint32_t number;
    struct kn_eval_state *state;
};

struct kn_history {
    uint32_t ordinal;
    uint32_t lane_count;
    struct kn_lane **lanes; /* each stays where it is: views hold on to them */
    uint64_t bytes;
    bool orders_loaded;
    bool whole; /* all lanes are there; else those that were asked for */
    uint32_t row_count;
    struct kn_history_state *states; /* owned */
    uint32_t state_count;
    struct kn_history *newer, *older; /* by last use */
};

struct kn_histories {
    struct kn_history **slots; /* by ordinal, open addressing */
    uint32_t slot_count, count;
    struct kn_history *newest, *oldest;
    uint64_t bytes, bytes_max;
    uint64_t hits, misses;
    struct kn_arena arena;      /* of one row being read */
    bool from_columns;          /* may read columns */
    struct kn_columns_pin *pin; /* NULL: none yet */
    bool pin_has_all;           /* no field was left out */
    uint64_t pin_arrival;       /* of the last row that it has */
};

void kn_histories_init(struct kn_histories *h, uint64_t bytes_max);
void kn_histories_deinit(struct kn_histories *h);
void kn_histories_clear(struct kn_histories *h);
/* The profile's history: from the cache, or read from the stores (all that is applied included),
 * or, for a new profile, empty. *ret_fresh: it was not in the cache, so it holds everything applied
 * already. Valid until the next kn_histories_trim. */
struct kn_history *kn_histories_get(struct kn_histories *h, struct kn_fold *f,
                                    const struct kn_plan *plan, uint32_t ordinal, bool is_new,
                                    bool *ret_fresh);
/* After a checkpoint was installed, and when rows moved. */
void kn_histories_unpin(struct kn_histories *h);
bool kn_histories_has(const struct kn_histories *h, uint32_t ordinal);
void kn_histories_drop(struct kn_histories *h, uint32_t ordinal);
/* Down to the byte budget, least recently used first. */
void kn_histories_trim(struct kn_histories *h);

/* Adds an event if the plan reads it. */
void kn_history_add(struct kn_histories *h, struct kn_history *history, const struct kn_plan *plan,
                    const struct kn_item *item, uint64_t arrival);
/* Reads the orders again from the state, when the plan reads them. */
void kn_history_load_orders(struct kn_histories *h, struct kn_fold *f, struct kn_history *history,
                            const struct kn_plan *plan);
/* The state of an instance, made when there is none; lives until the states are forgotten or the
 * history goes. */
struct kn_eval_state *kn_history_state(struct kn_histories *h, struct kn_history *history,
                                       uint32_t number, const struct kn_definition *definition);
/* Before definitions go, and when what where() may read besides rows has changed. */
void kn_history_forget_states(struct kn_history *history);
void kn_histories_forget_states(struct kn_histories *h);
struct kn_lane *kn_history_lane(struct kn_history *history, uint32_t event); /* or NULL */
/* Reads the rows of an event whose lane is not there. */
struct kn_lane *kn_history_load_lane(struct kn_histories *h, struct kn_fold *f,
                                     struct kn_history *history, const struct kn_plan *plan,
                                     uint32_t event);

/* ---- between the files of histories ---- */

struct kn_history_draft {         /* a row being made */
    struct kn_value_list *fields; /* [field_count] */
    uint32_t values;
    size_t text_bytes;
};
/* Adds a row; values and texts are copied. */
void kn_history_put(struct kn_histories *h, struct kn_history *history,
                    const struct kn_plan_event *event, struct kn_lane *lane,
                    struct kn_history_draft *draft, uint32_t source, int64_t us, uint64_t arrival);
/* history_columns.c: the rows of the event, of all these ordinals, into the lane. False: the
 * columns do not have all of it, and nothing was added. */
bool kn_history_from_columns(struct kn_histories *h, struct kn_fold *f, struct kn_history *history,
                             const struct kn_plan *plan, struct kn_lane *lane,
                             const uint32_t *ordinals, size_t count);

#endif
