/* Tokens of a query text. Room-private. */
#ifndef KN_SEGMENT_LEX_H
#define KN_SEGMENT_LEX_H

#include "base/arena.h"
#include "base/err.h"

enum kn_token_kind {
    KN_TOKEN_END,
    KN_TOKEN_WORD,   /* letters, digits, _ */
    KN_TOKEN_STRING, /* text = between the quotes, escapes untouched */
    KN_TOKEN_NUMBER, /* -?[0-9]+(\.[0-9]+)? */
    KN_TOKEN_SIGN,   /* ( ) { } [ ] . , : and = == != > >= < <= */
};

struct kn_token {
    enum kn_token_kind kind;
    struct kn_str text;
    size_t pos, len; /* bytes in the source, quotes included */
};

struct kn_lexer {
    struct kn_str text;
    size_t at;
};

/* The next token. @errors KN_E_INVALID with the position */
enum kn_rc kn_lex(struct kn_lexer *lexer, struct kn_token *ret, struct kn_err *err) KN_MUST_USE;
bool kn_token_is(const struct kn_token *token, const char *text); /* a word or a sign */
/* For "found ...": 'x', the word or sign quoted, "the end". Cut to 40 bytes. */
const char *kn_token_describe(const struct kn_token *token, char text[64]);

/* Content of a string token: \' and \\ undone. @errors KN_E_INVALID, KN_E_NOMEM */
enum kn_rc kn_lex_string(const struct kn_token *token, struct kn_arena *arena, struct kn_str *ret,
                         struct kn_err *err) KN_MUST_USE;
/* Keys of a path token, split at dots; \. is a dot inside a key. At most `most` keys. */
enum kn_rc kn_lex_path(const struct kn_token *token, struct kn_arena *arena, uint32_t most,
                       const struct kn_str **ret_keys, uint32_t *ret_count,
                       struct kn_err *err) KN_MUST_USE;

#endif
