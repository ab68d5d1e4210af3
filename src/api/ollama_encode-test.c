#include "api/ollama.h"
#include "base/tap.h"

static struct arena mem;
static struct turn turn;
static struct answer answer;
static struct buf out;
static struct encoding enc;
static const struct api *api;

static void start(const struct api *which)
{
    api = which;
    arena_done(&mem);
    arena_init(&mem, 1 << 20);
    answer_done(&answer);
    buf_reset(&out);
    turn_init(&turn);
    turn.stream = true;
    enc = (struct encoding){.turn = &turn,
                            .answer = &answer,
                            .id = "01ID",
                            .model = "here/m",
                            .created_us = 1000000001000000,
                            .begun_us = 5000,
                            .now_us = 5000,
                            .arena = &mem};
}

/* As the walk does: gathered first, then encoded. */
static void tell(struct event e)
{
    CHECK_EQ(answer_add(&answer, &e, NULL), NIGH_OK);
    api->event(&enc, &e, &out);
    CHECK(!out.failed);
}

static yyjson_val *parsed(const char *text)
{
    yyjson_val *v;

    CHECK_EQ(json_parse(&v, slice_of(text), &mem, NULL), NIGH_OK);
    return v;
}

#define LINE(rest) "{\"model\":\"here/m\",\"created_at\":\"2001-09-09T01:46:41.000000Z\"," rest "\n"
#define SAYS(text) "\"message\":{\"role\":\"assistant\",\"content\":\"" text "\""
#define NOT_DONE   ",\"done\":false}"

TEST(a_stream_of_text)
{
    start(&api_ollama_chat);
    tell((struct event){.kind = EVENT_BEGIN, .text = SLICE("up")});
    CHECK_EQ(out.len, 0); /* nothing to see yet: another place may still take over */
    tell((struct event){.kind = EVENT_REASONING, .text = SLICE("hm")});
    enc.first_us = 6000;
    tell((struct event){.kind = EVENT_TEXT, .text = SLICE("a\"b\n")});
    tell((struct event){.kind = EVENT_SIGNATURE, .text = SLICE("x")});
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_LENGTH});
    tell((struct event){.kind = EVENT_USAGE, .usage = {.known = true, .input = 5, .output = 2}});
    CHECK_STR(out.data,
              LINE(SAYS("") ",\"thinking\":\"hm\"}" NOT_DONE) LINE(SAYS("a\\\"b\\n") "}" NOT_DONE));
    buf_reset(&out);
    enc.load_us = 400;
    enc.now_us = 2005000;
    tell((struct event){.kind = EVENT_END});
    CHECK_STR(out.data,
              "{\"model\":\"here/m\",\"created_at\":\"2001-09-09T01:46:43.000000Z\"," SAYS(
                  "") "},\"done\":true,\"done_reason\":\"length\",\"total_duration\":2000000000,"
                      "\"load_duration\":400000,\"prompt_eval_count\":5,"
                      "\"prompt_eval_duration\":600000,\"eval_count\":2,"
                      "\"eval_duration\":1999000000}\n");
}

TEST(generate_has_its_text_by_itself)
{
    start(&api_ollama_generate);
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){.kind = EVENT_TEXT, .text = SLICE("a")});
    tell((struct event){.kind = EVENT_REASONING, .text = SLICE("b")});
    CHECK_STR(out.data, LINE("\"response\":\"a\"" NOT_DONE)
                            LINE("\"response\":\"\",\"thinking\":\"b\"" NOT_DONE));
}

static void call(unsigned number, const char *id, const char *name)
{
    tell((struct event){
        .kind = EVENT_CALL, .call = number, .call_id = slice_of(id), .name = slice_of(name)});
}

static void arguments(unsigned number, const char *text)
{
    tell((struct event){.kind = EVENT_ARGUMENTS, .call = number, .text = slice_of(text)});
}

#define CALLS(list) LINE(SAYS("") ",\"tool_calls\":[" list "]}" NOT_DONE)
#define CALL(id, index, name, args)                                                                \
    "{\"id\":\"" id "\",\"function\":{\"index\":" #index ",\"name\":\"" name                       \
    "\",\"arguments\":" args "}}"

TEST(a_call_goes_out_when_all_of_it_is_there)
{
    start(&api_ollama_chat);
    tell((struct event){.kind = EVENT_BEGIN});
    call(0, "c0", "f");
    arguments(0, "{\"a\":");
    arguments(0, "1}");
    CHECK_EQ(out.len, 0);
    call(1, "c1", "g");
    CHECK_STR(out.data, CALLS(CALL("c0", 0, "f", "{\"a\":1}")));
    buf_reset(&out);
    arguments(1, "{\n \"b\": [] }");
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_CALLS});
    CHECK_STR(out.data, CALLS(CALL("c1", 1, "g", "{\"b\":[]}")));
    buf_reset(&out);
    tell((struct event){.kind = EVENT_END});
    CHECK(strstr(out.data, "\"done_reason\":\"stop\""));
}

TEST(calls_that_come_in_turns_go_out_together)
{
    start(&api_ollama_chat);
    tell((struct event){.kind = EVENT_BEGIN});
    call(0, "c0", "f");
    arguments(0, "{\"a\"");
    call(1, "c1", "g");
    arguments(1, "{\"b\"");
    arguments(0, ":1}");
    arguments(1, ":2}");
    CHECK_EQ(out.len, 0);
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_CALLS});
    CHECK_STR(out.data, CALLS(CALL("c0", 0, "f", "{\"a\":1}") "," CALL("c1", 1, "g", "{\"b\":2}")));
}

TEST(arguments_that_are_no_object_are_not_lost)
{
    start(&api_ollama_chat);
    tell((struct event){.kind = EVENT_BEGIN});
    call(0, "a", "f");
    call(1, "b", "f");
    arguments(1, "[1]");
    call(2, "c", "f");
    arguments(2, "{\"cut");
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_CALLS});
    CHECK_STR(
        out.data,
        CALLS(CALL("a", 0, "f", "{}") "," CALL("b", 1, "f", "{\"arguments\":\"[1]\"}") "," CALL(
            "c", 2, "f", "{\"arguments\":\"{\\\"cut\"}")));
}

TEST(logprobs_travel_with_their_text)
{
    start(&api_ollama_chat);
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){.kind = EVENT_LOGPROBS,
                        .raw = parsed("{\"content\":[{\"token\":\"x\",\"logprob\":-1}]}")});
    tell((struct event){.kind = EVENT_LOGPROBS,
                        .raw = parsed("{\"content\":[{\"token\":\"y\",\"logprob\":-2}]}")});
    CHECK_EQ(out.len, 0);
    tell((struct event){.kind = EVENT_TEXT, .text = SLICE("xy")});
    CHECK_STR(out.data, LINE(SAYS("xy") "},\"logprobs\":[{\"token\":\"x\",\"logprob\":-1},"
                                        "{\"token\":\"y\",\"logprob\":-2}]" NOT_DONE));
    buf_reset(&out);
    tell((struct event){.kind = EVENT_TEXT, .text = SLICE("z")});
    CHECK_STR(out.data, LINE(SAYS("z") "}" NOT_DONE));
}

TEST(whole_answers)
{
    start(&api_ollama_chat);
    turn.stream = false;
    CHECK_EQ(
        answer_add(&answer, &(struct event){.kind = EVENT_REASONING, .text = SLICE("t")}, NULL),
        NIGH_OK);
    CHECK_EQ(answer_add(&answer, &(struct event){.kind = EVENT_TEXT, .text = SLICE("a")}, NULL),
             NIGH_OK);
    CHECK_EQ(answer_add(&answer, &(struct event){.kind = EVENT_REFUSAL, .text = SLICE("b")}, NULL),
             NIGH_OK);
    CHECK_EQ(
        answer_add(&answer,
                   &(struct event){.kind = EVENT_CALL, .call_id = SLICE("i"), .name = SLICE("f")},
                   NULL),
        NIGH_OK);
    api_ollama_chat.whole(&enc, &out);
    CHECK_STR(
        out.data,
        "{\"model\":\"here/m\",\"created_at\":\"2001-09-09T01:46:41.000000Z\"," SAYS(
            "ab") ",\"thinking\":\"t\",\"tool_calls\":[" CALL("i", 0, "f",
                                                              "{}") "]},"
                                                                    "\"done\":true,\"done_reason\":"
                                                                    "\"stop\",\"total_duration\":0,"
                                                                    "\"load_duration\":0,"
                                                                    "\"prompt_eval_duration\":0,"
                                                                    "\"eval_duration\":0}");
}

TEST(loading_says_so)
{
    static const struct {
        bool has_keep;
        int64_t ms;
        const char *reason;
    } rows[] = {{false, 0, "load"}, {true, 0, "unload"}, {true, -1, "load"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char want[64];
        start(&api_ollama_generate);
        turn.verb = VERB_LOAD;
        turn.has_keep = rows[i].has_keep;
        turn.keep_ms = rows[i].ms;
        tell((struct event){.kind = EVENT_BEGIN});
        tell((struct event){.kind = EVENT_FINISH});
        CHECK_EQ(out.len, 0);
        tell((struct event){.kind = EVENT_END});
        snprintf(want, sizeof want, "\"done_reason\":\"%s\",", rows[i].reason);
        CHECK(strstr(out.data, want) && !strstr(out.data, "eval_count"));
    }
}

TEST(vectors_have_the_length_one_or_are_as_they_came)
{
    start(&api_ollama_embed);
    turn.verb = VERB_EMBED;
    enc.now_us = 7000;
    answer.usage = (struct usage){.known = true, .input = 3};
    CHECK_EQ(answer_add(&answer,
                        &(struct event){.kind = EVENT_DATA,
                                        .raw = parsed("{\"embeddings\":[[3,-4],[0,0]]}")},
                        NULL),
             NIGH_OK);
    api_ollama_embed.whole(&enc, &out);
    CHECK_STR(out.data, "{\"model\":\"here/m\",\"embeddings\":[[0.6,-0.8],[0,0]],"
                        "\"total_duration\":2000000,\"load_duration\":0,\"prompt_eval_count\":3}");
    buf_reset(&out);
    api_ollama_embeddings.whole(&enc, &out);
    CHECK_STR(out.data, "{\"embedding\":[3,-4]}");
}

TEST(errors_are_one_text)
{
    const struct refusal refusal = {.status = NIGH_DENIED, .what = SLICE("no \"x\"")};

    start(&api_ollama_chat);
    api_ollama_chat.error(&refusal, &out);
    CHECK_STR(out.data, "{\"error\":\"no \\\"x\\\"\"}");
    buf_reset(&out);
    api_ollama_chat.stream_error(&enc, &refusal, &out);
    CHECK_STR(out.data, "{\"error\":\"no \\\"x\\\"\"}\n");
}
