/* turn: one request in canonical form, whichever API brought it.
 *
 * Made by an api's decode, read by everybody after; only label, mask and recall steps change it.
 * Everything in it lives in the walk's arena, JSON values in a document in the same arena.  What an
 * API sent and the canonical form has no word for stays reachable through `raw` and travels on to a
 * place that speaks the same format; nothing is dropped in silence.  Loop thread only. */
#pragma once
#include "base/json.h"
#include "label/label.h"

/* A member that the canonical form has no word for, kept as it came.  It travels on to places that
 * speak the same format, and turn_each_text shows its strings like any other. */
struct extra {
    struct slice key;
    yyjson_val *val;
    struct extra *next; /* in the order they came */
};

enum role { ROLE_SYSTEM, ROLE_DEVELOPER, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL };

enum part_kind {
    PART_TEXT,
    PART_IMAGE,     /* url: https or data: URL */
    PART_AUDIO,     /* raw keeps the data */
    PART_FILE,      /* name, and url: https or data: URL, where told; raw keeps all */
    PART_REFUSAL,   /* text: what an assistant said in refusing */
    PART_REASONING, /* text: an assistant's thinking, kept so that it can be sent back; signature:
                       its maker's proof, call_id: its item's id, where the API has them */
    PART_REDACTED,  /* text: thinking that only its maker can read */
    PART_CALL,      /* an assistant's tool call: call_id, name, text is the arguments' JSON */
    PART_OTHER,     /* raw alone */
};

struct part {
    enum part_kind kind;
    struct slice text;
    struct slice url;           /* PART_IMAGE */
    struct slice detail;        /* PART_IMAGE: "low", "high", "auto" */
    struct slice call_id, name; /* PART_CALL */
    struct slice signature;     /* PART_REASONING */
    struct label label;
    struct extra *extras; /* beside `type`; of PART_AUDIO, PART_FILE and PART_OTHER raw says all */
    struct extra *inner;  /* one level down: PART_IMAGE in image_url, PART_CALL in function */
    yyjson_val *raw;      /* the part as it came, or NULL when it was a bare string */
};

struct message {
    enum role role;
    struct slice name;    /* of the speaker, if told */
    struct slice call_id; /* ROLE_TOOL: which call this answers */
    bool failed;          /* ROLE_TOOL: the tool reported an error */
    bool bare;            /* content came as one string, not as a list */
    struct part *parts;
    size_t n_parts;
    struct extra *extras;
    yyjson_val *raw;
};
const char *role_text(enum role role); /* OpenAI's words: "system", "developer", ... */

struct tool {
    struct slice name, description;
    yyjson_val *schema;           /* JSON Schema of the arguments, or NULL */
    int strict;                   /* -1 unset, 0, 1 */
    struct extra *extras, *inner; /* of the tool, of its `function` */
    yyjson_val *raw;
};

/* What is asked for.  For all but VERB_CHAT and VERB_COUNT the messages are plain inputs of
 * ROLE_USER, one part each (PART_TEXT, or PART_OTHER with raw a list of token numbers), so that
 * labels, ledger and bills see them as they see a chat's.  One row each: name, word, what the
 * messages are. */
#define TURN_VERBS(V)                                                                              \
    V(CHAT, "chat")             /* a conversation */                                               \
    V(COMPLETE, "complete")     /* prompts to go on from, without a template */                    \
    V(EMBED, "embed")           /* texts */                                                        \
    V(RERANK, "rerank")         /* first the query, then the documents */                          \
    V(TOKENIZE, "tokenize")     /* one text */                                                     \
    V(DETOKENIZE, "detokenize") /* one list of token numbers */                                    \
    V(COUNT, "count")           /* a conversation, whose tokens are to be counted */               \
    V(LOAD, "load")             /* none: a local model is to be in memory, or with keep_ms 0 not;  \
                                   every place speaks it, most have nothing to do */
enum verb {
/* clang-format off */
#define TURN_VERB(name, text) VERB_##name,
    TURN_VERBS(TURN_VERB)
#undef TURN_VERB
    VERB_COUNT_OF,
    /* clang-format on */
};
const char *verb_text(enum verb verb);

/* How long to think before the answer. */
#define TURN_EFFORTS(E)                                                                            \
    E(NONE, "none")                                                                                \
    E(MINIMAL, "minimal")                                                                          \
    E(LOW, "low")                                                                                  \
    E(MEDIUM, "medium")                                                                            \
    E(HIGH, "high")                                                                                \
    E(XHIGH, "xhigh")                                                                              \
    E(MAX, "max")
enum effort {
    EFFORT_UNSET,
#define TURN_EFFORT(name, text) EFFORT_##name,
    TURN_EFFORTS(TURN_EFFORT)
#undef TURN_EFFORT
};
const char *effort_text(enum effort effort); /* OpenAI's words; NULL for EFFORT_UNSET */
enum effort effort_of(struct slice word);    /* EFFORT_UNSET: no such word */

enum tool_choice { CHOICE_UNSET, CHOICE_AUTO, CHOICE_NONE, CHOICE_REQUIRED, CHOICE_NAMED };
enum format { FORMAT_UNSET, FORMAT_TEXT, FORMAT_JSON, FORMAT_SCHEMA };

/* Sampling wishes: one row each (member, JSON name in OpenAI's format, lowest, highest).  NAN:
 * unset. */
#define TURN_WISHES(W)                                                                             \
    W(temperature, "temperature", 0, 2)                                                            \
    W(top_p, "top_p", 0, 1)                                                                        \
    W(frequency_penalty, "frequency_penalty", -2, 2)                                               \
    W(presence_penalty, "presence_penalty", -2, 2)
/* More of them that Anthropic, Ollama and local servers know and OpenAI's own does not: OpenAI's
 * format writes them to places that take them (WIRE_MORE_WISHES) or that the caller chose in that
 * format. */
#define TURN_MORE_WISHES(W)                                                                        \
    W(top_k, "top_k", -1, 1e9)                                                                     \
    W(min_p, "min_p", 0, 1)                                                                        \
    W(repeat_penalty, "repeat_penalty", 0, 100)

enum {
    TURN_MESSAGES_MAX = 10000,
    TURN_PARTS_MAX = 10000, /* in one message */
    TURN_TOOLS_MAX = 1024,
    TURN_CALLS_MAX = 128,       /* in one message: OpenAI's own limit */
    TURN_EXTRAS_MAX = 64,       /* in one object; a guess at twice what any API has */
    TURN_CHOICES_MAX = 16,      /* n */
    TURN_STOPS_MAX = 16,        /* OpenAI documents 4; local servers take more */
    TURN_SCHEMA_DEPTH_MAX = 64, /* of tools' and formats' schemas; llama-server 0.7.0 dies on one
                                   nested 30,000 deep (THREATS.md) */
};
#define TURN_KEEP_MAX_MS (INT64_C(366) * 86400 * 1000) /* longer is for ever */

/* Its members stand in the order in which a reader asks for them; there is one a request. */
struct turn {
    enum verb verb;
    struct slice model; /* as asked: "auto", "auto/fast", "here/x", "openai/y", an alias */
    struct message *messages;
    size_t n_messages;

    struct tool *tools;
    size_t n_tools;
    enum tool_choice choice;
    struct slice choice_name; /* CHOICE_NAMED */
    int parallel_calls;       /* -1 unset, 0, 1 */

    enum format format;
    yyjson_val *schema;          /* FORMAT_SCHEMA: the json_schema object as it came */
    struct extra *format_extras; /* beside it in response_format */

#define TURN_WISH_MEMBER(member, name, low, high) double member;
    TURN_WISHES(TURN_WISH_MEMBER)
    TURN_MORE_WISHES(TURN_WISH_MEMBER)
#undef TURN_WISH_MEMBER
    bool has_seed;
    int64_t seed;
    uint64_t max_tokens; /* 0: unset */
    bool max_tokens_old; /* came as max_tokens rather than max_completion_tokens */
    unsigned n;          /* choices, at least 1 */
    enum effort effort;
    uint64_t think_tokens; /* budget for thinking; 0: unset */
    bool has_keep;         /* else as the config says */
    int64_t keep_ms;       /* how long a local model that answered stays in memory when nobody asks
                              it; 0: not at all, below 0: for ever.  Ollama's keep_alive */
    struct slice stops[TURN_STOPS_MAX];
    size_t n_stops;
    bool logprobs;
    int top_logprobs; /* -1 unset */
    yyjson_val *logit_bias;

    struct slice suffix; /* VERB_COMPLETE: what comes after the gap that is to be filled */
    bool echo;           /* VERB_COMPLETE: the prompt, and its logprobs, before the answer */
    uint64_t dimensions; /* VERB_EMBED; 0: the model's own */
    bool base64;         /* VERB_EMBED: floats as base64 of little-endian IEEE 754 */
    uint64_t top_n;      /* VERB_RERANK; 0: all */

    bool stream, stream_usage;   /* stream_usage: a last chunk with usage was asked for */
    struct extra *stream_extras; /* other members of stream_options */

    struct extra *extras;
    yyjson_val *metadata; /* an object; its nigh_* members are wishes to nigh and never travel on */
    yyjson_val *raw;      /* the whole request as it came */
    const char *format_name; /* which api decoded it: "openai-chat" */

    /* A member or a tool's type without which the request would mean something else, and that only
     * format_name can say (Anthropic's mcp_servers, web_search_20250305): other formats refuse. */
    struct slice native;
    struct slice beta; /* the header anthropic-beta: travels to places that speak that format */

    /* State kept by the API that was called (OpenAI's responses). */
    struct slice previous_id; /* goes on from that response */
    bool store;               /* the answer is to be kept under the turn's id */

    /* Wishes to nigh: headers first, then metadata.nigh_* */
    struct slice want_label, want_profile, session;
    double max_cost_usd;  /* NAN: unset */
    uint64_t deadline_ms; /* 0: unset */

    struct label label;    /* joined from everything; starts as LABEL_ANYWHERE */
    char label_source[64]; /* what narrowed it most: "header", "key kids", "rule 3", "default" */
};

void turn_init(struct turn *turn); /* every field unset */

/* Calls fn for every text that would leave with the turn: messages, tool arguments and results,
 * names, tool descriptions and schemas, file names and data, links, metadata, extras with their
 * keys and numbers, the caller's betas.  Left out: model names, nigh_* wishes, images given as data
 * (pixels).  Stops early when fn returns false. */
void turn_each_text(const struct turn *turn, bool (*fn)(void *owner, struct slice text),
                    void *owner);

/* Where such a text stands. */
enum text_kind {
    TEXT_WORDS,  /* what somebody said: a part's text, a string of its JSON */
    TEXT_JSON,   /* the same, as JSON text: a call's arguments */
    TEXT_NAME,   /* names, ids, keys, descriptions, links */
    TEXT_NUMBER, /* a whole number of a JSON value, of TEXT_NUMBER_LEAST or more: in digits, which
                    are this call's alone */
    TEXT_HEADER, /* goes beside the body, where no placeholder can stand */
};
enum { TEXT_NUMBER_LEAST = 1000000 }; /* seven digits: no pattern is sure of fewer */
enum { TEXT_NOWHERE = UINT32_MAX };
struct text_at {
    uint32_t message; /* TEXT_NOWHERE: in none (tools, metadata) */
    uint32_t part;    /* of the message; TEXT_NOWHERE: in none */
    enum text_kind kind;
};
typedef bool turn_text_fn(void *owner, struct slice text, struct text_at at);
/* turn_each_text with the place of each text, in the same order. */
void turn_each_text_at(const struct turn *turn, turn_text_fn *fn, void *owner);
/* Every string of a JSON value that stands there, and every number of TEXT_NUMBER_LEAST or more:
 * keys as TEXT_NAME, other strings as TEXT_WORDS.  false once fn returned that. */
bool turn_each_string(yyjson_val *val, struct text_at at, turn_text_fn *fn, void *owner);
size_t turn_text_bytes(const struct turn *turn); /* of the above */
/* The last user message's text when the turn is nothing but plain text (no tools, images, required
 * format, one choice, no logprobs) and ends with it, else absent; parts are joined in the arena. */
struct slice turn_plain_question(const struct turn *turn, struct arena *a);
unsigned turn_needs(const struct turn *turn);   /* CAN_... bits of place.h */
unsigned turn_choices(const struct turn *turn); /* answers that are asked for: n, of each prompt */
