/* nigh ledger consent, consents, revoke: what a label may be widened by, for a time, on record. */
#include "nigh/cmd/show.h"
#include "nigh/yaml.h"
#include <sodium.h>
#include <stdlib.h>

enum { VALUE_BYTES_MAX = 4096 };

static int usage(const struct cli *cli, const char *what)
{
    return cli_error(CLI_USAGE, "%s: %s", cli->command->name, what);
}

/* `-`: from standard input, so that a secret stands in no list of processes. */
static int read_value(const struct cli *cli, const char *text, struct buf *ret)
{
    if (strcmp(text, "-") != 0) {
        buf_add_cstr(ret, text);
        return CLI_DONE;
    }
    char chunk[1024];
    size_t n;
    ret->max_bytes = VALUE_BYTES_MAX + 2;
    while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
        buf_add(ret, chunk, n);
    sodium_memzero(chunk, sizeof chunk);
    if (ferror(stdin) || ret->failed)
        return usage(cli, "--value -: standard input cannot be read, or is more than a value");
    while (ret->len > 0 && (ret->data[ret->len - 1] == '\n' || ret->data[ret->len - 1] == '\r'))
        ret->len--;
    return CLI_DONE;
}

static int put_wish(const struct cli *cli, struct buf *body)
{
    CLEANUP(buf_done) struct buf value = {0};
    const char *text = cli_value(cli, "value"), *rule = cli_value(cli, "rule");
    const char *zone = cli_value(cli, "zone"), *duration = cli_value(cli, "for");
    uint64_t n;

    if (!text == !rule)
        return usage(cli, "give --value TEXT, or --rule N");
    if (rule && (!slice_u64(slice_of(rule), &n) || n < 1 || n > INT32_MAX))
        return usage(cli, "--rule: expected its number in the config, from 1");
    if (rule)
        json_put_int(body, "rule", (int64_t)n);
    if (text) {
        int status = read_value(cli, text, &value);
        if (status != CLI_DONE)
            return status;
        json_put_str(body, "value", buf_slice(&value));
        sodium_memzero(value.data, value.len);
    }
    if (zone)
        json_put_cstr(body, "zone", zone);
    if (duration && !reader_parse_duration(slice_of(duration), &n))
        return usage(cli, "--for: expected a duration such as 10m, 1h or 7d");
    if (duration)
        json_put_int(body, "for_ms", (int64_t)n);
    return CLI_DONE;
}

int cmd_consent(struct cli *cli, int argc, char **argv)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    CLEANUP(buf_done) struct buf body = {0}, when = {0};
    static const struct header json = {"Content-Type", "application/json"};
    struct talk_request request = {
        .method = "POST", .path = "/nigh/v1/ledger/consents", .headers = &json, .n_headers = 1};
    struct nigh_err err = {0};

    (void)argc;
    (void)argv;
    buf_add_char(&body, '{');
    int status = put_wish(cli, &body);
    if (status != CLI_DONE)
        return status;
    buf_add_char(&body, '}');
    request.body = buf_slice(&body);
    enum nigh_status asked = talk_new(&talk, TALK_START, &err);
    if (asked == NIGH_OK)
        asked = talk_ask(talk, &request, &answer, &err);
    if (body.data)
        sodium_memzero(body.data, body.len);
    if (asked != NIGH_OK)
        return cli_fail(&err, NULL);
    if (cli->json) {
        show_body(&answer);
        return CLI_DONE;
    }
    struct slice id = json_get_str(answer.json, "id"), zone = json_get_str(answer.json, "zone");
    term_add_time(&when, json_get_int(answer.json, "ends_us", 0));
    term_line(cli, STYLE_PLAIN, "%.*s: may go to %.*s until %s", (int)id.len, id.p ? id.p : "",
              (int)zone.len, zone.p ? zone.p : "", when.data ? when.data : "?");
    return CLI_DONE;
}

/* "rule 3", or what tells a value again: the beginning of its imprint. */
static const char *what_cell(struct table *table, yyjson_val *consent)
{
    struct slice imprint = json_get_str(consent, "imprint");
    int64_t rule = json_get_int(consent, "rule", 0);

    if (rule)
        return table_cell(table, "rule %lld", (long long)rule);
    if (slice_is(json_get_str(consent, "kind"), "rule"))
        return "a rule that is no more";
    return table_cell(table, "value %.*s", imprint.len > 8 ? 8 : (int)imprint.len, imprint.p);
}

static void show_consents(const struct cli *cli, yyjson_val *list)
{
    CLEANUP(table_done) struct table table;
    static const char *const heading[] = {"CONSENT", "FOR", "ZONE", "UNTIL", "USES"};
    yyjson_val *one;
    size_t i, n;

    table_init(&table, ARRAY_LEN(heading));
    table_row(&table, heading);
    yyjson_arr_foreach(list, i, n, one)
    {
        CLEANUP(buf_done) struct buf when = {0};
        term_add_time(&when, json_get_int(one, "ends_us", 0));
        const char *cells[] = {table_str(&table, one, "id"), what_cell(&table, one),
                               table_str(&table, one, "zone"), when.data,
                               table_cell(&table, "%lld", (long long)json_get_int(one, "uses", 0))};
        table_row(&table, cells);
    }
    table_show(cli, &table);
}

int cmd_consents(struct cli *cli, int argc, char **argv)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    struct nigh_err err = {0};

    (void)argc;
    (void)argv;
    if (talk_new(&talk, TALK_START, &err) != NIGH_OK ||
        talk_get(talk, "/nigh/v1/ledger/consents", &answer, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    if (cli->json)
        show_body(&answer);
    else if (yyjson_arr_size(json_get(answer.json, "consents")) == 0)
        term_line(cli, STYLE_PLAIN, "No label may be widened.");
    else
        show_consents(cli, json_get(answer.json, "consents"));
    return CLI_DONE;
}

int cmd_consent_revoke(struct cli *cli, int argc, char **argv)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    struct talk_request request = {.method = "DELETE"};
    struct nigh_err err = {0};
    char path[96];

    (void)argc;
    if (strlen(argv[0]) > 40 ||
        strspn(argv[0], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(argv[0]))
        return usage(cli, "expected the ID that `nigh ledger consents` shows");
    snprintf(path, sizeof path, "/nigh/v1/ledger/consents/%s", argv[0]);
    request.path = path;
    if (talk_new(&talk, TALK_START, &err) != NIGH_OK ||
        talk_ask(talk, &request, &answer, &err) != NIGH_OK)
        return cli_fail(&err,
                        err.status == NIGH_NOTFOUND ? "`nigh ledger consents` lists them" : NULL);
    if (cli->json)
        show_body(&answer);
    else
        term_line(cli, STYLE_PLAIN, "It holds no more.");
    return CLI_DONE;
}
