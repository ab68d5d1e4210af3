/* nigh models: every name that --model takes. */
#include "nigh/cmd/show.h"
#include <math.h>

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

int cmd_models(struct cli *cli, int argc, char **argv)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(talk_answer_done) struct talk_answer models = {0};
    CLEANUP(talk_answer_done) struct talk_answer places = {0};
    CLEANUP(table_done) struct table table;
    static const char *const heading[] = {"MODEL", "ZONE", "STATE", "QUALITY", "CONTEXT", ""};
    struct nigh_err err = {0};
    yyjson_val *model;
    size_t i, n;

    (void)argc;
    (void)argv;
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
