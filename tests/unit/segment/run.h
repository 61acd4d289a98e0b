/* How long a randomised test goes on: --seed N (fresh otherwise, and printed), --cases N, --seconds
 * N (then by time, not by count). */
#ifndef KN_TESTS_SEGMENT_RUN_H
#define KN_TESTS_SEGMENT_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct run {
    uint64_t seed, cases;
    double seconds; /* 0: by cases */
    struct timespec start;
};

static inline double run_elapsed(const struct run *run)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - run->start.tv_sec) +
           (double)(now.tv_nsec - run->start.tv_nsec) / 1e9;
}

static inline struct run run_arguments(int argc, char **argv, uint64_t cases)
{
    struct run run = {.cases = cases};
    (void)clock_gettime(CLOCK_REALTIME, &run.start);
    run.seed = (uint64_t)run.start.tv_sec * 1000000 + (uint64_t)run.start.tv_nsec / 1000;
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t value = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seed") == 0) {
            run.seed = value;
        } else if (strcmp(argv[i], "--cases") == 0) {
            run.cases = value;
        } else if (strcmp(argv[i], "--seconds") == 0) {
            run.seconds = (double)value;
        } else {
            (void)fprintf(stderr, "usage: %s [--seed N] [--cases N] [--seconds N]\n", argv[0]);
            exit(2);
        }
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &run.start);
    return run;
}

/* A failing seed goes on for its one case: --seed N --cases 1. */
static inline bool run_goes_on(const struct run *run, uint64_t done)
{
    return run->seconds > 0 ? run_elapsed(run) < run->seconds : done < run->cases;
}

#endif
