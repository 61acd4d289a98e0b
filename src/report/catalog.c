/* The catalogue: which events and traits there are, what they carry, and how often. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "report/values.h"

struct catalog {
    const struct kn_report *report;
    enum kn_table_kind kind;
    uint32_t example_profiles;
    struct kn_population population;
    struct kn_arena *arena;
    struct kn_err *err;
};

/* A field's rows. By value: how many profiles have it in one part, and the most in any part.
 * Ordinals that were merged away are left out there, so that nobody counts twice. */
struct counting {
    uint64_t *here, *most; /* [values] */
    uint32_t *last;        /* [values] ordinal + 1 that was counted last */
    uint64_t rows;
    uint32_t kinds;
};

static struct kn_str section_of(enum kn_table_kind kind, bool context)
{
    return kind == KN_TABLE_PROFILE ? KN_STR("t.") : context ? KN_STR("c.") : KN_STR("p.");
}

static enum kn_rc no_memory(struct catalog *c)
{
    return kn_fail(c->err, KN_E_NOMEM, "no memory for the catalogue");
}

static bool counts(const struct catalog *c, const struct kn_table_part *t, uint32_t ordinal)
{
    const uint32_t *canonical = c->report->pin->canonical;
    return !kn_part_is_void(t, ordinal) &&
           kn_bit(c->population.counted, canonical ? canonical[ordinal] : ordinal);
}

/* ---- rows ---- */

static void read_table(struct catalog *c, const struct kn_lane *lane, uint64_t *seen,
                       struct kn_catalog_table *ret)
{
    const uint32_t *canonical = c->report->pin->canonical;
    ret->first_us = INT64_MAX;
    ret->last_us = INT64_MIN;
    for (uint32_t i = 0; i < lane->count; i++) {
        const struct kn_table_part *t = lane->parts[i].part;
        uint64_t row = 0;
        for (uint32_t g = 0; g < t->groups; g++) {
            uint32_t rows = kn_part_group_rows(t, g);
            uint32_t o = t->ordinals[g];
            if (counts(c, t, o)) {
                int64_t first = kn_part_time(t, row);
                int64_t last = kn_part_time(t, row + rows - 1);
                ret->first_us = first < ret->first_us ? first : ret->first_us;
                ret->last_us = last > ret->last_us ? last : ret->last_us;
                ret->rows += rows;
                o = canonical ? canonical[o] : o;
                seen[o / 64] |= UINT64_C(1) << (o % 64);
            }
            row += rows;
        }
    }
    ret->profiles = kn_bits_count(seen, c->population.end);
}

/* ---- fields ---- */

static enum kn_rc count_group(struct catalog *c, const struct kn_column_field *field, uint32_t part,
                              uint64_t row, uint32_t rows, uint32_t ordinal, struct kn_ids *ids,
                              const struct kn_value_set *set, struct counting *n)
{
    const uint32_t *canonical = c->report->pin->canonical;
    bool itself = !canonical || canonical[ordinal] == ordinal;
    for (uint64_t r = row; r < row + rows; r++) {
        ids->count = 0;
        KN_TRY(kn_field_all(field, (struct kn_row_ref){part, (uint32_t)r}, ids, c->err));
        n->rows += ids->count > 0;
        for (uint32_t i = 0; i < ids->count; i++) {
            uint32_t id = ids->ids[i];
            n->here[id] += itself && n->last[id] != ordinal + 1;
            n->last[id] = ordinal + 1;
            n->kinds |= 1U << set->values[id].kind;
        }
    }
    return KN_OK;
}

static void end_part(const struct kn_value_set *set, struct counting *n)
{
    for (uint32_t i = 0; i < set->count; i++) {
        n->most[i] = n->here[i] > n->most[i] ? n->here[i] : n->most[i];
        n->here[i] = 0;
        n->last[i] = 0;
    }
}

static enum kn_rc count_field(struct catalog *c, const struct kn_lane *lane,
                              const struct kn_column_field *field, const struct kn_value_set *set,
                              struct counting *n)
{
    struct kn_ids ids = {0};
    enum kn_rc rc = KN_OK;
    for (uint32_t i = 0; i < lane->count && rc == KN_OK; i++) {
        const struct kn_table_part *t = lane->parts[i].part;
        uint64_t row = 0;
        for (uint32_t g = 0; g < t->groups && rc == KN_OK && field->parts[i].count > 0; g++) {
            uint32_t rows = kn_part_group_rows(t, g);
            uint32_t o = t->ordinals[g];
            if (counts(c, t, o)) {
                rc = count_group(c, field, i, row, rows, o, &ids, set, n);
            }
            row += rows;
        }
        end_part(set, n);
    }
    kn_ids_free(&ids);
    return rc;
}

/* The most frequent values that enough profiles have; examples show nobody in particular. */
static void choose_examples(const struct catalog *c, const struct kn_value_set *set,
                            const struct counting *n, struct kn_catalog_field *f)
{
    uint32_t best[3] = {0};
    kn_assert(n->most || set->count == 0);
    for (uint32_t i = 1; i < set->count; i++) {
        if (n->most[i] == 0 || n->most[i] < c->example_profiles) {
            continue;
        }
        uint32_t at = f->example_count < 3 ? f->example_count++ : 3;
        for (; at > 0 && n->most[best[at - 1]] < n->most[i]; at--) {
            if (at < 3) {
                best[at] = best[at - 1];
            }
        }
        if (at < 3) {
            best[at] = i;
        }
    }
    for (uint32_t i = 0; i < f->example_count; i++) {
        f->examples[i] = set->values[best[i]];
    }
}

static bool is_list(const struct kn_column_field *field)
{
    bool list = false;
    for (uint32_t i = 0; i < field->count; i++) {
        for (uint32_t k = 0; k < field->parts[i].count; k++) {
            list |= field->parts[i].columns[k].depth > 0;
        }
    }
    return list;
}

static enum kn_rc read_values(struct catalog *c, const struct kn_lane *lane, struct kn_str path,
                              struct kn_catalog_field *ret)
{
    struct kn_value_set set;
    struct kn_column_field field = {0};
    struct counting n = {0};
    KN_TRY(kn_value_set_init(&set, c->err));
    enum kn_rc rc = kn_column_field_make(lane, path, &set, &field, c->err);
    if (rc == KN_OK) {
        n.here = kn_calloc(set.count, sizeof *n.here);
        n.most = kn_calloc(set.count, sizeof *n.most);
        n.last = kn_calloc(set.count, sizeof *n.last);
        rc = n.here && n.most && n.last ? count_field(c, lane, &field, &set, &n) : no_memory(c);
    }
    if (rc == KN_OK) {
        ret->kinds = n.kinds;
        choose_examples(c, &set, &n, ret);
        ret->rows = n.rows;
        ret->list = is_list(&field);
    }
    kn_free(n.here);
    kn_free(n.most);
    kn_free(n.last);
    kn_column_field_free(&field);
    kn_value_set_free(&set);
    return rc;
}

static int compare_paths(const void *a, const void *b)
{
    return kn_str_cmp(*(const struct kn_str *)a, *(const struct kn_str *)b);
}

/* Every path of the lane's columns in the section, once, in order. */
static enum kn_rc list_paths(struct catalog *c, const struct kn_lane *lane, struct kn_str section,
                             struct kn_str **ret, uint32_t *ret_count)
{
    uint32_t room = 0;
    uint32_t n = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < lane->count; i++) {
        room += lane->parts[i].part->column_count;
    }
    struct kn_str *paths = kn_arena_alloc(c->arena, ((size_t)room + 1) * sizeof *paths);
    if (!paths) {
        return no_memory(c);
    }
    for (uint32_t i = 0; i < lane->count; i++) {
        const struct kn_table_part *t = lane->parts[i].part;
        for (uint32_t k = 0; k < t->column_count; k++) {
            if (kn_str_starts(t->columns[k].path, section)) {
                paths[n++] = t->columns[k].path;
            }
        }
    }
    qsort(paths, n, sizeof *paths, compare_paths);
    for (uint32_t i = 0; i < n; i++) {
        if (kept == 0 || !kn_str_eq(paths[kept - 1], paths[i])) {
            paths[kept++] = paths[i];
        }
    }
    *ret = paths;
    *ret_count = kept;
    return KN_OK;
}

static enum kn_rc read_section(struct catalog *c, const struct kn_lane *lane, bool context,
                               struct kn_catalog_field *fields, uint32_t *count)
{
    struct kn_str section = section_of(c->kind, context);
    struct kn_str *paths = NULL;
    uint32_t n = 0;
    KN_TRY(list_paths(c, lane, section, &paths, &n));
    for (uint32_t i = 0; i < n; i++) {
        struct kn_catalog_field *f = &fields[*count];
        *f = (struct kn_catalog_field){.context = context,
                                       .path = kn_str_sub(paths[i], section.len, paths[i].len)};
        KN_TRY(read_values(c, lane, paths[i], f));
        *count += f->rows > 0; /* what only forgotten people had is not there */
    }
    return KN_OK;
}

static enum kn_rc read_fields(struct catalog *c, const struct kn_lane *lane,
                              struct kn_catalog_table *ret)
{
    uint32_t room = 0;
    uint32_t widest = 0;
    for (uint32_t i = 0; i < lane->count; i++) {
        uint32_t n = lane->parts[i].part->column_count;
        room += n;
        widest = n > widest ? n : widest;
    }
    struct kn_catalog_field *fields = kn_arena_zero(c->arena, (size_t)room + 1, sizeof *fields);
    if (!fields) {
        return no_memory(c);
    }
    KN_TRY(read_section(c, lane, false, fields, &ret->field_count));
    if (c->kind == KN_TABLE_EVENT) {
        KN_TRY(read_section(c, lane, true, fields, &ret->field_count));
    }
    ret->fields = fields;
    ret->full = widest >= KN_COLUMNS_FIELDS_MAX;
    return KN_OK;
}

static enum kn_rc read_one(struct catalog *c, struct kn_str name, struct kn_catalog_table *ret)
{
    struct kn_event_match match = {.event = name};
    struct kn_lane lane;
    uint64_t *seen = kn_calloc(c->population.end / 64 + 1, sizeof *seen);
    enum kn_rc rc = kn_lane_make(c->report, c->kind, &match, INT64_MIN, INT64_MAX, &lane, c->err);
    *ret = (struct kn_catalog_table){.name = name};
    if (rc == KN_OK && !seen) {
        rc = no_memory(c);
    }
    if (rc == KN_OK) {
        read_table(c, &lane, seen, ret);
        rc = ret->rows > 0 ? read_fields(c, &lane, ret) : KN_OK;
    }
    kn_free(seen);
    kn_lane_free(&lane);
    return rc;
}

static enum kn_rc read_all(struct catalog *c, const struct kn_catalog_table **ret,
                           uint32_t *ret_count)
{
    struct kn_event_match any = {.event = KN_STR_EMPTY};
    struct kn_lane lane;
    enum kn_rc rc = kn_lane_make(c->report, c->kind, &any, INT64_MIN, INT64_MAX, &lane, c->err);
    struct kn_catalog_table *tables =
        rc == KN_OK ? kn_arena_zero(c->arena, (size_t)lane.table_count + 1, sizeof *tables) : NULL;
    uint32_t n = 0;
    if (rc == KN_OK && !tables) {
        rc = no_memory(c);
    }
    for (uint32_t i = 0; rc == KN_OK && i < lane.table_count; i++) {
        kn_assert(tables);
        rc = read_one(c, lane.tables[i], &tables[n]);
        n += rc == KN_OK && tables[n].rows > 0;
    }
    kn_lane_free(&lane);
    *ret = tables;
    *ret_count = n;
    return rc;
}

enum kn_rc kn_report_catalog(const struct kn_report *report, enum kn_table_kind kind,
                             uint32_t example_profiles, struct kn_arena *arena,
                             const struct kn_catalog_table **ret, uint32_t *ret_count,
                             struct kn_err *err)
{
    struct catalog c = {.report = report,
                        .kind = kind,
                        .example_profiles = example_profiles,
                        .arena = arena,
                        .err = err};
    KN_TRY(kn_population_make(report, &c.population, err));
    enum kn_rc rc = read_all(&c, ret, ret_count);
    kn_population_free(&c.population);
    return rc;
}
