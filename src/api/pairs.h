/* pairs: the property test of every pair of formats, in its parts.
 *
 * A case is made from a seed: a conversation (struct turn) or an answer (events), of what both
 * formats of a pair can say and of nothing else.  It goes through the adapters there and back, is
 * told as text, one line an item, and must be told alike at both ends.  What a format cannot say
 * stands in its table in pairs-formats.c with the reason, so that nothing is excused in silence:
 * what is refused must be refused, what is left out must take nothing else along.
 *
 * Everything lives in the case's arena.  One thread. */
#pragma once
#include "api/wire.h"

/* What a conversation may hold.  One row each: name, what it is. */
#define PAIRS_ASKS(A)                                                                              \
    A(HISTORY, "more than one question")                                                           \
    A(DEVELOPER, "role developer, apart from system")                                              \
    A(SYSTEM_LATER, "system messages after other ones")                                            \
    A(BOUNDARIES, "messages of one role in a row stay apart")                                      \
    A(BARE, "content as a string differs from a list of one part")                                 \
    A(PARTS, "several texts in one message stay apart")                                            \
    A(SYSTEM_PARTS, "several texts of the system stay apart")                                      \
    A(EMPTY, "texts without a character")                                                          \
    A(SPEAKER, "the name of who speaks")                                                           \
    A(IMAGE_DATA, "an image in the request")                                                       \
    A(IMAGE_LINK, "an image by link")                                                              \
    A(DETAIL, "how closely to look at an image")                                                   \
    A(REFUSED, "an assistant's refusal")                                                           \
    A(THOUGHT, "an assistant's thinking that nobody signed")                                       \
    A(SIGNED, "thinking with its maker's signature")                                               \
    A(THOUGHTS, "several thoughts in one message stay apart")                                      \
    A(REDACTED, "thinking that only its maker reads")                                              \
    A(ORDER, "the order of thinking, texts and calls")                                             \
    A(CALLS, "tool calls and their results")                                                       \
    A(MANY_CALLS, "several calls at once")                                                         \
    A(ANY_ARGUMENTS, "arguments of calls to the byte")                                             \
    A(BROKEN_ARGUMENTS, "arguments of calls that are no JSON object")                              \
    A(FAILED, "a tool's result is an error")                                                       \
    A(RESULT_PARTS, "a tool's result in several parts")                                            \
    A(RESULT_IMAGE, "an image in a tool's result")                                                 \
    A(LAST_ASSISTANT, "the assistant speaks last: its answer is to go on from there")              \
    A(TOOLS, "tools with a schema")                                                                \
    A(TOOL_BARE, "a tool without a schema")                                                        \
    A(STRICT, "whether a tool's schema is binding")                                                \
    A(CHOICE_AUTO, "tool choice: auto, said aloud")                                                \
    A(CHOICE_NONE, "tool choice: none")                                                            \
    A(CHOICE_MUST, "tool choice: any tool, a certain tool")                                        \
    A(PARALLEL, "one call at a time")                                                              \
    A(PARALLEL_YES, "several calls at once, said aloud")                                           \
    A(FORMAT_TEXT, "format: text, said aloud")                                                     \
    A(FORMAT_JSON, "format: any JSON")                                                             \
    A(FORMAT_SCHEMA, "format: JSON by schema")                                                     \
    A(SCHEMA_NAME, "its name, and whether it is binding")                                          \
    A(TEMPERATURE, "temperature up to 1, top_p")                                                   \
    A(HOT, "temperature over 1")                                                                   \
    A(PENALTIES, "frequency_penalty, presence_penalty")                                            \
    A(TOP_K, "top_k")                                                                              \
    A(LOCAL_WISHES, "min_p, repeat_penalty")                                                       \
    A(SEED, "seed")                                                                                \
    A(LIMITLESS, "no limit of tokens")                                                             \
    A(N, "several choices")                                                                        \
    A(STOPS, "stop sequences")                                                                     \
    A(STOPS_BLANK, "stop sequences of white space")                                                \
    A(EFFORT, "how long to think, in a word")                                                      \
    A(THINK_TOKENS, "how long to think, in tokens")                                                \
    A(LOGPROBS, "log-probabilities")                                                               \
    A(BIAS, "biases of tokens")                                                                    \
    A(EXTRAS, "members of the body, parts and tools that nobody here knows")                       \
    A(MESSAGE_EXTRAS, "the same of messages")                                                      \
    A(INNER_EXTRAS, "the same of the function in a call and in a tool")
enum {
#define PAIRS_ASK_BIT(name, what) ASK_BIT_##name,
    PAIRS_ASKS(PAIRS_ASK_BIT) ASK_BITS
#undef PAIRS_ASK_BIT
};
#define ASK(name) ((uint64_t)1 << ASK_BIT_##name)

/* What an answer may hold. */
#define PAIRS_TELLS(T)                                                                             \
    T(REFUSAL, "a refusal in words")                                                               \
    T(THINKING, "thinking")                                                                        \
    T(SIGNATURE, "its signature")                                                                  \
    T(REDACTED, "thinking that only its maker reads")                                              \
    T(ORDER, "the order of thinking, texts and calls")                                             \
    T(EMPTY, "an answer of no words")                                                              \
    T(CALLS, "tool calls")                                                                         \
    T(MANY_CALLS, "several calls at once")                                                         \
    T(WOVEN, "pieces of several calls by turns")                                                   \
    T(ANY_ARGUMENTS, "arguments of calls to the byte")                                             \
    T(BROKEN_ARGUMENTS, "arguments of calls that are no JSON object")                              \
    T(CALL_ID, "the id of a call")                                                                 \
    T(CHOICES, "several choices")                                                                  \
    T(LOGPROBS, "log-probabilities")                                                               \
    T(REFUSAL_LOGPROBS, "log-probabilities of a refusal")                                          \
    T(LENGTH, "it ended at the limit of tokens")                                                   \
    T(FILTER, "it ended by a filter")                                                              \
    T(OTHER, "it ended for a reason of the place's own")                                           \
    T(STOP_WORD, "which stop sequence was met")                                                    \
    T(CACHED, "input tokens read from a cache")                                                    \
    T(CACHE_WRITE, "input tokens written to a cache")                                              \
    T(THOUGHT_TOKENS, "output tokens of thinking")                                                 \
    T(NO_USAGE, "nobody counted")
enum {
#define PAIRS_TELL_BIT(name, what) TELL_BIT_##name,
    PAIRS_TELLS(PAIRS_TELL_BIT) TELL_BITS
#undef PAIRS_TELL_BIT
};
#define TELL(name) ((uint64_t)1 << TELL_BIT_##name)

/* pairs-gen.c: a source of chance, and the values that go into cases. */
struct gen {
    uint64_t state; /* splitmix64, the case's alone: adapters draw from base/rand */
    uint64_t may;   /* ASK or TELL bits: what may occur */
    uint64_t did;   /* what did */
    uint64_t must;  /* what occurs wherever it can */
    unsigned size;  /* how long texts and lists get: 1 to PAIRS_SIZE */
    struct arena *a;
};
enum { PAIRS_SIZE = 6 };
uint64_t gen_u64(struct gen *g);
unsigned gen_below(struct gen *g, unsigned n);
/* One in n, where the case may hold it; draws either way, so that a case shrinks by one thing
 * alone. */
bool gen_has(struct gen *g, uint64_t bit, unsigned n);
struct slice
gen_text(struct gen *g); /* at least one character: all of Unicode, and what parsers trip over */
struct slice gen_word(struct gen *g,
                      const char *prefix); /* letters and digits, hardly ever twice the same */
struct slice gen_keep(struct gen *g, struct buf *b);          /* moves the bytes to the arena */
void gen_value(struct gen *g, struct buf *b, unsigned depth); /* JSON, of any type */
void gen_object(struct gen *g, struct buf *b, unsigned depth);
void gen_schema(struct gen *g, struct buf *b, unsigned depth);
yyjson_val *gen_parsed(struct gen *g, struct buf *b);
/* A JSON string as some other program might have escaped it. */
void gen_quote(struct gen *g, struct buf *b, struct slice s);

/* pairs-turn.c */
void gen_turn(struct gen *g, struct turn *t);
/* pairs-answer.c: events of an answer, in order, ended. */
struct tale {
    struct event *events;
    size_t n;
};
void gen_answer(struct gen *g, struct tale *tale);

/* pairs-tell.c: as text, for comparing and for people.  Of `shows` decides what is only told apart
 * where both sides can. */
void tell_turn(struct buf *b, const struct turn *t, uint64_t shows);
void tell_answer(struct buf *b, const struct answer *answer, uint64_t shows);

/* pairs-formats.c: the formats, and what each can say. */
enum pairs_loss {
    LEFT_OUT, /* a request goes without it, else the same */
    REFUSED,  /* a request that holds it is not made */
    CHANGED,  /* told in another way; see the reason */
    NEVER,    /* cannot come up, since nobody could ask for it */
};
struct pairs_lack {
    uint64_t bits;
    enum pairs_loss loss;
    const char *why;
};
struct pairs_format {
    const char *name;
    const struct api *api;
    const struct wire *wire; /* the same format, out; NULL: nobody is asked in it */
    /* A request's body as a caller would write it (pairs-write-*.c). */
    void (*write)(struct buf *b, struct gen *g, const struct turn *t);
    /* Reads what the api's encoder wrote, whole or streamed, cut in pieces by g (NULL: byte by
     * byte); false: it would not be believed to be whole. */
    bool (*hear)(const struct pairs_format *f, struct gen *g, const struct turn *asked,
                 struct slice bytes, bool clean,
                 void (*sink)(void *owner, const struct event *event), void *owner,
                 struct arena *a);
    const struct pairs_lack *asks, *tells; /* what it cannot; the last row has no bits */
    uint64_t own;    /* of asks: yet it travels to a place of the same format */
    uint64_t caller; /* of asks: yet a caller can say it */
};
extern const struct pairs_format pairs_formats[];
extern const size_t pairs_n_formats;
uint64_t pairs_caller_asks(const struct pairs_format *in); /* ASK bits that a caller can say */
uint64_t pairs_asks(const struct pairs_format *in,
                    const struct pairs_format *out); /* ASK bits both say */
uint64_t pairs_tells(const struct pairs_format *in, const struct pairs_format *out); /* TELL bits */
const char *pairs_bit_name(bool ask, unsigned bit);

void write_openai_chat(struct buf *b, struct gen *g, const struct turn *t);
void write_responses(struct buf *b, struct gen *g, const struct turn *t);
void write_ollama_chat(struct buf *b, struct gen *g, const struct turn *t);
void write_ollama_generate(struct buf *b, struct gen *g, const struct turn *t);
void write_anthropic(struct buf *b, struct gen *g, const struct turn *t);

/* pairs-ollama.c: as `hear` of a format, since nobody is asked in it. */
bool hear_ollama(const struct pairs_format *f, struct gen *g, const struct turn *asked,
                 struct slice bytes, bool clean,
                 void (*sink)(void *owner, const struct event *event), void *owner,
                 struct arena *a);

/* pairs-write.c: for writers. */
struct pen {
    struct buf *b;
    struct gen *g;
};
void pen_str(struct pen *w, const char *key, struct slice s); /* nothing when absent */
void pen_extras(struct pen *w, const struct extra *e);
