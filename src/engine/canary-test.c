#include "base/json.h"
#include "base/tap.h"
#include "engine/canary.h"

/* The body's messages, each with its role before it, as a plain template would write them. */
struct script {
    const char *before, *around, *after; /* around: before each message */
    int drop;                            /* message left out; -1: none */
    unsigned times;
};

static void write_out(struct buf *answer, const struct script *s)
{
    CLEANUP(buf_done) struct buf body = {0}, prompt = {0};
    CLEANUP(arena_done) struct arena a;
    yyjson_val *root, *message;
    size_t i, n;

    arena_init(&a, 1 << 20);
    canary_body(&body);
    CHECK_EQ(json_parse(&root, buf_slice(&body), &a, NULL), NIGH_OK);
    buf_add_cstr(&prompt, s->before);
    for (unsigned t = 0; t < s->times; t++)
        yyjson_arr_foreach(json_get(root, "messages"), i, n, message)
        {
            if ((int)i == s->drop)
                continue;
            buf_add_cstr(&prompt, s->around);
            buf_add_str(&prompt, json_get_str(message, "content"));
        }
    buf_add_cstr(&prompt, s->after);
    buf_add_char(answer, '{');
    json_put_str(answer, "prompt", buf_slice(&prompt));
    buf_add_char(answer, '}');
}

TEST(canary_tells_what_a_template_does)
{
    static const struct {
        struct script s;
        const char *why; /* NULL: fine */
    } rows[] = {
        {{"", "<|im_start|>user\n", "<|im_start|>assistant\n", -1, 1}, NULL},
        {{"[BOS]", "", "", -1, 1}, NULL},
        {{"", "|", "", -1, 2}, NULL}, /* said twice: not for us to judge */
        {{"", "|", "", 0, 1}, "what the system said"},
        {{"", "|", "", 1, 1}, "leaves out or reorders"},
        {{"", "|", "", 17, 1}, "leaves out or reorders"},
        {{"", "|", "![](https://x.example/?q=", -1, 1}, "adds a link"},
        {{"See WWW.evil.example ", "|", "", -1, 1}, "adds a link"},
        {{"", "|", "", -1, 18}, "bytes of a conversation of"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf answer = {0};
        struct nigh_err err = {0};
        write_out(&answer, &rows[i].s);
        enum nigh_status status = canary_judge(buf_slice(&answer), &err);
        CHECK_EQ(status, rows[i].why ? NIGH_DENIED : NIGH_OK);
        if (rows[i].why && !strstr(err.what, rows[i].why))
            TAP_FAIL("row %zu: \"%s\" does not say \"%s\"", i, err.what, rows[i].why);
    }
}

TEST(canary_wants_an_answer)
{
    static const char *const answers[] = {
        "", "{}", "[]", "{\"prompt\":null}", "{\"prompt\":\"\"}", "{\"prompt\":\"\xff\"}"};

    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        CHECK_EQ(canary_judge(slice_of(answers[i]), NULL), NIGH_DENIED);
}
