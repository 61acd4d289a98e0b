#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "os/clock.h"

/* /proc/self/statm: pages in all, resident, shared (file-backed). Source: proc(5). */
void kn_process_memory(uint64_t *ret_resident, uint64_t *ret_anonymous)
{
    char text[256];
    uint64_t numbers[3] = {0};
    FILE *f = fopen("/proc/self/statm", "re");
    size_t len = f ? fread(text, 1, sizeof text, f) : 0;
    if (f) {
        (void)fclose(f);
    }
    struct kn_str rest = kn_str(text, len);
    for (size_t i = 0; i < 3; i++) {
        (void)kn_str_u64(kn_str_split(&rest, ' '), &numbers[i]);
    }
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    *ret_resident = numbers[1] * page;
    *ret_anonymous = (numbers[1] - numbers[2]) * page;
}
