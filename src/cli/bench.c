/* kern bench: a load generator for a Kern on this machine. Requests are made beforehand, so that
 * sending costs the machine little; every connection has one request under way. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cli/cli.h"
#include "format/time_text.h"
#include "format/token.h"
#include "os/clock.h"
#include "os/net.h"

#define SECOND (1000 * UINT64_C(1000000))
#define PAUSE (5 * UINT64_C(1000000))
enum { CONNECTIONS_MAX = 4096, ANSWER_MAX = 256 * 1024 };

struct options {
    const char *key, *token, *workspace, *path;
    uint64_t port, events, profiles, batch, connections, seed, rate;
    uint64_t uniform; /* not 0: profiles in turn instead of by Zipf */
};

struct load {
    struct kn_buf bytes; /* all requests, one behind the other */
    size_t *offsets;     /* of each; one more than there are */
    size_t count;
};

/* Ranks with a density like 1/x^0.9 (inverse transform of the continuous Zipf). */
static uint64_t zipf(struct kn_rand *r, uint64_t n)
{
    double u = kn_rand_unit(r);
    double x = 1.0 + u * (__builtin_pow((double)n + 1.0, 0.1) - 1.0);
    uint64_t rank = (uint64_t)(__builtin_pow(x, 10.0)) - 1;
    return rank < n ? rank : n - 1;
}

static void put_event(struct kn_buf *out, struct kn_rand *r, uint64_t who, const char *now)
{
    static const char *const names[] = {"Product Viewed", "Product List Viewed", "Product Added",
                                        "Cart Viewed",    "Products Searched",   "Product Clicked"};
    uint64_t words[2] = {kn_rand_u64(r), kn_rand_u64(r)};
    char id[37];
    kn_uuid4((const unsigned char *)words, id);
    kn_buf_printf(
        out,
        "{\"type\":\"track\",\"event\":\"%s\",\"userId\":\"user-%llu\",\"anonymousId\":"
        "\"%08llx-6f2d-4b62-a939-49681ccf%04llx\",\"messageId\":\"%s\",\"timestamp\":\"%s\","
        "\"properties\":{\"product_id\":\"sku-%llu\",\"category\":\"Wandelschoenen\",\"price\":%llu.95,"
        "\"quantity\":1,\"currency\":\"EUR\",\"brand\":\"Noordwind\"},\"context\":{\"library\":"
        "{\"name\":\"analytics.js\",\"version\":\"npm:next-1.84.3\"},\"page\":{\"path\":\"/p/%llu\","
        "\"url\":\"https://shop.example/p/%llu\",\"title\":\"Wandelschoen\",\"referrer\":"
        "\"https://shop.example/\"},\"userAgent\":\"Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
        "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\","
        "\"locale\":\"nl-NL\"},\"integrations\":{}}",
        names[kn_rand_below(r, 6)], (unsigned long long)who, (unsigned long long)who,
        (unsigned long long)(who & 0xffff), id, now, (unsigned long long)kn_rand_below(r, 2000),
        (unsigned long long)kn_rand_below(r, 200), (unsigned long long)kn_rand_below(r, 2000),
        (unsigned long long)kn_rand_below(r, 2000));
}

static void make_ingest(const struct options *o, struct load *l)
{
    struct kn_rand r = kn_rand_seed(o->seed);
    struct kn_buf body;
    char now[KN_TIME_TEXT_MAX];
    (void)kn_time_format(kn_clock_wall_us(kn_clock_posix()) / 1000 * 1000, now);
    kn_buf_init(&body, 64 << 20);
    l->count = (size_t)((o->events + o->batch - 1) / o->batch);
    l->offsets = kn_must_calloc(l->count + 1, sizeof *l->offsets);
    for (size_t i = 0; i < l->count; i++) {
        kn_buf_clear(&body);
        if (o->batch > 1) {
            kn_buf_c(&body, "{\"batch\":[");
        }
        for (uint64_t k = 0; k < o->batch; k++) {
            if (k > 0) {
                kn_buf_char(&body, ',');
            }
            uint64_t who = o->uniform ? (i * o->batch + k) % o->profiles : zipf(&r, o->profiles);
            put_event(&body, &r, who, now);
        }
        if (o->batch > 1) {
            kn_buf_c(&body, "]}");
        }
        l->offsets[i] = l->bytes.len;
        kn_buf_printf(&l->bytes,
                      "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Write-Key: %s\r\n"
                      "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                      o->path        ? o->path
                      : o->batch > 1 ? "/v1/batch"
                                     : "/v1/track",
                      o->key, body.len);
        kn_buf_str(&l->bytes, kn_buf_view(&body));
    }
    l->offsets[l->count] = l->bytes.len;
    kn_buf_deinit(&body);
}

static void make_lookups(const struct options *o, struct load *l)
{
    struct kn_rand r = kn_rand_seed(o->seed);
    l->count = (size_t)o->events;
    l->offsets = kn_must_calloc(l->count + 1, sizeof *l->offsets);
    for (size_t i = 0; i < l->count; i++) {
        l->offsets[i] = l->bytes.len;
        kn_buf_printf(&l->bytes,
                      "GET /api/v1/workspaces/%s/profiles?user_id=user-%llu HTTP/1.1\r\n"
                      "Host: 127.0.0.1\r\nAuthorization: Bearer %s\r\n\r\n",
                      o->workspace, (unsigned long long)kn_rand_below(&r, o->profiles), o->token);
    }
    l->offsets[l->count] = l->bytes.len;
}

struct connection {
    int fd;
    size_t request, sent, got;
    uint64_t began_ns;
    char *answer;
    size_t head; /* bytes of the answer's head, 0 = not there yet */
    bool busy;
    bool gone;         /* the server closed it */
    uint64_t again_ns; /* refused for now: sent again at this moment, as an SDK does; 0 = no */
};

struct run {
    const struct load *load;
    struct connection *connections;
    uint64_t count;
    size_t next, done;
    uint32_t *latencies; /* microseconds */
    uint64_t failed, refused;
    uint64_t gone;  /* connections */
    size_t pausing; /* connections with again_ns */
    uint64_t statuses[6];
    char position[64];
};

static void push(struct run *run, struct connection *c)
{
    size_t end = run->load->offsets[c->request + 1];
    while (c->sent < end) {
        ssize_t put = send(c->fd, run->load->bytes.p + c->sent, end - c->sent, MSG_NOSIGNAL);
        if (put <= 0) {
            return; /* EAGAIN: the loop says when */
        }
        c->sent += (size_t)put;
    }
}

static void begin(struct run *run, struct connection *c)
{
    if (run->next == run->load->count || c->gone) {
        c->busy = false;
        return;
    }
    c->request = run->next++;
    c->sent = run->load->offsets[c->request];
    c->got = c->head = 0;
    c->busy = true;
    c->began_ns = kn_clock_mono_ns(kn_clock_posix());
    push(run, c);
}

/* The value of a header, empty when it is not there. */
static struct kn_str header(const struct connection *c, struct kn_str name)
{
    struct kn_str head = kn_str(c->answer, c->head);
    size_t at = kn_str_find(head, name);
    struct kn_str rest = at == SIZE_MAX ? KN_STR_EMPTY : kn_str_sub(head, at + name.len, head.len);
    return kn_str_split(&rest, '\r');
}

static bool is_complete(struct connection *c)
{
    uint64_t len = 0;
    if (c->head == 0) {
        size_t end = kn_str_find(kn_str(c->answer, c->got), KN_STR("\r\n\r\n"));
        c->head = end == SIZE_MAX ? 0 : end + 4;
    }
    return c->head > 0 && kn_str_u64(header(c, KN_STR("Content-Length: ")), &len) &&
           c->got >= c->head + len;
}

static void finished(struct run *run, struct connection *c)
{
    struct kn_str position = header(c, KN_STR("Kern-Position: "));
    uint64_t ns = kn_clock_mono_ns(kn_clock_posix()) - c->began_ns;
    run->latencies[run->done++] = (uint32_t)(ns / 1000);
    unsigned hundred = c->got > 9 ? (unsigned)(c->answer[9] - '0') : 0;
    run->statuses[hundred < 6 ? hundred : 0]++;
    if (position.len > 0 && position.len < sizeof run->position) {
        memcpy(run->position, position.p, position.len);
        run->position[position.len] = '\0';
    }
}

static void lose(struct run *run, struct connection *c)
{
    run->failed += c->busy ? 1 : 0;
    run->gone++;
    c->busy = false;
    c->gone = true;
    kn_fd_close(c->fd); /* which takes it out of the epoll set */
    c->fd = -1;
}

static void pull(struct run *run, struct connection *c)
{
    ssize_t got = recv(c->fd, c->answer + c->got, ANSWER_MAX - c->got, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) {
            lose(run, c);
        }
        return;
    }
    c->got += (size_t)got;
    if (!is_complete(c)) {
        return;
    }
    if (memcmp(c->answer + 9, "429", 3) == 0) {
        c->again_ns = kn_clock_mono_ns(kn_clock_posix()) + PAUSE;
        run->pausing++;
        run->refused++;
        return;
    }
    finished(run, c);
    c->busy = false;
}

/* The request that was refused, once more; its latency counts from its first moment. */
static void again(struct run *run, struct connection *c)
{
    if (c->again_ns == 0 || kn_clock_mono_ns(kn_clock_posix()) < c->again_ns) {
        return;
    }
    c->again_ns = 0;
    run->pausing--;
    c->sent = run->load->offsets[c->request];
    c->got = c->head = 0;
    push(run, c);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Nanoseconds until the moment, at most a second: a generator that spins would take a core. */
static uint64_t until(uint64_t mono_ns)
{
    uint64_t now = kn_clock_mono_ns(kn_clock_posix());
    return mono_ns <= now ? 0 : mono_ns - now < SECOND ? mono_ns - now : SECOND;
}

/* With a rate, requests leave on a schedule (one that is late counts from its own moment). */
static void drive(struct run *run, const struct options *o)
{
    struct kn_event events[64];
    int epoll_fd = kn_epoll_new();
    uint64_t began = kn_clock_mono_ns(kn_clock_posix());
    uint64_t gap = o->rate ? 1000000000U * o->batch / o->rate : 0;
    for (uint64_t i = 0; i < run->count; i++) {
        kn_epoll_add(epoll_fd, run->connections[i].fd, false, i);
        if (gap == 0) {
            begin(run, &run->connections[i]);
        }
    }
    while (run->done + run->failed < run->load->count && run->gone < run->count) {
        uint64_t wait = gap ? until(began + run->next * gap) : SECOND;
        int n =
            kn_epoll_wait_ns(epoll_fd, events, 64, run->pausing > 0 && wait > PAUSE ? PAUSE : wait);
        for (int i = 0; i < n; i++) {
            struct connection *c = &run->connections[events[i].data];
            pull(run, c);
            if (!c->busy && gap == 0) {
                begin(run, c);
            }
        }
        for (uint64_t i = 0; i < run->count; i++) {
            struct connection *c = &run->connections[i];
            again(run, c);
            if (c->busy && c->again_ns == 0 && c->sent < run->load->offsets[c->request + 1]) {
                push(run, c);
            }
            bool due = gap && !c->busy && run->next < run->load->count &&
                       kn_clock_mono_ns(kn_clock_posix()) >= began + run->next * gap;
            if (due) {
                begin(run, c);
            }
        }
    }
    kn_fd_close(epoll_fd);
}

/* Waits until everything acknowledged is applied, by a read after the last position. */
static bool wait_applied(const struct options *o, const char *position)
{
    char request[512];
    char answer[4096];
    for (int i = 0; i < 60 && position[0]; i++) {
        int fd = kn_net_connect("127.0.0.1", (uint16_t)o->port);
        if (fd < 0) {
            return false; /* the server has gone */
        }
        int len = snprintf(request, sizeof request,
                           "GET /api/v1/workspaces/%s?after=%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                           "Authorization: Bearer %s\r\nConnection: close\r\n\r\n",
                           o->workspace, position, o->token);
        (void)send(fd, request, (size_t)len, MSG_NOSIGNAL);
        ssize_t got = 0;
        for (int k = 0; k < 6000 && got <= 0; k++) {
            got = recv(fd, answer, sizeof answer, 0);
            if (got <= 0) {
                (void)usleep(1000);
            }
        }
        kn_fd_close(fd);
        if (got > 12 && memcmp(answer + 9, "200", 3) == 0) {
            return true;
        }
    }
    return false;
}

static int report(const struct options *o, struct run *run, const char *mode, uint64_t ns,
                  uint64_t applied_ns)
{
    qsort(run->latencies, run->done, sizeof *run->latencies, by_value);
    double seconds = (double)ns / 1e9;
    size_t last = run->done ? run->done - 1 : 0;
    (void)printf(
        "{\"mode\":\"%s\",\"connections\":%llu,\"batch\":%llu,\"requests\":%zu,\"failed\":%llu,\"refused_for_now\":%llu,"
        "\"status_2xx\":%llu,\"status_4xx\":%llu,\"status_5xx\":%llu,\"seconds\":%.3f,"
        "\"requests_per_second\":%.0f,\"events_per_second\":%.0f",
        mode, (unsigned long long)o->connections, (unsigned long long)o->batch, run->done,
        (unsigned long long)run->failed, (unsigned long long)run->refused,
        (unsigned long long)run->statuses[2], (unsigned long long)run->statuses[4],
        (unsigned long long)run->statuses[5], seconds, (double)run->done / seconds,
        (double)(run->done * o->batch) / seconds);
    if (applied_ns) {
        (void)printf(",\"applied_events_per_second\":%.0f,\"lag_seconds\":%.3f",
                     (double)(run->done * o->batch) / ((double)applied_ns / 1e9),
                     (double)(applied_ns - ns) / 1e9);
    }
    (void)printf(",\"p50_us\":%u,\"p99_us\":%u,\"p999_us\":%u,\"max_us\":%u}\n",
                 run->latencies[last / 2], run->latencies[last * 99 / 100],
                 run->latencies[last * 999 / 1000], run->latencies[last]);
    return run->failed == 0 && run->statuses[2] == run->done ? 0 : 1;
}

static int bench(const struct options *o, bool lookup)
{
    struct load load = {0};
    struct run run = {.load = &load, .count = o->connections};
    kn_buf_init(&load.bytes, SIZE_MAX / 4);
    if (lookup) {
        make_lookups(o, &load);
    } else {
        make_ingest(o, &load);
    }
    run.connections = kn_must_calloc(o->connections, sizeof *run.connections);
    run.latencies = kn_must_calloc(load.count + 1, sizeof *run.latencies);
    for (uint64_t i = 0; i < o->connections; i++) {
        run.connections[i].fd = kn_net_connect("127.0.0.1", (uint16_t)o->port);
        run.connections[i].answer = kn_must_alloc(ANSWER_MAX);
        if (run.connections[i].fd < 0) {
            return kn_cli_failed("cannot connect to 127.0.0.1:%llu", (unsigned long long)o->port);
        }
    }
    uint64_t began = kn_clock_mono_ns(kn_clock_posix());
    drive(&run, o);
    uint64_t acked = kn_clock_mono_ns(kn_clock_posix()) - began;
    bool waits = !lookup && o->token && run.position[0] && run.gone == 0;
    if (waits && !wait_applied(o, run.position)) {
        return kn_cli_failed("what was acknowledged is not applied after minutes");
    }
    uint64_t applied = waits ? kn_clock_mono_ns(kn_clock_posix()) - began : 0;
    int code = report(o, &run, lookup ? "lookup" : "ingest", acked, applied);
    for (uint64_t i = 0; i < o->connections; i++) {
        kn_fd_close(run.connections[i].fd);
        kn_free(run.connections[i].answer);
    }
    kn_free(run.connections);
    kn_free(run.latencies);
    kn_free(load.offsets);
    kn_buf_deinit(&load.bytes);
    return code;
}

int kn_cli_bench(int argc, char **argv)
{
    struct options o = {.key = "",
                        .workspace = "default",
                        .events = 100000,
                        .profiles = 20000,
                        .batch = 100,
                        .connections = 16,
                        .seed = 1,
                        .port = 8080};
    struct {
        const char *name;
        uint64_t *value;
    } numbers[] = {{"port", &o.port},   {"events", &o.events},           {"profiles", &o.profiles},
                   {"batch", &o.batch}, {"connections", &o.connections}, {"seed", &o.seed},
                   {"rate", &o.rate},   {"uniform", &o.uniform}};
    const char *mode = argc > 0 ? argv[0] : "";
    if (strcmp(mode, "ingest") != 0 && strcmp(mode, "lookup") != 0) {
        return kn_cli_usage("bench takes ingest or lookup");
    }
    for (int i = 1; i < argc; i++) {
        const char *value = NULL;
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0] && !value; k++) {
            value = kn_cli_option(argc, argv, &i, numbers[k].name);
            if (value && !kn_str_u64(kn_str_c(value), numbers[k].value)) {
                return kn_cli_usage("--%s takes a number", numbers[k].name);
            }
        }
        if (value) {
            continue;
        }
        if ((value = kn_cli_option(argc, argv, &i, "key"))) {
            o.key = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "token"))) {
            o.token = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "workspace"))) {
            o.workspace = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "path"))) {
            o.path = value;
        } else {
            return kn_cli_usage("bench does not know \"%s\"", argv[i]);
        }
    }
    if (o.batch == 0 || o.connections == 0 || o.connections > CONNECTIONS_MAX || o.profiles == 0) {
        return kn_cli_usage("a number is out of range");
    }
    if (strcmp(mode, "lookup") == 0) {
        o.batch = 1;
    }
    return bench(&o, strcmp(mode, "lookup") == 0);
}
