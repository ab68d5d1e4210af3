/* wire_anthropic: what the files of Anthropic's wire share.
 *
 * Facts are from the types of @anthropic-ai/sdk 1.12.0 and the provider's error texts.  What the
 * canonical form says and Anthropic's has no word for: `n` over 1, log-probabilities, audio,
 * `logit_bias`, any JSON without a schema, a stop sequence of white space and a file by a foreign
 * id are refused; penalties, the seed, a speaker's name, thinking without its maker's signature and
 * (for models that refuse them) sampling wishes are left out. Loop thread only. */
#pragma once
#include "api/wire_read.h"
#include "api/wire_write.h"

enum {
    /* max_tokens must be said; where neither the turn nor the config does.  Every model takes it.
     */
    WIRE_ANTHROPIC_MAX_TOKENS = 4096,
    WIRE_ANTHROPIC_THINK_LEAST = 1024, /* of budget_tokens: the API's own */
};

/* What a model takes, wire_anthropic_models.c. */
enum anthropic_trait {
    TAKES_BUDGET = 1,   /* thinking {"type":"enabled","budget_tokens":n} */
    TAKES_ADAPTIVE = 2, /* thinking {"type":"adaptive"} and output_config.effort instead */
    TAKES_XHIGH = 4,    /* effort "xhigh" */
    TAKES_SAMPLING = 8, /* temperature, top_p, top_k */
    ONE_SAMPLER = 16,   /* but not temperature and top_p both */
    TAKES_SCHEMA = 32,  /* output_config.format, and strict tools */
};
unsigned anthropic_traits(struct slice model);

struct anthropic_writing {
    struct writing w;
    unsigned traits;
};

/* wire_anthropic_messages.c: `system` and `messages`. */
void anthropic_put_messages(struct writing *w);
/* Does the conversation go on from an assistant's words or calls without their thinking?  Then a
 * model that takes budgets may not be asked to think. */
bool anthropic_thinking_lost(const struct turn *turn);
/* The thinking can be sent back: its maker, if it can be told, is Anthropic. */
bool anthropic_thinking_ours(const struct part *p);

/* wire_anthropic_reader.c */
NIGH_MUST enum nigh_status
wire_anthropic_reader_new(struct wire_reader **ret, const struct turn *turn, int http_status,
                          struct slice content_type, struct arena *arena,
                          void (*sink)(void *owner, const struct event *), void *owner,
                          struct nigh_err *err);
