#include "api/openai_responses.h"
#include "base/tap.h"

static struct arena mem;
static struct turn turn;
static struct answer answer;
static struct buf out;
static struct encoding enc;

static void start(void)
{
    arena_done(&mem);
    arena_init(&mem, 16 << 20);
    answer_done(&answer);
    buf_reset(&out);
    turn_init(&turn);
    turn.stream = turn.store = true;
    enc = (struct encoding){.turn = &turn,
                            .answer = &answer,
                            .id = "01M82M3JA243YE5X940APYQ5GH",
                            .model = "here/m",
                            .created = 17,
                            .ended = 18,
                            .arena = &mem};
}

static yyjson_val *parsed(struct slice text)
{
    yyjson_val *v = NULL;

    CHECK_EQ(json_parse(&v, text, &mem, NULL), NIGH_OK);
    return v;
}

/* As the walk does: gathered first, then encoded. */
static void tell(struct event e)
{
    CHECK_EQ(answer_add(&answer, &e, NULL), NIGH_OK);
    api_openai_responses.event(&enc, &e, &out);
    CHECK(!out.failed);
}

/* The stream as a program that gathers it sees it. */
enum { EVENTS_MAX = 128, ITEMS_MAX = 16 };
static yyjson_val *events[EVENTS_MAX], *last;
static size_t n_events, n_added;
static const char *done[ITEMS_MAX]; /* by output_index: the item when it was done, as text */

static const char *as_text(yyjson_val *val)
{
    CLEANUP(buf_done) struct buf b = {0};

    json_add_val(&b, val);
    return arena_strdup(&mem, buf_slice(&b));
}

/* Each event has a line with its type, the same type inside, and the next number. */
static void gather(void)
{
    struct slice rest = buf_slice(&out);

    n_events = n_added = 0;
    memset(done, 0, sizeof done);
    while (rest.len > 0) {
        struct slice head = slice_cut(&rest, '\n'), data = slice_cut(&rest, '\n');
        CHECK_EQ(slice_cut(&rest, '\n').len, 0);
        CHECK(slice_starts(head, SLICE("event: ")) && slice_starts(data, SLICE("data: ")));
        CHECK(n_events < EVENTS_MAX);
        last = events[n_events] = parsed((struct slice){data.p + 6, data.len - 6});
        struct slice type = json_get_str(last, "type");
        CHECK(slice_eq(type, (struct slice){head.p + 7, head.len - 7}));
        CHECK_EQ(json_get_int(last, "sequence_number", -1), n_events++);
        if (slice_is(type, "response.output_item.added"))
            CHECK_EQ(json_get_int(last, "output_index", -1), n_added++);
        if (slice_is(type, "response.output_item.done"))
            done[json_get_int(last, "output_index", -1)] = as_text(json_get(last, "item"));
    }
}

/* What the items were when each was done is what the response says they are. */
static void check_output(size_t n)
{
    yyjson_val *output = json_get(json_get(last, "response"), "output");

    CHECK_EQ(n_added, n);
    CHECK_EQ(yyjson_arr_size(output), n);
    for (size_t i = 0; i < n; i++)
        CHECK_STR(as_text(yyjson_arr_get(output, i)), done[i]);
}

static const char *types(void)
{
    CLEANUP(buf_done) struct buf b = {0};

    for (size_t i = 0; i < n_events; i++) {
        struct slice type = json_get_str(events[i], "type");
        slice_cut(&type, '.'); /* "response." */
        if (i > 0)
            buf_add_char(&b, ' ');
        buf_add_str(&b, type);
    }
    return arena_strdup(&mem, buf_slice(&b));
}

#define SAY(text_) tell((struct event){.kind = EVENT_TEXT, .text = SLICE(text_)})

TEST(a_stream_of_text)
{
    start();
    tell((struct event){.kind = EVENT_BEGIN, .text = SLICE("up")});
    CHECK_EQ(out.len, 0); /* nothing to see yet: another place may still take over */
    SAY("a\"b");
    SAY("c");
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_STOP});
    tell((struct event){.kind = EVENT_USAGE, .usage = {.known = true, .input = 5, .output = 2}});
    tell((struct event){.kind = EVENT_END});
    gather();
    CHECK_STR(types(), "created in_progress output_item.added content_part.added output_text.delta "
                       "output_text.delta output_text.done content_part.done output_item.done "
                       "completed");
    check_output(1);
    CHECK_STR(done[0],
              "{\"id\":\"msg_01M82M3JA243YE5X940APYQ5GH_0\",\"type\":\"message\","
              "\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":"
              "\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"a\\\"bc\"}]}");
    yyjson_val *response = json_get(last, "response");
    CHECK_EQ(json_get_int(response, "completed_at", 0), 18);
    CHECK_EQ(json_get_int(json_get(response, "usage"), "total_tokens", 0), 7);
}

TEST(calls_that_take_turns_each_stay_whole)
{
    start();
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){.kind = EVENT_REASONING, .text = SLICE("hm")});
    SAY("I look.");
    tell((struct event){.kind = EVENT_CALL, .call_id = SLICE("a"), .name = SLICE("f")});
    tell((struct event){.kind = EVENT_CALL, .call = 1, .call_id = SLICE("b"), .name = SLICE("g")});
    tell((struct event){.kind = EVENT_ARGUMENTS, .call = 1, .text = SLICE("{\"x\"")});
    tell((struct event){.kind = EVENT_ARGUMENTS, .call = 0, .text = SLICE("{}")});
    tell((struct event){.kind = EVENT_ARGUMENTS, .call = 1, .text = SLICE(":1}")});
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_CALLS});
    tell((struct event){.kind = EVENT_END});
    gather();
    check_output(4);
    CHECK_STR(done[0], "{\"id\":\"rs_01M82M3JA243YE5X940APYQ5GH_0\",\"type\":\"reasoning\","
                       "\"summary\":[{\"type\":\"summary_text\",\"text\":\"hm\"}]}");
    CHECK_STR(done[3], "{\"id\":\"fc_01M82M3JA243YE5X940APYQ5GH_3\",\"type\":\"function_call\","
                       "\"status\":\"completed\",\"arguments\":\"{\\\"x\\\":1}\",\"call_id\":\"b\","
                       "\"name\":\"g\"}");
    CHECK_STR(types(),
              "created in_progress output_item.added reasoning_summary_part.added "
              "reasoning_summary_text.delta reasoning_summary_text.done "
              "reasoning_summary_part.done output_item.done output_item.added content_part.added "
              "output_text.delta output_text.done content_part.done output_item.done "
              "output_item.added output_item.added function_call_arguments.delta "
              "function_call_arguments.delta function_call_arguments.delta "
              "function_call_arguments.done output_item.done function_call_arguments.done "
              "output_item.done completed");
}

TEST(text_and_refusal_are_one_message_and_what_comes_between_parts_it)
{
    start();
    tell((struct event){.kind = EVENT_BEGIN});
    SAY("a");
    tell((struct event){.kind = EVENT_REFUSAL, .text = SLICE("no")});
    SAY("b");
    tell((struct event){.kind = EVENT_CALL, .call_id = SLICE("c"), .name = SLICE("f")});
    SAY("d");
    tell((struct event){.kind = EVENT_ARGUMENTS, .text = SLICE("{}")});
    SAY("e");
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_LENGTH});
    tell((struct event){.kind = EVENT_END});
    gather();
    check_output(3);
    CHECK(strstr(done[0], "\"text\":\"a\"},{\"type\":\"refusal\",\"refusal\":\"no\"},{") != NULL);
    CHECK(strstr(done[0], "\"status\":\"completed\"") != NULL);
    CHECK(strstr(done[2], "\"text\":\"de\"") && strstr(done[2], "\"status\":\"incomplete\""));
    CHECK(slice_is(json_get_str(last, "type"), "response.incomplete"));
    yyjson_val *response = json_get(last, "response");
    CHECK(slice_is(json_get_str(response, "status"), "incomplete"));
    CHECK(slice_is(json_get_str(json_get(response, "incomplete_details"), "reason"),
                   "max_output_tokens"));
    CHECK(yyjson_is_null(json_get(response, "completed_at")));
    CHECK(yyjson_is_null(json_get(response, "usage"))); /* nobody counted */
}

TEST(an_answer_without_a_word_is_an_empty_message)
{
    start();
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_LENGTH});
    tell((struct event){.kind = EVENT_END});
    gather();
    check_output(1);
    CHECK_STR(types(), "created in_progress output_item.added content_part.added output_text.done "
                       "content_part.done output_item.done incomplete");
    CHECK(strstr(done[0], "\"status\":\"incomplete\"") && strstr(done[0], "\"text\":\"\""));
}

/* What the makers of thoughts want back comes back as it was, whichever way the answer went out. */
TEST(sealed_reasoning_goes_out_and_comes_in_again)
{
    struct turn again;
    struct slice param;

    start();
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){.kind = EVENT_REASONING, .text = SLICE("one")});
    tell((struct event){.kind = EVENT_SIGNATURE, .text = SLICE("SIG")});
    tell((struct event){.kind = EVENT_REDACTED, .text = SLICE("DARK")});
    tell((struct event){
        .kind = EVENT_SIGNATURE, .text = SLICE("SEALED"), .call_id = SLICE("rs_up")});
    SAY("x");
    tell((struct event){.kind = EVENT_FINISH});
    tell((struct event){.kind = EVENT_END});
    gather();
    check_output(4);
    CLEANUP(buf_done) struct buf body = {0};
    buf_add_cstr(&body, "{\"input\":");
    json_add_val(&body, json_get(json_get(last, "response"), "output"));
    buf_add_cstr(&body, "}");
    CHECK_EQ(api_openai_responses.decode(&again, buf_slice(&body), &mem, &param, NULL), NIGH_OK);
    CHECK_EQ(again.n_messages, 1);
    const struct part *p = again.messages[0].parts;
    CHECK_EQ(again.messages[0].n_parts, 4);
    CHECK(slice_is(p[0].text, "one") && slice_is(p[0].signature, "SIG") && !p[0].call_id.p);
    CHECK(p[1].kind == PART_REDACTED && slice_is(p[1].text, "DARK"));
    CHECK(slice_is(p[2].signature, "SEALED") && slice_is(p[2].call_id, "rs_up"));
    CHECK(p[3].kind == PART_TEXT && slice_is(p[3].text, "x"));
}

#define LOGPROB_A                                                                                  \
    "{\"token\":\"a\",\"logprob\":-1,\"bytes\":[97],\"top_logprobs\":[{\"token\":\"é\","          \
    "\"logprob\":-2,\"bytes\":[195,169]}]}"
#define LOGPROB_B "{\"token\":\"b\",\"logprob\":-0.5,\"bytes\":[98],\"top_logprobs\":[]}"

/* Every row is of this API's shape, whatever the place told of it. */
TEST(logprobs_travel_with_their_text)
{
    start();
    turn.logprobs = true;
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){
        .kind = EVENT_LOGPROBS,
        .raw = parsed(SLICE("{\"content\":[{\"token\":\"a\",\"logprob\":-1,\"id\":7,\"bytes\":null,"
                            "\"top_logprobs\":[{\"token\":\"\u00e9\",\"logprob\":-2}]}]}"))});
    SAY("a");
    tell((struct event){
        .kind = EVENT_LOGPROBS,
        .raw = parsed(SLICE("{\"content\":[{\"token\":\"b\",\"logprob\":-0.5,\"bytes\":[98]}]}"))});
    SAY("b");
    tell((struct event){.kind = EVENT_FINISH});
    tell((struct event){.kind = EVENT_END});
    gather();
    check_output(1);
    CHECK_STR(as_text(json_get(events[4], "logprobs")), "[" LOGPROB_A "]");
    CHECK_STR(as_text(json_get(events[5], "logprobs")), "[" LOGPROB_B "]");
    CHECK_STR(as_text(json_get(events[6], "logprobs")), "[" LOGPROB_A "," LOGPROB_B "]");
    CHECK(strstr(done[0], "\"logprobs\":[" LOGPROB_A "," LOGPROB_B "]") != NULL);
}

static const char *const required[] = {
    "id",
    "object",
    "created_at",
    "completed_at",
    "status",
    "incomplete_details",
    "model",
    "previous_response_id",
    "instructions",
    "output",
    "error",
    "tools",
    "tool_choice",
    "truncation",
    "parallel_tool_calls",
    "text",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "top_logprobs",
    "temperature",
    "reasoning",
    "user",
    "usage",
    "max_output_tokens",
    "max_tool_calls",
    "store",
    "background",
    "service_tier",
    "metadata",
    "safety_identifier",
    "prompt_cache_key",
};

TEST(the_object_has_every_member_and_says_what_was_asked)
{
    struct slice param;

    start();
    CHECK_EQ(
        api_openai_responses.decode(
            &turn,
            SLICE("{\"input\":\"x\",\"instructions\":\"i\",\"temperature\":0.5,\"store\":false,"
                  "\"metadata\":{\"a\":\"b\"},\"tools\":[{\"type\":\"function\",\"name\":\"f\"}],"
                  "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":{}}},"
                  "\"reasoning\":{\"effort\":\"low\"},\"service_tier\":\"auto\",\"user\":null}"),
            &mem, &param, NULL),
        NIGH_OK);
    CHECK_EQ(answer_add(&answer, &(struct event){.kind = EVENT_TEXT, .text = SLICE("y")}, NULL),
             NIGH_OK);
    api_openai_responses.whole(&enc, &out);
    yyjson_val *got = parsed(buf_slice(&out));
    for (size_t i = 0; i < ARRAY_LEN(required); i++)
        CHECK(json_get(got, required[i]) != NULL);
    CHECK(slice_is(json_get_str(got, "id"), "resp_01M82M3JA243YE5X940APYQ5GH"));
    CHECK_STR(as_text(json_get(got, "temperature")), "0.5");
    CHECK_STR(as_text(json_get(got, "instructions")), "\"i\"");
    CHECK_STR(as_text(json_get(got, "store")), "false");
    CHECK_STR(as_text(json_get(got, "metadata")), "{\"a\":\"b\"}");
    CHECK_STR(as_text(json_get(got, "tools")),
              "[{\"type\":\"function\",\"name\":\"f\",\"description\":null,\"parameters\":null,"
              "\"strict\":null}]");
    CHECK_STR(as_text(json_get(got, "text")),
              "{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"description\":null,"
              "\"strict\":false,\"schema\":{}},\"verbosity\":\"medium\"}");
    CHECK_STR(as_text(json_get(got, "reasoning")), "{\"effort\":\"low\",\"summary\":null}");
    CHECK_STR(as_text(json_get(got, "service_tier")), "\"default\"");
    CHECK_STR(as_text(json_get(got, "user")), "null");
    CHECK_STR(as_text(json_get(got, "tool_choice")), "\"auto\"");
}

TEST(a_broken_stream_says_so_twice)
{
    struct refusal r = {.status = NIGH_UPSTREAM, .what = SLICE("the place broke")};

    start();
    tell((struct event){.kind = EVENT_BEGIN});
    SAY("a");
    api_openai_responses.stream_error(&enc, &r, &out);
    gather();
    CHECK(slice_is(json_get_str(events[n_events - 2], "type"), "error"));
    CHECK(slice_is(json_get_str(events[n_events - 2], "message"), "the place broke"));
    CHECK(slice_is(json_get_str(json_get(events[n_events - 2], "error"), "message"),
                   "the place broke"));
    CHECK(slice_is(json_get_str(last, "type"), "response.failed"));
    yyjson_val *response = json_get(last, "response");
    CHECK(slice_is(json_get_str(response, "status"), "failed"));
    CHECK(slice_is(json_get_str(json_get(response, "error"), "code"), "server_error"));
    CHECK_EQ(yyjson_arr_size(json_get(response, "output")), 1); /* what there was of it */
}
