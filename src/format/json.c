#include "format/json.h"

#include "base/mem.h"
#include "format/json_simd.h"
#include "format/time_text.h"

struct kn_json_parser {
    struct kn_simd_parser *simd;
    struct kn_json_sink sink;
};

bool kn_json_sink_grow(struct kn_json_sink *sink)
{
    uint32_t room = sink->room ? sink->room * 2 : 1024;
    if (room > sink->nodes_max) {
        room = sink->nodes_max;
    }
    struct kn_json_node *more = kn_realloc(sink->nodes, room * sizeof *more);
    if (!more) {
        return false;
    }
    sink->nodes = more;
    sink->room = room;
    return true;
}

struct kn_json_parser *kn_json_parser_new(void)
{
    struct kn_json_parser *p = kn_calloc(1, sizeof *p);
    if (p) {
        p->simd = kn_simd_parser_new();
    }
    if (p && !p->simd) {
        kn_free(p);
        return NULL;
    }
    return p;
}

void kn_json_parser_free(struct kn_json_parser *parser)
{
    if (parser) {
        kn_simd_parser_free(parser->simd);
        kn_free(parser->sink.nodes);
        kn_free(parser);
    }
}

enum kn_rc kn_json_parse(struct kn_json_parser *parser, const char *text, size_t len,
                         const struct kn_json_limits *limits, struct kn_json *ret,
                         struct kn_err *err)
{
    struct kn_json_sink *sink = &parser->sink;
    sink->count = 0;
    sink->fault = "malformed JSON";
    sink->fault_at = 0;
    sink->depth_max = limits->depth_max;
    sink->nodes_max = limits->nodes_max;
    if (len == 0 || len > UINT32_MAX - KN_JSON_PADDING) {
        (void)kn_fail(err, KN_E_INVALID, "malformed JSON: the text is empty or too long");
        return KN_E_INVALID;
    }
    enum kn_rc rc = kn_simd_parse(parser->simd, text, len, sink);
    if (rc != KN_OK) {
        (void)kn_fail(err, rc, "malformed JSON: %s", sink->fault);
        if (err) {
            err->pos = sink->fault_at;
        }
        return rc;
    }
    *ret = (struct kn_json){text, len, sink->nodes, sink->count};
    return KN_OK;
}

/* ---- looking up ---- */

uint32_t kn_json_find(const struct kn_json *doc, uint32_t object, struct kn_str key)
{
    uint32_t found = KN_JSON_NONE;
    if (object == KN_JSON_NONE || doc->nodes[object].type != KN_JSON_OBJECT) {
        return KN_JSON_NONE;
    }
    uint32_t end = doc->nodes[object].next;
    for (uint32_t i = object + 1; i < end; i = doc->nodes[i].next) {
        const struct kn_json_node *n = &doc->nodes[i];
        if (n->key_len == key.len && memcmp(doc->text + n->key_off, key.p, key.len) == 0) {
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
    case KN_JSON_STRING:
        *ret = kn_json_string(doc, node, arena);
        return true;
    case KN_JSON_NUMBER:
    case KN_JSON_TRUE:
    case KN_JSON_FALSE:
        *ret = kn_json_raw(doc, node);
        return true;
    case KN_JSON_NULL:
    case KN_JSON_ARRAY:
    case KN_JSON_OBJECT:
        break;
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
    if (!kn_str_u64(kn_str_sub(raw, negative ? 1 : 0, raw.len), &value) || value > INT64_MAX) {
        return false;
    }
    *ret = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

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

/* The code point of a \u escape at p ("uXXXX..."); *ret_used bytes were read. */
static uint32_t unicode_escape(const char *p, const char *end, size_t *ret_used)
{
    uint32_t c = end - p >= 5 ? hex4(p + 1) : 0xfffd;
    *ret_used = 5;
    if (c >= 0xd800 && c < 0xdc00 && end - p >= 11 && p[5] == '\\' && p[6] == 'u') {
        uint32_t low = hex4(p + 7);
        if (low >= 0xdc00 && low < 0xe000) {
            *ret_used = 11;
            return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return c >= 0xd800 && c < 0xe000 ? 0xfffd : c;
}

struct kn_str kn_json_unescape(struct kn_str raw, struct kn_arena *arena)
{
    static const char plain[] = "\"\\/bfnrt";
    static const char meaning[] = "\"\\/\b\f\n\r\t";
    if (raw.len == 0 || !memchr(raw.p, '\\', raw.len)) {
        return raw;
    }
    char *to = kn_arena_alloc(arena, raw.len); /* unescaping never lengthens */
    size_t len = 0;
    const char *end = raw.p + raw.len;
    if (!to) {
        return KN_STR_EMPTY;
    }
    for (const char *p = raw.p; p < end;) {
        if (*p != '\\' || p + 1 == end) {
            to[len++] = *p++;
            continue;
        }
        p++;
        if (*p == 'u') {
            size_t used;
            len += put_utf8(to + len, unicode_escape(p, end, &used));
            p += (size_t)(end - p) < used ? (size_t)(end - p) : used;
        } else {
            const char *hit = memchr(plain, *p, sizeof plain - 1);
            to[len++] = hit ? meaning[hit - plain] : *p;
            p++;
        }
    }
    return kn_str(to, len);
}

/* ---- walking valid text ---- */

static size_t skip_space(struct kn_str s, size_t at)
{
    while (at < s.len && (s.p[at] == ' ' || s.p[at] == '\n' || s.p[at] == '\r' || s.p[at] == '\t')) {
        at++;
    }
    return at;
}

/* Behind the string whose opening quote is at `at`. */
static size_t skip_string(struct kn_str s, size_t at)
{
    for (at++; at < s.len && s.p[at] != '"'; at++) {
        at += s.p[at] == '\\' ? 1 : 0;
    }
    return at < s.len ? at + 1 : s.len;
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

/* ---- output ---- */

static void out_escape(struct kn_buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    const char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    kn_buf_add(out, text, sizeof text);
}

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c == 0x7f;
}

void kn_json_out_string(struct kn_buf *out, struct kn_str text)
{
    size_t from = 0;
    kn_buf_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool line = c == 0xe2 && i + 2 < text.len && (unsigned char)text.p[i + 1] == 0x80 &&
                    ((unsigned char)text.p[i + 2] | 1) == 0xa9;
        if (!needs_escape(c) && !line) {
            continue;
        }
        kn_buf_str(out, kn_str_sub(text, from, i));
        if (line) {
            kn_buf_c(out, (unsigned char)text.p[i + 2] == 0xa8 ? "\\u2028" : "\\u2029");
            i += 2;
        } else if (c == '"' || c == '\\') {
            kn_buf_char(out, '\\');
            kn_buf_char(out, (char)c);
        } else if (c == '\n') {
            kn_buf_c(out, "\\n");
        } else {
            out_escape(out, c);
        }
        from = i + 1;
    }
    kn_buf_str(out, kn_str_sub(text, from, text.len));
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
