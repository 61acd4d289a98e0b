/* Makes a failing case small: leaves out events, properties, conditions, filters, as long as it
 * still fails. */
#ifndef KN_TESTS_SEGMENT_SHRINK_H
#define KN_TESTS_SEGMENT_SHRINK_H

#include "tests/unit/segment/history.h"

/* `text` always parses; the history is finished. */
typedef bool (*shrink_fails)(void *context, struct kn_str text, const struct history *history);

struct shrunk {
    struct kn_str text;
    struct history history;
};

struct shrunk shrink(struct kn_str text, enum kn_query_form form, const struct history *history,
                     shrink_fails fails, void *context, struct kn_arena *arena);
/* Text and history, for people. */
void shrink_print(const struct shrunk *shrunk);

#endif
