/* Workspaces: by name, by write key, opening and making them, the manual clock. */
#include <stdio.h>

#include "os/zone.h"
#include "server/jsonlog.h"
#include "server/server_internal.h"

static bool good_name(struct kn_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }
    return name.len > 0 && name.len <= 40;
}

/* Without a time zone database the default's present rules do. */
static void load_default_zone(struct kn_buf *rules)
{
    struct kn_err err;
    kn_buf_init(rules, 1 << 20);
    if (kn_zone_load(KN_STR(KN_ZONE_DEFAULT_NAME), rules, &err) != KN_OK) {
        kn_buf_clear(rules);
        kn_buf_c(rules, KN_ZONE_DEFAULT_RULES);
    }
}

static enum kn_rc open_at(struct kn_server *s, struct kn_workspace_options *o,
                          struct kn_workspace **ret, struct kn_err *err)
{
    struct kn_buf rules;
    load_default_zone(&rules);
    o->time_zone = KN_STR(KN_ZONE_DEFAULT_NAME);
    o->time_zone_rules = kn_buf_view(&rules);
    o->replay_with_new = s->options.replay_with_new;
    enum kn_rc rc = kn_workspace_open(o, ret, err);
    kn_buf_deinit(&rules);
    return rc;
}

enum kn_rc kn_server_open_workspace(struct kn_server *s, struct kn_str name, struct kn_err *err)
{
    char dir[64];
    char state[4400];
    char text[48];
    size_t count = atomic_load(&s->workspace_count);
    if (!good_name(name)) {
        return kn_fail(err, KN_E_INVALID,
                       "a workspace name is 1 to 40 lower-case letters, digits and dashes");
    }
    if (count == KN_WORKSPACES_MAX) {
        return kn_fail(err, KN_E_LIMIT, "at most %d workspaces", (int)KN_WORKSPACES_MAX);
    }
    (void)snprintf(text, sizeof text, "%.*s", KN_STR_ARG(name));
    (void)snprintf(dir, sizeof dir, "ws/%s", text);
    (void)snprintf(state, sizeof state, "%s/ws/%s/state", s->options.data, text);
    struct kn_workspace_options o = {
        .disk = s->disk,
        .dir = dir,
        .state_path = state,
        .name = text,
        .clock = s->clock,
        .random = s->random,
    };
    struct kn_workspace *ws;
    KN_TRY(open_at(s, &o, &ws, err));
    if (s->options.manual_clock) {
        struct kn_position p;
        kn_workspace_position(ws, &p);
        if (p.applied_record_us > atomic_load(&s->manual.wall_us)) {
            atomic_store(&s->manual.wall_us, p.applied_record_us);
        }
    }
    kn_rwlock_write(&s->registry_lock);
    s->workspaces[count] = ws;
    atomic_store(&s->workspace_count, count + 1);
    kn_rwlock_unlock(&s->registry_lock);
    return KN_OK;
}

enum kn_rc kn_server_add_workspace(void *context, struct kn_str name, struct kn_err *err)
{
    struct kn_server *s = context;
    if (kn_server_workspace(s, name)) {
        return kn_fail(err, KN_E_EXISTS, "a workspace of that name exists");
    }
    KN_TRY(kn_server_open_workspace(s, name, err));
    KN_TRY(kn_system_add_workspace(s->system, name, err));
    kn_server_staged(s);
    kn_waker_wake(&s->apply_waker);
    return KN_OK;
}

struct kn_workspace *kn_server_workspace(void *context, struct kn_str name)
{
    struct kn_server *s = context;
    struct kn_workspace *found = NULL;
    kn_rwlock_read(&s->registry_lock);
    for (size_t i = 0; i < atomic_load(&s->workspace_count); i++) {
        if (kn_str_eq(kn_str_c(kn_workspace_name(s->workspaces[i])), name)) {
            found = s->workspaces[i];
        }
    }
    kn_rwlock_unlock(&s->registry_lock);
    return found;
}

void kn_server_each(void *context, void (*fn)(void *, struct kn_workspace *), void *argument)
{
    struct kn_server *s = context;
    for (size_t i = 0; i < atomic_load(&s->workspace_count); i++) {
        fn(argument, s->workspaces[i]);
    }
}

/* Sources are few; a workspace's snapshot is immutable, so a search is a walk without locks. */
enum kn_rc kn_server_find_key(void *context, struct kn_str key, struct kn_collect_target *ret)
{
    struct kn_server *s = context;
    for (size_t i = 0; i < atomic_load(&s->workspace_count); i++) {
        struct kn_settings *settings = kn_workspace_settings(s->workspaces[i]);
        const struct kn_source *source = kn_settings_source_by_key(settings, key);
        if (source) {
            *ret = (struct kn_collect_target){s->workspaces[i], settings, source};
            return KN_OK;
        }
        kn_settings_unref(settings);
    }
    return KN_E_NOT_FOUND;
}

bool kn_server_ready(void *context)
{
    struct kn_server *s = context;
    for (size_t i = 0; i < atomic_load(&s->workspace_count); i++) {
        if (!kn_workspace_ready(s->workspaces[i])) {
            return false;
        }
    }
    return !atomic_load(&s->stopping);
}

enum kn_rc kn_server_move_clock(void *context, int64_t now_us, struct kn_err *err)
{
    struct kn_server *s = context;
    if (!s->options.manual_clock) {
        return kn_fail(err, KN_E_INVALID, "the clock is not manual (kern serve --clock manual)");
    }
    int64_t present = atomic_load(&s->manual.wall_us);
    do {
        if (now_us < present) {
            return kn_fail(err, KN_E_CONFLICT, "the clock does not run backwards");
        }
    } while (!atomic_compare_exchange_weak(&s->manual.wall_us, &present, now_us));
    for (size_t i = 0; i < atomic_load(&s->workspace_count); i++) {
        uint64_t seq;
        KN_TRY(kn_workspace_stage_tick(s->workspaces[i], &seq, err));
    }
    kn_server_staged(s);
    return KN_OK;
}

enum kn_rc kn_server_zone_rules(void *context, struct kn_str name, struct kn_buf *out,
                                struct kn_err *err)
{
    (void)context;
    return kn_zone_load(name, out, err);
}

enum kn_rc kn_server_message(void *context, void *thread, const struct kn_api_message *message,
                             struct kn_buf *items, uint32_t *ret_items, const char **ret_rejected,
                             struct kn_err *err)
{
    struct kn_server *s = context;
    struct kn_collect_message_options o = {.settings = message->settings,
                                           .source = message->source,
                                           .received_us = message->received_us,
                                           .historic = message->historic};
    return kn_collect_message(thread, s->random, &o, message->json, items, ret_items, ret_rejected,
                              err);
}
