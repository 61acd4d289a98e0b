#include "format/number.h"

#include "base/assert.h"

__extension__ typedef unsigned __int128 u128;

enum { DIGITS = 18, TEXT_MAX = 64 };

static const kn_dec one = 1000000000000000000;
static const uint64_t powers[DIGITS + 1] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
};

struct digits {
    uint64_t mantissa; /* at most 18 significant digits */
    int64_t exponent;  /* value = mantissa * 10^exponent */
    bool negative;
};

/* Steps over digits; leading and trailing zeros cost nothing. False: more than 18 significant ones.
 */
static bool take_digits(struct kn_str text, size_t *at, struct digits *d, bool fraction,
                        uint64_t *zeros)
{
    size_t start = *at;
    for (; *at < text.len && text.p[*at] >= '0' && text.p[*at] <= '9'; ++*at) {
        unsigned digit = (unsigned)(text.p[*at] - '0');
        d->exponent -= fraction;
        if (digit == 0) {
            ++*zeros; /* counted only when a digit follows */
            continue;
        }
        for (; *zeros > 0 && d->mantissa > 0; --*zeros) {
            if (d->mantissa >= (uint64_t)one / 10) {
                return false;
            }
            d->mantissa *= 10;
        }
        *zeros = 0;
        if (d->mantissa >= (uint64_t)one / 10) {
            return false;
        }
        d->mantissa = d->mantissa * 10 + digit;
    }
    return *at > start;
}

static bool take_exponent(struct kn_str text, size_t *at, struct digits *d)
{
    int64_t value = 0;
    bool minus = false;
    ++*at;
    if (*at < text.len && (text.p[*at] == '+' || text.p[*at] == '-')) {
        minus = text.p[(*at)++] == '-';
    }
    size_t start = *at;
    for (; *at < text.len && text.p[*at] >= '0' && text.p[*at] <= '9'; ++*at) {
        value = value < 100000 ? value * 10 + (text.p[*at] - '0') : value;
    }
    d->exponent += minus ? -value : value;
    return *at > start;
}

bool kn_dec_parse(struct kn_str text, bool exponent, kn_dec *ret)
{
    struct digits d = {0, 0, false};
    uint64_t zeros = 0;
    size_t at = 0;
    if (text.len > 0 && text.p[0] == '-') {
        d.negative = true;
        at = 1;
    }
    if (!take_digits(text, &at, &d, false, &zeros)) {
        return false;
    }
    if (at < text.len && text.p[at] == '.') {
        at++;
        if (!take_digits(text, &at, &d, true, &zeros)) {
            return false;
        }
    }
    d.exponent += (int64_t)zeros; /* trailing zeros were left out of the mantissa */
    if (exponent && at < text.len && (text.p[at] == 'e' || text.p[at] == 'E') &&
        !take_exponent(text, &at, &d)) {
        return false;
    }
    if (at < text.len) {
        return false;
    }
    kn_dec value = (kn_dec)d.mantissa;
    if (value != 0 && (d.exponent < -DIGITS || d.exponent >= DIGITS)) {
        return false;
    }
    /* 10^18 is in the scale already: at most 10^35 in all, in two steps. */
    int64_t scale = value == 0 ? 0 : d.exponent + DIGITS;
    if (scale > DIGITS && d.mantissa >= powers[(int64_t)2 * DIGITS - scale]) {
        return false;
    }
    value *= powers[scale < DIGITS ? scale : DIGITS];
    value *= scale > DIGITS ? powers[scale - DIGITS] : 1;
    *ret = d.negative ? -value : value;
    return true;
}

kn_dec kn_dec_int(int64_t value)
{
    return (kn_dec)value * one;
}

void kn_wide_add(struct kn_wide *sum, kn_dec value)
{
    u128 low = ((u128)sum->w[1] << 64) | sum->w[0];
    u128 result = low + (u128)value;
    uint64_t high = (value < 0 ? UINT64_MAX : 0) + (result < low);
    sum->w[0] = (uint64_t)result;
    sum->w[1] = (uint64_t)(result >> 64);
    sum->w[2] += high;
}

static void negate(struct kn_wide *value)
{
    unsigned carry = 1;
    for (int i = 0; i < 3; i++) {
        value->w[i] = ~value->w[i] + carry;
        carry = carry && value->w[i] == 0;
    }
}

struct kn_wide kn_wide_minus(const struct kn_wide *a, const struct kn_wide *b)
{
    struct kn_wide ret;
    bool borrow = false;
    for (int i = 0; i < 3; i++) {
        ret.w[i] = a->w[i] - b->w[i] - borrow;
        borrow = a->w[i] < b->w[i] || (borrow && a->w[i] == b->w[i]);
    }
    return ret;
}

struct kn_wide kn_wide_times(kn_dec value, uint64_t count)
{
    u128 size = value < 0 ? -(u128)value : (u128)value;
    u128 low = (u128)(uint64_t)size * count;
    u128 high = (u128)(uint64_t)(size >> 64) * count + (low >> 64);
    struct kn_wide ret = {{(uint64_t)low, (uint64_t)high, (uint64_t)(high >> 64)}};
    if (value < 0) {
        negate(&ret);
    }
    return ret;
}

int kn_wide_cmp(const struct kn_wide *a, const struct kn_wide *b)
{
    if (a->w[2] != b->w[2]) {
        return (int64_t)a->w[2] < (int64_t)b->w[2] ? -1 : 1;
    }
    for (int i = 1; i >= 0; i--) {
        if (a->w[i] != b->w[i]) {
            return a->w[i] < b->w[i] ? -1 : 1;
        }
    }
    return 0;
}

/* value /= by, answering the remainder. Unsigned. */
static uint64_t divide(struct kn_wide *value, uint64_t by)
{
    u128 rest = 0;
    for (int i = 2; i >= 0; i--) {
        rest = (rest << 64) | value->w[i];
        value->w[i] = (uint64_t)(rest / by);
        rest %= by;
    }
    return (uint64_t)rest;
}

static bool is_zero(const struct kn_wide *value)
{
    return (value->w[0] | value->w[1] | value->w[2]) == 0;
}

/* Magnitude with `scale` decimals. */
static void format_scaled(struct kn_wide value, bool negative, unsigned scale, struct kn_buf *out)
{
    char text[TEXT_MAX];
    unsigned len = 0, from = 0;
    while (!is_zero(&value) || len <= scale) {
        kn_assert(len < TEXT_MAX);
        text[len++] = (char)('0' + divide(&value, 10));
    }
    while (from < scale && text[from] == '0') {
        from++;
    }
    bool zero = len == from + 1 && text[from] == '0' && from == scale;
    if (negative && !zero) {
        kn_buf_char(out, '-');
    }
    for (unsigned i = len; i > from; i--) {
        if (i == scale) {
            kn_buf_char(out, '.');
        }
        kn_buf_char(out, text[i - 1]);
    }
}

static bool magnitude(struct kn_wide *value)
{
    bool negative = (int64_t)value->w[2] < 0;
    if (negative) {
        negate(value);
    }
    return negative;
}

void kn_wide_format(const struct kn_wide *sum, struct kn_buf *out)
{
    struct kn_wide value = *sum;
    bool negative = magnitude(&value);
    format_scaled(value, negative, DIGITS, out);
}

void kn_dec_format(kn_dec value, struct kn_buf *out)
{
    struct kn_wide wide = {{0, 0, 0}};
    kn_wide_add(&wide, value);
    kn_wide_format(&wide, out);
}

void kn_wide_format_mean(const struct kn_wide *sum, uint64_t count, struct kn_buf *out)
{
    struct kn_wide value = *sum;
    bool negative = magnitude(&value);
    const uint64_t drop = 1000000000000; /* 18 decimals to 6 */
    kn_assert(count > 0);
    uint64_t below = divide(&value, drop);
    uint64_t rest = divide(&value, count);
    /* The fraction is (rest * drop + below) / (count * drop): a half or more goes up. */
    if ((u128)rest * drop * 2 + (u128)below * 2 >= (u128)count * drop) {
        struct kn_wide up = value;
        kn_wide_add(&up, 1);
        value = up;
    }
    format_scaled(value, negative, 6, out);
}
