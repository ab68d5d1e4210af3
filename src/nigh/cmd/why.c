/* nigh why: who answered a turn, for which reasons, what it took and what left the device. */
#include "nigh/cmd/show.h"
#include "route/explain.h"

static void add_send(yyjson_val *row, struct buf *out)
{
    struct slice place = json_get_str(row, "place"), zone = json_get_str(row, "zone"),
                 status = json_get_str(row, "status");

    buf_add_cstr(out, "sent ");
    term_add_bytes(out, json_get_int(row, "bytes_out", -1));
    buf_printf(out, " to %.*s, zone %.*s, got ", (int)place.len, place.p ? place.p : "",
               (int)zone.len, zone.p ? zone.p : "");
    term_add_bytes(out, json_get_int(row, "bytes_in", -1));
    buf_printf(out, ", %.*s\n", (int)status.len, status.p ? status.p : "");
}

static void add_denied(yyjson_val *row, struct buf *out)
{
    struct slice place = json_get_str(row, "place"), what = json_get_str(row, "what");

    buf_printf(out, "sent nothing to %.*s: %.*s\n", (int)place.len, place.p ? place.p : "",
               (int)what.len, what.p ? what.p : "");
}

/* "" becomes the id of the latest turn. */
static enum nigh_status resolve(struct talk *talk, const char *id, char ret[static 64],
                                struct nigh_err *err)
{
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    enum nigh_status status = NIGH_OK;

    if (id[0]) {
        if (strlen(id) > 40 || strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(id))
            return nigh_fail(err, NIGH_INVALID, "`%.60s` is no turn's id", id);
        snprintf(ret, 64, "%s", id);
        return NIGH_OK;
    }
    status = talk_get(talk, "/nigh/v1/turns?limit=1", &answer, err);
    if (status != NIGH_OK)
        return status;
    struct slice latest = json_get_str(yyjson_arr_get(json_get(answer.json, "turns"), 0), "id");
    if (!latest.len || latest.len >= 64)
        return nigh_fail(err, NIGH_NOTFOUND, "this node has answered nothing yet");
    snprintf(ret, 64, "%.*s", (int)latest.len, latest.p);
    return NIGH_OK;
}

static void explain(const struct cli *cli, yyjson_val *turn)
{
    CLEANUP(buf_done) struct buf text = {0};
    yyjson_val *row;
    size_t i, n;

    explain_bill(turn, &text);
    yyjson_arr_foreach(json_get(turn, "ledger"), i, n, row)
    {
        add_send(row, &text);
    }
    yyjson_arr_foreach(json_get(turn, "denied"), i, n, row)
    {
        add_denied(row, &text);
    }
    term_buf(cli, &text);
}

enum nigh_status show_turn(const struct cli *cli, struct talk *talk, const char *id,
                           struct nigh_err *err)
{
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    char whole[64], path[96];
    enum nigh_status status = resolve(talk, id, whole, err);

    if (status != NIGH_OK)
        return status;
    snprintf(path, sizeof path, "/nigh/v1/turns/%s", whole);
    status = talk_get(talk, path, &answer, err);
    if (status == NIGH_OK && cli->json)
        show_body(&answer);
    else if (status == NIGH_OK)
        explain(cli, answer.json);
    return status;
}

void show_body(const struct talk_answer *answer)
{
    struct slice body = buf_slice(&answer->body);

    if (!body.p)
        return;
    fwrite(body.p, 1, body.len, stdout);
    if (body.len == 0 || body.p[body.len - 1] != '\n')
        fputc('\n', stdout);
}

void show_made(struct buf *json)
{
    buf_add_char(json, '\n');
    fwrite(json->data ? json->data : "", 1, json->len, stdout);
}

int cmd_why(struct cli *cli, int argc, char **argv)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    struct nigh_err err = {0};

    if (talk_new(&talk, TALK_START, &err) != NIGH_OK ||
        show_turn(cli, talk, argc ? argv[0] : "", &err) != NIGH_OK)
        return cli_fail(&err, err.status == NIGH_NOTFOUND ? "`nigh ask TEXT` makes a turn" : NULL);
    return CLI_DONE;
}
