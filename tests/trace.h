/* Looking for a text in whatever a store wrote, packed blocks of the archive included. */
#ifndef TESTS_TRACE_H
#define TESTS_TRACE_H

#include "base/str.h"

/* True: `needle` stands in the bytes, as they are or in a zstd frame that begins anywhere in them.
 */
bool trace_in(struct kn_str bytes, struct kn_str needle);
/* The same in every file below a directory; its path is left in `where`. */
bool trace_below(const char *directory, struct kn_str needle, char where[512]);

#endif
