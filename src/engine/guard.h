/* guard: refuses what is known to kill or choke the model process.
 *
 * llama-server 0.7.0 turns schemas and grammars into rules by recursion and dies on nesting that a
 * few kilobytes can hold (THREATS.md).  The api refuses deep schemas when it decodes; this looks at
 * what really goes to the child, also in members that nigh has no word for and passes on:
 * `grammar`, `json_schema`, `response_format`, and regular expressions in any `pattern`.
 *
 * It also refuses images that are told by an address.  llama-server would fetch them (THREATS.md
 * row 7); behind its walls it cannot, and nobody here does it for it.
 *
 * Brackets are counted wherever they stand, also inside quotes: a parser that disagrees with
 * llama.cpp's about where a quote ends would be a way around.  Pure functions: any thread. */
#pragma once
#include "base/err.h"
#include "turn/turn.h"

enum {
    GUARD_TEXT_DEPTH_MAX = TURN_SCHEMA_DEPTH_MAX, /* of ( [ { in a grammar or pattern */
    GUARD_GRAMMAR_BYTES_MAX = 64 << 10, /* rules that call each other in a chain cost stack too;
                                           8,000 in a chain, all that fit, were measured to pass */
    GUARD_WRAP_DEPTH = 4,               /* what response_format may add around a schema */
    /* What one turn's schemas hold together, with what llama-server 0.7.0 did to us beyond it (22
     * November 2026): it answers nobody while it turns a schema into rules. */
    GUARD_REFS_MAX = 2000,     /* of $ref; a chain of 4,000 passes, of 8,000 kills it (SIGSEGV) */
    GUARD_ITEMS_MAX = 5000,    /* of one list; an enum of 5,000 takes 1 s, of 100,000 26 s */
    GUARD_OPTIONAL_MAX = 1000, /* properties of one object that are not required: quadratic, 1,000
                                  take 4 s, 2,000 over 20 s */
    GUARD_PATTERN_BYTES_MAX = 8 << 10, /* 10,000 alternatives take 1 s, 60,000 over 28 s */
    GUARD_VALUES_MAX = 100000,
};

/* err names the member, never what is in it. */
NIGH_MUST enum nigh_status guard_turn(const struct turn *turn, struct nigh_err *err);
unsigned guard_text_depth(struct slice text);
