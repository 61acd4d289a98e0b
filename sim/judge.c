#include "sim/judge.h"

#include <inttypes.h>
#include <stdio.h>

#include "sim/judge_internal.h"

/* ---- tools ---- */

bool judge_differs(struct judge *j, const char *about, const char *what, struct kn_str got,
                   struct kn_str wanted)
{
    (void)snprintf(j->text, j->text_len, "%s: %s: %.*s, expected %.*s", about, what,
                   KN_STR_ARG(got), KN_STR_ARG(wanted));
    return false;
}

bool judge_number(struct judge *j, const char *about, const char *what, int64_t got, int64_t wanted)
{
    char a[24];
    char b[24];
    if (got == wanted) {
        return true;
    }
    (void)snprintf(a, sizeof a, "%" PRId64, got);
    (void)snprintf(b, sizeof b, "%" PRId64, wanted);
    return judge_differs(j, about, what, kn_str_c(a), kn_str_c(b));
}

struct kn_str judge_raw(const struct judge *j, uint32_t object, const char *key)
{
    uint32_t node = kn_json_find(&j->w->doc, object, kn_str_c(key));
    return node == KN_JSON_NONE ? KN_STR_EMPTY : kn_json_raw(&j->w->doc, node);
}

struct kn_str judge_string(const struct judge *j, uint32_t object, const char *key)
{
    return kn_json_string(&j->w->doc, kn_json_find(&j->w->doc, object, kn_str_c(key)),
                          &j->w->arena);
}

static int64_t number_at(const struct judge *j, const char *path)
{
    int64_t value = -1;
    (void)kn_json_i64(&j->w->doc, kn_json_path(&j->w->doc, 0, path), &value);
    return value;
}

/* ---- who is who ---- */

static bool find_owners(struct judge *j)
{
    for (unsigned k = 0; k < SIM_IDS; k++) {
        char value[32];
        enum sim_id_type type = (enum sim_id_type)(k / SIM_IDS_EACH);
        sim_id_value(type, k % SIM_IDS_EACH + 1, value);
        struct kn_http_pair pair = {kn_str_c(sim_id_type_name(type)), kn_str_c(value)};
        bool there = world_get(j->w, "/profiles", &pair, 1);
        bool wanted = j->o->view.owner[k] != ORACLE_NOBODY;
        if (there != wanted || (!there && j->w->response.status != 404)) {
            return judge_number(j, value, "status of the look-up", j->w->response.status,
                                wanted ? 200 : 404);
        }
        struct kn_str id = there ? judge_string(j, 0, "id") : KN_STR_EMPTY;
        (void)snprintf(j->ids[k], sizeof j->ids[k], "%.*s", KN_STR_ARG(id));
    }
    return true;
}

static bool check_partition(struct judge *j)
{
    const int *owner = j->o->view.owner;
    for (unsigned a = 0; a < SIM_IDS; a++) {
        for (unsigned b = 0; b < a; b++) {
            bool together = strcmp(j->ids[a], j->ids[b]) == 0;
            if (owner[a] != ORACLE_NOBODY && owner[b] != ORACLE_NOBODY &&
                together != (owner[a] == owner[b])) {
                char pair[70];
                char value[2][32];
                sim_id_value((enum sim_id_type)(a / SIM_IDS_EACH), a % SIM_IDS_EACH + 1, value[0]);
                sim_id_value((enum sim_id_type)(b / SIM_IDS_EACH), b % SIM_IDS_EACH + 1, value[1]);
                (void)snprintf(pair, sizeof pair, "%s and %s", value[0], value[1]);
                return judge_number(j, pair, "one person", together, !together);
            }
        }
    }
    return true;
}

/* Where no rule ever kept anything apart, persons are the connected components of the identifiers.
 */
static bool check_components(struct judge *j)
{
    const struct oracle *o = j->o;
    unsigned group[SIM_IDS];
    for (unsigned k = 0; k < SIM_IDS; k++) {
        group[k] = k;
    }
    for (size_t i = 0; i < o->count && !o->view.forced; i++) {
        const struct oracle_item *item = &o->items[i];
        unsigned first = SIM_IDS;
        for (unsigned t = 0; o->view.person[i] != ORACLE_NOBODY && t < SIM_ID_TYPES; t++) {
            bool linked = item->kind == ORACLE_MESSAGE && item->message.ids[t] != 0;
            unsigned id = linked ? oracle_id((enum sim_id_type)t, item->message.ids[t])
                          : item->kind == ORACLE_MERGE && t < 2 ? item->ids[t]
                                                                : SIM_IDS;
            unsigned other = id < SIM_IDS ? group[id] : 0;
            first = first == SIM_IDS ? id : first;
            for (unsigned k = 0; id < SIM_IDS && k < SIM_IDS; k++) {
                group[k] = group[k] == other ? group[first] : group[k];
            }
        }
    }
    for (unsigned a = 0; a < SIM_IDS && !o->view.forced; a++) {
        for (unsigned b = 0; b < a; b++) {
            if (j->ids[a][0] && j->ids[b][0] &&
                (strcmp(j->ids[a], j->ids[b]) == 0) != (group[a] == group[b])) {
                return judge_number(j, j->ids[a], "connected", group[a] != group[b],
                                    group[a] == group[b]);
            }
        }
    }
    return true;
}

/* ---- what they are ---- */

static bool check_identifiers(struct judge *j, int person, const char *id)
{
    const struct kn_json *doc = &j->w->doc;
    uint32_t list = kn_json_find(doc, 0, KN_STR("identifiers"));
    int64_t shown = 0;
    int64_t wanted = 0;
    for (unsigned k = 0; k < SIM_IDS; k++) {
        wanted += j->o->view.owner[k] == person;
    }
    for (uint32_t i = list + 1; i < doc->nodes[list].next; i = doc->nodes[i].next) {
        shown++;
    }
    return judge_number(j, id, "number of identifiers", shown, wanted);
}

static bool check_lists(struct judge *j, int person, const char *id)
{
    const struct kn_json *doc = &j->w->doc;
    uint32_t all = kn_json_find(doc, 0, KN_STR("segments"));
    for (unsigned list = 0; list < ORACLE_LISTS; list++) {
        char key[8];
        bool in = false;
        (void)snprintf(key, sizeof key, "l%u", list);
        for (uint32_t i = all + 1; i < doc->nodes[all].next; i = doc->nodes[i].next) {
            in = in || kn_str_eq(judge_string(j, i, "key"), kn_str_c(key));
        }
        if (in != oracle_listed(j->o, person, list)) {
            return judge_number(j, id, key, in, !in);
        }
    }
    return true;
}

static bool check_traits(struct judge *j, int person, const char *id)
{
    uint32_t traits = kn_json_find(&j->w->doc, 0, KN_STR("traits"));
    for (int t = 0; t < SIM_TRAITS; t++) {
        char key[8];
        char text[16] = "";
        int wanted = oracle_trait(j->o, person, t);
        (void)snprintf(key, sizeof key, "t%d", t);
        if (wanted >= 0) {
            (void)snprintf(text, sizeof text, "%d", wanted);
        }
        if (!kn_str_eq(judge_raw(j, traits, key), kn_str_c(text))) {
            return judge_differs(j, id, key, judge_raw(j, traits, key), kn_str_c(text));
        }
    }
    static const enum sim_id_type contacts[] = {SIM_EMAIL, SIM_PHONE};
    for (size_t i = 0; i < 2; i++) {
        char text[32] = "";
        const char *key = sim_id_type_name(contacts[i]);
        unsigned wanted = oracle_contact(j->o, person, contacts[i]);
        if (wanted > 0) {
            sim_id_value(contacts[i], wanted, text);
        }
        if (!kn_str_eq(judge_string(j, traits, key), kn_str_c(text))) {
            return judge_differs(j, id, key, judge_string(j, traits, key), kn_str_c(text));
        }
    }
    return true;
}

static bool check_consents(struct judge *j, int person, const char *id)
{
    static const char *const words[] = {"", "granted", "denied", "conflict"};
    const struct kn_json *doc = &j->w->doc;
    uint32_t list = kn_json_find(doc, 0, KN_STR("consents"));
    for (unsigned p = 0; p < SIM_PURPOSES; p++) {
        const char *purpose = sim_purpose_name((enum sim_purpose)p);
        struct kn_str shown = KN_STR_EMPTY;
        for (uint32_t i = list + 1; i < doc->nodes[list].next; i = doc->nodes[i].next) {
            if (kn_str_eq(judge_string(j, i, "purpose"), kn_str_c(purpose))) {
                shown = judge_string(j, i, "state");
            }
        }
        const char *wanted = words[j->o->view.consents[person][p].state];
        if (!kn_str_eq(shown, kn_str_c(wanted))) {
            return judge_differs(j, id, purpose, shown, kn_str_c(wanted));
        }
    }
    return true;
}

/* "12.34" as cents; what the API shows has the currency's decimals, or none. */
static int64_t cents(struct kn_str text)
{
    bool negative = text.len > 0 && text.p[0] == '-';
    uint64_t whole = 0;
    uint64_t part = 0;
    text = kn_str_sub(text, negative ? 1 : 0, text.len);
    (void)kn_str_u64(kn_str_split(&text, '.'), &whole);
    if (kn_str_u64(text, &part) && text.len == 1) {
        part *= 10;
    }
    int64_t sum = (int64_t)(whole * 100 + part);
    return negative ? -sum : sum;
}

static int64_t revenue(const struct judge *j, const char *currency)
{
    const struct kn_json *doc = &j->w->doc;
    uint32_t list = kn_json_path(doc, 0, "counters.revenue");
    int64_t sum = 0;
    for (uint32_t i = list + 1; i < doc->nodes[list].next; i = doc->nodes[i].next) {
        if (kn_str_eq(judge_string(j, i, "currency"), kn_str_c(currency))) {
            sum += cents(judge_raw(j, i, "amount"));
        }
    }
    return sum;
}

static bool check_counters(struct judge *j, int person, const char *id)
{
    struct oracle_money money = oracle_orders(j->o, person);
    return judge_number(j, id, "events", number_at(j, "counters.events"),
                        (int64_t)oracle_events(j->o, person)) &&
           judge_number(j, id, "sessions", number_at(j, "counters.sessions"),
                        (int64_t)oracle_sessions(j->o, person)) &&
           judge_number(j, id, "orders", number_at(j, "counters.orders"), (int64_t)money.orders) &&
           judge_number(j, id, "cents of EUR", revenue(j, "EUR"), money.eur) &&
           judge_number(j, id, "cents of USD", revenue(j, "USD"), money.usd);
}

static bool check_person(struct judge *j, int person, const char *id)
{
    char path[80];
    (void)snprintf(path, sizeof path, "/profiles/%s", id);
    if (!world_get(j->w, path, NULL, 0)) {
        return judge_number(j, id, "status", j->w->response.status, 200);
    }
    return check_identifiers(j, person, id) && check_lists(j, person, id) &&
           check_traits(j, person, id) && check_consents(j, person, id) &&
           check_counters(j, person, id) && judge_timeline(j, person, id);
}

bool judge(struct world *w, struct oracle *o, char *ret, size_t ret_len)
{
    struct judge j = {.w = w, .o = o, .text = ret, .text_len = ret_len};
    oracle_fold(o);
    if (!find_owners(&j) || !check_partition(&j) || !check_components(&j) || !judge_sources(&j)) {
        return false;
    }
    for (unsigned k = 0; k < SIM_IDS; k++) {
        bool first = o->view.owner[k] != ORACLE_NOBODY;
        for (unsigned before = 0; before < k; before++) {
            first = first && o->view.owner[before] != o->view.owner[k];
        }
        if (first && !check_person(&j, o->view.owner[k], j.ids[k])) {
            return false;
        }
    }
    return true;
}
