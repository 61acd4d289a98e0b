/* What live segments do while events come in, with the threads of a server. */
#ifndef KN_BENCH_LIVE_BESIDE_H
#define KN_BENCH_LIVE_BESIDE_H

#include "bench/live_world.h"

void live_build(int argc, char **argv);
void live_exits(int argc, char **argv);
void live_readable(int argc, char **argv);

/* live.c */
uint64_t live_number(int argc, char **argv, const char *name, uint64_t fallback);
double live_now_s(void);
double live_resident_mb(void); /* of its own, without file pages */
uint32_t live_visitor(struct world *w, uint32_t profiles);

#endif
