/* Lanes: which parts are read, and which of their rows satisfy a condition. */
#include "base/assert.h"
#include "base/mem.h"
#include "report/rows.h"
#include "segment/rows.h"

/* Parts of a lane as they are found. */
struct finding {
    const struct kn_report *report;
    struct kn_lane *lane;
    enum kn_table_kind kind;
    uint32_t part_cap, table_cap;
    enum kn_rc rc;
    struct kn_err *err;
};

static bool make_room(void **block, uint32_t count, uint32_t *cap, size_t bytes)
{
    if (count < *cap) {
        return true;
    }
    uint32_t room = *cap ? *cap * 2 : 16;
    void *wide = kn_realloc(*block, (size_t)room * bytes);
    if (wide) {
        *block = wide;
        *cap = room;
    }
    return wide != NULL;
}

static void add_table(struct finding *f, struct kn_str name)
{
    uint32_t count;
    struct kn_lane *lane = f->lane;
    const struct kn_table_part *const *parts = kn_pin_table(f->report->pin, f->kind, name, &count);
    if (!make_room((void **)&lane->tables, lane->table_count, &f->table_cap,
                   sizeof *lane->tables)) {
        f->rc = kn_fail(f->err, KN_E_NOMEM, "no memory for an event");
        return;
    }
    lane->tables[lane->table_count++] = name;
    for (uint32_t i = 0; i < count; i++) {
        if (!make_room((void **)&lane->parts, lane->count, &f->part_cap, sizeof *lane->parts)) {
            f->rc = kn_fail(f->err, KN_E_NOMEM, "no memory for an event");
            return;
        }
        lane->parts[lane->count++] =
            (struct kn_lane_part){.part = parts[i], .table = lane->table_count - 1};
    }
}

static void each_event(void *context, struct kn_str name, uint64_t rows)
{
    struct finding *f = context;
    (void)rows;
    if (f->rc == KN_OK) {
        add_table(f, name);
    }
}

/* ---- conditions ---- */

/* Rows are judged in pieces of whole words. */
enum { PIECE = 1 << 20 };

struct judging {
    const struct kn_row_test *test;
    struct kn_lane *lane;
    const struct piece {
        uint32_t part;
        uint64_t first, count;
    } * pieces;
    enum kn_rc *results;
    struct kn_err *errors;
};

static void judge(void *context, uint32_t index)
{
    struct judging *j = context;
    const struct piece *p = &j->pieces[index];
    const struct kn_lane_part *part = &j->lane->parts[p->part];
    j->results[index] = kn_row_test_part(j->test, part->part, p->first, p->count,
                                         part->truth + p->first / 64, &j->errors[index]);
}

static enum kn_rc judge_all(const struct kn_report *report, struct judging *j, uint32_t count,
                            struct kn_err *err)
{
    j->results = kn_calloc(count + 1, sizeof *j->results);
    j->errors = kn_calloc(count + 1, sizeof *j->errors);
    enum kn_rc rc = KN_OK;
    if (!j->results || !j->errors) {
        rc = kn_fail(err, KN_E_NOMEM, "no memory for a condition");
    } else {
        kn_jobs_run(&report->jobs, count, judge, j);
    }
    for (uint32_t i = 0; i < count && rc == KN_OK; i++) {
        kn_assert(j->results && j->errors);
        rc = j->results[i];
        *err = rc == KN_OK ? *err : j->errors[i];
    }
    kn_free(j->results);
    kn_free(j->errors);
    return rc;
}

static enum kn_rc cut_pieces(const struct kn_lane *lane, struct piece **ret, uint32_t *ret_count,
                             struct kn_err *err)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < lane->count; i++) {
        n += (lane->parts[i].part->rows + PIECE - 1) / PIECE;
    }
    struct piece *pieces = kn_alloc((n + 1) * sizeof *pieces);
    if (!pieces) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a condition");
    }
    *ret = pieces;
    *ret_count = (uint32_t)n;
    for (uint32_t i = 0; i < lane->count; i++) {
        uint64_t rows = lane->parts[i].part->rows;
        for (uint64_t at = 0; at < rows; at += PIECE) {
            *pieces++ = (struct piece){i, at, rows - at < PIECE ? rows - at : PIECE};
        }
    }
    return KN_OK;
}

static enum kn_rc apply_where(const struct kn_report *report, const struct kn_node *where,
                              struct kn_lane *lane, struct kn_err *err)
{
    struct kn_row_test *test = NULL;
    struct piece *pieces = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < lane->count; i++) {
        struct kn_lane_part *p = &lane->parts[i];
        p->truth = kn_calloc(p->part->rows / 64 + 2, sizeof *p->truth);
        if (!p->truth) {
            return kn_fail(err, KN_E_NOMEM, "no memory for a condition");
        }
    }
    enum kn_rc rc = kn_row_test_make(where, report->zone, report->now, &test, err);
    for (uint32_t i = 0; i < lane->count && rc == KN_OK; i++) {
        rc = kn_row_test_prepare(test, lane->parts[i].part, err);
    }
    rc = rc == KN_OK ? cut_pieces(lane, &pieces, &count, err) : rc;
    if (rc == KN_OK) {
        struct judging j = {.test = test, .lane = lane, .pieces = pieces};
        rc = judge_all(report, &j, count, err);
    }
    kn_free(pieces);
    kn_row_test_free(test);
    return rc;
}

enum kn_rc kn_lane_make(const struct kn_report *report, enum kn_table_kind kind,
                        const struct kn_event_match *match, int64_t from, int64_t to,
                        struct kn_lane *ret, struct kn_err *err)
{
    struct finding f = {.report = report, .lane = ret, .kind = kind, .err = err};
    *ret = (struct kn_lane){.from = from, .to = to};
    if (kind == KN_TABLE_EVENT && !match->event.p) {
        kn_pin_each_event(report->pin, each_event, &f);
    } else {
        add_table(&f, match->event);
    }
    KN_TRY(f.rc);
    return match->where ? apply_where(report, match->where, ret, err) : KN_OK;
}

enum kn_table_kind kn_lane_kind(const struct kn_event_match *match)
{
    return match->orders ? KN_TABLE_ORDER : KN_TABLE_EVENT;
}

void kn_lane_free(struct kn_lane *lane)
{
    for (uint32_t i = 0; i < lane->count; i++) {
        kn_free(lane->parts[i].truth);
    }
    kn_free(lane->parts);
    kn_free(lane->tables);
    *lane = (struct kn_lane){0};
}
