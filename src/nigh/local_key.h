/* local_key: how nigh's own commands find the running node and show that they are the user's.
 *
 * At every start the node makes a key and writes it, with the address it listens on, to local.json
 * in its state folder (mode 0600); the command line reads both.  Whoever can read that file is the
 * user. The key dies with the process.  Any thread; no state. */
#pragma once
#include "base/path.h"
#include <stdbool.h>

#define LOCAL_KEY_FILE "local.json" /* in the state folder */
enum { LOCAL_KEY_BYTES = 48, LOCAL_ADDRESS_BYTES = 80 };

struct local_key {
    char text[LOCAL_KEY_BYTES];        /* "nigh_local_" and 128 random bits in hex */
    char address[LOCAL_ADDRESS_BYTES]; /* "127.0.0.1:6444" or "[::1]:6444" */
    int64_t pid;
};

NIGH_MUST enum nigh_status local_key_make(struct local_key *ret, const char *state_dir,
                                          const char *host, uint16_t port, struct nigh_err *err);
/* NIGH_NOTFOUND: no node has run here.  That it still runs is for the caller to try. */
NIGH_MUST enum nigh_status local_key_read(struct local_key *ret, const char *state_dir,
                                          struct nigh_err *err);
void local_key_remove(const char *state_dir);
bool local_key_is(const struct local_key *key, struct slice text); /* in constant time */
