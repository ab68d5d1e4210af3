/* Shell completions, from the table.  The scripts hold words and files only, so that pressing a key
 * never starts a node.  A command's key in them is its name; that of a group whose second word is
 * still missing ends in a blank: "config ". */
#include "nigh/cmd/cli.h"

/* Each first word once, with a command that begins with it. */
static const struct command *next_first(const struct command *c)
{
    for (const struct command *n = c ? c + 1 : commands; n->name; n++) {
        size_t len = strcspn(n->name, " ") + (strchr(n->name, ' ') != NULL);
        bool again =
            n > commands && len < strlen(n->name) && strncmp(n[-1].name, n->name, len) == 0;
        if (!n->hidden && !again)
            return n;
    }
    return NULL;
}

static int first_len(const struct command *c)
{
    return (int)strcspn(c->name, " ");
}

static bool is_group(const struct command *c)
{
    return strchr(c->name, ' ') != NULL;
}

/* "check show" for a command of the group config. */
static void add_seconds(struct buf *out, const struct command *of)
{
    int len = first_len(of);
    const char *sep = "";

    for (const struct command *c = commands; c->name; c++) {
        if (strncmp(c->name, of->name, (size_t)len + 1) != 0)
            continue;
        buf_printf(out, "%s%s", sep, c->name + len + 1);
        sep = " ";
    }
}

/* For single quotes of a shell; a colon ends the word in zsh's lists. */
static void add_quoted(struct buf *out, const char *text, bool escape_colon)
{
    for (; *text; text++) {
        if (*text == '\'')
            buf_add_cstr(out, "'\\''");
        else if (*text == ':' && escape_colon)
            buf_add_cstr(out, "\\:");
        else
            buf_add_char(out, *text);
    }
}

/* --- bash ---------------------------------------------------------------------------------------
 */

static void bash_values(struct buf *out, const struct command *c)
{
    for (const struct cli_option *o = c->options; o && o->name; o++) {
        if (!o->value)
            continue;
        buf_printf(out, "    '%s --%s') ", c->name, o->name);
        if (o->complete == COMPLETE_FILES)
            buf_add_cstr(out, "files=1;;\n");
        else
            buf_printf(out, "words='%s';;\n", o->words ? o->words : "");
    }
}

static void bash_words(struct buf *out, const struct command *c)
{
    buf_printf(out, "        '%s') words='", c->name);
    for (const struct cli_option *o = c->options; o && o->name; o++)
        buf_printf(out, "--%s ", o->name);
    buf_printf(out, "%s%s%s'%s;;\n", c->no_json ? "--help" : "--json --help", c->words ? " " : "",
               c->words ? c->words : "", c->complete == COMPLETE_FILES ? "; files=1" : "");
}

static void bash_script(struct buf *out)
{
    const char *sep = "";

    buf_add_cstr(out, "# bash completion for nigh, made by `nigh completion bash`\n"
                      "_nigh() {\n"
                      "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
                      "    local cmd=${COMP_WORDS[1]} words='' files=''\n"
                      "    [ \"$COMP_CWORD\" -gt 1 ] || cmd=''\n"
                      "    case $cmd in\n    ");
    for (const struct command *c = next_first(NULL); c; c = next_first(c)) {
        if (!is_group(c))
            continue;
        buf_printf(out, "%s%.*s", sep, first_len(c), c->name);
        sep = "|";
    }
    buf_add_cstr(out, ")\n        cmd=\"$cmd \"\n"
                      "        [ \"$COMP_CWORD\" -le 2 ] || cmd=$cmd${COMP_WORDS[2]};;\n"
                      "    esac\n"
                      "    case \"$cmd $prev\" in\n");
    for (const struct command *c = commands; c->name; c++)
        if (!c->hidden)
            bash_values(out, c);
    buf_add_cstr(out, "    *)\n        case $cmd in\n        '') words='");
    sep = "";
    for (const struct command *c = next_first(NULL); c; c = next_first(c), sep = " ")
        buf_printf(out, "%s%.*s", sep, first_len(c), c->name);
    buf_add_cstr(out, "';;\n");
    for (const struct command *c = next_first(NULL); c; c = next_first(c)) {
        if (!is_group(c))
            continue;
        buf_printf(out, "        '%.*s ') words='", first_len(c), c->name);
        add_seconds(out, c);
        buf_add_cstr(out, "';;\n");
    }
    for (const struct command *c = commands; c->name; c++)
        if (!c->hidden)
            bash_words(out, c);
    buf_add_cstr(
        out,
        "        esac;;\n"
        "    esac\n"
        "    COMPREPLY=()\n"
        "    [ -z \"$words\" ] || mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
        "    [ -z \"$files\" ] || mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- "
        "\"$cur\")\n"
        "}\n"
        "complete -o filenames -F _nigh nigh\n");
}

/* --- zsh ----------------------------------------------------------------------------------------
 */

static void zsh_item(struct buf *out, const char *before, int len, const char *word,
                     const char *help)
{
    buf_printf(out, "'%s%.*s:", before, len, word);
    add_quoted(out, help, true);
    buf_add_cstr(out, "' ");
}

static void zsh_values(struct buf *out, const struct command *c)
{
    for (const struct cli_option *o = c->options; o && o->name; o++) {
        if (!o->value)
            continue;
        buf_printf(out, "    '%s --%s') ", c->name, o->name);
        if (o->complete == COMPLETE_FILES)
            buf_add_cstr(out, "_files;;\n");
        else
            buf_printf(out, "compadd -- %s;;\n", o->words ? o->words : "");
    }
}

static void zsh_words(struct buf *out, const struct command *c)
{
    buf_printf(out, "        '%s') list=(", c->name);
    for (const struct cli_option *o = c->options; o && o->name; o++)
        zsh_item(out, "--", (int)strlen(o->name), o->name, o->help);
    if (!c->no_json)
        buf_add_cstr(out, "'--json:for programs' ");
    buf_add_cstr(out, "'--help:what it does')");
    if (c->words)
        buf_printf(out, "; compadd -- %s", c->words);
    buf_printf(out, "%s;;\n", c->complete == COMPLETE_FILES ? "; _files" : "");
}

static void zsh_script(struct buf *out)
{
    const char *sep = "";

    buf_add_cstr(out, "#compdef nigh\n# made by `nigh completion zsh`\n"
                      "_nigh() {\n"
                      "    local cmd=$words[2] prev=$words[CURRENT-1]\n"
                      "    local -a list\n"
                      "    (( CURRENT > 2 )) || cmd=''\n"
                      "    case $cmd in\n    ");
    for (const struct command *c = next_first(NULL); c; c = next_first(c)) {
        if (!is_group(c))
            continue;
        buf_printf(out, "%s%.*s", sep, first_len(c), c->name);
        sep = "|";
    }
    buf_add_cstr(out, ")\n        cmd=\"$cmd \"\n"
                      "        (( CURRENT <= 3 )) || cmd=$cmd$words[3];;\n"
                      "    esac\n"
                      "    case \"$cmd $prev\" in\n");
    for (const struct command *c = commands; c->name; c++)
        if (!c->hidden)
            zsh_values(out, c);
    buf_add_cstr(out, "    *)\n        case $cmd in\n        '') list=(");
    for (const struct command *c = next_first(NULL); c; c = next_first(c))
        zsh_item(out, "", first_len(c), c->name, is_group(c) ? "" : c->summary);
    buf_add_cstr(out, ");;\n");
    for (const struct command *c = next_first(NULL); c; c = next_first(c)) {
        if (!is_group(c))
            continue;
        buf_printf(out, "        '%.*s ') compadd -- ", first_len(c), c->name);
        add_seconds(out, c);
        buf_add_cstr(out, ";;\n");
    }
    for (const struct command *c = commands; c->name; c++)
        if (!c->hidden)
            zsh_words(out, c);
    buf_add_cstr(out, "        esac\n"
                      "        (( $#list )) && _describe word list;;\n"
                      "    esac\n"
                      "}\n"
                      "compdef _nigh nigh\n");
}

/* --- fish ---------------------------------------------------------------------------------------
 */

/* When the command line already says this command. */
static void fish_when(struct buf *out, const struct command *c)
{
    int len = first_len(c);

    buf_printf(out, "complete -c nigh -n '__fish_seen_subcommand_from %.*s", len, c->name);
    if (is_group(c))
        buf_printf(out, "; and __fish_seen_subcommand_from %s", c->name + len + 1);
    buf_add_cstr(out, "' ");
}

static void fish_command(struct buf *out, const struct command *c)
{
    for (const struct cli_option *o = c->options; o && o->name; o++) {
        fish_when(out, c);
        buf_printf(out, "-l %s ", o->name);
        if (o->value)
            buf_printf(out, o->complete == COMPLETE_FILES ? "-rF " : "-x -a '%s' ",
                       o->words ? o->words : "");
        buf_add_cstr(out, "-d '");
        add_quoted(out, o->help, false);
        buf_add_cstr(out, "'\n");
    }
    fish_when(out, c);
    buf_add_cstr(out, c->no_json ? "-l help\n" : "-l json -d 'for programs'\n");
    if (c->words) {
        fish_when(out, c);
        buf_printf(out, "-a '%s'\n", c->words);
    }
    if (c->complete == COMPLETE_FILES) {
        fish_when(out, c);
        buf_add_cstr(out, "-F\n");
    }
}

static void fish_script(struct buf *out)
{
    buf_add_cstr(out, "# fish completion for nigh, made by `nigh completion fish`\n"
                      "complete -c nigh -f\n");
    for (const struct command *c = next_first(NULL); c; c = next_first(c)) {
        buf_printf(out, "complete -c nigh -n __fish_use_subcommand -a %.*s -d '", first_len(c),
                   c->name);
        add_quoted(out, is_group(c) ? "" : c->summary, false);
        buf_add_cstr(out, "'\n");
        if (!is_group(c))
            continue;
        buf_printf(out,
                   "complete -c nigh -n '__fish_seen_subcommand_from %.*s; and not "
                   "__fish_seen_subcommand_from ",
                   first_len(c), c->name);
        add_seconds(out, c);
        buf_add_cstr(out, "' -a '");
        add_seconds(out, c);
        buf_add_cstr(out, "'\n");
    }
    for (const struct command *c = commands; c->name; c++)
        if (!c->hidden)
            fish_command(out, c);
}

bool completion_script(const char *shell, struct buf *out)
{
    static const struct {
        const char *shell;
        void (*script)(struct buf *out);
    } rows[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].shell, shell) == 0) {
            rows[i].script(out);
            return true;
        }
    }
    return false;
}

int cmd_completion(struct cli *cli, int argc, char **argv)
{
    CLEANUP(buf_done) struct buf text = {0};

    (void)cli;
    (void)argc;
    if (!completion_script(argv[0], &text))
        return cli_error(CLI_USAGE, "completion: expected bash, zsh or fish");
    fwrite(text.data, 1, text.len, stdout);
    return CLI_DONE;
}
