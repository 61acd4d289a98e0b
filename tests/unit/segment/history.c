#include "tests/unit/segment/history.h"

#include <stdlib.h>

#include "base/assert.h"
#include "format/time_text.h"

enum { PLENTY = 256 };

static void *need(struct kn_arena *arena, size_t bytes)
{
    void *block = kn_arena_zero(arena, 1, bytes + 1);
    kn_assert(block);
    return block;
}

/* ---- JSON ---- */

static struct history_json read_node(const struct kn_json *doc, uint32_t at, struct kn_arena *arena)
{
    static const enum history_kind kinds[] = {
        [KN_JSON_NULL] = HISTORY_NULL,     [KN_JSON_FALSE] = HISTORY_FALSE,
        [KN_JSON_TRUE] = HISTORY_TRUE,     [KN_JSON_NUMBER] = HISTORY_NUMBER,
        [KN_JSON_STRING] = HISTORY_STRING, [KN_JSON_ARRAY] = HISTORY_ARRAY,
        [KN_JSON_OBJECT] = HISTORY_OBJECT};
    struct history_json json = {.kind = kinds[doc->nodes[at].type]};
    if (json.kind == HISTORY_STRING) {
        json.text = kn_arena_str(arena, kn_json_string(doc, at, arena));
    } else if (json.kind == HISTORY_NUMBER) {
        json.text = kn_arena_str(arena, kn_json_raw(doc, at));
    }
    uint32_t room = doc->nodes[at].next - at;
    json.kids = need(arena, room * sizeof *json.kids);
    json.keys = need(arena, room * sizeof *json.keys);
    for (uint32_t kid = at + 1; kid < doc->nodes[at].next; kid = doc->nodes[kid].next) {
        if (json.kind == HISTORY_OBJECT) {
            json.keys[json.count] = kn_arena_str(arena, kn_json_key(doc, kid, arena));
        }
        json.kids[json.count++] = read_node(doc, kid, arena);
    }
    return json;
}

struct history_json history_json(struct kn_arena *arena, const char *text)
{
    static const struct kn_json_limits limits = {32, 1 << 16};
    struct kn_json_parser *parser = kn_json_parser_new();
    struct kn_json doc;
    struct kn_err err;
    size_t len = strlen(text);
    char *padded = need(arena, len + KN_JSON_PADDING);
    memcpy(padded, text, len);
    if (!parser || kn_json_parse(parser, padded, len, &limits, &doc, &err) != KN_OK) {
        kn_panic("%s: %s", text, err.text);
    }
    struct history_json json = read_node(&doc, 0, arena);
    kn_json_parser_free(parser);
    return json;
}

void history_json_put(const struct history_json *json, struct kn_buf *out)
{
    static const char *const words[] = {"null", "false", "true"};
    bool object = json->kind == HISTORY_OBJECT;
    if (json->kind <= HISTORY_TRUE) {
        kn_buf_c(out, words[json->kind]);
    } else if (json->kind == HISTORY_NUMBER) {
        kn_buf_str(out, json->text);
    } else if (json->kind == HISTORY_STRING) {
        kn_json_out_string(out, json->text);
    } else {
        kn_buf_char(out, object ? '{' : '[');
        for (uint32_t i = 0; i < json->count; i++) {
            kn_buf_c(out, i > 0 ? "," : "");
            if (object) {
                kn_json_out_string(out, json->keys[i]);
                kn_buf_char(out, ':');
            }
            history_json_put(&json->kids[i], out);
        }
        kn_buf_char(out, object ? '}' : ']');
    }
}

const struct history_json *history_member(const struct history_json *object, struct kn_str key)
{
    const struct history_json *found = NULL;
    for (uint32_t i = 0; object->kind == HISTORY_OBJECT && i < object->count; i++) {
        if (kn_str_eq(object->keys[i], key)) {
            found = &object->kids[i];
        }
    }
    return found;
}

static void add_values(const struct history_json *json, struct kn_path path, uint32_t depth,
                       struct kn_value *values, uint32_t most, uint32_t *count)
{
    static const enum kn_value_kind kinds[] = {
        [HISTORY_NULL] = KN_VALUE_ABSENT,   [HISTORY_FALSE] = KN_VALUE_FALSE,
        [HISTORY_TRUE] = KN_VALUE_TRUE,     [HISTORY_NUMBER] = KN_VALUE_NUMBER,
        [HISTORY_STRING] = KN_VALUE_STRING, [HISTORY_OBJECT] = KN_VALUE_OBJECT};
    if (json->kind == HISTORY_ARRAY) {
        for (uint32_t i = 0; i < json->count; i++) {
            add_values(&json->kids[i], path, depth, values, most, count);
        }
        return;
    }
    if (depth < path.count) {
        const struct history_json *kid = history_member(json, path.keys[depth]);
        if (kid) {
            add_values(kid, path, depth + 1, values, most, count);
        }
        return;
    }
    if (json->kind != HISTORY_NULL) {
        if (*count < most) {
            values[*count] = (struct kn_value){kinds[json->kind], json->text};
        }
        ++*count;
    }
}

uint32_t history_values(const struct history_json *json, struct kn_path path,
                        struct kn_value *values, uint32_t most)
{
    uint32_t count = 0;
    add_values(json, path, 0, values, most, &count);
    return count;
}

static void add_elements(const struct history_json *json, struct kn_path path, uint32_t depth,
                         const struct history_json **elements, uint32_t most, uint32_t *count)
{
    if (json->kind == HISTORY_ARRAY) {
        for (uint32_t i = 0; i < json->count; i++) {
            if (depth < path.count) {
                add_elements(&json->kids[i], path, depth, elements, most, count);
            } else if (*count < most) {
                elements[(*count)++] = &json->kids[i];
            }
        }
    } else if (depth < path.count) {
        const struct history_json *kid = history_member(json, path.keys[depth]);
        if (kid) {
            add_elements(kid, path, depth + 1, elements, most, count);
        }
    }
}

uint32_t history_elements(const struct history_json *json, struct kn_path path,
                          const struct history_json **elements, uint32_t most)
{
    uint32_t count = 0;
    add_elements(json, path, 0, elements, most, &count);
    return count;
}

/* ---- the view ---- */

struct chosen {
    const struct history_event **events;
};

static struct kn_view_rows view_rows(void *self, struct kn_str name)
{
    struct history_view *v = self;
    const struct history *h = v->history;
    const struct history_event *from = name.p ? h->events : h->orders;
    uint32_t total = name.p ? h->event_count : h->order_count;
    struct chosen *chosen = need(v->arena, sizeof *chosen);
    int64_t *us = need(v->arena, total * sizeof *us);
    uint64_t *arrivals = need(v->arena, total * sizeof *arrivals);
    struct kn_view_rows rows = {us, arrivals, 0, chosen};
    chosen->events = need(v->arena, total * sizeof(void *));
    for (uint32_t i = 0; i < total; i++) {
        if (!name.p || kn_str_eq(from[i].name, name)) {
            us[rows.count] = from[i].us;
            arrivals[rows.count] = from[i].arrival;
            chosen->events[rows.count++] = &from[i];
        }
    }
    return rows;
}

static const struct history_event *event_of(const struct kn_view_rows *rows, uint32_t row)
{
    const struct chosen *chosen = rows->self;
    kn_assert(row < rows->count);
    return chosen->events[row];
}

static uint32_t view_source(void *self, const struct kn_view_rows *rows, uint32_t row)
{
    (void)self;
    return event_of(rows, row)->source;
}

static struct kn_values values_at(struct history_view *v, const struct history_json *json,
                                  struct kn_path path)
{
    struct kn_value *values = need(v->arena, PLENTY * sizeof *values);
    struct kn_values ret = {values, history_values(json, path, values, PLENTY)};
    kn_assert(ret.count <= PLENTY);
    return ret;
}

static struct kn_values view_values(void *self, const struct kn_view_rows *rows, uint32_t row,
                                    bool context, struct kn_path path)
{
    const struct history_event *event = event_of(rows, row);
    return values_at(self, context ? &event->context : &event->properties, path);
}

static uint32_t view_elements(void *self, const struct kn_view_rows *rows, uint32_t row,
                              struct kn_path array)
{
    const struct history_json *elements[PLENTY];
    (void)self;
    return history_elements(&event_of(rows, row)->properties, array, elements, PLENTY);
}

static struct kn_values view_element(void *self, const struct kn_view_rows *rows, uint32_t row,
                                     struct kn_path array, uint32_t index, struct kn_path path)
{
    const struct history_json *elements[PLENTY];
    uint32_t count = history_elements(&event_of(rows, row)->properties, array, elements, PLENTY);
    kn_assert(index < count);
    return values_at(self, elements[index], path);
}

static struct kn_values view_trait(void *self, struct kn_path path)
{
    struct history_view *v = self;
    return values_at(v, &v->history->traits, path);
}

static uint32_t flag(const struct history_flag *flags, uint32_t count, struct kn_str name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (kn_str_eq(flags[i].name, name)) {
            return flags[i].state;
        }
    }
    return 0;
}

static enum kn_consent_state view_consent(void *self, struct kn_str purpose)
{
    const struct history *h = ((struct history_view *)self)->history;
    return (enum kn_consent_state)flag(h->consents, h->consent_count, purpose);
}

static bool view_identifier(void *self, struct kn_str type)
{
    const struct history *h = ((struct history_view *)self)->history;
    return flag(h->identifiers, h->identifier_count, type) > 0;
}

static bool view_member(void *self, struct kn_str segment)
{
    const struct history *h = ((struct history_view *)self)->history;
    return flag(h->segments, h->segment_count, segment) > 0;
}

void history_view(struct history_view *view, const struct history *history,
                  const struct kn_zone *zone, struct kn_arena *arena)
{
    static const struct kn_view_ops ops = {view_rows,     view_source,     view_values,
                                           view_elements, view_element,    view_trait,
                                           view_consent,  view_identifier, view_member};
    *view = (struct history_view){history, arena, {&ops, NULL, zone}};
    view->view.self = view;
}

/* ---- out ---- */

void history_message(const struct history_event *event, const char *anonymous_id,
                     struct kn_buf *out)
{
    kn_buf_c(out, "{\"type\":\"track\"");
    kn_buf_printf(out, ",\"messageId\":\"m%llu\"", (unsigned long long)event->arrival);
    kn_json_out_kv(out, "anonymousId", kn_str_c(anonymous_id));
    kn_json_out_kv(out, "event", event->name);
    kn_json_out_ktime(out, "timestamp", event->us);
    kn_json_out_key(out, "properties");
    history_json_put(&event->properties, out);
    kn_json_out_key(out, "context");
    history_json_put(&event->context, out);
    kn_buf_char(out, '}');
}

static void print_rows(const struct history_event *events, uint32_t count, struct kn_buf *out)
{
    char text[KN_TIME_TEXT_MAX];
    for (uint32_t i = 0; i < count; i++) {
        const struct history_event *event = &events[i];
        kn_buf_str(out, kn_time_format(event->us, text));
        kn_buf_printf(out, " #%llu source %u %.*s ", (unsigned long long)event->arrival,
                      event->source, KN_STR_ARG(event->name));
        history_json_put(&event->properties, out);
        kn_buf_char(out, ' ');
        history_json_put(&event->context, out);
        kn_buf_char(out, '\n');
    }
}

static void print_flags(const char *what, const struct history_flag *flags, uint32_t count,
                        struct kn_buf *out)
{
    for (uint32_t i = 0; i < count; i++) {
        kn_buf_printf(out, "%s %.*s: %u\n", what, KN_STR_ARG(flags[i].name), flags[i].state);
    }
}

void history_print(const struct history *h, struct kn_buf *out)
{
    print_rows(h->events, h->event_count, out);
    kn_buf_c(out, h->order_count > 0 ? "orders\n" : "");
    print_rows(h->orders, h->order_count, out);
    kn_buf_c(out, "traits ");
    history_json_put(&h->traits, out);
    kn_buf_char(out, '\n');
    print_flags("consent", h->consents, h->consent_count, out);
    print_flags("identifier", h->identifiers, h->identifier_count, out);
    print_flags("segment", h->segments, h->segment_count, out);
}
