#include "segment/lex.h"
#include <stdio.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

/* Bytes of the UTF-8 sequence at p, 0 when it is none. */
static size_t utf8_len(const unsigned char *p, size_t len)
{
    size_t want = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (want == 0 || p[0] > 0xF4 || want > len) {
        return 0;
    }
    for (size_t i = 1; i < want; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)) {
        return 0;
    }
    return want;
}

static enum kn_rc fail_at(struct kn_err *err, size_t pos, const char *text)
{
    enum kn_rc rc = kn_fail(err, KN_E_INVALID, "%s", text);
    if (err) {
        err->pos = pos;
    }
    return rc;
}

static enum kn_rc lex_string(struct kn_lexer *lexer, struct kn_token *ret, struct kn_err *err)
{
    struct kn_str text = lexer->text;
    size_t start = lexer->at, i = start + 1;
    while (i < text.len && text.p[i] != '\'') {
        size_t step = utf8_len((const unsigned char *)text.p + i, text.len - i);
        if (step == 0) {
            return fail_at(err, i, "this byte is not UTF-8 text");
        }
        if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7F) {
            return fail_at(err, i, "a control character cannot stand in a string");
        }
        if (text.p[i] == '\\') {
            if (i + 1 >= text.len ||
                (text.p[i + 1] != '\'' && text.p[i + 1] != '\\' && text.p[i + 1] != '.')) {
                return fail_at(err, i,
                               "in a string only \\' and \\\\ may follow a backslash, and "
                               "\\. in a path");
            }
            step = 2;
        }
        i += step;
    }
    if (i >= text.len) {
        return fail_at(err, start, "this string has no end: expected a closing '");
    }
    *ret = (struct kn_token){KN_TOKEN_STRING, kn_str_sub(text, start + 1, i), start, i + 1 - start};
    lexer->at = i + 1;
    return KN_OK;
}

static void lex_number(struct kn_lexer *lexer, struct kn_token *ret)
{
    struct kn_str text = lexer->text;
    size_t start = lexer->at, i = start + (text.p[start] == '-');
    while (i < text.len && is_digit(text.p[i])) {
        i++;
    }
    if (i + 1 < text.len && text.p[i] == '.' && is_digit(text.p[i + 1])) {
        i++;
        while (i < text.len && is_digit(text.p[i])) {
            i++;
        }
    }
    *ret = (struct kn_token){KN_TOKEN_NUMBER, kn_str_sub(text, start, i), start, i - start};
    lexer->at = i;
}

static enum kn_rc lex_sign(struct kn_lexer *lexer, struct kn_token *ret, struct kn_err *err)
{
    struct kn_str text = lexer->text;
    size_t at = lexer->at, len = 1;
    char c = text.p[at], after = at + 1 < text.len ? text.p[at + 1] : '\0';
    if (c == '"') {
        return fail_at(err, at, "strings stand in single quotes: '...'");
    }
    if (c == '!' && after != '=') {
        return fail_at(err, at, "unexpected '!': expected != or NOT");
    }
    if (c == '\0' || !strchr("(){}[].,:=!<>", c)) {
        size_t bytes = utf8_len((const unsigned char *)text.p + at, text.len - at);
        bool shown = bytes > 0 && (unsigned char)c >= 0x20 && c != 0x7F;
        enum kn_rc rc =
            shown ? kn_fail(err, KN_E_INVALID, "unexpected character %.*s", (int)bytes, text.p + at)
                  : kn_fail(err, KN_E_INVALID, "unexpected byte");
        if (err) {
            err->pos = at;
        }
        return rc;
    }
    if ((c == '=' || c == '!' || c == '<' || c == '>') && after == '=') {
        len = 2;
    }
    *ret = (struct kn_token){KN_TOKEN_SIGN, kn_str_sub(text, at, at + len), at, len};
    lexer->at += len;
    return KN_OK;
}

enum kn_rc kn_lex(struct kn_lexer *lexer, struct kn_token *ret, struct kn_err *err)
{
    struct kn_str text = lexer->text;
    while (lexer->at < text.len && text.p[lexer->at] && strchr(" \t\r\n", text.p[lexer->at])) {
        lexer->at++;
    }
    if (lexer->at == text.len) {
        *ret = (struct kn_token){KN_TOKEN_END, KN_STR_EMPTY, text.len, 0};
        return KN_OK;
    }
    char c = text.p[lexer->at];
    if (c == '\'') {
        return lex_string(lexer, ret, err);
    }
    if (is_digit(c) || (c == '-' && lexer->at + 1 < text.len && is_digit(text.p[lexer->at + 1]))) {
        lex_number(lexer, ret);
        return KN_OK;
    }
    if (is_word(c)) {
        size_t start = lexer->at;
        while (lexer->at < text.len && is_word(text.p[lexer->at])) {
            lexer->at++;
        }
        *ret = (struct kn_token){KN_TOKEN_WORD, kn_str_sub(text, start, lexer->at), start,
                                 lexer->at - start};
        return KN_OK;
    }
    return lex_sign(lexer, ret, err);
}

bool kn_token_is(const struct kn_token *token, const char *text)
{
    return (token->kind == KN_TOKEN_WORD || token->kind == KN_TOKEN_SIGN) &&
           kn_str_eq(token->text, kn_str_c(text));
}

const char *kn_token_describe(const struct kn_token *token, char text[64])
{
    size_t len = token->text.len;
    const char *dots = "";
    if (token->kind == KN_TOKEN_END) {
        return "the end";
    }
    if (len > 40) {
        len = 40;
        while (len > 0 && ((unsigned char)token->text.p[len] & 0xC0) == 0x80) {
            len--;
        }
        dots = "...";
    }
    (void)snprintf(text, 64, token->kind == KN_TOKEN_STRING ? "the string '%.*s%s'" : "%.*s%s",
                   (int)len, token->text.p, dots);
    return text;
}

enum kn_rc kn_lex_string(const struct kn_token *token, struct kn_arena *arena, struct kn_str *ret,
                         struct kn_err *err)
{
    struct kn_str raw = token->text;
    char *out = kn_arena_alloc(arena, raw.len + 1);
    size_t len = 0;
    if (!out) {
        return kn_fail(err, KN_E_NOMEM, "no memory for the query");
    }
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.p[i] == '\\') {
            if (raw.p[i + 1] == '.') {
                return fail_at(err, token->pos + 1 + i,
                               "\\. has a meaning in paths only; write . here");
            }
            i++;
        }
        out[len++] = raw.p[i];
    }
    out[len] = '\0';
    *ret = kn_str(out, len);
    return KN_OK;
}

enum kn_rc kn_lex_path(const struct kn_token *token, struct kn_arena *arena, uint32_t most,
                       const struct kn_str **ret_keys, uint32_t *ret_count, struct kn_err *err)
{
    struct kn_str raw = token->text;
    struct kn_str *keys = kn_arena_alloc(arena, most * sizeof *keys);
    char *out = kn_arena_alloc(arena, raw.len + 1);
    uint32_t count = 0;
    size_t len = 0, start = 0;
    if (!keys || !out) {
        return kn_fail(err, KN_E_NOMEM, "no memory for the query");
    }
    for (size_t i = 0; i <= raw.len; i++) {
        if (i < raw.len && raw.p[i] != '.') {
            i += raw.p[i] == '\\';
            out[len++] = raw.p[i];
            continue;
        }
        if (len == start) {
            return fail_at(err, token->pos + 1 + i,
                           raw.len == 0 ? "expected a name between the quotes"
                                        : "expected a name before and after each dot of a path");
        }
        if (count == most) {
            return fail_at(err, token->pos, "this path has too many keys");
        }
        keys[count++] = kn_str(out + start, len - start);
        start = len;
    }
    *ret_keys = keys;
    *ret_count = count;
    return KN_OK;
}
