#include "archive_model.h"

#include <stdio.h>
#include <stdlib.h>

#define START_US INT64_C(1795448720000000)

static struct kn_str item_of(uint64_t seed, char to[ITEM_MAX])
{
    struct kn_rand r = kn_rand_seed(seed);
    size_t len = kn_rand_chance(&r, 1, 10) ? kn_rand_below(&r, ITEM_MAX) : kn_rand_below(&r, 60);
    for (size_t i = 0; i < len; i++) {
        to[i] = (char)(kn_rand_chance(&r, 1, 2) ? 'a' : kn_rand_below(&r, 256));
    }
    return kn_str(to, len);
}

enum kn_rc model_try_open(struct model *m, bool read_only, struct kn_err *err)
{
    struct kn_archive_options o = {.dir = "runs", .block_bytes = 400};
    m->a = NULL;
    return kn_archive_open(sim_disk_interface(m->sim), &o, kn_buf_view(&m->manifest), read_only,
                           &m->a, err);
}

static void open_model(struct model *m)
{
    struct kn_err err = {0};
    if (model_try_open(m, false, &err) != KN_OK) {
        fail_msg("open: %s", err.text);
    }
}

struct model *model_new(uint64_t seed)
{
    struct model *m = calloc(1, sizeof *m);
    m->sim = sim_disk_new(seed);
    m->rand = kn_rand_seed(seed);
    m->rows = calloc(ROWS_MAX, sizeof *m->rows);
    m->frozen = calloc(ROWS_MAX, sizeof *m->rows);
    m->kept = calloc(ROWS_MAX, sizeof *m->rows);
    m->next_arrival = 1 << 16;
    kn_buf_init(&m->manifest, 1 << 20);
    open_model(m);
    return m;
}

void model_free(struct model *m)
{
    kn_archive_close(m->a);
    sim_disk_free(m->sim);
    kn_buf_deinit(&m->manifest);
    free(m->rows);
    free(m->frozen);
    free(m->kept);
    free(m);
}

static void add(struct model *m, struct kn_archive_row row, uint64_t seed)
{
    char bytes[ITEM_MAX];
    m->rows[m->count++] = (struct model_row){row, seed, false};
    row.item = item_of(seed, bytes);
    kn_archive_append(m->a, &row);
}

void model_append(struct model *m)
{
    struct kn_archive_row row = {.ordinal = (uint32_t)kn_rand_below(&m->rand, PEOPLE)};
    if (m->count == ROWS_MAX) {
        return;
    }
    row.ordinal = row.ordinal == PEOPLE - 1 ? UINT32_MAX : row.ordinal;
    row.event_us = START_US + (int64_t)m->count * 1000;
    switch (kn_rand_below(&m->rand, 8)) {
    case 0: row.event_us -= kn_rand_between(&m->rand, 0, 5000000); break; /* late */
    case 1: row.event_us = START_US; break;                               /* at one moment */
    case 2: row.event_us = kn_rand_chance(&m->rand, 1, 2) ? -5 : INT64_MAX - 1; break;
    default: break;
    }
    m->next_arrival += kn_rand_chance(&m->rand, 1, 3) ? 1 : 1 << 16;
    row.arrival = m->next_arrival;
    add(m, row, kn_rand_u64(&m->rand));
}

void model_mask(struct model *m)
{
    if (m->count == 0 || m->count == ROWS_MAX) {
        return;
    }
    struct model_row *old = &m->rows[kn_rand_below(&m->rand, m->count)];
    if (old->masked) {
        return;
    }
    old->masked = true;
    kn_archive_mask(m->a, old->row.ordinal, old->row.arrival, old->row.version);
    if (kn_rand_chance(&m->rand, 1, 2)) {
        struct kn_archive_row moved = old->row;
        moved.ordinal = (uint32_t)kn_rand_below(&m->rand, PEOPLE - 1);
        moved.version++;
        add(m, moved, old->item);
    }
}

void model_freeze(struct model *m)
{
    kn_archive_freeze(m->a);
    memcpy(m->frozen, m->rows, m->count * sizeof *m->rows);
    m->frozen_count = m->count;
}

enum kn_rc model_finish(struct model *m)
{
    struct kn_err err = {0};
    enum kn_rc rc = kn_archive_write(m->a, &err);
    if (rc != KN_OK) {
        return rc;
    }
    kn_buf_clear(&m->manifest);
    kn_archive_manifest(m->a, &m->manifest);
    kn_archive_install(m->a);
    memcpy(m->kept, m->frozen, m->frozen_count * sizeof *m->rows);
    m->kept_count = m->frozen_count;
    return KN_OK;
}

void model_checkpoint(struct model *m)
{
    model_freeze(m);
    if (kn_rand_chance(&m->rand, 1, 2)) { /* life goes on while files are written */
        model_append(m);
        model_mask(m);
        model_check(m);
    }
    assert_int_equal(model_finish(m), KN_OK);
}

void model_merge(struct model *m, uint64_t bytes)
{
    struct kn_err err = {0};
    bool more;
    if (kn_archive_merge_step(m->a, bytes, &more, &err) != KN_OK) {
        fail_msg("merge: %s", err.text);
    }
}

void model_crash(struct model *m)
{
    kn_archive_close(m->a);
    sim_disk_crash(m->sim);
    sim_disk_set_capacity(m->sim, UINT64_MAX);
    memcpy(m->rows, m->kept, m->kept_count * sizeof *m->rows);
    m->count = m->kept_count;
    open_model(m);
}

static int by_time(const void *a, const void *b)
{
    const struct model_row *x = a;
    const struct model_row *y = b;
    if (x->row.event_us != y->row.event_us) {
        return x->row.event_us < y->row.event_us ? -1 : 1;
    }
    return (x->row.arrival > y->row.arrival) - (x->row.arrival < y->row.arrival);
}

static int by_arrival(const void *a, const void *b)
{
    const struct model_row *x = a;
    const struct model_row *y = b;
    return (x->row.arrival > y->row.arrival) - (x->row.arrival < y->row.arrival);
}

static bool is_after(const struct model_row *r, const struct kn_archive_query *q)
{
    struct model_row at = {.row = {.event_us = q->after_us, .arrival = q->after_arrival}};
    switch (q->order) {
    case KN_ARCHIVE_NEWEST_FIRST: return by_time(r, &at) < 0;
    case KN_ARCHIVE_OLDEST_FIRST: return by_time(r, &at) > 0;
    case KN_ARCHIVE_BY_ARRIVAL: break;
    }
    return by_arrival(r, &at) > 0;
}

void model_expect(const struct model *m, const uint32_t *people, size_t people_count,
                  const struct kn_archive_query *q, struct expectation *ret)
{
    ret->count = ret->at = 0;
    ret->stop_after = SIZE_MAX;
    for (size_t i = 0; i < m->count; i++) {
        const struct model_row *r = &m->rows[i];
        bool wanted = !r->masked && r->row.event_us >= q->from_us &&
                      (r->row.event_us < q->to_us || q->to_us == INT64_MAX) &&
                      (!q->has_after || is_after(r, q));
        for (size_t k = 0; k < people_count && wanted; k++) {
            if (people[k] == r->row.ordinal) {
                ret->rows[ret->count++] = *r;
            }
        }
    }
    qsort(ret->rows, ret->count, sizeof *ret->rows,
          q->order == KN_ARCHIVE_BY_ARRIVAL ? by_arrival : by_time);
    for (size_t i = 0; q->order == KN_ARCHIVE_NEWEST_FIRST && i < ret->count / 2; i++) {
        struct model_row swap = ret->rows[i];
        ret->rows[i] = ret->rows[ret->count - 1 - i];
        ret->rows[ret->count - 1 - i] = swap;
    }
}

bool model_compare(void *context, const struct kn_archive_row *row)
{
    struct expectation *e = context;
    char bytes[ITEM_MAX];
    assert_true(e->at < e->count);
    const struct model_row *wanted = &e->rows[e->at++];
    assert_int_equal(row->ordinal, wanted->row.ordinal);
    assert_int_equal(row->version, wanted->row.version);
    assert_true(row->event_us == wanted->row.event_us);
    assert_true(row->arrival == wanted->row.arrival);
    assert_true(kn_str_eq(row->item, item_of(wanted->item, bytes)));
    return e->at < e->stop_after;
}

static int64_t some_time(struct model *m, int64_t open)
{
    if (m->count == 0 || kn_rand_chance(&m->rand, 1, 2)) {
        return open;
    }
    return m->rows[kn_rand_below(&m->rand, m->count)].row.event_us +
           kn_rand_between(&m->rand, -1, 1);
}

static void check_query(struct model *m, struct kn_archive_pin *pin, const uint32_t *people,
                        size_t count)
{
    struct expectation *e = malloc(sizeof *e);
    struct kn_err err = {0};
    struct kn_archive_query q = {
        .order = (enum kn_archive_order)kn_rand_below(&m->rand, 3),
        .from_us = some_time(m, INT64_MIN),
        .to_us = some_time(m, INT64_MAX),
        .has_after = kn_rand_chance(&m->rand, 1, 2),
    };
    if (q.has_after && m->count > 0) {
        const struct model_row *r = &m->rows[kn_rand_below(&m->rand, m->count)];
        q.after_us = r->row.event_us;
        q.after_arrival = r->row.arrival;
    }
    model_expect(m, people, count, &q, e);
    if (kn_rand_chance(&m->rand, 1, 3)) {
        e->stop_after = 1 + kn_rand_below(&m->rand, 5);
    }
    if (kn_archive_read(pin, &q, model_compare, e, &err) != KN_OK) {
        fail_msg("read: %s", err.text);
    }
    assert_int_equal(e->at, e->count < e->stop_after ? e->count : e->stop_after);
    free(e);
}

void model_check(struct model *m)
{
    uint32_t people[4];
    size_t count = 0;
    for (uint32_t p = 0; p < PEOPLE && count < 4; p++) {
        if (kn_rand_chance(&m->rand, 1, 3)) {
            people[count++] = p == PEOPLE - 1 ? UINT32_MAX : p;
        }
    }
    struct kn_archive_pin *pin = kn_archive_pin(m->a, people, count);
    assert_non_null(pin);
    for (int i = 0; i < 4; i++) {
        check_query(m, pin, people, count);
    }
    kn_archive_unpin(pin);
}

static bool count_row(void *context, const struct kn_archive_row *row)
{
    (void)row;
    ++*(size_t *)context;
    return true;
}

void model_check_all(struct model *m)
{
    uint32_t people[PEOPLE];
    size_t seen = 0;
    size_t tail = 0;
    struct kn_err err = {0};
    struct expectation *e = malloc(sizeof *e);
    struct kn_archive_query q = {.from_us = INT64_MIN, .to_us = INT64_MAX};
    struct kn_archive_usage usage;
    for (uint32_t p = 0; p < PEOPLE; p++) {
        people[p] = p == PEOPLE - 1 ? UINT32_MAX : p;
    }
    struct kn_archive_pin *pin = kn_archive_pin(m->a, people, PEOPLE);
    for (q.order = KN_ARCHIVE_NEWEST_FIRST; q.order <= KN_ARCHIVE_BY_ARRIVAL; q.order++) {
        model_expect(m, people, PEOPLE, &q, e);
        assert_int_equal(kn_archive_read(pin, &q, model_compare, e, &err), KN_OK);
        assert_int_equal(e->at, e->count);
    }
    kn_archive_unpin(pin);
    if (kn_archive_verify(m->a, count_row, &seen, &err) != KN_OK) {
        fail_msg("verify: %s", err.text);
    }
    kn_archive_usage(m->a, &usage);
    tail = usage.tail_rows;
    assert_true(seen <= e->count && seen + tail >= e->count); /* masked rows may be in the tail */
    free(e);
}

size_t model_files(struct model *m)
{
    size_t count = 0;
    char path[64];
    for (unsigned i = 1; i < 1000; i++) {
        (void)snprintf(path, sizeof path, "runs/%012u.run", i);
        count += sim_disk_bytes(m->sim, path).p != NULL ? 1 : 0;
    }
    return count;
}
