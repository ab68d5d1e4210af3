/* launch: the command line that starts the model process inside its jail.
 *
 * Pure but for looking at the file system.  Everything is in the caller's arena.  Any thread. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/path.h"

enum launch_kind {
    LAUNCH_CHAT, /* words, and what counts their tokens */
    /* llama-server 0.7.0 answers either chats or these: started for embeddings, a model without
     * pooling died of the first chat, and started for chats it refuses embeddings with 501. */
    LAUNCH_EMBED,
    LAUNCH_RERANK,
};

struct launch {
    enum launch_kind kind;
    const char *pooling; /* LAUNCH_EMBED; NULL: the model's own */
    const char *nigh;    /* our own executable, started as "nigh jail ..."; "/proc/self/exe" */
    const char *program; /* llama-server */
    const char *model_path, *model_name;
    const char *mmproj_path; /* NULL: no images */
    const char *socket;
    unsigned slots;
    uint64_t context_tokens;  /* of one slot */
    uint64_t memory_bytes;    /* 0: no ceiling */
    unsigned threads;         /* 0: its own choice */
    const char *const *extra; /* more arguments for it, last so that they win */
    size_t n_extra;
    long parent_pid;
    bool one_caller; /* nobody else's prompts are in its cache: it may keep one in memory */
    bool allow_unjailed;
    unsigned jail_without; /* JAIL_... bits to leave out, for tests of the others */
};

enum {
    LAUNCH_CACHE_MIB_MAX =
        1024, /* llama-server keeps prompts of idle slots in this much memory; its own
                 default is 8 GiB, too much to take unasked from a user's machine */
    /* Each open stream holds one of its HTTP threads: the slots, and these many for health probes
     * and for connections it has not yet noticed to be closed.  Its own default was 36 threads on 2
     * cores. */
    LAUNCH_HTTP_THREADS_SPARE = 3,
};

/* NULL-terminated. */
NIGH_MUST enum nigh_status launch_args(const char *const **ret_argv, const struct launch *l,
                                       struct arena *a, struct nigh_err *err);
/* wanted: a path, a name looked up on PATH, or NULL for "llama-server" on PATH and else the one
 * that set-up brought (NIGH_LLAMA_SERVER). */
NIGH_MUST enum nigh_status launch_find(char ret[static PATH_BYTES], const char *wanted,
                                       struct nigh_err *err);
