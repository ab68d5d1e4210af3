/* The formats: what each cannot say, and why. */
#include "api/pairs.h"

const char *pairs_bit_name(bool ask, unsigned bit)
{
#define BIT_NAME(name, what) #name,
    static const char *const asks[] = {PAIRS_ASKS(BIT_NAME)}, *const tells[] = {
                                                                  PAIRS_TELLS(BIT_NAME)};
#undef BIT_NAME
    return ask ? asks[bit] : tells[bit];
}

static uint64_t all_but(const struct pairs_lack *lacks, unsigned bits)
{
    uint64_t all = ((uint64_t)1 << bits) - 1;

    for (; lacks->bits; lacks++)
        all &= ~lacks->bits;
    return all;
}

uint64_t pairs_caller_asks(const struct pairs_format *in)
{
    return all_but(in->asks, ASK_BITS) | in->own | in->caller;
}

/* What nobody knows travels only where it means the same. */
uint64_t pairs_asks(const struct pairs_format *in, const struct pairs_format *out)
{
    uint64_t taken = all_but(out->asks, ASK_BITS),
             unknown = ASK(EXTRAS) | ASK(MESSAGE_EXTRAS) | ASK(INNER_EXTRAS);

    return pairs_caller_asks(in) & (in == out ? taken | out->own : taken & ~unknown);
}

uint64_t pairs_tells(const struct pairs_format *in, const struct pairs_format *out)
{
    return all_but(in->tells, TELL_BITS) & all_but(out->tells, TELL_BITS);
}

/* --- reading what an encoder wrote, by the wire of the same format
 * ---------------------------------- */

static bool hear_wire(const struct pairs_format *f, struct gen *g, const struct turn *asked,
                      struct slice bytes, bool clean,
                      void (*sink)(void *owner, const struct event *event), void *owner,
                      struct arena *a)
{
    struct outcome o = {0};
    struct wire_reader *r;

    if (f->wire->reader_new(&r, asked, 200, (struct slice){0}, a, sink, owner, NULL) != NIGH_OK)
        return false;
    while (bytes.len > 0) {
        size_t n = g ? 1 + gen_below(g, gen_below(g, 2) ? 7 : 700) : 1;
        n = n < bytes.len ? n : bytes.len;
        if (f->wire->reader_feed(r, (struct slice){bytes.p, n}, NULL) != NIGH_OK)
            break;
        bytes.p += n;
        bytes.len -= n;
    }
    if (!clean)
        nigh_fail(&o.err, NIGH_UPSTREAM, "the transfer was cut");
    f->wire->reader_end(r, &o);
    f->wire->reader_free(r);
    return o.fate == FATE_WHOLE;
}

/* --- OpenAI's chat completions
 * ------------------------------------------------------------------------ */

static const struct pairs_lack openai_chat_asks[] = {
    {ASK(SIGNED), CHANGED,
     "thinking is a text (reasoning_content); its maker's proof has no member"},
    {ASK(REDACTED), LEFT_OUT, "as above"},
    {ASK(THOUGHTS), CHANGED, "thinking is one text: several are joined"},
    {ASK(ORDER), CHANGED, "thinking, content and calls are members of a message, not a list"},
    {ASK(FAILED), LEFT_OUT, "a tool's message has no word for it; the result's text tells"},
    {ASK(RESULT_IMAGE), CHANGED, "a tool's message is text: the user shows the image behind it"},
    {ASK(THINK_TOKENS), CHANGED, "reasoning_effort is a word"},
    {0},
};
static const struct pairs_lack openai_chat_tells[] = {
    {TELL(SIGNATURE) | TELL(REDACTED), LEFT_OUT, "as in requests"},
    {TELL(ORDER), CHANGED, "as in requests"},
    {TELL(STOP_WORD), LEFT_OUT, "finish_reason says stop, not which"},
    {0},
};

/* --- OpenAI's responses
 * --------------------------------------------------------------------------------- */

struct unsealer {
    void (*sink)(void *owner, const struct event *event);
    void *owner;
};

/* What nigh sealed for a caller to give back is, to the caller, its maker's proof and nothing more.
 */
static void unseal(void *owner, const struct event *event)
{
    struct unsealer *u = owner;
    struct event e = *event;

    if (e.kind == EVENT_SIGNATURE && slice_starts(e.text, SLICE("nigh-signed:"))) {
        slice_cut(&e.text, ':');
        e.call_id = slice_cut(&e.text, ':');
    }
    u->sink(u->owner, &e);
}

static bool hear_responses(const struct pairs_format *f, struct gen *g, const struct turn *asked,
                           struct slice bytes, bool clean,
                           void (*sink)(void *owner, const struct event *event), void *owner,
                           struct arena *a)
{
    struct unsealer u = {sink, owner};

    return hear_wire(f, g, asked, bytes, clean, unseal, &u, a);
}

static const struct pairs_lack responses_asks[] = {
    {ASK(BARE), CHANGED, "an assistant's content is a list"},
    {ASK(EMPTY), CHANGED, "an assistant who said nothing is no item"},
    {ASK(SPEAKER), LEFT_OUT, "no member"},
    {ASK(THOUGHT), LEFT_OUT,
     "nothing is kept there: a place reads its thinking only sealed by itself"},
    {ASK(SIGNED), LEFT_OUT, "another maker's seal is refused there"},
    {ASK(THOUGHTS), CHANGED, "as above"},
    {ASK(REDACTED), LEFT_OUT, "as above"},
    {ASK(FAILED), LEFT_OUT, "no member; the result's text tells"},
    {ASK(TOOL_BARE), CHANGED, "a schema is required: the empty one"},
    {ASK(STRICT), CHANGED, "unset is true there, so it is always told"},
    {ASK(PENALTIES) | ASK(TOP_K) | ASK(LOCAL_WISHES) | ASK(SEED), LEFT_OUT, "no member"},
    {ASK(N) | ASK(STOPS) | ASK(BIAS), REFUSED,
     "no member, and an answer without would not be what was asked for"},
    {ASK(STOPS_BLANK), REFUSED, "as above"},
    {ASK(THINK_TOKENS), CHANGED, "reasoning.effort is a word"},
    {ASK(MESSAGE_EXTRAS) | ASK(INNER_EXTRAS), LEFT_OUT, "what an assistant said is several items"},
    {0},
};
static const struct pairs_lack responses_tells[] = {
    {TELL(REDACTED), CHANGED, "sealed in encrypted_content, which callers give back"},
    {TELL(CHOICES), NEVER, "one is all that can be asked for"},
    {TELL(REFUSAL_LOGPROBS), LEFT_OUT, "no member"},
    {TELL(OTHER), CHANGED, "completed, or incomplete for one of two reasons"},
    {TELL(STOP_WORD), LEFT_OUT, "no member"},
    {0},
};

/* --- Anthropic's messages
 * ------------------------------------------------------------------------------ */

static const struct pairs_lack anthropic_asks[] = {
    {ASK(DEVELOPER), CHANGED, "there is one kind of instruction: they are the system's"},
    {ASK(SYSTEM_LATER), CHANGED,
     "of other formats they go to the front: not every model takes them later"},
    {ASK(BOUNDARIES) | ASK(BARE), CHANGED,
     "speakers alternate: what one says in a row is one message"},
    {ASK(EMPTY), CHANGED, "the API refuses empty texts: such a part is left out"},
    {ASK(SPEAKER) | ASK(DETAIL), LEFT_OUT, "no member"},
    {ASK(REFUSED), CHANGED, "said as text"},
    {ASK(THOUGHT), LEFT_OUT, "the API refuses thinking that it did not sign"},
    {ASK(ANY_ARGUMENTS), LEFT_OUT, "arguments are an object: its value travels, not its bytes"},
    {ASK(BROKEN_ARGUMENTS), REFUSED, "arguments are an object"},
    {ASK(TOOL_BARE), CHANGED, "a schema is required: the empty one"},
    {ASK(STRICT), LEFT_OUT,
     "false is the same as nothing; true is told to models that hold themselves to it"},
    {ASK(PARALLEL_YES), LEFT_OUT, "is the default"},
    {ASK(FORMAT_TEXT), LEFT_OUT, "is the default"},
    {ASK(FORMAT_JSON), REFUSED, "there is no format without a schema"},
    {ASK(SCHEMA_NAME), LEFT_OUT, "the schema stands alone, and is always binding"},
    {ASK(HOT), CHANGED, "temperatures end at 1"},
    {ASK(PENALTIES) | ASK(LOCAL_WISHES) | ASK(SEED), LEFT_OUT, "no member"},
    {ASK(LIMITLESS), CHANGED, "max_tokens is required: a limit of ours"},
    {ASK(N) | ASK(LOGPROBS) | ASK(BIAS), REFUSED,
     "no member, and an answer without would not be what was asked for"},
    {ASK(STOPS_BLANK), REFUSED, "the API answers 400"},
    {ASK(EFFORT), CHANGED, "of models of unknown make a number of tokens is asked instead"},
    {ASK(THINK_TOKENS), CHANGED,
     "left out where the history lost its thinking, or a tool is forced"},
    {ASK(MESSAGE_EXTRAS) | ASK(INNER_EXTRAS), LEFT_OUT,
     "members of a message that is several here"},
    {0},
};
static const struct pairs_lack anthropic_tells[] = {
    {TELL(REFUSAL), CHANGED, "words like others; the stop reason tells"},
    {TELL(ANY_ARGUMENTS), LEFT_OUT, "as in requests, of whole answers"},
    {TELL(BROKEN_ARGUMENTS), CHANGED, "as above: told as a string, the text that came"},
    {TELL(CHOICES), NEVER, "one is all that can be asked for"},
    {TELL(LOGPROBS), LEFT_OUT, "no member"},
    {TELL(REFUSAL_LOGPROBS), CHANGED, "as above; a refusal is words like others"},
    {TELL(NO_USAGE), CHANGED, "counts are required: zeros"},
    {0},
};

/* --- Ollama's chat, and its question without one; nobody is asked in them
 * ----------------------------- */

static const struct pairs_lack ollama_chat_asks[] = {
    {ASK(DEVELOPER), NEVER, "no such role"},
    {ASK(BARE) | ASK(PARTS) | ASK(SYSTEM_PARTS) | ASK(RESULT_PARTS), NEVER,
     "content is one string"},
    {ASK(EMPTY), NEVER, "an empty string is no content: clients send it beside calls and images"},
    {ASK(SPEAKER) | ASK(IMAGE_LINK) | ASK(DETAIL) | ASK(REFUSED) | ASK(FAILED), NEVER, "no member"},
    {ASK(SIGNED) | ASK(THOUGHTS) | ASK(REDACTED), NEVER, "thinking is one text"},
    {ASK(ORDER), NEVER, "thinking, content, images and calls are members of a message"},
    {ASK(ANY_ARGUMENTS) | ASK(BROKEN_ARGUMENTS), NEVER, "arguments are an object"},
    {ASK(CHOICE_AUTO) | ASK(CHOICE_NONE) | ASK(CHOICE_MUST) | ASK(PARALLEL) | ASK(PARALLEL_YES),
     NEVER, "no member"},
    {ASK(FORMAT_TEXT) | ASK(SCHEMA_NAME), NEVER, "format is json or a schema"},
    {ASK(N) | ASK(BIAS), NEVER, "no member"},
    {ASK(THINK_TOKENS), NEVER, "think is a word"},
    {ASK(EXTRAS) | ASK(MESSAGE_EXTRAS) | ASK(INNER_EXTRAS), NEVER, "no place speaks this format"},
    {0},
};
static const struct pairs_lack ollama_generate_asks[] = {
    {ASK(HISTORY) | ASK(BOUNDARIES) | ASK(SYSTEM_LATER) | ASK(LAST_ASSISTANT), NEVER,
     "a prompt and a system"},
    {ASK(CALLS) | ASK(MANY_CALLS) | ASK(RESULT_IMAGE) | ASK(THOUGHT) | ASK(TOOLS) | ASK(TOOL_BARE) |
         ASK(STRICT),
     NEVER, "as above"},
    {ASK(DEVELOPER), NEVER, "no such role"},
    {ASK(BARE) | ASK(PARTS) | ASK(SYSTEM_PARTS) | ASK(RESULT_PARTS), NEVER,
     "content is one string"},
    {ASK(EMPTY), NEVER, "an empty prompt only loads the model"},
    {ASK(SPEAKER) | ASK(IMAGE_LINK) | ASK(DETAIL) | ASK(REFUSED) | ASK(FAILED), NEVER, "no member"},
    {ASK(SIGNED) | ASK(THOUGHTS) | ASK(REDACTED) | ASK(ORDER), NEVER, "no assistant has spoken"},
    {ASK(ANY_ARGUMENTS) | ASK(BROKEN_ARGUMENTS), NEVER, "nor called"},
    {ASK(CHOICE_AUTO) | ASK(CHOICE_NONE) | ASK(CHOICE_MUST) | ASK(PARALLEL) | ASK(PARALLEL_YES),
     NEVER, "no member"},
    {ASK(FORMAT_TEXT) | ASK(SCHEMA_NAME), NEVER, "format is json or a schema"},
    {ASK(N) | ASK(BIAS), NEVER, "no member"},
    {ASK(THINK_TOKENS), NEVER, "think is a word"},
    {ASK(EXTRAS) | ASK(MESSAGE_EXTRAS) | ASK(INNER_EXTRAS), NEVER, "no place speaks this format"},
    {0},
};
static const struct pairs_lack ollama_tells[] = {
    {TELL(REFUSAL), CHANGED, "words like others"},
    {TELL(SIGNATURE) | TELL(REDACTED), LEFT_OUT, "thinking is a text"},
    {TELL(ORDER), CHANGED, "thinking, content and calls are members of a message"},
    {TELL(ANY_ARGUMENTS), LEFT_OUT, "arguments are an object: its value is told, not its bytes"},
    {TELL(BROKEN_ARGUMENTS), CHANGED, "told as an object that holds the text that came"},
    {TELL(CHOICES), NEVER, "one is all that can be asked for"},
    {TELL(REFUSAL_LOGPROBS), CHANGED, "a refusal is words like others"},
    {TELL(STOP_WORD), LEFT_OUT, "done_reason says stop, not which"},
    {TELL(CACHED) | TELL(CACHE_WRITE) | TELL(THOUGHT_TOKENS), LEFT_OUT, "there are two counts"},
    {0},
};
static const struct pairs_lack ollama_generate_tells[] = {
    {TELL(CALLS) | TELL(MANY_CALLS) | TELL(WOVEN) | TELL(ORDER) | TELL(CALL_ID), NEVER,
     "tools cannot be told of"},
    {TELL(REFUSAL), CHANGED, "words like others"},
    {TELL(SIGNATURE) | TELL(REDACTED), LEFT_OUT, "thinking is a text"},
    {TELL(ANY_ARGUMENTS) | TELL(BROKEN_ARGUMENTS), NEVER, "nobody calls"},
    {TELL(CHOICES), NEVER, "one is all that can be asked for"},
    {TELL(REFUSAL_LOGPROBS), CHANGED, "a refusal is words like others"},
    {TELL(STOP_WORD), LEFT_OUT, "done_reason says stop, not which"},
    {TELL(CACHED) | TELL(CACHE_WRITE) | TELL(THOUGHT_TOKENS), LEFT_OUT, "there are two counts"},
    {0},
};

const struct pairs_format pairs_formats[] = {
    {
        .name = "openai-chat",
        .api = &api_openai_chat,
        .wire = &wire_openai,
        .write = write_openai_chat,
        .hear = hear_wire,
        .asks = openai_chat_asks,
        .tells = openai_chat_tells,
        .own = ASK(RESULT_IMAGE),
    },
    {
        .name = "openai-responses",
        .api = &api_openai_responses,
        .wire = &wire_responses,
        .write = write_responses,
        .hear = hear_responses,
        .asks = responses_asks,
        .tells = responses_tells,
        .own = ASK(EMPTY) | ASK(THOUGHT) | ASK(SIGNED) | ASK(THOUGHTS) | ASK(STRICT),
        .caller = ASK(REDACTED) | ASK(PENALTIES) | ASK(TOP_K) | ASK(LOCAL_WISHES) | ASK(SEED) |
                  ASK(TOOL_BARE),
    },
    {
        .name = "anthropic",
        .api = &api_anthropic,
        .wire = &wire_anthropic,
        .write = write_anthropic,
        .hear = hear_wire,
        .asks = anthropic_asks,
        .tells = anthropic_tells,
        .own = ASK(SYSTEM_LATER) | ASK(STRICT) | ASK(EMPTY) | ASK(EFFORT) | ASK(THINK_TOKENS),
    },
    {
        .name = "ollama-chat",
        .api = &api_ollama_chat,
        .write = write_ollama_chat,
        .hear = hear_ollama,
        .asks = ollama_chat_asks,
        .tells = ollama_tells,
    },
    {
        .name = "ollama-generate",
        .api = &api_ollama_generate,
        .write = write_ollama_generate,
        .hear = hear_ollama,
        .asks = ollama_generate_asks,
        .tells = ollama_generate_tells,
    },
};
const size_t pairs_n_formats = ARRAY_LEN(pairs_formats);
