/* toolzone: where the tools that a model calls do their work, as the config's `tools` says.
 *
 * A tool's results come from its zone, so they are labelled with it; a call's arguments go there,
 * so the turn's label must permit it.  A tool that nobody declared runs at the caller: its results
 * say nothing of where they came from, and its arguments go no further than the answer does.  Pure;
 * any thread. */
#pragma once
#include "label/zone.h"

struct toolzone {
    const char *name; /* "read_mail", or what a name begins with: "mail_*" */
    unsigned zone;
};
struct toolzones {
    const struct toolzone *all;
    size_t n;
    int other; /* zone of every tool that is not in the list; TOOLZONE_NONE: not declared */
};
enum { TOOLZONE_NONE = -1 };

/* The exact name first, then the same in another case, then the longest beginning, then `other`.
 * Case and blanks around it do not count: who runs the tool may be as lenient. */
int toolzone_find(const struct toolzones *tools, struct slice name);
