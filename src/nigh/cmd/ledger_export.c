/* nigh ledger export: every entry as a line, or where the chain stands. */
#include "nigh/cmd/show.h"

static void put(void *owner, struct slice bytes)
{
    (void)owner;
    fwrite(bytes.p, 1, bytes.len, stdout); /* an error is told at the end */
}

static int show_head(struct talk *talk)
{
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    struct nigh_err err = {0};

    if (talk_get(talk, "/nigh/v1/ledger/head", &answer, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    struct slice head = json_get_str(answer.json, "head");
    printf("%.*s\n", (int)head.len, head.p ? head.p : "");
    return CLI_DONE;
}

static int export_all(struct talk *talk)
{
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    struct talk_request request = {.method = "GET",
                                   .path = "/nigh/v1/ledger/export",
                                   .timeout_ms = TALK_TURN_MS,
                                   .on_data = put};
    struct nigh_err err = {0};

    if (talk_ask(talk, &request, &answer, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_error(CLI_FAILED, "ledger export: write standard output: %m");
    return CLI_DONE;
}

int cmd_ledger_export(struct cli *cli, int argc, char **argv)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    struct nigh_err err = {0};

    (void)argc;
    (void)argv;
    if (talk_new(&talk, TALK_START, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    return cli_value(cli, "head") ? show_head(talk) : export_all(talk);
}
