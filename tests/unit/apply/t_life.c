/* A whole life on the simulated disk (opened, set up, fed, committed, applied, checkpointed,
 * merged, reopened), the state's LMDB included, with the n-th operation of each kind failing, for
 * every n there is. What failed ends in a crash, as the server's panic does; then Kern opens again
 * and everything acknowledged is there, once. */
#include "cm.h"

#include "api/system.h"
#include "dir.h"
#include "sim/judge.h"
#include "sim/sim_state.h"

enum { ROUNDS = 5, BATCH = 6, TRIES = 4, NEVER = 4000 };

struct fixture {
    struct sim_disk *disk;
    struct kn_system *system;
    char root[256];
};

struct life {
    struct fixture *f;
    struct world w;
    struct oracle *o;
    struct kn_rand rand;
    uint32_t messages;
    const char *failing;
    uint64_t n;
    unsigned restarts;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct kn_err err = {0};
    f->disk = sim_disk_new(1);
    assert_int_equal(kn_system_open(sim_disk_interface(f->disk), "system", kn_clock_posix(),
                                    kn_random_posix(), &f->system, &err),
                     KN_OK);
    kn_system_lend_token(f->system, KN_STR("simulation"));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kn_system_close(f->system);
    sim_disk_free(f->disk);
    free(f);
    return 0;
}

/* ---- steps ---- */

static void fail_life(struct life *l, const char *what)
{
    fail_msg("%s %llu: %s", l->failing, (unsigned long long)l->n, what);
}

static void crash(struct life *l)
{
    struct kn_err err = {0};
    struct kn_position p;
    char why[800];
    world_crash(&l->w);
    assert_true(sim_state_crash());
    if (world_open(&l->w, &err) != KN_OK) {
        fail_life(l, err.text);
    }
    kn_workspace_position(l->w.ws, &p);
    if (!oracle_settle(l->o, p.durable)) {
        fail_life(l, "an acknowledged request is gone");
    }
    if (!judge(&l->w, l->o, why, sizeof why)) {
        fail_life(l, why);
    }
}

static void send(struct life *l)
{
    struct kn_collect_result result;
    struct kn_buf body;
    kn_buf_init(&body, 1 << 20);
    kn_buf_c(&body, "{\"batch\":[");
    for (size_t i = 0; i < BATCH; i++) {
        struct oracle_item *item = &l->o->items[l->o->count + i];
        *item = (struct oracle_item){.kind = ORACLE_MESSAGE};
        sim_message_draw(&l->rand, l->messages++, l->w.clock.wall_us, false, &item->message);
        item->message.source = 1;
        kn_buf_c(&body, i > 0 ? "," : "");
        sim_message_json(&item->message, true, &body);
    }
    kn_buf_c(&body, "]}");
    world_collect(&l->w, "/v1/batch", 1, kn_buf_view(&body), &result);
    kn_buf_deinit(&body);
    if (result.outcome == KN_COLLECT_WAIT) {
        l->o->frames[l->o->frame_count++] =
            (struct oracle_frame){result.wait_seq, false, l->o->count, BATCH};
        l->o->count += BATCH;
    } else {
        assert_int_equal(l->w.response.status, 503);
    }
}

static void acknowledge(struct life *l)
{
    uint64_t durable = kn_workspace_durable(l->w.ws);
    for (size_t i = l->o->frame_count; i > 0; i--) {
        struct oracle_frame *frame = &l->o->frames[i - 1];
        if (!frame->acked && kn_workspace_is_lost(l->w.ws, frame->seq)) {
            oracle_forget(l->o, i - 1);
        } else {
            frame->acked = frame->acked || frame->seq <= durable;
        }
    }
}

static bool is_trouble(enum kn_rc rc)
{
    return rc != KN_OK && rc != KN_E_FULL;
}

/* A round of what the server's threads do; false: one of them would have stopped the process. */
static bool run_round(struct life *l)
{
    struct kn_err err = {0};
    bool committed;
    bool more = true;
    size_t applied;
    send(l);
    send(l);
    if (is_trouble(kn_workspace_commit(l->w.ws, &committed, &err)) || l->w.failed) {
        return false;
    }
    acknowledge(l);
    if (is_trouble(kn_workspace_apply(l->w.ws, INT64_MAX, &applied, &err)) ||
        is_trouble(kn_workspace_checkpoint_now(l->w.ws, &err))) {
        return false;
    }
    for (unsigned i = 0; more && i < TRIES; i++) {
        if (is_trouble(kn_workspace_background_step(l->w.ws, &more, &err))) {
            return false;
        }
    }
    return !l->w.failed;
}

/* A workspace whose making was cut short is made again. Sources are made in peace. */
static void begin(struct life *l)
{
    struct kn_err err = {0};
    while (world_open(&l->w, &err) != KN_OK || l->w.failed) {
        if (sim_disk_failures(l->w.disk) == 0) {
            fail_life(l, err.text);
        }
        l->restarts++;
        assert_true(l->restarts < 2);
        world_crash(&l->w);
        assert_true(sim_state_crash());
    }
    sim_disk_pause(l->w.disk, true);
    assert_true(world_set_up(&l->w, 5));
    sim_disk_pause(l->w.disk, false);
}

/* True: the operation there was to fail did. */
static bool live(struct fixture *f, enum sim_op op, enum kn_rc code, const char *name, uint64_t n)
{
    struct life l = {.f = f, .rand = kn_rand_seed(3), .failing = name, .n = n};
    test_dir("t_life", f->root);
    world_init(&l.w, n, f->root, f->system);
    sim_state_watch(l.w.disk, f->root);
    l.o = calloc(1, sizeof *l.o);
    memcpy(l.o->limits, (const unsigned[]){1, 5, 100, 5}, sizeof l.o->limits);
    sim_disk_fail(l.w.disk, op, n, code);
    begin(&l);
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (!run_round(&l)) {
            crash(&l);
        }
    }
    bool failed = sim_disk_failures(l.w.disk) > 0;
    crash(&l);
    assert_true(run_round(&l)); /* and it works again */
    crash(&l);
    assert_true(l.o->count >= (size_t)BATCH * 2);
    world_deinit(&l.w);
    sim_state_watch(NULL, NULL);
    free(l.o);
    return failed;
}

static void sweep(struct fixture *f, enum sim_op op, enum kn_rc code, const char *name)
{
    uint64_t n = 0;
    while (live(f, op, code, name, n)) {
        assert_true(++n < NEVER);
    }
    assert_true(n > 0);
}

static void every_write_fails_once(void **state)
{
    sweep(*state, SIM_WRITE, KN_E_IO, "write");
}

static void every_write_finds_a_full_disk(void **state)
{
    sweep(*state, SIM_WRITE, KN_E_FULL, "full");
}

static void every_sync_fails_once(void **state)
{
    sweep(*state, SIM_SYNC, KN_E_IO, "sync");
}

static void every_name_fails_once(void **state)
{
    sweep(*state, SIM_SYNC_DIR, KN_E_IO, "sync of names");
    sweep(*state, SIM_RENAME, KN_E_IO, "rename");
    sweep(*state, SIM_REMOVE, KN_E_IO, "remove");
    sweep(*state, SIM_OPEN, KN_E_IO, "open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_write_fails_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_write_finds_a_full_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_sync_fails_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_name_fails_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
