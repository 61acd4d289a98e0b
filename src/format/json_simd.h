/* The C door to simdjson (json_simd.cpp): its first stage only, which checks UTF-8, control
 * characters in strings and that strings are closed, and finds where every token begins. The
 * grammar is checked by json_parse.c. Internal to format/. */
#ifndef KN_FORMAT_JSON_SIMD_H
#define KN_FORMAT_JSON_SIMD_H

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct kn_simd; /* simdjson's working memory: about 4 bytes per byte of the longest text so far */

enum kn_simd_fault {
    KN_SIMD_NONE = 0,
    KN_SIMD_NOTHING, /* no token at all */
    KN_SIMD_UTF8,
    KN_SIMD_CONTROL,    /* an unescaped control character in a string */
    KN_SIMD_NOT_CLOSED, /* a string runs to the end */
    KN_SIMD_OTHER,
};

struct kn_simd *kn_simd_new(void); /* NULL without memory */
void kn_simd_free(struct kn_simd *simd);
/* Byte offsets of the tokens' first bytes, in order: brackets, braces, colons, commas, opening
 * quotes, and first bytes of anything else that stands between those and white space. The array is
 * owned by `simd` and ends with one more entry, len.
 * @errors KN_E_INVALID (*ret_fault says why), KN_E_LIMIT (text too long), KN_E_NOMEM */
enum kn_rc kn_simd_tokens(struct kn_simd *simd, const char *text, size_t len,
                          const uint32_t **ret_tokens, uint32_t *ret_count,
                          enum kn_simd_fault *ret_fault);

#ifdef __cplusplus
}
#endif
#endif
