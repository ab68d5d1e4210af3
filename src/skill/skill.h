/* skill: routine questions answered without a model.
 *
 * A registry of skills, asked in order; each abstains unless it is sure of the whole question,
 * since a wrong answer costs more than a slow one.  Only turns of plain text reach them
 * (turn_plain_question). Loop thread only, except skills_warm().
 *
 * The place's encode asks the skills and its body is the answer itself; start says it.  So a
 * skill's answer passes the gate (zone device), is billed and enters the history like any other. */
#pragma once
#include "turn/place.h"

enum {
    SKILL_QUESTION_MAX = 200, /* bytes; a routine question is short, longer ones go unread */
    SKILL_ANSWER_MAX = 4096,
};

struct units; /* skill/units.h */

/* What a skill may ask of its surroundings. */
struct skill_ctx {
    uint64_t wall_us;    /* now: clock_wall_us() at the question */
    const char *zone;    /* IANA name of the user's zone, NULL: the system's */
    struct units *units; /* NULL: not warm yet */
    /* Writes the node's own status in a line or two ("I am online. ..."); NULL: no such skill. */
    void (*status)(void *owner, struct buf *answer);
    void *owner;
};

struct skill {
    const char *name; /* "clock" */
    /* True: sure, and *answer holds plain text.  False: *answer is as it was. */
    bool (*try)(struct slice question, struct skill_ctx *ctx, struct buf *answer);
};
extern const struct skill skill_clock, skill_arithmetic, skill_units, skill_status;

struct skills;
struct skills_config {
    const char *zone; /* see skill_ctx; outlives the registry */
    void (*status)(void *owner, struct buf *answer);
    void *owner;
};
NIGH_MUST enum nigh_status skills_new(struct skills **ret, const struct skills_config *config,
                                      struct nigh_err *err);
struct skills *skills_free(struct skills *skills); /* after the warming thread came back */
/* Loads what takes milliseconds (the units' database).  Once, on a worker, after the node is ready;
 * until it is done the units abstain. */
void skills_warm(struct skills *skills);

struct skill_hit {
    const struct skill *skill;
    struct slice answer; /* in the arena */
};
/* Is a skill sure of this turn?  Costs microseconds. */
bool skill_match(struct skill_hit *ret, struct skills *skills, const struct turn *turn,
                 struct arena *arena);
/* The same of a text. */
bool skill_ask(struct skill_hit *ret, struct skills *skills, struct slice question,
               struct arena *arena);

/* The place named "skill": zone device, free, quality 1 where it matched.  Does not own the skills.
 */
NIGH_MUST enum nigh_status skill_place_new(struct place **ret, struct skills *skills,
                                           struct nigh_err *err);
struct place *skill_place_free(struct place *place);
