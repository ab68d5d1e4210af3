/* wire_read: what the readers of all wires do alike.
 *
 * Finds out whether a stream, a JSON body or an error comes, cuts it into events, parses each,
 * keeps what went wrong, and says at the end what that makes of the answer.  A format adds what its
 * JSON means: it embeds a struct wire_read as the first member of its struct wire_reader.  Loop
 * thread only.
 *
 * Invariants: 1. BEGIN is the first event, END the last and only of a whole answer: the format says
 * that it is finished, and its end mark was seen or the transfer was clean.  2. What one event
 * takes in memory is given back before the next is read.  3. After the first thing that broke
 * nothing more is read. */
#pragma once
#include "api/wire.h"

enum {
    /* One event: far over any delta, and over arguments that come whole. */
    WIRE_EVENT_MAX = 1 << 20,
    /* A body that came whole though a stream was asked for: what answer.h can hold, escaped. */
    WIRE_BODY_MAX = 2 * ANSWER_BYTES_MAX,
    /* Of an error's body; what is longer is not an API's. */
    WIRE_ERROR_MAX = 64 << 10,
    WIRE_SAID_MAX = 2048,   /* of a place's own words that are passed on */
    WIRE_ID_MAX = 16 << 10, /* of a tool call's id: some gateways hide signatures in it */
    /* A parsed document by the bytes of its text: 16 for a value, the smallest being two bytes with
     * its comma, and yyjson grows its list by half. */
    JSON_ROOM = 16,
};

struct wire_read;
struct wire_format {
    /* One event of a stream: its name ("" where the format names none), its JSON, and that JSON's
     * bytes. */
    void (*event)(struct wire_read *in, struct slice name, yyjson_val *root, struct slice text);
    void (*body)(struct wire_read *in, yyjson_val *root, struct slice text); /* a whole answer */
    bool (*finished)(const struct wire_read *in); /* every choice told why it stopped */
    const char *end_mark; /* data that ends a stream and is no JSON: "[DONE]"; NULL: none */
};

struct wire_read {
    const struct wire_format *format;
    const struct turn *turn;
    int http_status;
    struct arena *arena;
    void (*sink)(void *owner, const struct event *event);
    void *owner;

    enum { MODE_UNKNOWN, MODE_STREAM, MODE_BODY, MODE_ERROR } mode;
    struct sse sse;
    struct buf whole;     /* MODE_BODY, MODE_ERROR */
    struct arena scratch; /* of one event */

    bool began;          /* BEGIN was told */
    bool spoke;          /* something that a caller can see was told */
    bool done;           /* the end mark, or a body that is whole */
    bool refused;        /* the place told an error where events were awaited; see outcome */
    struct nigh_err err; /* status not OK: broken */
    struct outcome outcome;
    struct usage usage; /* all that is known so far; told at the end */
};

/* *ret: size bytes of the arena, zeroed, of which the first are the struct wire_read. */
NIGH_MUST enum nigh_status wire_read_new(struct wire_reader **ret, size_t size,
                                         const struct wire_format *format, const struct turn *turn,
                                         int http_status, struct arena *arena,
                                         void (*sink)(void *owner, const struct event *),
                                         void *owner, struct nigh_err *err);
/* The functions of struct wire, for any format. */
NIGH_MUST enum nigh_status wire_read_feed(struct wire_reader *r, struct slice bytes,
                                          struct nigh_err *err);
void wire_read_end(struct wire_reader *r, struct outcome *outcome);
bool wire_read_whole(const struct wire_reader *r);
void wire_read_free(struct wire_reader *r);

/* For formats. */
void wire_say(struct wire_read *in, const struct event *event);
void wire_say_text(struct wire_read *in, unsigned choice, enum event_kind kind,
                   struct slice text); /* "" is not told */
void wire_broken(struct wire_read *in, const char *why);
void wire_done(struct wire_read *in); /* the end mark: nothing after it is read */
/* An error object where an event was awaited; text is its JSON. */
void wire_refused(struct wire_read *in, struct slice text);
bool wire_ok(const struct wire_read *in); /* nothing broke so far */
/* A member that is a count; what is none is 0. */
uint64_t wire_count(yyjson_val *obj, const char *key);
/* A call's id: the place's, in the reader's arena, or one made up, since clients need one to send
 * the tool's result back.  Absent when something broke. */
struct slice wire_call_id(struct wire_read *in, struct slice id);

/* wire_error.c: reads an error object (or what stands in its place) out of body and fills
 * fate, said*, err.  http_status 0: the error came inside a stream. */
void wire_classify(struct slice body, int http_status, struct arena *arena,
                   struct outcome *outcome);
