#include "server/jsonlog.h"

#include <unistd.h>

#include "format/json.h"
#include "os/clock.h"

void kn_jsonlog(const char *level, const char *event, const char *detail)
{
    struct kn_buf line;
    kn_buf_init(&line, 4096);
    kn_buf_char(&line, '{');
    kn_json_out_ktime(&line, "time", kn_clock_wall_us(kn_clock_posix()));
    kn_json_out_kv(&line, "level", kn_str_c(level));
    kn_json_out_kv(&line, "event", kn_str_c(event));
    if (detail) {
        kn_json_out_kv(&line, "detail", kn_str_sub(kn_str_c(detail), 0, 400));
    }
    kn_buf_c(&line, "}\n");
    if (line.rc == KN_OK) {
        ssize_t put = write(STDERR_FILENO, line.p, line.len);
        (void)put; /* nowhere to say it */
    }
    kn_buf_deinit(&line);
}
