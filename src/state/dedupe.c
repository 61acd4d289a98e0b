#include "state/dedupe.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "state/dedupe_table.h"

enum {
    RUNS_MAX = 64,
    HEADER_BYTES = 64,
    ENTRY_BYTES = 16,
    FILTER_BLOCK = 64,
    PUSH_BYTES = 1 << 20,
    FORMAT = 1,
};
#define MAGIC 0x50554444U /* "DDUP" */
#define ENTRIES_MAX (UINT64_C(1) << 40) /* of one run; keeps sizes from overflowing */
#define HOURS_MAX (INT64_C(1) << 40)

struct run {
    uint64_t number; /* of the file */
    uint64_t count, filter_blocks;
    int64_t min_hour, max_hour;
    uint64_t bytes;
    struct kn_file *file;
    const char *map;
};

struct kn_dedupe {
    struct kn_disk disk;
    char *dir;
    unsigned window;
    uint64_t entries_max, dropped, next_number;
    struct kn_dedupe_table fresh, frozen;
    int64_t fresh_min, fresh_max, frozen_min, frozen_max;
    struct run runs[RUNS_MAX]; /* oldest first: what lookups read */
    size_t run_count;
    /* Between write and install: the runs to be (some of them the present ones). */
    struct run next[RUNS_MAX];
    size_t next_count;
    bool written;
    int64_t now_hour;
};

/* ---- runs ---- */

/* A blocked Bloom filter (Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom
 * Filters", 2007): one cache line a key, five bits in it. */
static void filter_bits(struct kn_h128 hash, uint64_t blocks, uint64_t *ret_block, uint64_t *ret_bits)
{
    *ret_block = (uint64_t)(((unsigned __int128)hash.hi * blocks) >> 64);
    *ret_bits = (hash.lo >> 8) * 0x9e3779b97f4a7c15U;
}

static bool filter_has(const struct run *r, struct kn_h128 hash)
{
    uint64_t block;
    uint64_t bits;
    filter_bits(hash, r->filter_blocks, &block, &bits);
    const unsigned char *p = (const unsigned char *)r->map + HEADER_BYTES + r->count * ENTRY_BYTES +
                             block * FILTER_BLOCK;
    for (int i = 0; i < 5; i++, bits >>= 9) {
        if (!(p[(bits & 511) >> 3] >> (bits & 7) & 1)) {
            return false;
        }
    }
    return true;
}

static void filter_add(unsigned char *filter, uint64_t blocks, struct kn_h128 hash)
{
    uint64_t block;
    uint64_t bits;
    filter_bits(hash, blocks, &block, &bits);
    for (int i = 0; i < 5; i++, bits >>= 9) {
        unsigned char *p = filter + block * FILTER_BLOCK + ((bits & 511) >> 3);
        *p = (unsigned char)(*p | 1U << (bits & 7));
    }
}

static struct kn_h128 entry_at(const struct run *r, uint64_t index)
{
    struct kn_cursor c = kn_cursor(kn_str(r->map + HEADER_BYTES + index * ENTRY_BYTES, ENTRY_BYTES));
    struct kn_h128 e;
    e.hi = kn_take_le64(&c);
    e.lo = kn_take_le64(&c);
    return e;
}

static bool run_find(const struct run *r, struct kn_h128 hash, struct kn_h128 *ret)
{
    uint64_t low = 0;
    uint64_t high = r->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct kn_h128 e = entry_at(r, middle);
        int o = kn_dedupe_order(e, hash);
        if (o == 0) {
            *ret = e;
            return true;
        }
        if (o < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

/* The hour of an entry of a run whose newest is max_hour. */
static int64_t hour_of(struct kn_h128 e, int64_t max_hour)
{
    return max_hour - (int64_t)(((uint64_t)max_hour - e.lo) & KN_DEDUPE_HOUR_MASK);
}

static void path_of(const struct kn_dedupe *d, uint64_t number, char *to, size_t len)
{
    (void)snprintf(to, len, "%s/%012llu.dup", d->dir, (unsigned long long)number);
}

static void close_run(struct run *r)
{
    if (r->map) {
        kn_file_unmap(r->file, r->map, r->bytes);
    }
    kn_file_close(r->file);
    r->file = NULL;
    r->map = NULL;
}

/* Closes a run that will never be named, and gives its room back. */
static void discard_run(const struct kn_dedupe *d, struct run *r)
{
    char path[1024];
    close_run(r);
    path_of(d, r->number, path, sizeof path);
    (void)kn_disk_remove(d->disk, path, NULL); /* else at the next start */
}

static enum kn_rc check_header(const struct run *r, const char *path, struct kn_err *err)
{
    struct kn_cursor c = kn_cursor(kn_str(r->map, HEADER_BYTES));
    uint32_t magic = kn_take_le32(&c);
    uint32_t format = kn_take_le32(&c);
    uint64_t count = kn_take_le64(&c);
    uint64_t blocks = kn_take_le64(&c);
    uint64_t rest = 0;
    (void)kn_take_le64(&c); /* the checksum: kn_dedupe_verify looks at it */
    for (int i = 0; i < 4; i++) {
        rest |= kn_take_le64(&c);
    }
    if (magic == MAGIC && format != FORMAT) {
        return kn_fail(err, KN_E_VERSION, "%s was written by another version of the format", path);
    }
    if (magic != MAGIC || count != r->count || blocks != r->filter_blocks || rest != 0) {
        return kn_fail(err, KN_E_CORRUPT, "%s at offset 0: the header is damaged", path);
    }
    return KN_OK;
}

static enum kn_rc open_run(const struct kn_dedupe *d, struct run *r, struct kn_err *err)
{
    char path[1024];
    uint64_t bytes;
    const void *map;
    path_of(d, r->number, path, sizeof path);
    enum kn_rc rc = kn_disk_open(d->disk, path, KN_OPEN_READ, &r->file, err);
    if (rc == KN_E_NOT_FOUND) {
        return kn_fail(err, KN_E_CORRUPT, "%s at offset 0: the file is missing", path);
    }
    KN_TRY(rc);
    KN_TRY(kn_file_size(r->file, &bytes, err));
    r->bytes = HEADER_BYTES + r->count * ENTRY_BYTES + r->filter_blocks * FILTER_BLOCK;
    if (bytes != r->bytes) {
        return kn_fail(err, KN_E_CORRUPT, "%s at offset %llu: it has %llu bytes, not %llu", path,
                       (unsigned long long)(bytes < r->bytes ? bytes : r->bytes),
                       (unsigned long long)bytes, (unsigned long long)r->bytes);
    }
    KN_TRY(kn_file_map(r->file, bytes, &map, err));
    r->map = map;
    return check_header(r, path, err);
}

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
    for (uint64_t i = 0; i < count && i < RUNS_MAX && !c.bad; i++) {
        struct run *r = &d->runs[d->run_count];
        r->number = kn_take_varint(&c);
        r->count = kn_take_varint(&c);
        r->filter_blocks = kn_take_varint(&c);
        r->min_hour = kn_unzigzag(kn_take_varint(&c));
        r->max_hour = kn_unzigzag(kn_take_varint(&c));
        d->run_count++;
        c.bad = c.bad || r->count > ENTRIES_MAX || r->filter_blocks == 0 ||
                r->filter_blocks > ENTRIES_MAX || r->min_hour > r->max_hour ||
                r->max_hour > HOURS_MAX || r->min_hour < -HOURS_MAX ||
                r->number >= d->next_number;
    }
    if (c.bad || count > RUNS_MAX || c.p != c.end) {
        return kn_fail(err, KN_E_CORRUPT, "the list of dedupe files does not decode");
    }
    for (size_t i = 0; i < d->run_count; i++) {
        KN_TRY(open_run(d, &d->runs[i], err));
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
    path_of(d, number, path, sizeof path);
    (void)kn_disk_remove(d->disk, path, NULL); /* tried again at the next start */
}

enum kn_rc kn_dedupe_open(struct kn_disk disk, const struct kn_dedupe_options *options,
                          struct kn_str manifest, bool read_only, struct kn_dedupe **ret,
                          struct kn_err *err)
{
    struct kn_dedupe *d = kn_must_calloc(1, sizeof *d);
    d->disk = disk;
    d->window = options->window_hours;
    d->entries_max = options->entries_max;
    d->next_number = 1;
    d->dir = kn_strdup(options->dir);
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
            close_run(&d->next[i]); /* the commit that names it may have come through */
        }
    }
    for (size_t i = 0; i < d->run_count; i++) {
        close_run(&d->runs[i]);
    }
    kn_dedupe_table_clear(&d->fresh);
    kn_dedupe_table_clear(&d->frozen);
    kn_free(d->dir);
    kn_free(d);
}

/* ---- lookups ---- */

/* The hour of an entry is known modulo 256: before the table spans more than that, what has expired
 * leaves it. Record times rarely move so far between two checkpoints, but history brought in does. */
static void forget_expired(struct kn_dedupe *d, int64_t hour)
{
    struct kn_dedupe_table old = d->fresh;
    int64_t old_max = d->fresh_max;
    d->fresh = (struct kn_dedupe_table){0};
    d->fresh_min = d->fresh_max = hour;
    for (size_t i = 0; i < old.room; i++) {
        int64_t then = hour_of(old.slots[i], old_max);
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
    if (known && hour - hour_of(*known, d->fresh_max) <= (int64_t)d->window) {
        return true;
    }
    if (known) {
        note_hour(d, hour);
        *known = entry;
        return false;
    }
    known = kn_dedupe_table_find(&d->frozen, entry);
    if (known && hour - hour_of(*known, d->frozen_max) <= (int64_t)d->window) {
        return true;
    }
    for (size_t i = d->run_count; i > 0; i--) {
        const struct run *r = &d->runs[i - 1];
        if (filter_has(r, entry) && run_find(r, entry, &found) &&
            hour - hour_of(found, r->max_hour) <= (int64_t)d->window) {
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

/* Where sorted entries come from: an array or a run. */
struct source {
    const struct kn_h128 *array;
    const struct run *run;
    uint64_t at, count;
    int64_t max_hour;
};

static struct kn_h128 peek(const struct source *s)
{
    return s->array ? s->array[s->at] : entry_at(s->run, s->at);
}

struct writer {
    struct kn_buf bytes; /* the whole file */
    struct run run;
};

static void put_entry(struct writer *w, struct kn_h128 e, int64_t hour)
{
    kn_buf_le64(&w->bytes, e.hi);
    kn_buf_le64(&w->bytes, e.lo);
    w->run.min_hour = w->run.count == 0 || hour < w->run.min_hour ? hour : w->run.min_hour;
    w->run.max_hour = w->run.count == 0 || hour > w->run.max_hour ? hour : w->run.max_hour;
    w->run.count++;
}

/* Merges two sorted sources, the newer entry of a pair winning, without what has expired. */
static void merge_sources(struct kn_dedupe *d, struct source *a, struct source *b, struct writer *w)
{
    while (a->at < a->count || b->at < b->count) {
        int o = a->at == a->count ? 1 : b->at == b->count ? -1 : kn_dedupe_order(peek(a), peek(b));
        struct source *from = o < 0 ? a : b; /* b is the newer */
        struct kn_h128 e = peek(from);
        int64_t hour = hour_of(e, from->max_hour);
        if (d->now_hour - hour <= (int64_t)d->window) {
            put_entry(w, e, hour);
        }
        a->at += o <= 0 ? 1 : 0;
        b->at += o >= 0 ? 1 : 0;
    }
}

/* In pieces that go to the device at once: the sync at the end has little to wait for. */
static enum kn_rc write_pushed(struct kn_file *file, struct kn_str bytes, struct kn_err *err)
{
    for (size_t at = 0; at < bytes.len; at += PUSH_BYTES) {
        struct kn_str piece = kn_str_sub(bytes, at, at + PUSH_BYTES);
        KN_TRY(kn_file_write(file, at, piece.p, piece.len, err));
        kn_file_push(file, at, piece.len);
    }
    return KN_OK;
}

static enum kn_rc write_run(struct kn_dedupe *d, struct writer *w, struct kn_err *err)
{
    char path[1024];
    struct kn_file *file;
    struct run *r = &w->run;
    r->filter_blocks = r->count * 10 / 512 + 1;
    char *filter = kn_buf_reserve(&w->bytes, (size_t)r->filter_blocks * FILTER_BLOCK);
    if (!filter) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    memset(filter, 0, (size_t)r->filter_blocks * FILTER_BLOCK);
    r->map = w->bytes.p;
    for (uint64_t i = 0; i < r->count; i++) {
        filter_add((unsigned char *)filter, r->filter_blocks, entry_at(r, i));
    }
    r->map = NULL;
    w->bytes.len += (size_t)r->filter_blocks * FILTER_BLOCK;
    struct kn_buf header;
    kn_buf_init(&header, HEADER_BYTES);
    kn_buf_le32(&header, MAGIC);
    kn_buf_le32(&header, FORMAT);
    kn_buf_le64(&header, r->count);
    kn_buf_le64(&header, r->filter_blocks);
    kn_buf_le64(&header, kn_checksum64(kn_str_sub(kn_buf_view(&w->bytes), HEADER_BYTES,
                                                  w->bytes.len)));
    bool whole = header.rc == KN_OK;
    if (whole) {
        memcpy(w->bytes.p, header.p, header.len);
    }
    kn_buf_deinit(&header);
    if (!whole) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    r->number = d->next_number++;
    path_of(d, r->number, path, sizeof path);
    KN_TRY(kn_disk_open(d->disk, path, KN_OPEN_CREATE, &file, err));
    enum kn_rc rc = kn_file_truncate(file, 0, err);
    if (rc == KN_OK) {
        rc = write_pushed(file, kn_buf_view(&w->bytes), err);
    }
    if (rc == KN_OK) {
        rc = kn_file_sync(file, err);
        if (rc != KN_OK && rc != KN_E_FULL) {
            rc = KN_E_IO;
        }
    }
    kn_file_close(file);
    if (rc == KN_OK) {
        rc = kn_disk_sync_dir(d->disk, d->dir, err);
    }
    return rc == KN_OK ? open_run(d, r, err) : rc;
}

static enum kn_rc make_run(struct kn_dedupe *d, struct source *a, struct source *b,
                           struct run *ret, struct kn_err *err)
{
    struct writer w = {0};
    kn_buf_init(&w.bytes, SIZE_MAX / 2);
    char *header = kn_buf_reserve(&w.bytes, HEADER_BYTES);
    enum kn_rc rc = header ? KN_OK : kn_fail(err, KN_E_NOMEM, "out of memory");
    if (rc == KN_OK) {
        memset(header, 0, HEADER_BYTES);
        w.bytes.len = HEADER_BYTES;
        merge_sources(d, a, b, &w);
        rc = w.bytes.rc != KN_OK ? kn_fail(err, w.bytes.rc, "out of memory")
                                 : write_run(d, &w, err);
    }
    kn_buf_deinit(&w.bytes);
    if (rc != KN_OK) {
        if (w.run.number != 0) {
            discard_run(d, &w.run);
        }
        return rc;
    }
    *ret = w.run;
    return KN_OK;
}

static enum kn_rc write_frozen(struct kn_dedupe *d, struct kn_err *err)
{
    struct kn_h128 *sorted = kn_must_alloc((d->frozen.count + 1) * sizeof *sorted);
    size_t count = kn_dedupe_table_sorted(&d->frozen, sorted);
    struct source a = {0};
    struct source b = {.array = sorted, .count = count, .max_hour = d->frozen_max};
    struct run made;
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
        struct run *old = &d->next[d->next_count - 2];
        struct run *new = &d->next[d->next_count - 1];
        if (old->count > new->count * 2 && d->next_count < RUNS_MAX - 2) {
            return KN_OK;
        }
        struct source a = {.run = old, .count = old->count, .max_hour = old->max_hour};
        struct source b = {.run = new, .count = new->count, .max_hour = new->max_hour};
        struct run made;
        KN_TRY(make_run(d, &a, &b, &made, err));
        if (!in_use(d, old->number)) {
            discard_run(d, old);
        }
        if (!in_use(d, new->number)) {
            discard_run(d, new);
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
        struct run *oldest = &d->next[0];
        bool expired = d->now_hour - oldest->max_hour > (int64_t)d->window;
        if (!expired && total <= d->entries_max) {
            return;
        }
        d->dropped += expired ? 0 : oldest->count;
        total -= oldest->count;
        if (!in_use(d, oldest->number)) {
            discard_run(d, oldest);
        }
        d->next_count--;
        memmove(d->next, d->next + 1, d->next_count * sizeof *d->next);
    }
}

static void discard_next(struct kn_dedupe *d)
{
    for (size_t i = 0; i < d->next_count; i++) {
        if (!in_use(d, d->next[i].number)) {
            discard_run(d, &d->next[i]);
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
    if (d->next_count == RUNS_MAX) {
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
        const struct run *r = &d->next[i];
        kn_buf_varint(out, r->number);
        kn_buf_varint(out, r->count);
        kn_buf_varint(out, r->filter_blocks);
        kn_buf_varint(out, kn_zigzag(r->min_hour));
        kn_buf_varint(out, kn_zigzag(r->max_hour));
    }
}

void kn_dedupe_install(struct kn_dedupe *d)
{
    struct run old[RUNS_MAX];
    size_t old_count = d->run_count;
    kn_assert(d->written);
    memcpy(old, d->runs, old_count * sizeof *old);
    memcpy(d->runs, d->next, d->next_count * sizeof *d->next);
    d->run_count = d->next_count;
    for (size_t i = 0; i < old_count; i++) {
        if (!in_use(d, old[i].number)) {
            char path[1024];
            close_run(&old[i]);
            path_of(d, old[i].number, path, sizeof path);
            (void)kn_disk_remove(d->disk, path, NULL); /* else at the next start */
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

/* The first entry that is out of order, dated wrongly or missing from the filter; count = none. */
static uint64_t first_bad_entry(const struct run *r)
{
    for (uint64_t i = 0; i < r->count; i++) {
        struct kn_h128 e = entry_at(r, i);
        if ((i > 0 && kn_dedupe_order(entry_at(r, i - 1), e) >= 0) || !filter_has(r, e) ||
            hour_of(e, r->max_hour) < r->min_hour) {
            return i;
        }
    }
    return r->count;
}

enum kn_rc kn_dedupe_verify(struct kn_dedupe *d, struct kn_err *err)
{
    char path[1024];
    for (size_t i = 0; i < d->run_count; i++) {
        const struct run *r = &d->runs[i];
        struct kn_cursor c = kn_cursor(kn_str(r->map, HEADER_BYTES));
        path_of(d, r->number, path, sizeof path);
        (void)kn_take_bytes(&c, 24);
        uint64_t sum = kn_take_le64(&c);
        uint64_t bad = first_bad_entry(r);
        if (bad < r->count) {
            return kn_fail(err, KN_E_CORRUPT, "%s at offset %llu: the entry does not belong there",
                           path, (unsigned long long)(HEADER_BYTES + bad * ENTRY_BYTES));
        }
        if (sum != kn_checksum64(kn_str(r->map + HEADER_BYTES, r->bytes - HEADER_BYTES))) {
            return kn_fail(err, KN_E_CORRUPT,
                           "%s at offset %d: the checksum of what follows the header is wrong",
                           path, (int)HEADER_BYTES);
        }
    }
    return KN_OK;
}
