/* Small texts protocols need: hexadecimal, base64, UUIDs, comparison in constant time. Pure. */
#ifndef KN_FORMAT_TOKEN_H
#define KN_FORMAT_TOKEN_H

#include "base/arena.h"
#include "base/buf.h"

/* 2 x len digits, lower case. */
void kn_hex_encode(const unsigned char *bytes, size_t len, char *to);
/* RFC 9562 version 4 of 16 random bytes; 36 characters and NUL. */
void kn_uuid4(const unsigned char random[16], char to[37]);
/* Standard or URL-safe alphabet, with or without padding; false: not base64. In the arena. */
bool kn_base64_decode(struct kn_str text, struct kn_arena *arena, struct kn_str *ret);
/* URL-safe, without padding. */
void kn_base64url_encode(struct kn_str bytes, struct kn_buf *out);
/* `len` random bytes as letters and digits (rejection-free, slight bias is irrelevant at 62^20). */
void kn_alnum_encode(const unsigned char *random, size_t len, char *to);
/* Takes the same time for every pair of the same lengths. */
bool kn_equal_secret(struct kn_str a, struct kn_str b);

#endif
