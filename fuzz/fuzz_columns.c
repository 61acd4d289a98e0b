/* Any bytes as a file of the behaviour store: refused, or everything in it can be read within
 * bounds. The checksums are made right, so that what they would catch is reached. */
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "behaviour/columns_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t get64(const char *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

static void put64(char *p, uint64_t value)
{
    memcpy(p, &value, sizeof value);
}

static void mend_sums(char *file, size_t size)
{
    char *footer = file + size - KN_COL_FOOTER;
    uint64_t offset = get64(footer + 8);
    uint64_t len = get64(footer + 16);
    if (offset <= size - KN_COL_FOOTER && len <= size - KN_COL_FOOTER - offset) {
        put64(footer + 24, kn_checksum64(kn_str(file + offset, len)));
    }
    put64(footer + 56, kn_checksum64(kn_str(footer, 56)));
}

static uint64_t read_column(const struct kn_table_part *p, const struct kn_column *c)
{
    uint64_t sum = 0;
    uint64_t entries = c->level == 0 ? p->rows : p->arrays[c->level - 1].elements;
    for (uint64_t i = 0; i < entries; i++) {
        struct kn_value v = kn_dictionary_value(&c->dictionary, kn_column_code(c, i));
        sum += v.kind + (v.text.len > 0 ? (unsigned char)v.text.p[v.text.len - 1] : 0);
    }
    return sum;
}

static uint64_t read_part(const struct kn_table_part *p)
{
    uint64_t sum = 0;
    for (uint64_t row = 0; row < p->rows; row++) {
        sum += (uint64_t)kn_part_time(p, row) + kn_part_arrival(p, row);
    }
    for (uint32_t i = 0; i < p->array_count; i++) {
        uint32_t parent = p->arrays[i].parent;
        uint64_t entries = parent == 0 ? p->rows : p->arrays[parent - 1].elements;
        kn_assert(parent <= i && p->arrays[i].offsets[entries] == p->arrays[i].elements);
    }
    for (uint32_t i = 0; i < p->column_count; i++) {
        kn_assert(kn_part_column(p, p->columns[i].path, p->columns[i].level) == &p->columns[i]);
        sum += read_column(p, &p->columns[i]);
    }
    return sum;
}

static bool go_on(void *context, uint32_t ordinal, const struct kn_walk_rows *tables)
{
    *(uint64_t *)context += ordinal + tables[0].count;
    return true;
}

static uint64_t read_all(struct kn_col_run *run)
{
    uint64_t sum = 0;
    struct kn_err err;
    struct kn_col_ordinals *ordinals = NULL;
    struct kn_col_view *view = NULL;
    if (kn_col_ordinals_update(&ordinals, &run, 1, &err) == KN_OK &&
        kn_col_view_new(ordinals, &run, 1, &view, &err) == KN_OK) {
        for (uint32_t i = 0; i < run->table_count; i++) {
            const struct kn_table_part *p = &run->tables[i].part;
            struct kn_walk_table table = {p->kind, p->name};
            sum += read_part(p);
            enum kn_rc rc =
                kn_pin_walk(&view->pin, &table, 1, 0, UINT32_MAX, NULL, go_on, &sum, &err);
            kn_assert(rc == KN_OK || rc == KN_E_NOMEM);
        }
    }
    kn_columns_unpin(view ? &view->pin : NULL);
    kn_col_ordinals_unref(ordinals);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kn_err err = {0};
    struct kn_col_run *run = kn_col_run_new();
    char *file = kn_alloc_aligned(KN_COL_ALIGN, size + 1);
    if (!run || !file) {
        abort();
    }
    memcpy(file, data, size);
    if (size >= KN_COL_FOOTER) {
        mend_sums(file, size);
    }
    run->map = file;
    run->bytes = size;
    run->first = run->last = 1;
    enum kn_rc rc = kn_col_run_read(run, &err);
    for (uint32_t i = 0; i < run->region_count && rc == KN_OK; i++) {
        struct kn_col_stored *r = &run->regions[i];
        r->checksum = kn_checksum64(kn_str(file + r->offset, r->bytes));
    }
    if (rc == KN_OK && kn_col_run_verify(run, &err) == KN_OK && run->ordinal_end < 1U << 24) {
        volatile uint64_t sum = read_all(run);
        (void)sum;
    }
    kn_assert(rc == KN_OK || err.code == KN_E_CORRUPT || err.code == KN_E_VERSION ||
              err.code == KN_E_NOMEM);
    kn_col_run_unref(run);
    kn_free(file);
    return 0;
}
