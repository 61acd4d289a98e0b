/* Sockets, epoll, wake-ups and signals: the server's door to the kernel.
 *
 * Descriptors are plain ints, non-blocking and close-on-exec, closed with kn_fd_close. Loops wait
 * on an epoll descriptor; `data` is the caller's 64-bit tag. A wake-up may be signalled from any
 * thread.
 */
#ifndef KN_OS_NET_H
#define KN_OS_NET_H

#include "base/err.h"

/* "127.0.0.1:8080", "[::1]:0", ":8080" (every address). Port 0: any free one. */
enum kn_rc kn_net_listen(const char *address, int *ret_fd, uint16_t *ret_port,
                         struct kn_err *err) KN_MUST_USE;
struct kn_net_peer {
    char storage[128]; /* struct sockaddr_storage, aligned by the accept call */
    uint32_t bytes;
};
/* -1: none is waiting (or the process is out of descriptors). */
int kn_net_accept(int listen_fd, struct kn_net_peer *ret);
/* The numeric address without port; at most 63 characters. */
void kn_net_peer_text(const void *sockaddr, char text[64]);
/* Ends both directions; the descriptor stays open. */
void kn_net_shutdown(int fd);
/* Whether an address is one of the public internet: not of this machine, a private or local
 * network, a test network or a group (IANA's special-purpose registries, RFC 6890). */
bool kn_net_is_public(const void *sockaddr);
/* A host that is a numeric address ("10.0.0.1", "[::1]") and no public one. */
bool kn_net_text_is_private(const char *host);
/* A socket that programs started later do not inherit; -1 on failure. */
int kn_net_socket(int family, int type, int protocol);
/* How many descriptors the process may have; the soft limit is raised to the hard one. */
size_t kn_descriptors_max(void);
/* Connects to a numeric address, for clients on this machine; -1 on failure. */
int kn_net_connect(const char *host, uint16_t port);

struct kn_event {
    uint64_t data;
    bool readable, writable, hangup;
};
int kn_epoll_new(void); /* panics when the kernel refuses */
void kn_epoll_add(int epoll_fd, int fd, bool write, uint64_t data);
/* Waits up to timeout_ms (-1 = for ever), or timeout_ns; how many events were filled. */
int kn_epoll_wait_ns(int epoll_fd, struct kn_event *events, int max, uint64_t timeout_ns);
int kn_epoll_wait(int epoll_fd, struct kn_event *events, int max, int timeout_ms);

int kn_wake_new(void);
void kn_wake_signal(int fd);
void kn_wake_drain(int fd);
void kn_fd_close(int fd); /* -1 is fine */

/* Blocks SIGTERM and SIGINT in this and every later thread, ignores SIGPIPE; the descriptor becomes
 * readable when one of the two arrives. */
int kn_signals_new(void);

/* An exclusive lock on a file, held until the process ends. KN_E_EXISTS: another process has it. */
enum kn_rc kn_lock_file(const char *path, int *ret_fd, struct kn_err *err) KN_MUST_USE;

#endif
