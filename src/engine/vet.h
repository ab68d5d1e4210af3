/* vet: looks at a model's files before anything loads them, in a process behind the engine's walls.
 *
 *     nigh model-check [--parent PID] FILE
 *
 * A hidden command: it can read FILE (and the other parts of it) and reach nothing, gets
 * VET_DATA_BYTES_MAX of memory, puts the walls up (jail.h), and only then opens FILE and walks it
 * (model/gguf.h).  It says on standard output
 *
 *     nigh-model: template BASE64     a piece of the chat templates, in order
 *     nigh-model: good | bad WHY      once, last
 *
 * and nothing that it says is more than a word, a text to show, and base64 to keep: whoever takes
 * that process over can lie about this one file.  It never touches another.  Loop thread only. */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "loop/loop.h"

enum {
    VET_DATA_BYTES_MAX = 64 << 20, /* 4 MB are used by 65,536 keys and as many tensors */
    VET_MS = 30 * 1000,            /* a header of 10 MB on a disk that sleeps */
    VET_WHY_BYTES = 160,
    VET_TEMPLATE_BYTES_MAX = 96 << 10, /* GGUF_TEMPLATE_BYTES_MAX in base64, and the keys */
};

struct vet_report {
    enum { VET_GOOD, VET_BAD, VET_FAILED } verdict; /* FAILED: it could not look; try again */
    char why[VET_WHY_BYTES];                        /* of the other two */
    struct slice template;                          /* base64; lives during done */
};

struct vet;
/* nigh: our executable; allow_unjailed as in jail.h.  done: once, never from inside. */
NIGH_MUST enum nigh_status vet_start(struct vet **ret, struct loop *loop, const char *nigh,
                                     const char *path, bool allow_unjailed,
                                     void (*done)(void *owner, const struct vet_report *report),
                                     void *owner, struct nigh_err *err);
struct vet *vet_free(struct vet *vet); /* kills it; NULL is fine, and so is inside done */

/* argv[0] is "model-check".  Ends the process, or returns an exit status. */
int vet_main(int argc, char **argv);
