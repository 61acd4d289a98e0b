/* The rows of a chunk, block by block, with those that match. */
#include "segment/bulk_internal.h"

static void and_words(uint64_t *to, const uint64_t *other, size_t words, bool without)
{
    for (size_t i = 0; i < words; i++) {
        to[i] &= without ? ~other[i] : other[i];
    }
}

/* Rows inside the window. */
static uint64_t *window_mask(struct kn_bulk_lane *lane, const struct kn_bulk_block *b)
{
    const struct kn_table_part *part = b->part;
    uint64_t *mask = kn_bulk_bits(lane, b->rows), *edge = kn_bulk_bits(lane, b->rows);
    if (!mask || !edge ||
        !lane->lanes->span(part->hi + b->row, b->rows, &b->how->span, mask, edge)) {
        return lane->full ? NULL : mask;
    }
    for (uint64_t at = kn_bulk_next_bit(edge, 0, b->rows); at < b->rows;
         at = kn_bulk_next_bit(edge, at + 1, b->rows)) {
        int64_t us = kn_part_time(part, b->row + at);
        if (us >= b->cond->from_us && us < b->cond->to_us) {
            kn_bits_set(mask, at);
        } else {
            mask[at >> 6] &= ~(UINT64_C(1) << (at & 63));
        }
    }
    return mask;
}

/* Sets block->mask. False: no row matches, or no memory. */
static bool match_rows(struct kn_bulk_lane *lane, struct kn_bulk_block *b)
{
    const struct kn_bulk_where *wheres[2] = {b->how->where, b->how->excluded};
    size_t words = kn_bits_words(b->rows);
    b->mask = b->how->whole ? NULL : window_mask(lane, b);
    for (int i = 0; i < 2 && !lane->full; i++) {
        if (!wheres[i] || (b->mask && kn_bits_none(b->mask, words))) {
            continue;
        }
        uint64_t *bits = kn_bulk_bits(lane, b->rows);
        if (!bits || !kn_bulk_mask(lane, b->part, wheres[i], b->row, b->rows, bits)) {
            return false;
        }
        if (b->mask) {
            and_words(b->mask, bits, words, i == 1);
        } else if (i == 0) {
            b->mask = bits;
        } else {
            b->mask = kn_bulk_bits(lane, b->rows);
            for (uint64_t at = 0; b->mask && at < b->rows; at += 64) {
                b->mask[at / 64] = ~bits[at / 64] & kn_bits_low(b->rows - at);
            }
        }
    }
    return !lane->full && (!b->mask || !kn_bits_none(b->mask, words));
}

/* Is any of the ordinals [first, last] of the chunk a candidate? */
static bool any_candidate(const struct kn_bulk_chunk *chunk, const uint64_t *candidates,
                          uint32_t first, uint32_t last)
{
    uint64_t end = (uint64_t)last - chunk->first + 1;
    return kn_bulk_next_bit(candidates, first - chunk->first, end) < end;
}

typedef void (*block_fn)(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *block, void *arg);

static void do_block(struct kn_bulk_chunk *chunk, struct kn_bulk_block *b, block_fn each, void *arg)
{
    kn_arena_clear(&chunk->lane.scratch);
    if (match_rows(&chunk->lane, b)) {
        each(chunk, b, arg);
    }
    if (chunk->lane.full) {
        chunk->rc = KN_E_NOMEM;
    }
}

static void each_part_block(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                            uint32_t p, const uint64_t *candidates, block_fn each, void *arg)
{
    const struct kn_table_part *part = cond->table->parts[p];
    struct kn_bulk_block b = {
        .cond = cond, .part = part, .how = &cond->parts[p], .candidates = candidates, .stray = -1};
    uint32_t end = kn_part_find(part, chunk->end);
    uint32_t g = kn_part_find(part, chunk->first);
    uint64_t row = kn_part_group_row(part, g);
    while (g < end && chunk->rc == KN_OK) {
        uint32_t stop = (g / KN_BULK_BLOCK + 1) * KN_BULK_BLOCK;
        stop = stop < end ? stop : end;
        b.group = g;
        b.groups = stop - g;
        b.row = row;
        row = kn_part_group_row(part, stop);
        b.rows = row - b.row;
        if (any_candidate(chunk, candidates, part->ordinals[g], part->ordinals[stop - 1])) {
            do_block(chunk, &b, each, arg);
        }
        g = stop;
    }
}

static void each_stray(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                       const uint64_t *candidates, block_fn each, void *arg)
{
    const struct kn_bulk_table *table = cond->table;
    uint32_t at = chunk->index > 0 ? table->stray_ends[chunk->index - 1] : 0;
    for (; at < table->stray_ends[chunk->index] && chunk->rc == KN_OK; at++) {
        const struct kn_bulk_stray *s = &table->strays[at];
        const struct kn_table_part *part = table->parts[s->part];
        struct kn_bulk_block b = {.cond = cond,
                                  .part = part,
                                  .how = &cond->parts[s->part],
                                  .candidates = candidates,
                                  .group = s->group,
                                  .groups = 1,
                                  .stray = s->canonical};
        if (!b.how->never && kn_bit(candidates, s->canonical - chunk->first)) {
            b.row = kn_part_group_row(part, s->group);
            b.rows = kn_part_group_rows(part, s->group);
            do_block(chunk, &b, each, arg);
        }
    }
}

void kn_bulk_each_block(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                        const uint64_t *candidates, block_fn each, void *arg)
{
    for (uint32_t p = 0; p < cond->table->part_count; p++) {
        if (!cond->parts[p].never) {
            each_part_block(chunk, cond, p, candidates, each, arg);
        }
    }
    if (cond->table->stray_ends) {
        each_stray(chunk, cond, candidates, each, arg);
    }
}
