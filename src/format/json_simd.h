/* The C door to simdjson (json_simd.cpp); internal to format/. */
#ifndef KN_FORMAT_JSON_SIMD_H
#define KN_FORMAT_JSON_SIMD_H

#include "format/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the walk puts its nodes; grows by grow(). */
struct kn_json_sink {
    struct kn_json_node *nodes;
    uint32_t count, room, nodes_max, depth_max;
    const char *fault; /* what was wrong; a constant */
    size_t fault_at;   /* byte, near it */
};
/* Doubles the room up to nodes_max; false without memory. */
bool kn_json_sink_grow(struct kn_json_sink *sink);

struct kn_simd_parser;
struct kn_simd_parser *kn_simd_parser_new(void);
void kn_simd_parser_free(struct kn_simd_parser *parser);
/* KN_OK, KN_E_INVALID, KN_E_LIMIT or KN_E_NOMEM. */
enum kn_rc kn_simd_parse(struct kn_simd_parser *parser, const char *text, size_t len,
                         struct kn_json_sink *sink);

#ifdef __cplusplus
}
#endif
#endif
