/* simdjson On-Demand, walked completely: every value is visited and checked, nothing is converted.
 * simdjson's first stage finds the structure and checks UTF-8 and control characters; the grammar of
 * numbers, literals and escapes is checked here, because On-Demand does so only on conversion. */
#include "format/json_simd.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <simdjson.h>
#pragma GCC diagnostic pop

#include <new>

namespace od = simdjson::ondemand;

struct kn_simd_parser {
    od::parser parser;
};

namespace {

struct walk {
    const char *text;
    size_t len;
    kn_json_sink *sink;

    kn_rc invalid(const char *why, const char *at)
    {
        sink->fault = why;
        sink->fault_at = at >= text && at <= text + len ? static_cast<size_t>(at - text) : len;
        return KN_E_INVALID;
    }

    kn_rc from(simdjson::error_code code)
    {
        if (code == simdjson::MEMALLOC) {
            return KN_E_NOMEM;
        }
        if (code == simdjson::DEPTH_ERROR) {
            return too_deep();
        }
        sink->fault = simdjson::error_message(code);
        sink->fault_at = sink->count > 0 ? sink->nodes[sink->count - 1].off : 0;
        return KN_E_INVALID;
    }

    kn_rc too_deep()
    {
        sink->fault = "nested too deeply";
        sink->fault_at = sink->count > 0 ? sink->nodes[sink->count - 1].off : 0;
        return KN_E_LIMIT;
    }

    uint32_t offset(const char *at) const { return static_cast<uint32_t>(at - text); }
};

bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* RFC 8259 section 6. */
bool is_number(const char *p, size_t len)
{
    const char *end = p + len;
    if (p < end && *p == '-') {
        p++;
    }
    if (p == end || !is_digit(*p)) {
        return false;
    }
    if (*p == '0') {
        p++;
    } else {
        while (p < end && is_digit(*p)) {
            p++;
        }
    }
    if (p < end && *p == '.') {
        p++;
        if (p == end || !is_digit(*p)) {
            return false;
        }
        while (p < end && is_digit(*p)) {
            p++;
        }
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) {
            p++;
        }
        if (p == end || !is_digit(*p)) {
            return false;
        }
        while (p < end && is_digit(*p)) {
            p++;
        }
    }
    return p == end;
}

bool escapes_are_good(const char *p, const char *end)
{
    while (p < end) {
        if (*p != '\\') {
            p++;
            continue;
        }
        p++;
        if (p == end) {
            return false;
        }
        if (*p == 'u') {
            if (end - p < 5 || !is_hex(p[1]) || !is_hex(p[2]) || !is_hex(p[3]) || !is_hex(p[4])) {
                return false;
            }
            p += 5;
        } else if (std::memchr("\"\\/bfnrt", *p, 8) != nullptr) {
            p++;
        } else {
            return false;
        }
    }
    return true;
}

/* The end of a string whose first byte after the quote is p; stage one made sure there is one. */
const char *string_end(const char *p, const char *end, bool *escaped)
{
    *escaped = false;
    for (;;) {
        const char *quote = static_cast<const char *>(std::memchr(p, '"', static_cast<size_t>(end - p)));
        if (!quote) {
            return nullptr;
        }
        const char *back = quote;
        while (back > p && back[-1] == '\\') {
            back--;
        }
        if (back != quote || std::memchr(p, '\\', static_cast<size_t>(quote - p)) != nullptr) {
            *escaped = true;
        }
        if ((quote - back) % 2 == 0) {
            return quote;
        }
        p = quote + 1;
    }
}

kn_rc new_node(walk &w, uint32_t *ret)
{
    kn_json_sink *s = w.sink;
    if (s->count == s->nodes_max) {
        s->fault = "too many values";
        return KN_E_LIMIT;
    }
    if (s->count == s->room && !kn_json_sink_grow(s)) {
        return KN_E_NOMEM;
    }
    *ret = s->count++;
    s->nodes[*ret] = kn_json_node{};
    return KN_OK;
}

kn_rc scalar(walk &w, uint32_t index, const char *token, size_t len)
{
    kn_json_node &n = w.sink->nodes[index];
    while (len > 0 && is_space(token[len - 1])) {
        len--;
    }
    n.off = w.offset(token);
    n.len = static_cast<uint32_t>(len);
    n.next = index + 1;
    if (len == 0) {
        return w.invalid("a value is missing", token);
    }
    if (*token == '"') {
        bool escaped;
        const char *end = string_end(token + 1, w.text + w.len, &escaped);
        if (!end || end != token + len - 1) {
            return w.invalid("a string is not closed", token);
        }
        if (escaped && !escapes_are_good(token + 1, end)) {
            return w.invalid("a string has a bad escape", token);
        }
        n.type = KN_JSON_STRING;
        n.escaped = escaped ? 1 : 0;
        n.off++;
        n.len -= 2;
        return KN_OK;
    }
    if (len == 4 && std::memcmp(token, "true", 4) == 0) {
        n.type = KN_JSON_TRUE;
    } else if (len == 4 && std::memcmp(token, "null", 4) == 0) {
        n.type = KN_JSON_NULL;
    } else if (len == 5 && std::memcmp(token, "false", 5) == 0) {
        n.type = KN_JSON_FALSE;
    } else if (is_number(token, len)) {
        n.type = KN_JSON_NUMBER;
    } else {
        return w.invalid("not a JSON value", token);
    }
    return KN_OK;
}

kn_rc value(walk &w, od::value v, uint16_t depth, uint32_t *ret);

/* The container has been read: its text ends at the last bracket before the next token. */
void close_container(walk &w, uint32_t index, const char *behind)
{
    kn_json_node &n = w.sink->nodes[index];
    const char *end = behind ? behind : w.text + w.len;
    char bracket = n.type == KN_JSON_OBJECT ? '}' : ']';
    while (end > w.text + n.off + 1 && end[-1] != bracket) {
        end--;
    }
    n.len = static_cast<uint32_t>(end - (w.text + n.off));
    n.next = w.sink->count;
}

kn_rc object_members(walk &w, od::object object, uint16_t depth)
{
    for (auto field_result : object) {
        od::field field;
        if (auto error = std::move(field_result).get(field)) {
            return w.from(error);
        }
        const char *key = field.key().raw();
        bool escaped;
        const char *end = string_end(key, w.text + w.len, &escaped);
        if (!end || (escaped && !escapes_are_good(key, end))) {
            return w.invalid("a key has a bad escape", key);
        }
        uint32_t child;
        kn_rc rc = value(w, field.value(), static_cast<uint16_t>(depth + 1), &child);
        if (rc != KN_OK) {
            return rc;
        }
        kn_json_node &n = w.sink->nodes[child];
        n.key_off = w.offset(key);
        n.key_len = static_cast<uint32_t>(end - key);
        n.escaped = static_cast<uint8_t>(n.escaped | (escaped ? 2 : 0));
    }
    return KN_OK;
}

kn_rc array_elements(walk &w, od::array array, uint16_t depth)
{
    for (auto element : array) {
        od::value v;
        uint32_t child;
        if (auto error = std::move(element).get(v)) {
            return w.from(error);
        }
        kn_rc rc = value(w, v, static_cast<uint16_t>(depth + 1), &child);
        if (rc != KN_OK) {
            return rc;
        }
    }
    return KN_OK;
}

template <typename V> kn_rc container(walk &w, V &v, bool is_object, uint16_t depth)
{
    kn_rc rc;
    if (is_object) {
        od::object object;
        if (auto error = v.get_object().get(object)) {
            return w.from(error);
        }
        rc = object_members(w, object, depth);
    } else {
        od::array array;
        if (auto error = v.get_array().get(array)) {
            return w.from(error);
        }
        rc = array_elements(w, array, depth);
    }
    return rc;
}

kn_rc value(walk &w, od::value v, uint16_t depth, uint32_t *ret)
{
    od::json_type type;
    const char *at;
    if (depth > w.sink->depth_max) {
        return w.too_deep();
    }
    kn_rc rc = new_node(w, ret);
    if (rc != KN_OK) {
        return rc;
    }
    if (auto error = v.type().get(type)) {
        return w.from(error);
    }
    w.sink->nodes[*ret].depth = depth;
    std::string_view token = v.raw_json_token();
    if (type != od::json_type::object && type != od::json_type::array) {
        rc = scalar(w, *ret, token.data(), token.size());
        if (rc != KN_OK) {
            return rc;
        }
        /* The iterator steps over an unread scalar by itself. */
        return KN_OK;
    }
    bool is_object = type == od::json_type::object;
    w.sink->nodes[*ret].type = is_object ? KN_JSON_OBJECT : KN_JSON_ARRAY;
    w.sink->nodes[*ret].off = w.offset(token.data());
    rc = container(w, v, is_object, depth);
    if (rc != KN_OK) {
        return rc;
    }
    if (v.current_location().get(at) != simdjson::SUCCESS) {
        at = nullptr;
    }
    close_container(w, *ret, at);
    return KN_OK;
}

kn_rc document(walk &w, od::document &doc)
{
    od::json_type type;
    uint32_t root;
    std::string_view token;
    kn_rc rc = new_node(w, &root);
    if (rc != KN_OK) {
        return rc;
    }
    if (auto error = doc.type().get(type)) {
        return w.from(error);
    }
    if (auto error = doc.raw_json_token().get(token)) {
        return w.from(error);
    }
    if (type != od::json_type::object && type != od::json_type::array) {
        /* The token ends at the next structural character: with anything after it, it is no scalar. */
        return scalar(w, root, token.data(), w.len - static_cast<size_t>(token.data() - w.text));
    }
    bool is_object = type == od::json_type::object;
    w.sink->nodes[root].type = is_object ? KN_JSON_OBJECT : KN_JSON_ARRAY;
    w.sink->nodes[root].off = w.offset(token.data());
    rc = container(w, doc, is_object, 0);
    if (rc != KN_OK) {
        return rc;
    }
    const char *behind;
    if (doc.current_location().get(behind) == simdjson::SUCCESS) {
        return w.invalid("something follows the value", behind);
    }
    close_container(w, root, nullptr);
    return KN_OK;
}

} // namespace

extern "C" struct kn_simd_parser *kn_simd_parser_new(void)
{
    return new (std::nothrow) kn_simd_parser;
}

extern "C" void kn_simd_parser_free(struct kn_simd_parser *parser)
{
    delete parser;
}

extern "C" enum kn_rc kn_simd_parse(struct kn_simd_parser *parser, const char *text, size_t len,
                                    struct kn_json_sink *sink)
{
    walk w = {text, len, sink};
    try {
        od::document doc;
        if (auto error = parser->parser.iterate(text, len, len + KN_JSON_PADDING).get(doc)) {
            return w.from(error);
        }
        return document(w, doc);
    } catch (...) {
        return KN_E_NOMEM; /* only memory can run out in there */
    }
}
