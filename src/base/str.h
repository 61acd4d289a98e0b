/* Text and byte slices.
 *
 * A kn_str borrows bytes owned by someone else; it is passed by value and need not end in NUL.
 * The empty string may have p == NULL. Pure; safe on any thread.
 */
#ifndef KN_BASE_STR_H
#define KN_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct kn_str {
    const char *p; /* borrowed */
    size_t len;    /* bytes */
};

#define KN_STR(literal) ((struct kn_str){(literal), sizeof(literal) - 1})
#define KN_STR_EMPTY ((struct kn_str){NULL, 0})

/* printf("%.*s", KN_STR_ARG(s)) */
#define KN_STR_ARG(s) (int)(s).len, ((s).p ? (s).p : "")

static inline struct kn_str kn_str(const void *p, size_t len)
{
    return (struct kn_str){(const char *)p, len};
}

/* text is NUL-terminated, or NULL for the empty string. Inline: of a literal it costs nothing. */
static inline struct kn_str kn_str_c(const char *text)
{
    return text ? kn_str(text, strlen(text)) : KN_STR_EMPTY;
}

static inline bool kn_str_eq(struct kn_str a, struct kn_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* Order by bytes, shorter first on a tie: <0, 0, >0. */
int kn_str_cmp(struct kn_str a, struct kn_str b);
/* Equal when ASCII letters are folded. */
bool kn_str_eq_nocase(struct kn_str a, struct kn_str b);
bool kn_str_starts(struct kn_str s, struct kn_str prefix);
bool kn_str_ends(struct kn_str s, struct kn_str suffix);
/* Offset of the first occurrence, or SIZE_MAX. */
size_t kn_str_find(struct kn_str s, struct kn_str needle);
/* Without leading and trailing ASCII white space. */
struct kn_str kn_str_trim(struct kn_str s);
/* Bytes [from, to) of s, clamped to s. */
struct kn_str kn_str_sub(struct kn_str s, size_t from, size_t to);
/* Splits off what stands before the first `sep`; *rest becomes what follows (empty at the end). */
struct kn_str kn_str_split(struct kn_str *rest, char sep);
/* Decimal digits only, no sign, no overflow; false leaves *ret alone. */
bool kn_str_u64(struct kn_str s, uint64_t *ret);

#endif
