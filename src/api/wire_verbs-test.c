#include "api/verbs.h"
#include "api/wire-rig.h"
#include "api/wire_verbs.h"

static struct part part = {.kind = PART_TEXT, .text = {"text", 4}};
static struct message messages[4] = {{.role = ROLE_USER, .parts = &part, .n_parts = 1},
                                     {.role = ROLE_USER, .parts = &part, .n_parts = 1},
                                     {.role = ROLE_USER, .parts = &part, .n_parts = 1},
                                     {.role = ROLE_USER, .parts = &part, .n_parts = 1}};

static struct turn turn_of(enum verb verb, size_t inputs)
{
    struct turn turn;

    turn_init(&turn);
    turn.verb = verb;
    turn.messages = messages;
    turn.n_messages = inputs;
    return turn;
}

struct row {
    enum verb verb;
    size_t inputs;
    const char *bytes, *events; /* of what is whole; else "" */
    enum fate fate;
};

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct turn turn = turn_of(rows[i].verb, rows[i].inputs);
        struct slice bytes = slice_of(quoted(rows[i].bytes));
        for (size_t step = 0; step < bytes.len; step = step * 2 + 1) {
            struct reading how = {.turn = &turn, .step = step};
            struct outcome o = read_all(&wire_llama, bytes, how);
            printf("# %s: %s\n", rows[i].bytes, o.err.what);
            CHECK_EQ(o.fate, rows[i].fate);
            CHECK_STR(single(seen.data), rows[i].events);
        }
    }
}

TEST(answers_of_numbers_become_one_event)
{
    static const struct row rows[] = {
        {VERB_EMBED, 2,
         "{'model':'m','data':[{'index':1,'embedding':[3,4]},{'index':0,'embedding':[1,-0]}],"
         "'usage':{'prompt_tokens':5,'total_tokens':5}}",
         "B0(m) D0({'embeddings':[[1,-0],[3,4]]}) U0(5 0 0 0 0) END0 ", FATE_WHOLE},
        {VERB_EMBED, 1, " \n{'data':[{'embedding':'AACAPw=='}]}",
         "B0 D0({'embeddings':[[1]]}) END0 ", FATE_WHOLE},
        {VERB_RERANK, 3,
         "{'results':[{'index':0,'score':0.5},{'index':1,'score':2}],'meta':{'tokens':{"
         "'input_tokens':9}}}",
         "B0 D0({'results':[{'index':1,'relevance_score':2},{'index':0,'relevance_score':0.5}]}) "
         "U0(9 0 0 0 0) END0 ",
         FATE_WHOLE},
        {VERB_TOKENIZE, 1, "{'tokens':[1,2]}", "B0 D0({'tokens':[1,2]}) U0(0 0 0 0 0) END0 ",
         FATE_WHOLE},
        {VERB_DETOKENIZE, 1, "{'content':'a'}", "B0 D0({'content':'a'}) U0(0 0 0 0 0) END0 ",
         FATE_WHOLE},
        {VERB_COUNT, 1, "{'object':'x','input_tokens':7}",
         "B0 D0({'input_tokens':7}) U0(0 0 0 0 0) END0 ", FATE_WHOLE},
    };

    check_rows(rows, ARRAY_LEN(rows));
}

TEST(what_is_not_that_is_no_answer)
{
    static const struct row rows[] = {
        {VERB_EMBED, 2, "{'data':[{'index':0,'embedding':[1]}]}", "", FATE_RETRY},
        {VERB_EMBED, 2, "{'data':[{'index':0,'embedding':[1]},{'index':0,'embedding':[2]}]}", "",
         FATE_RETRY},
        {VERB_EMBED, 1, "{'data':[{'index':0}]}", "", FATE_RETRY},
        {VERB_EMBED, 1, "{'data':[{'index':0,'embedding':'AACA'}]}", "", FATE_RETRY},
        {VERB_EMBED, 1, "{'data':[{'index':0,'embedding':[1]", "", FATE_RETRY},
        {VERB_EMBED, 1, "data: {'data':[]}\n\n", "", FATE_RETRY},
        {VERB_EMBED, 1, "", "", FATE_RETRY},
        {VERB_RERANK, 2, "{'results':[{'index':0,'score':1},{'index':1,'score':1}]}", "",
         FATE_RETRY},
        {VERB_RERANK, 2, "{'results':[{'index':1,'score':1}]}", "", FATE_RETRY},
        {VERB_TOKENIZE, 1, "{'tokens':'x'}", "", FATE_RETRY},
        {VERB_COUNT, 1, "{'error':{'message':'busy','code':'model_not_found'}}", "",
         FATE_ELSEWHERE},
    };

    check_rows(rows, ARRAY_LEN(rows));
}

TEST(vectors_of_another_length_are_refused)
{
    struct turn turn = turn_of(VERB_EMBED, 1);
    struct reading how = {.turn = &turn};
    struct outcome o;

    turn.dimensions = 3;
    o = read_all(&wire_openai, slice_of(quoted("{'data':[{'index':0,'embedding':[1,2]}]}")), how);
    CHECK_EQ(o.fate, FATE_ELSEWHERE);
    CHECK_EQ(o.err.status, NIGH_UNSUPPORTED);
    CHECK(strstr(o.err.what, "have 2 numbers, not the 3 asked for"));
}

TEST(a_text_too_long_to_embed_is_the_callers_to_shorten)
{
    struct turn turn = turn_of(VERB_EMBED, 1);
    struct reading how = {.turn = &turn, .http_status = 500};
    struct outcome o =
        read_all(&wire_llama,
                 slice_of(quoted("{'error':{'code':500,'message':'input (1502 tokens) is too large "
                                 "to process. increase the physical batch size','type':"
                                 "'server_error'}}")),
                 how);

    CHECK_EQ(o.fate, FATE_ELSEWHERE);
    CHECK_EQ(o.err.status, NIGH_TOOBIG);
}

/* llama-server 0.7.0, of two prompts, and OpenAI, of one with two answers. */
TEST(completions_are_read)
{
    static const struct row rows[] = {
        {VERB_COMPLETE, 2,
         "data: null\n\n"
         "data: {'model':'m','choices':[{'index':0,'text':' a','logprobs':null}]}\n\n"
         "data: {'choices':[{'index':1,'text':' b'}]}\n\n"
         "data: {'choices':[{'index':0,'text':'','finish_reason':'length'}],"
         "'usage':{'prompt_tokens':2,'completion_tokens':1}}\n\n"
         "data: {'choices':[{'index':1,'text':'','finish_reason':'stop'}],"
         "'usage':{'prompt_tokens':3,'completion_tokens':4}}\n\ndata: [DONE]\n\n",
         "B0(m) T0( a) T1( b) F0(length) F1(stop) U0(5 5 0 0 0) END0 ", FATE_WHOLE},
        {VERB_COMPLETE, 1,
         "data: {'choices':[{'index':0,'text':'a','logprobs':{'tokens':['a'],'token_logprobs':"
         "[-1.5],'top_logprobs':[{'a':-1.5}],'text_offset':[4]},'finish_reason':'stop'}]}\n\n"
         "data: {'choices':[],'usage':{'prompt_tokens':2,'completion_tokens':1}}\n\n"
         "data: [DONE]\n\n",
         "B0 L0 T0(a) F0(stop) U0(2 1 0 0 0) END0 ", FATE_WHOLE},
        {VERB_COMPLETE, 1,
         "{'choices':[{'index':0,'text':'a','finish_reason':'stop'}],'usage':"
         "{'prompt_tokens':2,'completion_tokens':1}}",
         "B0 T0(a) F0(stop) U0(2 1 0 0 0) END0 ", FATE_WHOLE},
        /* one of two is missing, and the transfer merely ended */
        {VERB_COMPLETE, 2, "data: {'choices':[{'index':0,'text':'a','finish_reason':'stop'}]}\n\n",
         "B0 T0(a) F0(stop) ", FATE_CUT},
        {VERB_COMPLETE, 1, "data: {'choices':[{'index':1,'text':'a'}]}\n\n", "B0 ", FATE_RETRY},
    };

    check_rows(rows, ARRAY_LEN(rows));
}

TEST(lists_of_logprobs_become_items)
{
    CLEANUP(buf_done) struct buf out = {0};
    yyjson_val *lists;

    arena_done(&mem);
    arena_init(&mem, 1 << 20);
    CHECK_EQ(
        json_parse(&lists,
                   slice_of(quoted("{'tokens':['a','é'],'token_logprobs':[null,-2],"
                                   "'top_logprobs':[null,{'é':-2,'e':-3}],'text_offset':[7]}")),
                   &mem, NULL),
        NIGH_OK);
    json_add_val(&out, wire_verbs_logprobs(lists, &mem));
    CHECK_STR(single(out.data),
              "{'content':[{'token':'a','logprob':null,'bytes':[97],'top_logprobs':[],"
              "'text_offset':7},{'token':'é','logprob':-2,'bytes':[195,169],'top_logprobs':["
              "{'token':'é','logprob':-2,'bytes':[195,169]},{'token':'e','logprob':-3,'bytes':"
              "[101]}]}]}");
    CHECK(!wire_verbs_logprobs(json_get(lists, "tokens"), &mem));
}

/* What each API's body becomes for each kind of place; "" where it is refused. */
TEST(bodies_become_requests)
{
    static const struct {
        const struct api *api;
        const char *body, *openai, *llama;
    } rows[] = {
        {&api_openai_embeddings, "{'model':'x','input':'a','dimensions':2,'user':'u'}",
         "{'model':'m','input':['a'],'dimensions':2,'user':'u'}",
         "{'model':'m','input':['a'],'dimensions':2,'user':'u'}"},
        {&api_openai_embeddings, "{'input':[[1],'b'],'encoding_format':'base64'}",
         "{'model':'m','input':[[1],'b'],'encoding_format':'base64'}",
         "{'model':'m','input':[[1],'b'],'encoding_format':'base64'}"},
        {&api_openai_embeddings,
         "{'input':[[1,'a'],{'prompt_string':'b'},{'content':[{'type':'text','text':'c'},{'type':'"
         "text','text':'d'}]}]}",
         "{'model':'m','input':[[1,'a'],'b','cd']}", "{'model':'m','input':[[1,'a'],'b','cd']}"},
        {&api_openai_embeddings, "{'input':['a',1]}", "{'model':'m','input':[['a',1]]}",
         "{'model':'m','input':[['a',1]]}"},
        {&api_rerank, "{'query':'q','texts':['a','b'],'return_text':true}",
         "{'model':'m','query':'q','documents':['a','b']}",
         "{'model':'m','query':'q','documents':['a','b']}"},
        {&api_rerank,
         "{'query':'q','documents':['a',{'text':'b'}],'top_n':1,'return_documents':true}",
         "{'model':'m','query':'q','documents':['a','b'],'top_n':1}",
         "{'model':'m','query':'q','documents':['a','b'],'top_n':1}"},
        {&api_tokenize, "{'content':'a','add_special':true,'metadata':{'nigh_label':'device'}}",
         "{'model':'m','content':'a','add_special':true}",
         "{'model':'m','content':'a','add_special':true}"},
        {&api_detokenize, "{'tokens':[]}", "{'model':'m','tokens':[]}",
         "{'model':'m','tokens':[]}"},
        {&api_openai_completions,
         "{'prompt':'a','logprobs':0,'n':2,'best_of':2,'stop':'x','user':'u'}",
         "{'model':'m','prompt':['a'],'max_tokens':16,'n':2,'logprobs':0,'stop':['x'],'user':'u',"
         "'stream':true,'stream_options':{'include_usage':true}}",
         "{'model':'m','prompt':['a'],'max_tokens':16,'n':2,'logprobs':1,'stop':['x'],"
         "'cache_prompt':true,'user':'u','stream':true,'stream_options':{'include_usage':true}}"},
        {&api_openai_completions, "{'prompt':[1,2],'max_tokens':-1,'suffix':'z','echo':true}",
         "{'model':'m','prompt':[[1,2]],'suffix':'z','echo':true,'stream':true,'stream_options':"
         "{'include_usage':true}}",
         ""},
        {&api_openai_count, "{'messages':[{'role':'user','content':'a'}],'stream':true}",
         "{'model':'m','messages':[{'role':'user','content':'a'}],'stream':true,'stream_options':"
         "{'include_usage':true}}",
         "{'model':'m','messages':[{'role':'user','content':'a'}],'cache_prompt':true,'stream':"
         "true,"
         "'stream_options':{'include_usage':true}}"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf openai = {0};
        CLEANUP(buf_done) struct buf llama = {0};
        struct nigh_err err = {0};
        struct slice param;
        struct turn turn;
        arena_done(&mem);
        arena_init(&mem, 1 << 20);
        CHECK_EQ(rows[i].api->decode(&turn, slice_of(quoted(rows[i].body)), &mem, &param, NULL),
                 NIGH_OK);
        CHECK_EQ(wire_openai.request(&openai, &turn, "m", 0, NULL), NIGH_OK);
        CHECK_STR(single(openai.data), rows[i].openai);
        enum nigh_status status =
            wire_llama.request(&llama, &turn, "m", WIRE_OLD_MAX_TOKENS | WIRE_CACHE_PROMPT, &err);
        CHECK_EQ(status, rows[i].llama[0] ? NIGH_OK : NIGH_UNSUPPORTED);
        if (!status)
            CHECK_STR(single(llama.data), rows[i].llama);
    }
}

/* Hostile or merely wrong: where, in words that quote nothing. */
TEST(faults_are_told_with_their_place)
{
    static const struct {
        const struct api *api;
        const char *body, *param;
    } rows[] = {
        {&api_openai_completions, "{}", "prompt"},
        {&api_openai_completions, "{'prompt':{}}", "prompt"},
        {&api_openai_completions, "{'prompt':[]}", "prompt"},
        {&api_openai_completions, "{'prompt':[[]]}", "prompt[0]"},
        {&api_openai_completions, "{'prompt':[1,2.5]}", "prompt[1]"},
        {&api_openai_completions, "{'prompt':[2147483648]}", "prompt[0]"},
        {&api_openai_completions, "{'prompt':'a','max_tokens':0}", "max_tokens"},
        {&api_openai_completions, "{'prompt':'a','max_tokens':-2}", "max_tokens"},
        {&api_openai_completions, "{'prompt':'a','n':17}", "n"},
        {&api_openai_completions, "{'prompt':'a','best_of':2}", "best_of"},
        {&api_openai_completions, "{'prompt':'a','logprobs':true}", "logprobs"},
        {&api_openai_completions, "{'prompt':'a','prompt':'b'}", "prompt"},
        {&api_openai_completions,
         "{'prompt':'a','grammar':'(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((("
         "((((((((('}",
         "grammar"},
        {&api_openai_embeddings, "{'input':null}", "input"},
        {&api_openai_embeddings, "{'input':['a',[1,true]]}", "input[1][1]"},
        {&api_openai_embeddings, "{'input':[1,['b']]}", "input[1]"},
        {&api_openai_embeddings, "{'input':{'prompt_string':1}}", "input"},
        {&api_openai_embeddings, "{'input':{'prompt_string':'a','prompt_string':'b'}}", "input"},
        {&api_openai_embeddings, "{'input':{'content':'a'}}", "input.content"},
        {&api_openai_embeddings, "{'input':['a',{'content':[{'type':'text','text':1}]}]}",
         "input[1].content[0]"},
        {&api_openai_responses_count, "{'input':1}", "input"},
        {&api_openai_embeddings, "{'input':'a','dimensions':-1}", "dimensions"},
        {&api_openai_embeddings, "{'input':'a','metadata':{'nigh_lable':'device'}}", "metadata"},
        {&api_rerank, "{'query':'q','documents':['a'],'top_n':0}", "top_n"},
        {&api_rerank, "{'query':['q'],'documents':['a']}", "query"},
        {&api_rerank, "{'query':'q','documents':'a'}", "documents"},
        {&api_rerank, "{'query':'q','texts':['a',[]]}", "texts[1]"},
        {&api_rerank, "{'query':'q','texts':['a'],'documents':['a']}", "texts"},
        {&api_rerank, "{'query':'q','documents':[{'text':'a','text':'b'}]}", "documents[0]"},
        {&api_tokenize, "{'content':'a','parse_special':1}", "parse_special"},
        {&api_detokenize, "{'tokens':[null]}", "tokens[0]"},
        {&api_openai_count, "{'messages':'a'}", "messages"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct nigh_err err = {0};
        struct slice param = {0};
        char text[64] = "";
        struct turn turn;
        arena_done(&mem);
        arena_init(&mem, 1 << 20);
        CHECK_EQ(rows[i].api->decode(&turn, slice_of(quoted(rows[i].body)), &mem, &param, &err),
                 NIGH_INVALID);
        snprintf(text, sizeof text, "%.*s", (int)param.len, param.p ? param.p : "");
        CHECK_STR(text, rows[i].param);
        CHECK(strncmp(err.what, text, strlen(text)) == 0);
    }
}

TEST(there_are_ceilings)
{
    static const struct {
        const struct api *api;
        const char *open, *item, *close;
        size_t most;
    } rows[] = {
        {&api_openai_embeddings, "{'input':['a'", ",'a'", "]}", VERBS_INPUTS_MAX},
        {&api_openai_completions, "{'prompt':['a'", ",'a'", "]}", VERBS_PROMPTS_MAX},
        {&api_openai_completions, "{'n':2,'prompt':['a'", ",'a'", "]}", VERBS_PROMPTS_MAX / 2},
        {&api_rerank, "{'query':'q','documents':['a'", ",'a'", "]}", TURN_MESSAGES_MAX - 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t over = 0; over < 2; over++) {
            CLEANUP(buf_done) struct buf body = {0};
            struct slice param;
            struct turn turn;
            buf_add_cstr(&body, quoted(rows[i].open));
            for (size_t k = 1; k < rows[i].most + over; k++)
                buf_add_cstr(&body, quoted(rows[i].item));
            buf_add_cstr(&body, rows[i].close);
            arena_done(&mem);
            arena_init(&mem, 64 << 20);
            CHECK_EQ(rows[i].api->decode(&turn, buf_slice(&body), &mem, &param, NULL),
                     over ? NIGH_INVALID : NIGH_OK);
        }
}
