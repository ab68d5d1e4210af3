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
