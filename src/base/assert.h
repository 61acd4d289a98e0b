/* Bugs and the unrecoverable stop the process, in every build.
 *
 * kn_assert states what the code believes; it never checks input. kn_panic is for an environment
 * in which going on could lose or change acknowledged data. Both print one JSON line to stderr and
 * abort; the next start recovers from the log.
 */
#ifndef KN_BASE_ASSERT_H
#define KN_BASE_ASSERT_H

#define kn_assert(condition)                                                                       \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) {                                                   \
            kn_assert_failed(#condition, __FILE__, __LINE__);                                      \
        }                                                                                          \
    } while (0)

__attribute__((noreturn, cold)) void kn_assert_failed(const char *condition, const char *file,
                                                      int line);
__attribute__((noreturn, cold, format(printf, 1, 2))) void kn_panic(const char *format, ...);

#endif
