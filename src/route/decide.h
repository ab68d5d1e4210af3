/* decide: which place answers a turn, and why.
 *
 * Hard constraints first; each place that fails one keeps the reason.  Those left are ordered by a
 * utility: a weighted sum of quality, latency, cost, energy and locality, with the weights of the
 * profile (one row of a table each, decide.c).  A profile is a wish; only a label is a promise.
 * Naming a place makes it the only candidate and lifts no constraint.
 *
 * Loop thread only (it asks places whether they are ready, and the skills whether one is sure).
 *
 * Invariants: 1. A place that the label does not permit is never among the usable ones.  2. Every
 * place that was given is in the plan, usable or with the reason why not.  3. The same inputs give
 * the same plan: ties go to the place given first.  4. What is no conversation goes to
 * the first place given that does it, since there is no best one, and what only its own model can
 * read again (vectors, token numbers) to no other model, however that one fails: two models'
 * vectors do not compare. */
#pragma once
#include "label/scope.h"
#include "route/estimate.h"
#include "skill/skill.h"

#define PROFILES(P)                                                                                \
    P(BALANCED, "balanced")                                                                        \
    P(PRIVATE, "private")                                                                          \
    P(FAST, "fast")                                                                                \
    P(FRUGAL, "frugal")                                                                            \
    P(BEST, "best")                                                                                \
    P(GREEN, "green")
enum profile {
#define PROFILE_ENUM(name, text) PROFILE_##name,
    PROFILES(PROFILE_ENUM)
#undef PROFILE_ENUM
        PROFILE_COUNT
};
const char *profile_text(enum profile profile);
bool profile_find(enum profile *ret, struct slice name);

struct route_alias {
    const char *from, *to; /* "gpt-4o", "auto"; not followed twice */
};

/* Small; the owner may change it between two turns. */
struct route_config {
    const struct zones *zones;
    enum profile profile; /* the model's "auto/PROFILE" wins, then Nigh-Profile, then this */
    const struct route_alias *aliases;
    size_t n_aliases;
    struct skills *skills;     /* NULL: off */
    int64_t day_left_uusd;     /* of budget_usd_per_day; negative: no budget set; 0: spent */
    int64_t key_left_uusd;     /* the same of the caller's key */
    const struct scope *scope; /* of the caller's key; NULL: it may everything */
    uint64_t elapsed_ms;       /* of turn->deadline_ms, used up already */
};

/* Why a place is out. */
#define DROPS(D)                                                                                   \
    D(NONE, "")                                                                                    \
    D(NAME, "not asked for")                                                                       \
    D(LABEL, "label")                                                                              \
    D(KEY, "the caller's key")                                                                     \
    D(VERB, "verb")                                                                                \
    D(OTHER, "another model")                                                                      \
    D(CAN, "capability")                                                                           \
    D(CONTEXT, "context")                                                                          \
    D(READY, "not ready")                                                                          \
    D(COST, "cost")                                                                                \
    D(BUDGET, "budget")                                                                            \
    D(DEADLINE, "deadline")                                                                        \
    D(SKILL, "no skill is sure")
enum drop {
#define DROP_ENUM(name, text) DROP_##name,
    DROPS(DROP_ENUM)
#undef DROP_ENUM
};
const char *drop_text(enum drop drop);

struct candidate {
    struct place *place;
    struct estimate estimate;
    double utility;
    enum drop drop;  /* DROP_NONE: usable */
    const char *why; /* of a dropped one, for people: "label home does not permit public" */
    enum ready ready;
    bool spent; /* asked beside another by this turn, failed, and not to be asked again */
    uint64_t retry_after_ms; /* DROP_READY: 0 when the place cannot say */
};

/* Of the two places that were asked at once (nigh/hedge.h), the one that did not answer. */
struct plan_hedge {
    struct place *place; /* NULL: only one was asked */
    uint64_t after_ms;   /* of silence of the first, the second was asked */
    bool cancelled;      /* since the other spoke first; false: it failed by itself */
    int64_t bytes_out, bytes_in;
    int64_t tokens_in, cost_uusd; /* modelled; cost -1: its price is not known */
};

enum { PLAN_REASON_BYTES = 160 }; /* printable ASCII, fit for a header */
struct plan {
    struct candidate *candidates; /* the usable ones first, best first; then the dropped */
    size_t n_usable, n;
    struct traits traits;
    enum profile profile;
    struct slice model; /* as asked, after aliases */
    enum verb verb;
    bool named; /* the caller named a place */
    bool skill_sure;
    struct skill_hit skill; /* when skill_sure */
    char label[LABEL_TEXT_BYTES];
    char reason[PLAN_REASON_BYTES]; /* one line for the Nigh-Reason header */
    uint64_t retry_after_ms; /* of a refusal with NIGH_OFFLINE or NIGH_BUSY: the soonest of the
                                dropped; 0: unknown */
    struct plan_hedge hedge;
};

/* Fills *ret also when it fails because no candidate is left, so that the bill can tell why; on any
 * other failure n is 0.  Statuses when nothing is left:
 *   NIGH_NOTFOUND     no place or profile has that name; the text offers names near it
 *   NIGH_UNSUPPORTED  what is asked for (to embed, to rank, ...) no place that the label permits
 * does; the text says what would make one do it NIGH_INVALID      every place that the label
 * permits lacks a capability that the turn needs; or "skill" was asked for and none is sure
 *   NIGH_TOOBIG       it fits no context of those that could take it
 *   NIGH_DENIED       over the turn's, the day's or the key's budget, or a named place that the
 * label forbids, or none that the key allows
 *   NIGH_TIMEOUT      none can make the deadline
 *   NIGH_BUSY         those that may serve it and are not ready are all rate limited
 *   NIGH_OFFLINE      otherwise: nothing that may serve it is ready.  The text names the label and
 * says of each place why it is out */
NIGH_MUST enum nigh_status route_decide(struct plan *ret, const struct route_config *config,
                                        const struct turn *turn, struct place *const *places,
                                        size_t n, struct arena *arena, struct nigh_err *err);
/* After the place at `from` failed: the reason line for using candidates[to] instead, into
 * plan->reason. */
void plan_failed_over(struct plan *plan, size_t from, size_t to, const char *why);
/* The same after candidates[to] was asked beside candidates[from] and one of them spoke first. */
void plan_hedged(struct plan *plan, size_t from, size_t to, bool second_won);
/* One object: profile, difficulty, label, reason, candidates with estimates or why they are out. */
void plan_json(const struct plan *plan, struct buf *out);
