/* Real directories, for libraries that open files by themselves (LMDB). */
#ifndef KN_OS_DIR_H
#define KN_OS_DIR_H

#include "base/err.h"

/* Makes the directory and its parents (0700); fine when there. */
enum kn_rc kn_dir_make(const char *path, struct kn_err *err) KN_MUST_USE;
/* Is there a file of that name? */
bool kn_dir_has(const char *path, const char *name);
/* Removes the directory and the plain files in it; fine when there is none. */
enum kn_rc kn_dir_remove(const char *path, struct kn_err *err) KN_MUST_USE;
/* Gives a directory its final name, where there is none or an empty one; durable, with the names of
 * its files, when it returns. */
enum kn_rc kn_dir_settle(const char *from, const char *to, struct kn_err *err) KN_MUST_USE;

/* Moves a file from one directory to another, over the one of that name there; durable when it
 * returns. */
enum kn_rc kn_dir_replace(const char *from, const char *to, const char *name,
                          struct kn_err *err) KN_MUST_USE;

#endif
