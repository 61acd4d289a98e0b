/* What a row says, as text: a line per value and per array, from its JSON and from columns. */
#ifndef KN_TESTS_COLUMNS_LINES_H
#define KN_TESTS_COLUMNS_LINES_H

#include "behaviour/columns.h"

struct lines {
    char **lines;
    size_t count, room;
};

/* `where` is a list of "[path index]", one per array that was entered. */
void lines_add(struct lines *l, struct kn_str path, struct kn_str where, enum kn_value_kind kind,
               struct kn_str text);
/* Everything in a JSON object, as columns.h has it, by recursion alone. */
void lines_json(struct lines *l, struct kn_str json, const char *section);
/* Everything that the columns of a part have for a row; freed by the caller. */
char *lines_row(const struct kn_table_part *part, uint64_t row);
/* The lines in their order, one text; empties them. Freed by the caller. */
char *lines_join(struct lines *l);

#endif
