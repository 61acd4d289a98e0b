#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

void kn_buf_init(struct kn_buf *buf, size_t bytes_max)
{
    *buf = (struct kn_buf){.bytes_max = bytes_max};
}

void kn_buf_deinit(struct kn_buf *buf)
{
    kn_free(buf->p);
    *buf = (struct kn_buf){.bytes_max = buf->bytes_max};
}

void kn_buf_clear(struct kn_buf *buf)
{
    buf->len = 0;
    buf->rc = KN_OK;
}

static bool grow(struct kn_buf *buf, size_t need)
{
    size_t cap = buf->cap ? buf->cap : 256;
    while (cap < need) {
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    }
    if (cap > buf->bytes_max) {
        cap = buf->bytes_max;
    }
    char *moved = kn_realloc(buf->p, cap);
    if (!moved) {
        buf->rc = KN_E_NOMEM;
        return false;
    }
    buf->p = moved;
    buf->cap = cap;
    return true;
}

char *kn_buf_grow(struct kn_buf *buf, size_t bytes)
{
    if (buf->rc != KN_OK) {
        return NULL;
    }
    if (bytes > buf->bytes_max - buf->len) {
        buf->rc = KN_E_LIMIT;
        return NULL;
    }
    return grow(buf, buf->len + bytes) ? buf->p + buf->len : NULL;
}

void kn_buf_u64(struct kn_buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    kn_buf_add(buf, digits + at, sizeof digits - at);
}

void kn_buf_i64(struct kn_buf *buf, int64_t value)
{
    if (value < 0) {
        kn_buf_char(buf, '-');
    }
    kn_buf_u64(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void kn_buf_printf(struct kn_buf *buf, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int need = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    char *to = need >= 0 ? kn_buf_reserve(buf, (size_t)need + 1) : NULL;
    if (!to) {
        return;
    }
    va_start(ap, format);
    (void)vsnprintf(to, (size_t)need + 1, format, ap);
    va_end(ap);
    buf->len += (size_t)need;
}

void kn_buf_le16(struct kn_buf *buf, uint16_t value)
{
    unsigned char bytes[2] = {(unsigned char)value, (unsigned char)(value >> 8)};
    kn_buf_add(buf, bytes, sizeof bytes);
}

void kn_buf_le32(struct kn_buf *buf, uint32_t value)
{
    unsigned char bytes[4];
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (unsigned char)(value >> (8 * i));
    }
    kn_buf_add(buf, bytes, sizeof bytes);
}

void kn_buf_le64(struct kn_buf *buf, uint64_t value)
{
    unsigned char bytes[8];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(value >> (8 * i));
    }
    kn_buf_add(buf, bytes, sizeof bytes);
}

void kn_buf_varint(struct kn_buf *buf, uint64_t value)
{
    unsigned char bytes[10];
    size_t len = 0;
    while (value >= 0x80) {
        bytes[len++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    bytes[len++] = (unsigned char)value;
    kn_buf_add(buf, bytes, len);
}

void kn_buf_lstr(struct kn_buf *buf, struct kn_str s)
{
    kn_buf_varint(buf, s.len);
    kn_buf_str(buf, s);
}

struct kn_str kn_take_bytes(struct kn_cursor *c, size_t len)
{
    if (c->bad || len > (size_t)(c->end - c->p)) {
        c->bad = true;
        return KN_STR_EMPTY;
    }
    struct kn_str taken = kn_str(c->p, len);
    c->p = len > 0 ? c->p + len : c->p; /* the empty cursor's p is NULL */
    return taken;
}

static uint64_t take_le(struct kn_cursor *c, size_t bytes)
{
    struct kn_str taken = kn_take_bytes(c, bytes);
    uint64_t value = 0;
    for (size_t i = 0; i < taken.len; i++) {
        value |= (uint64_t)(unsigned char)taken.p[i] << (8 * i);
    }
    return value;
}

uint8_t kn_take_u8(struct kn_cursor *c)
{
    return (uint8_t)take_le(c, 1);
}

uint16_t kn_take_le16(struct kn_cursor *c)
{
    return (uint16_t)take_le(c, 2);
}

uint32_t kn_take_le32(struct kn_cursor *c)
{
    return (uint32_t)take_le(c, 4);
}

uint64_t kn_take_le64(struct kn_cursor *c)
{
    return take_le(c, 8);
}

uint64_t kn_take_varint(struct kn_cursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (c->bad || c->p == c->end) {
            break;
        }
        uint64_t byte = *c->p++;
        if (shift == 63 && byte > 1) {
            break;
        }
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    c->bad = true;
    return 0;
}

struct kn_str kn_take_lstr(struct kn_cursor *c)
{
    uint64_t len = kn_take_varint(c);
    if (len > SIZE_MAX) {
        c->bad = true;
        return KN_STR_EMPTY;
    }
    return kn_take_bytes(c, (size_t)len);
}
