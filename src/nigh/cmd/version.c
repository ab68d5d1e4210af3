/* nigh version: its own, and those of what it stands on. */
#include "nigh/cmd/library.h"
#include "nigh/cmd/show.h"

int cmd_version(struct cli *cli, int argc, char **argv)
{
    CLEANUP(buf_done) struct buf json = {0};
    struct library libraries[LIBRARIES_MAX];
    size_t n = libraries_list(libraries);

    (void)argc;
    (void)argv;
    if (cli->json) {
        buf_add_char(&json, '{');
        json_put_cstr(&json, "version", NIGH_VERSION);
        json_key(&json, "libraries");
        buf_add_char(&json, '{');
        for (size_t i = 0; i < n; i++)
            json_put_cstr(&json, libraries[i].name, libraries[i].version);
        buf_add_cstr(&json, "}}");
        show_made(&json);
        return CLI_DONE;
    }
    printf("nigh %s\n", NIGH_VERSION);
    for (size_t i = 0; i < n && cli_value(cli, "verbose"); i++)
        printf("  %-14s %s\n", libraries[i].name, libraries[i].version);
    return CLI_DONE;
}
