#include "tests/unit/segment/shrink.h"

#include <stdio.h>

#include "base/assert.h"

/* ---- the definition ---- */

struct edit {
    int left; /* edits to skip before the one to make */
    bool done;
};

static bool turn(struct edit *e)
{
    e->done |= e->left == 0;
    return e->left-- == 0;
}

static void edit_chain(struct edit *e, struct kn_chain *chain);

/* Makes the edit whose turn it is, somewhere below *at. */
static void edit_node(struct edit *e, struct kn_node **at)
{
    struct kn_node *node = *at;
    for (uint32_t i = 0; node->kind <= KN_NODE_NOT && i < node->kid_count; i++) {
        if (turn(e)) {
            *at = node->kids[i];
            return;
        }
    }
    for (uint32_t i = 0; i < node->kid_count && !e->done; i++) {
        edit_node(e, &node->kids[i]);
    }
    if (node->value_count > 1 && !e->done && turn(e)) {
        node->value_count--;
    }
    if (node->chain && !e->done) {
        edit_chain(e, node->chain);
    }
}

static void edit_chain(struct edit *e, struct kn_chain *chain)
{
    if (chain->where && turn(e)) {
        chain->where = NULL;
    } else if (!e->done && chain->excluded_count > 0 && turn(e)) {
        chain->excluded_count = 0;
    } else if (!e->done && chain->window.kind != KN_WINDOW_NONE &&
               chain->window.kind != KN_WINDOW_PARENT && turn(e)) {
        chain->window.kind = KN_WINDOW_NONE;
    } else if (!e->done && chain->where) {
        edit_node(e, &chain->where);
    }
}

/* The n-th smaller text, or an empty one when there are no more. */
static struct kn_str smaller(struct kn_str text, enum kn_query_form form, int n,
                             struct kn_arena *arena)
{
    struct kn_query query;
    struct kn_err err;
    struct edit edit = {n, false};
    bool ok = kn_query_parse(text, form, arena, &query, &err) == KN_OK;
    kn_assert(ok);
    if (form == KN_QUERY_SEGMENT) {
        struct kn_node *root = (struct kn_node *)(uintptr_t)query.root;
        edit_node(&edit, &root);
        query.root = root;
    } else {
        edit_chain(&edit, (struct kn_chain *)(uintptr_t)query.chain);
    }
    if (!edit.done) {
        return KN_STR_EMPTY;
    }
    struct kn_buf out;
    kn_buf_init(&out, KN_QUERY_TEXT_MAX);
    kn_query_format(&query, &out);
    struct kn_str ret = kn_arena_str(arena, kn_buf_view(&out));
    kn_buf_deinit(&out);
    return ret;
}

static bool shrink_text(struct shrunk *s, enum kn_query_form form, shrink_fails fails,
                        void *context, struct kn_arena *arena)
{
    struct kn_query query;
    struct kn_err err;
    for (int n = 0;; n++) {
        struct kn_str text = smaller(s->text, form, n, arena);
        if (text.len == 0) {
            return false;
        }
        /* An edit may leave what the grammar refuses: an unknown parent. */
        if (kn_query_parse(text, form, arena, &query, &err) == KN_OK &&
            fails(context, text, &s->history)) {
            s->text = text;
            return true;
        }
    }
}

/* ---- the history ---- */

static struct history without_event(const struct history *h, uint32_t at, struct kn_arena *arena)
{
    struct history ret = *h;
    ret.events = kn_arena_zero(arena, h->event_count + 1, sizeof *ret.events);
    kn_assert(ret.events);
    ret.event_count = 0;
    for (uint32_t i = 0; i < h->event_count; i++) {
        if (i != at) {
            ret.events[ret.event_count++] = h->events[i];
        }
    }
    history_finish(&ret, "EUR", arena);
    return ret;
}

static struct history_json without_member(const struct history_json *json, uint32_t at,
                                          struct kn_arena *arena)
{
    struct history_json ret = *json;
    ret.keys = kn_arena_zero(arena, json->count + 1, sizeof *ret.keys);
    ret.kids = kn_arena_zero(arena, json->count + 1, sizeof *ret.kids);
    kn_assert(ret.keys && ret.kids);
    ret.count = 0;
    for (uint32_t i = 0; i < json->count; i++) {
        if (i != at) {
            ret.keys[ret.count] = json->keys[i];
            ret.kids[ret.count++] = json->kids[i];
        }
    }
    return ret;
}

/* Object k of the history: traits, then properties and context of each event. */
static struct history_json *object_of(struct history *h, uint32_t k)
{
    if (k == 0) {
        return &h->traits;
    }
    struct history_event *event = &h->events[(k - 1) / 2];
    return k % 2 == 1 ? &event->properties : &event->context;
}

static bool shrink_objects(struct shrunk *s, shrink_fails fails, void *context,
                           struct kn_arena *arena)
{
    bool shrank = false;
    for (uint32_t k = 0; k < 1 + 2 * s->history.event_count; k++) {
        for (uint32_t at = 0; at < object_of(&s->history, k)->count;) {
            struct history other = without_event(&s->history, UINT32_MAX, arena);
            *object_of(&other, k) = without_member(object_of(&other, k), at, arena);
            history_finish(&other, "EUR", arena);
            if (fails(context, s->text, &other)) {
                s->history = other;
                shrank = true;
            } else {
                at++;
            }
        }
    }
    return shrank;
}

static bool shrink_events(struct shrunk *s, shrink_fails fails, void *context,
                          struct kn_arena *arena)
{
    bool shrank = false;
    for (uint32_t i = 0; i < s->history.event_count;) {
        struct history other = without_event(&s->history, i, arena);
        if (fails(context, s->text, &other)) {
            s->history = other;
            shrank = true;
        } else {
            i++;
        }
    }
    return shrank;
}

struct shrunk shrink(struct kn_str text, enum kn_query_form form, const struct history *history,
                     shrink_fails fails, void *context, struct kn_arena *arena)
{
    struct shrunk s = {text, *history};
    bool more = true;
    while (more) {
        more = shrink_events(&s, fails, context, arena);
        more |= shrink_text(&s, form, fails, context, arena);
        more |= shrink_objects(&s, fails, context, arena);
    }
    return s;
}

void shrink_print(const struct shrunk *shrunk)
{
    struct kn_buf out;
    kn_buf_init(&out, 1 << 20);
    history_print(&shrunk->history, &out);
    (void)fprintf(stderr, "%.*s\n%.*s", KN_STR_ARG(shrunk->text), (int)out.len, out.p);
    kn_buf_deinit(&out);
}
