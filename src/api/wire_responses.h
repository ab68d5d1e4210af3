/* wire_responses: what the files of the wire for OpenAI's Responses API share.
 *
 * Facts are from the types of openai 6.49.0 and the provider's error texts.  Nothing is kept there
 * (`store` is false), so reasoning travels sealed (encrypted_content) and never by its id alone.
 * What the canonical form says and this API has no word for: more than one choice, stop sequences,
 * `logit_bias` and audio are refused; penalties, the seed, a speaker's name and whether a tool
 * failed (its text says so) are left out.  Loop thread only. */
#pragma once
#include "api/wire_read.h"
#include "api/wire_write.h"

/* wire_responses_items.c: `instructions` and `input`. */
void responses_put_input(struct writing *w);

/* wire_responses_reader.c */
NIGH_MUST enum nigh_status
wire_responses_reader_new(struct wire_reader **ret, const struct turn *turn, int http_status,
                          struct slice content_type, struct arena *arena,
                          void (*sink)(void *owner, const struct event *), void *owner,
                          struct nigh_err *err);
