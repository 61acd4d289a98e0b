#include "apply/favourites.h"

#include "apply/fields.h"
#include "apply/fold.h"
#include "base/mem.h"
#include "report/liking.h"
#include "report/values.h"

enum { EVENT_ARENA_MAX = 64 << 20 };

/* The points of one field's values so far. */
struct tally {
    struct kn_str field;
    struct kn_value_set set;
    struct kn_favourite *all; /* [set.count], by number of the set */
    uint32_t room;
};

struct reading {
    struct tally *tallies;
    size_t count;
    int64_t now_us, half_life_us;
    struct kn_arena *arena; /* of the values found */
    struct kn_arena event;  /* of the event being read */
    enum kn_rc rc;
    struct kn_err *err;
};

static enum kn_rc like(struct reading *r, struct tally *t, struct kn_value value, uint64_t points)
{
    uint32_t id = kn_value_set_find(&t->set, value);
    if (id == UINT32_MAX) {
        struct kn_str text = kn_arena_str(r->arena, value.text);
        if (value.text.len > 0 && !text.p) {
            return kn_fail(r->err, KN_E_NOMEM, "no memory for favourites");
        }
        value.text = text;
        KN_TRY(kn_value_set_add(&t->set, value, &id, r->err));
    }
    if (id >= t->room) {
        uint32_t room = (id + 1) * 2;
        struct kn_favourite *wide = kn_realloc(t->all, room * sizeof *wide);
        if (!wide) {
            return kn_fail(r->err, KN_E_NOMEM, "no memory for favourites");
        }
        memset(wide + t->room, 0, (room - t->room) * sizeof *wide);
        t->all = wide;
        t->room = room;
    }
    t->all[id].value = t->set.values[id];
    t->all[id].points += points;
    t->all[id].events++;
    return KN_OK;
}

static void drop_objects(struct kn_value_list *list)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->all[i].kind != KN_VALUE_OBJECT) {
            list->all[kept++] = list->all[i];
        }
    }
    list->count = kept;
}

/* products.<field>, or where that has no value <field> itself. */
static struct kn_value_list values_of(struct reading *r, struct kn_str properties,
                                      struct kn_str field)
{
    struct kn_str keys[2] = {KN_STR("products"), field};
    struct kn_value_list list = {0};
    kn_fields_at(properties, (struct kn_path){.keys = keys, .count = 2}, &r->event, &list);
    drop_objects(&list);
    if (list.count == 0) {
        kn_fields_at(properties, (struct kn_path){.keys = keys + 1, .count = 1}, &r->event, &list);
        drop_objects(&list);
    }
    return list;
}

static uint32_t points_of(const struct kn_item *item)
{
    for (size_t i = 0; i < KN_LIKING_SIGNALS; i++) {
        if (kn_str_eq(item->name, kn_str_c(kn_liking_signals[i].event))) {
            return kn_liking_signals[i].points;
        }
    }
    return 0;
}

static enum kn_rc add_event(struct reading *r, const struct kn_item *item)
{
    struct kn_str key = KN_STR("properties");
    uint64_t points =
        kn_liking_points(points_of(item), r->now_us - item->event_us, r->half_life_us);
    if (points == 0 || !kn_item_is_event(item)) {
        return KN_OK;
    }
    struct kn_str properties =
        kn_fields_raw(item->body, (struct kn_path){.keys = &key, .count = 1}, &r->event);
    for (size_t i = 0; i < r->count; i++) {
        struct kn_value_list list = values_of(r, properties, r->tallies[i].field);
        for (uint32_t k = 0; k < list.count; k++) {
            KN_TRY(like(r, &r->tallies[i], list.all[k], points));
        }
    }
    return KN_OK;
}

static bool each_event(void *context, const struct kn_archive_row *row, const struct kn_item *item)
{
    struct reading *r = context;
    (void)row;
    r->rc = add_event(r, item);
    kn_arena_clear(&r->event);
    return r->rc == KN_OK;
}

static bool is_liked_more(const struct kn_favourite *a, const struct kn_favourite *b)
{
    return a->points != b->points ? a->points > b->points
                                  : kn_value_compare(&a->value, &b->value) < 0;
}

static void take_top(const struct tally *t, struct kn_profile_favourites *ret)
{
    ret->count = 0;
    for (uint32_t i = 1; i < t->set.count; i++) {
        uint32_t at = ret->count;
        while (at > 0 && is_liked_more(&t->all[i], &ret->top[at - 1])) {
            at--;
        }
        if (at < KN_FAVOURITES_TOP) {
            uint32_t last = ret->count < KN_FAVOURITES_TOP ? ret->count++ : KN_FAVOURITES_TOP - 1;
            memmove(&ret->top[at + 1], &ret->top[at], (last - at) * sizeof ret->top[0]);
            ret->top[at] = t->all[i];
        }
    }
}

static enum kn_rc read_all(struct kn_workspace *ws, const struct kn_profile *profile,
                           struct reading *r)
{
    for (size_t i = 0; i < r->count; i++) {
        KN_TRY(kn_value_set_init(&r->tallies[i].set, r->err));
    }
    struct kn_archive_query q = {.order = KN_ARCHIVE_NEWEST_FIRST,
                                 .from_us = kn_liking_from_us(r->now_us, r->half_life_us),
                                 .to_us = r->now_us + 1};
    KN_TRY(kn_read_events(ws, profile, &q, &r->event, each_event, r, r->err));
    return r->rc;
}

enum kn_rc kn_read_favourites(struct kn_workspace *ws, const struct kn_profile *profile,
                              uint32_t half_life_days, struct kn_profile_favourites *fields,
                              size_t count, struct kn_arena *arena, int64_t *ret_now,
                              struct kn_err *err)
{
    struct kn_position position;
    kn_workspace_position(ws, &position);
    struct reading r = {.tallies = kn_arena_zero(arena, count, sizeof *r.tallies),
                        .count = count,
                        .now_us = position.applied_record_us,
                        .half_life_us = kn_liking_half_life_us(half_life_days),
                        .arena = arena,
                        .err = err};
    *ret_now = r.now_us;
    if (!r.tallies) {
        return kn_fail(err, KN_E_NOMEM, "no memory for favourites");
    }
    kn_arena_init(&r.event, EVENT_ARENA_MAX);
    for (size_t i = 0; i < count; i++) {
        r.tallies[i].field = fields[i].field;
    }
    enum kn_rc rc = read_all(ws, profile, &r);
    for (size_t i = 0; i < count; i++) {
        if (rc == KN_OK) {
            take_top(&r.tallies[i], &fields[i]);
        }
        kn_value_set_free(&r.tallies[i].set);
        kn_free(r.tallies[i].all);
    }
    kn_arena_deinit(&r.event);
    return rc;
}
