#include "engine/canary.h"

#include "base/json.h"
#include <stdio.h>

static const char system_text[] =
    "You are a careful helper of the house at the lake. Answer in one short sentence, stay calm, "
    "and keep what you are told to yourself. Word of the day: 7f3ac91e.";

/* A marker for each message, which no template has a reason to change. */
static void marker(char ret[static 16], unsigned turn)
{
    snprintf(ret, 16, "%s-%02u-b4d5", turn % 2 ? "reply" : "query", turn);
}

static void put_message(struct buf *out, const char *role, const char *text)
{
    json_sep(out);
    buf_add_char(out, '{');
    json_put_cstr(out, "role", role);
    json_put_cstr(out, "content", text);
    buf_add_char(out, '}');
}

void canary_body(struct buf *out)
{
    char word[16], text[64];

    buf_add_cstr(out, "{\"messages\":[");
    put_message(out, "system", system_text);
    for (unsigned turn = 0; turn <= CANARY_TURNS; turn++) {
        marker(word, turn);
        snprintf(text, sizeof text, "The weather of %s is fine.", word);
        put_message(out, turn % 2 ? "assistant" : "user", text);
    }
    buf_add_cstr(out, "]}");
}

/* Case folded, since a link works in any. */
static bool has_word(struct slice text, const char *word)
{
    size_t len = strlen(word);

    for (size_t i = 0; i + len <= text.len; i++)
        if (slice_ieq((struct slice){text.p + i, len}, (struct slice){word, len}))
            return true;
    return false;
}

static enum nigh_status judge_order(struct slice prompt, struct nigh_err *err)
{
    const char *at = prompt.p, *end = prompt.p + prompt.len;
    char word[16];

    /* Anywhere: some templates put it before the last message. */
    if (!memmem(prompt.p, prompt.len, system_text, sizeof system_text - 1))
        return nigh_fail(err, NIGH_DENIED, "leaves out or changes what the system said");
    for (unsigned turn = 0; turn <= CANARY_TURNS; turn++) {
        marker(word, turn);
        at = memmem(at, (size_t)(end - at), word, strlen(word));
        if (!at)
            return nigh_fail(err, NIGH_DENIED, "leaves out or reorders messages");
        at += strlen(word);
    }
    return NIGH_OK;
}

static enum nigh_status judge_additions(struct slice prompt, struct nigh_err *err)
{
    static const char *const links[] = {"://", "www.", "]("};
    CLEANUP(buf_done) struct buf body = {0};

    canary_body(&body);
    if (prompt.len >
        body.len + CANARY_PREAMBLE_BYTES_MAX + (CANARY_TURNS + 2) * (size_t)CANARY_AROUND_BYTES_MAX)
        return nigh_fail(err, NIGH_DENIED, "makes %zu bytes of a conversation of %zu", prompt.len,
                         body.len);
    for (size_t i = 0; i < ARRAY_LEN(links); i++)
        if (has_word(prompt, links[i]))
            return nigh_fail(err, NIGH_DENIED, "adds a link to what was said");
    return NIGH_OK;
}

enum nigh_status canary_judge(struct slice answer, struct nigh_err *err)
{
    CLEANUP(arena_done) struct arena a;
    yyjson_val *root;

    arena_init(&a, 4 * CANARY_ANSWER_BYTES_MAX);
    if (json_parse(&root, answer, &a, NULL) != NIGH_OK)
        return nigh_fail(err, NIGH_DENIED, "makes no text of a conversation");
    struct slice prompt = json_get_str(root, "prompt");
    if (!prompt.p)
        return nigh_fail(err, NIGH_DENIED, "makes no text of a conversation");
    enum nigh_status status = judge_additions(prompt, err);
    return status == NIGH_OK ? judge_order(prompt, err) : status;
}
