/* admit: whether the process may load a model's files, and, once it has, whether the model's chat
 * template does what a template is for.
 *
 * Before loading: files that this node has not seen in this state are looked at by vet.h, and what
 * was found is remembered (model/trust.h).  After loading: the process writes a conversation of
 * ours out by the template (canary.h), under a clock of its own work and a ceiling of memory.  What
 * fails is refused from then on, until the files change or the owner takes it as it is.  Belongs to
 * an engine, which it calls back. Loop thread only.
 *
 * Invariants: 1. `done` comes once for each ADMIT_LATER and at most once for admit_trial(), never
 * from inside what said so, and not after admit_cancel().  2. Nothing of a model's files is read in
 * this process. */
#pragma once
#include "engine/vet.h"
#include "loop/timer.h"
#include "model/trust.h"
#include "net/client.h"

enum {
    ADMIT_WHY_BYTES = TRUST_WHY_BYTES,
    ADMIT_TEMPLATE_MS = 2000, /* of clock; a template takes 3 ms for the canary */
    ADMIT_WORK_MS = 1000, /* of the process's own work in that time; less: the machine is busy */
    ADMIT_TRIES = 10,
    ADMIT_TRIAL_MS = 5000,       /* of its own tries: 16 ms are usual */
    ADMIT_LOOK_MS = 50,          /* between looks; a process fills some 100 MB meanwhile */
    ADMIT_BYTES_MAX = 512 << 20, /* for a template; under a megabyte is usual */
    ADMIT_DEATHS_MAX = 3,        /* while loading, in a row */
};

struct admit {
    struct loop *loop;
    struct client *client;
    struct gate *gate;
    struct trust *trust; /* NULL: everything is admitted */
    const struct endpoint *to;
    const char *nigh, *model_path, *mmproj_path;
    bool allow_unjailed;
    void (*done)(struct admit *admit, const char *why); /* why: NULL, or of the refusal */

    struct vet *vet; /* from here on private */
    const char *vetting;
    struct call *call;
    struct buf body, answer;
    int pid; /* whose work is watched; 0: none */
    uint64_t from_work_ms, from_us, from_bytes;
    struct timer look;
    unsigned tries, deaths;
    const char *refused;     /* a path, or NULL */
    char stamp[STAMP_BYTES]; /* of what is looked at */
};

enum admit_answer { ADMIT_YES, ADMIT_NO, ADMIT_LATER };
/* May the files be loaded?  LATER: done tells.  why: of a refusal. */
enum admit_answer admit_load(struct admit *admit, char why[static ADMIT_WHY_BYTES]);
/* Does its template do what it should?  The process is up and idle. */
enum admit_answer admit_template(struct admit *admit, int pid, char why[static ADMIT_WHY_BYTES]);
/* While it starts, llama-server tries its template on conversations of its own, between two lines
 * of its log.  When that takes too long or too much, done tells.  pid 0: it is over. */
void admit_trial(struct admit *admit, int pid);
/* It died while it loaded.  When that was too often the model is refused, and why is filled. */
void admit_died(struct admit *admit, int signum, char why[static ADMIT_WHY_BYTES]);
void admit_lived(struct admit *admit);      /* it is ready */
bool admit_busy(const struct admit *admit); /* it was LATER, and done has not come */
/* It was refused, and the files are still the same. */
bool admit_stays_refused(const struct admit *admit);
/* The files are not those that admit_load() last looked at. */
bool admit_changed(const struct admit *admit);
void admit_cancel(struct admit *admit);
void admit_done(struct admit *admit);
