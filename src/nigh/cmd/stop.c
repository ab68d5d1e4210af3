/* nigh stop: ends the node; turns that are open may end first. */
#include "nigh/cmd/show.h"
#include <signal.h>
#include <time.h>

enum { STOP_MS = 40 * 1000, STOP_STEP_MS = 10 }; /* the node drains for 30 s */

int cmd_stop(struct cli *cli, int argc, char **argv)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    const struct timespec step = {.tv_nsec = STOP_STEP_MS * 1000000L};
    struct nigh_err err = {0};

    (void)argc;
    (void)argv;
    if (talk_new(&talk, 0, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    pid_t pid = (pid_t)talk_node(talk)->pid;
    talk = talk_free(talk); /* an open connection of ours is nothing to wait for */
    if (kill(pid, SIGTERM) != 0)
        return cli_error(CLI_FAILED, "stop: process %d: %m", (int)pid);
    for (int waited = 0; !talk_gone(pid); waited += STOP_STEP_MS) {
        if (waited >= STOP_MS)
            return cli_error(CLI_FAILED, "stop: process %d is still busy after %d s", (int)pid,
                             STOP_MS / 1000);
        nanosleep(&step, NULL);
    }
    if (cli->json)
        printf("{\"stopped\":%d}\n", (int)pid);
    else
        term_line(cli, STYLE_PLAIN, "The node (process %d) has stopped.", (int)pid);
    return CLI_DONE;
}
