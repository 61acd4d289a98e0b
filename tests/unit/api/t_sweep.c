/* Every allocation of a request fails once: the answer is the whole answer or says "not now" (503),
 * and what was refused left nothing behind. Through collect and the API, as the server calls them;
 * the oracle judges what is there in the end. The fold itself may not fail (ADR 2) and is not
 * swept. */
#include "cm.h"

#include "api/system.h"
#include "base/mem.h"
#include "dir.h"
#include "sim/judge.h"

enum { NEVER = 20000 };

struct fixture {
    struct sim_disk *disk;
    struct kn_system *system;
    char root[256];
    struct world w;
    struct oracle *o;
    uint32_t messages;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct kn_err err = {0};
    f->disk = sim_disk_new(1);
    assert_int_equal(kn_system_open(sim_disk_interface(f->disk), "system", kn_clock_posix(),
                                    kn_random_posix(), &f->system, &err),
                     KN_OK);
    kn_system_lend_token(f->system, KN_STR("simulation"));
    f->o = calloc(1, sizeof *f->o);
    memcpy(f->o->limits, (const unsigned[]){1, 5, 100, 5}, sizeof f->o->limits);
    test_dir("t_sweep", f->root);
    world_init(&f->w, 1, f->root, f->system);
    assert_int_equal(world_open(&f->w, &err), KN_OK);
    assert_true(world_set_up(&f->w, 5));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    world_deinit(&f->w);
    kn_system_close(f->system);
    sim_disk_free(f->disk);
    free(f->o);
    free(f);
    return 0;
}

/* ---- what every exchange must keep to ---- */

static uint64_t staged(struct fixture *f)
{
    struct kn_position p;
    kn_workspace_position(f->w.ws, &p);
    return p.staged;
}

static void drain(struct fixture *f)
{
    struct kn_err err = {0};
    bool committed;
    size_t applied;
    assert_int_equal(kn_workspace_commit(f->w.ws, &committed, &err), KN_OK);
    assert_int_equal(kn_workspace_apply(f->w.ws, INT64_MAX, &applied, &err), KN_OK);
}

/* An exchange that finds nothing left of the one before allocates the most. */
static void forget_answer(struct fixture *f)
{
    kn_buf_deinit(&f->w.response.body);
    kn_http_response_init(&f->w.response, 1 << 24);
    kn_arena_deinit(&f->w.arena);
}

static void check_refusal(struct fixture *f, uint64_t n)
{
    if (f->w.response.status != 503) {
        fail_msg("allocation %llu: status %d: %.*s", (unsigned long long)n, f->w.response.status,
                 KN_STR_ARG(kn_buf_view(&f->w.response.body)));
    }
}

static void add_frame(struct fixture *f, uint64_t seq, size_t count)
{
    struct oracle *o = f->o;
    assert_true(o->count + count < ORACLE_ITEMS && o->frame_count < ORACLE_FRAMES);
    o->frames[o->frame_count++] = (struct oracle_frame){seq, true, o->count, count};
    o->count += count;
}

static void check_everything(struct fixture *f)
{
    char why[800];
    drain(f);
    if (!judge(&f->w, f->o, why, sizeof why)) {
        fail_msg("%s", why);
    }
}

/* ---- collect ---- */

static void draw(struct fixture *f, struct kn_rand *r, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct oracle_item *item = &f->o->items[f->o->count + i];
        *item = (struct oracle_item){.kind = ORACLE_MESSAGE};
        sim_message_draw(r, f->messages++, f->w.clock.wall_us, false, &item->message);
        item->message.source = 1;
    }
}

/* One request; true: the n-th allocation of it failed. */
static bool collect_once(struct fixture *f, struct kn_rand *r, size_t count, uint64_t n)
{
    struct kn_collect_result result;
    struct kn_buf body;
    uint64_t before = staged(f);
    draw(f, r, count);
    kn_buf_init(&body, 1 << 20);
    kn_buf_c(&body, "{\"batch\":[");
    for (size_t i = 0; i < count; i++) {
        kn_buf_c(&body, i > 0 ? "," : "");
        sim_message_json(&f->o->items[f->o->count + i].message, true, &body);
    }
    kn_buf_c(&body, "],\"context\":{}}");
    f->w.fail_allocation = n;
    world_collect(&f->w, "/v1/batch", 1, kn_buf_view(&body), &result);
    bool failed = f->w.fail_allocation == UINT64_MAX;
    f->w.fail_allocation = UINT64_MAX;
    kn_buf_deinit(&body);
    if (result.outcome == KN_COLLECT_WAIT) {
        assert_int_equal(staged(f), before + 1);
        assert_int_equal(result.accepted + result.rejected, count);
        add_frame(f, result.wait_seq, count);
    } else {
        assert_int_equal(staged(f), before);
        assert_int_equal(result.accepted, 0);
    }
    if (f->w.response.status == 200) {
        bool position = false;
        for (size_t i = 0; i < f->w.response.header_count; i++) {
            position = position || strcmp(f->w.response.headers[i].name.p, "Kern-Position") == 0;
        }
        assert_int_equal(result.outcome, KN_COLLECT_WAIT);
        assert_true(position);
    } else {
        check_refusal(f, n);
    }
    return failed;
}

static void collect_refuses_or_takes_all(void **state)
{
    struct fixture *f = *state;
    struct kn_rand r = kn_rand_seed(7);
    uint64_t n = 0;
    for (bool failed = true; failed; n++) {
        assert_true(n < NEVER);
        /* A collector that has never worked allocates the most. */
        kn_collect_free(f->w.collect);
        forget_answer(f);
        f->w.collect = kn_collect_new();
        assert_non_null(f->w.collect);
        failed = collect_once(f, &r, 5, n);
        drain(f);
    }
    assert_true(n > 5);
    check_everything(f);
}

static void a_collector_is_made_or_not(void **state)
{
    (void)state;
    uint64_t before = kn_mem_bytes();
    struct kn_collect *c = NULL;
    for (uint64_t n = 0; !c; n++) {
        assert_true(n < NEVER);
        assert_int_equal(kn_mem_bytes(), before);
        kn_mem_fail_once(n);
        c = kn_collect_new();
        kn_mem_fail_after(UINT64_MAX);
    }
    kn_collect_free(c);
    assert_int_equal(kn_mem_bytes(), before);
}

/* ---- reads ---- */

static void read_once(struct fixture *f, const char *path, const struct kn_http_pair *params,
                      size_t count)
{
    assert_int_equal(world_call(&f->w, "GET", path, params, count, KN_STR_EMPTY), WORLD_DONE);
}

/* Either the very same answer, or none. */
static void sweep_read(struct fixture *f, const char *path, const struct kn_http_pair *params,
                       size_t count)
{
    read_once(f, path, params, count);
    assert_int_equal(f->w.response.status, 200);
    struct kn_str body = kn_buf_view(&f->w.response.body);
    char *wanted = kn_must_alloc(body.len + 1);
    size_t wanted_len = body.len;
    memcpy(wanted, body.p, body.len);
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        assert_true(n < NEVER);
        forget_answer(f);
        f->w.fail_allocation = n;
        read_once(f, path, params, count);
        failed = f->w.fail_allocation == UINT64_MAX;
        f->w.fail_allocation = UINT64_MAX;
        if (f->w.response.status != 200) {
            check_refusal(f, n);
        } else if (!kn_str_eq(kn_buf_view(&f->w.response.body), kn_str(wanted, wanted_len))) {
            fail_msg("%s, allocation %llu: %.*s", path, (unsigned long long)n,
                     KN_STR_ARG(kn_buf_view(&f->w.response.body)));
        }
    }
    kn_free(wanted);
}

static void fill(struct fixture *f)
{
    struct kn_rand r = kn_rand_seed(9);
    for (unsigned i = 0; i < 20; i++) {
        (void)collect_once(f, &r, 5, UINT64_MAX);
        drain(f);
    }
}

static void some_profile(struct fixture *f, char path[200], const char *rest)
{
    struct kn_http_pair pair = {KN_STR("anonymous_id"), KN_STR("anon-03")};
    assert_true(world_get(&f->w, "/profiles", &pair, 1));
    struct kn_str id =
        kn_json_string(&f->w.doc, kn_json_find(&f->w.doc, 0, KN_STR("id")), &f->w.arena);
    (void)snprintf(path, 200, "/profiles/%.*s%s", KN_STR_ARG(id), rest);
}

static void reads_answer_whole_or_not_now(void **state)
{
    struct fixture *f = *state;
    struct kn_err err = {0};
    struct kn_http_pair look_up = {KN_STR("anonymous_id"), KN_STR("anon-03")};
    struct kn_http_pair search = {KN_STR("q"), KN_STR("Mail0")};
    char path[200];
    fill(f);
    for (unsigned round = 0; round < 2; round++) { /* from memory, then from files */
        sweep_read(f, "/profiles", &look_up, 1);
        sweep_read(f, "/profiles", &search, 1);
        some_profile(f, path, "");
        sweep_read(f, path, NULL, 0);
        some_profile(f, path, "/events");
        sweep_read(f, path, NULL, 0);
        some_profile(f, path, "/links");
        sweep_read(f, path, NULL, 0);
        sweep_read(f, "/sources", NULL, 0);
        (void)snprintf(path, sizeof path, "/sources/%s/rejects", f->w.sources[1]);
        sweep_read(f, path, NULL, 0);
        sweep_read(f, "/identity", NULL, 0);
        sweep_read(f, "/export", NULL, 0);
        assert_int_equal(kn_workspace_checkpoint_now(f->w.ws, &err), KN_OK);
        kn_workspace_close(f->w.ws);
        assert_int_equal(world_open(&f->w, &err), KN_OK);
    }
    check_everything(f);
}

/* ---- writes ---- */

/* Handles, applies, resumes; true: the n-th allocation failed. *ret_seq: what was staged, 0 =
 * nothing. */
static bool write_once(struct fixture *f, const char *method, const char *path, const char *body,
                       uint64_t n, uint64_t *ret_seq)
{
    uint64_t before = staged(f);
    *ret_seq = 0;
    forget_answer(f);
    f->w.fail_allocation = n;
    enum world_answer answer = world_call(&f->w, method, path, NULL, 0, kn_str_c(body));
    if (answer == WORLD_WAITS) {
        *ret_seq = f->w.call.wait_seq;
        assert_int_equal(staged(f), before + 1);
        uint64_t left = f->w.fail_allocation;
        f->w.fail_allocation = UINT64_MAX;
        drain(f);
        f->w.fail_allocation = left;
        world_resume(&f->w);
    } else {
        assert_int_equal(staged(f), before);
    }
    bool failed = f->w.fail_allocation == UINT64_MAX;
    f->w.fail_allocation = UINT64_MAX;
    if (f->w.response.status / 100 != 2) {
        check_refusal(f, n);
    } else {
        assert_true(*ret_seq != 0);
        assert_true(f->w.doc.count > 0 || f->w.response.status == 204);
    }
    return failed;
}

static void sweep_write(struct fixture *f, const char *method, const char *path, const char *body)
{
    uint64_t seq;
    uint64_t n = 0;
    while (write_once(f, method, path, body, n, &seq)) {
        assert_true(++n < NEVER);
    }
    assert_int_equal(f->w.response.status / 100, 2);
}

static void settings_change_whole_or_not(void **state)
{
    struct fixture *f = *state;
    sweep_write(f, "POST", "/sources", "{\"name\":\"More\",\"kind\":\"mobile\"}");
    sweep_write(f, "PUT", "/identity",
                "{\"types\":[{\"type\":\"email\",\"limit\":5,\"blocked\":[{\"exact\":\"a@b.c\"},"
                "{\"regex\":\"^x+@\"}]}],\"fan_out_max\":1000000}");
    check_everything(f);
}

static void lists_change_whole_or_not(void **state)
{
    struct fixture *f = *state;
    static const char rows[] = "{\"members\":[{\"type\":\"anonymous_id\",\"value\":\"anon-03\"},"
                               "{\"type\":\"email\",\"value\":\"nobody@x.nl\"},7]}";
    uint64_t seq;
    fill(f);
    (void)write_once(f, "POST", "/segments", "{\"key\":\"named\",\"kind\":\"static\"}", UINT64_MAX,
                     &seq);
    assert_int_equal(f->w.response.status, 201);
    sweep_write(f, "POST", "/segments/named/members", rows);
    sweep_read(f, "/segments/named/members", NULL, 0);
    sweep_write(f, "PUT", "/segments/named", "{\"name\":\"Named\"}");
    sweep_write(f, "DELETE", "/segments/named/members", rows);
    assert_true(world_get(&f->w, "/segments/named", NULL, 0));
    int64_t size = -1;
    assert_true(kn_json_i64(&f->w.doc, kn_json_find(&f->w.doc, 0, KN_STR("size")), &size));
    assert_int_equal(size, 0);
    check_everything(f);
}

/* What a line of an import says ends as an event like any other. */
static void imports_take_whole_lines(void **state)
{
    struct fixture *f = *state;
    struct kn_http_pair source = {KN_STR("source"), kn_str_c(f->w.sources[2])};
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        char body[300];
        uint64_t before = staged(f);
        assert_true(n < NEVER);
        (void)snprintf(
            body, sizeof body,
            "{\"type\":\"track\",\"event\":\"A\",\"userId\":\"i%llu\",\"messageId\":\"x%llu\"}\n"
            "no line\n",
            (unsigned long long)n, (unsigned long long)n);
        forget_answer(f);
        f->w.fail_allocation = n;
        enum world_answer answer = world_call(&f->w, "POST", "/import", &source, 1, kn_str_c(body));
        uint64_t left = f->w.fail_allocation;
        f->w.fail_allocation = UINT64_MAX;
        drain(f);
        if (answer == WORLD_WAITS) {
            f->w.fail_allocation = left;
            world_resume(&f->w);
            left = f->w.fail_allocation;
            f->w.fail_allocation = UINT64_MAX;
        }
        failed = left == UINT64_MAX;
        if (f->w.response.status != 200) {
            check_refusal(f, n);
            continue;
        }
        int64_t lines = 0;
        int64_t accepted = 0;
        int64_t rejected = 0;
        assert_true(kn_json_i64(&f->w.doc, kn_json_find(&f->w.doc, 0, KN_STR("lines")), &lines));
        assert_true(
            kn_json_i64(&f->w.doc, kn_json_find(&f->w.doc, 0, KN_STR("accepted")), &accepted));
        assert_true(
            kn_json_i64(&f->w.doc, kn_json_find(&f->w.doc, 0, KN_STR("rejected")), &rejected));
        assert_int_equal(lines, 2);
        assert_int_equal(accepted, 1);
        assert_int_equal(rejected, 1);
        assert_int_equal(staged(f), before + 1);
    }
}

static void people_change_whole_or_not(void **state)
{
    struct fixture *f = *state;
    char path[200];
    char body[200];
    uint64_t seq;
    bool failed = true;
    fill(f);
    for (uint64_t n = 0; failed; n++) {
        assert_true(n < NEVER);
        some_profile(f, path, "");
        assert_true(world_get(&f->w, path, NULL, 0));
        struct oracle_item *item = &f->o->items[f->o->count];
        uint32_t list = kn_json_find(&f->w.doc, 0, KN_STR("identifiers"));
        struct kn_str first = kn_json_string(
            &f->w.doc, kn_json_find(&f->w.doc, list + 1, KN_STR("value")), &f->w.arena);
        *item = (struct oracle_item){.kind = ORACLE_CONSENT, .id_count = 1};
        for (unsigned k = 0; k < SIM_IDS; k++) {
            char value[32];
            sim_id_value((enum sim_id_type)(k / SIM_IDS_EACH), k % SIM_IDS_EACH + 1, value);
            item->ids[0] = kn_str_eq(first, kn_str_c(value)) ? k : item->ids[0];
        }
        item->message.preferences = true;
        item->message.states[SIM_ANALYTICS] = n % 2 == 0 ? SIM_GRANTED : SIM_DENIED;
        item->message.event_us = item->message.received_us = f->w.clock.wall_us;
        (void)snprintf(body, sizeof body,
                       "{\"consents\":[{\"purpose\":\"analytics\",\"state\":\"%s\"}]}",
                       n % 2 == 0 ? "granted" : "denied");
        some_profile(f, path, "/consents");
        failed = write_once(f, "POST", path, body, n, &seq);
        if (seq != 0) {
            add_frame(f, seq, 1);
        }
    }
    check_everything(f);
}

/* What a split would give: the whole answer, or not now. The fold's memory is warm after the first.
 */
static void dry_runs_answer_whole_or_not_now(void **state)
{
    struct fixture *f = *state;
    struct kn_http_pair dry = {KN_STR("dry_run"), KN_STR("true")};
    struct kn_str body = KN_STR(
        "{\"reason\":\"r\",\"identifiers\":[{\"type\":\"anonymous_id\",\"value\":\"anon-03\"}]}");
    char path[200];
    char *wanted = NULL;
    size_t wanted_len = 0;
    bool failed = true;
    fill(f);
    some_profile(f, path, "/unmerge");
    for (uint64_t n = UINT64_MAX; failed || n == 0; n++) {
        forget_answer(f);
        f->w.fail_allocation = n;
        assert_int_equal(world_call(&f->w, "POST", path, &dry, 1, body), WORLD_DONE);
        failed = f->w.fail_allocation == UINT64_MAX;
        f->w.fail_allocation = UINT64_MAX;
        struct kn_str got = kn_buf_view(&f->w.response.body);
        if (!wanted) {
            assert_int_equal(f->w.response.status, 200);
            wanted = kn_must_alloc(got.len + 1);
            wanted_len = got.len;
            memcpy(wanted, got.p, got.len);
        } else if (f->w.response.status != 200) {
            check_refusal(f, n);
        } else {
            assert_true(kn_str_eq(got, kn_str(wanted, wanted_len)));
        }
    }
    kn_free(wanted);
    check_everything(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(collect_refuses_or_takes_all, set_up, tear_down),
        cmocka_unit_test(a_collector_is_made_or_not),
        cmocka_unit_test_setup_teardown(reads_answer_whole_or_not_now, set_up, tear_down),
        cmocka_unit_test_setup_teardown(settings_change_whole_or_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_change_whole_or_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(imports_take_whole_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dry_runs_answer_whole_or_not_now, set_up, tear_down),
        cmocka_unit_test_setup_teardown(people_change_whole_or_not, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
