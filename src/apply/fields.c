#include "apply/fields.h"

#include "base/assert.h"
#include "format/json.h"
#include "format/number.h"

static void push(struct kn_value_list *out, struct kn_value value, struct kn_arena *arena)
{
    if (out->count == out->room) {
        uint32_t room = out->room ? out->room * 2 : 4;
        struct kn_value *more = kn_arena_alloc(arena, room * sizeof *more);
        if (!more) {
            kn_panic("out of memory: values of a profile");
        }
        if (out->count > 0) {
            memcpy(more, out->all, out->count * sizeof *more);
        }
        out->all = more;
        out->room = room;
    }
    out->all[out->count++] = value;
}

static bool is_plain(struct kn_str digits)
{
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9') {
            return false;
        }
    }
    return digits.len <= 18;
}

static struct kn_str canonical(struct kn_str digits, struct kn_arena *arena)
{
    kn_dec value;
    if (is_plain(digits) || !kn_dec_parse(digits, true, &value)) {
        return digits;
    }
    struct kn_buf text;
    kn_buf_init(&text, 128);
    kn_dec_format(value, &text);
    struct kn_str kept = kn_arena_str(arena, kn_buf_view(&text));
    kn_buf_deinit(&text);
    kn_assert(kept.p != NULL);
    return kept;
}

static void push_scalar(struct kn_str json, struct kn_arena *arena, struct kn_value_list *out)
{
    struct kn_value v = {.kind = KN_VALUE_ABSENT};
    switch (json.len > 0 ? json.p[0] : 'n') {
    case 'n': return;
    case 't': v.kind = KN_VALUE_TRUE; break;
    case 'f': v.kind = KN_VALUE_FALSE; break;
    case '{': v.kind = KN_VALUE_OBJECT; break;
    case '"':
        v.kind = KN_VALUE_STRING;
        v.text = kn_json_unescape(kn_str_sub(json, 1, json.len - 1), arena);
        break;
    default:
        v.kind = KN_VALUE_NUMBER;
        v.text = canonical(json, arena);
        break;
    }
    push(out, v, arena);
}

static bool is_key(struct kn_str raw, struct kn_str key, struct kn_arena *arena)
{
    if (raw.len == key.len) {
        return raw.len == 0 || memcmp(raw.p, key.p, key.len) == 0;
    }
    return raw.len > key.len && memchr(raw.p, '\\', raw.len) &&
           kn_str_eq(kn_json_unescape(raw, arena), key);
}

/* The member of that key (the last one counts), or empty. */
static struct kn_str member(struct kn_str object, struct kn_str key, struct kn_arena *arena)
{
    size_t offset = 0;
    struct kn_str raw;
    struct kn_str value;
    struct kn_str found = KN_STR_EMPTY;
    while (kn_json_walk(object, &offset, &raw, &value)) {
        if (is_key(raw, key, arena)) {
            found = value;
        }
    }
    return found;
}

static void collect(struct kn_str json, struct kn_path path, uint32_t at, struct kn_arena *arena,
                    struct kn_value_list *out)
{
    if (json.len > 0 && json.p[0] == '[') {
        size_t offset = 0;
        struct kn_str key;
        struct kn_str value;
        uint32_t count = 0;
        while (count++ < KN_COLUMNS_ELEMENTS_MAX && kn_json_walk(json, &offset, &key, &value)) {
            collect(value, path, at, arena, out);
        }
    } else if (at == path.count) {
        push_scalar(json, arena, out);
    } else if (json.len > 0 && json.p[0] == '{') {
        collect(member(json, path.keys[at], arena), path, at + 1, arena, out);
    }
}

void kn_fields_at(struct kn_str json, struct kn_path path, struct kn_arena *arena,
                  struct kn_value_list *out)
{
    collect(json, path, 0, arena, out);
}

struct kn_str kn_fields_raw(struct kn_str json, struct kn_path path, struct kn_arena *arena)
{
    for (uint32_t i = 0; i < path.count; i++) {
        if (json.len == 0 || json.p[0] != '{') {
            return KN_STR_EMPTY;
        }
        json = member(json, path.keys[i], arena);
    }
    return json;
}

uint32_t kn_fields_elements(struct kn_str array)
{
    size_t offset = 0;
    struct kn_str key;
    struct kn_str value;
    uint32_t count = 0;
    if (array.len == 0 || array.p[0] != '[') {
        return 0;
    }
    while (count < KN_COLUMNS_ELEMENTS_MAX && kn_json_walk(array, &offset, &key, &value)) {
        count++;
    }
    return count;
}

struct kn_str kn_fields_element(struct kn_str array, uint32_t index)
{
    size_t offset = 0;
    struct kn_str key;
    struct kn_str value = KN_STR_EMPTY;
    for (uint32_t i = 0; i <= index; i++) {
        if (!kn_json_walk(array, &offset, &key, &value)) {
            return KN_STR_EMPTY;
        }
    }
    return value;
}
