/* jail: walls around the process that reads the plaintext, put up from inside it before it starts.
 *
 *     nigh jail [--parent PID] [--read PATH]... [--write FOLDER]... [--data-max BYTES] -- PROGRAM
 * ARG...
 *
 * A hidden command: the engine starts its own executable with it, so nothing between fork and exec
 * has to run inside the daemon.  In order: it dies with its parent, leaves no core, holds no file
 * but 0, 1 and 2, is killed before the node when memory runs out, gains no privilege, enters a
 * network namespace without interfaces, drops every capability, sees only the paths it was given
 * (Landlock), loses the system calls that reach another process or another network (seccomp), keeps
 * only the environment that a model server needs, and becomes PROGRAM.
 *
 * What was reached is told in one line on standard error, "nigh-jail: netns seccomp landlock"; what
 * was not and why, in lines before it.  With neither the namespace nor the filter it refuses
 * (JAIL_EXIT_REFUSED) unless --allow-unjailed is given.
 *
 * Invariants: 1. PROGRAM never runs with a way to open a connection, unless --allow-unjailed.  2.
 * It can connect to no Unix socket either, since a message bus or a container engine behind one
 * would be a way out; it may only listen.  3. Nothing here reads or prints content. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    JAIL_EXIT_USAGE = 64,
    JAIL_EXIT_REFUSED = 77, /* no isolation of the network was possible */
    JAIL_EXIT_ORPHAN = 78,  /* the parent was gone already */
    JAIL_EXIT_EXEC = 126,   /* PROGRAM cannot be executed */
};

enum {
    JAIL_NETNS = 1,
    JAIL_SECCOMP = 2,
    JAIL_LANDLOCK = 4,
};
#define JAIL_LINE "nigh-jail:" /* begins each line it writes */

enum { JAIL_PATHS_MAX = 64 };
struct jail {
    const char *read[JAIL_PATHS_MAX], *write[JAIL_PATHS_MAX];
    unsigned n_read, n_write;
    uint64_t parent;   /* whose death is ours; 0: nobody's */
    uint64_t data_max; /* 0: none */
    bool no_netns, no_seccomp, no_landlock, allow_unjailed;
};

/* Puts the walls up around this process and tells what was reached.  0, or an exit status with
 * which to leave at once: some walls may stand. */
int jail_enter(const struct jail *jail);

/* argv[0] is "jail".  Returns an exit status, or not at all.  More options, to test one wall at a
 * time: --no-netns, --no-seccomp, --no-landlock. */
int jail_main(int argc, char **argv);

/* JAIL_... bits of a line that tells what was reached; -1: another line. */
int jail_parse(const char *line, unsigned long len);
