/* Items as JSON lines, for export and import: what the archive keeps of one event, consent, merge
 * or un-merge, every field of it, so that a line read back is the item it was written from.
 *
 *   {"kern":1,"kind":"event","arrival":7,"type":"track","source":"default","time":"…","received_at":"…",
 *    "message_id":"…","name":"Product Viewed","identifiers":[{"type","value"}],"traits":{…},
 *    "order":{…},"visit":{…},"device":{…},"consents":[…],"body":{…}}
 *
 * What is empty is left out. Sources go by id; the caller knows their numbers. Times are ISO 8601
 * with microseconds, amounts minor units of their currency ("amount_minor"). Pure.
 */
#ifndef KN_FORMAT_ITEM_JSON_H
#define KN_FORMAT_ITEM_JSON_H

#include "format/item.h"
#include "format/json.h"

/* True for the kinds that have such a line. */
bool kn_item_json_has(enum kn_item_kind kind);
/* Appends the line with its newline. */
void kn_item_json_put(const struct kn_item *item, struct kn_str source, uint64_t arrival,
                      struct kn_buf *out);
/* Reads the object at `node`; slices borrow from the document's text or live in the arena. source
 * and the hashes are left to the caller (the hashes come with the next decode). *ret_source: its
 * id.
 * @errors KN_E_INVALID: err->text names the member; KN_E_NOMEM */
enum kn_rc kn_item_json_read(const struct kn_json *doc, uint32_t node, struct kn_arena *arena,
                             struct kn_item *ret, struct kn_str *ret_source,
                             struct kn_err *err) KN_MUST_USE;

#endif
