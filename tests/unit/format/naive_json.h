/* A slow, strict JSON validator written straight from RFC 8259, to judge the fast one. It shares no
 * code with src/. Depth counts containers around a value, as kn_json_limits does. */
#ifndef KN_TESTS_FORMAT_NAIVE_JSON_H
#define KN_TESTS_FORMAT_NAIVE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct naive {
    const unsigned char *p;
    const unsigned char *end;
    unsigned depth, depth_max;
    size_t values;
};

static bool naive_value(struct naive *n);

static inline int naive_peek(const struct naive *n)
{
    return n->p < n->end ? *n->p : -1;
}

static inline void naive_space(struct naive *n)
{
    while (n->p < n->end && (*n->p == 0x20 || *n->p == 0x09 || *n->p == 0x0a || *n->p == 0x0d)) {
        n->p++;
    }
}

static inline bool naive_word(struct naive *n, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(n->end - n->p) < len || memcmp(n->p, word, len) != 0) {
        return false;
    }
    n->p += len;
    return true;
}

static inline bool naive_tail(struct naive *n, int low, int high)
{
    int c = naive_peek(n);
    if (c < low || c > high) {
        return false;
    }
    n->p++;
    return true;
}

/* The table of RFC 3629 section 4. */
static inline bool naive_utf8(struct naive *n)
{
    int c = naive_peek(n);
    n->p++;
    if (c < 0x80) {
        return true;
    }
    if (c >= 0xc2 && c <= 0xdf) {
        return naive_tail(n, 0x80, 0xbf);
    }
    if (c >= 0xe0 && c <= 0xef) {
        int low = c == 0xe0 ? 0xa0 : 0x80;
        int high = c == 0xed ? 0x9f : 0xbf;
        return naive_tail(n, low, high) && naive_tail(n, 0x80, 0xbf);
    }
    if (c >= 0xf0 && c <= 0xf4) {
        int low = c == 0xf0 ? 0x90 : 0x80;
        int high = c == 0xf4 ? 0x8f : 0xbf;
        return naive_tail(n, low, high) && naive_tail(n, 0x80, 0xbf) && naive_tail(n, 0x80, 0xbf);
    }
    return false;
}

static inline bool naive_hex(struct naive *n)
{
    int c = naive_peek(n);
    bool ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    n->p += ok ? 1 : 0;
    return ok;
}

static inline bool naive_string(struct naive *n)
{
    if (!naive_word(n, "\"")) {
        return false;
    }
    for (;;) {
        int c = naive_peek(n);
        if (c < 0x20) { /* also the end */
            return false;
        }
        if (c == '"') {
            n->p++;
            return true;
        }
        if (c != '\\') {
            if (!naive_utf8(n)) {
                return false;
            }
            continue;
        }
        n->p++;
        c = naive_peek(n);
        if (c == 'u') {
            n->p++;
            if (!naive_hex(n) || !naive_hex(n) || !naive_hex(n) || !naive_hex(n)) {
                return false;
            }
        } else if (c == '"' || c == '\\' || c == '/' || c == 'b' || c == 'f' || c == 'n' ||
                   c == 'r' || c == 't') {
            n->p++;
        } else {
            return false;
        }
    }
}

static inline bool naive_digits(struct naive *n)
{
    int c = naive_peek(n);
    if (c < '0' || c > '9') {
        return false;
    }
    while (c >= '0' && c <= '9') {
        n->p++;
        c = naive_peek(n);
    }
    return true;
}

static inline bool naive_number(struct naive *n)
{
    (void)naive_word(n, "-");
    if (!naive_word(n, "0") && !naive_digits(n)) {
        return false;
    }
    if (naive_word(n, ".") && !naive_digits(n)) {
        return false;
    }
    if (naive_word(n, "e") || naive_word(n, "E")) {
        if (!naive_word(n, "+")) {
            (void)naive_word(n, "-");
        }
        return naive_digits(n);
    }
    return true;
}

static inline bool naive_members(struct naive *n, bool object)
{
    const char *close = object ? "}" : "]";
    naive_space(n);
    if (naive_word(n, close)) {
        return true;
    }
    for (;;) {
        naive_space(n);
        if (object) {
            if (!naive_string(n)) {
                return false;
            }
            naive_space(n);
            if (!naive_word(n, ":")) {
                return false;
            }
        }
        if (!naive_value(n)) {
            return false;
        }
        naive_space(n);
        if (naive_word(n, close)) {
            return true;
        }
        if (!naive_word(n, ",")) {
            return false;
        }
    }
}

static inline bool naive_value(struct naive *n)
{
    naive_space(n);
    n->values++;
    if (n->depth > n->depth_max) {
        return false;
    }
    int c = naive_peek(n);
    if (c == '{' || c == '[') {
        n->p++;
        n->depth++;
        bool ok = naive_members(n, c == '{');
        n->depth--;
        return ok;
    }
    if (c == '"') {
        return naive_string(n);
    }
    if (c == 't' || c == 'f' || c == 'n') {
        return naive_word(n, "true") || naive_word(n, "false") || naive_word(n, "null");
    }
    return naive_number(n);
}

static inline bool naive_json(const char *text, size_t len, unsigned depth_max, size_t *ret_values)
{
    struct naive n = {(const unsigned char *)text, (const unsigned char *)text + len, 0, depth_max,
                      0};
    bool ok = naive_value(&n);
    naive_space(&n);
    *ret_values = n.values;
    return ok && n.p == n.end;
}

#endif
