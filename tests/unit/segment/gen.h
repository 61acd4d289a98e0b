/* Random definitions and histories for the tests of all evaluators.
 *
 * One seed makes one case. Times stand on a coarse grid around a base moment (often a day on which
 * clocks change, a month's end, New Year), so that ties and exact edges of windows are frequent;
 * events arrive in another order than they happened, and some lie in the future of `now`. Values
 * come from small sets around the literals of the definitions, in mixed types: numbers, decimal
 * strings, too long numbers, booleans, null, dates, arrays, objects, keys with a dot.
 * Orders have refunds, updates, cancellations, several currencies, or no id.
 *
 *   struct gen g;
 *   gen_start(&g, seed, &arena);
 *   struct kn_str text = gen_segment(&g);       a definition that parses
 *   gen_history(&g, 20, &history);
 *   int64_t now = gen_now(&g);
 */
#ifndef KN_TESTS_SEGMENT_GEN_H
#define KN_TESTS_SEGMENT_GEN_H

#include "base/rand.h"
#include "tests/unit/segment/history.h"
#include "tests/unit/segment/zones.h"

enum {
    GEN_NESTED = 1 << 0,   /* events inside where() */
    GEN_FLAGS = 1 << 1,    /* consent(), identifier() */
    GEN_SEGMENTS = 1 << 2, /* segment('seg0'), segment('seg1') */
    GEN_TRAITS = 1 << 3,
    GEN_ORDERS = 1 << 4,  /* order() */
    GEN_SOURCES = 1 << 5, /* sources({exclude: ['s1']}) */
    GEN_FUTURE = 1 << 6,  /* events dated after now */
    GEN_ALL = (1 << 7) - 1,
};

struct gen {
    struct kn_rand rand;
    struct kn_arena *arena;
    unsigned what; /* GEN_ALL unless changed */
    bool plain;    /* this case: few names and few values, so that much matches */
    int64_t base_us;
};

void gen_start(struct gen *g, uint64_t seed, struct kn_arena *arena);
/* Texts of definitions; in the arena, NUL-terminated. */
struct kn_str gen_segment(struct gen *g);
struct kn_str gen_trait(struct gen *g);
/* Up to `most` events, finished (history_finish) with home currency EUR. */
void gen_history(struct gen *g, uint32_t most, struct history *ret);
/* A moment at, about or after the base. */
int64_t gen_now(struct gen *g);

/* The names that occur, for those who set up a workspace for them. */
extern const char *const gen_events[6];
extern const char *const gen_purposes[3];
extern const char *const gen_identifiers[3];
extern const char *const gen_segments[2];
enum { GEN_SOURCE_COUNT = 3 }; /* numbers 1 to 3 */

#endif
