/* Money as text, exactly: decimal numbers to minor units of a currency and back (ISO 4217
 * exponents). No floating point. Pure. */
#ifndef KN_FORMAT_DECIMAL_H
#define KN_FORMAT_DECIMAL_H

#include "base/buf.h"

/* Digits after the decimal point of a currency; 2 when unknown or empty. */
unsigned kn_currency_digits(const char *currency);
/* Three letters, made capitals; false: not a currency code. */
bool kn_currency_parse(struct kn_str text, char ret[4]);
/* JSON number or decimal text (sign, digits, fraction, exponent) to minor units, rounded half away
 * from zero. False: no number, more than 18 significant digits, or too large. */
bool kn_money_parse(struct kn_str text, const char *currency, int64_t *ret);
/* The amount as a JSON number with at most the currency's digits: 1250 EUR -> 12.5 */
void kn_money_format(int64_t amount, const char *currency, struct kn_buf *out);

#endif
