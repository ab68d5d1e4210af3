/* nigh ask: one question, one answer. */
#include "nigh/cmd/say.h"

#include "nigh/cmd/term.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ASK_BYTES_MAX = 32 << 20
}; /* the node's default body_max is 64 MiB, and escaping may double */

/* A pipe or a file was given to it; a terminal, /dev/null and a closed descriptor were not. */
static bool piped(void)
{
    struct stat st;

    return fstat(STDIN_FILENO, &st) == 0 &&
           (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode));
}

static int read_input(struct buf *text)
{
    char chunk[16384];
    ssize_t n;

    do {
        n = read(STDIN_FILENO, chunk, sizeof chunk);
        if (n > 0)
            buf_add(text, chunk, (size_t)n);
    } while ((n > 0 && !text->failed) || (n < 0 && errno == EINTR));
    if (n < 0)
        return cli_error(CLI_FAILED, "ask: read standard input: %m");
    if (text->failed)
        return cli_error(CLI_FAILED, "ask: more than %d MiB on standard input",
                         ASK_BYTES_MAX >> 20);
    return CLI_DONE;
}

/* The operands as one text, and what was piped in after them. */
static int question(struct buf *text, int argc, char **argv)
{
    CLEANUP(buf_done) struct buf input = {.max_bytes = ASK_BYTES_MAX};
    bool dash = argc == 1 && strcmp(argv[0], "-") == 0;

    for (int i = 0; i < argc && !dash; i++) {
        if (i)
            buf_add_char(text, ' ');
        buf_add_cstr(text, argv[i]);
    }
    if (dash || piped()) {
        int status = read_input(&input);
        if (status != CLI_DONE)
            return status;
        if (text->len && slice_trim(buf_slice(&input)).len)
            buf_add_cstr(text, "\n\n");
        buf_add_str(text, buf_slice(&input));
    }
    if (slice_trim(buf_slice(text)).len == 0)
        return cli_error(CLI_USAGE, "ask: there is no question; usage: nigh ask TEXT");
    if (!slice_utf8(buf_slice(text)))
        return cli_error(CLI_FAILED, "ask: the question is not UTF-8 text");
    return CLI_DONE;
}

static void show_json(struct talk *talk, const struct said *said)
{
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    CLEANUP(buf_done) struct buf out = {0};

    buf_add_char(&out, '{');
    json_put_str(&out, "text", said->text.data ? buf_slice(&said->text) : SLICE(""));
    json_put_cstr(&out, "turn", said->turn);
    json_put_cstr(&out, "place", said->place);
    json_put_cstr(&out, "zone", said->zone);
    json_put_cstr(&out, "reason", said->reason);
    json_put_cstr(&out, "finish", said->finish[0] ? said->finish : NULL);
    yyjson_val *bill = say_bill(talk, said, &answer);
    if (bill)
        json_put_val(&out, "bill", bill);
    else
        json_put_null(&out, "bill");
    buf_add_cstr(&out, "}\n");
    fwrite(out.data, 1, out.len, stdout);
}

int cmd_ask(struct cli *cli, int argc, char **argv)
{
    CLEANUP(buf_done) struct buf text = {0};
    CLEANUP(buf_done) struct buf messages = {0};
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(said_done) struct said said = {0};
    const char *system = cli_value(cli, "system");
    struct say say;
    struct nigh_err err = {0};

    int exit = say_options(cli, &say);
    if (exit == CLI_DONE)
        exit = question(&text, argc, argv);
    if (exit != CLI_DONE)
        return exit;
    say.quiet = cli->json;
    if (system)
        say_message(&messages, "system", slice_of(system));
    say_message(&messages, "user", buf_slice(&text));
    if (talk_new(&talk, TALK_START, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    if (say_turn(cli, talk, &say, buf_slice(&messages), &said, &err) != NIGH_OK)
        return cli_fail(&err, say_hint(&said, &err));
    if (cli->json)
        show_json(talk, &said);
    else
        say_line(cli, talk, &said);
    return CLI_DONE;
}
