/* unwrap: what a text hides: encodings of one level, and values taken apart.
 *
 * Each way gives a view: another text with the way back to the bytes it stands for.  A view is made
 * only where the text shows signs of it.  Bounded: at most UNWRAP_RUNS_MAX runs and
 * UNWRAP_BYTES_MAX decoded bytes a text; a text with more is sensitive as a whole (THREATS.md, row
 * 24).  Pure. */
#pragma once
#include "label/fold.h"

enum { UNWRAP_RUNS_MAX = 64, UNWRAP_BYTES_MAX = 64 << 10 };

/* What came of looking for one kind of hiding. */
enum unwrap { UNWRAP_NONE, UNWRAP_VIEW, UNWRAP_TOO_MUCH, UNWRAP_NOMEM };

/* Views whose bytes each stand for some of the text: percent and entity escapes decoded, runs of
 * single characters joined (j o h n), words joined over a line's end. */
enum unwrap unwrap_percent(struct fold *view, struct slice text);
enum unwrap unwrap_entities(struct fold *view, struct slice text);
enum unwrap unwrap_spaced(struct fold *view, struct slice text);
enum unwrap unwrap_lines(struct fold *view, struct slice text);
/* Base64 and hex: every run that decodes to text, in one view, each followed by a newline and each
 * byte standing for the whole run: from[] is where it begins, to[] in until where it ends. */
struct unwrap_runs {
    struct fold view;
    uint32_t *until; /* as long as view.from */
    size_t cap;
    unsigned char *out; /* UNWRAP_BYTES_MAX for the run being decoded; NULL until there is one */
};
enum unwrap unwrap_runs(struct unwrap_runs *ret, struct slice text);
void unwrap_runs_done(struct unwrap_runs *runs);
