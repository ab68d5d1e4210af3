#include "engine/jail.h"
#include "nigh/node.h"
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "jail") == 0) return jail_main(argc - 1, argv + 1);
    struct node_options o = {.ready_fd = -1};
    struct node *node;
    struct nigh_err err = {0};
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--config") == 0) o.config_path = argv[i + 1];
        if (strcmp(argv[i], "--ready-fd") == 0) o.ready_fd = atoi(argv[i + 1]);
    }
    if (node_new(&node, &o, &err) != NIGH_OK) { fprintf(stderr, "%s\n", err.what); return 1; }
    node_run(node);
    node_free(node);
    return 0;
}
