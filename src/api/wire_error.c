/* What a place's error means for the turn.  Its own words decide first, then what its text speaks
 * of, then the HTTP status. */
#include "api/wire_read.h"

struct told {
    struct slice message, type, code, param;
    int status;    /* the HTTP status, or the one the error object names */
    bool filtered; /* a moderation's reasons are listed */
    uint64_t prompt_tokens, context_tokens; /* llama-server's, of a context that is too small */
};

static const struct {
    const char *word; /* code or type */
    enum fate fate;
} words[] = {
    {"context_length_exceeded", FATE_ELSEWHERE},
    {"exceed_context_size_error", FATE_ELSEWHERE}, /* llama-server */
    {"model_not_found", FATE_ELSEWHERE},
    {"invalid_api_key", FATE_ELSEWHERE},
    {"authentication_error", FATE_ELSEWHERE},
    {"permission_error", FATE_ELSEWHERE},
    {"insufficient_quota", FATE_ELSEWHERE},
    {"billing_hard_limit_reached", FATE_ELSEWHERE},
    {"account_deactivated", FATE_ELSEWHERE},
    {"content_filter", FATE_CALLER},
    {"content_policy_violation", FATE_CALLER},
    {"moderation_blocked", FATE_CALLER},
    {"ResponsibleAIPolicyViolation", FATE_CALLER}, /* Azure */
    {"rate_limit_exceeded", FATE_RETRY},
    {"rate_limit_error", FATE_RETRY},
    {"overloaded_error", FATE_RETRY},
    {"server_error", FATE_RETRY},
    {"unavailable_error", FATE_RETRY}, /* llama-server while its model loads */
    {"billing_error", FATE_ELSEWHERE}, /* Anthropic's, here and below */
    {"api_error", FATE_RETRY},
    {"timeout_error", FATE_RETRY},
    {"invalid_prompt", FATE_CALLER}, /* of a response that failed, to the end of these */
    {"bio_policy", FATE_CALLER},
    {"image_content_policy_violation", FATE_CALLER},
    {"invalid_image", FATE_CALLER},
    {"invalid_image_url", FATE_CALLER},
    {"invalid_base64_image", FATE_CALLER},
    {"image_parse_error", FATE_CALLER},
    {"image_too_large", FATE_CALLER},
};

/* Servers without a code for it still say that a prompt is too long for their model. */
static const char *const context_phrases[] = {
    "context length",     "context window",  "context size",         "maximum context",
    "prompt is too long", "too many tokens", "exceed context limit", "too large to process"};

/* An empty account, told as if the request were wrong (Anthropic, 400). */
static const char *const account_phrases[] = {"credit balance is too low"};

static const struct {
    int status;
    enum fate fate;
} statuses[] = {
    {400, FATE_CALLER}, {408, FATE_RETRY}, {409, FATE_RETRY},     {422, FATE_CALLER},
    {425, FATE_RETRY},  {429, FATE_RETRY}, {501, FATE_ELSEWHERE}, {505, FATE_ELSEWHERE},
};

static bool holds(struct slice text, const char *phrase)
{
    size_t n = strlen(phrase);

    for (size_t i = 0; i + n <= text.len; i++)
        if (slice_ieq((struct slice){text.p + i, n}, (struct slice){phrase, n}))
            return true;
    return false;
}

static bool is_account(const struct told *t)
{
    for (size_t i = 0; i < ARRAY_LEN(account_phrases); i++)
        if (holds(t->message, account_phrases[i]))
            return true;
    return false;
}

static bool is_context(const struct told *t)
{
    if (slice_is(t->code, "context_length_exceeded") ||
        slice_is(t->type, "exceed_context_size_error"))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(context_phrases); i++)
        if (holds(t->message, context_phrases[i]))
            return t->status == 0 || t->status == 400 || t->status == 413 || t->status == 422 ||
                   t->status == 500;
    return false;
}

static enum fate fate_of(const struct told *t)
{
    if (t->filtered)
        return FATE_CALLER;
    if (t->status == 500 && is_context(t)) /* llama-server, of an input to embed */
        return FATE_ELSEWHERE;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_is(t->code, words[i].word) || slice_is(t->type, words[i].word))
            return words[i].fate;
    if (is_context(t) || is_account(t))
        return FATE_ELSEWHERE;
    /* Of a stream that began well, where no status tells it. */
    if (t->status == 0 && slice_is(t->type, "invalid_request_error"))
        return FATE_CALLER;
    /* Something that the request names was not found, other than the model: a file, an image. */
    if (t->status == 404 && t->param.len > 0 && !slice_is(t->param, "model"))
        return FATE_CALLER;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (t->status == statuses[i].status)
            return statuses[i].fate;
    return t->status == 0 || t->status >= 500 ? FATE_RETRY : FATE_ELSEWHERE;
}

/* The shapes in use: {"error":{...}}, {"error":"text"}, {"message":...}, {"detail":...}. */
static void read_told(struct told *t, yyjson_val *root)
{
    yyjson_val *error = json_get(root, "error");
    yyjson_val *of = yyjson_is_obj(error) ? error : root;
    int64_t code = json_get_int(of, "code", 0);

    t->message = yyjson_is_str(error) ? json_str(error) : json_get_str(of, "message");
    if (!t->message.p)
        t->message = json_get_str(root, "detail");
    t->type = json_get_str(of, "type");
    t->code = json_get_str(of, "code");
    t->param = json_get_str(of, "param");
    t->prompt_tokens = wire_count(of, "n_prompt_tokens");
    t->context_tokens = wire_count(of, "n_ctx");
    t->filtered = yyjson_is_arr(json_get(json_get(of, "metadata"), "reasons"));
    if (slice_is(json_get_str(json_get(of, "innererror"), "code"), "ResponsibleAIPolicyViolation"))
        t->filtered = true;
    if (t->status == 0 && code >= 400 && code < 600)
        t->status = (int)code;
}

/* A place's words stay text: nothing longer than max, cut between characters. */
static struct slice said(struct arena *a, struct slice s, size_t max)
{
    if (s.len > max) {
        for (s.len = max; s.len > 0 && (s.p[s.len] & 0xc0) == 0x80;)
            s.len--;
    }
    return s.p ? arena_dup(a, s) : s;
}

/* A code in an error's text: a short plain word or nothing, so that no content gets in. */
static void plain_word(char out[static 48], struct slice s)
{
    size_t n = 0;

    for (; n < s.len && n < 46; n++) {
        char c = s.p[n];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-';
        if (!plain)
            break;
        out[n] = c;
    }
    out[n == s.len ? n : 0] = '\0';
}

static void tell(struct outcome *o, const struct told *t)
{
    enum nigh_status status = o->fate == FATE_CALLER              ? NIGH_INVALID
                              : t->status == 500 && is_context(t) ? NIGH_TOOBIG
                              : t->status == 429                  ? NIGH_BUSY
                                                                  : NIGH_UPSTREAM;
    char word[48];

    plain_word(word, t->code.len ? t->code : t->type);
    if (t->status == 0)
        nigh_fail(&o->err, status, "upstream broke off with an error%s%s", *word ? ": " : "", word);
    else
        nigh_fail(&o->err, status, "upstream answered %d%s%s", t->status, *word ? ": " : "", word);
}

void wire_classify(struct slice body, int http_status, struct arena *arena, struct outcome *outcome)
{
    struct arena scratch;
    struct told t = {.status = http_status};
    yyjson_val *root;

    arena_init(&scratch, JSON_ROOM * WIRE_EVENT_MAX);
    if (json_parse(&root, body, &scratch, NULL) == NIGH_OK)
        read_told(&t, root);
    outcome->fate = fate_of(&t);
    /* Other errors' texts concern this place's account, and may quote its key. */
    if (outcome->fate == FATE_CALLER || is_context(&t)) {
        outcome->said = said(arena, t.message, WIRE_SAID_MAX);
        outcome->said_type = said(arena, t.type, 128);
        outcome->said_code = said(arena, t.code, 128);
        outcome->said_param = said(arena, t.param, 128);
    }
    if (is_context(&t) && t.context_tokens) { /* llama-server's code is a number */
        outcome->prompt_tokens = t.prompt_tokens;
        outcome->context_tokens = t.context_tokens;
        outcome->said_code = SLICE("context_length_exceeded");
    }
    tell(outcome, &t);
    arena_done(&scratch);
}
