/* detect: private data in a text, found by patterns, checks and a small tagger of names.
 *
 * A hint that only narrows: what it finds makes a label narrower or is masked, what it misses
 * changes nothing (THREATS.md: labels come from where bytes came from).  The kinds, their patterns,
 * checks and sources are the rows of data/detect.tsv; what is done with each group is the config's
 * `detect:`.
 *
 * A text is folded (fold.h: compatibility forms, format characters, look-alikes), scanned once with
 * Hyperscan, and scanned again where it was folded away or holds something encoded (unwrap.h), one
 * level deep.  A match counts when its check passes and, where its row says so, when a word that
 * belongs to it stands near.
 *
 * Costs, on the machine of issue 4: see README.  Work is linear in the text; a budget bounds it,
 * and a text over its budget is sensitive, never clean.  One detect per thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"

/* One row per group: name in the config, what is done unless the config says otherwise.  Names of
 * persons, places and organisations, dates and ages are left alone by default: a question about
 * Marie Curie has to reach a cloud as it is. */
#define DETECT_GROUPS(G)                                                                           \
    G(SECRET, "secret", KEEP) /* keys, tokens, passwords, private keys */                          \
    G(CARD, "card", MASK)                                                                          \
    G(IBAN, "iban", MASK)                                                                          \
    G(BANK, "bank", MASK) /* routing and account numbers */                                        \
    G(ID, "id", MASK)     /* national identity, social security, passport, licence */              \
    G(TAX, "tax", MASK)                                                                            \
    G(CRYPTO, "crypto", MASK) /* addresses of purses */                                            \
    G(PHONE, "phone", MASK)                                                                        \
    G(EMAIL, "email", MASK)                                                                        \
    G(NETWORK, "network", MASK) /* IP and MAC addresses */                                         \
    G(DEVICE, "device", MASK)   /* IMEI, VIN, plates */                                            \
    G(GPS, "gps", MASK)                                                                            \
    G(BIRTH, "birth", MASK)     /* a date said to be of birth */                                   \
    G(ADDRESS, "address", MASK) /* streets, post codes */                                          \
    G(CONTACT, "contact", MASK) /* the user's own words and contacts */                            \
    G(URL, "url", ALLOW)                                                                           \
    G(PERSON, "person", ALLOW)                                                                     \
    G(PLACE, "place", ALLOW)                                                                       \
    G(ORGANISATION, "organisation", ALLOW)                                                         \
    G(DATE, "date", ALLOW)                                                                         \
    G(TRAIT, "trait", ALLOW) /* age, title, nationality, health, amounts, file numbers */
enum detect_group {
#define DETECT_GROUP(name, word, policy) DETECT_##name,
    DETECT_GROUPS(DETECT_GROUP)
#undef DETECT_GROUP
        DETECT_GROUP_COUNT
};
const char *detect_group_text(enum detect_group group);
bool detect_group_find(enum detect_group *ret, struct slice word);

enum detect_policy {
    DETECT_ALLOW, /* goes where the label permits */
    DETECT_MASK,  /* goes to a public place behind a placeholder only */
    DETECT_KEEP,  /* never goes to a public place */
};
enum detect_policy detect_policy_default(enum detect_group group);
size_t detect_types(enum detect_group group); /* how many types data/detect.tsv has of it */

/* start, end: bytes of the text as given, half open, on borders of characters. */
struct span {
    size_t start, end;
    const char *type; /* "CREDIT_CARD": a type of data/detect.tsv */
    enum detect_group group;
    unsigned score; /* 1..100; how sure, as the row says: a guess that orders, no probability */
    bool hidden; /* found in what the text hides (encoded, spaced, reversed): start..end is all of
                    it */
};
struct spans {
    struct span *all; /* by start; none overlap */
    size_t n, cap;
};
void spans_done(struct spans *spans);

/* A word of the user's own: a contact, a project.  Matched whole, in any case, folded. */
struct detect_word {
    const char *text;
    const char *type; /* "PERSON", or a name of theirs; lives as long as the detect */
};
struct detect_spec {
    const struct detect_word *words;
    size_t n_words; /* at most DETECT_WORDS_MAX */
    bool names;     /* with the tagger */
};
enum {
    DETECT_WORDS_MAX = 10000,
    DETECT_BYTES_MAX = 64 << 20,      /* of one text; more is over every budget */
    DETECT_SPANS_MAX = 100000,        /* more is sensitive as a whole */
    DETECT_NAMES_BYTES_MAX = 1 << 20, /* the tagger reads so much of a text: 0.1 s */
    DETECT_BORDER_BYTES = 128,        /* of each side of a border: the longest value but keys */
};

struct detect;
/* Takes some milliseconds and megabytes: made when the first turn comes, not at start. */
NIGH_MUST enum nigh_status detect_new(struct detect **ret, const struct detect_spec *spec,
                                      struct nigh_err *err);
struct detect *detect_free(struct detect *detect);

/* text: valid UTF-8.  budget_us: of the thread's own time; 0 for none.  NIGH_TIMEOUT (over budget),
 * NIGH_TOOBIG and NIGH_NOMEM mean "sensitive"; *ret is then empty.  *ret is reused from call to
 * call. */
NIGH_MUST enum nigh_status detect_scan(struct detect *detect, struct slice text, uint64_t budget_us,
                                       struct spans *ret, struct nigh_err *err);

/* What neither of two neighbouring texts shows alone and both together do: a value that was cut in
 * two messages, fields or pieces.  Reads the end of before and the beginning of after, joined as
 * they are and with a space; names are not looked for, and only what is sure of itself counts.  Not
 * to be called within one text: detect_scan sees all of it.
 *
 * start, end: bytes of before and after written one behind the other, so start < before.len < end;
 * of one group none overlap.  Status as detect_scan. */
NIGH_MUST enum nigh_status detect_border(struct detect *detect, struct slice before,
                                         struct slice after, struct spans *ret,
                                         struct nigh_err *err);
