#include "format/json.h"
#include "format/time_text.h"

/* What a byte of a string needs: 0 nothing, 1 an escape, 2 a look (not ASCII). One look-up per
 * byte. */
static const unsigned char byte_class[256] = {
    [0 ... 0x1f] = 1, ['"'] = 1, ['\\'] = 1, ['<'] = 1,
    ['>'] = 1,        ['&'] = 1, [0x7f] = 1, [0x80 ... 0xff] = 2,
};

static void out_escape(struct kn_buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', (char)c, '0', '0', hex[c >> 4], hex[c & 15]};
    if (c == '"' || c == '\\') {
        kn_buf_add(out, text, 2);
    } else if (c == '\n') {
        kn_buf_add(out, "\\n", 2);
    } else {
        text[1] = 'u';
        kn_buf_add(out, text, sizeof text);
    }
}

/* Length of the UTF-8 sequence of two or more bytes at p, or 0 (RFC 3629). */
static size_t sequence(const unsigned char *p, size_t left)
{
    size_t len = p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 ? 4 : 0;
    if (len == 0 || len > left || p[0] > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool bad = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
               (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f);
    return bad ? 0 : len;
}

/* Writes the piece at p, which is not plain ASCII, and answers its length. */
static size_t out_piece(struct kn_buf *out, const unsigned char *p, size_t left)
{
    if (byte_class[*p] == 1) {
        out_escape(out, *p);
        return 1;
    }
    size_t len = sequence(p, left);
    if (len == 0) {
        kn_buf_c(out, "\\ufffd");
        return 1;
    }
    if (len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] | 1) == 0xa9) {
        kn_buf_c(out, p[2] == 0xa8 ? "\\u2028" : "\\u2029");
    } else {
        kn_buf_add(out, p, len);
    }
    return len;
}

/* How many bytes stand as they are. */
static size_t plain(const unsigned char *p, size_t len)
{
    size_t at = 0;
    while (at + 4 <= len && (byte_class[p[at]] | byte_class[p[at + 1]] | byte_class[p[at + 2]] |
                             byte_class[p[at + 3]]) == 0) {
        at += 4;
    }
    while (at < len && byte_class[p[at]] == 0) {
        at++;
    }
    return at;
}

void kn_json_out_string(struct kn_buf *out, struct kn_str text)
{
    const unsigned char *p = (const unsigned char *)text.p;
    size_t at = 0;
    kn_buf_char(out, '"');
    while (at < text.len) {
        size_t same = plain(p + at, text.len - at);
        kn_buf_add(out, p + at, same);
        at += same;
        if (at < text.len) {
            at += out_piece(out, p + at, text.len - at);
        }
    }
    kn_buf_char(out, '"');
}

void kn_json_out_comma(struct kn_buf *out)
{
    if (out->len > 0 && out->p[out->len - 1] != '{' && out->p[out->len - 1] != '[') {
        kn_buf_char(out, ',');
    }
}

void kn_json_out_key_str(struct kn_buf *out, struct kn_str key)
{
    kn_json_out_comma(out);
    kn_json_out_string(out, key);
    kn_buf_char(out, ':');
}

void kn_json_out_key(struct kn_buf *out, const char *key)
{
    kn_json_out_key_str(out, kn_str_c(key));
}

void kn_json_out_kv(struct kn_buf *out, const char *key, struct kn_str value)
{
    kn_json_out_key(out, key);
    kn_json_out_string(out, value);
}

void kn_json_out_kraw(struct kn_buf *out, const char *key, struct kn_str raw)
{
    kn_json_out_key(out, key);
    kn_buf_str(out, raw);
}

void kn_json_out_ki64(struct kn_buf *out, const char *key, int64_t value)
{
    kn_json_out_key(out, key);
    kn_buf_i64(out, value);
}

void kn_json_out_kbool(struct kn_buf *out, const char *key, bool value)
{
    kn_json_out_kraw(out, key, value ? KN_STR("true") : KN_STR("false"));
}

void kn_json_out_ktime(struct kn_buf *out, const char *key, int64_t wall_us)
{
    char text[KN_TIME_TEXT_MAX];
    kn_json_out_kv(out, key, kn_time_format(wall_us, text));
}
