/* The OpenAPI 3.1 document: the table of routes, so that the two cannot differ, with the schemas,
 * parameters and examples of openapi.json, which is built into the program. */
#include <stdio.h>

#include "api/api_internal.h"

/* A member of a part of openapi.json; empty when there is none. */
static struct kn_str part(const char *name)
{
    return kn_json_member(kn_str(kn_openapi_json, kn_openapi_json_len), kn_str_c(name));
}

static void put_parameter(struct kn_buf *out, struct kn_str name, bool path)
{
    struct kn_str known = kn_json_member(part("parameters"), name);
    struct kn_str schema = kn_json_member(known, KN_STR("schema"));
    struct kn_str description = kn_json_member(known, KN_STR("description"));
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "name", name);
    kn_json_out_kv(out, "in", path ? KN_STR("path") : KN_STR("query"));
    kn_json_out_kbool(out, "required", path);
    if (description.len > 0) {
        kn_json_out_kraw(out, "description", description);
    }
    if (kn_str_eq(name, KN_STR("identifier")) && !path) {
        kn_buf_c(out, ",\"style\":\"form\",\"explode\":true");
        schema = KN_STR("{\"type\":\"object\",\"maxProperties\":1,\"additionalProperties\":"
                        "{\"type\":\"string\"}}");
    }
    kn_json_out_kraw(out, "schema", schema.len > 0 ? schema : KN_STR("{\"type\":\"string\"}"));
    kn_buf_char(out, '}');
}

static void put_parameters(struct kn_buf *out, const struct kn_api_route *route)
{
    struct kn_str path = kn_str_c(route->path);
    struct kn_str query = kn_str_c(route->parameters);
    kn_json_out_key(out, "parameters");
    kn_buf_char(out, '[');
    while (path.len > 0) {
        struct kn_str part = kn_str_split(&path, '/');
        if (part.len > 2 && part.p[0] == '{') {
            put_parameter(out, kn_str_sub(part, 1, part.len - 1), true);
        }
    }
    while (query.len > 0) {
        put_parameter(out, kn_str_split(&query, ' '), false);
    }
    kn_buf_char(out, ']');
}

static void put_content(struct kn_buf *out, const char *type, const char *schema)
{
    struct kn_str example = kn_json_member(part("examples"), kn_str_c(schema));
    kn_buf_c(out, "\"content\":{");
    kn_json_out_key(out, type);
    kn_buf_printf(out, "{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}", schema);
    if (example.len > 0) {
        kn_json_out_kraw(out, "example", example);
    }
    kn_buf_c(out, "}}");
}

static void put_problem(struct kn_buf *out, const char *status)
{
    kn_json_out_key(out, status);
    kn_buf_c(out, "{\"$ref\":\"#/components/responses/Problem\"}");
}

static void put_responses(struct kn_buf *out, const struct kn_api_route *route)
{
    char status[8];
    (void)snprintf(status, sizeof status, "%d", route->status);
    kn_json_out_key(out, "responses");
    kn_buf_char(out, '{');
    kn_json_out_key(out, status);
    kn_buf_c(out, "{\"description\":\"Done\"");
    if (route->answer) {
        kn_buf_char(out, ',');
        put_content(out, route->type ? route->type : "application/json", route->answer);
    }
    kn_buf_char(out, '}');
    if (route->scope == KN_SCOPE_PROFILE_API) {
        kn_buf_c(out, ",\"default\":{\"$ref\":\"#/components/responses/ProfileApiError\"}}");
        return;
    }
    if (route->scope != KN_SCOPE_PUBLIC) {
        put_problem(out, "401");
        put_problem(out, "403");
    }
    put_problem(out, "default");
    kn_buf_char(out, '}');
}

/* "/api/v1/workspaces/{ws}/sources/{id}" belongs to "sources". */
static struct kn_str tag_of(const struct kn_api_route *route)
{
    struct kn_str rest = kn_str_c(route->path);
    struct kn_str prefix = KN_STR("/api/v1/");
    struct kn_str workspace = KN_STR("workspaces/{ws}/");
    if (route->scope == KN_SCOPE_PROFILE_API) {
        return KN_STR("profile api");
    }
    if (!kn_str_starts(rest, prefix)) {
        return KN_STR("operation");
    }
    rest = kn_str_sub(rest, prefix.len, rest.len);
    if (kn_str_starts(rest, workspace)) {
        rest = kn_str_sub(rest, workspace.len, rest.len);
    }
    return kn_str_split(&rest, '/');
}

static void put_operation(struct kn_buf *out, const struct kn_api_route *route)
{
    char method[8] = {0};
    for (size_t i = 0; i < sizeof method - 1 && route->method[i]; i++) {
        method[i] = (char)(route->method[i] | 32);
    }
    kn_json_out_key(out, method);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "operationId", kn_str_c(route->operation));
    kn_json_out_kv(out, "summary", kn_str_c(route->summary));
    kn_json_out_key(out, "tags");
    kn_buf_char(out, '[');
    kn_json_out_string(out, tag_of(route));
    kn_buf_char(out, ']');
    kn_json_out_kv(out, "x-access", kn_str_c(kn_scope_name(route->scope)));
    put_parameters(out, route);
    if (route->body) {
        kn_buf_c(out, ",\"requestBody\":{\"required\":true,");
        bool lines = strcmp(route->body, "Lines") == 0;
        put_content(out, lines ? "application/x-ndjson" : "application/json", route->body);
        kn_buf_char(out, '}');
    }
    if (route->scope == KN_SCOPE_PUBLIC || route->scope == KN_SCOPE_METRICS) {
        kn_buf_c(out, ",\"security\":[]");
    } else if (route->scope == KN_SCOPE_PROFILE_API) {
        kn_buf_c(out, ",\"security\":[{\"basic\":[]},{\"token\":[]}]");
    }
    put_responses(out, route);
    kn_buf_char(out, '}');
}

static bool is_first_of_path(size_t index)
{
    for (size_t k = 0; k < index; k++) {
        if (strcmp(kn_api_routes[k].path, kn_api_routes[index].path) == 0) {
            return false;
        }
    }
    return true;
}

static void put_paths(struct kn_buf *out)
{
    for (size_t i = 0; i < kn_api_route_count; i++) {
        if (!is_first_of_path(i)) {
            continue;
        }
        kn_json_out_key(out, kn_api_routes[i].path);
        kn_buf_char(out, '{');
        for (size_t k = i; k < kn_api_route_count; k++) {
            if (strcmp(kn_api_routes[k].path, kn_api_routes[i].path) == 0) {
                put_operation(out, &kn_api_routes[k]);
            }
        }
        kn_buf_char(out, '}');
    }
}

void kn_get_openapi(struct kn_ctx *ctx)
{
    struct kn_buf *out = &ctx->response->body;
    kn_api_json(ctx, 200);
    kn_buf_c(
        out,
        "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Kern\",\"version\":\"" KERN_VERSION
        "\",\"description\":\"The management and read API of Kern, a customer data platform. Events "
        "come in by the collect routes, which speak the protocols of Segment, RudderStack and Jitsu "
        "clients and are not described here. Lists answer {data, next}: give next as cursor for "
        "the page after. A change answers the header Kern-Position; a read with ?after= or the "
        "header Kern-After sees everything up to there. With the session cookie, a change needs "
        "the header X-Kern-CSRF: 1.\",\"license\":{\"name\":\"MIT\",\"identifier\":\"MIT\"}},"
        "\"servers\":[{\"url\":\"/\"}],"
        "\"security\":[{\"token\":[]},{\"session\":[]}],\"paths\":{");
    put_paths(out);
    kn_buf_c(out, "},\"components\":{\"securitySchemes\":{"
                  "\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
                  "\"basic\":{\"type\":\"http\",\"scheme\":\"basic\"},"
                  "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"kern_session\"}},"
                  "\"responses\":{\"Problem\":{\"description\":\"What was wrong (RFC 9457)\","
                  "\"content\":{\"application/problem+json\":{\"schema\":{\"$ref\":"
                  "\"#/components/schemas/Problem\"}}}},"
                  "\"ProfileApiError\":{\"description\":\"What was wrong\",\"content\":{"
                  "\"application/json\":{\"schema\":{\"$ref\":"
                  "\"#/components/schemas/ProfileApiError\"}}}}},\"schemas\":");
    kn_buf_str(out, part("schemas"));
    kn_buf_c(out, "}}");
}
