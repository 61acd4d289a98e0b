#include "format/address.h"

#include <stdio.h>

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
