/* The judge's values: numbers, texts, dates against a literal. */
#include "tests/unit/segment/naive.h"

#include <stdio.h>

static const naive_dec one = 1000000000000000000;

/* [-]digits[.digits][e[+-]digits]; at most 18 digits from the first to the last that is not 0. */
bool naive_digits(struct kn_str text, bool exponent, naive_dec *ret)
{
    char digits[512];
    int count = 0, point = 0, power = 0;
    bool minus = text.len > 0 && text.p[0] == '-';
    size_t at = minus, start = at;
    while (at < text.len && count < 400 && text.p[at] >= '0' && text.p[at] <= '9') {
        digits[count++] = text.p[at++];
    }
    if (at == start) {
        return false;
    }
    point = count;
    if (at < text.len && text.p[at] == '.') {
        start = ++at;
        while (at < text.len && count < 500 && text.p[at] >= '0' && text.p[at] <= '9') {
            digits[count++] = text.p[at++];
        }
        if (at == start) {
            return false;
        }
    }
    if (exponent && at < text.len && (text.p[at] == 'e' || text.p[at] == 'E')) {
        bool down = ++at < text.len && text.p[at] == '-';
        at += at < text.len && (text.p[at] == '-' || text.p[at] == '+');
        start = at;
        while (at < text.len && text.p[at] >= '0' && text.p[at] <= '9' && power < 10000) {
            power = power * 10 + text.p[at++] - '0';
        }
        if (at == start) {
            return false;
        }
        power = down ? -power : power;
    }
    if (at != text.len) {
        return false;
    }
    int first = 0, last = count - 1;
    while (first < count && digits[first] == '0') {
        first++;
    }
    while (last >= first && digits[last] == '0') {
        last--;
    }
    if (first == count) {
        *ret = 0;
        return true;
    }
    naive_dec value = 0;
    int top = point - first + power;       /* value < 10^top */
    int bottom = point - 1 - last + power; /* the last digit stands for 10^bottom */
    if (last - first + 1 > 18 || top > 18 || bottom < -18) {
        return false;
    }
    for (int i = first; i <= last; i++) {
        value = value * 10 + (digits[i] - '0');
    }
    for (int i = -18; i < bottom; i++) {
        value *= 10;
    }
    *ret = minus ? -value : value;
    return true;
}

bool naive_number(struct kn_value value, naive_dec *ret)
{
    return (value.kind == KN_VALUE_NUMBER && naive_digits(value.text, true, ret)) ||
           (value.kind == KN_VALUE_STRING && naive_digits(value.text, false, ret));
}

void naive_dec_put(naive_dec value, struct kn_buf *out)
{
    char text[64];
    naive_dec size = value < 0 ? -value : value;
    unsigned long long fraction = (unsigned long long)(size % one);
    int len =
        snprintf(text, sizeof text, "%llu%018llu.%018llu", (unsigned long long)(size / one / one),
                 (unsigned long long)(size / one % one), fraction);
    char *from = text;
    while (text[len - 1] == '0') {
        len--;
    }
    len -= text[len - 1] == '.';
    while (from[0] == '0' && from + 1 < text + len && from[1] != '.') {
        from++;
    }
    kn_buf_c(out, value < 0 ? "-" : "");
    kn_buf_add(out, from, (size_t)(text + len - from));
}

bool naive_is_negative(enum kn_op op)
{
    return op == KN_OP_DIFFERS || op == KN_OP_OMITS || op == KN_OP_NONE_OF;
}

static bool holds(enum kn_op op, int cmp)
{
    return op == KN_OP_ABOVE      ? cmp > 0
           : op == KN_OP_AT_LEAST ? cmp >= 0
           : op == KN_OP_BELOW    ? cmp < 0
           : op == KN_OP_AT_MOST  ? cmp <= 0
                                  : cmp == 0;
}

bool naive_compare_numbers(enum kn_op op, naive_dec a, naive_dec b)
{
    return holds(op, a < b ? -1 : a > b);
}

static int compare_texts(struct kn_str a, struct kn_str b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        if (a.p[i] != b.p[i]) {
            return (unsigned char)a.p[i] < (unsigned char)b.p[i] ? -1 : 1;
        }
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

static bool text_at(struct kn_str text, size_t at, struct kn_str piece)
{
    return at + piece.len <= text.len &&
           (piece.len == 0 || memcmp(text.p + at, piece.p, piece.len) == 0);
}

static bool literal_matches(enum kn_op op, const struct kn_literal *literal, struct kn_value value)
{
    naive_dec a, b;
    if (literal->kind == KN_LITERAL_BOOL) {
        return value.kind == (literal->truth ? KN_VALUE_TRUE : KN_VALUE_FALSE);
    }
    if (literal->kind == KN_LITERAL_NUMBER) {
        return naive_number(value, &a) && naive_digits(literal->text, false, &b) &&
               naive_compare_numbers(op, a, b);
    }
    if (value.kind != KN_VALUE_STRING) {
        return false;
    }
    struct kn_str text = value.text, piece = literal->text;
    switch (op) {
    case KN_OP_STARTS_WITH: return text_at(text, 0, piece);
    case KN_OP_ENDS_WITH:
        return piece.len <= text.len && text_at(text, text.len - piece.len, piece);
    case KN_OP_CONTAINS:
    case KN_OP_OMITS:
        for (size_t i = 0; i <= text.len; i++) {
            if (text_at(text, i, piece)) {
                return true;
            }
        }
        return false;
    default: return holds(op, compare_texts(text, piece));
    }
}

static bool date_matches(const struct naive *n, const struct kn_node *node, struct kn_value value)
{
    int64_t t, day, other, other_day;
    if (value.kind != KN_VALUE_STRING || !naive_date(n->zones, value.text, &t, &day)) {
        return false;
    }
    switch (node->op) {
    case KN_OP_BEFORE_DATE:
        return naive_date(n->zones, node->values[0].text, &other, &other_day) && t < other;
    case KN_OP_AFTER_DATE:
        return naive_date(n->zones, node->values[0].text, &other, &other_day) && t >= other;
    case KN_OP_WITHIN_LAST:
        return naive_shift(n->zones, n->now, node->period, -1) < t && t <= n->now;
    case KN_OP_WITHIN_NEXT:
        return n->now < t && t <= naive_shift(n->zones, n->now, node->period, 1);
    default: return naive_anniversary(n->zones, n->now, day, node->period);
    }
}

bool naive_matches(const struct naive *n, const struct kn_node *node, struct kn_value value)
{
    enum kn_op op = (enum kn_op)node->op;
    if (op == KN_OP_EXISTS) {
        return true;
    }
    if (op >= KN_OP_BEFORE_DATE) {
        return date_matches(n, node, value);
    }
    for (uint32_t i = 0; i < node->value_count; i++) {
        if (literal_matches(op, &node->values[i], value)) {
            return true;
        }
    }
    return false;
}
