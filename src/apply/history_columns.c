/* Rows of one profile out of the behaviour columns: a search for its slice in each run, where the
 * archive unpacks a block in each. */
#include "apply/fold.h"
#include "apply/history.h"
#include "base/assert.h"
#include "base/mem.h"

enum { PATH_KEYS_MAX = KN_COLUMNS_DEPTH_MAX - 2 }; /* deeper ones may end as objects */

struct slice {
    struct kn_histories *h;
    struct kn_fold *f;
    struct kn_history *history;
    const struct kn_plan *plan;
    const struct kn_plan_event *event;
    struct kn_lane *lane;
    const struct kn_column **columns; /* [field_count], of one part */
    struct kn_history_draft draft;
    struct kn_arena arena; /* of one part or row */
};

static bool has_pin(struct kn_histories *h, struct kn_fold *f)
{
    struct kn_columns_usage usage;
    struct kn_err err;
    if (!h->from_columns) {
        return false;
    }
    if (!h->pin) {
        if (kn_columns_pin(f->columns, &h->pin, &err) != KN_OK) {
            h->pin = NULL;
            return false;
        }
        kn_columns_usage(f->columns, &usage);
        h->pin_has_all = usage.dropped_fields == 0;
        h->pin_arrival = f->arrival;
    }
    return h->pin_has_all;
}

/* Elements of arrays are left to the archive, and so is a table that may have left fields out. */
static bool has_fields(const struct kn_table_part *part, const struct kn_plan_event *event)
{
    if (part->column_count + 1 >= KN_COLUMNS_FIELDS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < event->field_count; i++) {
        for (uint32_t level = 1; level <= part->array_count; level++) {
            if (kn_part_column(part, event->fields[i].column, level)) {
                return false;
            }
        }
    }
    return true;
}

static bool can_read(const struct kn_plan_event *event, const struct kn_table_part *const *parts,
                     uint32_t count)
{
    for (uint32_t i = 0; i < event->field_count; i++) {
        if (event->fields[i].array || event->fields[i].path.count > PATH_KEYS_MAX) {
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!has_fields(parts[i], event)) {
            return false;
        }
    }
    return true;
}

static uint32_t source_at(const struct kn_table_part *part, uint64_t row)
{
    const struct kn_column *column = kn_part_column(part, KN_STR("#source"), 0);
    uint64_t number = 0;
    if (column) {
        struct kn_value v = kn_dictionary_value(&column->dictionary, kn_column_code(column, row));
        (void)kn_str_u64(v.text, &number);
    }
    return (uint32_t)number;
}

static void take_row(struct slice *s, const struct kn_table_part *part, uint64_t row)
{
    struct kn_value *values = (struct kn_value *)(s->draft.fields + s->event->field_count);
    for (uint32_t i = 0; i < s->event->field_count; i++) {
        const struct kn_column *column = s->columns[i];
        uint32_t code = column ? kn_column_code(column, row) : 0;
        values[i] = code ? kn_dictionary_value(&column->dictionary, code) : (struct kn_value){0};
        s->draft.fields[i] = (struct kn_value_list){&values[i], code ? 1 : 0, 1};
    }
    kn_history_put(s->h, s->history, s->event, s->lane, &s->draft, source_at(part, row),
                   kn_part_time(part, row), kn_part_arrival(part, row));
}

static void take_part(struct slice *s, const struct kn_table_part *part, const uint32_t *ordinals,
                      size_t count)
{
    bool looked_up = false;
    for (size_t i = 0; i < count; i++) {
        uint32_t g = kn_part_find(part, ordinals[i]);
        if (g == part->groups || part->ordinals[g] != ordinals[i] ||
            kn_part_is_void(part, ordinals[i])) {
            continue;
        }
        for (uint32_t k = 0; !looked_up && k < s->event->field_count; k++) {
            s->columns[k] = kn_part_column(part, s->event->fields[k].column, 0);
        }
        looked_up = true;
        uint64_t first = kn_part_group_row(part, g);
        for (uint64_t row = first; row < first + kn_part_group_rows(part, g); row++) {
            take_row(s, part, row);
        }
    }
}

static bool take_since(void *context, const struct kn_archive_row *row)
{
    struct slice *s = context;
    struct kn_cursor c = kn_cursor(row->item);
    struct kn_item item;
    struct kn_err err = {0};
    kn_arena_clear(&s->arena);
    if (kn_item_decode(&c, &s->f->key, &s->arena, &item, &err) != KN_OK) {
        kn_panic("archived record does not decode: %s", err.text);
    }
    if (kn_item_is_event(&item) && kn_str_eq(item.name, s->event->name)) {
        kn_history_add(s->h, s->history, s->plan, &item, row->arrival);
    }
    return true;
}

bool kn_history_from_columns(struct kn_histories *h, struct kn_fold *f, struct kn_history *history,
                             const struct kn_plan *plan, struct kn_lane *lane,
                             const uint32_t *ordinals, size_t count)
{
    const struct kn_plan_event *event = &plan->events[lane->event];
    uint32_t parts;
    if (!has_pin(h, f)) {
        return false;
    }
    const struct kn_table_part *const *all =
        kn_pin_table(h->pin, KN_TABLE_EVENT, event->name, &parts);
    if (!can_read(event, all, parts)) {
        return false;
    }
    struct slice s = {
        .h = h, .f = f, .history = history, .plan = plan, .event = event, .lane = lane};
    size_t each = sizeof(struct kn_value_list) + sizeof(struct kn_value);
    s.draft.fields = kn_must_calloc(event->field_count + 1, each);
    s.columns = kn_must_calloc(event->field_count + 1, sizeof(struct kn_column *));
    kn_arena_init(&s.arena, SIZE_MAX / 2);
    for (uint32_t i = 0; i < parts; i++) {
        take_part(&s, all[i], ordinals, count);
    }
    kn_archive_since(f->archive, ordinals, count, h->pin_arrival, take_since, &s);
    kn_arena_deinit(&s.arena);
    kn_free(s.columns);
    kn_free(s.draft.fields);
    return true;
}
