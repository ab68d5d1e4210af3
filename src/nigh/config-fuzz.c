/* Any bytes are a config or a report of mistakes; what is a config reads back from what is shown.
 */
#include "nigh/config.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config *parse(struct slice text)
{
    static struct config_report report;
    struct arena arena;
    struct config *config = NULL;
    struct nigh_err err = {0};

    arena_init(&arena, 1 << 20);
    enum nigh_status status = config_parse(&config, "fuzz", text, &report, &arena, &err);
    if ((status == NIGH_OK) != (config != NULL) || status != err.status)
        abort();
    if ((report.n_errors > 0) == (config != NULL))
        abort();
    arena_done(&arena);
    return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf yaml = {0}, before = {0}, after = {0};
    struct config *config = parse((struct slice){(const char *)data, size});

    if (!config)
        return 0;
    config_show_json(config, &before);
    config_show(config, &yaml);
    config_free(config);
    config = parse(buf_slice(&yaml));
    if (!config)
        abort();
    config_show_json(config, &after);
    if (!slice_eq(buf_slice(&before), buf_slice(&after)))
        abort();
    config_free(config);
    buf_done(&yaml);
    buf_done(&before);
    buf_done(&after);
    return 0;
}
