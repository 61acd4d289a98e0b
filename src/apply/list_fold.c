/* Who is on a list: LIST items, and the table of listed identifiers. */
#include "apply/defined.h"
#include "apply/fold.h"
#include "apply/lists.h"
#include "base/assert.h"

/* ---- bodies ---- */

void kn_list_body_begin(enum kn_list_act act, uint64_t list, struct kn_buf *out)
{
    kn_buf_char(out, (char)act);
    kn_buf_le64(out, list);
}

void kn_list_body_add(struct kn_h128 identifier, struct kn_buf *out)
{
    kn_buf_le64(out, identifier.lo);
    kn_buf_le64(out, identifier.hi);
}

void kn_list_body_ordinals(const uint64_t *bits, size_t words, struct kn_buf *out)
{
    uint64_t last = 0;
    for (size_t i = 0; i < words; i++) {
        for (uint64_t left = bits[i]; left != 0; left &= left - 1) {
            uint64_t ordinal = i * 64 + (unsigned)__builtin_ctzll(left);
            kn_buf_varint(out, ordinal - last);
            last = ordinal;
        }
    }
}

bool kn_list_body_read(struct kn_str body, enum kn_list_act *ret_act, uint64_t *ret_list,
                       struct kn_cursor *ret_rest)
{
    struct kn_cursor c = kn_cursor(body);
    unsigned act = kn_take_u8(&c);
    *ret_list = kn_take_le64(&c);
    *ret_act = (enum kn_list_act)act;
    *ret_rest = c;
    return !c.bad && act >= KN_LIST_ADD && act <= KN_LIST_FREEZE;
}

/* ---- identifiers ---- */

bool kn_fold_is_listed(struct kn_fold *f, struct kn_h128 identifier)
{
    return f->settings->list_count > 0 && kn_fold_get(f, KN_T_LISTED, kn_key_h128(identifier)).p;
}

/* The lists of an identifier but for `list`, into the scratch buffer; those that are gone go.
 * False: `list` was not among them. */
static bool others(struct kn_fold *f, struct kn_h128 identifier, uint64_t list)
{
    struct kn_cursor c = kn_cursor(kn_fold_get(f, KN_T_LISTED, kn_key_h128(identifier)));
    bool found = false;
    while (c.p != c.end) {
        uint64_t other = kn_take_le64(&c);
        kn_assert(!c.bad);
        found = found || other == list;
        if (other != list && kn_settings_has_list(f->settings, other)) {
            kn_buf_le64(&f->scratch, other);
        }
    }
    return found;
}

static void put(struct kn_fold *f, struct kn_h128 identifier)
{
    kn_assert(f->scratch.rc == KN_OK);
    if (f->scratch.len > 0) {
        kn_fold_put(f, KN_T_LISTED, kn_key_h128(identifier), kn_buf_view(&f->scratch));
    } else {
        kn_fold_remove(f, KN_T_LISTED, kn_key_h128(identifier));
    }
    kn_buf_clear(&f->scratch);
}

static void enlist(struct kn_fold *f, struct kn_h128 identifier, uint64_t list)
{
    bool there = others(f, identifier, list);
    kn_buf_le64(&f->scratch, list);
    if (there) {
        kn_buf_clear(&f->scratch);
    } else {
        put(f, identifier);
    }
}

static void strike(struct kn_fold *f, struct kn_h128 identifier, uint64_t list)
{
    if (others(f, identifier, list)) {
        put(f, identifier);
    } else {
        kn_buf_clear(&f->scratch);
    }
}

/* ---- profiles ---- */

const struct kn_profile_identifier *kn_list_identifier(const struct kn_identity_rules *rules,
                                                       const struct kn_profile *p)
{
    const struct kn_profile_identifier *best = NULL;
    for (size_t i = 0; i < p->id_count; i++) {
        const struct kn_profile_identifier *id = &p->ids[i];
        if (!best ||
            kn_identity_precedence(rules, id->type, id->value, best->type, best->value) < 0) {
            best = id;
        }
    }
    return best;
}

static size_t note(uint64_t *lists, size_t count, uint64_t list)
{
    size_t at = 0;
    while (at < count && lists[at] != list) {
        at++;
    }
    lists[at] = list;
    return at == count ? count + 1 : count;
}

size_t kn_fold_lists_of(struct kn_fold *f, const struct kn_profile *p, uint64_t **ret)
{
    size_t count = 0;
    size_t room = 16;
    uint64_t *all = kn_arena_zero(&f->arena, room, sizeof *all);
    for (size_t i = 0; i < p->id_count; i++) {
        struct kn_str value = kn_fold_get(f, KN_T_LISTED, kn_key_h128(p->ids[i].hash));
        struct kn_cursor c = kn_cursor(value);
        if (count + value.len / 8 > room) {
            uint64_t *fewer = all;
            room = (count + value.len / 8) * 2;
            all = kn_arena_zero(&f->arena, room, sizeof *all);
            kn_assert(all != NULL && fewer != NULL);
            memcpy(all, fewer, count * sizeof *all);
        }
        kn_assert(all != NULL);
        while (c.p != c.end) {
            count = note(all, count, kn_take_le64(&c));
        }
    }
    *ret = all;
    return count;
}

void kn_fold_list_person(struct kn_fold *f, const struct kn_profile *p, uint64_t list)
{
    const struct kn_profile_identifier *id = kn_list_identifier(f->settings->identity, p);
    if (id) {
        enlist(f, id->hash, list);
    }
}

static void strike_person(struct kn_fold *f, uint32_t ordinal, uint64_t list)
{
    struct kn_person *person = kn_person_load(f, ordinal);
    for (size_t i = 0; i < person->p.id_count; i++) {
        strike(f, person->p.ids[i].hash, list);
    }
    kn_arena_clear(&f->arena);
}

/* ---- items ---- */

static bool is_list(const struct kn_fold *f, struct kn_str key, uint64_t list)
{
    const struct kn_defined *d = kn_settings_defined(f->settings, key);
    return d && d->list == list;
}

void kn_fold_list(struct kn_fold *f, const struct kn_item *item)
{
    enum kn_list_act act;
    uint64_t list;
    struct kn_cursor c;
    if (!kn_list_body_read(item->body, &act, &list, &c) || !is_list(f, item->name, list)) {
        return; /* gone in the meantime */
    }
    if (act == KN_LIST_FREEZE) {
        f->frozen_list = item;
        return;
    }
    f->touched.off = false; /* it may be the first definition there is */
    while (c.end - c.p >= 16) {
        struct kn_h128 hash = {0};
        uint32_t ordinal;
        uint32_t slot;
        hash.lo = kn_take_le64(&c);
        hash.hi = kn_take_le64(&c);
        if (!kn_fold_identifier(f, hash, &ordinal, &slot)) {
            continue; /* of nobody any more */
        }
        if (act == KN_LIST_ADD) {
            enlist(f, hash, list);
        } else {
            strike_person(f, ordinal, list);
        }
        kn_touch(f, ordinal, KN_CHANGED_LISTED);
    }
}
