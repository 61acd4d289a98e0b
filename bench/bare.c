/* The floor under every collect request: libmicrohttpd, driven from one epoll loop per core as Kern
 * does it, with a handler that reads the body and answers 200. `kern bench ingest` is its client.
 *
 *   bare PORT CONNECTIONS    takes that many connections, serves them until all are closed
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOPS_MAX = 64, CONNECTION_BYTES = 64 * 1024 };

struct bare {
    struct MHD_Daemon *daemons[LOOPS_MAX];
    size_t loops;
    struct MHD_Response *response;
    atomic_long open;
};

struct loop {
    struct bare *bare;
    struct MHD_Daemon *daemon;
};

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    struct bare *b = context;
    (void)url;
    (void)method;
    (void)version;
    (void)data;
    if (!*state) {
        *state = b;
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, 200, b->response);
}

static void changed(void *context, struct MHD_Connection *connection, void **state,
                    enum MHD_ConnectionNotificationCode code)
{
    struct bare *b = context;
    (void)connection;
    (void)state;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        (void)atomic_fetch_sub(&b->open, 1);
    }
}

static void *run(void *argument)
{
    struct loop *l = argument;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    while (atomic_load(&l->bare->open) > 0) {
        struct pollfd ready = {.fd = info->epoll_fd, .events = POLLIN};
        (void)poll(&ready, 1, 100);
        (void)MHD_run(l->daemon);
    }
    return NULL;
}

static int listen_on(int port)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 1024) != 0) {
        perror("bare");
        exit(1);
    }
    return fd;
}

/* Round robin: every loop has the same share. */
static void accept_all(struct bare *b, int port, long connections)
{
    int fd = listen_on(port);
    for (long i = 0; i < connections; i++) {
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;
        int one = 1;
        int c = accept4(fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK);
        (void)setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (c < 0 || MHD_add_connection(b->daemons[(size_t)i % b->loops], c,
                                        (struct sockaddr *)&peer, len) != MHD_YES) {
            exit(1);
        }
    }
    (void)close(fd);
}

int main(int argc, char **argv)
{
    static char body[] = "{\"success\":true}";
    struct bare b = {.loops = (size_t)sysconf(_SC_NPROCESSORS_ONLN)};
    long connections = argc > 2 ? strtol(argv[2], NULL, 10) : 64;
    struct loop loops[LOOPS_MAX];
    pthread_t threads[LOOPS_MAX];
    b.loops = b.loops < LOOPS_MAX ? b.loops : LOOPS_MAX;
    b.response = MHD_create_response_from_buffer(sizeof body - 1, body, MHD_RESPMEM_PERSISTENT);
    atomic_init(&b.open, connections);
    for (size_t i = 0; i < b.loops; i++) {
        b.daemons[i] =
            MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, answer, &b,
                             MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                             MHD_OPTION_NOTIFY_CONNECTION, changed, &b, MHD_OPTION_END);
    }
    accept_all(&b, argc > 1 ? atoi(argv[1]) : 8090, connections);
    for (size_t i = 0; i < b.loops; i++) {
        loops[i] = (struct loop){&b, b.daemons[i]};
        (void)pthread_create(&threads[i], NULL, run, &loops[i]);
    }
    for (size_t i = 0; i < b.loops; i++) {
        (void)pthread_join(threads[i], NULL);
        MHD_stop_daemon(b.daemons[i]);
    }
    MHD_destroy_response(b.response);
    return 0;
}
