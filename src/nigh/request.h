/* request: one HTTP request for a turn, from its arrival to its bill: the walk, the plan, the run
 * at a place, the reply.
 *
 * Made by routes.c when a turn's route is called, walked by steps.c, gone after its bill was kept.
 * Loop thread only. */
#pragma once
#include "api/reply.h"
#include "cloud/retry.h"
#include "meter/bill.h"
#include "nigh/hedge.h"
#include "nigh/masking.h"
#include "nigh/node.h"
#include "route/decide.h"

/* What a turn goes on from (kept.h); all in the walk's arena. */
struct past {
    yyjson_val *input;    /* of the body, references filled in */
    struct slice *labels; /* of what came before, as text: zones may be redrawn meanwhile */
    size_t n_labels;
};

struct resume;
struct labelling; /* labelling.h */
struct request {
    struct walk walk;
    struct node *node;
    struct setting *setting;
    struct exchange *ex;
    const struct api *api;
    struct key *who; /* the caller's key, held; NULL: none, or the user's own command line */
    const char *key; /* its name, or "" */
    struct reply reply;
    struct plan plan;
    size_t candidate;  /* of plan.candidates: the one that runs or ran last */
    unsigned attempts; /* of this candidate so far */
    struct clearance *pass;
    struct run first, *run; /* the one that answers: first, or hedge.run once that leads */
    struct hedge hedge;
    struct mask *mask; /* values that a public place gets placeholders for; NULL: none */
    struct masking masking;
    bool running; /* between start and on_done: cancel must reach it */
    bool paused;
    uint64_t failed_us; /* monotonic: when this candidate first failed */
    uint64_t run_us;    /* monotonic: when the run started */
    /* monotonic: of the first and latest piece of the answer; 0: none */
    uint64_t first_us, last_us;
    struct outcome outcome; /* of the latest run */
    struct bill bill;
    bool preview;                 /* only what would be sent is told (preview.h) */
    bool billed;                  /* the answer itself tells the bill, so its figures stand */
    char label[LABEL_TEXT_BYTES]; /* of the turn, for the bill */
    bool refused;
    bool broken; /* refused when part of the answer had gone out */
    struct refusal refusal;
    bool gone;             /* the caller left */
    struct resume *resume; /* its past is being read */
    struct past past;
    struct labelling *labelling; /* how its label came about; NULL: not yet labelled */
    struct timer deadline, again;
    struct later bury;
    struct request *next, *prev;
};

/* Starts the walk at accept.  May answer at once. */
void request_begin(struct node *node, struct exchange *ex, const struct api *api, bool preview);
/* Breaks off a turn: the node is going down. */
void request_abandon(struct request *r);

/* The table of steps (steps.c). */
extern const struct walk_table request_steps;
/* For steps.c: makes the refusal that reply will tell; text copied into the walk's arena. */
enum walk_step request_refuse(struct request *r, const struct nigh_err *err);
void request_end(struct walk *walk);
/* For labelling.c: the worker is done with a turn whose walk ended meanwhile. */
void request_bury(struct request *r);
