/* The strict grammar of RFC 8259 over the tokens that simdjson's first stage found. No recursion
 * and no stack: an open container keeps the index of its parent in `next` until it closes. */
#include "base/mem.h"
#include "format/json.h"
#include "format/json_simd.h"

struct kn_json_parser {
    struct kn_simd *simd;
    struct kn_json_node *nodes;
    uint32_t room; /* nodes allocated */
};

enum { ROOM_FIRST = 1024 };

struct kn_json_parser *kn_json_parser_new(void)
{
    struct kn_json_parser *p = kn_calloc(1, sizeof *p);
    if (!p) {
        return NULL;
    }
    p->simd = kn_simd_new();
    if (!p->simd) {
        kn_free(p);
        return NULL;
    }
    return p;
}

void kn_json_parser_free(struct kn_json_parser *parser)
{
    if (parser) {
        kn_simd_free(parser->simd);
        kn_free(parser->nodes);
        kn_free(parser);
    }
}

/* ---- where stage one failed (slow, only for the answer) ---- */

/* Length of the UTF-8 sequence at p, or 0 (RFC 3629: shortest form, no surrogates, to U+10FFFF). */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    size_t len = p[0] < 0x80                   ? 1
                 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                 : (p[0] & 0xf0) == 0xe0       ? 3
                 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                               : 0;
    if (len == 0 || len > left) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool bad = len > 2 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
                           (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f));
    return bad ? 0 : len;
}

static size_t first_bad_utf8(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t step = utf8_sequence((const unsigned char *)text + at, len - at);
        if (step == 0) {
            break;
        }
        at += step;
    }
    return at;
}

/* The first control character in a string, or the quote of a string that is not closed. */
static size_t first_bad_string(const char *text, size_t len)
{
    size_t quote = 0;
    bool inside = false;
    for (size_t i = 0; i < len; i++) {
        if (inside && (unsigned char)text[i] < 0x20) {
            return i;
        }
        if (inside && text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            inside = !inside;
            quote = i;
        }
    }
    return quote;
}

static enum kn_rc fail_at(struct kn_err *err, enum kn_rc code, size_t pos, const char *why)
{
    (void)kn_fail(err, code, "malformed JSON: %s", why);
    if (err) {
        err->pos = pos;
    }
    return code;
}

static enum kn_rc stage_one_failed(enum kn_rc rc, enum kn_simd_fault fault, const char *text,
                                   size_t len, struct kn_err *err)
{
    if (rc == KN_E_NOMEM) {
        return kn_fail(err, rc, "out of memory");
    }
    switch (fault) {
    case KN_SIMD_NOTHING: return fail_at(err, rc, len, "there is no value");
    case KN_SIMD_UTF8: return fail_at(err, rc, first_bad_utf8(text, len), "not valid UTF-8");
    case KN_SIMD_CONTROL:
        return fail_at(err, rc, first_bad_string(text, len),
                       "a control character in a string must be escaped");
    case KN_SIMD_NOT_CLOSED:
        return fail_at(err, rc, first_bad_string(text, len), "a string is not closed");
    case KN_SIMD_NONE:
    case KN_SIMD_OTHER: break;
    }
    return fail_at(err, rc, 0, "the text is too long or damaged");
}

/* ---- scalars ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *digits(const char *p, const char *end)
{
    while (p < end && is_digit(*p)) {
        p++;
    }
    return p;
}

/* RFC 8259 section 6, the whole of [p, end). */
static bool is_number(const char *p, const char *end)
{
    p += p < end && *p == '-' ? 1 : 0;
    const char *from = p;
    p = digits(p, end);
    if (p == from || (*from == '0' && p - from > 1)) {
        return false;
    }
    if (p < end && *p == '.') {
        from = ++p;
        p = digits(p, end);
        if (p == from) {
            return false;
        }
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '+' || *p == '-') ? 1 : 0;
        from = p;
        p = digits(p, end);
        if (p == from) {
            return false;
        }
    }
    return p == end;
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The first bad escape from p on, which is a backslash, or NULL. */
static const char *bad_escape(const char *p, const char *end)
{
    while (p && p < end) {
        char c = end - p > 1 ? p[1] : '\0';
        if (c == 'u' && end - p >= 6 && is_hex(p[2]) && is_hex(p[3]) && is_hex(p[4]) &&
            is_hex(p[5])) {
            p += 6;
        } else if (c != '\0' && memchr("\"\\/bfnrt", c, 8)) {
            p += 2;
        } else {
            return p;
        }
        p = memchr(p, '\\', (size_t)(end - p));
    }
    return NULL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* ---- the walk ---- */

struct walk {
    const char *text;
    const uint32_t *tokens; /* offsets; tokens[count] is the length of the text */
    uint32_t count, at;     /* at: the next token */
    struct kn_json_parser *parser;
    uint32_t nodes, nodes_max, depth_max, depth;
    uint32_t parent;       /* the open container, or KN_JSON_NONE */
    const char *backslash; /* the next one not before the last string, or behind the text */
    const char *why;       /* what is wrong */
    size_t pos;            /* and where */
};

static enum kn_rc refuse(struct walk *w, enum kn_rc code, size_t pos, const char *why)
{
    w->pos = pos;
    w->why = why;
    return code;
}

/* What the walk expects next. */
enum expect { VALUE, FIRST_VALUE, FIRST_KEY, KEY, COMMA };

static bool make_room(struct walk *w)
{
    uint64_t room = w->parser->room ? (uint64_t)w->parser->room * 2 : ROOM_FIRST;
    if (room > w->nodes_max) {
        room = w->nodes_max;
    }
    struct kn_json_node *more = kn_realloc(w->parser->nodes, (size_t)room * sizeof *more);
    if (!more) {
        return false;
    }
    w->parser->nodes = more;
    w->parser->room = (uint32_t)room;
    return true;
}

/* The end of token i's text: white space before the next token is not part of it. */
static uint32_t token_end(const struct walk *w, uint32_t i)
{
    uint32_t end = w->tokens[i + 1];
    while (is_space(w->text[end - 1])) {
        end--;
    }
    return end;
}

/* Checks the string at token i; its inside is [tokens[i] + 1, *ret_end). */
static enum kn_rc string(struct walk *w, uint32_t i, uint32_t *ret_end, uint8_t *ret_escaped)
{
    uint32_t from = w->tokens[i] + 1;
    uint32_t end = token_end(w, i) - 1; /* the closing quote: stage one made sure there is one */
    const char *last = w->text + end;
    if (end < from || *last != '"') {
        return refuse(w, KN_E_INVALID, from - 1, "something follows a string");
    }
    *ret_end = end;
    *ret_escaped = 0;
    if (__builtin_expect(w->backslash < last, 0)) {
        const char *bad = bad_escape(w->backslash, last);
        if (bad) {
            return refuse(w, KN_E_INVALID, (size_t)(bad - w->text), "a bad escape in a string");
        }
        size_t left = (size_t)(w->text + w->tokens[w->count] - last);
        const char *next = memchr(last, '\\', left);
        w->backslash = next ? next : last + left;
        *ret_escaped = 1;
    }
    return KN_OK;
}

static enum kn_rc scalar(struct walk *w, uint32_t i, struct kn_json_node *n)
{
    const char *p = w->text + w->tokens[i];
    uint32_t end = token_end(w, i);
    size_t len = end - w->tokens[i];
    n->len = (uint32_t)len;
    if (*p == '-' || is_digit(*p)) {
        n->type = KN_JSON_NUMBER;
        return is_number(p, w->text + end) ? KN_OK
                                           : refuse(w, KN_E_INVALID, w->tokens[i], "a bad number");
    }
    if (len == 4 && memcmp(p, "true", 4) == 0) {
        n->type = KN_JSON_TRUE;
    } else if (len == 4 && memcmp(p, "null", 4) == 0) {
        n->type = KN_JSON_NULL;
    } else if (len == 5 && memcmp(p, "false", 5) == 0) {
        n->type = KN_JSON_FALSE;
    } else {
        return refuse(w, KN_E_INVALID, w->tokens[i], "not a JSON value");
    }
    return KN_OK;
}

/* Reads "key": and leaves w->at on the value. */
static enum kn_rc read_key(struct walk *w, struct kn_json_node *n)
{
    uint32_t i = w->at;
    uint32_t end;
    uint8_t escaped;
    if (w->text[w->tokens[i]] != '"') {
        return refuse(w, KN_E_INVALID, w->tokens[i], "an object's key must be a string");
    }
    KN_TRY(string(w, i, &end, &escaped));
    n->key_off = w->tokens[i] + 1;
    n->key_len = end - n->key_off;
    n->escaped = (uint8_t)(escaped << 1);
    if (i + 1 == w->count || w->text[w->tokens[i + 1]] != ':') {
        return refuse(w, KN_E_INVALID, w->tokens[i + 1], "a colon is missing");
    }
    if (i + 2 == w->count) {
        return refuse(w, KN_E_INVALID, w->tokens[i + 2], "the text is cut short");
    }
    w->at += 2;
    return KN_OK;
}

/* Reads the value at w->at into a new node, its key before it when `key`. */
static enum kn_rc read_value(struct walk *w, bool key, enum expect *ret)
{
    if (w->nodes == w->nodes_max) {
        return refuse(w, KN_E_LIMIT, w->tokens[w->at], "too many values");
    }
    if (w->nodes == w->parser->room && !make_room(w)) {
        return refuse(w, KN_E_NOMEM, SIZE_MAX, "out of memory");
    }
    if (w->depth > w->depth_max) {
        return refuse(w, KN_E_LIMIT, w->tokens[w->at], "nested too deeply");
    }
    uint32_t index = w->nodes++;
    struct kn_json_node *n = &w->parser->nodes[index];
    *n = (struct kn_json_node){.depth = (uint16_t)w->depth, .next = index + 1};
    if (key) {
        KN_TRY(read_key(w, n));
    }
    uint32_t i = w->at++;
    char c = w->text[w->tokens[i]];
    n->off = w->tokens[i];
    *ret = COMMA;
    if (c == '"') {
        uint32_t end;
        uint8_t escaped;
        KN_TRY(string(w, i, &end, &escaped));
        n->type = KN_JSON_STRING;
        n->off++;
        n->len = end - n->off;
        n->escaped |= escaped;
        return KN_OK;
    }
    if (c != '{' && c != '[') {
        return scalar(w, i, n);
    }
    n->type = c == '{' ? KN_JSON_OBJECT : KN_JSON_ARRAY;
    n->next = w->parent;
    w->parent = index;
    w->depth++;
    *ret = c == '{' ? FIRST_KEY : FIRST_VALUE;
    return KN_OK;
}

/* Closes the open container at token w->at. */
static enum kn_rc close_container(struct walk *w)
{
    struct kn_json_node *n = &w->parser->nodes[w->parent];
    uint32_t off = w->tokens[w->at];
    if (w->text[off] != (n->type == KN_JSON_OBJECT ? '}' : ']')) {
        return refuse(w, KN_E_INVALID, off, "a bracket that closes nothing");
    }
    w->parent = n->next;
    n->next = w->nodes;
    n->len = off + 1 - n->off;
    w->depth--;
    w->at++;
    return KN_OK;
}

static enum kn_rc step(struct walk *w, enum expect *expect)
{
    char c = w->text[w->tokens[w->at]];
    bool closing = c == '}' || c == ']';
    switch (*expect) {
    case FIRST_KEY:
    case FIRST_VALUE:
        if (closing) {
            *expect = COMMA;
            return close_container(w);
        }
        return read_value(w, *expect == FIRST_KEY, expect);
    case KEY:
    case VALUE: return read_value(w, *expect == KEY, expect);
    case COMMA: break;
    }
    if (closing) {
        return close_container(w);
    }
    if (c != ',') {
        return refuse(w, KN_E_INVALID, w->tokens[w->at], "a comma or a closing bracket is missing");
    }
    w->at++;
    *expect = w->parser->nodes[w->parent].type == KN_JSON_OBJECT ? KEY : VALUE;
    return KN_OK;
}

static enum kn_rc walk(struct walk *w)
{
    enum expect expect = VALUE;
    KN_TRY(read_value(w, false, &expect));
    while (w->parent != KN_JSON_NONE) {
        if (w->at == w->count) {
            return refuse(w, KN_E_INVALID, w->tokens[w->count], "the text is cut short");
        }
        KN_TRY(step(w, &expect));
    }
    if (w->at != w->count) {
        return refuse(w, KN_E_INVALID, w->tokens[w->at], "something follows the value");
    }
    return KN_OK;
}

enum kn_rc kn_json_parse(struct kn_json_parser *parser, const char *text, size_t len,
                         const struct kn_json_limits *limits, struct kn_json *ret,
                         struct kn_err *err)
{
    struct walk w = {
        .text = text,
        .parser = parser,
        .nodes_max = limits->nodes_max,
        .depth_max = limits->depth_max < UINT16_MAX ? limits->depth_max : UINT16_MAX,
        .parent = KN_JSON_NONE,
    };
    enum kn_simd_fault fault;
    if (len == 0) {
        return fail_at(err, KN_E_INVALID, 0, "there is no value");
    }
    enum kn_rc rc = kn_simd_tokens(parser->simd, text, len, &w.tokens, &w.count, &fault);
    if (rc != KN_OK) {
        return stage_one_failed(rc, fault, text, len, err);
    }
    const char *backslash = memchr(text, '\\', len);
    w.backslash = backslash ? backslash : text + len;
    rc = walk(&w);
    if (rc != KN_OK) {
        return fail_at(err, rc, w.pos, w.why);
    }
    *ret = (struct kn_json){text, len, parser->nodes, w.nodes};
    return KN_OK;
}
