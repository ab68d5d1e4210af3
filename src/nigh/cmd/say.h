/* say: one turn over the running node: asks, shows the answer as it comes, and tells who gave it.
 * For `nigh ask` and `nigh chat`. */
#pragma once
#include "nigh/cmd/cli.h"
#include "nigh/cmd/talk.h"

struct say {
    const char *model;                                /* NULL: auto */
    const char *label, *profile, *session, *max_cost; /* as the request headers; NULL: not given */
    uint64_t deadline_ms;                             /* 0: none */
    bool quiet;                                       /* the words are kept, not shown */
    bool interruptible;                               /* by SIGINT, without ending the program */
};

struct said {
    struct buf text;
    char turn[64], place[TALK_WORD_BYTES], zone[64], reason[TALK_WORD_BYTES], finish[32];
    bool began; /* something was shown */
};

/* The wishes that options of ask and chat name; a usage error was told when it is not CLI_DONE. */
int say_options(struct cli *cli, struct say *ret);

/* The operands as one text, and what was piped in after them; CLI_DONE, or an error was told. */
int say_question(const struct cli *cli, struct buf *text, int argc, char **argv);

/* A turn as it goes over the wire. */
struct say_request {
    struct buf body;
    struct header headers[8];
    size_t n_headers;
    char deadline[24];
};
NIGH_MUST enum nigh_status say_prepare(struct say_request *ret, const struct say *say,
                                       struct slice messages, struct nigh_err *err);
void say_request_done(struct say_request *request);

/* One member of "messages". */
void say_message(struct buf *messages, const char *role, struct slice text);
/* messages: the members, without the brackets. */
NIGH_MUST enum nigh_status say_turn(struct cli *cli, struct talk *talk, const struct say *say,
                                    struct slice messages, struct said *ret, struct nigh_err *err);
/* What to do after this failure. */
const char *say_hint(const struct said *said, const struct nigh_err *err);
void said_done(struct said *said);
/* What GET /nigh/v1/turns/ID tells of a turn that just ended, or NULL.  answer holds its memory. */
yyjson_val *say_bill(struct talk *talk, const struct said *said, struct talk_answer *answer);
/* On a terminal, one dim line: place, zone, reason, time, tokens, cost, bytes out. */
void say_line(const struct cli *cli, struct talk *talk, const struct said *said);
