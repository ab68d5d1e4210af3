/* event: what a place says while it answers, in canonical form.
 *
 * The order per answer: BEGIN, then any number of deltas for any choice, FINISH per choice, USAGE
 * at any point after BEGIN, END.  A stream without END was cut, and is never shown as
 * whole.  Slices and raw live during the sink's call only. */
#pragma once
#include "base/json.h"

enum event_kind {
    EVENT_BEGIN,     /* text: upstream's model name; raw: the first chunk's object */
    EVENT_TEXT,      /* text */
    EVENT_REASONING, /* text */
    EVENT_REFUSAL,   /* text */
    EVENT_CALL,      /* call, call_id, name: a tool call starts */
    EVENT_ARGUMENTS, /* call; text: a piece of the arguments' JSON */
    EVENT_SIGNATURE, /* text: closes the reasoning before it: its maker's proof or sealed copy
                        (Anthropic's signature, OpenAI's encrypted_content); call_id: the
                        reasoning item's id, if it has one */
    EVENT_REDACTED,  /* text: reasoning that only its maker can read (redacted_thinking) */
    EVENT_DATA,      /* raw: an answer that is not words (embeddings, ranks, tokens), as
                        api/verbs.h says; once; text: the same as JSON, where it is at hand: of a
                        million numbers writing it again takes long */
    EVENT_LOGPROBS,  /* raw: OpenAI's logprobs object, before the delta of whose tokens it tells */
    EVENT_FINISH,    /* finish; text: of FINISH_STOP the stop sequence that was met, if told */
    EVENT_NOTE,      /* name: "timings" (so far) or "prompt_progress"; raw: llama-server's object of
                        that name; only for a caller who speaks its format and asked for it */
    EVENT_USAGE,     /* usage: all that is known so far; replaces what was told before */
    EVENT_END,
};

enum finish {
    FINISH_STOP,
    FINISH_LENGTH,
    FINISH_CALLS,
    FINISH_FILTER, /* by a filter, or the model declined (Anthropic's "refusal") */
    FINISH_OTHER, /* text: upstream's word */
};
/* OpenAI's words: "stop", "length", "tool_calls", "content_filter"; "other" for FINISH_OTHER, where
 * upstream's own word is lost. */
const char *finish_text(enum finish finish);

/* Token counts.  input: every prompt token, cached ones included; output includes reasoning. */
struct usage {
    uint64_t input, output, cached_read, cache_write, reasoning;
    bool known; /* false: the place did not tell */
};

struct event {
    enum event_kind kind;
    unsigned choice; /* 0-based */
    unsigned call;   /* 0-based within the choice */
    enum finish finish;
    struct slice text, call_id, name;
    struct usage usage;
    yyjson_val *raw;
};
