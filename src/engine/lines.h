/* lines: the last of what the model process wrote, for `nigh doctor`, without what users wrote.
 *
 * llama-server at verbosity 3 logs no prompt by itself, but its errors quote: a grammar that does
 * not parse is printed whole, a request that is not JSON is shown around the fault.  So once a turn
 * was given to the process, a line is kept only when it has the shape of its log and then only up
 * to the first quotation mark or brace; all else is counted, not kept.  Before that nothing a user
 * wrote can be in it. Loop thread only. */
#pragma once
#include "base/str.h"

enum { LINES_BYTES_MAX = 64 << 10 };

struct lines {
    struct buf kept; /* each ends with a newline */
    bool serving;    /* set with the first turn, cleared with each start of the process */
    uint64_t withheld;
};

void lines_done(struct lines *lines);
void lines_add(struct lines *lines, struct slice line);
struct slice lines_last(const struct lines *lines); /* the newest, without its newline */
