/* An archive on a simulated disk beside a naive list of its rows. */
#ifndef KN_TESTS_ARCHIVE_MODEL_H
#define KN_TESTS_ARCHIVE_MODEL_H

#include "cm.h"

#include "base/rand.h"
#include "behaviour/archive.h"
#include "sim/sim_disk.h"

enum { ROWS_MAX = 3000, ITEM_MAX = 700, PEOPLE = 12 };

struct model_row {
    struct kn_archive_row row; /* without the item */
    uint64_t item;             /* seed of its bytes */
    bool masked;
};

struct model {
    struct sim_disk *sim;
    struct kn_archive *a;
    struct kn_rand rand;
    struct kn_buf manifest;
    struct model_row *rows, *frozen, *kept; /* now; at the freeze; as committed */
    size_t count, frozen_count, kept_count;
    uint64_t next_arrival;
};

struct model *model_new(uint64_t seed);
void model_free(struct model *m);
enum kn_rc model_try_open(struct model *m, bool read_only, struct kn_err *err);
void model_append(struct model *m);
/* Masks a random row; half the time it moves to another person under the next version. */
void model_mask(struct model *m);
void model_freeze(struct model *m);
/* write, manifest, install; KN_OK makes what was frozen what is kept. */
enum kn_rc model_finish(struct model *m);
void model_checkpoint(struct model *m);
void model_merge(struct model *m, uint64_t bytes);
void model_crash(struct model *m);
/* Compares random queries over random people with the list. */
void model_check(struct model *m);
/* Reads every row, and verifies the files. */
void model_check_all(struct model *m);
size_t model_files(struct model *m);

/* The rows of some people in an order, as the list says. */
struct expectation {
    struct model_row rows[ROWS_MAX];
    size_t count, at;
    size_t stop_after;
};
void model_expect(const struct model *m, const uint32_t *people, size_t people_count,
                  const struct kn_archive_query *q, struct expectation *ret);
bool model_compare(void *context, const struct kn_archive_row *row);

#endif
