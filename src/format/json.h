/* Strict JSON in (simdjson's first stage behind a C door, the grammar in json_parse.c) and JSON
 * text out.
 *
 * A parsed document is a flat array of nodes in document order over the caller's bytes: nothing is
 * copied or converted, so numbers keep every digit and any value can be quoted back as it came.
 *
 *   {"a":[1,"x"]}   0 object next=4 | 1 array key=a next=4 | 2 number next=3 | 3 string next=4
 *
 * node.next is the index after the whole value (children of node i are i+1 .. next-1; a child's
 * sibling is child.next, as long as that is < parent.next). The whole text is validated: grammar
 * (RFC 8259), UTF-8, numbers, escapes; a byte order mark is refused. Duplicate keys are kept in
 * order; find answers the last one, and also finds keys that are written with escapes.
 *
 * Limits: bytes, depth and nodes are given; beyond them KN_E_LIMIT. A bad text is KN_E_INVALID with
 * err->pos at or near the fault. One parser per thread; documents are valid until the next parse. A
 * parser keeps the memory its longest text took: about 4 bytes per byte and 24 per value.
 *
 * Texts that an arena has no room for come back with p == NULL (those that are there never do).
 */
#ifndef KN_FORMAT_JSON_H
#define KN_FORMAT_JSON_H

#include "base/arena.h"
#include "base/buf.h"

enum kn_json_type {
    KN_JSON_NULL = 0,
    KN_JSON_FALSE = 1,
    KN_JSON_TRUE = 2,
    KN_JSON_NUMBER = 3,
    KN_JSON_STRING = 4,
    KN_JSON_ARRAY = 5,
    KN_JSON_OBJECT = 6,
};

struct kn_json_node {
    uint32_t off, len; /* the raw value: a string without its quotes, an object with braces */
    uint32_t key_off, key_len; /* raw key without quotes; both 0 when not in an object */
    uint32_t next;             /* index after this value */
    uint8_t type;              /* enum kn_json_type */
    uint8_t escaped;           /* bit 0: the string has a backslash; bit 1: the key has one */
    uint16_t depth;            /* 0 = the root */
};

struct kn_json {
    const char *text; /* borrowed: the caller's bytes */
    size_t len;
    const struct kn_json_node *nodes; /* owned by the parser */
    uint32_t count;
};

struct kn_json_parser;

enum { KN_JSON_PADDING = 64, KN_JSON_NONE = UINT32_MAX };

struct kn_json_limits {
    uint32_t depth_max; /* nesting, e.g. 32 */
    uint32_t nodes_max; /* e.g. 1 << 20 */
};

struct kn_json_parser *kn_json_parser_new(void); /* NULL without memory */
void kn_json_parser_free(struct kn_json_parser *parser);
/* text[len .. len + KN_JSON_PADDING) must be readable (its contents do not matter). */
enum kn_rc kn_json_parse(struct kn_json_parser *parser, const char *text, size_t len,
                         const struct kn_json_limits *limits, struct kn_json *ret,
                         struct kn_err *err) KN_MUST_USE;

/* Index of an object's member, or KN_JSON_NONE (also when `object` is KN_JSON_NONE or no object).
 */
uint32_t kn_json_find(const struct kn_json *doc, uint32_t object, struct kn_str key);
/* Follows "a.b.c". */
uint32_t kn_json_path(const struct kn_json *doc, uint32_t object, const char *path);
enum kn_json_type kn_json_type_at(const struct kn_json *doc, uint32_t node); /* NULL for NONE */
/* The value's JSON text, quotes included. */
struct kn_str kn_json_raw(const struct kn_json *doc, uint32_t node);
/* A string's text, unescaped (in the arena only when it had escapes); empty when no string. */
struct kn_str kn_json_string(const struct kn_json *doc, uint32_t node, struct kn_arena *arena);
struct kn_str kn_json_key(const struct kn_json *doc, uint32_t node, struct kn_arena *arena);
/* Strings, and numbers and booleans as their text; false for null, arrays, objects and NONE. */
bool kn_json_scalar(const struct kn_json *doc, uint32_t node, struct kn_arena *arena,
                    struct kn_str *ret);
bool kn_json_i64(const struct kn_json *doc, uint32_t node, int64_t *ret); /* integers only */
/* Undoes escapes of raw string text; lone surrogates become U+FFFD. Total: bad escapes give
 * something. */
struct kn_str kn_json_unescape(struct kn_str raw, struct kn_arena *arena);

/* Steps through the members of an object, or elements of an array, in text that is known to be
 * valid JSON (such as what kn_json_raw gave). Fast, allocates nothing. Start with *offset = 0. */
bool kn_json_walk(struct kn_str container, size_t *offset, struct kn_str *ret_key_raw,
                  struct kn_str *ret_value_raw);
/* The same text: the raw value of the first member of that name, empty when there is none. */
struct kn_str kn_json_member(struct kn_str object, struct kn_str name);

/* Output. A string with its quotes, escaped so that it is safe in HTML too (<, >, &, U+2028/9).
 * Bytes that are not UTF-8 become U+FFFD, so that what is written can always be read. */
void kn_json_out_string(struct kn_buf *out, struct kn_str text);
/* "key": with a comma before it unless the buffer ends in '{' or '['. */
void kn_json_out_key(struct kn_buf *out, const char *key);
void kn_json_out_key_str(struct kn_buf *out, struct kn_str key);
/* A comma unless the buffer ends in '{' or '[' (for array elements). */
void kn_json_out_comma(struct kn_buf *out);
/* key and string value; key and raw value; key and number; key and boolean. */
void kn_json_out_kv(struct kn_buf *out, const char *key, struct kn_str value);
void kn_json_out_kraw(struct kn_buf *out, const char *key, struct kn_str raw);
void kn_json_out_ki64(struct kn_buf *out, const char *key, int64_t value);
void kn_json_out_kbool(struct kn_buf *out, const char *key, bool value);
/* key and an ISO 8601 time with microseconds trimmed to what is needed ("...Z"). */
void kn_json_out_ktime(struct kn_buf *out, const char *key, int64_t wall_us);

#endif
