/* The help, from the table. */
#include "nigh/cmd/cli.h"

#include "base/json.h"
#include "nigh/cmd/show.h"

enum { HELP_COLUMNS = 80 };

/* Fills lines of HELP_COLUMNS, after `indent` blanks; the first line goes on at column `at`. */
static void wrap(struct buf *out, const char *text, unsigned indent, unsigned at)
{
    bool fresh = true;

    while (*text) {
        size_t len = strcspn(text, " \n");
        if (*text == '\n') { /* a blank line between paragraphs */
            buf_printf(out, "\n\n%*s", (int)indent, "");
            text += strspn(text, "\n");
            at = indent;
            fresh = true;
            continue;
        }
        if (!fresh && at + 1 + len > HELP_COLUMNS) {
            buf_printf(out, "\n%*s", (int)indent, "");
            at = indent;
            fresh = true;
        }
        if (!fresh)
            buf_add_char(out, ' ');
        buf_add(out, text, len);
        at += (unsigned)len + !fresh;
        fresh = false;
        text += len;
        text += strspn(text, " ");
    }
    buf_add_char(out, '\n');
}

void help_usage(const struct command *command, struct buf *out)
{
    buf_printf(out, "nigh %s", command->name);
    if (command->options)
        buf_add_cstr(out, " [OPTION...]");
    if (command->operands[0])
        buf_printf(out, " %s", command->operands);
}

void help_overview(struct buf *out)
{
    enum { SUMMARY_AT = 18 };

    buf_add_cstr(out,
                 "nigh decides, for every request, where it is answered: here, near or far.\n\n"
                 "usage: nigh COMMAND [OPTION...]\n\n");
    for (const struct command *c = commands; c->name; c++)
        if (!c->hidden)
            buf_printf(out, "  %-*s%s\n", SUMMARY_AT - 2, c->name, c->summary);
    buf_add_cstr(out,
                 "\n`nigh help COMMAND` tells its options.  Most take --json.\n"
                 "Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused by policy, 4 nothing "
                 "reachable.\n");
}

static void add_option(struct buf *out, const char *name, const char *value, const char *help)
{
    enum { HELP_AT = 24 };
    CLEANUP(buf_done) struct buf head = {0};

    buf_printf(&head, "  --%s%s%s", name, value ? " " : "", value ? value : "");
    buf_printf(out, "%-*s", HELP_AT - 1, head.data);
    if (head.len >= HELP_AT)
        buf_printf(out, "\n%*s", HELP_AT - 1, "");
    buf_add_char(out, ' ');
    wrap(out, help, HELP_AT, HELP_AT);
}

void help_command(const struct command *command, struct buf *out)
{
    buf_add_cstr(out, "usage: ");
    help_usage(command, out);
    buf_printf(out, "\n\n%c%s.\n", command->summary[0] - ('a' - 'A') * (command->summary[0] >= 'a'),
               command->summary + 1);
    if (command->about[0])
        wrap(out, command->about, 0, 0);
    buf_add_char(out, '\n');
    for (const struct cli_option *o = command->options; o && o->name; o++)
        add_option(out, o->name, o->value, o->help);
    if (!command->no_json)
        add_option(out, "json", NULL, "for programs: one JSON object");
    add_option(out, "help", NULL, "this text");
}

void help_json(struct buf *out)
{
    buf_add_cstr(out, "{\"commands\":[");
    for (const struct command *c = commands; c->name; c++) {
        if (c->hidden)
            continue;
        json_sep(out);
        buf_add_char(out, '{');
        json_put_cstr(out, "name", c->name);
        json_put_cstr(out, "operands", c->operands);
        json_put_cstr(out, "summary", c->summary);
        json_key(out, "options");
        buf_add_char(out, '[');
        for (const struct cli_option *o = c->options; o && o->name; o++) {
            json_sep(out);
            buf_add_char(out, '{');
            json_put_cstr(out, "name", o->name);
            json_put_cstr(out, "value", o->value);
            json_put_cstr(out, "help", o->help);
            buf_add_char(out, '}');
        }
        buf_add_char(out, ']');
        json_put_bool(out, "json", !c->no_json);
        buf_add_char(out, '}');
    }
    buf_add_cstr(out, "]}");
}

/* Those that begin with a first word, when it alone is no command: "config". */
static bool group_help(const char *word, struct buf *out)
{
    size_t len = strlen(word), before = out->len;

    for (const struct command *c = commands; c->name; c++)
        if (strncmp(c->name, word, len) == 0 && c->name[len] == ' ')
            buf_printf(out, "  %-16s%s\n", c->name, c->summary);
    return out->len > before;
}

int cmd_help(struct cli *cli, int argc, char **argv)
{
    CLEANUP(buf_done) struct buf text = {0};
    const struct command *command;
    int words;

    if (cli->json) {
        help_json(&text);
        show_made(&text);
        return CLI_DONE;
    }
    if (argc == 0) {
        help_overview(&text);
    } else if (argc > 1 || !group_help(argv[0], &text)) {
        command = command_of(argc, argv, &words);
        if (!command)
            return CLI_USAGE;
        help_command(command, &text);
    }
    fwrite(text.data, 1, text.len, stdout);
    return CLI_DONE;
}
