/* guard: refuses what is known to kill or choke the model process.
 *
 * llama-server 0.7.0 turns schemas and grammars into rules by recursion and dies on nesting that a
 * few kilobytes can hold (THREATS.md).  The api refuses deep schemas when it decodes; this looks at
 * what really goes to the child, also in members that nigh has no word for and passes on:
 * `grammar`, `json_schema`, `response_format`, and regular expressions in any `pattern`.
 *
 * Brackets are counted wherever they stand, also inside quotes: a parser that disagrees with
 * llama.cpp's about where a quote ends would be a way around.  Pure functions: any thread. */
#pragma once
#include "base/err.h"
#include "turn/turn.h"

enum {
    GUARD_TEXT_DEPTH_MAX = TURN_SCHEMA_DEPTH_MAX, /* of ( [ { in a grammar or pattern */
    GUARD_GRAMMAR_BYTES_MAX = 64 << 10, /* rules that call each other in a chain cost stack too: the
                                           shortest are 8 bytes, so at most 8,192 deep */
    GUARD_WRAP_DEPTH = 4,               /* what response_format may add around a schema */
};

/* err names the member, never what is in it. */
NIGH_MUST enum nigh_status guard_turn(const struct turn *turn, struct nigh_err *err);
unsigned guard_text_depth(struct slice text);
