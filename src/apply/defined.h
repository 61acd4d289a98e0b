/* Segments and computed traits as the settings hold them: a document made ready for evaluation.
 *
 * Documents "segment/<key>" and "computed/<key>":
 * {"name","description","query","version","created_at", "updated_at"}. A segment that is a list has
 * {"list":its id} instead of the query, and when it is made with members {"frozen":true},
 * from a segment {"snapshot_of":its key} (apply/lists.h). A definition is immutable,
 * shared by all snapshots of the settings in which its document and its surroundings (time zone,
 * names of sources) are the same, and counted by reference. Any thread.
 */
#ifndef KN_APPLY_DEFINED_H
#define KN_APPLY_DEFINED_H

#include "segment/eval.h"

enum { KN_DEFINED_MAX = 10000, KN_DEFINED_KEY_MAX = 100 };
#define KN_LIST_ID_MAX ((UINT64_C(1) << 53) - 1) /* exact as a JSON number anywhere */

/* What definitions depend on besides their document. */
struct kn_surroundings;
/* rules: as format/zone.h reads them. The names are copied. @errors KN_E_INVALID, KN_E_NOMEM */
enum kn_rc kn_surroundings_make(struct kn_str rules, const struct kn_source_name *sources,
                                size_t count, struct kn_surroundings **ret,
                                struct kn_err *err) KN_MUST_USE;
struct kn_surroundings *kn_surroundings_ref(struct kn_surroundings *s);
void kn_surroundings_unref(struct kn_surroundings *s); /* NULL is fine */
const struct kn_source_name *kn_surroundings_sources(const struct kn_surroundings *s,
                                                     size_t *ret_count);
bool kn_surroundings_equal(const struct kn_surroundings *a, const struct kn_surroundings *b);

struct kn_defined {
    struct kn_str key, name, description;
    struct kn_str text;        /* the query, canonical */
    struct kn_str json;        /* the document */
    bool computed;             /* a computed trait */
    uint64_t list;             /* not 0: the list of that id; its query says nobody */
    bool frozen;               /* a list that is made with members ... */
    struct kn_str snapshot_of; /* ... of this segment; empty: of its frame */
    uint64_t version;
    int64_t created_us, updated_us;
    uint64_t
        meaning; /* changes when its truth for some profile may change: it is built anew then */
    const struct kn_query *query;
    const struct kn_definition *definition;
    const struct kn_zone *zone;
};

/* @errors KN_E_INVALID (err->pos in the query when it is at fault), KN_E_LIMIT, KN_E_NOMEM */
enum kn_rc kn_defined_make(struct kn_str key, bool computed, struct kn_str json,
                           struct kn_surroundings *surroundings, struct kn_defined **ret,
                           struct kn_err *err) KN_MUST_USE;
struct kn_defined *kn_defined_ref(struct kn_defined *d);
void kn_defined_unref(struct kn_defined *d); /* NULL is fine */
/* Made of the same document in the same surroundings. */
bool kn_defined_is(const struct kn_defined *d, struct kn_str json,
                   const struct kn_surroundings *surroundings);

#endif
