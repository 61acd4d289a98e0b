/* Runs as files; layout in docs/formats/columns.md. */
#ifndef KN_BEHAVIOUR_COLUMNS_FILE_H
#define KN_BEHAVIOUR_COLUMNS_FILE_H

#include "behaviour/columns_join.h"

enum { KN_COL_HEADER = 64, KN_COL_FOOTER = 64, KN_COL_FORMAT = 1 };

#define KN_COL_MAGIC "KERNCOL1"
#define KN_COL_MAGIC_END "KERNCOLE"

/* A join that goes to a file of its own. */
struct kn_col_writer {
    struct kn_disk disk;
    const char *dir; /* borrowed */
    struct kn_file *file;
    struct kn_col_join *join;
    uint64_t number;
    char path[512];
    bool whole; /* synced, with its name */
};
enum kn_rc kn_col_writer_open(struct kn_col_writer *w, struct kn_disk disk, const char *dir,
                              uint64_t number, struct kn_err *err) KN_MUST_USE;
/* Ends the file when the join is done: directory, footer, syncs. */
enum kn_rc kn_col_writer_finish(struct kn_col_writer *w, struct kn_err *err) KN_MUST_USE;
/* Frees; a file that is not whole is removed. */
void kn_col_writer_close(struct kn_col_writer *w);

#endif
