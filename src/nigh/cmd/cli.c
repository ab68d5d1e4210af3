#include "nigh/cmd/cli.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

/* --- errors -------------------------------------------------------------------------------------
 */

/* One line, whatever is in it: controls, also those of a terminal, become blanks. */
static void flatten(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++)
        if (*p < ' ' || *p == 127 || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
            *p = ' ';
}

int cli_error(int status, const char *fmt, ...)
{
    char text[600];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    flatten(text);
    fflush(stdout); /* what was said before stands before */
    fprintf(stderr, "nigh: %s\n", text);
    return status;
}

int cli_exit_of(enum nigh_status status)
{
    switch (status) {
    case NIGH_OK:
        return CLI_DONE;
    case NIGH_DENIED:
    case NIGH_UNAUTHORIZED:
        return CLI_REFUSED;
    case NIGH_OFFLINE:
    case NIGH_TIMEOUT:
        return CLI_UNREACHABLE;
    default:
        return CLI_FAILED;
    }
}

int cli_fail(const struct nigh_err *err, const char *hint)
{
    return cli_error(cli_exit_of(err->status), "%s%s%s",
                     err->what[0] ? err->what : nigh_status_text(err->status), hint ? "; " : "",
                     hint ? hint : "");
}

/* --- commands -----------------------------------------------------------------------------------
 */

const struct command *command_find(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

/* "check, show" for "config"; empty when no command begins with this word. */
static void second_words(const char *word, struct buf *out)
{
    size_t len = strlen(word);

    for (const struct command *c = commands; c->name; c++) {
        if (strncmp(c->name, word, len) != 0 || c->name[len] != ' ')
            continue;
        if (out->len)
            buf_add_cstr(out, ", ");
        buf_add_cstr(out, c->name + len + 1);
    }
}

const struct command *command_of(int argc, char **argv, int *ret_words)
{
    CLEANUP(buf_done) struct buf seconds = {0};
    const struct command *command = NULL;
    char name[64];

    if (argc > 1) {
        snprintf(name, sizeof name, "%s %s", argv[0], argv[1]);
        command = command_find(name);
    }
    *ret_words = command ? 2 : 1;
    if (!command)
        command = command_find(argv[0]);
    if (command)
        return command;
    second_words(argv[0], &seconds);
    if (seconds.len)
        cli_error(CLI_USAGE, "%s: expected one of %s", argv[0], seconds.data);
    else
        cli_error(CLI_USAGE, "there is no command `%.40s`; `nigh help` lists them", argv[0]);
    return NULL;
}

/* --- options ------------------------------------------------------------------------------------
 */

static int option_find(const struct command *command, struct slice name)
{
    for (int i = 0; command->options && command->options[i].name; i++)
        if (slice_is(name, command->options[i].name))
            return i;
    return -1;
}

const char *cli_value(const struct cli *cli, const char *name)
{
    int i = option_find(cli->command, slice_of(name));

    assert(i >= 0);
    return cli->values[i];
}

struct parse {
    struct cli *cli;
    int argc, at, n_operands;
    char **argv; /* operands are moved to its front */
    bool help, operands_only;
};

static int parse_long(struct parse *p, const char *arg)
{
    struct slice value = slice_of(arg + 2), name = slice_cut(&value, '=');
    const struct command *command = p->cli->command;
    int i = option_find(command, name);

    if (slice_is(name, "help") && !value.p) {
        p->help = true;
        return CLI_DONE;
    }
    if (slice_is(name, "json") && !value.p && !command->no_json) {
        p->cli->json = true;
        return CLI_DONE;
    }
    if (i < 0)
        return cli_error(CLI_USAGE, "%s: there is no option `%.40s`; see `nigh help %s`",
                         command->name, arg, command->name);
    if (!command->options[i].value) {
        if (value.p)
            return cli_error(CLI_USAGE, "%s: --%s takes no value", command->name,
                             command->options[i].name);
        p->cli->values[i] = "";
        return CLI_DONE;
    }
    if (!value.p && p->at < p->argc)
        value = slice_of(p->argv[p->at++]);
    if (!value.p)
        return cli_error(CLI_USAGE, "%s: --%s needs a value: %s", command->name,
                         command->options[i].name, command->options[i].value);
    p->cli->values[i] = value.p;
    return CLI_DONE;
}

static int parse_all(struct parse *p)
{
    while (p->at < p->argc) {
        char *arg = p->argv[p->at++];
        int status = CLI_DONE;
        if (p->operands_only || arg[0] != '-' || !arg[1])
            p->argv[p->n_operands++] = arg;
        else if (strcmp(arg, "--") == 0)
            p->operands_only = true;
        else if (strcmp(arg, "-h") == 0)
            p->help = true;
        else if (arg[1] == '-')
            status = parse_long(p, arg);
        else
            status = cli_error(CLI_USAGE, "%s: there is no option `%.40s`; see `nigh help %s`",
                               p->cli->command->name, arg, p->cli->command->name);
        if (status != CLI_DONE)
            return status;
    }
    return CLI_DONE;
}

static int check_count(const struct command *command, unsigned n)
{
    CLEANUP(buf_done) struct buf usage = {0};

    if (n >= command->least && n <= command->most)
        return CLI_DONE;
    help_usage(command, &usage);
    return cli_error(CLI_USAGE, "%s: %s; usage: %s", command->name,
                     n < command->least ? "something is missing" : "too many words", usage.data);
}

static int put(const struct buf *text)
{
    if (text->failed)
        return cli_error(CLI_FAILED, "out of memory");
    fwrite(text->data, 1, text->len, stdout);
    return CLI_DONE;
}

static int run_command(struct cli *cli, int argc, char **argv)
{
    struct parse p = {.cli = cli, .argc = argc, .argv = argv};
    CLEANUP(buf_done) struct buf text = {0};

    if (cli->command->raw)
        return cli->command->run(cli, argc + 1, argv - 1);
    int status = parse_all(&p);
    if (status != CLI_DONE)
        return status;
    if (p.help) {
        help_command(cli->command, &text);
        return put(&text);
    }
    status = check_count(cli->command, (unsigned)p.n_operands);
    if (status != CLI_DONE)
        return status;
    argv[p.n_operands] = NULL;
    return cli->command->run(cli, p.n_operands, argv);
}

/* An answer that could not be written was not given. */
static int finish(int status)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == CLI_DONE)
        return cli_error(CLI_FAILED, "cannot write the answer: %m");
    return status;
}

int cli_main(int argc, char **argv)
{
    struct cli cli = {.tty = isatty(STDOUT_FILENO)};
    const char *no_color = getenv("NO_COLOR");
    int words = 1;
    char *version[] = {"version", NULL}, *help[] = {"help", NULL};

    cli.colour = cli.tty && !(no_color && no_color[0]);
    if (argc < 2) {
        CLEANUP(buf_done) struct buf text = {0};
        help_overview(&text);
        fwrite(text.data ? text.data : "", 1, text.len, stderr);
        return CLI_USAGE;
    }
    argc--;
    argv++;
    if (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-V") == 0)
        argv[0] = version[0];
    else if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)
        argv[0] = help[0];
    cli.command = command_of(argc, argv, &words);
    if (!cli.command)
        return CLI_USAGE;
    return finish(run_command(&cli, argc - words, argv + words));
}
