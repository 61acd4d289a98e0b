/* Deduplication: which messages were seen, exactly, for at least `window_hours` (MECHANICS 2).
 *
 * An entry is a 128-bit keyed hash of (source, message id) whose lowest byte is replaced by the
 * arrival hour (mod 256): 120 bits decide. New entries live in a table in memory; each checkpoint
 * writes them as a sorted run file; runs of similar size are merged, leaving out expired entries.
 * Each run has a filter in memory (about 10 bits an entry); a lookup reads the (memory-mapped) run
 * only when the filter says maybe. Above entries_max the oldest run goes first and `dropped` says
 * so.
 *
 * Threads: check/freeze/install by the fold; write by the background thread between freeze and
 * install. Deterministic: depends only on the calls and their arguments. Errors as in log.h.
 */
#ifndef KN_STATE_DEDUPE_H
#define KN_STATE_DEDUPE_H

#include "base/buf.h"
#include "base/hash.h"
#include "os/disk.h"

struct kn_dedupe;

struct kn_dedupe_options {
    const char *dir;       /* on the disk; made when missing */
    unsigned window_hours; /* 24 by default, at most 200 */
    uint64_t entries_max;  /* 100M by default */
};

/* manifest: what kn_dedupe_manifest gave at the last commit, or empty. Files outside it are
 * removed (unless read_only). */
enum kn_rc kn_dedupe_open(struct kn_disk disk, const struct kn_dedupe_options *options,
                          struct kn_str manifest, bool read_only, struct kn_dedupe **ret,
                          struct kn_err *err) KN_MUST_USE;
void kn_dedupe_close(struct kn_dedupe *d);

/* True when seen within the window before hour `hour` (hours since 1970); otherwise remembers it.
 */
bool kn_dedupe_seen(struct kn_dedupe *d, struct kn_h128 hash, int64_t hour);
/* Memory prefetch for a coming kn_dedupe_seen. */
void kn_dedupe_prefetch(const struct kn_dedupe *d, struct kn_h128 hash);

/* Checkpoint: freeze the table in memory; write it (and merge runs that are due) as files, synced;
 * append the manifest that describes runs + written files; commit elsewhere; install. Lookups stay
 * exact throughout. */
void kn_dedupe_freeze(struct kn_dedupe *d, int64_t now_hour);
enum kn_rc kn_dedupe_write(struct kn_dedupe *d, struct kn_err *err) KN_MUST_USE;
void kn_dedupe_manifest(const struct kn_dedupe *d, struct kn_buf *out); /* after write */
void kn_dedupe_install(struct kn_dedupe *d); /* after the commit; removes files no longer named */

struct kn_dedupe_usage {
    uint64_t entries, memory_bytes, disk_bytes, dropped;
};
void kn_dedupe_usage(const struct kn_dedupe *d, struct kn_dedupe_usage *ret);
/* Checks the checksums and order of every run. */
enum kn_rc kn_dedupe_verify(struct kn_dedupe *d, struct kn_err *err) KN_MUST_USE;

#endif
