/* The log when nothing is damaged: frames, group commit, segments, full disks, failing syncs,
 * retention, and a differential test against a list. */
#include "log_fixture.h"

static void holds_what_was_committed(void **state)
{
    struct fixture f;
    char text[4096];
    uint64_t seq;
    int64_t record_us;
    struct kn_log_group *group;
    struct kn_frame frame;
    size_t offset = 0;
    (void)state;
    begin(&f, 1);
    open_log(&f, 0);
    assert_int_equal(f.found.last_seq, 0);
    assert_int_equal(
        kn_log_stage(f.log, KN_STR("first"), 2, KN_FRAME_SETTINGS, 500, &seq, &record_us, &f.err),
        KN_OK);
    assert_int_equal(seq, 1);
    assert_int_equal(record_us, 500);
    /* The wall clock went back: record time does not. */
    assert_int_equal(kn_log_stage(f.log, KN_STR("second"), 9, 0, 400, &seq, &record_us, &f.err),
                     KN_OK);
    assert_int_equal(seq, 2);
    assert_int_equal(record_us, 500);
    assert_int_equal(kn_log_durable_seq(f.log), 0);
    assert_int_equal(kn_log_staged_seq(f.log), 2);
    assert_true(kn_log_staged_bytes(f.log) > 0);
    assert_string_equal(contents(&f, 1, text), "");

    uint64_t syncs = sim_disk_count(f.sim, SIM_SYNC);
    assert_int_equal(kn_log_commit(f.log, &group, &f.err), KN_OK);
    assert_int_equal(sim_disk_count(f.sim, SIM_SYNC), syncs + 1); /* one for the whole group */
    assert_int_equal(kn_log_durable_seq(f.log), 2);
    assert_int_equal(kn_log_staged_bytes(f.log), 0);
    assert_int_equal(group->frame_count, 2);
    assert_true(kn_log_group_next(group, &offset, &frame));
    assert_int_equal(frame.seq, 1);
    assert_int_equal(frame.flags, KN_FRAME_SETTINGS);
    assert_int_equal(frame.item_count, 2);
    assert_int_equal(frame.epoch, 7);
    assert_int_equal(frame.record_us, 500);
    assert_true(kn_str_eq(frame.body, KN_STR("first")));
    assert_true(kn_log_group_next(group, &offset, &frame));
    assert_int_equal(frame.item_count, 9);
    assert_false(kn_log_group_next(group, &offset, &frame));
    kn_log_group_free(group);
    assert_int_equal(kn_log_commit(f.log, &group, &f.err), KN_OK);
    assert_null(group); /* nothing was staged */

    crash(&f);
    open_log(&f, 0);
    assert_int_equal(f.found.first_seq, 1);
    assert_int_equal(f.found.last_seq, 2);
    assert_int_equal(f.found.last_record_us, 500);
    assert_int_equal(f.setting_count, 1);
    assert_int_equal(f.settings[0], 1);
    assert_false(f.found.cut);
    assert_string_equal(contents(&f, 1, text), "1=first 2=second ");
    assert_string_equal(contents(&f, 2, text), "2=second ");
    /* Record time goes on from where it was. */
    assert_int_equal(kn_log_stage(f.log, KN_STR("third"), 1, 0, 100, &seq, &record_us, &f.err),
                     KN_OK);
    assert_int_equal(seq, 3);
    assert_int_equal(record_us, 500);
    end(&f);
}

static void forgets_what_was_only_staged(void **state)
{
    struct fixture f;
    char text[4096];
    (void)state;
    begin(&f, 2);
    open_log(&f, 0);
    (void)stage(&f, "kept");
    commit(&f);
    (void)stage(&f, "lost");
    crash(&f);
    open_log(&f, 0);
    assert_string_equal(contents(&f, 1, text), "1=kept ");
    assert_int_equal(stage(&f, "again"), 2);
    commit(&f);
    crash(&f);
    open_log(&f, 1);
    assert_int_equal(f.setting_count, 0);
    assert_string_equal(contents(&f, 1, text), "1=kept 2=again ");
    end(&f);
}

static uint64_t stage_setting(struct fixture *f, const char *body)
{
    uint64_t seq = 0;
    int64_t record_us;
    assert_int_equal(
        kn_log_stage(f->log, kn_str_c(body), 1, KN_FRAME_SETTINGS, 0, &seq, &record_us, &f->err),
        KN_OK);
    return seq;
}

/* Over several segments: in order, none twice, none of those that the checkpoint holds. */
static void shows_the_settings_behind_the_checkpoint(void **state)
{
    struct fixture f;
    static char body[SEGMENT_BYTES / 3];
    (void)state;
    memset(body, 'x', sizeof body);
    begin(&f, 12);
    open_log(&f, 0);
    for (unsigned i = 0; i < 4; i++) {
        (void)stage_setting(&f, "setting"); /* 1, 4, 7, 10 */
        (void)stage_at(&f, kn_str(body, sizeof body), 0);
        commit(&f);
        (void)stage_at(&f, kn_str(body, sizeof body), 0);
        commit(&f);
    }
    (void)stage_setting(&f, "lost");
    crash(&f);
    open_log(&f, 4);
    assert_int_equal(f.found.last_seq, 12);
    assert_int_equal(f.setting_count, 2);
    assert_int_equal(f.settings[0], 7);
    assert_int_equal(f.settings[1], 10);
    crash(&f);
    open_log(&f, 12);
    assert_int_equal(f.setting_count, 0);
    end(&f);
}

static void refuses_what_does_not_fit(void **state)
{
    struct fixture f;
    static char body[SEGMENT_BYTES];
    uint64_t seq;
    int64_t record_us;
    (void)state;
    begin(&f, 3);
    open_log(&f, 0);
    memset(body, 'x', sizeof body);
    size_t room = SEGMENT_BYTES - KN_LOG_BLOCK - KN_FRAME_HEADER;
    assert_int_equal(kn_log_stage(f.log, KN_STR_EMPTY, 1, 0, 0, &seq, &record_us, &f.err),
                     KN_E_LIMIT);
    assert_int_equal(kn_log_stage(f.log, kn_str(body, room + 1), 1, 0, 0, &seq, &record_us, &f.err),
                     KN_E_LIMIT);
    assert_int_equal(kn_log_staged_seq(f.log), 0);
    /* The largest frame fills a segment; the group is full then. */
    assert_int_equal(stage_at(&f, kn_str(body, room), 0), 1);
    assert_int_equal(kn_log_stage(f.log, KN_STR("x"), 1, 0, 0, &seq, &record_us, &f.err),
                     KN_E_FULL);
    commit(&f);
    assert_int_equal(stage_at(&f, kn_str(body, room), 0), 2);
    commit(&f);
    crash(&f);
    open_log(&f, 0);
    assert_int_equal(f.found.last_seq, 2);
    end(&f);
}

static void zeroes_a_spare_before_use(void **state)
{
    struct fixture f;
    static char garbage[SEGMENT_BYTES];
    char text[4096];
    struct kn_file *file;
    (void)state;
    begin(&f, 4);
    /* What a crash may leave: a spare full of old frames. */
    memset(garbage, 'K', sizeof garbage);
    assert_int_equal(kn_disk_open(f.disk, "log/spare", KN_OPEN_CREATE, &file, &f.err), KN_OK);
    assert_int_equal(kn_file_write(file, 0, garbage, sizeof garbage, &f.err), KN_OK);
    assert_int_equal(kn_file_sync(file, &f.err), KN_OK);
    kn_file_close(file);
    open_log(&f, 0);
    (void)stage(&f, "a");
    commit(&f);
    crash(&f);
    struct kn_str bytes = sim_disk_bytes(f.sim, "log/00000000000000000001.log");
    assert_int_equal(bytes.len, SEGMENT_BYTES);
    for (size_t i = 2 * KN_LOG_BLOCK; i < bytes.len; i++) {
        assert_int_equal(bytes.p[i], 0);
    }
    open_log(&f, 0);
    assert_string_equal(contents(&f, 1, text), "1=a ");
    end(&f);
}

static void drops_a_group_that_finds_the_disk_full(void **state)
{
    struct fixture f;
    static char body[5000];
    char text[4096];
    uint64_t seq;
    int64_t record_us;
    struct kn_log_group *group;
    (void)state;
    begin(&f, 5);
    open_log(&f, 0);
    memset(body, 'b', sizeof body);
    sim_disk_set_capacity(f.sim, SEGMENT_BYTES + 100);
    (void)stage_at(&f, kn_str(body, sizeof body), 0);
    commit(&f);
    (void)stage_at(&f, kn_str(body, sizeof body), 0);
    assert_int_equal(kn_log_commit(f.log, &group, &f.err), KN_E_FULL);
    assert_null(group);
    assert_true(kn_log_is_lost(f.log, 2));
    assert_false(kn_log_is_lost(f.log, 1));
    assert_false(kn_log_is_lost(f.log, 3));
    assert_int_equal(kn_log_durable_seq(f.log), 1);
    assert_int_equal(kn_log_stage(f.log, KN_STR("x"), 1, 0, 0, &seq, &record_us, &f.err),
                     KN_E_FULL);
    assert_int_equal(kn_log_prepare(f.log, &f.err), KN_OK); /* still full */
    assert_int_equal(kn_log_stage(f.log, KN_STR("x"), 1, 0, 0, &seq, &record_us, &f.err),
                     KN_E_FULL);
    sim_disk_set_capacity(f.sim, UINT64_MAX);
    assert_int_equal(kn_log_prepare(f.log, &f.err), KN_OK);
    assert_int_equal(stage(&f, "after"), 3); /* 2 is never used again */
    commit(&f);
    crash(&f);
    open_log(&f, 0);
    assert_string_equal(contents(&f, 1, text), "1=bbbbbbbbbbbbbbbbbbbb 3=after ");
    assert_int_equal(f.found.last_seq, 3);
    end(&f);
}

static void stops_after_a_failed_sync(void **state)
{
    struct fixture f;
    char text[4096];
    struct kn_log_group *group;
    (void)state;
    begin(&f, 6);
    open_log(&f, 0);
    (void)stage(&f, "kept");
    commit(&f);
    (void)stage(&f, "never acknowledged");
    sim_disk_fail(f.sim, SIM_SYNC, 0, KN_E_IO);
    assert_int_equal(kn_log_commit(f.log, &group, &f.err), KN_E_IO);
    assert_null(group);
    assert_int_equal(f.sync_failures, 1);
    assert_int_equal(kn_log_durable_seq(f.log), 1);
    (void)stage(&f, "too late");
    uint64_t syncs = sim_disk_count(f.sim, SIM_SYNC);
    assert_int_equal(kn_log_commit(f.log, &group, &f.err), KN_E_IO); /* and no second sync */
    assert_int_equal(sim_disk_count(f.sim, SIM_SYNC), syncs);
    crash(&f);
    open_log(&f, 0);
    (void)contents(&f, 1, text);
    assert_true(strcmp(text, "1=kept ") == 0 || strcmp(text, "1=kept 2=never acknowledged ") == 0);
    end(&f);
}

static void keeps_segments_until_they_are_checkpointed_and_old(void **state)
{
    struct fixture f;
    static char body[9000]; /* one to a segment */
    char name[64];
    (void)state;
    begin(&f, 7);
    open_log(&f, 0);
    for (int i = 1; i <= 5; i++) {
        (void)stage_at(&f, kn_str(body, sizeof body), i * 100);
        commit(&f);
    }
    uint64_t all = kn_log_disk_bytes(f.log);
    assert_int_equal(kn_log_drop(f.log, 0, INT64_MAX, &f.err), KN_OK);
    assert_int_equal(kn_log_disk_bytes(f.log), all);
    /* Checkpointed up to 3, but only what ended before 250 is old: the first segment. */
    assert_int_equal(kn_log_drop(f.log, 3, 250, &f.err), KN_OK);
    segment_name(1, name);
    assert_null(sim_disk_bytes(f.sim, name).p);
    segment_name(2, name);
    assert_non_null(sim_disk_bytes(f.sim, name).p);
    assert_int_equal(kn_log_drop(f.log, 3, INT64_MAX, &f.err), KN_OK);
    segment_name(3, name);
    assert_null(sim_disk_bytes(f.sim, name).p);
    segment_name(4, name);
    assert_non_null(sim_disk_bytes(f.sim, name).p);
    /* The segment being written stays. */
    assert_int_equal(kn_log_drop(f.log, 100, INT64_MAX, &f.err), KN_OK);
    segment_name(5, name);
    assert_non_null(sim_disk_bytes(f.sim, name).p);
    crash(&f);
    open_log(&f, 4);
    assert_int_equal(f.found.first_seq, 5);
    assert_int_equal(f.found.last_seq, 5);
    end(&f);
}

/* The newest segment may hold no frame yet: the time still goes on from the last record. */
static void keeps_time_over_an_empty_segment(void **state)
{
    struct fixture f;
    static char body[9000];
    struct kn_log_group *group;
    uint64_t seq;
    int64_t record_us;
    (void)state;
    begin(&f, 9);
    open_log(&f, 0);
    (void)stage_at(&f, kn_str(body, sizeof body), 777);
    commit(&f);
    (void)stage_at(&f, kn_str(body, sizeof body), 800);
    sim_disk_fail(f.sim, SIM_WRITE, 2, KN_E_IO); /* after the spare and its header */
    assert_int_equal(kn_log_commit(f.log, &group, &f.err), KN_E_IO);
    crash(&f);
    assert_non_null(sim_disk_bytes(f.sim, "log/00000000000000000002.log").p);
    open_log(&f, 1);
    assert_int_equal(kn_log_stage(f.log, KN_STR("x"), 1, 0, 5, &seq, &record_us, &f.err), KN_OK);
    assert_int_equal(record_us, 777);
    end(&f);
}

static void reads_while_more_comes(void **state)
{
    struct fixture f;
    static char body[3000];
    struct kn_log_reader *reader;
    struct kn_frame frame;
    (void)state;
    begin(&f, 8);
    open_log(&f, 0);
    (void)stage_at(&f, kn_str(body, sizeof body), 0);
    commit(&f);
    assert_int_equal(kn_log_reader_open(f.log, 1, &reader, &f.err), KN_OK);
    for (uint64_t i = 1; i < 30; i++) {
        assert_int_equal(kn_log_read(reader, &frame, &f.err), KN_OK);
        assert_int_equal(frame.seq, i);
        assert_int_equal(frame.body.len, sizeof body);
        assert_int_equal(kn_log_read(reader, &frame, &f.err), KN_E_NOT_FOUND);
        (void)stage_at(&f, kn_str(body, sizeof body), 0);
        assert_int_equal(kn_log_read(reader, &frame, &f.err), KN_E_NOT_FOUND);
        commit(&f);
    }
    kn_log_reader_close(reader);
    end(&f);
}

/* An allocation that fails refuses the call; what was acknowledged stays. */
static void bears_failing_allocations(void **state)
{
    char text[4096];
    (void)state;
    enum kn_rc rc = KN_E_NOMEM;
    for (uint64_t n = 0; rc != KN_OK; n++) {
        struct fixture f;
        begin(&f, 10);
        open_log(&f, 0);
        (void)stage(&f, "kept");
        commit(&f);
        crash(&f);
        uint64_t before = kn_mem_bytes();
        kn_mem_fail_after(n);
        rc = try_open(&f, 0);
        uint64_t seq;
        int64_t record_us;
        struct kn_log_group *group = NULL;
        struct kn_log_reader *reader = NULL;
        if (rc == KN_OK) {
            rc = kn_log_stage(f.log, KN_STR("maybe"), 1, 0, 0, &seq, &record_us, &f.err);
        }
        if (rc == KN_OK) {
            rc = kn_log_commit(f.log, &group, &f.err);
        }
        if (rc == KN_OK) {
            rc = kn_log_reader_open(f.log, 1, &reader, &f.err);
        }
        kn_mem_fail_after(UINT64_MAX);
        assert_true(rc == KN_OK || rc == KN_E_NOMEM);
        bool durable = f.log && kn_log_durable_seq(f.log) == 2;
        kn_log_group_free(group);
        kn_log_reader_close(reader);
        crash(&f);
        assert_int_equal(kn_mem_bytes(), before);
        open_log(&f, 0);
        assert_string_equal(contents(&f, 1, text), durable ? "1=kept 2=maybe " : "1=kept ");
        end(&f);
    }
}

/* ---- against a list ---- */

struct model {
    struct kn_rand rand;
    uint64_t sums[400], seqs[400]; /* of acknowledged frames */
    size_t count, dropped;         /* dropped: how many may be gone from the front */
    struct {
        uint64_t seq, sum;
    } staged[64];
    size_t staged_count;
    uint64_t applied;
};

static void check(struct fixture *f, struct model *m)
{
    struct kn_log_reader *reader;
    struct kn_frame frame;
    size_t at = m->dropped;
    assert_int_equal(kn_log_reader_open(f->log, m->applied + 1, &reader, &f->err), KN_OK);
    while (kn_log_read(reader, &frame, &f->err) == KN_OK) {
        if (at == m->count) { /* written, but nobody was told: it may be there */
            m->seqs[m->count] = frame.seq;
            m->sums[m->count++] = kn_checksum64(frame.body);
        }
        assert_int_equal(frame.seq, m->seqs[at]);
        assert_true(kn_checksum64(frame.body) == m->sums[at]);
        at++;
    }
    assert_int_equal(at, m->count);
    kn_log_reader_close(reader);
}

static void reopen_and_check(struct fixture *f, struct model *m)
{
    crash(f);
    m->staged_count = 0;
    open_log(f, m->applied);
    check(f, m);
}

static void stage_some(struct fixture *f, struct model *m)
{
    static char body[6000];
    size_t len = (size_t)kn_rand_between(&m->rand, 1, sizeof body);
    uint64_t seq;
    int64_t record_us;
    if (m->staged_count == 64) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        body[i] = (char)kn_rand_u64(&m->rand);
    }
    enum kn_rc rc = kn_log_stage(f->log, kn_str(body, len), 1, 0, 0, &seq, &record_us, &f->err);
    if (rc == KN_OK) {
        m->staged[m->staged_count].seq = seq;
        m->staged[m->staged_count++].sum = kn_checksum64(kn_str(body, len));
    } else {
        assert_int_equal(rc, KN_E_FULL);
    }
}

static void commit_some(struct fixture *f, struct model *m)
{
    struct kn_log_group *group;
    enum kn_rc rc = kn_log_commit(f->log, &group, &f->err);
    kn_log_group_free(group);
    for (size_t i = 0; i < m->staged_count; i++) {
        if (kn_log_durable_seq(f->log) >= m->staged[i].seq) {
            assert_false(kn_log_is_lost(f->log, m->staged[i].seq));
            m->seqs[m->count] = m->staged[i].seq;
            m->sums[m->count++] = m->staged[i].sum;
        }
    }
    m->staged_count = 0;
    if (rc != KN_OK && rc != KN_E_FULL) {
        reopen_and_check(f, m);
    }
}

static void live(uint64_t seed)
{
    struct fixture f;
    struct model m = {.rand = kn_rand_seed(seed)};
    begin(&f, seed);
    open_log(&f, 0);
    for (int step = 0; step < 200 && m.count < 300; step++) {
        switch (kn_rand_below(&m.rand, 16)) {
        case 0: reopen_and_check(&f, &m); break;
        case 1: sim_disk_set_capacity(f.sim, kn_rand_below(&m.rand, 20 * SEGMENT_BYTES)); break;
        case 2: sim_disk_set_capacity(f.sim, UINT64_MAX); break;
        case 3: sim_disk_fail(f.sim, SIM_WRITE, kn_rand_below(&m.rand, 4), KN_E_IO); break;
        case 4: sim_disk_fail(f.sim, SIM_SYNC, kn_rand_below(&m.rand, 4), KN_E_IO); break;
        case 5: (void)!kn_log_prepare(f.log, &f.err); break;
        case 6:
            if (m.count > 0) {
                m.dropped = (size_t)kn_rand_between(&m.rand, (int64_t)m.dropped, (int64_t)m.count);
                m.applied = m.dropped > 0 ? m.seqs[m.dropped - 1] : 0;
                assert_int_equal(kn_log_drop(f.log, m.applied, INT64_MAX, &f.err), KN_OK);
            }
            break;
        case 7:
        case 8:
        case 9: commit_some(&f, &m); break;
        default: stage_some(&f, &m); break;
        }
    }
    reopen_and_check(&f, &m);
    end(&f);
}

static void agrees_with_a_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        live(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_committed),
        cmocka_unit_test(forgets_what_was_only_staged),
        cmocka_unit_test(shows_the_settings_behind_the_checkpoint),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(zeroes_a_spare_before_use),
        cmocka_unit_test(drops_a_group_that_finds_the_disk_full),
        cmocka_unit_test(stops_after_a_failed_sync),
        cmocka_unit_test(keeps_segments_until_they_are_checkpointed_and_old),
        cmocka_unit_test(keeps_time_over_an_empty_segment),
        cmocka_unit_test(reads_while_more_comes),
        cmocka_unit_test(bears_failing_allocations),
        cmocka_unit_test(agrees_with_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
