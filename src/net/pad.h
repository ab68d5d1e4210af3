/* pad: makes the pieces of a streamed answer come in few sizes.
 *
 * Whoever sees an encrypted stream pass sees how long each record is, and a record a token tells
 * the length of each word, from which much of the text can be guessed (arXiv 2403.09751; THREATS.md
 * 22). So each piece is filled up with what its format ignores: a comment in a stream of events,
 * blanks before the end of a line of JSON.  When words come, and how many bytes a whole answer has,
 * is not hidden.  Pure; any thread. */
#pragma once
#include "base/str.h"

enum pad { PAD_NONE, PAD_EVENTS, PAD_LINES };
enum {
    PAD_BYTES = 512,      /* a token's event has 150 to 400 in each API that streams */
    PAD_PIECE_MAX = 8192, /* with its chunk's lines still one TLS record, which ends at 16,384 */
};

/* How an answer of this type is filled up. */
enum pad pad_of(struct slice content_type);
/* Fills out from `from` up to a multiple of PAD_BYTES, if what stands there ends as whole pieces of
 * its format do. */
void pad_fill(struct buf *out, size_t from, enum pad pad);
/* Of n bytes that wait, as many as go out at once: PAD_BYTES times a power of two, at most `max`
 * and PAD_PIECE_MAX; what is less than PAD_BYTES goes as it is. */
size_t pad_piece(size_t n, size_t max);
