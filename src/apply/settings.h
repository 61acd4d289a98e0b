/* Workspace settings, decoded: an immutable, reference-counted snapshot.
 *
 * Settings are records of the workspace's log (kn_item SETTING: key and JSON document). Apply keeps
 * the documents and publishes a new snapshot when one changes; collect/ and api/ hold a reference
 * for the length of a request.
 *
 * Keys: "workspace" {"name","time_zone","time_zone_rules","currency","created_at"} (the rules are
 * those of the zone when it was chosen, as format/zone.h reads them, in base64); "identity"
 * (identity/rules.h); "source/<id>"
 * {"number","name","kind","party","write_keys":[],"purposes":[],"enabled","created_at"};
 * "segment/<key>" and "computed/<key>" (apply/defined.h); "destination/<id>"
 * (apply/destinations.h); "csv_link/<id>" {"name","segment","purpose","fields","token_hash",
 * "created_by","created_at","expires_at","used_at"}; "report/<id>", "dashboard/<id>", "note/<id>"
 * and "alert/<id>": what a team keeps about its reports, which the fold itself never reads
 * (api/documents.c). An empty document takes a key away.
 */
#ifndef KN_APPLY_SETTINGS_H
#define KN_APPLY_SETTINGS_H

#include "format/zone.h"
#include "identity/rules.h"

struct kn_defined;
struct kn_destination;
struct kn_surroundings;

enum kn_party { KN_PARTY_ZERO, KN_PARTY_FIRST, KN_PARTY_SECOND, KN_PARTY_THIRD };

struct kn_source {
    uint32_t number;  /* from 1, never reused */
    struct kn_str id; /* "src_..." */
    struct kn_str name;
    struct kn_str kind; /* "web", "server", "mobile", "import", ... */
    enum kn_party party;
    struct kn_str *write_keys;
    size_t write_key_count;
    struct kn_str *purposes;
    size_t purpose_count;
    bool enabled;
    bool deleted;       /* kept so that old events still name it */
    struct kn_str json; /* its document */
};

/* What a team keeps: an object of JSON under a whole key, such as "report/rep_...". */
struct kn_document {
    struct kn_str key, json;
};

/* An address that gives the members of a segment as CSV to whoever knows it. */
struct kn_csv_link {
    struct kn_str id; /* "lnk_..." */
    struct kn_str name, segment, purpose;
    struct kn_str fields;     /* names with commas between them */
    struct kn_str token_hash; /* hex; the token itself is nowhere */
    struct kn_str created_by;
    int64_t created_us, expires_us;
    int64_t used_us; /* to the hour; 0 = never yet */
};

enum { KN_CSV_LINKS_MAX = 100 };

struct kn_settings {
    uint64_t version; /* rises with every change */
    struct kn_str name, time_zone;
    struct kn_zone *zone; /* the rules of time_zone; never NULL */
    struct kn_str json;   /* the document "workspace"; empty before the first */
    char currency[4];
    struct kn_source *sources; /* by number - 1 */
    size_t source_count;
    struct kn_identity_rules *identity;
    struct kn_hash_key key; /* of identifiers and messages */
    struct kn_destination *destinations;
    size_t destination_count;
    struct kn_csv_link *csv_links;
    size_t csv_link_count;
    struct kn_defined **defined; /* segments, computed traits and those of destinations, by key */
    size_t defined_count;
    uint64_t *lists; /* ids of those that are lists, rising */
    size_t list_count;
    struct kn_surroundings *surroundings; /* of all of them */
    struct kn_document *documents;        /* by key */
    size_t document_count;
};

const struct kn_source *kn_settings_source(const struct kn_settings *s, uint32_t number);
const struct kn_source *kn_settings_source_by_id(const struct kn_settings *s, struct kn_str id);
const struct kn_source *kn_settings_source_by_key(const struct kn_settings *s, struct kn_str key);
const struct kn_csv_link *kn_settings_csv_link(const struct kn_settings *s, struct kn_str id);
/* A segment or computed trait (they share one key space), or NULL. */
const struct kn_defined *kn_settings_defined(const struct kn_settings *s, struct kn_str key);
/* Its place in `defined`, or SIZE_MAX. */
size_t kn_settings_defined_at(const struct kn_settings *s, struct kn_str key);
/* Those whose key begins with `prefix`, *ret_count of them together; and one by its key, or NULL.
 */
const struct kn_document *kn_settings_documents(const struct kn_settings *s, struct kn_str prefix,
                                                size_t *ret_count);
const struct kn_document *kn_settings_document(const struct kn_settings *s, struct kn_str key);
/* A segment is the list of that id. */
bool kn_settings_has_list(const struct kn_settings *s, uint64_t list);
const char *kn_party_name(enum kn_party party);

/* Whether a document of that key reads, so that it may become a record. */
enum kn_rc kn_settings_check(struct kn_str key, struct kn_str json, struct kn_err *err) KN_MUST_USE;

struct kn_settings *kn_settings_ref(struct kn_settings *s);
void kn_settings_unref(struct kn_settings *s); /* NULL is fine */

#endif
