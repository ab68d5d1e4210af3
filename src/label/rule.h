/* rule: the user's own rules that narrow a label: by key and by text.
 *
 * The rules of a config are compiled once (Hyperscan: one pass over the text for all of them,
 * linear time whatever the pattern, so a hostile text cannot stall the node).  Every rule that
 * matches narrows: all of them are told, so order cannot widen one.  Patterns are in
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

/* specs may go afterwards.  Errors begin with the rule's line. */
NIGH_MUST enum nigh_status rules_new(struct rules **ret, const struct rule_spec *specs, size_t n,
                                     const struct zones *z, struct nigh_err *err);
struct rules *rules_free(struct rules *rules);

/* Told of each rule that matches, in the order of the config: its index there, and how far what it
 * matched may go.  Who is told joins (label.h), or lifts the rule by a consent. */
typedef void rules_fn(void *owner, size_t rule, struct label label);

/* The rules without a text, for this key (absent: nobody's); a rule with neither key nor text
 * always matches. */
void rules_key(const struct rules *rules, struct slice key, rules_fn *fn, void *owner);
/* The rules that have a text which stands in this one (and for those with a key too, if it is this
 * key).  false: the scan did not end, so anything may have matched; fn was not called.  text: valid
 * UTF-8, as json_parse leaves it; what is not gives no promise of a match. */
NIGH_MUST bool rules_text(struct rules *rules, struct slice key, struct slice text, rules_fn *fn,
                          void *owner);
