#include "os/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"

enum { BACKLOG = 4096 };

static enum kn_rc split_address(const char *address, char host[128], char port[16],
                                struct kn_err *err)
{
    struct kn_str s = kn_str_c(address);
    size_t colon = s.len;
    while (colon > 0 && s.p[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0) {
        return kn_fail(err, KN_E_INVALID, "listen address \"%s\" has no port", address);
    }
    struct kn_str name = kn_str_sub(s, 0, colon - 1);
    struct kn_str number = kn_str_sub(s, colon, s.len);
    uint64_t value;
    if (name.len >= 2 && name.p[0] == '[' && name.p[name.len - 1] == ']') {
        name = kn_str_sub(name, 1, name.len - 1);
    }
    if (!kn_str_u64(number, &value) || value > 65535 || name.len >= 128) {
        return kn_fail(err, KN_E_INVALID, "listen address \"%s\" is not host:port", address);
    }
    (void)snprintf(host, 128, "%.*s", KN_STR_ARG(name));
    (void)snprintf(port, 16, "%u", (unsigned)value);
    return KN_OK;
}

static uint16_t bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at = {0};
    socklen_t len = sizeof at;
    if (getsockname(fd, &at.any, &len) != 0) {
        return 0;
    }
    return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

enum kn_rc kn_net_listen(const char *address, int *ret_fd, uint16_t *ret_port, struct kn_err *err)
{
    char host[128] = "";
    char port[16] = "";
    struct addrinfo *found = NULL;
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE,
    };
    KN_TRY(split_address(address, host, port, err));
    int rc = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
    if (rc != 0) {
        return kn_fail(err, KN_E_INVALID, "listen address \"%s\": %s", address, gai_strerror(rc));
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1;
    bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
              bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    int os_errno = errno;
    freeaddrinfo(found);
    if (!ok) {
        kn_fd_close(fd);
        return kn_fail_os(err, KN_E_IO, os_errno, "cannot listen on %s", address);
    }
    *ret_fd = fd;
    *ret_port = bound_port(fd);
    return KN_OK;
}

int kn_net_accept(int listen_fd, struct kn_net_peer *ret)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    int yes = 1;
    int fd = accept4(listen_fd, (struct sockaddr *)&at, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    _Static_assert(sizeof at <= sizeof ret->storage, "an address fits");
    memcpy(ret->storage, &at, sizeof at);
    ret->bytes = len;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* a hint */
    return fd;
}

struct range {
    uint32_t first;
    unsigned bits;
};

static bool is_public_v4(uint32_t address)
{
    static const struct range others[] = {
        {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
        {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, {0xc0a80000, 16},
        {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 3},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if ((address ^ others[i].first) >> (32 - others[i].bits) == 0) {
            return false;
        }
    }
    return true;
}

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Of the global unicast block, without what tunnels an IPv4 address or is for documentation. */
static bool is_public_v6(const unsigned char *p)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    uint32_t head = be32(p);
    if (memcmp(p, mapped, sizeof mapped) == 0) {
        return is_public_v4(be32(p + 12));
    }
    return head >> 29 == 1 && head >> 16 != 0x2002 && head != 0x20010000 && head != 0x20010db8 &&
           head >> 20 != 0x3ff;
}

bool kn_net_is_public(const void *sockaddr)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    sa_family_t family;
    memcpy(&family, (const char *)sockaddr + offsetof(struct sockaddr, sa_family), sizeof family);
    if (family == AF_INET) {
        memcpy(&v4, sockaddr, sizeof v4);
        return is_public_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (family == AF_INET6) {
        memcpy(&v6, sockaddr, sizeof v6);
        return is_public_v6(v6.sin6_addr.s6_addr);
    }
    return false;
}

bool kn_net_text_is_private(const char *host)
{
    char text[64] = "";
    size_t len = strlen(host);
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        return !is_public_v4(ntohl(v4.s_addr));
    }
    if (len > 2 && len < sizeof text && host[0] == '[' && host[len - 1] == ']') {
        memcpy(text, host + 1, len - 2);
        text[strcspn(text, "%")] = '\0';
        return inet_pton(AF_INET6, text, &v6) == 1 && !is_public_v6(v6.s6_addr);
    }
    return false;
}

int kn_net_socket(int family, int type, int protocol)
{
    return socket(family, type | SOCK_CLOEXEC, protocol);
}

void kn_net_peer_text(const void *sockaddr, char text[64])
{
    struct sockaddr_storage at;
    const struct sockaddr *any = sockaddr;
    text[0] = '\0';
    memset(&at, 0, sizeof at);
    if (any->sa_family == AF_INET) {
        memcpy(&at, sockaddr, sizeof(struct sockaddr_in));
        (void)inet_ntop(AF_INET, &((struct sockaddr_in *)&at)->sin_addr, text, 64);
    } else if (any->sa_family == AF_INET6) {
        memcpy(&at, sockaddr, sizeof(struct sockaddr_in6));
        (void)inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&at)->sin6_addr, text, 64);
    }
}

void kn_net_shutdown(int fd)
{
    (void)shutdown(fd, SHUT_RDWR); /* it may be gone already */
}

size_t kn_descriptors_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1024;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {limit.rlim_max, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
            limit = raised;
        }
    }
    return limit.rlim_cur;
}

int kn_net_connect(const char *host, uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int yes = 1;
    if (inet_pton(AF_INET, host, &at.sin_addr) != 1) {
        return -1;
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        kn_fd_close(fd);
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

int kn_epoll_new(void)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) {
        kn_panic("epoll_create1 failed: %d", errno);
    }
    return fd;
}

void kn_epoll_add(int epoll_fd, int fd, bool write, uint64_t data)
{
    struct epoll_event e = {.events = EPOLLIN | (write ? (uint32_t)EPOLLOUT : 0U),
                            .data.u64 = data};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0 &&
        (errno != EEXIST || epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &e) != 0)) {
        kn_panic("epoll_ctl failed: %d", errno);
    }
}

static int translate(const struct epoll_event *got, int count, struct kn_event *events)
{
    for (int i = 0; i < count; i++) {
        events[i] = (struct kn_event){
            .data = got[i].data.u64,
            .readable = (got[i].events & EPOLLIN) != 0,
            .writable = (got[i].events & EPOLLOUT) != 0,
            .hangup = (got[i].events & (EPOLLHUP | EPOLLERR)) != 0,
        };
    }
    return count > 0 ? count : 0;
}

int kn_epoll_wait(int epoll_fd, struct kn_event *events, int max, int timeout_ms)
{
    struct epoll_event got[64];
    return translate(got, epoll_wait(epoll_fd, got, max < 64 ? max : 64, timeout_ms), events);
}

int kn_epoll_wait_ns(int epoll_fd, struct kn_event *events, int max, uint64_t timeout_ns)
{
    struct epoll_event got[64];
    struct timespec t = {(time_t)(timeout_ns / 1000000000), (long)(timeout_ns % 1000000000)};
    int count = epoll_pwait2(epoll_fd, got, max < 64 ? max : 64, &t, NULL);
    return translate(got, count, events);
}

int kn_wake_new(void)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
        kn_panic("eventfd failed: %d", errno);
    }
    return fd;
}

void kn_wake_signal(int fd)
{
    uint64_t one = 1;
    ssize_t put = write(fd, &one, sizeof one);
    (void)put; /* full: it is signalled already */
}

void kn_wake_drain(int fd)
{
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof count);
    (void)got; /* empty: somebody drained it */
}

void kn_fd_close(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

int kn_signals_new(void)
{
    sigset_t set;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) {
        kn_panic("pthread_sigmask failed");
    }
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        kn_panic("signalfd failed: %d", errno);
    }
    return fd;
}

enum kn_rc kn_lock_file(const char *path, int *ret_fd, struct kn_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return kn_fail_os(err, KN_E_IO, errno, "cannot open %s", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int os_errno = errno;
        kn_fd_close(fd);
        return os_errno == EWOULDBLOCK
                   ? kn_fail(err, KN_E_EXISTS, "another process has locked %s", path)
                   : kn_fail_os(err, KN_E_IO, os_errno, "cannot lock %s", path);
    }
    *ret_fd = fd;
    return KN_OK;
}
