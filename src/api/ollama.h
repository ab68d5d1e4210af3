/* ollama: Ollama's API, as programs speak it to nigh, and what its files share among themselves.
 *
 * Decoding reads what Ollama's own server reads (its version OLLAMA_VERSION), strictly: a known
 * member of a wrong type or range is refused with its path.  Members that it does not know it
 * passes over, as Ollama does; so are the options that only llama.cpp inside of Ollama has
 * (num_ctx, num_gpu, mirostat ...), since the engine's are in the config.  What would change the
 * answer and cannot be told is refused: template, suffix, context.  Beyond Ollama's rules: metadata
 * with the wishes to nigh, a keep_alive of bare digits in a string (seconds), images in base64 with
 * line breaks.
 *
 * Tool calls without an id get one from their place in the conversation, and a result without one
 * the id of the call that it answers: the first of its tool's name, or else the first, that the
 * last message with calls holds and that has no answer yet.
 *
 * An answer's lines: text and thinking as they come; a call when all of it is there, since a line
 * holds whole calls.  Durations are measured.  Loop thread only. */
#pragma once
#include "api/api.h"
#include "api/decode.h"

/* What GET /api/version says.  Clients ask for at least 0.6.4 (Copilot in VS Code, Raycast);
 * 0.12.11 brought the newest member that is spoken here, logprobs. */
#define OLLAMA_VERSION "0.12.11"

/* ollama_options.c: members of every body; `to` is the turn. */
DECODE_READER(ollama_options);
DECODE_READER(ollama_keep_alive);
DECODE_READER(ollama_think);
DECODE_READER(ollama_format);
DECODE_READER(ollama_top_logprobs);
/* "1h30m", "300ms", "5" (seconds), "-1": into milliseconds; below 0: for ever.  False: it is none.
 */
bool ollama_duration(struct slice text, double *ret_ms);

/* ollama_messages.c. */
DECODE_READER(ollama_messages); /* struct turn */
/* A list of images in base64 as parts of m, which has room for them. */
NIGH_MUST enum nigh_status ollama_images(struct decode *d, const struct spot *at,
                                         yyjson_val *images, struct message *m);

/* ollama_error.c: {"error":"..."}, of every path under /api/. */
void ollama_error(const struct refusal *r, struct buf *out);
void ollama_stream_error(struct encoding *e, const struct refusal *r, struct buf *out);

/* ollama_decode.c. */
NIGH_MUST enum nigh_status ollama_chat_decode(struct turn *turn, struct slice body,
                                              struct arena *arena, struct slice *ret_param,
                                              struct nigh_err *err);
NIGH_MUST enum nigh_status ollama_generate_decode(struct turn *turn, struct slice body,
                                                  struct arena *arena, struct slice *ret_param,
                                                  struct nigh_err *err);
/* ollama_encode.c: `{"model":...,"created_at":...`. */
void ollama_put_head(const struct encoding *e, struct buf *out);
