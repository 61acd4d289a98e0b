#include "segment/measure.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

static const kn_dec no_number = (kn_dec)1 << 126; /* beyond every number */

enum { FIRST_ROOM = 16 };

static bool sums(const struct kn_measure *m)
{
    return m->chain->reducer == KN_REDUCE_SUM || m->chain->reducer == KN_REDUCE_AVG;
}

static bool extremes(const struct kn_measure *m)
{
    return m->chain->reducer == KN_REDUCE_MIN || m->chain->reducer == KN_REDUCE_MAX;
}

static bool by_value(const struct kn_measure *m)
{
    return m->chain->reducer >= KN_REDUCE_MODE;
}

void kn_measure_init(struct kn_measure *m, const struct kn_chain *chain)
{
    *m = (struct kn_measure){.chain = chain, .leader = UINT32_MAX};
    kn_arena_init(&m->texts, SIZE_MAX / 2);
    kn_distinct_init(&m->distinct, &m->texts, (enum kn_cast)chain->cast, true);
}

void kn_measure_deinit(struct kn_measure *m)
{
    kn_free(m->sums);
    kn_free(m->numbers);
    kn_free(m->days);
    kn_free(m->best);
    for (int level = 0; level < 32; level++) {
        kn_free(m->blocks[level]);
    }
    kn_free(m->code_ends);
    kn_free(m->codes);
    kn_free(m->with_count);
    kn_arena_deinit(&m->texts);
}

static void grow(struct kn_measure *m)
{
    m->room = m->room > 0 ? 2 * m->room : FIRST_ROOM;
    if (sums(m)) {
        bool first = !m->sums;
        m->sums = kn_must_realloc(m->sums, (m->room + 1) * sizeof *m->sums);
        m->numbers = kn_must_realloc(m->numbers, (m->room + 1) * sizeof *m->numbers);
        if (first) {
            m->sums[0] = (struct kn_wide){{0, 0, 0}};
            m->numbers[0] = 0;
        }
    } else if (m->chain->reducer == KN_REDUCE_DAYS) {
        m->days = kn_must_realloc(m->days, m->room * sizeof *m->days);
    } else if (extremes(m)) {
        m->best = kn_must_realloc(m->best, m->room * sizeof *m->best);
    } else if (by_value(m)) {
        m->code_ends = kn_must_realloc(m->code_ends, m->room * sizeof *m->code_ends);
    }
}

/* ---- sums and days ---- */

static void add_sums(struct kn_measure *m, struct kn_values values)
{
    kn_dec number;
    struct kn_wide sum = m->sums[m->count];
    uint64_t numbers = m->numbers[m->count];
    for (uint32_t i = 0; i < values.count; i++) {
        if (kn_value_number(values.values[i], &number)) {
            kn_wide_add(&sum, number);
            numbers++;
        }
    }
    m->sums[m->count + 1] = sum;
    m->numbers[m->count + 1] = numbers;
}

static void take_sums(const struct kn_measure *m, uint32_t low, uint32_t high,
                      struct kn_result *ret)
{
    if (m->count > 0) {
        ret->sum = kn_wide_minus(&m->sums[high], &m->sums[low]);
        ret->count = m->numbers[high] - m->numbers[low];
    }
    ret->kind = m->chain->reducer == KN_REDUCE_SUM ? KN_RESULT_SUM
                : ret->count > 0                   ? KN_RESULT_MEAN
                                                   : KN_RESULT_ABSENT;
}

static void add_day(struct kn_measure *m, int64_t day, int64_t before)
{
    uint32_t at = m->count;
    m->days_return |= day < before;
    m->days[at] = at == 0 ? 0 : m->days[at - 1] + (day > before);
}

/* ---- the best of blocks ---- */

static bool has_best(const struct kn_measure *m, uint32_t row)
{
    return m->chain->cast == KN_CAST_STRING ? m->best[row].text.p != NULL
                                            : m->best[row].number != no_number;
}

/* The better of two rows; UINT32_MAX is no row. */
static uint32_t better(const struct kn_measure *m, uint32_t a, uint32_t b)
{
    bool max = m->chain->reducer == KN_REDUCE_MAX;
    if (a == UINT32_MAX || !has_best(m, a)) {
        return b;
    }
    if (b == UINT32_MAX || !has_best(m, b)) {
        return a;
    }
    const union kn_extreme *x = &m->best[a], *y = &m->best[b];
    int cmp = m->chain->cast == KN_CAST_STRING ? kn_str_cmp(x->text, y->text)
                                               : (x->number > y->number) - (x->number < y->number);
    return (max ? cmp >= 0 : cmp <= 0) ? a : b;
}

static uint32_t block_best(const struct kn_measure *m, int level, uint32_t block)
{
    return level == 0 ? block : m->blocks[level][block];
}

/* Blocks that end with this row are complete now. */
static void close_blocks(struct kn_measure *m, uint32_t count)
{
    for (int level = 1; level < 32 && (count & ((1U << level) - 1)) == 0; level++) {
        uint32_t block = (count >> level) - 1;
        if (block >= m->block_room[level]) {
            m->block_room[level] = block < 4 ? 8 : 2 * block;
            m->blocks[level] =
                kn_must_realloc(m->blocks[level], m->block_room[level] * sizeof *m->blocks[level]);
        }
        m->blocks[level][block] =
            better(m, block_best(m, level - 1, 2 * block), block_best(m, level - 1, 2 * block + 1));
    }
}

static void add_best(struct kn_measure *m, struct kn_values values)
{
    bool text = m->chain->cast == KN_CAST_STRING;
    struct kn_result best = {.kind = KN_RESULT_ABSENT};
    union kn_extreme *entry = &m->best[m->count];
    for (uint32_t i = 0; i < values.count; i++) {
        kn_take_extreme(m->chain, values.values[i], &best);
    }
    if (text) {
        entry->text = KN_STR_EMPTY;
        if (best.kind != KN_RESULT_ABSENT) {
            entry->text = kn_arena_str(&m->texts, best.one.text);
            if (!entry->text.p) {
                kn_panic("no memory for a segment's state");
            }
        }
    } else {
        entry->number = best.kind != KN_RESULT_ABSENT ? best.number : no_number;
    }
    close_blocks(m, m->count + 1);
}

static void take_best(const struct kn_measure *m, uint32_t low, uint32_t high,
                      struct kn_result *ret)
{
    uint32_t best = UINT32_MAX;
    while (low < high) {
        int level = low == 0 ? 31 : __builtin_ctz(low);
        int fits = 31 - __builtin_clz(high - low);
        level = level < fits ? level : fits;
        best = better(m, best, block_best(m, level, low >> level));
        low += 1U << level;
    }
    if (best == UINT32_MAX || !has_best(m, best)) {
        return;
    }
    if (m->chain->cast == KN_CAST_STRING) {
        ret->kind = KN_RESULT_VALUES;
        ret->one = (struct kn_value){KN_VALUE_STRING, m->best[best].text};
        ret->values = (struct kn_values){&ret->one, 1};
    } else {
        ret->kind = KN_RESULT_NUMBER;
        ret->number = m->best[best].number;
    }
}

/* ---- by value ---- */

static uint64_t codes_from(const struct kn_measure *m, uint32_t row)
{
    return row == 0 ? 0 : m->code_ends[row - 1];
}

static void add_codes(struct kn_measure *m, struct kn_values values)
{
    uint64_t at = codes_from(m, m->count);
    m->stamp++;
    for (uint32_t i = 0; i < values.count; i++) {
        struct kn_distinct_entry *entry = kn_distinct_entry(&m->distinct, values.values[i]);
        if (m->distinct.failed) {
            kn_panic("no memory for a segment's state");
        }
        if (!entry || entry->last_row == m->stamp) {
            continue;
        }
        entry->last_row = m->stamp;
        if (at == m->code_room) {
            m->code_room = at > 0 ? 2 * at : FIRST_ROOM;
            m->codes = kn_must_realloc(m->codes, m->code_room * sizeof *m->codes);
        }
        m->codes[at++] = (uint32_t)(entry - m->distinct.entries);
    }
    m->code_ends[m->count] = at;
}

static void need_counts(struct kn_measure *m, uint32_t most)
{
    if (most >= m->with_room) {
        uint32_t room = most < FIRST_ROOM ? 2 * FIRST_ROOM : 2 * most;
        m->with_count = kn_must_realloc(m->with_count, room * sizeof *m->with_count);
        memset(m->with_count + m->with_room, 0, (room - m->with_room) * sizeof *m->with_count);
        m->with_room = room;
    }
}

static void count_up(struct kn_measure *m, uint32_t code)
{
    struct kn_distinct_entry *entry = &m->distinct.entries[code];
    need_counts(m, entry->rows + 1);
    m->present += entry->rows == 0;
    m->with_count[entry->rows] -= entry->rows > 0; /* [0] stays 0 */
    m->with_count[++entry->rows]++;
    m->most = entry->rows > m->most ? entry->rows : m->most;
    if (m->leader == UINT32_MAX || m->leader == code) {
        return;
    }
    const struct kn_distinct_entry *leader = &m->distinct.entries[m->leader];
    if (entry->rows > leader->rows ||
        (entry->rows == leader->rows && kn_value_order(&entry->value, &leader->value) < 0)) {
        m->leader = code;
    }
}

static void count_down(struct kn_measure *m, uint32_t code)
{
    struct kn_distinct_entry *entry = &m->distinct.entries[code];
    m->leader = m->leader == code ? UINT32_MAX : m->leader;
    m->with_count[entry->rows--]--;
    m->with_count[entry->rows] += entry->rows > 0;
    m->present -= entry->rows == 0;
    /* By one at most: this value has one row less, and no other has as many as it had. */
    m->most -= m->most > 0 && m->with_count[m->most] == 0;
}

static void step(struct kn_measure *m, uint32_t row,
                 void (*count)(struct kn_measure *m, uint32_t code))
{
    for (uint64_t i = codes_from(m, row); i < m->code_ends[row]; i++) {
        count(m, m->codes[i]);
    }
}

static void move_window(struct kn_measure *m, uint32_t low, uint32_t high)
{
    while (m->high < high) {
        step(m, m->high++, count_up);
    }
    while (m->low > low) {
        step(m, --m->low, count_up);
    }
    while (m->high > high) {
        step(m, --m->high, count_down);
    }
    while (m->low < low) {
        step(m, m->low++, count_down);
    }
}

static uint32_t find_leader(const struct kn_measure *m)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < m->distinct.count; i++) {
        const struct kn_distinct_entry *entry = &m->distinct.entries[i];
        if (entry->rows == m->most &&
            (best == UINT32_MAX ||
             kn_value_order(&entry->value, &m->distinct.entries[best].value) < 0)) {
            best = i;
        }
    }
    return best;
}

static void take_mode(struct kn_measure *m, struct kn_result *ret)
{
    if (m->present == 0 || m->most < m->chain->mode_min) {
        return;
    }
    if (m->leader == UINT32_MAX) {
        m->leader = find_leader(m);
    }
    ret->kind = KN_RESULT_VALUES;
    ret->one = m->distinct.entries[m->leader].value;
    ret->values = (struct kn_values){&ret->one, 1};
}

static void take_by_value(struct kn_measure *m, struct kn_evaluation *e, uint32_t low,
                          uint32_t high, struct kn_result *ret)
{
    move_window(m, low, high);
    switch (m->chain->reducer) {
    case KN_REDUCE_MODE: take_mode(m, ret); return;
    case KN_REDUCE_UNIQUE: kn_distinct_list(&m->distinct, e, ret); return;
    default:
        ret->kind = KN_RESULT_NUMBER;
        ret->number =
            kn_dec_int(m->chain->reducer == KN_REDUCE_UNIQUE_COUNT ? m->present : m->most);
    }
}

/* ---- doors ---- */

void kn_measure_add(struct kn_measure *m, struct kn_values values, int64_t day, int64_t day_before)
{
    if (m->count == m->room) {
        grow(m);
    }
    if (sums(m)) {
        add_sums(m, values);
    } else if (m->chain->reducer == KN_REDUCE_DAYS) {
        add_day(m, day, day_before);
    } else if (extremes(m)) {
        add_best(m, values);
    } else if (by_value(m)) {
        add_codes(m, values);
    }
    m->count++;
}

void kn_measure_cut(struct kn_measure *m, uint32_t count)
{
    if (by_value(m) && count < m->high) {
        move_window(m, m->low < count ? m->low : count, count);
    }
    m->count = count < m->count ? count : m->count;
}

void kn_measure_take(struct kn_measure *m, struct kn_evaluation *e, uint32_t low, uint32_t high,
                     struct kn_result *ret)
{
    *ret = (struct kn_result){.kind = KN_RESULT_ABSENT};
    if (sums(m)) {
        take_sums(m, low, high, ret);
    } else if (m->chain->reducer == KN_REDUCE_DAYS) {
        kn_assert(!m->days_return);
        ret->kind = KN_RESULT_NUMBER;
        ret->number = kn_dec_int(low < high ? m->days[high - 1] - m->days[low] + 1 : 0);
    } else if (extremes(m)) {
        take_best(m, low, high, ret);
    } else {
        take_by_value(m, e, low, high, ret);
    }
}

size_t kn_measure_bytes(const struct kn_measure *m)
{
    size_t bytes =
        m->texts.bytes + m->code_room * sizeof *m->codes + m->with_room * sizeof *m->with_count;
    for (int level = 0; level < 32; level++) {
        bytes += m->block_room[level] * sizeof *m->blocks[level];
    }
    size_t row = sums(m)                               ? sizeof *m->sums + sizeof *m->numbers
                 : m->chain->reducer == KN_REDUCE_DAYS ? sizeof *m->days
                 : extremes(m)                         ? sizeof *m->best
                 : by_value(m)                         ? sizeof *m->code_ends
                                                       : 0;
    return bytes + m->room * row;
}
