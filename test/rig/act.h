/* act: how the stand-in behaves towards a request.
 *
 * The default act says what it does when nothing was scripted; a queue of acts says what it does
 * with the next requests.  The first act of the queue that fits the request is taken; one with
 * `times` left goes when it is used up, one with `for_ms` when its time has passed.  README.md
 * lists the members. */
#pragma once
#include "bytes.h"
#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

enum act_fault {
    FAULT_NONE,
    FAULT_RESET,  /* the request is read, then the connection is reset */
    FAULT_CLOSE,  /* the request is read, then the connection is closed */
    FAULT_SILENT, /* the request is read and never answered */
};

struct act {
    /* when it holds */
    const char *match_model; /* NULL: any */
    int match_stream;        /* -1: either */
    long times;              /* -1: for ever */
    uint64_t for_us;         /* 0: no clock; else counted from the moment it was scripted */
    uint64_t until_us;

    /* instead of an answer */
    enum act_fault fault;
    int status;
    yyjson_val *headers; /* object of strings, or NULL */
    const char *error;   /* name of a row of the table in chat.c, or NULL */
    const char *body;    /* the exact body, or NULL */

    /* the answer */
    const char *reply; /* cut into tokens before every space */
    const char *echo;  /* "text": the last user message; "body": the whole request; NULL: neither */
    const char *model; /* NULL: the name that was asked for */
    const char *finish; /* finish_reason, or NULL for the right one */
    long tokens;        /* the reply's words over and over until there are so many; 0: once */
    long token_bytes;   /* a token has no more than so many bytes; 0: as many as its word */
    uint64_t first_delay_us, token_delay_us;
    bool early_header;     /* the header goes before the first delay, not after */
    bool tools;            /* call the first tool when tools are given */
    const char *thinking;  /* told before the reply; NULL: nothing */
    const char *signature; /* of the thinking; NULL: none */
    long calls;            /* as many calls at once */
    bool refuse_prefill;   /* 400 when the last message is the assistant's */
    yyjson_val *usage;     /* NULL: counted; false: left out; object: as it stands */

    /* what goes wrong on the way; counted in tokens, -1: never */
    long cut_after, stall_after, bad_json_at, error_after;
    bool cut_clean; /* the cut is an orderly close rather than a reset */
    uint64_t stall_us;
    bool no_done;   /* no [DONE]; the answer ends in good order */
    bool hold;      /* no [DONE] and no end: the connection stays open */
    bool no_finish; /* no finish_reason */
};

struct acts {
    struct act fallback; /* the default act */
    struct act first;    /* what it is again after "clear": as the command line said */
    struct act *queue;
    size_t n, room;
};

void acts_init(struct acts *acts);
/* {"default": {...}, "acts": [...], "clear": true}, a list of acts, or one act.  NULL, or what is
 * wrong.  The document must outlive the acts. */
const char *acts_script(struct acts *acts, yyjson_val *script, uint64_t now_us);
struct act acts_take(struct acts *acts, const char *model, bool stream, uint64_t now_us);
