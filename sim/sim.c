/* kern-sim: Kern from decoded request to answer, on a simulated disk and clock.
 *
 * Each seed draws a life story: collect requests with late, repeated, broken and contradicting
 * messages, consents, merges, un-merges and lists through the API, segments defined and built,
 * commits, folds, checkpoints, merging of archive files, full disks, failing writes and syncs (of
 * the log, the archive and the state), and crashes between and in the middle of all of them. After
 * each crash Kern must open again, and its API must agree with the oracle about everybody and
 * everything.
 *
 *   kern-sim --seeds N [--first S]      prints the seed of the first failure
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/system.h"
#include "base/mem.h"
#include "sim/changes.h"
#include "sim/ghost.h"
#include "sim/judge.h"
#include "sim/segments.h"
#include "sim/sim_state.h"

enum { STEPS = 160, BATCH_MAX = 12, SETTLE_STEPS = 12, REST_STEPS = 400 };
#define HOUR_US (3600 * INT64_C(1000000))

struct life {
    struct kn_rand rand;
    struct world w;
    struct oracle *oracle;
    struct ghost ghost;
    uint32_t messages; /* drawn so far */
    bool limit_heavy;
    unsigned crashes;
    char why[800];
};

struct totals {
    uint64_t crashes, items, frames, forced, erased;
};

static bool fails(struct life *l, const char *what, const char *text)
{
    (void)snprintf(l->why, sizeof l->why, "%s: %s", what, text);
    return false;
}

static bool agrees(struct life *l)
{
    return judge(&l->w, l->oracle, l->why, sizeof l->why) &&
           sim_segments_check(l->w.ws, l->why, sizeof l->why) &&
           ghost_check(&l->ghost, l->why, sizeof l->why);
}

/* ---- crashes ---- */

static bool open_life(struct life *l)
{
    struct kn_err err = {0};
    struct kn_position p;
    if (world_open(&l->w, &err) != KN_OK) {
        return fails(l, "open", err.text);
    }
    kn_workspace_position(l->w.ws, &p);
    if (!oracle_settle(l->oracle, p.durable)) {
        return fails(l, "open", "an acknowledged request is gone");
    }
    ghost_settle(&l->ghost);
    return agrees(l);
}

static bool crash(struct life *l)
{
    world_crash(&l->w);
    l->crashes++;
    return sim_state_crash() ? open_life(l) : fails(l, "crash", "the state cannot be written");
}

/* ---- requests ---- */

static bool has_room(const struct life *l)
{
    return l->oracle->count + BATCH_MAX < ORACLE_ITEMS && l->oracle->frame_count < ORACLE_FRAMES;
}

static void add_frame(struct life *l, uint64_t seq, size_t count)
{
    struct oracle *o = l->oracle;
    o->frames[o->frame_count++] = (struct oracle_frame){seq, false, o->count, count};
    o->count += count;
}

/* A client that tries again sends what it sent before, at a later time; or another source happens
 * to use the same id. */
static void repeat(struct life *l, struct sim_message *m)
{
    const struct oracle_item *old = &l->oracle->items[kn_rand_below(&l->rand, l->oracle->count)];
    if (old->kind != ORACLE_MESSAGE || old->message.fault != SIM_GOOD) {
        return;
    }
    if (kn_rand_chance(&l->rand, 1, 4)) {
        m->number = old->message.number;
        return;
    }
    unsigned source = m->source;
    int64_t now = m->received_us;
    *m = old->message;
    m->received_us = now;
    m->source = source;
}

/* All messages of a request are of one source. */
static void draw_batch(struct life *l, struct oracle_item *items, size_t count)
{
    unsigned source = (unsigned)kn_rand_below(&l->rand, SIM_SOURCES);
    for (size_t i = 0; i < count; i++) {
        struct sim_message *m = &items[i].message;
        items[i] = (struct oracle_item){.kind = ORACLE_MESSAGE};
        sim_message_draw(&l->rand, l->messages++, l->w.clock.wall_us, l->limit_heavy, m);
        m->browser = m->browser && source != 2;
        m->source = source;
        if (l->oracle->count > 0 && kn_rand_chance(&l->rand, 1, 10)) {
            repeat(l, m);
            m->browser = m->browser && source != 2;
        }
        if (i > 0 && kn_rand_chance(&l->rand, 1, 30)) {
            *m = items[i - 1].message;
        }
    }
}

static void write_batch(const struct oracle_item *items, size_t count, bool batch,
                        struct kn_buf *body)
{
    kn_buf_c(body, batch ? "{\"batch\":[" : "");
    for (size_t i = 0; i < count; i++) {
        kn_buf_c(body, i > 0 ? "," : "");
        sim_message_json(&items[i].message, batch, body);
    }
    kn_buf_c(body, batch ? "]}" : "");
}

static bool answered(struct life *l, const struct kn_collect_result *result, uint32_t good,
                     uint32_t bad, int status)
{
    if (l->w.response.status == 429 || l->w.response.status == 503) {
        return true;
    }
    if (l->w.response.status != status || result->outcome != KN_COLLECT_WAIT ||
        result->accepted != good || result->rejected != bad) {
        char text[120];
        (void)snprintf(text, sizeof text,
                       "status %d, %u accepted, %u rejected; expected %d, %u, %u",
                       l->w.response.status, result->accepted, result->rejected, status, good, bad);
        return fails(l, "collect", text);
    }
    return true;
}

static bool send_broken(struct life *l)
{
    struct kn_collect_result result;
    unsigned source = (unsigned)kn_rand_below(&l->rand, SIM_SOURCES);
    struct oracle_item *item = &l->oracle->items[l->oracle->count];
    world_collect(&l->w, "/v1/batch", source, KN_STR("{\"batch\":[{\"type\":"), &result);
    *item = (struct oracle_item){.kind = ORACLE_BROKEN, .message = {.source = source}};
    if (result.outcome == KN_COLLECT_WAIT) {
        add_frame(l, result.wait_seq, 1);
    }
    /* The sender's fault is the answer, also when there is no room to note it. */
    return l->w.response.status == 400 || fails(l, "collect", "a broken body was not refused");
}

static bool send(struct life *l)
{
    static const char *const paths[] = {"/v1/track", "/v1/identify", "/v1/page", "/v1/alias"};
    struct oracle_item *items = &l->oracle->items[l->oracle->count];
    struct kn_collect_result result;
    struct kn_buf body;
    size_t count = (size_t)kn_rand_between(&l->rand, 1, BATCH_MAX);
    if (!has_room(l)) {
        return true;
    }
    if (kn_rand_chance(&l->rand, 1, 40)) {
        return send_broken(l);
    }
    draw_batch(l, items, count);
    const struct sim_message *first = &items[0].message;
    bool batch = count > 1 || first->fault > SIM_NO_EVENT || kn_rand_chance(&l->rand, 1, 2);
    uint32_t bad = 0;
    for (size_t i = 0; i < count; i++) {
        bad += items[i].message.fault != SIM_GOOD;
    }
    kn_buf_init(&body, 1 << 20);
    write_batch(items, count, batch, &body);
    world_collect(&l->w, batch ? "/v1/batch" : paths[first->call], first->source,
                  kn_buf_view(&body), &result);
    kn_buf_deinit(&body);
    if (result.outcome == KN_COLLECT_WAIT) {
        add_frame(l, result.wait_seq, count);
    }
    return answered(l, &result, (uint32_t)count - bad, bad, 200);
}

/* ---- the server's threads, one after the other ---- */

static bool commit(struct life *l)
{
    struct kn_err err = {0};
    bool committed;
    enum kn_rc rc = kn_workspace_commit(l->w.ws, &committed, &err);
    if (rc != KN_OK && rc != KN_E_FULL) {
        l->w.failed = true;
        return true;
    }
    ghost_settle(&l->ghost);
    uint64_t durable = kn_workspace_durable(l->w.ws);
    for (size_t i = l->oracle->frame_count; i > 0; i--) {
        struct oracle_frame *frame = &l->oracle->frames[i - 1];
        if (!frame->acked && kn_workspace_is_lost(l->w.ws, frame->seq)) {
            oracle_forget(l->oracle, i - 1);
        } else {
            frame->acked = frame->acked || frame->seq <= durable;
        }
    }
    return true;
}

static bool apply(struct life *l)
{
    struct kn_err err = {0};
    size_t applied;
    enum kn_rc rc = kn_workspace_apply(l->w.ws, INT64_MAX, &applied, &err);
    return rc == KN_OK ? true : fails(l, "apply", err.text);
}

static bool checkpoint(struct life *l)
{
    struct kn_err err = {0};
    enum kn_rc rc = kn_workspace_checkpoint_now(l->w.ws, &err);
    l->w.failed = l->w.failed || (rc != KN_OK && rc != KN_E_FULL);
    return true;
}

static bool background(struct life *l)
{
    struct kn_err err = {0};
    bool more;
    enum kn_rc rc = kn_workspace_background_step(l->w.ws, &more, &err);
    l->w.failed = l->w.failed || (rc != KN_OK && rc != KN_E_FULL);
    return true;
}

static bool build(struct life *l)
{
    struct kn_err err = {0};
    bool more;
    bool staged;
    enum kn_rc rc = kn_workspace_build_step(l->w.ws, &more, &staged, &err);
    return rc == KN_OK ? true : fails(l, "build", err.text);
}

/* A frame of Kern's own: a definition or a tick. Nobody waits for it, so it may be lost. */
static bool stage_own(struct life *l, bool tick)
{
    struct kn_buf items;
    struct kn_err err = {0};
    uint64_t seq;
    bool full;
    enum kn_rc rc;
    kn_buf_init(&items, 1 << 16);
    if (tick) {
        rc = kn_workspace_stage_tick(l->w.ws, &seq, &err);
    } else {
        sim_segments_define(&l->rand, l->w.clock.wall_us, &items);
        rc = kn_workspace_stage(l->w.ws, kn_buf_view(&items), 1, KN_FRAME_SETTINGS, &seq, &full,
                                &err);
    }
    kn_buf_deinit(&items);
    return rc == KN_OK || rc == KN_E_FULL ? true : fails(l, "a frame of its own", err.text);
}

/* A change through the API is answered when it is applied; sometimes the power goes first. */
static bool change(struct life *l)
{
    struct kn_position p;
    struct oracle_item *item = &l->oracle->items[l->oracle->count];
    if (!has_room(l) || !changes_make(&l->w, &l->rand, item)) {
        return true;
    }
    uint64_t seq = l->w.call.wait_seq;
    add_frame(l, seq, 1);
    if (kn_rand_chance(&l->rand, 1, 4)) {
        return true;
    }
    if (!commit(l) || !apply(l)) {
        return false;
    }
    kn_workspace_position(l->w.ws, &p);
    if (p.applied < seq || kn_workspace_is_lost(l->w.ws, seq)) {
        return true;
    }
    world_resume(&l->w);
    return l->w.response.status / 100 == 2 ||
           fails(l, "change", "it was applied, but answered otherwise");
}

/* Everything that was sent is applied: the API must agree without a crash as well. */
static bool look(struct life *l)
{
    if (!commit(l) || !apply(l)) {
        return false;
    }
    bool settled = !l->w.failed;
    for (size_t i = 0; i < l->oracle->frame_count; i++) {
        settled = settled && l->oracle->frames[i].acked;
    }
    return settled ? agrees(l) : true;
}

static void fault(struct life *l)
{
    struct sim_disk *disk = l->w.disk;
    switch (kn_rand_below(&l->rand, 4)) {
    case 0: sim_disk_fail(disk, SIM_WRITE, kn_rand_below(&l->rand, 12), KN_E_IO); break;
    case 1: sim_disk_fail(disk, SIM_SYNC, kn_rand_below(&l->rand, 8), KN_E_IO); break;
    case 2: sim_disk_set_capacity(disk, kn_rand_below(&l->rand, 900000)); break;
    default: sim_disk_set_capacity(disk, UINT64_MAX); break;
    }
}

/* What the background does for an erasure, a little further. */
static bool erase(struct life *l)
{
    if (kn_workspace_checkpoint_due(l->w.ws) && !checkpoint(l)) {
        return false;
    }
    if (l->w.failed || !background(l) || l->w.failed) {
        return true;
    }
    bool tick = kn_workspace_next_due(l->w.ws) == INT64_MIN;
    return (!tick || stage_own(l, true)) && commit(l) && (l->w.failed || apply(l));
}

/* Without faults, until the receipt is there; then nothing is left. */
static bool lay_to_rest(struct life *l)
{
    for (unsigned i = 0; i < REST_STEPS; i++) {
        if (ghost_is_done(&l->ghost)) {
            return ghost_check(&l->ghost, l->why, sizeof l->why) &&
                   ghost_left_no_trace(&l->ghost, l->why, sizeof l->why);
        }
        if (!erase(l)) {
            return false;
        }
        if (l->w.failed) {
            return fails(l, "erasing", "a write failed that was not to fail");
        }
    }
    return l->ghost.messages == 0 || !l->ghost.erased || fails(l, "erasing", "it does not end");
}

static bool step(struct life *l)
{
    /* Now and then an hour passes; never the day after which a repeated id may be taken as new. */
    l->w.clock.wall_us +=
        kn_rand_between(&l->rand, 0, kn_rand_chance(&l->rand, 1, 30) ? HOUR_US : 5000000);
    if (l->w.failed) {
        return crash(l);
    }
    switch (kn_rand_below(&l->rand, 32)) {
    case 0: return crash(l);
    case 1: fault(l); return true;
    case 2:
    case 3: return checkpoint(l);
    case 4: return background(l);
    case 5:
    case 6: return apply(l);
    case 7:
    case 8:
    case 9:
    case 10: return commit(l);
    case 11:
    case 12:
    case 13:
    case 14: return change(l);
    case 15: return kn_rand_chance(&l->rand, 1, 4) ? look(l) : true;
    case 16: return stage_own(l, false);
    case 17: return stage_own(l, true);
    case 18:
    case 19: return build(l);
    case 20: ghost_act(&l->ghost, &l->rand); return true;
    case 21:
    case 22: return erase(l);
    default: return send(l);
    }
}

/* Faults off: everything must drain and agree. */
static bool end(struct life *l)
{
    struct kn_err err = {0};
    if (!crash(l)) {
        return false;
    }
    for (unsigned i = 0; i < SETTLE_STEPS; i++) {
        if (!build(l) || !stage_own(l, true) || !commit(l) || !apply(l)) {
            return false;
        }
    }
    if (!look(l) || !lay_to_rest(l) || !look(l)) {
        return false;
    }
    if (kn_workspace_checkpoint_now(l->w.ws, &err) != KN_OK) {
        return fails(l, "last checkpoint", err.text);
    }
    if (!crash(l) || (l->ghost.erased && !ghost_left_no_trace(&l->ghost, l->why, sizeof l->why))) {
        return false;
    }
    return world_verify(&l->w, &err) == KN_OK ? true : fails(l, "verify", err.text);
}

static bool begin(struct life *l)
{
    struct kn_err err = {0};
    unsigned email_limit = (unsigned)kn_rand_between(&l->rand, 1, 5);
    const unsigned limits[SIM_ID_TYPES] = {1, email_limit, 100, 5};
    memcpy(l->oracle->limits, limits, sizeof limits);
    /* Sometimes the power goes while the workspace is made; then it is made again. */
    for (unsigned i = 0; i < 4 && kn_rand_chance(&l->rand, 1, 3); i++) {
        sim_disk_fail(l->w.disk, kn_rand_chance(&l->rand, 1, 2) ? SIM_SYNC : SIM_WRITE,
                      kn_rand_below(&l->rand, 10), KN_E_IO);
        (void)!world_open(&l->w, &err);
        world_crash(&l->w);
        if (!sim_state_crash()) {
            return fails(l, "crash", "the state cannot be written");
        }
    }
    if (world_open(&l->w, &err) != KN_OK) {
        return fails(l, "first open", err.text);
    }
    if (!world_set_up(&l->w, email_limit)) {
        (void)snprintf(l->why, sizeof l->why, "set-up: %d %.*s", l->w.response.status,
                       KN_STR_ARG(kn_buf_view(&l->w.response.body)));
        return false;
    }
    return true;
}

static bool empty(const char *dir)
{
    char command[200];
    (void)snprintf(command, sizeof command, "rm -rf '%s'/*", dir);
    return system(command) == 0;
}

static bool run_seed(uint64_t seed, const char *dir, struct kn_system *system,
                     struct totals *totals, char why[800])
{
    struct life l = {.rand = kn_rand_seed(seed)};
    world_init(&l.w, seed ^ 0x5eed, dir, system);
    l.oracle = kn_must_calloc(1, sizeof *l.oracle);
    l.limit_heavy = kn_rand_chance(&l.rand, 1, 2);
    l.ghost.w = &l.w;
    sim_state_watch(l.w.disk, dir);
    bool ok = empty(dir) && begin(&l);
    unsigned steps = (unsigned)kn_rand_between(&l.rand, 20, STEPS);
    for (unsigned i = 0; ok && i < steps; i++) {
        ok = step(&l);
    }
    ok = ok && end(&l);
    totals->crashes += l.crashes;
    totals->erased += l.ghost.erased;
    totals->items += l.oracle->count;
    totals->frames += l.oracle->frame_count;
    totals->forced += l.oracle->view.forced;
    memcpy(why, l.why, sizeof l.why);
    world_deinit(&l.w);
    sim_state_watch(NULL, NULL);
    kn_free(l.oracle);
    return ok;
}

/* ---- the program ---- */

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

/* Users and tokens are not what is simulated: one store for all seeds, on a disk without faults. */
static struct kn_system *open_system(struct sim_disk *disk)
{
    struct kn_system *system = NULL;
    struct kn_err err = {0};
    if (kn_system_open(sim_disk_interface(disk), "system", kn_clock_posix(), kn_random_posix(),
                       &system, &err) != KN_OK) {
        (void)fprintf(stderr, "kern-sim: %s\n", err.text);
        exit(2);
    }
    kn_system_lend_token(system, KN_STR("simulation"));
    return system;
}

static int run_seeds(uint64_t first, uint64_t seeds, const char *dir)
{
    struct sim_disk *disk = sim_disk_new(1);
    struct kn_system *system = open_system(disk);
    struct totals totals = {0};
    char why[800];
    int code = 0;
    for (uint64_t s = first; s < first + seeds && code == 0; s++) {
        if (!run_seed(s, dir, system, &totals, why)) {
            (void)printf("kern-sim --first %llu --seeds 1: %s\n", (unsigned long long)s, why);
            code = 1;
        }
    }
    if (code == 0) {
        (void)printf(
            "%llu seeds (%llu with forced choices), %llu crashes, %llu requests, %llu items, %llu "
            "erasures: sound\n",
            (unsigned long long)seeds, (unsigned long long)totals.forced,
            (unsigned long long)totals.crashes, (unsigned long long)totals.frames,
            (unsigned long long)totals.items, (unsigned long long)totals.erased);
    }
    kn_system_close(system);
    sim_disk_free(disk);
    return code;
}

int main(int argc, char **argv)
{
    char base[] = "/tmp/kern-sim-XXXXXX";
    char shm[] = "/dev/shm/kern-sim-XXXXXX";
    char *dir = access("/dev/shm", W_OK) == 0 ? mkdtemp(shm) : mkdtemp(base);
    if (!dir) {
        (void)fprintf(stderr, "kern-sim: no directory to work in\n");
        return 2;
    }
    int code = run_seeds(number(argc, argv, "--first", 1), number(argc, argv, "--seeds", 100), dir);
    if (!empty(dir) || rmdir(dir) != 0) {
        (void)fprintf(stderr, "kern-sim: %s stays behind\n", dir);
    }
    return code;
}
