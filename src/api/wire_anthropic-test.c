#include "api/wire-rig.h"
#include "api/wire_anthropic.h"

/* ---- requests ---- */

#define HI       "'messages':[{'role':'user','content':'hi'}]"
#define TOOL     "'tools':[{'type':'function','function':{'name':'f','parameters':{'type':'object'}}}]"
#define OUT_HI   "'messages':[{'role':'user','content':'hi'}]"
#define OUT_TOOL "'tools':[{'name':'f','input_schema':{'type':'object'}}]"
#define OLD      "claude-sonnet-4-20250514"
#define NEW      "claude-opus-4-8"

static const struct {
    const char *what, *model, *in, *out;
} requests[] = {
    {"a question", OLD, "{'max_tokens':7," HI "}",
     "{'model':'" OLD "','max_tokens':7," OUT_HI ",'stream':true}"},
    {"max_tokens are required", OLD, "{" HI "}",
     "{'model':'" OLD "','max_tokens':4096," OUT_HI ",'stream':true}"},
    {"system messages wherever they stand", OLD,
     "{'max_tokens':7,'messages':[{'role':'system','content':'a'},{'role':'user','content':'hi'},"
     "{'role':'developer','content':[{'type':'text','text':'b','cache_control':{'type':'ephemeral'}"
     "}"
     "]},{'role':'user','content':'you'}]}",
     "{'model':'" OLD "','max_tokens':7,'system':[{'type':'text','text':'a'},{'type':'text',"
     "'text':'b','cache_control':{'type':'ephemeral'}}],'messages':[{'role':'user','content':["
     "{'type':'text','text':'hi'},{'type':'text','text':'you'}]}],'stream':true}"},
    {"one system text", OLD,
     "{'max_tokens':7,'messages':[{'role':'system','content':'a'},{'role':'user','content':'hi'}]}",
     "{'model':'" OLD "','max_tokens':7,'system':'a'," OUT_HI ",'stream':true}"},
    {"nothing but a system text", OLD,
     "{'max_tokens':7,'messages':[{'role':'system','content':'a'}]}",
     "{'model':'" OLD "','max_tokens':7,'messages':[{'role':'user','content':'a'}],'stream':true}"},
    {"calls and their results", OLD,
     "{'max_tokens':7,'messages':[{'role':'user','content':'hi'},{'role':'assistant','content':'',"
     "'tool_calls':[{'id':'a','type':'function','function':{'name':'f','arguments':' {\\'x\\':1} "
     "'}},"
     "{'id':'b.c:1','type':'function','function':{'name':'g','arguments':''}}]},"
     "{'role':'tool','tool_call_id':'a','content':'one'},{'role':'user','content':'and?'},"
     "{'role':'tool','tool_call_id':'b.c:1','content':[{'type':'text','text':'two'},"
     "{'type':'text','text':'three'}]}]}",
     "{'model':'" OLD "','max_tokens':7,'messages':[{'role':'user','content':'hi'},"
     "{'role':'assistant','content':[{'type':'tool_use','id':'a','name':'f','input':{'x':1}},"
     "{'type':'tool_use','id':'b_2ec_3a1','name':'g','input':{}}]},{'role':'user','content':["
     "{'type':'tool_result','tool_use_id':'a','content':'one'},"
     "{'type':'tool_result','tool_use_id':'b_2ec_3a1','content':[{'type':'text','text':'two'},"
     "{'type':'text','text':'three'}]},{'type':'text','text':'and?'}]}],'stream':true}"},
    {"an assistant who said nothing", OLD,
     "{'max_tokens':7,'messages':[{'role':'user','content':'hi'},{'role':'assistant','content':''},"
     "{'role':'user','content':'hi?'}]}",
     "{'model':'" OLD "','max_tokens':7,'messages':[{'role':'user','content':'hi'},"
     "{'role':'user','content':'hi?'}],'stream':true}"},
    {"images", OLD,
     "{'max_tokens':7,'messages':[{'role':'user','content':[{'type':'image_url','image_url':{'url':"
     "'data:image/jpg;base64,AAAA','detail':'low'}},{'type':'image_url','image_url':{'url':"
     "'https://example.com/a.png'}}]}]}",
     "{'model':'" OLD "','max_tokens':7,'messages':[{'role':'user','content':[{'type':'image',"
     "'source':{'type':'base64','media_type':'image/jpeg','data':'AAAA'}},{'type':'image',"
     "'source':{'type':'url','url':'https://example.com/a.png'}}]}],'stream':true}"},
    {"files", OLD,
     "{'max_tokens':7,'messages':[{'role':'user','content':[{'type':'file','file':{'file_data':"
     "'data:application/pdf;base64,AAAA','filename':'a.pdf'}},{'type':'file','file':{'file_data':"
     "'data:text/plain;charset=utf-8;base64,aGkK'}}]}]}",
     "{'model':'" OLD "','max_tokens':7,'messages':[{'role':'user','content':[{'type':'document',"
     "'title':'a.pdf','source':{'type':'base64','media_type':'application/pdf','data':'AAAA'}},"
     "{'type':'document','source':{'type':'text','media_type':'text/plain','data':'hi\\n'}}]}],"
     "'stream':true}"},
    {"tools", OLD,
     "{'max_tokens':7,'tool_choice':'required','parallel_tool_calls':false," TOOL "," HI "}",
     "{'model':'" OLD "','max_tokens':7," OUT_HI "," OUT_TOOL
     ",'tool_choice':{'type':'any','disable_parallel_tool_use':true},'stream':true}"},
    {"a tool by name, without parameters", OLD,
     "{'max_tokens':7,'tool_choice':{'type':'function','function':{'name':'f'}},'tools':[{'type':"
     "'function','function':{'name':'f','description':'d','strict':true}}]," HI "}",
     "{'model':'" OLD "','max_tokens':7," OUT_HI ",'tools':[{'name':'f','description':'d',"
     "'input_schema':{'type':'object','properties':{}}}],'tool_choice':{'type':'tool','name':'f'},"
     "'stream':true}"},
    {"tools, one at a time", NEW, "{'max_tokens':7,'parallel_tool_calls':false," TOOL "," HI "}",
     "{'model':'" NEW "','max_tokens':7," OUT_HI "," OUT_TOOL
     ",'tool_choice':{'type':'auto','disable_parallel_tool_use':true},'stream':true}"},
    {"wishes", OLD,
     "{'max_tokens':7,'temperature':1.5,'top_p':0.5,'frequency_penalty':1,'seed':3,'stop':['a','b']"
     ","
     "'user':'u'," HI "}",
     "{'model':'" OLD "','max_tokens':7," OUT_HI ",'temperature':1,'top_p':0.5,"
     "'stop_sequences':['a','b'],'metadata':{'user_id':'u'},'stream':true}"},
    {"wishes of one sampler", "claude-haiku-4.5",
     "{'max_tokens':7,'temperature':0.5,'top_p':0.5," HI "}",
     "{'model':'claude-haiku-4.5','max_tokens':7," OUT_HI ",'temperature':0.5,'stream':true}"},
    {"wishes that are refused", NEW, "{'max_tokens':7,'temperature':0.5,'top_p':0.5," HI "}",
     "{'model':'" NEW "','max_tokens':7," OUT_HI ",'stream':true}"},
    {"an effort as a budget", OLD, "{'reasoning_effort':'low','temperature':0," HI "}",
     "{'model':'" OLD "','max_tokens':6144," OUT_HI
     ",'thinking':{'type':'enabled','budget_tokens':2048},'stream':true}"},
    {"a budget within max_tokens", OLD, "{'reasoning_effort':'high','max_tokens':3000," HI "}",
     "{'model':'" OLD "','max_tokens':3000," OUT_HI
     ",'thinking':{'type':'enabled','budget_tokens':1500},'stream':true}"},
    {"no room to think", OLD,
     "{'reasoning_effort':'high','max_tokens':1500,'temperature':0," HI "}",
     "{'model':'" OLD "','max_tokens':1500," OUT_HI ",'temperature':0,'stream':true}"},
    {"no thought under force", OLD,
     "{'reasoning_effort':'low','max_tokens':9000,'tool_choice':'required'," TOOL "," HI "}",
     "{'model':'" OLD "','max_tokens':9000," OUT_HI "," OUT_TOOL
     ",'tool_choice':{'type':'any'},'stream':true}"},
    {"an effort", NEW, "{'max_tokens':7,'reasoning_effort':'xhigh'," HI "}",
     "{'model':'" NEW "','max_tokens':7," OUT_HI
     ",'thinking':{'type':'adaptive','display':'summarized'},'output_config':{'effort':'xhigh'},"
     "'stream':true}"},
    {"an effort that is not known there", "claude-opus-4-6",
     "{'max_tokens':7,'reasoning_effort':'xhigh'," HI "}",
     "{'model':'claude-opus-4-6','max_tokens':7," OUT_HI
     ",'thinking':{'type':'adaptive','display':'summarized'},'output_config':{'effort':'high'},"
     "'stream':true}"},
    {"no effort", NEW, "{'max_tokens':7,'reasoning_effort':'none'," HI "}",
     "{'model':'" NEW "','max_tokens':7," OUT_HI ",'thinking':{'type':'disabled'},'stream':true}"},
    {"a schema", NEW,
     "{'max_tokens':7,'response_format':{'type':'json_schema','json_schema':{'name':'n','schema':"
     "{'type':'object','properties':{'a':{'type':'object','properties':{},'additionalProperties':"
     "true}},"
     "'required':['a']}}}," HI "}",
     "{'model':'" NEW "','max_tokens':7," OUT_HI ",'output_config':{'format':{'type':'json_schema',"
     "'schema':{'type':'object','properties':{'a':{'type':'object','properties':{},"
     "'additionalProperties':false}},'required':['a'],'additionalProperties':false}}},'stream':"
     "true}"},
    {"thinking without a signature stays here", OLD,
     "{'max_tokens':7,'messages':[{'role':'user','content':'hi'},{'role':'assistant','content':'a',"
     "'reasoning_content':'b'},{'role':'user','content':'c'}]}",
     "{'model':'" OLD "','max_tokens':7,'messages':[{'role':'user','content':'hi'},"
     "{'role':'assistant','content':[{'type':'text','text':'a'}]},{'role':'user','content':'c'}],"
     "'stream':true}"},
    {"members of another format stay there", OLD,
     "{'max_tokens':7,'store':false,'metadata':{'a':'b'},'service_tier':'flex'," HI "}",
     "{'model':'" OLD "','max_tokens':7," OUT_HI ",'stream':true}"},
};

TEST(a_chat_becomes_a_request)
{
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        printf("# %s\n", requests[i].what);
        CHECK_STR(request_of(&wire_anthropic, &api_openai_chat, requests[i].in, requests[i].model),
                  requests[i].out);
    }
}

TEST(what_cannot_be_said_is_refused)
{
    static const struct {
        const char *in, *what;
    } rows[] = {
        {"{'n':2," HI "}", "more than one choice"},
        {"{'logprobs':true," HI "}", "a wish for log-probabilities"},
        {"{'logit_bias':{'5':1}," HI "}", "logit_bias"},
        {"{'stop':'\\n'," HI "}", "a stop sequence of white space"},
        {"{'messages':[{'role':'user','content':''}]}",
         "a conversation of nothing but empty texts"},
        {"{'response_format':{'type':'json_object'}," HI "}", "\"any JSON\" without a schema"},
        {"{'messages':[{'role':'user','content':[{'type':'input_audio','input_audio':{'data':'AA',"
         "'format':'wav'}}]}]}",
         "a part of a message"},
        {"{'messages':[{'role':'user','content':[{'type':'file','file':{'file_id':'x'}}]}]}",
         "a file without its data"},
        {"{'messages':[{'role':'user','content':[{'type':'image_url','image_url':{'url':"
         "'data:image/png,AA'}}]}]}",
         "an image that is not base64"},
        {"{'messages':[{'role':'user','content':'a'},{'role':'assistant','tool_calls':[{'id':'a',"
         "'type':'function','function':{'name':'f','arguments':'[1]'}}]}]}",
         "a call whose arguments are no JSON object"},
        {"{'messages':[{'role':'user','content':'a'},{'role':'assistant','tool_calls':[{'id':'a',"
         "'type':'function','function':{'name':'f','arguments':'{\\'a\\':'}}]}]}",
         "a call whose arguments are no JSON object"},
    };
    char want[128];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        printf("# %s\n", rows[i].in);
        CHECK_STR(request_of(&wire_anthropic, &api_openai_chat, rows[i].in, OLD), "");
        CHECK_EQ(request_err.status, NIGH_UNSUPPORTED);
        snprintf(want, sizeof want, "%s cannot be told to a place that speaks Anthropic's format",
                 rows[i].what);
        CHECK_STR(request_err.what, want);
    }
}

TEST(tools_of_another_provider_are_refused)
{
    static const char body[] = "{'input':'hi','tools':[{'type':'web_search'}]}";

    CHECK_STR(request_of(&wire_anthropic, &api_openai_responses, body, NEW), "");
    CHECK_EQ(request_err.status, NIGH_UNSUPPORTED);
    CHECK_STR(request_err.what,
              "`web_search` cannot be told to a place that speaks Anthropic's format");
}

TEST(what_came_in_this_format_leaves_as_it_came)
{
    static const char *const bodies[] = {
        "{'model':'m','max_tokens':9,'stream':true,'messages':[{'role':'user','content':'hi'}]}",
        "{'model':'m','max_tokens':9,'stream':true,'system':'s','temperature':0.5,'top_p':0.5,"
        "'top_k':3,'stop_sequences':['a'],'metadata':{'user_id':'u'},'service_tier':'auto',"
        "'messages':[{'role':'user','content':'hi'}]}",
        "{'model':'claude-sonnet-4-5','max_tokens':9000,'stream':true,'system':[{'type':'text','"
        "text':"
        "'a','cache_control':{'type':'ephemeral'}},{'type':'text','text':'b'}],'thinking':{'type':"
        "'enabled','budget_tokens':2000,'display':'omitted'},'messages':[{'role':'user','content':["
        "{'type':'text','text':'hi','cache_control':{'type':'ephemeral','ttl':'1h'}}]},{'role':"
        "'assistant','content':[{'type':'thinking','thinking':'t','signature':'sig'},{'type':"
        "'redacted_thinking','data':'dark'},{'type':'text','text':'x'},{'type':'tool_use','id':'a',"
        "'name':'f','input':{'x':[1,2.5]}},{'type':'tool_use','id':'b','name':'f','input':{}}]},"
        "{'role':'user','content':[{'type':'tool_result','tool_use_id':'a','content':'one',"
        "'is_error':true},{'type':'tool_result','tool_use_id':'b','content':[{'type':'text','text':"
        "'two'},{'type':'image','source':{'type':'url','url':'https://example.com/a.png'}}],"
        "'cache_control':{'type':'ephemeral'}},{'type':'text','text':'and?'}]}],'tools':[{'name':'"
        "f',"
        "'description':'d','input_schema':{'type':'object','properties':{}},'cache_control':{'type'"
        ":"
        "'ephemeral'}}],'tool_choice':{'type':'any','disable_parallel_tool_use':true}}",
        "{'model':'m','max_tokens':9,'stream':true,'output_config':{'effort':'max','format':{'type'"
        ":"
        "'json_schema','schema':{'type':'object','properties':{}}}},'messages':[{'role':'user',"
        "'content':[{'type':'image','source':{'type':'base64','media_type':'image/"
        "png','data':'AAAA'}},"
        "{'type':'document','source':{'type':'base64','media_type':'application/"
        "pdf','data':'AAAA'},"
        "'title':'t','citations':{'enabled':true}},{'type':'document','source':{'type':'text',"
        "'media_type':'text/plain','data':'x'}}]}]}",
        "{'model':'m','max_tokens':9,'stream':true,'messages':[{'role':'user','content':'a'},{'"
        "role':"
        "'system','content':'b'},{'role':'user','content':'c'},{'role':'assistant','content':'d'}]"
        "}",
        "{'model':'m','max_tokens':9,'stream':true,'tools':[{'type':'web_search_20250305','name':"
        "'web_search','max_uses':2}],'messages':[{'role':'user','content':'a'},{'role':'assistant',"
        "'content':[{'type':'server_tool_use','id':'x','name':'web_search','input':{}},{'type':"
        "'web_search_tool_result','tool_use_id':'x','content':[]},{'type':'text','text':'b'}]},"
        "{'role':'user','content':'c'}]}",
    };

    check_own(&wire_anthropic, &api_anthropic, bodies, ARRAY_LEN(bodies));
}

TEST(another_makers_thoughts_stay_out)
{
    static char seal[80] = "gAAAAAB";
    struct part p = {.kind = PART_REASONING, .text = SLICE("x")};

    memset(seal + 7, 'x', 72);
    CHECK(!anthropic_thinking_ours(&p));
    p.signature = slice_of(seal);
    CHECK(!anthropic_thinking_ours(&p));
    seal[0] = 'E';
    seal[1] = 'r';
    CHECK(anthropic_thinking_ours(&p));
    CHECK_EQ(seal_of(p.signature), SEAL_ANTHROPIC);
}

TEST(models_take_what_their_family_takes)
{
    CHECK(anthropic_traits(SLICE("claude-3-7-sonnet-latest")) & TAKES_BUDGET);
    CHECK(!(anthropic_traits(SLICE("claude-3-5-haiku-latest")) & TAKES_BUDGET));
    CHECK(anthropic_traits(SLICE("anthropic/claude-sonnet-4.5")) & ONE_SAMPLER);
    CHECK(anthropic_traits(SLICE("claude-opus-4-6")) & TAKES_SAMPLING);
    CHECK(!(anthropic_traits(SLICE("claude-opus-4-7")) & TAKES_SAMPLING));
    CHECK(anthropic_traits(SLICE("claude-fable-5")) & TAKES_ADAPTIVE);
    CHECK(anthropic_traits(SLICE("qwen3-coder")) & TAKES_SAMPLING);
}

TEST(the_version_and_the_callers_betas_are_headers)
{
    struct turn turn;
    struct header h[WIRE_HEADERS_MAX];

    turn_init(&turn);
    arena_done(&mem);
    arena_init(&mem, 1 << 20);
    CHECK_EQ(wire_anthropic.headers(&turn, &mem, h), 1);
    CHECK_STR(h[0].name, "anthropic-version");
    CHECK_STR(h[0].value, "2023-06-01");
    turn.beta = SLICE("a-2026-01-01,b");
    CHECK_EQ(wire_anthropic.headers(&turn, &mem, h), 2);
    CHECK_STR(h[1].name, "anthropic-beta");
    CHECK_STR(h[1].value, "a-2026-01-01,b");
    turn.beta = SLICE("a\r\nx-api-key: b");
    CHECK_EQ(wire_anthropic.headers(&turn, &mem, h), 1);
}

/* ---- answers ---- */

#define E(type, members) "event: " type "\ndata: {'type':'" type "'" members "}\n\n"
#define START                                                                                      \
    E("message_start", ",'message':{'id':'msg_1','type':'message','role':'assistant','model':'m'," \
                       "'content':[],'stop_reason':null,'usage':{'input_tokens':9,"                \
                       "'cache_creation_input_tokens':2,'cache_read_input_tokens':3,"              \
                       "'output_tokens':1}}")
#define OPEN(i, block)  E("content_block_start", ",'index':" i ",'content_block':{" block "}")
#define DELTA(i, delta) E("content_block_delta", ",'index':" i ",'delta':{" delta "}")
#define CLOSE(i)        E("content_block_stop", ",'index':" i)
#define TEXT(i, text)                                                                              \
    OPEN(i, "'type':'text','text':''") DELTA(i, "'type':'text_delta','text':'" text "'") CLOSE(i)
#define LAST(reason)                                                                               \
    E("message_delta",                                                                             \
      ",'delta':{'stop_reason':'" reason "','stop_sequence':null},'usage':{'output_tokens':5}")
#define STOP  E("message_stop", "")
#define BEGUN "B0(m) U0(14 1 3 2 0) "
#define ENDED "U0(14 5 3 2 0) END0 "

static const struct stream_row streams[] = {
    {"text", START "event: ping\ndata: {'type':'ping'}\n\n" TEXT("0", "Hi") LAST("end_turn") STOP,
     BEGUN "T0(Hi) F0(stop) " ENDED, FATE_WHOLE, false},
    {"thinking, signed",
     START OPEN("0", "'type':'thinking','thinking':'','signature':''")
         DELTA("0", "'type':'thinking_delta','thinking':'a'")
             DELTA("0", "'type':'thinking_delta','thinking':'b'")
                 DELTA("0", "'type':'signature_delta','signature':'sig'") CLOSE("0")
                     OPEN("1", "'type':'redacted_thinking','data':'zzz'") CLOSE("1") TEXT("2", "c")
                         LAST("end_turn") STOP,
     BEGUN "R0(a) R0(b) S0(sig) X0(zzz) T0(c) F0(stop) " ENDED, FATE_WHOLE, false},
    {"calls side by side",
     START OPEN("0", "'type':'tool_use','id':'a','name':'f','input':{}")
         OPEN("1", "'type':'tool_use','id':'b','name':'g','input':{}")
             DELTA("1", "'type':'input_json_delta','partial_json':'{1'")
                 DELTA("0", "'type':'input_json_delta','partial_json':'{2'")
                     DELTA("0", "'type':'input_json_delta','partial_json':'}'") CLOSE("0")
                         DELTA("1", "'type':'input_json_delta','partial_json':'}'") CLOSE("1")
                             LAST("tool_use") STOP,
     BEGUN "C0(0 a f) C0(1 b g) A0(1 {1) A0(0 {2) A0(0 }) A0(1 }) F0(tool_calls) " ENDED,
     FATE_WHOLE, false},
    {"a call without arguments, one whole, one never stopped",
     START OPEN("0", "'type':'tool_use','id':'a','name':'f','input':{}")
         DELTA("0", "'type':'input_json_delta','partial_json':''") CLOSE("0")
             OPEN("1", "'type':'tool_use','id':'b','name':'g','input':{'x':1}") CLOSE("1")
                 OPEN("2", "'type':'tool_use','name':'h'") LAST("tool_use") STOP,
     BEGUN "C0(0 a f) A0(0 {}) C0(1 b g) A0(1 {'x':1}) C0(2 call_910a2dec89025cc1 h) A0(2 {}) "
           "F0(tool_calls) " ENDED,
     FATE_WHOLE, false},
    {"tools of the provider",
     START OPEN("0", "'type':'server_tool_use','id':'a','name':'web_search','input':{}")
         DELTA("0", "'type':'input_json_delta','partial_json':'{}'") CLOSE("0")
             OPEN("1", "'type':'web_search_tool_result','tool_use_id':'a','content':[]") CLOSE("1")
                 TEXT("2", "x") LAST("pause_turn") STOP,
     BEGUN "T0(x) F0(pause_turn) " ENDED, FATE_WHOLE, false},
    {"a stop sequence",
     START TEXT("0", "a") E("message_delta", ",'delta':{'stop_reason':'stop_sequence',"
                                             "'stop_sequence':'###'},'usage':{'output_tokens':5}")
         STOP,
     BEGUN "T0(a) F0(stop ###) " ENDED, FATE_WHOLE, false},
    {"too long", START TEXT("0", "a") LAST("max_tokens") STOP, BEGUN "T0(a) F0(length) " ENDED,
     FATE_WHOLE, false},
    {"a full window", START TEXT("0", "a") LAST("model_context_window_exceeded") STOP,
     BEGUN "T0(a) F0(length) " ENDED, FATE_WHOLE, false},
    {"declined", START LAST("refusal") STOP, BEGUN "F0(content_filter) " ENDED, FATE_WHOLE, false},
    {"usage in the end alone",
     E("message_start", ",'message':{'model':'m','usage':{'input_tokens':0,'output_tokens':0}}")
         TEXT("0", "a") E("message_delta", ",'delta':{'stop_reason':'end_turn'},'usage':{"
                                           "'input_tokens':9,'output_tokens':5,"
                                           "'output_tokens_details':{'thinking_tokens':2}}") STOP,
     "B0(m) U0(0 0 0 0 0) T0(a) F0(stop) U0(9 5 0 0 2) END0 ", FATE_WHOLE, false},
    {"counts that are none",
     E("message_start", ",'message':{'model':'m','usage':{'input_tokens':-3,'output_tokens':'x'}}")
         E("message_delta", ",'delta':{'stop_reason':'end_turn'}") STOP,
     "B0(m) U0(0 0 0 0 0) F0(stop) U0(0 0 0 0 0) END0 ", FATE_WHOLE, false},
    {"no message_stop, clean", START TEXT("0", "a") LAST("end_turn"), BEGUN "T0(a) F0(stop) " ENDED,
     FATE_WHOLE, false},
    {"no message_stop, torn", START TEXT("0", "a") LAST("end_turn"),
     BEGUN "T0(a) F0(stop) U0(14 5 3 2 0) ", FATE_CUT, true},
    {"message_stop, then torn", START TEXT("0", "a") LAST("end_turn") STOP,
     BEGUN "T0(a) F0(stop) " ENDED, FATE_WHOLE, true},
    {"no reason", START TEXT("0", "a") STOP, BEGUN "T0(a) U0(14 1 3 2 0) ", FATE_CUT, false},
    {"cut", START OPEN("0", "'type':'text','text':''") DELTA("0", "'type':'text_delta','text':'a'"),
     BEGUN "T0(a) U0(14 1 3 2 0) ", FATE_CUT, true},
    {"cut before a word", START, BEGUN "U0(14 1 3 2 0) ", FATE_RETRY, true},
    {"nothing", "", "", FATE_RETRY, false},
    {"message_stop alone", STOP, "B0 ", FATE_RETRY, false},
    {"no start", TEXT("0", "a") LAST("end_turn") STOP, "B0 T0(a) F0(stop) U0(0 5 0 0 0) END0 ",
     FATE_WHOLE, false},
    {"after the end", START LAST("end_turn") STOP TEXT("0", "a") "data: {broken\n\n",
     BEGUN "F0(stop) " ENDED, FATE_WHOLE, false},
    {"not JSON", START TEXT("0", "a") "data: {'type':\n\n" LAST("end_turn") STOP,
     BEGUN "T0(a) U0(14 1 3 2 0) ", FATE_CUT, false},
    {"not an object", "data: 7\n\n", "", FATE_RETRY, false},
    {"a piece of no block", START DELTA("0", "'type':'text_delta','text':'a'"),
     BEGUN "U0(14 1 3 2 0) ", FATE_RETRY, false},
    {"a block twice", START OPEN("0", "'type':'text'") OPEN("0", "'type':'text'"),
     BEGUN "U0(14 1 3 2 0) ", FATE_RETRY, false},
    {"a block below zero", START OPEN("-1", "'type':'text'"), BEGUN "U0(14 1 3 2 0) ", FATE_RETRY,
     false},
    {"a call without a name", START OPEN("0", "'type':'tool_use','id':'a','input':{}"),
     BEGUN "U0(14 1 3 2 0) ", FATE_RETRY, false},
    {"overloaded first", E("error", ",'error':{'type':'overloaded_error','message':'Overloaded'}"),
     "", FATE_RETRY, false},
    {"overloaded in the middle",
     START TEXT("0", "a") E("error", ",'error':{'type':'overloaded_error','message':'x'}")
         LAST("end_turn") STOP,
     BEGUN "T0(a) U0(14 1 3 2 0) ", FATE_CUT, false},
    {"refused in the middle",
     START TEXT("0", "a") E("error", ",'error':{'type':'invalid_request_error','message':'x'}"),
     BEGUN "T0(a) U0(14 1 3 2 0) ", FATE_CALLER, false},
    {"a body",
     " {'id':'msg_1','type':'message','role':'assistant','model':'m','content':[{'type':'thinking',"
     "'thinking':'a','signature':'s'},{'type':'text','text':'b'},{'type':'tool_use','id':'i',"
     "'name':'f','input':{'x':[1]}},{'type':'tool_use','id':'j','name':'g','input':{}}],"
     "'stop_reason':'tool_use','stop_sequence':null,'usage':{'input_tokens':1,'output_tokens':2}}",
     "B0(m) R0(a) S0(s) T0(b) C0(0 i f) A0(0 {'x':[1]}) C0(1 j g) A0(1 {}) F0(tool_calls) "
     "U0(1 2 0 0 0) END0 ",
     FATE_WHOLE, false},
    {"a body, cut", "{'type':'message','content':[", "", FATE_RETRY, false},
    {"a body, an error", "{'type':'error','error':{'type':'api_error','message':'x'}}", "",
     FATE_RETRY, false},
};

TEST(streams_become_events)
{
    check_streams(&wire_anthropic, streams, ARRAY_LEN(streams));
}

TEST(every_failing_allocation_is_told)
{
    check_allocations(&wire_anthropic, streams, ARRAY_LEN(streams));
}

TEST(a_count_is_data)
{
    struct turn turn;
    struct outcome o;

    turn_init(&turn);
    turn.verb = VERB_COUNT;
    o = read_all(&wire_anthropic, SLICE("{\"input_tokens\":7,\"x\":1}"),
                 (struct reading){.turn = &turn, .step = 1});
    CHECK_EQ(o.fate, FATE_WHOLE);
    CHECK_STR(single(seen.data), "B0 D0({'input_tokens':7}) U0(0 0 0 0 0) END0 ");
    o = read_all(&wire_anthropic, SLICE("{\"input_tokens\":-7}"), (struct reading){.turn = &turn});
    CHECK_EQ(o.fate, FATE_RETRY);
}

#define ERROR(type, message) "{'type':'error','error':{'type':'" type "','message':'" message "'}}"

static const struct error_row errors[] = {
    {400, ERROR("invalid_request_error", "prompt is too long: 207791 tokens > 200000 maximum"),
     FATE_ELSEWHERE, NIGH_UPSTREAM, "upstream answered 400: invalid_request_error",
     "prompt is too long: 207791 tokens > 200000 maximum"},
    {400,
     ERROR("invalid_request_error",
           "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000"),
     FATE_ELSEWHERE, NIGH_UPSTREAM, "upstream answered 400: invalid_request_error",
     "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000"},
    {400, ERROR("invalid_request_error", "Your credit balance is too low to access the API"),
     FATE_ELSEWHERE, NIGH_UPSTREAM, "upstream answered 400: invalid_request_error", NULL},
    {400, ERROR("invalid_request_error", "messages: at least one message is required"), FATE_CALLER,
     NIGH_INVALID, "upstream answered 400: invalid_request_error",
     "messages: at least one message is required"},
    {400, ERROR("invalid_request_error", "Output blocked by content filtering policy"), FATE_CALLER,
     NIGH_INVALID, "upstream answered 400: invalid_request_error",
     "Output blocked by content filtering policy"},
    {401, ERROR("authentication_error", "invalid x-api-key"), FATE_ELSEWHERE, NIGH_UPSTREAM,
     "upstream answered 401: authentication_error", NULL},
    {402, ERROR("billing_error", "pay"), FATE_ELSEWHERE, NIGH_UPSTREAM,
     "upstream answered 402: billing_error", NULL},
    {403, ERROR("permission_error", "no"), FATE_ELSEWHERE, NIGH_UPSTREAM,
     "upstream answered 403: permission_error", NULL},
    {404, ERROR("not_found_error", "model: nope"), FATE_ELSEWHERE, NIGH_UPSTREAM,
     "upstream answered 404: not_found_error", NULL},
    {413, ERROR("request_too_large", "big"), FATE_ELSEWHERE, NIGH_UPSTREAM,
     "upstream answered 413: request_too_large", NULL},
    {429, ERROR("rate_limit_error", "slow"), FATE_RETRY, NIGH_BUSY,
     "upstream answered 429: rate_limit_error", NULL},
    {500, ERROR("api_error", "boom"), FATE_RETRY, NIGH_UPSTREAM, "upstream answered 500: api_error",
     NULL},
    {504, ERROR("timeout_error", "late"), FATE_RETRY, NIGH_UPSTREAM,
     "upstream answered 504: timeout_error", NULL},
    {529, ERROR("overloaded_error", "Overloaded"), FATE_RETRY, NIGH_UPSTREAM,
     "upstream answered 529: overloaded_error", NULL},
};

TEST(errors_have_their_fate)
{
    check_errors(&wire_anthropic, errors, ARRAY_LEN(errors));
}

TEST(blocks_have_a_ceiling)
{
    CLEANUP(buf_done) struct buf many = {0};

    for (int i = 0; i <= ANSWER_CALLS_MAX; i++)
        buf_printf(
            &many,
            "data: {\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":"
            "\"tool_use\",\"id\":\"c%d\",\"name\":\"f\"}}\n\ndata: {\"type\":"
            "\"content_block_stop\",\"index\":%d}\n\n",
            i, i, i);
    CHECK_EQ(read_all(&wire_anthropic, buf_slice(&many), (struct reading){0}).fate, FATE_CUT);
    buf_reset(&many);
    for (int i = 0; i < 17; i++)
        buf_printf(
            &many,
            "data: {\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":"
            "\"text\"}}\n\n",
            i);
    CHECK_EQ(read_all(&wire_anthropic, buf_slice(&many), (struct reading){0}).fate, FATE_RETRY);
    buf_done(&seen);
}
