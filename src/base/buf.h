/* A growable byte buffer with a hard limit.
 *
 * Failure is sticky: when an append would pass bytes_max or an allocation fails, the buffer keeps
 * its contents so far, remembers the reason in rc and ignores further appends. Write everything,
 * then check rc once. One owner, one thread.
 */
#ifndef KN_BASE_BUF_H
#define KN_BASE_BUF_H

#include "base/err.h"

struct kn_buf {
    char *p;          /* owned; NULL until the first append */
    size_t len;       /* bytes in use */
    size_t cap;       /* bytes allocated */
    size_t bytes_max; /* len never passes this */
    enum kn_rc rc;    /* KN_OK, KN_E_LIMIT or KN_E_NOMEM */
};

void kn_buf_init(struct kn_buf *buf, size_t bytes_max);
void kn_buf_deinit(struct kn_buf *buf);
/* Empties it for reuse, keeping the memory, and forgets a failure. */
void kn_buf_clear(struct kn_buf *buf);
/* What reserve does when there is not enough room yet. */
char *kn_buf_grow(struct kn_buf *buf, size_t bytes);
/* Room for `bytes` more at p + len (the caller then raises len), or NULL. */
static inline char *kn_buf_reserve(struct kn_buf *buf, size_t bytes)
{
    return buf->rc == KN_OK && bytes <= buf->cap - buf->len ? buf->p + buf->len
                                                            : kn_buf_grow(buf, bytes);
}
static inline void kn_buf_add(struct kn_buf *buf, const void *bytes, size_t len)
{
    char *to = len > 0 ? kn_buf_reserve(buf, len) : NULL;
    if (to) {
        memcpy(to, bytes, len);
        buf->len += len;
    }
}
static inline void kn_buf_str(struct kn_buf *buf, struct kn_str s)
{
    kn_buf_add(buf, s.p, s.len);
}
static inline void kn_buf_c(struct kn_buf *buf, const char *text)
{
    kn_buf_add(buf, text, strlen(text));
}
static inline void kn_buf_char(struct kn_buf *buf, char c)
{
    char *to = kn_buf_reserve(buf, 1);
    if (to) {
        *to = c;
        buf->len++;
    }
}
void kn_buf_u64(struct kn_buf *buf, uint64_t value); /* decimal text */
void kn_buf_i64(struct kn_buf *buf, int64_t value);  /* decimal text */
void kn_buf_printf(struct kn_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Little-endian fixed-width integers and LEB128 variable-length ones, for formats on disk. */
void kn_buf_le16(struct kn_buf *buf, uint16_t value);
void kn_buf_le32(struct kn_buf *buf, uint32_t value);
void kn_buf_le64(struct kn_buf *buf, uint64_t value);
void kn_buf_varint(struct kn_buf *buf, uint64_t value);
/* varint length, then the bytes. */
void kn_buf_lstr(struct kn_buf *buf, struct kn_str s);

static inline struct kn_str kn_buf_view(const struct kn_buf *buf)
{
    return kn_str(buf->p, buf->len);
}

/* The reading side: a total cursor over bytes. Past the end it answers zeros and sets bad. */
struct kn_cursor {
    const unsigned char *p;
    const unsigned char *end;
    bool bad;
};

static inline struct kn_cursor kn_cursor(struct kn_str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    struct kn_cursor cursor = {p, bytes.len ? p + bytes.len : p, false};
    return cursor;
}

uint8_t kn_take_u8(struct kn_cursor *c);
uint16_t kn_take_le16(struct kn_cursor *c);
uint32_t kn_take_le32(struct kn_cursor *c);
uint64_t kn_take_le64(struct kn_cursor *c);
uint64_t kn_take_varint(struct kn_cursor *c);
struct kn_str kn_take_bytes(struct kn_cursor *c, size_t len); /* borrowed from the input */
struct kn_str kn_take_lstr(struct kn_cursor *c);              /* borrowed from the input */

/* Maps signed to unsigned so that small magnitudes stay short as varints, and back. */
static inline uint64_t kn_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}
static inline int64_t kn_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

#endif
