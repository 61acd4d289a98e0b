#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "state/dedupe_internal.h"
#include "state/dedupe_table.h"

struct kn_dedupe {
    struct kn_dup_place place;
    char *dir;
    unsigned window;
    uint64_t entries_max, dropped, next_number;
    struct kn_dedupe_table fresh, frozen;
    int64_t fresh_min, fresh_max, frozen_min, frozen_max;
    struct kn_dup_run runs[KN_DUP_RUNS_MAX]; /* oldest first: what lookups read */
    size_t run_count;
    /* Between write and install: the runs to be (some of them the present ones). */
    struct kn_dup_run next[KN_DUP_RUNS_MAX];
    size_t next_count;
    bool written;
    int64_t now_hour;
};

/* ---- open and close ---- */

static enum kn_rc read_manifest(struct kn_dedupe *d, struct kn_str manifest, struct kn_err *err)
{
    struct kn_cursor c = kn_cursor(manifest);
    if (manifest.len == 0) {
        return KN_OK;
    }
    d->next_number = kn_take_varint(&c);
    d->dropped = kn_take_varint(&c);
    uint64_t count = kn_take_varint(&c);
    for (uint64_t i = 0; i < count && i < KN_DUP_RUNS_MAX && !c.bad; i++) {
        struct kn_dup_run *r = &d->runs[d->run_count];
        r->number = kn_take_varint(&c);
        r->count = kn_take_varint(&c);
        r->filter_blocks = kn_take_varint(&c);
        r->min_hour = kn_unzigzag(kn_take_varint(&c));
        r->max_hour = kn_unzigzag(kn_take_varint(&c));
        d->run_count++;
        c.bad = c.bad || !kn_dup_run_is_sane(r) || r->number >= d->next_number;
    }
    if (c.bad || count > KN_DUP_RUNS_MAX || c.p != c.end) {
        return kn_fail(err, KN_E_CORRUPT, "the list of dedupe files does not decode");
    }
    for (size_t i = 0; i < d->run_count; i++) {
        KN_TRY(kn_dup_run_open(&d->place, &d->runs[i], err));
    }
    return KN_OK;
}

static bool in_use(const struct kn_dedupe *d, uint64_t number)
{
    for (size_t i = 0; i < d->run_count; i++) {
        if (d->runs[i].number == number) {
            return true;
        }
    }
    return false;
}

static void remove_stray(void *context, struct kn_str name, uint64_t bytes)
{
    struct kn_dedupe *d = context;
    char path[1024];
    uint64_t number;
    (void)bytes;
    if (!kn_str_ends(name, KN_STR(".dup")) ||
        !kn_str_u64(kn_str_sub(name, 0, name.len - 4), &number)) {
        return;
    }
    if (in_use(d, number)) {
        return;
    }
    kn_dup_path(&d->place, number, path, sizeof path);
    (void)kn_disk_remove(d->place.disk, path, NULL); /* tried again at the next start */
}

enum kn_rc kn_dedupe_open(struct kn_disk disk, const struct kn_dedupe_options *options,
                          struct kn_str manifest, bool read_only, struct kn_dedupe **ret,
                          struct kn_err *err)
{
    struct kn_dedupe *d = kn_must_calloc(1, sizeof *d);
    d->place.disk = disk;
    d->window = options->window_hours;
    d->entries_max = options->entries_max;
    d->next_number = 1;
    d->dir = kn_strdup(options->dir);
    d->place.dir = d->dir;
    kn_assert(d->window > 0 && d->window <= 200);
    enum kn_rc rc = d->dir ? KN_OK : kn_fail(err, KN_E_NOMEM, "out of memory");
    if (rc == KN_OK && !read_only) {
        rc = kn_disk_make_dir(disk, d->dir, err);
    }
    if (rc == KN_OK) {
        rc = read_manifest(d, manifest, err);
    }
    if (rc == KN_OK && !read_only) {
        rc = kn_disk_list(disk, d->dir, remove_stray, d, err);
    }
    if (rc != KN_OK) {
        kn_dedupe_close(d);
        return rc;
    }
    *ret = d;
    return KN_OK;
}

void kn_dedupe_close(struct kn_dedupe *d)
{
    if (!d) {
        return;
    }
    for (size_t i = 0; i < d->next_count; i++) {
        if (!in_use(d, d->next[i].number)) {
            kn_dup_run_close(&d->next[i]); /* the commit that names it may have come through */
        }
    }
    for (size_t i = 0; i < d->run_count; i++) {
        kn_dup_run_close(&d->runs[i]);
    }
    kn_dedupe_table_clear(&d->fresh);
    kn_dedupe_table_clear(&d->frozen);
    kn_free(d->dir);
    kn_free(d);
}

/* ---- lookups ---- */

/* The hour of an entry is known modulo 256: before the table spans more than that, what has expired
 * leaves it. Record times rarely move so far between two checkpoints, but history brought in does.
 */
static void forget_expired(struct kn_dedupe *d, int64_t hour)
{
    struct kn_dedupe_table old = d->fresh;
    int64_t old_max = d->fresh_max;
    kn_dedupe_table_reserve(&d->fresh, d->frozen.count);
    d->fresh_min = d->fresh_max = hour;
    for (size_t i = 0; i < old.room; i++) {
        int64_t then = kn_dup_hour(old.slots[i], old_max);
        if (!kn_h128_is_zero(old.slots[i]) && hour - then <= (int64_t)d->window) {
            kn_dedupe_table_put(&d->fresh, old.slots[i]);
            d->fresh_min = then < d->fresh_min ? then : d->fresh_min;
        }
    }
    kn_dedupe_table_clear(&old);
}

static void note_hour(struct kn_dedupe *d, int64_t hour)
{
    if (d->fresh.count == 0 || hour < d->fresh_min) {
        d->fresh_min = hour;
    }
    if (d->fresh.count == 0 || hour > d->fresh_max) {
        d->fresh_max = hour;
    }
}

bool kn_dedupe_seen(struct kn_dedupe *d, struct kn_h128 hash, int64_t hour)
{
    struct kn_h128 entry = kn_dedupe_stamped(hash, hour);
    struct kn_h128 found;
    if (d->fresh.count > 0 && hour - d->fresh_min > (int64_t)KN_DEDUPE_HOUR_MASK) {
        forget_expired(d, hour);
    }
    struct kn_h128 *known = kn_dedupe_table_find(&d->fresh, entry);
    if (known && hour - kn_dup_hour(*known, d->fresh_max) <= (int64_t)d->window) {
        return true;
    }
    if (known) {
        note_hour(d, hour);
        *known = entry;
        return false;
    }
    known = kn_dedupe_table_find(&d->frozen, entry);
    if (known && hour - kn_dup_hour(*known, d->frozen_max) <= (int64_t)d->window) {
        return true;
    }
    for (size_t i = d->run_count; i > 0; i--) {
        const struct kn_dup_run *r = &d->runs[i - 1];
        if (kn_dup_run_find(r, entry, &found) &&
            hour - kn_dup_hour(found, r->max_hour) <= (int64_t)d->window) {
            return true;
        }
    }
    note_hour(d, hour);
    kn_dedupe_table_put(&d->fresh, entry);
    return false;
}

void kn_dedupe_prefetch(const struct kn_dedupe *d, struct kn_h128 hash)
{
    kn_dedupe_table_prefetch(&d->fresh, hash);
}

/* ---- checkpoint ---- */

void kn_dedupe_freeze(struct kn_dedupe *d, int64_t now_hour)
{
    kn_assert(d->frozen.room == 0 && !d->written);
    d->frozen = d->fresh;
    d->frozen_min = d->fresh_min;
    d->frozen_max = d->fresh_max;
    d->fresh = (struct kn_dedupe_table){0};
    d->now_hour = now_hour;
}

static enum kn_rc make_run(struct kn_dedupe *d, struct kn_dup_source *a, struct kn_dup_source *b,
                           struct kn_dup_run *ret, struct kn_err *err)
{
    return kn_dup_run_make(&d->place, d->next_number++, a, b, d->now_hour - (int64_t)d->window, ret,
                           err);
}

static enum kn_rc write_frozen(struct kn_dedupe *d, struct kn_err *err)
{
    struct kn_h128 *sorted = kn_must_alloc((d->frozen.count + 1) * sizeof *sorted);
    size_t count = kn_dedupe_table_sorted(&d->frozen, sorted);
    struct kn_dup_source a = {0};
    struct kn_dup_source b = {.array = sorted, .count = count, .max_hour = d->frozen_max};
    struct kn_dup_run made = {0};
    enum kn_rc rc = KN_OK;
    if (count > 0) {
        rc = make_run(d, &a, &b, &made, err);
    }
    kn_free(sorted);
    if (rc == KN_OK && count > 0) {
        d->next[d->next_count++] = made;
    }
    return rc;
}

/* Joins the last two runs to be while the older is not much larger: few runs, amortised writes. */
static enum kn_rc merge_next(struct kn_dedupe *d, struct kn_err *err)
{
    while (d->next_count >= 2) {
        struct kn_dup_run *old = &d->next[d->next_count - 2];
        struct kn_dup_run *new = &d->next[d->next_count - 1];
        if (old->count > new->count * 2 && d->next_count < KN_DUP_RUNS_MAX - 2) {
            return KN_OK;
        }
        struct kn_dup_source a = {.run = old, .count = old->count, .max_hour = old->max_hour};
        struct kn_dup_source b = {.run = new, .count = new->count, .max_hour = new->max_hour};
        struct kn_dup_run made;
        KN_TRY(make_run(d, &a, &b, &made, err));
        if (!in_use(d, old->number)) {
            kn_dup_run_discard(&d->place, old);
        }
        if (!in_use(d, new->number)) {
            kn_dup_run_discard(&d->place, new);
        }
        d->next_count--;
        d->next[d->next_count - 1] = made;
    }
    return KN_OK;
}

/* Runs that expired as a whole, or do not fit under the limit, go. */
static void drop_old(struct kn_dedupe *d)
{
    uint64_t total = 0;
    for (size_t i = 0; i < d->next_count; i++) {
        total += d->next[i].count;
    }
    while (d->next_count > 0) {
        struct kn_dup_run *oldest = &d->next[0];
        bool expired = d->now_hour - oldest->max_hour > (int64_t)d->window;
        if (!expired && total <= d->entries_max) {
            return;
        }
        d->dropped += expired ? 0 : oldest->count;
        total -= oldest->count;
        if (!in_use(d, oldest->number)) {
            kn_dup_run_discard(&d->place, oldest);
        }
        d->next_count--;
        memmove(d->next, d->next + 1, d->next_count * sizeof *d->next);
    }
}

static void discard_next(struct kn_dedupe *d)
{
    for (size_t i = 0; i < d->next_count; i++) {
        if (!in_use(d, d->next[i].number)) {
            kn_dup_run_discard(&d->place, &d->next[i]);
        }
    }
    d->next_count = 0;
}

enum kn_rc kn_dedupe_write(struct kn_dedupe *d, struct kn_err *err)
{
    enum kn_rc rc = KN_OK;
    if (d->written) {
        return KN_OK; /* a commit that failed on a full disk is tried again */
    }
    memcpy(d->next, d->runs, d->run_count * sizeof *d->runs);
    d->next_count = d->run_count;
    drop_old(d);
    if (d->next_count == KN_DUP_RUNS_MAX) {
        rc = merge_next(d, err); /* merges found the disk full again and again */
    }
    if (rc == KN_OK) {
        rc = write_frozen(d, err);
    }
    if (rc == KN_OK) {
        rc = merge_next(d, err);
        rc = rc == KN_E_FULL ? KN_OK : rc; /* left for later */
    }
    if (rc != KN_OK) {
        discard_next(d);
        return rc;
    }
    drop_old(d);
    d->written = true;
    return KN_OK;
}

void kn_dedupe_manifest(const struct kn_dedupe *d, struct kn_buf *out)
{
    kn_assert(d->written);
    kn_buf_varint(out, d->next_number);
    kn_buf_varint(out, d->dropped);
    kn_buf_varint(out, d->next_count);
    for (size_t i = 0; i < d->next_count; i++) {
        const struct kn_dup_run *r = &d->next[i];
        kn_buf_varint(out, r->number);
        kn_buf_varint(out, r->count);
        kn_buf_varint(out, r->filter_blocks);
        kn_buf_varint(out, kn_zigzag(r->min_hour));
        kn_buf_varint(out, kn_zigzag(r->max_hour));
    }
}

void kn_dedupe_install(struct kn_dedupe *d)
{
    struct kn_dup_run old[KN_DUP_RUNS_MAX];
    size_t old_count = d->run_count;
    kn_assert(d->written);
    memcpy(old, d->runs, old_count * sizeof *old);
    memcpy(d->runs, d->next, d->next_count * sizeof *d->next);
    d->run_count = d->next_count;
    for (size_t i = 0; i < old_count; i++) {
        if (!in_use(d, old[i].number)) {
            char path[1024];
            kn_dup_run_close(&old[i]);
            kn_dup_path(&d->place, old[i].number, path, sizeof path);
            (void)kn_disk_remove(d->place.disk, path, NULL); /* else at the next start */
        }
    }
    kn_dedupe_table_clear(&d->frozen);
    d->next_count = 0;
    d->written = false;
}

/* ---- numbers and checks ---- */

void kn_dedupe_usage(const struct kn_dedupe *d, struct kn_dedupe_usage *ret)
{
    *ret = (struct kn_dedupe_usage){.dropped = d->dropped};
    ret->entries = d->fresh.count + d->frozen.count;
    ret->memory_bytes = (d->fresh.room + d->frozen.room) * sizeof(struct kn_h128);
    for (size_t i = 0; i < d->run_count; i++) {
        ret->entries += d->runs[i].count;
        ret->disk_bytes += d->runs[i].bytes;
    }
}

enum kn_rc kn_dedupe_verify(struct kn_dedupe *d, struct kn_err *err)
{
    for (size_t i = 0; i < d->run_count; i++) {
        KN_TRY(kn_dup_run_verify(&d->place, &d->runs[i], err));
    }
    return KN_OK;
}
