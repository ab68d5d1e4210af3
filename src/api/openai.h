/* openai: what the files of OpenAI's format share among themselves.  Loop thread only. */
#pragma once
#include "api/decode.h"

/* openai_chat_messages.c: the list `messages` of a request into turn->messages. */
DECODE_READER(openai_messages);
/* openai_chat_tools.c: `tools` and `tool_choice` (which must be read after it). */
DECODE_READER(openai_tools);
NIGH_MUST enum nigh_status openai_tool_choice(struct decode *d, yyjson_val *val);
/* openai_chat_decode.c: wishes that each of OpenAI's APIs calls the same or nearly so. */
DECODE_READER(openai_top_logprobs); /* int */
DECODE_READER(openai_max_tokens);   /* uint64_t; -1, which local programs say, is left unset */
DECODE_READER(openai_seed);         /* struct turn */
DECODE_READER(openai_effort);       /* enum effort */

/* openai_chat_decode.c: members of completions as well as chats. */
DECODE_READER(openai_stop);           /* struct turn */
DECODE_READER(openai_logit_bias);     /* yyjson_val * */
DECODE_READER(openai_n);              /* unsigned, low to high */
DECODE_READER(openai_stream_options); /* struct turn */
/* What travels on unread nests no deeper than a schema, a grammar's brackets neither. */
NIGH_MUST enum nigh_status openai_extras(struct decode *d);

/* openai_inputs.c: a string, token numbers, or a list of either, into turn->messages; at least one,
 * at most max. */
NIGH_MUST enum nigh_status openai_inputs(struct decode *d, const char *name, yyjson_val *val,
                                         size_t max);
/* One list of token numbers at `at`. */
NIGH_MUST enum nigh_status openai_tokens(struct decode *d, const struct spot *at, yyjson_val *val);

/* The frame of a decode: the body read by the table into `rough`,
 * which begins with the turn, the model "auto" where none is told. */
NIGH_MUST enum nigh_status openai_frame(struct decode *d, struct slice body,
                                        const struct field *fields, size_t n, void *rough);
/* `stream` where there is nothing to stream: false. */
DECODE_READER(openai_no_stream);
