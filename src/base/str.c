#include "base/str.h"

int kn_str_cmp(struct kn_str a, struct kn_str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.p, b.p, common) : 0;
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

static unsigned char fold(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

bool kn_str_eq_nocase(struct kn_str a, struct kn_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (fold(a.p[i]) != fold(b.p[i])) {
            return false;
        }
    }
    return true;
}

bool kn_str_starts(struct kn_str s, struct kn_str prefix)
{
    return s.len >= prefix.len && kn_str_eq(kn_str(s.p, prefix.len), prefix);
}

bool kn_str_ends(struct kn_str s, struct kn_str suffix)
{
    return s.len >= suffix.len && kn_str_eq(kn_str_sub(s, s.len - suffix.len, s.len), suffix);
}

size_t kn_str_find(struct kn_str s, struct kn_str needle)
{
    if (needle.len == 0) {
        return 0;
    }
    if (s.len < needle.len) {
        return SIZE_MAX;
    }
    const char *hit = memmem(s.p, s.len, needle.p, needle.len);
    return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

struct kn_str kn_str_trim(struct kn_str s)
{
    while (s.len > 0 && is_space(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.p[s.len - 1])) {
        s.len--;
    }
    return s;
}

struct kn_str kn_str_sub(struct kn_str s, size_t from, size_t to)
{
    if (to > s.len) {
        to = s.len;
    }
    if (from >= to) {
        return KN_STR_EMPTY;
    }
    return kn_str(s.p + from, to - from);
}

struct kn_str kn_str_split(struct kn_str *rest, char sep)
{
    const char *hit = rest->len ? memchr(rest->p, sep, rest->len) : NULL;
    struct kn_str head = *rest;
    if (!hit) {
        *rest = KN_STR_EMPTY;
        return head;
    }
    head.len = (size_t)(hit - head.p);
    *rest = kn_str_sub(*rest, head.len + 1, rest->len);
    return head;
}

bool kn_str_u64(struct kn_str s, uint64_t *ret)
{
    uint64_t value = 0;
    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value)) {
            return false;
        }
    }
    *ret = value;
    return true;
}
