#include "api/wire-rig.h"
#include "api/wire_responses.h"

/* ---- requests ---- */

#define HI     "'messages':[{'role':'user','content':'hi'}]"
#define IN_HI  "'input':[{'type':'message','role':'user','content':'hi'}]"
#define SEALED "'include':['reasoning.encrypted_content']"
#define END    ",'store':false,'stream':true}"
#define TOOL                                                                                       \
    "'tools':[{'type':'function','function':{'name':'f','description':'d','parameters':{'type':"   \
    "'object'}}}]"
#define OUT_TOOL                                                                                   \
    "'tools':[{'type':'function','name':'f','description':'d','parameters':{'type':'object'},"     \
    "'strict':false}]"

static const struct {
    const char *what, *model, *in, *out;
} requests[] = {
    {"a question", "gpt-5", "{" HI "}", "{'model':'gpt-5'," IN_HI "," SEALED END},
    {"a model that does not reason", "gpt-4o",
     "{'max_tokens':7,'temperature':0.5,'top_p':1," HI "}",
     "{'model':'gpt-4o'," IN_HI ",'max_output_tokens':7,'temperature':0.5,'top_p':1" END},
    {"instructions", "gpt-5",
     "{'messages':[{'role':'system','content':'a'},{'role':'developer','content':'b'},"
     "{'role':'user','content':[{'type':'text','text':'hi'},{'type':'image_url','image_url':{'url':"
     "'https://example.com/a.png'}}]}]}",
     "{'model':'gpt-5','instructions':'a','input':[{'type':'message','role':'developer','content':"
     "'b'},{'type':'message','role':'user','content':[{'type':'input_text','text':'hi'},"
     "{'type':'input_image','image_url':'https://example.com/a.png','detail':'auto'}]}]," SEALED
         END},
    {"nothing but a system text", "gpt-5", "{'messages':[{'role':'system','content':'a'}]}",
     "{'model':'gpt-5','input':[{'type':'message','role':'system','content':'a'}]," SEALED END},
    {"calls and their results", "gpt-5",
     "{'messages':[{'role':'user','content':'hi'},{'role':'assistant','content':'','tool_calls':["
     "{'id':'a','type':'function','function':{'name':'f','arguments':'{1}'}},{'id':'b','type':"
     "'function','function':{'name':'g','arguments':''}}]},{'role':'tool','tool_call_id':'a',"
     "'content':'one'},{'role':'tool','tool_call_id':'b','content':[{'type':'text','text':'two'}]},"
     "{'role':'assistant','content':'so'}]}",
     "{'model':'gpt-5','input':[{'type':'message','role':'user','content':'hi'},"
     "{'type':'function_call','call_id':'a','name':'f','arguments':'{1}'},"
     "{'type':'function_call','call_id':'b','name':'g','arguments':'{}'},"
     "{'type':'function_call_output','call_id':'a','output':'one'},"
     "{'type':'function_call_output','call_id':'b','output':'two'},"
     "{'type':'message','role':'assistant','content':[{'type':'output_text','text':'so'}]}]," SEALED
         END},
    {"files", "gpt-5",
     "{'messages':[{'role':'user','content':[{'type':'file','file':{'file_data':"
     "'data:application/pdf;base64,AA'}},{'type':'file','file':{'file_id':'x'}}]}]}",
     "{'model':'gpt-5','input':[{'type':'message','role':'user','content':[{'type':'input_file',"
     "'filename':'file','file_data':'data:application/pdf;base64,AA'},{'type':'input_file',"
     "'file_id':'x'}]}]," SEALED END},
    {"tools", "gpt-5",
     "{'tool_choice':{'type':'function','function':{'name':'f'}},'parallel_tool_calls':false," TOOL
     "," HI "}",
     "{'model':'gpt-5'," IN_HI "," OUT_TOOL
     ",'tool_choice':{'type':'function','name':'f'},'parallel_tool_calls':false," SEALED END},
    {"a schema", "gpt-5",
     "{'response_format':{'type':'json_schema','json_schema':{'name':'n','schema':{'type':'object'}"
     ","
     "'strict':true}},'verbosity':'low'," HI "}",
     "{'model':'gpt-5'," IN_HI
     ",'text':{'format':{'type':'json_schema','name':'n','schema':{'type':"
     "'object'},'strict':true},'verbosity':'low'}," SEALED END},
    {"any JSON", "gpt-5", "{'response_format':{'type':'json_object'}," HI "}",
     "{'model':'gpt-5'," IN_HI ",'text':{'format':{'type':'json_object'}}," SEALED END},
    {"an effort, and what both APIs have", "gpt-5",
     "{'reasoning_effort':'xhigh','service_tier':'flex','user':'u','seed':1," HI "}",
     "{'model':'gpt-5'," IN_HI ",'reasoning':{'effort':'xhigh'}," SEALED
     ",'service_tier':'flex','user':'u'" END},
    {"log-probabilities", "gpt-4o", "{'logprobs':true,'top_logprobs':2," HI "}",
     "{'model':'gpt-4o'," IN_HI ",'include':['message.output_text.logprobs'],'top_logprobs':2" END},
};

TEST(a_chat_becomes_a_request)
{
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        printf("# %s\n", requests[i].what);
        CHECK_STR(request_of(&wire_responses, &api_openai_chat, requests[i].in, requests[i].model),
                  requests[i].out);
    }
}

TEST(what_cannot_be_said_is_refused)
{
    static const struct {
        const char *in, *what;
    } rows[] = {
        {"{'n':2," HI "}", "more than one choice"},
        {"{'stop':'a'," HI "}", "a stop sequence"},
        {"{'logit_bias':{'5':1}," HI "}", "logit_bias"},
        {"{'messages':[{'role':'user','content':[{'type':'input_audio','input_audio':{'data':'AA',"
         "'format':'wav'}}]}]}",
         "a part of a message"},
        {"{'messages':[{'role':'user','content':[{'type':'file','file':{}}]}]}",
         "a file without its data"},
    };
    char want[128];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_STR(request_of(&wire_responses, &api_openai_chat, rows[i].in, "gpt-5"), "");
        CHECK_EQ(request_err.status, NIGH_UNSUPPORTED);
        snprintf(want, sizeof want,
                 "%s cannot be told to a place that speaks OpenAI's Responses API", rows[i].what);
        CHECK_STR(request_err.what, want);
    }
}

TEST(tools_of_another_provider_are_refused)
{
    static const char body[] = "{'model':'m','max_tokens':9,'tools':[{'type':'web_search_20250305',"
                               "'name':'web_search'}],'messages':[{'role':'user','content':'a'}]}";

    CHECK_STR(request_of(&wire_responses, &api_anthropic, body, "gpt-5"), "");
    CHECK_EQ(request_err.status, NIGH_UNSUPPORTED);
    CHECK_STR(request_err.what,
              "`web_search_20250305` cannot be told to a place that speaks OpenAI's Responses API");
}

TEST(what_came_in_this_format_leaves_as_it_came)
{
    static const char *const bodies[] = {
        "{'model':'gpt-4o','store':false,'stream':true,'input':[{'type':'message','role':'user',"
        "'content':'hi'}]}",
        "{'model':'gpt-5','store':false,'stream':true,'instructions':'s','include':["
        "'reasoning.encrypted_content'],'temperature':0.5,'top_p':1,'max_output_tokens':99,"
        "'metadata':{'a':'b'},'user':'u','service_tier':'flex','reasoning':{'effort':'low','"
        "summary':"
        "'detailed'},'text':{'verbosity':'low','format':{'type':'text'}},'tools':[{'type':'"
        "function',"
        "'name':'f','description':'d','parameters':{'type':'object'},'strict':true},{'type':"
        "'web_search','search_context_size':'low'}],'tool_choice':'required','parallel_tool_calls':"
        "true,'input':[{'type':'message','role':'developer','content':[{'type':'input_text','text':"
        "'b'}]},{'type':'message','role':'user','content':[{'type':'input_text','text':'hi'},{'"
        "type':"
        "'input_image','image_url':'https://example.com/"
        "a.png','detail':'low'},{'type':'input_file',"
        "'file_id':'x'}]},{'type':'reasoning','id':'rs_1','summary':[{'type':'summary_text','text':"
        "'t'}],'encrypted_content':'SEAL'},{'type':'message','role':'assistant','content':[{'type':"
        "'output_text','text':'x'}]},{'type':'function_call','call_id':'a','name':'f','arguments':"
        "'{}'},{'type':'function_call_output','call_id':'a','output':'one'},{'type':'web_search_"
        "call',"
        "'id':'ws_1','status':'completed'}]}",
    };

    check_own(&wire_responses, &api_openai_responses, bodies, ARRAY_LEN(bodies));
}

/* What a place sealed goes back to it, long ids become short ones, thinking is shown where it was
 * asked for. */
TEST(thoughts_go_back_to_their_maker_alone)
{
    static char seal[80] = "gAAAAAB", id[100];
    struct part parts[2] = {{.kind = PART_REASONING, .text = SLICE("x")},
                            {.kind = PART_CALL, .name = SLICE("f"), .text = SLICE("{}")}};
    struct message messages[] = {{.role = ROLE_ASSISTANT, .parts = parts, .n_parts = 2}};
    struct turn turn;
    CLEANUP(buf_done) struct buf out = {0};

    memset(seal + 7, 'x', 72);
    memset(id, 'i', 99);
    turn_init(&turn);
    turn.messages = messages;
    turn.n_messages = 1;
    turn.think_tokens = 5000;
    parts[0].signature = slice_of(seal);
    parts[1].call_id = slice_of(id);
    CHECK_EQ(wire_responses.request(&out, &turn, "m", 0, NULL), NIGH_OK);
    CHECK(strstr(out.data, "\"encrypted_content\":\"gAAAAABxxx"));
    CHECK(strstr(out.data, "\"summary\":[{\"type\":\"summary_text\",\"text\":\"x\"}]"));
    CHECK(strstr(out.data, "\"reasoning\":{\"effort\":\"medium\",\"summary\":\"auto\"}"));
    CHECK(strstr(out.data, "\"call_id\":\"") && !strstr(out.data, id));
    seal[0] = 'E';
    seal[1] = 'r';
    buf_reset(&out);
    CHECK_EQ(wire_responses.request(&out, &turn, "m", 0, NULL), NIGH_OK);
    CHECK(!strstr(out.data, "encrypted_content\":") && !strstr(out.data, "summary_text"));
}

/* ---- answers ---- */

#define E(type, members)                                                                           \
    "event: " type "\ndata: {'type':'" type "','sequence_number':1" members "}\n\n"
#define R(status, more) ",'response':{'id':'r','model':'m','status':'" status "'" more "}"
#define CREATED         E("response.created", R("in_progress", ",'output':[]"))
#define ADDED(i, item)  E("response.output_item.added", ",'output_index':" i ",'item':{" item "}")
#define ITEM(i, item)   E("response.output_item.done", ",'output_index':" i ",'item':{" item "}")
#define D(what, i, text)                                                                           \
    E("response." what ".delta", ",'output_index':" i ",'content_index':0,'delta':'" text "'")
#define USAGE                                                                                      \
    ",'usage':{'input_tokens':9,'input_tokens_details':{'cached_tokens':3},'output_tokens':5,"     \
    "'output_tokens_details':{'reasoning_tokens':2},'total_tokens':14}"
#define DONE E("response.completed", R("completed", USAGE))
#define SAID "'type':'message','role':'assistant','content':[{'type':'output_text','text':'Hi'}]"

static const struct stream_row streams[] = {
    {"text",
     CREATED ADDED("0", "'type':'message','content':[]") D("output_text", "0", "H") D(
         "output_text", "0", "i") E("response.output_text.done", ",'output_index':0,'text':'Hi'")
         ITEM("0", SAID) E("response.completed", R("completed", ",'output':[{" SAID "}]" USAGE)),
     "B0(m) T0(H) T0(i) F0(stop) U0(9 5 3 0 2) END0 ", FATE_WHOLE, false},
    {"items without pieces", CREATED ITEM("0", SAID) DONE,
     "B0(m) T0(Hi) F0(stop) U0(9 5 3 0 2) END0 ", FATE_WHOLE, false},
    {"nothing but the end",
     E("response.completed", R("completed", ",'output':[{" SAID "},{'type':'function_call',"
                                            "'call_id':'a','name':'f','arguments':''}]" USAGE)),
     "B0(m) T0(Hi) C0(0 a f) A0(0 {}) F0(tool_calls) U0(9 5 3 0 2) END0 ", FATE_WHOLE, false},
    {"reasoning",
     CREATED ADDED("0", "'type':'reasoning','summary':[]")
         E("response.reasoning_summary_part.added",
           ",'output_index':0,'summary_index':0") D("reasoning_summary_text", "0", "a")
             E("response.reasoning_summary_part.added",
               ",'output_index':0,'summary_index':1") D("reasoning_summary_text", "0", "b")
                 ITEM("0", "'type':'reasoning','id':'rs_1','encrypted_content':'zzz','summary':["
                           "{'type':'summary_text','text':'a'},{'type':'summary_text','text':'b'}]")
                     ITEM("1", SAID) DONE,
     "B0(m) R0(a) R0(\n\n) R0(b) S0(zzz rs_1) T0(Hi) F0(stop) U0(9 5 3 0 2) END0 ", FATE_WHOLE,
     false},
    {"reasoning, whole",
     CREATED ITEM("0", "'type':'reasoning','id':'rs_1','encrypted_content':'zzz','summary':["
                       "{'type':'summary_text','text':'a'},{'type':'summary_text','text':'b'}]")
         DONE,
     "B0(m) R0(a) R0(\n\n) R0(b) S0(zzz rs_1) F0(stop) U0(9 5 3 0 2) END0 ", FATE_WHOLE, false},
    {"open reasoning",
     CREATED D("reasoning_text", "0", "a") ITEM("0", "'type':'reasoning','content':[{'type':"
                                                     "'reasoning_text','text':'a'}]") DONE,
     "B0(m) R0(a) F0(stop) U0(9 5 3 0 2) END0 ", FATE_WHOLE, false},
    {"calls side by side",
     CREATED ADDED("0", "'type':'function_call','call_id':'a','name':'f','arguments':''")
         ADDED("1", "'type':'function_call','call_id':'b','name':'g','arguments':''")
             D("function_call_arguments", "1", "{1") D("function_call_arguments", "0", "{2}")
                 D("function_call_arguments", "1", "}") E("response.function_call_arguments.done",
                                                          ",'output_index':1,'arguments':'{1}'")
                     ITEM("0", "'type':'function_call','call_id':'a','name':'f','arguments':'{2}'")
                         DONE,
     "B0(m) C0(0 a f) C0(1 b g) A0(1 {1) A0(0 {2}) A0(1 }) F0(tool_calls) U0(9 5 3 0 2) END0 ",
     FATE_WHOLE, false},
    {"arguments in the last event",
     CREATED ADDED("0", "'type':'function_call','call_id':'a','name':'f','arguments':''")
         ITEM("0", "'type':'function_call','call_id':'a','name':'f','arguments':'{1}'") DONE,
     "B0(m) C0(0 a f) A0(0 {1}) F0(tool_calls) U0(9 5 3 0 2) END0 ", FATE_WHOLE, false},
    {"a refusal", CREATED D("refusal", "0", "no") DONE, "B0(m) N0(no) F0(stop) U0(9 5 3 0 2) END0 ",
     FATE_WHOLE, false},
    {"log-probabilities",
     CREATED E(
         "response.output_text.delta",
         ",'output_index':0,'delta':'x','logprobs':[{'token':'x','logprob':-0.5,'top_logprobs':"
         "[{'token':'y','logprob':-1}]}]") DONE,
     "B0(m) L0 T0(x) F0(stop) U0(9 5 3 0 2) END0 ", FATE_WHOLE, false},
    {"too long",
     CREATED D("output_text", "0", "a")
         E("response.incomplete",
           R("incomplete", ",'incomplete_details':{'reason':'max_output_tokens'}" USAGE)),
     "B0(m) T0(a) F0(length) U0(9 5 3 0 2) END0 ", FATE_WHOLE, false},
    {"filtered",
     CREATED E("response.incomplete",
               R("incomplete", ",'incomplete_details':{'reason':'content_filter'}")),
     "B0(m) F0(content_filter) END0 ", FATE_WHOLE, false},
    {"incomplete for another reason",
     CREATED E("response.incomplete", R("incomplete", ",'incomplete_details':{'reason':'tired'}")),
     "B0(m) F0(tired) END0 ", FATE_WHOLE, false},
    {"failed, at once",
     CREATED E("response.failed",
               R("failed", ",'error':{'code':'rate_limit_exceeded','message':'x'}")),
     "B0(m) ", FATE_RETRY, false},
    {"failed, the caller's",
     CREATED E("response.failed", R("failed", ",'error':{'code':'invalid_prompt','message':'x'}")),
     "B0(m) ", FATE_CALLER, false},
    {"failed in the middle",
     CREATED D("output_text", "0", "a") E("response.failed", R("failed", ",'error':null" USAGE)),
     "B0(m) T0(a) U0(9 5 3 0 2) ", FATE_CUT, false},
    {"an error", E("error", ",'code':'server_error','message':'x','param':null"), "", FATE_RETRY,
     false},
    {"an error of context",
     CREATED E("error", ",'error':{'code':'context_length_exceeded','message':'x'}"), "B0(m) ",
     FATE_ELSEWHERE, false},
    {"cut", CREATED D("output_text", "0", "a"), "B0(m) T0(a) ", FATE_CUT, true},
    {"no end", CREATED D("output_text", "0", "a") ITEM("0", SAID), "B0(m) T0(a) ", FATE_CUT, false},
    {"[DONE] hides a cut", CREATED D("output_text", "0", "a") "data: [DONE]\n\n", "B0(m) T0(a) ",
     FATE_CUT, false},
    {"cut before a word", CREATED, "B0(m) ", FATE_RETRY, false},
    {"completed, then torn", CREATED D("output_text", "0", "a") DONE "data: {broken\n\n",
     "B0(m) T0(a) F0(stop) U0(9 5 3 0 2) END0 ", FATE_WHOLE, true},
    {"nothing", "", "", FATE_RETRY, false},
    {"not JSON", CREATED D("output_text", "0", "a") "data: {'type':\n\n" DONE, "B0(m) T0(a) ",
     FATE_CUT, false},
    {"not an object", "data: 7\n\n", "", FATE_RETRY, false},
    {"an item below zero", CREATED D("output_text", "-1", "a"), "B0(m) ", FATE_RETRY, false},
    {"arguments of no call", CREATED D("function_call_arguments", "0", "a"), "B0(m) ", FATE_RETRY,
     false},
    {"a call without a name", CREATED ADDED("0", "'type':'function_call','call_id':'a'"), "B0(m) ",
     FATE_RETRY, false},
    {"counts that are none",
     E("response.completed", R("completed", ",'output':[],'usage':{'input_tokens':-1,"
                                            "'output_tokens':'x'}")),
     "B0(m) F0(stop) U0(0 0 0 0 0) END0 ", FATE_WHOLE, false},
    {"a body",
     "{'object':'response','model':'m','status':'completed','error':null,'output':[{'type':"
     "'reasoning','id':'rs_1','summary':[]},{" SAID "}]" USAGE "}",
     "B0(m) T0(Hi) F0(stop) U0(9 5 3 0 2) END0 ", FATE_WHOLE, false},
    {"a body that failed",
     "{'model':'m','status':'failed','error':{'code':'server_error','message':"
     "'x'},'output':[]}",
     "B0(m) ", FATE_RETRY, false},
    {"a body that is none", "{}", "", FATE_RETRY, false},
    {"a body, an error", "{'error':{'message':'x','type':'server_error'}}", "", FATE_RETRY, false},
};

TEST(streams_become_events)
{
    check_streams(&wire_responses, streams, ARRAY_LEN(streams));
}

TEST(every_failing_allocation_is_told)
{
    check_allocations(&wire_responses, streams, ARRAY_LEN(streams));
}

static const struct error_row errors[] = {
    {400,
     "{'error':{'message':'too long','type':'invalid_request_error','param':'input','code':"
     "'context_length_exceeded'}}",
     FATE_ELSEWHERE, NIGH_UPSTREAM, "upstream answered 400: context_length_exceeded", "too long"},
    {400, "{'error':{'message':'bad','type':'invalid_request_error','param':'input','code':null}}",
     FATE_CALLER, NIGH_INVALID, "upstream answered 400: invalid_request_error", "bad"},
    {401, "{'error':{'message':'key','code':'invalid_api_key'}}", FATE_ELSEWHERE, NIGH_UPSTREAM,
     "upstream answered 401: invalid_api_key", NULL},
    {429, "{'error':{'message':'slow','code':'rate_limit_exceeded'}}", FATE_RETRY, NIGH_BUSY,
     "upstream answered 429: rate_limit_exceeded", NULL},
};

TEST(errors_have_their_fate)
{
    check_errors(&wire_responses, errors, ARRAY_LEN(errors));
    buf_done(&seen);
}
