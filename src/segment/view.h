/* One profile as the evaluator sees it, whoever holds the data: the fold's cache, columns, a test's
 * plain arrays.
 *
 * Rows are those of one event (or of order()) in (time, arrival) order, all of them: what lies in
 * the future of `now` included. A row is only a number here; its values are asked for by path.
 * Everything a view answers stays valid until the evaluation ends. Pure; one thread per view.
 */
#ifndef KN_SEGMENT_VIEW_H
#define KN_SEGMENT_VIEW_H

#include "behaviour/columns.h"
#include "format/item.h"
#include "segment/query.h"

struct kn_view_rows {
    const int64_t *us;        /* [count] ascending */
    const uint64_t *arrivals; /* [count] ascending where times are equal */
    uint32_t count;
    void *self; /* the view's own */
};

struct kn_values {
    const struct kn_value *values; /* absent ones left out */
    uint32_t count;
};

struct kn_view_ops {
    /* name.p == NULL: order(). */
    struct kn_view_rows (*rows)(void *self, struct kn_str event);
    /* Number of the source that sent the row. */
    uint32_t (*source)(void *self, const struct kn_view_rows *rows, uint32_t row);
    /* Values of property(path) or context(path) on a row; several when the path goes through
     * arrays. Of an order row: property('value') net of refunds, 'currency', 'order_id' and what
     * its events said. */
    struct kn_values (*values)(void *self, const struct kn_view_rows *rows, uint32_t row,
                               bool context, struct kn_path path);
    /* For any('products', ...): how many elements the array has on the row (0: no array), and the
     * values at a path inside one element. An empty path is the element itself. */
    uint32_t (*elements)(void *self, const struct kn_view_rows *rows, uint32_t row,
                         struct kn_path array);
    struct kn_values (*element)(void *self, const struct kn_view_rows *rows, uint32_t row,
                                struct kn_path array, uint32_t index, struct kn_path path);
    struct kn_values (*trait)(void *self, struct kn_path path); /* computed traits too */
    enum kn_consent_state (*consent)(void *self, struct kn_str purpose);
    bool (*identifier)(void *self, struct kn_str type);
    bool (*member)(void *self, struct kn_str segment);
};

struct kn_view {
    const struct kn_view_ops *ops;
    void *self;
    const struct kn_zone *zone; /* the workspace's */
};

#endif
