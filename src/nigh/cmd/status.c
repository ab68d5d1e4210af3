/* nigh status: the running node and its places. */
#include "nigh/cmd/show.h"
#include <math.h>

static void add_str(struct buf *out, yyjson_val *object, const char *key)
{
    struct slice s = json_get_str(object, key);

    buf_add_str(out, s.p ? s : SLICE("?"));
}

static long long count(yyjson_val *object, const char *key)
{
    return (long long)json_get_int(object, key, 0);
}

static void add_node(yyjson_val *status, struct buf *out)
{
    yyjson_val *answered = json_get(status, "answered"), *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(answered);
    const char *sep = "";

    buf_add_cstr(out, "nigh ");
    add_str(out, status, "version");
    buf_printf(out, ", pid %lld, at ", count(status, "pid"));
    add_str(out, status, "address");
    buf_add_cstr(out, ", up ");
    term_add_age(out, json_get_int(status, "uptime_s", 0));
    buf_add_cstr(out, "\nconfig ");
    add_str(out, status, "config");
    buf_add_cstr(out, ", state ");
    add_str(out, status, "state_dir");
    buf_printf(out, "\nturns %lld (", count(status, "turns"));
    while ((key = yyjson_obj_iter_next(&it))) {
        buf_printf(out, "%s%s %lld", sep, yyjson_get_str(key),
                   (long long)yyjson_get_sint(yyjson_obj_iter_get_val(key)));
        sep = ", ";
    }
    buf_printf(out, "), refused %lld, cancelled %lld, broken %lld, open %lld\n",
               count(status, "refused"), count(status, "cancelled"), count(status, "broken"),
               count(status, "open_turns"));
    buf_add_cstr(out, "left this device: ");
    term_add_bytes(out, json_get_int(status, "bytes_out", -1));
    buf_add_cstr(out, " out, ");
    term_add_bytes(out, json_get_int(status, "bytes_in", -1));
    buf_add_cstr(out, " in; spent today: ");
    int64_t spent = json_get_int(status, "spent_today_uusd", -1);
    buf_printf(out, "%.6f USD\n", spent > 0 ? (double)spent / 1e6 : 0.0);
}

/* What another device needs to know to come in: nothing, where none may. */
static void add_listening(yyjson_val *status, struct buf *out)
{
    yyjson_val *all = json_get(status, "listening"), *one;
    size_t i, n;

    if (!json_get_str(status, "pin").len)
        return;
    buf_add_cstr(out, "other devices: ");
    yyjson_arr_foreach(all, i, n, one)
    {
        if (!json_get_bool(one, "tls", false))
            continue;
        buf_add_cstr(out, "https://");
        add_str(out, one, "address");
        buf_add_char(out, ' ');
    }
    buf_add_cstr(out, "with a key\npin ");
    add_str(out, status, "pin");
    buf_add_cstr(out, "\nfingerprint ");
    add_str(out, status, "fingerprint");
    buf_add_char(out, '\n');
}

static void add_engine(yyjson_val *engine, struct buf *out)
{
    struct slice why = json_get_str(engine, "why"), walls = json_get_str(engine, "isolation");

    if (!yyjson_is_obj(engine)) {
        buf_add_cstr(out, "engine none; `nigh doctor` says what to do\n");
        return;
    }
    buf_add_cstr(out, "engine ");
    add_str(out, engine, "state");
    if (count(engine, "pid"))
        buf_printf(out, ", pid %lld", count(engine, "pid"));
    buf_printf(out, ", %lld of %lld slots busy, %lld waiting", count(engine, "slots_busy"),
               count(engine, "slots"), count(engine, "queued"));
    if (count(engine, "rss_bytes")) {
        buf_add_cstr(out, ", ");
        term_add_bytes(out, json_get_int(engine, "rss_bytes", 0));
    }
    if (walls.len)
        buf_printf(out, ", behind %.*s", (int)walls.len, walls.p);
    if (why.len)
        buf_printf(out, ": %.*s", (int)why.len, why.p);
    buf_add_char(out, '\n');
}

static const char *ms_cell(struct table *table, double ms)
{
    CLEANUP(buf_done) struct buf text = {0};

    if (isnan(ms) || ms < 0)
        return NULL;
    term_add_duration(&text, (int64_t)(ms * 1000));
    return table_cell(table, "%s", text.data);
}

static void show_places(const struct cli *cli, yyjson_val *places)
{
    CLEANUP(table_done) struct table table;
    static const char *const heading[] = {"PLACE",  "ZONE",  "STATE", "ANSWERS",
                                          "FAILED", "FIRST", ""};
    yyjson_val *place;
    size_t i, n;

    table_init(&table, ARRAY_LEN(heading));
    table_row(&table, heading);
    yyjson_arr_foreach(places, i, n, place)
    {
        const char *cells[] = {
            table_str(&table, place, "name"),
            table_str(&table, place, "zone"),
            table_str(&table, place, "ready"),
            table_cell(&table, "%lld", count(place, "runs")),
            table_cell(&table, "%lld", count(place, "failures")),
            ms_cell(&table, json_get_num(place, "first_ms", NAN)),
            json_get_str(place, "why").p ? table_str(&table, place, "why") : "",
        };
        table_row(&table, cells);
    }
    table_show(cli, &table);
}

int cmd_status(struct cli *cli, int argc, char **argv)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    CLEANUP(buf_done) struct buf text = {0};
    struct nigh_err err = {0};

    (void)argc;
    (void)argv;
    if (talk_new(&talk, 0, &err) != NIGH_OK)
        return cli_fail(&err, "start one with `nigh serve`");
    if (talk_get(talk, "/nigh/v1/status", &answer, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    if (cli->json) {
        show_body(&answer);
        return CLI_DONE;
    }
    add_node(answer.json, &text);
    add_listening(answer.json, &text);
    add_engine(json_get(answer.json, "engine"), &text);
    term_buf(cli, &text);
    show_places(cli, json_get(answer.json, "places"));
    return CLI_DONE;
}
