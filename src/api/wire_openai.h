/* wire_openai: what the two files of OpenAI's wire share.  Loop thread only. */
#pragma once
#include "api/wire.h"

enum {
    /* One event: far over any delta, and over arguments that come whole. */
    WIRE_OPENAI_EVENT_MAX = 1 << 20,
    /* A body that came whole though a stream was asked for: what answer.h can hold, escaped. */
    WIRE_OPENAI_BODY_MAX = 2 * ANSWER_BYTES_MAX,
    /* Of an error's body; what is longer is not an API's. */
    WIRE_OPENAI_ERROR_MAX = 64 << 10,
    WIRE_OPENAI_SAID_MAX = 2048,   /* of a place's own words that are passed on */
    WIRE_OPENAI_ID_MAX = 16 << 10, /* of a tool call's id: some gateways hide signatures in it */
    /* A parsed document by the bytes of its text: 16 for a value, the smallest being two bytes with
     * its comma, and yyjson grows its list by half. */
    JSON_ROOM = 16,
};

/* wire_openai_error.c: reads an error object (or what stands in its place) out of body and fills
 * fate, said*, err.  http_status 0: the error came inside a stream. */
void wire_openai_classify(struct slice body, int http_status, struct arena *arena,
                          struct outcome *outcome);

/* wire_openai_reader.c */
enum nigh_status wire_openai_reader_new(struct wire_reader **ret, const struct turn *turn, int http_status,
                                        struct slice content_type, struct arena *arena,
                                        void (*sink)(void *owner, const struct event *),
                                        void *owner, struct nigh_err *err);
enum nigh_status wire_openai_reader_feed(struct wire_reader *r, struct slice bytes,
                                         struct nigh_err *err);
void wire_openai_reader_end(struct wire_reader *r, struct outcome *outcome);
bool wire_openai_reader_whole(const struct wire_reader *r);
void wire_openai_reader_free(struct wire_reader *r);
