/* What a team keeps about its reports: documents that the fold carries and never reads. */
#include <stdlib.h>

#include "apply/fold.h"
#include "apply/settings.h"
#include "base/arena.h"

const struct kn_document *kn_settings_documents(const struct kn_settings *s, struct kn_str prefix,
                                                size_t *ret_count)
{
    size_t first = 0;
    while (first < s->document_count && !kn_str_starts(s->documents[first].key, prefix)) {
        first++;
    }
    size_t end = first;
    while (end < s->document_count && kn_str_starts(s->documents[end].key, prefix)) {
        end++;
    }
    *ret_count = end - first;
    return s->documents + first;
}

const struct kn_document *kn_settings_document(const struct kn_settings *s, struct kn_str key)
{
    for (size_t i = 0; i < s->document_count; i++) {
        if (kn_str_eq(s->documents[i].key, key)) {
            return &s->documents[i];
        }
    }
    return NULL;
}

static bool is_document(struct kn_str key)
{
    return kn_str_starts(key, KN_STR("report/")) || kn_str_starts(key, KN_STR("dashboard/")) ||
           kn_str_starts(key, KN_STR("note/")) || kn_str_starts(key, KN_STR("alert/"));
}

static int compare_keys(const void *a, const void *b)
{
    const struct kn_document *x = a;
    const struct kn_document *y = b;
    return kn_str_cmp(x->key, y->key);
}

enum kn_rc kn_documents_make(const struct kn_setting_doc *docs, size_t count,
                             struct kn_arena *arena, struct kn_settings *settings,
                             struct kn_err *err)
{
    settings->documents = kn_arena_zero(arena, count + 1, sizeof *settings->documents);
    if (!settings->documents) {
        return kn_fail(err, KN_E_NOMEM, "settings: out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        struct kn_document *d = &settings->documents[settings->document_count];
        if (!is_document(kn_str_c(docs[i].key))) {
            continue;
        }
        d->key = kn_arena_str(arena, kn_str_c(docs[i].key));
        d->json = kn_arena_str(arena, kn_str_c(docs[i].json));
        if (!d->key.p || !d->json.p) {
            return kn_fail(err, KN_E_NOMEM, "settings: out of memory");
        }
        settings->document_count++;
    }
    qsort(settings->documents, settings->document_count, sizeof *settings->documents, compare_keys);
    return KN_OK;
}
