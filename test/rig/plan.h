/* plan: an answer written out as the bytes that go on the wire and when.
 *
 * A plan is whole before its first byte is sent; the server only plays it. */
#pragma once
#include "act.h"

struct plan_step {
    size_t end;        /* the plan's text up to here ... */
    uint64_t delay_us; /* ... goes so long after the step before */
};

enum plan_end {
    PLAN_WHOLE,
    PLAN_RESET, /* the connection is reset */
    PLAN_CLOSE, /* the connection is closed without the end of the answer */
    PLAN_HOLD,  /* nothing more comes, the connection stays */
};

struct plan {
    struct bytes text;
    struct plan_step *steps;
    size_t n, room;
    enum plan_end end;
    int status;
};

void plan_done(struct plan *plan);
void plan_step(struct plan *plan, uint64_t delay_us); /* what was added since goes so much later */
/* A body with a status, in one step. */
void plan_body(struct plan *plan, int status, yyjson_val *headers, uint64_t delay_us,
               const char *body, size_t size);
/* Events, as many as there are, in one step. */
void plan_stream_body(struct plan *plan, uint64_t delay_us, const char *body, size_t size);
/* A whole answer of an act: its delays as one, its cut in the middle of the body. */
void plan_answer(struct plan *plan, const struct act *act, size_t n_tokens, struct bytes *body);

/* A stream: its head, its events (name NULL: none), its end in good order. */
void plan_stream(struct plan *plan, const struct act *act);
void plan_event(struct plan *plan, const char *name, const struct bytes *data, uint64_t delay_us);
void plan_stream_end(struct plan *plan, const struct act *act);
uint64_t plan_delay_before(const struct act *act, long done);
/* What goes wrong after so many tokens: broken is the start of an event's JSON, error a whole event
 * of that name.  False when the answer ends here. */
bool plan_trouble(struct plan *plan, const struct act *act, long done, const char *broken,
                  const char *error_name, const struct bytes *error);

/* The reply's text in tokens, cut before every space and after act->token_bytes; with act->tokens, over
 * and over until there are so many. */
struct tokens {
    struct bytes *at;
    size_t n;
};
void tokens_cut(struct tokens *tokens, const struct bytes *text, const struct act *act);
void tokens_limit(struct tokens *tokens, size_t limit); /* no more than that */
void tokens_done(struct tokens *tokens);
/* How much of a call's arguments goes in one piece; a piece never starts inside a character. */
size_t piece_size(const char *at, size_t left);

/* Every format's answer to a request.  request: NULL when the body was no JSON. */
typedef void plan_format(struct plan *plan, const struct act *act, yyjson_val *request,
                         const char *body, size_t size, unsigned long serial);
typedef void plan_format_error(struct plan *plan, int status, yyjson_val *headers, const char *name,
                               const char *message);
plan_format plan_chat, plan_messages, plan_responses;
plan_format_error plan_error, plan_messages_error; /* OpenAI's shape, Anthropic's */
/* chat.c: OpenAI's error object, for both its formats. */
void error_text(struct bytes *out, const char *name, int status, const char *message);
