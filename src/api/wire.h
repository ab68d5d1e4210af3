/* wire: a format in which nigh speaks to places, the other direction of api.h.
 *
 * request makes the exact body for a turn; a reader is fed the answer's bytes and emits canonical
 * events.  Pure: no sockets, no clock.  Loop thread only. */
#pragma once
#include "api/api.h"
#include "net/server.h" /* struct header */
#include "net/sse.h"
#include "turn/place.h"

enum wire_flags {
    /* Write max_tokens instead of max_completion_tokens: llama-server and most compatible servers;
     * OpenAI's reasoning models refuse the old name. */
    WIRE_OLD_MAX_TOKENS = 1,
    WIRE_CACHE_PROMPT = 2, /* llama-server's cache_prompt */
    WIRE_RETURN_PROGRESS = 4,
    /* Takes TURN_MORE_WISHES: llama-server, vLLM, Ollama; OpenAI answers 400. */
    WIRE_MORE_WISHES = 8,
    /* Leave out lines at the front of the system prompt that change with every request (Claude
     * Code's x-anthropic-billing-header), so that the engine's prefix cache holds. */
    WIRE_STABLE_PREFIX = 16,
    /* Takes images in tool messages, as llama-server does wherever they stand; OpenAI's take text
     * alone. */
    WIRE_SEEN_RESULTS = 32,
};

enum wire_auth { WIRE_BEARER /* Authorization: Bearer KEY */, WIRE_X_API_KEY };
enum { WIRE_HEADERS_MAX = 4 };

struct wire_reader; /* one answer */

struct wire {
    const char *name;                 /* "openai" */
    const char *paths[VERB_COUNT_OF]; /* VERB_CHAT: "/chat/completions"; NULL: not spoken */
    enum wire_auth auth;
    unsigned cannot;       /* CAN_... bits that the format has no word for */
    bool needs_max_tokens; /* a turn without them gets the model's own, where it is known */
    /* Beside content type, Accept and the key: anthropic-version, the caller's anthropic-beta.  May
     * be NULL.  Values live in the arena or for ever. */
    size_t (*headers)(const struct turn *turn, struct arena *arena,
                      struct header ret[WIRE_HEADERS_MAX]);
    /* Of chats always asks for a stream with usage, whatever the turn wants: what comes is gathered
     * for callers who want it whole.  Unknown members of the turn's raw request travel on when it
     * came in this format. */
    NIGH_MUST enum nigh_status (*request)(struct buf *out, const struct turn *turn,
                                          const char *model, unsigned flags, struct nigh_err *err);
    /* turn: what was asked; it outlives the reader.  content_type: of the answer; a JSON body where
     * a stream was asked for is taken too. */
    NIGH_MUST enum nigh_status (*reader_new)(struct wire_reader **ret, const struct turn *turn,
                                             int http_status, struct slice content_type,
                                             struct arena *arena,
                                             void (*sink)(void *owner, const struct event *),
                                             void *owner, struct nigh_err *err);
    /* NIGH_UPSTREAM when the bytes are not the format's: invalid JSON, an error event. */
    NIGH_MUST enum nigh_status (*reader_feed)(struct wire_reader *r, struct slice bytes,
                                              struct nigh_err *err);
    /* The answer's bytes are over.  Emits USAGE if it was told, then END when the answer is whole:
     * every choice has its finish reason, and [DONE] came or the transfer was clean.  ([DONE] alone
     * does not do: gateways send it after a cut, too.)  The place fills outcome->err beforehand
     * when the transfer was not clean, and retry_after_ms from the header; both stay.  Fills fate,
     * said*, err and, where 0, http_status: for HTTP errors from the error's body (429, context
     * length, content filter, bad key), for broken answers FATE_RETRY as long as nothing but BEGIN
     * was emitted, else FATE_CUT. */
    void (*reader_end)(struct wire_reader *r, struct outcome *outcome);
    bool (*reader_whole)(const struct wire_reader *r); /* [DONE] came: no need to wait for more */
    void (*reader_free)(struct wire_reader *r);        /* never from inside the sink */
};

extern const struct wire wire_openai;
extern const struct wire wire_llama; /* the engine's: base URL without /v1 */
extern const struct wire wire_anthropic;
extern const struct wire wire_responses;
