/* search: private data in a turn, found by detection; what is done with it is the label step's.
 *
 * Every text that would leave with the turn is read (turn_each_text_at); a call's arguments are
 * read as the JSON they are, so that an escaped value is found.  Neighbours are read together: each
 * text with what was said before it, by anybody and by the same role, so that a value cut over
 * messages, fields or arguments is found, in as many pieces as there are.  The session's latest
 * words stand before the turn's first.
 *
 * One search is one thread's at a time: it touches the turn, which must not change meanwhile, and
 * its detect; it may go from the loop to a worker and back.
 *
 * Invariants: 1. What could not be read to its end is told as `failed`, never as clean.  2. Only
 * finds of groups that are not allowed are kept. */
#pragma once
#include "label/detect.h"
#include "turn/turn.h"

struct find {
    struct text_at at; /* of a find over a border: where its end stands */
    const char *type;
    enum detect_group group;
    bool border;       /* cut over texts, or in a header: no placeholder can stand for it */
    struct slice text; /* what it was found in */
    size_t start, end; /* of text */
};

struct search_spec {
    const enum detect_policy *policy; /* by group */
    uint64_t budget_us;               /* of the thread's time, of all texts together */
    struct slice before;              /* what the session's user said last; absent: nothing */
};

enum {
    SEARCH_FINDS_MAX = 100000, /* as DETECT_SPANS_MAX; more is a failed search */
    SEARCH_ARENA_MAX = 256 << 20,
};

/* Zero it, or search_done it, before the first use. */
struct search {
    struct find *finds;
    size_t n, cap;
    enum nigh_status failed;  /* NIGH_OK: read to the end */
    struct text_at failed_at; /* the text that was not */
    /* The end of all that the user said, with `before`: for the session. */
    char said[DETECT_BORDER_BYTES];
    size_t n_said;
    struct arena arena; /* of arguments' JSON, of numbers, of texts over borders */
    struct spans spans; /* private */
};
/* Reads the turn; what the search held before is gone. */
void search_turn(struct search *search, struct detect *detect, const struct turn *turn,
                 const struct search_spec *spec);
void search_done(struct search *search);
/* The bytes of a find as they stood in the turn. */
struct slice find_value(const struct find *find);
