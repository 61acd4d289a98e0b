#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 4, 0))) static void fill(struct kn_err *err, enum kn_rc code,
                                                       int os_errno, const char *format, va_list ap)
{
    err->code = code;
    err->os_errno = os_errno;
    err->pos = SIZE_MAX;
    (void)vsnprintf(err->text, sizeof err->text, format, ap);
    if (os_errno != 0) {
        size_t used = strlen(err->text);
        char reason[96];
        const char *said = strerror_r(os_errno, reason, sizeof reason);
        (void)snprintf(err->text + used, sizeof err->text - used, ": %s", said);
    }
}

enum kn_rc kn_fail(struct kn_err *err, enum kn_rc code, const char *format, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, format);
        fill(err, code, 0, format, ap);
        va_end(ap);
    }
    return code;
}

enum kn_rc kn_fail_os(struct kn_err *err, enum kn_rc code, int os_errno, const char *format, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, format);
        fill(err, code, os_errno, format, ap);
        va_end(ap);
    }
    return code;
}

enum kn_rc kn_fail_wrap(struct kn_err *err, enum kn_rc code, const char *format, ...)
{
    if (!err) {
        return code;
    }
    char inner[sizeof err->text];
    memcpy(inner, err->text, sizeof inner);
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(err->text, sizeof err->text, format, ap);
    va_end(ap);
    size_t used = strlen(err->text);
    (void)snprintf(err->text + used, sizeof err->text - used, ": %.300s", inner);
    return err->code;
}

const char *kn_rc_name(enum kn_rc code)
{
    switch (code) {
    case KN_OK: return "ok";
    case KN_E_NOMEM: return "no_memory";
    case KN_E_IO: return "io";
    case KN_E_CORRUPT: return "corrupt";
    case KN_E_VERSION: return "version";
    case KN_E_INVALID: return "invalid";
    case KN_E_LIMIT: return "limit";
    case KN_E_NOT_FOUND: return "not_found";
    case KN_E_EXISTS: return "exists";
    case KN_E_FULL: return "full";
    case KN_E_STOPPED: return "stopped";
    case KN_E_CONFLICT: return "conflict";
    }
    return "unknown";
}
