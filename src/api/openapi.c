/* The OpenAPI 3.1 document, made from the table of routes so that the two cannot differ. */
#include "api/api_internal.h"

static void put_parameter(struct kn_buf *out, struct kn_str name, const char *in)
{
    bool path = in[0] == 'p';
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "name", name);
    kn_json_out_kv(out, "in", kn_str_c(in));
    kn_json_out_kbool(out, "required", path);
    kn_buf_c(out, ",\"schema\":{\"type\":\"string\"}}");
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
            put_parameter(out, kn_str_sub(part, 1, part.len - 1), "path");
        }
    }
    while (query.len > 0) {
        put_parameter(out, kn_str_split(&query, ' '), "query");
    }
    kn_buf_char(out, ']');
}

static void put_responses(struct kn_buf *out, const struct kn_api_route *route)
{
    kn_buf_c(out, ",\"responses\":{\"200\":{\"description\":\"Done\"}");
    if (route->scope != KN_SCOPE_PUBLIC) {
        kn_buf_c(out, ",\"401\":{\"$ref\":\"#/components/responses/Problem\"},"
                      "\"403\":{\"$ref\":\"#/components/responses/Problem\"}");
    }
    kn_buf_c(out, ",\"default\":{\"$ref\":\"#/components/responses/Problem\"}}");
}

static void put_operation(struct kn_buf *out, const struct kn_api_route *route)
{
    char method[8] = {0};
    for (size_t i = 0; i < sizeof method - 1 && route->method[i]; i++) {
        method[i] = (char)(route->method[i] | 32);
    }
    kn_json_out_key(out, method);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "summary", kn_str_c(route->summary));
    put_parameters(out, route);
    if (route->method[0] == 'P') {
        kn_buf_c(out, ",\"requestBody\":{\"content\":{\"application/json\":"
                      "{\"schema\":{\"type\":\"object\"}}}}");
    }
    if (route->scope == KN_SCOPE_PUBLIC) {
        kn_buf_c(out, ",\"security\":[]");
    } else if (route->scope == KN_SCOPE_PROFILE_API) {
        kn_buf_c(out, ",\"security\":[{\"basic\":[]}]");
    }
    put_responses(out, route);
    kn_buf_char(out, '}');
}

void kn_get_openapi(struct kn_ctx *ctx)
{
    struct kn_buf *out = &ctx->response->body;
    kn_api_json(ctx, 200);
    kn_buf_c(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Kern\",\"version\":\"" KERN_VERSION
                  "\"},\"security\":[{\"token\":[]},{\"session\":[]}],\"paths\":{");
    for (size_t i = 0; i < kn_api_route_count; i++) {
        bool first = true;
        for (size_t k = 0; k < i; k++) {
            first = first && strcmp(kn_api_routes[k].path, kn_api_routes[i].path) != 0;
        }
        if (!first) {
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
    kn_buf_c(out, "},\"components\":{\"securitySchemes\":{"
                  "\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
                  "\"basic\":{\"type\":\"http\",\"scheme\":\"basic\"},"
                  "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"kern_session\"}},"
                  "\"responses\":{\"Problem\":{\"description\":\"RFC 9457\",\"content\":"
                  "{\"application/problem+json\":{\"schema\":{\"type\":\"object\",\"properties\":"
                  "{\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},"
                  "\"status\":{\"type\":\"integer\"},\"detail\":{\"type\":\"string\"}}}}}}}}}");
}
