/* The timeline of a person, row by row and field by field; the counters and rejects of the sources.
 */
#include <stdio.h>

#include "format/time_text.h"
#include "sim/judge_internal.h"

/* ---- one row ---- */

static bool check_text(struct judge *j, uint32_t row, const char *key, const char *wanted)
{
    struct kn_str got = judge_string(j, row, key);
    struct kn_str id = judge_string(j, row, "message_id");
    char about[32];
    (void)snprintf(about, sizeof about, "%.*s", KN_STR_ARG(id));
    return kn_str_eq(got, kn_str_c(wanted)) || judge_differs(j, about, key, got, kn_str_c(wanted));
}

static bool check_time(struct judge *j, uint32_t row, const char *key, int64_t at_us)
{
    char text[KN_TIME_TEXT_MAX];
    (void)kn_time_format(at_us, text);
    return check_text(j, row, key, text);
}

static bool check_object(struct judge *j, uint32_t row, const char *key,
                         void (*write)(const struct sim_message *, struct kn_buf *),
                         const struct sim_message *m)
{
    struct kn_buf text;
    kn_buf_init(&text, 4096);
    write(m, &text);
    struct kn_str got = judge_raw(j, row, key);
    bool same = kn_str_eq(got, kn_buf_view(&text));
    if (!same) {
        char about[16];
        (void)snprintf(about, sizeof about, "m-%u", m->number);
        (void)judge_differs(j, about, key, got, kn_buf_view(&text));
    }
    kn_buf_deinit(&text);
    return same;
}

static bool check_id(struct judge *j, uint32_t row, const char *key, const struct sim_message *m,
                     enum sim_id_type type)
{
    char value[32] = "";
    if (m->ids[type] != 0) {
        sim_id_value(type, m->ids[type], value);
    }
    return check_text(j, row, key, value);
}

static int64_t members(const struct kn_json *doc, uint32_t row)
{
    int64_t count = 0;
    for (uint32_t i = row + 1; i < doc->nodes[row].next; i = doc->nodes[i].next) {
        count++;
    }
    return count;
}

static bool check_message(struct judge *j, uint32_t row, const struct sim_message *m)
{
    char id[24];
    const char *event = sim_message_event(m);
    (void)snprintf(id, sizeof id, "m-%u", m->number);
    /* message_id, type, event, timestamp, received_at, source, given_timestamp, sent_at,
     * properties, context */
    int64_t wanted = 10 + (m->ids[SIM_USER] != 0) + (m->ids[SIM_ANON] != 0) +
                     (m->call == SIM_IDENTIFY) + (m->call == SIM_ALIAS);
    return check_text(j, row, "message_id", id) &&
           check_text(j, row, "type", sim_message_type(m->call)) &&
           check_text(j, row, "event", event ? event : "") &&
           check_time(j, row, "timestamp", m->event_us) &&
           check_time(j, row, "received_at", m->received_us) &&
           check_text(j, row, "source", j->w->sources[m->source]) &&
           check_id(j, row, "user_id", m, SIM_USER) &&
           check_id(j, row, "anonymous_id", m, SIM_ANON) &&
           check_time(j, row, "given_timestamp", m->event_us + m->skew_us) &&
           check_time(j, row, "sent_at", m->received_us + m->skew_us) &&
           check_object(j, row, "properties", sim_message_properties, m) &&
           check_object(j, row, "context", sim_message_context, m) &&
           (m->call != SIM_IDENTIFY || check_object(j, row, "traits", sim_message_traits, m)) &&
           judge_number(j, id, "number of fields", members(&j->w->doc, row), wanted);
}

static bool check_row(struct judge *j, uint32_t row, const struct oracle_item *item)
{
    static const char *const kinds[] = {"", "", "consent", "merge", "unmerge"};
    if (item->kind == ORACLE_MESSAGE) {
        return check_message(j, row, &item->message);
    }
    return check_text(j, row, "type", kinds[item->kind]) &&
           check_time(j, row, "timestamp", item->message.event_us) &&
           check_text(j, row, "source", "kern");
}

/* ---- all of them ---- */

/* The items of a person, newest first; later arrivals first at the same time. */
static size_t expected_rows(const struct oracle *o, int person, size_t rows[ORACLE_ITEMS])
{
    size_t count = 0;
    for (size_t i = 0; i < o->count; i++) {
        if (o->view.person[i] != person) {
            continue;
        }
        size_t at = count++;
        while (at > 0 && o->items[rows[at - 1]].message.event_us <= o->items[i].message.event_us) {
            rows[at] = rows[at - 1];
            at--;
        }
        rows[at] = i;
    }
    return count;
}

bool judge_timeline(struct judge *j, int person, const char *id)
{
    size_t rows[ORACLE_ITEMS];
    size_t count = expected_rows(j->o, person, rows);
    size_t seen = 0;
    char path[80];
    char cursor[200] = "";
    (void)snprintf(path, sizeof path, "/profiles/%s/events", id);
    do {
        struct kn_http_pair params[2] = {{KN_STR("limit"), KN_STR("50")},
                                         {KN_STR("cursor"), kn_str_c(cursor)}};
        if (!world_get(j->w, path, params, cursor[0] ? 2 : 1)) {
            return judge_number(j, id, "status of the timeline", j->w->response.status, 200);
        }
        const struct kn_json *doc = &j->w->doc;
        uint32_t list = kn_json_find(doc, 0, KN_STR("data"));
        for (uint32_t i = list + 1; i < doc->nodes[list].next; i = doc->nodes[i].next) {
            if (seen == count) {
                return judge_differs(j, id, "one row too many", kn_json_raw(doc, i), KN_STR_EMPTY);
            }
            if (!check_row(j, i, &j->o->items[rows[seen++]])) {
                return false;
            }
        }
        struct kn_str next = judge_string(j, 0, "next");
        (void)snprintf(cursor, sizeof cursor, "%.*s", KN_STR_ARG(next));
    } while (cursor[0]);
    return judge_number(j, id, "rows of the timeline", (int64_t)seen, (int64_t)count);
}

/* ---- sources ---- */

static bool is_reject(const struct oracle_item *item, unsigned source)
{
    return item->message.source == source &&
           (item->kind == ORACLE_BROKEN ||
            (item->kind == ORACLE_MESSAGE && item->message.fault != SIM_GOOD));
}

static bool check_rejects(struct judge *j, unsigned source, int64_t count)
{
    char path[80];
    struct kn_http_pair limit = {KN_STR("limit"), KN_STR("1000")};
    const char *about = j->w->sources[source];
    (void)snprintf(path, sizeof path, "/sources/%s/rejects", about);
    if (!world_get(j->w, path, &limit, 1)) {
        return judge_number(j, about, "status of the rejects", j->w->response.status, 200);
    }
    const struct kn_json *doc = &j->w->doc;
    uint32_t list = kn_json_find(doc, 0, KN_STR("data"));
    uint32_t row = list + 1;
    for (size_t i = j->o->count; i > 0; i--) {
        const struct oracle_item *item = &j->o->items[i - 1];
        if (!is_reject(item, source)) {
            continue;
        }
        if (row >= doc->nodes[list].next) {
            break;
        }
        const char *reason =
            item->kind == ORACLE_BROKEN ? "invalid_json" : sim_reason(item->message.fault);
        if (!kn_str_eq(judge_string(j, row, "reason"), kn_str_c(reason))) {
            return judge_differs(j, about, "reason of a reject", judge_string(j, row, "reason"),
                                 kn_str_c(reason));
        }
        row = doc->nodes[row].next;
        count--;
    }
    return judge_number(j, about, "rejects not shown", count, 0) &&
           judge_number(j, about, "rejects nobody sent", row < doc->nodes[list].next, 0);
}

bool judge_sources(struct judge *j)
{
    for (unsigned s = 0; s < SIM_SOURCES; s++) {
        static const char *const keys[] = {"events", "duplicates", "rejects"};
        int64_t wanted[3] = {0};
        char path[80];
        for (size_t i = 0; i < j->o->count; i++) {
            const struct oracle_item *item = &j->o->items[i];
            bool good = item->kind == ORACLE_MESSAGE && item->message.source == s &&
                        item->message.fault == SIM_GOOD;
            wanted[0] += good && !j->o->view.duplicate[i];
            wanted[1] += good && j->o->view.duplicate[i];
            wanted[2] += is_reject(item, s);
        }
        (void)snprintf(path, sizeof path, "/sources/%s", j->w->sources[s]);
        if (!world_get(j->w, path, NULL, 0)) {
            return judge_number(j, path, "status", j->w->response.status, 200);
        }
        uint32_t statistics = kn_json_find(&j->w->doc, 0, KN_STR("statistics"));
        for (size_t k = 0; k < 3; k++) {
            int64_t got = -1;
            (void)kn_json_i64(&j->w->doc, kn_json_find(&j->w->doc, statistics, kn_str_c(keys[k])),
                              &got);
            if (!judge_number(j, path, keys[k], got, wanted[k])) {
                return false;
            }
        }
        if (!check_rejects(j, s, wanted[2])) {
            return false;
        }
    }
    return true;
}
