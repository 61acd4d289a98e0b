#include "format/token.h"

void kn_hex_encode(const unsigned char *bytes, size_t len, char *to)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        to[2 * i] = digits[bytes[i] >> 4];
        to[2 * i + 1] = digits[bytes[i] & 15];
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool kn_hex_decode(struct kn_str text, unsigned char *to, size_t len)
{
    if (text.len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (hex_value(text.p[i]) < 0) {
            return false;
        }
    }
    for (size_t i = 0; i < len; i++) {
        to[i] = (unsigned char)(hex_value(text.p[2 * i]) * 16 + hex_value(text.p[2 * i + 1]));
    }
    return true;
}

/* Without i, l, o, u. */
static const char crockford[] = "0123456789abcdefghjkmnpqrstvwxyz";

void kn_base32_encode(const unsigned char bytes[16], char to[KN_BASE32_LEN + 1])
{
    uint32_t bits = 0; /* 128 bits are 25 digits of five and three bits: two zero bits lead */
    unsigned held = 2;
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        bits = bits << 8 | bytes[i];
        for (held += 8; held >= 5; held -= 5) {
            to[at++] = crockford[bits >> (held - 5) & 31];
        }
    }
    to[at] = '\0';
}

static int base32_value(char c)
{
    c = c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
    c = c == 'i' || c == 'l' ? '1' : c == 'o' ? '0' : c;
    const char *hit = c != '\0' ? strchr(crockford, c) : NULL;
    return hit ? (int)(hit - crockford) : -1;
}

bool kn_base32_decode(struct kn_str text, unsigned char to[16])
{
    unsigned char bytes[16];
    uint32_t bits = 0;
    unsigned held = 0;
    size_t at = 0;
    if (text.len != KN_BASE32_LEN || base32_value(text.p[0]) > 7) {
        return false; /* the first digit holds three bits */
    }
    for (size_t i = 0; i < text.len; i++) {
        int value = base32_value(text.p[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 5 | (uint32_t)value;
        held += i == 0 ? 3 : 5;
        if (held >= 8) {
            held -= 8;
            bytes[at++] = (unsigned char)(bits >> held);
        }
    }
    memcpy(to, bytes, sizeof bytes);
    return true;
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

/* Takes the padding off; false when there is not exactly what the length needs. */
static bool strip_padding(struct kn_str *text)
{
    size_t pads = 0;
    while (text->len > 0 && text->p[text->len - 1] == '=') {
        text->len--;
        pads++;
    }
    return text->len % 4 != 1 && (pads == 0 || (text->len + pads) % 4 == 0) && pads < 3;
}

/* '+' and '/' are of one alphabet, '-' and '_' of the other. */
static bool one_alphabet(struct kn_str text)
{
    bool standard =
        text.len > 0 && (memchr(text.p, '+', text.len) || memchr(text.p, '/', text.len));
    bool url = text.len > 0 && (memchr(text.p, '-', text.len) || memchr(text.p, '_', text.len));
    return !(standard && url);
}

bool kn_base64_decode(struct kn_str text, struct kn_arena *arena, struct kn_str *ret)
{
    if (!strip_padding(&text) || !one_alphabet(text)) {
        return false;
    }
    char *to = kn_arena_alloc(arena, text.len / 4 * 3 + 4);
    size_t len = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; to && i < text.len; i++) {
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
    if (!to || (bits & ((1U << held) - 1)) != 0) {
        return false;
    }
    *ret = kn_str(to, len);
    return true;
}

static void encode_base64(struct kn_str bytes, const char digits[65], struct kn_buf *out)
{
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

void kn_base64url_encode(struct kn_str bytes, struct kn_buf *out)
{
    encode_base64(bytes, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", out);
}

void kn_base64_encode(struct kn_str bytes, struct kn_buf *out)
{
    encode_base64(bytes, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", out);
    kn_buf_c(out, &"=="[(bytes.len + 2) % 3]);
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
    volatile unsigned char differ = 0; /* volatile: no early way out */
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        differ = (unsigned char)(differ | (unsigned char)(a.p[i] ^ b.p[i]));
    }
    return differ == 0;
}
