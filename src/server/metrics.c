/* Prometheus text (https://prometheus.io/docs/instrumenting/exposition_formats/). */
#include <string.h>

#include "apply/destinations.h"
#include "apply/read.h"
#include "base/mem.h"
#include "server/server_internal.h"

static void count(struct kn_reasons *r, const char *reason, uint64_t more)
{
    size_t i = 0;
    while (i < r->count && strcmp(r->names[i], reason) != 0) {
        i++;
    }
    if (i == r->count && i < KN_REASONS_MAX) {
        r->names[r->count++] = reason;
    }
    if (i < r->count) {
        r->counts[i] += more;
    }
}

void kn_server_count_reason(struct kn_server *s, const char *reason)
{
    kn_mutex_lock(&s->reason_mutex);
    count(&s->refused, reason, 1);
    kn_mutex_unlock(&s->reason_mutex);
}

void kn_server_count_rejects(struct kn_server *s, const struct kn_collect_result *result)
{
    if (!result->refused[0].reason) {
        return;
    }
    kn_mutex_lock(&s->reason_mutex);
    for (size_t i = 0; i < KN_COLLECT_REASONS && result->refused[i].reason; i++) {
        count(&s->rejects, result->refused[i].reason, result->refused[i].count);
    }
    kn_mutex_unlock(&s->reason_mutex);
}

static void head(struct kn_buf *out, const char *name, const char *type, const char *help)
{
    kn_buf_printf(out, "# HELP kern_%s %s\n# TYPE kern_%s %s\n", name, help, name, type);
}

static void gauge(struct kn_buf *out, const char *name, const char *help, uint64_t value)
{
    head(out, name, "gauge", help);
    kn_buf_printf(out, "kern_%s %llu\n", name, (unsigned long long)value);
}

struct field {
    const char *name, *type, *help;
    size_t offset;
};

#define STAT(member) offsetof(struct kn_workspace_stats, member)

static const struct field fields[] = {
    {"events_applied_total", "counter", "Events applied", STAT(events_applied)},
    {"duplicates_total", "counter", "Messages seen before, not applied again", STAT(duplicates)},
    {"profiles", "gauge", "Live profiles", STAT(profiles)},
    {"identifiers", "gauge", "Identifiers", STAT(identifiers)},
    {"merges_total", "counter", "Profiles merged", STAT(merges)},
    {"unmerges_total", "counter", "Profiles split", STAT(unmerges)},
    {"erasures_waiting", "gauge", "People who are hidden and whose bytes are not all gone yet",
     STAT(erasures_waiting)},
    {"erasures_done", "gauge", "Erasures with a receipt", STAT(erasures_done)},
    {"unapplied_bytes", "gauge", "Durable bytes not applied yet", STAT(position.unapplied_bytes)},
    {"log_position", "gauge", "Newest durable record", STAT(position.durable)},
    {"applied_position", "gauge", "Newest applied record", STAT(position.applied)},
    {"log_bytes", "gauge", "Log on disk", STAT(log_bytes)},
    {"checkpoints_total", "counter", "Checkpoints since the start", STAT(checkpoints)},
    {"state_hits_total", "counter", "State reads answered by memory", STAT(state.hits)},
    {"state_misses_total", "counter", "State reads that went to disk", STAT(state.misses)},
    {"dedupe_entries", "gauge", "Message ids remembered", STAT(dedupe.entries)},
    {"dedupe_dropped_total", "counter", "Message ids forgotten before their time",
     STAT(dedupe.dropped)},
    {"archive_rows", "gauge", "Archived events", STAT(archive.rows)},
    {"archive_runs", "gauge", "Archive files", STAT(archive.runs)},
    {"archive_merging_bytes", "gauge", "Archive bytes waiting to be merged",
     STAT(archive.merging_bytes)},
};

/* Where memory and disk go, part by part. */
struct part {
    const char *name;
    size_t offset;
};
static const struct part memory_parts[] = {
    {"state_dirty", STAT(state.dirty_bytes)},      {"state_cached", STAT(state.cached_bytes)},
    {"dedupe", STAT(dedupe.memory_bytes)},         {"archive_tail", STAT(archive.tail_bytes)},
    {"unapplied", STAT(position.unapplied_bytes)},
};
static const struct part disk_parts[] = {
    {"log", STAT(log_bytes)},
    {"state", STAT(state.disk_bytes)},
    {"dedupe", STAT(dedupe.disk_bytes)},
    {"archive", STAT(archive.run_bytes)},
};

/* One look at every workspace: what a scrape shows belongs together. */
struct scrape {
    size_t count;
    struct kn_workspace_stats *stats;
    const char **names;
    struct kn_server *server;
};

static uint64_t value_of(const struct kn_workspace_stats *stats, size_t offset)
{
    uint64_t value;
    memcpy(&value, (const char *)stats + offset, sizeof value);
    return value;
}

static void workspace_fields(const struct scrape *p, struct kn_buf *out)
{
    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
        head(out, fields[f].name, fields[f].type, fields[f].help);
        for (size_t i = 0; i < p->count; i++) {
            kn_buf_printf(out, "kern_%s{workspace=\"%s\"} %llu\n", fields[f].name, p->names[i],
                          (unsigned long long)value_of(&p->stats[i], fields[f].offset));
        }
    }
}

static void workspace_parts(const struct scrape *p, const char *name, const char *help,
                            const struct part *parts, size_t count, struct kn_buf *out)
{
    head(out, name, "gauge", help);
    for (size_t i = 0; i < p->count; i++) {
        for (size_t k = 0; k < count; k++) {
            kn_buf_printf(out, "kern_%s{workspace=\"%s\",part=\"%s\"} %llu\n", name, p->names[i],
                          parts[k].name,
                          (unsigned long long)value_of(&p->stats[i], parts[k].offset));
        }
    }
}

/* Seconds as seen from the clock of the workspaces; never negative. */
static double seconds_since(int64_t now_us, int64_t then_us)
{
    return now_us > then_us ? (double)(now_us - then_us) / 1e6 : 0;
}

static void workspace_ages(const struct scrape *p, struct kn_buf *out)
{
    int64_t now = kn_clock_wall_us(p->server->clock);
    head(out, "apply_lag_seconds", "gauge",
         "How far the newest applied record lies behind now; 0 when nothing waits");
    for (size_t i = 0; i < p->count; i++) {
        const struct kn_position *at = &p->stats[i].position;
        double lag = at->applied < at->durable ? seconds_since(now, at->applied_record_us) : 0;
        kn_buf_printf(out, "kern_apply_lag_seconds{workspace=\"%s\"} %.3f\n", p->names[i], lag);
    }
    head(out, "checkpoint_age_seconds", "gauge", "Since the record of the last checkpoint");
    for (size_t i = 0; i < p->count; i++) {
        int64_t then = p->stats[i].last_checkpoint_us;
        kn_buf_printf(out, "kern_checkpoint_age_seconds{workspace=\"%s\"} %.3f\n", p->names[i],
                      then ? seconds_since(now, then) : 0);
    }
    head(out, "commit_seconds_max", "gauge", "Slowest group commit lately");
    for (size_t i = 0; i < p->count; i++) {
        kn_buf_printf(out, "kern_commit_seconds_max{workspace=\"%s\"} %.6f\n", p->names[i],
                      (double)p->stats[i].sync_ns_max_recent / 1e9);
    }
}

static void source_counts(const struct scrape *p, struct kn_buf *out)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } counts[] = {
        {"source_events_total", "Events applied, by source",
         offsetof(struct kn_source_stats, events)},
        {"source_duplicates_total", "Messages seen before, by source",
         offsetof(struct kn_source_stats, duplicates)},
        {"rejects_total", "Messages refused and listed, by source",
         offsetof(struct kn_source_stats, rejects)},
    };
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        head(out, counts[c].name, "counter", counts[c].help);
        for (size_t i = 0; i < p->count; i++) {
            struct kn_workspace *ws = p->server->workspaces[i];
            struct kn_settings *s = kn_workspace_settings(ws);
            for (size_t k = 0; k < s->source_count; k++) {
                struct kn_source_stats stats;
                uint64_t value;
                if (s->sources[k].number == 0 ||
                    kn_read_source_stats(ws, s->sources[k].number, &stats) != KN_OK) {
                    continue;
                }
                memcpy(&value, (const char *)&stats + counts[c].offset, sizeof value);
                kn_buf_printf(out, "kern_%s{workspace=\"%s\",source=\"%.*s\"} %llu\n",
                              counts[c].name, p->names[i], KN_STR_ARG(s->sources[k].id),
                              (unsigned long long)value);
            }
            kn_settings_unref(s);
        }
    }
}

/* Destinations of all workspaces, what became of what they were sent. */
static void delivery_counts(const struct scrape *p, struct kn_buf *out)
{
    static const struct {
        const char *name;
        size_t offset;
    } results[] = {
        {"delivered", offsetof(struct kn_delivery, counts.delivered)},
        {"failed_try", offsetof(struct kn_delivery, counts.failed)},
        {"died", offsetof(struct kn_delivery, counts.died)},
        {"withheld", offsetof(struct kn_delivery, counts.withheld)},
        {"missed", offsetof(struct kn_delivery, counts.missed)},
        {"dropped", offsetof(struct kn_delivery, counts.dropped)},
    };
    struct kn_arena arena;
    struct kn_buf waiting;
    struct kn_buf dead;
    kn_arena_init(&arena, 16 << 20);
    kn_buf_init(&waiting, 16 << 20);
    kn_buf_init(&dead, 16 << 20);
    head(out, "deliveries_total", "counter", "Changes for destinations by what became of them");
    head(&waiting, "deliveries_waiting", "gauge", "Changes that wait to be sent");
    head(&dead, "deliveries_dead", "gauge", "Changes given up that can be sent again");
    for (size_t i = 0; i < p->count; i++) {
        struct kn_workspace *ws = p->server->workspaces[i];
        struct kn_settings *s = kn_workspace_settings(ws);
        for (size_t k = 0; k < s->destination_count; k++) {
            struct kn_str id = s->destinations[k].id;
            struct kn_delivery d;
            kn_arena_clear(&arena);
            if (kn_delivery_read(ws, id, &arena, &d) != KN_OK) {
                continue;
            }
            for (size_t r = 0; r < sizeof results / sizeof results[0]; r++) {
                uint64_t value;
                memcpy(&value, (const char *)&d + results[r].offset, sizeof value);
                kn_buf_printf(
                    out,
                    "kern_deliveries_total{workspace=\"%s\",destination=\"%.*s\",result=\"%s\"} "
                    "%llu\n",
                    p->names[i], KN_STR_ARG(id), results[r].name, (unsigned long long)value);
            }
            uint64_t undelivered = d.backlog + d.waiting_count;
            kn_buf_printf(&waiting,
                          "kern_deliveries_waiting{workspace=\"%s\",destination=\"%.*s\"} %llu\n",
                          p->names[i], KN_STR_ARG(id), (unsigned long long)undelivered);
            kn_buf_printf(&dead,
                          "kern_deliveries_dead{workspace=\"%s\",destination=\"%.*s\"} %zu\n",
                          p->names[i], KN_STR_ARG(id), d.dead_count);
        }
        kn_settings_unref(s);
    }
    kn_buf_str(out, kn_buf_view(&waiting));
    kn_buf_str(out, kn_buf_view(&dead));
    kn_buf_deinit(&dead);
    kn_buf_deinit(&waiting);
    kn_arena_deinit(&arena);
}

static void commit_histogram(const struct scrape *p, struct kn_buf *out)
{
    head(out, "commit_seconds", "histogram", "Duration of a group commit, fsync included");
    for (size_t i = 0; i < p->count; i++) {
        const struct kn_workspace_stats *stats = &p->stats[i];
        uint64_t sum = 0;
        for (unsigned b = 0; b < 15; b++) {
            sum += stats->commit_hist[b];
            kn_buf_printf(out, "kern_commit_seconds_bucket{workspace=\"%s\",le=\"%.6f\"} %llu\n",
                          p->names[i], (double)(1U << (b + 5)) / 1e6, (unsigned long long)sum);
        }
        sum += stats->commit_hist[15];
        kn_buf_printf(out,
                      "kern_commit_seconds_bucket{workspace=\"%s\",le=\"+Inf\"} %llu\n"
                      "kern_commit_seconds_sum{workspace=\"%s\"} %.6f\n"
                      "kern_commit_seconds_count{workspace=\"%s\"} %llu\n",
                      p->names[i], (unsigned long long)sum, p->names[i],
                      (double)stats->commit_ns / 1e9, p->names[i], (unsigned long long)sum);
    }
}

static void workspaces(struct kn_server *s, struct kn_buf *out)
{
    struct scrape p = {.server = s, .count = atomic_load(&s->workspace_count)};
    p.stats = kn_calloc(p.count + 1, sizeof *p.stats);
    p.names = kn_calloc(p.count + 1, sizeof *p.names);
    if (p.stats && p.names) {
        for (size_t i = 0; i < p.count; i++) {
            p.names[i] = kn_workspace_name(s->workspaces[i]);
            kn_workspace_stats(s->workspaces[i], &p.stats[i]);
        }
        workspace_fields(&p, out);
        workspace_parts(&p, "memory_bytes", "Memory by part", memory_parts,
                        sizeof memory_parts / sizeof memory_parts[0], out);
        workspace_parts(&p, "disk_bytes", "Disk by part", disk_parts,
                        sizeof disk_parts / sizeof disk_parts[0], out);
        workspace_ages(&p, out);
        source_counts(&p, out);
        delivery_counts(&p, out);
        commit_histogram(&p, out);
    } else {
        out->rc = KN_E_NOMEM;
    }
    kn_free(p.stats);
    kn_free(p.names);
}

/* Names as every exporter has them (https://prometheus.io/docs/instrumenting/writing_clientlibs/).
 */
static void process(struct kn_buf *out, uint64_t resident)
{
    kn_buf_printf(out,
                  "# HELP process_resident_memory_bytes Resident memory\n"
                  "# TYPE process_resident_memory_bytes gauge\n"
                  "process_resident_memory_bytes %llu\n"
                  "# HELP process_cpu_seconds_total Processor time used\n"
                  "# TYPE process_cpu_seconds_total counter\n"
                  "process_cpu_seconds_total %.6f\n",
                  (unsigned long long)resident, (double)kn_process_cpu_ns() / 1e9);
}

static void server_parts(struct kn_server *s, struct kn_buf *out)
{
    uint64_t resident;
    uint64_t anonymous;
    uint64_t free_bytes;
    uint64_t connections = 0;
    kn_process_memory(&resident, &anonymous);
    for (size_t i = 0; i < s->loop_count; i++) {
        connections += kn_loop_connections(s->loops[i]);
    }
    process(out, resident);
    head(out, "build_info", "gauge", "The version, as a label");
    kn_buf_c(out, "kern_build_info{version=\"" KERN_VERSION "\"} 1\n");
    gauge(out, "anonymous_bytes", "Resident memory without file pages", anonymous);
    gauge(out, "heap_bytes", "Memory Kern itself has allocated", kn_mem_bytes());
    gauge(out, "connections", "Open HTTP connections", connections);
    gauge(out, "connections_max", "Open HTTP connections at most",
          s->connections_max * s->loop_count);
    head(out, "connections_shut_total", "counter", "Connections that Kern ended, by reason");
    kn_buf_printf(out,
                  "kern_connections_shut_total{reason=\"too_slow\"} %llu\n"
                  "kern_connections_shut_total{reason=\"made_room\"} %llu\n",
                  (unsigned long long)atomic_load(&s->expired),
                  (unsigned long long)atomic_load(&s->evicted));
    gauge(out, "body_bytes", "Large request bodies now in memory", atomic_load(&s->body_bytes));
    gauge(out, "workspaces", "Workspaces", atomic_load(&s->workspace_count));
    gauge(out, "ready", "1 when recovered and taking events", kn_server_ready(s) ? 1 : 0);
    gauge(out, "manual_clock", "1 when the clock is moved by hand",
          s->options.manual_clock ? 1 : 0);
    gauge(out, "uptime_seconds", "Since the start",
          (kn_clock_mono_ns(s->clock) - s->started_mono_ns) / 1000000000U);
    if (s->disk.ops->free_bytes(s->disk.self, &free_bytes, NULL) == KN_OK) {
        gauge(out, "disk_free_bytes", "Room left on the data directory's disk", free_bytes);
    }
}

static void reasons(struct kn_server *s, const struct kn_reasons *r, const char *name,
                    const char *help, struct kn_buf *out)
{
    head(out, name, "counter", help);
    kn_mutex_lock(&s->reason_mutex);
    for (size_t i = 0; i < r->count; i++) {
        kn_buf_printf(out, "kern_%s{reason=\"%s\"} %llu\n", name, r->names[i],
                      (unsigned long long)r->counts[i]);
    }
    kn_mutex_unlock(&s->reason_mutex);
}

void kn_server_metrics(void *context, struct kn_buf *out)
{
    struct kn_server *s = context;
    server_parts(s, out);
    head(out, "http_responses_total", "counter", "Answers by hundreds of their status");
    for (unsigned i = 1; i < 6; i++) {
        kn_buf_printf(out, "kern_http_responses_total{status=\"%uxx\"} %llu\n", i,
                      (unsigned long long)atomic_load(&s->requests[i]));
    }
    head(out, "collect_messages_total", "counter", "Messages by what became of them");
    kn_buf_printf(out,
                  "kern_collect_messages_total{result=\"accepted\"} %llu\n"
                  "kern_collect_messages_total{result=\"rejected\"} %llu\n",
                  (unsigned long long)atomic_load(&s->accepted),
                  (unsigned long long)atomic_load(&s->rejected));
    reasons(s, &s->refused, "collect_refused_total", "Requests refused, by reason", out);
    reasons(s, &s->rejects, "collect_rejects_total", "Messages refused, by reason", out);
    workspaces(s, out);
}
