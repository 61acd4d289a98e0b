/* Values at a path in JSON text, as conditions see them: through arrays to every element, null left
 * out, numbers in canonical digits, an object as a value that equals nothing (behaviour/columns.h,
 * "Fields"). Internal to apply/.
 */
#ifndef KN_APPLY_FIELDS_H
#define KN_APPLY_FIELDS_H

#include "segment/view.h"

struct kn_value_list {
    struct kn_value *all; /* in the arena, with their texts (or in the JSON) */
    uint32_t count, room;
};

/* Appends the values at `path` (no keys: of the text itself) in valid JSON. Panics when the arena
 * is full. */
void kn_fields_at(struct kn_str json, struct kn_path path, struct kn_arena *arena,
                  struct kn_value_list *out);
/* The raw value of the member, through no array; empty when there is none. An array's elements. */
struct kn_str kn_fields_raw(struct kn_str json, struct kn_path path, struct kn_arena *arena);
uint32_t kn_fields_elements(struct kn_str array);
struct kn_str kn_fields_element(struct kn_str array, uint32_t index);

#endif
