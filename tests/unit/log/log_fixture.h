/* A log on a simulated disk, and what it should hold. */
#ifndef KN_TESTS_LOG_FIXTURE_H
#define KN_TESTS_LOG_FIXTURE_H

#include "cm.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "log/frame.h"
#include "sim/sim_disk.h"

enum { SEGMENT_BYTES = 16 * 1024, FIRST_FRAME = KN_LOG_BLOCK };

struct fixture {
    struct sim_disk *sim;
    struct kn_disk disk;
    struct kn_log *log;
    struct kn_log_recovery found;
    struct kn_err err;
    unsigned sync_failures;
    uint64_t settings[8]; /* sequences of the frames with settings that the last opening saw */
    size_t setting_count;
};

static inline enum kn_rc note_settings(void *context, const struct kn_frame *frame,
                                       struct kn_err *err)
{
    struct fixture *f = context;
    (void)err;
    assert_true(f->setting_count < 8);
    f->settings[f->setting_count++] = frame->seq;
    return KN_OK;
}

static inline void note_sync_failure(void *context)
{
    ((struct fixture *)context)->sync_failures++;
}

static inline enum kn_rc try_open(struct fixture *f, uint64_t applied_seq)
{
    struct kn_log_options o = {
        .dir = "log",
        .segment_bytes = SEGMENT_BYTES,
        .group_bytes_max = 1 << 20,
        .on_sync_failed = note_sync_failure,
        .on_sync_failed_context = f,
        .on_settings = note_settings,
        .on_settings_context = f,
    };
    f->setting_count = 0;
    f->err = (struct kn_err){0};
    f->log = NULL;
    return kn_log_open(f->disk, &o, applied_seq, 7, &f->log, &f->found, &f->err);
}

static inline void open_log(struct fixture *f, uint64_t applied_seq)
{
    if (try_open(f, applied_seq) != KN_OK) {
        fail_msg("open: %s", f->err.text);
    }
}

static inline void begin(struct fixture *f, uint64_t seed)
{
    *f = (struct fixture){.sim = sim_disk_new(seed)};
    f->disk = sim_disk_interface(f->sim);
}

static inline void end(struct fixture *f)
{
    kn_log_close(f->log);
    sim_disk_free(f->sim);
}

static inline void crash(struct fixture *f)
{
    kn_log_close(f->log);
    f->log = NULL;
    sim_disk_crash(f->sim);
    sim_disk_set_capacity(f->sim, UINT64_MAX);
}

static inline uint64_t stage_at(struct fixture *f, struct kn_str body, int64_t wall_us)
{
    uint64_t seq = 0;
    int64_t record_us;
    if (kn_log_stage(f->log, body, 3, 0, wall_us, &seq, &record_us, &f->err) != KN_OK) {
        fail_msg("stage: %s", f->err.text);
    }
    return seq;
}

static inline uint64_t stage(struct fixture *f, const char *body)
{
    return stage_at(f, kn_str_c(body), 1000);
}

static inline void commit(struct fixture *f)
{
    struct kn_log_group *group = NULL;
    if (kn_log_commit(f->log, &group, &f->err) != KN_OK) {
        fail_msg("commit: %s", f->err.text);
    }
    kn_log_group_free(group);
}

/* The frames from a sequence on, as "1=a 2=b "; bodies are cut at 20 bytes. */
static inline const char *contents(struct fixture *f, uint64_t from, char to[4096])
{
    struct kn_log_reader *reader;
    struct kn_frame frame;
    size_t len = 0;
    to[0] = '\0';
    assert_int_equal(kn_log_reader_open(f->log, from, &reader, &f->err), KN_OK);
    enum kn_rc rc;
    while ((rc = kn_log_read(reader, &frame, &f->err)) == KN_OK) {
        len += (size_t)snprintf(to + len, 4096 - len, "%llu=%.*s ", (unsigned long long)frame.seq,
                                (int)(frame.body.len < 20 ? frame.body.len : 20), frame.body.p);
        assert_true(len < 4000);
    }
    assert_int_equal(rc, KN_E_NOT_FOUND);
    kn_log_reader_close(reader);
    return to;
}

static inline void segment_name(uint64_t first_seq, char to[64])
{
    kn_segment_path("log", first_seq, to, 64);
}

/* Overwrites bytes of a file, durably. */
static inline void overwrite(struct fixture *f, const char *path, uint64_t offset,
                             const void *bytes, size_t len)
{
    struct kn_file *file;
    assert_int_equal(kn_disk_open(f->disk, path, KN_OPEN_WRITE, &file, &f->err), KN_OK);
    assert_int_equal(kn_file_write(file, offset, bytes, len, &f->err), KN_OK);
    assert_int_equal(kn_file_sync(file, &f->err), KN_OK);
    kn_file_close(file);
}

#endif
