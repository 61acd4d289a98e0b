/* What a simulated client says: the facts of a message, as a person would tell them, and the same
 * as JSON on the wire. The oracle folds the facts; the product sees only the JSON.
 *
 * Identifiers are numbers: SIM_IDS_EACH of every type; 0 = none. Times are UTC microseconds, whole
 * milliseconds. Pure. */
#ifndef KN_SIM_MESSAGE_H
#define KN_SIM_MESSAGE_H

#include "base/buf.h"
#include "base/rand.h"

/* In order of priority (collect-protocols section 4.1). */
enum sim_id_type { SIM_USER, SIM_EMAIL, SIM_ANON, SIM_PHONE, SIM_ID_TYPES };
enum { SIM_IDS_EACH = 12, SIM_IDS = SIM_ID_TYPES * SIM_IDS_EACH, SIM_SOURCES = 3, SIM_TRAITS = 3 };

enum sim_call { SIM_TRACK, SIM_IDENTIFY, SIM_PAGE, SIM_ALIAS };
enum sim_purpose { SIM_ANALYTICS, SIM_ADVERTISING, SIM_MARKETING_EMAIL, SIM_PURPOSES };
enum sim_state { SIM_UNSAID, SIM_GRANTED, SIM_DENIED, SIM_CONFLICT };
enum sim_order { SIM_NO_ORDER, SIM_COMPLETED, SIM_UPDATED, SIM_REFUNDED, SIM_CANCELLED };

/* Ways to be refused; the reason each must be given is sim_reason(). */
enum sim_fault {
    SIM_GOOD,
    SIM_NOBODY,
    SIM_NO_EVENT,
    SIM_UNKNOWN_TYPE,
    SIM_NO_OBJECT,
    SIM_BAD_PROPERTIES,
    SIM_NO_PREVIOUS,
    SIM_FAULTS
};

struct sim_message {
    unsigned source; /* 0 and 1 are sites, 2 a server */
    uint32_t number; /* the messageId */
    enum sim_call call;
    enum sim_fault fault;
    unsigned ids[SIM_ID_TYPES]; /* 1..SIM_IDS_EACH, 0 = none */
    int64_t event_us, received_us;
    int64_t skew_us;                     /* of the device's clock, undone by sentAt */
    bool browser;                        /* sent by a browser's library: opens sessions */
    int trait, value;                    /* trait < 0: none; value < 0: null */
    bool preferences;                    /* it has categoryPreferences */
    enum sim_state states[SIM_PURPOSES]; /* of those it names */
    enum sim_order order;
    unsigned order_id;    /* 0 = none */
    int amount;           /* cents; < 0: none */
    const char *currency; /* constant; NULL = none */
};

/* Draws a message that is received now; `limit_heavy` draws more user_ids, so that limits choose.
 */
void sim_message_draw(struct kn_rand *r, uint32_t number, int64_t now_us, bool limit_heavy,
                      struct sim_message *ret);
/* Appends the JSON text; `with_type`: also its member "type". */
void sim_message_json(const struct sim_message *m, bool with_type, struct kn_buf *out);
/* The members "properties", "context" and (of identify) "traits" as sent and kept. */
void sim_message_properties(const struct sim_message *m, struct kn_buf *out);
void sim_message_traits(const struct sim_message *m, struct kn_buf *out);
void sim_message_context(const struct sim_message *m, struct kn_buf *out);
/* The name of an event; NULL for calls that are none. */
const char *sim_message_event(const struct sim_message *m);
const char *sim_message_type(enum sim_call call);
/* Opens or prolongs a session. */
bool sim_message_visits(const struct sim_message *m);
const char *sim_reason(enum sim_fault fault);

const char *sim_id_type_name(enum sim_id_type type);
void sim_id_value(enum sim_id_type type, unsigned number, char ret[32]);
const char *sim_purpose_name(enum sim_purpose purpose);

#endif
