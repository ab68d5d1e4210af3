/* rule: the user's own rules that narrow a label: by key and by text.
 *
 * The rules of a config are compiled once (Hyperscan: one pass over the text for all of them,
 * linear time whatever the pattern, so a hostile text cannot stall the node).  Every rule that
 * matches narrows: labels of matching rules are joined, so order cannot widen one.  Patterns are in
 * Hyperscan's PCRE subset (no look-around, no back-reference), UTF-8, matched anywhere, with case
 * unless they say (?i).  \w, \d and \s are Unicode's; \b and \B know ASCII letters only, so a
 * pattern that has one of them must be ASCII throughout, and its \w, \d and \s are then ASCII's.
 * Without a text rule Hyperscan is not even loaded.  Loop thread only (one scratch). */
#pragma once
#include "label/label.h"

struct rules;
struct rule_spec {
    const char *key;   /* NULL: any key; else the key's name */
    const char *text;  /* NULL: any text; else a pattern */
    const char *label; /* a zone's name */
    unsigned line;     /* of the config, for errors */
};
enum { RULES_MAX = 1000, RULE_PATTERN_MAX = 4096 };

enum { RULES_FAILED = -2 }; /* a scan did not end: the label was narrowed to device */

/* specs may go afterwards.  Errors begin with the rule's line. */
NIGH_MUST enum nigh_status rules_new(struct rules **ret, const struct rule_spec *specs, size_t n,
                                     const struct zones *z, struct nigh_err *err);
struct rules *rules_free(struct rules *rules);

/* Joins into *label what the rules without a text say for this key (absent: nobody's); a rule with
 * neither key nor text always holds.  Returns the index of the last rule, in the order of the
 * config, that narrowed it, or -1. */
int rules_key(const struct rules *rules, struct slice key, struct label *label);
/* Joins into *label what matches in this text, for the rules that have a text (and for those with a
 * key too, if it is this key).  Returns as rules_key, or RULES_FAILED: fail closed.  text: valid
 * UTF-8, as json_parse leaves it; what is not gives no promise of a match. */
int rules_text(struct rules *rules, struct slice key, struct slice text, struct label *label);
