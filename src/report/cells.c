/* Counts by key. */
#include "base/assert.h"
#include "base/mem.h"
#include "report/values.h"

static uint64_t mix(uint64_t key)
{
    key *= UINT64_C(0x9e3779b97f4a7c15);
    return key ^ (key >> 29);
}

void kn_cells_free(struct kn_cells *cells)
{
    kn_free(cells->cells);
    kn_free(cells->used);
    *cells = (struct kn_cells){0};
}

static uint32_t find(const struct kn_cells *c, uint64_t key)
{
    uint32_t at = (uint32_t)mix(key) & c->mask;
    while (c->used[at] && c->cells[at].key != key) {
        at = (at + 1) & c->mask;
    }
    return at;
}

static enum kn_rc widen(struct kn_cells *c, struct kn_err *err)
{
    uint32_t room = c->cells ? (c->mask + 1) * 2 : 256;
    if (c->count >= KN_CELLS_MAX) {
        return kn_fail(err, KN_E_LIMIT, "more than %d numbers: choose fewer groups or points",
                       KN_CELLS_MAX);
    }
    struct kn_cells wide = {.mask = room - 1, .count = c->count};
    wide.cells = kn_alloc(room * sizeof *wide.cells);
    wide.used = kn_calloc(room, 1);
    if (!wide.cells || !wide.used) {
        kn_cells_free(&wide);
        return kn_fail(err, KN_E_NOMEM, "no memory for counts");
    }
    for (uint32_t i = 0; c->cells && i <= c->mask; i++) {
        if (c->used[i]) {
            uint32_t at = find(&wide, c->cells[i].key);
            wide.cells[at] = c->cells[i];
            wide.used[at] = 1;
        }
    }
    kn_cells_free(c);
    *c = wide;
    return KN_OK;
}

struct kn_cell *kn_cells_at(struct kn_cells *cells, uint64_t key, struct kn_err *err)
{
    uint32_t at = cells->cells ? find(cells, key) : 0;
    if (cells->cells && cells->used[at]) {
        return &cells->cells[at];
    }
    if (!cells->cells || (uint64_t)cells->count * 2 > cells->mask) {
        if (widen(cells, err) != KN_OK) {
            return NULL;
        }
        kn_assert(cells->cells);
        at = find(cells, key);
    }
    cells->used[at] = 1;
    cells->count++;
    cells->cells[at] = (struct kn_cell){.key = key};
    return &cells->cells[at];
}

const struct kn_cell *kn_cells_find(const struct kn_cells *cells, uint64_t key)
{
    uint32_t at = cells->cells ? find(cells, key) : 0;
    return cells->cells && cells->used[at] ? &cells->cells[at] : NULL;
}

static void add_wide(struct kn_wide *to, const struct kn_wide *from)
{
    uint64_t carry = 0;
    for (int i = 0; i < 3; i++) {
        uint64_t a = to->w[i] + carry;
        carry = a < carry;
        to->w[i] = a + from->w[i];
        carry += to->w[i] < a;
    }
}

void kn_cell_add(struct kn_cell *to, const struct kn_cell *from)
{
    to->count += from->count;
    add_wide(&to->sum, &from->sum);
}

enum kn_rc kn_cells_merge(struct kn_cells *into, const struct kn_cells *from, struct kn_err *err)
{
    for (uint32_t i = 0; from->cells && i <= from->mask; i++) {
        if (!from->used[i]) {
            continue;
        }
        struct kn_cell *c = kn_cells_at(into, from->cells[i].key, err);
        if (!c) {
            return err->code;
        }
        kn_cell_add(c, &from->cells[i]);
    }
    return KN_OK;
}
