/* nigh key: who else may ask this node, and for what. */
#include "base/clock.h"
#include "label/scope.h"
#include "nigh/cmd/show.h"
#include "nigh/yaml.h"
#include <sodium.h>
#include <stdlib.h>

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

static int bad_value(const struct cli *cli, const char *name, const char *expected)
{
    return cli_error(CLI_USAGE, "%s: --%s: expected %s", cli->command->name, name, expected);
}

/* "a,b" as ["a","b"]; the node says what is wrong with them. */
static void put_words(struct buf *body, const char *key, const char *words)
{
    struct slice rest = slice_of(words);

    json_key(body, key);
    buf_add_char(body, '[');
    while (rest.p) {
        struct slice word = slice_trim(slice_cut(&rest, ','));
        json_sep(body);
        buf_add_json(body, word);
    }
    buf_add_char(body, ']');
}

/* The limits that were given, as members of the request. */
static int put_limits(const struct cli *cli, struct buf *body)
{
    const char *allow = cli_value(cli, "allow"), *places = cli_value(cli, "places");
    const char *label = cli_value(cli, "label"), *budget = cli_value(cli, "budget");
    const char *rate = cli_value(cli, "rate"), *expires = cli_value(cli, "expires");
    uint64_t n;
    char *end;

    if (allow)
        put_words(body, "allow", allow);
    if (places)
        put_words(body, "places", places);
    if (label)
        json_put_cstr(body, "label", label);
    if (budget) {
        double usd = strtod(budget, &end);
        if (!*budget || *end || !(usd >= 0 && usd <= SCOPE_BUDGET_USD_MAX))
            return bad_value(cli, "budget", "a number of dollars, such as 0.50");
        json_put_num(body, "budget_usd_per_day", usd);
    }
    if (rate) {
        if (!slice_u64(slice_of(rate), &n) || n < 1 || n > SCOPE_PER_MINUTE_MAX)
            return bad_value(cli, "rate", "how many requests a minute, such as 60");
        json_put_int(body, "per_minute", (int64_t)n);
    }
    if (expires) {
        if (!reader_parse_duration(slice_of(expires), &n) || n == 0)
            return bad_value(cli, "expires", "a duration such as 12h or 30d");
        json_put_int(body, "expires_us", (int64_t)(clock_wall_us() + n * 1000));
    }
    return CLI_DONE;
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
    int wrong = put_limits(cli, &body);
    if (wrong != CLI_DONE)
        return wrong;
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

static void add_list(struct buf *out, const char *word, yyjson_val *list)
{
    yyjson_val *item;
    size_t i, n;

    yyjson_arr_foreach(list, i, n, item)
    {
        struct slice s = json_str(item);
        buf_printf(out, "%s%.*s", i ? "," : word, (int)s.len, s.p);
    }
    if (yyjson_arr_size(list))
        buf_add_cstr(out, "; ");
}

/* "calls openai; asks here*; label home; 0.5 USD a day; 60 a minute; until ..." */
static void add_limits(struct buf *out, yyjson_val *key)
{
    struct slice label = json_get_str(key, "label");
    double budget = json_get_num(key, "budget_usd_per_day", -1);
    int64_t rate = json_get_int(key, "per_minute", 0), expires = json_get_int(key, "expires_us", 0);

    add_list(out, "calls ", json_get(key, "allow"));
    add_list(out, "asks ", json_get(key, "places"));
    if (label.len)
        buf_printf(out, "label %.*s; ", (int)label.len, label.p);
    if (budget >= 0)
        buf_printf(out, "%g USD a day, %g spent; ", budget,
                   (double)json_get_int(key, "spent_today_uusd", 0) / 1e6);
    if (rate)
        buf_printf(out, "%lld a minute; ", (long long)rate);
    if (expires) {
        buf_add_cstr(out, "until ");
        term_add_time(out, expires);
        buf_add_cstr(out, "; ");
    }
    if (out->len >= 2)
        out->data[out->len -= 2] = '\0';
    else
        buf_add_cstr(out, "everything");
}

int cmd_key_list(struct cli *cli, int argc, char **argv)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    CLEANUP(table_done) struct table table;
    static const char *const heading[] = {"KEY", "MADE", "MAY"};
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
            CLEANUP(buf_done) struct buf when = {0}, may = {0};
            term_add_time(&when, json_get_int(key, "created_us", 0));
            add_limits(&may, key);
            const char *cells[] = {table_str(&table, key, "name"), when.data, may.data};
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
