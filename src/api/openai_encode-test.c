#include "api/openai_chat.h"
#include "base/tap.h"

static struct arena mem;
static struct turn turn;
static struct answer answer;
static struct buf out;
static struct encoding enc;

static void start(bool usage)
{
    arena_done(&mem);
    arena_init(&mem, 1 << 20);
    answer_done(&answer);
    buf_reset(&out);
    turn_init(&turn);
    turn.stream = true;
    turn.stream_usage = usage;
    enc = (struct encoding){.turn = &turn,
                            .answer = &answer,
                            .id = "01ID",
                            .model = "here/m",
                            .created = 17,
                            .arena = &mem};
}

/* As the walk does: gathered first, then encoded. */
static void tell(struct event e)
{
    CHECK_EQ(answer_add(&answer, &e, NULL), NIGH_OK);
    api_openai_chat.event(&enc, &e, &out);
}

static yyjson_val *parsed(const char *text)
{
    yyjson_val *v;

    CHECK_EQ(json_parse(&v, slice_of(text), &mem, NULL), NIGH_OK);
    return v;
}

#define HEAD                                                                                       \
    "data: {\"id\":\"chatcmpl-01ID\",\"object\":\"chat.completion.chunk\",\"created\":17,"         \
    "\"model\":\"here/m\",\"system_fingerprint\":\"nigh-" NIGH_VERSION "\",\"choices\":["
#define DELTA(index, delta) HEAD "{\"index\":" #index ",\"delta\":{" delta "},"
#define REST                "\"logprobs\":null,\"finish_reason\":null}]"
#define ROLE(i)             DELTA(i, "\"role\":\"assistant\",\"content\":null")
#define END_CHUNK           "}\n\n"
#define DONE                "data: [DONE]\n\n"

TEST(a_stream_of_text)
{
    start(false);
    tell((struct event){.kind = EVENT_BEGIN, .text = SLICE("up")});
    CHECK_EQ(out.len, 0); /* nothing to see yet: another place may still take over */
    tell((struct event){.kind = EVENT_TEXT, .text = SLICE("a\"b")});
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_LENGTH});
    tell((struct event){.kind = EVENT_USAGE, .usage = {.known = true, .input = 5}});
    tell((struct event){.kind = EVENT_END});
    CHECK_STR(out.data,
              ROLE(0) REST END_CHUNK DELTA(0, "\"content\":\"a\\\"b\"") REST END_CHUNK DELTA(
                  0, "") "\"logprobs\":null,\"finish_reason\":\"length\"}]" END_CHUNK DONE);
}

TEST(usage_comes_last_and_with_the_bill)
{
    start(true);
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){.kind = EVENT_FINISH});
    tell((struct event){.kind = EVENT_USAGE,
                        .usage = {.known = true,
                                  .input = 7,
                                  .output = 3,
                                  .cached_read = 2,
                                  .cache_write = 1,
                                  .reasoning = 1}});
    enc.bill_json = SLICE("{\"cost\":0}");
    tell((struct event){.kind = EVENT_END});
    CHECK_STR(
        out.data,
        ROLE(0) REST ",\"usage\":null" END_CHUNK DELTA(
            0, "") "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":null" END_CHUNK HEAD
                   "],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"total_tokens\":10,"
                   "\"prompt_tokens_details\":{\"cached_tokens\":2,\"cache_write_tokens\":1},"
                   "\"completion_tokens_details\":{\"reasoning_tokens\":1},\"nigh\":{\"cost\":0}"
                   "}" END_CHUNK DONE);
}

TEST(usage_that_nobody_counted_is_not_told)
{
    start(true);
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){.kind = EVENT_FINISH});
    buf_reset(&out);
    tell((struct event){.kind = EVENT_END});
    CHECK_STR(out.data, DONE);
}

TEST(calls_reasoning_and_refusal_have_their_deltas)
{
    static const struct {
        struct event event;
        const char *delta;
    } rows[] = {
        {{.kind = EVENT_REASONING, .text = SLICE("hm")}, "\"reasoning_content\":\"hm\""},
        {{.kind = EVENT_REFUSAL, .text = SLICE("no")}, "\"refusal\":\"no\""},
        {{.kind = EVENT_CALL, .call = 1, .call_id = SLICE("c"), .name = SLICE("f")},
         "\"tool_calls\":[{\"index\":1,\"id\":\"c\",\"type\":\"function\",\"function\":"
         "{\"name\":\"f\",\"arguments\":\"\"}}]"},
        {{.kind = EVENT_ARGUMENTS, .call = 1, .text = SLICE("{}")},
         "\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"{}\"}}]"},
    };
    start(false);
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){.kind = EVENT_TEXT, .text = SLICE("x")});
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf want = {0};
        buf_printf(&want, HEAD "{\"index\":0,\"delta\":{%s}," REST END_CHUNK, rows[i].delta);
        buf_reset(&out);
        tell(rows[i].event);
        CHECK_STR(out.data, want.data);
    }
}

TEST(each_choice_opens_with_its_role)
{
    start(false);
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){.kind = EVENT_TEXT, .choice = 1, .text = SLICE("b")});
    tell((struct event){.kind = EVENT_TEXT, .choice = 0, .text = SLICE("a")});
    CHECK_STR(out.data, ROLE(1) REST END_CHUNK DELTA(1, "\"content\":\"b\"") REST END_CHUNK ROLE(0)
                            REST END_CHUNK DELTA(0, "\"content\":\"a\"") REST END_CHUNK);
}

TEST(logprobs_travel_with_their_text)
{
    start(false);
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){.kind = EVENT_TEXT, .text = SLICE("x")});
    buf_reset(&out);
    tell((struct event){.kind = EVENT_LOGPROBS, .raw = parsed("{\"content\":[1]}")});
    CHECK_EQ(out.len, 0);
    tell((struct event){.kind = EVENT_TEXT, .text = SLICE("y")});
    CHECK_STR(
        out.data,
        DELTA(0, "\"content\":\"y\"") "\"logprobs\":{\"content\":[1],\"refusal\":null},\"finish_"
                                      "reason\":null}]" END_CHUNK);
    /* Without a text to go with they go alone, before the finish. */
    buf_reset(&out);
    tell((struct event){.kind = EVENT_LOGPROBS, .raw = parsed("{\"content\":[2]}")});
    tell((struct event){.kind = EVENT_LOGPROBS, .raw = parsed("{\"content\":[33333333333]}")});
    tell((struct event){.kind = EVENT_FINISH});
    CHECK_STR(
        out.data,
        DELTA(
            0,
            "") "\"logprobs\":{\"content\":[2],\"refusal\":null},\"finish_reason\":null}]" END_CHUNK
            DELTA(0, "") "\"logprobs\":{\"content\":[33333333333],\"refusal\":null},\"finish_"
                         "reason\":\"stop\"}]" END_CHUNK);
}

TEST(logprobs_without_a_delta_are_not_lost)
{
    start(false);
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){.kind = EVENT_FINISH});
    tell((struct event){.kind = EVENT_LOGPROBS, .raw = parsed("{\"content\":[4]}")});
    buf_reset(&out);
    tell((struct event){.kind = EVENT_END});
    CHECK_STR(
        out.data,
        DELTA(
            0,
            "") "\"logprobs\":{\"content\":[4],\"refusal\":null},\"finish_reason\":null}]" END_CHUNK
            DONE);
}

/* llama-server's timings go with the chunk they came with, and with the usage; its progress at
 * once. The chunk that tells the role has none. */
TEST(notes_travel_with_their_chunk)
{
    struct event timings = {.kind = EVENT_NOTE, .name = SLICE("timings")};

    start(true);
    timings.raw = parsed("{\"predicted_n\":1}");
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){
        .kind = EVENT_NOTE, .name = SLICE("prompt_progress"), .raw = parsed("{\"total\":9}")});
    tell(timings);
    tell((struct event){.kind = EVENT_TEXT, .text = SLICE("a")});
    timings.raw = parsed("{\"predicted_n\":2}");
    tell(timings);
    tell((struct event){.kind = EVENT_USAGE, .usage = {.known = true, .output = 2}});
    tell((struct event){.kind = EVENT_END});
    CHECK_STR(
        out.data, ROLE(0) REST ",\"usage\":null" END_CHUNK DELTA(0, "") REST
        ",\"usage\":null,\"prompt_progress\":{\"total\":9}" END_CHUNK DELTA(0, "\"content\":\"a\"")
            REST ",\"usage\":null,\"timings\":{\"predicted_n\":1}" END_CHUNK HEAD
                 "],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":2,\"total_tokens\":2,"
                 "\"prompt_tokens_details\":{\"cached_tokens\":0},"
                 "\"completion_tokens_details\":{\"reasoning_tokens\":0}},"
                 "\"timings\":{\"predicted_n\":2}" END_CHUNK DONE);
}

TEST(upstreams_own_words_are_kept)
{
    start(false);
    tell((struct event){.kind = EVENT_BEGIN,
                        .raw = parsed("{\"system_fingerprint\":\"fp\",\"service_tier\":\"t\"}")});
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_OTHER, .text = SLICE("pause")});
    CHECK(strstr(out.data, "\"system_fingerprint\":\"fp\",\"service_tier\":\"t\",\"choices\""));
    CHECK(strstr(out.data, "\"finish_reason\":\"pause\""));
}

TEST(a_whole_answer)
{
    start(false);
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){.kind = EVENT_REASONING, .text = SLICE("hm")});
    tell((struct event){.kind = EVENT_LOGPROBS, .raw = parsed("{\"content\":[1]}")});
    tell((struct event){.kind = EVENT_TEXT, .text = SLICE("hi")});
    tell((struct event){.kind = EVENT_FINISH});
    tell(
        (struct event){.kind = EVENT_CALL, .choice = 1, .call_id = SLICE("c"), .name = SLICE("f")});
    tell((struct event){.kind = EVENT_ARGUMENTS, .choice = 1, .text = SLICE("{}")});
    tell((struct event){.kind = EVENT_FINISH, .choice = 1, .finish = FINISH_CALLS});
    tell((struct event){.kind = EVENT_USAGE, .usage = {.known = true, .input = 1, .output = 2}});
    tell((struct event){.kind = EVENT_END});
    buf_reset(&out);
    api_openai_chat.whole(&enc, &out);
    CHECK_STR(out.data,
              "{\"id\":\"chatcmpl-01ID\",\"object\":\"chat.completion\",\"created\":17,"
              "\"model\":\"here/m\",\"system_fingerprint\":\"nigh-" NIGH_VERSION "\",\"choices\":["
              "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi\","
              "\"refusal\":null,\"reasoning_content\":\"hm\"},\"logprobs\":{\"content\":[1],"
              "\"refusal\":null},\"finish_reason\":\"stop\"},"
              "{\"index\":1,\"message\":{\"role\":\"assistant\",\"content\":null,"
              "\"refusal\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":"
              "{\"name\":\"f\",\"arguments\":\"{}\"}}]},\"logprobs\":null,"
              "\"finish_reason\":\"tool_calls\"}],"
              "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3,"
              "\"prompt_tokens_details\":{\"cached_tokens\":0},"
              "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}");
}

TEST(an_answer_without_words_is_still_a_choice)
{
    start(false);
    tell((struct event){.kind = EVENT_END});
    buf_reset(&out);
    api_openai_chat.whole(&enc, &out);
    CHECK(strstr(out.data, "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                           "\"content\":\"\",\"refusal\":null},\"logprobs\":null,"
                           "\"finish_reason\":\"stop\"}]}"));
}

TEST(no_memory_breaks_the_reply_instead_of_thinning_it)
{
    start(false);
    arena_done(&mem);
    arena_init(&mem, 8);
    tell((struct event){.kind = EVENT_TEXT, .text = SLICE("x")});
    CHECK(out.failed);
}

TEST(errors_have_openais_shape)
{
    static const struct {
        struct refusal refusal;
        const char *want;
    } rows[] = {
        {{.status = NIGH_INVALID, .what = SLICE("n: bad"), .param = SLICE("n")},
         "{\"error\":{\"message\":\"n: bad\",\"type\":\"invalid_request_error\",\"param\":\"n\","
         "\"code\":null}}"},
        {{.status = NIGH_BUSY},
         "{\"error\":{\"message\":\"busy\",\"type\":\"rate_limit_error\",\"param\":null,"
         "\"code\":\"rate_limit_exceeded\"}}"},
        {{.status = NIGH_UNAUTHORIZED},
         "{\"error\":{\"message\":\"unauthorized\",\"type\":\"authentication_error\","
         "\"param\":null,\"code\":\"invalid_api_key\"}}"},
        {{.status = NIGH_OFFLINE, .what = SLICE("label device: nothing may answer")},
         "{\"error\":{\"message\":\"label device: nothing may answer\",\"type\":\"server_error\","
         "\"param\":null,\"code\":\"unavailable\"}}"},
        {{.status = NIGH_INVALID,
          .http_status = 418,
          .type = SLICE("t"),
          .code = SLICE("c"),
          .what = SLICE("w")},
         "{\"error\":{\"message\":\"w\",\"type\":\"t\",\"param\":null,\"code\":\"c\"}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_reset(&out);
        api_openai_chat.error(&rows[i].refusal, &out);
        CHECK_STR(out.data, rows[i].want);
    }
    buf_reset(&out);
    api_openai_chat.stream_error(&enc, &rows[1].refusal, &out);
    CHECK(slice_starts(buf_slice(&out), SLICE("data: {\"error\":{")));
    CHECK(strstr(out.data, "}}\n\n"));
}
