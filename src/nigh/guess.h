/* guess: who presented keys that were none, by address.
 *
 * A key has 256 random bits, so that no rate of guessing finds one; the limit keeps a device that
 * tries from costing the node more than a refusal, and shows in the log.  An IPv6 client counts by
 * its /64, which one household has.  The table is of fixed size: whoever came longest ago makes
 * room.  Loop thread only. */
#pragma once
#include "base/bucket.h"
#include "net/server.h"

enum {
    GUESSES_MAX = 30, /* in GUESSES_US; guess: a misconfigured program retries less */
    GUESSES_US = 60000000,
    GUESSERS_MAX = 256, /* addresses remembered */
};

struct guesses {
    struct {
        struct address from;
        struct bucket bucket;
    } row[GUESSERS_MAX];
    size_t n;
};

/* May it try at all?  Else *ret_wait_ms says when. */
bool guesses_left(const struct guesses *g, const struct address *from, uint64_t *ret_wait_ms);
/* One more wrong key; false when that was one too many. */
bool guesses_add(struct guesses *g, const struct address *from, uint64_t *ret_wait_ms);
