#include "nigh/routes.h"

#include "nigh/accept.h"
#include "nigh/admin.h"
#include "nigh/kept.h"
#include "nigh/preview.h"
#include "nigh/request.h"

/* of what follows a ROUTE_TREE path; the longest is a cloud's name and a model's */
enum { ID_BYTES_MAX = 256 };

enum route_flags {
    ROUTE_OPEN = 1,     /* needs no key */
    ROUTE_TREE = 2,     /* the path goes on after the table's: an id */
    ROUTE_JSON = 4,     /* takes a JSON body */
    ROUTE_ANY_TYPE = 8, /* ... under any Content-Type (accept.h) */
    ROUTE_CHANGES = 16, /* changes the node's own state: always needs a key */
    ROUTE_CURL = ROUTE_JSON | ROUTE_ANY_TYPE,
};

static const struct route {
    const char *method, *path;
    unsigned flags;
    const struct api *api; /* a turn */
    admin_fn *admin;       /* or the node's own business */
} routes[] = {
    {"POST", "/v1/chat/completions", ROUTE_JSON, &api_openai_chat, NULL},
    {"POST", "/v1/chat/completions/input_tokens", ROUTE_JSON, &api_openai_count, NULL},
    {"POST", "/chat/completions/input_tokens", ROUTE_JSON, &api_openai_count, NULL},
    {"POST", "/chat/completions", ROUTE_JSON, &api_openai_chat, NULL}, /* as llama-server has it */
    {"POST", "/v1/completions", ROUTE_JSON, &api_openai_completions, NULL},
    {"POST", "/completions", ROUTE_JSON, &api_openai_completions, NULL},
    {"POST", "/v1/embeddings", ROUTE_JSON, &api_openai_embeddings, NULL},
    {"POST", "/embeddings", ROUTE_JSON, &api_openai_embeddings, NULL},
    {"POST", "/v1/rerank", ROUTE_JSON, &api_rerank, NULL},
    {"POST", "/rerank", ROUTE_JSON, &api_rerank, NULL},
    {"POST", "/v1/reranking", ROUTE_JSON, &api_rerank, NULL},
    {"POST", "/reranking", ROUTE_JSON, &api_rerank, NULL},
    {"POST", "/tokenize", ROUTE_JSON, &api_tokenize, NULL},
    {"POST", "/detokenize", ROUTE_JSON, &api_detokenize, NULL},
    {"POST", "/v1/messages", ROUTE_JSON, &api_anthropic, NULL},
    {"POST", "/v1/messages/count_tokens", ROUTE_JSON, &api_anthropic_count, NULL},
    {"POST", "/v1/responses", ROUTE_JSON, &api_openai_responses, NULL},
    {"POST", "/responses", ROUTE_JSON, &api_openai_responses, NULL}, /* as llama-server has it */
    {"POST", "/v1/responses/input_tokens", ROUTE_JSON, &api_openai_responses_count, NULL},
    {"POST", "/responses/input_tokens", ROUTE_JSON, &api_openai_responses_count, NULL},
    {"GET", "/v1/responses/", ROUTE_TREE, NULL, kept_get},
    {"DELETE", "/v1/responses/", ROUTE_TREE, NULL, kept_delete},
    {"POST", "/v1/responses/", ROUTE_TREE, NULL, kept_post},
    {"POST", "/api/chat", ROUTE_CURL, &api_ollama_chat, NULL},
    {"POST", "/api/generate", ROUTE_CURL, &api_ollama_generate, NULL},
    {"POST", "/api/embed", ROUTE_CURL, &api_ollama_embed, NULL},
    {"POST", "/api/embeddings", ROUTE_CURL, &api_ollama_embeddings, NULL},
    {"GET", "/api/tags", 0, NULL, admin_ollama_tags},
    {"HEAD", "/api/tags", 0, NULL, admin_ollama_tags},
    {"POST", "/api/show", ROUTE_CURL, NULL, admin_ollama_show},
    {"GET", "/api/ps", 0, NULL, admin_ollama_ps},
    {"GET", "/api/version", 0, NULL, admin_ollama_version},
    {"HEAD", "/api/version", 0, NULL, admin_ollama_version},
    {"POST", "/api/pull", ROUTE_CURL, NULL, admin_ollama_not_here},
    {"POST", "/api/push", ROUTE_CURL, NULL, admin_ollama_not_here},
    {"POST", "/api/create", ROUTE_CURL, NULL, admin_ollama_not_here},
    {"POST", "/api/copy", ROUTE_CURL, NULL, admin_ollama_not_here},
    {"DELETE", "/api/delete", ROUTE_CURL, NULL, admin_ollama_not_here},
    {"GET", "/", ROUTE_OPEN, NULL, admin_ollama_alive},
    {"HEAD", "/", ROUTE_OPEN, NULL, admin_ollama_alive},
    {"GET", "/v1/models", 0, NULL, admin_models},
    {"GET", "/models", 0, NULL, admin_models},
    {"GET", "/v1/models/", ROUTE_TREE, NULL, admin_model},
    {"GET", "/healthz", ROUTE_OPEN, NULL, admin_health},
    {"GET", "/health", ROUTE_OPEN, NULL, admin_health}, /* as llama-server has it */
    {"GET", "/v1/health", ROUTE_OPEN, NULL, admin_health},
    {"GET", "/readyz", ROUTE_OPEN, NULL, admin_ready},
    {"GET", "/nigh/v1/status", 0, NULL, admin_status},
    {"GET", "/nigh/v1/places", 0, NULL, admin_places},
    {"GET", "/nigh/v1/turns", 0, NULL, admin_turns},
    {"GET", "/nigh/v1/turns/", ROUTE_TREE, NULL, admin_turn},
    {"GET", "/nigh/v1/ledger", 0, NULL, admin_ledger},
    {"GET", "/nigh/v1/ledger/verify", 0, NULL, admin_ledger_verify},
    {"GET", "/nigh/v1/ledger/head", 0, NULL, admin_ledger_head},
    {"GET", "/nigh/v1/ledger/export", 0, NULL, admin_ledger_export},
    {"GET", "/nigh/v1/ledger/consents", 0, NULL, admin_consents},
    {"POST", "/nigh/v1/ledger/consents", ROUTE_JSON | ROUTE_CHANGES, NULL, admin_consent_give},
    {"DELETE", "/nigh/v1/ledger/consents/", ROUTE_TREE | ROUTE_CHANGES, NULL, admin_consent_revoke},
    {"GET", "/nigh/v1/engine/log", 0, NULL, admin_engine_log},
    {"GET", "/nigh/v1/models", 0, NULL, admin_model_files},
    {"POST", "/nigh/v1/models/accept", ROUTE_JSON | ROUTE_CHANGES, NULL, admin_model_accept},
    {"GET", "/nigh/v1/keys", 0, NULL, admin_keys},
    {"POST", "/nigh/v1/keys", ROUTE_JSON | ROUTE_CHANGES, NULL, admin_key_new},
    {"DELETE", "/nigh/v1/keys/", ROUTE_TREE | ROUTE_CHANGES, NULL, admin_key_revoke},
};

/* Whose namespace a path is, for the scopes of keys; what no row tells is OpenAI's. */
static const struct {
    const char *prefix;
    unsigned spaces;
} spaces[] = {
    {"/v1/messages", SPACE_ANTHROPIC}, {"/v1/models", SPACE_OPENAI | SPACE_ANTHROPIC}, /* both's */
    {"/api/", SPACE_OLLAMA},           {"/nigh/", SPACE_NIGH},
    {"/metrics", SPACE_METRICS},
};

/* Whose errors a caller understands, by the path; elsewhere OpenAI's. */
static const struct {
    const char *prefix;
    const struct api *api;
} shapes[] = {
    {"/v1/messages", &api_anthropic},
    {"/api/", &api_ollama_chat},
};

const struct api *routes_shape(struct exchange *ex)
{
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        if (slice_starts(exchange_path(ex), slice_of(shapes[i].prefix)))
            return shapes[i].api;
    /* /v1/models is both's: Anthropic's programs always tell their version. */
    return exchange_header(ex, "anthropic-version").p ? &api_anthropic : &api_openai_chat;
}

unsigned routes_spaces(struct exchange *ex)
{
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
        if (slice_starts(exchange_path(ex), slice_of(spaces[i].prefix)))
            return spaces[i].spaces;
    return SPACE_OPENAI;
}

void routes_refused(void *owner, struct exchange *ex, int status, const char *message,
                    struct buf *body)
{
    struct refusal refusal = {.http_status = status, .what = slice_of(message)};

    (void)owner;
    routes_shape(ex)->error(&refusal, body);
}

static bool path_matches(const struct route *route, struct slice path)
{
    struct slice mine = slice_of(route->path);

    if (route->flags & ROUTE_TREE)
        return path.len > mine.len && slice_starts(path, mine);
    return slice_eq(path, mine);
}

/* The route, or NULL; *known tells whether the path exists under another method. */
static const struct route *route_find(struct slice method, struct slice path, bool *known)
{
    *known = false;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!path_matches(&routes[i], path))
            continue;
        *known = true;
        if (slice_is(method, routes[i].method))
            return &routes[i];
    }
    return NULL;
}

static void route_refuse(struct exchange *ex, struct refusal *refusal)
{
    admin_refuse(ex, refusal);
    exchange_release(ex);
}

/* An id as its owner wrote it: OpenAI's SDK asks for /v1/models/here%2Fqwen.  Only after the route
 * was found, so that no other path can be written in disguise.  What is too long for any id stays
 * as it is. */
static struct slice unescape(struct slice id, char text[static ID_BYTES_MAX])
{
    size_t len = 0;

    if (id.len > ID_BYTES_MAX)
        return id;
    for (size_t i = 0; i < id.len; i++) {
        bool room = id.p[i] == '%' && i + 2 < id.len;
        int high = room ? hex_value(id.p[i + 1]) : -1, low = room ? hex_value(id.p[i + 2]) : -1;
        bool escaped = high >= 0 && low >= 0;
        text[len++] = escaped ? (char)(high << 4 | low) : id.p[i];
        i += escaped ? 2 : 0;
    }
    return (struct slice){text, len};
}

struct accept_policy routes_policy(struct node *node, struct exchange *ex)
{
    const struct config *config = node->setting->config;

    return (struct accept_policy){
        .keys = node->keys,
        .local = node->local,
        .guesses = &node->guesses,
        .hosts = config->hosts.names,
        .n_hosts = config->hosts.n,
        .spaces = routes_spaces(ex),
        .draining = node->draining,
        .requests_max = NODE_REQUESTS_MAX,
        .requests = node->n_requests,
    };
}

static void route_admin(struct node *node, struct exchange *ex, const struct route *route)
{
    struct accept_policy policy = routes_policy(node, ex);
    struct refusal refusal = {0};
    struct key *key;

    policy.body_is_json = route->flags & ROUTE_JSON;
    policy.any_type = route->flags & ROUTE_ANY_TYPE;
    policy.open = route->flags & ROUTE_OPEN;
    policy.changes = route->flags & ROUTE_CHANGES;

    if (!accept_check(ex, &policy, &key, &refusal)) {
        route_refuse(ex, &refusal);
        return;
    }
    char text[ID_BYTES_MAX];
    struct slice path = exchange_path(ex);
    size_t len = strlen(route->path);
    route->admin(node, ex, unescape((struct slice){path.p + len, path.len - len}, text));
}

void routes_request(void *owner, struct exchange *ex)
{
    struct node *node = owner;
    struct slice path = exchange_path(ex);
    bool known, preview = preview_path(path, &path);
    const struct route *route = route_find(exchange_method(ex), path, &known);

    if (preview && route && !route->api)
        route = NULL, known = false;
    if (!route) {
        struct refusal refusal = {
            .status = known ? NIGH_INVALID : NIGH_NOTFOUND,
            .http_status = known ? 405 : 404,
            .what = known ? SLICE("this path takes another method; see docs/api.md")
                          : SLICE("there is no such path here; see docs/api.md"),
        };
        route_refuse(ex, &refusal);
    } else if (route->api) {
        request_begin(node, ex, route->api, preview);
    } else {
        route_admin(node, ex, route);
    }
}
