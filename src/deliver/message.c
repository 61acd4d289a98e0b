#include "deliver/message.h"

#include <stdio.h>

#include "apply/read.h"
#include "format/json.h"
#include "format/time_text.h"
#include "profile/field.h"

#define DAY_US (INT64_C(24) * 3600 * 1000000)

void kn_message_init(struct kn_message *m)
{
    *m = (struct kn_message){0};
    kn_buf_init(&m->body, KN_MESSAGE_BODY_MAX);
    for (size_t i = 0; i < KN_MESSAGE_HEADERS; i++) {
        m->headers[i] = m->lines[i];
    }
}

void kn_message_deinit(struct kn_message *m)
{
    kn_buf_deinit(&m->body);
}

void kn_message_id(const struct kn_destination *d, const struct kn_delivery_entry *entry,
                   char text[KN_MESSAGE_ID_MAX])
{
    struct kn_str tail =
        kn_str_starts(d->id, KN_STR("dst_")) ? kn_str_sub(d->id, 4, d->id.len) : d->id;
    (void)snprintf(text, KN_MESSAGE_ID_MAX, "msg_%.*s_%u_%llu", KN_STR_ARG(tail), entry->id.series,
                   (unsigned long long)entry->id.number);
}

/* ---- bodies ---- */

static void put_field(struct kn_buf *out, const struct kn_profile *p,
                      const struct kn_profile_field *field)
{
    struct kn_str value;
    switch (field->kind) {
    case KN_PF_CREATED: kn_json_out_ktime(out, "created_at", p->created_us); return;
    case KN_PF_LAST_SEEN: kn_json_out_ktime(out, "last_seen_at", p->last_seen_us); return;
    case KN_PF_IDENTIFIER:
    case KN_PF_TRAIT:
    case KN_PF_COMPUTED: break;
    default: return;
    }
    value = kn_profile_field_value(p, field);
    if (value.len == 0) {
        return;
    }
    kn_json_out_comma(out);
    kn_json_out_string(out, field->name);
    kn_buf_char(out, ':');
    if (field->kind == KN_PF_IDENTIFIER) {
        kn_json_out_string(out, value);
    } else {
        kn_buf_str(out, value);
    }
}

static void put_profile(struct kn_buf *out, const struct kn_destination *d, struct kn_h128 id,
                        const struct kn_profile *p)
{
    char text[27];
    struct kn_profile_field field;
    kn_profile_id_text(id, text);
    kn_json_out_key(out, "profile");
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "id", kn_str(text, 26));
    if (p) {
        kn_json_out_key(out, "fields");
        kn_buf_char(out, '{');
        for (size_t i = 0; i < d->field_count; i++) {
            if (kn_profile_field_parse(d->fields[i], &field)) {
                put_field(out, p, &field);
            }
        }
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, '}');
}

static void put_head(struct kn_buf *out, const char *type, int64_t at_us, struct kn_workspace *ws,
                     const struct kn_destination *d)
{
    kn_buf_clear(out);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "type", kn_str_c(type));
    kn_json_out_ktime(out, "timestamp", at_us);
    kn_json_out_key(out, "data");
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "workspace", kn_str_c(kn_workspace_name(ws)));
    kn_json_out_kv(out, "destination", d->id);
}

static void put_change(struct kn_buf *out, struct kn_workspace *ws, const struct kn_destination *d,
                       const struct kn_delivery_entry *e, struct kn_h128 id,
                       const struct kn_profile *p)
{
    char position[64];
    put_head(out, e->kind == KN_CHANGE_ENTERED ? "audience.entered" : "audience.exited", e->at_us,
             ws, d);
    kn_json_out_kv(out, "purpose", d->purpose);
    kn_json_out_kv(out, "segment", e->segment);
    put_profile(out, d, id, p);
    kn_json_out_kv(out, "cause", kn_str_c(kn_cause_name(e->cause)));
    if (e->message_id.len > 0) {
        kn_json_out_kv(out, "message_id", e->message_id);
    }
    (void)snprintf(position, sizeof position, "%llu-%u", (unsigned long long)e->position, e->index);
    kn_json_out_kv(out, "position", kn_str_c(position));
    kn_buf_c(out, "}}");
}

/* The profile, if it is one still and may be used for the purpose; else NULL. */
static enum kn_rc usable(struct kn_workspace *ws, const struct kn_destination *d, uint32_t ordinal,
                         struct kn_arena *arena, const struct kn_profile **ret)
{
    struct kn_profile **list;
    size_t count;
    uint32_t next;
    *ret = NULL;
    KN_TRY(kn_read_profiles(ws, ordinal - 1, KN_STR_EMPTY, 1, arena, &list, &count, &next));
    if (count > 0 && list[0]->ordinal == ordinal && kn_profile_may_be_used(list[0], d->purpose)) {
        *ret = list[0];
    }
    return KN_OK;
}

enum kn_rc kn_message_make(struct kn_message *m, struct kn_workspace *ws,
                           const struct kn_destination *d, const struct kn_delivery_entry *entry,
                           struct kn_arena *arena, bool *ret_withheld)
{
    struct kn_h128 id;
    bool live;
    const struct kn_profile *p = NULL;
    enum kn_rc rc = kn_delivery_profile_id(ws, entry->ordinal, &id, &live);
    *ret_withheld = rc == KN_E_NOT_FOUND;
    if (rc == KN_OK && live) {
        rc = usable(ws, d, entry->ordinal, arena, &p);
    }
    if (rc != KN_OK) {
        return *ret_withheld ? KN_OK : rc;
    }
    *ret_withheld = entry->kind == KN_CHANGE_ENTERED && !p;
    if (!*ret_withheld) {
        put_change(&m->body, ws, d, entry, id, p);
    }
    return m->body.rc;
}

void kn_message_test(struct kn_message *m, struct kn_workspace *ws, const struct kn_destination *d,
                     int64_t now_us)
{
    put_head(&m->body, "destination.test", now_us, ws, d);
    kn_buf_c(&m->body, "}}");
}

/* ---- headers ---- */

static void sign_with(struct kn_buf *out, const struct kn_message *m,
                      const unsigned char key[KN_WEBHOOK_KEY_BYTES], struct kn_workspace *ws,
                      const struct kn_destination *d, uint32_t generation, struct kn_str id,
                      int64_t now_us)
{
    struct kn_webhook_secret secret =
        kn_webhook_secret(key, kn_str_c(kn_workspace_name(ws)), d->id, generation);
    kn_webhook_sign(&secret, id, now_us / 1000000, kn_buf_view(&m->body), out);
    kn_webhook_forget(&secret);
}

void kn_message_sign(struct kn_message *m, const unsigned char key[KN_WEBHOOK_KEY_BYTES],
                     struct kn_workspace *ws, const struct kn_destination *d, struct kn_str id,
                     int64_t now_us, int64_t real_us)
{
    struct kn_buf signature;
    kn_buf_init(&signature, 256);
    sign_with(&signature, m, key, ws, d, d->generation, id, real_us);
    if (d->generation > 1 && now_us - d->rotated_us < DAY_US) {
        kn_buf_char(&signature, ' ');
        sign_with(&signature, m, key, ws, d, d->generation - 1, id, real_us);
    }
    (void)snprintf(m->lines[0], sizeof m->lines[0], "Content-Type: application/json");
    (void)snprintf(m->lines[1], sizeof m->lines[1], "webhook-id: %.*s", KN_STR_ARG(id));
    (void)snprintf(m->lines[2], sizeof m->lines[2], "webhook-timestamp: %lld",
                   (long long)(real_us / 1000000));
    (void)snprintf(m->lines[3], sizeof m->lines[3], "webhook-signature: %.*s",
                   KN_STR_ARG(kn_buf_view(&signature)));
    kn_buf_deinit(&signature);
}
