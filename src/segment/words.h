/* The words of the language, for the parser, the formatter and the JSON form alike. Room-private.
 */
#ifndef KN_SEGMENT_WORDS_H
#define KN_SEGMENT_WORDS_H

#include "segment/query.h"

enum kn_args {
    KN_ARGS_NONE,    /* exists() */
    KN_ARGS_ONE,     /* one literal */
    KN_ARGS_ORDERED, /* one number or string */
    KN_ARGS_STRINGS, /* one or more strings */
    KN_ARGS_LIST,    /* one or more literals */
    KN_ARGS_DATE,    /* one ISO date */
    KN_ARGS_PERIOD,  /* 7 days */
};

struct kn_op_word {
    const char *name;   /* as a function and in JSON */
    const char *symbol; /* NULL: written as a function */
    enum kn_args args;
};

/* Index = enum kn_op, kn_unit, kn_during, kn_reducer, kn_source_kind. */
extern const struct kn_op_word kn_op_words[KN_OP_COUNT];
extern const char *const kn_unit_words[KN_UNIT_COUNT];
extern const char *const kn_during_words[KN_DURING_COUNT];
extern const char *const kn_reducer_words[KN_REDUCER_COUNT];
extern const char *const kn_from_words[KN_FROM_COUNT];
extern const char *const kn_consent_words[4]; /* index = enum kn_consent_state */

/* Index of the word in a table of strings, or -1. */
int kn_word_find(const char *const *words, size_t count, struct kn_str word);
int kn_word_op(struct kn_str word);
int kn_word_unit(struct kn_str word); /* with or without s */
bool kn_reducer_has_field(uint32_t reducer);

/* Text of strings and paths, quoted and escaped. */
void kn_put_string(struct kn_buf *out, struct kn_str text);
void kn_put_path(struct kn_buf *out, struct kn_path path);
/* A group keeps its parentheses wherever they make a difference to the tree (enum kn_node_kind). */
bool kn_needs_group(uint32_t parent, uint32_t kid);

/* Edits between two words (insert, delete, replace, swap neighbours), folded to lower case; stops
 * counting at `most`. */
unsigned kn_word_distance(struct kn_str a, struct kn_str b, unsigned most);
/* Keeps the nearest of the words it is shown; nothing farther than a third of the word counts. */
struct kn_nearest {
    struct kn_str word, best; /* best.p == NULL: none yet */
    unsigned distance;
};
struct kn_nearest kn_nearest(struct kn_str word);
void kn_nearest_try(struct kn_nearest *nearest, struct kn_str candidate);

#endif
