/* Less of what came in: samples of refused messages without what they say about a person. */
#include "collect/collect_internal.h"

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
