/* A person's history as plain arrays: what the tests of all evaluators start from.
 *
 * The same history can be looked at through a kn_view (history_view), read by the judge (naive.h),
 * and be sent as messages (history_message). Orders are worked out from the events here, by API
 * section
 * 9. Everything lives in the arena it was made in. */
#ifndef KN_TESTS_SEGMENT_HISTORY_H
#define KN_TESTS_SEGMENT_HISTORY_H

#include "segment/view.h"

enum history_kind {
    HISTORY_NULL,
    HISTORY_FALSE,
    HISTORY_TRUE,
    HISTORY_NUMBER,
    HISTORY_STRING,
    HISTORY_ARRAY,
    HISTORY_OBJECT,
};

struct history_json {
    enum history_kind kind;
    struct kn_str text;  /* digits, or a string's content */
    struct kn_str *keys; /* of an object */
    struct history_json *kids;
    uint32_t count;
};

struct history_event {
    int64_t us;
    uint64_t arrival; /* from 1, in order of sending: each its own */
    struct kn_str name;
    uint32_t source;
    struct history_json properties, context; /* objects */
};

struct history_flag {
    struct kn_str name;
    uint32_t state; /* enum kn_consent_state, or 1 = has it */
};

struct history {
    struct history_event *events; /* by (us, arrival) */
    uint32_t event_count;
    struct history_event
        *orders; /* by (us, arrival): name empty, value net of refunds in properties */
    uint32_t order_count;
    struct history_json traits;
    struct history_flag *consents, *identifiers, *segments;
    uint32_t consent_count, identifier_count, segment_count;
};

/* From JSON text; wrong text stops the test. */
struct history_json history_json(struct kn_arena *arena, const char *text);
void history_json_put(const struct history_json *json, struct kn_buf *out);
const struct history_json *history_member(const struct history_json *object, struct kn_str key);
/* The values at a path, through arrays, in order; answers how many (at most `most` are written). */
uint32_t history_values(const struct history_json *json, struct kn_path path,
                        struct kn_value *values, uint32_t most);
/* The elements of the arrays at a path. */
uint32_t history_elements(const struct history_json *json, struct kn_path path,
                          const struct history_json **elements, uint32_t most);

/* Sorts the events and works out the orders. `home` is the workspace's currency. */
void history_finish(struct history *history, const char *home, struct kn_arena *arena);

struct history_view {
    const struct history *history;
    struct kn_arena *arena; /* for what the view answers */
    struct kn_view view;
};
void history_view(struct history_view *view, const struct history *history,
                  const struct kn_zone *zone, struct kn_arena *arena);

/* One event as a message of the collect API ("track"), with messageId "m<arrival>". */
void history_message(const struct history_event *event, const char *anonymous_id,
                     struct kn_buf *out);
/* For people: times, names, properties. */
void history_print(const struct history *history, struct kn_buf *out);

#endif
