/* A behaviour store, on a simulated disk, beside a naive list of its rows. */
#ifndef KN_TESTS_COLUMNS_MODEL_H
#define KN_TESTS_COLUMNS_MODEL_H

#include "cm.h"

#include "base/rand.h"
#include "behaviour/columns.h"
#include "sim/sim_disk.h"

enum { PEOPLE = 14, EVENT_NAMES = 4 };

struct model_row {
    enum kn_table_kind kind;
    char name[16];
    uint32_t ordinal;
    int64_t us;
    uint64_t arrival;
    char *text;   /* what the row says, a line per value, sorted */
    char *fields; /* of an event: the whole item; else its JSON */
    size_t fields_len;
};

/* One state of the list. */
struct model_rows {
    struct model_row *rows;
    size_t count, room;
    uint32_t into[PEOPLE]; /* itself: not merged */
};

struct model {
    struct sim_disk *sim;
    struct kn_columns *c;
    struct kn_rand rand;
    struct kn_buf manifest;
    struct model_rows now, frozen, kept; /* kept: as committed */
    uint64_t next_arrival;
    unsigned depth; /* of the events' properties, at most; a table must not get too many columns */
    char **texts;   /* freed at the end */
    size_t text_count, text_room;
};

struct model *model_new(uint64_t seed);
void model_free(struct model *m);
enum kn_rc model_try_open(struct model *m, bool read_only, struct kn_err *err);

/* A random JSON object. */
void model_json(struct kn_rand *rand, unsigned depth, struct kn_buf *out);
/* Feeds an event with these parts (JSON objects; p == NULL: none). */
void model_event_of(struct model *m, const char *name, uint32_t ordinal, int64_t us,
                    struct kn_str properties, struct kn_str context);
void model_row_of(struct model *m, enum kn_table_kind kind, uint32_t ordinal, int64_t us,
                  struct kn_str fields);
void model_event(struct model *m);
/* A random row of another kind; it replaces what was there half of the time. */
void model_row(struct model *m);
void model_merge_people(struct model *m);
/* Forgets a person, and tells some of the events again, for the same or for another ordinal. */
void model_split(struct model *m);
void model_step(struct model *m);

void model_freeze(struct model *m);
/* write, manifest, install; KN_OK makes what was frozen what is kept. */
enum kn_rc model_finish(struct model *m);
void model_checkpoint(struct model *m);
void model_merge(struct model *m, uint64_t bytes);
/* Merges and checkpoints until there is nothing more to do. */
void model_merge_all(struct model *m);
void model_crash(struct model *m);
/* Reads everything, and verifies the files. */
void model_check_all(struct model *m);
size_t model_files(struct model *m);

/* What a pin reads is what the list says. */
void model_check_pin(const struct kn_columns_pin *pin, const struct model_rows *expected);
void model_check(struct model *m);
struct model_rows model_copy(const struct model_rows *from);

#endif
