#include "format/decimal.h"

enum { DIGITS_MAX = 18 };

/* ISO 4217 minor units that are not 2. */
static const struct {
    char code[4];
    unsigned digits;
} exceptions[] = {
    {"BHD", 3}, {"BIF", 0}, {"CLF", 4}, {"CLP", 0}, {"DJF", 0}, {"GNF", 0}, {"IQD", 3},
    {"ISK", 0}, {"JOD", 3}, {"JPY", 0}, {"KMF", 0}, {"KRW", 0}, {"KWD", 3}, {"LYD", 3},
    {"OMR", 3}, {"PYG", 0}, {"RWF", 0}, {"TND", 3}, {"UGX", 0}, {"UYI", 0}, {"UYW", 4},
    {"VND", 0}, {"VUV", 0}, {"XAF", 0}, {"XOF", 0}, {"XPF", 0},
};

unsigned kn_currency_digits(const char *currency)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++) {
        if (strcmp(exceptions[i].code, currency) == 0) {
            return exceptions[i].digits;
        }
    }
    return 2;
}

bool kn_currency_parse(struct kn_str text, char ret[4])
{
    char code[4] = {0};
    text = kn_str_trim(text);
    if (text.len != 3) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        code[i] = text.p[i] >= 'a' && text.p[i] <= 'z' ? (char)(text.p[i] - 32) : text.p[i];
        if (code[i] < 'A' || code[i] > 'Z') {
            return false;
        }
    }
    memcpy(ret, code, sizeof code);
    return true;
}

/* digits x 10^exponent */
struct decimal {
    uint64_t digits;
    int64_t exponent;
    bool negative;
};

static bool read_digits(struct kn_str s, size_t *at, bool fraction, unsigned *significant,
                        struct decimal *d)
{
    size_t from = *at;
    for (; *at < s.len && s.p[*at] >= '0' && s.p[*at] <= '9'; (*at)++) {
        if (d->digits != 0 || s.p[*at] != '0') {
            (*significant)++;
        }
        if (*significant > DIGITS_MAX) {
            return false;
        }
        d->digits = d->digits * 10 + (uint64_t)(s.p[*at] - '0');
        d->exponent -= fraction ? 1 : 0;
    }
    return *at > from;
}

static bool read_decimal(struct kn_str s, struct decimal *d)
{
    size_t at = 0;
    unsigned significant = 0;
    *d = (struct decimal){0};
    if (at < s.len && s.p[at] == '-') {
        d->negative = true;
        at++;
    }
    if (!read_digits(s, &at, false, &significant, d)) {
        return false;
    }
    if (at < s.len && s.p[at] == '.') {
        at++;
        if (!read_digits(s, &at, true, &significant, d)) {
            return false;
        }
    }
    if (at < s.len && (s.p[at] == 'e' || s.p[at] == 'E')) {
        uint64_t power;
        at++;
        bool down = at < s.len && s.p[at] == '-';
        at += at < s.len && (s.p[at] == '-' || s.p[at] == '+') ? 1 : 0;
        if (!kn_str_u64(kn_str_sub(s, at, s.len), &power) || power > 1000) {
            return false;
        }
        d->exponent += down ? -(int64_t)power : (int64_t)power;
        at = s.len;
    }
    return at == s.len;
}

bool kn_money_parse(struct kn_str text, const char *currency, int64_t *ret)
{
    struct decimal d;
    if (!read_decimal(kn_str_trim(text), &d)) {
        return false;
    }
    int64_t shift = d.exponent + (int64_t)kn_currency_digits(currency);
    uint64_t value = d.digits;
    uint64_t last = 0; /* the digit cut off last decides the rounding */
    for (; shift > 0 && value != 0; shift--) {
        if (value > (uint64_t)INT64_MAX / 10) {
            return false;
        }
        value *= 10;
    }
    for (; shift < 0 && (value != 0 || last != 0); shift++) {
        last = value % 10;
        value /= 10;
    }
    value += last >= 5 ? 1 : 0;
    *ret = d.negative ? -(int64_t)value : (int64_t)value;
    return true;
}

void kn_money_format(int64_t amount, const char *currency, struct kn_buf *out)
{
    unsigned digits = kn_currency_digits(currency);
    uint64_t value = amount < 0 ? 0 - (uint64_t)amount : (uint64_t)amount;
    while (digits > 0 && value % 10 == 0) {
        value /= 10;
        digits--;
    }
    uint64_t unit = 1;
    for (unsigned i = 0; i < digits; i++) {
        unit *= 10;
    }
    if (amount < 0) {
        kn_buf_char(out, '-');
    }
    kn_buf_u64(out, value / unit);
    if (digits > 0) {
        char fraction[8];
        uint64_t rest = value % unit;
        for (unsigned i = digits; i > 0; i--) {
            fraction[i - 1] = (char)('0' + rest % 10);
            rest /= 10;
        }
        kn_buf_char(out, '.');
        kn_buf_add(out, fraction, digits);
    }
}
