/* nigh jail: the engine starts its child through it. */
#include "engine/jail.h"
#include "nigh/cmd/cli.h"

int cmd_jail(struct cli *cli, int argc, char **argv)
{
    (void)cli;
    return jail_main(argc, argv);
}
