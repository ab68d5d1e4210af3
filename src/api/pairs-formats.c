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

uint64_t pairs_asks(const struct pairs_format *f)
{
    return all_but(f->asks, ASK_BITS);
}

uint64_t pairs_tells(const struct pairs_format *f)
{
    return all_but(f->tells, TELL_BITS);
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
    {ASK(SIGNED) | ASK(REDACTED), LEFT_OUT,
     "thinking is one text (reasoning_content); its maker's proof has no member"},
    {ASK(THOUGHTS), CHANGED, "thinking is one text: several are joined"},
    {ASK(ORDER), CHANGED, "thinking, content and calls are members of a message, not a list"},
    {ASK(FAILED), LEFT_OUT, "a tool's message has no word for it; the result's text tells"},
    {ASK(THINK_TOKENS), CHANGED, "reasoning_effort is a word"},
    {0},
};
static const struct pairs_lack openai_chat_tells[] = {
    {TELL(SIGNATURE) | TELL(REDACTED), LEFT_OUT, "as in requests"},
    {TELL(ORDER), CHANGED, "as in requests"},
    {TELL(STOP_WORD), LEFT_OUT, "finish_reason says stop, not which"},
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
    },
};
const size_t pairs_n_formats = ARRAY_LEN(pairs_formats);
