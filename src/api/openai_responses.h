/* openai_responses: OpenAI's Responses API, as programs speak it to nigh.
 *
 * Items become messages: what an assistant said in a row (reasoning, a message, function calls) is
 * one message with its parts in order; a function's output is a message of ROLE_TOOL; instructions
 * are a system message before all others.  An item of a type that nigh does not know is a message
 * of one PART_OTHER whose raw is the message's own raw, the item; an unknown part of a message's
 * content is a PART_OTHER with a raw of its own.  A tool that its provider runs (web_search, mcp, a
 * custom tool) is a struct tool without a name; its members are extras.  All three go to places
 * that speak this format, and are refused by others.
 *
 * Ids and status of items are read and not kept, since a place cannot know an id that nigh made; of
 * reasoning the id stays (part.call_id), unless nigh made it.  What another format has no word for
 * stays among the turn's extras, and there a member is whole: `reasoning` and `text`, when they
 * tell more than effort and format, `tool_choice`, when it names a provider's tool, `include`,
 * `user`, ... Never among them: store, previous_response_id, background, stream, truncation.
 *
 * truncation "auto" is taken and does nothing: nigh never leaves out a part of a conversation, so
 * one that is too long is a 400 either way, and the answer says "disabled".
 *
 * Reasoning is told as a summary (reasoning_summary_text), not as reasoning_text: it is what a
 * provider of this API shows, and programs hide the other.  What its maker needs to have it back
 * (event.h: SIGNATURE, REDACTED) is encrypted_content.  Loop thread only. */
#pragma once
#include "api/api.h"
#include "api/decode.h"

NIGH_MUST enum nigh_status openai_responses_decode(struct turn *turn, struct slice body,
                                                   struct arena *arena, struct slice *ret_param,
                                                   struct nigh_err *err);
/* The same body, whose tokens are to be counted and not answered. */
NIGH_MUST enum nigh_status openai_responses_count_decode(struct turn *turn, struct slice body,
                                                         struct arena *arena,
                                                         struct slice *ret_param,
                                                         struct nigh_err *err);
/* openai_responses_items.c: a list of items, or one string, as messages; those of a request, and
 * those of a response that was kept. */
NIGH_MUST enum nigh_status openai_responses_items(struct decode *d, const struct spot *at,
                                                  yyjson_val *input, struct message **ret_messages,
                                                  size_t *ret_n);

/* openai_responses_inputs.c: the items of a request (a string, a list or NULL) as a JSON list in
 * which each has an id, its type and its full form; of no other thing of theirs anything is lost.
 */
void openai_responses_inputs(yyjson_val *input, const char *turn_id, struct buf *out);

/* openai_responses_tools.c: `tools`, and `tool_choice`, which must be read after it. */
NIGH_MUST enum nigh_status openai_responses_tools(struct decode *d, yyjson_val *tools);
NIGH_MUST enum nigh_status openai_responses_tool_choice(struct decode *d, yyjson_val *val);

/* openai_responses_object.c: the Response object and its items. */
struct responses_item {
    size_t index;        /* in output */
    size_t first, n;     /* parts of the answer: several only of a message; n 0: told as begun */
    struct slice status; /* "in_progress", "completed", "incomplete" */
};
enum { RESPONSES_ID_BYTES = 64 };
/* Of encrypted_content, where more must be known of it than its bytes: "nigh-signed:ID:BYTES" with
 * the id that its maker gave the item, "nigh-redacted:BYTES". */
#define RESPONSES_SIGNED   "nigh-signed:"
#define RESPONSES_REDACTED "nigh-redacted:"
/* The id of an item: a word for its type, the turn's id, its place in the output.  Ids that an
 * upstream gave are not shown: a stream names an item before they are known. */
void responses_item_id(const struct encoding *e, const struct answer_part *part, size_t index,
                       char id[static RESPONSES_ID_BYTES]);
void responses_put_item(const struct encoding *e, const struct answer_choice *c,
                        const struct responses_item *item, struct buf *out);
/* The member logprobs: rows of a chat's (answer.h) with commas between them, as this API has them.
 */
void responses_put_logprobs(struct slice rows, struct buf *out);
void responses_put_part(const struct encoding *e, const struct answer_part *part, bool empty,
                        struct slice logprobs, struct buf *out);
/* status NULL: as the answer ended; "in_progress": without output; "failed" with its refusal. */
void responses_put(const struct encoding *e, const char *status, const struct refusal *failed,
                   struct buf *out);
const char *responses_status(const struct answer_choice *c); /* "completed", "incomplete" */
/* The first choice of the answer, the only one of this API; an empty one where there is none, one
 * that says "" where it has finished without a part. */
const struct answer_choice *responses_choice(const struct encoding *e);

/* openai_responses_stream.c */
void openai_responses_event(struct encoding *e, const struct event *event, struct buf *out);
void openai_responses_stream_error(struct encoding *e, const struct refusal *r, struct buf *out);
