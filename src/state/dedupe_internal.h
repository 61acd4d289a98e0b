/* A run of the dedupe set: a file of sorted entries and their filter (docs/formats/dedupe.md).
 * Internal to state/. */
#ifndef KN_STATE_DEDUPE_INTERNAL_H
#define KN_STATE_DEDUPE_INTERNAL_H

#include "state/dedupe.h"
#include "state/dedupe_table.h"

enum { KN_DUP_RUNS_MAX = 64 };

/* Where the files are. */
struct kn_dup_place {
    struct kn_disk disk;
    const char *dir; /* borrowed */
};

struct kn_dup_run {
    uint64_t number; /* of the file */
    uint64_t count, filter_blocks;
    int64_t min_hour, max_hour;
    uint64_t bytes;
    struct kn_file *file;
    const char *map;
};

/* The hour of an entry among those whose newest is max_hour. */
static inline int64_t kn_dup_hour(struct kn_h128 e, int64_t max_hour)
{
    return max_hour - (int64_t)(((uint64_t)max_hour - e.lo) & KN_DEDUPE_HOUR_MASK);
}

void kn_dup_path(const struct kn_dup_place *place, uint64_t number, char *to, size_t len);
/* What a manifest may say of a run. */
bool kn_dup_run_is_sane(const struct kn_dup_run *run);
/* Opens the file that number, count and filter_blocks describe. Close it also after an error. */
enum kn_rc kn_dup_run_open(const struct kn_dup_place *place, struct kn_dup_run *run,
                           struct kn_err *err) KN_MUST_USE;
void kn_dup_run_close(struct kn_dup_run *run);
/* Closes a run that will never be named, and gives its room back. */
void kn_dup_run_discard(const struct kn_dup_place *place, struct kn_dup_run *run);
bool kn_dup_run_find(const struct kn_dup_run *run, struct kn_h128 hash, struct kn_h128 *ret);
enum kn_rc kn_dup_run_verify(const struct kn_dup_place *place, const struct kn_dup_run *run,
                             struct kn_err *err) KN_MUST_USE;

/* Where sorted entries come from: an array or a run. */
struct kn_dup_source {
    const struct kn_h128 *array;
    const struct kn_dup_run *run;
    uint64_t at, count;
    int64_t max_hour;
};
/* A run of two sources, the newer entry (b's) of a pair winning, without entries before
 * oldest_hour. On an error nothing stays behind. */
enum kn_rc kn_dup_run_make(const struct kn_dup_place *place, uint64_t number,
                           struct kn_dup_source *a, struct kn_dup_source *b, int64_t oldest_hour,
                           struct kn_dup_run *ret, struct kn_err *err) KN_MUST_USE;

#endif
