/* The log when bytes on disk are not what was written: what is cut, what is refused, and that a
 * refusal names file and offset and changes nothing. */
#include "log_fixture.h"

#define FIRST "log/00000000000000000001.log"

/* Three groups of one frame: at FIRST_FRAME, and one and two blocks after it. */
static void three_frames(struct fixture *f)
{
    begin(f, 1);
    open_log(f, 0);
    (void)stage(f, "aaaaaaaaaaaa");
    commit(f);
    (void)stage(f, "bbbbbbbbbbbb");
    commit(f);
    (void)stage(f, "cccccccccccc"); /* says that b was durable; nothing says that c was */
    commit(f);
    crash(f);
}

static size_t frame_len(void)
{
    return KN_FRAME_HEADER + 12; /* without the padding */
}

static void expect_refused(struct fixture *f, uint64_t applied, uint64_t offset)
{
    char wanted[64];
    uint64_t before = kn_checksum64(sim_disk_bytes(f->sim, FIRST));
    enum kn_rc rc = try_open(f, applied);
    if (rc != KN_E_CORRUPT) {
        fail_msg("offset %llu: answered %d", (unsigned long long)offset, rc);
    }
    (void)snprintf(wanted, sizeof wanted, FIRST " at offset %llu", (unsigned long long)offset);
    if (!strstr(f->err.text, wanted)) {
        fail_msg("wanted \"%s\" in \"%s\"", wanted, f->err.text);
    }
    assert_true(kn_checksum64(sim_disk_bytes(f->sim, FIRST)) == before);
    struct kn_log_recovery found;
    assert_int_equal(kn_log_verify(f->disk, "log", applied, NULL, NULL, &found, &f->err),
                     KN_E_CORRUPT);
    assert_non_null(strstr(f->err.text, wanted));
}

/* Whatever byte of the last frame is wrong, it is cut, and the log goes on from there. */
static void cuts_a_torn_tail(void **state)
{
    char text[4096];
    (void)state;
    for (size_t i = 0; i < frame_len(); i++) {
        struct fixture f;
        struct kn_log_recovery found;
        three_frames(&f);
        uint64_t at = FIRST_FRAME + 2 * KN_LOG_BLOCK;
        assert_true(sim_disk_flip(f.sim, FIRST, at + i, (unsigned)i));
        /* Verify is strict: it cannot tell a torn write from damage. */
        assert_int_equal(kn_log_verify(f.disk, "log", 0, NULL, NULL, &found, &f.err), KN_E_CORRUPT);
        assert_non_null(strstr(f.err.text, FIRST " at offset 12288"));
        open_log(&f, 0);
        assert_true(f.found.cut);
        assert_int_equal(f.found.last_seq, 2);
        assert_string_equal(contents(&f, 1, text), "1=aaaaaaaaaaaa 2=bbbbbbbbbbbb ");
        assert_int_equal(stage(&f, "d"), 3);
        commit(&f);
        crash(&f);
        assert_int_equal(kn_log_verify(f.disk, "log", 3, NULL, NULL, &found, &f.err), KN_OK);
        open_log(&f, 0);
        assert_false(f.found.cut);
        assert_string_equal(contents(&f, 1, text), "1=aaaaaaaaaaaa 2=bbbbbbbbbbbb 3=d ");
        end(&f);
    }
}

/* Only a beginning of the last write reached the disk. */
static void cuts_a_frame_that_was_half_written(void **state)
{
    static const char zeros[128];
    char text[4096];
    (void)state;
    for (size_t kept = 0; kept < frame_len(); kept++) {
        struct fixture f;
        three_frames(&f);
        overwrite(&f, FIRST, FIRST_FRAME + 2 * KN_LOG_BLOCK + kept, zeros, frame_len() - kept);
        open_log(&f, 0);
        assert_true(f.found.cut == (kept > 0));
        assert_string_equal(contents(&f, 1, text), "1=aaaaaaaaaaaa 2=bbbbbbbbbbbb ");
        end(&f);
    }
}

/* Below the highest durable-up-to every byte counts. */
static void refuses_damage(void **state)
{
    (void)state;
    for (unsigned frame = 0; frame < 2; frame++) {
        for (size_t i = 0; i < frame_len(); i++) {
            struct fixture f;
            three_frames(&f);
            uint64_t at = FIRST_FRAME + (uint64_t)frame * KN_LOG_BLOCK;
            assert_true(sim_disk_flip(f.sim, FIRST, at + i, (unsigned)i));
            expect_refused(&f, 0, at);
            end(&f);
        }
    }
}

/* A checkpoint that holds the last frame says that it was durable. */
static void refuses_damage_below_the_checkpoint(void **state)
{
    (void)state;
    for (size_t i = 0; i < frame_len(); i++) {
        struct fixture f;
        three_frames(&f);
        uint64_t at = FIRST_FRAME + 2 * KN_LOG_BLOCK;
        assert_true(sim_disk_flip(f.sim, FIRST, at + i, (unsigned)i));
        expect_refused(&f, 3, at);
        end(&f);
    }
}

static void refuses_bytes_between_groups(void **state)
{
    struct fixture f;
    (void)state;
    three_frames(&f);
    uint64_t at = FIRST_FRAME + kn_frame_bytes(12);
    assert_true(sim_disk_flip(f.sim, FIRST, at + 100, 0));
    expect_refused(&f, 0, at);
    end(&f);
}

static void refuses_a_damaged_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_SEGMENT_HEADER; i++) {
        struct fixture f;
        three_frames(&f);
        assert_true(sim_disk_flip(f.sim, FIRST, i, (unsigned)i));
        expect_refused(&f, 0, 0);
        end(&f);
    }
}

/* One frame to a segment, three segments. */
static void three_segments(struct fixture *f)
{
    static char body[9000];
    begin(f, 1);
    open_log(f, 0);
    for (int i = 1; i <= 3; i++) {
        (void)stage_at(f, kn_str(body, sizeof body), i);
        commit(f);
    }
    crash(f);
}

/* A segment is begun when everything before it is durable: damage right before it is no torn tail,
 * even where no frame says so. */
static void a_later_segment_speaks_for_the_one_before(void **state)
{
    struct fixture f;
    static const char zeros[KN_SEGMENT_HEADER + 9000];
    char second[64];
    char third[64];
    (void)state;
    three_segments(&f);
    segment_name(2, second);
    segment_name(3, third);
    overwrite(&f, third, FIRST_FRAME, zeros, sizeof zeros); /* only its header was written */
    open_log(&f, 0);
    assert_int_equal(f.found.last_seq, 2);
    crash(&f);
    assert_true(sim_disk_flip(f.sim, second, FIRST_FRAME + 60, 1));
    assert_int_equal(try_open(&f, 0), KN_E_CORRUPT);
    assert_non_null(strstr(f.err.text, second));
    assert_non_null(strstr(f.err.text, "at offset 4096"));
    end(&f);
}

static void refuses_missing_files(void **state)
{
    for (uint64_t missing = 1; missing <= 3; missing++) {
        struct fixture f;
        char name[64];
        (void)state;
        three_segments(&f);
        segment_name(missing, name);
        assert_int_equal(kn_disk_remove(f.disk, name, &f.err), KN_OK);
        assert_int_equal(kn_disk_sync_dir(f.disk, "log", &f.err), KN_OK);
        /* With a checkpoint at 3 only the newest is needed to go on; with one at 1, 2 and 3 are. */
        assert_int_equal(try_open(&f, 3), missing == 3 ? KN_E_CORRUPT : KN_OK);
        kn_log_close(f.log);
        assert_int_equal(try_open(&f, 1), missing == 2 ? KN_E_CORRUPT : KN_OK);
        kn_log_close(f.log);
        f.log = NULL;
        if (missing == 1) {
            assert_int_equal(try_open(&f, 0), KN_E_CORRUPT);
        }
        end(&f);
    }
    struct fixture f;
    begin(&f, 1);
    assert_int_equal(try_open(&f, 5), KN_E_CORRUPT); /* no log at all */
    assert_non_null(strstr(f.err.text, "missing"));
    end(&f);
}

static void put_le32(char *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        to[i] = (char)(unsigned char)(value >> (8 * i));
    }
}

static void refuses_another_version(void **state)
{
    struct fixture f;
    char header[KN_SEGMENT_HEADER];
    char frame[KN_FRAME_HEADER + 12];
    (void)state;
    three_frames(&f);
    memcpy(header, sim_disk_bytes(f.sim, FIRST).p, sizeof header);
    memcpy(frame, sim_disk_bytes(f.sim, FIRST).p + FIRST_FRAME, sizeof frame);
    header[4] = KN_LOG_FORMAT + 1;
    put_le32(header + 28, 0);
    put_le32(header + 28, kn_crc32c(0, kn_str(header, sizeof header)));
    overwrite(&f, FIRST, 0, header, sizeof header);
    assert_int_equal(try_open(&f, 0), KN_E_VERSION);
    assert_non_null(strstr(f.err.text, FIRST));
    end(&f);

    three_frames(&f);
    frame[4] = KN_LOG_FORMAT + 1;
    put_le32(frame + 12, 0);
    uint32_t crc = kn_crc32c(kn_frame_body_crc(kn_str(frame + KN_FRAME_HEADER, 12)),
                             kn_str(frame, KN_FRAME_HEADER));
    put_le32(frame + 12, crc);
    overwrite(&f, FIRST, FIRST_FRAME, frame, sizeof frame);
    assert_int_equal(try_open(&f, 0), KN_E_VERSION);
    assert_non_null(strstr(f.err.text, FIRST " at offset 4096"));
    end(&f);
}

/* A failing read or open must be said, not taken for an empty log. */
static void says_that_it_cannot_read(void **state)
{
    (void)state;
    for (enum sim_op op = SIM_OPEN; op < SIM_OPS; op++) {
        bool failed = true;
        for (uint64_t n = 0; failed; n++) {
            struct fixture f;
            char text[4096];
            three_frames(&f);
            sim_disk_flip(f.sim, FIRST, FIRST_FRAME + 2 * KN_LOG_BLOCK, 0); /* a tail to cut */
            sim_disk_fail(f.sim, op, n, KN_E_IO);
            enum kn_rc rc = try_open(&f, 0);
            failed = sim_disk_failures(f.sim) > 0;
            sim_disk_fail(f.sim, op, UINT64_MAX, KN_OK);
            assert_int_equal(rc, failed ? KN_E_IO : KN_OK);
            if (failed) {
                assert_null(f.log);
                open_log(&f, 0);
            }
            assert_string_equal(contents(&f, 1, text), "1=aaaaaaaaaaaa 2=bbbbbbbbbbbb ");
            end(&f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_a_torn_tail),
        cmocka_unit_test(cuts_a_frame_that_was_half_written),
        cmocka_unit_test(refuses_damage),
        cmocka_unit_test(refuses_damage_below_the_checkpoint),
        cmocka_unit_test(refuses_bytes_between_groups),
        cmocka_unit_test(refuses_a_damaged_header),
        cmocka_unit_test(a_later_segment_speaks_for_the_one_before),
        cmocka_unit_test(refuses_missing_files),
        cmocka_unit_test(refuses_another_version),
        cmocka_unit_test(says_that_it_cannot_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
