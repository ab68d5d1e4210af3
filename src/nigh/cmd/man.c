/* The manual page, from the table: docs/nigh.1 is what this prints, and a test compares them. */
#include "nigh/cmd/cli.h"

/* roff's own characters, and a line that would begin as a request. */
static void add_text(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\\')
            buf_add_cstr(out, "\\e");
        else if (*p == '-')
            buf_add_cstr(out, "\\-");
        else if (*p == '`' || *p == '\'' || *p == '"')
            buf_add_cstr(out, *p == '`' ? "\\(oq" : *p == '\'' ? "\\(aq" : "\\(dq");
        else if ((*p == '.') && (p == text || p[-1] == '\n'))
            buf_add_cstr(out, "\\&.");
        else if (*p == '\n' && p[1] == '\n')
            buf_add_cstr(out, "\n.PP\n"), p += strspn(p, "\n") - 1;
        else
            buf_add_char(out, *p);
    }
}

/* A `word` in backquotes is what to type: bold. */
static void add_option(struct buf *out, const char *name, const char *value, const char *help)
{
    buf_add_cstr(out, ".TP\n.B \\-\\-");
    add_text(out, name);
    if (value) {
        buf_add_cstr(out, " \\fI");
        add_text(out, value);
        buf_add_cstr(out, "\\fR");
    }
    buf_add_char(out, '\n');
    add_text(out, help);
    buf_add_cstr(out, ".\n");
}

static void add_command(struct buf *out, const struct command *command)
{
    buf_add_cstr(out, ".SS \"nigh ");
    add_text(out, command->name);
    if (command->options)
        buf_add_cstr(out, " [OPTION...]");
    if (command->operands[0]) {
        buf_add_char(out, ' ');
        add_text(out, command->operands);
    }
    buf_add_cstr(out, "\"\n");
    buf_add_char(out, (char)(command->summary[0] - ('a' - 'A') * (command->summary[0] >= 'a')));
    add_text(out, command->summary + 1);
    buf_add_cstr(out, ".\n");
    if (command->about[0]) {
        add_text(out, command->about);
        buf_add_char(out, '\n');
    }
    for (const struct cli_option *o = command->options; o && o->name; o++)
        add_option(out, o->name, o->value, o->help);
}

static const char head[] =
    ".\\\" Made by `nigh man` from the table in src/nigh/cmd/commands.c.\n"
    ".TH NIGH 1 \"\" \"nigh " NIGH_VERSION "\" \"User Commands\"\n"
    ".SH NAME\n"
    "nigh \\- decides, for every request, where it is answered: here, near or far\n"
    ".SH SYNOPSIS\n"
    ".B nigh\n"
    ".I COMMAND\n"
    "[\\fIOPTION\\fR...] [\\fIOPERAND\\fR...]\n"
    ".SH DESCRIPTION\n"
    "nigh is a small daemon that stands beside the user.\n"
    "It speaks the HTTP APIs that programs already speak, by default at 127.0.0.1:6444, and "
    "answers each\n"
    "request here on this device, on another device of the user\\(aqs, or in a cloud: where the "
    "label of the\n"
    "data lets it, and where it is best by the chosen profile.\n"
    "Every answer says who gave it and why, and every byte that leaves the device is in a ledger.\n"
    ".PP\n"
    "The commands talk to the running node, and all but \\fBstatus\\fR, \\fBstop\\fR and "
    "\\fBdoctor\\fR start\n"
    "one if none runs.\n"
    "Options may stand before or after operands; after \\fB\\-\\-\\fR everything is an operand.\n"
    ".SH COMMANDS\n";

static const char tail[] =
    ".SH COMMON OPTIONS\n"
    ".TP\n.B \\-\\-json\nFor programs: one JSON object on standard output, where a command has "
    "something to "
    "tell.\n"
    ".TP\n.BR \\-\\-help \", \" \\-h\nTell a command\\(aqs options.\n"
    ".TP\n.BR \\-\\-version \", \" \\-V\nAs \\fBnigh version\\fR.\n"
    ".SH EXIT STATUS\n"
    ".TP\n.B 0\nDone.\n"
    ".TP\n.B 1\nFailed.\n"
    ".TP\n.B 2\nWrong usage.\n"
    ".TP\n.B 3\nRefused by policy: a label, a budget, a key.\n"
    ".TP\n.B 4\nNothing reachable: no node runs, or no place that may answer can.\n"
    ".PP\n"
    "What goes wrong is one line on standard error that says what to do.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B NIGH_CONFIG\nThe config file.\n"
    ".TP\n.B NIGH_STATE\nThe state folder.\n"
    ".TP\n.B NIGH_MODEL\nThe local model\\(aqs file, where the config names none.\n"
    ".TP\n.B NO_COLOR\nIf not empty, no colours on a terminal.\n"
    ".TP\n.BR XDG_CONFIG_HOME \", \" XDG_STATE_HOME \", \" XDG_DATA_HOME\n"
    "As the XDG Base Directory Specification has them.\n"
    ".SH FILES\n"
    ".TP\n.IR $XDG_CONFIG_HOME/nigh/config.yaml \", \" /etc/nigh/config.yaml\n"
    "The config; every key has a default, and no file is needed.\n"
    ".TP\n.IR $XDG_STATE_HOME/nigh \", \" /var/lib/nigh\n"
    "Bills, ledger and keys (nigh.db), where the node is (local.json), its log (nigh.log) and the "
    "lines "
    "of \\fBnigh chat\\fR (chat_history).\n"
    ".TP\n.IR $XDG_DATA_HOME/nigh/models \", \" /var/lib/nigh/models\n"
    "Local models, as GGUF files.\n"
    ".SH EXAMPLES\n"
    ".TP\n.B nigh ask \\(dqwhat is 15% of 80?\\(dq\nA routine question, answered by a skill.\n"
    ".TP\n.B git diff | nigh ask \\-\\-label device \\(dqwrite a commit message\\(dq\n"
    "Nothing of it leaves this device.\n"
    ".TP\n.B nigh why\nWho answered that, and for which reasons.\n";

void man_page(struct buf *out)
{
    buf_add_cstr(out, head);
    for (const struct command *c = commands; c->name; c++)
        if (!c->hidden)
            add_command(out, c);
    buf_add_cstr(out, tail);
}

int cmd_man(struct cli *cli, int argc, char **argv)
{
    CLEANUP(buf_done) struct buf text = {0};

    (void)cli;
    (void)argc;
    (void)argv;
    man_page(&text);
    fwrite(text.data, 1, text.len, stdout);
    return CLI_DONE;
}
