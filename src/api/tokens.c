/* API tokens. */
#include <sodium.h>

#include "api/system_internal.h"
#include "base/mem.h"
#include "format/json.h"

/* How old the stored use of a token may be. */
#define STORE_USE_US (INT64_C(3600) * 1000000)

enum kn_rc kn_system_add_token(struct kn_system *s, const struct kn_token_info *info,
                               struct kn_str token, struct kn_arena *arena, struct kn_str *ret_id,
                               struct kn_err *err)
{
    unsigned char hash[KN_SECRET_BYTES];
    struct kn_buf json;
    struct kn_str id = kn_sys_id(s, "tok_", arena);
    kn_sys_hash(s, token, hash);
    kn_sys_begin(&json, "token");
    kn_json_out_kv(&json, "id", id);
    kn_json_out_kv(&json, "name", info->name);
    kn_sys_put_hash(&json, "hash", hash);
    kn_json_out_ki64(&json, "role", (int64_t)info->role);
    kn_json_out_ki64(&json, "permissions", (int64_t)info->permissions);
    kn_json_out_kv(&json, "workspace", info->workspace);
    kn_json_out_ki64(&json, "created", kn_sys_now());
    kn_mutex_lock(&s->mutex);
    enum kn_rc rc = kn_sys_record(s, &json, err);
    kn_mutex_unlock(&s->mutex);
    if (rc == KN_OK && ret_id) {
        *ret_id = id;
    }
    return rc;
}

void kn_system_lend_token(struct kn_system *s, struct kn_str token)
{
    kn_mutex_lock(&s->mutex);
    s->tokens = kn_must_realloc(s->tokens, (s->token_count + 1) * sizeof *s->tokens);
    struct kn_sys_token *t = &s->tokens[s->token_count++];
    *t = (struct kn_sys_token){.id = kn_sys_copy(KN_STR("local")),
                               .name = kn_sys_copy(KN_STR("this process")),
                               .workspace = kn_sys_copy(KN_STR_EMPTY),
                               .role = KN_ROLE_OWNER,
                               .permissions = kn_role_permissions(KN_ROLE_OWNER) | KN_MAY_EXPORT,
                               .lent = true};
    kn_sys_hash(s, token, t->hash);
    kn_mutex_unlock(&s->mutex);
}

bool kn_system_token_at(struct kn_system *s, size_t index, struct kn_arena *arena,
                        struct kn_token_info *ret)
{
    kn_mutex_lock(&s->mutex);
    bool found = index < s->token_count;
    *ret = (struct kn_token_info){0};
    if (found && s->tokens[index].permissions != 0 && !s->tokens[index].lent) {
        const struct kn_sys_token *t = &s->tokens[index];
        *ret = (struct kn_token_info){
            .id = kn_arena_str(arena, kn_str_c(t->id)),
            .name = kn_arena_str(arena, kn_str_c(t->name)),
            .workspace = kn_arena_str(arena, kn_str_c(t->workspace)),
            .role = t->role,
            .permissions = t->permissions,
            .created_us = t->created_us,
            .used_us = t->used_us,
        };
    }
    kn_mutex_unlock(&s->mutex);
    return found;
}

enum kn_rc kn_system_remove_token(struct kn_system *s, struct kn_str id, struct kn_err *err)
{
    bool found = false;
    struct kn_buf json;
    kn_sys_begin(&json, "token_end");
    kn_json_out_kv(&json, "id", id);
    kn_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->token_count; i++) {
        const struct kn_sys_token *t = &s->tokens[i];
        found = found || (t->permissions != 0 && !t->lent && kn_str_eq(kn_str_c(t->id), id));
    }
    enum kn_rc rc = found ? kn_sys_record(s, &json, err)
                          : kn_fail(err, KN_E_NOT_FOUND, "there is no such token");
    kn_mutex_unlock(&s->mutex);
    if (!found) {
        kn_buf_deinit(&json);
    }
    return rc;
}

bool kn_system_token(struct kn_system *s, struct kn_str token, struct kn_arena *arena,
                     struct kn_caller *ret)
{
    unsigned char hash[KN_SECRET_BYTES];
    bool found = false;
    kn_sys_hash(s, token, hash);
    kn_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->token_count; i++) {
        struct kn_sys_token *t = &s->tokens[i];
        if (t->permissions != 0 && sodium_memcmp(t->hash, hash, sizeof hash) == 0) {
            t->used_us = kn_sys_now();
            *ret = (struct kn_caller){
                .role = t->role,
                .permissions = t->permissions,
                .id = kn_arena_str(arena, kn_str_c(t->id)),
                .name = kn_arena_str(arena, kn_str_c(t->name)),
                .workspace = kn_arena_str(arena, kn_str_c(t->workspace)),
            };
            found = true;
        }
    }
    kn_mutex_unlock(&s->mutex);
    return found;
}

static void store_uses(struct kn_system *s, bool everything)
{
    kn_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->token_count; i++) {
        struct kn_sys_token *t = &s->tokens[i];
        struct kn_buf json;
        if (t->lent || t->permissions == 0 || t->used_us <= t->stored_us ||
            (!everything && t->stored_us != 0 && t->used_us - t->stored_us < STORE_USE_US)) {
            continue;
        }
        kn_sys_begin(&json, "token_used");
        kn_json_out_kv(&json, "id", kn_str_c(t->id));
        kn_json_out_ki64(&json, "at", t->used_us);
        if (kn_sys_record(s, &json, NULL) != KN_OK) {
            t->stored_us = t->used_us; /* the disk is full: again with the next use */
        }
    }
    kn_mutex_unlock(&s->mutex);
}

void kn_system_tick(struct kn_system *s, bool everything)
{
    enum kn_rc rc = kn_audit_flush(s->audit, everything, NULL);
    (void)rc; /* the disk is full: what is counted from now on is entered when there is room */
    store_uses(s, everything);
}
