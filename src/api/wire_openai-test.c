#include "api/wire-rig.h"
#include "api/wire_openai.h"

/* One chunk of one choice: D("...members of delta...") */
#define CHUNK(choice) "data: {'model':'m','choices':[" choice "]}\n\n"
#define D(delta)      CHUNK("{'index':0,'delta':{" delta "}}")
#define F(word)       CHUNK("{'index':0,'delta':{},'finish_reason':'" word "'}")
#define USAGE(u)      "data: {'choices':[],'usage':{" u "}}\n\n"
#define DONE          "data: [DONE]\n\n"
#define CALL(c)       D("'tool_calls':[{" c "}]")

static const struct stream_row streams[] = {
    {"text",
     D("'role':'assistant','content':''") D("'content':'Hi'") D("'content':' you'") F("stop")
         USAGE("'prompt_tokens':3,'completion_tokens':2,'total_tokens':5") DONE,
     "B0(m) T0(Hi) T0( you) F0(stop) U0(3 2 0 0 0) END0 ", FATE_WHOLE, false},
    {"no [DONE], clean", D("'content':'Hi'") F("stop"), "B0(m) T0(Hi) F0(stop) END0 ", FATE_WHOLE,
     false},
    {"no [DONE], torn", D("'content':'Hi'") F("stop"), "B0(m) T0(Hi) F0(stop) ", FATE_CUT, true},
    {"[DONE], then torn", D("'content':'Hi'") F("stop") DONE, "B0(m) T0(Hi) F0(stop) END0 ",
     FATE_WHOLE, true},
    {"cut", D("'content':'Hi'"), "B0(m) T0(Hi) ", FATE_CUT, false},
    {"cut before a word", D("'role':'assistant'"), "B0(m) ", FATE_RETRY, false},
    {"nothing at all", "", "", FATE_RETRY, false},
    {"[DONE] without an answer", DONE, "", FATE_RETRY, false},
    {"[DONE] hides a cut", D("'content':'Hi'") DONE, "B0(m) T0(Hi) ", FATE_CUT, false},
    {"a page instead", "<html>login</html>\n\n", "", FATE_RETRY, false},
    {"after [DONE]", D("'content':'Hi'") F("stop") DONE D("'content':'more'") "data: {broken\n\n",
     "B0(m) T0(Hi) F0(stop) END0 ", FATE_WHOLE, false},
    {"comments, carriage returns",
     ": ping\r\n\r\ndata:{'model':'m','choices':[{'index':0,'delta':"
     "{'content':'x'},'finish_reason':'length'}]}\r\n\r\ndata: [DONE]\r\n\r\n",
     "B0(m) T0(x) F0(length) END0 ", FATE_WHOLE, false},
    {"last event without its empty line",
     D("'content':'Hi'") "data: {'choices':[{'index':0,'delta':{},'finish_reason':'stop'}]}",
     "B0(m) T0(Hi) F0(stop) END0 ", FATE_WHOLE, false},
    {"not JSON", D("'content':'Hi'") "data: {'choices':[\n\n" F("stop") DONE, "B0(m) T0(Hi) ",
     FATE_CUT, false},
    {"not JSON, first", "data: nope\n\n", "", FATE_RETRY, false},
    {"not an object", "data: 7\n\n", "", FATE_RETRY, false},
    {"reasoning",
     D("'reasoning_content':'a','reasoning':'a'") D("'reasoning':'b','content':'c'") F("stop") DONE,
     "B0(m) R0(a) R0(b) T0(c) F0(stop) END0 ", FATE_WHOLE, false},
    {"reasoning by a third name", D("'thinking':'a'") D("'content':'b'") F("stop") DONE,
     "B0(m) R0(a) T0(b) F0(stop) END0 ", FATE_WHOLE, false},
    {"a message after its pieces",
     D("'content':'Hi'") CHUNK("{'index':0,'message':{'content':'Hi','tool_calls':[{'id':'a',"
                               "'function':{'name':'f','arguments':'{}'}}]},'finish_reason':"
                               "'tool_calls'}") DONE,
     "B0(m) T0(Hi) C0(0 a f) A0(0 {}) F0(tool_calls) END0 ", FATE_WHOLE, false},
    {"a message with the calls that came before",
     CALL("'index':0,'id':'a','function':{'name':'f','arguments':'{}'}")
         CHUNK("{'index':0,'message':{'tool_calls':[{'id':'a','function':{'name':'f','arguments':"
               "'{}'}}]},'finish_reason':'tool_calls'}") DONE,
     "B0(m) C0(0 a f) A0(0 {}) F0(tool_calls) END0 ", FATE_WHOLE, false},
    {"parts",
     D("'content':[{'type':'thinking','thinking':[{'type':'text','text':'a'}]},"
       "{'type':'text','text':'b'}]") F("stop") DONE,
     "B0(m) R0(a) T0(b) F0(stop) END0 ", FATE_WHOLE, false},
    {"refusal", D("'refusal':'no'") F("stop") DONE, "B0(m) N0(no) F0(stop) END0 ", FATE_WHOLE,
     false},
    {"logprobs",
     CHUNK("{'index':0,'delta':{'content':'x'},'logprobs':{'content':[{'token':'x'}]}}")
         CHUNK("{'index':0,'delta':{'content':'y'},'logprobs':{'content':[]}}") F("stop") DONE,
     "B0(m) L0 T0(x) T0(y) F0(stop) END0 ", FATE_WHOLE, false},
    {"choices",
     CHUNK("{'index':1,'delta':{'content':'b'}},{'index':0,'delta':{'content':'a'}}") F("stop")
         CHUNK("{'index':1,'finish_reason':'length'}") DONE,
     "B0(m) T1(b) T0(a) F0(stop) F1(length) END0 ", FATE_WHOLE, false},
    {"one choice never finished",
     CHUNK("{'index':1,'delta':{'content':'b'}},{'index':0,'delta':{'content':'a'}}") F("stop")
         DONE,
     "B0(m) T1(b) T0(a) F0(stop) ", FATE_CUT, false},
    {"usage with the finish",
     CHUNK("{'index':0,'delta':{},'finish_reason':'stop'}],'usage':"
           "{'prompt_tokens':9,'completion_tokens':1,'prompt_tokens_details':{'cached_tokens':8},"
           "'completion_tokens_details':{'reasoning_tokens':1}},'x':[") DONE,
     "B0(m) F0(stop) U0(9 1 8 0 1) END0 ", FATE_WHOLE, false},
    {"usage by hits",
     F("stop") USAGE("'prompt_tokens':9,'completion_tokens':1,"
                     "'prompt_cache_hit_tokens':5,'prompt_cache_miss_tokens':4") DONE,
     "B0(m) F0(stop) U0(9 1 5 0 0) END0 ", FATE_WHOLE, false},
    {"usage without the cached",
     F("stop") USAGE("'prompt_tokens':4,'completion_tokens':1,"
                     "'prompt_tokens_details':{'cached_tokens':5}") DONE,
     "B0(m) F0(stop) U0(9 1 5 0 0) END0 ", FATE_WHOLE, false},
    {"usage with reasoning on top", /* xAI's own example */
     F("stop") USAGE("'prompt_tokens':32,'completion_tokens':9,'total_tokens':135,"
                     "'completion_tokens_details':{'reasoning_tokens':94}") DONE,
     "B0(m) F0(stop) U0(32 103 0 0 94) END0 ", FATE_WHOLE, false},
    {"usage with thoughts in the total alone",
     F("stop") USAGE("'prompt_tokens':20,'completion_tokens':424,'total_tokens':1016") DONE,
     "B0(m) F0(stop) U0(20 996 0 0 572) END0 ", FATE_WHOLE, false},
    {"usage with the cached in the total alone",
     F("stop") USAGE("'prompt_tokens':20,'completion_tokens':4,'total_tokens':31,"
                     "'cache_read_input_tokens':5,'cache_creation_input_tokens':2") DONE,
     "B0(m) F0(stop) U0(27 4 5 2 0) END0 ", FATE_WHOLE, false},
    {"usage in every chunk",
     "data: "
     "{'model':'m','choices':[{'index':0,'delta':{'content':'a'}}],'usage':{'prompt_tokens':4,"
     "'completion_tokens':1}}\n\n"
     "data: {'choices':[{'index':0,'delta':{},'finish_reason':'stop'}],'usage':{'prompt_tokens':4,"
     "'completion_tokens':2}}\n\n" DONE,
     "B0(m) T0(a) F0(stop) U0(4 2 0 0 0) END0 ", FATE_WHOLE, false},
    {"counts that are none", F("stop") USAGE("'prompt_tokens':-4,'completion_tokens':'x'") DONE,
     "B0(m) F0(stop) U0(0 0 0 0 0) END0 ", FATE_WHOLE, false},
    {"usage told twice",
     F("stop") USAGE("'prompt_tokens':4,'completion_tokens':1")
         USAGE("'prompt_tokens':4,'completion_tokens':2") DONE,
     "B0(m) F0(stop) U0(4 2 0 0 0) END0 ", FATE_WHOLE, false},
    {"usage of a cut answer", D("'content':'Hi'") USAGE("'prompt_tokens':4,'completion_tokens':1"),
     "B0(m) T0(Hi) U0(4 1 0 0 0) ", FATE_CUT, false},
    {"timings",
     D("'content':'Hi'") "data: {'choices':[{'index':0,'delta':{},'finish_reason':"
                         "'stop'}],'usage':{'prompt_tokens':4,'completion_tokens':1},'timings':{'"
                         "cache_n':3}}\n\n" DONE,
     "B0(m) T0(Hi) F0(stop) U0(4 1 3 0 0) END0 ", FATE_WHOLE, false},
    {"parallel calls in pieces",
     D("'content':null,'tool_calls':[{'index':0,'id':'a','type':'function','function':{'name':'f',"
       "'arguments':''}}]") CALL("'index':0,'function':{'arguments':'{1'}")
         CALL("'index':1,'id':'b','function':{'name':'g','arguments':'{'}")
             D("'tool_calls':[{'index':0,'function':{'arguments':'}'}},"
               "{'index':1,'function':{'arguments':'2}'}}]") F("tool_calls") DONE,
     "B0(m) C0(0 a f) A0(0 {1) C0(1 b g) A0(1 {) A0(0 }) A0(1 2}) F0(tool_calls) END0 ", FATE_WHOLE,
     false},
    {"arguments whole and last",
     CALL("'index':0,'id':'a','function':{'name':'f'}")
         CALL("'index':1,'id':'b','function':{'name':'g'}") CHUNK(
             "{'index':0,'delta':{'tool_calls':[{'index':0,'function':{'arguments':'{}'}},"
             "{'index':1,'function':{'arguments':'[]'}}]},'finish_reason':'tool_calls'}") DONE,
     "B0(m) C0(0 a f) C0(1 b g) A0(0 {}) A0(1 []) F0(tool_calls) END0 ", FATE_WHOLE, false},
    {"the id in every piece",
     CALL("'index':0,'id':'a','function':{'name':'f','arguments':'{'}")
         CALL("'index':0,'id':'a','function':{'name':'f','arguments':'}'}") F("stop") DONE,
     "B0(m) C0(0 a f) A0(0 {) A0(0 }) F0(tool_calls) END0 ", FATE_WHOLE, false},
    {"a new id in every piece",
     CALL("'index':0,'id':'a','function':{'name':'f','arguments':'{'}")
         CALL("'index':0,'id':'b','function':{'arguments':'}'}") F("tool_calls") DONE,
     "B0(m) C0(0 a f) A0(0 {) A0(0 }) F0(tool_calls) END0 ", FATE_WHOLE, false},
    {"one index for all",
     CALL("'index':0,'id':'a','function':{'name':'f','arguments':'{}'}")
         CALL("'index':0,'id':'b','function':{'name':'g','arguments':'[]'}") F("tool_calls") DONE,
     "B0(m) C0(0 a f) A0(0 {}) C0(1 b g) A0(1 []) F0(tool_calls) END0 ", FATE_WHOLE, false},
    {"no index",
     CALL("'id':'a','function':{'name':'f','arguments':'{'}") CALL("'function':{'arguments':'}'}")
         CALL("'id':'b','function':{'name':'g','arguments':'['}")
             CALL("'id':'b','function':{'arguments':']'}") F("tool_calls") DONE,
     "B0(m) C0(0 a f) A0(0 {) A0(0 }) C0(1 b g) A0(1 [) A0(1 ]) F0(tool_calls) END0 ", FATE_WHOLE,
     false},
    {"no id, an object",
     CALL("'index':0,'function':{'name':'f','arguments':{'x':1}}") F("tool_calls") DONE,
     "B0(m) C0(0 call_910a2dec89025cc1 f) A0(0 {'x':1}) F0(tool_calls) END0 ", FATE_WHOLE, false},
    {"a call without a name", CALL("'index':0,'id':'a'") F("tool_calls") DONE, "B0(m) ", FATE_RETRY,
     false},
    {"a choice out of range", CHUNK("{'index':16,'delta':{'content':'x'}}"), "B0(m) ", FATE_RETRY,
     false},
    {"a choice below zero", CHUNK("{'index':-1,'delta':{'content':'x'}}"), "B0(m) ", FATE_RETRY,
     false},
    {"a choice that is none", CHUNK("5"), "B0(m) ", FATE_RETRY, false},
    {"other words for finish", F("end_turn") DONE, "B0(m) F0(stop) END0 ", FATE_WHOLE, false},
    {"a word we do not know", F("pause") DONE, "B0(m) F0(pause) END0 ", FATE_WHOLE, false},
    {"error first", "data: {'error':{'message':'x','code':429}}\n\n", "", FATE_RETRY, false},
    {"error of context", "data: {'error':{'message':'x','code':'context_length_exceeded'}}\n\n", "",
     FATE_ELSEWHERE, false},
    {"error in the middle",
     D("'content':'Hi'") "data: {'error':{'message':'x','type':"
                         "'server_error'}}\n\n" F("stop") DONE,
     "B0(m) T0(Hi) ", FATE_CUT, false},
    {"filtered in the middle", D("'content':'Hi'") "data: {'error':{'code':'content_filter'}}\n\n",
     "B0(m) T0(Hi) ", FATE_CALLER, false},
    {"error is null",
     "data: {'error':null,'choices':[{'index':0,'delta':{'content':'x'},"
     "'finish_reason':'stop'}]}\n\n" DONE,
     "B0 T0(x) F0(stop) END0 ", FATE_WHOLE, false},
    {"a body",
     "  {'model':'m','choices':[{'index':0,'message':{'role':'assistant','content':'Hi',"
     "'tool_calls':[{'id':'a','function':{'name':'f','arguments':'{}'}},{'id':'b','function':"
     "{'name':'g','arguments':'[]'}}]},'finish_reason':'tool_calls'}],'usage':{'prompt_tokens':1,"
     "'completion_tokens':2}}\n",
     "B0(m) T0(Hi) C0(0 a f) A0(0 {}) C0(1 b g) A0(1 []) F0(tool_calls) U0(1 2 0 0 0) END0 ",
     FATE_WHOLE, false},
    {"a body, cut", "{'model':'m','choices':[{'index':0,'message':{'content':'Hi'}", "", FATE_RETRY,
     false},
    {"a body, an error", "{'error':{'message':'x','type':'server_error'}}", "", FATE_RETRY, false},
};

TEST(streams_become_events)
{
    check_streams(&wire_openai, streams, ARRAY_LEN(streams));
}

/* Found by pairs-test.c: a close between the end of one choice and the begin of the next. */
TEST(a_choice_that_never_began_is_missed)
{
    static const struct {
        const char *bytes;
        enum fate fate;
    } rows[] = {
        {"data: {'choices':[{'index':0,'delta':{'content':'Hi'},'finish_reason':'stop'}]}\n\n",
         FATE_CUT},
        {"data: {'choices':[{'index':0,'delta':{'content':'Hi'},'finish_reason':'stop'}]}\n\n"
         "data: [DONE]\n\n",
         FATE_WHOLE}, /* a place that gives fewer than were asked for, and says that this is all */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_EQ(
            read_all(&wire_openai, slice_of(quoted(rows[i].bytes)), (struct reading){.choices = 2})
                .fate,
            rows[i].fate);
}

/* As llama-server 0.7.0 tells them: each choice's own, and the prompt's again. */
TEST(usage_of_several_choices_is_their_sum)
{
    static const char bytes[] =
        D("'content':'a'") F("stop") "data: "
                                     "{'choices':[],'usage':{'prompt_tokens':46,'completion_tokens'"
                                     ":12,'total_tokens':58,"
                                     "'prompt_tokens_details':{'cached_tokens':45}},'timings':{'"
                                     "cache_n':45}}\n\n" CHUNK(
                                         "{'index':1,'delta':{'content':'b'},'finish_reason':'stop'"
                                         "}") "data: "
                                              "{'choices':[],'usage':{'prompt_tokens':46,'"
                                              "completion_tokens':7,'total_tokens':53,"
                                              "'prompt_tokens_details':{'cached_tokens':44}},'"
                                              "timings':{'cache_n':44}}\n\n" DONE;

    CHECK_EQ(read_all(&wire_openai, slice_of(quoted(bytes)), (struct reading){.choices = 2}).fate,
             FATE_WHOLE);
    CHECK_STR(seen.data, "B0(m) T0(a) F0(stop) T1(b) F1(stop) U0(46 19 45 0 0) END0 ");
}

/* Two pieces, cut at every byte, of a stream with characters of two, three and four bytes. */
TEST(characters_may_be_cut_anywhere)
{
    struct slice bytes = slice_of(quoted(D("'content':'\xc3\xa9\xe2\x82\xac'")
                                             D("'content':'\xf0\x9f\x8c\x99'") F("stop") DONE));

    for (size_t cut = 0; cut <= bytes.len; cut++) {
        struct wire_reader *r;
        struct outcome o = {0};
        arena_done(&mem);
        arena_init(&mem, 1 << 20);
        buf_reset(&seen);
        CHECK_EQ(wire_openai.reader_new(&r, NULL, 200, SLICE(""), &mem, sink, NULL, NULL), NIGH_OK);
        CHECK_EQ(wire_openai.reader_feed(r, (struct slice){bytes.p, cut}, NULL), NIGH_OK);
        CHECK_EQ(wire_openai.reader_whole(r), cut == bytes.len);
        CHECK_EQ(wire_openai.reader_feed(r, (struct slice){bytes.p + cut, bytes.len - cut}, NULL),
                 NIGH_OK);
        CHECK(wire_openai.reader_whole(r));
        wire_openai.reader_end(r, &o);
        wire_openai.reader_free(r);
        CHECK_EQ(o.fate, FATE_WHOLE);
        CHECK_STR(seen.data, "B0(m) T0(\xc3\xa9\xe2\x82\xac) T0(\xf0\x9f\x8c\x99) F0(stop) END0 ");
    }
}

static const struct error_row errors[] = {
    {400,
     "{'error':{'message':'too long','type':'invalid_request_error','param':'messages',"
     "'code':'context_length_exceeded'}}",
     FATE_ELSEWHERE, NIGH_UPSTREAM, "upstream answered 400: context_length_exceeded", "too long"},
    {400, "{'error':{'code':400,'message':'m','type':'exceed_context_size_error','n_ctx':8}}",
     FATE_ELSEWHERE, NIGH_UPSTREAM, "upstream answered 400: exceed_context_size_error", "m"},
    {400, "{'object':'error','message':'This model\\'s Maximum Context length is 8','code':400}",
     FATE_ELSEWHERE, NIGH_UPSTREAM, "upstream answered 400",
     "This model\"s Maximum Context length is 8"},
    {413, "", FATE_ELSEWHERE, NIGH_UPSTREAM, "upstream answered 413", NULL},
    {400, "{'error':{'message':'bad n','type':'invalid_request_error','param':'n','code':null}}",
     FATE_CALLER, NIGH_INVALID, "upstream answered 400: invalid_request_error", "bad n"},
    {422, "{'detail':'no'}", FATE_CALLER, NIGH_INVALID, "upstream answered 422", "no"},
    {400, "{'error':{'message':'f','code':'content_filter'}}", FATE_CALLER, NIGH_INVALID,
     "upstream answered 400: content_filter", "f"},
    {400,
     "{'error':{'message':'f','code':'x','innererror':{'code':"
     "'ResponsibleAIPolicyViolation'}}}",
     FATE_CALLER, NIGH_INVALID, "upstream answered 400: x", "f"},
    {403, "{'error':{'message':'flagged','code':403,'metadata':{'reasons':['x']}}}", FATE_CALLER,
     NIGH_INVALID, "upstream answered 403", "flagged"},
    {401, "{'error':{'message':'key sk-123','code':'invalid_api_key'}}", FATE_ELSEWHERE,
     NIGH_UPSTREAM, "upstream answered 401: invalid_api_key", NULL},
    {402, "", FATE_ELSEWHERE, NIGH_UPSTREAM, "upstream answered 402", NULL},
    {403, "nope", FATE_ELSEWHERE, NIGH_UPSTREAM, "upstream answered 403", NULL},
    {404, "{'error':{'message':'no model','code':'model_not_found','param':'model'}}",
     FATE_ELSEWHERE, NIGH_UPSTREAM, "upstream answered 404: model_not_found", NULL},
    {404, "{'error':{'message':'no file','type':'invalid_request_error','param':'file_id'}}",
     FATE_CALLER, NIGH_INVALID, "upstream answered 404: invalid_request_error", "no file"},
    {404, "not found", FATE_ELSEWHERE, NIGH_UPSTREAM, "upstream answered 404", NULL},
    {408, "", FATE_RETRY, NIGH_UPSTREAM, "upstream answered 408", NULL},
    {409, "", FATE_RETRY, NIGH_UPSTREAM, "upstream answered 409", NULL},
    {425, "", FATE_RETRY, NIGH_UPSTREAM, "upstream answered 425", NULL},
    {429, "{'error':{'message':'slow','code':'rate_limit_exceeded'}}", FATE_RETRY, NIGH_BUSY,
     "upstream answered 429: rate_limit_exceeded", NULL},
    {429, "{'error':{'message':'pay','code':'insufficient_quota'}}", FATE_ELSEWHERE, NIGH_BUSY,
     "upstream answered 429: insufficient_quota", NULL},
    {500, "{'error':'boom'}", FATE_RETRY, NIGH_UPSTREAM, "upstream answered 500", NULL},
    {500, "{'error':{'code':'two words','message':'secret'}}", FATE_RETRY, NIGH_UPSTREAM,
     "upstream answered 500", NULL},
    {501, "", FATE_ELSEWHERE, NIGH_UPSTREAM, "upstream answered 501", NULL},
    {503, "{'error':{'type':'unavailable_error','message':'Loading model','code':503}}", FATE_RETRY,
     NIGH_UPSTREAM, "upstream answered 503: unavailable_error", NULL},
    {302, "", FATE_ELSEWHERE, NIGH_UPSTREAM, "upstream answered 302", NULL},
};

TEST(errors_have_their_fate)
{
    check_errors(&wire_openai, errors, ARRAY_LEN(errors));
}

TEST(what_is_said_is_cut_between_characters)
{
    CLEANUP(buf_done) struct buf body = {0};

    buf_add_cstr(&body, "{\"error\":{\"message\":\"x");
    while (body.len < 3000)
        buf_add_cstr(&body, "\xe2\x82\xac");
    buf_add_cstr(&body, "\"}}");
    struct outcome o =
        read_all(&wire_openai, buf_slice(&body), (struct reading){.http_status = 400});
    CHECK(o.said.len <= WIRE_SAID_MAX && o.said.len > WIRE_SAID_MAX - 4);
    CHECK(slice_utf8(o.said));
}

TEST(ceilings_hold)
{
    CLEANUP(buf_done) struct buf big = {0};
    struct wire_reader *r;
    struct nigh_err err = {0};
    struct outcome o = {0};

    buf_add_cstr(&big, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"");
    while (big.len < WIRE_EVENT_MAX + 10)
        buf_add_cstr(&big, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    arena_done(&mem);
    arena_init(&mem, 1 << 20);
    CHECK_EQ(wire_openai.reader_new(&r, NULL, 200, SLICE(""), &mem, sink, NULL, NULL), NIGH_OK);
    CHECK_EQ(wire_openai.reader_feed(r, buf_slice(&big), &err), NIGH_UPSTREAM);
    CHECK_EQ(wire_openai.reader_feed(r, SLICE("data: [DONE]\n\n"), NULL), NIGH_UPSTREAM);
    wire_openai.reader_end(r, &o);
    CHECK_EQ(o.fate, FATE_RETRY);
    wire_openai.reader_free(r);

    /* An error's body beyond its ceiling is not read, its status still counts. */
    o = read_all(&wire_openai, buf_slice(&big), (struct reading){.http_status = 429});
    CHECK_EQ(o.fate, FATE_RETRY);
    CHECK(mem.used_bytes < (1 << 16));

    /* Calls beyond the ceiling. */
    buf_reset(&big);
    for (int i = 0; i <= ANSWER_CALLS_MAX; i++)
        buf_printf(&big,
                   "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":%d,"
                   "\"id\":\"c%d\",\"function\":{\"name\":\"f\"}}]}}]}\n\n",
                   i, i);
    CHECK_EQ(read_all(&wire_openai, buf_slice(&big), (struct reading){0}).fate, FATE_CUT);
}

TEST(every_failing_allocation_is_told)
{
    check_allocations(&wire_openai, streams, ARRAY_LEN(streams));
}

TEST(a_long_stream_takes_no_more_memory_than_a_short_one)
{
    struct wire_reader *r;
    struct outcome o = {0};
    struct slice bytes = slice_of(quoted(D("'content':'some words'")));

    arena_done(&mem);
    arena_init(&mem, 1 << 20);
    buf_reset(&seen);
    CHECK_EQ(wire_openai.reader_new(&r, NULL, 200, SLICE(""), &mem, sink, NULL, NULL), NIGH_OK);
    CHECK_EQ(wire_openai.reader_feed(r, bytes, NULL), NIGH_OK);
    size_t before = mem.used_bytes;
    for (int i = 0; i < 10000; i++)
        CHECK_EQ(wire_openai.reader_feed(r, bytes, NULL), NIGH_OK);
    CHECK_EQ(mem.used_bytes, before);
    wire_openai.reader_end(r, &o);
    wire_openai.reader_free(r);
    CHECK_EQ(o.fate, FATE_CUT);
    buf_done(&seen);
}
