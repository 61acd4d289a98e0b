/* Exact decimals for conditions: values as 128-bit integers scaled by 10^18, sums in 192 bits.
 *
 * A text is numeric when it has at most 18 significant digits, is smaller than 10^18 and has no
 * digit beyond the 18th decimal. Everything else stays readable but is no number here. Any number
 * of rows (up to 2^63) can be summed without loss. Pure; safe on any thread.
 */
#ifndef KN_FORMAT_NUMBER_H
#define KN_FORMAT_NUMBER_H

#include "base/buf.h"

__extension__ typedef __int128 kn_dec; /* value * 10^18; |value| < 10^18 */

/* -?[0-9]+(\.[0-9]+)?, and with `exponent` also what JSON allows after it (1e3). */
bool kn_dec_parse(struct kn_str text, bool exponent, kn_dec *ret);
kn_dec kn_dec_int(int64_t value); /* |value| < 10^18 */

/* A sum, two's complement, least significant word first. */
struct kn_wide {
    uint64_t w[3];
};

void kn_wide_add(struct kn_wide *sum, kn_dec value);
struct kn_wide kn_wide_minus(const struct kn_wide *a, const struct kn_wide *b);
/* value * count. */
struct kn_wide kn_wide_times(kn_dec value, uint64_t count);
int kn_wide_cmp(const struct kn_wide *a, const struct kn_wide *b); /* -1, 0, 1 */

/* As a JSON number without needless zeros. */
void kn_dec_format(kn_dec value, struct kn_buf *out);
void kn_wide_format(const struct kn_wide *sum, struct kn_buf *out);
/* sum / count, rounded half away from zero to 6 decimals. count > 0. */
void kn_wide_format_mean(const struct kn_wide *sum, uint64_t count, struct kn_buf *out);

#endif
