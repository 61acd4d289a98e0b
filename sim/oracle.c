#include "sim/oracle.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct check {
    struct oracle *o;
    uint32_t seen[ORACLE_EVENTS_MAX]; /* how often each event was found */
    char *text;
    size_t text_len;
    bool bad;
};

static bool differs(struct check *c, const char *what, uint64_t a, uint64_t b)
{
    if (!c->bad) {
        (void)snprintf(c->text, c->text_len, "%s: %llu, expected %llu", what, (unsigned long long)a,
                       (unsigned long long)b);
    }
    c->bad = true;
    return false;
}

static bool each_event(void *context, const struct kn_archive_row *row, const struct kn_item *item)
{
    struct check *c = context;
    uint64_t number;
    if (!kn_str_u64(item->message_id, &number) || number >= c->o->count) {
        return differs(c, "an event nobody sent", 0, 1);
    }
    c->seen[number]++;
    c->o->events[number].arrival = row->arrival;
    return true;
}

/* Union-find by relabelling: the smallest identifier names the person. */
static void components(const struct oracle *o, uint32_t group[ORACLE_IDS + 1])
{
    for (uint32_t i = 0; i <= ORACLE_IDS; i++) {
        group[i] = i;
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t e = 0; e < o->count; e++) {
            const struct oracle_event *v = &o->events[e];
            for (int k = 0; v->present && k < 3; k++) {
                uint32_t a = group[v->ids[0]];
                uint32_t b = v->ids[k] ? group[v->ids[k]] : a;
                for (uint32_t i = 1; a != b && i <= ORACLE_IDS; i++) {
                    if (group[i] == (a > b ? a : b)) {
                        group[i] = a > b ? b : a;
                        changed = true;
                    }
                }
            }
        }
    }
}

static void id_text(uint32_t id, char text[16])
{
    (void)snprintf(text, 16, "id-%u", id);
}

static struct kn_profile *profile_of(struct kn_workspace *ws, uint32_t id, struct kn_arena *arena)
{
    char text[16];
    struct kn_profile *p = NULL;
    id_text(id, text);
    enum kn_rc rc = kn_read_profile_by_identifier(ws, KN_STR("anonymous_id"), kn_str_c(text), arena,
                                                  &p);
    return rc == KN_OK ? p : NULL;
}

/* The value a trait must have: latest precedence time, the later arrival on a tie. */
static int trait_value(const struct oracle *o, const uint32_t *group, uint32_t person, int trait)
{
    const struct oracle_event *best = NULL;
    int64_t best_us = 0;
    for (size_t e = 0; e < o->count; e++) {
        const struct oracle_event *v = &o->events[e];
        if (!v->present || v->trait != trait || group[v->ids[0]] != person) {
            continue;
        }
        int64_t us = v->event_us < v->received_us ? v->event_us : v->received_us;
        if (!best || us > best_us || (us == best_us && v->arrival > best->arrival)) {
            best = v;
            best_us = us;
        }
    }
    return best ? best->value : -1;
}

static int shown_value(const struct kn_profile *p, int trait)
{
    char key[8];
    uint64_t value;
    (void)snprintf(key, sizeof key, "t%d", trait);
    for (size_t i = 0; i < p->trait_count; i++) {
        if (kn_str_eq(p->traits[i].key, kn_str_c(key)) && kn_str_u64(p->traits[i].json, &value)) {
            return (int)value;
        }
    }
    return -1;
}

static bool check_person(struct check *c, struct kn_workspace *ws, const uint32_t *group,
                         uint32_t person, struct kn_arena *arena)
{
    struct kn_profile *p = profile_of(ws, person, arena);
    uint64_t events = 0;
    for (size_t e = 0; e < c->o->count; e++) {
        const struct oracle_event *v = &c->o->events[e];
        events += v->present && group[v->ids[0]] == person ? 1 : 0;
    }
    if (!p) {
        return events == 0 ? true : differs(c, "a person is missing, events", 0, events);
    }
    if (p->events != events) {
        return differs(c, "events of a person", p->events, events);
    }
    for (uint32_t i = 1; i <= ORACLE_IDS; i++) {
        const struct kn_profile *other = profile_of(ws, i, arena);
        bool together = other && other->ordinal == p->ordinal;
        if (other && together != (group[i] == group[person])) {
            return differs(c, "identifiers together", together, !together);
        }
    }
    for (int t = 0; t < ORACLE_TRAITS; t++) {
        int wanted = trait_value(c->o, group, person, t);
        if (shown_value(p, t) != wanted) {
            return differs(c, "a trait", (uint64_t)shown_value(p, t), (uint64_t)wanted);
        }
    }
    return true;
}

/* Reads every event of every person; settles what was not acknowledged. */
static bool find_events(struct check *c, struct kn_workspace *ws, struct kn_arena *arena)
{
    struct kn_archive_query q = {
        .order = KN_ARCHIVE_NEWEST_FIRST, .from_us = INT64_MIN, .to_us = INT64_MAX};
    uint32_t done[ORACLE_IDS + 1];
    size_t done_count = 0;
    for (uint32_t i = 1; i <= ORACLE_IDS; i++) {
        const struct kn_profile *p = profile_of(ws, i, arena);
        bool seen = !p;
        for (size_t k = 0; k < done_count; k++) {
            seen = seen || done[k] == p->ordinal;
        }
        if (seen) {
            continue;
        }
        struct kn_err err = {0};
        done[done_count++] = p->ordinal;
        if (kn_read_events(ws, p, &q, arena, each_event, c, &err) != KN_OK) {
            (void)snprintf(c->text, c->text_len, "events cannot be read: %s", err.text);
            return false;
        }
    }
    for (size_t e = 0; e < c->o->count && !c->bad; e++) {
        struct oracle_event *v = &c->o->events[e];
        if (c->seen[e] > 1 || (v->acked && c->seen[e] != 1)) {
            return differs(c, "times an event is there", c->seen[e], 1);
        }
        v->present = c->seen[e] == 1;
        v->acked = v->present; /* settled */
    }
    return !c->bad;
}

bool oracle_check(struct oracle *o, struct kn_workspace *ws, char *ret, size_t ret_len)
{
    struct check *c = kn_must_calloc(1, sizeof *c);
    struct kn_arena arena;
    uint32_t group[ORACLE_IDS + 1];
    c->o = o;
    c->text = ret;
    c->text_len = ret_len;
    kn_arena_init(&arena, 256 << 20);
    bool ok = find_events(c, ws, &arena);
    components(o, group);
    for (uint32_t i = 1; ok && i <= ORACLE_IDS; i++) {
        ok = group[i] != i || check_person(c, ws, group, i, &arena);
        kn_arena_clear(&arena);
    }
    kn_arena_deinit(&arena);
    kn_free(c);
    return ok;
}

void oracle_encode(const struct oracle_event *v, bool visit, struct kn_buf *items)
{
    char ids[3][16];
    char message[16];
    char traits[32];
    struct kn_item_id list[3];
    struct kn_item item = {.kind = KN_ITEM_EVENT, .type = KN_EVENT_TRACK, .source = 1};
    for (int i = 0; i < 3; i++) {
        if (v->ids[i] != 0) {
            id_text(v->ids[i], ids[i]);
            list[item.id_count++] =
                (struct kn_item_id){.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(ids[i])};
        }
    }
    (void)snprintf(message, sizeof message, "%u", v->number);
    (void)snprintf(traits, sizeof traits, "{\"t%d\":%d}", v->trait, v->value);
    item.ids = list;
    item.message_id = kn_str_c(message);
    item.event_us = v->event_us;
    item.received_us = v->received_us;
    item.name = KN_STR("Simulated");
    item.traits = v->trait >= 0 ? kn_str_c(traits) : KN_STR_EMPTY;
    item.body = KN_STR("{\"properties\":{\"filler\":\"some bytes that look like an event\"}}");
    item.visit.present = visit;
    item.visit.channel = KN_STR("direct");
    kn_item_encode(&item, items);
}
