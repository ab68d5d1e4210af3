/* node: the running daemon: what lives once per process, wired together.
 *
 * node_new opens the store, builds the first setting (setting.h) and listens; node_run serves until
 * a signal or node_stop.  Everything here belongs to the loop thread.  Only src/nigh sees inside.
 */
#pragma once
#include "label/consent.h"
#include "label/key.h"
#include "label/mask.h"
#include "label/session.h"
#include "loop/signal.h"
#include "net/client.h"
#include "net/identity.h"
#include "net/server.h"
#include "nigh/guess.h"
#include "nigh/local_key.h"
#include "nigh/setting.h"
#include "store/store.h"
#include "turn/pace.h"

enum {
    NODE_REQUESTS_MAX = 4096,  /* open turns; each may hold WALK_ARENA_MAX at the very worst */
    NODE_REQUESTS_POOLED = 64, /* kept for re-use, so that a busy node asks malloc for little */
    NODE_DRAIN_MS = 30 * 1000, /* after SIGTERM: turns that are still open then are broken off */
    NODE_DEADLINE_MS = 1800 * 1000, /* of a turn that set none: three times the SDKs' ten minutes */
    NODE_HOPS = 8,                  /* places tried for one turn, retries included */
    NODE_FILES_MAX = 65536, /* descriptors asked for; six times what connections_max needs */
    NODE_FILES_OWN = 1024,  /* of them not for clients: one to a cloud for each running turn, 256
                               that rest, lingering ones, the store, the engine's pipes */
    NODE_LISTENERS_MAX = CONFIG_LISTENS_MAX + 1,
    NODE_QUIET_MS = 1000, /* without a turn: what the last burst needed goes back to the system */
};

struct request;

/* Told by /nigh/v1/status; since the node's start. */
struct node_counts {
    uint64_t turns, refused, cancelled, broken;
    uint64_t by_kind[4]; /* enum place_kind */
    uint64_t bytes_out, bytes_in;
};

struct listener {
    struct server *server;
    char address[CONFIG_LISTEN_TEXT_BYTES]; /* with the port that it has */
    bool tls;
};

struct node {
    struct loop *loop;
    const char *config_path; /* "" when none */
    char state_dir[PATH_BYTES];
    struct setting *setting; /* in force; each open request holds the one it began with */
    struct store *store;
    struct keys *keys;
    struct imprints *imprints;
    struct sessions *sessions;
    struct local_key *local; /* in secret memory */
    struct trust *trust;     /* of model files */
    struct ledger *ledger;
    struct consents *consents;
    struct gate *gate;
    struct mask_keys *mask_keys;
    struct client *client;
    struct listener listeners[NODE_LISTENERS_MAX]; /* in the config's order; then one of its own */
    size_t n_listeners, n_drained;
    unsigned connections_max;  /* of each server; 0: its own number */
    struct identity *identity; /* NULL: nothing but loopback is listened at */
    struct guesses guesses;
    struct skills *skills;
    struct place *skill_place;
    struct lane *lane; /* for warming and other work that is not the store's */
    struct work warm;
    struct lane *scans; /* long turns that are searched for private data (labelling.h) */

    struct request *requests; /* open ones */
    unsigned n_requests;
    struct request *pool;
    unsigned n_pooled;

    uint64_t day;           /* days since 1970 in UTC, of day_spent_uusd */
    int64_t day_spent_uusd; /* towards route.budget_usd_per_day */
    struct node_counts counts;
    struct pace pace;    /* of refusals, whoever is refused */
    uint64_t started_us; /* wall clock */
    bool draining;
    uint64_t kept_bytes; /* of responses, since the last sweep (kept.h) */
    struct timer drain_timer, quiet_timer, kept_timer;
    struct sig *signals[3];
};

struct node_options {
    const char *config_path; /* from --config, or NULL */
    int ready_fd;            /* -1, or where to write "ready PORT\n" once */
};

NIGH_MUST enum nigh_status node_new(struct node **ret, const struct node_options *options,
                                    struct nigh_err *err);
void node_run(struct node *node);
void node_stop(struct node *node); /* drains, then ends node_run */
struct node *node_free(struct node *node);

/* Reads the config again; on any mistake the old one stays in force and err says why. */
NIGH_MUST enum nigh_status node_reload(struct node *node, struct nigh_err *err);
uint64_t node_today(void);                     /* days since 1970 in UTC */
int64_t node_day_left_uusd(struct node *node); /* as route_config wants it */
/* The least of what the day's budget and the key's leave; negative: there is none.  who: NULL,
 * nobody's. */
int64_t node_left_uusd(struct node *node, const struct key *who);
/* A turn ended; when it was the last one open, the node soon gives memory back. */
void node_turn_over(struct node *node);
void node_spent(struct node *node, struct key *who, int64_t cost_uusd);
/* One object: version, counts, places, engine; for GET /nigh/v1/status and `nigh status`. */
void node_status_json(struct node *node, struct buf *out);
