/* engine: the local model as a place: supervises llama-server and decides who may ask it.
 *
 * The process is started when the first turn comes, behind the walls of jail.h, and speaks OpenAI's
 * API on a Unix socket in a private folder.  It is ready when its /health says so; a crash costs
 * the turns in it, which end at once, and it is started again after a while; when nobody asked for
 * long enough (unload.h, or as the last turn wished: keep_ms) it is ended.  VERB_LOAD starts it and
 * is done when it is ready, without an event; with keep_ms 0 it ends it as soon as nobody is in it.
 * At most `slots` turns are in it, at most `queue_max` wait in order of arrival (turn/line.h). Loop
 * thread only.
 *
 *     stopped -> starting -> ready -> stopping -> stopped
 *                   |          |
 *                   +----------+-> backoff -> starting
 *                   +-> broken (what a restart does not mend: asked again after ENGINE_BROKEN_MS)
 *
 * `starting` begins with a look at the model's files, where nobody has yet (admit.h), and ends with
 * one at what the model's template does; what is refused is `broken` until the files change.  A
 * turn whose run tells a `principal` gets a slot that serves nothing of anybody else's from its
 * cache (slots.h).
 *
 * Invariants: 1. A process exists exactly in the states starting, ready and stopping.  2. No turn
 * waits in backoff or broken: it is refused at once, with the reason.  3. Never more than `slots`
 * turns of ours are in the process.  4. No turn's words are in engine_log().  5. The process runs
 * without a way to a network, or not at all (unless allow_unjailed). */
#pragma once
#include "engine/launch.h"
#include "loop/loop.h"
#include "model/trust.h"
#include "net/client.h"
#include "turn/place.h"

enum {
    ENGINE_SLOTS_MAX = 256,
    ENGINE_QUEUE_MAX = 16,        /* default; guess: beyond it waiting is longer than patience */
    ENGINE_QUEUE_WAIT_MS = 30000, /* default */
    ENGINE_START_MS = 120000,     /* to load: 40 GB from a disk of 500 MB/s take 80 s */
    ENGINE_PROBE_MS = 10, /* between looks at /health for the first second, then ten times that; a
                             look costs 0.2 ms, and its own line "listening" is a hint besides */
    ENGINE_FIRST_MS = 300000, /* to the first token: 8,192 tokens at 30 tokens/s, the slowest phone
                                 we would run on, take 270 s */
    ENGINE_IDLE_MS =
        60000, /* between tokens; after it, with no token for anybody, the process hangs */
    ENGINE_TOTAL_MS = 3600000, /* of one turn; its deadline is usually shorter */
    ENGINE_STOP_MS = 3000,     /* to end when asked to, then it is killed */
    ENGINE_BACKOFF_MS = 1000,  /* after a crash, doubled up to: */
    ENGINE_BACKOFF_MAX_MS = 60000,
    ENGINE_GOOD_MS = 60000, /* ready for this long: the next crash is a first one again */
    ENGINE_ALONE_MAX = 3,   /* starts that failed in a row before it waits for somebody to ask */
    ENGINE_BROKEN_MS = 60000,
    ENGINE_DEATH_MS = 250, /* a broken connection is usually the first that is seen of a death: the
                              turn waits this long for the death itself, for the true reason */
};

#define ENGINE_STATES(S)                                                                           \
    S(STOPPED, "stopped")                                                                          \
    S(STARTING, "starting")                                                                        \
    S(READY, "ready")                                                                              \
    S(STOPPING, "stopping")                                                                        \
    S(BACKOFF, "backoff")                                                                          \
    S(BROKEN, "broken")
enum engine_state {
#define ENGINE_STATE(name, text) ENGINE_##name,
    ENGINE_STATES(ENGINE_STATE)
#undef ENGINE_STATE
};
const char *engine_state_text(enum engine_state state);

enum engine_unload { ENGINE_UNLOAD_AUTO, ENGINE_UNLOAD_AFTER, ENGINE_UNLOAD_NEVER };

/* Everything is copied.  0 or NULL means the default where one is told. */
struct engine_spec {
    const char *nigh;    /* the executable whose command `jail` is jail_main(); NULL: this one */
    const char *program; /* llama-server, a path; see launch_find() */
    const char *model_path;
    const char *name;        /* of the model: the place is "here/NAME" */
    enum launch_kind kind;   /* decides the verbs of the place */
    const char *pooling;     /* LAUNCH_EMBED; NULL: the model's own */
    const char *mmproj_path; /* NULL: it takes no images */
    const char *state_dir;   /* the socket goes to its private folder run/ */
    struct trust *trust;     /* NULL: any file is loaded, and any template used; tests */
    uint64_t context_tokens; /* of one slot */
    unsigned slots;          /* 1 */
    unsigned queue_max;      /* ENGINE_QUEUE_MAX */
    uint64_t queue_wait_ms;
    enum engine_unload unload;
    uint64_t unload_ms;       /* ENGINE_UNLOAD_AFTER */
    uint64_t memory_bytes;    /* 0: no ceiling; see jail.c for what is counted */
    unsigned threads;         /* 0: llama-server's choice */
    const char *const *extra; /* more arguments for llama-server */
    size_t n_extra;
    double quality, watts, resident_watts;
    unsigned can; /* CAN_...; 0: all that llama-server can with this model */
    bool allow_unjailed;
    unsigned jail_without;                                     /* JAIL_... to leave out: tests */
    uint64_t start_ms, first_ms, idle_ms, stop_ms, backoff_ms; /* tests */
};

struct engine;
NIGH_MUST enum nigh_status engine_new(struct engine **ret, struct loop *loop, struct client *client,
                                      struct gate *gate, const struct engine_spec *spec,
                                      struct nigh_err *err);
/* Kills the process; no run may be going on. */
struct engine *engine_free(struct engine *engine);
struct place *engine_place(struct engine *engine);
const char *engine_model_path(const struct engine *engine);
void engine_retry(struct engine *engine); /* what kept it away is mended: the next turn may try */

struct engine_status {
    enum engine_state state;
    char why[160];         /* of backoff and broken */
    int pid;               /* 0: none */
    const char *isolation; /* "netns seccomp landlock"; "" before the first start */
    uint64_t rss_bytes;
    unsigned slots, slots_busy, queued;
    uint64_t restarts; /* after a death */
    uint64_t starts;
    uint64_t load_ms;      /* of the last start */
    uint64_t loaded_us;    /* when it became ready, by the wall clock; 0: it is not */
    uint64_t unload_in_ms; /* 0: not counting */
    int64_t stay_ms;       /* how long it stays once nobody asks; below 0: for ever */
};
void engine_status(struct engine *engine, struct engine_status *ret);
/* The last of what it wrote, at most LINES_BYTES_MAX, without what users wrote (lines.h). */
void engine_log(const struct engine *engine, struct buf *out);
