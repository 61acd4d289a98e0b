#include "sim/changes.h"

#include <stdio.h>

#include "base/assert.h"

/* A profile as an answer shows it. */
struct shown {
    char id[32];
    unsigned ids[SIM_IDS];
    size_t count;
};

static unsigned index_of(struct kn_str type, struct kn_str value)
{
    for (unsigned k = 0; k < SIM_IDS; k++) {
        char text[32];
        enum sim_id_type t = (enum sim_id_type)(k / SIM_IDS_EACH);
        sim_id_value(t, k % SIM_IDS_EACH + 1, text);
        if (kn_str_eq(type, kn_str_c(sim_id_type_name(t))) && kn_str_eq(value, kn_str_c(text))) {
            return k;
        }
    }
    kn_panic("simulation: an identifier nobody sent");
}

/* The owner of some identifier; false: it has none. */
static bool look_up(struct world *w, struct kn_rand *rand, struct shown *ret)
{
    char value[32];
    unsigned k = (unsigned)kn_rand_below(rand, SIM_IDS);
    sim_id_value((enum sim_id_type)(k / SIM_IDS_EACH), k % SIM_IDS_EACH + 1, value);
    struct kn_http_pair pair = {kn_str_c(sim_id_type_name((enum sim_id_type)(k / SIM_IDS_EACH))),
                                kn_str_c(value)};
    if (!world_get(w, "/profiles", &pair, 1)) {
        return false;
    }
    const struct kn_json *doc = &w->doc;
    struct kn_str id = kn_json_string(doc, kn_json_find(doc, 0, KN_STR("id")), &w->arena);
    (void)snprintf(ret->id, sizeof ret->id, "%.*s", KN_STR_ARG(id));
    uint32_t list = kn_json_find(doc, 0, KN_STR("identifiers"));
    ret->count = 0;
    for (uint32_t i = list + 1; i < doc->nodes[list].next; i = doc->nodes[i].next) {
        ret->ids[ret->count++] =
            index_of(kn_json_string(doc, kn_json_find(doc, i, KN_STR("type")), &w->arena),
                     kn_json_string(doc, kn_json_find(doc, i, KN_STR("value")), &w->arena));
    }
    return true;
}

static void put_id(struct kn_buf *body, unsigned k)
{
    char value[32];
    enum sim_id_type type = (enum sim_id_type)(k / SIM_IDS_EACH);
    sim_id_value(type, k % SIM_IDS_EACH + 1, value);
    kn_buf_printf(body, "{\"type\":\"%s\",\"value\":\"%s\"}", sim_id_type_name(type), value);
}

static bool post(struct world *w, const char *path, bool dry, struct kn_str body)
{
    struct kn_http_pair pair = {KN_STR("dry_run"), KN_STR("true")};
    enum world_answer answer = world_call(w, "POST", path, &pair, dry ? 1 : 0, body);
    kn_assert(!dry || answer == WORLD_DONE);
    return answer == WORLD_WAITS;
}

static bool consent(struct world *w, struct kn_rand *rand, struct oracle_item *item)
{
    struct shown p;
    char path[80];
    char body[120];
    if (!look_up(w, rand, &p)) {
        return false;
    }
    enum sim_purpose purpose = (enum sim_purpose)kn_rand_below(rand, SIM_PURPOSES);
    enum sim_state state = kn_rand_chance(rand, 1, 2) ? SIM_GRANTED : SIM_DENIED;
    (void)snprintf(path, sizeof path, "/profiles/%s/consents", p.id);
    (void)snprintf(body, sizeof body, "{\"purpose\":\"%s\",\"state\":\"%s\"}",
                   sim_purpose_name(purpose), state == SIM_GRANTED ? "granted" : "denied");
    item->kind = ORACLE_CONSENT;
    item->message.preferences = true;
    item->message.states[purpose] = state;
    item->ids[0] = p.ids[0];
    item->id_count = 1;
    return post(w, path, false, kn_str_c(body));
}

static bool merge(struct world *w, struct kn_rand *rand, bool dry, struct oracle_item *item)
{
    struct shown a;
    struct shown b;
    char body[160];
    if (!look_up(w, rand, &a) || !look_up(w, rand, &b)) {
        return false;
    }
    (void)snprintf(body, sizeof body, "{\"profiles\":[\"%s\",\"%s\"],\"reason\":\"one person\"}",
                   a.id, b.id);
    item->kind = ORACLE_MERGE;
    item->ids[0] = a.ids[0];
    item->ids[1] = b.ids[0];
    item->id_count = 2;
    return post(w, "/profiles/merge", dry, kn_str_c(body));
}

static bool unmerge(struct world *w, struct kn_rand *rand, bool dry, struct oracle_item *item)
{
    struct shown p;
    char path[80];
    struct kn_buf body;
    if (!look_up(w, rand, &p)) {
        return false;
    }
    size_t wanted = (size_t)kn_rand_between(rand, 1, 3);
    item->kind = ORACLE_UNMERGE;
    kn_buf_init(&body, 4096);
    kn_buf_c(&body, "{\"reason\":\"two persons\",\"identifiers\":[");
    for (size_t i = 0; i < p.count && item->id_count < wanted; i++) {
        if (!kn_rand_chance(rand, wanted, p.count) && p.count - i > wanted) {
            continue;
        }
        kn_buf_c(&body, item->id_count ? "," : "");
        put_id(&body, p.ids[i]);
        item->ids[item->id_count++] = p.ids[i];
    }
    kn_buf_c(&body, "]}");
    (void)snprintf(path, sizeof path, "/profiles/%s/unmerge", p.id);
    bool waits = post(w, path, dry, kn_buf_view(&body));
    kn_buf_deinit(&body);
    return waits;
}

/* ---- lists ---- */

/* Changes of settings wait for one another; here nobody waits. */
static bool all_applied(const struct world *w)
{
    struct kn_position p;
    kn_workspace_position(w->ws, &p);
    return p.applied == p.staged;
}

static bool make_list(struct world *w, bool there, struct oracle_item *item)
{
    char text[80];
    if (!all_applied(w)) {
        return false;
    }
    item->kind = there ? ORACLE_LIST_GONE : ORACLE_LIST_MADE;
    (void)snprintf(text, sizeof text,
                   there ? "/segments/l%u" : "{\"key\":\"l%u\",\"kind\":\"static\"}", item->list);
    return world_call(w, there ? "DELETE" : "POST", there ? text : "/segments", NULL, 0,
                      there ? KN_STR_EMPTY : kn_str_c(text)) == WORLD_WAITS;
}

static bool is_known(struct world *w, unsigned k)
{
    char value[32];
    enum sim_id_type type = (enum sim_id_type)(k / SIM_IDS_EACH);
    sim_id_value(type, k % SIM_IDS_EACH + 1, value);
    struct kn_http_pair pair = {kn_str_c(sim_id_type_name(type)), kn_str_c(value)};
    return world_get(w, "/profiles", &pair, 1);
}

/* Known and unknown identifiers, some of them of one person. Who is unknown at the call stays so,
 * whatever is on its way. */
static bool change_list(struct world *w, struct kn_rand *rand, struct oracle_item *item)
{
    char path[80];
    struct kn_buf body;
    item->list = (unsigned)kn_rand_below(rand, ORACLE_LISTS);
    (void)snprintf(path, sizeof path, "/segments/l%u", item->list);
    bool there = world_get(w, path, NULL, 0);
    if (!there || kn_rand_chance(rand, 1, 15)) {
        return make_list(w, there, item);
    }
    bool removes = kn_rand_chance(rand, 1, 3);
    item->kind = removes ? ORACLE_LIST_REMOVE : ORACLE_LIST_ADD;
    size_t count = (size_t)kn_rand_between(rand, 1, ORACLE_OPS_IDS);
    kn_buf_init(&body, 4096);
    kn_buf_c(&body, "{\"members\":[");
    for (size_t i = 0; i < count; i++) {
        unsigned k = (unsigned)kn_rand_below(rand, SIM_IDS);
        kn_buf_c(&body, i > 0 ? "," : "");
        put_id(&body, k);
        if (is_known(w, k)) {
            item->ids[item->id_count++] = k;
        }
    }
    kn_buf_c(&body, "]}");
    (void)snprintf(path, sizeof path, "/segments/l%u/members", item->list);
    bool waits = world_call(w, removes ? "DELETE" : "POST", path, NULL, 0, kn_buf_view(&body)) ==
                 WORLD_WAITS;
    kn_buf_deinit(&body);
    return waits;
}

bool changes_make(struct world *w, struct kn_rand *rand, struct oracle_item *ret_item)
{
    bool dry = kn_rand_chance(rand, 1, 4);
    *ret_item = (struct oracle_item){0};
    ret_item->message.event_us = ret_item->message.received_us = w->clock.wall_us;
    switch (kn_rand_below(rand, 6)) {
    case 4:
    case 5: return change_list(w, rand, ret_item);
    case 0: return consent(w, rand, ret_item);
    case 1: return merge(w, rand, dry, ret_item);
    default: return unmerge(w, rand, dry, ret_item);
    }
}
