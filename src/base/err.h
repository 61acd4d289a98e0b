/* Expected failures: return codes and their explanation.
 *
 * Three kinds of trouble are kept apart (ADR 0002):
 *   a bug                         kn_assert (base/assert.h): stops the process, in release too
 *   an expected failure           enum kn_rc and, where someone will read it, struct kn_err
 *   an unrecoverable environment  kn_panic (base/assert.h): a failed fsync, no memory in the fold
 *
 * Functions leave their outputs alone on failure. Messages are lower case, say what failed first,
 * carry no personal data and no trailing full stop. Pure; safe on any thread.
 */
#ifndef KN_BASE_ERR_H
#define KN_BASE_ERR_H

#include "base/str.h"

enum kn_rc {
    KN_OK = 0,
    KN_E_NOMEM = -1,   /* an allocation failed */
    KN_E_IO = -2,      /* the operating system refused; err->os_errno says why */
    KN_E_CORRUPT = -3, /* bytes on disk are not what was written */
    KN_E_VERSION = -4, /* written by another format or apply version */
    KN_E_INVALID = -5, /* input that breaks a rule; err->pos may name the byte */
    KN_E_LIMIT = -6,   /* an explicit limit was reached */
    KN_E_NOT_FOUND = -7,
    KN_E_EXISTS = -8,
    KN_E_FULL = -9,     /* disk or queue full: try again later */
    KN_E_STOPPED = -10, /* shutting down */
    KN_E_CONFLICT = -11,
};

struct kn_err {
    enum kn_rc code;
    int os_errno;   /* 0 when the operating system was not involved */
    size_t pos;     /* byte offset in the input, SIZE_MAX when there is none */
    char text[400]; /* "outer: inner: cause", NUL-terminated */
};

#define KN_MUST_USE __attribute__((warn_unused_result))

/* Fills *err (which may be NULL) and returns code. */
enum kn_rc kn_fail(struct kn_err *err, enum kn_rc code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum kn_rc kn_fail_os(struct kn_err *err, enum kn_rc code, int os_errno, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Puts "prefix: " before the text of *err (which may be NULL). Returns err's code, or code when
 * err is NULL. */
enum kn_rc kn_fail_wrap(struct kn_err *err, enum kn_rc code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *kn_rc_name(enum kn_rc code);

#define KN_TRY(expr)                                                                               \
    do {                                                                                           \
        enum kn_rc kn_try_rc = (expr);                                                             \
        if (kn_try_rc != KN_OK) {                                                                  \
            return kn_try_rc;                                                                      \
        }                                                                                          \
    } while (0)

#endif
