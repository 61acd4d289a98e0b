/* kern-sim: a whole workspace, from staged items to answers, on a simulated disk and clock.
 *
 * Each seed draws a life story: batches with late and repeated events, commits, folds, checkpoints,
 * merging, segments defined and built, full disks, failing writes and syncs, and crashes between
 * (and in the middle of) all of them. After each crash the workspace must open again and agree with
 * the oracle. The state's LMDB lives in a real directory: a crash takes it back to its last commit.
 *
 *   kern-sim --seeds N [--first S]      prints the seed of the first failure
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/workspace.h"
#include "base/mem.h"
#include "sim/oracle.h"
#include "sim/segments.h"
#include "sim/sim_disk.h"

enum { STEPS = 160, SETTLE_STEPS = 12, STATE_MAP = 64 << 20 };

struct life {
    uint64_t seed;
    struct kn_rand rand;
    struct sim_disk *disk;
    struct kn_manual_clock clock;
    struct kn_workspace *ws;
    char state[128];
    struct oracle *oracle;
    struct {
        uint64_t seq;
        size_t first, count; /* events of the frame */
    } staged[256];
    size_t staged_count;
    bool failed; /* a sync or write failed: only a crash helps */
    unsigned crashes;
    char why[512];
};

static void seeded_fill(void *self, void *to, size_t len)
{
    struct kn_rand *r = self;
    for (size_t i = 0; i < len; i++) {
        ((unsigned char *)to)[i] = (unsigned char)kn_rand_u64(r);
    }
}

static void on_sync_failed(void *context)
{
    ((struct life *)context)->failed = true;
}

static bool fails(struct life *l, const char *what, const struct kn_err *err)
{
    (void)snprintf(l->why, sizeof l->why, "%s: %s", what, err->text);
    return false;
}

static bool open_life(struct life *l)
{
    struct kn_err err = {0};
    size_t applied;
    struct kn_workspace_options o = {
        .disk = sim_disk_interface(l->disk),
        .dir = "ws/sim",
        .state_path = l->state,
        .name = "sim",
        .clock = kn_clock_manual(&l->clock),
        .random = {seeded_fill, &l->rand},
        .log_segment_bytes = 64 * 1024,
        .cache_bytes = 64 * 1024,
        .state_map_bytes = STATE_MAP,
        .log_keep_us = 1,
        .on_sync_failed = on_sync_failed,
        .on_sync_failed_context = l,
    };
    l->failed = false;
    l->staged_count = 0;
    if (kn_workspace_open(&o, &l->ws, &err) != KN_OK) {
        return fails(l, "open", &err);
    }
    if (kn_workspace_apply(l->ws, INT64_MAX, &applied, &err) != KN_OK) {
        return fails(l, "apply after open", &err);
    }
    return oracle_check(l->oracle, l->ws, l->why, sizeof l->why) &&
           sim_segments_check(l->ws, l->why, sizeof l->why);
}

static bool crash(struct life *l)
{
    kn_workspace_close(l->ws);
    l->ws = NULL;
    sim_disk_crash(l->disk);
    sim_disk_set_capacity(l->disk, UINT64_MAX);
    l->crashes++;
    return open_life(l);
}

/* ---- steps ---- */

static bool stage(struct life *l)
{
    struct kn_buf items;
    struct kn_err err = {0};
    bool disk_full;
    uint64_t seq;
    uint32_t count = (uint32_t)kn_rand_between(&l->rand, 1, 12);
    size_t first = l->oracle->count;
    if (l->staged_count == 256 || first + count > ORACLE_EVENTS_MAX) {
        return true;
    }
    kn_buf_init(&items, 1 << 20);
    for (uint32_t i = 0; i < count; i++) {
        struct oracle_event *v = &l->oracle->events[first + i];
        int64_t now = l->clock.wall_us;
        *v =
            (struct oracle_event){.number = (uint32_t)(first + i), .received_us = now, .trait = -1};
        v->event_us =
            now - (kn_rand_chance(&l->rand, 1, 5) ? kn_rand_between(&l->rand, 0, 86400) * 1000000
                                                  : kn_rand_between(&l->rand, 0, 3));
        v->ids[0] = (uint32_t)kn_rand_between(&l->rand, 1, ORACLE_IDS);
        if (kn_rand_chance(&l->rand, 1, 12)) {
            v->ids[1] = (uint32_t)kn_rand_between(&l->rand, 1, ORACLE_IDS);
        }
        if (kn_rand_chance(&l->rand, 1, 3)) {
            v->trait = (int)kn_rand_below(&l->rand, ORACLE_TRAITS);
            v->value = (int)kn_rand_below(&l->rand, 1000);
        }
        oracle_encode(v, kn_rand_chance(&l->rand, 1, 3), &items);
    }
    /* A client that tries again sends what it sent before. */
    uint32_t repeats = 0;
    if (first > 0 && kn_rand_chance(&l->rand, 1, 4)) {
        struct oracle_event *old = &l->oracle->events[kn_rand_below(&l->rand, first)];
        if (old->acked) {
            oracle_encode(old, kn_rand_chance(&l->rand, 1, 3), &items);
            repeats = 1;
        }
    }
    enum kn_rc rc =
        kn_workspace_stage(l->ws, kn_buf_view(&items), count + repeats, 0, &seq, &disk_full, &err);
    kn_buf_deinit(&items);
    if (rc == KN_E_FULL) {
        return true; /* refused: never sent */
    }
    if (rc != KN_OK) {
        return fails(l, "stage", &err);
    }
    l->oracle->count += count;
    l->staged[l->staged_count].seq = seq;
    l->staged[l->staged_count].first = first;
    l->staged[l->staged_count].count = count;
    l->staged_count++;
    return true;
}

static bool commit(struct life *l)
{
    struct kn_err err = {0};
    struct kn_position p;
    bool committed;
    enum kn_rc rc = kn_workspace_commit(l->ws, &committed, &err);
    if (rc != KN_OK && rc != KN_E_FULL) {
        l->failed = true;
        return true;
    }
    kn_workspace_position(l->ws, &p);
    for (size_t i = 0; i < l->staged_count; i++) {
        bool lost = kn_workspace_is_lost(l->ws, l->staged[i].seq);
        for (size_t k = 0; k < l->staged[i].count; k++) {
            struct oracle_event *v = &l->oracle->events[l->staged[i].first + k];
            v->acked = !lost && p.durable >= l->staged[i].seq;
        }
    }
    l->staged_count = 0;
    return true;
}

static bool apply(struct life *l)
{
    struct kn_err err = {0};
    size_t applied;
    enum kn_rc rc = kn_workspace_apply(l->ws, INT64_MAX, &applied, &err);
    return rc == KN_OK ? true : fails(l, "apply", &err);
}

static bool checkpoint(struct life *l)
{
    struct kn_err err = {0};
    enum kn_rc rc = kn_workspace_checkpoint_now(l->ws, &err);
    l->failed = l->failed || (rc != KN_OK && rc != KN_E_FULL);
    return true;
}

static bool background(struct life *l)
{
    struct kn_err err = {0};
    bool more;
    enum kn_rc rc = kn_workspace_background_step(l->ws, &more, &err);
    l->failed = l->failed || (rc != KN_OK && rc != KN_E_FULL);
    return true;
}

static bool build(struct life *l)
{
    struct kn_err err = {0};
    bool more;
    bool staged;
    enum kn_rc rc = kn_workspace_build_step(l->ws, &more, &staged, &err);
    return rc == KN_OK ? true : fails(l, "build", &err);
}

/* A frame of Kern's own: a definition or a tick. Nobody waits for it, so it may be lost. */
static bool stage_own(struct life *l, bool tick)
{
    struct kn_buf items;
    struct kn_err err = {0};
    uint64_t seq;
    bool full;
    kn_buf_init(&items, 1 << 16);
    enum kn_rc rc;
    if (tick) {
        rc = kn_workspace_stage_tick(l->ws, &seq, &err);
    } else {
        sim_segments_define(&l->rand, l->clock.wall_us, &items);
        rc =
            kn_workspace_stage(l->ws, kn_buf_view(&items), 1, KN_FRAME_SETTINGS, &seq, &full, &err);
    }
    kn_buf_deinit(&items);
    return rc == KN_OK || rc == KN_E_FULL ? true : fails(l, "stage of its own", &err);
}

static void fault(struct life *l)
{
    switch (kn_rand_below(&l->rand, 4)) {
    case 0: sim_disk_fail(l->disk, SIM_WRITE, kn_rand_below(&l->rand, 6), KN_E_IO); break;
    case 1: sim_disk_fail(l->disk, SIM_SYNC, kn_rand_below(&l->rand, 4), KN_E_IO); break;
    case 2: sim_disk_set_capacity(l->disk, kn_rand_below(&l->rand, 200000)); break;
    default: sim_disk_set_capacity(l->disk, UINT64_MAX); break;
    }
}

static bool step(struct life *l)
{
    l->clock.wall_us += kn_rand_between(&l->rand, 0, 5000000);
    if (l->failed) {
        return crash(l);
    }
    switch (kn_rand_below(&l->rand, 24)) {
    case 0: return crash(l);
    case 1: fault(l); return true;
    case 2:
    case 3: return checkpoint(l);
    case 4: return background(l);
    case 5:
    case 6:
    case 7: return apply(l);
    case 8:
    case 9:
    case 10:
    case 11: return commit(l);
    case 12: return stage_own(l, false);
    case 13: return stage_own(l, true);
    case 14:
    case 15: return build(l);
    default: return stage(l);
    }
}

/* Faults off: everything must drain and agree. */
static bool end(struct life *l)
{
    if (!crash(l) || !commit(l) || !apply(l)) {
        return false;
    }
    for (unsigned i = 0; i < SETTLE_STEPS; i++) {
        if (!build(l) || !stage_own(l, true) || !commit(l) || !apply(l)) {
            return false;
        }
    }
    if (!oracle_check(l->oracle, l->ws, l->why, sizeof l->why) ||
        !sim_segments_check(l->ws, l->why, sizeof l->why)) {
        return false;
    }
    struct kn_err err = {0};
    if (kn_workspace_checkpoint_now(l->ws, &err) != KN_OK) {
        return fails(l, "last checkpoint", &err);
    }
    return crash(l);
}

static bool run_seed(uint64_t seed, const char *base, unsigned *crashes, size_t *events, char *why)
{
    struct life l = {.seed = seed, .rand = kn_rand_seed(seed)};
    char command[200];
    l.disk = sim_disk_new(seed ^ 0x5eed);
    l.oracle = kn_must_calloc(1, sizeof *l.oracle);
    l.clock.wall_us = INT64_C(1795448720) * 1000000;
    (void)snprintf(l.state, sizeof l.state, "%s/state", base);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", l.state);
    bool ok = system(command) == 0 && open_life(&l);
    unsigned steps = (unsigned)kn_rand_between(&l.rand, 20, STEPS);
    for (unsigned i = 0; ok && i < steps; i++) {
        ok = step(&l);
    }
    ok = ok && end(&l);
    *crashes += l.crashes;
    *events += l.oracle->count;
    memcpy(why, l.why, sizeof l.why);
    kn_workspace_close(l.ws);
    sim_disk_free(l.disk);
    kn_free(l.oracle);
    return ok;
}

static uint64_t number(int argc, char **argv, const char *name, uint64_t fallback)
{
    for (int i = 1; i + 1 < argc; i++) {
        uint64_t value;
        if (strcmp(argv[i], name) == 0 && kn_str_u64(kn_str_c(argv[i + 1]), &value)) {
            return value;
        }
    }
    return fallback;
}

int main(int argc, char **argv)
{
    char base[] = "/tmp/kern-sim-XXXXXX";
    char shm[] = "/dev/shm/kern-sim-XXXXXX";
    char why[512];
    unsigned crashes = 0;
    size_t events = 0;
    uint64_t first = number(argc, argv, "--first", 1);
    uint64_t seeds = number(argc, argv, "--seeds", 100);
    char *dir = access("/dev/shm", W_OK) == 0 ? mkdtemp(shm) : mkdtemp(base);
    if (!dir) {
        (void)fprintf(stderr, "kern-sim: no directory to work in\n");
        return 2;
    }
    int code = 0;
    for (uint64_t s = first; s < first + seeds && code == 0; s++) {
        if (!run_seed(s, dir, &crashes, &events, why)) {
            (void)printf("kern-sim --first %llu --seeds 1: %s\n", (unsigned long long)s, why);
            code = 1;
        }
    }
    char command[200];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    if (system(command) != 0) {
        (void)fprintf(stderr, "kern-sim: %s stays behind\n", dir);
    }
    if (code == 0) {
        (void)printf("%llu seeds, %u crashes, %zu events: sound\n", (unsigned long long)seeds,
                     crashes, events);
    }
    return code;
}
