/* talk: how a command speaks to the running node, and starts one when none runs.
 *
 * One request at a time, on a loop of its own, through net/client.h like everything that leaves a
 * process of ours.  The node is found by local.json in the state folder (nigh/local_key.h), whose
 * key goes with each request.  One thread.
 *
 * Invariants: 1. The key and what is asked go only to a process that belongs to the owner of
 * local.json and answers /healthz: after a crash somebody else may have taken the port.  2. A node
 * that talk starts outlives the command and holds none of its files. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "net/server.h" /* struct header */
#include "nigh/local_key.h"

enum talk_flags {
    TALK_START = 1, /* start a node when none runs */
};
enum {
    TALK_READY_MS =
        10 * 1000,        /* a node is ready 50 ms after its start; a slow disk is waited for */
    TALK_PROBE_MS = 3000, /* /healthz of a busy node on a slow machine */
    TALK_ADMIN_MS = 60 * 1000,  /* the node's own questions to its database */
    TALK_TURN_MS = 1830 * 1000, /* of a turn: the node's own 30 minutes and a little */
    TALK_LOG_BYTES =
        16 << 20, /* nigh.log of nodes that talk starts; then it becomes nigh.log.old */
    TALK_BODY_BYTES = 256 << 20,
    TALK_EVENT_BYTES = 16 << 20,
    TALK_WORD_BYTES = 256,
};

struct talk;

/* NIGH_OFFLINE: no node runs (and none was to be started); other statuses: why it does not start.
 */
NIGH_MUST enum nigh_status talk_new(struct talk **ret, unsigned flags, struct nigh_err *err);
struct talk *talk_free(struct talk *talk);
void talk_freep(struct talk **talk);
const struct local_key *talk_node(const struct talk *talk);

struct talk_request {
    const char *method, *path;
    const struct header *headers; /* more of them */
    size_t n_headers;
    struct slice body;
    bool interruptible;  /* SIGINT ends this request (NIGH_CANCELLED), not the program */
    uint64_t timeout_ms; /* 0: TALK_ADMIN_MS */
    /* Per server-sent event of an answer that is a stream; returns false to stop listening. */
    bool (*on_event)(void *owner, struct slice data);
    /* Or per piece of an answer that is 200, which then is not kept. */
    void (*on_data)(void *owner, struct slice bytes);
    void *owner;
};

struct talk_answer {
    int http_status;
    char turn[64], place[TALK_WORD_BYTES], zone[64], reason[TALK_WORD_BYTES]; /* Nigh-... headers */
    struct buf body;
    struct arena arena;
    yyjson_val *json; /* of the body; NULL: it is none, or was a stream */
};

/* Any HTTP status from 400 on is an error with the node's own words.  ret is filled as far as
 * things went, and needs talk_answer_done, either way. */
NIGH_MUST enum nigh_status talk_ask(struct talk *talk, const struct talk_request *request,
                                    struct talk_answer *ret, struct nigh_err *err);
/* GET of a path. */
NIGH_MUST enum nigh_status talk_get(struct talk *talk, const char *path, struct talk_answer *ret,
                                    struct nigh_err *err);
void talk_answer_done(struct talk_answer *answer);

/* The error that an HTTP status and a body in OpenAI's shape tell. */
enum nigh_status talk_error(int http_status, yyjson_val *body, struct nigh_err *err);

/* No such process, or one that only waits to be waited for. */
bool talk_gone(int64_t pid);

/* start.c: at most one command at a time starts a node.  -1 after an error. */
int start_lock(const char *state_dir, struct nigh_err *err);
void start_unlock(int lock);
/* A node in the background, ready when this returns.  Its file descriptors are its own: it holds no
 * lock of ours. */
NIGH_MUST enum nigh_status start_node(const char *state_dir, struct nigh_err *err);
