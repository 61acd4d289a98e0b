#include "format/json.h"

/* ---- escapes ---- */

static uint32_t hex4(const char *p)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        uint32_t digit = c <= '9' ? (uint32_t)(c - '0') : (uint32_t)((c | 32) - 'a') + 10;
        value = value << 4 | (digit & 15);
    }
    return value;
}

static size_t put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xc0 | (c >> 6));
        to[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (char)(0xe0 | (c >> 12));
        to[1] = (char)(0x80 | ((c >> 6) & 63));
        to[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    to[0] = (char)(0xf0 | (c >> 18));
    to[1] = (char)(0x80 | ((c >> 12) & 63));
    to[2] = (char)(0x80 | ((c >> 6) & 63));
    to[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* The code point of the "uXXXX" at p, and of a second half behind it; *ret_used bytes were read. */
static uint32_t unicode_escape(const char *p, const char *end, size_t *ret_used)
{
    size_t left = (size_t)(end - p);
    uint32_t c = left >= 5 ? hex4(p + 1) : 0xfffd;
    *ret_used = left < 5 ? left : 5;
    if (c >= 0xd800 && c < 0xdc00 && left >= 11 && p[5] == '\\' && p[6] == 'u') {
        uint32_t low = hex4(p + 7);
        if (low >= 0xdc00 && low < 0xe000) {
            *ret_used = 11;
            return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return c >= 0xd800 && c < 0xe000 ? 0xfffd : c;
}

/* Takes one character or escape off raw (not empty): its bytes without escape, 1 to 4. */
static size_t next_plain(struct kn_str *raw, char to[4])
{
    static const char marks[] = "\"\\/bfnrt";
    static const char meaning[] = "\"\\/\b\f\n\r\t";
    const char *p = raw->p;
    const char *end = p + raw->len;
    size_t used = 1;
    size_t len = 1;
    to[0] = *p;
    if (*p == '\\' && end - p > 1) {
        if (p[1] == 'u') {
            len = put_utf8(to, unicode_escape(p + 1, end, &used));
        } else {
            const char *hit = memchr(marks, p[1], sizeof marks - 1);
            to[0] = hit ? meaning[hit - marks] : p[1];
        }
        used++;
    }
    *raw = kn_str(p + used, raw->len - used);
    return len;
}

struct kn_str kn_json_unescape(struct kn_str raw, struct kn_arena *arena)
{
    const char *hit = raw.len > 0 ? memchr(raw.p, '\\', raw.len) : NULL;
    if (!hit) {
        return raw;
    }
    /* Unescaping never lengthens valid text; four bytes more for what is not valid. */
    char *to = kn_arena_alloc(arena, raw.len + 4);
    size_t len = 0;
    if (!to) {
        return KN_STR_EMPTY;
    }
    while (hit) {
        size_t plain = (size_t)(hit - raw.p);
        memcpy(to + len, raw.p, plain);
        len += plain;
        raw = kn_str(hit, raw.len - plain);
        char text[4];
        size_t some = next_plain(&raw, text);
        memcpy(to + len, text, some);
        len += some;
        hit = raw.len > 0 ? memchr(raw.p, '\\', raw.len) : NULL;
    }
    if (raw.len > 0) {
        memcpy(to + len, raw.p, raw.len);
    }
    return kn_str(to, len + raw.len);
}

/* ---- looking up ---- */

/* The raw text, unescaped, is `plain`. */
static bool escaped_equals(struct kn_str raw, struct kn_str plain)
{
    size_t at = 0;
    while (raw.len > 0) {
        char text[4];
        size_t len = next_plain(&raw, text);
        if (len > plain.len - at || memcmp(plain.p + at, text, len) != 0) {
            return false;
        }
        at += len;
    }
    return at == plain.len;
}

static bool has_key(const struct kn_json *doc, const struct kn_json_node *n, struct kn_str key)
{
    const char *raw = doc->text + n->key_off;
    if (__builtin_expect(n->escaped & 2, 0)) {
        return escaped_equals(kn_str(raw, n->key_len), key);
    }
    /* Most keys differ in length or first byte: no call for them. */
    return n->key_len == key.len &&
           (key.len == 0 || (raw[0] == key.p[0] && memcmp(raw, key.p, key.len) == 0));
}

uint32_t kn_json_find(const struct kn_json *doc, uint32_t object, struct kn_str key)
{
    uint32_t found = KN_JSON_NONE;
    if (object == KN_JSON_NONE || doc->nodes[object].type != KN_JSON_OBJECT) {
        return KN_JSON_NONE;
    }
    uint32_t end = doc->nodes[object].next;
    for (uint32_t i = object + 1; i < end; i = doc->nodes[i].next) {
        if (has_key(doc, &doc->nodes[i], key)) {
            found = i;
        }
    }
    return found;
}

uint32_t kn_json_path(const struct kn_json *doc, uint32_t object, const char *path)
{
    struct kn_str rest = kn_str_c(path);
    while (rest.len > 0 && object != KN_JSON_NONE) {
        object = kn_json_find(doc, object, kn_str_split(&rest, '.'));
    }
    return object;
}

enum kn_json_type kn_json_type_at(const struct kn_json *doc, uint32_t node)
{
    return node == KN_JSON_NONE ? KN_JSON_NULL : (enum kn_json_type)doc->nodes[node].type;
}

struct kn_str kn_json_raw(const struct kn_json *doc, uint32_t node)
{
    if (node == KN_JSON_NONE) {
        return KN_STR_EMPTY;
    }
    const struct kn_json_node *n = &doc->nodes[node];
    return n->type == KN_JSON_STRING ? kn_str(doc->text + n->off - 1, n->len + 2U)
                                     : kn_str(doc->text + n->off, n->len);
}

struct kn_str kn_json_string(const struct kn_json *doc, uint32_t node, struct kn_arena *arena)
{
    if (kn_json_type_at(doc, node) != KN_JSON_STRING) {
        return KN_STR_EMPTY;
    }
    const struct kn_json_node *n = &doc->nodes[node];
    struct kn_str raw = kn_str(doc->text + n->off, n->len);
    return n->escaped & 1 ? kn_json_unescape(raw, arena) : raw;
}

struct kn_str kn_json_key(const struct kn_json *doc, uint32_t node, struct kn_arena *arena)
{
    const struct kn_json_node *n = &doc->nodes[node];
    struct kn_str raw = kn_str(doc->text + n->key_off, n->key_len);
    return n->escaped & 2 ? kn_json_unescape(raw, arena) : raw;
}

bool kn_json_scalar(const struct kn_json *doc, uint32_t node, struct kn_arena *arena,
                    struct kn_str *ret)
{
    switch (kn_json_type_at(doc, node)) {
    case KN_JSON_STRING: *ret = kn_json_string(doc, node, arena); return true;
    case KN_JSON_NUMBER:
    case KN_JSON_TRUE:
    case KN_JSON_FALSE: *ret = kn_json_raw(doc, node); return true;
    case KN_JSON_NULL:
    case KN_JSON_ARRAY:
    case KN_JSON_OBJECT: break;
    }
    return false;
}

bool kn_json_i64(const struct kn_json *doc, uint32_t node, int64_t *ret)
{
    if (kn_json_type_at(doc, node) != KN_JSON_NUMBER) {
        return false;
    }
    struct kn_str raw = kn_json_raw(doc, node);
    bool negative = raw.p[0] == '-';
    uint64_t value;
    if (!kn_str_u64(kn_str_sub(raw, negative ? 1 : 0, raw.len), &value) ||
        value > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* ---- walking valid text ---- */

static size_t skip_space(struct kn_str s, size_t at)
{
    while (at < s.len &&
           (s.p[at] == ' ' || s.p[at] == '\n' || s.p[at] == '\r' || s.p[at] == '\t')) {
        at++;
    }
    return at;
}

/* Behind the string whose opening quote is at `at`. */
static size_t skip_string(struct kn_str s, size_t at)
{
    const char *end = s.p + s.len;
    const char *p = s.p + at + 1;
    while (p < end) {
        const char *quote = memchr(p, '"', (size_t)(end - p));
        const char *back = quote;
        if (!quote) {
            break;
        }
        while (back > p && back[-1] == '\\') {
            back--;
        }
        if ((quote - back) % 2 == 0) {
            return (size_t)(quote - s.p) + 1;
        }
        p = quote + 1;
    }
    return s.len;
}

static size_t skip_value(struct kn_str s, size_t at)
{
    size_t depth = 0;
    while (at < s.len) {
        char c = s.p[at];
        if (c == '"') {
            at = skip_string(s, at);
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
        } else if (depth > 0) {
            depth -= c == '}' || c == ']' ? 1 : 0;
            at++;
        } else {
            break;
        }
        if (depth == 0) {
            return at;
        }
    }
    while (at < s.len && !memchr(",]} \n\r\t", s.p[at], 7)) {
        at++;
    }
    return at;
}

bool kn_json_walk(struct kn_str container, size_t *offset, struct kn_str *ret_key_raw,
                  struct kn_str *ret_value_raw)
{
    size_t at = skip_space(container, *offset);
    bool object = false;
    if (*offset == 0) {
        if (at >= container.len || (container.p[at] != '{' && container.p[at] != '[')) {
            return false;
        }
        at = skip_space(container, at + 1);
    } else if (at < container.len && container.p[at] == ',') {
        at = skip_space(container, at + 1);
    }
    if (at >= container.len || container.p[at] == '}' || container.p[at] == ']') {
        return false;
    }
    object = container.p[skip_space(container, 0)] == '{';
    *ret_key_raw = KN_STR_EMPTY;
    if (object) {
        size_t end = skip_string(container, at);
        *ret_key_raw = kn_str_sub(container, at + 1, end - 1);
        at = skip_space(container, end);
        at = skip_space(container, at < container.len ? at + 1 : at); /* the colon */
    }
    size_t end = skip_value(container, at);
    *ret_value_raw = kn_str_sub(container, at, end);
    *offset = end;
    return end > at;
}

struct kn_str kn_json_member(struct kn_str object, struct kn_str name)
{
    size_t offset = 0;
    struct kn_str key;
    struct kn_str value;
    while (kn_json_walk(object, &offset, &key, &value)) {
        if (kn_str_eq(key, name)) {
            return value;
        }
    }
    return KN_STR_EMPTY;
}
