/* The order in which the same messages arrive does not change who is one person, unless a limit
 * forced a choice; then the choice shows in the links. Messages go in through collect, answers come
 * from the API. */
#include "cm.h"

#include "api/system.h"
#include "base/mem.h"
#include "dir.h"
#include "sim/oracle.h"
#include "sim/world.h"

enum { MESSAGES = 40, SHUFFLES = 4, SEEDS = 12, PEOPLE = 4 };

struct fixture {
    struct sim_disk *disk;
    struct kn_system *system;
    char root[256];
    struct world w;
    char owners[SIM_IDS][32];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct kn_err err;
    f->disk = sim_disk_new(1);
    assert_int_equal(kn_system_open(sim_disk_interface(f->disk), "system", kn_clock_posix(),
                                    kn_random_posix(), &f->system, &err),
                     KN_OK);
    kn_system_lend_token(f->system, KN_STR("simulation"));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kn_system_close(f->system);
    sim_disk_free(f->disk);
    free(f);
    return 0;
}

static void begin(struct fixture *f)
{
    struct kn_err err = {0};
    test_dir("t_order", f->root);
    world_init(&f->w, 1, f->root, f->system);
    if (world_open(&f->w, &err) != KN_OK) {
        fail_msg("open: %s", err.text);
    }
    assert_true(world_set_up(&f->w, 5));
}

/* ---- messages ---- */

/* Hidden persons keep within every limit: one user_id, few addresses, a third of the devices. */
static void draw_of_people(struct kn_rand *r, uint32_t number, struct sim_message *m)
{
    unsigned person = (unsigned)kn_rand_below(r, PEOPLE);
    *m = (struct sim_message){.number = number, .trait = -1, .amount = -1};
    const unsigned of_person = SIM_IDS_EACH / PEOPLE;
    for (unsigned t = 0; t < SIM_ID_TYPES; t++) {
        unsigned which = t == SIM_USER ? 0 : (unsigned)kn_rand_below(r, of_person);
        m->ids[t] = kn_rand_chance(r, 1, 3) ? person * of_person + which + 1 : 0;
    }
    m->ids[SIM_ANON] =
        m->ids[SIM_ANON] || m->ids[SIM_USER] ? m->ids[SIM_ANON] : person * of_person + 1;
}

static void draw_of_anybody(struct kn_rand *r, uint32_t number, struct sim_message *m)
{
    sim_message_draw(r, number, 0, true, m);
    m->fault = SIM_GOOD;
    m->skew_us = 0;
}

static void shuffle(struct kn_rand *r, size_t order[MESSAGES])
{
    for (size_t i = MESSAGES - 1; i > 0; i--) {
        size_t other = (size_t)kn_rand_below(r, i + 1);
        size_t one = order[i];
        order[i] = order[other];
        order[other] = one;
    }
}

static void send_all(struct fixture *f, struct sim_message *messages, const size_t *order)
{
    struct kn_err err = {0};
    bool committed;
    size_t applied;
    for (size_t i = 0; i < MESSAGES; i++) {
        struct sim_message *m = &messages[order[i]];
        struct kn_collect_result result;
        struct kn_buf body;
        m->received_us = m->event_us = f->w.clock.wall_us++;
        kn_buf_init(&body, 65536);
        kn_buf_c(&body, "{\"batch\":[");
        sim_message_json(m, true, &body);
        kn_buf_c(&body, "]}");
        world_collect(&f->w, "/v1/batch", 0, kn_buf_view(&body), &result);
        assert_int_equal(result.accepted, 1);
        kn_buf_deinit(&body);
    }
    assert_int_equal(kn_workspace_commit(f->w.ws, &committed, &err), KN_OK);
    assert_int_equal(kn_workspace_apply(f->w.ws, INT64_MAX, &applied, &err), KN_OK);
}

static void look_up_all(struct fixture *f)
{
    for (unsigned k = 0; k < SIM_IDS; k++) {
        char value[32];
        enum sim_id_type type = (enum sim_id_type)(k / SIM_IDS_EACH);
        sim_id_value(type, k % SIM_IDS_EACH + 1, value);
        struct kn_http_pair pair = {kn_str_c(sim_id_type_name(type)), kn_str_c(value)};
        struct kn_str id = KN_STR_EMPTY;
        if (world_get(&f->w, "/profiles", &pair, 1)) {
            id = kn_json_string(&f->w.doc, kn_json_find(&f->w.doc, 0, KN_STR("id")), &f->w.arena);
        }
        (void)snprintf(f->owners[k], sizeof f->owners[k], "%.*s", KN_STR_ARG(id));
    }
}

/* The lowest identifier of the same component, by relabelling until nothing changes. */
static void components(const struct sim_message *messages, unsigned group[SIM_IDS])
{
    for (unsigned k = 0; k < SIM_IDS; k++) {
        group[k] = k;
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < MESSAGES; i++) {
            for (unsigned pair = 0; pair < SIM_ID_TYPES * SIM_ID_TYPES; pair++) {
                unsigned a = messages[i].ids[pair / SIM_ID_TYPES];
                unsigned b = messages[i].ids[pair % SIM_ID_TYPES];
                if (a == 0 || b == 0) {
                    continue;
                }
                unsigned *x = &group[oracle_id((enum sim_id_type)(pair / SIM_ID_TYPES), a)];
                unsigned *y = &group[oracle_id((enum sim_id_type)(pair % SIM_ID_TYPES), b)];
                changed = changed || *x != *y;
                *x = *y = *x < *y ? *x : *y;
            }
        }
    }
}

static void no_order_changes_who_is_who(void **state)
{
    struct fixture *f = *state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct kn_rand r = kn_rand_seed(seed);
        struct sim_message messages[MESSAGES];
        size_t order[MESSAGES];
        unsigned group[SIM_IDS];
        for (uint32_t i = 0; i < MESSAGES; i++) {
            draw_of_people(&r, i, &messages[i]);
            order[i] = i;
        }
        components(messages, group);
        for (unsigned round = 0; round < SHUFFLES; round++) {
            begin(f);
            send_all(f, messages, order);
            look_up_all(f);
            for (unsigned a = 0; a < SIM_IDS; a++) {
                for (unsigned b = 0; b < a; b++) {
                    if (f->owners[a][0] && f->owners[b][0]) {
                        assert_int_equal(strcmp(f->owners[a], f->owners[b]) == 0,
                                         group[a] == group[b]);
                    }
                }
            }
            world_deinit(&f->w);
            shuffle(&r, order);
        }
    }
}

/* ---- forced choices ---- */

static bool refusal_shows(struct fixture *f, const char *profile, enum sim_id_type type,
                          const char *value)
{
    char path[80];
    struct kn_http_pair limit = {KN_STR("limit"), KN_STR("1000")};
    (void)snprintf(path, sizeof path, "/profiles/%s/links", profile);
    assert_true(world_get(&f->w, path, &limit, 1));
    const struct kn_json *doc = &f->w.doc;
    uint32_t list = kn_json_find(doc, 0, KN_STR("data"));
    for (uint32_t i = list + 1; i < doc->nodes[list].next; i = doc->nodes[i].next) {
        struct kn_str kind = kn_json_string(doc, kn_json_find(doc, i, KN_STR("kind")), &f->w.arena);
        uint32_t ids = kn_json_find(doc, i, KN_STR("identifiers"));
        struct kn_str refused =
            kn_json_string(doc, kn_json_find(doc, ids + 1, KN_STR("value")), &f->w.arena);
        struct kn_str of =
            kn_json_string(doc, kn_json_find(doc, ids + 1, KN_STR("type")), &f->w.arena);
        if (kn_str_eq(kind, KN_STR("refused")) && kn_str_eq(refused, kn_str_c(value)) &&
            kn_str_eq(of, kn_str_c(sim_id_type_name(type)))) {
            return true;
        }
    }
    return false;
}

/* A message's strongest identifier always stands; what it came with is there too, or was refused.
 */
static size_t check_message(struct fixture *f, const struct sim_message *m)
{
    const char *profile = NULL;
    size_t refused = 0;
    for (unsigned t = 0; t < SIM_ID_TYPES; t++) {
        char value[32];
        if (m->ids[t] == 0) {
            continue;
        }
        const char *owner = f->owners[oracle_id((enum sim_id_type)t, m->ids[t])];
        profile = profile ? profile : owner;
        sim_id_value((enum sim_id_type)t, m->ids[t], value);
        if (strcmp(owner, profile) != 0) {
            refused++;
            if (!refusal_shows(f, profile, (enum sim_id_type)t, value)) {
                fail_msg("%s is not with %s, and nothing says why", value, profile);
            }
        }
    }
    return refused;
}

static void forced_choices_show(void **state)
{
    struct fixture *f = *state;
    size_t refused = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct kn_rand r = kn_rand_seed(seed);
        struct sim_message messages[MESSAGES];
        size_t order[MESSAGES];
        for (uint32_t i = 0; i < MESSAGES; i++) {
            draw_of_anybody(&r, i, &messages[i]);
            order[i] = i;
        }
        for (unsigned round = 0; round < SHUFFLES; round++) {
            begin(f);
            send_all(f, messages, order);
            look_up_all(f);
            for (size_t i = 0; i < MESSAGES; i++) {
                refused += check_message(f, &messages[i]);
            }
            world_deinit(&f->w);
            shuffle(&r, order);
        }
    }
    assert_true(refused > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_order_changes_who_is_who, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forced_choices_show, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
