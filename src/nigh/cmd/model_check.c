/* nigh model-check: the engine looks at a model's files through it before they are loaded. */
#include "engine/vet.h"
#include "nigh/cmd/cli.h"

int cmd_model_check(struct cli *cli, int argc, char **argv)
{
    (void)cli;
    return vet_main(argc, argv);
}
