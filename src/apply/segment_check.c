/* Checking a definition against what the workspace knows, and evaluating one that is not stored. */
#include "apply/destinations.h"
#include "apply/segments.h"
#include "apply/workspace_internal.h"

/* ---- names ---- */

struct names {
    const struct kn_settings *settings;
    const struct kn_columns_pin *pin;
    struct kn_arena *arena;
};

static bool has_event(void *context, struct kn_str name)
{
    uint32_t parts;
    const struct names *n = context;
    return kn_pin_table(n->pin, KN_TABLE_EVENT, name, &parts) != NULL && parts > 0;
}

/* The path of a column, or of what a column lies under. */
static bool any_column(const struct names *n, enum kn_table_kind kind, struct kn_str table,
                       struct kn_str path)
{
    uint32_t parts;
    const struct kn_table_part *const *all = kn_pin_table(n->pin, kind, table, &parts);
    for (uint32_t i = 0; i < parts; i++) {
        for (uint32_t k = 0; k < all[i]->column_count; k++) {
            struct kn_str at = all[i]->columns[k].path;
            if (kn_str_starts(at, path) && (at.len == path.len || at.p[path.len] == '.')) {
                return true;
            }
        }
    }
    return false;
}

static bool column_of(const struct names *n, enum kn_table_kind kind, struct kn_str table,
                      const char *section, const struct kn_str *keys, uint32_t count)
{
    struct kn_buf path;
    kn_buf_init(&path, 64 << 10);
    kn_columns_path_key(&path, kn_str_c(section));
    for (uint32_t i = 0; i < count; i++) {
        kn_columns_path_key(&path, keys[i]);
    }
    bool found = path.rc != KN_OK || any_column(n, kind, table, kn_buf_view(&path));
    kn_buf_deinit(&path);
    return found;
}

static bool has_property(void *context, struct kn_str event, bool in_context, struct kn_path path)
{
    return column_of(context, KN_TABLE_EVENT, event, in_context ? "c" : "p", path.keys, path.count);
}

static enum kn_name_kind kind_of_key(void *context, struct kn_str key)
{
    const struct names *n = context;
    const struct kn_defined *d = kn_settings_defined(n->settings, key);
    if (kn_key_is_destination(key)) {
        return KN_NAME_NONE;
    }
    if (d) {
        return d->computed ? KN_NAME_COMPUTED : KN_NAME_SEGMENT;
    }
    return column_of(n, KN_TABLE_PROFILE, KN_STR_EMPTY, "t", &key, 1) ? KN_NAME_TRAIT
                                                                      : KN_NAME_NONE;
}

static const struct kn_query *definition_of(void *context, struct kn_str key)
{
    const struct kn_defined *d =
        kn_settings_defined(((const struct names *)context)->settings, key);
    return d ? d->query : NULL;
}

struct telling {
    void (*each)(void *arg, struct kn_str name);
    void *arg;
};

static void tell_event(void *context, struct kn_str name, uint64_t rows)
{
    const struct telling *t = context;
    if (rows > 0) {
        t->each(t->arg, name);
    }
}

static void each_event(void *context, void (*each)(void *arg, struct kn_str name), void *arg)
{
    struct telling t = {each, arg};
    kn_pin_each_event(((const struct names *)context)->pin, tell_event, &t);
}

static void each_column(const struct names *n, enum kn_table_kind kind, struct kn_str table,
                        const char *section, void (*each)(void *arg, struct kn_str path), void *arg)
{
    uint32_t parts;
    const struct kn_table_part *const *all = kn_pin_table(n->pin, kind, table, &parts);
    for (uint32_t i = 0; i < parts; i++) {
        for (uint32_t k = 0; k < all[i]->column_count; k++) {
            struct kn_str at = all[i]->columns[k].path;
            if (at.len > 2 && at.p[0] == section[0] && at.p[1] == '.') {
                each(arg, kn_str_sub(at, 2, at.len));
            }
        }
    }
}

static void each_property(void *context, struct kn_str event, bool in_context,
                          void (*each)(void *arg, struct kn_str path), void *arg)
{
    each_column(context, KN_TABLE_EVENT, event, in_context ? "c" : "p", each, arg);
}

static void each_key(void *context, void (*each)(void *arg, struct kn_str key), void *arg)
{
    const struct names *n = context;
    for (size_t i = 0; i < n->settings->defined_count; i++) {
        if (!kn_key_is_destination(n->settings->defined[i]->key)) {
            each(arg, n->settings->defined[i]->key);
        }
    }
    each_column(n, KN_TABLE_PROFILE, KN_STR_EMPTY, "t", each, arg);
}

static enum kn_rc check_key(const struct names *n, struct kn_str key, enum kn_query_form form,
                            struct kn_err *err)
{
    const struct kn_defined *d = kn_settings_defined(n->settings, key);
    if (key.len == 0) {
        return KN_OK;
    }
    if (d && d->computed != (form == KN_QUERY_TRAIT)) {
        return kn_fail(err, KN_E_EXISTS, "\"%.*s\" is a %s already", KN_STR_ARG(key),
                       d->computed ? "computed trait" : "segment");
    }
    if (!d && kind_of_key((void *)(uintptr_t)n, key) == KN_NAME_TRAIT) {
        return kn_fail(err, KN_E_EXISTS, "\"%.*s\" is a trait of profiles already",
                       KN_STR_ARG(key));
    }
    return KN_OK;
}

enum kn_rc kn_segment_check(struct kn_workspace *ws, struct kn_str key, struct kn_str text,
                            enum kn_query_form form, struct kn_arena *arena, struct kn_query *ret,
                            const struct kn_query_warning **ret_warnings, size_t *ret_count,
                            struct kn_err *err)
{
    struct kn_columns_pin *pin;
    KN_TRY(kn_query_parse(text, form, arena, ret, err));
    kn_rwlock_read(&ws->lock);
    enum kn_rc rc = kn_columns_pin(ws->columns, &pin, err);
    kn_rwlock_unlock(&ws->lock);
    if (rc != KN_OK) {
        return rc;
    }
    struct kn_settings *settings = kn_workspace_settings(ws);
    struct names n = {.settings = settings, .pin = pin, .arena = arena};
    struct kn_names names = {
        .context = &n,
        .event = has_event,
        .property = has_property,
        .key = kind_of_key,
        .each_event = each_event,
        .each_property = each_property,
        .each_key = each_key,
        .definition = definition_of,
    };
    rc = check_key(&n, key, form, err);
    if (rc == KN_OK) {
        rc = kn_query_check(ret, key, &names, arena, ret_warnings, ret_count, err);
    }
    kn_settings_unref(settings);
    kn_columns_unpin(pin);
    return rc;
}

enum kn_rc kn_segment_check_key(struct kn_workspace *ws, struct kn_str key, struct kn_err *err)
{
    struct kn_columns_pin *pin;
    kn_rwlock_read(&ws->lock);
    enum kn_rc rc = kn_columns_pin(ws->columns, &pin, err);
    kn_rwlock_unlock(&ws->lock);
    if (rc == KN_OK) {
        struct kn_settings *settings = kn_workspace_settings(ws);
        struct names n = {.settings = settings, .pin = pin};
        rc = check_key(&n, key, KN_QUERY_SEGMENT, err);
        kn_settings_unref(settings);
        kn_columns_unpin(pin);
    }
    return rc;
}

struct kn_str kn_segment_reader(struct kn_workspace *ws, struct kn_str key, struct kn_arena *arena)
{
    struct kn_settings *s = kn_workspace_settings(ws);
    struct kn_str found = KN_STR_EMPTY;
    for (size_t i = 0; i < s->defined_count && found.len == 0; i++) {
        const struct kn_reads *reads = kn_definition_reads(s->defined[i]->definition);
        bool reads_it = false;
        for (uint32_t k = 0; k < reads->segment_count; k++) {
            reads_it = reads_it || kn_str_eq(reads->segments[k], key);
        }
        for (uint32_t k = 0; k < reads->trait_count; k++) {
            reads_it = reads_it || kn_str_eq(reads->traits[k], key);
        }
        if (reads_it) {
            found = kn_arena_str(arena, s->defined[i]->key);
        }
    }
    kn_settings_unref(s);
    return found;
}

/* ---- one profile ---- */

struct question {
    struct kn_arena arena;
    struct kn_query query;
    const struct kn_definition *definition;
    struct kn_plan plan;
    struct kn_histories histories;
    struct kn_member_list list;
    struct kn_live_view view;
};

static enum kn_rc ask(struct kn_workspace *ws, uint32_t ordinal, struct kn_str text,
                      struct question *q, struct kn_err *err)
{
    struct kn_definition_options options = {.zone = ws->fold.settings->zone};
    struct kn_hot hot;
    KN_TRY(kn_query_parse(text, KN_QUERY_SEGMENT, &q->arena, &q->query, err));
    options.sources =
        kn_surroundings_sources(ws->fold.settings->surroundings, &options.source_count);
    KN_TRY(kn_definition_make(&q->query, &options, &q->arena, &q->definition, err));
    if (!kn_hot_decode(kn_fold_get(&ws->fold, KN_T_HOT, kn_key_u32(ordinal)), &hot) ||
        hot.canonical != 0) {
        return kn_fail(err, KN_E_NOT_FOUND, "no such profile");
    }
    kn_plan_add(&q->plan, q->definition);
    kn_plan_finish(&q->plan);
    kn_members_load(&ws->fold, ordinal, &q->list);
    kn_live_view(&q->view, &ws->fold, ordinal);
    q->view.plan = &q->plan;
    q->view.histories = &q->histories;
    q->view.list = &q->list;
    return KN_OK;
}

static void question_init(struct question *q)
{
    *q = (struct question){0};
    kn_arena_init(&q->arena, 64U << 20);
    kn_plan_init(&q->plan);
    kn_histories_init(&q->histories, 0);
}

static void question_deinit(struct kn_workspace *ws, struct question *q)
{
    kn_arena_clear(&ws->fold.live->arena);
    kn_arena_clear(&ws->fold.arena);
    kn_members_deinit(&q->list);
    kn_histories_deinit(&q->histories);
    kn_plan_deinit(&q->plan);
    kn_arena_deinit(&q->arena);
}

enum kn_rc kn_segment_explain(struct kn_workspace *ws, uint32_t ordinal, struct kn_str text,
                              struct kn_buf *out, struct kn_err *err)
{
    struct question q;
    question_init(&q);
    kn_rwlock_write(&ws->lock);
    enum kn_rc rc = ask(ws, ordinal, text, &q, err);
    if (rc == KN_OK) {
        rc = kn_eval_explain(q.definition, &q.view.view, ws->fold.now_us, &q.arena, out);
    }
    question_deinit(ws, &q);
    kn_rwlock_unlock(&ws->lock);
    return rc;
}

enum kn_rc kn_segment_truth(struct kn_workspace *ws, uint32_t ordinal, struct kn_str text,
                            bool *ret, struct kn_err *err)
{
    struct question q;
    struct kn_verdict verdict = {0};
    question_init(&q);
    kn_rwlock_write(&ws->lock);
    enum kn_rc rc = ask(ws, ordinal, text, &q, err);
    if (rc == KN_OK) {
        rc = kn_eval(q.definition, &q.view.view, ws->fold.now_us, &q.arena, &verdict);
    }
    question_deinit(ws, &q);
    kn_rwlock_unlock(&ws->lock);
    *ret = verdict.truth;
    return rc;
}
