/* line: who is in a place, who waits for it, and who is told to come again later.
 *
 * A place takes in_max turns at once.  More wait in order of arrival, but a caller who has fewer in
 * comes before one who has more, and one who has nothing there yet may wait where others are turned
 * away; shed.h says who may.  Nobody waits longer than wait_ms while the line is open.  A closed
 * line (the place is starting) lets nobody in.
 *
 * A seat is embedded in what waits.  Its `called` comes from the loop, never from inside a call of
 * this module: with true when it is in, with false when it is out, having waited in vain.  Whoever
 * took a seat gives it back with line_leave().  Loop thread only.
 *
 * Invariants: 1. Never more than in_max are in.  2. Never more than twice waiting_max wait.  3. A
 * seat is in at most one list, and in none after line_leave() or called(false). */
#pragma once
#include "loop/timer.h"
#include "turn/shed.h"

struct line_seat {
    struct line *line; /* NULL: no seat is taken */
    struct line_seat *prev, *next;
    bool in;
    uint32_t who;      /* the caller: any number that tells one from another */
    uint64_t since_us; /* when it came in, or began to wait */
    struct timer clock;
    void (*called)(struct line_seat *seat, bool in);
};

struct line_list {
    struct line_seat *first, *last;
    unsigned n;
};

struct line {
    struct loop *loop;
    unsigned in_max, waiting_max;
    uint64_t wait_ms;
    bool open;
    struct line_list in, waiting;
    struct shed shed;
    struct later later;
};

enum line_answer { LINE_IN, LINE_WAITS, LINE_FULL };

void line_init(struct line *line, struct loop *loop, unsigned in_max, unsigned waiting_max,
               uint64_t wait_ms);
void line_done(struct line *line); /* nobody has a seat any more */
void line_open(struct line *line, bool open);
/* who: see above.  left_ms: until its deadline; 0: none. */
enum line_answer line_enter(struct line *line, struct line_seat *seat, uint32_t who,
                            uint64_t left_ms, void (*called)(struct line_seat *seat, bool in));
/* served: the time it was in tells how long a turn takes.  No seat: nothing. */
void line_leave(struct line_seat *seat, bool served);
uint64_t line_retry_ms(const struct line *line); /* for one who is refused */
uint32_t line_who(const char *name);             /* a number for a caller's name */
