#include "api/openai_completions.h"
#include "api/wire-rig.h"

/* A caller's body and a place's stream, through to what the caller is told. */
struct relay {
    struct encoding enc;
    struct turn turn;
    struct answer answer;
    struct buf out;
};

static void relay_event(void *owner, const struct event *e)
{
    struct relay *r = owner;

    CHECK_EQ(answer_add(&r->answer, e, NULL), NIGH_OK);
    if (e->kind != EVENT_USAGE)
        openai_completions_event(&r->enc, e, &r->out);
}

static void relay(struct relay *r, const char *body, const char *bytes)
{
    struct wire_reader *reader;
    struct outcome o = {0};
    struct slice param;

    arena_done(&mem);
    arena_init(&mem, 8 << 20);
    *r = (struct relay){0};
    answer_init(&r->answer);
    CHECK_EQ(openai_completions_decode(&r->turn, slice_of(quoted(body)), &mem, &param, NULL),
             NIGH_OK);
    r->enc = (struct encoding){.turn = &r->turn,
                               .answer = &r->answer,
                               .id = "ID",
                               .model = "p/m",
                               .created = 7,
                               .arena = &mem};
    CHECK_EQ(wire_openai.reader_new(&reader, &r->turn, 200, SLICE(""), &mem, relay_event, r, NULL),
             NIGH_OK);
    feed_all(&wire_openai, reader, slice_of(quoted(bytes)), 0);
    wire_openai.reader_end(reader, &o);
    wire_openai.reader_free(reader);
    CHECK_EQ(o.fate, FATE_WHOLE);
}

static void relay_done(struct relay *r)
{
    answer_done(&r->answer);
    buf_done(&r->out);
}

#define HEAD                                                                                       \
    "data: {'id':'cmpl-ID','object':'text_completion','created':7,'model':'p/m',"                  \
    "'system_fingerprint':'f','choices':["
#define BYTES                                                                                      \
    "data: {'system_fingerprint':'f','choices':[{'index':0,'text':'é','logprobs':{'tokens':["     \
    "'é'],'token_logprobs':[-1],'top_logprobs':[{'é':-1,'e':-2}]}}]}\n\n"                        \
    "data: {'choices':[{'index':0,'text':'b','logprobs':{'tokens':['b'],'token_logprobs':[-3],"    \
    "'top_logprobs':[{'b':-3}]}}]}\n\n"                                                            \
    "data: {'choices':[{'index':0,'text':'','finish_reason':'stop'}]}\n\n"                         \
    "data: {'choices':[],'usage':{'prompt_tokens':2,'completion_tokens':2}}\n\ndata: [DONE]\n\n"

TEST(a_stream_has_the_shapes_of_old)
{
    struct relay r;

    relay(&r, "{'prompt':'p','stream':true,'logprobs':1,'stream_options':{'include_usage':true}}",
          BYTES);
    CHECK_STR(single(r.out.data),
              HEAD "{'text':'é','index':0,'logprobs':{'tokens':['é'],'token_logprobs':[-1],"
                   "'top_logprobs':[{'é':-1}],'text_offset':[0]},'finish_reason':null}],"
                   "'usage':null}\n\n" HEAD
                   "{'text':'b','index':0,'logprobs':{'tokens':['b'],'token_logprobs':[-3],"
                   "'top_logprobs':[{'b':-3}],'text_offset':[1]},'finish_reason':null}],"
                   "'usage':null}\n\n" HEAD
                   "{'text':'','index':0,'logprobs':null,'finish_reason':'stop'}],"
                   "'usage':null}\n\n" HEAD
                   "],'usage':{'prompt_tokens':2,'completion_tokens':2,'total_tokens':4,"
                   "'prompt_tokens_details':{'cached_tokens':0},'completion_tokens_details':{"
                   "'reasoning_tokens':0}}}\n\ndata: [DONE]\n\n");
    relay_done(&r);
}

TEST(a_whole_answer_has_them_too)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct relay r;

    relay(&r, "{'prompt':'p','logprobs':0}", BYTES);
    openai_completions_whole(&r.enc, &out);
    CHECK_STR(single(out.data),
              "{'id':'cmpl-ID','object':'text_completion','created':7,'model':'p/m',"
              "'system_fingerprint':'f','choices':[{'text':'éb','index':0,'logprobs':{'tokens':["
              "'é','b'],'token_logprobs':[-1,-3],'top_logprobs':[{},{}],'text_offset':[0,1]},"
              "'finish_reason':'stop'}],'usage':{'prompt_tokens':2,'completion_tokens':2,"
              "'total_tokens':4,'prompt_tokens_details':{'cached_tokens':0},"
              "'completion_tokens_details':{'reasoning_tokens':0}}}");
    relay_done(&r);
}

/* Before the first piece of each answer, also of one without a word. */
TEST(a_prompt_is_echoed_here)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct relay r;
    const char *bytes =
        "data: {'choices':[{'index':1,'text':'x'},{'index':0,'text':'','finish_reason':'stop'},"
        "{'index':1,'finish_reason':'length'}]}\n\ndata: [DONE]\n\n";

    relay(&r, "{'prompt':['p','q'],'stream':true,'echo':true}", bytes);
    const char *q = strstr(r.out.data, "\"text\":\"q\",\"index\":1");
    CHECK(q && strstr(q, "\"text\":\"x\",\"index\":1"));
    CHECK(strstr(r.out.data, "\"text\":\"p\",\"index\":0"));
    openai_completions_whole(&r.enc, &out);
    CHECK(strstr(out.data, "{\"text\":\"p\",\"index\":0") &&
          strstr(out.data, "{\"text\":\"qx\",\"index\":1"));
    relay_done(&r);

    relay(&r, "{'prompt':'p','stream':true}",
          "data: {'choices':[{'index':0,'text':'x','finish_reason':'stop'}]}\n\ndata: [DONE]\n\n");
    CHECK(!strstr(r.out.data, "\"text\":\"p\""));
    relay_done(&r);
}
