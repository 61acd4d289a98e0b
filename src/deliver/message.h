/* What a webhook says of one entry or exit, made when it is sent and from what is known and allowed
 * then: a body that waited for days would say what no longer holds, or what may no longer be told.
 *
 * {"type":"audience.entered|audience.exited","timestamp":when it happened,"data":{"workspace",
 *  "destination","purpose","segment","profile":{"id","fields":{…}},"cause","message_id","position"}}
 *
 * An entry goes only while the profile may be used for the purpose. An exit always goes: it asks to
 * forget. It has fields only while the profile may be used; to whom consent was taken back from, it
 * says no more than the id of the profile. `position` orders what is said of a profile.
 */
#ifndef KN_DELIVER_MESSAGE_H
#define KN_DELIVER_MESSAGE_H

#include "apply/destinations.h"
#include "deliver/sign.h"

enum { KN_MESSAGE_HEADERS = 4, KN_MESSAGE_ID_MAX = 100, KN_MESSAGE_BODY_MAX = 1 << 20 };

struct kn_message {
    struct kn_buf body;
    char lines[KN_MESSAGE_HEADERS][256]; /* the headers' texts */
    const char *headers[KN_MESSAGE_HEADERS];
};
void kn_message_init(struct kn_message *m);
void kn_message_deinit(struct kn_message *m);

/* "msg_...": the same for every try. */
void kn_message_id(const struct kn_destination *d, const struct kn_delivery_entry *entry,
                   char text[KN_MESSAGE_ID_MAX]);
/* The body. *ret_withheld: it may not be sent. @errors KN_E_NOMEM, KN_E_LIMIT */
enum kn_rc kn_message_make(struct kn_message *m, struct kn_workspace *ws,
                           const struct kn_destination *d, const struct kn_delivery_entry *entry,
                           struct kn_arena *arena, bool *ret_withheld) KN_MUST_USE;
/* One that says only that it is a test. */
void kn_message_test(struct kn_message *m, struct kn_workspace *ws, const struct kn_destination *d,
                     int64_t now_us);
/* The headers for the body, signed with the destination's secret; for a day of the workspace's
 * clock (now_us) after a rotation with the secret before too. real_us: the real time, by which
 * receivers check that a call is fresh. */
void kn_message_sign(struct kn_message *m, const unsigned char key[KN_WEBHOOK_KEY_BYTES],
                     struct kn_workspace *ws, const struct kn_destination *d, struct kn_str id,
                     int64_t now_us, int64_t real_us);

#endif
