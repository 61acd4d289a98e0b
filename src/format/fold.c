#include "format/fold.h"

#include <utf8proc.h>

static bool is_ascii(struct kn_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static struct kn_str lower_ascii(struct kn_str s, struct kn_arena *arena)
{
    size_t i = 0;
    while (i < s.len && !(s.p[i] >= 'A' && s.p[i] <= 'Z')) {
        i++;
    }
    if (i == s.len) {
        return s;
    }
    struct kn_str copy = kn_arena_str(arena, s);
    char *p = (char *)(uintptr_t)copy.p;
    for (; p && i < s.len; i++) {
        p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 32) : s.p[i];
    }
    return p ? copy : s;
}

static struct kn_str map(struct kn_str s, int options, struct kn_arena *arena)
{
    size_t room = s.len * 4 + 32;
    utf8proc_int32_t *points = kn_arena_alloc(arena, room * sizeof *points);
    if (!points) {
        return s;
    }
    utf8proc_ssize_t count =
        utf8proc_decompose((const utf8proc_uint8_t *)s.p, (utf8proc_ssize_t)s.len, points,
                           (utf8proc_ssize_t)room, (utf8proc_option_t)options);
    if (count < 0 || (size_t)count > room - 1) {
        return s;
    }
    utf8proc_ssize_t len = utf8proc_reencode(points, count, (utf8proc_option_t)options);
    return len < 0 ? s : kn_str(points, (size_t)len);
}

struct kn_str kn_fold_email(struct kn_str text, struct kn_arena *arena)
{
    text = kn_str_trim(text);
    return is_ascii(text) ? lower_ascii(text, arena)
                          : map(text, UTF8PROC_CASEFOLD | UTF8PROC_COMPOSE, arena);
}

struct kn_str kn_fold_text(struct kn_str text, struct kn_arena *arena)
{
    return is_ascii(text)
               ? lower_ascii(text, arena)
               : map(text, UTF8PROC_CASEFOLD | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE |
                               UTF8PROC_STRIPMARK,
                     arena);
}
