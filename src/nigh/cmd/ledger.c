/* nigh ledger show: what left this device, place by place, label by label and send by send. */
#include "nigh/cmd/show.h"

enum { LEDGER_ROWS = 20, LEDGER_ROWS_MAX = 1000 };

static const char *bytes_cell(struct table *table, yyjson_val *row, const char *key)
{
    CLEANUP(buf_done) struct buf text = {0};
    int64_t n = json_get_int(row, key, -1);

    if (n < 0)
        return NULL;
    term_add_bytes(&text, n);
    return table_cell(table, "%s", text.data);
}

static void show_places(const struct cli *cli, yyjson_val *totals)
{
    CLEANUP(table_done) struct table table = {0};
    static const char *const heading[] = {"PLACE", "ZONE", "SENDS", "OUT", "IN"};
    yyjson_val *row;
    size_t i, n;

    if (yyjson_arr_size(totals) == 0) {
        term_line(cli, STYLE_PLAIN, "Nothing has left this device.");
        return;
    }
    table_init(&table, ARRAY_LEN(heading));
    table_row(&table, heading);
    yyjson_arr_foreach(totals, i, n, row)
    {
        const char *cells[] = {
            table_str(&table, row, "place"),
            table_str(&table, row, "zone"),
            table_cell(&table, "%lld", (long long)json_get_int(row, "sends", 0)),
            bytes_cell(&table, row, "bytes_out"),
            bytes_cell(&table, row, "bytes_in"),
        };
        table_row(&table, cells);
    }
    table_show(cli, &table);
}

static void show_labels(const struct cli *cli, yyjson_val *labels)
{
    CLEANUP(table_done) struct table table = {0};
    static const char *const heading[] = {"LABEL", "SENDS", "OUT", "IN"};
    yyjson_val *row;
    size_t i, n;

    if (yyjson_arr_size(labels) == 0)
        return;
    table_init(&table, ARRAY_LEN(heading));
    table_row(&table, heading);
    yyjson_arr_foreach(labels, i, n, row)
    {
        const char *cells[] = {
            table_str(&table, row, "label"),
            table_cell(&table, "%lld", (long long)json_get_int(row, "sends", 0)),
            bytes_cell(&table, row, "bytes_out"),
            bytes_cell(&table, row, "bytes_in"),
        };
        table_row(&table, cells);
    }
    fputc('\n', stdout);
    table_show(cli, &table);
}

/* What was refused, allowed, and noted. */
static void show_notes(const struct cli *cli, yyjson_val *notes)
{
    CLEANUP(table_done) struct table table = {0};
    static const char *const heading[] = {"WHEN", "WHAT", "PLACE", "LABEL", "WHY"};
    yyjson_val *row;
    size_t i, n;

    if (yyjson_arr_size(notes) == 0)
        return;
    table_init(&table, ARRAY_LEN(heading));
    table_row(&table, heading);
    yyjson_arr_foreach(notes, i, n, row)
    {
        CLEANUP(buf_done) struct buf when = {0};
        term_add_time(&when, json_get_int(row, "at", 0));
        const char *cells[] = {
            when.data,
            table_str(&table, row, "kind"),
            table_str(&table, row, "place"),
            table_str(&table, row, "label"),
            table_str(&table, row, "what"),
        };
        table_row(&table, cells);
    }
    fputc('\n', stdout);
    table_show(cli, &table);
}

static void show_rows(const struct cli *cli, yyjson_val *rows)
{
    CLEANUP(table_done) struct table table = {0};
    static const char *const heading[] = {"WHEN", "TURN", "PLACE", "LABEL", "OUT", "IN", "STATUS"};
    yyjson_val *row;
    size_t i, n;

    if (yyjson_arr_size(rows) == 0)
        return;
    table_init(&table, ARRAY_LEN(heading));
    table_row(&table, heading);
    yyjson_arr_foreach(rows, i, n, row)
    {
        CLEANUP(buf_done) struct buf when = {0};
        term_add_time(&when, json_get_int(row, "opened", 0));
        const char *cells[] = {
            when.data,
            table_str(&table, row, "turn"),
            table_str(&table, row, "place"),
            table_str(&table, row, "label"),
            bytes_cell(&table, row, "bytes_out"),
            bytes_cell(&table, row, "bytes_in"),
            table_str(&table, row, "status"),
        };
        table_row(&table, cells);
    }
    fputc('\n', stdout);
    table_show(cli, &table);
}

int cmd_ledger_show(struct cli *cli, int argc, char **argv)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    const char *wanted = cli_value(cli, "limit");
    struct nigh_err err = {0};
    uint64_t limit = LEDGER_ROWS;
    char path[64];

    (void)argc;
    (void)argv;
    if (wanted && (!slice_u64(slice_of(wanted), &limit) || limit < 1 || limit > LEDGER_ROWS_MAX))
        return cli_error(CLI_USAGE, "ledger show: --limit: expected 1 to %d", LEDGER_ROWS_MAX);
    snprintf(path, sizeof path, "/nigh/v1/ledger?limit=%llu", (unsigned long long)limit);
    if (talk_new(&talk, TALK_START, &err) != NIGH_OK ||
        talk_get(talk, path, &answer, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    if (cli->json) {
        show_body(&answer);
        return CLI_DONE;
    }
    show_places(cli, json_get(answer.json, "totals"));
    show_labels(cli, json_get(answer.json, "labels"));
    show_rows(cli, json_get(answer.json, "rows"));
    show_notes(cli, json_get(answer.json, "notes"));
    return CLI_DONE;
}
