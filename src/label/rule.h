/* rule: the user's own rules that narrow a label: by key and by text.
 *
 * The rules of a config are compiled once (Hyperscan: one pass over the text for all of them, linear
 * time whatever the pattern, so a hostile text cannot stall the node).  Every rule that matches
 * narrows: labels of matching rules are joined, so order cannot widen one.  Patterns are in
 * Hyperscan's PCRE subset, UTF-8, matched anywhere.  rules_scan: loop thread only (one scratch). */
#pragma once
#include "label/label.h"

struct rules;
struct rule_spec {
    const char *key;  /* NULL: any key; else the key's name */
    const char *text; /* NULL: any text; else a pattern */
    const char *label; /* a zone's name */
    unsigned line;    /* of the config, for errors */
};
enum { RULES_MAX = 1000, RULE_PATTERN_MAX = 4096 };

NIGH_MUST enum nigh_status rules_new(struct rules **ret, const struct rule_spec *specs, size_t n,
                                     const struct zones *z, struct nigh_err *err);
struct rules *rules_free(struct rules *rules);
/* Joins into *label what the key's rules say.  Rules with both key and text need both. */
void rules_key(const struct rules *rules, struct slice key, struct label *label);
/* Joins into *label what matches in this text; returns the index of the rule that narrowed it most
 * recently, or -1.  A scan that fails narrows to device: fail closed. */
int rules_text(struct rules *rules, struct slice key, struct slice text, struct label *label);
