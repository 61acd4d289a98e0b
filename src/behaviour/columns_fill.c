/* The stages of a join that fill regions, a chunk at a time. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "behaviour/columns_join.h"

/* ---- lists and groups: from vectors ---- */

/* The ordinals that inputs void in older runs, each once. */
static uint32_t *void_list(struct kn_col_join *j, uint32_t *ret_count)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < j->input_count && j->keeps_voids; i++) {
        most += j->inputs[i]->void_counts[j->item];
    }
    uint32_t *list = kn_arena_alloc(&j->run->arena, (most + 1) * sizeof *list);
    uint32_t count = 0;
    uint32_t *at = j->groups; /* not in use yet: cursors */
    memset(at, 0, j->input_count * sizeof *at);
    while (list && most > 0) {
        uint64_t least = UINT64_MAX;
        for (uint32_t i = 0; i < j->input_count; i++) {
            const struct kn_col_run *run = j->inputs[i];
            if (at[i] < run->void_counts[j->item] && run->voids[j->item][at[i]] < least) {
                least = run->voids[j->item][at[i]];
            }
        }
        if (least == UINT64_MAX) {
            break;
        }
        for (uint32_t i = 0; i < j->input_count; i++) {
            const struct kn_col_run *run = j->inputs[i];
            at[i] += at[i] < run->void_counts[j->item] && run->voids[j->item][at[i]] == least;
        }
        list[count++] = (uint32_t)least;
    }
    *ret_count = count;
    return list;
}

static enum kn_rc put_all(struct kn_col_join *j, const void *from, size_t bytes, void *ret,
                          struct kn_err *err)
{
    KN_TRY(kn_col_sink_begin(&j->sink, bytes, err));
    for (size_t at = 0; at < bytes;) {
        size_t n = bytes - at < KN_COL_CHUNK ? bytes - at : KN_COL_CHUNK;
        void *to;
        KN_TRY(kn_col_sink_room(&j->sink, n, &to, err));
        memcpy(to, (const char *)from + at, n);
        at += n;
    }
    j->budget -= (int64_t)bytes;
    return kn_col_sink_end(&j->sink, ret, err);
}

static enum kn_rc fill_voids(struct kn_col_join *j, struct kn_err *err)
{
    uint32_t count;
    uint32_t *list = void_list(j, &count);
    if (!list) {
        return kn_col_no_memory(err);
    }
    j->run->void_counts[j->item] = count;
    return put_all(j, list, count * sizeof *list, &j->run->voids[j->item], err);
}

static enum kn_rc fill_counts(struct kn_col_join *j, struct kn_err *err)
{
    KN_TRY(kn_col_sink_begin(&j->sink, j->group_count, err));
    for (uint32_t i = 0; i < j->group_count;) {
        uint32_t n = j->group_count - i < KN_COL_CHUNK ? j->group_count - i : KN_COL_CHUNK;
        uint8_t *to;
        KN_TRY(kn_col_sink_room(&j->sink, n, &to, err));
        for (uint32_t k = 0; k < n; k++, i++) {
            to[k] = (uint8_t)(j->rows_out[i] < 255 ? j->rows_out[i] : 255);
        }
    }
    j->budget -= j->group_count;
    return kn_col_sink_end(&j->sink, &j->to->part.counts, err);
}

static enum kn_rc fill_blocks(struct kn_col_join *j, struct kn_err *err)
{
    uint32_t blocks = j->group_count / 256 + 1;
    uint32_t *list = kn_alloc(blocks * sizeof *list);
    uint64_t row = 0;
    if (!list) {
        return kn_col_no_memory(err);
    }
    for (uint32_t i = 0; i < j->group_count; i++) {
        if (i % 256 == 0) {
            list[i / 256] = (uint32_t)row;
        }
        row += j->rows_out[i];
    }
    if (j->group_count % 256 == 0) {
        list[j->group_count / 256] = (uint32_t)row;
    }
    enum kn_rc rc = put_all(j, list, blocks * sizeof *list, &j->to->part.block_rows, err);
    kn_free(list);
    return rc;
}

static enum kn_rc fill_large(struct kn_col_join *j, struct kn_err *err)
{
    struct kn_large_group *list = kn_alloc((j->to->part.large_count + 1U) * sizeof *list);
    uint32_t n = 0;
    if (!list) {
        return kn_col_no_memory(err);
    }
    for (uint32_t i = 0; i < j->group_count; i++) {
        if (j->rows_out[i] >= 255) {
            list[n++] = (struct kn_large_group){i, j->rows_out[i]};
        }
    }
    enum kn_rc rc = put_all(j, list, n * sizeof *list, &j->to->part.large, err);
    kn_free(list);
    return rc;
}

/* ---- along a plan ---- */

/* Writes what entries of one input become; `width` bytes each. */
typedef void (*copy_fn)(struct kn_col_join *j, struct kn_col_stretch s, void *to);

static void copy_hi(struct kn_col_join *j, struct kn_col_stretch s, void *to)
{
    const struct kn_table_part *in = &j->tables[s.input]->part;
    const struct kn_table_part *p = &j->to->part;
    for (uint32_t i = 0; i < s.count; i++) {
        uint64_t since = (uint64_t)kn_part_time(in, s.row + i) - (uint64_t)p->base_us;
        ((uint32_t *)to)[i] = (uint32_t)(since >> p->shift);
    }
}

static void copy_lo(struct kn_col_join *j, struct kn_col_stretch s, void *to)
{
    const struct kn_table_part *in = &j->tables[s.input]->part;
    const struct kn_table_part *p = &j->to->part;
    for (uint32_t i = 0; i < s.count; i++) {
        uint64_t since = (uint64_t)kn_part_time(in, s.row + i) - (uint64_t)p->base_us;
        if (p->low_width == 2) {
            ((uint16_t *)to)[i] = (uint16_t)since;
        } else {
            ((uint32_t *)to)[i] = (uint32_t)since;
        }
    }
}

static void copy_arrivals(struct kn_col_join *j, struct kn_col_stretch s, void *to)
{
    const struct kn_table_part *in = &j->tables[s.input]->part;
    const struct kn_table_part *p = &j->to->part;
    uint8_t *at = to;
    if (in->arrival_width == p->arrival_width && in->arrival_base == p->arrival_base) {
        memcpy(at, in->arrivals + (size_t)s.row * p->arrival_width,
               (size_t)s.count * p->arrival_width);
        return;
    }
    for (uint32_t i = 0; i < s.count; i++, at += p->arrival_width) {
        uint64_t since = kn_part_arrival(in, s.row + i) - p->arrival_base;
        memcpy(at, &since, p->arrival_width);
    }
}

static void copy_offsets(struct kn_col_join *j, struct kn_col_stretch s, void *to)
{
    const struct kn_col_join_array *a = &j->arrays[j->item];
    uint32_t *at = to;
    if (a->in[s.input] == KN_COL_NONE) {
        for (uint32_t i = 0; i < s.count; i++) {
            at[i] = (uint32_t)j->total;
        }
        return;
    }
    const uint32_t *offsets = j->tables[s.input]->part.arrays[a->in[s.input]].offsets + s.row;
    uint32_t shift = (uint32_t)j->total - offsets[0];
    for (uint32_t i = 0; i < s.count; i++) {
        at[i] = offsets[i] + shift;
    }
    j->total += offsets[s.count] - offsets[0];
}

static uint8_t width_out(const struct kn_col_join *j)
{
    return kn_col_code_width(j->entry_count);
}

/* Codes of one width to those of another. */
#define COPY_CODES(in_type, out_type)                                                              \
    for (uint32_t i = 0; i < s.count; i++) {                                                       \
        ((out_type *)to)[i] = (out_type)map[((const in_type *)in->codes)[s.row + i]];              \
    }

static void copy_codes(struct kn_col_join *j, struct kn_col_stretch s, void *to)
{
    const struct kn_col_join_column *c = &j->columns[j->item];
    uint8_t width = width_out(j);
    if (c->in[s.input] == KN_COL_NONE) {
        memset(to, 0, (size_t)s.count * width);
        return;
    }
    const struct kn_column *in = &j->tables[s.input]->part.columns[c->in[s.input]];
    const uint32_t *map = j->maps[s.input];
    switch (in->width * 4 + width) {
    case 5: COPY_CODES(uint8_t, uint8_t) break;
    case 6: COPY_CODES(uint8_t, uint16_t) break;
    case 8: COPY_CODES(uint8_t, uint32_t) break;
    case 9: COPY_CODES(uint16_t, uint8_t) break;
    case 10: COPY_CODES(uint16_t, uint16_t) break;
    case 12: COPY_CODES(uint16_t, uint32_t) break;
    case 17: COPY_CODES(uint32_t, uint8_t) break;
    case 18: COPY_CODES(uint32_t, uint16_t) break;
    default: COPY_CODES(uint32_t, uint32_t)
    }
}

/* The next `n` entries of the plan, which has as many. */
static void copy_chunk(struct kn_col_join *j, const struct kn_col_plan *plan, size_t width,
                       uint32_t n, copy_fn copy, char *to)
{
    while (n > 0) {
        struct kn_col_stretch s = kn_col_stretch(plan->stretches[j->stretch]);
        s.row += j->in_stretch;
        s.count -= j->in_stretch;
        if (s.count > n) {
            s.count = n;
            j->in_stretch += n;
        } else {
            j->stretch++;
            j->in_stretch = 0;
        }
        copy(j, s, to);
        to += s.count * width;
        n -= s.count;
    }
}

/* `extra`: entries more than the plan has, filled at the end with the total. */
static enum kn_rc fill_along(struct kn_col_join *j, const struct kn_col_plan *plan, size_t width,
                             uint32_t extra, copy_fn copy, void *ret, bool *done,
                             struct kn_err *err)
{
    uint32_t *last;
    if (!j->open) {
        KN_TRY(kn_col_sink_begin(&j->sink, (plan->entries + extra) * width, err));
        j->open = true;
    }
    while (j->budget > 0 && j->at < plan->entries) {
        uint64_t left = plan->entries - j->at;
        uint32_t n = left < KN_COL_CHUNK ? (uint32_t)left : KN_COL_CHUNK;
        char *to;
        KN_TRY(kn_col_sink_room(&j->sink, n * width, &to, err));
        copy_chunk(j, plan, width, n, copy, to);
        j->at += n;
        j->budget -= (int64_t)(n * width) + 8;
    }
    if (j->at < plan->entries) {
        return KN_OK;
    }
    if (extra > 0) {
        KN_TRY(kn_col_sink_room(&j->sink, width, &last, err));
        *last = (uint32_t)j->total;
    }
    j->open = false;
    *done = true;
    return kn_col_sink_end(&j->sink, ret, err);
}

/* ---- dictionaries ---- */

static const struct kn_dictionary *dictionary_in(const struct kn_col_join *j, uint32_t input)
{
    return &j->tables[input]->part.columns[j->columns[j->item].in[input]].dictionary;
}

static struct kn_value entry_value(const struct kn_col_join *j, uint64_t entry)
{
    const struct kn_col_entry *e = &j->entries[entry];
    return kn_dictionary_value(dictionary_in(j, e->input), e->code);
}

static enum kn_rc fill_kinds(struct kn_col_join *j, struct kn_dictionary *d, bool *done,
                             struct kn_err *err)
{
    KN_TRY(kn_col_sink_begin(&j->sink, j->entry_count, err));
    for (uint32_t i = 0; i < j->entry_count;) {
        uint32_t n = j->entry_count - i < KN_COL_CHUNK ? j->entry_count - i : KN_COL_CHUNK;
        uint8_t *to;
        KN_TRY(kn_col_sink_room(&j->sink, n, &to, err));
        for (uint32_t k = 0; k < n; k++, i++) {
            to[k] = (uint8_t)(i == 0 ? KN_VALUE_ABSENT : entry_value(j, i).kind);
        }
    }
    *done = true;
    j->budget -= j->entry_count;
    return kn_col_sink_end(&j->sink, &d->kinds, err);
}

static enum kn_rc fill_ends(struct kn_col_join *j, struct kn_dictionary *d, bool *done,
                            struct kn_err *err)
{
    uint64_t most = j->entry_count + UINT64_C(1);
    uint32_t total = 0;
    KN_TRY(kn_col_sink_begin(&j->sink, most * sizeof total, err));
    for (uint64_t i = 0; i < most;) {
        uint64_t n = most - i < KN_COL_CHUNK ? most - i : KN_COL_CHUNK;
        uint32_t *to;
        KN_TRY(kn_col_sink_room(&j->sink, n * sizeof *to, &to, err));
        for (uint64_t k = 0; k < n; k++, i++) {
            to[k] = total;
            if (i > 0 && i < j->entry_count) {
                total += (uint32_t)entry_value(j, i).text.len;
            }
        }
    }
    *done = true;
    j->budget -= (int64_t)(most * sizeof total);
    return kn_col_sink_end(&j->sink, &d->offsets, err);
}

static enum kn_rc put_text(struct kn_col_join *j, struct kn_str text, struct kn_err *err)
{
    for (size_t at = 0; at < text.len;) {
        size_t n = text.len - at < KN_COL_CHUNK ? text.len - at : KN_COL_CHUNK;
        void *to;
        KN_TRY(kn_col_sink_room(&j->sink, n, &to, err));
        memcpy(to, text.p + at, n);
        at += n;
    }
    return KN_OK;
}

static enum kn_rc fill_texts(struct kn_col_join *j, struct kn_dictionary *d, bool *done,
                             struct kn_err *err)
{
    if (!j->open) {
        KN_TRY(kn_col_sink_begin(&j->sink, j->text_bytes, err));
        j->open = true;
        j->at = 1;
    }
    for (; j->at < j->entry_count && j->budget > 0; j->at++) {
        struct kn_str text = entry_value(j, j->at).text;
        KN_TRY(put_text(j, text, err));
        j->budget -= (int64_t)text.len + 8;
    }
    if (j->at >= j->entry_count) {
        j->open = false;
        *done = true;
        return kn_col_sink_end(&j->sink, &d->bytes, err);
    }
    return KN_OK;
}

/* ---- which region ---- */

enum kn_rc kn_col_join_fill(struct kn_col_join *j, bool *done, struct kn_err *err)
{
    struct kn_table_part *p = j->to ? &j->to->part : NULL;
    struct kn_column *column = NULL;
    if (j->stage == KN_COL_S_VOIDS) {
        *done = true;
        return fill_voids(j, err);
    }
    kn_assert(p);
    if (j->stage >= KN_COL_S_CODES) {
        column = (struct kn_column *)(uintptr_t)&p->columns[p->column_count - 1];
    }
    switch (j->stage) {
    case KN_COL_S_ORDINALS:
        *done = true;
        return put_all(j, j->ordinals_out, j->group_count * sizeof *p->ordinals, &p->ordinals, err);
    case KN_COL_S_COUNTS: *done = true; return fill_counts(j, err);
    case KN_COL_S_BLOCKS: *done = true; return fill_blocks(j, err);
    case KN_COL_S_LARGE: *done = true; return fill_large(j, err);
    case KN_COL_S_HI: return fill_along(j, &j->plan, sizeof *p->hi, 0, copy_hi, &p->hi, done, err);
    case KN_COL_S_LO: return fill_along(j, &j->plan, p->low_width, 0, copy_lo, &p->lo, done, err);
    case KN_COL_S_ARRIVALS:
        return fill_along(j, &j->plan, p->arrival_width, 0, copy_arrivals, &p->arrivals, done, err);
    case KN_COL_S_OFFSETS: {
        const struct kn_col_join_array *a = &j->arrays[j->item];
        struct kn_column_array *to = (struct kn_column_array *)(uintptr_t)&p->arrays[a->level - 1];
        return fill_along(j, kn_col_join_plan_of(j, a->parent), sizeof *to->offsets, 1,
                          copy_offsets, &to->offsets, done, err);
    }
    case KN_COL_S_CODES:
        column->width = width_out(j);
        column->dictionary.count = j->entry_count;
        return fill_along(j, kn_col_join_plan_of(j, j->columns[j->item].level), column->width, 0,
                          copy_codes, &column->codes, done, err);
    case KN_COL_S_KINDS: return fill_kinds(j, &column->dictionary, done, err);
    case KN_COL_S_ENDS: return fill_ends(j, &column->dictionary, done, err);
    case KN_COL_S_TEXTS: return fill_texts(j, &column->dictionary, done, err);
    default: break;
    }
    kn_panic("a join has no stage %d", (int)j->stage);
}
