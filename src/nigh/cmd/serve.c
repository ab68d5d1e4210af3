/* nigh serve: the node itself, in the foreground. */
#include "base/log.h"
#include "nigh/cmd/cli.h"
#include "nigh/node.h"
#include <fcntl.h>
#include <unistd.h>

static bool level_of(const char *name, enum log_level *ret)
{
    static const char *const names[] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

int cmd_serve(struct cli *cli, int argc, char **argv)
{
    struct node_options options = {.config_path = cli_value(cli, "config"), .ready_fd = -1};
    const char *fd = cli_value(cli, "ready-fd"), *log = cli_value(cli, "log");
    enum log_level level = LOG_INFO;
    struct node *node = NULL;
    struct nigh_err err = {0};
    uint64_t n;

    (void)argc;
    (void)argv;
    if (log && !level_of(log, &level))
        return cli_error(CLI_USAGE, "serve: --log: expected debug, info, warn or error");
    if (fd) {
        if (!slice_u64(slice_of(fd), &n) || n > 1 << 20 || fcntl((int)n, F_GETFD) < 0)
            return cli_error(CLI_USAGE, "serve: --ready-fd: expected an open file descriptor");
        options.ready_fd = (int)n;
        fcntl((int)n, F_SETFD, FD_CLOEXEC);
    }
    if (log)
        log_set_level(level);
    if (node_new(&node, &options, &err) != NIGH_OK) {
        cli_fail(&err, NULL);
        return CLI_FAILED;
    }
    if (!log && level_of(node->setting->config->log_level, &level))
        log_set_level(level);
    if (options.ready_fd > STDERR_FILENO)
        close(options.ready_fd); /* who waits for it may wait for its end */
    node_run(node);
    node_free(node);
    return CLI_DONE;
}
