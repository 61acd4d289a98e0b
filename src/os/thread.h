/* Threads, locks and wake-ups. Failures of these calls are bugs or exhaustion at start: they panic.
 */
#ifndef KN_OS_THREAD_H
#define KN_OS_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct kn_mutex {
    pthread_mutex_t m;
};
struct kn_cond {
    pthread_cond_t c; /* on the monotonic clock */
};
struct kn_rwlock {
    pthread_rwlock_t l; /* prefers the writer */
};
struct kn_thread {
    pthread_t t;
};

void kn_mutex_init(struct kn_mutex *m);
void kn_mutex_deinit(struct kn_mutex *m);
void kn_mutex_lock(struct kn_mutex *m);
void kn_mutex_unlock(struct kn_mutex *m);
void kn_cond_init(struct kn_cond *c);
void kn_cond_deinit(struct kn_cond *c);
void kn_cond_wait(struct kn_cond *c, struct kn_mutex *m);
/* False when timeout_us passed without a signal. */
bool kn_cond_wait_for(struct kn_cond *c, struct kn_mutex *m, uint64_t timeout_us);
void kn_cond_signal(struct kn_cond *c);
void kn_cond_broadcast(struct kn_cond *c);
void kn_rwlock_init(struct kn_rwlock *l);
void kn_rwlock_deinit(struct kn_rwlock *l);
void kn_rwlock_read(struct kn_rwlock *l);
void kn_rwlock_write(struct kn_rwlock *l);
void kn_rwlock_unlock(struct kn_rwlock *l);

/* name: at most 15 bytes, shown by the operating system. */
struct kn_thread kn_thread_start(const char *name, void *(*run)(void *), void *argument);
void kn_thread_join(struct kn_thread t);
/* The calling thread runs only when nothing else wants the processor. */
void kn_thread_be_idle(void);
void kn_sleep_us(unsigned us);
unsigned kn_cpu_count(void);

#endif
