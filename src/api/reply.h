/* reply: an api's encoder joined to an exchange, with back-pressure.
 *
 * The walk feeds it events; the first one that the caller can see sends the header, so a place that
 * fails before may be replaced without a trace.  Loop thread only. */
#pragma once
#include "api/api.h"
#include "net/server.h"

struct reply {
    const struct api *api;
    struct exchange *ex;
    struct encoding enc;
    struct buf out;           /* scratch, reset per event */
    struct header headers[8]; /* Nigh-Turn, Nigh-Place ...; values outlive the reply */
    size_t n_headers;
    bool began; /* bytes went to the caller */
    bool ended;
};
/* Who calls fills r->enc (turn, answer, id, model, created, arena) before the first event, and
 * r->enc.bill_json before END or reply_end. */
void reply_init(struct reply *r, const struct api *api, struct exchange *ex);
void reply_header(struct reply *r, const char *name, const char *value); /* before it began */
/* A stream: encodes and writes.  Not a stream: nothing until reply_end. */
void reply_event(struct reply *r, const struct event *event);
bool reply_full(const struct reply *r); /* the client drains slowly: pause the place */
void reply_end(struct reply *r);        /* the whole body, or the end of the stream */
/* A refusal before anything went: a status and a body.  After: the format's error event, then the
 * connection is cut, so that it never looks whole. */
void reply_refuse(struct reply *r, const struct refusal *refusal);
void reply_done(struct reply *r);
