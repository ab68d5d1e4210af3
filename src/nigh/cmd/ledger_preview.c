/* nigh ledger preview: what would leave this device for a question, before it does. */
#include "nigh/cmd/say.h"
#include "nigh/cmd/show.h"

static void tell(const struct cli *cli, yyjson_val *preview)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct slice place = json_get_str(preview, "place"), zone = json_get_str(preview, "zone"),
                 address = json_get_str(preview, "address"), label = json_get_str(preview, "label"),
                 source = json_get_str(preview, "label_source"),
                 reason = json_get_str(preview, "reason"), body = json_get_str(preview, "body");
    int64_t masked = json_get_int(preview, "masked", 0);
    bool leaves = json_get_bool(preview, "leaves", true);

    if (leaves)
        term_add_bytes(&text, json_get_int(preview, "body_bytes", -1));
    buf_printf(&text, "%s %.*s, zone %.*s, at %.*s\n",
               leaves ? " would leave for" : "Nothing would leave: it is for", (int)place.len,
               place.p, (int)zone.len, zone.p, (int)address.len, address.p);
    buf_printf(&text, "label %.*s, by %.*s; %.*s\n", (int)label.len, label.p, (int)source.len,
               source.p, (int)reason.len, reason.p);
    if (masked)
        buf_printf(&text, "%lld values are placeholders\n", (long long)masked);
    if (leaves && body.p)
        buf_printf(&text, "\n%.*s\n", (int)body.len, body.p);
    term_buf(cli, &text);
}

int cmd_ledger_preview(struct cli *cli, int argc, char **argv)
{
    CLEANUP(buf_done) struct buf text = {0};
    CLEANUP(buf_done) struct buf messages = {0};
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    CLEANUP(say_request_done) struct say_request wire = {0};
    const char *system = cli_value(cli, "system");
    struct say say;
    struct nigh_err err = {0};

    int exit = say_options(cli, &say);
    if (exit == CLI_DONE)
        exit = say_question(cli, &text, argc, argv);
    if (exit != CLI_DONE)
        return exit;
    if (system)
        say_message(&messages, "system", slice_of(system));
    say_message(&messages, "user", buf_slice(&text));
    if (say_prepare(&wire, &say, buf_slice(&messages), &err) != NIGH_OK ||
        talk_new(&talk, TALK_START, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    struct talk_request request = {.method = "POST",
                                   .path = "/nigh/v1/ledger/preview",
                                   .headers = wire.headers,
                                   .n_headers = wire.n_headers,
                                   .body = buf_slice(&wire.body)};
    if (talk_ask(talk, &request, &answer, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    if (cli->json)
        show_body(&answer);
    else
        tell(cli, answer.json);
    return CLI_DONE;
}
