/* Raw members, and the batch's context under a message's own. */
#include "collect/collect_internal.h"

enum { MERGE_DEPTH_MAX = 8 };

struct kn_str kn_member_slice(const struct kn_json *doc, uint32_t member)
{
    const struct kn_json_node *n = &doc->nodes[member];
    size_t from = n->key_off - 1U; /* its opening quote */
    size_t end = (size_t)n->off + n->len + (n->type == KN_JSON_STRING ? 1 : 0);
    return kn_str(doc->text + from, end - from);
}

static bool merges(const struct kn_json *doc, uint32_t over, uint32_t under)
{
    return kn_json_type_at(doc, over) == KN_JSON_OBJECT &&
           kn_json_type_at(doc, under) == KN_JSON_OBJECT &&
           kn_member_count(doc, over) <= KN_PROPERTIES_MAX &&
           kn_member_count(doc, under) <= KN_PROPERTIES_MAX;
}

static struct kn_str raw_key(const struct kn_json *doc, uint32_t member)
{
    return kn_str(doc->text + doc->nodes[member].key_off, doc->nodes[member].key_len);
}

void kn_merge(const struct kn_json *doc, uint32_t over, uint32_t under, unsigned depth,
              struct kn_buf *out)
{
    if (depth > MERGE_DEPTH_MAX || !merges(doc, over, under)) {
        kn_buf_str(out, kn_json_raw(doc, over));
        return;
    }
    kn_buf_char(out, '{');
    for (uint32_t i = over + 1; i < doc->nodes[over].next; i = doc->nodes[i].next) {
        uint32_t other = kn_json_find(doc, under, raw_key(doc, i));
        kn_json_out_comma(out);
        if (other == KN_JSON_NONE || doc->nodes[i].type != KN_JSON_OBJECT) {
            kn_buf_str(out, kn_member_slice(doc, i));
            continue;
        }
        kn_buf_char(out, '"');
        kn_buf_str(out, raw_key(doc, i));
        kn_buf_c(out, "\":");
        kn_merge(doc, i, other, depth + 1, out);
    }
    for (uint32_t i = under + 1; i < doc->nodes[under].next; i = doc->nodes[i].next) {
        if (kn_json_find(doc, over, raw_key(doc, i)) == KN_JSON_NONE) {
            kn_json_out_comma(out);
            kn_buf_str(out, kn_member_slice(doc, i));
        }
    }
    kn_buf_char(out, '}');
}
