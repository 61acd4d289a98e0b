/* Which rows, or elements of arrays, match a where(): bits. */
#include "base/assert.h"
#include "segment/bulk_internal.h"

uint64_t *kn_bulk_bits(struct kn_bulk_lane *lane, uint64_t bits)
{
    uint64_t *words = kn_arena_zero(&lane->scratch, kn_bits_words(bits) + 1, sizeof *words);
    lane->full |= !words;
    return words;
}

/* Codes by their table: few rows are looked up one by one. */
static uint64_t table_word(const struct kn_bulk_hits *hits, uint64_t first, uint32_t count)
{
    const struct kn_column *c = hits->column;
    const uint8_t *table = hits->table;
    uint64_t word = 0;
    if (c->width == 1) {
        const uint8_t *codes = (const uint8_t *)c->codes + first;
        for (uint32_t i = 0; i < count; i++) {
            word |= (uint64_t)table[codes[i]] << i;
        }
    } else if (c->width == 2) {
        const uint16_t *codes = (const uint16_t *)c->codes + first;
        for (uint32_t i = 0; i < count; i++) {
            word |= (uint64_t)table[codes[i]] << i;
        }
    } else {
        const uint32_t *codes = (const uint32_t *)c->codes + first;
        for (uint32_t i = 0; i < count; i++) {
            word |= (uint64_t)table[codes[i]] << i;
        }
    }
    return word;
}

static void few_mask(const struct kn_lanes *lanes, const struct kn_bulk_hits *hits, uint64_t first,
                     uint64_t count, uint64_t *out)
{
    const struct kn_column *c = hits->column;
    if (c->width == 2) {
        lanes->few16((const uint16_t *)c->codes + first, count, hits->few, hits->few_count, out);
    } else {
        lanes->few32((const uint32_t *)c->codes + first, count, hits->few, hits->few_count, out);
    }
    if (hits->inverted) {
        for (uint64_t at = 0; at < count; at += 64) {
            out[at / 64] = ~out[at / 64] & kn_bits_low(count - at);
        }
    }
}

/* Entries [first, first + count) of the column. */
static void hits_mask(const struct kn_lanes *lanes, const struct kn_bulk_hits *hits, uint64_t first,
                      uint64_t count, uint64_t *out)
{
    switch (hits->how) {
    case KN_HITS_SET8:
        lanes->set8((const uint8_t *)hits->column->codes + first, count, &hits->set, out);
        return;
    case KN_HITS_FEW: few_mask(lanes, hits, first, count, out); return;
    case KN_HITS_TABLE:
        for (uint64_t at = 0; at < count; at += 64) {
            out[at / 64] =
                table_word(hits, first + at, count - at < 64 ? (uint32_t)(count - at) : 64);
        }
        return;
    default:
        for (uint64_t at = 0; at < count; at += 64) {
            out[at / 64] = hits->how == KN_HITS_ALL ? kn_bits_low(count - at) : 0;
        }
    }
}

/* Bit i of out: any bit of the elements of entry first + i. */
static void any_element(const struct kn_lanes *lanes, const uint32_t *offsets, uint64_t first,
                        uint64_t count, const uint64_t *elements, uint64_t *out)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t from = offsets[first + i] - offsets[first];
        uint64_t size = offsets[first + i + 1] - offsets[first + i];
        if (size > 0 && lanes->count(elements, from, size) > 0) {
            kn_bits_set(out, i);
        }
    }
}

/* What is asked of the entries at the bottom: hits of a column, or a where(). */
struct bottom {
    const struct kn_bulk_hits *hits;
    const struct kn_bulk_where *where;
    uint32_t level;
};

static bool bottom_mask(struct kn_bulk_lane *lane, const struct kn_table_part *part,
                        const struct bottom *bottom, uint64_t first, uint64_t count, uint64_t *out)
{
    if (bottom->where) {
        return kn_bulk_mask(lane, part, bottom->where, first, count, out);
    }
    hits_mask(lane->lanes, bottom->hits, first, count, out);
    return true;
}

/* Does any entry of the bottom below each entry of the level hit? out is zeroed. */
static bool fold_up(struct kn_bulk_lane *lane, const struct kn_table_part *part,
                    const struct bottom *bottom, uint32_t level, uint64_t first, uint64_t count,
                    uint64_t *out)
{
    const uint32_t *way[KN_COLUMNS_DEPTH_MAX + 1]; /* offsets, innermost array first */
    uint64_t firsts[KN_COLUMNS_DEPTH_MAX + 2], counts[KN_COLUMNS_DEPTH_MAX + 2];
    uint32_t depth = 0;
    for (uint32_t at = bottom->level; at != level; at = part->arrays[at - 1].parent) {
        kn_assert(at > 0 && depth <= KN_COLUMNS_DEPTH_MAX);
        way[depth++] = part->arrays[at - 1].offsets;
    }
    firsts[depth] = first;
    counts[depth] = count;
    for (uint32_t i = depth; i > 0; i--) {
        firsts[i - 1] = way[i - 1][firsts[i]];
        counts[i - 1] = way[i - 1][firsts[i] + counts[i]] - firsts[i - 1];
    }
    uint64_t *bits = depth == 0 ? out : kn_bulk_bits(lane, counts[0]);
    if (!bits || !bottom_mask(lane, part, bottom, firsts[0], counts[0], bits)) {
        return false;
    }
    for (uint32_t i = 0; i < depth; i++) {
        uint64_t *above = i + 1 == depth ? out : kn_bulk_bits(lane, counts[i + 1]);
        if (!above) {
            return false;
        }
        any_element(lane->lanes, way[i], firsts[i + 1], counts[i + 1], bits, above);
        bits = above;
    }
    return true;
}

static bool any_hits(struct kn_bulk_lane *lane, const struct kn_table_part *part,
                     const struct kn_bulk_hits *hits, uint32_t hit_count, uint32_t level,
                     uint64_t first, uint64_t count, uint64_t *out)
{
    for (uint32_t i = 0; i < hit_count; i++) {
        struct bottom bottom = {&hits[i], NULL, hits[i].column->level};
        uint64_t *more = i == 0 ? out : kn_bulk_bits(lane, count);
        if (!more || !fold_up(lane, part, &bottom, level, first, count, more)) {
            return false;
        }
        for (size_t w = 0; i > 0 && w < kn_bits_words(count); w++) {
            out[w] |= more[w];
        }
    }
    return true;
}

static void invert(uint64_t *bits, uint64_t count)
{
    for (uint64_t at = 0; at < count; at += 64) {
        bits[at / 64] = ~bits[at / 64] & kn_bits_low(count - at);
    }
}

static bool leaf_mask(struct kn_bulk_lane *lane, const struct kn_table_part *part,
                      const struct kn_bulk_where *where, uint64_t first, uint64_t count,
                      uint64_t *out)
{
    if (where->leaf == KN_LEAF_DIRECT) {
        hits_mask(lane->lanes, where->hits, first, count, out);
        return true;
    }
    if (where->leaf == KN_LEAF_POSITIVE) {
        return any_hits(lane, part, where->hits, where->hit_count, where->level, first, count, out);
    }
    if (!any_hits(lane, part, where->values, where->hit_count, where->level, first, count, out)) {
        return false;
    }
    if (where->leaf == KN_LEAF_ABSENT) {
        invert(out, count);
        return true;
    }
    uint64_t *hit = kn_bulk_bits(lane, count);
    if (!hit ||
        !any_hits(lane, part, where->hits, where->hit_count, where->level, first, count, hit)) {
        return false;
    }
    for (size_t w = 0; w < kn_bits_words(count); w++) {
        out[w] &= ~hit[w];
    }
    return true;
}

/* Kids of any() are at the levels of their arrays, the others at the where()'s own. */
static bool kid_mask(struct kn_bulk_lane *lane, const struct kn_table_part *part,
                     const struct kn_bulk_where *kid, uint32_t level, uint64_t first,
                     uint64_t count, uint64_t *out)
{
    struct bottom bottom = {NULL, kid, kid->level};
    return fold_up(lane, part, &bottom, level, first, count, out);
}

/* out is zeroed and becomes the answer. */
bool kn_bulk_mask(struct kn_bulk_lane *lane, const struct kn_table_part *part,
                  const struct kn_bulk_where *where, uint64_t first, uint64_t count, uint64_t *out)
{
    size_t words = kn_bits_words(count);
    if (count == 0) {
        return true;
    }
    if (where->kind == KN_WHERE_LEAF) {
        return leaf_mask(lane, part, where, first, count, out);
    }
    for (uint32_t i = 0; i < where->kid_count; i++) {
        uint64_t *bits = i == 0 ? out : kn_bulk_bits(lane, count);
        if (!bits || !kid_mask(lane, part, where->kids[i], where->level, first, count, bits)) {
            return false;
        }
        for (size_t w = 0; i > 0 && w < words; w++) {
            out[w] = where->kind == KN_WHERE_AND ? out[w] & bits[w] : out[w] | bits[w];
        }
    }
    if (where->kind == KN_WHERE_NOT) {
        invert(out, count);
    }
    return true;
}
