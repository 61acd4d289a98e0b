/* Small texts protocols need: hexadecimal, base64, base32, UUIDs, comparison in constant time.
 * Pure. */
#ifndef KN_FORMAT_TOKEN_H
#define KN_FORMAT_TOKEN_H

#include "base/arena.h"
#include "base/buf.h"

/* 2 x len digits, lower case. */
void kn_hex_encode(const unsigned char *bytes, size_t len, char *to);
/* Exactly 2 x len digits of either case; false leaves `to` alone. */
bool kn_hex_decode(struct kn_str text, unsigned char *to, size_t len);

enum { KN_BASE32_LEN = 26 };
/* 16 bytes as Crockford's base32 in lower case, which sorts as the bytes do; 26 characters and NUL.
 */
void kn_base32_encode(const unsigned char bytes[16], char to[KN_BASE32_LEN + 1]);
/* Either case, o for 0, i and l for 1; false (not 26 digits, or over 128 bits) leaves `to` alone.
 */
bool kn_base32_decode(struct kn_str text, unsigned char to[16]);
/* RFC 9562 version 4 of 16 random bytes; 36 characters and NUL. */
void kn_uuid4(const unsigned char random[16], char to[37]);
/* Standard or URL-safe alphabet (not both in one text), with the right padding or none. False: not
 * base64 (white space or spare bits included), or the arena is full. In the arena. */
bool kn_base64_decode(struct kn_str text, struct kn_arena *arena, struct kn_str *ret);
/* URL-safe, without padding. */
void kn_base64url_encode(struct kn_str bytes, struct kn_buf *out);
/* The standard alphabet, padded. */
void kn_base64_encode(struct kn_str bytes, struct kn_buf *out);
/* `len` random bytes as letters and digits (rejection-free, slight bias is irrelevant at 62^20). */
void kn_alnum_encode(const unsigned char *random, size_t len, char *to);
/* Takes the same time for every pair of the same lengths. */
bool kn_equal_secret(struct kn_str a, struct kn_str b);

#endif
