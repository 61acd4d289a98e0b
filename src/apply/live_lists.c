/* Live evaluation of lists: their truth is who is on them. */
#include <stdlib.h>

#include "apply/fold.h"
#include "apply/lists.h"
#include "apply/live.h"
#include "base/assert.h"

static int by_list(const void *a, const void *b)
{
    uint64_t x = ((const struct kn_live_list *)a)->list;
    uint64_t y = ((const struct kn_live_list *)b)->list;
    return (x > y) - (x < y);
}

void kn_live_index_lists(struct kn_live *live)
{
    live->lists = kn_arena_zero(&live->index_arena, live->count + 1, sizeof *live->lists);
    kn_assert(live->lists != NULL);
    live->list_count = 0;
    for (uint32_t i = 0; i < live->count; i++) {
        uint64_t list = live->all[i]->defined->list;
        if (list != 0) {
            live->lists[live->list_count++] = (struct kn_live_list){list, i};
        }
    }
    qsort(live->lists, live->list_count, sizeof *live->lists, by_list);
}

static void load_lists(struct kn_live_view *v)
{
    static const uint64_t none[1];
    uint64_t *all;
    if (v->lists) {
        return;
    }
    if (!v->person) {
        v->person = kn_person_load(v->f, v->ordinal);
    }
    v->list_count = kn_fold_lists_of(v->f, &v->person->p, &all);
    v->lists = v->list_count > 0 ? all : none;
}

bool kn_live_is_listed(struct kn_live_view *v, const struct kn_instance *instance)
{
    load_lists(v);
    for (size_t i = 0; i < v->list_count; i++) {
        if (v->lists[i] == instance->defined->list) {
            return true;
        }
    }
    return false;
}

void kn_live_add_lists(struct kn_live_view *v)
{
    struct kn_live *live = v->f->live;
    load_lists(v);
    for (size_t i = 0; i < v->list_count; i++) {
        struct kn_live_list key = {.list = v->lists[i]};
        const struct kn_live_list *found =
            bsearch(&key, live->lists, live->list_count, sizeof key, by_list);
        if (found) {
            kn_bits_set(live->todo, found->instance);
        }
    }
    for (uint32_t i = 0; i < live->list.count; i++) {
        const struct kn_instance *at = kn_live_by_number(live, live->list.all[i].number);
        if (at && at->defined->list != 0) {
            kn_bits_set(live->todo, kn_live_index(live, at));
        }
    }
}

/* ---- made with members ---- */

struct chunk {
    uint32_t at;
    bool any;
    char bits[KN_MEMBERS_CHUNK / 8];
};

static void put_chunk(struct kn_fold *f, uint32_t number, const struct chunk *c)
{
    char key[8];
    if (c->any) {
        kn_members_key(number, c->at, key);
        kn_fold_put(f, KN_T_MEMBERS, kn_key_bytes(kn_str(key, sizeof key)),
                    kn_str(c->bits, sizeof c->bits));
    }
}

static void freeze_ordinals(struct kn_fold *f, uint32_t number, struct kn_cursor ordinals)
{
    struct chunk c = {0};
    uint64_t ordinal = 0;
    while (ordinals.p != ordinals.end) {
        ordinal += kn_take_varint(&ordinals);
        if (ordinals.bad || ordinal >= f->counters.next_ordinal) {
            break;
        }
        uint32_t at = (uint32_t)ordinal % KN_MEMBERS_CHUNK;
        if (ordinal / KN_MEMBERS_CHUNK != c.at) {
            put_chunk(f, number, &c);
            c = (struct chunk){.at = (uint32_t)ordinal / KN_MEMBERS_CHUNK};
        }
        c.bits[at / 8] = (char)(unsigned char)((unsigned char)c.bits[at / 8] | 1U << at % 8);
        c.any = true;
    }
    put_chunk(f, number, &c);
}

static void freeze_members(struct kn_fold *f, uint32_t number, struct kn_str segment)
{
    const struct kn_instance *source = NULL;
    for (uint32_t i = 0; i < f->live->count && !source; i++) { /* the index is not made yet */
        const struct kn_instance *at = f->live->all[i];
        bool serves = at->record.status == KN_SEGMENT_READY && !at->record.computed;
        source = serves && kn_str_eq(at->record.key, segment) ? at : NULL;
    }
    for (uint32_t i = 0; source && i <= f->counters.next_ordinal / KN_MEMBERS_CHUNK; i++) {
        char from[8];
        char to[8];
        kn_members_key(source->record.number, i, from);
        kn_members_key(number, i, to);
        struct kn_str bits = kn_fold_get(f, KN_T_MEMBERS, kn_key_bytes(kn_str(from, sizeof from)));
        if (bits.p) {
            bits = kn_arena_str(&f->arena, bits);
            kn_assert(bits.p != NULL);
            kn_fold_put(f, KN_T_MEMBERS, kn_key_bytes(kn_str(to, sizeof to)), bits);
            kn_arena_clear(&f->arena);
        }
    }
}

void kn_live_freeze(struct kn_fold *f, const struct kn_instance *instance)
{
    uint32_t number = instance->record.number | KN_KNOWN_BIT;
    enum kn_list_act act;
    uint64_t list;
    struct kn_cursor ordinals;
    if (instance->defined->snapshot_of.len > 0) {
        freeze_members(f, number, instance->defined->snapshot_of);
    } else if (f->frozen_list && kn_list_body_read(f->frozen_list->body, &act, &list, &ordinals) &&
               list == instance->defined->list) {
        freeze_ordinals(f, number, ordinals);
    }
}

/* Who was merged since is on it as the survivor. */
bool kn_live_install_listed(struct kn_fold *f, struct kn_instance *instance, uint32_t ordinal)
{
    struct kn_live_why why = {.cause = KN_CAUSE_DEFINITION, .now_us = f->now_us};
    struct kn_hot hot;
    if (!kn_members_marked(f, instance->record.number | KN_KNOWN_BIT, ordinal)) {
        return false;
    }
    while (kn_hot_decode(kn_fold_get(f, KN_T_HOT, kn_key_u32(ordinal)), &hot) &&
           hot.canonical != 0) {
        ordinal = hot.canonical;
    }
    if (!kn_fold_get(f, KN_T_HOT, kn_key_u32(ordinal)).p) {
        return false;
    }
    kn_fold_list_person(f, &kn_person_load(f, ordinal)->p, instance->defined->list);
    kn_members_load(f, ordinal, &f->live->list);
    kn_live_settle(f, instance, true, KN_STR_EMPTY, INT64_MAX, &why, true);
    kn_live_finish_list(f);
    kn_arena_clear(&f->arena);
    return true;
}
