#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "format/time_text.h"
#include "os/clock.h"
#include "server/jsonlog.h"
#include "server/server.h"

void kn_cli_first_start(FILE *out, const struct kn_server_first_start *first)
{
    (void)fprintf(out,
                  "Kern is set up. These are shown once:\n"
                  "  workspace   %s\n  write key   %s\n  API token   %s\n"
                  "  login       %s\n  password    %s\n",
                  first->workspace, first->write_key, first->api_token, first->admin_email,
                  first->admin_password);
    (void)fflush(out);
}

static void announce(const struct kn_server *server, const struct kn_server_first_start *first)
{
    char text[64];
    (void)snprintf(text, sizeof text, "port %u", (unsigned)kn_server_port(server));
    kn_jsonlog("info", "listening", text);
    if (first->workspace) {
        kn_cli_first_start(stdout, first);
    }
}

static bool set_clock(struct kn_server_options *o, const char *clock, const char *start)
{
    if (clock && strcmp(clock, "manual") != 0) {
        return false;
    }
    o->manual_clock = clock != NULL;
    o->clock_start_us = kn_clock_wall_us(kn_clock_posix());
    return !start || (clock && kn_time_parse(kn_str_c(start), &o->clock_start_us));
}

int kn_cli_serve(int argc, char **argv)
{
    struct kn_server_options o = {
        .listen = "127.0.0.1:8080",
        .workspace = getenv("KERN_WORKSPACE"),
        .write_key = getenv("KERN_WRITE_KEY"),
        .api_token = getenv("KERN_API_TOKEN"),
        .admin_email = getenv("KERN_ADMIN_EMAIL"),
        .admin_password = getenv("KERN_ADMIN_PASSWORD"),
    };
    const char *clock = NULL;
    const char *start = NULL;
    for (int i = 0; i < argc; i++) {
        const char *value;
        if ((value = kn_cli_option(argc, argv, &i, "data"))) {
            o.data = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "listen"))) {
            o.listen = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "clock-start"))) {
            start = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "clock"))) {
            clock = value;
        } else if ((value = kn_cli_option(argc, argv, &i, "connections"))) {
            if (!kn_cli_number(value, 1, 1000000, &o.connections)) {
                return kn_cli_usage("--connections takes a number from 1 to 1000000");
            }
        } else if ((value = kn_cli_option(argc, argv, &i, "client-seconds"))) {
            if (!kn_cli_number(value, 1, 86400, &o.client_seconds)) {
                return kn_cli_usage("--client-seconds takes a number from 1 to 86400");
            }
        } else if (strcmp(argv[i], "--accept-unknown-keys") == 0) {
            o.accept_unknown_keys = true;
        } else if (strcmp(argv[i], "--trust-proxy") == 0) {
            o.trust_proxy = true;
        } else if (strcmp(argv[i], "--allow-private-destinations") == 0) {
            o.allow_private_destinations = true;
        } else if (strcmp(argv[i], "--replay-with-new") == 0) {
            o.replay_with_new = true;
        } else {
            return kn_cli_usage("serve does not know \"%s\"", argv[i]);
        }
    }
    if (!o.data) {
        return kn_cli_usage("serve needs --data DIR");
    }
    if (!set_clock(&o, clock, start)) {
        return kn_cli_usage("--clock takes \"manual\", --clock-start an ISO 8601 time beside it");
    }
    struct kn_server *server;
    struct kn_server_first_start first;
    struct kn_err err = {0};
    if (kn_server_start(&o, &server, &first, &err) != KN_OK) {
        return kn_cli_failed("%s", err.text);
    }
    announce(server, &first);
    kn_server_run(server);
    return 0;
}
