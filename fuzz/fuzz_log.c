/* Any bytes as a log segment: it opens or is refused; what it opens with is what a naive reading of
 * the format gives, before and after the tail was cut; what follows works.
 *
 * The first byte: bit 0, the segment header is made good; bit 1, the checksums of whatever looks
 * like a frame are made good. The rest stands behind the first block. */
#include <stdint.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "log/frame.h"
#include "sim/sim_disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK = 4096, HEAD = 56, SEGMENT = 64 * 1024, FRAMES_MAX = 1200, EPOCH = 7 };

struct seen {
    uint64_t seq[FRAMES_MAX];
    uint32_t crc[FRAMES_MAX]; /* of the body */
    size_t count;
};

static uint64_t le(const char *p, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = bytes; i > 0; i--) {
        value = value << 8 | (unsigned char)p[i - 1];
    }
    return value;
}

static uint32_t frame_crc(const char *p, size_t body)
{
    char header[HEAD];
    memcpy(header, p, HEAD);
    memset(header + 12, 0, 4);
    return kn_crc32c(kn_crc32c(0, kn_str(p + HEAD, body)), kn_str(header, HEAD));
}

/* The body's length of what looks like a frame at p; 0: nothing does. */
static size_t body_of(const char *p, size_t left)
{
    if (left < HEAD || le(p, 4) != 0x4d52464b || le(p + 6, 2) != 0) {
        return 0;
    }
    size_t body = (size_t)le(p + 8, 4);
    return body > 0 && body <= 16 * 1024 * 1024 && (HEAD + body + 7) / 8 * 8 <= left ? body : 0;
}

static void mend(char *text, size_t len)
{
    for (size_t at = BLOCK; at + HEAD <= len; at += 8) {
        size_t body = body_of(text + at, len - at);
        uint32_t crc = body > 0 ? frame_crc(text + at, body) : 0;
        for (unsigned i = 0; body > 0 && i < 4; i++) {
            text[at + 12 + i] = (char)(crc >> (8 * i));
        }
    }
}

static bool zeros(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

/* The frames from the start on, each following the one before it, as docs/formats/log.md has them.
 */
static void read_naively(const char *text, size_t len, uint64_t prev, struct seen *ret)
{
    size_t at = BLOCK;
    ret->count = 0;
    while (at < len && ret->count < FRAMES_MAX) {
        size_t next = (at + BLOCK - 1) / BLOCK * BLOCK;
        next = next < len ? next : len;
        if (at % BLOCK != 0 && zeros(text + at, next - at)) {
            at = next;
            continue;
        }
        size_t body = body_of(text + at, len - at);
        if (body == 0 || le(text + at + 12, 4) != frame_crc(text + at, body) || text[at + 4] != 1 ||
            le(text + at + 48, 8) != prev || le(text + at + 24, 8) <= prev) {
            return;
        }
        prev = le(text + at + 24, 8);
        ret->seq[ret->count] = prev;
        ret->crc[ret->count++] = kn_crc32c(0, kn_str(text + at + HEAD, body));
        at += (HEAD + body + 7) / 8 * 8;
    }
}

/* Every input has the directory to itself. */
static void each_file(void *context, struct kn_str name, uint64_t bytes)
{
    char path[64];
    (void)bytes;
    (void)snprintf(path, sizeof path, "log/%.*s", KN_STR_ARG(name));
    kn_assert(kn_disk_remove(sim_disk_interface(context), path, NULL) == KN_OK);
}

static void put_file(struct sim_disk *disk, const char *text, size_t len)
{
    struct kn_file *file;
    struct kn_disk d = sim_disk_interface(disk);
    kn_assert(kn_disk_open(d, "log/00000000000000000001.log", KN_OPEN_CREATE, &file, NULL) ==
              KN_OK);
    kn_assert(kn_file_write(file, 0, text, len, NULL) == KN_OK);
    kn_assert(kn_file_sync(file, NULL) == KN_OK);
    kn_assert(kn_disk_sync_dir(d, "log", NULL) == KN_OK);
    kn_file_close(file);
}

static enum kn_rc open_log(struct sim_disk *disk, struct kn_log **ret,
                           struct kn_log_recovery *found)
{
    struct kn_err err = {0};
    struct kn_log_options o = {.dir = "log", .segment_bytes = SEGMENT, .group_bytes_max = SEGMENT};
    enum kn_rc rc = kn_log_open(sim_disk_interface(disk), &o, 0, EPOCH, ret, found, &err);
    kn_assert(rc == KN_OK || err.text[0]);
    return rc;
}

static void check_frames(struct kn_log *log, const struct seen *wanted)
{
    struct kn_log_reader *reader;
    struct kn_frame frame;
    struct kn_err err = {0};
    size_t count = 0;
    kn_assert(kn_log_reader_open(log, 1, &reader, &err) == KN_OK);
    while (kn_log_read(reader, &frame, &err) == KN_OK) {
        kn_assert(count < wanted->count && frame.seq == wanted->seq[count]);
        kn_assert(kn_crc32c(0, frame.body) == wanted->crc[count]);
        count++;
    }
    kn_assert(count == wanted->count);
    kn_log_reader_close(reader);
}

static void check_log(struct sim_disk *disk, struct seen *wanted)
{
    struct kn_log *log;
    struct kn_log_recovery found;
    struct kn_log_group *group = NULL;
    struct kn_err err = {0};
    uint64_t seq;
    int64_t record_us;
    enum kn_rc rc = open_log(disk, &log, &found);
    if (rc != KN_OK) {
        kn_assert(rc == KN_E_CORRUPT || rc == KN_E_VERSION);
        return;
    }
    kn_assert(found.last_seq == (wanted->count ? wanted->seq[wanted->count - 1] : 0));
    check_frames(log, wanted);
    kn_log_close(log);
    sim_disk_crash(disk);
    kn_assert(open_log(disk, &log, &found) == KN_OK && !found.cut); /* a cut is for good */
    check_frames(log, wanted);
    if (found.last_seq < UINT64_MAX / 2) {
        kn_assert(kn_log_stage(log, KN_STR("more"), 1, 0, 0, &seq, &record_us, &err) == KN_OK);
        kn_assert(kn_log_commit(log, &group, &err) == KN_OK);
        kn_log_group_free(group);
        wanted->seq[wanted->count] = seq;
        wanted->crc[wanted->count++] = kn_crc32c(0, KN_STR("more"));
        check_frames(log, wanted);
    }
    kn_log_close(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > SEGMENT - BLOCK) {
        return 0;
    }
    bool headed = data[0] & 1;
    size_t len = headed ? BLOCK + size - 1 : size - 1;
    char *text = kn_must_calloc(1, len + 1);
    struct seen *wanted = kn_must_calloc(1, sizeof *wanted + 16);
    struct kn_segment_info info = {.first_seq = 1, .epoch = EPOCH};
    memcpy(text + (headed ? BLOCK : 0), data + 1, size - 1);
    if (headed) {
        kn_segment_encode(&info, text);
    }
    if (data[0] & 2) {
        mend(text, len);
    }
    read_naively(text, len, 0, wanted);
    if (wanted->count < FRAMES_MAX - 1) {
        static struct sim_disk *disk;
        disk = disk ? disk : sim_disk_new(1);
        put_file(disk, text, len);
        check_log(disk, wanted);
        kn_assert(kn_disk_list(sim_disk_interface(disk), "log", each_file, disk, NULL) == KN_OK);
        kn_assert(kn_disk_sync_dir(sim_disk_interface(disk), "log", NULL) == KN_OK);
    }
    kn_free(wanted);
    kn_free(text);
    return 0;
}
