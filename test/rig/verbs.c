#include "verbs.h"
#include <stdint.h>

enum { DIMENSIONS = 8, WORDS_MAX = 64 };

struct asked {
    struct plan *plan;
    const struct act *act;
    yyjson_val *request;
    const char *model;
    unsigned long serial;
};

static yyjson_val *member(const struct asked *a, const char *name)
{
    return yyjson_obj_get(a->request, name);
}

/* A text, token numbers, or a list of either: how many, and the i-th. */
static size_t inputs(yyjson_val *val)
{
    yyjson_val *first = yyjson_arr_get_first(val);

    if (yyjson_is_str(val) || yyjson_is_num(first))
        return 1;
    return yyjson_arr_size(val);
}

static yyjson_val *input(yyjson_val *val, size_t i)
{
    yyjson_val *first = yyjson_arr_get_first(val);

    return yyjson_is_str(val) || yyjson_is_num(first) ? val : yyjson_arr_get(val, i);
}

static unsigned long count_words(const char *text)
{
    unsigned long n = 0;

    for (bool in = false; *text; text++) {
        n += !in && *text != ' ';
        in = *text != ' ';
    }
    return n;
}

static unsigned long tokens_in(yyjson_val *val)
{
    return yyjson_is_str(val) ? count_words(yyjson_get_str(val)) : yyjson_arr_size(val);
}

/* --- embeddings --- */

/* FNV-1a over the value as JSON and the place in the vector, to a thousandth within -1..1. */
static float number(yyjson_val *val, size_t at)
{
    char *text = yyjson_val_write(val, 0, NULL);
    uint32_t hash = 2166136261U ^ (uint32_t)at;

    for (const char *p = text; p && *p; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619U;
    free(text);
    return (float)((int)(hash % 2001) - 1000) / 1000.0F;
}

static void base64(struct bytes *out, const unsigned char *at, size_t n)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < n; i += 3) {
        unsigned a = at[i], b = i + 1 < n ? at[i + 1] : 0, c = i + 2 < n ? at[i + 2] : 0;
        char four[5] = {letters[a >> 2], letters[(a & 3) << 4 | b >> 4],
                        i + 1 < n ? letters[(b & 15) << 2 | c >> 6] : '=',
                        i + 2 < n ? letters[c & 63] : '='};
        bytes_text(out, four);
    }
}

static void vector(struct bytes *out, yyjson_val *val, size_t dimensions, bool packed)
{
    float floats[256];

    for (size_t i = 0; i < dimensions; i++)
        floats[i] = number(val, i);
    if (packed) { /* of a machine that is little-endian, as all that run this are */
        bytes_text(out, "\"");
        base64(out, (const unsigned char *)floats, dimensions * sizeof *floats);
        bytes_text(out, "\"");
        return;
    }
    for (size_t i = 0; i < dimensions; i++)
        bytes_printf(out, "%s%.9g", i ? "," : "[", (double)floats[i]);
    bytes_text(out, "]");
}

static void embeddings(const struct asked *a)
{
    yyjson_val *all = member(a, "input");
    const char *format = yyjson_get_str(member(a, "encoding_format"));
    uint64_t wanted = yyjson_get_uint(member(a, "dimensions"));
    size_t dimensions = wanted && wanted <= 256 && !strstr(a->model, "fixed") ? wanted : DIMENSIONS;
    struct bytes body = {0};
    unsigned long tokens = 0;

    bytes_text(&body, "{\"object\":\"list\",\"data\":[");
    for (size_t i = inputs(all); i-- > 0;) {
        bytes_printf(&body, "{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", i);
        vector(&body, input(all, i), dimensions, format && strcmp(format, "base64") == 0);
        bytes_text(&body, i ? "}," : "}");
        tokens += tokens_in(input(all, i));
    }
    bytes_text(&body, "],\"model\":");
    bytes_json(&body, a->model, strlen(a->model));
    bytes_printf(&body, ",\"usage\":{\"prompt_tokens\":%lu,\"total_tokens\":%lu}}", tokens, tokens);
    plan_body(a->plan, 200, a->act->headers, a->act->first_delay_us, body.at, body.n);
    bytes_done(&body);
}

/* --- rerank --- */

static unsigned shared(const char *query, const char *document)
{
    char words[1024];
    unsigned n = 0;
    char *rest;

    snprintf(words, sizeof words, "%s", query);
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        n += strstr(document, word) != NULL;
    return n;
}

static void rerank(const struct asked *a)
{
    yyjson_val *documents = member(a, "documents"), *one;
    const char *query = yyjson_get_str(member(a, "query"));
    struct bytes body = {0};
    size_t i, n;

    bytes_text(&body, "{\"results\":[");
    yyjson_arr_foreach(documents, i, n, one)
    {
        bytes_printf(&body, "%s{\"index\":%zu,\"relevance_score\":%u.5}", i ? "," : "", i,
                     shared(query ? query : "", yyjson_get_str(one) ? yyjson_get_str(one) : ""));
    }
    bytes_printf(&body, "],\"usage\":{\"total_tokens\":%zu}}", n);
    plan_body(a->plan, 200, a->act->headers, a->act->first_delay_us, body.at, body.n);
    bytes_done(&body);
}

/* --- completions --- */

/* The reply cut before every blank, as tokens of a stream. */
static size_t cut(const char *text, size_t starts[static WORDS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; text[i] && n < WORDS_MAX; i++)
        if (i == 0 || text[i] == ' ')
            starts[n++] = i;
    return n;
}

static void logprobs(struct bytes *out, const struct asked *a, const char *text, size_t n)
{
    if (!yyjson_is_int(member(a, "logprobs"))) {
        bytes_text(out, "null");
        return;
    }
    bytes_text(out, "{\"tokens\":[");
    bytes_json(out, text, n);
    bytes_text(out, "],\"token_logprobs\":[-0.25],\"top_logprobs\":[{");
    bytes_json(out, text, n);
    bytes_printf(out, ":-0.25,\" other\":-1.5}],\"text_offset\":[%td]}", text - a->act->reply);
}

static void choice(struct bytes *out, const struct asked *a, size_t index, const char *text,
                   size_t n, const char *finish)
{
    bytes_text(out, "{\"text\":");
    bytes_json(out, text, n);
    bytes_printf(out, ",\"index\":%zu,\"logprobs\":", index);
    if (n > 0)
        logprobs(out, a, text, n);
    else
        bytes_text(out, "null");
    bytes_printf(out, finish ? ",\"finish_reason\":\"%s\"}" : ",\"finish_reason\":null}", finish);
}

static void head(struct bytes *out, const struct asked *a)
{
    bytes_printf(
        out,
        "{\"id\":\"cmpl-standin-%lu\",\"object\":\"text_completion\",\"created\":1700000000,"
        "\"model\":",
        a->serial);
    bytes_json(out, a->model, strlen(a->model));
    bytes_text(out, ",\"choices\":[");
}

static void usage(struct bytes *out, const struct asked *a, size_t prompts, size_t answers)
{
    unsigned long in = 0, made = answers * count_words(a->act->reply);

    for (size_t i = 0; i < prompts; i++)
        in += tokens_in(input(member(a, "prompt"), i));
    bytes_printf(
        out, "],\"usage\":{\"prompt_tokens\":%lu,\"completion_tokens\":%lu,\"total_tokens\":%lu}}",
        in, made, in + made);
}

static void stream(struct bytes *out, const struct asked *a, size_t prompts, size_t answers)
{
    const char *reply = a->act->reply;
    size_t starts[WORDS_MAX], n = cut(reply, starts);

    for (size_t k = 0; k <= n; k++)
        for (size_t i = 0; i < answers; i++) {
            size_t end = k + 1 < n ? starts[k + 1] : strlen(reply);
            bytes_text(out, "data: ");
            head(out, a);
            if (k < n)
                choice(out, a, i, reply + starts[k], end - starts[k], NULL);
            else
                choice(out, a, i, "", 0, "stop");
            bytes_text(out, "]}\n\n");
        }
    bytes_text(out, "data: ");
    head(out, a);
    usage(out, a, prompts, answers);
    bytes_text(out, "\n\ndata: [DONE]\n\n");
}

static void completions(const struct asked *a)
{
    uint64_t n = yyjson_get_uint(member(a, "n"));
    size_t prompts = inputs(member(a, "prompt")), answers = prompts * (n ? n : 1);
    struct bytes body = {0};

    if (yyjson_get_bool(member(a, "stream"))) {
        stream(&body, a, prompts, answers);
        plan_stream_body(a->plan, a->act->first_delay_us, body.at, body.n);
    } else {
        head(&body, a);
        for (size_t i = 0; i < answers; i++) {
            bytes_text(&body, i ? "," : "");
            choice(&body, a, i, a->act->reply, strlen(a->act->reply), "stop");
        }
        usage(&body, a, prompts, answers);
        plan_body(a->plan, 200, a->act->headers, a->act->first_delay_us, body.at, body.n);
    }
    bytes_done(&body);
}

/* --- which --- */

static const struct {
    const char *path, *needs;
    void (*plan)(const struct asked *a);
} verbs[] = {{"/embeddings ", "input", embeddings},
             {"/rerank ", "documents", rerank},
             {"/completions ", "prompt", completions}};

bool plan_verb(struct plan *plan, const struct act *act, const char *line, size_t line_n,
               yyjson_val *request, unsigned long serial)
{
    yyjson_val *model = yyjson_obj_get(request, "model");
    struct asked a = {plan, act, request, yyjson_is_str(model) ? yyjson_get_str(model) : "standin",
                      serial};

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (!memmem(line, line_n, verbs[i].path, strlen(verbs[i].path)))
            continue;
        if (act->body)
            plan_body(plan, act->status, act->headers, act->first_delay_us, act->body,
                      strlen(act->body));
        else if (act->status != 200)
            plan_error(plan, act->status, act->headers, act->error, NULL);
        else if (!member(&a, verbs[i].needs))
            plan_error(plan, 400, NULL, "bad", NULL);
        else
            verbs[i].plan(&a);
        return true;
    }
    return false;
}
