/* What the tests of collect share: settings, padded texts, items as one line of text. */
#ifndef KN_TESTS_COLLECT_KIT_H
#define KN_TESTS_COLLECT_KIT_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "apply/fold.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cm.h"
#include "collect/collect_internal.h"

#define NOW INT64_C(1795448721100000) /* 2026-11-23T15:45:21.1Z */

static inline void kit_fill(void *self, void *to, size_t len)
{
    struct kn_rand *r = self;
    for (size_t i = 0; i < len; i++) {
        ((unsigned char *)to)[i] = (unsigned char)kn_rand_u64(r);
    }
}

static inline struct kn_random kit_random(struct kn_rand *r)
{
    return (struct kn_random){kit_fill, r};
}

/* Sources: 1 web with key WKB, 2 switched off with key OFF, 3 server with key SRV. */
static inline struct kn_settings *kit_settings(void)
{
    static char keys[4][24] = {"workspace", "source/src_web", "source/src_off", "source/src_srv"};
    static char docs[4][200] = {
        "{\"name\":\"shop\",\"currency\":\"EUR\"}",
        "{\"number\":1,\"name\":\"Site\",\"kind\":\"web\",\"write_keys\":[\"WKB\"]}",
        "{\"number\":2,\"name\":\"Old\",\"kind\":\"web\",\"write_keys\":[\"OFF\"],\"enabled\":false}",
        "{\"number\":3,\"name\":\"Shop\",\"kind\":\"server\",\"write_keys\":[\"SRV\"]}"};
    struct kn_setting_doc list[4];
    struct kn_settings *settings = NULL;
    struct kn_hash_key key = kn_hash_key_from(KN_STR("test"));
    for (size_t i = 0; i < 4; i++) {
        list[i] = (struct kn_setting_doc){keys[i], docs[i]};
    }
    assert_int_equal(kn_settings_build(list, 4, 1, &key, NULL, &settings, NULL), KN_OK);
    return settings;
}

/* A copy with the padding the parser asks for; to be freed. */
static inline struct kn_str kit_padded(struct kn_str text)
{
    char *copy = kn_must_calloc(1, text.len + KN_JSON_PADDING);
    memcpy(copy, text.p ? text.p : "", text.len);
    return kn_str(copy, text.len);
}

static inline void kit_free(struct kn_str padded)
{
    kn_free((void *)(uintptr_t)padded.p);
}

static inline void kit_part(struct kn_buf *out, const char *name, struct kn_str value)
{
    if (value.len > 0) {
        kn_buf_printf(out, " %s=%.*s", name, KN_STR_ARG(value));
    }
}

static inline void kit_visit(const struct kn_item_visit *v, struct kn_buf *out)
{
    if (v->present) {
        kit_part(out, "channel", v->channel);
        kit_part(out, "source", v->source);
        kit_part(out, "medium", v->medium);
        kit_part(out, "campaign", v->campaign);
        kit_part(out, "term", v->term);
        kit_part(out, "content", v->content);
        kit_part(out, "referrer", v->referrer);
        kit_part(out, "click", v->click_id);
        kit_part(out, "landing", v->landing_page);
    }
}

/* "track 'Order Completed' user_id:u1 +250ms traits={} ..." : the facts, without body and message
 * id; the time relative to NOW. */
static inline void kit_facts(const struct kn_item *item, struct kn_buf *out)
{
    static const char *const orders[] = {"", "completed", "updated", "refunded", "cancelled"};
    static const char *const states[] = {"unknown", "granted", "denied", "conflict"};
    kn_buf_printf(out, "%s", kn_event_type_name(item->type));
    if (item->name.len > 0) {
        kn_buf_printf(out, " '%.*s'", KN_STR_ARG(item->name));
    }
    if (item->event_us != NOW) {
        kn_buf_printf(out, " %+" PRId64 "ms", (item->event_us - NOW) / 1000);
    }
    for (size_t i = 0; i < item->id_count; i++) {
        const char *type = kn_id_type_name(item->ids[i].type);
        kn_buf_printf(out, " %s:%.*s", type ? type : "custom", KN_STR_ARG(item->ids[i].value));
    }
    kn_buf_c(out, item->flags & KN_ITEM_SERVER ? " SERVER" : "");
    kn_buf_c(out, item->flags & KN_ITEM_HISTORIC ? " HISTORIC" : "");
    kn_buf_c(out, item->flags & KN_ITEM_NO_PROFILE ? " NO_PROFILE" : "");
    kit_part(out, "traits", item->traits);
    if (item->order.event != KN_ORDER_NONE) {
        kn_buf_printf(out, " order=%s", orders[item->order.event]);
        kit_part(out, "id", item->order.order_id);
        if (item->order.has_amount) {
            kn_buf_printf(out, " amount=%" PRId64 "%s", item->order.amount, item->order.currency);
        }
    }
    kit_visit(&item->visit, out);
    if (item->device.present) {
        kit_part(out, "device", item->device.device);
        kit_part(out, "browser", item->device.browser);
        kit_part(out, "platform", item->device.platform);
        kit_part(out, "country", item->device.country);
    }
    for (size_t i = 0; i < item->consent_count; i++) {
        const struct kn_item_consent *c = &item->consents[i];
        kn_buf_printf(out, " %.*s=%s", KN_STR_ARG(c->purpose), states[c->state]);
        if (!kn_str_eq(c->basis, KN_STR("consent"))) {
            kn_buf_printf(out, "(%.*s,%.*s,%+" PRId64 "ms)", KN_STR_ARG(c->basis),
                          KN_STR_ARG(c->text_version), c->at_us ? (c->at_us - NOW) / 1000 : 0);
        }
    }
}

#endif
