/* openai_chat: OpenAI's chat completions, as programs speak it to nigh.
 *
 * Decoding is strict about what it knows and lenient about what it does not: a known member of a
 * wrong type or range is refused with its path, an unknown one travels on.  Beyond OpenAI's own
 * rules it takes a missing model (as "auto"), max_tokens of -1 (as unset), an image_url that is a
 * bare string, and n and stop up to the ceilings of turn.h.  Of the encoder see api.h.  Loop thread
 * only. */
#pragma once
#include "api/api.h"

NIGH_MUST enum nigh_status openai_chat_decode(struct turn *turn, struct slice body,
                                              struct arena *arena, struct slice *ret_param,
                                              struct nigh_err *err);
/* The same body, whose tokens are to be counted and not answered. */
NIGH_MUST enum nigh_status openai_count_decode(struct turn *turn, struct slice body,
                                               struct arena *arena, struct slice *ret_param,
                                               struct nigh_err *err);
/* openai_chat_encode.c.  Each choice opens with a chunk that tells the role alone, as OpenAI and
 * llama-server do.  A place that told no token counts yields no usage chunk, rather than one of
 * zeros. */
void openai_chat_event(struct encoding *e, const struct event *event, struct buf *out);
void openai_chat_whole(struct encoding *e, struct buf *out);
/* The usage object of words; bill: nigh's own member, absent: none. */
void openai_usage(struct buf *out, const struct usage *u, struct slice bill);
/* openai_error.c: of every API with OpenAI's error shape. */
void openai_error(const struct refusal *r, struct buf *out);
void openai_stream_error(struct encoding *e, const struct refusal *r, struct buf *out);
/* openai_inputs.c: the member `usage` of an answer that is no words; where the place told no count,
 * the one that nigh bills. */
void openai_verbs_usage(const struct encoding *e, struct buf *out);
