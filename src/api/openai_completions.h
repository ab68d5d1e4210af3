/* openai_completions: OpenAI's older completions: prompts that are gone on from, without a
 * template.
 *
 * max_tokens defaults to 16, as OpenAI documents; -1 means as many as the place gives.  best_of
 * must be n.  A prompt that came as text and is to be echoed without logprobs is put there by nigh,
 * so that every place can; the other echoes are the place's to make.  Loop thread only. */
#pragma once
#include "api/api.h"

enum { COMPLETIONS_MAX_TOKENS = 16 };

NIGH_MUST enum nigh_status openai_completions_decode(struct turn *turn, struct slice body,
                                                     struct arena *arena, struct slice *ret_param,
                                                     struct nigh_err *err);
/* openai_completions_encode.c */
void openai_completions_event(struct encoding *e, const struct event *event, struct buf *out);
void openai_completions_whole(struct encoding *e, struct buf *out);
/* A chat's list of logprobs as the lists beside one another that completions have; top: how many of
 * the likeliest; *offset: in characters, moved on. */
void openai_completions_logprobs(struct buf *out, yyjson_val *items, int top, uint64_t *offset);
