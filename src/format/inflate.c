#include "format/inflate.h"

#include <zlib.h>

enum { PIECE = 64 * 1024, GZIP_OR_ZLIB = 15 + 32, GZIP = 15 + 16 };

bool kn_is_gzip(struct kn_str bytes)
{
    return bytes.len >= 2 && (unsigned char)bytes.p[0] == 0x1f && (unsigned char)bytes.p[1] == 0x8b;
}

static enum kn_rc inflate_all(z_stream *z, struct kn_buf *out, struct kn_err *err)
{
    for (;;) {
        size_t room = out->bytes_max - out->len < PIECE ? out->bytes_max - out->len : PIECE;
        unsigned char probe;
        char *to = room > 0 ? kn_buf_reserve(out, room) : (char *)&probe;
        if (!to) {
            return kn_fail(err, KN_E_NOMEM, "out of memory");
        }
        z->next_out = (Bytef *)to;
        z->avail_out = room > 0 ? (uInt)room : 1;
        uInt before = z->avail_out;
        int rc = inflate(z, Z_NO_FLUSH);
        uInt made = before - z->avail_out;
        if (room == 0 && made > 0) {
            return kn_fail(err, KN_E_LIMIT, "the decompressed body is too large");
        }
        out->len += made;
        if (rc == Z_STREAM_END) {
            if (z->avail_in == 0) {
                return KN_OK;
            }
            if (inflateReset(z) != Z_OK) { /* a further member */
                return kn_fail(err, KN_E_INVALID, "the compressed body is damaged");
            }
        } else if (rc != Z_OK || (z->avail_in == 0 && made == 0)) {
            return kn_fail(err, KN_E_INVALID, "the compressed body is damaged or cut short");
        }
    }
}

enum kn_rc kn_inflate(struct kn_str bytes, struct kn_buf *out, struct kn_err *err)
{
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)bytes.p, .avail_in = (uInt)bytes.len};
    if (bytes.len > UINT32_MAX || inflateInit2(&z, GZIP_OR_ZLIB) != Z_OK) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    enum kn_rc rc = inflate_all(&z, out, err);
    (void)inflateEnd(&z);
    return rc;
}

enum kn_rc kn_deflate(struct kn_str bytes, struct kn_buf *out, struct kn_err *err)
{
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)bytes.p, .avail_in = (uInt)bytes.len};
    if (bytes.len > UINT32_MAX ||
        deflateInit2(&z, 6, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    size_t bound = deflateBound(&z, bytes.len) + 32;
    char *to = kn_buf_reserve(out, bound);
    enum kn_rc rc = KN_E_NOMEM;
    if (to) {
        z.next_out = (Bytef *)to;
        z.avail_out = (uInt)bound;
        rc = deflate(&z, Z_FINISH) == Z_STREAM_END ? KN_OK : KN_E_INVALID;
        out->len += rc == KN_OK ? bound - z.avail_out : 0;
    }
    (void)deflateEnd(&z);
    return rc == KN_OK ? KN_OK : kn_fail(err, rc, "cannot compress");
}
