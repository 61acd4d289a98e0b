/* Building as its files share it: JSON into drafts of tables. */
#ifndef KN_BEHAVIOUR_COLUMNS_BUILD_H
#define KN_BEHAVIOUR_COLUMNS_BUILD_H

#include "behaviour/columns_internal.h"

enum { KN_COL_FACTS = 6 };

/* A path at a level. */
struct kn_col_node {
    struct kn_str id;
    uint32_t keys;   /* in the path */
    uint32_t level;  /* 0, or index + 1 of the array whose elements it is in */
    uint32_t column; /* KN_COL_NONE, KN_COL_DROPPED */
    uint32_t array;  /* the same; its elements are the node `element` */
    uint32_t element;
    uint32_t first;          /* alias of the member that came first in it the last time */
    uint32_t object, member; /* the object it was last seen in as a member, and which one */
};

struct kn_col_alias {
    struct kn_str raw; /* key as written */
    uint32_t parent, node;
    uint32_t hash;
    uint32_t follows; /* alias that came behind it the last time, KN_COL_NONE */
};

struct kn_col_shape {
    struct kn_col_draft draft;
    struct kn_col_node *nodes;
    uint32_t node_count, node_room;
    struct kn_col_alias *aliases;
    uint32_t alias_count, alias_room;
    uint32_t *slots; /* index + 1 of an alias */
    uint32_t slot_room;
    uint32_t facts[KN_COL_FACTS]; /* nodes */
    uint32_t roots[2];            /* "p" and "c" */
};

struct kn_col_member {
    uint32_t node, json;
};

struct kn_col_builder {
    struct kn_col_names *names;
    struct kn_json_parser *parser;
    struct kn_buf text;    /* the JSON being read, padded */
    struct kn_buf id;      /* being put together */
    struct kn_arena once;  /* of one row */
    struct kn_arena paths; /* ids and keys of this build */
    struct kn_dict tables; /* of this build: kind and name */
    struct kn_col_shape *shapes;
    uint32_t shape_count, shape_room;
    struct kn_col_member *members; /* a stack */
    uint32_t member_count, member_room;
    uint32_t objects; /* a number for each object */
    uint64_t dropped;
    bool nomem;
};

/* The table of a kind and name; NULL: no memory. Valid until the next one is made. */
struct kn_col_shape *kn_col_shape_of(struct kn_col_builder *b, enum kn_table_kind kind,
                                     struct kn_str name);
/* The node of a member of an object. *last is the alias of the member before it, KN_COL_NONE at the
 * first; it moves on. KN_COL_NONE: no memory. */
uint32_t kn_col_member_node(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t parent,
                            const struct kn_json *doc, uint32_t json, uint32_t *last);
/* The array at a node; false: the table may not have it, or no memory. */
bool kn_col_add_array(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t node);
/* Gives entry `at` of the node's level a value; what it had before is forgotten. */
void kn_col_set(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t node, uint32_t at,
                enum kn_value_kind kind, struct kn_str text);
void kn_col_put_members(struct kn_col_builder *b, struct kn_col_shape *s, uint32_t parent,
                        const struct kn_json *doc, uint32_t json, uint32_t at);
/* A row of an event, or of another kind of table. */
void kn_col_put_event(struct kn_col_builder *b, const struct kn_col_op *op);
void kn_col_put_row(struct kn_col_builder *b, const struct kn_col_op *op);

#endif
