#include "api/decode-rig.h"
#include "api/openai_chat.h"
#include "api/wire.h"
#include <math.h>

static enum nigh_status decode(const char *body)
{
    return decode_by(&api_openai_chat, body);
}

#define HI "'messages':[{'role':'user','content':'hi'}]"

TEST(a_question_becomes_a_turn)
{
    CHECK_EQ(
        decode(quoted("{'model':'auto/fast','stream':true,'temperature':1,'max_tokens':7," HI "}")),
        NIGH_OK);
    CHECK(slice_is(turn.model, "auto/fast"));
    CHECK_STR(turn.format_name, "openai-chat");
    CHECK(turn.stream && !turn.stream_usage);
    CHECK_EQ(turn.n_messages, 1);
    CHECK_EQ(turn.messages[0].role, ROLE_USER);
    CHECK(turn.messages[0].bare);
    CHECK_EQ(turn.messages[0].n_parts, 1);
    CHECK(slice_is(turn.messages[0].parts[0].text, "hi"));
    CHECK(turn.temperature == 1 && isnan(turn.top_p));
    CHECK_EQ(turn.max_tokens, 7);
    CHECK(turn.max_tokens_old);
    CHECK(turn.raw != NULL);
    CHECK(slice_is(turn_plain_question(&turn, &mem), "hi"));
    CHECK_EQ(decode(quoted("{" HI "}")), NIGH_OK);
    CHECK(slice_is(turn.model, "auto"));
}

TEST(wishes_to_nigh_are_read_from_metadata)
{
    CHECK_EQ(decode(quoted("{" HI ",'metadata':{'nigh_label':'home','nigh_profile':'fast',"
                           "'nigh_session':'s1','nigh_max_cost_usd':'0.25',"
                           "'nigh_deadline_ms':1500,'other':'kept'}}")),
             NIGH_OK);
    CHECK(slice_is(turn.want_label, "home"));
    CHECK(slice_is(turn.want_profile, "fast"));
    CHECK(slice_is(turn.session, "s1"));
    CHECK(turn.max_cost_usd == 0.25);
    CHECK_EQ(turn.deadline_ms, 1500);
}

TEST(nulls_are_as_if_absent)
{
    CHECK_EQ(decode(quoted("{'model':'m','temperature':null,'tools':null,'stop':null,"
                           "'stream_options':null,'metadata':null,'response_format':null,"
                           "'seed':null,'tool_choice':null,'messages':["
                           "{'role':'user','content':'hi','name':null},"
                           "{'role':'assistant','content':'yo','refusal':null,'tool_calls':null,"
                           "'function_call':null,'audio':null}]}")),
             NIGH_OK);
    CHECK_EQ(turn.messages[1].n_parts, 1);
    CHECK(!turn.has_seed);
}

/* What is wrong, and what is said of it. */
static const struct {
    const char *body, *param, *what;
} faults[] = {
    {"", NULL, "JSON: empty text"},
    {"{", NULL, "JSON: unexpected end at byte 1"},
    {"[]", NULL, "the body is not a JSON object"},
    {"{'model':'m'}", "messages", "messages: missing"},
    {"{'messages':[]}", "messages", "messages: expected at least one message"},
    {"{'messages':{}}", "messages", "messages: expected a list of messages"},
    {"{'messages':[1]}", "messages[0]", "messages[0]: expected an object"},
    {"{'model':3," HI "}", "model", "model: expected the name of a model, of at most 256 bytes"},
    {"{'model':''," HI "}", "model", "model: expected the name of a model, of at most 256 bytes"},
    {"{'model':'a\\n'," HI "}", "model", "model: holds a control character"},
    {"{'model':'a','model':'b'," HI "}", "model", "model: given twice"},
    {"{" HI "," HI "}", "messages", "messages: given twice"},
    {"{'x':1,'x':2," HI "}", NULL, "a member is given twice"},
    {"{'messages':[{'content':'x'}]}", "messages[0].role",
     "messages[0].role: expected system, developer, user, assistant or tool"},
    {"{'messages':[{'role':'robot','content':'x'}]}", "messages[0].role",
     "messages[0].role: expected system, developer, user, assistant or tool"},
    {"{'messages':[{'role':'function','content':'x','name':'f'}]}", "messages[0].role",
     "messages[0].role: role function is no longer spoken; use role tool"},
    {"{'messages':[{'role':'user','role':'system','content':'x'}]}", "messages[0].role",
     "messages[0].role: given twice"},
    {"{'messages':[{'role':'user'}]}", "messages[0].content", "messages[0].content: missing"},
    {"{'messages':[{'role':'assistant','content':null}]}", "messages[0].content",
     "messages[0].content: missing"},
    {"{'messages':[{'role':'user','content':7}]}", "messages[0].content",
     "messages[0].content: expected a string or a list of parts"},
    {"{'messages':[{'role':'user','content':[7]}]}", "messages[0].content[0]",
     "messages[0].content[0]: expected an object"},
    {"{'messages':[{'role':'user','content':[{'text':'x'}]}]}", "messages[0].content[0]",
     "messages[0].content[0]: a part needs a type, a string"},
    {"{'messages':[{'role':'user','content':[{'type':'text'}]}]}", "messages[0].content[0]",
     "messages[0].content[0]: a text part needs text, a string"},
    {"{'messages':[{'role':'user','content':[{'type':'text','text':1}]}]}",
     "messages[0].content[0].text", "messages[0].content[0].text: expected a string"},
    {"{'messages':[{'role':'user','content':[{'type':'text','text':'a','image_url':'b'}]}]}",
     "messages[0].content[0]",
     "messages[0].content[0]: holds what belongs to a part of another type"},
    {"{'messages':[{'role':'user','content':[{'type':'image_url'}]}]}",
     "messages[0].content[0].image_url", "messages[0].content[0].image_url: expected an object"},
    {"{'messages':[{'role':'user','content':[{'type':'image_url',"
     "'image_url':{'url':'file:///etc/passwd'}}]}]}",
     "messages[0].content[0].image_url.url",
     "messages[0].content[0].image_url.url: expected an http, https or data URL"},
    {"{'messages':[{'role':'user','content':[{'type':'input_audio','input_audio':{}}]}]}",
     "messages[0].content[0].input_audio",
     "messages[0].content[0].input_audio: expected an object with data and format, strings"},
    {"{'messages':[{'role':'user','content':[{'type':'file','file':1}]}]}",
     "messages[0].content[0].file",
     "messages[0].content[0].file: expected an object with file_id or file_data"},
    {"{'messages':[{'role':'tool','content':'x'}]}", "messages[0].tool_call_id",
     "messages[0].tool_call_id: a tool's message needs the id of the call it answers"},
    {"{'messages':[{'role':'assistant','tool_calls':{}}]}", "messages[0].tool_calls",
     "messages[0].tool_calls: expected a list of calls"},
    {"{'messages':[{'role':'assistant','tool_calls':[{'id':'a','type':'function'}]}]}",
     "messages[0].tool_calls[0].function",
     "messages[0].tool_calls[0].function: expected an object"},
    {"{'messages':[{'role':'assistant','tool_calls':[{'id':'a','function':{'name':'f',"
     "'arguments':{}}}]}]}",
     "messages[0].tool_calls[0].function.arguments",
     "messages[0].tool_calls[0].function.arguments: expected a string"},
    {"{'messages':[{'role':'assistant','tool_calls':[{'function':{'name':'f'}}]}]}",
     "messages[0].tool_calls[0].id", "messages[0].tool_calls[0].id: expected the id of the call"},
    {"{'messages':[{'role':'assistant','tool_calls':[{'id':'a','type':'custom'}]}]}",
     "messages[0].tool_calls[0].type",
     "messages[0].tool_calls[0].type: only calls of type function are spoken here"},
    {"{'messages':[{'role':'user','content':'x','tool_calls':[{}]}]}", "messages[0].tool_calls",
     "messages[0].tool_calls: only an assistant's message may hold calls"},
    {"{'messages':[{'role':'assistant','content':'x','function_call':{}}]}",
     "messages[0].function_call", "messages[0].function_call: no longer spoken; use tool_calls"},
    {"{" HI ",'functions':[]}", "functions",
     "functions: no longer spoken; use tools and tool_choice"},
    {"{" HI ",'tools':{}}", "tools", "tools: expected a list of tools"},
    {"{" HI ",'tools':[{'type':'function'}]}", "tools[0].function",
     "tools[0].function: expected an object"},
    {"{" HI ",'tools':[{'type':'function','function':{}}]}", "tools[0].function.name",
     "tools[0].function.name: expected the name of the function"},
    {"{" HI ",'tools':[{'type':'custom'}]}", "tools[0].type",
     "tools[0].type: only tools of type function are spoken here"},
    {"{" HI ",'tools':[{'function':{'name':'f','parameters':[]}}]}", "tools[0].function.parameters",
     "tools[0].function.parameters: expected an object"},
    {"{" HI ",'tools':[{'function':{'name':'f','strict':1}}]}", "tools[0].function.strict",
     "tools[0].function.strict: expected true or false"},
    {"{" HI ",'tool_choice':'always'}", "tool_choice",
     "tool_choice: expected auto, none, required or an object"},
    {"{" HI ",'tool_choice':'required'}", "tool_choice",
     "tool_choice: required, but there are no tools"},
    {"{" HI ",'tool_choice':{'type':'function','function':{'name':'g'}}}",
     "tool_choice.function.name", "tool_choice.function.name: names none of the tools"},
    {"{" HI ",'parallel_tool_calls':'yes'}", "parallel_tool_calls",
     "parallel_tool_calls: expected true or false"},
    {"{" HI ",'response_format':'json'}", "response_format", "response_format: expected an object"},
    {"{" HI ",'response_format':{'type':'xml'}}", "response_format.type",
     "response_format.type: expected text, json_object or json_schema"},
    {"{" HI ",'response_format':{'type':'json_schema'}}", "response_format.json_schema",
     "response_format.json_schema: expected an object with the schema"},
    {"{" HI ",'response_format':{'type':'json_schema','json_schema':{'schema':1}}}",
     "response_format.json_schema.schema",
     "response_format.json_schema.schema: expected an object"},
    {"{" HI ",'response_format':{'type':'json_object','schema':1}}", "response_format.schema",
     "response_format.schema: expected an object"},
    {"{" HI ",'stop':1}", "stop", "stop: expected a string or a list of strings"},
    {"{" HI ",'stop':['a',1]}", "stop[1]", "stop[1]: expected a string"},
    {"{" HI ",'stop':['','','','','','','','','','','','','','','','','']}", "stop",
     "stop: more than 16 strings"},
    {"{" HI ",'seed':1.5}", "seed", "seed: expected an integer of 64 bits, signed"},
    {"{" HI ",'seed':9223372036854775808}", "seed", "seed: expected an integer of 64 bits, signed"},
    {"{" HI ",'max_tokens':0}", "max_tokens",
     "max_tokens: expected an integer from 1 to 1000000000000000"},
    {"{" HI ",'max_tokens':-5}", "max_tokens",
     "max_tokens: expected an integer from 1 to 1000000000000000"},
    {"{" HI ",'max_tokens':'5'}", "max_tokens", "max_tokens: expected an integer"},
    {"{" HI ",'max_tokens':5,'max_completion_tokens':6}", "max_tokens",
     "max_tokens: differs from max_completion_tokens"},
    {"{" HI ",'temperature':'hot'}", "temperature", "temperature: expected a number"},
    {"{" HI ",'temperature':2.1}", "temperature", "temperature: expected a number from 0 to 2"},
    {"{" HI ",'temperature':1e999}", "temperature", "temperature: expected a number"},
    {"{" HI ",'top_p':-0.1}", "top_p", "top_p: expected a number from 0 to 1"},
    {"{" HI ",'presence_penalty':3}", "presence_penalty",
     "presence_penalty: expected a number from -2 to 2"},
    {"{" HI ",'logit_bias':{'5':101}}", "logit_bias",
     "logit_bias: expected numbers from -100 to 100"},
    {"{" HI ",'logit_bias':5}", "logit_bias", "logit_bias: expected an object"},
    {"{" HI ",'logprobs':1}", "logprobs", "logprobs: expected true or false"},
    {"{" HI ",'logprobs':true,'top_logprobs':21}", "top_logprobs",
     "top_logprobs: expected an integer from 0 to 20"},
    {"{" HI ",'top_logprobs':2}", "top_logprobs", "top_logprobs: needs logprobs to be true"},
    {"{" HI ",'n':0}", "n", "n: expected an integer from 1 to 16"},
    {"{" HI ",'n':17}", "n", "n: expected an integer from 1 to 16"},
    {"{" HI ",'stream':'yes'}", "stream", "stream: expected true or false"},
    {"{" HI ",'stream_options':true}", "stream_options", "stream_options: expected an object"},
    {"{" HI ",'stream_options':{'include_usage':1}}", "stream_options.include_usage",
     "stream_options.include_usage: expected true or false"},
    {"{" HI ",'metadata':[]}", "metadata", "metadata: expected an object"},
    {"{" HI ",'metadata':{'nigh_lable':'device'}}", "metadata", NULL},
    {"{" HI ",'metadata':{'nigh_label':'a','nigh_label':'b'}}", "metadata.nigh_label",
     "metadata.nigh_label: given twice"},
    {"{" HI ",'metadata':{'nigh_label':1}}", "metadata.nigh_label",
     "metadata.nigh_label: expected a string"},
    {"{" HI ",'metadata':{'nigh_max_cost_usd':'lots'}}", "metadata.nigh_max_cost_usd",
     "metadata.nigh_max_cost_usd: expected a number from 0 to 1e+06"},
    {"{" HI ",'metadata':{'nigh_max_cost_usd':'nan'}}", "metadata.nigh_max_cost_usd",
     "metadata.nigh_max_cost_usd: expected a number from 0 to 1e+06"},
    {"{" HI ",'metadata':{'nigh_max_cost_usd':'\\u0000'}}", "metadata.nigh_max_cost_usd",
     "metadata.nigh_max_cost_usd: holds the character NUL"},
    {"{" HI ",'metadata':{'nigh_max_cost_usd':'5\\u00006'}}", "metadata.nigh_max_cost_usd",
     "metadata.nigh_max_cost_usd: holds the character NUL"},
    {"{" HI ",'metadata':{'nigh_deadline_ms':0}}", "metadata.nigh_deadline_ms",
     "metadata.nigh_deadline_ms: expected a number from 1 to 2.592e+09"},
};

TEST(every_fault_is_told_with_its_path)
{
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        printf("# %s\n", faults[i].body);
        CHECK_EQ(decode(quoted(faults[i].body)), NIGH_INVALID);
        if (faults[i].what)
            CHECK_STR(err.what, faults[i].what);
        if (faults[i].param)
            CHECK(slice_is(param, faults[i].param));
        else
            CHECK(!param.p);
    }
}

/* A body with `depth` brackets between head and tail. */
static enum nigh_status decode_nested(const char *head, const char *open, const char *close,
                                      const char *tail, int depth)
{
    CLEANUP(buf_done) struct buf b = {0};

    buf_add_cstr(&b, quoted(head));
    for (int i = 0; i < depth; i++)
        buf_add_cstr(&b, quoted(open));
    for (int i = 0; i < depth; i++)
        buf_add_cstr(&b, close);
    buf_add_cstr(&b, quoted(tail));
    return decode(b.data);
}

TEST(schemas_and_grammars_nest_no_deeper_than_allowed)
{
    static const struct {
        const char *head, *open, *close, *tail, *param;
    } rows[] = {
        {"{" HI ",'tools':[{'function':{'name':'f','parameters':{'a':", "[", "]", "}}}]}",
         "tools[0].function.parameters"},
        {"{" HI ",'response_format':{'type':'json_schema','json_schema':{'schema':{'a':", "[", "]",
         "}}}}", "response_format.json_schema.schema"},
        {"{" HI ",'response_format':{'type':'json_object','schema':{'a':", "[", "]", "}}}",
         "response_format.schema"},
        {"{" HI ",'json_schema':{'a':", "[", "]", "}}", NULL},
        {"{" HI ",'grammar':'root ::= (", "(", ")", ")'}", "grammar"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        printf("# %s\n", rows[i].head);
        CHECK_EQ(decode_nested(rows[i].head, rows[i].open, rows[i].close, rows[i].tail,
                               TURN_SCHEMA_DEPTH_MAX - 1),
                 NIGH_OK);
        CHECK_EQ(decode_nested(rows[i].head, rows[i].open, rows[i].close, rows[i].tail,
                               TURN_SCHEMA_DEPTH_MAX),
                 NIGH_INVALID);
        CHECK(strstr(err.what, "nested deeper than 64 levels") != NULL);
        CHECK(!rows[i].param || slice_is(param, rows[i].param));
    }
    CHECK_EQ(decode_nested("{" HI ",'x':", "[", "]", "}", 60000), NIGH_INVALID);
}

TEST(foreign_bytes_are_refused)
{
    CHECK_EQ(decode("{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}"), NIGH_INVALID);
    CHECK_EQ(decode("{\"messages\":[{\"role\":\"user\",\"content\":\"\xed\xa0\x80\"}]}"),
             NIGH_INVALID);
    struct slice nul = SLICE("{\"messages\":[{\"role\":\"user\",\"content\":\"a\0b\"}]}");
    CHECK_EQ(api_openai_chat.decode(&turn, nul, &mem, &param, NULL), NIGH_INVALID);
    CHECK_EQ(decode("{\"messages\":[{\"role\":\"user\",\"content\":\"a\\u0000b\"}]}"),
             NIGH_INVALID);
    CHECK(slice_is(param, "messages[0].content"));
    CHECK_EQ(
        decode("{\"x\":[{\"a\\u0000b\":1}],\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}"),
        NIGH_INVALID);
    CHECK_EQ(decode("{\"messages\":[{\"role\":\"user\",\"content\":\"a\\\\u0000b\"}]}"), NIGH_OK);
    CHECK_EQ(turn.messages[0].parts[0].text.len, 8);
    CHECK_EQ(decode("{\"messages\":[{\"role\":\"user\",\"content\":\"a\\\\\\u0000\"}]}"),
             NIGH_INVALID);
    CHECK(slice_is(param, "messages[0].content"));
}

TEST(an_arena_too_small_is_an_error)
{
    static const char body[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    enum nigh_status status = NIGH_TOOBIG;

    for (size_t max = 16; max < 4096 && status; max += 16) {
        arena_done(&mem);
        arena_init(&mem, max);
        status = api_openai_chat.decode(&turn, slice_of(body), &mem, &param, NULL);
        CHECK(status == NIGH_OK || status == NIGH_NOMEM || status == NIGH_TOOBIG);
    }
    CHECK_EQ(status, NIGH_OK);
}

/* What goes in comes out, in the wire's order of members.  A row without `out` comes out as it was.
 */
#define TAIL ",'stream':true,'stream_options':{'include_usage':true}}"
static const struct {
    const char *in, *out;
    unsigned flags;
} trips[] = {
    {"{'model':'m'," HI "}", "{'model':'x'," HI TAIL, 0},
    {"{'model':'x','messages':[{'role':'system','content':'be'},{'role':'developer','content':"
     "'good'},{'role':'user','content':[{'type':'text','text':'a'},{'type':'image_url','image_url':"
     "{'url':'data:image/png;base64,AA==','detail':'low'}},{'type':'input_audio','input_audio':"
     "{'data':'AA','format':'wav'}},{'type':'file','file':{'file_id':'f-1'}},{'type':'new','x':1}],"
     "'name':'ann'}]" TAIL,
     NULL, 0},
    {"{'model':'x','messages':[{'role':'user','content':'q'},{'role':'assistant','content':null,"
     "'reasoning_content':'hm','tool_calls':[{'id':'a','type':'function','function':{'name':'f',"
     "'arguments':'{}'},'extra_content':{'sig':'s'}},{'id':'b','type':'function','function':"
     "{'name':'g','arguments':'{\\'x\\':1}'}}]},{'role':'tool','content':'1','tool_call_id':'a'},"
     "{'role':'tool','content':[{'type':'text','text':'2'}],'tool_call_id':'b'},{'role':"
     "'assistant','content':'','refusal':'no','annotations':[]},{'role':'assistant','content':"
     "[{'type':'refusal','refusal':'never'}]},{'role':'user','content':[]}]" TAIL,
     NULL, 0},
    {"{'model':'x'," HI ",'tools':[{'type':'function','function':{'name':'f','description':'d',"
     "'parameters':{'type':'object','properties':{}},'strict':true,'odd':1},'cache_control':{}},"
     "{'type':'function','function':{'name':'g'}}],'tool_choice':{'type':'function','function':"
     "{'name':'g'}},'parallel_tool_calls':false,'response_format':{'type':'json_schema',"
     "'json_schema':{'name':'n','schema':{'type':'object'},'strict':true}},'temperature':0.5,"
     "'top_p':1,'frequency_penalty':-2,'presence_penalty':0,'seed':-3,'max_completion_tokens':9,"
     "'n':2,'logprobs':true,'top_logprobs':3,'logit_bias':{'5':-100},'stop':['a','b']" TAIL,
     NULL, 0},
    {"{" HI ",'tools':[],'max_tokens':5,'tool_choice':'none','n':1,'stop':'z','logprobs':false,"
     "'response_format':{'type':'text'}}",
     "{'model':'x'," HI ",'tool_choice':'none','response_format':{'type':'text'},'max_tokens':5,"
     "'stop':['z']" TAIL,
     WIRE_OLD_MAX_TOKENS},
    {"{" HI ",'max_tokens':5}", "{'model':'x'," HI ",'max_completion_tokens':5" TAIL, 0},
    {"{" HI ",'max_tokens':-1}", "{'model':'x'," HI TAIL, 0},
    {"{" HI ",'response_format':{'type':'json_object','schema':{'a':1}}}",
     "{'model':'x'," HI ",'response_format':{'type':'json_object','schema':{'a':1}}" TAIL, 0},
    {"{" HI ",'metadata':{'nigh_label':'home'}}", "{'model':'x'," HI TAIL, 0},
    {"{" HI ",'metadata':{'a':'b','nigh_label':'home','c':'d'}}",
     "{'model':'x'," HI ",'metadata':{'a':'b','c':'d'}" TAIL, 0},
    {"{" HI ",'user':'u','reasoning_effort':'low','store':false,'prediction':{'type':'content'}}",
     "{'model':'x'," HI ",'reasoning_effort':'low','user':'u','store':false,"
     "'prediction':{'type':'content'}" TAIL,
     0},
    {"{" HI ",'cache_prompt':false}",
     "{'model':'x'," HI ",'return_progress':true,"
     "'cache_prompt':false" TAIL,
     WIRE_CACHE_PROMPT | WIRE_RETURN_PROGRESS},
    {"{" HI "}", "{'model':'x'," HI ",'cache_prompt':true" TAIL, WIRE_CACHE_PROMPT},
    {"{" HI ",'tool_choice':{'type':'allowed_tools','allowed_tools':{}}}",
     "{'model':'x'," HI ",'tool_choice':{'type':'allowed_tools','allowed_tools':{}}" TAIL, 0},
    {"{" HI ",'stream':false,'stream_options':{'include_usage':false,'include_obfuscation':false}}",
     "{'model':'x'," HI ",'stream':true,'stream_options':{'include_usage':true,"
     "'include_obfuscation':false}}",
     0},
    {"{'messages':[{'role':'assistant','content':[]}]}",
     "{'model':'x','messages':[{'role':'assistant','content':[]}]" TAIL, 0},
    {"{'messages':[{'role':'user','content':[{'type':'image_url','image_url':'https://a/b'}]}]}",
     "{'model':'x','messages':[{'role':'user','content':[{'type':'image_url','image_url':"
     "{'url':'https://a/b'}}]}]" TAIL,
     0},
};

/* \' inside of a string stands for an escaped quote. */
TEST(what_goes_in_comes_out)
{
    for (size_t i = 0; i < ARRAY_LEN(trips); i++) {
        CLEANUP(buf_done) struct buf once = {0}, again = {0};
        const char *want = quoted(trips[i].out ? trips[i].out : trips[i].in);

        CHECK_EQ(decode(quoted(trips[i].in)), NIGH_OK);
        CHECK_EQ(wire_openai.request(&once, &turn, "x", trips[i].flags, &err), NIGH_OK);
        CHECK_STR(once.data, want);
        CHECK_EQ(decode(once.data), NIGH_OK);
        CHECK_EQ(wire_openai.request(&again, &turn, "x", trips[i].flags, &err), NIGH_OK);
        CHECK_STR(again.data, want);
    }
}

TEST(another_formats_turn_is_told_without_its_extras)
{
    CLEANUP(buf_done) struct buf b = {0};

    CHECK_EQ(decode(quoted("{'user':'u','metadata':{'a':'b'},'messages':[{'role':'user','content':"
                           "[{'type':'text','text':'hi','cache_control':{}}],'x':1}]}")),
             NIGH_OK);
    turn.format_name = "anthropic";
    CHECK_EQ(wire_openai.request(&b, &turn, "x", 0, &err), NIGH_OK);
    CHECK_STR(b.data, quoted("{'model':'x'," HI TAIL));
    buf_reset(&b);
    turn.messages[0].parts[0].kind = PART_FILE;
    CHECK_EQ(wire_openai.request(&b, &turn, "x", 0, &err), NIGH_UNSUPPORTED);
}

TEST(several_thoughts_become_one_member)
{
    CLEANUP(buf_done) struct buf b = {0};
    struct part parts[] = {{.kind = PART_REASONING, .text = SLICE("a")},
                           {.kind = PART_REASONING, .text = SLICE("b")},
                           {.kind = PART_TEXT, .text = SLICE("c")}};
    struct message m = {.role = ROLE_ASSISTANT, .parts = parts, .n_parts = 3};

    turn_init(&turn);
    turn.messages = &m;
    turn.n_messages = 1;
    turn.format_name = "anthropic";
    CHECK_EQ(wire_openai.request(&b, &turn, "x", 0, &err), NIGH_OK);
    CHECK_STR(b.data, quoted("{'model':'x','messages':[{'role':'assistant','content':'c',"
                             "'reasoning_content':'ab'}]" TAIL));
}
