#include "api/ollama.h"
#include "base/tap.h"
#include "turn/place.h"
#include <math.h>

static struct arena mem;
static struct turn turn;
static struct slice param;
static struct nigh_err err;

static enum nigh_status decode_with(const struct api *api, struct slice body)
{
    arena_done(&mem);
    arena_init(&mem, 256 << 20);
    err = (struct nigh_err){0};
    return api->decode(&turn, body, &mem, &param, &err);
}

/* Bodies in single quotes, for reading's sake. */
static struct slice quoted(const char *text)
{
    static char out[16384];

    CHECK(strlen(text) < sizeof out);
    snprintf(out, sizeof out, "%s", text);
    for (char *q = out; *q; q++)
        if (*q == '\'')
            *q = '"';
    return slice_of(out);
}

static enum nigh_status chat(const char *body)
{
    return decode_with(&api_ollama_chat, quoted(body));
}

static enum nigh_status generate(const char *body)
{
    return decode_with(&api_ollama_generate, quoted(body));
}

#define HI  "'model':'m','messages':[{'role':'user','content':'hi'}]"
#define PNG "iVBORw0KGgoAAAA="

TEST(a_question_becomes_a_turn_that_streams)
{
    CHECK_EQ(chat("{" HI "}"), NIGH_OK);
    CHECK(turn.stream && turn.verb == VERB_CHAT && !turn.has_keep);
    CHECK(slice_is(turn.model, "m"));
    CHECK_STR(turn.format_name, "ollama-chat");
    CHECK_EQ(turn.n_messages, 1);
    CHECK(slice_is(turn_plain_question(&turn, &mem), "hi"));
    CHECK_EQ(chat("{" HI ",'stream':false}"), NIGH_OK);
    CHECK(!turn.stream);
}

TEST(options_are_wishes)
{
    CHECK_EQ(chat("{" HI ",'options':{'temperature':0.5,'top_p':0.9,'top_k':40,'min_p':0.05,"
                  "'repeat_penalty':1.1,'presence_penalty':1,'frequency_penalty':-1,'seed':42,"
                  "'num_predict':7,'stop':['a','b'],'num_ctx':4096,'mirostat':1}}"),
             NIGH_OK);
    CHECK(turn.temperature == 0.5 && turn.top_p == 0.9 && turn.top_k == 40);
    CHECK(turn.min_p == 0.05 && turn.repeat_penalty == 1.1);
    CHECK(turn.presence_penalty == 1 && turn.frequency_penalty == -1);
    CHECK(turn.has_seed && turn.seed == 42);
    CHECK_EQ(turn.max_tokens, 7);
    CHECK(turn.n_stops == 2 && slice_is(turn.stops[1], "b"));
    CHECK_EQ(chat("{" HI ",'options':{'seed':-1,'num_predict':-2,'stop':'x'}}"), NIGH_OK);
    CHECK(!turn.has_seed && turn.max_tokens == 0 && turn.n_stops == 1 && isnan(turn.top_k));
}

TEST(thinking_and_formats)
{
    static const struct {
        const char *member;
        enum effort effort;
    } rows[] = {{"true", EFFORT_MEDIUM}, {"false", EFFORT_NONE}, {"'high'", EFFORT_HIGH}};
    char body[256];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(body, sizeof body, "{" HI ",'think':%s}", rows[i].member);
        CHECK_EQ(chat(body), NIGH_OK);
        CHECK_EQ(turn.effort, rows[i].effort);
    }
    CHECK_EQ(chat("{" HI ",'format':'json'}"), NIGH_OK);
    CHECK_EQ(turn.format, FORMAT_JSON);
    CHECK_EQ(chat("{" HI ",'format':''}"), NIGH_OK);
    CHECK_EQ(turn.format, FORMAT_UNSET);
    CHECK_EQ(chat("{" HI ",'format':{'type':'object','x':[1]}}"), NIGH_OK);
    CHECK_EQ(turn.format, FORMAT_SCHEMA);
    CHECK(slice_is(json_get_str(json_get(turn.schema, "schema"), "type"), "object"));
    CHECK(json_get_str(turn.schema, "name").len > 0);
}

TEST(how_long_a_model_stays)
{
    static const struct {
        const char *text;
        bool ok;
        double ms;
    } rows[] = {
        {"5m", true, 300000},
        {"1h30m", true, 5400000},
        {"1.5h", true, 5400000},
        {"300ms", true, 300},
        {"10", true, 10000},
        {"-1", true, -1000},
        {"-1m", true, -60000},
        {"0", true, 0},
        {"0s", true, 0},
        {"+2s", true, 2000},
        {"1\xc2\xb5s", true, 1e-3},
        {"", false, 0},
        {"m", false, 0},
        {"5 m", false, 0},
        {"5x", false, 0},
        {"1h2", false, 0},
        {"-", false, 0},
        {".s", false, 0},
        {"1e3s", false, 0},
        {"--1s", false, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double ms = -7;
        CHECK_EQ(ollama_duration(slice_of(rows[i].text), &ms), rows[i].ok);
        CHECK(!rows[i].ok || fabs(ms - rows[i].ms) < 1e-9);
    }
    static const struct {
        const char *value;
        int64_t ms;
    } kept[] = {{"0", 0},     {"-1", -1},    {"'-5m'", -1},       {"1.5", 1500},
                {"'1ns'", 1}, {"1e300", -1}, {"'24h'", 86400000}, {"'999999999999h'", -1}};
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        char body[256];
        snprintf(body, sizeof body, "{" HI ",'keep_alive':%s}", kept[i].value);
        CHECK_EQ(chat(body), NIGH_OK);
        CHECK(turn.has_keep);
        CHECK_EQ(turn.keep_ms, kept[i].ms);
    }
}

TEST(nothing_asked_is_to_load)
{
    CHECK_EQ(chat("{'model':'m'}"), NIGH_OK);
    CHECK_EQ(turn.verb, VERB_LOAD);
    CHECK_EQ(chat("{'model':'m','messages':[]}"), NIGH_OK);
    CHECK_EQ(turn.verb, VERB_LOAD);
    CHECK_EQ(generate("{'model':'m','prompt':'','system':'s','keep_alive':0}"), NIGH_OK);
    CHECK(turn.verb == VERB_LOAD && turn.has_keep && turn.keep_ms == 0);
    CHECK(!turn_plain_question(&turn, &mem).p);
}

TEST(images_become_links_of_their_kind)
{
    CHECK_EQ(chat("{'model':'m','messages':[{'role':'user','content':'what?','images':['" PNG
                  "','/9j/4AAQ\\nSkZJ','R0lGODlh','UklGRgAAAABXRUJQVlA4']}]}"),
             NIGH_OK);
    const struct message *m = &turn.messages[0];
    CHECK_EQ(m->n_parts, 5);
    CHECK(slice_is(m->parts[0].text, "what?"));
    CHECK(slice_is(m->parts[1].url, "data:image/png;base64," PNG));
    CHECK(slice_is(m->parts[2].url, "data:image/jpeg;base64,/9j/4AAQSkZJ"));
    CHECK(slice_starts(m->parts[3].url, SLICE("data:image/gif;base64,")));
    CHECK(slice_starts(m->parts[4].url, SLICE("data:image/webp;base64,")));
    CHECK(turn_needs(&turn) & CAN_IMAGES);
    CHECK_EQ(generate("{'model':'m','prompt':'','images':['" PNG "']}"), NIGH_OK);
    CHECK(turn.verb == VERB_CHAT && turn.messages[0].parts[0].kind == PART_IMAGE);
}

TEST(calls_and_results_find_each_other)
{
    CHECK_EQ(chat("{'model':'m','messages':[{'role':'user','content':'hi'},"
                  "{'role':'assistant','content':'','thinking':'hm','tool_calls':["
                  "{'function':{'name':'f','arguments':{'a':[1,2]}}},"
                  "{'function':{'name':'g','arguments':{}}},"
                  "{'id':'own','function':{'name':'f'}}]},"
                  "{'role':'tool','content':'1','tool_name':'g'},"
                  "{'role':'tool','content':'2','tool_name':'f'},"
                  "{'role':'tool','content':'3'},"
                  "{'role':'tool','content':'4','tool_name':'z'}]}"),
             NIGH_OK);
    const struct message *m = turn.messages;
    CHECK_EQ(m[1].n_parts, 4);
    CHECK_EQ(m[1].parts[0].kind, PART_REASONING);
    CHECK(slice_is(m[1].parts[1].text, "{\"a\":[1,2]}"));
    CHECK(slice_is(m[1].parts[1].call_id, "call_1_0"));
    CHECK(slice_is(m[1].parts[3].text, "{}"));
    CHECK(slice_is(m[2].call_id, "call_1_1"));
    CHECK(slice_is(m[3].call_id, "call_1_0"));
    CHECK(slice_is(m[4].call_id, "own"));
    CHECK(slice_is(m[5].call_id, "call_5") && slice_is(m[5].name, "z"));
    CHECK_EQ(
        chat("{'model':'m','messages':[{'role':'ASSISTANT','tool_calls':[{'function':{"
             "'name':'f','arguments':{}}}]},{'role':'tool','content':'','tool_call_id':'q'}]}"),
        NIGH_OK);
    CHECK(slice_is(turn.messages[1].call_id, "q"));
}

TEST(tools_are_openais)
{
    CHECK_EQ(chat("{" HI ",'tools':[{'type':'function','function':{'name':'f','description':'d',"
                  "'parameters':{'type':'object','properties':{}}}}]}"),
             NIGH_OK);
    CHECK_EQ(turn.n_tools, 1);
    CHECK(slice_is(turn.tools[0].name, "f") && turn.tools[0].schema);
}

TEST(a_prompt_becomes_a_chat_and_a_raw_one_is_gone_on_from)
{
    CHECK_EQ(generate("{'model':'m','prompt':'p','system':'s','template':'','context':[]}"),
             NIGH_OK);
    CHECK_EQ(turn.verb, VERB_CHAT);
    CHECK_EQ(turn.n_messages, 2);
    CHECK_EQ(turn.messages[0].role, ROLE_SYSTEM);
    CHECK(slice_is(turn.messages[1].parts[0].text, "p"));
    CHECK_EQ(generate("{'model':'m','prompt':'p','system':'s','raw':true,'template':'x'}"),
             NIGH_OK);
    CHECK_EQ(turn.verb, VERB_COMPLETE);
    CHECK_EQ(turn.n_messages, 1);
}

TEST(wishes_to_nigh_are_read_from_metadata)
{
    CHECK_EQ(chat("{" HI ",'metadata':{'nigh_label':'home'}}"), NIGH_OK);
    CHECK(slice_is(turn.want_label, "home"));
    CHECK_EQ(chat("{" HI ",'metadata':{'nigh_lable':'home'}}"), NIGH_INVALID);
    CHECK(slice_is(param, "metadata"));
}

TEST(texts_to_embed)
{
    CHECK_EQ(decode_with(&api_ollama_embed, quoted("{'model':'m','input':['a','b'],'truncate':true,"
                                                   "'dimensions':8,'keep_alive':'5m'}")),
             NIGH_OK);
    CHECK(turn.verb == VERB_EMBED && !turn.stream && turn.n_messages == 2);
    CHECK(turn.dimensions == 8 && turn.keep_ms == 300000);
    CHECK(slice_is(turn.messages[1].parts[0].text, "b"));
    CHECK_EQ(decode_with(&api_ollama_embeddings, quoted("{'model':'m','prompt':'p'}")), NIGH_OK);
    CHECK_EQ(turn.n_messages, 1);
}

TEST(what_is_wrong_is_told_with_its_path)
{
    static const struct {
        const struct api *api;
        const char *body, *param;
    } rows[] = {
        {&api_ollama_chat, "{'messages':[]}", "model"},
        {&api_ollama_chat, "{'model':''}", "model"},
        {&api_ollama_chat, "{'model':'m','messages':{}}", "messages"},
        {&api_ollama_chat, "{'model':'m','messages':[1]}", "messages[0]"},
        {&api_ollama_chat, "{'model':'m','messages':[{'role':'user'}]}", "messages[0].content"},
        {&api_ollama_chat, "{'model':'m','messages':[{'role':'user','content':[]}]}",
         "messages[0].content"},
        {&api_ollama_chat, "{'model':'m','messages':[{'role':'bot','content':''}]}",
         "messages[0].role"},
        {&api_ollama_chat, "{'model':'m','messages':[{'content':''}]}", "messages[0].role"},
        {&api_ollama_chat,
         "{'model':'m','messages':[{'role':'user','role':'system','content':''}]}",
         "messages[0].role"},
        {&api_ollama_chat, "{'model':'m','messages':[{'role':'user','content':'','images':1}]}",
         "messages[0].images"},
        {&api_ollama_chat,
         "{'model':'m','messages':[{'role':'user','content':'','images':['" PNG "','hello']}]}",
         "messages[0].images[1]"},
        {&api_ollama_chat, "{'model':'m','messages':[{'role':'user','images':['iVBORw0KGgo!']}]}",
         "messages[0].images[0]"},
        {&api_ollama_chat, "{'model':'m','messages':[{'role':'user','images':['iVBORw0KGgo=A']}]}",
         "messages[0].images[0]"},
        {&api_ollama_chat,
         "{'model':'m','messages':[{'role':'assistant','tool_calls':[{'function':{'name':'f',"
         "'arguments':'{}'}}]}]}",
         "messages[0].tool_calls[0].function.arguments"},
        {&api_ollama_chat, "{'model':'m','messages':[{'role':'assistant','tool_calls':[{}]}]}",
         "messages[0].tool_calls[0].function"},
        {&api_ollama_chat,
         "{'model':'m','messages':[{'role':'user','content':'','tool_calls':[{}]}]}",
         "messages[0].tool_calls"},
        {&api_ollama_chat, "{" HI ",'options':{'temperature':'hot'}}", "options.temperature"},
        {&api_ollama_chat, "{" HI ",'options':{'num_predict':-3}}", "options.num_predict"},
        {&api_ollama_chat, "{" HI ",'options':{'num_predict':1,'num_predict':2}}",
         "options.num_predict"},
        {&api_ollama_chat, "{" HI ",'options':{'stop':['a',1]}}", "options.stop[1]"},
        {&api_ollama_chat, "{" HI ",'options':[]}", "options"},
        {&api_ollama_chat, "{" HI ",'keep_alive':'soon'}", "keep_alive"},
        {&api_ollama_chat, "{" HI ",'keep_alive':1e400}", "keep_alive"},
        {&api_ollama_chat, "{" HI ",'think':'much'}", "think"},
        {&api_ollama_chat, "{" HI ",'format':'xml'}", "format"},
        {&api_ollama_chat, "{" HI ",'format':[]}", "format"},
        {&api_ollama_chat, "{" HI ",'stream':1}", "stream"},
        {&api_ollama_chat, "{" HI ",'top_logprobs':3}", "top_logprobs"},
        {&api_ollama_chat, "{" HI ",'logprobs':true,'top_logprobs':21}", "top_logprobs"},
        {&api_ollama_chat, "{" HI ",'tools':[{'function':{}}]}", "tools[0].function.name"},
        {&api_ollama_generate, "{'model':'m','prompt':1}", "prompt"},
        {&api_ollama_generate, "{'model':'m','prompt':'p','template':'t'}", "template"},
        {&api_ollama_generate, "{'model':'m','prompt':'p','suffix':'s'}", "suffix"},
        {&api_ollama_generate, "{'model':'m','prompt':'p','context':[1]}", "context"},
        {&api_ollama_generate, "{'model':'m','prompt':'p','raw':true,'images':['" PNG "']}",
         "images"},
        {&api_ollama_generate, "{'model':'m','prompt':'p','images':{}}", "images"},
        {&api_ollama_generate, "{'model':'m','prompt':'p','images':[1]}", "images[0]"},
        {&api_ollama_generate, "[]", ""},
        {&api_ollama_embed, "{'input':'a'}", "model"},
        {&api_ollama_embed, "{'model':'m'}", "input"},
        {&api_ollama_embed, "{'model':'m','input':['a',{}]}", "input[1]"},
        {&api_ollama_embed, "{'model':'m','input':'a','dimensions':-1}", "dimensions"},
        {&api_ollama_embeddings, "{'model':'m','prompt':['a','b']}", "prompt"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_EQ(decode_with(rows[i].api, quoted(rows[i].body)), NIGH_INVALID);
        CHECK(slice_is(param, rows[i].param));
        CHECK(slice_starts(slice_of(err.what), slice_of(rows[i].param)));
    }
}

TEST(hostile_bodies_are_refused)
{
    enum { DEEP = 60000, IMAGE = 64 << 20 };
    CLEANUP(buf_done) struct buf body = {0};

    buf_add_cstr(&body, "{\"model\":\"m\",\"format\":");
    for (int i = 0; i < DEEP; i++)
        buf_add_cstr(&body, "{\"a\":");
    CHECK(decode_with(&api_ollama_chat, buf_slice(&body)) == NIGH_INVALID);
    buf_reset(&body);
    buf_add_cstr(&body, "{\"model\":\"m\",\"format\":");
    for (int i = 0; i < 70; i++)
        buf_add_cstr(&body, "{\"a\":");
    buf_add_cstr(&body, "1");
    for (int i = 0; i < 71; i++)
        buf_add_cstr(&body, "}");
    CHECK_EQ(decode_with(&api_ollama_chat, buf_slice(&body)), NIGH_INVALID);
    CHECK(slice_is(param, "format"));
    CHECK_EQ(decode_with(&api_ollama_chat, SLICE("{\"model\":\"m\0\"}")), NIGH_INVALID);
    CHECK_EQ(decode_with(&api_ollama_chat, SLICE("{\"model\":\"\xff\"}")), NIGH_INVALID);

    buf_reset(&body);
    buf_add_cstr(&body, "{\"model\":\"m\",\"prompt\":\"p\",\"images\":[\"iVBORw0KGgo");
    CHECK(buf_reserve(&body, IMAGE + 8));
    memset(body.data + body.len, 'A', IMAGE + 1);
    body.len += IMAGE + 1;
    buf_add_cstr(&body, "\"]}");
    CHECK_EQ(decode_with(&api_ollama_generate, buf_slice(&body)), NIGH_OK);
    body.data[body.len - 5] = '!';
    CHECK_EQ(decode_with(&api_ollama_generate, buf_slice(&body)), NIGH_INVALID);
    CHECK(slice_is(param, "images[0]"));
}
