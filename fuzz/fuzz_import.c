/* Any bytes as an import of JSON lines into a running Kern: every line that is not blank is an
 * event or a reject, what was taken goes through the fold, and Kern goes on answering.
 *
 * The workspace lives from input to input, on a simulated disk, and is begun anew now and then. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/system.h"
#include "base/assert.h"
#include "sim/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUTS = 300, BYTES_MAX = 16384 };

static struct {
    struct sim_disk *disk;
    struct kn_system *system;
    struct world w;
    char dir[64];
    unsigned inputs;
} run;

static void empty_dir(void)
{
    char command[100];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", run.dir);
    kn_assert(system(command) == 0);
}

static void at_end(void)
{
    world_deinit(&run.w);
    kn_system_close(run.system);
    sim_disk_free(run.disk);
    empty_dir();
}

static void begin(void)
{
    struct kn_err err = {0};
    if (!run.system) {
        run.disk = sim_disk_new(1);
        kn_assert(kn_system_open(sim_disk_interface(run.disk), "system", kn_clock_posix(),
                                 kn_random_posix(), &run.system, &err) == KN_OK);
        kn_system_lend_token(run.system, KN_STR("simulation"));
        (void)snprintf(run.dir, sizeof run.dir, "/tmp/kern-fuzz-import-%d", (int)getpid());
        (void)atexit(at_end);
    } else {
        world_deinit(&run.w);
    }
    empty_dir();
    world_init(&run.w, 1, run.dir, run.system);
    kn_assert(world_open(&run.w, &err) == KN_OK);
    kn_assert(world_set_up(&run.w, 5));
}

/* Lines that are not blank, of the first `most`. */
static size_t rows(struct kn_str text, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; text.len > 0 && i < most; i++) {
        count += kn_str_trim(kn_str_split(&text, '\n')).len > 0;
    }
    return count;
}

static int64_t number(const char *key)
{
    int64_t value = -1;
    kn_assert(kn_json_i64(&run.w.doc, kn_json_find(&run.w.doc, 0, kn_str_c(key)), &value));
    return value;
}

/* One request; what is left of the text for the next (settings and what names them come apart). */
static struct kn_str import_some(struct kn_str text, bool historic)
{
    struct kn_err err = {0};
    struct kn_workspace_stats before;
    struct kn_workspace_stats after;
    bool committed;
    size_t applied;
    struct kn_http_pair params[2] = {{KN_STR("source"), kn_str_c(run.w.sources[0])},
                                     {KN_STR("historic"), KN_STR("true")}};
    kn_workspace_stats(run.w.ws, &before);
    if (world_call(&run.w, "POST", "/import", params, historic ? 2 : 1, text) == WORLD_WAITS) {
        kn_assert(kn_workspace_commit(run.w.ws, &committed, &err) == KN_OK);
        enum kn_rc rc = kn_workspace_apply(run.w.ws, INT64_MAX, &applied, &err);
        if (rc != KN_OK) {
            kn_panic("apply: %s", err.text);
        }
        world_resume(&run.w);
    }
    kn_assert(run.w.response.status == 200);
    kn_workspace_stats(run.w.ws, &after);
    size_t lines = (size_t)number("lines");
    size_t accepted = (size_t)number("accepted");
    size_t taken = accepted + (size_t)number("rejected");
    struct kn_str answer = kn_buf_view(&run.w.response.body);
    bool keyless =
        kn_str_find(answer, KN_STR("write_key_taken")) != SIZE_MAX; /* taken, and said so */
    kn_assert(keyless ? taken >= rows(text, lines) : taken == rows(text, lines));
    kn_assert(after.events_applied + after.duplicates <=
              before.events_applied + before.duplicates + accepted);
    for (size_t i = 0; i < lines; i++) {
        (void)kn_str_split(&text, '\n');
    }
    kn_assert(lines > 0 || text.len == 0);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > BYTES_MAX) {
        return 0;
    }
    if (run.inputs++ % INPUTS == 0) {
        begin();
    }
    run.w.clock.wall_us += 1000;
    struct kn_str text = kn_str(data + 1, size - 1);
    while (text.len > 0) {
        text = import_some(text, data[0] & 1);
    }
    struct kn_http_pair limit = {KN_STR("limit"), KN_STR("5")};
    kn_assert(world_get(&run.w, "/profiles", &limit, 1));
    return 0;
}
