/* Prometheus text (https://prometheus.io/docs/instrumenting/exposition_formats/). */
#include <string.h>

#include "base/mem.h"
#include "server/server_internal.h"

void kn_server_count_reason(struct kn_server *s, const char *reason)
{
    kn_mutex_lock(&s->reason_mutex);
    size_t i = 0;
    while (i < s->reason_count && strcmp(s->reasons[i], reason) != 0) {
        i++;
    }
    if (i == s->reason_count && i < KN_REASONS_MAX) {
        s->reasons[s->reason_count++] = reason;
    }
    if (i < s->reason_count) {
        s->reason_counts[i]++;
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
    {"duplicates_total", "counter", "Messages seen before", STAT(duplicates)},
    {"rejects_total", "counter", "Messages refused", STAT(rejects)},
    {"profiles", "gauge", "Live profiles", STAT(profiles)},
    {"identifiers", "gauge", "Identifiers", STAT(identifiers)},
    {"merges_total", "counter", "Profiles merged", STAT(merges)},
    {"unmerges_total", "counter", "Profiles split", STAT(unmerges)},
    {"unapplied_bytes", "gauge", "Durable bytes not applied yet", STAT(position.unapplied_bytes)},
    {"log_position", "gauge", "Newest durable record", STAT(position.durable)},
    {"applied_position", "gauge", "Newest applied record", STAT(position.applied)},
    {"log_bytes", "gauge", "Log on disk", STAT(log_bytes)},
    {"commits_total", "counter", "Group commits", STAT(commits)},
    {"commit_nanoseconds_total", "counter", "Time in group commits", STAT(commit_ns)},
    {"commit_nanoseconds_max", "gauge", "Slowest commit", STAT(sync_ns_max_recent)},
    {"checkpoints_total", "counter", "Checkpoints", STAT(checkpoints)},
    {"state_dirty_bytes", "gauge", "State not yet written", STAT(state.dirty_bytes)},
    {"state_cached_bytes", "gauge", "State in memory", STAT(state.cached_bytes)},
    {"state_disk_bytes", "gauge", "State on disk", STAT(state.disk_bytes)},
    {"state_hits_total", "counter", "State reads answered by memory", STAT(state.hits)},
    {"state_misses_total", "counter", "State reads that went to disk", STAT(state.misses)},
    {"dedupe_entries", "gauge", "Message ids remembered", STAT(dedupe.entries)},
    {"dedupe_memory_bytes", "gauge", "Message ids in memory", STAT(dedupe.memory_bytes)},
    {"dedupe_disk_bytes", "gauge", "Message ids on disk", STAT(dedupe.disk_bytes)},
    {"dedupe_dropped_total", "counter", "Ids forgotten before their time", STAT(dedupe.dropped)},
    {"archive_rows", "gauge", "Archived events", STAT(archive.rows)},
    {"archive_tail_bytes", "gauge", "Archive not yet written", STAT(archive.tail_bytes)},
    {"archive_disk_bytes", "gauge", "Archive on disk", STAT(archive.run_bytes)},
    {"archive_runs", "gauge", "Archive files", STAT(archive.runs)},
};

static void workspace_fields(struct kn_server *s, struct kn_buf *out)
{
    size_t count = atomic_load(&s->workspace_count);
    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
        head(out, fields[f].name, fields[f].type, fields[f].help);
        for (size_t i = 0; i < count; i++) {
            struct kn_workspace_stats stats;
            uint64_t value;
            kn_workspace_stats(s->workspaces[i], &stats);
            memcpy(&value, (const char *)&stats + fields[f].offset, sizeof value);
            kn_buf_printf(out, "kern_%s{workspace=\"%s\"} %llu\n", fields[f].name,
                          kn_workspace_name(s->workspaces[i]), (unsigned long long)value);
        }
    }
}

static void commit_histogram(struct kn_server *s, struct kn_buf *out)
{
    head(out, "commit_seconds", "histogram", "Duration of a group commit, fsync included");
    for (size_t i = 0; i < atomic_load(&s->workspace_count); i++) {
        struct kn_workspace_stats stats;
        const char *name = kn_workspace_name(s->workspaces[i]);
        uint64_t sum = 0;
        kn_workspace_stats(s->workspaces[i], &stats);
        for (unsigned b = 0; b < 16; b++) {
            sum += stats.commit_hist[b];
            if (b < 15) {
                kn_buf_printf(out, "kern_commit_seconds_bucket{workspace=\"%s\",le=\"%.6f\"} %llu\n",
                              name, (double)(1U << (b + 5)) / 1e6, (unsigned long long)sum);
            }
        }
        kn_buf_printf(out,
                      "kern_commit_seconds_bucket{workspace=\"%s\",le=\"+Inf\"} %llu\n"
                      "kern_commit_seconds_sum{workspace=\"%s\"} %.6f\n"
                      "kern_commit_seconds_count{workspace=\"%s\"} %llu\n",
                      name, (unsigned long long)sum, name, (double)stats.commit_ns / 1e9, name,
                      (unsigned long long)stats.commits);
    }
}

void kn_server_metrics(void *context, struct kn_buf *out)
{
    struct kn_server *s = context;
    uint64_t resident;
    uint64_t anonymous;
    uint64_t connections = 0;
    kn_process_memory(&resident, &anonymous);
    for (size_t i = 0; i < s->loop_count; i++) {
        connections += kn_loop_connections(s->loops[i]);
    }
    gauge(out, "resident_bytes", "Resident memory", resident);
    gauge(out, "anonymous_bytes", "Resident memory without file pages", anonymous);
    gauge(out, "heap_bytes", "Memory Kern itself has allocated", kn_mem_bytes());
    gauge(out, "connections", "Open HTTP connections", connections);
    gauge(out, "uptime_seconds", "Since the start",
          (kn_clock_mono_ns(s->clock) - s->started_mono_ns) / 1000000000U);
    gauge(out, "cpu_nanoseconds", "Processor time used", kn_process_cpu_ns());
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
    head(out, "collect_refused_total", "counter", "Requests refused, by reason");
    kn_mutex_lock(&s->reason_mutex);
    for (size_t i = 0; i < s->reason_count; i++) {
        kn_buf_printf(out, "kern_collect_refused_total{reason=\"%s\"} %llu\n", s->reasons[i],
                      (unsigned long long)s->reason_counts[i]);
    }
    kn_mutex_unlock(&s->reason_mutex);
    workspace_fields(s, out);
    commit_histogram(s, out);
}
