/* Any bytes as CSV: what its cells are, written out again with all of them quoted, reads as the
 * same cells; lines only rise, and cells hold no more than the text does. */
#include <stdint.h>

#include "base/assert.h"
#include "base/buf.h"
#include "format/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 4096 };

static void put_quoted(struct kn_buf *out, struct kn_str cell)
{
    kn_buf_char(out, '"');
    for (size_t i = 0; i < cell.len; i++) {
        kn_buf_c(out, cell.p[i] == '"' ? "\"" : "");
        kn_buf_char(out, cell.p[i]);
    }
    kn_buf_char(out, '"');
}

static void put_row(struct kn_buf *out, const struct kn_str *cells, size_t count, char separator)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            kn_buf_char(out, separator);
        }
        put_quoted(out, cells[i]);
    }
    kn_buf_c(out, "\r\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kn_str cells[BYTES_MAX + 1];
    static struct kn_str again[BYTES_MAX + 1];
    struct kn_arena arena;
    struct kn_buf out;
    size_t count;
    size_t count_again;
    uint64_t line;
    uint64_t last = 0;
    size_t bytes = 0;
    kn_arena_init(&arena, SIZE_MAX);
    kn_buf_init(&out, SIZE_MAX);
    struct kn_csv csv = kn_csv_begin(kn_str(data, size < BYTES_MAX ? size : BYTES_MAX));
    char separator = csv.separator;
    while (kn_csv_row(&csv, &arena, cells, BYTES_MAX + 1, &count, &line)) {
        kn_assert(count >= 1 && count <= BYTES_MAX && line > last);
        last = line;
        for (size_t i = 0; i < count; i++) {
            bytes += cells[i].len;
        }
        size_t from = out.len;
        put_row(&out, cells, count, separator);
        struct kn_csv copy = {
            .rest = kn_str(out.p + from, out.len - from), .separator = separator, .line = 1};
        kn_assert(kn_csv_row(&copy, &arena, again, BYTES_MAX + 1, &count_again, &line));
        kn_assert(copy.rest.len == 0 && count_again == count);
        for (size_t i = 0; i < count; i++) {
            kn_assert(kn_str_eq(cells[i], again[i]));
        }
    }
    kn_assert(csv.rest.len == 0 && bytes <= size);
    kn_buf_deinit(&out);
    kn_arena_deinit(&arena);
    return 0;
}
