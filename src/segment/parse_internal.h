/* The parser's state and the doors between its files. Room-private. */
#ifndef KN_SEGMENT_PARSE_INTERNAL_H
#define KN_SEGMENT_PARSE_INTERNAL_H

#include "segment/lex.h"
#include "segment/query.h"
#include "segment/words.h"

struct kn_parser {
    struct kn_lexer lexer;
    struct kn_token token; /* the next one, not yet taken */
    struct kn_arena *arena;
    struct kn_err *err;
    enum kn_query_form form;
    size_t end;          /* of the last token taken */
    uint32_t conditions; /* so far */
    uint32_t nesting;    /* open groups */
    uint32_t events;     /* open where()s */
    bool in_any;
};

/* What a chain gives, which decides what it may be compared with. */
enum kn_gives { KN_GIVES_ANY, KN_GIVES_NUMBER, KN_GIVES_STRING };
enum kn_gives kn_chain_gives(const struct kn_chain *chain);

enum kn_rc kn_parse_advance(struct kn_parser *p) KN_MUST_USE;
enum kn_rc kn_parse_fail(struct kn_parser *p, size_t pos, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "expected ..., found ..." at the next token. */
enum kn_rc kn_parse_expected(struct kn_parser *p, const char *what);
/* "unknown <kind> <word>: expected <what>; did you mean ...?" at the next token. */
enum kn_rc kn_parse_unknown(struct kn_parser *p, const char *kind, const char *what,
                            const char *const *words, size_t count);
enum kn_rc kn_parse_sign(struct kn_parser *p, const char *sign) KN_MUST_USE;
enum kn_rc kn_parse_string(struct kn_parser *p, const char *what, struct kn_str *ret) KN_MUST_USE;
enum kn_rc kn_parse_path(struct kn_parser *p, struct kn_path *ret) KN_MUST_USE;
enum kn_rc kn_parse_period(struct kn_parser *p, struct kn_period *ret) KN_MUST_USE;
enum kn_rc kn_parse_date(struct kn_parser *p, struct kn_str *ret) KN_MUST_USE;
void *kn_parse_alloc(struct kn_parser *p, size_t bytes); /* zeroed; NULL: out of memory */
enum kn_rc kn_parse_enter(struct kn_parser *p, size_t pos) KN_MUST_USE; /* one level deeper */
/* Are there `levels` more of nesting? */
enum kn_rc kn_parse_room(struct kn_parser *p, size_t pos, uint32_t levels) KN_MUST_USE;
/* Levels of parentheses, where() and any() in the canonical text of a node. */
uint32_t kn_node_nesting(const struct kn_node *node);

enum kn_rc kn_parse_expr(struct kn_parser *p, struct kn_node **ret) KN_MUST_USE;
/* Up to and including the reducer. */
enum kn_rc kn_parse_chain(struct kn_parser *p, struct kn_chain **ret) KN_MUST_USE;
enum kn_rc kn_parse_comparison(struct kn_parser *p, struct kn_node **ret) KN_MUST_USE;

#endif
