#include "segment/rows.h"
enum kn_rc kn_row_test_make(const struct kn_node *where, const struct kn_zone *zone, int64_t now,
                            struct kn_row_test **ret, struct kn_err *err)
{
    (void)where; (void)zone; (void)now; (void)ret;
    return kn_fail(err, KN_E_INVALID, "no");
}
void kn_row_test_free(struct kn_row_test *test) { (void)test; }
enum kn_rc kn_row_test_prepare(struct kn_row_test *test, const struct kn_table_part *part,
                               struct kn_err *err)
{
    (void)test; (void)part; (void)err;
    return KN_OK;
}
enum kn_rc kn_row_test_part(const struct kn_row_test *test, const struct kn_table_part *part,
                            uint64_t first, uint64_t count, uint64_t *out,
                            struct kn_err *err)
{
    (void)test; (void)part; (void)err; (void)first; (void)count; (void)out;
    return KN_OK;
}
