#include "format/inflate.h"

#include <zlib.h>

#include "base/mem.h"

enum { PIECE = 64 * 1024, ZLIB = 15, GZIP = 15 + 16, BYTES_MAX = 1 << 30 };

bool kn_is_gzip(struct kn_str bytes)
{
    return bytes.len >= 2 && (unsigned char)bytes.p[0] == 0x1f && (unsigned char)bytes.p[1] == 0x8b;
}

static voidpf zalloc(voidpf opaque, uInt items, uInt size)
{
    (void)opaque;
    return kn_calloc(items, size);
}

static void zfree(voidpf opaque, voidpf block)
{
    (void)opaque;
    kn_free(block);
}

static z_stream stream_of(struct kn_str bytes)
{
    return (z_stream){.next_in = (z_const Bytef *)(uintptr_t)bytes.p,
                      .avail_in = (uInt)bytes.len,
                      .zalloc = zalloc,
                      .zfree = zfree};
}

/* Room for the next piece, or for one byte in *probe when the cap is reached: an end of the stream
 * must still be told from more data. False without memory. */
static bool give_room(z_stream *z, struct kn_buf *out, unsigned char *probe)
{
    size_t room = out->bytes_max - out->len;
    if (room == 0) {
        z->next_out = probe;
        z->avail_out = 1;
        return true;
    }
    room = room < PIECE ? room : PIECE;
    z->next_out = (Bytef *)kn_buf_reserve(out, room);
    z->avail_out = (uInt)room;
    return z->next_out != NULL;
}

/* One member, appended. */
static enum kn_rc inflate_member(z_stream *z, struct kn_buf *out, struct kn_err *err)
{
    for (;;) {
        unsigned char probe;
        bool full = out->len == out->bytes_max;
        if (!give_room(z, out, &probe)) {
            return kn_fail(err, KN_E_NOMEM, "out of memory");
        }
        uInt before = z->avail_out;
        int rc = inflate(z, Z_NO_FLUSH);
        uInt made = before - z->avail_out;
        if (full && made > 0) {
            return kn_fail(err, KN_E_LIMIT, "the decompressed body is larger than %zu bytes",
                           out->bytes_max);
        }
        out->len += made;
        if (rc == Z_STREAM_END) {
            return KN_OK;
        }
        if (rc == Z_MEM_ERROR) {
            return kn_fail(err, KN_E_NOMEM, "out of memory");
        }
        if (rc == Z_BUF_ERROR || (rc == Z_OK && z->avail_in == 0 && z->avail_out > 0)) {
            return kn_fail(err, KN_E_INVALID, "the compressed body is cut short");
        }
        if (rc != Z_OK) {
            return kn_fail(err, KN_E_INVALID, "the compressed body is damaged: %s",
                           z->msg ? z->msg : "not gzip or zlib");
        }
    }
}

enum kn_rc kn_inflate(struct kn_str bytes, struct kn_buf *out, struct kn_err *err)
{
    size_t len_before = out->len;
    z_stream z = stream_of(bytes);
    if (out->rc != KN_OK) {
        return kn_fail(err, out->rc, "the buffer has failed before");
    }
    if (bytes.len == 0) {
        return kn_fail(err, KN_E_INVALID, "the compressed body is cut short");
    }
    if (bytes.len > BYTES_MAX) {
        return kn_fail(err, KN_E_LIMIT, "the compressed body is too large");
    }
    if (inflateInit2(&z, kn_is_gzip(bytes) ? GZIP : ZLIB) != Z_OK) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    enum kn_rc rc = inflate_member(&z, out, err);
    while (rc == KN_OK && z.avail_in > 0) { /* further members; gzip only */
        if (!kn_is_gzip(bytes) || inflateReset(&z) != Z_OK) {
            rc = kn_fail(err, KN_E_INVALID, "something follows the compressed body");
        } else {
            rc = inflate_member(&z, out, err);
        }
    }
    if (rc != KN_OK && err) {
        err->pos = bytes.len - z.avail_in;
    }
    (void)inflateEnd(&z);
    if (rc != KN_OK) {
        out->len = len_before;
        out->rc = KN_OK;
    }
    return rc;
}

enum kn_rc kn_deflate(struct kn_str bytes, struct kn_buf *out, struct kn_err *err)
{
    z_stream z = stream_of(bytes);
    if (bytes.len > BYTES_MAX) {
        return kn_fail(err, KN_E_LIMIT, "the body is too large");
    }
    if (deflateInit2(&z, 6, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    size_t bound = deflateBound(&z, bytes.len) + 32;
    char *to = kn_buf_reserve(out, bound);
    enum kn_rc rc = out->rc;
    if (to) {
        z.next_out = (Bytef *)to;
        z.avail_out = (uInt)bound;
        rc = deflate(&z, Z_FINISH) == Z_STREAM_END ? KN_OK : KN_E_INVALID;
        out->len += rc == KN_OK ? bound - z.avail_out : 0;
    }
    (void)deflateEnd(&z);
    return rc == KN_OK ? KN_OK : kn_fail(err, rc, "cannot compress");
}
