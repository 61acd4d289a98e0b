#include <stdio.h>
#include <string.h>

#include "apply/workspace.h"
#include "api/audit.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "log/log.h"
#include "os/net.h"

static void say(void *context, const char *line)
{
    (void)printf("  %s: %s\n", (const char *)context, line);
}

static enum kn_rc verify_workspace(struct kn_disk disk, const char *data, const char *name,
                                   struct kn_err *err)
{
    char dir[64];
    char state[4400];
    struct kn_workspace *ws;
    (void)snprintf(dir, sizeof dir, "ws/%s", name);
    (void)snprintf(state, sizeof state, "%s/ws/%s/state", data, name);
    struct kn_workspace_options o = {
        .disk = disk,
        .dir = dir,
        .state_path = state,
        .name = name,
        .clock = kn_clock_posix(),
        .random = kn_random_posix(),
        .read_only = true,
    };
    KN_TRY(kn_workspace_open(&o, &ws, err));
    enum kn_rc rc = kn_workspace_verify(ws, say, (void *)(uintptr_t)name, err);
    kn_workspace_close(ws);
    return rc;
}

/* The names of the workspaces, as the system log's records give them. */
struct names {
    char text[256][48];
    size_t count;
};

static enum kn_rc each_record(void *context, const struct kn_frame *frame, struct kn_err *err)
{
    struct names *names = context;
    struct kn_str prefix = KN_STR("{\"kind\":\"workspace\",\"name\":\"");
    struct kn_str rest = frame->body;
    (void)err;
    if (kn_str_starts(rest, prefix) && names->count < 256) {
        rest = kn_str_sub(rest, prefix.len, rest.len);
        struct kn_str name = kn_str_split(&rest, '"');
        (void)snprintf(names->text[names->count++], 48, "%.*s", KN_STR_ARG(name));
    }
    return KN_OK;
}

static enum kn_rc verify_all(const char *data, struct names *names, struct kn_err *err)
{
    struct kn_disk disk;
    struct kn_log_recovery found;
    char path[4400];
    int lock_fd;
    (void)snprintf(path, sizeof path, "%s/lock", data);
    KN_TRY(kn_lock_file(path, &lock_fd, err));
    enum kn_rc rc = kn_disk_posix_open(data, &disk, err);
    if (rc == KN_OK) {
        rc = kn_log_verify(disk, "system", 0, each_record, names, &found, err);
        if (rc == KN_OK) {
            rc = kn_log_verify(disk, KN_AUDIT_DIR, 0, NULL, NULL, &found, err);
        }
        for (size_t i = 0; rc == KN_OK && i < names->count; i++) {
            rc = verify_workspace(disk, data, names->text[i], err);
        }
        kn_disk_posix_close(disk);
    }
    kn_fd_close(lock_fd);
    return rc;
}

int kn_cli_verify(int argc, char **argv)
{
    const char *data = NULL;
    struct kn_err err = {0};
    for (int i = 0; i < argc; i++) {
        const char *value = kn_cli_option(argc, argv, &i, "data");
        if (!value) {
            return kn_cli_usage("verify does not know \"%s\"", argv[i]);
        }
        data = value;
    }
    if (!data) {
        return kn_cli_usage("verify needs --data DIR");
    }
    struct names *names = kn_must_calloc(1, sizeof *names);
    enum kn_rc rc = verify_all(data, names, &err);
    size_t count = names->count;
    kn_free(names);
    if (rc != KN_OK) {
        return kn_cli_failed("%s", err.text);
    }
    (void)printf("sound: %zu workspace%s\n", count, count == 1 ? "" : "s");
    return 0;
}
