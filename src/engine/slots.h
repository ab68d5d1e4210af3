/* slots: which slot of the model process a turn gets, so that nobody's prompt is served from the
 * cache to somebody else's.
 *
 * llama-server keeps in each slot the last prompt it saw, and reads of a new one only what differs:
 * how long that takes tells a caller whether another sent the same before him (THREATS.md row 19).
 * So a turn names its slot, the one whose last turn was the same caller's where it is free, and in
 * any other slot it goes without what is cached.  Callers are told apart by their keys; where no
 * key exists there is one caller, and llama-server chooses and caches as it likes.
 *
 * Its cache in memory (--cache-ram) is shared by all slots, also by a turn that names one (0.7.0,
 * tried): a process that has one serves no second caller from any cache.
 *
 * Loop thread only. */
#pragma once
#include "base/str.h"

enum { SLOTS_WHO_BYTES = 32, SLOTS_ANY = -1 };

struct slot {
    bool busy;
    bool known;                /* who is told; else nobody's, or it is not known whose */
    char who[SLOTS_WHO_BYTES]; /* of its last turn: so many bytes of it */
    size_t who_bytes;
    uint64_t used; /* the higher, the later */
};
struct slots {
    struct slot *list; /* the caller's */
    unsigned n;
    unsigned loose; /* turns in it that may be in any slot */
    uint64_t clock;
};

struct slot_pick {
    int slot;    /* SLOTS_ANY: llama-server's choice */
    bool cached; /* it may read from the cache */
};

void slots_reset(struct slots *slots); /* another process: nothing is in it */
/* who: the caller, at most SLOTS_WHO_BYTES; absent: there is but one.  many: the turn has several
 * answers or prompts, which may be in any slot at once.  There is a free slot, or the caller lets
 * too many in. */
struct slot_pick slots_take(struct slots *slots, struct slice who, bool many);
void slots_give(struct slots *slots, int slot);
