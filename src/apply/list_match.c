/* Rows that name people, found among the profiles. */
#include "apply/lists.h"
#include "apply/workspace_internal.h"

enum { ROWS_AT_ONCE = 1000 };

struct matching {
    struct kn_workspace *ws;
    const struct kn_identity_rules *rules;
    struct kn_arena *arena;
    struct kn_state_reader reader;
    bool full;
};

static void malformed(struct kn_list_row *row, const char *detail)
{
    row->outcome = KN_LIST_MALFORMED;
    row->detail = detail;
}

static bool has_control(struct kn_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool is_sound(struct kn_list_row *row)
{
    struct kn_str value = kn_str_trim(row->value);
    if (!kn_str_eq(row->type, KN_STR("id")) && !kn_id_type_is_name(row->type)) {
        malformed(row, "this is no type of identifier: small letters, digits, _, . and -");
    } else if (value.len == 0) {
        malformed(row, "the value is empty");
    } else if (value.len > KN_ITEM_ID_VALUE_MAX) {
        malformed(row, "the value is longer than 255 bytes");
    } else if (has_control(value)) {
        malformed(row, "the value has a control character in it");
    } else if (kn_id_type_number(row->type) == KN_ID_EMAIL &&
               kn_str_find(value, KN_STR("@")) == SIZE_MAX) {
        malformed(row, "an e-mail address has an @");
    }
    return row->outcome != KN_LIST_MALFORMED;
}

/* By the public id of a profile; a merged one is the survivor. */
static void match_id(struct matching *m, struct kn_list_row *row)
{
    struct kn_h128 id;
    struct kn_hot hot = {0};
    struct kn_profile p;
    row->outcome = KN_LIST_UNKNOWN;
    if (!kn_profile_id_parse(kn_str_trim(row->value), &id)) {
        malformed(row, "this is no id of a profile");
        return;
    }
    struct kn_str found =
        kn_state_read(&m->reader, KN_T_PROFILE_ID, kn_key_h128(id), m->arena, &m->full);
    if (!found.p) {
        return;
    }
    uint32_t ordinal = kn_u32_value(found);
    struct kn_str bytes;
    do {
        ordinal = hot.canonical != 0 ? hot.canonical : ordinal;
        bytes = kn_state_read(&m->reader, KN_T_HOT, kn_key_u32(ordinal), m->arena, &m->full);
    } while (kn_hot_decode(bytes, &hot) && hot.canonical != 0);
    struct kn_str cold =
        kn_state_read(&m->reader, KN_T_COLD, kn_key_u32(ordinal), m->arena, &m->full);
    p = (struct kn_profile){0};
    if (m->full ||
        kn_profile_decode(ordinal, bytes, cold, &m->ws->fold.key, m->arena, &p) != KN_OK) {
        m->full = true;
        return;
    }
    const struct kn_profile_identifier *best = kn_list_identifier(m->rules, &p);
    if (best) {
        row->outcome = KN_LIST_MATCHED;
        row->ordinal = ordinal;
        row->hash = best->hash;
    }
}

static void match_identifier(struct matching *m, struct kn_list_row *row)
{
    struct kn_item_id id;
    uint32_t slot;
    bool guarded;
    enum kn_rc rc = kn_workspace__identifier(m->ws, row->type, row->value, m->arena, &id);
    if (rc != KN_OK) {
        m->full = true;
        return;
    }
    if (kn_identity_is_blocked(m->rules, id.type, id.value)) {
        row->outcome = KN_LIST_BLOCKED;
        return;
    }
    struct kn_str found =
        kn_state_read(&m->reader, KN_T_IDENTIFIER, kn_key_h128(id.hash), m->arena, &m->full);
    row->hash = id.hash;
    row->outcome = kn_identifier_decode(found, &row->ordinal, &slot, &guarded) ? KN_LIST_MATCHED
                                                                               : KN_LIST_UNKNOWN;
}

static void match_some(struct matching *m, struct kn_list_row *rows, size_t count)
{
    kn_rwlock_read(&m->ws->lock);
    m->reader = kn_state_reader_begin(m->ws->state);
    for (size_t i = 0; i < count && !m->full; i++) {
        struct kn_list_row *row = &rows[i];
        if (row->outcome == KN_LIST_MALFORMED || !is_sound(row)) {
            continue;
        }
        if (kn_str_eq(row->type, KN_STR("id"))) {
            match_id(m, row);
        } else {
            match_identifier(m, row);
        }
    }
    kn_state_reader_end(&m->reader);
    kn_rwlock_unlock(&m->ws->lock);
}

enum kn_rc kn_list_match(struct kn_workspace *ws, struct kn_list_row *rows, size_t count,
                         struct kn_arena *arena)
{
    struct kn_settings *settings = kn_workspace_settings(ws);
    struct matching m = {.ws = ws, .rules = settings->identity, .arena = arena};
    for (size_t at = 0; at < count && !m.full; at += ROWS_AT_ONCE) {
        match_some(&m, rows + at, count - at < ROWS_AT_ONCE ? count - at : ROWS_AT_ONCE);
    }
    kn_settings_unref(settings);
    return m.full ? KN_E_NOMEM : KN_OK;
}
