#include "api/lists.h"
#include "base/bits.h"
#include "base/mem.h"

enum { ERRORS_MAX = 10000, RESULT_BYTES = 4 << 20 };

static void tell(struct kn_list_tally *t, struct kn_str of, uint64_t line, const char *reason,
                 const char *detail)
{
    if (t->told++ >= ERRORS_MAX) {
        return;
    }
    kn_json_out_comma(&t->errors);
    kn_buf_char(&t->errors, '{');
    kn_json_out_key_str(&t->errors, of);
    kn_buf_u64(&t->errors, line);
    kn_json_out_kv(&t->errors, "reason", kn_str_c(reason));
    kn_json_out_kv(&t->errors, "detail", kn_str_c(detail));
    kn_buf_char(&t->errors, '}');
}

static void take_match(struct kn_list_tally *t, const struct kn_list_row *row)
{
    bool member = t->members && row->ordinal < t->member_end && kn_bit(t->members, row->ordinal);
    t->hashes[t->hash_count++] = row->hash; /* every one: should the profile be split one day */
    if (row->ordinal < t->seen_end && kn_bit(t->seen, row->ordinal)) {
        t->duplicates++;
        return;
    }
    if (row->ordinal < t->seen_end) {
        kn_bits_set(t->seen, row->ordinal);
    }
    t->fresh += member == t->removes ? 1 : 0;
    t->already += member == t->removes ? 0 : 1;
}

static void take_row(struct kn_list_tally *t, const struct kn_api_rows *rows, size_t i)
{
    const struct kn_list_row *row = &rows->all[i];
    switch (row->outcome) {
    case KN_LIST_MATCHED: take_match(t, row); break;
    case KN_LIST_UNKNOWN:
        t->unknown++;
        tell(t, rows->of, rows->lines[i], "unknown", "no profile has this identifier");
        break;
    case KN_LIST_BLOCKED:
        t->blocked++;
        tell(t, rows->of, rows->lines[i], "blocked",
             "this value identifies nobody (identity settings)");
        break;
    case KN_LIST_MALFORMED:
        t->malformed++;
        tell(t, rows->of, rows->lines[i], "malformed", row->detail);
        break;
    }
}

bool kn_list_tally(struct kn_list_tally *t, struct kn_api_rows *rows)
{
    struct kn_ctx *ctx = t->ctx;
    struct kn_arena *arena = ctx->request->arena;
    kn_buf_init(&t->errors, RESULT_BYTES);
    enum kn_rc rc = kn_list_match(ctx->ws, rows->all, rows->count, arena);
    for (size_t i = 0; rc == KN_OK && i < rows->count; i++) {
        bool matched = rows->all[i].outcome == KN_LIST_MATCHED;
        t->seen_end =
            matched && rows->all[i].ordinal >= t->seen_end ? rows->all[i].ordinal + 1 : t->seen_end;
    }
    t->seen = kn_calloc(t->seen_end / 64 + 1, sizeof *t->seen);
    t->hashes = kn_arena_zero(arena, rows->count + 1, sizeof *t->hashes);
    if (rc != KN_OK || !t->seen || !t->hashes) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
        return false;
    }
    t->rows = rows->count;
    for (size_t i = 0; i < rows->count; i++) {
        take_row(t, rows, i);
    }
    return true;
}

void kn_list_tally_end(struct kn_list_tally *t)
{
    kn_free(t->seen);
    kn_buf_deinit(&t->errors);
}

static void put_result(struct kn_buf *out, const struct kn_list_tally *t)
{
    kn_json_out_ki64(out, "rows", (int64_t)t->rows);
    kn_json_out_ki64(out, "matched", (int64_t)(t->fresh + t->already + t->duplicates));
    kn_json_out_ki64(out, t->removes ? "removed" : "added", (int64_t)t->fresh);
    kn_json_out_ki64(out, t->removes ? "absent" : "already", (int64_t)t->already);
    kn_json_out_ki64(out, "duplicates", (int64_t)t->duplicates);
    kn_json_out_ki64(out, "unknown", (int64_t)t->unknown);
    kn_json_out_ki64(out, "blocked", (int64_t)t->blocked);
    kn_json_out_ki64(out, "malformed", (int64_t)t->malformed);
    kn_json_out_key(out, "errors");
    kn_buf_char(out, '[');
    kn_buf_str(out, kn_buf_view(&t->errors));
    kn_buf_char(out, ']');
    kn_json_out_ki64(out, "errors_left_out",
                     (int64_t)(t->told > ERRORS_MAX ? t->told - ERRORS_MAX : 0));
    out->rc = t->errors.rc != KN_OK ? t->errors.rc : out->rc;
}

struct kn_str kn_list_result(const struct kn_list_tally *t)
{
    struct kn_buf out;
    kn_buf_init(&out, RESULT_BYTES);
    kn_buf_char(&out, '{');
    put_result(&out, t);
    kn_buf_char(&out, '}');
    struct kn_str kept =
        out.rc == KN_OK ? kn_arena_str(t->ctx->request->arena, kn_buf_view(&out)) : KN_STR_EMPTY;
    kn_buf_deinit(&out);
    if (!kept.p) {
        kn_api_fail_rc(t->ctx, KN_E_NOMEM, NULL);
    }
    return kept;
}
