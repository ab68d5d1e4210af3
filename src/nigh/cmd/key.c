/* nigh key: who else may ask this node. */
#include "nigh/cmd/show.h"
#include <sodium.h>

/* As label/key.h has it; it goes into a path, so it is looked at here too. */
static bool name_ok(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return len > 0 && len <= 64 && name[len] == '\0';
}

static int bad_name(const struct cli *cli)
{
    return cli_error(CLI_USAGE, "%s: a name is 1 to 64 letters, digits, `.`, `_` and `-`",
                     cli->command->name);
}

int cmd_key_new(struct cli *cli, int argc, char **argv)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    CLEANUP(buf_done) struct buf body = {0};
    static const struct header json = {"Content-Type", "application/json"};
    struct talk_request request = {
        .method = "POST", .path = "/nigh/v1/keys", .headers = &json, .n_headers = 1};
    struct nigh_err err = {0};

    (void)argc;
    if (!name_ok(argv[0]))
        return bad_name(cli);
    buf_add_char(&body, '{');
    json_put_cstr(&body, "name", argv[0]);
    buf_add_char(&body, '}');
    request.body = buf_slice(&body);
    if (talk_new(&talk, TALK_START, &err) != NIGH_OK ||
        talk_ask(talk, &request, &answer, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    struct slice key = json_get_str(answer.json, "key");
    if (cli->json)
        show_body(&answer);
    else
        printf("%.*s\n", (int)key.len, key.p ? key.p : "");
    if (cli->tty && !cli->json)
        term_line(cli, STYLE_DIM,
                  "It is shown this once; nigh keeps only its digest.  From now on "
                  "every program needs a key.");
    if (answer.body.data)
        sodium_memzero(answer.body.data, answer.body.len);
    return CLI_DONE;
}

int cmd_key_list(struct cli *cli, int argc, char **argv)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    CLEANUP(table_done) struct table table;
    static const char *const heading[] = {"KEY", "MADE"};
    struct nigh_err err = {0};
    yyjson_val *key, *keys;
    size_t i, n;

    (void)argc;
    (void)argv;
    table_init(&table, ARRAY_LEN(heading));
    if (talk_new(&talk, TALK_START, &err) != NIGH_OK ||
        talk_get(talk, "/nigh/v1/keys", &answer, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    keys = json_get(answer.json, "keys");
    if (cli->json) {
        show_body(&answer);
    } else if (yyjson_arr_size(keys) == 0) {
        term_line(cli, STYLE_PLAIN, "There are no keys: whoever is on this device may ask.");
    } else {
        table_row(&table, heading);
        yyjson_arr_foreach(keys, i, n, key)
        {
            CLEANUP(buf_done) struct buf when = {0};
            term_add_time(&when, json_get_int(key, "created_us", 0));
            const char *cells[] = {table_str(&table, key, "name"), when.data};
            table_row(&table, cells);
        }
        table_show(cli, &table);
    }
    return CLI_DONE;
}

int cmd_key_revoke(struct cli *cli, int argc, char **argv)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    struct talk_request request = {.method = "DELETE"};
    struct nigh_err err = {0};
    char path[128];

    (void)argc;
    if (!name_ok(argv[0]))
        return bad_name(cli);
    snprintf(path, sizeof path, "/nigh/v1/keys/%s", argv[0]);
    request.path = path;
    if (talk_new(&talk, TALK_START, &err) != NIGH_OK ||
        talk_ask(talk, &request, &answer, &err) != NIGH_OK)
        return cli_fail(&err, err.status == NIGH_NOTFOUND ? "`nigh key list` names them" : NULL);
    if (cli->json)
        show_body(&answer);
    else
        term_line(cli, STYLE_PLAIN, "%s may ask no more.", argv[0]);
    return CLI_DONE;
}
