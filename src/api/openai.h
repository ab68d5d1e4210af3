/* openai: what the files of OpenAI's format share among themselves.  Loop thread only. */
#pragma once
#include "api/decode.h"

/* openai_chat_messages.c: the list `messages` of a request into turn->messages. */
DECODE_READER(openai_messages);
/* openai_chat_tools.c: `tools` and `tool_choice` (which must be read after it). */
DECODE_READER(openai_tools);
NIGH_MUST enum nigh_status openai_tool_choice(struct decode *d, yyjson_val *val);
