/* wire_verbs: what OpenAI-compatible places are asked for and answer besides chats: embeddings,
 * ranks, tokens.  One body each way, no stream.
 *
 * Embeddings are OpenAI's; ranks have the form that Cohere and Jina began and llama-server, vLLM
 * and others speak; tokens are llama-server's.  Pure functions.  Loop thread only. */
#pragma once
#include "api/wire_read.h"

bool wire_verbs_is_data(enum verb verb); /* answered by EVENT_DATA */

/* own: the turn came in the same format, so that its extras travel on.  Not for VERB_COUNT, whose
 * body is a chat's. */
void wire_verbs_request(struct buf *out, const struct turn *turn, const char *model, bool own);

/* Reads an answer of numbers, as wire_read.h's functions do the rest. */
NIGH_MUST enum nigh_status wire_verbs_reader_new(struct wire_reader **ret, const struct turn *turn,
                                                 int http_status, struct arena *arena,
                                                 void (*sink)(void *owner, const struct event *),
                                                 void *owner, struct nigh_err *err);

/* root: the body that came.  Appends what verbs.h promises, as JSON; what it cannot find there
 * makes it fail as NIGH_UPSTREAM.  It is for verbs_check to say that what was found is right. */
NIGH_MUST enum nigh_status wire_verbs_read(const struct turn *turn, yyjson_val *root,
                                           struct buf *out, struct nigh_err *err);
struct usage wire_verbs_usage(const struct turn *turn, yyjson_val *root);

/* The logprobs of OpenAI's completions, lists beside one another, as a chat's list of items.  NULL:
 * they are none, or no memory. */
yyjson_val *wire_verbs_logprobs(yyjson_val *lists, struct arena *arena);
