/* session: what the turns of one session have shown, so that the next ones go no further.
 *
 * A session is what a caller's key calls by one name (Nigh-Session).  It remembers the narrowest
 * label that its turns had from their callers and from where their data came; what detection found
 * and which rules matched, by imprint, so that a consent lifts them here too; and the last bytes
 * that its user said, so that a value cut over two requests is found.  Labels and imprints are
 * durable; words are in memory only, and wiped when they go.
 *
 * Bounded: SESSIONS_MAX; over it the one that was not used for longest is forgotten.  Loop thread
 * only.
 *
 * Invariants: 1. Within its life a session's label only narrows.  2. What does not fit
 * SESSION_CAUSES_MAX is joined into the label: forgotten as a cause, never as a narrowing. */
#pragma once
#include "label/detect.h"
#include "label/imprint.h"
#include "label/label.h"
#include "store/store.h"

enum {
    SESSIONS_MAX = 4096, /* some 400 bytes each, with a durable row where something was narrowed */
    SESSION_CAUSES_MAX = 16,
};

/* What narrowed a turn and may be lifted by a consent. */
struct session_cause {
    struct imprint imprint;
    bool rule;     /* else what detection found, which kept it from public places */
    char zone[33]; /* of a rule: its label; a zone's name */
};

struct session; /* until the next session_of or session_narrow */
struct sessions;
/* At start, before the store's first append. */
NIGH_MUST enum nigh_status sessions_new(struct sessions **ret, struct store *store,
                                        struct nigh_err *err);
struct sessions *sessions_free(struct sessions *sessions);

/* key: the name of the caller's key, or "".  NULL: nothing is known of it. */
struct session *session_of(struct sessions *sessions, struct slice key, struct slice name);
/* As label_text writes it; "": nobody narrowed it. */
const char *session_label(const struct session *session);
size_t session_causes(const struct session *session, const struct session_cause **ret);
struct slice session_said(const struct session *session); /* absent: nothing */

/* What a turn showed. */
struct session_seen {
    const char *label; /* of the session so far and the turn, joined; "": nobody narrowed it */
    const struct session_cause *causes; /* new ones among them are kept */
    size_t n_causes;
    struct slice said; /* the latest of its user's words, of which the end is kept; absent: none */
    const char *all;   /* the label with the causes joined, for when they do not fit */
};
/* Remembers it, durable before it returns where something was narrowed. */
NIGH_MUST enum nigh_status session_narrow(struct sessions *sessions, struct slice key,
                                          struct slice name, const struct session_seen *seen,
                                          struct nigh_err *err);
