/* What a team keeps about its reports: saved reports, dashboards, notes, alerts. Room-private.
 *
 * Each is a document among the settings: a record of the log under "report/<id>" and so on, with
 * "version", "created_at" and "updated_at". A change names the version it was made from and is
 * refused when another one stands (409): nobody's work is lost. The fold reads none of them.
 */
#ifndef KN_API_DOCUMENTS_H
#define KN_API_DOCUMENTS_H

#include "api/api_internal.h"

struct kn_document_kind {
    const char *route;     /* how the path goes on after the workspace */
    const char *prefix;    /* of the setting's key */
    const char *id_prefix; /* of an id */
    const char *name;      /* in messages */
    unsigned most;         /* in a workspace */
    /* Checks the body and writes its members into the document; false: answered 400. */
    bool (*read)(struct kn_ctx *ctx, struct kn_buf *out);
    /* Further members of what is shown; may be NULL. */
    void (*put)(struct kn_ctx *ctx, struct kn_str json, struct kn_buf *out);
};

/* ---- members of a body; false: answered 400 ---- */
/* A text of 1 to `most` bytes, copied into the document as it stands. */
bool kn_document_text(struct kn_ctx *ctx, const char *name, size_t most, struct kn_buf *out);
/* least <= whole number <= most. */
bool kn_document_number(struct kn_ctx *ctx, const char *name, int64_t least, int64_t most,
                        struct kn_buf *out);

/* ---- members of a document, which is JSON of our own making ---- */
struct kn_str kn_document_string(struct kn_str json, const char *name, struct kn_arena *arena);
int64_t kn_document_integer(struct kn_str json, const char *name);

/* ---- alerts (alerts.c) ---- */
bool kn_alert_read(struct kn_ctx *ctx, struct kn_buf *out);
/* "state" and what it was judged by, now. */
void kn_alert_put(struct kn_ctx *ctx, struct kn_str json, struct kn_buf *out);

#endif
