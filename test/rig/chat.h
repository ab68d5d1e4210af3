/* chat: an answer in OpenAI's chat format, written out as the bytes that go on the wire and when.
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
/* A body with a status, in one step. */
void plan_body(struct plan *plan, int status, yyjson_val *headers, uint64_t delay_us,
               const char *body, size_t size);
/* Events, as many as there are, in one step. */
void plan_stream_body(struct plan *plan, uint64_t delay_us, const char *body, size_t size);
/* OpenAI's error shape. */
void plan_error(struct plan *plan, int status, yyjson_val *headers, const char *name,
                const char *message);
/* request: NULL when the body was no JSON. */
void plan_chat(struct plan *plan, const struct act *act, yyjson_val *request, const char *body,
               size_t size, unsigned long serial);
