/* scope: what a key may do: which namespaces it may call, which places may answer it, how far its
 * data may travel, how much money a day and how many requests a minute it has, and until when.
 *
 * A scope only narrows.  It is read from JSON and written as JSON (the API's body, the row of the
 * keys' table), strictly: a member that is not known is an error, because a misspelt limit would be
 * no limit.  Pure functions: no I/O, no globals, any thread.
 *
 * Invariants: 1. A scope with any limit does not open the node's own routes unless it names them,
 * since whoever may make keys can make one without limits.  2. A ceiling that names a zone which is
 * no more holds the data on the device. */
#pragma once
#include "base/json.h"
#include "label/label.h"

#define SPACES(S)                                                                                  \
    S(OPENAI, "openai", 1)                                                                         \
    S(ANTHROPIC, "anthropic", 2)                                                                   \
    S(OLLAMA, "ollama", 4)                                                                         \
    S(NIGH, "nigh", 8) /* the node's own: status, turns, ledger, keys */                           \
    S(METRICS, "metrics", 16)
enum space {
#define SPACE_ENUM(name, text, bit) SPACE_##name = (bit),
    SPACES(SPACE_ENUM)
#undef SPACE_ENUM
};

enum {
    SCOPE_PLACES_BYTES = 256, /* all patterns, with a comma between two */
    SCOPE_LABEL_BYTES = 33,   /* a zone's name */
    SCOPE_PER_MINUTE_MAX = 1000000,
};
#define SCOPE_BUDGET_USD_MAX 1e6

struct scope {
    unsigned spaces;                 /* SPACE_ bits; 0: all */
    char places[SCOPE_PLACES_BYTES]; /* "here*,home*"; "": all */
    char label[SCOPE_LABEL_BYTES];   /* the widest zone that its data may reach; "": no ceiling */
    int64_t budget_uusd;             /* a day, in UTC; negative: none */
    unsigned per_minute;             /* requests; 0: no limit */
    uint64_t expires_us;             /* wall clock; 0: never */
};
extern const struct scope SCOPE_ALL; /* without any limit */

/* {"allow": ["openai"], "places": ["here*"], "label": "home", "budget_usd_per_day": 1,
 * "per_minute": 60, "expires_us": 1}: each may be absent or null; `name` is skipped, being the
 * key's own.  NULL: no limit. */
NIGH_MUST enum nigh_status scope_read(struct scope *ret, yyjson_val *object, struct nigh_err *err);
/* The same members, without the braces; what is no limit is null. */
void scope_json(const struct scope *scope, struct buf *out);

bool scope_limited(const struct scope *scope);
/* May it call a route of any of these spaces? */
bool scope_opens(const struct scope *scope, unsigned spaces);
/* May this place answer?  In a pattern `*` is any text, also none. */
bool scope_permits(const struct scope *scope, const char *place);
/* How far its data may travel: LABEL_ANYWHERE without a ceiling. */
struct label scope_ceiling(const struct scope *scope, const struct zones *zones);
bool scope_expired(const struct scope *scope, uint64_t wall_us);
