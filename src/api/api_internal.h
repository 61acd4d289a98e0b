/* The API as its files share it: one call, the routes, rendering. */
#ifndef KN_API_INTERNAL_H
#define KN_API_INTERNAL_H

#include <stdatomic.h>

#include "api/api.h"
#include "api/system.h"
#include "format/json.h"
#include "os/thread.h"
#include "segment/query.h"

enum { KN_API_PARAMS = 4, KN_API_LIMIT = 50, KN_API_LIMIT_MAX = 1000 };

/* A change of settings must see the one before it applied: numbers of sources are given out by the
 * newest snapshot. */
struct kn_api_change {
    struct kn_workspace *ws;
    uint64_t seq; /* of the last change staged */
};

/* How often something was asked in a minute. What shares a place with another starts anew when the
 * other comes. */
struct kn_api_tries {
    uint64_t hash, minute;
    unsigned count;
};
enum { KN_API_TRIES = 256 };

struct kn_api {
    struct kn_api_env env;
    struct kn_mutex mutex; /* held while a change of settings is worked out and staged */
    struct kn_api_change *changes;
    size_t change_count;
    struct kn_mutex tries_mutex;
    struct kn_api_tries tries[KN_API_TRIES];
    atomic_bool testing; /* a test call of a destination is under way */
};

struct kn_api_worker {
    struct kn_json_parser *parser;
    void *thread; /* the server's, for env.message */
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
    struct kn_workspace *ws;            /* of the route's {ws}, else NULL */
    bool waited_after;                  /* ?after= has been served */
    void (*finish)(struct kn_ctx *ctx); /* after the wait for a write */
    struct kn_str subject;              /* of the handler, for finish */
    void (*piece)(struct kn_ctx *ctx);  /* makes the next piece of an answer, sets call->more */
    char seen[27];                      /* the profile that is shown, for the audit log */
    bool audited;
    struct kn_json doc; /* the parsed body */
};

/* Who may: access.c has the permissions each of these asks for. A route without one is refused. */
enum kn_scope {
    KN_SCOPE_MISSING,
    KN_SCOPE_PUBLIC,
    KN_SCOPE_SELF,        /* one's own account: whoever is signed in */
    KN_SCOPE_READ,        /* any role; no person */
    KN_SCOPE_PERSONAL,    /* sees persons, or changes one */
    KN_SCOPE_SEGMENTS,    /* makes segments */
    KN_SCOPE_SOURCES,     /* sources, their keys and what they sent */
    KN_SCOPE_EXPORT,      /* takes persons out of Kern */
    KN_SCOPE_EXPORT_ALL,  /* takes everything out of Kern */
    KN_SCOPE_ADMIN,       /* of the workspace, or of what belongs to it */
    KN_SCOPE_INSTANCE,    /* admin of the whole installation */
    KN_SCOPE_METRICS,     /* from this machine, or with any token */
    KN_SCOPE_PROFILE_API, /* Basic authentication, Segment's error shapes */
};

struct kn_api_route {
    const char *method, *path, *operation, *summary;
    enum kn_scope scope;
    bool slow;
    void (*handle)(struct kn_ctx *ctx);
    const char *parameters;    /* query parameters, blank between them */
    const char *body, *answer; /* schemas of the OpenAPI document; NULL = none */
    int status;                /* of success */
    const char *type;          /* of the answer; NULL = application/json */
};
extern const struct kn_api_route kn_api_routes[];
extern const size_t kn_api_route_count;
const struct kn_api_route *kn_api_find_route(struct kn_str method, struct kn_str path,
                                             struct kn_str params[KN_API_PARAMS]);
/* Appends the methods of a path, for Allow; false: there is no such path. */
bool kn_api_allowed(struct kn_str path, struct kn_buf *out);

/* ---- access ---- */
/* "personal", ...: what the document says of a route. */
const char *kn_scope_name(enum kn_scope scope);
/* These answer for themselves when they say no. */
bool kn_api_authorise(struct kn_ctx *ctx);
bool kn_api_find_workspace(struct kn_ctx *ctx);
bool kn_api_accepts(struct kn_ctx *ctx);

/* ---- answers ---- */
void kn_api_begin(struct kn_ctx *ctx, int status, struct kn_str type);
/* Kern-Position: that sequence, or 0 for the newest. */
void kn_api_put_position(struct kn_ctx *ctx, uint64_t seq);
/* Be resumed once the workspace has applied seq; patient: without the limit of 5 s. */
void kn_api_wait(struct kn_ctx *ctx, struct kn_workspace *ws, uint64_t seq, bool patient);
void kn_api_json(struct kn_ctx *ctx, int status); /* sets status and type; the body follows */
void kn_api_fail(struct kn_ctx *ctx, int status, const char *title, const char *detail);
/* 400 that points at what is wrong in the body ("/consents/0/state"), or at a parameter. */
void kn_api_fail_at(struct kn_ctx *ctx, const char *pointer, const char *detail);
/* The same with another status. */
void kn_api_fail_field(struct kn_ctx *ctx, int status, const char *title, const char *pointer,
                       const char *detail);
/* 400 that names a query parameter, or a member of the index-th element of a list ("/consents"). */
void kn_api_fail_param(struct kn_ctx *ctx, const char *name, const char *detail);
void kn_api_fail_element(struct kn_ctx *ctx, const char *list, size_t index, const char *member,
                         const char *detail);
/* 400 that names a byte of a text the body holds (SIZE_MAX: no byte in particular). */
void kn_api_fail_position(struct kn_ctx *ctx, size_t position, const char *detail);
void kn_api_fail_rc(struct kn_ctx *ctx, enum kn_rc rc, const struct kn_err *err);
/* Parses the body into ctx->doc (an object); false: answered 400 already. */
bool kn_api_body(struct kn_ctx *ctx);
/* The text of a member of the body's object; empty when absent. */
struct kn_str kn_api_text(struct kn_ctx *ctx, uint32_t object, const char *key);
/* ?limit=; false: answered 400 already. */
bool kn_api_limit(struct kn_ctx *ctx, size_t fallback, size_t most, size_t *ret);
/* Parses the member "query" of an object of the body; false: answered 400 already. */
bool kn_api_query(struct kn_ctx *ctx, uint32_t object, enum kn_query_form form,
                  struct kn_query *ret);
/* Stages an item and asks to be resumed in `finish` once it is applied. */
void kn_api_stage(struct kn_ctx *ctx, struct kn_item *item, uint32_t frame_flags,
                  void (*finish)(struct kn_ctx *));
/* The same for items that are encoded already. */
void kn_api_stage_items(struct kn_ctx *ctx, struct kn_str items, uint32_t count,
                        uint32_t frame_flags, void (*finish)(struct kn_ctx *));
/* Answers for kn_workspace_stage that did not. */
void kn_api_fail_staging(struct kn_ctx *ctx, enum kn_rc rc, bool disk_full,
                         const struct kn_err *err);
/* An answer in pieces: makes the first, after kn_api_begin; `piece` appends to the body, sets
 * call->more while there is another, and call->failed when it cannot go on. */
void kn_api_stream(struct kn_ctx *ctx, void (*piece)(struct kn_ctx *));
/* Before a change of settings is worked out. False: it waits for an earlier one (the handler then
 * runs again from its start). True: call kn_api_end_change after staging. */
bool kn_api_begin_change(struct kn_ctx *ctx);
void kn_api_end_change(struct kn_ctx *ctx);
/* A time of the query string; false: answered 400 already. */
bool kn_api_time_param(struct kn_ctx *ctx, const char *name, int64_t *ret);
/* Cursors are opaque, checked, and good for the same path and filters only.
 * values[0..1] come back as they went out; *ret_given: a cursor was given. False: answered 400. */
bool kn_api_read_cursor(struct kn_ctx *ctx, uint64_t values[2], bool *ret_given);
struct kn_str kn_api_cursor(struct kn_ctx *ctx, uint64_t a, uint64_t b);
/* ,"next":"..."} or ,"next":null} */
void kn_api_put_next(struct kn_ctx *ctx, bool more, uint64_t a, uint64_t b);
struct kn_str kn_api_cookie(const struct kn_http_request *request, const char *name);
/* The client's address as it may be kept: cut down; empty when it is none. In the arena. */
struct kn_str kn_api_address(struct kn_ctx *ctx);
struct kn_str kn_api_random_text(struct kn_ctx *ctx, size_t len);

/* Stages a setting; call between begin_change and end_change. */
void kn_api_stage_setting(struct kn_ctx *ctx, const char *prefix, struct kn_str id,
                          const struct kn_buf *json, void (*finish)(struct kn_ctx *));
/* Stages a setting nobody waits for, unless other changes are on their way or the log is full: then
 * it does nothing. */
void kn_api_stage_quietly(struct kn_ctx *ctx, const char *prefix, struct kn_str id,
                          const struct kn_buf *json);
void kn_api_no_content(struct kn_ctx *ctx);
/* A member of the body as text, trimmed; *ret stays when it is absent. False: it is no string, or
 * too long (answered 400). */
bool kn_api_read_text(struct kn_ctx *ctx, const char *pointer, size_t most, struct kn_str *ret);
/* The member "role" (*ret stays when it is absent), and "workspace": null is every workspace the
 * caller has. False: answered. */
bool kn_api_read_role(struct kn_ctx *ctx, enum kn_role *ret);
bool kn_api_read_workspace(struct kn_ctx *ctx, struct kn_str *ret);
void kn_api_put_workspace(struct kn_buf *out, struct kn_str workspace);
void kn_api_put_permissions(struct kn_buf *out, const char *key, unsigned permissions);
/* The caller may see that workspace. */
bool kn_api_may_see(const struct kn_ctx *ctx, struct kn_str workspace);

/* ---- profiles ---- */
/* The profile of an id; false: answered 404 already. */
bool kn_api_profile(struct kn_ctx *ctx, struct kn_str id, struct kn_profile **ret);
/* An identifier that a record about the profile can name it by; false: answered 409. */
bool kn_api_name_profile(struct kn_ctx *ctx, const struct kn_profile *p, struct kn_item_id *ret);
/* ?cursor= of a list of events: the row to go on after. False: answered 400. */
bool kn_api_read_place(struct kn_ctx *ctx, struct kn_archive_query *q);
/* A page of what a profile's events say, while it is made. */
struct kn_event_page {
    struct kn_ctx *ctx;
    struct kn_settings *settings;
    struct kn_str name, type; /* only these; empty: any */
    size_t limit, count;
    int64_t last_us; /* the last row that was shown */
    uint64_t last_arrival;
    bool more;
};
/* Answers with what `each` (its context is the page) puts for the rows. */
void kn_api_answer_events(struct kn_event_page *page, const struct kn_profile *p,
                          const struct kn_archive_query *q, kn_read_event_fn each);
/* Answers the profile whose id is ctx->subject; a finish. */
void kn_api_show_subject(struct kn_ctx *ctx);
/* ---- audit ---- */
/* Enters what the call did, once it is done; may turn the answer into 503. */
void kn_api_audit(struct kn_ctx *ctx);
/* A call of that route may sync the disk for its entry: not on an HTTP loop. */
bool kn_api_syncs(const struct kn_api_route *route, const struct kn_http_request *request);
/* The answer shows this profile. */
void kn_api_saw(struct kn_ctx *ctx, const struct kn_profile *profile);

/* ---- rendering ---- */
/* A cell of a CSV file (RFC 4180); what is no number is kept from being a formula. */
void kn_api_put_cell(struct kn_buf *out, struct kn_str text, bool first, bool number);
void kn_render_profile(struct kn_buf *out, const struct kn_settings *settings,
                       const struct kn_profile *p);
void kn_render_event(struct kn_buf *out, const struct kn_settings *settings,
                     const struct kn_item *item, struct kn_arena *arena);
/* device: of an event of the session; absent when none told. */
void kn_render_session(struct kn_buf *out, const struct kn_profile_session *session,
                       const struct kn_item_device *device);
const char *kn_render_consent(enum kn_consent_state state);
/* "event", "consent", ... as an event's type. */
const char *kn_render_type(const struct kn_item *item);
void kn_render_links(struct kn_buf *out, const struct kn_settings *settings,
                     const struct kn_profile_link *links, size_t count);
struct kn_str kn_render_source(const struct kn_settings *settings, uint32_t number);

/* ---- segments ---- */
struct kn_segment_info;
struct kn_query_warning;
struct kn_audience;
/* The members of an object that shows a segment or computed trait. */
void kn_api_put_segment(struct kn_buf *out, const struct kn_segment_info *info);
/* These answer for themselves when they say no. The first is about what the route is about: a
 * segment or a computed trait. */
bool kn_api_segment_info(struct kn_ctx *ctx, struct kn_str key, struct kn_segment_info *ret);
bool kn_api_check_query(struct kn_ctx *ctx, struct kn_str key, struct kn_str text,
                        enum kn_query_form form, const struct kn_query_warning **ret_warnings,
                        size_t *ret_count);
/* A definition on its way into a document: of a list, or of a query. */
struct kn_api_draft {
    struct kn_str key, name, description, query;
    uint64_t list; /* not 0: a list */
    bool frozen;
    struct kn_str snapshot_of;
    uint64_t version;
    int64_t created_us, now_us;
};
void kn_api_put_draft(struct kn_buf *out, const struct kn_api_draft *d);
/* The members key, name and description of an object of the body, for a new definition. Pointers in
 * answers begin with `pointer`. False: answered 400 already. */
bool kn_api_read_draft(struct kn_ctx *ctx, uint32_t object, const char *pointer,
                       struct kn_api_draft *d);
/* The same of a key alone. */
bool kn_api_key_draft(struct kn_ctx *ctx, struct kn_str key, const char *pointer,
                      struct kn_api_draft *d);
/* The key is free and there is room for one more; false: answered 409 already. */
bool kn_api_key_may_be_defined(struct kn_ctx *ctx, struct kn_str key);
/* A new list of a draft, within a change of settings, with its first items (LIST, encoded, `count`
 * of them) in the same record. */
uint64_t kn_api_new_list_id(struct kn_ctx *ctx);
void kn_api_stage_list(struct kn_ctx *ctx, const struct kn_api_draft *d, const struct kn_buf *items,
                       uint32_t count, void (*finish)(struct kn_ctx *));
/* POST segments with "kind":"static": the key, name and description of the draft are read. */
void kn_api_post_list(struct kn_ctx *ctx, struct kn_api_draft *d);
/* A new list of the profiles in a bit array; finish as for staging. */
void kn_api_save_list(struct kn_ctx *ctx, struct kn_api_draft *d, const uint64_t *bits,
                      size_t words, void (*finish)(struct kn_ctx *));
/* Whether a text is the key of a purpose. */
bool kn_api_is_purpose(struct kn_str key);
/* ?purpose=, empty when it is not given. */
bool kn_api_purpose(struct kn_ctx *ctx, struct kn_str *ret);
/* Those for whom a query holds; the members of a segment who granted the purpose (empty or service:
 * all). End it. */
bool kn_api_query_audience(struct kn_ctx *ctx, struct kn_str text, struct kn_audience *ret);
bool kn_api_segment_audience(struct kn_ctx *ctx, struct kn_str key, struct kn_str purpose,
                             struct kn_audience *ret);
/* Leaves only those who granted the purpose; service needs no consent. */
bool kn_api_restrict(struct kn_ctx *ctx, struct kn_audience *a, struct kn_str purpose);
/* ?fields=: members of a profile. A profile with only these (empty: all) and its id. */
bool kn_api_fields(struct kn_ctx *ctx, struct kn_str *ret);
void kn_api_put_profile(struct kn_buf *out, const struct kn_settings *settings,
                        const struct kn_profile *p, struct kn_str fields);
/* GET profiles with ?query=. */
void kn_api_select_profiles(struct kn_ctx *ctx);
/* The first ordinals from `from` on; answers how many. */
size_t kn_api_pick(const struct kn_audience *a, uint32_t from, size_t most, uint32_t *ordinals);

/* ---- handlers ---- */
/* of segments and computed traits alike */
void kn_get_definitions(struct kn_ctx *ctx);
void kn_post_definition(struct kn_ctx *ctx);
void kn_get_definition(struct kn_ctx *ctx);
void kn_put_definition(struct kn_ctx *ctx);
void kn_delete_definition(struct kn_ctx *ctx);
void kn_get_segment_members(struct kn_ctx *ctx);
void kn_get_segment_changes(struct kn_ctx *ctx);
void kn_get_segment_history(struct kn_ctx *ctx);
void kn_get_segment_csv(struct kn_ctx *ctx);
void kn_post_match(struct kn_ctx *ctx);
void kn_post_segment_members(struct kn_ctx *ctx);
void kn_delete_segment_members(struct kn_ctx *ctx);
void kn_post_preview(struct kn_ctx *ctx);
void kn_post_explain(struct kn_ctx *ctx);
#define KN_CSV_DEFAULT_FIELDS "id,since,identifier.email,consent.state,consent.basis,consent.at"
/* Whether these are names of columns. */
bool kn_api_csv_fields(struct kn_ctx *ctx, struct kn_str fields);
/* Answers with every member who may be used for the link's purpose. */
void kn_api_stream_csv(struct kn_ctx *ctx, const struct kn_csv_link *link);
void kn_get_csv_links(struct kn_ctx *ctx);
void kn_post_csv_link(struct kn_ctx *ctx);
void kn_delete_csv_link(struct kn_ctx *ctx);
void kn_get_csv_by_link(struct kn_ctx *ctx);
bool kn_api_has_csv_links(struct kn_ctx *ctx, struct kn_str segment);
/* Tries of links by minute: whether one more is within what is allowed. */
bool kn_api_may_try(struct kn_api *api, struct kn_str what, unsigned most);
/* The destination of that id in the snapshot, or NULL: answered 404 already. */
struct kn_destination;
const struct kn_destination *kn_api_destination(struct kn_ctx *ctx, const struct kn_settings *s,
                                                struct kn_str id);
void kn_get_destinations(struct kn_ctx *ctx);
void kn_post_destination(struct kn_ctx *ctx);
void kn_get_destination(struct kn_ctx *ctx);
void kn_patch_destination(struct kn_ctx *ctx);
void kn_delete_destination(struct kn_ctx *ctx);
void kn_post_destination_secret(struct kn_ctx *ctx);
void kn_get_dead_letters(struct kn_ctx *ctx);
void kn_post_resend(struct kn_ctx *ctx);
void kn_post_destination_test(struct kn_ctx *ctx);
/* GET profiles names an identifier: a look-up, neither a search nor a list. */
bool kn_api_is_lookup(const struct kn_http_request *request);
void kn_get_health(struct kn_ctx *ctx);
void kn_get_ready(struct kn_ctx *ctx);
void kn_get_metrics(struct kn_ctx *ctx);
void kn_get_profiles(struct kn_ctx *ctx);
void kn_lookup_profile(struct kn_ctx *ctx);
void kn_get_profile(struct kn_ctx *ctx);
void kn_get_profile_events(struct kn_ctx *ctx);
void kn_get_profile_links(struct kn_ctx *ctx);
void kn_get_profile_sessions(struct kn_ctx *ctx);
void kn_get_profile_orders(struct kn_ctx *ctx);
void kn_get_profile_traits(struct kn_ctx *ctx);
void kn_patch_profile_traits(struct kn_ctx *ctx);
void kn_get_profile_consents(struct kn_ctx *ctx);
void kn_get_profile_favourites(struct kn_ctx *ctx);
void kn_post_profile_note(struct kn_ctx *ctx);
void kn_post_consents(struct kn_ctx *ctx);
void kn_post_merge(struct kn_ctx *ctx);
void kn_post_unmerge(struct kn_ctx *ctx);
void kn_delete_profile(struct kn_ctx *ctx);
void kn_post_erasure(struct kn_ctx *ctx);
void kn_get_erasure(struct kn_ctx *ctx);
void kn_get_erasures(struct kn_ctx *ctx);
void kn_get_sources(struct kn_ctx *ctx);
void kn_post_source(struct kn_ctx *ctx);
void kn_get_source(struct kn_ctx *ctx);
void kn_patch_source(struct kn_ctx *ctx);
void kn_delete_source(struct kn_ctx *ctx);
void kn_post_source_key(struct kn_ctx *ctx);
void kn_delete_source_key(struct kn_ctx *ctx);
void kn_get_rejects(struct kn_ctx *ctx);
void kn_get_arrivals(struct kn_ctx *ctx);
void kn_get_export(struct kn_ctx *ctx);
void kn_post_import(struct kn_ctx *ctx);
/* No other source of this Kern than `id` of this workspace has that write key. */
bool kn_api_key_is_free(struct kn_ctx *ctx, struct kn_str key, struct kn_str id);
void kn_post_query_parse(struct kn_ctx *ctx);
void kn_post_query_format(struct kn_ctx *ctx);
void kn_get_identity(struct kn_ctx *ctx);
void kn_put_identity(struct kn_ctx *ctx);
void kn_get_workspaces(struct kn_ctx *ctx);
void kn_post_workspace(struct kn_ctx *ctx);
void kn_get_workspace(struct kn_ctx *ctx);
void kn_patch_workspace(struct kn_ctx *ctx);
void kn_get_clock(struct kn_ctx *ctx);
void kn_post_clock(struct kn_ctx *ctx);
void kn_post_session(struct kn_ctx *ctx);
void kn_get_session(struct kn_ctx *ctx);
void kn_delete_session(struct kn_ctx *ctx);
void kn_put_password(struct kn_ctx *ctx);
void kn_post_invite(struct kn_ctx *ctx);
void kn_get_users(struct kn_ctx *ctx);
void kn_post_user(struct kn_ctx *ctx);
void kn_get_user(struct kn_ctx *ctx);
void kn_patch_user(struct kn_ctx *ctx);
void kn_delete_user(struct kn_ctx *ctx);
void kn_post_user_invite(struct kn_ctx *ctx);
void kn_delete_user_factor(struct kn_ctx *ctx);
void kn_get_sessions(struct kn_ctx *ctx);
void kn_delete_sessions(struct kn_ctx *ctx);
void kn_delete_one_session(struct kn_ctx *ctx);
void kn_get_factor(struct kn_ctx *ctx);
void kn_post_factor(struct kn_ctx *ctx);
void kn_put_factor(struct kn_ctx *ctx);
void kn_delete_factor(struct kn_ctx *ctx);
void kn_get_tokens(struct kn_ctx *ctx);
void kn_post_token(struct kn_ctx *ctx);
void kn_delete_token(struct kn_ctx *ctx);
void kn_get_mail(struct kn_ctx *ctx);
void kn_put_mail(struct kn_ctx *ctx);
void kn_delete_mail(struct kn_ctx *ctx);
void kn_post_mail_test(struct kn_ctx *ctx);
void kn_post_forgotten(struct kn_ctx *ctx);
void kn_get_audit(struct kn_ctx *ctx);
void kn_get_audit_csv(struct kn_ctx *ctx);
void kn_get_openapi(struct kn_ctx *ctx);
void kn_post_funnel(struct kn_ctx *ctx);
void kn_post_funnel_profiles(struct kn_ctx *ctx);
void kn_post_retention(struct kn_ctx *ctx);
void kn_post_retention_profiles(struct kn_ctx *ctx);
void kn_post_series(struct kn_ctx *ctx);
void kn_post_series_profiles(struct kn_ctx *ctx);
void kn_post_paths(struct kn_ctx *ctx);
void kn_post_paths_profiles(struct kn_ctx *ctx);
void kn_post_overlap(struct kn_ctx *ctx);
void kn_post_overlap_profiles(struct kn_ctx *ctx);
void kn_post_compare(struct kn_ctx *ctx);
void kn_post_compare_profiles(struct kn_ctx *ctx);
void kn_post_rfm(struct kn_ctx *ctx);
void kn_post_rfm_profiles(struct kn_ctx *ctx);
void kn_post_grid(struct kn_ctx *ctx);
void kn_post_grid_profiles(struct kn_ctx *ctx);
void kn_post_phase_groups(struct kn_ctx *ctx);
void kn_post_phase_groups_profiles(struct kn_ctx *ctx);
void kn_post_favourites(struct kn_ctx *ctx);
void kn_post_favourites_profiles(struct kn_ctx *ctx);
/* saved reports, dashboards, notes and alerts alike */
void kn_get_documents(struct kn_ctx *ctx);
void kn_post_document(struct kn_ctx *ctx);
void kn_get_document(struct kn_ctx *ctx);
void kn_put_document(struct kn_ctx *ctx);
void kn_delete_document(struct kn_ctx *ctx);
void kn_get_catalog_events(struct kn_ctx *ctx);
void kn_get_catalog_traits(struct kn_ctx *ctx);
void kn_get_phases(struct kn_ctx *ctx);
void kn_put_phases(struct kn_ctx *ctx);
/* A file or page of the UI; false: it is none. */
bool kn_api_web(struct kn_ctx *ctx);
/* openapi.json, as the build found it. */
extern const char kn_openapi_json[];
extern const size_t kn_openapi_json_len;
void kn_segment_traits(struct kn_ctx *ctx);
void kn_segment_external_ids(struct kn_ctx *ctx);
void kn_segment_events(struct kn_ctx *ctx);
void kn_segment_metadata(struct kn_ctx *ctx);
void kn_segment_links(struct kn_ctx *ctx);
void kn_segment_fail(struct kn_ctx *ctx, int status, const char *code, const char *message);

#endif
