/* A body into the items of one frame. A bad message becomes a reject; the others stay good. */
#include "collect/collect_internal.h"
#include "format/time_text.h"

#include <stdio.h>
#include <string.h>

/* ---- rejects ---- */

static void write_reject(struct kn_intake *in)
{
    struct kn_collect *c = in->c;
    struct kn_buf *out = &c->body;
    kn_buf_clear(out);
    kn_buf_clear(&c->scratch);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "reason", kn_str_c(in->last.reason));
    kn_json_out_kv(out, "detail", kn_str_c(in->last.detail));
    if (in->last.count > 1) {
        kn_json_out_ki64(out, "count", in->last.count);
    }
    if (in->last.sample.len > 0) {
        kn_mask(in->last.sample, &c->scratch);
        kn_json_out_kv(out, "sample", kn_buf_view(&c->scratch));
    }
    kn_buf_char(out, '}');
    struct kn_item item = {
        .kind = KN_ITEM_REJECT,
        .source = in->m.source->number,
        .event_us = in->m.received_us,
        .received_us = in->m.received_us,
        .message_id = KN_STR("-"),
        .name = kn_str_c(in->last.reason),
        .body = kn_buf_view(out),
    };
    size_t before = in->items->len;
    kn_item_encode(&item, in->items);
    if (out->rc != KN_OK || c->scratch.rc != KN_OK || in->items->rc != KN_OK) {
        in->items->len = before;
        in->rc = in->items->rc != KN_OK ? in->items->rc : KN_E_NOMEM;
        return;
    }
    in->item_count++;
    in->last.reason = NULL;
}

static void count_reason(struct kn_intake *in, const char *reason, uint32_t count)
{
    for (size_t i = 0; i < KN_COLLECT_REASONS; i++) {
        struct kn_collect_refusals *r = &in->refused[i];
        if (!r->reason || strcmp(r->reason, reason) == 0) {
            r->reason = reason;
            r->count += count;
            return;
        }
    }
}

void kn_intake_reject(struct kn_intake *in, const char *reason, const char *detail,
                      struct kn_str sample, uint32_t count)
{
    in->rejected += count;
    count_reason(in, reason, count);
    if (in->last.reason && in->rejects_stored == KN_REJECTS_PER_REQUEST) {
        in->last.count += count;
        return;
    }
    if (in->last.reason) {
        write_reject(in);
    }
    in->rejects_stored++;
    in->last.reason = reason;
    in->last.sample = sample;
    in->last.count = count;
    (void)snprintf(in->last.detail, sizeof in->last.detail, "%s", detail);
}

void kn_intake_end(struct kn_intake *in)
{
    if (in->last.reason && in->rc == KN_OK) {
        write_reject(in);
    }
}

/* ---- messages ---- */

static void take(struct kn_intake *in, const struct kn_json *doc, uint32_t node)
{
    const char *reason;
    struct kn_err err;
    in->m.doc = doc;
    in->m.node = node;
    enum kn_rc rc = kn_message_item(in->c, &in->m, in->items, &reason, &err);
    if (rc != KN_OK) {
        in->rc = rc;
    } else if (reason) {
        kn_intake_reject(in, reason, err.text, kn_json_raw(doc, node), 1);
    } else {
        in->item_count++;
        in->accepted++;
    }
}

void kn_intake_single(struct kn_intake *in, const struct kn_json *doc)
{
    in->m.shared = NULL;
    take(in, doc, 0);
}

static uint32_t object_named(const struct kn_json *doc, struct kn_str key, size_t *bytes)
{
    uint32_t node = kn_json_find(doc, 0, key);
    if (kn_json_type_at(doc, node) != KN_JSON_OBJECT) {
        return KN_JSON_NONE;
    }
    *bytes += doc->nodes[node].len;
    return node;
}

bool kn_intake_batch(struct kn_intake *in, const struct kn_json *doc)
{
    struct kn_shared shared = {0};
    struct kn_str sent;
    uint32_t batch = kn_json_find(doc, 0, KN_STR("batch"));
    uint32_t seen = 0;
    uint32_t over = 0;
    if (kn_json_type_at(doc, batch) != KN_JSON_ARRAY) {
        return false;
    }
    shared.context = object_named(doc, KN_STR("context"), &shared.bytes);
    shared.integrations = object_named(doc, KN_STR("integrations"), &shared.bytes);
    shared.sent_at = kn_json_find(doc, 0, KN_STR("sentAt"));
    shared.has_sent = kn_json_scalar(doc, shared.sent_at, &in->c->arena, &sent) &&
                      kn_time_parse(sent, &shared.sent_us);
    in->m.shared = &shared;
    for (uint32_t i = batch + 1; i < doc->nodes[batch].next && in->rc == KN_OK;
         i = doc->nodes[i].next) {
        if (++seen > KN_BATCH_EVENTS_MAX) {
            over++;
        } else {
            take(in, doc, i);
        }
    }
    if (over > 0) {
        kn_intake_reject(in, "too_many_events", "a batch may have at most 2500 messages",
                         KN_STR_EMPTY, over);
    }
    in->m.shared = NULL;
    return true;
}
