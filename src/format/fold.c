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
    return copy;
}

/* Lower case one for one: two addresses must not become one because ss and sharp s fold alike. */
static utf8proc_int32_t lower(utf8proc_int32_t point, void *data)
{
    (void)data;
    return utf8proc_tolower(point);
}

static struct kn_str map(struct kn_str s, int options, utf8proc_custom_func custom,
                         struct kn_arena *arena)
{
    const utf8proc_uint8_t *text = (const utf8proc_uint8_t *)s.p;
    utf8proc_option_t o = (utf8proc_option_t)options;
    utf8proc_ssize_t bytes = (utf8proc_ssize_t)s.len;
    utf8proc_ssize_t need = utf8proc_decompose_custom(text, bytes, NULL, 0, o, custom, NULL);
    if (need <= 0) {
        return need == 0 ? KN_STR("") : s;
    }
    /* One more: reencode puts a NUL behind the text. */
    utf8proc_int32_t *points = kn_arena_alloc(arena, ((size_t)need + 1) * sizeof *points);
    if (!points) {
        return KN_STR_EMPTY;
    }
    need = utf8proc_decompose_custom(text, bytes, points, need, o, custom, NULL);
    utf8proc_ssize_t len = need < 0 ? need : utf8proc_reencode(points, need, o);
    return len < 0 ? s : kn_str(points, (size_t)len);
}

struct kn_str kn_fold_email(struct kn_str text, struct kn_arena *arena)
{
    text = kn_str_trim(text);
    return is_ascii(text) ? lower_ascii(text, arena) : map(text, UTF8PROC_COMPOSE, lower, arena);
}

struct kn_str kn_fold_text(struct kn_str text, struct kn_arena *arena)
{
    return is_ascii(text)
               ? lower_ascii(text, arena)
               : map(text,
                     UTF8PROC_CASEFOLD | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK,
                     NULL, arena);
}
