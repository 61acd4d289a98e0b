/* The API as its files share it: one call, the routes, rendering. */
#ifndef KN_API_INTERNAL_H
#define KN_API_INTERNAL_H

#include "api/api.h"
#include "api/system.h"
#include "format/json.h"

enum { KN_API_PARAMS = 4, KN_API_LIMIT = 50, KN_API_LIMIT_MAX = 1000 };

struct kn_api {
    struct kn_api_env env;
};

struct kn_api_worker {
    struct kn_json_parser *parser;
};

struct kn_api_route;

/* One call; lives in the request's arena. */
struct kn_ctx {
    struct kn_api *api;
    struct kn_api_worker *worker;
    const struct kn_http_request *request;
    struct kn_http_response *response;
    struct kn_api_call *call;
    const struct kn_api_route *route;
    struct kn_str params[KN_API_PARAMS]; /* of the path, in order */
    struct kn_caller caller;
    struct kn_workspace *ws; /* of the route's {ws}, else NULL */
    bool waited_after;       /* ?after= has been served */
    void (*finish)(struct kn_ctx *ctx); /* after the wait for a write */
    struct kn_str subject;   /* of the handler, for finish */
    struct kn_profile *profile;
    struct kn_json doc;      /* the parsed body */
    bool timed_out;
};

enum kn_scope {
    KN_SCOPE_PUBLIC,
    KN_SCOPE_READ,     /* any role */
    KN_SCOPE_PERSONAL, /* sees persons: not the analyst */
    KN_SCOPE_SOURCES,  /* developer and up */
    KN_SCOPE_ADMIN,
    KN_SCOPE_PROFILE_API, /* Basic authentication, Segment's error shapes */
};

struct kn_api_route {
    const char *method, *path, *summary;
    enum kn_scope scope;
    bool slow;
    void (*handle)(struct kn_ctx *ctx);
    const char *parameters; /* query parameters, blank between them, for the OpenAPI document */
};
extern const struct kn_api_route kn_api_routes[];
extern const size_t kn_api_route_count;

/* ---- answers ---- */
void kn_api_json(struct kn_ctx *ctx, int status); /* sets status and type; the body follows */
void kn_api_fail(struct kn_ctx *ctx, int status, const char *title, const char *detail);
void kn_api_fail_rc(struct kn_ctx *ctx, enum kn_rc rc, const struct kn_err *err);
/* Parses the body into ctx->doc (an object); false: answered 400 already. */
bool kn_api_body(struct kn_ctx *ctx);
/* The text of a member of the body's object; empty when absent. */
struct kn_str kn_api_text(struct kn_ctx *ctx, uint32_t object, const char *key);
/* ?limit=; false: answered 400 already. */
bool kn_api_limit(struct kn_ctx *ctx, size_t fallback, size_t most, size_t *ret);
/* Stages an item and asks to be resumed in `finish` once it is applied. */
void kn_api_stage(struct kn_ctx *ctx, struct kn_item *item, uint32_t frame_flags,
                  void (*finish)(struct kn_ctx *));
struct kn_str kn_api_random_text(struct kn_ctx *ctx, size_t len);

/* ---- rendering ---- */
void kn_render_profile(struct kn_buf *out, const struct kn_settings *settings,
                       const struct kn_profile *p);
void kn_render_event(struct kn_buf *out, const struct kn_settings *settings,
                     const struct kn_item *item, struct kn_arena *arena);
void kn_render_links(struct kn_buf *out, const struct kn_settings *settings,
                     const struct kn_profile_link *links, size_t count);
struct kn_str kn_render_source(const struct kn_settings *settings, uint32_t number);

/* ---- handlers ---- */
void kn_get_profiles(struct kn_ctx *ctx);
void kn_lookup_profile(struct kn_ctx *ctx);
void kn_get_profile(struct kn_ctx *ctx);
void kn_get_profile_events(struct kn_ctx *ctx);
void kn_get_profile_links(struct kn_ctx *ctx);
void kn_post_consents(struct kn_ctx *ctx);
void kn_post_merge(struct kn_ctx *ctx);
void kn_post_unmerge(struct kn_ctx *ctx);
void kn_get_sources(struct kn_ctx *ctx);
void kn_post_source(struct kn_ctx *ctx);
void kn_get_source(struct kn_ctx *ctx);
void kn_patch_source(struct kn_ctx *ctx);
void kn_delete_source(struct kn_ctx *ctx);
void kn_get_rejects(struct kn_ctx *ctx);
void kn_get_identity(struct kn_ctx *ctx);
void kn_put_identity(struct kn_ctx *ctx);
void kn_get_workspaces(struct kn_ctx *ctx);
void kn_post_workspace(struct kn_ctx *ctx);
void kn_get_workspace(struct kn_ctx *ctx);
void kn_patch_workspace(struct kn_ctx *ctx);
void kn_post_clock(struct kn_ctx *ctx);
void kn_post_session(struct kn_ctx *ctx);
void kn_get_session(struct kn_ctx *ctx);
void kn_delete_session(struct kn_ctx *ctx);
void kn_get_openapi(struct kn_ctx *ctx);
void kn_segment_traits(struct kn_ctx *ctx);
void kn_segment_external_ids(struct kn_ctx *ctx);
void kn_segment_events(struct kn_ctx *ctx);
void kn_segment_metadata(struct kn_ctx *ctx);
void kn_segment_links(struct kn_ctx *ctx);
void kn_segment_fail(struct kn_ctx *ctx, int status, const char *code, const char *message);

#endif
