/* verbs: what a place answers to a turn that is no chat, as EVENT_DATA's raw and answer.data.
 *
 * One JSON object per answer, in one event, between BEGIN and END; FINISH is not told.  Wires make
 * it and see to it that it is what stands here (verbs_check), so encoders may rely on it:
 * everything promised is there, in the order promised.  What a place told besides is left out.
 *
 *   VERB_EMBED       {"embeddings":[[number,...],...]}
 *                    one list per input, in the inputs' order, none empty, all equally long
 *   VERB_RERANK      {"results":[{"index":i,"relevance_score":x},...]}
 *                    best first; index counts the documents (messages[1 + i]) and stands once; all
 * of them, or the best top_n VERB_TOKENIZE    {"tokens":[n,...]}, or
 * {"tokens":[{"id":n,"piece":p},...]} where pieces were asked for; p is a string or, where it alone
 * is no UTF-8, a list of bytes VERB_DETOKENIZE  {"content":"..."} VERB_COUNT {"input_tokens":n}
 *
 * VERB_COMPLETE answers with ordinary events: TEXT, LOGPROBS, FINISH, USAGE.  Prompt p's answer i
 * is choice p * turn->n + i.  Its LOGPROBS have the shape of a chat's, whose items may have besides
 * "text_offset", and whose logprob is null where the place told none (the first token of an echo).
 *
 * What a turn of these verbs holds: turn.h at TURN_VERBS, its messages by verbs_input.  Pure
 * functions. Loop thread only. */
#pragma once
#include "turn/turn.h"

enum {
    VERBS_INPUTS_MAX = 2048, /* texts to embed: OpenAI's own limit */
    VERBS_PROMPTS_MAX = 128, /* answers of one VERB_COMPLETE: prompts times n */
    /* answer.data as a document: the text and 16 bytes a number, of two bytes at the least */
    VERBS_DATA_ARENA_MAX = 9 * 64 << 20,
    VERBS_DIMENSIONS_MAX = 65536, /* of one vector; 4,096 is the most we know of */
};

/* One more input at the end of the turn: a text (val a string) or a list of token numbers, a
 * message of ROLE_USER with one part.  turn->messages must have room for it; false: no memory. */
NIGH_MUST bool verbs_input(struct turn *turn, yyjson_val *val, struct arena *arena);

/* Is this what a place may answer to that turn?  NIGH_UPSTREAM with what is wrong with it;
 * NIGH_UNSUPPORTED where turn->dimensions were asked for and the vectors have others. */
NIGH_MUST enum nigh_status verbs_check(const struct turn *turn, yyjson_val *data,
                                       struct nigh_err *err);

/* answer.data parsed again, for an encoder; NULL: no memory. */
yyjson_val *verbs_data(struct slice data, struct arena *arena);

/* A number as IEEE 754's nearest 32 bits; "-0" keeps its sign. */
float verbs_float(yyjson_val *number);
/* A list of numbers as base64 (RFC 4648) of little-endian floats, in quotes. */
void verbs_base64(yyjson_val *numbers, struct buf *out);
/* And back, into a JSON list.  False: no base64 of whole floats, or one of them is no finite
 * number. */
NIGH_MUST bool verbs_base64_read(struct slice text, struct buf *out);
