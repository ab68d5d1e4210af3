/* nigh models: every name that --model takes. */
#include "nigh/cmd/show.h"
#include <math.h>
#include <sodium.h>
#include <stdlib.h>

static yyjson_val *place_named(yyjson_val *places, struct slice name)
{
    yyjson_val *place;
    size_t i, n;

    yyjson_arr_foreach(places, i, n, place)
    {
        if (slice_eq(json_get_str(place, "name"), name))
            return place;
    }
    return NULL;
}

static void add_model(struct table *table, yyjson_val *model, yyjson_val *places)
{
    struct slice id = json_get_str(model, "id");
    yyjson_val *place = place_named(places, id);
    double quality = json_get_num(place, "quality", NAN);
    int64_t context = json_get_int(place, "context_tokens", 0);
    const char *cells[] = {
        table_str(table, model, "id"),
        place ? table_str(table, place, "zone") : NULL,
        place ? table_str(table, place, "ready") : "nigh chooses",
        isnan(quality) ? NULL : table_cell(table, "%.2f", quality),
        context ? table_cell(table, "%lld", (long long)context) : NULL,
        json_get_str(place, "why").p ? table_str(table, place, "why") : "",
    };

    table_row(table, cells);
}

static int list(struct cli *cli)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(talk_answer_done) struct talk_answer models = {0};
    CLEANUP(talk_answer_done) struct talk_answer places = {0};
    CLEANUP(table_done) struct table table;
    static const char *const heading[] = {"MODEL", "ZONE", "STATE", "QUALITY", "CONTEXT", ""};
    struct nigh_err err = {0};
    yyjson_val *model;
    size_t i, n;

    table_init(&table, ARRAY_LEN(heading));
    if (talk_new(&talk, TALK_START, &err) != NIGH_OK ||
        talk_get(talk, "/v1/models", &models, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    if (cli->json) {
        show_body(&models);
        return CLI_DONE;
    }
    if (talk_get(talk, "/nigh/v1/places", &places, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    table_row(&table, heading);
    yyjson_arr_foreach(json_get(models.json, "data"), i, n, model)
    {
        add_model(&table, model, json_get(places.json, "places"));
    }
    table_show(cli, &table);
    return CLI_DONE;
}
/* --- chat templates ----------------------------------------------------------------------------
 */

/* The text of a template of the node's; false: none. */
static bool template_text(struct buf *ret, yyjson_val *template)
{
    struct slice base64 = json_get_str(template, "base64");
    size_t n = 0;

    buf_reserve(ret, base64.len + 1);
    if (!base64.p || ret->failed ||
        sodium_base642bin((unsigned char *)ret->data, ret->cap, base64.p, base64.len, NULL, &n,
                          NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    ret->len = n;
    return true;
}

static bool same_line(struct slice *a, struct slice *b)
{
    struct slice rest_a = *a, rest_b = *b;

    if (!slice_eq(slice_cut(&rest_a, '\n'), slice_cut(&rest_b, '\n')) || !rest_a.p || !rest_b.p)
        return false;
    *a = rest_a;
    *b = rest_b;
    return true;
}

static void show_lines(const struct cli *cli, enum style style, char mark, struct slice text)
{
    while (text.len) {
        struct slice line = slice_cut(&text, '\n');
        term_line(cli, style, "%c %.*s", mark, (int)line.len, line.p);
    }
}

/* What went and what came, between the first line that differs and the last. */
static void show_difference(const struct cli *cli, struct slice was, struct slice is)
{
    while (same_line(&was, &is))
        ;
    size_t tail = 0, whole = 0;
    while (tail < was.len && tail < is.len && was.p[was.len - 1 - tail] == is.p[is.len - 1 - tail])
        if (was.p[was.len - 1 - tail++] == '\n')
            whole = tail - 1; /* of these, lines from their beginning */
    was.len -= whole;
    is.len -= whole;
    show_lines(cli, STYLE_BAD, '-', was);
    show_lines(cli, STYLE_GOOD, '+', is);
}

static void show_template(const struct cli *cli, yyjson_val *model)
{
    CLEANUP(buf_done) struct buf was = {0}, is = {0};
    yyjson_val *template = json_get(model, "template"), *first = json_get(model, "first_template");
    struct slice name = json_get_str(model, "name"), why = json_get_str(model, "why"),
                 digest = json_get_str(template, "blake2b");

    term_line(cli, STYLE_BOLD, "%.*s: %.*s", (int)name.len, name.p,
              (int)(digest.len ? digest.len : 4), digest.len ? digest.p : "none");
    if (why.len)
        term_line(cli, STYLE_BAD, "%.*s", (int)why.len, why.p);
    if (!template_text(&is, template) || !template_text(&was, first)) {
        term_line(cli, STYLE_DIM, "not looked at yet: it is before the model's first answer");
        return;
    }
    if (slice_eq(buf_slice(&was), buf_slice(&is)))
        show_lines(cli, STYLE_PLAIN, ' ', buf_slice(&is));
    else
        show_difference(cli, buf_slice(&was), buf_slice(&is));
}

static int show_templates(struct cli *cli)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    struct nigh_err err = {0};
    yyjson_val *model, *models;
    size_t i, n;

    if (talk_new(&talk, TALK_START, &err) != NIGH_OK ||
        talk_get(talk, "/nigh/v1/models", &answer, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    models = json_get(answer.json, "models");
    if (cli->json)
        show_body(&answer);
    else if (yyjson_arr_size(models) == 0)
        term_line(cli, STYLE_PLAIN, "There is no local model.");
    else
        yyjson_arr_foreach(models, i, n, model)
        {
            show_template(cli, model);
        }
    return CLI_DONE;
}

static int accept_model(struct cli *cli, const char *name)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    CLEANUP(buf_done) struct buf body = {0};
    static const struct header json = {"Content-Type", "application/json"};
    struct talk_request request = {
        .method = "POST", .path = "/nigh/v1/models/accept", .headers = &json, .n_headers = 1};
    struct nigh_err err = {0};

    buf_add_char(&body, '{');
    json_put_cstr(&body, "name", name);
    buf_add_char(&body, '}');
    request.body = buf_slice(&body);
    if (talk_new(&talk, TALK_START, &err) != NIGH_OK ||
        talk_ask(talk, &request, &answer, &err) != NIGH_OK)
        return cli_fail(&err, "`nigh models --template` names the local models");
    if (cli->json)
        show_body(&answer);
    else
        term_line(cli, STYLE_PLAIN, "%s may be used as it is.", name);
    return CLI_DONE;
}

int cmd_models(struct cli *cli, int argc, char **argv)
{
    const char *name = cli_value(cli, "accept");

    (void)argc;
    (void)argv;
    if (name)
        return accept_model(cli, name);
    return cli_value(cli, "template") ? show_templates(cli) : list(cli);
}
