/* cli: the command line: one table of commands, read by the parser, the help, the man page and the
 * shell completion alike.
 *
 * cli_main finds the command, reads its options and calls it with the operands that are left.  A
 * command writes its answer to standard output and returns an exit status; what goes wrong is one
 * line on standard error that says what to do.  One thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include <stdio.h>

enum cli_exit {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,       /* the command line was wrong */
    CLI_REFUSED = 3,     /* policy said no: a label, a budget, a key */
    CLI_UNREACHABLE = 4, /* no node, or no place that may answer */
};
enum { CLI_OPTIONS_MAX = 12 };

/* What a shell offers for a value. */
enum cli_complete { COMPLETE_NOTHING, COMPLETE_FILES, COMPLETE_WORDS };

struct cli_option {
    const char *name;  /* "label", given as --label */
    const char *value; /* "LABEL"; NULL: a switch */
    const char *help;  /* begins in lower case, without a full stop */
    enum cli_complete complete;
    const char *words; /* COMPLETE_WORDS: separated by blanks */
};

struct cli;
struct command {
    const char *name;     /* "ask", "config check" */
    const char *operands; /* "TEXT...", "[FILE]"; "" for none */
    const char *words;    /* COMPLETE_WORDS */
    const char *summary;  /* one line, lower case, no full stop */
    const char *about;    /* sentences for help and man page; a blank line ends a paragraph */
    const struct cli_option *options; /* ends with {0}; NULL: none */
    int (*run)(struct cli *cli, int argc, char **argv);
    unsigned least, most;       /* how many operands; most 0: none */
    enum cli_complete complete; /* of the operands */
    bool no_json;               /* --json means nothing to it */
    bool hidden;                /* of use to nigh itself only */
    bool raw;                   /* reads its own options: gets argv from its name on */
};
extern const struct command commands[]; /* ends with {0} */

struct cli {
    const struct command *command;
    const char *values[CLI_OPTIONS_MAX]; /* as in command->options; NULL: not given */
    bool json;
    bool tty;    /* standard output is a terminal */
    bool colour; /* it is, and NO_COLOR is not set */
};

int cli_main(int argc, char **argv); /* the whole program */

/* Of this command's option; NULL: not given.  A switch that was given: "". */
const char *cli_value(const struct cli *cli, const char *name);
/* "nigh: ..." on standard error, as one line; returns status. */
int cli_error(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same of an error, with the exit status that its status means.  hint: what to do about it,
 * where the error itself does not say; NULL: none. */
int cli_fail(const struct nigh_err *err, const char *hint);
int cli_exit_of(enum nigh_status status);

const struct command *command_find(const char *name); /* NULL: none */
/* The command that argv[0], or argv[0] and argv[1], name; *ret_words: how many of them.  NULL after
 * telling what is wrong. */
const struct command *command_of(int argc, char **argv, int *ret_words);

/* help.c, man.c, completion.c: texts made from the table. */
void help_overview(struct buf *out);
void help_command(const struct command *command, struct buf *out);
void help_usage(const struct command *command,
                struct buf *out); /* "nigh ask [--json] ... TEXT..." */
void help_json(struct buf *out);
void man_page(struct buf *out);
bool completion_script(const char *shell, struct buf *out); /* false: no such shell */

int cmd_ask(struct cli *cli, int argc, char **argv);
int cmd_chat(struct cli *cli, int argc, char **argv);
int cmd_completion(struct cli *cli, int argc, char **argv);
int cmd_config_check(struct cli *cli, int argc, char **argv);
int cmd_config_show(struct cli *cli, int argc, char **argv);
int cmd_detect(struct cli *cli, int argc, char **argv);
int cmd_doctor(struct cli *cli, int argc, char **argv);
int cmd_help(struct cli *cli, int argc, char **argv);
int cmd_jail(struct cli *cli, int argc, char **argv);
int cmd_model_check(struct cli *cli, int argc, char **argv);
int cmd_key_list(struct cli *cli, int argc, char **argv);
int cmd_key_new(struct cli *cli, int argc, char **argv);
int cmd_key_revoke(struct cli *cli, int argc, char **argv);
int cmd_ledger_export(struct cli *cli, int argc, char **argv);
int cmd_ledger_preview(struct cli *cli, int argc, char **argv);
int cmd_ledger_show(struct cli *cli, int argc, char **argv);
int cmd_consent(struct cli *cli, int argc, char **argv);
int cmd_consents(struct cli *cli, int argc, char **argv);
int cmd_consent_revoke(struct cli *cli, int argc, char **argv);
int cmd_ledger_verify(struct cli *cli, int argc, char **argv);
int cmd_man(struct cli *cli, int argc, char **argv);
int cmd_models(struct cli *cli, int argc, char **argv);
int cmd_serve(struct cli *cli, int argc, char **argv);
int cmd_status(struct cli *cli, int argc, char **argv);
int cmd_stop(struct cli *cli, int argc, char **argv);
int cmd_version(struct cli *cli, int argc, char **argv);
int cmd_why(struct cli *cli, int argc, char **argv);
