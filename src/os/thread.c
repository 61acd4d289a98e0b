#include "os/thread.h"

#include <errno.h>
#include <sched.h>
#include <time.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"

static void must(int rc, const char *what)
{
    if (rc != 0) {
        kn_panic("%s failed: %d", what, rc);
    }
}

void kn_mutex_init(struct kn_mutex *m)
{
    must(pthread_mutex_init(&m->m, NULL), "pthread_mutex_init");
}
void kn_mutex_deinit(struct kn_mutex *m)
{
    must(pthread_mutex_destroy(&m->m), "pthread_mutex_destroy");
}
void kn_mutex_lock(struct kn_mutex *m)
{
    must(pthread_mutex_lock(&m->m), "pthread_mutex_lock");
}
void kn_mutex_unlock(struct kn_mutex *m)
{
    must(pthread_mutex_unlock(&m->m), "pthread_mutex_unlock");
}

void kn_cond_init(struct kn_cond *c)
{
    pthread_condattr_t attr;
    must(pthread_condattr_init(&attr), "pthread_condattr_init");
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), "pthread_condattr_setclock");
    must(pthread_cond_init(&c->c, &attr), "pthread_cond_init");
    (void)pthread_condattr_destroy(&attr);
}
void kn_cond_deinit(struct kn_cond *c)
{
    must(pthread_cond_destroy(&c->c), "pthread_cond_destroy");
}
void kn_cond_wait(struct kn_cond *c, struct kn_mutex *m)
{
    must(pthread_cond_wait(&c->c, &m->m), "pthread_cond_wait");
}

bool kn_cond_wait_for(struct kn_cond *c, struct kn_mutex *m, uint64_t timeout_us)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + timeout_us % 1000000 * 1000;
    until.tv_sec += (time_t)(timeout_us / 1000000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    int rc = pthread_cond_timedwait(&c->c, &m->m, &until);
    if (rc != ETIMEDOUT) {
        must(rc, "pthread_cond_timedwait");
    }
    return rc == 0;
}

void kn_cond_signal(struct kn_cond *c)
{
    must(pthread_cond_signal(&c->c), "pthread_cond_signal");
}
void kn_cond_broadcast(struct kn_cond *c)
{
    must(pthread_cond_broadcast(&c->c), "pthread_cond_broadcast");
}

void kn_rwlock_init(struct kn_rwlock *l)
{
    pthread_rwlockattr_t attr;
    must(pthread_rwlockattr_init(&attr), "pthread_rwlockattr_init");
    must(pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP),
         "pthread_rwlockattr_setkind_np");
    must(pthread_rwlock_init(&l->l, &attr), "pthread_rwlock_init");
    (void)pthread_rwlockattr_destroy(&attr);
}
void kn_rwlock_deinit(struct kn_rwlock *l)
{
    must(pthread_rwlock_destroy(&l->l), "pthread_rwlock_destroy");
}
void kn_rwlock_read(struct kn_rwlock *l)
{
    must(pthread_rwlock_rdlock(&l->l), "pthread_rwlock_rdlock");
}
void kn_rwlock_write(struct kn_rwlock *l)
{
    must(pthread_rwlock_wrlock(&l->l), "pthread_rwlock_wrlock");
}
void kn_rwlock_unlock(struct kn_rwlock *l)
{
    must(pthread_rwlock_unlock(&l->l), "pthread_rwlock_unlock");
}

struct kn_thread kn_thread_start(const char *name, void *(*run)(void *), void *argument)
{
    struct kn_thread t;
    must(pthread_create(&t.t, NULL, run, argument), "pthread_create");
    (void)pthread_setname_np(t.t, name); /* for operators only */
    return t;
}

void kn_thread_join(struct kn_thread t)
{
    must(pthread_join(t.t, NULL), "pthread_join");
}

void kn_thread_be_idle(void)
{
    /* Hints; the process does the same work without them. Neither SCHED_IDLE nor nice: under full
     * load late checkpoints cost memory. The disk's idle class ages, so it may be used. */
    enum { WHO_THREAD = 1, IDLE_CLASS = 3 << 13 };
    struct sched_param p = {0};
    (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &p);
    (void)syscall(SYS_ioprio_set, WHO_THREAD, 0, IDLE_CLASS);
}

void kn_sleep_us(unsigned us)
{
    struct timespec t = {us / 1000000, (long)(us % 1000000) * 1000};
    (void)nanosleep(&t, NULL); /* a signal ends it early: it is a pause, not a clock */
}

unsigned kn_cpu_count(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}
