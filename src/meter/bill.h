/* bill: what one turn took, each figure with its unit and where it comes from.
 *
 * The walk's owner fills it at the end of a turn (settle); nothing of it delays the last byte.
 * Every meter is one row of METERS, which yields the member, its JSON and its help.  A figure that
 * nobody counted is -1 in memory and null in JSON, never zero.  Loop thread only; no I/O. */
#pragma once
#include "meter/energy.h"
#include "turn/walk.h"

/* Where a figure comes from. */
#define BASES(B)                                                                                   \
    B(MEASURED, "measured") /* counted by this process */                                          \
    B(QUOTED, "quoted")     /* told by the place or its price list */                              \
    B(MODELLED, "modelled") /* computed from published parameters */
enum basis {
#define BASIS_ENUM(name, text) BASIS_##name,
    BASES(BASIS_ENUM)
#undef BASIS_ENUM
};
const char *basis_text(enum basis basis);

/* Member, unit, basis unless told otherwise (bill_usage does), meaning. */
#define METERS(M)                                                                                  \
    M(tokens_in, "tokens", QUOTED, "prompt tokens, cached ones included")                          \
    M(tokens_out, "tokens", QUOTED, "answer tokens, reasoning included")                           \
    M(tokens_cached, "tokens", QUOTED, "prompt tokens that the place had already read")            \
    M(tokens_reasoning, "tokens", QUOTED, "answer tokens spent on thinking")                       \
    M(first_us, "us", MEASURED, "from the request's end to the first piece of the answer")         \
    M(total_us, "us", MEASURED, "from the request's end to the last byte of the answer")           \
    M(bytes_out, "bytes", MEASURED, "handed to a socket that leaves the device")                   \
    M(bytes_in, "bytes", MEASURED, "received from outside the device")                             \
    M(cost_uusd, "1e-6 USD", QUOTED, "price list times token counts, rounded up")                  \
    M(energy_uj, "uJ", MODELLED, "extra energy of this turn, see docs/metering.md")                \
    M(energy_low_uj, "uJ", MODELLED, "low end of its band")                                        \
    M(energy_high_uj, "uJ", MODELLED, "high end of its band")                                      \
    M(hops, "places", MEASURED, "places that were tried")
enum meter {
#define METER_ENUM(member, unit, basis, meaning) METER_##member,
    METERS(METER_ENUM)
#undef METER_ENUM
        METER_COUNT
};
struct meter_row {
    const char *name, *unit;
    enum basis basis;
};
extern const struct meter_row meters[METER_COUNT];

struct bill {
    char id[ID_BYTES];
    uint64_t started_us; /* wall clock */
    /* Words.  Borrowed: they live as long as the walk. NULL and absent: null in JSON. */
    const char *api;          /* "openai-chat" */
    const char *place, *zone; /* of the place that answered, or that was tried last */
    const char *label, *label_source;
    struct slice segments; /* parts that were narrowed, a JSON list; absent: none */
    struct slice model_asked;
    const char *status; /* a word: nigh_status_text(), "ok" when whole */
    int http_status;    /* what the caller got */
    const char *reason; /* the plan's, as in the Nigh-Reason header */
    struct slice plan;  /* plan_json()'s object, or absent */
    struct slice session;
    const char *key_name; /* of the caller's key, never the key */
    const char *price_date, *price_source;
    bool tokens_known; /* false: the place did not tell; counts are modelled from bytes */
    uint32_t step_us[STEP_COUNT];
#define BILL_MEMBER(member, unit, basis, meaning) int64_t member;
    METERS(BILL_MEMBER)
#undef BILL_MEMBER
    enum basis basis[METER_COUNT];
};

void bill_init(struct bill *bill); /* every figure unknown, every basis the table's */

/* Token counts.  Told by the place: measured when it is this device's, else quoted.  Not told:
 * bytes of text / 4, modelled. */
void bill_usage(struct bill *bill, const struct usage *usage, enum place_kind kind,
                size_t text_in_bytes, size_t text_out_bytes);
/* Money for this usage in 1e-6 USD, rounded up to the next whole one; -1: the price is not known.
 * Cached tokens at their price where listed, else at the full one.  Exact: integers throughout. */
int64_t bill_cost(const struct price *price, const struct usage *usage);
/* bill_cost into the bill from its own counts, with the price's date and source. */
void bill_price(struct bill *bill, const struct price *price, uint64_t cache_write);
void bill_energy(struct bill *bill, struct joules joules);
/* What another place took of this turn that was asked at the same time and not needed, modelled:
 * into cost and energy.  Cost -1: not known, so the sum is not either.  The token counts stay the
 * answer's. */
void bill_beside(struct bill *bill, const struct place *place, int64_t tokens_in, int64_t cost_uusd,
                 uint64_t bytes);
/* All of the above for a turn that this place answered, from bill's times and bytes. */
void bill_settle(struct bill *bill, const struct place *place, const struct usage *usage,
                 size_t text_in_bytes, size_t text_out_bytes);

/* For the answer's usage object: who and where, the price's date, then "figures": name -> {value,
 * unit, basis}. */
void bill_json(const struct bill *bill, struct buf *out);
/* For the store, kind "turn": one flat object whose members are the columns (see bill.c). */
void bill_record(const struct bill *bill, struct buf *out);
/* "figures" of a row of the store's table of bills: as bill_json's, the bases told from what the
 * row keeps. */
void bill_figures(yyjson_val *row, struct buf *out);
