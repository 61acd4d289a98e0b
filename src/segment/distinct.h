/* Distinct values and in how many rows each occurs. Room-private.
 *
 * Two values are the same when they are of one kind and have one text; numbers that format/number.h
 * reads when they are equal. With KN_CAST_NUMBER only numbers count (decimal strings are numbers
 * then), with KN_CAST_STRING only strings. Objects never count. Texts are borrowed, or copied into
 * the arena.
 */
#ifndef KN_SEGMENT_DISTINCT_H
#define KN_SEGMENT_DISTINCT_H

#include "segment/test.h"

struct kn_distinct_entry {
    struct kn_value value; /* the text of a number is as it came first, or in canonical form */
    kn_dec number;
    bool is_number; /* number says which */
    uint32_t rows;
    uint32_t last_row; /* the last that counted */
    uint64_t hash;
};

struct kn_distinct {
    struct kn_arena *arena;
    enum kn_cast cast;
    bool copies;
    struct kn_distinct_entry *entries; /* [count] in order of appearance */
    uint32_t count, room;
    uint32_t *slots; /* index + 1, or 0 */
    uint32_t mask;   /* slots - 1 */
    bool failed;     /* the arena was full */
};

void kn_distinct_init(struct kn_distinct *d, struct kn_arena *arena, enum kn_cast cast,
                      bool copies);
/* The value's entry, made when it is new (rows = 0); NULL: it does not count, or the arena is full.
 * Valid until the next is made; its index in entries stays. */
struct kn_distinct_entry *kn_distinct_entry(struct kn_distinct *d, struct kn_value value);
/* row: not 0; a value counts once per row. */
void kn_distinct_add(struct kn_distinct *d, struct kn_value value, uint32_t row);
/* Of two struct kn_value: by text, then by kind. */
int kn_value_order(const void *a, const void *b);

#endif
