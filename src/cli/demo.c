/* kern demo: half a year of a web shop through the collect path, then the server on it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/workspace.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/demo/shop.h"
#include "collect/collect.h"
#include "format/json.h"
#include "format/time_text.h"
#include "os/clock.h"
#include "server/server.h"

#define HOUR_US (INT64_C(3600) * 1000000)
#define DAY_US (24 * HOUR_US)
enum { FRAME_ITEMS = 500 };

struct feed {
    struct kn_server *server;
    struct kn_workspace *ws;
    struct kn_settings *settings;
    struct kn_collect *collect;
    struct kn_buf items, text;
    uint32_t count;
    uint64_t sent, refused, last_seq;
    int64_t now_us;
    struct kn_err err;
};

static void flush(struct feed *f)
{
    bool full;
    if (f->count == 0) {
        return;
    }
    while (kn_workspace_stage(f->ws, kn_buf_view(&f->items), f->count, 0, &f->last_seq, &full,
                              &f->err) == KN_E_FULL) {
        struct kn_position p;
        do { /* the fold or a checkpoint is behind: wait until it has caught up a little */
            kn_server_nudge(f->server);
            (void)usleep(500);
            kn_workspace_position(f->ws, &p);
        } while (p.unapplied_bytes > (16U << 20));
    }
    kn_server_nudge(f->server);
    kn_buf_clear(&f->items);
    f->count = 0;
}

static void emit(void *context, int64_t at_us, struct kn_str json)
{
    struct feed *f = context;
    uint32_t items;
    const char *rejected = NULL;
    if (at_us > f->now_us) {
        f->now_us = at_us;
    }
    kn_server_simulate(f->server, f->now_us);
    kn_buf_clear(&f->text);
    kn_buf_str(&f->text, json);
    char *padding = kn_buf_reserve(&f->text, KN_JSON_PADDING);
    if (!padding) {
        return;
    }
    memset(padding, 0, KN_JSON_PADDING);
    struct kn_collect_message_options o = {
        .settings = f->settings, .source = &f->settings->sources[0], .received_us = f->now_us};
    enum kn_rc rc =
        kn_collect_message(f->collect, kn_random_posix(), &o, kn_str(f->text.p, json.len),
                           &f->items, &items, &rejected, &f->err);
    if (rc != KN_OK || rejected) {
        f->refused++;
        return;
    }
    f->sent++;
    if (++f->count == FRAME_ITEMS) {
        flush(f);
    }
}

struct visit {
    int64_t at_us;
    uint32_t person;
};

static int by_time(const void *a, const void *b)
{
    int64_t x = ((const struct visit *)a)->at_us;
    int64_t y = ((const struct visit *)b)->at_us;
    return (x > y) - (x < y);
}

/* A moment in the time given, more likely when the shop is busy. */
static int64_t some_moment(struct kn_demo_shop *shop, int64_t from, int64_t to)
{
    for (;;) {
        int64_t at = kn_rand_between(&shop->rand, from, to);
        if (kn_rand_below(&shop->rand, 1000) < kn_demo_busyness(shop, at)) {
            return at;
        }
    }
}

static struct visit *plan(struct kn_demo_shop *shop, int64_t from, int64_t to, size_t *ret_count)
{
    size_t room = (size_t)shop->person_count * 6;
    size_t count = 0;
    struct visit *visits = kn_must_alloc(room * sizeof *visits);
    for (uint32_t i = 0; i < shop->person_count; i++) {
        int64_t at = some_moment(shop, from, to);
        unsigned stay = shop->people[i].buyer ? 82 : 46; /* chance to come back, in percent */
        do {
            if (count == room) {
                room *= 2;
                visits = kn_must_realloc(visits, room * sizeof *visits);
            }
            visits[count++] = (struct visit){at, i};
            int64_t until = at + kn_rand_between(&shop->rand, 1, 45) * DAY_US;
            at = some_moment(shop, at + DAY_US / 4, until);
        } while (at < to && kn_rand_chance(&shop->rand, stay, 100));
    }
    qsort(visits, count, sizeof *visits, by_time);
    *ret_count = count;
    return visits;
}

static void fill(struct kn_server *server, uint32_t people, int64_t from, int64_t to, uint64_t seed)
{
    struct feed f = {.server = server, .ws = kn_server_first_workspace(server), .now_us = from};
    size_t count;
    struct kn_demo_shop *shop = kn_demo_shop_new(seed, people);
    struct visit *visits = plan(shop, from, to, &count);
    f.settings = kn_workspace_settings(f.ws);
    f.collect = kn_collect_new();
    kn_buf_init(&f.items, KN_LOG_BODY_MAX);
    kn_buf_init(&f.text, 1 << 20);
    kn_demo_plan_issues(shop, from, to);
    for (size_t i = 0; i <= count; i++) {
        int64_t until = i < count ? visits[i].at_us : to;
        while (kn_demo_next_later(shop) < until) {
            kn_demo_do_later(shop, emit, &f);
        }
        if (i < count) {
            kn_demo_visit(shop, visits[i].person, visits[i].at_us, emit, &f);
        }
    }
    flush(&f);
    struct kn_position p;
    do {
        kn_server_nudge(server);
        kn_workspace_position(f.ws, &p);
    } while (p.applied < f.last_seq);
    (void)printf("The shop has %u visitors, %zu visits and %llu events.\n", people, count,
                 (unsigned long long)f.sent);
    if (f.refused > 0) {
        (void)printf("%llu events were refused: %s\n", (unsigned long long)f.refused, f.err.text);
    }
    kn_buf_deinit(&f.text);
    kn_buf_deinit(&f.items);
    kn_collect_free(f.collect);
    kn_settings_unref(f.settings);
    kn_free(visits);
    kn_demo_shop_free(shop);
}

static bool number(const char *text, uint64_t low, uint64_t high, uint64_t *ret)
{
    return kn_str_u64(kn_str_c(text), ret) && *ret >= low && *ret <= high;
}

static const char *default_dir(char *to, size_t len)
{
    const char *base = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    if (base && base[0]) {
        (void)snprintf(to, len, "%s/kern/demo", base);
    } else {
        (void)snprintf(to, len, "%s/.local/share/kern/demo", home && home[0] ? home : "/tmp");
    }
    return to;
}

/* The demo's login is kept beside its data, so that a later start can show it again. */
static void keep_login(const char *data, const struct kn_server_first_start *first)
{
    char path[1200];
    (void)snprintf(path, sizeof path, "%s/demo-login", data);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)dprintf(fd,
                      "  login         %s\n  password      %s\n  API token     %s\n"
                      "  write key     %s\n",
                      first->admin_email, first->admin_password, first->api_token,
                      first->write_key);
        (void)close(fd);
    }
}

static void show_login(const char *data)
{
    char path[1200];
    char text[1024];
    (void)snprintf(path, sizeof path, "%s/demo-login", data);
    FILE *f = fopen(path, "re");
    size_t len = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f) {
        (void)fclose(f);
    }
    text[len] = '\0';
    (void)printf("%s", text);
}

int kn_cli_demo(int argc, char **argv)
{
    char dir[1024];
    uint64_t people = 20000;
    uint64_t days = 180;
    uint64_t seed = 1;
    int64_t now = kn_clock_wall_us(kn_clock_posix());
    struct kn_server_options o = {
        .listen = "127.0.0.1:8080", .workspace = "demo", .admin_email = "demo@example.nl"};
    for (int i = 0; i < argc; i++) {
        const char *value;
        bool ok = true;
        if ((value = kn_cli_option(argc, argv, &i, "data"))) {
            o.data = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "listen"))) {
            o.listen = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "profiles"))) {
            ok = number(value, 1, 10000000, &people);
        } else if ((value = kn_cli_option(argc, argv, &i, "days"))) {
            ok = number(value, 1, 3650, &days);
        } else if ((value = kn_cli_option(argc, argv, &i, "seed"))) {
            ok = number(value, 0, UINT64_MAX, &seed);
        } else {
            return kn_cli_usage("demo does not know \"%s\"", argv[i]);
        }
        if (!ok) {
            return kn_cli_usage("\"%s\" is not a number in range", value);
        }
    }
    o.data = o.data ? o.data : default_dir(dir, sizeof dir);
    now -= now % HOUR_US; /* the same hour, the same shop */
    int64_t from = now - (int64_t)days * DAY_US;
    o.simulate_from_us = from;
    struct kn_server *server;
    struct kn_server_first_start first;
    struct kn_err err = {0};
    if (kn_server_start(&o, &server, &first, &err) != KN_OK) {
        return kn_cli_failed("%s", err.text);
    }
    if (first.workspace) {
        (void)printf("Making the demo shop in %s ...\n", o.data);
        (void)fflush(stdout);
        fill(server, (uint32_t)people, from, now, seed);
        keep_login(o.data, &first);
    }
    kn_server_simulate(server, 0);
    (void)printf("\n  Kern demo     http://127.0.0.1:%u/\n", (unsigned)kn_server_port(server));
    show_login(o.data);
    (void)printf("  Stop with Ctrl-C.\n\n");
    (void)fflush(stdout);
    kn_server_run(server);
    return 0;
}
