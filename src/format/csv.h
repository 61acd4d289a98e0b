/* Reading comma separated values (RFC 4180), as spreadsheets write them: the separator is a comma,
 * a semicolon or a tab, whichever the first line has most of outside quotes; lines end in LF or
 * CRLF; cells may be quoted, with "" for a quote and line ends inside; a byte order mark is
 * skipped. Any bytes are rows of cells: what follows a closing quote up to the separator belongs to
 * the cell. Pure; one owner.
 */
#ifndef KN_FORMAT_CSV_H
#define KN_FORMAT_CSV_H

#include "base/arena.h"

struct kn_csv {
    struct kn_str rest;
    char separator;
    uint64_t line; /* that comes next, from 1 */
};

struct kn_csv kn_csv_begin(struct kn_str text);
/* The next row that has anything in it. Cells are slices of the text, or of the arena when they
 * were quoted; the `most`th and later ones are left out of cells and counted. *ret_line: where it
 * begins.
 * False: there is none, or the arena is full (csv->rest.len > 0 then). */
bool kn_csv_row(struct kn_csv *csv, struct kn_arena *arena, struct kn_str *cells, size_t most,
                size_t *ret_count, uint64_t *ret_line);

#endif
