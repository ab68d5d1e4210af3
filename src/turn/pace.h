/* pace: how long a refusal is kept back.
 *
 * Who is refused is told when to come again.  Many come back at once all the same, and a request
 * that will be refused is read, decoded and labelled like any other: a crowd of them takes the core
 * that those who are served need.  So PACE_BURST refusals leave as soon as they are made, and then
 * one every PACE_EACH_US; the others wait for their turn, PACE_MS_MAX at most.  Whoever waits for
 * an answer before he asks again is slowed by that, however he counts his keys and connections, and
 * whoever means to wait was told a second at least, so he loses nothing that he had.  Pure; no
 * clock of its own. */
#pragma once
#include <stdint.h>

enum {
    PACE_BURST = 32,      /* a fan-out of agents that finds the place full */
    PACE_EACH_US = 10000, /* at some 0.2 ms a refusal: a fiftieth of a core */
    PACE_MS_MAX = 1000,   /* the least that Retry-After tells (shed.h) */
};

struct pace {
    uint64_t next_us; /* when the refusal after the last one may leave */
};

/* One more is to be refused: after how long may it be told? */
uint64_t pace_ms(struct pace *pace, uint64_t now_us);
