#include "api/anthropic.h"
#include "api/decode-rig.h"
#include "api/wire.h"
#include <math.h>

static enum nigh_status decode(const char *body)
{
    return decode_by(&api_anthropic, body);
}

#define CAP      "'max_tokens':9"
#define HI       "'messages':[{'role':'user','content':'hi'}]"
#define SAY(...) "{" CAP ",'messages':[" __VA_ARGS__ "]}"
#define USER(c)  "{'role':'user','content':[" c "]}"
#define SAID(c)  "{'role':'assistant','content':[" c "]}"

TEST(a_question_becomes_a_turn)
{
    CHECK_EQ(decode(quoted("{'model':'here/m','stream':true,'temperature':1,'top_k':40,'system':"
                           "'be short','stop_sequences':['a','b']," CAP "," HI "}")),
             NIGH_OK);
    CHECK(slice_is(turn.model, "here/m"));
    CHECK_STR(turn.format_name, ANTHROPIC_FORMAT);
    CHECK_EQ(turn.verb, VERB_CHAT);
    CHECK(turn.stream);
    CHECK_EQ(turn.max_tokens, 9);
    CHECK(turn.temperature == 1 && turn.top_k == 40 && isnan(turn.top_p));
    CHECK_EQ(turn.n_stops, 2);
    CHECK_EQ(turn.n_messages, 2);
    CHECK_EQ(turn.messages[0].role, ROLE_SYSTEM);
    CHECK(turn.messages[0].bare && slice_is(turn.messages[0].parts[0].text, "be short"));
    CHECK_EQ(turn.messages[1].role, ROLE_USER);
    CHECK(turn.messages[1].bare && slice_is(turn.messages[1].parts[0].text, "hi"));
    CHECK_EQ(decode(quoted("{" CAP "," HI "}")), NIGH_OK);
    CHECK(slice_is(turn.model, "auto"));
}

TEST(a_count_needs_no_max_tokens_and_never_streams)
{
    struct nigh_err none = {0};

    CHECK_EQ(decode(quoted("{" HI "}")), NIGH_INVALID);
    CHECK(slice_is(param, "max_tokens"));
    CHECK_EQ(api_anthropic_count.decode(&turn, slice_of(quoted("{'stream':true," HI "}")), &mem,
                                        &param, &none),
             NIGH_OK);
    CHECK_EQ(turn.verb, VERB_COUNT);
    CHECK(!turn.stream);
    CHECK_STR(turn.format_name, ANTHROPIC_FORMAT);
}

TEST(system_blocks_are_parts_and_their_cache_marks_are_kept)
{
    CHECK_EQ(decode(quoted("{" CAP "," HI ",'system':[{'type':'text','text':'one'},{'type':'text',"
                           "'text':'two','cache_control':{'type':'ephemeral'}}]}")),
             NIGH_OK);
    const struct message *m = &turn.messages[0];
    CHECK_EQ(m->role, ROLE_SYSTEM);
    CHECK(!m->bare);
    CHECK_EQ(m->n_parts, 2);
    CHECK(slice_is(m->parts[1].text, "two"));
    CHECK(slice_is(m->parts[1].extras->key, "cache_control"));
    CHECK_EQ(decode(quoted("{" CAP "," HI ",'system':[]}")), NIGH_OK);
    CHECK_EQ(turn.n_messages, 1);
}

TEST(blocks_become_parts)
{
    CHECK_EQ(decode(quoted(SAY(USER("{'type':'text','text':'see'},"
                                    "{'type':'image','source':{'type':'base64','media_type':'image/"
                                    "png','data':"
                                    "'QUJD'},'cache_control':{'type':'ephemeral'}},"
                                    "{'type':'image','source':{'type':'url','url':'https://x/"
                                    "y.png'}},"
                                    "{'type':'document','title':'a.pdf','source':{'type':'base64','"
                                    "media_type':"
                                    "'application/pdf','data':'QUI='}},"
                                    "{'type':'document','source':{'type':'text','media_type':'text/"
                                    "plain','data':"
                                    "'words'}},"
                                    "{'type':'search_result','source':'x','title':'y','content':[]"
                                    "}") "," SAID("{'type':'thinking','thinking':'hm','signature':'"
                                                  "s1'},"
                                                  "{'type':'redacted_thinking','data':'d1'},"
                                                  "{'type':'text','text':'so'},"
                                                  "{'type':'tool_use','id':'t1','name':'f','input':"
                                                  "{'a':[1,'b']}}")))),
             NIGH_OK);
    const struct part *p = turn.messages[0].parts;
    CHECK_EQ(turn.messages[0].n_parts, 6);
    CHECK_EQ(p[0].kind, PART_TEXT);
    CHECK_EQ(p[1].kind, PART_IMAGE);
    CHECK(slice_is(p[1].url, "data:image/png;base64,QUJD"));
    CHECK(slice_is(p[1].extras->key, "cache_control"));
    CHECK(slice_is(p[2].url, "https://x/y.png"));
    CHECK_EQ(p[3].kind, PART_FILE);
    CHECK(slice_is(p[3].url, "data:application/pdf;base64,QUI="));
    CHECK(slice_is(p[3].name, "a.pdf"));
    CHECK_EQ(p[4].kind, PART_FILE);
    CHECK(slice_is(p[4].url, "data:text/plain;base64,d29yZHM="));
    CHECK_EQ(p[5].kind, PART_OTHER);
    CHECK(p[5].raw != NULL);
    p = turn.messages[1].parts;
    CHECK_EQ(turn.messages[1].n_parts, 4);
    CHECK_EQ(p[0].kind, PART_REASONING);
    CHECK(slice_is(p[0].text, "hm") && slice_is(p[0].signature, "s1"));
    CHECK_EQ(p[1].kind, PART_REDACTED);
    CHECK(slice_is(p[1].text, "d1"));
    CHECK_EQ(p[3].kind, PART_CALL);
    CHECK(slice_is(p[3].call_id, "t1") && slice_is(p[3].name, "f"));
    CHECK(slice_is(p[3].text, "{\"a\":[1,\"b\"]}"));
}

TEST(results_of_tools_are_messages_of_their_own_in_order)
{
    CHECK_EQ(decode(quoted(
                 SAY(USER("{'type':'text','text':'before'},"
                          "{'type':'tool_result','tool_use_id':'t1','content':'rain',"
                          "'cache_control':{'type':'ephemeral'}},"
                          "{'type':'tool_result','tool_use_id':'t2','is_error':true,'content':["
                          "{'type':'text','text':'no'},{'type':'image','source':{'type':'base64',"
                          "'media_type':'image/png','data':'QUJD'}}]},"
                          "{'type':'tool_result','tool_use_id':'t3'},"
                          "{'type':'text','text':'and'},{'type':'text','text':'then'}")))),
             NIGH_OK);
    const struct message *m = turn.messages;
    CHECK_EQ(turn.n_messages, 5);
    CHECK_EQ(m[0].role, ROLE_USER);
    CHECK_EQ(m[0].n_parts, 1);
    CHECK_EQ(m[1].role, ROLE_TOOL);
    CHECK(slice_is(m[1].call_id, "t1") && m[1].bare && !m[1].failed);
    CHECK(slice_is(m[1].parts[0].text, "rain"));
    CHECK(slice_is(m[1].extras->key, "cache_control"));
    CHECK(m[2].failed && !m[2].bare);
    CHECK_EQ(m[2].n_parts, 2);
    CHECK_EQ(m[2].parts[1].kind, PART_IMAGE);
    CHECK(slice_is(m[3].call_id, "t3"));
    CHECK(slice_is(m[3].parts[0].text, ""));
    CHECK_EQ(m[4].role, ROLE_USER);
    CHECK_EQ(m[4].n_parts, 2);
    CHECK(slice_is(m[4].parts[1].text, "then"));
}

TEST(tools_and_choices)
{
#define TOOLS                                                                                      \
    "'tools':[{'name':'f','description':'does','input_schema':{'type':'object'},'strict':true,"    \
    "'cache_control':{'type':'ephemeral'}}]"
    static const struct {
        const char *choice;
        enum tool_choice want;
        int parallel;
    } rows[] = {
        {"{'type':'auto'}", CHOICE_AUTO, -1},
        {"{'type':'any','disable_parallel_tool_use':true}", CHOICE_REQUIRED, 0},
        {"{'type':'tool','name':'f','disable_parallel_tool_use':false}", CHOICE_NAMED, 1},
        {"{'type':'none'}", CHOICE_NONE, -1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char body[512];
        snprintf(body, sizeof body, "{'tool_choice':%s," CAP "," HI "," TOOLS "}", rows[i].choice);
        CHECK_EQ(decode(quoted(body)), NIGH_OK);
        CHECK_EQ(turn.choice, rows[i].want);
        CHECK_EQ(turn.parallel_calls, rows[i].parallel);
    }
    CHECK_EQ(turn.n_tools, 1);
    CHECK(slice_is(turn.tools[0].name, "f") && slice_is(turn.tools[0].description, "does"));
    CHECK_EQ(turn.tools[0].strict, 1);
    CHECK(turn.tools[0].schema != NULL);
    CHECK(!turn.native.p);
}

TEST(what_only_anthropic_can_say_is_refused_by_other_formats)
{
    static const struct {
        const char *member, *native;
    } rows[] = {
        {"'tools':[{'type':'web_search_20250305','name':'web_search'}]", "web_search_20250305"},
        {"'tools':[{'type':'computer_toolset_20260801'}]", "computer_toolset_20260801"},
        {"'mcp_servers':[{'type':'url','url':'https://x','name':'x'}]", "mcp_servers"},
        {"'container':'c1'", "container"},
        {"'inference_geo':'eu'", "inference_geo"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf out = {0};
        char body[512];
        snprintf(body, sizeof body, "{%s," CAP "," HI "}", rows[i].member);
        CHECK_EQ(decode(quoted(body)), NIGH_OK);
        CHECK(slice_is(turn.native, rows[i].native));
        CHECK_EQ(wire_openai.request(&out, &turn, "m", 0, &err), NIGH_UNSUPPORTED);
        CHECK(strstr(err.what, rows[i].native));
    }
}

TEST(thinking_effort_and_formats)
{
    CHECK_EQ(decode(quoted("{'thinking':{'type':'enabled','budget_tokens':2048}," CAP "," HI "}")),
             NIGH_OK);
    CHECK_EQ(turn.think_tokens, 2048);
    CHECK_EQ(turn.effort, EFFORT_UNSET);
    CHECK(slice_is(turn.extras->key, "thinking")); /* for a wire of this format, as it came */
    CHECK_EQ(decode(quoted("{'thinking':{'type':'disabled'},'output_config':{'effort':'high'}," CAP
                           "," HI "}")),
             NIGH_OK);
    CHECK_EQ(turn.effort, EFFORT_NONE);
    CLEANUP(buf_done) struct buf out = {0};
    CHECK_EQ(wire_openai.request(&out, &turn, "m", 0, &err), NIGH_OK);
    CHECK(!strstr(out.data, "reasoning_effort"));
    buf_reset(&out);
    CHECK_EQ(wire_openai.request(&out, &turn, "m", WIRE_MORE_WISHES, &err), NIGH_OK);
    CHECK(strstr(out.data, "\"reasoning_effort\":\"none\""));
    CHECK_EQ(decode(quoted("{'thinking':{'type':'adaptive','display':'omitted'},'output_config':{"
                           "'effort':'max','format':{'type':'json_schema','schema':{'type':"
                           "'object'}}}," CAP "," HI "}")),
             NIGH_OK);
    CHECK_EQ(turn.effort, EFFORT_MAX);
    CHECK_EQ(turn.format, FORMAT_SCHEMA);
    CHECK(slice_is(json_get_str(json_get(turn.schema, "schema"), "type"), "object"));
    CHECK_EQ(decode(quoted("{'output_format':{'type':'json_schema','schema':{}}," CAP "," HI "}")),
             NIGH_OK);
    CHECK_EQ(turn.format, FORMAT_SCHEMA);
}

TEST(metadata_holds_the_wishes_to_nigh)
{
    CHECK_EQ(decode(quoted("{'metadata':{'user_id':'u','nigh_label':'home'}," CAP "," HI "}")),
             NIGH_OK);
    CHECK(slice_is(turn.want_label, "home"));
    CHECK(slice_is(json_get_str(turn.metadata, "user_id"), "u"));
}

TEST(what_is_wrong_is_told_with_its_path)
{
    static const struct {
        const char *body, *path;
    } rows[] = {
        {"{" CAP "}", "messages"},
        {"{" CAP ",'messages':{}}", "messages"},
        {"{" HI ",'max_tokens':-1}", "max_tokens"},
        {"{" HI ",'max_tokens':0}", "max_tokens"},
        {"{" HI ",'max_tokens':1.5}", "max_tokens"},
        {"{" HI "," CAP ",'temperature':1.5}", "temperature"},
        {"{" HI "," CAP ",'temperature':0,'temperature':1}", "temperature"},
        {"{" HI "," CAP ",'top_k':-3}", "top_k"},
        {"{" HI "," CAP ",'system':7}", "system"},
        {"{" HI "," CAP ",'system':[{'type':'image','source':{}}]}", "system[0].type"},
        {"{" HI "," CAP ",'stop_sequences':'a'}", "stop_sequences"},
        {"{" HI "," CAP ",'stop_sequences':[1]}", "stop_sequences[0]"},
        {"{" HI "," CAP ",'thinking':{'type':'enabled'}}", "thinking.budget_tokens"},
        {"{" HI "," CAP ",'thinking':{}}", "thinking.type"},
        {"{" HI "," CAP ",'output_config':{'effort':'none'}}", "output_config.effort"},
        {"{" HI "," CAP ",'output_config':{'format':{'type':'xml'}}}", "output_config.format.type"},
        {"{" HI "," CAP ",'tools':[{'name':'f'}]}", "tools[0].input_schema"},
        {"{" HI "," CAP ",'tools':[{'input_schema':{}}]}", "tools[0].name"},
        {"{" HI "," CAP ",'tool_choice':{'type':'any'}}", "tool_choice"},
        {"{" HI "," CAP ",'tool_choice':{'type':'tool','name':'g'}}", "tool_choice.name"},
        {"{" HI "," CAP ",'tool_choice':'auto'}", "tool_choice"},
        {"{" HI "," CAP ",'metadata':{'nigh_lable':'home'}}", "metadata"},
        {SAY("{'role':'robot','content':'x'}"), "messages[0].role"},
        {SAY("{'role':'user'}"), "messages[0].content"},
        {SAY("{'role':'user','content':7}"), "messages[0].content"},
        {SAY(USER("7")), "messages[0].content[0]"},
        {SAY(USER("{}")), "messages[0].content[0].type"},
        {SAY(USER("{'type':'text'}")), "messages[0].content[0].text"},
        {SAY(USER("{'type':'text','type':'image','text':'x'}")), "messages[0].content[0].type"},
        {SAY(USER("{'type':'odd','a':1,'a':2}")), "messages[0].content[0]"},
        {SAY(USER("{'type':'thinking','thinking':'x'}")), "messages[0].content[0].type"},
        {SAY(USER("{'type':'tool_use','id':'a','name':'b','input':{}}")),
         "messages[0].content[0].type"},
        {SAY(SAID("{'type':'tool_result','tool_use_id':'a'}")), "messages[0].content[0].type"},
        {SAY(SAID("{'type':'tool_use','id':'a','name':'b','input':'x'}")),
         "messages[0].content[0].input"},
        {SAY(SAID("{'type':'tool_use','name':'b','input':{}}")), "messages[0].content[0].id"},
        {SAY(USER("{'type':'tool_result'}")), "messages[0].content[0].tool_use_id"},
        {SAY(USER("{'type':'tool_result','tool_use_id':'a','content':[{'type':'text'}]}")),
         "messages[0].content[0].content[0].text"},
        {SAY("{'role':'user','odd':1,'content':[{'type':'tool_result','tool_use_id':'a'}]}"),
         "messages[0]"},
        {SAY(USER("{'type':'image','source':{'type':'base64','media_type':'image/svg+xml',"
                  "'data':'QQ=='}}")),
         "messages[0].content[0].source.media_type"},
        {SAY(USER("{'type':'image','source':{'type':'base64','media_type':'image/png',"
                  "'data':'Q Q'}}")),
         "messages[0].content[0].source.data"},
        {SAY(USER("{'type':'image','source':{'type':'url','url':'file:///etc/passwd'}}")),
         "messages[0].content[0].source.url"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_EQ(decode(quoted(rows[i].body)), NIGH_INVALID);
        if (!slice_is(param, rows[i].path))
            CHECK_STR(err.what, rows[i].path);
        CHECK(slice_starts(slice_of(err.what), param));
    }
}

/* What the engine and the clouds of OpenAI's format are told of it. */
TEST(a_conversation_can_be_told_to_openai)
{
    CLEANUP(buf_done) struct buf out = {0};

    CHECK_EQ(decode(quoted("{" CAP ",'system':'s','messages':[{'role':'user','content':'hi'},"
                           "{'role':'assistant','content':[{'type':'text','text':'so'},{'type':"
                           "'tool_use','id':'t1','name':'f','input':{'a':1}}]},"
                           "{'role':'user','content':[{'type':'tool_result','tool_use_id':'t1',"
                           "'content':'rain'},{'type':'text','text':'go on'}]}]," TOOLS "}")),
             NIGH_OK);
    CHECK_EQ(wire_openai.request(&out, &turn, "m", 0, &err), NIGH_OK);
    CHECK(
        strstr(out.data,
               "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"hi\"},"
               "{\"role\":\"assistant\",\"content\":\"so\",\"tool_calls\":[{\"id\":\"t1\",\"type\":"
               "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},"
               "{\"role\":\"tool\",\"content\":\"rain\",\"tool_call_id\":\"t1\"},"
               "{\"role\":\"user\",\"content\":\"go on\"}]"));
    CHECK(!strstr(out.data, "cache_control"));
}

/* OpenAI's tool messages are text, and nothing stands between a call and its results. */
TEST(what_tools_showed_is_told_to_openai_behind_their_results)
{
#define SHOWN(id, content) "{'type':'tool_result','tool_use_id':'" id "','content':[" content "]}"
#define PICTURE(name)      "{'type':'image','source':{'type':'url','url':'https://x.example/" name "'}}"
#define PART(name)         "{'type':'image_url','image_url':{'url':'https://x.example/" name "'}}"
    static const char body[] =
        "{" CAP ",'messages':[{'role':'user','content':'hi'},{'role':'assistant','content':["
        "{'type':'tool_use','id':'t1','name':'f','input':{}},"
        "{'type':'tool_use','id':'t2','name':'f','input':{}}]},{'role':'user','content':"
        "[" SHOWN("t1", PICTURE("a") ",{'type':'text','text':'rain'}") "," SHOWN(
            "t2", PICTURE("b") "," PICTURE("c")) ",{'type':'text','text':'go on'}]}]," TOOLS "}";
    CLEANUP(buf_done) struct buf apart = {0}, within = {0};

    CHECK_EQ(decode(quoted(body)), NIGH_OK);
    CHECK_EQ(wire_openai.request(&apart, &turn, "m", 0, &err), NIGH_OK);
    CHECK(
        strstr(apart.data, quoted("{'role':'tool','content':'rain','tool_call_id':'t1'},"
                                  "{'role':'tool','content':'','tool_call_id':'t2'},{'role':'user',"
                                  "'content':[" PART("a") "," PART("b") "," PART(
                                      "c") "]},"
                                           "{'role':'user','content':'go on'}]")));
    CHECK_EQ(wire_openai.request(&within, &turn, "m", WIRE_SEEN_RESULTS, &err), NIGH_OK);
    CHECK(strstr(within.data,
                 quoted("{'role':'tool','content':[" PART(
                     "a") ",{'type':'text','text':'rain'}],"
                          "'tool_call_id':'t1'},{'role':'tool','content':[" PART("b") "," PART(
                              "c") "],'tool_call_id':'t2'},{'role':'user','content':'go on'}]")));
}

/* Only in front of the system prompt, and only for who asks for it. */
TEST(the_line_that_claude_code_changes_is_left_out_for_the_engine)
{
#define STAMP      "x-anthropic-billing-header: cc_version=2.1.37.0d9; cc_entrypoint=cli; cch=fa690;"
#define OF(system) "{" CAP "," HI ",'system':" system "}"
    static const struct {
        const char *body, *want;
    } rows[] = {
        {OF("[{'type':'text','text':'" STAMP "'},{'type':'text','text':'You are'}]"),
         "[{'role':'system','content':'You are'},{'role':'user'"},
        {OF("[{'type':'text','text':'" STAMP "'},{'type':'text','text':'a'},{'type':'text','text':"
            "'b'}]"),
         "[{'role':'system','content':[{'type':'text','text':'a'},{'type':'text','text':'b'}]},"},
        {OF("'" STAMP "\\n" STAMP "\\nYou are'"), "[{'role':'system','content':'You are'},"},
        {OF("'" STAMP "'"), "[{'role':'user','content':'hi'}]"},
        {OF("'You are\\n" STAMP "'"), "[{'role':'system','content':'You are\\n" STAMP "'},"},
        {"{" CAP ",'messages':[{'role':'user','content':'" STAMP "'}]}",
         "[{'role':'user','content':'" STAMP "'}]"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf out = {0};
        CHECK_EQ(decode(quoted(rows[i].body)), NIGH_OK);
        CHECK_EQ(wire_openai.request(&out, &turn, "m", WIRE_STABLE_PREFIX, &err), NIGH_OK);
        if (!strstr(out.data, quoted(rows[i].want)))
            CHECK_STR(out.data, rows[i].want);
        buf_reset(&out);
        CHECK_EQ(wire_openai.request(&out, &turn, "m", 0, &err), NIGH_OK);
        CHECK(strstr(out.data, STAMP));
    }
}

TEST(hostile_bodies)
{
    enum { DEEP = 60000 };
    CLEANUP(buf_done) struct buf deep = {0};

    buf_add_cstr(&deep, "{\"max_tokens\":1,\"messages\":");
    for (int i = 0; i < DEEP; i++)
        buf_add_char(&deep, '[');
    CHECK_EQ(decode(deep.data), NIGH_INVALID);
    CHECK_EQ(decode(quoted("{" HI "," CAP ",'odd':\xff}")), NIGH_INVALID);
    CHECK_EQ(decode("[]"), NIGH_INVALID);
    CHECK_EQ(decode(""), NIGH_INVALID);
}
