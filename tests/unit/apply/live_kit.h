/* A workspace in a temporary directory, driven by hand on a manual clock. */
#ifndef TESTS_APPLY_LIVE_KIT_H
#define TESTS_APPLY_LIVE_KIT_H

#include "cm.h"

#include "apply/read.h"
#include "apply/segments.h"
#include "dir.h"
#include "format/json.h"

struct kit {
    struct kn_disk disk;
    char root[256], state[300];
    struct kn_manual_clock clock;
    struct kn_workspace *ws;
    struct kn_arena arena;
    struct kn_buf items;
    uint32_t count;
    unsigned messages;
    uint64_t history_bytes; /* 0: as always */
};

#define KIT_SECOND INT64_C(1000000)
#define KIT_DAY (24 * 3600 * KIT_SECOND)

static inline void kit_open(struct kit *k)
{
    struct kn_err err = {0};
    struct kn_workspace_options o = {
        .disk = k->disk,
        .dir = "ws/test",
        .state_path = k->state,
        .name = "test",
        .clock = kn_clock_manual(&k->clock),
        .random = kn_random_posix(),
        .log_segment_bytes = 1 << 20,
        .long_history_rows = 3,
        .history_bytes = k->history_bytes,
        .erase_every_ns = 1,
    };
    size_t applied;
    if (kn_workspace_open(&o, &k->ws, &err) != KN_OK) {
        fail_msg("open: %s", err.text);
    }
    if (kn_workspace_apply(k->ws, INT64_MAX, &applied, &err) != KN_OK) {
        fail_msg("apply: %s", err.text);
    }
}

/* Without a workspace yet: the clock may be set before kit_open. */
static inline int kit_prepare(void **state)
{
    struct kit *k = calloc(1, sizeof *k);
    struct kn_err err;
    test_dir("live", k->root);
    (void)snprintf(k->state, sizeof k->state, "%s/ws/test/state", k->root);
    k->clock.wall_us = INT64_C(1795448720) * KIT_SECOND;
    assert_int_equal(kn_disk_posix_open(k->root, &k->disk, &err), KN_OK);
    kn_arena_init(&k->arena, 256 << 20);
    kn_buf_init(&k->items, 64 << 20);
    *state = k;
    return 0;
}

static inline int kit_set_up(void **state)
{
    int rc = kit_prepare(state);
    kit_open(*state);
    return rc;
}

static inline int kit_tear_down(void **state)
{
    struct kit *k = *state;
    kn_workspace_close(k->ws);
    kn_disk_posix_close(k->disk);
    kn_arena_deinit(&k->arena);
    kn_buf_deinit(&k->items);
    free(k);
    return 0;
}

static inline void kit_reopen(struct kit *k)
{
    kn_workspace_close(k->ws);
    k->ws = NULL;
    kit_open(k);
}

static inline void kit_checkpoint(struct kit *k)
{
    struct kn_err err = {0};
    if (kn_workspace_checkpoint_now(k->ws, &err) != KN_OK) {
        fail_msg("checkpoint: %s", err.text);
    }
}

static inline void kit_drain(struct kit *k)
{
    struct kn_err err = {0};
    bool committed = true;
    size_t applied;
    while (committed) {
        assert_int_equal(kn_workspace_commit(k->ws, &committed, &err), KN_OK);
        if (kn_workspace_apply(k->ws, INT64_MAX, &applied, &err) != KN_OK) {
            fail_msg("apply: %s", err.text);
        }
    }
}

/* Stages what was added as one record. */
static inline void kit_stage(struct kit *k, uint32_t flags)
{
    struct kn_err err = {0};
    uint64_t seq;
    bool full;
    if (kn_workspace_stage(k->ws, kn_buf_view(&k->items), k->count, flags, &seq, &full, &err) !=
        KN_OK) {
        fail_msg("stage: %s", err.text);
    }
    kn_buf_clear(&k->items);
    k->count = 0;
}

/* And applies it. */
static inline void kit_send(struct kit *k, uint32_t flags)
{
    kit_stage(k, flags);
    kit_drain(k);
}

static inline void kit_tick(struct kit *k)
{
    struct kn_err err = {0};
    uint64_t seq;
    assert_int_equal(kn_workspace_stage_tick(k->ws, &seq, &err), KN_OK);
    kit_drain(k);
}

/* Until nothing is left to build and install. */
static inline void kit_settle(struct kit *k)
{
    struct kn_err err = {0};
    bool more = true;
    bool staged = true;
    while (more || staged || kn_workspace_next_due(k->ws) == INT64_MIN) {
        assert_int_equal(kn_workspace_build_step(k->ws, &more, &staged, &err), KN_OK);
        kit_drain(k);
        if (kn_workspace_next_due(k->ws) == INT64_MIN) {
            kit_tick(k);
        }
    }
}

/* Adds a setting to the record being made. */
static inline void kit_add_setting(struct kit *k, const char *key, const char *json)
{
    struct kn_item item = {
        .kind = KN_ITEM_SETTING,
        .event_us = k->clock.wall_us,
        .received_us = k->clock.wall_us,
        .message_id = KN_STR("-"),
        .name = kn_str_c(key),
        .body = kn_str_c(json),
    };
    kn_item_encode(&item, &k->items);
    k->count++;
}

static inline void kit_setting(struct kit *k, const char *key, const char *json)
{
    kit_add_setting(k, key, json);
    kit_send(k, KN_FRAME_SETTINGS);
}

static inline void kit_define(struct kit *k, const char *key, const char *query)
{
    struct kn_buf json;
    char name[128];
    kn_buf_init(&json, 1 << 20);
    kn_buf_c(&json, "{");
    kn_json_out_kv(&json, "query", kn_str_c(query));
    kn_buf_c(&json, "}");
    kn_buf_char(&json, '\0');
    assert_int_equal(json.rc, KN_OK);
    (void)snprintf(name, sizeof name, "%s", key);
    kit_setting(k, name, json.p);
    kn_buf_deinit(&json);
}

/* Adds an event of the anonymous visitor `who` to the record being made. */
static inline void kit_add(struct kit *k, const char *who, const char *event, int64_t at,
                           const char *properties)
{
    char message[32];
    char body[1024];
    struct kn_item_id id = {.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(who)};
    (void)snprintf(message, sizeof message, "m%u", ++k->messages);
    (void)snprintf(body, sizeof body, "{\"properties\":%s}", properties ? properties : "{}");
    struct kn_item item = {
        .kind = KN_ITEM_EVENT,
        .type = KN_EVENT_TRACK,
        .source = 1,
        .event_us = at,
        .received_us = k->clock.wall_us,
        .message_id = kn_str_c(message),
        .name = kn_str_c(event),
        .ids = &id,
        .id_count = 1,
        .body = kn_str_c(body),
    };
    kn_item_encode(&item, &k->items);
    assert_int_equal(k->items.rc, KN_OK);
    k->count++;
}

static inline void kit_event(struct kit *k, const char *who, const char *event, int64_t at,
                             const char *properties)
{
    kit_add(k, who, event, at, properties);
    kit_send(k, 0);
}

static inline struct kn_profile *kit_who(struct kit *k, const char *who)
{
    struct kn_profile *p = NULL;
    enum kn_rc rc =
        kn_read_profile_by_identifier(k->ws, KN_STR("anonymous_id"), kn_str_c(who), &k->arena, &p);
    return rc == KN_OK ? p : NULL;
}

static inline bool kit_in(struct kit *k, const char *who, const char *key)
{
    struct kn_profile_segment *list;
    size_t count;
    struct kn_profile *p = kit_who(k, who);
    assert_non_null(p);
    assert_int_equal(kn_profile_segments(k->ws, p->ordinal, &k->arena, &list, &count), KN_OK);
    for (size_t i = 0; i < count; i++) {
        if (kn_str_eq(list[i].key, kn_str_c(key))) {
            return true;
        }
    }
    return false;
}

static inline struct kn_segment_info kit_info(struct kit *k, const char *key)
{
    struct kn_segment_info info;
    assert_int_equal(kn_segment_info(k->ws, kn_str_c(key), &k->arena, &info), KN_OK);
    return info;
}

#endif
