/* Real directories, for libraries that open files by themselves (LMDB). */
#ifndef KN_OS_DIR_H
#define KN_OS_DIR_H

#include "base/err.h"

/* Makes the directory and its parents (0700); fine when there. */
enum kn_rc kn_dir_make(const char *path, struct kn_err *err) KN_MUST_USE;

#endif
