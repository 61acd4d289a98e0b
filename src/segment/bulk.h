/* The bulk driver: for which profiles a definition holds, over columns instead of profile by
 * profile.
 *
 * It computes the same function as kn_eval (eval.h) for every profile of a pin at once. Ordinals
 * are taken in chunks; within a chunk the conditions of the tree become bit arrays that AND, OR and
 * NOT combine, the cheapest first, and what is settled already is not looked at again:
 *
 *   where()     every comparison is decided once per dictionary entry, then looked up by code
 *   windows     compare the high parts of times, many rows at once; the low parts only at the edge
 *   reducers    one accumulator per profile of the chunk, fed by all parts of the table and by the
 * rows of ordinals that became part of a profile the rest    (nested events, mode, traits inside
 * where() ...) walks the rows of the profiles still in question and calls the evaluator
 *
 * Fields of order rows: property('value'), 'currency' and 'order_id' are "o." columns, others "p."
 * ones. trait('key') of a segment's key is true for members and false for everyone else.
 *
 * Threads: one call at a time per result; it hands its chunks to `jobs`. Nothing is kept between
 * calls. Times are UTC microseconds.
 */
#ifndef KN_SEGMENT_BULK_H
#define KN_SEGMENT_BULK_H

#include "segment/eval.h"

/* Runs job(arg, 0) ... job(arg, count - 1), in any order and on any threads, and returns when all
 * are done. NULL run: the caller's thread does. */
struct kn_bulk_jobs {
    void *context;
    void (*run)(void *context, uint32_t count, void (*job)(void *arg, uint32_t index), void *arg);
    uint32_t parallel; /* threads that can help, the caller included; 0 counts as 1 */
};

struct kn_bulk_options {
    const struct kn_columns_pin *pin;
    int64_t now_us;
    /* Members of another segment (bit per ordinal of the pin), or NULL: nobody. */
    const uint64_t *(*members)(void *context, struct kn_str segment);
    /* Is trait('key') a segment? NULL: never. */
    bool (*is_segment)(void *context, struct kn_str key);
    /* Is trait('key') a computed trait, and its values at a path (first key: its own) for one
     * profile, in the arena? The profile's row does not have them. NULL: never. */
    bool (*is_computed)(void *context, struct kn_str key);
    struct kn_values (*computed)(void *context, uint32_t ordinal, struct kn_path path,
                                 struct kn_arena *arena);
    void *context;
    struct kn_bulk_jobs jobs;
    bool plain; /* without vector instructions, for tests */
};

/* Words of a bit array over the ordinals of the pin. */
size_t kn_bulk_words(const struct kn_columns_pin *pin);

/* Sets the bits of the live profiles for which the definition holds (form KN_QUERY_SEGMENT), clears
 * all others: members[kn_bulk_words(pin)]. next_us, when not NULL, has room for pin->ordinal_end
 * moments: for live profiles a moment until which the truth stays as it is if nothing but time
 * happens (INT64_MAX: forever), as kn_eval's. The other segments' changes are not time.
 * @errors KN_E_NOMEM */
enum kn_rc kn_bulk(const struct kn_definition *definition, const struct kn_bulk_options *options,
                   uint64_t *members, int64_t *next_us, struct kn_err *err) KN_MUST_USE;

#endif
