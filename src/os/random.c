#include "os/random.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

#include "base/assert.h"

static void fill(void *self, void *to, size_t len)
{
    (void)self;
    char *p = to;
    while (len > 0) {
        ssize_t got = getrandom(p, len, 0);
        if (got < 0 && errno != EINTR) {
            kn_panic("the kernel gives no randomness");
        }
        if (got > 0) {
            p += got;
            len -= (size_t)got;
        }
    }
}

struct kn_random kn_random_posix(void)
{
    return (struct kn_random){fill, NULL};
}
