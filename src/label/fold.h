/* fold: a text as detection reads it, and the way back to the bytes it came from.
 *
 * Compatibility forms (full width, mathematical letters, other scripts' digits) become ASCII,
 * spaces of any width become one, look-alike letters become the letter, what shows nothing (zero
 * width, soft hyphen, tag block made visible) goes.  Everything else stays as it is.  Output is
 * never longer than the text.  Pure; any thread. */
#pragma once
#include "base/str.h"

struct fold {
    char *text;
    size_t len;
    uint32_t *from; /* from[i]: where byte i of text began in the original; from[len]: its length */
    size_t cap;
};
void fold_done(struct fold *fold);
/* Memory for len bytes and their map, at least doubled where it grows; false: there is none. */
bool fold_room(struct fold *fold, size_t len);
/* Is there anything to fold?  Of most texts not: they are scanned as they are. */
bool fold_needed(struct slice text);
/* false: out of memory.  text: valid UTF-8, at most UINT32_MAX bytes. */
bool fold_text(struct fold *fold, struct slice text);
