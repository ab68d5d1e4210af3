/* llama-server's API: OpenAI's for words, and paths of its own for tokens (0.7.0, tried by hand;
 * its addresses begin at the root, not at /v1). */
#include "api/wire_openai.h"

/* It passes over what it does not do; an answer to another question would not be one. */
static enum nigh_status request(struct buf *out, const struct turn *turn, const char *model,
                                unsigned flags, struct nigh_err *err)
{
    if (turn->suffix.p)
        return nigh_fail(err, NIGH_UNSUPPORTED, "suffix: the local model cannot fill a gap");
    if (turn->echo)
        return nigh_fail(err, NIGH_UNSUPPORTED,
                         "echo: the local model tells no logprobs of a prompt, and repeats none "
                         "that came as token numbers");
    return wire_openai_request(out, turn, model, flags, err);
}

const struct wire wire_llama = {
    .name = "llama",
    .paths = {[VERB_CHAT] = "/v1/chat/completions",
              [VERB_COMPLETE] = "/v1/completions",
              [VERB_EMBED] = "/v1/embeddings",
              [VERB_RERANK] = "/v1/rerank",
              [VERB_TOKENIZE] = "/tokenize",
              [VERB_DETOKENIZE] = "/detokenize",
              [VERB_COUNT] = "/v1/chat/completions/input_tokens"},
    .request = request,
    .reader_new = wire_openai_reader_new,
    .reader_feed = wire_read_feed,
    .reader_end = wire_read_end,
    .reader_whole = wire_read_whole,
    .reader_free = wire_read_free,
};
