#include "sim/segments.h"

#include <stdio.h>

#include "apply/read.h"
#include "apply/segments.h"
#include "format/json.h"

enum { KEYS = 4, SHOWN = 10, MEMBERS_MAX = 1000 };

static void put_definition(const char *key, struct kn_str json, int64_t now_us,
                           struct kn_buf *items)
{
    struct kn_item item = {
        .kind = KN_ITEM_SETTING,
        .event_us = now_us,
        .received_us = now_us,
        .message_id = KN_STR("-"),
        .name = kn_str_c(key),
        .body = json,
    };
    kn_item_encode(&item, items);
}

/* A copy of another segment, which need not be there. */
static void freeze(struct kn_rand *rand, int64_t now_us, struct kn_buf *items)
{
    char json[120];
    (void)snprintf(json, sizeof json, "{\"list\":%u,\"frozen\":true,\"snapshot_of\":\"g%u\"}",
                   1 + (unsigned)kn_rand_below(rand, 1000000), (unsigned)kn_rand_below(rand, KEYS));
    put_definition("segment/s0", kn_str_c(json), now_us, items);
}

void sim_segments_define(struct kn_rand *rand, int64_t now_us, struct kn_buf *items)
{
    static const char *const templates[5][2] = {
        {"event('Thing Done').within(", " seconds).count() >= 2"},
        {"event('Page Viewed').within(1 day).count() < ", ""},
        {"trait('t0') >= ", ""},
        {"event('Page Viewed').count() = ", " OR segment('l0')"},
        {"event('Order Completed').where(property('order_id').exists()).between(",
         " minutes, 1 minute).count() = 1"},
    };
    const char *const *template = templates[kn_rand_below(rand, 5)];
    char key[32];
    char query[160];
    unsigned at = (unsigned)kn_rand_below(rand, KEYS);
    struct kn_buf json;
    if (kn_rand_chance(rand, 1, 6)) {
        freeze(rand, now_us, items);
        return;
    }
    (void)snprintf(key, sizeof key, "segment/g%u", at);
    (void)snprintf(query, sizeof query, "%s%u%s", template[0],
                   (unsigned)kn_rand_between(rand, 2, 400), template[1]);
    if (at == KEYS - 1) { /* it reads the others, which need not be there */
        (void)snprintf(query, sizeof query, "segment('g0') AND NOT segment('g%u')",
                       (unsigned)kn_rand_between(rand, 1, 2));
    }
    kn_buf_init(&json, 4096);
    kn_buf_c(&json, "{");
    kn_json_out_kv(&json, "query", kn_str_c(query));
    kn_buf_c(&json, "}");
    put_definition(key, kn_buf_view(&json), now_us, items);
    kn_buf_deinit(&json);
}

static bool is_in(struct kn_workspace *ws, uint32_t ordinal, struct kn_str key,
                  struct kn_arena *arena)
{
    struct kn_profile_segment *list;
    size_t count;
    if (kn_profile_segments(ws, ordinal, arena, &list, &count) != KN_OK) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (kn_str_eq(list[i].key, key)) {
            return true;
        }
    }
    return false;
}

static bool check_one(struct kn_workspace *ws, const struct kn_segment_info *info,
                      struct kn_profile **people, size_t count, struct kn_arena *arena, char *why,
                      size_t why_len)
{
    struct kn_err err = {0};
    uint64_t members = 0;
    for (size_t i = 0; i < count; i++) {
        bool truth = false;
        bool in = is_in(ws, people[i]->ordinal, info->key, arena);
        members += in ? 1 : 0;
        if (info->list != 0) {
            continue; /* the oracle knows who is on it */
        }
        if (kn_segment_truth(ws, people[i]->ordinal, info->query, &truth, &err) != KN_OK) {
            (void)snprintf(why, why_len, "truth: %s", err.text);
            return false;
        }
        if (info->ready && in != truth) {
            (void)snprintf(why, why_len, "profile %u is %s in %.*s", people[i]->ordinal,
                           truth ? "not" : "wrongly", KN_STR_ARG(info->query));
            return false;
        }
    }
    if (members != info->size) {
        (void)snprintf(why, why_len, "segment %.*s: %llu members, but its size is %llu",
                       KN_STR_ARG(info->key), (unsigned long long)members,
                       (unsigned long long)info->size);
        return false;
    }
    return true;
}

bool sim_segments_check(struct kn_workspace *ws, char *why, size_t why_len)
{
    struct kn_arena arena;
    struct kn_segment_info *all;
    struct kn_profile **people;
    size_t count;
    size_t people_count;
    uint32_t next;
    bool more;
    kn_arena_init(&arena, 64 << 20);
    bool ok = kn_segments_list(ws, false, 0, SHOWN, &arena, &all, &count, &more) == KN_OK &&
              kn_read_profiles(ws, 0, KN_STR_EMPTY, MEMBERS_MAX, &arena, &people, &people_count,
                               &next) == KN_OK;
    if (!ok) {
        (void)snprintf(why, why_len, "segments cannot be read");
    }
    for (size_t i = 0; ok && i < count; i++) {
        ok = check_one(ws, &all[i], people, people_count, &arena, why, why_len);
    }
    kn_arena_deinit(&arena);
    return ok;
}
