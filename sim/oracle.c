#include "sim/oracle.h"

#include "base/assert.h"

/* ---- what was sent ---- */

void oracle_forget(struct oracle *o, size_t index)
{
    const struct oracle_frame gone = o->frames[index];
    memmove(&o->items[gone.first], &o->items[gone.first + gone.count],
            (o->count - gone.first - gone.count) * sizeof o->items[0]);
    memmove(&o->frames[index], &o->frames[index + 1],
            (o->frame_count - index - 1) * sizeof o->frames[0]);
    o->count -= gone.count;
    o->frame_count--;
    for (size_t i = index; i < o->frame_count; i++) {
        o->frames[i].first -= gone.count;
    }
}

bool oracle_settle(struct oracle *o, uint64_t durable)
{
    while (o->frame_count > 0 && o->frames[o->frame_count - 1].seq > durable) {
        if (o->frames[o->frame_count - 1].acked) {
            return false;
        }
        oracle_forget(o, o->frame_count - 1);
    }
    for (size_t i = 0; i < o->frame_count; i++) {
        o->frames[i].acked = true; /* it is there, so it stays */
    }
    return true;
}

/* ---- persons ---- */

static size_t ids_of(const struct oracle_item *item, unsigned ids[SIM_ID_TYPES + ORACLE_OPS_IDS])
{
    size_t count = 0;
    for (size_t i = 0; i < item->id_count; i++) {
        ids[count++] = item->ids[i];
    }
    for (unsigned t = 0; item->kind == ORACLE_MESSAGE && t < SIM_ID_TYPES; t++) {
        if (item->message.ids[t] != 0) {
            ids[count++] = oracle_id((enum sim_id_type)t, item->message.ids[t]);
        }
    }
    return count;
}

/* Would all owners of these identifiers, and the identifiers, break a rule as one person? */
static bool breaks(const struct oracle_view *v, const unsigned *limits, const unsigned *ids,
                   size_t count)
{
    bool in[SIM_IDS] = {false};
    unsigned per_type[SIM_ID_TYPES] = {0};
    for (size_t i = 0; i < count; i++) {
        in[ids[i]] = true;
        for (unsigned k = 0; k < SIM_IDS; k++) {
            in[k] = in[k] || (v->owner[k] != ORACLE_NOBODY && v->owner[k] == v->owner[ids[i]]);
        }
    }
    for (unsigned a = 0; a < SIM_IDS; a++) {
        per_type[a / SIM_IDS_EACH] += in[a];
        for (unsigned b = 0; b < SIM_IDS; b++) {
            if (in[a] && in[b] && v->forbidden[a][b]) {
                return true;
            }
        }
    }
    for (unsigned t = 0; t < SIM_ID_TYPES; t++) {
        if (per_type[t] > limits[t]) {
            return true;
        }
    }
    return false;
}

/* All of them are one person's already: nothing is joined. */
static bool is_one(const struct oracle_view *v, const unsigned *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (v->owner[ids[i]] == ORACLE_NOBODY || v->owner[ids[i]] != v->owner[ids[0]]) {
            return false;
        }
    }
    return true;
}

static size_t demote(unsigned *ids, size_t count)
{
    size_t weakest = 0;
    for (size_t i = 1; i < count; i++) {
        weakest = ids[i] / SIM_IDS_EACH >= ids[weakest] / SIM_IDS_EACH ? i : weakest;
    }
    memmove(&ids[weakest], &ids[weakest + 1], (count - weakest - 1) * sizeof *ids);
    return count - 1;
}

static size_t resolve(struct oracle *o, unsigned *ids, size_t count)
{
    while (count > 1 && !is_one(&o->view, ids, count) && breaks(&o->view, o->limits, ids, count)) {
        count = demote(ids, count);
        o->view.forced = true;
    }
    return count;
}

static void merge_consents(struct oracle_consent *a, const struct oracle_consent *b)
{
    for (unsigned p = 0; p < SIM_PURPOSES; p++) {
        int64_t at = a[p].at_us > b[p].at_us ? a[p].at_us : b[p].at_us;
        if (b[p].state == SIM_UNSAID) {
            continue;
        }
        bool clash = a[p].state != SIM_UNSAID && a[p].state != b[p].state;
        a[p] = (struct oracle_consent){clash ? SIM_CONFLICT : b[p].state, at};
    }
}

static int join(struct oracle_view *v, const unsigned *ids, size_t count, size_t items)
{
    int person = ORACLE_NOBODY;
    for (size_t i = 0; i < count; i++) {
        int other = v->owner[ids[i]];
        if (other == ORACLE_NOBODY || other == person) {
            continue;
        }
        if (person == ORACLE_NOBODY) {
            person = other;
            continue;
        }
        merge_consents(v->consents[person], v->consents[other]);
        for (unsigned k = 0; k < SIM_IDS; k++) {
            v->owner[k] = v->owner[k] == other ? person : v->owner[k];
        }
        for (size_t k = 0; k < items; k++) {
            v->person[k] = v->person[k] == other ? person : v->person[k];
        }
    }
    return person;
}

/* ---- one item ---- */

static void apply_consents(struct oracle_view *v, const struct oracle_item *item, int person)
{
    const struct sim_message *m = &item->message;
    struct oracle_consent *mine = v->consents[person];
    if (!m->preferences) {
        return;
    }
    for (unsigned p = 0; p < SIM_PURPOSES; p++) {
        enum sim_state said = m->states[p];
        /* A cookie banner that leaves a category out denies it; it says nothing about letters. */
        if (said == SIM_UNSAID && item->kind == ORACLE_MESSAGE && p != SIM_MARKETING_EMAIL &&
            mine[p].state != SIM_UNSAID) {
            said = SIM_DENIED;
        }
        if (said != SIM_UNSAID && m->received_us >= mine[p].at_us) {
            mine[p] = (struct oracle_consent){said, m->received_us};
        }
    }
}

/* Persons before `inside` are no part of a history that is applied again (0: all are). */
static int apply_person(struct oracle *o, size_t index, int inside)
{
    struct oracle_view *v = &o->view;
    const struct oracle_item *item = &o->items[index];
    unsigned ids[SIM_ID_TYPES + ORACLE_OPS_IDS];
    unsigned all[SIM_ID_TYPES + ORACLE_OPS_IDS];
    size_t all_count = ids_of(item, all);
    size_t count = 0;
    for (size_t i = 0; i < all_count; i++) {
        if (v->owner[all[i]] == ORACLE_NOBODY || v->owner[all[i]] >= inside) {
            ids[count++] = all[i];
        }
    }
    if (count == 0) {
        return ORACLE_NOBODY;
    }
    count = resolve(o, ids, count);
    int person = join(v, ids, count, index);
    if (person == ORACLE_NOBODY && item->kind != ORACLE_MESSAGE && inside == 0) {
        return ORACLE_NOBODY; /* it was about somebody who is gone */
    }
    person = person == ORACLE_NOBODY ? v->persons++ : person;
    for (size_t i = 0; i < count; i++) {
        v->owner[ids[i]] = person;
    }
    apply_consents(v, item, person);
    return person;
}

static void apply_merge(struct oracle *o, size_t index)
{
    const struct oracle_item *item = &o->items[index];
    unsigned ids[2] = {item->ids[0], item->ids[1]};
    bool gone = o->view.owner[ids[0]] == ORACLE_NOBODY || o->view.owner[ids[1]] == ORACLE_NOBODY;
    bool same = !gone && o->view.owner[ids[0]] == o->view.owner[ids[1]];
    if (!gone && (same || !breaks(&o->view, o->limits, ids, 2))) {
        o->view.person[index] = apply_person(o, index, 0);
    }
}

/* ---- un-merge ---- */

static bool contains(const struct oracle_item *item, unsigned id)
{
    for (size_t i = 0; i < item->id_count; i++) {
        if (item->ids[i] == id) {
            return true;
        }
    }
    return false;
}

static bool may_split(const struct oracle_view *v, const struct oracle_item *item)
{
    int person = v->owner[item->ids[0]];
    bool remains = false;
    for (size_t i = 0; i < item->id_count; i++) {
        if (person == ORACLE_NOBODY || v->owner[item->ids[i]] != person) {
            return false;
        }
    }
    for (unsigned k = 0; k < SIM_IDS; k++) {
        remains = remains || (v->owner[k] == person && !contains(item, k));
    }
    return remains;
}

static int owner_inside(const struct oracle_view *v, const struct oracle_item *item, int inside)
{
    for (size_t i = 0; i < item->id_count; i++) {
        if (v->owner[item->ids[i]] >= inside) {
            return v->owner[item->ids[i]];
        }
    }
    return ORACLE_NOBODY;
}

static int apply_again(struct oracle *o, size_t index, int inside)
{
    int owner = o->items[index].kind == ORACLE_UNMERGE
                    ? owner_inside(&o->view, &o->items[index], inside)
                    : ORACLE_NOBODY;
    return owner != ORACLE_NOBODY ? owner : apply_person(o, index, inside);
}

static void apply_unmerge(struct oracle *o, size_t index)
{
    struct oracle_view *v = &o->view;
    const struct oracle_item *item = &o->items[index];
    if (!may_split(v, item)) {
        return;
    }
    int person = v->owner[item->ids[0]];
    int inside = v->persons;
    for (unsigned a = 0; a < SIM_IDS; a++) {
        for (unsigned b = 0; v->owner[a] == person && contains(item, a) && b < SIM_IDS; b++) {
            if (v->owner[b] == person && !contains(item, b)) {
                v->forbidden[a][b] = v->forbidden[b][a] = true;
            }
        }
    }
    for (unsigned k = 0; k < SIM_IDS; k++) {
        v->owner[k] = v->owner[k] == person ? ORACLE_NOBODY : v->owner[k];
    }
    for (size_t i = 0; i < index; i++) {
        if (v->person[i] == person) {
            v->person[i] = apply_again(o, i, inside);
        }
    }
    int split = owner_inside(v, item, inside);
    v->person[index] = split != ORACLE_NOBODY ? split : apply_person(o, index, inside);
    v->forced = true;
}

/* ---- lists ---- */

static void apply_list(struct oracle_view *v, const struct oracle_item *item)
{
    bool *listed = v->listed[item->list];
    bool makes = item->kind == ORACLE_LIST_MADE;
    if (makes || item->kind == ORACLE_LIST_GONE) {
        v->list_there[item->list] = makes;
        memset(listed, 0, SIM_IDS * sizeof *listed);
        return;
    }
    for (size_t i = 0; v->list_there[item->list] && i < item->id_count; i++) {
        int person = v->owner[item->ids[i]];
        for (unsigned k = 0; person != ORACLE_NOBODY && k < SIM_IDS; k++) {
            if (item->kind == ORACLE_LIST_ADD && k == item->ids[i]) {
                listed[k] = true;
            } else if (item->kind == ORACLE_LIST_REMOVE && v->owner[k] == person) {
                listed[k] = false;
            }
        }
    }
}

bool oracle_listed(const struct oracle *o, int person, unsigned list)
{
    bool any = false;
    for (unsigned k = 0; k < SIM_IDS; k++) {
        any = any || (o->view.owner[k] == person && o->view.listed[list][k]);
    }
    return any;
}

/* ---- the fold ---- */

static bool came_before(const struct oracle *o, size_t index)
{
    const struct sim_message *m = &o->items[index].message;
    for (size_t i = 0; i < index; i++) {
        const struct sim_message *other = &o->items[i].message;
        if (o->items[i].kind == ORACLE_MESSAGE && other->fault == SIM_GOOD &&
            other->number == m->number && other->source == m->source) {
            return true;
        }
    }
    return false;
}

void oracle_fold(struct oracle *o)
{
    struct oracle_view *v = &o->view;
    memset(v, 0, sizeof *v);
    for (unsigned k = 0; k < SIM_IDS; k++) {
        v->owner[k] = ORACLE_NOBODY;
    }
    for (size_t i = 0; i < o->count; i++) {
        const struct oracle_item *item = &o->items[i];
        v->person[i] = ORACLE_NOBODY;
        kn_assert(v->persons < ORACLE_ITEMS - 100);
        switch (item->kind) {
        case ORACLE_MESSAGE:
            v->duplicate[i] = item->message.fault == SIM_GOOD && came_before(o, i);
            if (item->message.fault == SIM_GOOD && !v->duplicate[i]) {
                v->person[i] = apply_person(o, i, 0);
            }
            break;
        case ORACLE_CONSENT: v->person[i] = apply_person(o, i, 0); break;
        case ORACLE_MERGE: apply_merge(o, i); break;
        case ORACLE_UNMERGE: apply_unmerge(o, i); break;
        case ORACLE_LIST_MADE:
        case ORACLE_LIST_GONE:
        case ORACLE_LIST_ADD:
        case ORACLE_LIST_REMOVE: apply_list(v, item); break;
        case ORACLE_BROKEN: break;
        }
    }
}
