/* show: what several commands print alike. */
#pragma once
#include "nigh/cmd/talk.h"
#include "nigh/cmd/term.h"

/* A turn explained: route/explain.h, and each send of its in the ledger.  id: "" for the latest. */
NIGH_MUST enum nigh_status show_turn(const struct cli *cli, struct talk *talk, const char *id,
                                     struct nigh_err *err);
/* An answer's body as it came, for --json. */
void show_body(const struct talk_answer *answer);
/* JSON of our own making, with a line end. */
void show_made(struct buf *json);
