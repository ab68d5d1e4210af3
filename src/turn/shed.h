/* shed: may one more wait for a place that is full?
 *
 * A queue that drains is a burst, and whoever waits in it is served.  A queue that stands is more
 * work than the place can do: waiting in it makes everybody late and nobody is served sooner.  Not
 * its length tells one from the other but whether it stands, which is CoDel's idea (RFC 8289).
 *
 * While it is calm, waiting_max turns may wait.  Once SHED_DEEP times as many waited as the place
 * takes at once (or half of waiting_max), without a break for as long as SHED_STANDS_MS and
 * SHED_STANDS_TURNS turns take, it is too much: then only those wait who will be in after half of
 * what a turn takes, so that who is served has his answer after about one and a half times what it
 * takes at an empty place, and the rest are told at once when to come again.  It is calm again when
 * nobody had to be refused for SHED_CALM_MS.  Whoever would be late for his own deadline is refused
 * either way.
 *
 * Why not by a growing latency of the place: prompts differ by a factor of ten thousand, so a place
 * that got a long one would look like one that is overloaded.  Pure; no clock of its own. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    SHED_DEEP = 4,            /* up to five times the capacity is queued: a fan-out of agents */
    SHED_STANDS_MS = 2000,    /* guess: a burst of clicks is over by then */
    SHED_STANDS_TURNS = 4,    /* with SHED_DEEP: the burst that just fills it drains meanwhile */
    SHED_CALM_MS = 10000,     /* ten times the Retry-After that clients are told at least */
    SHED_RETRY_MS_MIN = 1000, /* Retry-After has whole seconds */
    SHED_RETRY_MS_MAX = 600000,
};

struct shed {
    double service_ms;   /* of a turn in the place, weighted towards the last; 0: not measured */
    uint64_t deep_us;    /* since when the queue stands; 0: it does not */
    uint64_t refused_us; /* the last time, while it was too much */
    bool over;           /* too much */
};

/* The place as it is now. */
struct shed_view {
    uint64_t now_us;
    unsigned in, in_max, waiting, waiting_max;
    uint64_t oldest_us; /* when that came in which is in longest; 0: nobody is in */
};

void shed_served(struct shed *s, double ms);
/* How long one would wait that has `ahead` before it. */
uint64_t shed_wait_ms(const struct shed *s, const struct shed_view *v, unsigned ahead);
/* What to tell one that is refused: when a new one would have its turn. */
uint64_t shed_retry_ms(const struct shed *s, const struct shed_view *v);
/* left_ms: until the newcomer's deadline; 0: none. */
bool shed_may_wait(struct shed *s, const struct shed_view *v, uint64_t left_ms);
/* Someone came to wait, went in or left. */
void shed_look(struct shed *s, const struct shed_view *v);
/* The last of those that wait would be served far too late: to be refused after all. */
bool shed_last(struct shed *s, const struct shed_view *v);
