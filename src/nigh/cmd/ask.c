/* nigh ask: one question, one answer. */
#include "nigh/cmd/say.h"

#include "nigh/cmd/term.h"

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
        exit = say_question(cli, &text, argc, argv);
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
