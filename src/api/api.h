/* api: a wire format that programs speak to nigh, and its table.
 *
 * decode turns a request body into a turn; an encoder turns the answer's events back into bytes.  An
 * api knows nothing of places, plans or sockets: reply.h joins it to an exchange.  Errors have the
 * shape of the format.  Loop thread only. */
#pragma once
#include "turn/answer.h"
#include "turn/turn.h"

/* What a caller is told when a turn fails. */
struct refusal {
    enum nigh_status status;
    int http_status;         /* nigh_status_http(status) unless a place's own 4xx is passed on */
    struct slice what;       /* the text: names label and place, never content */
    struct slice type, code, param; /* absent: the api's own words for the status; param: a JSON
                                       pointer-like path to the field: "messages[2].content" */
    uint64_t retry_after_ms; /* 0: none */
    /* What did not fit into a local model's context, where that was why; 0: not known. */
    uint64_t prompt_tokens, context_tokens;
    const char *id;          /* the turn's, for formats that tell it; NULL: there was no turn */
};

/* What the encoder may tell beside the answer itself. */
struct encoding {
    const struct turn *turn;
    const struct answer *answer; /* gathered so far, the event included */
    const char *id;              /* the turn's ULID */
    const char *model;           /* the place's name, shown as the model that answered */
    int64_t created;             /* Unix seconds */
    int64_t ended;               /* the same, of the answer's end; 0: not yet */
    uint64_t begun_us, first_us; /* monotonic: the turn's arrival, the answer's first piece (0: none
                                    yet); for formats that tell durations */
    uint64_t created_us;         /* the arrival by the wall clock */
    uint64_t now_us;             /* monotonic: of this event, or of the whole answer */
    uint64_t load_us;            /* of that, how long the model was being loaded; 0: it was there */
    struct slice bill_json;      /* usage.nigh when usage is asked for; absent: not (yet) known */
    struct arena *arena;
    void *state;                 /* the api's own, made at BEGIN (again after a restart); in the arena */
};

struct api {
    const char *name; /* "openai-chat" */
    const char *stream_type; /* "text/event-stream", "application/x-ndjson" */
    bool any_type;           /* takes JSON under whatever Content-Type programs give it
                                (nigh/accept.h) */
    bool tells_usage;        /* always, not only when stream_options asks for it: the bill is made
                                before the end */
    /* body: kept by the caller as long as the arena.  err->what begins with the field's path when one is to
     * blame and *ret_param is that path (in the arena). */
    NIGH_MUST enum nigh_status (*decode)(struct turn *turn, struct slice body, struct arena *arena,
                                         struct slice *ret_param, struct nigh_err *err);
    /* Streaming: bytes for one event appended to out (none for events the format does not show). */
    void (*event)(struct encoding *e, const struct event *event, struct buf *out);
    /* Not streaming: the whole body, made of e->answer. */
    void (*whole)(struct encoding *e, struct buf *out);
    void (*error)(const struct refusal *r, struct buf *out);        /* a JSON body */
    void (*stream_error)(struct encoding *e, const struct refusal *r, struct buf *out);
};

extern const struct api api_openai_chat;
extern const struct api api_openai_completions, api_openai_embeddings, api_openai_count,
    api_openai_responses_count;
extern const struct api api_rerank, api_tokenize, api_detokenize;
extern const struct api api_anthropic, api_anthropic_count;
extern const struct api api_openai_responses;
extern const struct api api_ollama_chat, api_ollama_generate, api_ollama_embed, api_ollama_embeddings;
