#include "api/decode-rig.h"
#include "api/openai_responses.h"
#include "api/wire.h"

static enum nigh_status decode(const char *body)
{
    return decode_by(&api_openai_responses, body);
}

TEST(a_string_is_the_users)
{
    CHECK_EQ(decode(quoted("{'model':'m','input':'hi','instructions':'Be brief.',"
                           "'max_output_tokens':7,'temperature':0.5,'stream':true}")),
             NIGH_OK);
    CHECK_STR(turn.format_name, "openai-responses");
    CHECK(turn.stream && turn.store);
    CHECK_EQ(turn.max_tokens, 7);
    CHECK_EQ(turn.n_messages, 2);
    CHECK_EQ(turn.messages[0].role, ROLE_SYSTEM);
    CHECK(slice_is(turn.messages[0].parts[0].text, "Be brief."));
    CHECK_EQ(turn.messages[1].role, ROLE_USER);
    CHECK(turn.messages[1].bare && slice_is(turn.messages[1].parts[0].text, "hi"));
    CHECK(slice_is(turn_plain_question(&turn, &mem), "hi"));
    CHECK_EQ(decode(quoted("{'input':'hi','store':false}")), NIGH_OK);
    CHECK(slice_is(turn.model, "auto") && !turn.store);
}

/* What a place of the chat format is told of these items. */
static const struct {
    const char *input, *messages;
} items[] = {
    {"[{'role':'user','content':'a'},{'type':'message','role':'assistant','id':'msg_1',"
     "'status':'completed','content':[{'type':'output_text','text':'b','annotations':[]}]},"
     "{'role':'developer','content':[{'type':'input_text','text':'c'}]}]",
     "[{'role':'user','content':'a'},{'role':'assistant','content':'b'},"
     "{'role':'developer','content':'c'}]"},
    /* what an assistant says in a row is one message, in whatever order */
    {"[{'type':'reasoning','id':'rs_1','summary':[{'type':'summary_text','text':'hm'},"
     "{'type':'summary_text','text':'so'}]},"
     "{'type':'message','role':'assistant','content':'I look.'},"
     "{'type':'function_call','id':'fc_1','call_id':'c1','name':'f','arguments':'{}'},"
     "{'type':'reasoning','summary':[{'type':'summary_text','text':'and'}]},"
     "{'type':'function_call','call_id':'c2','name':'g','arguments':'{}'},"
     "{'type':'function_call_output','call_id':'c1','output':'one'},"
     "{'type':'function_call_output','call_id':'c2','output':[{'type':'input_text','text':'two'}]}"
     "]",
     "[{'role':'assistant','content':'I look.','reasoning_content':'hm\\n\\nsoand','tool_calls':["
     "{'id':'c1','type':'function','function':{'name':'f','arguments':'{}'}},"
     "{'id':'c2','type':'function','function':{'name':'g','arguments':'{}'}}]},"
     "{'role':'tool','content':'one','tool_call_id':'c1'},"
     "{'role':'tool','content':'two','tool_call_id':'c2'}]"},
    /* two messages are two; the thoughts themselves win over their summary */
    {"[{'role':'assistant','content':'a'},{'role':'assistant','content':[{'type':'refusal',"
     "'refusal':'no'}]},{'type':'reasoning','summary':[{'type':'summary_text','text':'s'}],"
     "'content':[{'type':'reasoning_text','text':'long'}]}]",
     "[{'role':'assistant','content':'a'},{'role':'assistant','content':[{'type':'refusal',"
     "'refusal':'no'}],'reasoning_content':'long'}]"},
    {"[{'role':'user','content':[{'type':'input_text','text':'x'},{'type':'input_image',"
     "'image_url':'https://x/y.png','detail':'low'}]}]",
     "[{'role':'user','content':[{'type':'text','text':'x'},{'type':'image_url','image_url':"
     "{'url':'https://x/y.png','detail':'low'}}]}]"},
    {"[{'type':null,'role':'user','content':'a'}]", "[{'role':'user','content':'a'}]"},
    /* an item of reasoning that holds nothing says nothing */
    {"[{'role':'user','content':'a'},{'type':'reasoning','summary':[],'encrypted_content':null}]",
     "[{'role':'user','content':'a'}]"},
};

TEST(items_become_messages)
{
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        CLEANUP(buf_done) struct buf body = {0}, out = {0}, got = {0};
        yyjson_val *told = NULL;
        buf_printf(&body, "{'input':%s}", items[i].input);
        CHECK_EQ(decode(quoted(body.data)), NIGH_OK);
        CHECK_STR(err.what, "");
        CHECK_EQ(wire_openai.request(&out, &turn, "m", 0, NULL), NIGH_OK);
        CHECK_EQ(json_parse(&told, buf_slice(&out), &mem, NULL), NIGH_OK);
        json_add_val(&got, json_get(told, "messages"));
        CHECK_STR(got.data, quoted(items[i].messages));
    }
}

TEST(what_only_a_maker_can_read_goes_back_to_it)
{
    struct part *p;

    CHECK_EQ(
        decode(quoted("{'input':[{'type':'reasoning','id':'rs_abc','summary':[],"
                      "'encrypted_content':'SEALED'},"
                      "{'type':'reasoning','id':'rs_01M82M3JA243YE5X940APYQ5GH_0','summary':"
                      "[{'type':'summary_text','text':'t'}],'encrypted_content':'SIG'},"
                      "{'type':'reasoning','id':'rs_01M82M3JA243YE5X940APYQ5GH_1','summary':[],"
                      "'encrypted_content':'nigh-signed:rs_up:S:2'},"
                      "{'type':'reasoning','id':'rs_01M82M3JA243YE5X940APYQ5GH_2','summary':[],"
                      "'encrypted_content':'nigh-redacted:DARK'}]}")),
        NIGH_OK);
    CHECK_EQ(turn.n_messages, 1);
    CHECK_EQ(turn.messages[0].n_parts, 4);
    p = turn.messages[0].parts;
    CHECK(slice_is(p[0].call_id, "rs_abc") && slice_is(p[0].signature, "SEALED"));
    CHECK(!p[1].call_id.p && slice_is(p[1].signature, "SIG") && slice_is(p[1].text, "t"));
    CHECK(slice_is(p[2].call_id, "rs_up") && slice_is(p[2].signature, "S:2"));
    CHECK_EQ(p[3].kind, PART_REDACTED);
    CHECK(slice_is(p[3].text, "DARK"));
}

TEST(items_and_tools_of_other_kinds_stay_and_are_refused_by_other_formats)
{
    static const char *const bodies[] = {
        "{'input':[{'type':'web_search_call','id':'ws_1','status':'completed'}]}",
        "{'input':[{'role':'user','content':[{'type':'input_video','video_url':'x'}]}]}",
        "{'input':[{'role':'user','content':[{'type':'input_image','file_id':'file_1'}]}]}",
        "{'input':'x','tools':[{'type':'web_search','filters':{'allowed_domains':['x.org']}}]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        CLEANUP(buf_done) struct buf out = {0};
        CHECK_EQ(decode(quoted(bodies[i])), NIGH_OK);
        CHECK_EQ(wire_openai.request(&out, &turn, "m", 0, NULL), NIGH_UNSUPPORTED);
    }
    CHECK_EQ(decode(quoted(bodies[0])), NIGH_OK);
    CHECK(turn.messages[0].raw == turn.messages[0].parts[0].raw); /* the item itself */
    CHECK_EQ(decode(quoted(bodies[1])), NIGH_OK);
    CHECK(turn.messages[0].raw != turn.messages[0].parts[0].raw);
}

static bool seen;

static bool look_for(void *owner, struct slice text)
{
    seen |= slice_is(text, owner);
    return true;
}

TEST(every_text_that_may_leave_is_shown)
{
    static const struct {
        const char *body, *text;
    } rows[] = {
        {"{'input':'x','instructions':'SECRET'}", "SECRET"},
        {"{'input':'x','user':'SECRET'}", "SECRET"},
        {"{'input':'x','reasoning':{'effort':'low','later':'SECRET'}}", "SECRET"},
        {"{'input':'x','text':{'later':'SECRET'}}", "SECRET"},
        {"{'input':'x','text':{'format':{'type':'json_schema','name':'n','description':'SECRET',"
         "'schema':{}}}}",
         "SECRET"},
        {"{'input':'x','tools':[{'type':'mcp','server_url':'SECRET'}]}", "SECRET"},
        {"{'input':[{'type':'mcp_call','output':{'x':'SECRET'}}]}", "SECRET"},
        {"{'input':[{'type':'function_call','call_id':'c','name':'f','arguments':'{}',"
         "'namespace':'SECRET'}]}",
         "SECRET"},
        {"{'input':[{'role':'assistant','content':[{'type':'output_text','text':'x','annotations':"
         "[{'type':'url_citation','url':'SECRET'}]}]}]}",
         "SECRET"},
        {"{'input':[{'role':'user','content':[{'type':'input_file','filename':'SECRET','file_data':"
         "'data:text/plain;base64,eA=='}]}]}",
         "SECRET"},
        {"{'input':'x','metadata':{'a':'SECRET'}}", "SECRET"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_EQ(decode(quoted(rows[i].body)), NIGH_OK);
        seen = false;
        turn_each_text(&turn, look_for, (void *)rows[i].text);
        CHECK(seen);
    }
}

TEST(formats_reasoning_and_choices_have_their_canonical_words)
{
    static const char tools[] =
        "'tools':[{'type':'function','name':'f','parameters':{'type':'object'},'strict':true},"
        "{'type':'function','name':'g','description':'G'}]";
    CLEANUP(buf_done) struct buf body = {0};

    CHECK_EQ(decode(quoted("{'input':'x','text':{'format':{'type':'json_schema','name':'n','strict'"
                           ":true,'schema':{'type':'object'}},'verbosity':'low'},'reasoning':"
                           "{'effort':'high','summary':'auto'},'top_logprobs':3,"
                           "'include':['message.output_text.logprobs']}")),
             NIGH_OK);
    CHECK_EQ(turn.format, FORMAT_SCHEMA);
    CHECK(!json_get(turn.schema, "type"));
    CHECK(slice_is(json_get_str(turn.schema, "name"), "n"));
    CHECK(json_get(turn.schema, "schema") != NULL);
    CHECK_EQ(turn.effort, EFFORT_HIGH);
    CHECK(turn.logprobs);
    CHECK_EQ(turn.top_logprobs, 3);
    buf_printf(&body, "{'input':'x',%s,'tool_choice':{'type':'function','name':'g'}}", tools);
    CHECK_EQ(decode(quoted(body.data)), NIGH_OK);
    CHECK_EQ(turn.choice, CHOICE_NAMED);
    CHECK_EQ(turn.n_tools, 2);
    CHECK_EQ(turn.tools[0].strict, 1);
    CHECK_EQ(turn.tools[1].strict, -1);
    buf_reset(&body);
    buf_printf(&body,
               "{'input':'x',%s,'tool_choice':{'type':'allowed_tools','mode':'required','tools':"
               "[{'type':'function','name':'g'}]}}",
               tools);
    CHECK_EQ(decode(quoted(body.data)), NIGH_OK);
    CHECK_EQ(turn.choice, CHOICE_REQUIRED);
    CHECK_EQ(turn.n_tools, 1);
    CHECK(slice_is(turn.tools[0].name, "g"));
}

static const struct {
    const char *body, *param, *what;
} faults[] = {
    {"{}", "input", "input: missing"},
    {"{'input':[]}", "input", "input: expected at least one item"},
    {"{'input':7}", "input", "input: expected a string or a list of items"},
    {"{'input':[7]}", "input[0]", "input[0]: expected an object"},
    {"{'input':[{}]}", "input[0].type", "input[0].type: expected the type of an item"},
    {"{'input':[{'type':7}]}", "input[0].type", "input[0].type: expected a string"},
    {"{'input':[{'role':'robot','content':'x'}]}", "input[0].role",
     "input[0].role: expected user, assistant, system or developer"},
    {"{'input':[{'role':'user'}]}", "input[0].content", "input[0].content: missing"},
    {"{'input':[{'role':'user','content':7}]}", "input[0].content",
     "input[0].content: expected a string or a list of parts"},
    {"{'input':[{'role':'user','content':[{'type':'input_text'}]}]}", "input[0].content[0]",
     "input[0].content[0]: a part of text needs text, a string"},
    {"{'input':[{'role':'user','content':[{'type':'input_text','text':'x','image_url':'y'}]}]}",
     "input[0].content[0]", "input[0].content[0]: holds what belongs to a part of another type"},
    {"{'input':[{'role':'user','content':[{'type':'input_image','image_url':'file:///x'}]}]}",
     "input[0].content[0].image_url",
     "input[0].content[0].image_url: expected an http, https or data URL"},
    {"{'input':[{'role':'user','content':[{'type':'input_file','filename':'x'}]}]}",
     "input[0].content[0]", "input[0].content[0]: a file needs file_data, file_url or file_id"},
    {"{'input':[{'type':'function_call','call_id':'c','arguments':'{}'}]}", "input[0].name",
     "input[0].name: expected the name of the function"},
    {"{'input':[{'type':'function_call','name':'f','arguments':'{}'}]}", "input[0].call_id",
     "input[0].call_id: expected the id of the call"},
    {"{'input':[{'type':'function_call_output','call_id':'c'}]}", "input[0].output",
     "input[0].output: missing"},
    {"{'input':[{'type':'function_call_output','output':'x'}]}", "input[0].call_id",
     "input[0].call_id: expected the id of the call that this answers"},
    {"{'input':[{'type':'reasoning','summary':'x'}]}", "input[0].summary",
     "input[0].summary: expected a list of parts"},
    {"{'input':'a','input':'b'}", "input", "input: given twice"},
    {"{'input':[{'type':'message','type':'reasoning','role':'user','content':'x'}]}",
     "input[0].type", "input[0].type: given twice"},
    {"{'input':'x','max_output_tokens':-5}", "max_output_tokens",
     "max_output_tokens: expected an integer from 1 to 1000000000000000"},
    {"{'input':'x','temperature':3}", "temperature", "temperature: expected a number from 0 to 2"},
    {"{'input':'x','top_logprobs':21}", "top_logprobs",
     "top_logprobs: expected an integer from 0 to 20"},
    {"{'input':'x','text':{'format':{'type':'xml'}}}", "text.format.type",
     "text.format.type: expected text, json_object or json_schema"},
    {"{'input':'x','text':{'format':{'type':'json_schema','name':'n'}}}", "text.format.schema",
     "text.format.schema: expected an object, the schema"},
    {"{'input':'x','text':{'verbosity':'loud'}}", "text.verbosity",
     "text.verbosity: expected low, medium or high"},
    {"{'input':'x','reasoning':{'effort':'some'}}", "reasoning.effort",
     "reasoning.effort: expected none, minimal, low, medium, high, xhigh or max"},
    {"{'input':'x','include':'all'}", "include", "include: expected a list of strings"},
    {"{'input':'x','user':7}", "user", "user: expected a string"},
    {"{'input':'x','max_tool_calls':-1}", "max_tool_calls",
     "max_tool_calls: expected an integer of at least 0"},
    {"{'input':'x','truncation':'some'}", "truncation", "truncation: expected auto or disabled"},
    {"{'input':'x','previous_response_id':''}", "previous_response_id",
     "previous_response_id: expected the id of a response"},
    {"{'input':'x','prompt':{'id':'p'}}", "prompt",
     "prompt: this node keeps no prompt templates; send instructions and input"},
    {"{'input':'x','tools':[{'name':'f'}]}", "tools[0].type",
     "tools[0].type: expected the type of a tool"},
    {"{'input':'x','tools':[{'type':'function'}]}", "tools[0].name",
     "tools[0].name: expected the name of the function"},
    {"{'input':'x','tool_choice':'required'}", "tool_choice",
     "tool_choice: required, but there are no tools"},
    {"{'input':'x','tool_choice':{'type':'function','name':'f'}}", "tool_choice.name",
     "tool_choice.name: names none of the tools"},
    {"{'input':'x','tool_choice':{'type':'web_search'}}", "tool_choice",
     "tool_choice: names none of the tools"},
    {"{'input':'x','tools':[{'type':'function','name':'f'}],'tool_choice':{'type':'allowed_tools',"
     "'tools':[{'type':'function','name':'g'}]}}",
     "tool_choice.tools[0]", "tool_choice.tools[0]: names none of the tools"},
    {"{'input':'x','metadata':{'nigh_lable':'home'}}", "metadata",
     "metadata: a nigh_ member that does not exist; there are nigh_label, _profile, _session, "
     "_max_cost_usd, _deadline_ms"},
};

TEST(faults_are_told_with_their_path)
{
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        CHECK_EQ(decode(quoted(faults[i].body)), NIGH_INVALID);
        CHECK_STR(err.what, faults[i].what);
        CHECK(slice_is(param, faults[i].param));
    }
}

TEST(what_this_node_cannot_do_is_said)
{
    CHECK_EQ(decode(quoted("{'input':'x','background':true}")), NIGH_UNSUPPORTED);
    CHECK(slice_is(param, "background"));
    CHECK_EQ(decode(quoted("{'input':'x','conversation':'conv_1'}")), NIGH_UNSUPPORTED);
    CHECK(slice_is(param, "conversation"));
    CHECK_EQ(decode(quoted("{'input':'x','background':false,'truncation':'auto'}")), NIGH_OK);
    CHECK_EQ(decode(quoted("{'previous_response_id':'resp_1'}")), NIGH_OK);
    CHECK_EQ(turn.n_messages, 0);
}

TEST(deep_and_many_are_refused)
{
    CLEANUP(buf_done) struct buf body = {0};

    buf_add_cstr(&body, "{\"input\":");
    for (int i = 0; i < 60000; i++)
        buf_add_char(&body, '[');
    CHECK_EQ(decode(body.data), NIGH_INVALID);
    buf_reset(&body);
    buf_add_cstr(&body, "{\"input\":[");
    for (int i = 0; i <= TURN_MESSAGES_MAX; i++)
        buf_printf(&body, "%s{\"role\":\"user\",\"content\":\"x\"}", i ? "," : "");
    buf_add_cstr(&body, "]}");
    CHECK_EQ(decode(body.data), NIGH_INVALID);
    CHECK_STR(err.what, "input: more than 10000 items");
    buf_reset(&body);
    buf_add_cstr(&body, "{\"input\":[{\"type\":\"later\",\"x\":");
    for (int i = 0; i < 100; i++)
        buf_add_char(&body, '[');
    for (int i = 0; i < 100; i++)
        buf_add_char(&body, ']');
    buf_add_cstr(&body, "}]}");
    CHECK_EQ(decode(body.data), NIGH_INVALID);
}

static const struct {
    const char *input, *kept;
} inputs[] = {
    {"'hi'", "[{'id':'msg_01M82M3JA243YE5X940APYQ5GH_in0','type':'message','status':'completed',"
             "'role':'user','content':[{'type':'input_text','text':'hi'}]}]"},
    {"null", "[]"},
    {"[{'id':'x_1'}]", "[{'id':'x_1','type':'item_reference'}]"},
    {"[{'role':'assistant','content':'a','phase':'final_answer'},"
     "{'type':'function_call_output','call_id':'c','output':'x','id':null,'status':null},"
     "{'type':'reasoning','id':'rs_up','summary':[]},{'type':'later','x':1}]",
     "[{'id':'msg_01M82M3JA243YE5X940APYQ5GH_in0','type':'message','status':'completed','role':"
     "'assistant','content':[{'type':'output_text','text':'a','annotations':[]}],'phase':"
     "'final_answer'},{'id':'fco_01M82M3JA243YE5X940APYQ5GH_in1','type':'function_call_output',"
     "'status':'completed','call_id':'c','output':'x'},"
     "{'id':'rs_up','type':'reasoning','summary':[]},"
     "{'id':'item_01M82M3JA243YE5X940APYQ5GH_in3','type':'later','x':1}]"},
};

/* As it is kept, so it is read again: the second time nothing changes any more. */
TEST(inputs_are_kept_in_their_full_form)
{
    static const char id[] = "01M82M3JA243YE5X940APYQ5GH";

    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        CLEANUP(buf_done) struct buf first = {0}, second = {0};
        yyjson_val *val = NULL;
        arena_done(&mem);
        arena_init(&mem, 1 << 20);
        CHECK_EQ(json_parse(&val, slice_of(quoted(inputs[i].input)), &mem, NULL), NIGH_OK);
        openai_responses_inputs(val, id, &first);
        CHECK_STR(first.data, quoted(inputs[i].kept));
        CHECK_EQ(json_parse(&val, buf_slice(&first), &mem, NULL), NIGH_OK);
        openai_responses_inputs(val, id, &second);
        CHECK_STR(second.data, first.data);
    }
}
