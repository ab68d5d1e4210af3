/* accept: every refusal of a request before its body is looked at, in one function.
 *
 * Browsers are the reason for most of it: any web page may send to a loopback port (THREATS.md rows
 * 1 and 2), so a name that is not ours in Host, a foreign Origin and a body that needs no CORS
 * preflight are turned away before a key is even read.
 *
 * The one exception are Ollama's paths (any_type): every tutorial calls them by `curl -d`, which
 * says application/x-www-form-urlencoded.  There JSON may come under any type, as long as nothing
 * in the header is a browser's own: no Origin, which browsers send with every POST to another site
 * whatever the page wishes (Fetch standard, "append a request Origin header"; at worst it says
 * null), no Sec-Fetch-Site, no Referer, no Cookie.
 *
 * A key is needed once one exists, always beyond loopback, and for what changes the node's own
 * state (keys, consents) even on loopback without any.  Over the other routes an unmodified program
 * on loopback needs none: what keeps pages out there is the above.
 *
 * Invariants: 1. A route outside the key's scope is refused before its body is read.  2. Nothing is
 * answered with an Access-Control-Allow-Origin.  Loop thread only; keeps nothing but what `guesses`
 * and the key's rate count. */
#pragma once
#include "api/api.h"
#include "label/key.h"
#include "net/server.h"
#include "nigh/guess.h"
#include "nigh/local_key.h"

struct accept_policy {
    const struct keys *keys;       /* once one exists, every request needs one */
    const struct local_key *local; /* always good: the user's own command line */
    struct guesses *guesses;       /* keys that were none */
    const char *const *hosts;      /* more names of this node (config: hosts) */
    size_t n_hosts;
    unsigned spaces;       /* SPACE_ bits: whose route it is */
    bool draining;         /* shutting down */
    unsigned requests_max; /* open at once; over it 503 with Retry-After */
    unsigned requests;
    bool body_is_json; /* the route takes a JSON body */
    bool any_type;     /* ... under any Content-Type, from what is no browser */
    bool open;         /* the route needs no key: /healthz, /readyz */
    bool changes;      /* the node's own state: needs a key though none exists */
};

/* True when the request may go on; *ret_key is its key (owned by keys), or NULL where none was
 * needed and for the user's own command line.  Else *ret says why not. */
bool accept_check(struct exchange *ex, const struct accept_policy *policy, struct key **ret_key,
                  struct refusal *ret);
/* The name of the key that came with an accepted request, or "". */
const char *accept_key(struct exchange *ex, const struct keys *keys);
/* Is this Host (with or without a port) one that can only mean this machine?  An IP literal,
 * localhost, *.localhost, *.local, or one of the names. */
bool accept_host_ok(struct slice host, const char *const *names, size_t n);
