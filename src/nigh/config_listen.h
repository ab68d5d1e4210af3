/* config_listen: where the node listens, and by which names it may be called, as the config says
 * it.
 *
 * For config.c alone.  The loop's thread after loading. */
#pragma once
#include "nigh/yaml.h"

enum { CONFIG_LISTENS_MAX = 8, CONFIG_HOSTS_MAX = 64 };

struct config_listen {
    const char *host; /* an IP address or "localhost" */
    uint16_t port;    /* 0 picks one */
    bool loopback;    /* no other device reaches it: plain HTTP; else TLS and a key, always */
};

struct config_listens {
    struct config_listen all[CONFIG_LISTENS_MAX];
    size_t n;
};

/* "ADDRESS:PORT" or a list of them, into a struct config_listens. */
yaml_read_fn config_listen_read;
/* A name or a list of names, into a struct config_hosts. */
struct config_hosts {
    const char *const *names;
    size_t n;
};
yaml_read_fn config_hosts_read;
/* "127.0.0.1:6444", "[::1]:6444" */
enum { CONFIG_LISTEN_TEXT_BYTES = 64 };
void config_listen_text(char text[static CONFIG_LISTEN_TEXT_BYTES], const struct config_listen *at);
