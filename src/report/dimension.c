#include "report/dimension.h"

#include "base/mem.h"

static enum kn_rc make_facts(const struct kn_report *report, enum kn_table_kind kind,
                             struct kn_str path, struct kn_dimension *d, struct kn_err *err)
{
    struct kn_event_match all = {.event = KN_STR_EMPTY};
    int64_t to = kind == KN_TABLE_PROFILE ? INT64_MAX : report->now + 1;
    KN_TRY(kn_lane_make(report, kind, &all, INT64_MIN, to, &d->facts, err));
    return kn_column_field_make(&d->facts, path, &d->set, &d->field, err);
}

static enum kn_rc make_visits(const struct kn_lane *counted, struct kn_dimension *d,
                              struct kn_err *err)
{
    struct kn_value yes = {.kind = KN_VALUE_TRUE};
    KN_TRY(kn_value_set_init(&d->truths, err));
    KN_TRY(kn_value_set_add(&d->truths, yes, &d->visit_true, err));
    return kn_column_field_make(counted, KN_STR("#visit"), &d->truths, &d->visit, err);
}

static enum kn_rc make_phases(const struct kn_report *report, struct kn_dimension *d,
                              struct kn_err *err)
{
    for (unsigned i = 1; i < KN_PHASE_COUNT; i++) {
        struct kn_value v = {KN_VALUE_STRING, kn_str_c(kn_phase_name((enum kn_phase)i))};
        KN_TRY(kn_value_set_add(&d->set, v, &d->phase_ids[i], err));
    }
    return kn_phase_lanes_make(report, &d->phases, err);
}

enum kn_rc kn_dimension_make(const struct kn_report *report, const struct kn_breakdown *breakdown,
                             const struct kn_lane *counted, struct kn_dimension *ret,
                             struct kn_err *err)
{
    *ret = (struct kn_dimension){.kind = breakdown->kind};
    KN_TRY(kn_value_set_init(&ret->set, err));
    switch (breakdown->kind) {
    case KN_BREAKDOWN_NONE: break;
    case KN_BREAKDOWN_ROW:
        return kn_column_field_make(counted, breakdown->path, &ret->set, &ret->field, err);
    case KN_BREAKDOWN_PROFILE:
        return make_facts(report, KN_TABLE_PROFILE, breakdown->path, ret, err);
    case KN_BREAKDOWN_SESSION:
        KN_TRY(make_visits(counted, ret, err));
        return make_facts(report, KN_TABLE_SESSION, breakdown->path, ret, err);
    case KN_BREAKDOWN_PHASE: return make_phases(report, ret, err);
    }
    return KN_OK;
}

void kn_dimension_free(struct kn_dimension *dimension)
{
    kn_value_set_free(&dimension->set);
    kn_value_set_free(&dimension->truths);
    kn_column_field_free(&dimension->field);
    kn_column_field_free(&dimension->visit);
    kn_lane_free(&dimension->facts);
    kn_phase_lanes_free(&dimension->phases);
}

void kn_dimension_block_free(struct kn_dimension_block *block)
{
    kn_slab_free(&block->facts);
    kn_phase_block_free(block->phases);
    *block = (struct kn_dimension_block){0};
}

enum kn_rc kn_dimension_load(const struct kn_dimension *dimension, struct kn_dimension_block *block,
                             const struct kn_population *population, uint32_t first,
                             const uint64_t want[KN_BLOCK_WORDS], struct kn_err *err)
{
    if (dimension->kind == KN_BREAKDOWN_PROFILE || dimension->kind == KN_BREAKDOWN_SESSION) {
        return kn_slab_load(&block->facts, &dimension->facts, population, first, want, err);
    }
    if (dimension->kind != KN_BREAKDOWN_PHASE) {
        return KN_OK;
    }
    if (!block->phases) {
        block->phases = kn_calloc(1, sizeof *block->phases);
        if (!block->phases) {
            return kn_fail(err, KN_E_NOMEM, "no memory for phases");
        }
    }
    return kn_phase_load(&dimension->phases, block->phases, population, first, want, err);
}

static bool is_visit(const struct kn_dimension *d, struct kn_row_ref ref)
{
    const struct kn_field_part *p = &d->visit.parts[ref.part];
    for (uint32_t c = 0; c < p->count; c++) {
        const struct kn_field_column *f = &p->columns[c];
        if (f->depth == 0 && f->ids[kn_column_code(f->column, ref.row)] == d->visit_true) {
            return true;
        }
    }
    return false;
}

/* The session with the latest start not after `us`; false: there is none. */
static bool session_of(const struct kn_slab *s, uint32_t local, int64_t us, uint32_t *ret)
{
    uint32_t low = s->start[local];
    uint32_t high = s->end[local];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->us[middle] <= us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret = low - 1;
    return low > s->start[local];
}

enum kn_rc kn_dimension_groups(const struct kn_dimension *dimension,
                               struct kn_dimension_block *block, uint32_t local, int64_t us,
                               struct kn_row_ref ref, struct kn_ids *list, struct kn_err *err)
{
    const struct kn_slab *s = &block->facts;
    uint32_t at;
    list->count = 0;
    switch (dimension->kind) {
    case KN_BREAKDOWN_NONE: break;
    case KN_BREAKDOWN_ROW: return kn_field_distinct(&dimension->field, ref, list, err);
    case KN_BREAKDOWN_PROFILE:
        if (s->end[local] > s->start[local]) {
            at = s->end[local] - 1;
            return kn_field_distinct(&dimension->field, s->refs[at], list, err);
        }
        break;
    case KN_BREAKDOWN_SESSION:
        if (is_visit(dimension, ref) && session_of(s, local, us, &at)) {
            return kn_field_distinct(&dimension->field, s->refs[at], list, err);
        }
        break;
    case KN_BREAKDOWN_PHASE:
        return kn_ids_add(list, dimension->phase_ids[block->phases->phase[local]], err);
    }
    return kn_ids_add(list, 0, err);
}
