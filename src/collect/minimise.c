/* Less of what came in: addresses without the part that points at one household, and samples of
 * refused messages without what they say about a person. */
#include "collect/collect_internal.h"

#include <stdio.h>

/* ---- addresses ---- */

/* A number of at most three digits up to 255. */
static bool octet(struct kn_str text, unsigned *ret)
{
    uint64_t value;
    if (text.len > 3 || !kn_str_u64(text, &value) || value > 255) {
        return false;
    }
    *ret = (unsigned)value;
    return true;
}

static bool parse_v4(struct kn_str text, unsigned ret[4])
{
    for (int i = 0; i < 4; i++) {
        if (!octet(kn_str_split(&text, '.'), &ret[i]) || (i < 3 && text.len == 0)) {
            return false;
        }
    }
    return text.len == 0;
}

static bool group(struct kn_str text, unsigned *ret)
{
    unsigned value = 0;
    if (text.len == 0 || text.len > 4) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)(text.p[i] | 32);
        if (text.p[i] >= '0' && text.p[i] <= '9') {
            value = value * 16 + (unsigned)(text.p[i] - '0');
        } else if (c >= 'a' && c <= 'f') {
            value = value * 16 + (unsigned)(c - 'a') + 10;
        } else {
            return false;
        }
    }
    *ret = value;
    return true;
}

/* Groups separated by single colons, the last perhaps a dotted IPv4 address. */
static bool groups(struct kn_str text, unsigned *to, size_t room, size_t *ret)
{
    size_t count = 0;
    while (text.len > 0) {
        bool more = memchr(text.p, ':', text.len) != NULL;
        struct kn_str part = kn_str_split(&text, ':');
        unsigned v4[4];
        if (more && text.len == 0) {
            return false; /* a colon at the end */
        }
        if (!more && count + 2 <= room && parse_v4(part, v4)) {
            to[count++] = v4[0] << 8 | v4[1];
            to[count++] = v4[2] << 8 | v4[3];
        } else if (count == room || !group(part, &to[count++])) {
            return false;
        }
    }
    *ret = count;
    return true;
}

static bool parse_v6(struct kn_str text, unsigned ret[8])
{
    unsigned tail[8] = {0};
    size_t before = 0;
    size_t after = 0;
    size_t gap = kn_str_find(text, KN_STR("::"));
    memset(ret, 0, 8 * sizeof *ret);
    if (gap == SIZE_MAX) {
        return groups(text, ret, 8, &before) && before == 8;
    }
    if (!groups(kn_str_sub(text, 0, gap), ret, 8, &before) ||
        !groups(kn_str_sub(text, gap + 2, text.len), tail, 8, &after) || before + after > 7) {
        return false;
    }
    memcpy(ret + 8 - after, tail, after * sizeof *tail);
    return true;
}

bool kn_ip_truncate(struct kn_str text, char ret[48])
{
    unsigned a[4];
    unsigned g[8];
    text = kn_str_trim(text);
    if (parse_v4(text, a)) {
        (void)snprintf(ret, 48, "%u.%u.%u.0", a[0], a[1], a[2]);
        return true;
    }
    text = kn_str_split(&text, '%'); /* a zone says which interface */
    if (!parse_v6(text, g)) {
        return false;
    }
    if ((g[0] | g[1] | g[2] | g[3] | g[4]) == 0 && g[5] == 0xffff) {
        (void)snprintf(ret, 48, "%u.%u.%u.0", g[6] >> 8, g[6] & 255, g[7] >> 8);
    } else if (g[2] != 0) {
        (void)snprintf(ret, 48, "%x:%x:%x::", g[0], g[1], g[2]);
    } else if (g[1] != 0) {
        (void)snprintf(ret, 48, "%x:%x::", g[0], g[1]);
    } else if (g[0] != 0) {
        (void)snprintf(ret, 48, "%x::", g[0]);
    } else {
        (void)snprintf(ret, 48, "::");
    }
    return true;
}

/* ---- samples ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Letters, digits and what stands in names of keys and events; `run` digits in a row are too many.
 */
static bool is_plain(struct kn_str s, size_t most, size_t run)
{
    size_t digits = 0;
    if (s.len == 0 || s.len > most) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        digits = is_digit(c) ? digits + 1 : 0;
        bool letter = ((c | 32) >= 'a' && (c | 32) <= 'z') || is_digit(c);
        if (digits >= run || !(letter || memchr("_$. -:+", c, 7))) {
            return false;
        }
    }
    return true;
}

static bool is_shown(struct kn_str key, struct kn_str value)
{
    static const char *const keys[] = {
        "type", "event", "channel", "version", "originalTimestamp", "sentAt", "timestamp", NULL};
    for (size_t i = 0; keys[i]; i++) {
        if (kn_str_eq(key, kn_str_c(keys[i]))) {
            return is_plain(value, 100, 7);
        }
    }
    return kn_str_eq(key, KN_STR("messageId")) && is_plain(value, KN_MESSAGE_ID_MAX, SIZE_MAX);
}

/* The string whose opening quote is at `at`; returns what follows its end. */
static size_t take_string(struct kn_str s, size_t at, struct kn_str *ret)
{
    size_t end = at + 1;
    while (end < s.len && s.p[end] != '"') {
        end += s.p[end] == '\\' ? 2 : 1;
    }
    *ret = kn_str_sub(s, at + 1, end);
    return end + 1 < s.len ? end + 1 : s.len;
}

static size_t take_run(struct kn_str s, size_t at, bool (*belongs)(char))
{
    while (at < s.len && belongs(s.p[at])) {
        at++;
    }
    return at;
}

static bool in_number(char c)
{
    return is_digit(c) || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

static bool in_garbage(char c)
{
    return !memchr("{}[]:,\" \t\r\n", c, 11);
}

static size_t put_bare(struct kn_str s, size_t at, struct kn_buf *out)
{
    size_t end = take_run(s, at, is_digit(s.p[at]) || s.p[at] == '-' ? in_number : in_garbage);
    struct kn_str word = kn_str_sub(s, at, end);
    bool literal = kn_str_eq(word, KN_STR("true")) || kn_str_eq(word, KN_STR("false")) ||
                   kn_str_eq(word, KN_STR("null"));
    bool number = in_number(s.p[at]) && is_plain(word, 16, 7) && s.p[at] != 'e' && s.p[at] != 'E';
    kn_buf_str(out, literal || number ? word : KN_STR("***"));
    return end > at ? end : at + 1;
}

void kn_mask(struct kn_str raw, struct kn_buf *out)
{
    struct kn_str key = KN_STR_EMPTY;
    size_t at = 0;
    while (at < raw.len && out->len < KN_SAMPLE_MAX && out->rc == KN_OK) {
        char c = raw.p[at];
        struct kn_str text;
        if (in_garbage(c)) {
            at = put_bare(raw, at, out);
            continue;
        }
        if (c != '"') {
            if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
                kn_buf_char(out, c);
            }
            at++;
            continue;
        }
        at = take_string(raw, at, &text);
        size_t next = at;
        while (next < raw.len && memchr(" \t\r\n", raw.p[next], 4)) {
            next++;
        }
        bool is_key = next < raw.len && raw.p[next] == ':';
        bool show = is_key ? is_plain(text, 64, 6) : is_shown(key, text);
        key = is_key ? text : KN_STR_EMPTY;
        kn_buf_char(out, '"');
        kn_buf_str(out, show || text.len == 0 ? text : KN_STR("***"));
        kn_buf_char(out, '"');
    }
    out->len = out->len < KN_SAMPLE_MAX ? out->len : KN_SAMPLE_MAX; /* ASCII: any byte ends it */
}
