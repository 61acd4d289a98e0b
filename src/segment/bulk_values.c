/* What reducers read: numbers in units, values by number, calendar days, rows under other ordinals.
 */
#include "base/assert.h"
#include "base/hash.h"
#include "format/time_text.h"
#include "segment/bulk_internal.h"

#define DAY_US INT64_C(86400000000)
enum { DAYS_MAX = 100000 };

/* ---- amounts ---- */

struct numbers {
    const struct kn_dictionary *dictionary;
    kn_dec unit;
    kn_dec *decimals; /* per code */
    int64_t *amounts;
    uint8_t *is_number;
    atomic_uint digits; /* after the point, the most of all */
    atomic_bool too_large;
};

static unsigned digits_after_point(struct kn_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '.') {
            return (unsigned)(text.len - i - 1);
        }
    }
    return 0;
}

static void read_numbers(void *arg, uint32_t first, uint32_t end)
{
    struct numbers *n = arg;
    unsigned most = 0;
    for (uint32_t code = first; code < end; code++) {
        struct kn_value value = kn_dictionary_value(n->dictionary, code);
        n->is_number[code] = kn_value_number(value, &n->decimals[code]);
        if (n->is_number[code]) {
            unsigned digits = digits_after_point(value.text);
            most = digits > most ? digits : most;
        }
    }
    unsigned known = atomic_load(&n->digits);
    while (known < most && !atomic_compare_exchange_weak(&n->digits, &known, most)) {
    }
}

static void scale_numbers(void *arg, uint32_t first, uint32_t end)
{
    struct numbers *n = arg;
    for (uint32_t code = first; code < end; code++) {
        kn_dec number = n->is_number[code] ? n->decimals[code] / n->unit : 0;
        bool fits = number <= INT64_MAX && number >= -INT64_MAX;
        n->amounts[code] = fits ? (int64_t)number : 0;
        if (!fits || (n->is_number[code] && number * n->unit != n->decimals[code])) {
            atomic_store(&n->too_large, true);
        }
    }
}

static uint64_t largest_amount(const int64_t *amounts, uint32_t count)
{
    uint64_t largest = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t size = (uint64_t)(amounts[i] < 0 ? -amounts[i] : amounts[i]);
        largest = size > largest ? size : largest;
    }
    return largest;
}

static enum kn_rc start_numbers(struct kn_bulk_plan *plan, const struct kn_bulk_cond *cond,
                                struct numbers *numbers, uint64_t *ret_rows)
{
    for (uint32_t i = 0; i < cond->table->part_count; i++) {
        const struct kn_column *c = cond->parts[i].column;
        struct numbers *n = &numbers[i];
        *ret_rows += cond->table->parts[i]->rows;
        if (!c) {
            continue;
        }
        n->dictionary = &c->dictionary;
        n->decimals = kn_arena_alloc(plan->arena, c->dictionary.count * sizeof *n->decimals);
        n->amounts = kn_arena_alloc(plan->arena, c->dictionary.count * sizeof *n->amounts);
        n->is_number = kn_arena_alloc(plan->arena, c->dictionary.count);
        if (!n->decimals || !n->amounts || !n->is_number) {
            return kn_bulk_nomem(plan);
        }
        kn_bulk_entries(plan, c->dictionary.count, read_numbers, n);
    }
    return KN_OK;
}

/* Half as wide, so that more of them are near when they are looked up. */
static enum kn_rc shorten(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond)
{
    for (uint32_t i = 0; i < cond->table->part_count; i++) {
        struct kn_bulk_part *part = &cond->parts[i];
        uint32_t count = part->column ? part->column->dictionary.count : 0;
        int32_t *to = kn_arena_alloc(plan->arena, (count + 1U) * sizeof *to);
        if (!to) {
            return kn_bulk_nomem(plan);
        }
        for (uint32_t code = 0; code < count; code++) {
            to[code] = (int32_t)part->amounts[code];
        }
        part->short_amounts = to;
    }
    return KN_OK;
}

/* All in one unit, a power of ten. Sums of 64 bits do not run over when rows x the largest amount
 * do not; else the condition is odd. */
enum kn_rc kn_bulk_amounts(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond, bool *ret_odd)
{
    uint32_t parts = cond->table->part_count;
    struct numbers *numbers = kn_arena_zero(plan->arena, parts + 1, sizeof *numbers);
    uint64_t rows = 1, largest = 0;
    unsigned digits = 0;
    if (!numbers) {
        return kn_bulk_nomem(plan);
    }
    KN_TRY(start_numbers(plan, cond, numbers, &rows));
    for (uint32_t i = 0; i < parts; i++) {
        unsigned more = atomic_load(&numbers[i].digits);
        digits = more > digits ? more : digits;
    }
    cond->unit = kn_dec_int(1);
    for (unsigned i = 0; i < digits && cond->unit > 1; i++) {
        cond->unit /= 10;
    }
    for (uint32_t i = 0; i < parts; i++) {
        struct numbers *n = &numbers[i];
        uint32_t count = n->dictionary ? n->dictionary->count : 0;
        n->unit = cond->unit;
        kn_bulk_entries(plan, count, scale_numbers, n);
        uint64_t most = largest_amount(n->amounts, count);
        largest = most > largest ? most : largest;
        *ret_odd |= atomic_load(&n->too_large);
        cond->parts[i].amounts = n->amounts;
        cond->parts[i].is_number = n->is_number;
    }
    *ret_odd |= largest > (UINT64_C(1) << 62) / rows;
    return largest <= INT32_MAX ? shorten(plan, cond) : KN_OK;
}

/* ---- values by number ---- */

struct ids {
    struct kn_value *values; /* [count], from 1 */
    uint32_t *slots;         /* id, 0 = free */
    uint32_t count, mask;
};

static uint32_t id_of(struct ids *ids, struct kn_value value)
{
    uint64_t hash = kn_checksum64(value.text) * 8 + value.kind;
    uint32_t at = (uint32_t)(hash ^ hash >> 32) & ids->mask;
    while (ids->slots[at]) {
        const struct kn_value *known = &ids->values[ids->slots[at]];
        if (known->kind == value.kind && kn_str_eq(known->text, value.text)) {
            return ids->slots[at];
        }
        at = (at + 1) & ids->mask;
    }
    ids->slots[at] = ++ids->count;
    ids->values[ids->count] = value;
    return ids->count;
}

/* Entries with the same value get the same id; the builder wrote numbers in canonical form, so that
 * text and kind decide. */
enum kn_rc kn_bulk_ids(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond, bool *ret_odd)
{
    struct ids ids = {NULL, NULL, 0, 1023};
    uint64_t entries = 1;
    for (uint32_t i = 0; i < cond->table->part_count; i++) {
        entries += cond->parts[i].column ? cond->parts[i].column->dictionary.count : 0;
    }
    *ret_odd = entries > UINT32_MAX / 4;
    if (*ret_odd) {
        return KN_OK;
    }
    while (ids.mask < 2 * entries) {
        ids.mask = 2 * ids.mask + 1;
    }
    ids.values = kn_arena_alloc(plan->arena, entries * sizeof *ids.values);
    ids.slots = kn_arena_zero(plan->arena, (size_t)ids.mask + 1, sizeof *ids.slots);
    for (uint32_t i = 0; i < cond->table->part_count; i++) {
        const struct kn_column *c = cond->parts[i].column;
        uint32_t count = c ? c->dictionary.count : 0;
        uint32_t *of = kn_arena_zero(plan->arena, count + 1, sizeof *of);
        if (!ids.values || !ids.slots || !of) {
            return kn_bulk_nomem(plan);
        }
        for (uint32_t code = 1; code < count; code++) {
            struct kn_value value = kn_dictionary_value(&c->dictionary, code);
            of[code] = value.kind == KN_VALUE_OBJECT ? 0 : id_of(&ids, value);
        }
        cond->parts[i].ids = of;
    }
    return KN_OK;
}

/* ---- days ---- */

static int64_t floor_day(int64_t us)
{
    return us / DAY_US - (us % DAY_US < 0);
}

/* Within one UTC day the offset is taken to change when it differs at its ends, or in between them.
 */
static int32_t day_offset(const struct kn_zone *zone, int64_t day)
{
    int32_t offset = kn_zone_offset(zone, day * DAY_US);
    for (int64_t hour = 1; hour <= 24; hour++) {
        if (kn_zone_offset(zone, day * DAY_US + hour * (DAY_US / 24)) != offset) {
            return KN_BULK_SHIFTS;
        }
    }
    return offset;
}

enum kn_rc kn_bulk_days_make(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond, bool *ret_odd)
{
    int64_t from = cond->to_us;
    for (uint32_t i = 0; i < cond->table->part_count; i++) {
        int64_t base = cond->table->parts[i]->base_us;
        from = base < from ? base : from;
    }
    from = from > cond->from_us ? from : cond->from_us;
    int64_t first = floor_day(from), count = floor_day(cond->to_us) - first + 1;
    *ret_odd = count > DAYS_MAX;
    if (*ret_odd) {
        return KN_OK;
    }
    count = count < 0 ? 0 : count;
    struct kn_bulk_days *days = kn_arena_zero(plan->arena, 1, sizeof *days);
    int32_t *offsets = kn_arena_alloc(plan->arena, (size_t)count * sizeof *offsets);
    if (!days || !offsets) {
        return kn_bulk_nomem(plan);
    }
    for (int64_t i = 0; i < count; i++) {
        offsets[i] = day_offset(plan->definition->zone, first + i);
    }
    *days = (struct kn_bulk_days){first, count, offsets};
    cond->days = days;
    return KN_OK;
}

int64_t kn_bulk_day(const struct kn_bulk_days *days, const struct kn_zone *zone, int64_t us)
{
    int64_t at = floor_day(us) - days->first;
    kn_assert(at >= 0 && at < days->count);
    int32_t offset = days->offsets[at];
    return offset == KN_BULK_SHIFTS ? kn_zone_day(zone, us)
                                    : floor_day(us + (int64_t)offset * 1000000);
}

/* ---- rows of ordinals that became part of others ---- */

static uint32_t count_strays(const struct kn_bulk_plan *plan, const struct kn_bulk_table *table,
                             uint32_t *counts)
{
    const uint32_t *canonical = plan->pin->canonical;
    uint32_t sum = 0;
    for (uint32_t p = 0; p < table->part_count; p++) {
        const struct kn_table_part *part = table->parts[p];
        for (uint32_t g = 0; g < part->groups; g++) {
            uint32_t ordinal = part->ordinals[g];
            if (canonical[ordinal] != ordinal && !kn_part_is_void(part, ordinal)) {
                counts[canonical[ordinal] / KN_BULK_CHUNK]++;
                sum++;
            }
        }
    }
    return sum;
}

static void place_strays(const struct kn_bulk_plan *plan, struct kn_bulk_table *table)
{
    const uint32_t *canonical = plan->pin->canonical;
    for (uint32_t p = 0; p < table->part_count; p++) {
        const struct kn_table_part *part = table->parts[p];
        for (uint32_t g = 0; g < part->groups; g++) {
            uint32_t to = canonical[part->ordinals[g]];
            if (to != part->ordinals[g] && !kn_part_is_void(part, part->ordinals[g])) {
                uint32_t at = table->stray_ends[to / KN_BULK_CHUNK]++;
                table->strays[at] = (struct kn_bulk_stray){to, p, g};
            }
        }
    }
}

static enum kn_rc find_strays(struct kn_bulk_plan *plan, struct kn_bulk_table *table)
{
    uint32_t *ends = kn_arena_zero(plan->arena, plan->chunks + 1, sizeof *ends);
    if (!ends) {
        return kn_bulk_nomem(plan);
    }
    uint32_t sum = count_strays(plan, table, ends);
    if (sum == 0) {
        return KN_OK;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < plan->chunks; i++) {
        uint32_t count = ends[i];
        ends[i] = at;
        at += count;
    }
    table->stray_ends = ends;
    table->strays = kn_arena_alloc(plan->arena, sum * sizeof *table->strays);
    if (!table->strays) {
        return kn_bulk_nomem(plan);
    }
    place_strays(plan, table);
    return KN_OK;
}

enum kn_rc kn_bulk_strays(struct kn_bulk_plan *plan)
{
    for (uint32_t i = 0; plan->pin->canonical && i < plan->table_count; i++) {
        KN_TRY(find_strays(plan, plan->tables[i]));
    }
    return KN_OK;
}
