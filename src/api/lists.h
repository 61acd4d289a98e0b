/* Rows that name people, on their way to a list, and what became of them. Room-private.
 */
#ifndef KN_API_LISTS_H
#define KN_API_LISTS_H

#include "api/api_internal.h"
#include "apply/lists.h"

/* Rows that name people, of a JSON, CSV, NDJSON or plain text body. */
struct kn_api_rows {
    struct kn_list_row *all;
    uint64_t *lines; /* where each stands */
    size_t count;
    struct kn_str of; /* "line" or, in JSON, "row" */
};
/* False: answered already. */
bool kn_api_read_rows(struct kn_ctx *ctx, struct kn_api_rows *ret);
/* The member `members` of the parsed body; up to `most`. */
bool kn_api_read_members(struct kn_ctx *ctx, size_t most, struct kn_api_rows *ret);

/* What rows come to, one call's. Zero it but for the first members. */
struct kn_list_tally {
    struct kn_ctx *ctx;
    bool removes;
    const uint64_t *members; /* of the list before; NULL: there is none yet */
    uint32_t member_end;
    uint64_t *seen; /* owned */
    uint32_t seen_end;
    struct kn_h128 *hashes; /* to be put on the list or taken off */
    size_t hash_count;
    size_t rows, fresh, already, duplicates, unknown, blocked, malformed, told;
    struct kn_buf errors;
};

/* Finds the rows' profiles and counts. False: answered already. kn_list_tally_end in any case. */
bool kn_list_tally(struct kn_list_tally *t, struct kn_api_rows *rows);
void kn_list_tally_end(struct kn_list_tally *t);
/* The counts and the bad rows as a JSON object in the request's arena, for after the wait; p ==
 * NULL: answered already. */
struct kn_str kn_list_result(const struct kn_list_tally *t);

#endif
