/* walk: a turn on its way through the list of named steps (nigh/steps.c).
 *
 * walk_go() runs step after step until one parks the walk or none is left; it is the one place that
 * times every step.  A step does a bounded piece of work and returns the next step, or parks: then
 * some callback it armed will call walk_go() again with the next step.  The walk owns the arena in
 * which everything of the turn lives.  Loop thread only.
 *
 * Invariants: 1. A parked walk has its deadline timer armed.  2. walk_end() runs once, whatever
 * happened: answered, refused, cancelled or broken.  3. hops_left falls with every place that is
 * tried and never rises. */
#pragma once
#include "base/rand.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "turn/answer.h"
#include "turn/place.h"

struct walk;

/* STEPS in the order of DESIGN.md section 2. */
#define WALK_STEPS(S)                                                                              \
    S(ACCEPT, "accept")                                                                            \
    S(DECODE, "decode")                                                                            \
    S(RESUME, "resume")                                                                            \
    S(LABEL, "label")                                                                              \
    S(PLAN, "plan")                                                                                \
    S(CLEAR, "clear")                                                                              \
    S(RUN, "run")                                                                                  \
    S(ESCALATE, "escalate")                                                                        \
    S(REPLY, "reply")                                                                              \
    S(SETTLE, "settle")
enum walk_step {
/* clang-format off */
#define WALK_STEP(name, text) STEP_##name,
    WALK_STEPS(WALK_STEP)
#undef WALK_STEP
    STEP_COUNT,
    /* clang-format on */
    STEP_PARK, /* returned by a step: wait */
    STEP_END,  /* returned by the last */
};
const char *walk_step_text(enum walk_step step);

/* body ceiling 64 MiB: its document, its copy encoded for a place */
enum { WALK_ARENA_MAX = 256 << 20 };

struct walk {
    enum walk_step at;
    bool walking; /* inside walk_go: a callback that fires during a step only sets `next` */
    enum walk_step next;
    unsigned hops_left;
    uint64_t started_us, entered_us; /* monotonic: of the walk, of the current step */
    uint32_t step_us[STEP_COUNT];    /* time spent running (not parked) in each step */
    char id[ID_BYTES];
    struct arena arena;
    struct turn turn;
    struct answer answer;
    const struct walk_table *table;
    void *owner;
};

struct walk_table {
    enum walk_step (*run[STEP_COUNT])(struct walk *walk);
    void (*end)(struct walk *walk);
};

void walk_init(struct walk *walk, const struct walk_table *table, void *owner);
void walk_go(struct walk *walk, enum walk_step step); /* start, or wake a parked one */
void walk_done(struct walk *walk);                    /* frees what it holds */
