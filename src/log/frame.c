#include "log/frame.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

#define FRAME_MAGIC 0x4d52464bU   /* "KFRM" */
#define SEGMENT_MAGIC 0x474f4c4bU /* "KLOG" */

static void put(char **to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        (*to)[i] = (char)(unsigned char)(value >> (8 * i));
    }
    *to += bytes;
}

static void encode_header(const struct kn_frame_info *info, uint32_t crc, char *to)
{
    const struct kn_frame *f = &info->frame;
    put(&to, FRAME_MAGIC, 4);
    put(&to, KN_LOG_FORMAT, 1);
    put(&to, f->flags, 1);
    put(&to, 0, 2);
    put(&to, f->body.len, 4);
    put(&to, crc, 4);
    put(&to, f->epoch, 4);
    put(&to, f->item_count, 4);
    put(&to, f->seq, 8);
    put(&to, (uint64_t)f->record_us, 8);
    put(&to, info->durable_up_to, 8);
    put(&to, info->prev, 8);
}

uint32_t kn_frame_body_crc(struct kn_str body)
{
    return kn_crc32c(0, body);
}

void kn_frame_encode(const struct kn_frame_info *info, uint32_t body_crc, char *to)
{
    struct kn_str body = info->frame.body;
    size_t bytes = kn_frame_bytes(body.len);
    encode_header(info, 0, to);
    encode_header(info, kn_crc32c(body_crc, kn_str(to, KN_FRAME_HEADER)), to);
    memcpy(to + KN_FRAME_HEADER, body.p, body.len);
    memset(to + KN_FRAME_HEADER + body.len, 0, bytes - KN_FRAME_HEADER - body.len);
}

static bool all_zero(struct kn_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] != 0) {
            return false;
        }
    }
    return true;
}

/* The 56 bytes of a header as they stand; false when no frame can begin like this. */
static bool read_header(struct kn_str bytes, struct kn_frame_info *ret, uint32_t *ret_crc,
                        uint8_t *ret_format)
{
    struct kn_cursor c = kn_cursor(bytes);
    struct kn_frame_info info = {0};
    uint32_t magic = kn_take_le32(&c);
    *ret_format = kn_take_u8(&c);
    info.frame.flags = kn_take_u8(&c);
    uint16_t reserved = kn_take_le16(&c);
    info.frame.body.len = kn_take_le32(&c);
    *ret_crc = kn_take_le32(&c);
    info.frame.epoch = kn_take_le32(&c);
    info.frame.item_count = kn_take_le32(&c);
    info.frame.seq = kn_take_le64(&c);
    info.frame.record_us = (int64_t)kn_take_le64(&c);
    info.durable_up_to = kn_take_le64(&c);
    info.prev = kn_take_le64(&c);
    info.bytes = kn_frame_bytes(info.frame.body.len);
    *ret = info;
    return !c.bad && magic == FRAME_MAGIC && reserved == 0 && info.frame.body.len > 0 &&
           info.frame.body.len <= KN_LOG_BODY_MAX;
}

bool kn_frame_read_header(struct kn_str bytes, struct kn_frame_info *ret)
{
    uint32_t crc;
    uint8_t format;
    return read_header(bytes, ret, &crc, &format) && format == KN_LOG_FORMAT;
}

bool kn_frame_peek(struct kn_str bytes, struct kn_frame_info *ret)
{
    if (!kn_frame_read_header(bytes, ret) || ret->bytes > bytes.len) {
        return false;
    }
    ret->frame.body.p = bytes.p + KN_FRAME_HEADER;
    return true;
}

enum kn_rc kn_frame_decode(struct kn_str bytes, struct kn_frame_info *ret)
{
    struct kn_frame_info info;
    uint32_t crc;
    uint8_t format;
    size_t head = bytes.len < KN_FRAME_HEADER ? bytes.len : KN_FRAME_HEADER;
    bool there = read_header(bytes, &info, &crc, &format);
    if (!there && all_zero(kn_str(bytes.p, head))) {
        return KN_E_NOT_FOUND;
    }
    if (!there || info.bytes > bytes.len) {
        return KN_E_CORRUPT;
    }
    info.frame.body.p = bytes.p + KN_FRAME_HEADER;
    char header[KN_FRAME_HEADER];
    memcpy(header, bytes.p, sizeof header);
    memset(header + 12, 0, 4);
    if (kn_crc32c(kn_frame_body_crc(info.frame.body), kn_str(header, sizeof header)) != crc) {
        return KN_E_CORRUPT;
    }
    if (format != KN_LOG_FORMAT) {
        return KN_E_VERSION;
    }
    *ret = info;
    return KN_OK;
}

enum kn_rc kn_frame_next(struct kn_str bytes, size_t *at, struct kn_frame_info *ret)
{
    size_t block = (size_t)kn_log_block_up(*at);
    block = block < bytes.len ? block : bytes.len;
    if (all_zero(kn_str_sub(bytes, *at, block))) { /* no frame begins with a zero */
        *at = block;
    }
    return kn_frame_decode(kn_str_sub(bytes, *at, bytes.len), ret);
}

void kn_segment_encode(const struct kn_segment_info *info, char to[KN_SEGMENT_HEADER])
{
    char *p = to;
    memset(to, 0, KN_SEGMENT_HEADER);
    put(&p, SEGMENT_MAGIC, 4);
    put(&p, KN_LOG_FORMAT, 4);
    put(&p, info->first_seq, 8);
    put(&p, info->prev, 8);
    put(&p, info->epoch, 4);
    put(&p, kn_crc32c(0, kn_str(to, KN_SEGMENT_HEADER)), 4);
}

enum kn_rc kn_segment_decode(struct kn_str bytes, struct kn_segment_info *ret)
{
    char copy[KN_SEGMENT_HEADER];
    struct kn_cursor c = kn_cursor(bytes);
    uint32_t magic = kn_take_le32(&c);
    uint32_t format = kn_take_le32(&c);
    struct kn_segment_info info;
    info.first_seq = kn_take_le64(&c);
    info.prev = kn_take_le64(&c);
    info.epoch = kn_take_le32(&c);
    uint32_t crc = kn_take_le32(&c);
    if (bytes.len < KN_SEGMENT_HEADER || magic != SEGMENT_MAGIC) {
        return KN_E_CORRUPT;
    }
    memcpy(copy, bytes.p, sizeof copy);
    memset(copy + 28, 0, 4);
    if (kn_crc32c(0, kn_str(copy, sizeof copy)) != crc) {
        return KN_E_CORRUPT;
    }
    if (format != KN_LOG_FORMAT) {
        return KN_E_VERSION;
    }
    *ret = info;
    return KN_OK;
}

void kn_segment_path(const char *dir, uint64_t first_seq, char *to, size_t len)
{
    (void)snprintf(to, len, "%s/%020llu.log", dir, (unsigned long long)first_seq);
}

struct listing {
    uint64_t *names;
    size_t count, room;
    bool no_memory;
};

static void each_file(void *context, struct kn_str name, uint64_t bytes)
{
    struct listing *l = context;
    uint64_t number;
    (void)bytes;
    if (name.len != KN_SEGMENT_NAME || !kn_str_ends(name, KN_STR(".log")) ||
        !kn_str_u64(kn_str_sub(name, 0, 20), &number)) {
        return;
    }
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 16;
        uint64_t *more = kn_realloc(l->names, room * sizeof *more);
        if (!more) {
            l->no_memory = true;
            return;
        }
        l->names = more;
        l->room = room;
    }
    l->names[l->count++] = number;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

enum kn_rc kn_segment_list(struct kn_disk disk, const char *dir, uint64_t **ret, size_t *ret_count,
                           struct kn_err *err)
{
    struct listing l = {0};
    enum kn_rc rc = kn_disk_list(disk, dir, each_file, &l, err);
    if (rc == KN_OK && l.no_memory) {
        rc = kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    if (rc != KN_OK) {
        kn_free(l.names);
        return rc;
    }
    if (l.count > 0) {
        qsort(l.names, l.count, sizeof *l.names, by_number);
    }
    *ret = l.names;
    *ret_count = l.count;
    return KN_OK;
}

static enum kn_rc read_whole(struct kn_file *file, struct kn_segment_copy *to, struct kn_err *err)
{
    uint64_t bytes;
    KN_TRY(kn_file_size(file, &bytes, err));
    if (to->room <= bytes) {
        kn_free(to->data);
        to->room = 0;
        to->data = kn_alloc((size_t)bytes + 1);
        if (!to->data) {
            return kn_fail(err, KN_E_NOMEM, "out of memory");
        }
        to->room = (size_t)bytes + 1;
    }
    return kn_file_read(file, 0, to->data, (size_t)bytes, &to->len, err);
}

enum kn_rc kn_segment_load(struct kn_disk disk, const char *dir, uint64_t first_seq,
                           struct kn_segment_copy *to, struct kn_err *err)
{
    char path[1024];
    struct kn_file *file;
    to->len = 0;
    kn_segment_path(dir, first_seq, path, sizeof path);
    KN_TRY(kn_disk_open(disk, path, KN_OPEN_READ, &file, err));
    enum kn_rc rc = read_whole(file, to, err);
    kn_file_close(file);
    KN_TRY(rc);
    rc = kn_segment_decode(kn_str(to->data, to->len), &to->info);
    if (rc == KN_E_VERSION) {
        return kn_fail(err, rc, "%s was written by another version of the format", path);
    }
    if (rc != KN_OK || to->info.first_seq != first_seq) {
        return kn_fail(err, KN_E_CORRUPT, "%s at offset 0: the segment header is damaged", path);
    }
    return KN_OK;
}

void kn_segment_ahead(struct kn_disk disk, const char *dir, uint64_t first_seq)
{
    char path[1024];
    struct kn_file *file;
    struct kn_err err;
    kn_segment_path(dir, first_seq, path, sizeof path);
    if (kn_disk_open(disk, path, KN_OPEN_READ, &file, &err) == KN_OK) {
        kn_file_ahead(file);
        kn_file_close(file);
    }
}
