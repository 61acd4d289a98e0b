#include "format/token.h"

void kn_hex_encode(const unsigned char *bytes, size_t len, char *to)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        to[2 * i] = digits[bytes[i] >> 4];
        to[2 * i + 1] = digits[bytes[i] & 15];
    }
}

void kn_uuid4(const unsigned char random[16], char to[37])
{
    unsigned char b[16];
    char hex[32];
    memcpy(b, random, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    kn_hex_encode(b, sizeof b, hex);
    size_t at = 0;
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) {
            to[at++] = '-';
        }
        to[at++] = hex[i];
    }
    to[at] = '\0';
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

bool kn_base64_decode(struct kn_str text, struct kn_arena *arena, struct kn_str *ret)
{
    while (text.len > 0 && text.p[text.len - 1] == '=') {
        text.len--;
    }
    char *to = kn_arena_alloc(arena, text.len / 4 * 3 + 4);
    size_t len = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    if (!to || text.len % 4 == 1) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.p[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            to[len++] = (char)(unsigned char)(bits >> held);
        }
    }
    *ret = kn_str(to, len);
    return true;
}

void kn_base64url_encode(struct kn_str bytes, struct kn_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | (unsigned char)bytes.p[i];
        for (held += 8; held >= 6; held -= 6) {
            kn_buf_char(out, digits[bits >> (held - 6) & 63]);
        }
    }
    if (held > 0) {
        kn_buf_char(out, digits[bits << (6 - held) & 63]);
    }
}

void kn_alnum_encode(const unsigned char *random, size_t len, char *to)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < len; i++) {
        to[i] = digits[random[i] % 62];
    }
}

bool kn_equal_secret(struct kn_str a, struct kn_str b)
{
    unsigned char differ = a.len == b.len ? 0 : 1;
    for (size_t i = 0; i < a.len; i++) {
        differ |= (unsigned char)(a.p[i] ^ (b.len > 0 ? b.p[i % b.len] : 1));
    }
    return differ == 0;
}
