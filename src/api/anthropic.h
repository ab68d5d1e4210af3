/* anthropic: Anthropic's messages, as programs speak them to nigh, and what its files share.
 *
 * How a request lies in the turn, for wires that write it back:
 * - `system` is a first message of ROLE_SYSTEM; later ones are messages of role system.
 * - A user's message with results of tools becomes one message of ROLE_TOOL a result (its extras
 * are the result's own) and one of ROLE_USER for each run of other blocks between them, in order.
 * - Blocks are parts.  Images and documents that are data have it in url as a data: URL; blocks of
 *   types that are not read here, images and documents by file id among them, are PART_OTHER, raw
 *   alone.  A call's text is its input, written out.
 * - output_config.format's schema, and the older output_format's, is turn->schema in OpenAI's
 *   wrapping: {"name", "strict", "schema"}.
 * - `thinking` and `output_config` are read (think_tokens, effort, format) and stand among the
 * extras as they came, so that a wire of this format need not write them anew.
 * - tools of Anthropic's own, by type, have no schema; raw says all; turn->native names the type.
 * Loop thread only. */
#pragma once
#include "api/api.h"
#include "api/decode.h"

#define ANTHROPIC_FORMAT "anthropic" /* turn->format_name */

/* anthropic_decode.c: of /v1/messages, of /v1/messages/count_tokens (no max_tokens, no stream). */
NIGH_MUST enum nigh_status anthropic_decode(struct turn *turn, struct slice body,
                                            struct arena *arena, struct slice *ret_param,
                                            struct nigh_err *err);
NIGH_MUST enum nigh_status anthropic_count_decode(struct turn *turn, struct slice body,
                                                  struct arena *arena, struct slice *ret_param,
                                                  struct nigh_err *err);
/* anthropic_messages.c: both values into turn->messages; system NULL: none. */
NIGH_MUST enum nigh_status anthropic_messages(struct decode *d, yyjson_val *system,
                                              yyjson_val *messages);
/* anthropic_blocks.c: one block of a message of this role.  Results of tools are not for it. */
NIGH_MUST enum nigh_status anthropic_block(struct decode *d, const struct spot *at, enum role role,
                                           yyjson_val *val, struct part *part);
/* anthropic_tools.c: `tools`, and `tool_choice`, which must be read after it. */
DECODE_READER(anthropic_tools);
NIGH_MUST enum nigh_status anthropic_tool_choice(struct decode *d, yyjson_val *val);

/* anthropic_encode.c.  Written for the types of @anthropic-ai/sdk 1.12.0: what they require is
 * there, null where nigh has nothing to say.  One block at a time: calls that come interleaved are
 * told one after the other. */
void anthropic_event(struct encoding *e, const struct event *event, struct buf *out);
void anthropic_whole(struct encoding *e, struct buf *out);
/* anthropic_error.c */
void anthropic_error(const struct refusal *r, struct buf *out);
void anthropic_stream_error(struct encoding *e, const struct refusal *r, struct buf *out);
