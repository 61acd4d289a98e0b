/* Of the generator only. */
#ifndef KN_TESTS_SEGMENT_GEN_INTERNAL_H
#define KN_TESTS_SEGMENT_GEN_INTERNAL_H

#include "base/assert.h"
#include "format/time_text.h"
#include "tests/unit/segment/gen.h"

#define GEN_PICK(g, words) gen_pick(g, words, sizeof(words) / sizeof((words)[0]))

uint64_t gen_below(struct gen *g, uint64_t bound);
bool gen_one_in(struct gen *g, uint64_t n);
const char *gen_pick(struct gen *g, const char *const *words, size_t count);
struct kn_str gen_date(struct gen *g);
struct kn_str gen_word(struct gen *g);

#endif
