/* nigh config: is the file right, and what is in force? */
#include "nigh/config.h"
#include "base/path.h"
#include "nigh/cmd/show.h"
#include <unistd.h>

static void add_mistake(struct buf *json, const struct config_mistake *m)
{
    json_sep(json);
    buf_add_char(json, '{');
    json_put_int(json, "line", m->line);
    json_put_int(json, "column", m->column);
    json_put_cstr(json, "key", m->key);
    json_put_cstr(json, "what", m->what);
    json_put_bool(json, "warning", m->warning);
    buf_add_char(json, '}');
}

static void report_json(const char *path, const struct config_report *report)
{
    CLEANUP(buf_done) struct buf json = {0};

    buf_add_char(&json, '{');
    json_put_cstr(&json, "file", path[0] ? path : NULL);
    json_put_bool(&json, "good", report->n_errors == 0);
    json_put_int(&json, "errors", (int64_t)report->n_errors);
    json_key(&json, "mistakes");
    buf_add_char(&json, '[');
    for (size_t i = 0; i < report->n; i++)
        add_mistake(&json, &report->list[i]);
    buf_add_char(&json, ']');
    json_put_int(&json, "more", (int64_t)report->more);
    buf_add_char(&json, '}');
    show_made(&json);
}

static void report_text(const struct cli *cli, const char *path, const struct config_report *report)
{
    for (size_t i = 0; i < report->n; i++) {
        const struct config_mistake *m = &report->list[i];
        term_line(cli, m->warning ? STYLE_DIM : STYLE_PLAIN, "%s:%u:%u: %s%s%s%s", path, m->line,
                  m->column, m->warning ? "warning: " : "", m->key, m->key[0] ? ": " : "", m->what);
    }
    if (report->more)
        term_line(cli, STYLE_PLAIN, "and %zu more", report->more);
}

/* The file that is meant: the operand, else the one that a node would read. */
static int find(char *path, size_t size, int argc, char **argv)
{
    struct nigh_err err = {0};

    if (config_find(path, size, argc ? argv[0] : NULL, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    return CLI_DONE;
}

int cmd_config_check(struct cli *cli, int argc, char **argv)
{
    CLEANUP(arena_done) struct arena arena;
    static struct config_report report;
    struct config *config = NULL;
    struct nigh_err err = {0};
    char path[PATH_BYTES];

    arena_init(&arena, 1 << 20);
    if (find(path, sizeof path, argc, argv) != CLI_DONE)
        return CLI_FAILED;
    enum nigh_status status = config_load(&config, path, &report, &arena, &err);
    config_free(config);
    if (status != NIGH_OK && report.n_errors == 0)
        return cli_fail(&err, NULL);
    if (cli->json)
        report_json(path, &report);
    else
        report_text(cli, path, &report);
    if (report.n_errors)
        return cli_error(CLI_FAILED, "config: %zu mistake%s in %s", report.n_errors,
                         report.n_errors == 1 ? "" : "s", path);
    if (!cli->json)
        term_line(cli, STYLE_GOOD, "%s is good%s",
                  path[0] ? path : "There is no config file; the defaults hold.  That",
                  report.n ? ", with warnings" : "");
    return CLI_DONE;
}

int cmd_config_show(struct cli *cli, int argc, char **argv)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct config *config = NULL;
    struct nigh_err err = {0};
    char path[PATH_BYTES];

    if (find(path, sizeof path, argc, argv) != CLI_DONE)
        return CLI_FAILED;
    if (config_load(&config, path, NULL, NULL, &err) != NIGH_OK)
        return cli_fail(&err, "`nigh config check` names all mistakes");
    if (cli->json) {
        config_show_json(config, &text);
        show_made(&text);
    } else {
        buf_printf(&text, "# %s, every default filled in; docs/config.md tells each key\n",
                   path[0] ? path : "no config file");
        config_show(config, &text);
        term_buf(cli, &text);
    }
    config_free(config);
    return text.failed ? cli_error(CLI_FAILED, "out of memory") : CLI_DONE;
}
