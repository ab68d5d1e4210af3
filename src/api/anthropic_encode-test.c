#include "api/anthropic.h"
#include "base/tap.h"

static struct arena mem;
static struct turn turn;
static struct answer answer;
static struct buf out;
static struct encoding enc;

static void start(void)
{
    arena_done(&mem);
    arena_init(&mem, 1 << 20);
    answer_done(&answer);
    buf_reset(&out);
    turn_init(&turn);
    turn.stream = true;
    enc = (struct encoding){
        .turn = &turn, .answer = &answer, .id = "01ID", .model = "here/m", .arena = &mem};
}

/* As the walk does: gathered first, then encoded. */
static void tell(struct event e)
{
    CHECK_EQ(answer_add(&answer, &e, NULL), NIGH_OK);
    api_anthropic.event(&enc, &e, &out);
}

static void begin(void)
{
    start();
    tell((struct event){.kind = EVENT_BEGIN, .text = SLICE("up")});
    CHECK_EQ(out.len, 0); /* nothing to see yet: another place may still take over */
}

static void text(const char *words)
{
    tell((struct event){.kind = EVENT_TEXT, .text = slice_of(words)});
}

static void call(unsigned n, const char *id)
{
    tell(
        (struct event){.kind = EVENT_CALL, .call = n, .call_id = slice_of(id), .name = SLICE("f")});
}

static void arguments(unsigned n, const char *piece)
{
    tell((struct event){.kind = EVENT_ARGUMENTS, .call = n, .text = slice_of(piece)});
}

#define EVENT(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define USAGE(in, made, read, output, thought)                                                     \
    "\"input_tokens\":" #in ",\"cache_creation_input_tokens\":" #made                              \
    ",\"cache_read_input_tokens\":" #read ",\"output_tokens\":" #output                            \
    ",\"output_tokens_details\":{\"thinking_tokens\":" #thought "},\"server_tool_use\":null"
#define REST ",\"cache_creation\":null,\"inference_geo\":null,\"service_tier\":null,\"speed\":null"
#define HEAD                                                                                       \
    "{\"id\":\"msg_01ID\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"here/m\","       \
    "\"container\":null,\"diagnostics\":null,\"content\":["
#define MESSAGE_START                                                                              \
    EVENT("message_start", ",\"message\":" HEAD                                                    \
                           "],\"stop_reason\":null,\"stop_sequence\":null,\"stop_details\":null,"  \
                           "\"usage\":{" USAGE(1, 0, 0, 0, 0) REST "}}")                           \
    EVENT("ping", "")
#define OPEN(i, block)  EVENT("content_block_start", ",\"index\":" #i ",\"content_block\":" block)
#define DELTA(i, delta) EVENT("content_block_delta", ",\"index\":" #i ",\"delta\":" delta)
#define CLOSE(i)        EVENT("content_block_stop", ",\"index\":" #i)
#define TEXT_BLOCK      "{\"type\":\"text\",\"citations\":[],\"text\":\"\"}"
#define TEXT(t)         "{\"type\":\"text_delta\",\"text\":\"" t "\"}"
#define CALL_BLOCK(id)                                                                             \
    "{\"type\":\"tool_use\",\"id\":\"" id                                                          \
    "\",\"name\":\"f\",\"caller\":{\"type\":\"direct\"},\"input\":{}}"
#define JSON(t) "{\"type\":\"input_json_delta\",\"partial_json\":\"" t "\"}"
#define STOP(reason, sequence, details)                                                            \
    ",\"delta\":{\"container\":null,\"stop_reason\":\"" reason "\",\"stop_sequence\":" sequence    \
    ",\"stop_details\":" details "}"
#define END(stop, usage)                                                                           \
    EVENT("message_delta", stop ",\"usage\":{" usage "}") EVENT("message_stop", "")

TEST(a_stream_of_text)
{
    begin();
    text("a\"b");
    text("c");
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_LENGTH});
    tell((struct event){.kind = EVENT_USAGE,
                        .usage = {.known = true,
                                  .input = 10,
                                  .cached_read = 5,
                                  .cache_write = 2,
                                  .output = 4,
                                  .reasoning = 1}});
    enc.bill_json = SLICE("{\"cost\":0}");
    tell((struct event){.kind = EVENT_END});
    CHECK_STR(
        out.data,
        MESSAGE_START OPEN(0, TEXT_BLOCK) DELTA(0, TEXT("a\\\"b")) DELTA(0, TEXT("c")) CLOSE(0)
            END(STOP("max_tokens", "null", "null"), USAGE(3, 2, 5, 4, 1) ",\"nigh\":{\"cost\":0}"));
}

TEST(blocks_come_in_the_order_of_parts)
{
    begin();
    tell((struct event){.kind = EVENT_REASONING, .text = SLICE("hm")});
    tell((struct event){.kind = EVENT_SIGNATURE, .text = SLICE("s1")});
    tell((struct event){.kind = EVENT_REDACTED, .text = SLICE("d1")});
    text("so");
    call(0, "t1");
    arguments(0, "{\"a\":");
    arguments(0, "1}");
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_CALLS});
    tell((struct event){.kind = EVENT_END});
    CHECK_STR(out.data,
              MESSAGE_START OPEN(0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
                  DELTA(0, "{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}")
                      DELTA(0, "{\"type\":\"signature_delta\",\"signature\":\"s1\"}") CLOSE(0)
                          OPEN(1, "{\"type\":\"redacted_thinking\",\"data\":\"d1\"}") CLOSE(1) OPEN(
                              2, TEXT_BLOCK) DELTA(2, TEXT("so")) CLOSE(2) OPEN(3, CALL_BLOCK("t1"))
                              DELTA(3, JSON("{\\\"a\\\":")) DELTA(3, JSON("1}")) CLOSE(3)
                                  END(STOP("tool_use", "null", "null"), USAGE(0, 0, 0, 0, 0)));
}

TEST(a_call_that_is_whole_closes_when_the_next_begins)
{
    begin();
    call(0, "t0");
    arguments(0, "{\"a\":\"}\\\"{\"}");
    buf_reset(&out);
    call(1, "t1");
    CHECK_STR(out.data, CLOSE(0) OPEN(1, CALL_BLOCK("t1")));
}

TEST(calls_that_come_interleaved_are_told_one_after_the_other)
{
    begin();
    call(0, "t0");
    call(1, "t1");
    arguments(1, "{\"b\":");
    arguments(0, "{\"a\":");
    arguments(1, "2}");
    arguments(0, "1}");
    buf_reset(&out);
    text("x");
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_STOP}); /* some say stop */
    CHECK_STR(out.data, CLOSE(1) OPEN(2, TEXT_BLOCK) DELTA(2, TEXT("x")) CLOSE(2));
    buf_reset(&out);
    tell((struct event){.kind = EVENT_END});
    CHECK_STR(out.data, END(STOP("tool_use", "null", "null"), USAGE(0, 0, 0, 0, 0)));

    begin();
    call(0, "t0");
    call(1, "t1");
    arguments(1, "{\"b\":2}");
    buf_reset(&out);
    arguments(0, "{\"a\":1}");
    CHECK_STR(out.data, DELTA(0, JSON("{\\\"a\\\":1}")) CLOSE(0) OPEN(1, CALL_BLOCK("t1"))
                            DELTA(1, JSON("{\\\"b\\\":2}")));

    begin(); /* without arguments nobody knows that it is whole, until the finish */
    call(0, "t0");
    call(1, "t1");
    buf_reset(&out);
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_CALLS});
    CHECK_STR(out.data, CLOSE(0) OPEN(1, CALL_BLOCK("t1")) CLOSE(1));
}

TEST(reasons_to_stop)
{
    static const struct {
        struct event finish;
        const char *stop;
    } rows[] = {
        {{.finish = FINISH_STOP}, STOP("end_turn", "null", "null")},
        {{.finish = FINISH_STOP, .text = SLICE("END")}, STOP("stop_sequence", "\"END\"", "null")},
        {{.finish = FINISH_LENGTH}, STOP("max_tokens", "null", "null")},
        {{.finish = FINISH_CALLS}, STOP("tool_use", "null", "null")},
        {{.finish = FINISH_FILTER},
         STOP("refusal", "null", "{\"type\":\"refusal\",\"category\":null,\"explanation\":null}")},
        {{.finish = FINISH_OTHER, .text = SLICE("pause_turn")}, STOP("pause_turn", "null", "null")},
        {{.finish = FINISH_OTHER}, STOP("end_turn", "null", "null")},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct event finish = rows[i].finish;
        begin();
        finish.kind = EVENT_FINISH;
        tell(finish);
        CHECK_STR(out.data, MESSAGE_START);
        buf_reset(&out);
        tell((struct event){.kind = EVENT_END});
        CHECK(strstr(out.data, rows[i].stop));
    }
}

TEST(a_refusal_is_text_and_the_reason_to_stop)
{
    begin();
    tell((struct event){.kind = EVENT_REFUSAL, .text = SLICE("no")});
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_STOP});
    tell((struct event){.kind = EVENT_END});
    CHECK(strstr(out.data, DELTA(0, TEXT("no"))));
    CHECK(strstr(out.data, "\"stop_reason\":\"refusal\""));
}

TEST(a_restart_begins_anew)
{
    begin();
    answer_reset(&answer);
    tell((struct event){.kind = EVENT_BEGIN});
    text("x");
    CHECK_STR(out.data, MESSAGE_START OPEN(0, TEXT_BLOCK) DELTA(0, TEXT("x")));
}

TEST(a_whole_message)
{
    start();
    turn.stream = false;
    tell((struct event){.kind = EVENT_BEGIN});
    tell((struct event){.kind = EVENT_REASONING, .text = SLICE("hm")});
    text("so");
    call(0, "");
    arguments(0, "{\"a\":[1]}");
    call(1, "t1");
    call(2, "t2");
    arguments(2, "{\"a\":");
    tell((struct event){.kind = EVENT_FINISH, .finish = FINISH_CALLS});
    tell((struct event){.kind = EVENT_USAGE, .usage = {.known = true, .input = 3, .output = 2}});
    tell((struct event){.kind = EVENT_END});
    buf_reset(&out);
    enc.bill_json = SLICE("{}");
    api_anthropic.whole(&enc, &out);
#define CALLED(id, input)                                                                          \
    "{\"type\":\"tool_use\",\"id\":\"" id                                                          \
    "\",\"name\":\"f\",\"caller\":{\"type\":\"direct\"},\"input\":" input "}"
    CHECK_STR(
        out.data, HEAD
        "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"\"},"
        "{\"type\":\"text\",\"citations\":[],\"text\":\"so\"}," CALLED(
            "toolu_01ID_0",
            "{\"a\":[1]}") "," CALLED("t1",
                                      "{}") "," CALLED("t2",
                                                       "\"{\\\"a\\\":\"") "],\"stop_reason\":"
                                                                          "\"tool_use\","
                                                                          "\"stop_sequence\":null,"
                                                                          "\"stop_details\":null,"
                                                                          "\"usage\":{" USAGE(
                                                                              3, 0, 0, 2, 0) REST
        ",\"nigh\":{}}}");
}

TEST(a_count_is_one_number)
{
    static const struct {
        const char *data, *want; /* want NULL: no answer can be made of it */
    } rows[] = {
        {"{\"input_tokens\":12}", "{\"input_tokens\":12}"},
        {"{\"input_tokens\":-1}", NULL},
        {"{}", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        yyjson_val *raw;
        start();
        CHECK_EQ(json_parse(&raw, slice_of(rows[i].data), &mem, NULL), NIGH_OK);
        tell((struct event){.kind = EVENT_DATA, .raw = raw});
        api_anthropic_count.whole(&enc, &out);
        CHECK_EQ(out.failed, !rows[i].want);
        if (rows[i].want)
            CHECK_STR(out.data, rows[i].want);
    }
}

TEST(errors)
{
    static const struct {
        struct refusal refusal;
        const char *want;
    } rows[] = {
        {{.status = NIGH_INVALID, .what = SLICE("a[0]: no"), .param = SLICE("a[0]")},
         "\"invalid_request_error\",\"message\":\"a[0]: no\""},
        {{.status = NIGH_INVALID, .what = SLICE("no"), .param = SLICE("a")},
         "\"invalid_request_error\",\"message\":\"a: no\""},
        {{.status = NIGH_TOOBIG,
          .http_status = 400,
          .what = SLICE("9 tokens"),
          .code = SLICE("context_length_exceeded"),
          .param = SLICE("messages")},
         "\"invalid_request_error\",\"message\":\"prompt is too long: 9 tokens\""},
        {{.status = NIGH_UNAUTHORIZED, .what = SLICE("x")},
         "\"authentication_error\",\"message\":\"x\""},
        {{.status = NIGH_DENIED, .what = SLICE("x")}, "\"permission_error\",\"message\":\"x\""},
        {{.status = NIGH_NOTFOUND}, "\"not_found_error\",\"message\":\"not found\""},
        {{.status = NIGH_TOOBIG, .what = SLICE("x")}, "\"request_too_large\",\"message\":\"x\""},
        {{.status = NIGH_BUSY, .what = SLICE("x")}, "\"rate_limit_error\",\"message\":\"x\""},
        {{.status = NIGH_IO, .what = SLICE("x")}, "\"api_error\",\"message\":\"x\""},
        {{.status = NIGH_UPSTREAM, .what = SLICE("x")}, "\"api_error\",\"message\":\"x\""},
        {{.status = NIGH_OFFLINE, .what = SLICE("x")}, "\"overloaded_error\",\"message\":\"x\""},
        {{.status = NIGH_TIMEOUT, .what = SLICE("x")}, "\"timeout_error\",\"message\":\"x\""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf want = {0};
        buf_printf(&want, "{\"type\":\"error\",\"error\":{\"type\":%s},\"request_id\":null}",
                   rows[i].want);
        start();
        api_anthropic.error(&rows[i].refusal, &out);
        CHECK_STR(out.data, want.data);
    }
    struct refusal of_turn = rows[9].refusal;
    of_turn.id = "ID";
    start();
    api_anthropic.stream_error(&enc, &of_turn, &out);
    CHECK_STR(out.data, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\","
                        "\"message\":\"x\"},\"request_id\":\"ID\"}\n\n");
}
