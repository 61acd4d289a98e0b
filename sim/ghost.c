#include "sim/ghost.h"

#include <stdio.h>

#include "tests/trace.h"

static const char *const traces[] = {"ghost-device", "ghost-user", "ghost-sku", "ghost-message"};

enum { SOURCE = 90 };

static void send(struct ghost *g, struct kn_rand *rand)
{
    char message[32];
    struct kn_buf items;
    struct kn_err err;
    uint64_t seq;
    bool full;
    struct kn_item_id ids[2] = {{.type = KN_ID_USER_ID, .value = KN_STR("ghost-user")},
                                {.type = KN_ID_ANONYMOUS_ID, .value = KN_STR("ghost-device")}};
    int64_t now = g->w->clock.wall_us;
    bool both = kn_rand_chance(rand, 1, 2);
    (void)snprintf(message, sizeof message, "ghost-message-%u", g->messages++);
    struct kn_item item = {
        .kind = KN_ITEM_EVENT,
        .type = KN_EVENT_TRACK,
        .flags = kn_rand_chance(rand, 1, 6) ? KN_ITEM_NO_PROFILE : 0,
        .source = SOURCE,
        /* late: long before any erasure */
        .event_us = g->erased || kn_rand_chance(rand, 1, 3) ? now - INT64_C(86400000000) : now - 1,
        .received_us = now,
        .message_id = kn_str_c(message),
        .name = kn_rand_chance(rand, 1, 2) ? KN_STR("Thing Done") : KN_STR("Page Viewed"),
        .ids = both ? ids : ids + 1,
        .id_count = both ? 2 : 1,
        .traits =
            kn_rand_chance(rand, 1, 3) ? KN_STR("{\"t0\":7,\"city\":\"ghost-sku\"}") : KN_STR_EMPTY,
        .body = KN_STR("{\"properties\":{\"sku\":\"ghost-sku\"}}"),
    };
    kn_buf_init(&items, 1 << 16);
    kn_item_encode(&item, &items);
    /* Nobody waits for it, so it may be lost. */
    (void)!kn_workspace_stage(g->w->ws, kn_buf_view(&items), 1, 0, &seq, &full, &err);
    kn_buf_deinit(&items);
}

static void ask(struct ghost *g)
{
    static const char body[] =
        "{\"identifier\":{\"type\":\"anonymous_id\",\"value\":\"ghost-device\"}}";
    if (world_call(g->w, "POST", "/erasures", NULL, 0, kn_str_c(body)) == WORLD_WAITS) {
        g->erase_seq = g->w->call.wait_seq;
    }
}

void ghost_act(struct ghost *g, struct kn_rand *rand)
{
    if (g->erase_seq != 0 && !g->erased) {
        return; /* dated now it may be a new sign-up, dated before it may be the first word */
    }
    if (!g->erased && kn_rand_chance(rand, 1, 8)) {
        ask(g);
    } else {
        send(g, rand);
    }
}

void ghost_settle(struct ghost *g)
{
    struct kn_position p;
    kn_workspace_position(g->w->ws, &p);
    if (g->erase_seq == 0 || g->erased) {
        return;
    }
    if (kn_workspace_is_lost(g->w->ws, g->erase_seq) || p.staged < g->erase_seq) {
        g->erase_seq = 0;
    } else if (p.durable >= g->erase_seq) {
        g->erased = true;
    }
}

bool ghost_check(struct ghost *g, char *why, size_t why_len)
{
    struct kn_position p;
    struct kn_http_pair id = {KN_STR("anonymous_id"), KN_STR("ghost-device")};
    kn_workspace_position(g->w->ws, &p);
    if (g->erased && p.applied >= g->erase_seq && world_get(g->w, "/profiles", &id, 1)) {
        (void)snprintf(why, why_len, "who was erased is back");
        return false;
    }
    return true;
}

bool ghost_is_done(struct ghost *g)
{
    struct kn_http_pair id = {KN_STR("anonymous_id"), KN_STR("ghost-device")};
    ghost_settle(g);
    if (!g->erased) {
        if (g->erase_seq == 0 && world_get(g->w, "/profiles", &id, 1)) {
            ask(g);
            return false;
        }
        return g->erase_seq == 0 && g->messages == 0;
    }
    struct kn_workspace_stats stats;
    kn_workspace_stats(g->w->ws, &stats);
    return stats.erasures_waiting == 0 && stats.position.applied >= g->erase_seq;
}

/* ---- the disk ---- */

struct looking {
    struct ghost *g;
    const char *dir;
    char *why;
    size_t why_len;
    bool found;
};

static void look_in_file(void *context, struct kn_str name, uint64_t bytes)
{
    struct looking *l = context;
    char path[300];
    (void)bytes;
    (void)snprintf(path, sizeof path, "%s/%.*s", l->dir, KN_STR_ARG(name));
    struct kn_str all = sim_disk_bytes(l->g->w->disk, path);
    for (size_t i = 0; all.p && i < sizeof traces / sizeof traces[0] && !l->found; i++) {
        if (trace_in(all, kn_str_c(traces[i]))) {
            l->found = true;
            (void)snprintf(l->why, l->why_len, "\"%s\" stands in %s", traces[i], path);
        }
    }
}

bool ghost_left_no_trace(struct ghost *g, char *why, size_t why_len)
{
    static const char *const dirs[] = {"ws/sim/log", "ws/sim/runs", "ws/sim/dedupe"};
    struct kn_err err;
    char where[512];
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
        struct looking l = {g, dirs[i], why, why_len, false};
        if (kn_disk_list(sim_disk_interface(g->w->disk), dirs[i], look_in_file, &l, &err) !=
                KN_OK ||
            l.found) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++) {
        if (trace_below(g->w->state, kn_str_c(traces[i]), where)) {
            (void)snprintf(why, why_len, "\"%s\" stands in the state", traces[i]);
            return false;
        }
    }
    return true;
}
