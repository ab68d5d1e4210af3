/* turn: one request in canonical form, whichever API brought it.
 *
 * Made by an api's decode, read by everybody after; only label, mask and recall steps change it.
 * Everything in it lives in the walk's arena, JSON values in a document in the same arena.  What an
 * API sent and the canonical form has no word for stays reachable through `raw` and travels on to a
 * place that speaks the same format; nothing is dropped in silence.  Loop thread only. */
#pragma once
#include "base/json.h"
#include "label/label.h"

enum role { ROLE_SYSTEM, ROLE_DEVELOPER, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL };

enum part_kind {
    PART_TEXT,
    PART_IMAGE,     /* url: https or data: URL */
    PART_AUDIO,     /* raw keeps the data */
    PART_FILE,      /* raw keeps it */
    PART_REFUSAL,   /* text: what an assistant said in refusing */
    PART_REASONING, /* text: an assistant's thinking, kept so that it can be sent back */
    PART_CALL,      /* an assistant's tool call: call_id, name, text is the arguments' JSON */
    PART_OTHER,     /* raw alone */
};

struct part {
    enum part_kind kind;
    struct slice text;
    struct slice url;           /* PART_IMAGE */
    struct slice detail;        /* PART_IMAGE: "low", "high", "auto" */
    struct slice call_id, name; /* PART_CALL */
    struct label label;
    yyjson_val *raw; /* the part as it came, or NULL when it was a bare string */
};

struct message {
    enum role role;
    struct slice name;    /* of the speaker, if told */
    struct slice call_id; /* ROLE_TOOL: which call this answers */
    bool failed;          /* ROLE_TOOL: the tool reported an error */
    bool bare;            /* content came as one string, not as a list */
    struct part *parts;
    size_t n_parts;
    yyjson_val *raw;
};

struct tool {
    struct slice name, description;
    yyjson_val *schema; /* JSON Schema of the arguments, or NULL */
    int strict;         /* -1 unset, 0, 1 */
    yyjson_val *raw;
};

enum tool_choice { CHOICE_UNSET, CHOICE_AUTO, CHOICE_NONE, CHOICE_REQUIRED, CHOICE_NAMED };
enum format { FORMAT_UNSET, FORMAT_TEXT, FORMAT_JSON, FORMAT_SCHEMA };

/* Sampling wishes: one row each (member, JSON name in OpenAI's format, lowest, highest).  NAN: unset. */
#define TURN_WISHES(W)                                                                             \
    W(temperature, "temperature", 0, 2)                                                            \
    W(top_p, "top_p", 0, 1)                                                                        \
    W(frequency_penalty, "frequency_penalty", -2, 2)                                               \
    W(presence_penalty, "presence_penalty", -2, 2)

enum {
    TURN_MESSAGES_MAX = 10000,
    TURN_PARTS_MAX = 10000, /* in one message */
    TURN_TOOLS_MAX = 1024,
    TURN_CHOICES_MAX = 16, /* n */
    TURN_STOPS_MAX = 16,   /* OpenAI documents 4; local servers take more */
    TURN_SCHEMA_DEPTH_MAX = 64, /* of tools' and formats' schemas; llama-server 0.7.0 dies on one
                                   nested 30,000 deep (THREATS.md) */
};

struct turn {
    struct slice model; /* as asked: "auto", "auto/fast", "here/x", "openai/y", an alias */
    struct message *messages;
    size_t n_messages;

    struct tool *tools;
    size_t n_tools;
    enum tool_choice choice;
    struct slice choice_name; /* CHOICE_NAMED */
    int parallel_calls;       /* -1 unset, 0, 1 */

    enum format format;
    yyjson_val *schema; /* FORMAT_SCHEMA: the json_schema object as it came */

#define TURN_WISH_MEMBER(member, name, low, high) double member;
    TURN_WISHES(TURN_WISH_MEMBER)
#undef TURN_WISH_MEMBER
    bool has_seed;
    int64_t seed;
    uint64_t max_tokens; /* 0: unset */
    bool max_tokens_old; /* came as max_tokens rather than max_completion_tokens */
    unsigned n;          /* choices, at least 1 */
    struct slice stops[TURN_STOPS_MAX];
    size_t n_stops;
    bool logprobs;
    int top_logprobs; /* -1 unset */
    yyjson_val *logit_bias;

    bool stream, stream_usage; /* stream_usage: a last chunk with usage was asked for */

    yyjson_val *raw;   /* the whole request as it came */
    const char *format_name; /* which api decoded it: "openai-chat" */

    /* Wishes to nigh: headers first, then metadata.nigh_* */
    struct slice want_label, want_profile, session;
    double max_cost_usd;   /* NAN: unset */
    uint64_t deadline_ms;  /* 0: unset */

    struct label label; /* joined from everything; starts as LABEL_ANYWHERE */
    char label_source[64]; /* what narrowed it most: "header", "key kids", "rule 3", "default" */
};

void turn_init(struct turn *turn); /* every field unset */

/* Calls fn for every text that a person or tool wrote (message text, tool arguments and results, names,
 * tool descriptions); stops early when fn returns false. */
void turn_each_text(const struct turn *turn, bool (*fn)(void *owner, struct slice text), void *owner);
size_t turn_text_bytes(const struct turn *turn);
/* The last user message's text when the turn is nothing but plain text (no tools, images, required
 * format, one choice, no logprobs), else absent; parts are joined in the arena. */
struct slice turn_plain_question(const struct turn *turn, struct arena *a);
unsigned turn_needs(const struct turn *turn); /* CAN_... bits of place.h */
