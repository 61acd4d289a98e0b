/* A small random world for reports, twice: as plain arrays, and fed to the behaviour columns in
 * several runs, with merged profiles, replaced rows, forgotten people, ties and days on which
 * clocks change. */
#ifndef KN_TESTS_REPORT_WORLD_H
#define KN_TESTS_REPORT_WORLD_H

#include "cm.h"

#include "base/rand.h"
#include "report/report.h"
#include "sim/sim_disk.h"

enum {
    WORLD_PEOPLE = 24,
    WORLD_ROWS = 900,
    WORLD_EVENTS = 5, /* names */
    WORLD_TAGS = 3,
    WORLD_PRODUCTS = 3,
    WORLD_SPREAD = 700, /* between the ordinals of people, in half of the worlds: several blocks */
    WORLD_WORDS = WORLD_PEOPLE * WORLD_SPREAD / 64 + 1,
};
#define WORLD_DAY INT64_C(86400000000)
#define WORLD_START                                                                                \
    INT64_C(1792108800000000) /* 2026-10-16T00:00Z: ten days before clocks go back */
#define WORLD_DAYS 40

struct world_product {
    int category; /* 1.. ; 0 = none */
    int price;
};

struct world_event {
    bool gone; /* of a forgotten person */
    uint32_t ordinal;
    int64_t us;
    uint64_t arrival;
    int name;
    int key; /* property k: 0 none, 1 to 3 "x" to "z", 4: the number 1, 5: the string "1" */
    int tags[WORLD_TAGS]; /* of property tags, an array: 0 = not there, else letter */
    int amount;           /* property v: INT_MIN = none; an odd one is a string */
    struct world_product products[WORLD_PRODUCTS];
    int product_count;
    int device; /* 0 none, 1 mobile, 2 desktop */
    bool visit;
};
struct world_session {
    uint32_t ordinal;
    int64_t us;
    int channel; /* 1 email, 2 direct, 0 none */
};
struct world_order {
    uint32_t ordinal;
    int64_t us;
    uint64_t arrival;
    int cents;
    bool dollars;
};
struct world_person {
    bool live;
    uint32_t into; /* itself: not merged */
    int city;      /* trait: 0 none, 1.. */
    int likes[2];  /* trait, an array */
};

struct world {
    struct kn_rand rand;
    uint32_t spread; /* the ordinal of person i is i x spread */
    struct sim_disk *sim;
    struct kn_columns *columns;
    struct kn_zone *zone;
    int64_t now;
    uint64_t arrivals;
    struct world_person people[WORLD_PEOPLE];
    struct world_event events[WORLD_ROWS];
    size_t event_count;
    struct world_session sessions[WORLD_ROWS];
    size_t session_count;
    struct world_order orders[WORLD_ROWS];
    size_t order_count;
    char *items[WORLD_ROWS * 2];
    size_t item_count;
};

extern const char *const world_names[WORLD_EVENTS];
extern const char *const world_categories[4]; /* from 1 */

struct world *world_new(uint64_t seed);
void world_free(struct world *w);
/* Steps; each may build a run. */
void world_grow(struct world *w, int steps);

/* Does a person count: live, not merged away; where an ordinal's rows belong. */
bool world_counts(const struct world *w, uint32_t ordinal);
uint32_t world_root(const struct world *w, uint32_t ordinal);
/* Numbers of the events of a person, in (time, arrival) order; those after now left out. */
size_t world_events_of(const struct world *w, uint32_t person, size_t *ret);

/* The same with the orders among them, each an event of the name WORLD_ORDER that has no fields. */
enum { WORLD_ORDER = WORLD_EVENTS, WORLD_ALL_ROWS = 2 * WORLD_ROWS };
size_t world_rows_of(const struct world *w, uint32_t person, struct world_event *ret);

/* Conditions, as text and as what they mean here. */
enum { WORLD_CONDITIONS = 9 };
extern const char *const world_conditions[WORLD_CONDITIONS]; /* [0] NULL: none */
bool world_holds(const struct world_event *e, int condition);
/* The where() of a condition; NULL for none. */
const struct kn_node *world_where(int condition, struct kn_arena *arena);

/* Breakdowns, as paths and as what they mean here: each distinct value of the event once. */
enum world_by {
    WORLD_BY_NONE,
    WORLD_BY_KEY,
    WORLD_BY_TAGS,
    WORLD_BY_CATEGORY,
    WORLD_BY_DEVICE,
    WORLD_BY_CITY,
    WORLD_BY_LIKES,
    WORLD_BY_CHANNEL,
    WORLD_BY_PHASE,
    WORLD_BY_COUNT,
};
struct kn_breakdown world_breakdown(enum world_by by);
/* Texts such as "s:x", "n:1", "" (absent). */
enum { WORLD_VALUES = 8 };
int world_values(const struct world *w, enum world_by by, uint32_t person,
                 const struct world_event *e, const char *ret[WORLD_VALUES]);
/* The same text of a report's value. */
void world_value_text(struct kn_value value, char *ret, size_t len);

/* A report of the pin, on two threads half of the time; `only` may be NULL. */
struct kn_report world_report(struct world *w, const struct kn_columns_pin *pin,
                              const uint64_t *only);
/* A random segment, or none (false). */
bool world_segment(struct world *w, uint64_t ret[WORLD_WORDS]);
/* `us`, or now and then a moment some microseconds from the local midnight before it or from an
 * event. */
int64_t world_near(struct world *w, int64_t us);
/* NULL: everybody is. */
bool world_is_in(const struct world *w, const uint64_t *bits, uint32_t person);
enum kn_phase world_phase(const struct world *w, uint32_t person);

#endif
