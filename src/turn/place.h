/* place: somewhere a turn can run: a skill, the local engine, a peer, a cloud model.
 *
 * One interface for all; the router reads the traits, the walk calls the operations.  Owned by the
 * module that made it (skill/, engine/, cloud/) for the life of a config.  Loop thread only. */
#pragma once
#include "label/gate.h"
#include "turn/event.h"
#include "turn/turn.h"

enum place_kind { PLACE_SKILL, PLACE_ENGINE, PLACE_PEER, PLACE_CLOUD };
const char *place_kind_text(enum place_kind kind);

/* What a turn needs and a place can. */
#define PLACE_CANS(C)                                                                              \
    C(TOOLS, "tools")                                                                              \
    C(IMAGES, "images")                                                                            \
    C(AUDIO, "audio")                                                                              \
    C(FILES, "files")                                                                              \
    C(JSON, "json")     /* any JSON */                                                             \
    C(SCHEMA, "schema") /* JSON by schema */                                                       \
    C(LOGPROBS, "logprobs")                                                                        \
    C(CHOICES, "choices") /* n > 1 */
enum can_bit {
#define PLACE_CAN_BIT(name, text) CAN_BIT_##name,
    PLACE_CANS(PLACE_CAN_BIT)
#undef PLACE_CAN_BIT
};
enum {
#define PLACE_CAN(name, text) CAN_##name = 1u << CAN_BIT_##name,
    PLACE_CANS(PLACE_CAN)
#undef PLACE_CAN
        CAN_ALL = (1u << 8) - 1,
};
const char *place_can_text(unsigned bit); /* "tools" for CAN_BIT_TOOLS */

/* Prices in 1e-6 USD per million tokens, so integers are exact; negative: not known. */
struct price {
    int64_t input, cached_read, cache_write, output;
    char date[11];      /* of the list: "2026-08-21"; "" for a price from the config */
    const char *source; /* "data/prices.csv", "config", "free" */
};

/* Learnt from what was measured; exponentially weighted (place_learn). */
struct place_stats {
    uint64_t runs, failures;
    double first_ms;          /* time to first token */
    double ms_per_token;      /* between output tokens */
    uint64_t last_failure_us; /* monotonic; 0: none */
};

enum ready {
    READY_NOW,
    READY_COLD,    /* can start: a model must load */
    READY_NOT,     /* see why */
    READY_LIMITED, /* READY_NOT, since it said itself that it was asked too often */
};
static inline bool ready_not(enum ready ready)
{
    return ready >= READY_NOT;
}

struct place;
struct run;

/* How a run ended, for the walk to branch on. */
enum fate {
    FATE_WHOLE, /* END was delivered */
    FATE_RETRY, /* this place may be asked again, after retry_after_ms if > 0: 429, 5xx, reset */
    FATE_ELSEWHERE, /* not this place: a bad key, no such model, too short a context */
    FATE_CALLER, /* the request itself is wrong: nobody else will be asked (400, content filter) */
    FATE_CUT,    /* broke after events were delivered */
    FATE_CANCELLED,
};
struct outcome {
    enum fate fate;
    int http_status;         /* of the place; 0: none came */
    uint64_t retry_after_ms; /* 0: the place did not say */
    uint64_t bytes_out, bytes_in;
    struct nigh_err err; /* text for the caller; names the place, never content.  A place's own
                            error message of a 4xx may be passed in `said` */
    /* Upstream's error object, when it concerns the caller; in the run's arena. */
    struct slice said, said_type, said_code, said_param;
    uint64_t prompt_tokens, context_tokens; /* of llama-server's context errors; 0: not told */
};

struct run {
    struct place *place;
    const struct turn *turn;
    struct arena *arena;    /* the walk's */
    struct slice body;      /* what encode made and the gate cleared */
    struct clearance *pass; /* start takes it */
    uint64_t masked;        /* values in it that are placeholders, so in the answer too */
    uint64_t deadline_us;   /* monotonic; 0: the place's own clocks only */
    uint32_t who;           /* line_who() of the caller's key: places that are full are fair */
    /* The caller's key by its digest, "" the node's own commands; absent: there are no keys, and so
     * one caller.  Nothing in a cache is shared between two. */
    struct slice principal;
    /* So far; exact once on_done came or it was cancelled.  Of a place on this device: 0 is fine.
     */
    uint64_t bytes_out, bytes_in;
    uint64_t counted_out, counted_in; /* of these: what the owner has counted already */
    uint64_t patience_ms; /* for the first token, when somebody else could answer; 0: its own */
    uint64_t load_us;     /* the place fills: how long the run waited for its model to be loaded */
    /* Sinks.  on_event in order (none of VERB_LOAD); then on_done exactly once and last; both may
     * come from inside start. After cancel, neither comes. */
    void (*on_event)(struct run *run, const struct event *event);
    void (*on_done)(struct run *run, const struct outcome *outcome);
    void *owner; /* the walk */
    void *state; /* the place's own */
};

struct place_ops {
    /* The exact bytes that would go.  Also refuses what the place cannot take. */
    NIGH_MUST enum nigh_status (*encode)(struct place *place, const struct turn *turn,
                                         struct arena *arena, struct slice *ret_body,
                                         struct nigh_err *err);
    /* A failure here (queue full: NIGH_BUSY, not running: NIGH_OFFLINE) means that no sink is
     * called. */
    NIGH_MUST enum nigh_status (*start)(struct place *place, struct run *run, struct nigh_err *err);
    void (*pause)(struct run *run); /* the caller drains slowly: read no more */
    void (*resume)(struct run *run);
    void (*cancel)(struct run *run); /* stops upstream work within a second; frees run->state */
    /* Can it take a turn now?  why: filled when ready_not(), for people: "breaker open for 12 s".
     */
    enum ready (*ready)(struct place *place, char why[static 128]);
    /* When ready_not() or BUSY: best guess; may be NULL. */
    uint64_t (*retry_after_ms)(struct place *place);
};

struct place {
    const struct place_ops *ops;
    const char *name;  /* what users see and ask for: "here/qwen3-0.6b", "openai/gpt-5-mini" */
    const char *model; /* the name upstream knows */
    enum place_kind kind;
    struct dest dest;           /* name, address, zone: what the gate clears for */
    unsigned can;               /* CAN_... bits */
    unsigned verbs;             /* bit 1u << VERB_...; 0: VERB_CHAT alone (place_speaks) */
    uint64_t context_tokens;    /* 0: not known */
    uint64_t output_tokens_max; /* 0: not known */
    uint64_t hedge_ms; /* without a first token for so long another place is asked too; 0: never */
    double quality;    /* 0..1, configured; see route/estimate.h for its meaning */
    double watts;      /* engine: extra power while it works, for the energy model; 0: default */
    struct price price;
    struct place_stats stats;
};

bool place_speaks(const struct place *place, enum verb verb); /* VERB_LOAD: every one */

/* Folds one run's measurements in, weighted as place.c says; a failed run counts and leaves the
 * times. */
void place_learn(struct place *place, bool ok, double first_ms, double ms_per_token);
